"""A small HTTP/1.1 server for tests: requests in, acts on the wire out, every breach of manners on demand."""
