"""A chat template lowered to literals: what each role's turn begins and ends with.

Made by `tokenizer.chat`, which probes a tokenizer's Jinja template; read by the `chat_template` pass and the
executor. Only these literals may contain control tokens.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ChatTemplate:
    """Literals around each turn.

    begins       (previous role or "", role) -> text that opens the turn, for an append-only template
    ends         role -> text that closes the turn
    append_only  False where the template rewrites earlier turns; the prompt is then rendered turn by turn
    reason       why it is not append-only, in one sentence ("" otherwise)
    """

    name: str
    begins: tuple[tuple[tuple[str, str], str], ...] = ()
    ends: tuple[tuple[str, str], ...] = ()
    append_only: bool = True
    reason: str = ""

    def begin(self, previous: str, role: str) -> str | None:
        """The text that opens a `role` turn after a `previous` turn ("" for the first); None where it is refused."""
        return dict(self.begins).get((previous, role))

    def end(self, role: str) -> str:
        """The text that closes a `role` turn."""
        return dict(self.ends)[role]
