"""A generation rehearsed without a model: the text is given, and a model that wrote it canonically would write it so.

Says which tokens are forced and for which the model is asked, and checks each forced run against the tokens that the
tokenizer writes for the whole text. Each token that is asked for takes a forward pass; the forced ones are computed
along with the next of those.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lmc.backend.masks.stable import Encoder
from lmc.backend.matcher import Matcher
from lmc.errors import ConstraintError


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What came of it.

    tokens       of the text, and for each whether it is forced
    runs         the runs of tokens that were forced, each with the place of its first
    num_strange  how many runs are not what the tokenizer writes at their place
    is_open      True where the text might go on, so that the model is asked for the end too
    """

    tokens: tuple[tuple[int, bool], ...]
    runs: tuple[tuple[int, tuple[int, ...]], ...]
    num_strange: int
    is_open: bool

    @property
    def ids(self) -> tuple[int, ...]:
        """The tokens."""
        return tuple(id for id, _ in self.tokens)

    @property
    def num_forced(self) -> int:
        """Tokens that come without a question."""
        return sum(is_forced for _, is_forced in self.tokens)

    @property
    def num_asked(self) -> int:
        """Forward passes that draw a token, the end of the text among them."""
        return len(self.tokens) - self.num_forced + self.is_open

    @property
    def num_unforced(self) -> int:
        """Forward passes that would draw a token, and the end of the text, if nothing were forced."""
        return len(self.tokens) + self.is_open


def rehearse(matcher: Matcher, encoder: Encoder, spellings: Sequence[bytes | None], text: str) -> Rehearsal:
    """Write `text` under a constraint, at whose start the matcher is; `spellings` are the bytes of each id.

    Raises ConstraintError where the constraint does not allow the tokens of the text, or its end.
    """
    ids, left = encoder.encode(text), text.encode()
    tokens: list[tuple[int, bool]] = []
    runs: list[tuple[int, tuple[int, ...]]] = []
    strange = 0
    while len(tokens) < len(ids):
        at = len(tokens)
        run = matcher.forced(ids[:at])
        written = b"".join(spellings[id] or b"" for id in run or ids[at : at + 1])
        if not left.startswith(written):
            raise ConstraintError(f"the constraint forces {written!r} at token {at} of {text!r}")
        left = left[len(written) :]
        runs += [(at, run)] if run else []
        if tuple(ids[at : at + len(run)]) != run:
            strange += 1
            ids[at:] = [*run, *encoder.encode(left.decode())]
        for id in run or ids[at : at + 1]:
            if not matcher.accept(id):
                raise ConstraintError(f"the constraint does not allow token {id}, number {len(tokens)} of {text!r}")
            tokens.append((id, bool(run)))
    if not matcher.can_stop():
        raise ConstraintError(f"the constraint does not allow that {text!r} ends")
    return Rehearsal(tuple(tokens), tuple(runs), strange, not matcher.is_done())
