"""JSON schemas as people write them become one canonical form: `parse` is the door."""
