"""The op table: every operation of the IR, one row each.

A row says what goes in and out, what kind of thing it is, whether it raises, and what effect it has. Capture,
verifier, printer, passes and executor read this table; to add an op, add a row (and, for a model op, what the
executor sends for it).

Signatures are words: a type name, `value` (anything but a state), `atom` (anything), `*x` for any number of x.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from types import BuiltinFunctionType, FunctionType, MethodDescriptorType
from typing import Any, Literal

from lmc.codes import CHANGED_IN_PLACE, CHOSEN_EXPRESSION
from lmc.errors import CaptureError
from lmc.ir.constraint import RUN_TIME_KINDS

Kind = Literal["state", "model", "host", "region", "mark", "end"]
Effect = Literal["none", "reads", "writes", "ordered"]


@dataclass(frozen=True, slots=True)
class OpDef:
    """One row of the table.

    kind     state: builds or reads a prompt value; model: a call; host: Python; region: control; mark: says
             something of what stands behind it; end: terminator
    ins      words for the unnamed inputs
    outs     words for the outputs; `?` after the last means it may be missing
    keys     names an input may carry (model ops take any sampling parameter as well)
    attrs    names of attributes it may carry; those in `needs` must be there
    effect   `ordered` nodes run one after another in program order
    raises   True if it can fail in the program's eyes; its success is committed in program order
    eval     what a host op computes, given its attributes and its inputs
    """

    name: str
    kind: Kind
    ins: tuple[str, ...] = ()
    outs: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    attrs: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    effect: Effect = "none"
    raises: bool = False
    regions: int = 0
    eval: Callable[..., Any] | None = None


BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "//": operator.floordiv,
    "%": operator.mod, "**": operator.pow, "@": operator.matmul, "<<": operator.lshift, ">>": operator.rshift,
    "&": operator.and_, "|": operator.or_, "^": operator.xor,
}  # fmt: skip
COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "is": operator.is_, "is not": operator.is_not,
    "in": lambda a, b: a in b, "not in": lambda a, b: a not in b,
}  # fmt: skip
UNARY: dict[str, Callable[[Any], Any]] = {
    "-": operator.neg,
    "+": operator.pos,
    "~": operator.invert,
    "not": operator.not_,
}
MUTABLE = (list, dict, set, bytearray)


# by operator, what changes its first operand in place where that can: add is iadd, and_ is iand
AUGMENTED: dict[str, Callable[[Any, Any], Any]] = {
    op: getattr(operator, "i" + fn.__name__.rstrip("_")) for op, fn in BINARY.items()
}


def _augmented(op: str) -> Callable[[Any, Any], Any]:
    """`x op= y` of data that it does not change in place: capture has made sure of that, or of an error."""

    in_place = AUGMENTED[op]

    def run(x: Any, y: Any) -> Any:
        if not isinstance(x, MUTABLE):
            return in_place(x, y)
        in_place(x.copy(), y)  # the error that Python raises
        raise CaptureError(
            f"`{op}=` changes a run-time {type(x).__name__} in place, which capture does not follow",
            code=CHANGED_IN_PLACE,
            help=f"build a new value and assign it: `x = x {op} ...`",
        )

    return run


BINARY.update({f"{op}=": _augmented(op) for op in tuple(BINARY)})
CONVERSIONS: dict[str, Callable[[Any], str]] = {"s": str, "r": repr, "a": ascii}


def _format(attrs: dict[str, Any], value: Any, spec: str = "") -> str:
    conv = attrs.get("conv")
    return format(CONVERSIONS[conv](value) if conv else value, attrs.get("spec", "") or spec)


def unpacked(value: Any) -> Iterator[Any]:
    """What `a, b = value` walks over. Raises TypeError as Python words it there."""
    kind = type(value)
    if hasattr(kind, "__iter__") or hasattr(kind, "__getitem__"):
        return iter(value)
    raise TypeError(f"cannot unpack non-iterable {kind.__name__} object")


def _unpack(attrs: dict[str, Any], value: Any) -> tuple[Any, ...]:
    num, items = attrs["n"], []
    for item in unpacked(value):
        items.append(item)
        if len(items) > num:
            raise ValueError(f"too many values to unpack (expected {num})")
    if len(items) < num:
        raise ValueError(f"not enough values to unpack (expected {num}, got {len(items)})")
    return tuple(items)


def _text(attrs: dict[str, Any], value: Any) -> str:
    if getattr(type(value), "__lmc_expression__", False):
        raise CaptureError(
            "an lmc expression was made by Python that capture does not look into",
            code=CHOSEN_EXPRESSION,
            help="make it in the program, or in a function of your own that capture can follow",
        )
    if not isinstance(value, str):
        raise not_a_name(value) if attrs.get("is_name") else not_text(value)
    return value


def not_text(value: object) -> TypeError:
    """The error of appending what is no text, with what to write instead."""
    name, cure = type(value).__name__, "use an f-string or str()"
    if getattr(type(value), "__lmc_state__", False):
        cure = "append its text(), or a value of it"
    elif isinstance(value, Coroutine):
        cure = "await it, in an `async def` program"
    elif isinstance(value, list | tuple):
        cure = 'join its texts, as in "\\n".join(...)'
    elif isinstance(value, FunctionType | BuiltinFunctionType):
        cure = "call it"
    return TypeError(f"only text can be appended to a program state, not {name}; {cure}")


def not_a_name(value: object) -> TypeError:
    """The error of asking a program state for a name that is no text."""
    given = type(value).__name__
    return TypeError(
        f"a name of a program state's values is text, not {given}; "
        '`s["x"]` is the value of a name, and `"x" in s` asks whether it has one (its text is s.text())'
    )


def _copied_with(attrs: dict[str, Any], value: Any, key: Any, item: Any) -> Any:
    changed = value.copy()
    changed[key] = item
    return changed


def _after_method(attrs: dict[str, Any], value: Any, /, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
    changed = value.copy()
    return changed, call_by_name(attrs, changed, *args, **kwargs)


def call_by_name(attrs: dict[str, Any], value: Any, /, *args: Any, **kwargs: Any) -> Any:
    """`value.name(*args, **kwargs)`, as Python makes it where the call and the name stand together."""
    method = getattr(value, attrs["name"])
    if kwargs and type(method) is BuiltinFunctionType and type(value).__module__ == "builtins":
        # Python calls the function of the class, and only that one says `str.find()` where it takes no keywords
        unbound = getattr(type(value), attrs["name"])
        if type(unbound) is MethodDescriptorType:
            return unbound(value, *args, **kwargs)
    return method(*args, **kwargs)


def _order(attrs: dict[str, Any], keys: Any) -> list[int]:
    return sorted(range(len(keys)), key=lambda i: keys[i], reverse=attrs.get("reverse", False))


def _best(attrs: dict[str, Any], keys: Any) -> int:
    pick = max if attrs["pick"] == "max" else min
    return int(pick(range(len(keys)), key=lambda i: keys[i]))


def _state(name: str, ins: str, outs: str, **more: Any) -> OpDef:
    return OpDef(name, "state", tuple(ins.split()), tuple(outs.split()), **more)


def _host(name: str, ins: str, outs: str, run: Callable[..., Any], **more: Any) -> OpDef:
    return OpDef(name, "host", tuple(ins.split()), tuple(outs.split()), eval=run, **more)


_ROWS = (
    # --- prompts as values ---
    # with a number: the prompt of the number-th program called inside this one
    _state("begin", "*int", "state"),
    _state("append", "state *str", "state"),
    # `text`: the literal, once known; `after`: literals by previous role, where that is not known
    _state("role_begin", "state", "state", attrs=("role", "text", "after"), needs=("role",)),
    _state("role_end", "state", "state", attrs=("role", "text"), needs=("role",)),
    # the parent with its lineage moved on, then the children
    _state("fork", "state", "state *state", attrs=("n",), needs=("n",)),
    _state("fork_list", "state int", "state list[state]", raises=True),
    _state("join", "state *state", "state", attrs=("mode",), needs=("mode",)),
    _state("join_list", "state list[state]", "state", attrs=("mode",), needs=("mode",)),
    _state("set", "state str value", "state"),
    _state("scope_begin", "state str", "state"),
    _state("scope_end", "state str", "state"),
    # --- reading a state (a failed call raises here) ---
    _state("get", "state str", "value", raises=True),
    _state("has", "state str", "bool", raises=True),
    _state("text", "state", "str", raises=True),
    _state("messages", "state", "data", raises=True),
    _state("meta", "state str", "data", raises=True),
    # --- lists of states ---
    _state("states", "*state", "list[state]"),
    _state("states_item", "list[state] int", "state", raises=True),
    _state("states_set", "list[state] int state", "list[state]", raises=True),
    _state("states_append", "list[state] state", "list[state]"),
    _state("states_len", "list[state]", "int"),
    _state("states_gather", "list[state] data", "list[state]", raises=True),
    # --- model calls ---
    OpDef("gen", "model", ("state",), ("state", "value"), keys=("name", *RUN_TIME_KINDS),
          attrs=("name", "constraint", "dtype", "boundary", "spacing", "closed", "fn", "reasoning")),
    # a form: texts, generations and choices as one call; one value for each of the latter (see ir.fused)
    OpDef("fused", "model", ("state", "*str"), ("state", "*value"), attrs=("parts",), needs=("parts",)),
    OpDef("select", "model", ("state",), ("state", "str"), keys=("name", "choices"),
          attrs=("name", "choices", "method", "boundary"), needs=("method",)),
    # --- Python ---
    _host("binary", "value value", "value", lambda a, x, y: BINARY[a["op"]](x, y),
          attrs=("op",), needs=("op",), raises=True),
    _host("unary", "value", "value", lambda a, x: UNARY[a["op"]](x), attrs=("op",), needs=("op",), raises=True),
    _host("compare", "value value", "value", lambda a, x, y: COMPARE[a["op"]](x, y),
          attrs=("op",), needs=("op",), raises=True),
    _host("truth", "atom", "bool", lambda a, x: bool(x), raises=True),
    _host("format", "value *str", "str", _format, attrs=("conv", "spec"), raises=True),
    _host("concat", "*str", "str", lambda a, *xs: "".join(xs)),
    # `is_name`: it will name a value of a state
    _host("as_text", "value", "str", _text, attrs=("is_name",), raises=True),
    _host("item", "value value", "value", lambda a, x, k: x[k], raises=True),
    _host("slice", "value value value value", "value", lambda a, x, i, j, k: x[slice(i, j, k)], raises=True),
    _host("set_item", "value value value", "value", _copied_with, raises=True),
    # a mutating method on `data`: the changed copy, then what the method returned
    _host("mutate", "value *value", "value value", _after_method, attrs=("name",), needs=("name",), raises=True),
    _host("method", "value *value", "value", call_by_name, attrs=("name",), needs=("name",), raises=True),
    _host("attr", "value", "value", lambda a, x: getattr(x, a["name"]), attrs=("name",), needs=("name",), raises=True),
    _host("len", "value", "int", lambda a, x: len(x), raises=True),
    _host("tuple", "*atom", "data", lambda a, *xs: xs),
    _host("list", "*atom", "data", lambda a, *xs: list(xs)),
    _host("dict", "*atom", "data", lambda a, *xs: dict(zip(xs[::2], xs[1::2])), raises=True),
    _host("set_of", "*value", "data", lambda a, *xs: set(xs), raises=True),
    _host("unpack", "value", "*value", _unpack, attrs=("n",), needs=("n",), raises=True),
    _host("order", "value", "data", _order, attrs=("reverse",), raises=True),
    _host("best", "value", "int", _best, attrs=("pick",), needs=("pick",), raises=True),
    # a name that may be unset; the executor raises UnboundLocalError
    _host("check", "atom", "atom", lambda a, x: x, attrs=("name",), needs=("name",), raises=True),
    # a value that a call may not have given: its failure is raised here
    _host("read", "atom", "atom", lambda a, x: x, raises=True),
    # a value or state is read here: what comes after waits for it
    _host("wait", "atom", "", lambda a, x: (), raises=True),
    # a live object of the user's program, and calls; effects are the extern's
    _host("extern", "", "value", lambda a: None, attrs=("fn",), needs=("fn",)),
    _host("call", "*value", "value", lambda a: None, attrs=("fn",), needs=("fn",), raises=True),
    # --- control ---
    OpDef("if", "region", ("bool",), ("*atom",), regions=2),
    # the body runs, then `next go, carries...`: again while go is true; the outputs are the last carries
    OpDef("loop", "region", ("*atom",), ("*atom",), regions=1),
    # once for each item of the first input; the body's first parameter is the item
    OpDef("for", "region", ("value", "*atom"), ("*atom",), regions=1),
    # the body; where it fails the handler, given the exception and what the last `unwind` before the failure handed
    # over, the inputs where there is none
    OpDef("try", "region", ("*atom",), ("*atom",), regions=2),
    # a function that calls itself: the body with the inputs for its parameters; the outputs are what it yields.
    # `invoke` inside it runs the body once more, with other inputs
    OpDef("function", "region", ("*atom",), ("*atom",), attrs=("name",), needs=("name",), regions=1),
    OpDef("invoke", "region", ("*atom",), ("*atom",), attrs=("name",), needs=("name",), effect="ordered", raises=True),
    OpDef("unwind", "mark", ("*atom",)),
    OpDef("yield", "end", ("*atom",)),
    OpDef("next", "end", ("bool", "*atom")),
    # the final state, then what the program returned
    OpDef("return", "end", ("state", "atom")),
    # an exception: its class (an extern), then its arguments
    OpDef("raise", "end", ("*value",), attrs=("fn",), needs=("fn",), raises=True),
)  # fmt: skip

OPS: dict[str, OpDef] = {row.name: row for row in _ROWS}
