"""Models behind an API: what each can do, what it costs, and how it is asked."""
