"""The words of each API: what it takes, what it refuses, and the shapes it answers in."""
