"""The errors a user can cause. Each says where, what, why and what to do; our own bugs are asserts.

Standard library only. `render()` is the whole message, carets and all; `str(error)` is the same text, so a
bare traceback already helps, in which Python writes the kind of an error before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import TypedDict, Unpack

from lmc.codes import CODES, how_to_read
from lmc.source import Span


class LMError(Exception):
    """Base of every error lmc raises on purpose.

    message   what is wrong, one sentence, values quoted
    span      the user's source line, where one is known
    code      a stable identifier where one exists: `LMC-GB004`, of the table in codes.py, or a word of a backend's
    help      what to do about it
    notes     further facts, one sentence each
    """

    def __init__(
        self,
        message: str,
        *,
        span: Span | None = None,
        code: str | None = None,
        help: str | None = None,
        notes: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.span = span
        self.code = code
        self.help = help
        self.notes = notes

    @classmethod
    def kind(cls) -> str:
        """The name of its class, as people see it."""
        return cls.__name__

    def render(self) -> str:
        """The message as people see it: place, kind, sentence, caret, notes, help, and where there is more to read."""
        name = self.kind() + (f" [{self.code}]" if self.code else "")
        place = f"{self.span}: " if self.span else ""
        return self._below(f"{place}{name}: {self.message}")

    def _below(self, head: str) -> str:
        lines = [head]
        if self.span and (caret := self.span.caret()):
            lines.append(caret)
        lines += [f"  {note}" for note in self.notes]
        if self.help:
            lines.append(f"  help: {self.help}")
        if self.code in CODES:
            lines.append(f"  {how_to_read(self.code)}")
        return "\n".join(lines)

    def __str__(self) -> str:
        """The same; without a place it begins with the code or the message, as Python puts the kind before it."""
        if self.span is not None:
            return self.render()
        return self._below(f"{self.code}: {self.message}" if self.code else self.message)


class CaptureError(LMError):
    """A program does something that cannot be captured into a graph (a graph break, code LMC-GBnnn).

    numbers   arguments, by path, that had a part in what was computed up to there: with their values known there may
              be a graph
    is_of_item  what the arguments hold is the reason, and not their shape
    """

    numbers: frozenset[tuple[str | int, ...]] = frozenset()
    is_of_item = False


class ParseError(LMError):
    """IR text, a regular expression, a grammar or a schema is not well formed."""


class VerifyError(LMError):
    """A graph or plan breaks a rule of the IR: a type, a use before definition, an unknown op."""


class ArgumentError(LMError):
    """A program or an lmc call was given an argument it does not have, or of the wrong kind."""


class ConstraintError(LMError):
    """A constraint (regex, choices, JSON schema, grammar) is empty, invalid or not supported by the backend.

    origin   the text of a grammar, and the line and column in it that is meant
    """

    origin: tuple[str, tuple[int, int]] | None = None


class _Given(TypedDict, total=False):
    """What every error may be given beside its message: see LMError."""

    span: Span | None
    code: str | None
    help: str | None
    notes: tuple[str, ...]


class OutputError(LMError):
    """What was generated cannot be read as the type that was asked for; `text` is what was generated."""

    def __init__(
        self,
        message: str,
        text: str,
        **given: Unpack[_Given],
    ) -> None:
        super().__init__(message, **given)
        self.text = text
        self.args = (message, text)  # what a copy is made with, in another process too


class ChatTemplateError(LMError):
    """A role was used and the tokenizer has no chat template, or its template refuses the turns."""


class BackendError(LMError):
    """A backend cannot do what was asked of it: unknown name, missing device, missing feature."""


class ModelLoadError(BackendError):
    """A checkpoint folder or GGUF file is missing, incomplete, corrupt or of an unknown architecture."""


class RequestError(BackendError):
    """One model call was refused or failed; `retryable` says whether the same call may succeed later."""

    def __init__(
        self,
        message: str,
        *,
        retryable: bool = False,
        **given: Unpack[_Given],
    ) -> None:
        super().__init__(message, **given)
        self.retryable = retryable


class RefusedConstraint(RequestError, ConstraintError):
    """Nothing fits a call's constraint, or it cannot be followed: whether that is seen beforehand or at the call."""

    @classmethod
    def kind(cls) -> str:
        """What it is to people: of the engine's refusals they need not know."""
        return ConstraintError.__name__


def did_you_mean(name: str, names: Iterable[str], show: Callable[[str], str] = "`{}`".format) -> str | None:
    """The question that helps after a misspelt name, or None where nothing is near; `show` is how a name is written."""
    near = get_close_matches(name, list(names), n=1)
    return f"did you mean {show(near[0])}?" if near else None
