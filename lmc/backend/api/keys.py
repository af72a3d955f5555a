"""Keys of APIs: held so that none is ever shown.

A Secret says where it comes from and nothing of what it is, in a repr, a log, a message or a journal; it cannot be
pickled or copied to a file. What it is is asked for in one place, where the head of a request is written.
"""

from __future__ import annotations

from typing import NoReturn

from lmc import knobs
from lmc.errors import ArgumentError

ENVIRONMENT = {"openai": knobs.OPENAI_API_KEY, "anthropic": knobs.ANTHROPIC_API_KEY}


class Secret:
    """A key; `source` says where it was found."""

    __slots__ = ("_value", "source")

    def __init__(self, value: str, source: str) -> None:
        self._value = value
        self.source = source

    def reveal(self) -> str:
        """What it is. For the head of a request, and nothing else."""
        return self._value

    def __repr__(self) -> str:
        return f"<a key from {self.source}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key is not pickled")

    def hide_in(self, text: str) -> str:
        """The text with the key blotted out: a server may quote it."""
        return text.replace(self._value, "***") if self._value and self._value in text else text


def key_for(dialect: str, given: str | Secret | None) -> Secret | None:
    """The key: what is given, or what the environment has for this API. Raises ArgumentError for what is no key."""
    if isinstance(given, Secret):
        return given
    if given is not None:
        if not isinstance(given, str) or not given.strip().isascii() or not given.strip().isprintable():
            raise ArgumentError(f"api_key is no key but {type(given).__name__} with other characters than a key has")
        return Secret(given.strip(), "api_key=") if given.strip() else None
    knob = ENVIRONMENT.get(dialect)
    value = knob.read().strip() if knob is not None else ""
    if not value:
        return None
    assert knob is not None
    if not value.isascii() or not value.isprintable():
        raise ArgumentError(f"{knob.name} is no key: it has characters that no key has")
    return Secret(value, knob.name)
