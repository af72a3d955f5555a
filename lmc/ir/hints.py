"""Advice that a plan gives about its calls: what to keep near, what to run together, what goes first.

One table says how each kind is written, when it is followed and what it may carry; the printer, the parser of IR
text, the verifier and the executor all read it. Hints never change a result: a backend that cannot follow one leaves
it out, and a plan without any gives the same answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

HintKind = Literal["prefetch", "pin", "release", "again", "gang", "priority", "row"]


@dataclass(frozen=True, slots=True)
class Hint:
    """One piece of advice at a step.

    target  the prefix, the gang or the number that it names, as `HINTS` says for its kind
    ttl_s   a pin's time to live, in seconds of the engine's clock: it ends by itself, whatever happens to the program
    is_shared  True where a gang is one for all items of a batch, and not one for each item
    waves   of a pin: in how many the prefix is used again
    """

    kind: HintKind
    target: int
    ttl_s: float | None = None
    is_shared: bool = False
    waves: int = 1


@dataclass(frozen=True, slots=True)
class HintRule:
    """What a kind of hint looks like and when it is followed.

    names       what `target` is: a prefix of the plan (`p0`), a gang (`g0`) or a plain number
    at          whether it counts when the call starts or when it has ended
    has_ttl     it has a time to live, and has to have one
    has_waves   it says in how many waves
    least       of a number that it names
    may_share   it may span the items of a batch
    once        a step has at most one of the kind, not only one of the kind and target
    needs_own   the prefix is one that the step itself begins with
    """

    names: Literal["prefix", "gang", "number"]
    at: Literal["start", "end"]
    has_ttl: bool = False
    has_waves: bool = False
    least: int | None = None
    may_share: bool = False
    once: bool = False
    needs_own: bool = False


HINTS: dict[str, HintRule] = {
    "prefetch": HintRule("prefix", "start"),
    "pin": HintRule("prefix", "end", has_ttl=True, has_waves=True, needs_own=True),
    "release": HintRule("prefix", "end"),
    "again": HintRule("number", "start", least=1, once=True),
    "gang": HintRule("gang", "start", may_share=True, once=True),
    "priority": HintRule("number", "start", once=True),
    "row": HintRule("number", "start", least=0, once=True),  # generations of a turn that may be asked for in one call
}
SIGILS = {"prefix": "p", "gang": "g", "number": ""}  # what stands before a target's number


def print_hint(hint: Hint) -> str:
    """`pin p0 for 60.0`, `pin p0 for 60.0 in 3`, `again 1`, `gang g0 all`, `priority 2`."""
    ttl = f" for {hint.ttl_s!r}" if hint.ttl_s is not None else ""
    return f"{_named(hint)}{ttl}{_waves(hint)}{' all' if hint.is_shared else ''}"


def brief(hint: Hint) -> str:
    """`pin p0 in 3`: its kind, what it names and when that is used, for pictures."""
    return f"{_named(hint)}{_waves(hint)}"


def _named(hint: Hint) -> str:
    return f"{hint.kind} {SIGILS[HINTS[hint.kind].names]}{hint.target}"


def _waves(hint: Hint) -> str:
    return f" in {hint.waves}" if hint.waves != 1 else ""
