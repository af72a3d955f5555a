"""The printed form of graphs and plans, read back: `parse` is the door."""
