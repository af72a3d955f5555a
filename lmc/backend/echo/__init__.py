"""The echo backend: a deterministic fake without a model, whose outputs respect choices, types and constraints."""

from lmc.backend.echo.backend import EchoBackend, EchoSession, open_echo

__all__ = ["EchoBackend", "EchoSession", "open_echo"]
