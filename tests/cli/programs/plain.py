"""A file without a program."""


def helper(s):
    """Not decorated, but it may be named: `plain.py:helper`."""
    s += "Hello."
