"""What answers behind the fakes: a script, a tiny model with a known distribution, or lmc's own engine."""
