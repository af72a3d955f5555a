"""Prompt caches by the published rules of each kind of API, and what a prompt costs under them."""
