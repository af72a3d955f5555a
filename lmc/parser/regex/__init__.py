"""Regular expressions as text become typed trees: `parse` is the door."""
