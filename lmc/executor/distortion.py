"""What a constraint did to the model's distribution, and what the program asked to be done about it.

A mask leaves a part of each token's distribution and divides the rest by it. The *tax* of a generation is the sum of
-log of those parts, in nats: how much likelier the text came out than the model finds it among all texts. Where it is
high the model wanted to say something else, and what came out may be an accident of tokens ("A" for "Above average").
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from lmc.backend.base import Gen, Score, Segment, SegmentEnd
from lmc.codes import DISTORTED, how_to_read
from lmc.errors import ArgumentError
from lmc.executor.call_params import CallParams
from lmc.ir.automaton.dfa import CharDfa
from lmc.ir.automaton.extent import texts
from lmc.ir.constraint import Choices, Constraint, Regex

HIGH = math.log(20)  # nats: less than a twentieth was left
MAX_SCORED = 64  # texts that are scored instead

_log = logging.getLogger("lmc")


def asked_first(segment: Segment) -> Segment:
    """What to ask at first: freely, where the program wants to see whether the model obeys unasked."""
    if not isinstance(segment, Gen) or segment.sampling.on_distortion != "unconstrained-then-validate":
        return segment
    if segment.constraint is None:
        return segment
    if not isinstance(segment.constraint, Regex | Choices):
        raise ArgumentError(
            'on_distortion="unconstrained-then-validate" needs a regex or choices',
            help='use "warn" for schemas and grammars',
        )
    return replace(segment, constraint=None)


def asked_again(
    wanted: Segment, asked: Segment, ends: Sequence[SegmentEnd], call: CallParams, warned: set[str]
) -> Segment | None:
    """What to ask after that, if anything; `wanted` is the segment as the program has it.

    Warns where it is to, once for a place that is not in `warned`.
    """
    if not isinstance(wanted, Gen) or not isinstance(asked, Gen) or wanted.constraint is None:
        return None
    if asked.constraint is None:
        return None if all(is_allowed(wanted.constraint, end.text) for end in ends) else wanted  # type: ignore[arg-type]
    tax = max(tax_of(end) for end in ends)
    if wanted.sampling.on_distortion is None or tax < HIGH:
        return None
    if wanted.sampling.on_distortion == "score" and len(ends) == 1:
        options = scorable(wanted.constraint)  # type: ignore[arg-type]
        if options:
            return Score(wanted.name, options, "exact")
    warn_once(call, tax, warned)
    return None


def tax_of(end: SegmentEnd) -> float:
    """The tax of a generation, in nats; 0 where nobody looked."""
    return -sum(end.masses or ())


def meta_of(wanted: Segment, asked: Segment, end: SegmentEnd) -> dict[str, object]:
    """What the result says of it, where the program asked."""
    if not isinstance(wanted, Gen) or wanted.sampling.on_distortion is None or wanted.constraint is None:
        return {}
    how = "scored" if isinstance(asked, Score) else "unconstrained" if asked.constraint is None else "constrained"  # type: ignore[union-attr]
    masses = None if end.masses is None else [math.exp(mass) for mass in end.masses]
    return {"constraint_tax": tax_of(end), "allowed_mass": masses, "decided": how}


def is_allowed(constraint: Regex | Choices, text: str) -> bool:
    """Whether the constraint accepts the text."""
    return text in constraint.options if isinstance(constraint, Choices) else _automaton(constraint).accepts(text)


def scorable(constraint: Constraint) -> tuple[str, ...]:
    """All texts of a constraint, if they are few enough to be scored; else none."""
    if isinstance(constraint, Choices):
        return constraint.options if len(constraint.options) <= MAX_SCORED else ()
    found = texts(constraint.tree, MAX_SCORED) if isinstance(constraint, Regex) else None
    return tuple(text for text in found or () if text)


def warn_once(call: CallParams, tax: float, warned: set[str]) -> None:
    """Say it once for each call of a program."""
    place = call.span.place if call.span else "?"
    if place in warned:
        return
    warned.add(place)
    _log.warning(
        f"{DISTORTED}: {place}: the constraint of gen({call.name!r}) left {math.exp(-tax):.2g} of the model's "
        f"distribution ({tax:.1f} nats): it wanted to say something else; say in the prompt what form is wanted, "
        'or decide by exact scores with select or on_distortion="score"; '
        f"{how_to_read(DISTORTED)}"
    )


@lru_cache(256)
def _automaton(regex: Regex) -> CharDfa:
    return CharDfa(regex.tree)
