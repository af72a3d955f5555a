"""What people see of a run: its counts, while it goes and afterwards, beside what was foretold, and as a trace."""
