"""How many tokens may come out of a call, and how long its text is: by its constraint, its choices and its limits."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, get_args

from lmc.errors import ConstraintError, LMError
from lmc.ir.automaton.alphabet import sets_of
from lmc.ir.automaton.extent import Extent, extent
from lmc.ir.constraint import RUN_TIME_KINDS, Constraint, JsonSchema, Regex
from lmc.ir.fused import FusedGen, FusedSelect, FusedText, parts_of
from lmc.ir.graph import Node
from lmc.ir.json_schema.findings import NotRegular
from lmc.ir.json_schema.regular import regular_tree
from lmc.ir.prompt import GENERATED, Text
from lmc.ir.regex import Chars, RegexTree, Repeat, Seq, is_plain
from lmc.ir.scoring import default_boundary
from lmc.passes.base import Inputs
from lmc.passes.cost.interval import NOTHING, Interval
from lmc.passes.cost.typical import typical_tokens
from lmc.passes.cost.values import KnownValue
from lmc.passes.lint.facts import MAX_STATES, facts
from lmc.passes.lint.fewest import LONGEST_TOKEN, fewest_tokens

CHARACTER = 4  # the most bytes of one
WORD = 64  # characters of a prompt's last word that is written again, at the most
ONE = Interval.exactly(1)
IN_OBJECT = 24  # tokens of a JSON object around a choice, at the most
ASKED_AGAIN = ("score", "unconstrained-then-validate")


@dataclass(frozen=True, slots=True)
class AnswerSize:
    """What may come of one sample of a call.

    output    tokens that are generated, one that ends the text included
    kept      those of them, or of the choice, that stay in the prompt
    computed  of these, what the next call has to compute
    bytes     of the text, None where there is no bound
    samples   of one prompt
    cuts_last tokens of the prompt that may be written again with the answer
    choices   of a select whose text is cut together with the prompt
    again     True where the call may be asked a second time
    is_open   True where the end of what was said may be text that is not cut yet
    is_idle   True where it may all be said without the model, so that the prompt is not read
    """

    output: Interval
    kept: Interval
    computed: Interval
    bytes: int | None
    samples: Interval = ONE
    cuts_last: int = 0
    choices: tuple[str, ...] = ()
    again: bool = False
    is_open: bool = False
    is_idle: bool = False


def answer_of(node: Node, given: Mapping[str, Any], inputs: Inputs, learnt: float | None) -> AnswerSize:
    """The answer of a model node; `given` are its named inputs, `learnt` the tokens that earlier runs took."""
    if node.op == "select":
        return _select(node, given, inputs)
    return _fused(node, inputs) if node.op == "fused" else _gen(node, given, inputs, learnt)


def longest_token(inputs: Inputs) -> int | None:
    """Bytes of the longest token; None without a vocabulary."""
    return None if inputs.spellings is None else _longest_of(inputs.spellings)


@lru_cache(maxsize=16)
def _longest_of(spellings: Callable[[], Sequence[bytes]]) -> int:
    return max(map(len, spellings()), default=1)


# --- gen -------------------------------------------------------------------------------------------------


def _gen(node: Node, given: Mapping[str, Any], inputs: Inputs, learnt: float | None) -> AnswerSize:
    params = dict(node.attrs)
    limit = _number(params, given, "max_tokens", inputs.sampling.max_tokens)
    samples = _number(params, given, "n", inputs.sampling.n)
    constraint = params.get("constraint")
    constraint = constraint if isinstance(constraint, get_args(Constraint)) else None
    is_open = bool(set(RUN_TIME_KINDS) & set(given))
    output, size = _bounds(None if is_open else constraint, limit, inputs, is_unknown=is_open)
    if learnt is not None:
        output = Interval.between(output.least, output.most, learnt)
    again = params.get("on_distortion", inputs.sampling.on_distortion) in ASKED_AGAIN or "on_distortion" in given
    if again and constraint is not None:
        output = Interval.between(output.least, None if limit is None else 2 * limit, output.expected)
    heals = params.get("boundary") == "exact"
    if heals:
        output += Interval(0, 0.0, WORD * CHARACTER)
    stops = any(params.get(name) or name in given for name in ("stop", "stop_regex"))
    stops = stops or bool(inputs.sampling.stop or inputs.sampling.stop_regex)
    is_free = constraint is None and not is_open
    kept = Interval.between(0 if stops or heals or is_free else output.least, output.most, output.expected)
    if is_free:  # the last token was sampled, and never read; one that ended the text is out
        rest = Interval.between(0, 1 if kept.most != 0 else 0, 1.0 if output.expected == output.most else 0.0)
    else:  # what a constraint forces at the end is not read either
        rest = kept if kept.most is not None else Interval(0, 1.0, None)
        rest = Interval.between(0, rest.most, min(1.0, rest.expected))
    longest = longest_token(inputs)
    by_tokens = None if output.most is None or longest is None else output.most * longest
    most = min((each for each in (size, by_tokens) if each is not None), default=None)
    if params.get("dtype") not in (None, "str", "int", "bool"):
        most = None
    every = Interval.exactly(samples) if samples is not None else Interval(1, 1.0, None)
    is_idle = output.most == 0 or is_open or (constraint is not None and _may_be_forced(constraint))
    again = again and constraint is not None
    return AnswerSize(output, kept, rest, most, every, WORD if heals else 0, (), again, stops, is_idle)


def _number(params: Mapping[str, Any], given: Mapping[str, Any], name: str, default: int) -> int | None:
    """A parameter; None where only the run knows it."""
    if name in given:
        value = given[name].value if isinstance(given[name], KnownValue) else None
        return value if isinstance(value, int) else default if isinstance(given[name], KnownValue) else None
    value = params.get(name)
    return value if isinstance(value, int) else default


def _bounds(
    constraint: Constraint | None, limit: int | None, inputs: Inputs, *, is_unknown: bool = False
) -> tuple[Interval, int | None]:
    """Tokens of an answer, and bytes of its text."""
    if limit == 0:
        return NOTHING, 0
    if constraint is None:
        # one token at least is asked for, where no constraint can be satisfied by nothing
        return Interval.between(0 if is_unknown else 1, limit, None if limit is None else float(limit)), None
    found = _extent(constraint)
    expected = _expected(constraint, limit, inputs)
    if found is None:
        return Interval.between(0, limit, expected), None
    least = _fewest(constraint, limit, inputs, found)
    longest = found.longest and found.longest * _width(constraint)
    if facts(constraint).options:
        longest = max(len(option.encode("utf-8", "replace")) for option in facts(constraint).options)
    elif found.longest == 0:
        longest = 0
    bounds = [each for each in (limit, longest) if each is not None]
    most = min(bounds, default=None)
    return Interval.between(min(least, most if most is not None else least), most, expected), longest


def _expected(constraint: Constraint, limit: int | None, inputs: Inputs) -> float | None:
    """Of a text of ordinary length; where that is not known, half of what there is room for."""
    found = typical_tokens(constraint, inputs.encode)
    return found if found is not None else None if limit is None else limit / 2


def _fewest(constraint: Constraint, limit: int | None, inputs: Inputs, found: Extent) -> int:
    if facts(constraint).tree is None or facts(constraint).extent is None:
        least = -(-found.shortest // (longest_token(inputs) or LONGEST_TOKEN))
        return least if limit is None else min(least, limit)
    least = fewest_tokens(constraint, min(limit or 64, 64), inputs.spellings)
    return min(least, limit) if limit is not None else least


@lru_cache(maxsize=1024)
def _width(constraint: Constraint) -> int:
    """The most bytes of a character."""
    tree = facts(constraint).tree
    if tree is None or not is_plain(tree):
        return CHARACTER
    highest = max((high for ranges in sets_of(tree) for _, high in ranges), default=0)
    return 1 if highest < 0x80 else 2 if highest < 0x800 else 3 if highest < 0x10000 else CHARACTER


@lru_cache(maxsize=1024)
def _extent(constraint: Constraint) -> Extent | None:
    """How long the texts of a constraint are; None where that is not known here."""
    if not isinstance(constraint, JsonSchema):
        return facts(constraint).extent
    try:
        return extent(regular_tree(constraint), MAX_STATES)
    except (ConstraintError, NotRegular, LMError, RecursionError):
        return None


@lru_cache(maxsize=1024)
def _may_be_forced(constraint: Constraint) -> bool:
    """Whether a constraint may leave no choice at all."""
    found = _extent(constraint)
    if found is None:
        return True
    if found.shortest != found.longest:
        return False
    options = facts(constraint).options
    return len(options) < 2 and not (isinstance(constraint, Regex) and _has_choice(constraint.tree))


def _has_choice(tree: RegexTree) -> bool:
    """Whether it is plain that a text of the tree can be one of several."""
    match tree:
        case Chars(ranges):
            return any(low < high for low, high in ranges) or len(ranges) > 1
        case Seq(parts):
            return any(map(_has_choice, parts))
        case Repeat(item, least, most):
            return least > 0 and least == most and _has_choice(item)
    return False


# --- select, fused ---------------------------------------------------------------------------------------


def _select(node: Node, given: Mapping[str, Any], inputs: Inputs) -> AnswerSize:
    choices = node.attr("choices")
    if "choices" in given:
        value = given["choices"]
        choices = (
            tuple(value.value) if isinstance(value, KnownValue) and isinstance(value.value, list | tuple) else None
        )
    if not isinstance(choices, tuple) or not all(isinstance(each, str) for each in choices) or not choices:
        return AnswerSize(NOTHING, Interval(1, 1.0, None), Interval(1, 1.0, None), None, cuts_last=WORD)
    texts = tuple(str(each) for each in choices)
    boundary = node.attr("boundary") or default_boundary(str(node.attr("method")))
    most = max(len(text.encode("utf-8", "replace")) for text in texts)
    if inputs.encode is None:
        kept = Interval(1, 1.0, None)
    else:
        sizes = [len(inputs.encode((Text(text),), GENERATED)) for text in texts]
        kept = Interval.between(min(sizes), max(sizes), sum(sizes) / len(sizes))
    written = _written(inputs, kept, texts)
    if written is not None:  # the choice is no part of the prompt then
        return AnswerSize(written, kept, kept, most)
    return AnswerSize(NOTHING, kept, kept, most, choices=texts if boundary == "exact" else ())


def _written(inputs: Inputs, kept: Interval, choices: tuple[str, ...]) -> Interval | None:
    """What a backend writes that makes a select by other means than scores; None where it has scores."""
    means = inputs.caps.score_by if inputs.caps is not None else ""
    if not means or means == "decisions":
        return NOTHING if means else None
    longest = max(len(json.dumps(choice)) for choice in choices)
    return Interval.between(kept.least, longest + IN_OBJECT + 1, kept.expected + (1 if means == "logprobs" else 7))


def _fused(node: Node, inputs: Inputs) -> AnswerSize:
    """A form of several calls: what is written counts as generated, what is put and chosen does not."""
    output = kept = NOTHING
    first, exact = True, tuple[str, ...]()
    for part in parts_of(node):
        match part:
            case str():
                size = len(part.encode("utf-8", "replace"))
                output += Interval(0, float(size) / CHARACTER, size)
            case FusedText(atoms):
                is_known = all(isinstance(atom, str) for atom in atoms)
                size = sum(len(str(atom).encode("utf-8", "replace")) for atom in atoms)
                kept += Interval(0, float(size) / CHARACTER, size if is_known else None)
            case FusedGen(_, constraint, params):
                limit = dict(params).get("max_tokens", inputs.sampling.max_tokens)
                output += _bounds(constraint, limit if isinstance(limit, int) else None, inputs)[0].maybe(1.0)
            case FusedSelect(_, choices):
                kept += Interval(0, 1.0, max(len(choice.encode("utf-8", "replace")) for choice in choices))
                exact = choices if first and part.is_exact else exact
        first = False
    kept += output
    return AnswerSize(output, kept, kept, None, choices=exact, cuts_last=WORD if exact else 0, is_open=True)
