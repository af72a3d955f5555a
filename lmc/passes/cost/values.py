"""What is known of a value before the run: itself, or how long its text may be; and of a state its prompt.

Ops are computed where all they read is known and plain Python is all that it takes: never the user's code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from lmc.ir.builtins import BUILTINS
from lmc.ir.graph import Graph, Node
from lmc.ir.ops import OPS
from lmc.ir.types import is_plain
from lmc.passes.known_values import MAX_SPEC
from lmc.passes.prompt_ids import Begun

MAX_COMPUTED = 100_000  # items of a row, or characters of a text, that are computed
_CALLED = frozenset(
    ("len", "range", "min", "max", "abs", "int", "str", "float", "bool", "sorted", "list", "tuple", "round", "sum")
)
_METHODS = frozenset(
    (
        *("strip", "lstrip", "rstrip", "lower", "upper", "title", "replace", "split", "splitlines", "join"),
        *("startswith", "endswith", "removeprefix", "removesuffix", "isdigit", "isalpha", "count", "find", "index"),
        *("get", "keys", "values", "items"),
    )
)
_COMPUTED = frozenset(
    ("concat", "format", "as_text", "item", "slice", "tuple", "list", "dict", "len", "compare", "truth", "unary")
)
_ARITHMETIC = frozenset(("+", "-", "*", "//", "%", "+=", "-="))
_NO_LONGER = frozenset(("strip", "lstrip", "rstrip", "removeprefix", "removesuffix"))


@dataclass(frozen=True, slots=True, eq=False)
class KnownValue:
    """A value that is known."""

    value: Any

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, KnownValue) or type(self.value) is not type(other.value):
            return False
        return bool(self.value == other.value) and (
            not isinstance(self.value, list | tuple | dict) or repr(self.value) == repr(other.value)
        )

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class TextHole:
    """A value that only the run knows, by a name of its own.

    most      bytes of it as text; None where nobody knows
    expected  tokens that it may well have
    """

    name: str
    most: int | None = None
    expected: float = 0.0


@dataclass(frozen=True, slots=True)
class TextRow(TextHole):
    """A list of texts that one node reads, right where it was made: so nobody changes it."""

    items: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True)
class Cat:
    """Texts and holes in a row."""

    parts: tuple[str | TextHole, ...]


Text = KnownValue | TextHole | Cat


@dataclass(frozen=True, slots=True, eq=False)
class NamedValues:
    """The values of a state by name, each on top of the earlier ones."""

    name: str
    value: Any
    below: NamedValues | None


@dataclass(frozen=True, slots=True, eq=False)
class AbstractState:
    """A state: its prompt up to here, the values it has by name, and how its turns stand.

    role      of the last turn that was closed, None where that is not known
    resident  how much of the prompt a call of this very state has put into the cache: its integers
    """

    begun: Begun
    names: NamedValues | None = None
    role: str | None = ""
    resident: int = 0

    def get(self, name: str) -> Any:
        """The value of a name; None where it is not known."""
        at = self.names
        while at is not None:
            if at.name == name:
                return at.value
            at = at.below
        return None


@dataclass(frozen=True, slots=True, eq=False)
class AbstractStates:
    """A list of states: each of them where their number is known, or what every one is like."""

    items: tuple[Any, ...] | None
    each: Any = None


def parts_of(value: Text) -> Iterable[str | TextHole]:
    """What a text is made of."""
    match value:
        case KnownValue(text):
            return (text,) if isinstance(text, str) else ()
        case Cat(parts):
            return parts
    return (value,)


def text_of(values: Sequence[Text]) -> Text:
    """Texts put together."""
    parts: list[str | TextHole] = []
    for part in (part for value in values for part in parts_of(value)):
        if isinstance(part, str) and parts and isinstance(last := parts[-1], str):
            parts[-1] = last + part
        else:
            parts.append(part)
    if len(parts) == 1 and isinstance(parts[0], TextHole):
        return parts[0]
    is_known = all(isinstance(part, str) for part in parts)
    return KnownValue("".join(map(str, parts))) if is_known else Cat(tuple(parts))


def computed(
    node: Node, graph: Graph, operands: Sequence[Text], fresh: Callable[[int | None, float], TextHole]
) -> Text:
    """What a host op gives; a fresh hole where that is not known."""
    if all(isinstance(operand, KnownValue) for operand in operands):
        found = _evaluated(node, graph, [operand.value for operand in operands if isinstance(operand, KnownValue)])
        if found is not None:
            return found
    match node.op:
        case "as_text":
            return operands[0]
        case "concat":
            return text_of(operands)
        case "binary" if node.attr("op") in ("+", "+=") and any(_is_text(each) for each in operands):
            return text_of(operands) if not _has_number(operands) else fresh(None, 0.0)
        case "format" if not node.attr("spec") and len(operands) == 1 and node.attr("conv") in (None, "s"):
            return operands[0]
        case "method" if node.attr("name") == "join" and isinstance(operands[-1], TextRow):
            return _joined(operands[0], operands[-1].items) or fresh(None, 0.0)
        case "method" if node.attr("name") in _NO_LONGER and isinstance(operands[0], TextHole):
            return fresh(operands[0].most, operands[0].expected)
    return fresh(None, 0.0)


def _joined(between: Text, items: Sequence[Text]) -> Text | None:
    """Texts with another one between them; None where one of them may be no text."""
    if not all(_is_text(each) or isinstance(each, TextHole) for each in (between, *items)):
        return None
    return text_of([part for each in items for part in (between, each)][1:])


def _is_text(value: Text) -> bool:
    return isinstance(value, Cat) or (isinstance(value, KnownValue) and isinstance(value.value, str))


def _has_number(operands: Sequence[Text]) -> bool:
    return any(isinstance(each, KnownValue) and not isinstance(each.value, str) for each in operands)


def _evaluated(node: Node, graph: Graph, operands: list[Any]) -> KnownValue | None:
    compute = _compute(node, graph)
    if compute is None or any(_is_large(operand) for operand in operands):
        return None
    try:
        found = compute(*operands)
    except Exception:  # it raises when the program runs, in its place
        return None
    if isinstance(found, list | dict | set) and node.outputs[0].type.name in ("ref", "any"):
        return None  # somebody may change it
    return KnownValue(found) if isinstance(found, range) or is_plain(found) else None


def _compute(node: Node, graph: Graph) -> Callable[..., Any] | None:
    """How a node is computed, where that takes no code of the user's and no great work."""
    attrs, compute = dict(node.attrs), OPS[node.op].eval
    if node.op == "call":
        extern = graph.extern(str(attrs["fn"]))
        label, name = extern.label, extern.label.removeprefix("builtins.")
        known = label.startswith("builtins.") and name in _CALLED and not node.keys and extern.effect == "none"
        return BUILTINS[name].fn if known and name in BUILTINS else None
    is_computed = (
        node.op in _COMPUTED
        or (node.op == "binary" and attrs["op"] in _ARITHMETIC)
        or (node.op == "method" and attrs["name"] in _METHODS)
    )
    if not is_computed or compute is None or node.keys:
        return None
    if node.op == "binary":
        return lambda x, y: compute(attrs, x, y) if _is_small(str(attrs["op"]), x, y) else _refuse()
    if node.op == "format":
        own = str(attrs.get("spec", ""))
        return lambda x, spec="": compute(attrs, x, spec) if len(own) + len(str(spec)) <= MAX_SPEC else _refuse()
    return lambda *values: compute(attrs, *values)


def _refuse() -> Any:
    raise ValueError("it would take too long")


def _is_small(op: str, x: Any, y: Any) -> bool:
    """Whether the product of two values is no great thing."""
    numbers = all(isinstance(each, int | float) and abs(each) < 1 << 62 for each in (x, y))
    return numbers or (not op.startswith("*") and all(isinstance(each, str | list | tuple) for each in (x, y)))


def _is_large(value: Any) -> bool:
    return isinstance(value, range | list | tuple | dict | set | str) and len(value) > MAX_COMPUTED
