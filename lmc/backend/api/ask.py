"""One call of an API before it is written in anybody's words, and what comes back of it.

A WireAsk is what a dialect (wire/) writes a body from; Chunks are what it reads from the frames of an answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lmc.ir.constraint import Constraint
from lmc.ir.sampling import Sampling


@dataclass(frozen=True, slots=True)
class Turn:
    """A message: whose it is and what it says, exactly."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Cut:
    """A place `at` so many characters of a turn where its text is sent in two parts; `is_mark`: keep all up to here."""

    turn: int
    at: int
    is_mark: bool = True


@dataclass(frozen=True, slots=True)
class CacheMarks:
    """What is asked of a prompt cache: where the prompt is cut and marked, and what calls of one beginning are called.

    Whoever sends it says that nothing else is to be kept.
    """

    cuts: tuple[Cut, ...] = ()
    key: str | None = None

    def parts(self, number: int, turn: Turn) -> list[tuple[str, bool]]:
        """The text of a turn in parts, and whether a mark stands behind each."""
        parts, begin = list[tuple[str, bool]](), 0
        for cut in self.cuts:
            if cut.turn == number:
                parts.append((turn.text[begin : cut.at], cut.is_mark))
                begin = cut.at
        if begin < len(turn.text) or not parts:
            parts.append((turn.text[begin:], False))
        return parts


@dataclass(frozen=True, slots=True)
class WireAsk:
    """What is asked in one call: exactly one of `turns`, `text` and `ids` is the prompt.

    continues  the last turn is the assistant's, and the answer goes on from its text
    n          samples
    stop       texts that the server is told to end at; others are found in what it says
    scored     so many of the last `ids` are to be scored
    kept       what is asked of the server's prompt cache; None: nothing is said of it
    counts_early  the server is to say what it counts as it goes, where it can: the answer may not be read to its end
    """

    model: str
    sampling: Sampling
    turns: tuple[Turn, ...] | None = None
    text: str | None = None
    ids: tuple[int, ...] | None = None
    continues: bool = False
    constraint: Constraint | None = None
    n: int = 1
    stop: tuple[str, ...] = ()
    max_tokens: int | None = None
    seed: int | None = None
    scored: int = 0
    kept: CacheMarks | None = None
    counts_early: bool = False


# why a server stopped: at a stop text or the end of the model's turn; at the limit; it would not answer; it called a
# tool; it was told to stop, or gave up
Ending = Literal["stop", "length", "refusal", "tool", "aborted"]


@dataclass(frozen=True, slots=True)
class Spent:
    """Tokens as the server counts them; None where it does not say.

    prompt  all of the prompt, of which `cached` were found in a cache and `written` put into one
    output  generated, hidden thoughts (`thought`) among them
    """

    prompt: int | None = None
    cached: int | None = None
    written: int | None = None
    output: int | None = None
    thought: int | None = None

    def over(self, before: Spent | None) -> Spent:
        """What was said before, with what is said now in its place."""
        if before is None:
            return self
        return Spent(
            before.prompt if self.prompt is None else self.prompt,
            before.cached if self.cached is None else self.cached,
            before.written if self.written is None else self.written,
            before.output if self.output is None else self.output,
            before.thought if self.thought is None else self.thought,
        )


@dataclass(frozen=True, slots=True)
class Likely:
    """A token's text and its log-probability, and the most likely ones in its place."""

    raw: bytes
    logprob: float
    top: tuple[tuple[bytes, float], ...] = ()
    id: int | None = None


@dataclass(slots=True)
class Chunk:
    """What one frame says of one sample, or of the whole call (`spent`, `failed`).

    matched  the stop text at which it ended, "" where it was none; None where the server does not tell
    failed   the server's error in the middle of an answer, as it says it
    is_last  nothing comes after it
    is_all   its text, ids and log-probabilities are all that there are so far, not what was added
    """

    sample: int = 0
    text: str = ""
    ids: tuple[int, ...] = ()
    likely: tuple[Likely, ...] = ()
    ending: Ending | None = None
    matched: str | None = None
    refusal: str = ""
    spent: Spent | None = None
    failed: object = None
    is_last: bool = False
    is_all: bool = False
