"""What a brain is asked, and what it says: the same for every dialect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

Finish = Literal["end", "stop", "length", "calls", "refusal"]


class Turn(NamedTuple):
    """One message of a conversation, its text as it came."""

    role: str
    text: str


class Token(NamedTuple):
    """A token that was generated or scored; `top` are the likeliest of its place as (id, bytes, logprob)."""

    id: int
    text: bytes
    logprob: float | None
    top: tuple[tuple[int, bytes, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Limit:
    """What the text must be: kind "schema" (a dict), "regex" (a pattern), "choices" (texts) or "json" (any object)."""

    kind: Literal["schema", "regex", "choices", "json"]
    value: Any = None


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that may be called; a custom one takes a text, which `pattern` may bind, instead of JSON."""

    name: str
    schema: dict[str, Any] = field(default_factory=dict)
    is_custom: bool = False
    pattern: str | None = None

    @property
    def limit(self) -> Limit | None:
        """What its input must be."""
        if self.is_custom:
            return None if self.pattern is None else Limit("regex", self.pattern)
        return Limit("schema", self.schema or {"type": "object"})


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call: its arguments as JSON text, or the text that a custom tool takes."""

    name: str
    arguments: str
    is_custom: bool = False


@dataclass(frozen=True, slots=True)
class Ask:
    """One generation: the prompt as text and as ids, how it is sampled, and what it must be.

    ids          None where nobody needed them: `text` is then the whole truth
    top          how many alternatives stand beside each token; None for no logprobs at all
    beside       ids whose logprobs are asked for, whatever their rank
    only         ids that may come next; () for all
    forced_tool  "" for a free choice, else the name of a tool or "*" for any
    """

    text: str
    ids: tuple[int, ...] | None = None
    max_tokens: int = 1 << 30
    stop: tuple[str, ...] = ()
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = -1
    min_p: float = 0.0
    seed: int | None = None
    ignore_eos: bool = False
    top: int | None = None
    beside: tuple[int, ...] = ()
    only: tuple[int, ...] = ()
    limit: Limit | None = None
    tools: tuple[Tool, ...] = ()
    forced_tool: str = ""


@dataclass(frozen=True, slots=True)
class Completion:
    """What was generated: `tokens` are all that is billed, `text` ends before the stop text that ended it."""

    tokens: tuple[Token, ...]
    text: str
    finish: Finish
    stop: str | None = None
    calls: tuple[Call, ...] = ()
    refusal: str | None = None
    thinking: str = ""


class Words(Protocol):
    """How tokens are counted and spelt."""

    def encode(self, text: str) -> list[int]:
        """The ids of a text; control tokens are read where it spells them."""

    def spell(self, token: int) -> bytes:
        """The bytes of a token."""

    def count(self, text: str) -> int:
        """How many tokens a text is."""


class Brain(Protocol):
    """What stands behind an API.

    blocks  True where an answer takes long to compute: it is then asked on a thread of its own
    """

    words: Words
    blocks: bool

    def render(self, turns: Sequence[Turn], opens: bool, continues: bool) -> str:
        """A conversation as the prompt's text; `opens` begins the answer, `continues` leaves the last turn open."""

    def generate(self, ask: Ask, n: int) -> list[Completion]:
        """`n` answers."""

    def score(self, ids: Sequence[int], top: int) -> list[Token]:
        """Each id with its logprob behind those before it; the first has none."""

    def weigh(self, ask: Ask, texts: Sequence[str]) -> list[float]:
        """How likely each text is behind the prompt, as weights that need not sum to 1."""


def spelt(words: Words, ids: Sequence[int]) -> str:
    """The text of ids."""
    return b"".join(map(words.spell, ids)).decode("utf-8", "replace")
