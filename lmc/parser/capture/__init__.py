"""Capture: a program's own source, interpreted with stand-ins, becomes a graph. `trace` is the door."""
