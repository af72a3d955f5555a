"""What must hold of a node by itself: its op, attributes, operands and outputs against its row of the op table.

Each rule returns a sentence that says what is wrong, or None. Names, dominance and regions are `ir.verify`'s.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Any, get_args

from lmc.errors import did_you_mean
from lmc.ir.constraint import Constraint, Spacing
from lmc.ir.fused import FusedGen, FusedSelect, FusedText, part_of
from lmc.ir.graph import Atom, Node, Value
from lmc.ir.ops import BINARY, COMPARE, CONVERSIONS, OPS, UNARY, Effect, OpDef
from lmc.ir.output import DTYPES
from lmc.ir.reasoning import REASONING_FORMATS
from lmc.ir.sampling import SAMPLING_FIELDS
from lmc.ir.scoring import BOUNDARIES, CHOICES_METHODS
from lmc.ir.signature import spread
from lmc.ir.types import ANY, STATE, STATES, UNSET, Type, join, type_of

EFFECTS: tuple[str, ...] = get_args(Effect)
CONSTRAINTS: tuple[type, ...] = get_args(Constraint)

# host ops whose keyword operands are the user's
_OPEN_KEYS = frozenset(("call", "method", "mutate", "raise"))
# ops that may be handed a value that is perhaps unset: the rest must `check` it first
_TAKES_UNSET = frozenset(("check", "yield", "next", "loop", "for", "try", "unwind", "read", "function", "invoke"))
_ATTR_VALUES: dict[tuple[str, str], Container[Any]] = {
    ("binary", "op"): BINARY,
    ("unary", "op"): UNARY,
    ("compare", "op"): COMPARE,
    ("format", "conv"): (None, *CONVERSIONS),
    ("best", "pick"): ("min", "max"),
}


def atom_type(atom: Atom) -> Type:
    """The type of an operand."""
    return atom.type if isinstance(atom, Value) else type_of(atom.value)


def fits(have: Type, want: Type) -> bool:
    """True where a value of type `have` may stand in a place of type `want`."""
    return join(have, want) == want


def node_problem(node: Node) -> str | None:
    """The first rule that the node breaks, as a sentence; None if it is sound."""
    op = OPS.get(node.op)
    if op is None:
        return f"unknown op `{node.op}`{_did_you_mean(node.op, OPS)}"
    return next((problem for rule in _RULES if (problem := rule(node, op))), None)


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    near = did_you_mean(name, known)
    return f"; {near}" if near else ""


def _options(op: OpDef, names: tuple[str, ...]) -> tuple[str, ...]:
    return names + SAMPLING_FIELDS if op.kind == "model" else names


def _attrs_known(node: Node, op: OpDef) -> str | None:
    names, known = [name for name, _ in node.attrs], _options(op, op.attrs)
    for name in names:
        if name not in known:
            return f"`{node.op}` has no attribute `{name}`{_did_you_mean(name, known)}"
    if names != sorted(set(names)):
        return f"the attributes of `{node.op}` are not sorted by name, each once: {', '.join(names)}"
    missing = [name for name in op.needs if name not in names]
    return f"`{node.op}` needs the attribute `{missing[0]}`" if missing else None


def _attr_values(node: Node, op: OpDef) -> str | None:
    for name, value in node.attrs:
        if not _is_attr(value):
            return f"attribute `{name}` of `{node.op}` is not a literal: {value!r}"
        known = _ATTR_VALUES.get((node.op, name))
        if known is not None and value not in known:
            return f"`{node.op}` does not know {name}={value!r}"
    return None


def _is_attr(value: object) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_attr, value))
    return isinstance(value, CONSTRAINTS) or _is_literal(value)


def _is_literal(value: object) -> bool:
    if type(value) is tuple:
        return all(map(_is_literal, value))
    return value is None or value is UNSET or value is ... or type(value) in (str, bool, int, float, bytes)


def _keys_known(node: Node, op: OpDef) -> str | None:
    keys, known = node.keys, _options(op, op.keys)
    if len(keys) > len(node.inputs):
        return f"`{node.op}` names {len(keys)} operands and has {len(node.inputs)}"
    for i, key in enumerate(keys):
        if key not in known and node.op not in _OPEN_KEYS:
            return f"`{node.op}` has no operand named `{key}`{_did_you_mean(key, known)}"
        if key in keys[:i]:
            return f"`{node.op}` is given `{key}` twice"
        if op.kind == "model" and node.has(key):
            return f"`{node.op}` is given `{key}` twice, as an operand and as an attribute"
    return None


def _operands(node: Node, op: OpDef) -> str | None:
    words = spread(op.ins, len(node.args))
    if words is None:
        return f"`{node.op}` takes {_counted(op.ins)} operands, not {len(node.args)}"
    for i, (word, atom) in enumerate(zip((*words, *["value"] * len(node.keys)), node.inputs)):
        if problem := _operand(node, i, word, atom):
            return problem
    return None


def _counted(words: tuple[str, ...]) -> str:
    if words and words[-1].startswith("*"):
        return f"at least {len(words) - 1}"
    return str(len(words))


def _operand(node: Node, index: int, word: str, atom: Atom) -> str | None:
    if not isinstance(atom, Value) and not _is_literal(atom.value):
        return f"operand {index} of `{node.op}` is not a literal: {atom.value!r}"
    kind = atom_type(atom)
    if kind.maybe and not (node.op in _TAKES_UNSET and word == "atom"):
        return f"operand {index} of `{node.op}` may be unset (`{kind}`); `check` it first"
    if accepts(word, kind) or (node.op == "compare" and kind.is_state and kind != STATES):
        return None
    return f"operand {index} of `{node.op}` is `{kind}`; it must be {_wanted(word)}"


def _wanted(word: str) -> str:
    return "a value, not a state" if word == "value" else f"`{word}`"


def accepts(word: str, kind: Type) -> bool:
    """True where an operand that is set fits a word of a signature; what is in `any` is checked at run time."""
    match word:
        case "atom":
            return True
        case "value" | "data":
            return not kind.is_state
        case "int":
            return kind.name in ("int", "bool", "data", "any", "ref")
    return kind == Type(word)


def _outputs(node: Node, op: OpDef) -> str | None:
    words = spread(op.outs, len(node.outputs))
    if words is None:
        return f"`{node.op}` gives {_counted(op.outs)} results, not {len(node.outputs)}"
    for value, word in zip(node.outputs, words):
        kind = value.type
        if word == "value" and (kind.is_state or kind.maybe):
            return f"result `%{value.name}` of `{node.op}` is `{kind}`; it must be a value, not a state, and surely set"
        # a container of live objects is live
        if word == "data" and op.kind == "host" and kind == ANY:
            continue
        if word not in ("value", "atom") and kind != Type(word):
            return f"result `%{value.name}` of `{node.op}` is `{kind}`; it must be `{word}`"
    return None


def _regions(node: Node, op: OpDef) -> str | None:
    if len(node.regions) != op.regions:
        return f"`{node.op}` has {op.regions} regions, not {len(node.regions)}"
    return None


def _own_rule(node: Node, op: OpDef) -> str | None:
    rule = _OWN_RULES.get(node.op)
    return rule(node) if rule else None


def _fork(node: Node) -> str | None:
    return _matches_n(node, len(node.outputs) - 1, "children")


def _unpack(node: Node) -> str | None:
    return _matches_n(node, len(node.outputs), "results")


def _matches_n(node: Node, num: int, what: str) -> str | None:
    n = node.attr("n")
    return None if type(n) is int and n == num else f"`{node.op}` says n={n!r} and has {num} {what}"


def _named(node: Node) -> str | None:
    name = node.attr("name")
    return None if isinstance(name, str) and name else f"the name of a function is a text, not {name!r}"


def _dict(node: Node) -> str | None:
    return "`dict` takes keys and values in turn, and one is missing" if len(node.inputs) % 2 else None


def _gen(node: Node) -> str | None:
    constraint = node.attr("constraint")
    made = DTYPES.get(str(node.attr("dtype")))
    if made is not None and node.attr("n") is None and "n" not in node.keys and node.outputs[1].type != made[1]:
        return f"`gen` says dtype={node.attr('dtype')!r} and gives a `{node.outputs[1].type}`"
    if constraint is None or isinstance(constraint, CONSTRAINTS):
        known: tuple[tuple[str, tuple[object, ...]], ...] = (
            ("boundary", BOUNDARIES), ("spacing", get_args(Spacing)), ("closed", (True, False)),
            ("reasoning", tuple(REASONING_FORMATS)),
        )  # fmt: skip
        return next(
            (problem for name, names in known if node.has(name) and (problem := _unknown(node, name, names))), None
        )
    return f"`gen` has a constraint that is not one: {constraint!r}"


def _fused(node: Node) -> str | None:
    attr = node.attr("parts")
    parts = []
    for each in attr if isinstance(attr, tuple) else ():
        try:
            parts.append(part_of(each))
        except ValueError:
            return f"`fused` has a part that is not a text, a generation or a choice: {each!r}"
    calls = [part for part in parts if isinstance(part, FusedGen | FusedSelect)]
    if not calls or len(calls) != len(node.outputs) - 1:
        return f"`fused` has {len(calls)} generations and choices and {len(node.outputs) - 1} values"
    asked = {atom for part in parts if isinstance(part, FusedText) for atom in part.atoms if isinstance(atom, int)}
    if asked != set(range(len(node.inputs) - 1)):
        return f"`fused` has {len(node.inputs) - 1} texts as operands, and asks for {sorted(asked)}"
    return None


def _select(node: Node) -> str | None:
    choices = node.attr("choices")
    texts = isinstance(choices, tuple) and choices and all(isinstance(choice, str) for choice in choices)
    if not texts and "choices" not in node.keys:
        return "`select` needs `choices`: texts, at least one"
    problem = _unknown(node, "method", CHOICES_METHODS)
    return problem or (_unknown(node, "boundary", BOUNDARIES) if node.has("boundary") else None)


def _unknown(node: Node, name: str, known: tuple[object, ...]) -> str | None:
    value = node.attr(name)
    if any(value is each or value == each for each in known if type(each) is type(value)):
        return None
    return f"`{node.op}` does not know {name}={value!r}; one of {', '.join(map(str, known))}"


def _check(node: Node) -> str | None:
    have, want = atom_type(node.inputs[0]).when_set(), node.outputs[0].type
    if (have.name == "state|none" and want == STATE) or (fits(have, want) and not want.maybe):
        return None
    return f"`check` of a `{have}` cannot give `{want}`"


_OWN_RULES = {
    "fork": _fork, "unpack": _unpack, "dict": _dict, "gen": _gen, "fused": _fused, "select": _select, "check": _check,
    "function": _named, "invoke": _named,
}  # fmt: skip
_RULES = (_attrs_known, _attr_values, _keys_known, _operands, _outputs, _regions, _own_rule)
