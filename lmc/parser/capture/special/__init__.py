"""Rules for calls of builtins."""
