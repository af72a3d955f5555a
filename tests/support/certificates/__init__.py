"""A key and a certificate of localhost that nobody signed, good for a hundred years."""
