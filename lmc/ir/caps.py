"""What a backend can do, as far as a program may ask for it: the passes read it before anything runs."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Literal, get_args

from lmc.ir.constraint import Choices, Constraint, Grammar, JsonSchema, Lark, Regex, StructuralTag, ToolCalls
from lmc.ir.hints import HintKind
from lmc.ir.sampling import SAMPLING_FIELDS
from lmc.ir.scoring import ChoicesMethod

ConstraintKind = Literal["regex", "choices", "json_schema", "grammar", "structural_tag"]
CONSTRAINT_KINDS: frozenset[ConstraintKind] = frozenset(get_args(ConstraintKind))
# how a turn that the model has begun goes on: at all; only where what is there does not end in white space, and without
# a constraint ("prefill"); or never
Continues = Literal["always", "prefill", "never"]
SchemaSubset = Literal["full", "openai_strict", "anthropic"]
Fallback = Literal["emulate"]
# how generations of a turn are asked for in one call: where one ends is known by the tokens that the backend tells, or
# by its text alone; or they are the fields of an object; "" where they are not
Speculates = Literal["", "tokens", "text", "schema"]


@dataclass(frozen=True, slots=True)
class Caps:
    """What a backend promises; it promises nothing that it does not name.

    constraints   what may restrict a generation
    score         the methods by which it compares the choices of a `select`; none where it cannot score texts
    score_by      by what means it makes a select of the default method where it has not got that method; "" by none
    fused         takes several generations with texts between them as one (ir/fused.py)
    n             several samples of one prompt
    logprobs      tells log-probabilities of tokens
    seed          the same seed gives the same tokens
    hints         the kinds of advice that it follows; others are not sent
    prefix_cache  computes what prompts begin with together once
    max_len       tokens of prompt and output together, None where unlimited
    max_output    tokens of an answer, None where only `max_len` bounds them
    max_n         samples of one prompt, where it draws several; None where any number
    max_logprobs  how many of the most likely tokens it tells beside each; None where any number
    sampling      the fields of Sampling that it follows
    loosely       of these, those that it follows as well as it can and promises nothing for
    apart         pairs of fields of which a call may give one
    temperatures  the lowest and the highest that it takes; None where it decides by itself
    max_stops     how many texts may end a generation, None where any number
    continues     whether a turn that the model has begun goes on
    by_turns      prompts with roles are sent as turns: text outside of them is the user's, answers are the assistant's
    only_turns    so are prompts without roles, as one turn of the user's
    roles         whose turns there may be, None where anybody's
    system_first  the turns of the system stand before all others
    thinks        it thinks before it answers, unseen, and that counts against `max_tokens`
    schema_subset which part of JSON Schema it takes
    counts_tokens the tokenizer that the program is compiled with counts what the backend counts
    fallback      what may be done instead of what is lacking; None: it is refused
    speculates    how it answers several generations of a turn, with the texts between them, by one call
    called        what messages call it
    known_from    where all this is known from, as messages say it
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
    max_output: int | None = None
    max_n: int | None = None
    max_logprobs: int | None = None
    sampling: frozenset[str] = frozenset(SAMPLING_FIELDS)
    loosely: frozenset[str] = frozenset()
    apart: frozenset[tuple[str, str]] = frozenset()
    temperatures: tuple[float, float] | None = (0.0, inf)
    max_stops: int | None = None
    continues: Continues = "always"
    by_turns: bool = False
    only_turns: bool = False
    roles: frozenset[str] | None = None
    system_first: bool = False
    thinks: bool = False
    schema_subset: SchemaSubset = "full"
    counts_tokens: bool = True
    fallback: Fallback | None = None
    speculates: Speculates = ""
    score_by: str = ""
    called: str = "the backend"
    known_from: str = ""


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
