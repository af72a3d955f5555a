"""What a backend can do, as far as a program may ask for it: the passes read it before anything runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from lmc.ir.constraint import Choices, Constraint, Grammar, JsonSchema, Lark, Regex, StructuralTag, ToolCalls
from lmc.ir.hints import HintKind
from lmc.ir.scoring import ChoicesMethod

ConstraintKind = Literal["regex", "choices", "json_schema", "grammar", "structural_tag"]
CONSTRAINT_KINDS: frozenset[ConstraintKind] = frozenset(get_args(ConstraintKind))


@dataclass(frozen=True, slots=True)
class Caps:
    """What a backend promises; it promises nothing that it does not name.

    constraints   what may restrict a generation
    score         the methods by which it compares the choices of a `select`; none where it cannot score texts
    fused         takes several generations with texts between them as one (ir/fused.py)
    n             several samples of one prompt
    logprobs      tells log-probabilities of tokens
    seed          the same seed gives the same tokens
    hints         the kinds of advice that it follows; others are not sent
    prefix_cache  computes what prompts begin with together once
    max_len       tokens of prompt and output together, None where unlimited
    """

    constraints: frozenset[ConstraintKind] = frozenset()
    score: frozenset[ChoicesMethod] = frozenset()
    fused: bool = False
    n: bool = False
    logprobs: bool = False
    seed: bool = False
    hints: frozenset[HintKind] = frozenset()
    prefix_cache: bool = False
    max_len: int | None = None


def kind_of(constraint: Constraint) -> ConstraintKind:
    """Which kind of constraint it is."""
    match constraint:
        case Regex():
            return "regex"
        case Choices():
            return "choices"
        case JsonSchema():
            return "json_schema"
        case Grammar() | Lark():
            return "grammar"
        case StructuralTag() | ToolCalls():
            return "structural_tag"
