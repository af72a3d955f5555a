"""Python expressions, one rule an AST node; a node without a rule is a graph break.

Ordinary values are computed as Python would; an operation with a run-time value becomes a host op. A rule evaluates its
operands in Python's order, then calls `cx.at` again: evaluating them has moved the place in the source.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from types import FunctionType, GenericAlias, UnionType
from typing import Any, TypeGuard, cast

from lmc.codes import NO_RULE, NOT_A_STATES_METHOD, STALE_STATE
from lmc.errors import ArgumentError
from lmc.ir.builtins import merged
from lmc.ir.graph import Atom, Attr, Value
from lmc.ir.ops import BINARY, COMPARE, CONVERSIONS, UNARY
from lmc.ir.types import ANY, BOOL, DATA, INT, MAYBE_STATE, STR, Type
from lmc.parser.capture import choices, fixed, looking, objects, operators, state_lists, states
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.context import Capture
from lmc.parser.capture.iteration import static_items
from lmc.parser.capture.merge import choose
from lmc.parser.capture.tracer import ProgramRaise, has_live, kind, maker_of, no_attribute, ordinary, wrap
from lmc.parser.capture.values import (
    UNBOUND,
    Choice,
    Closure,
    Container,
    DictView,
    Element,
    Escapes,
    LazyStr,
    Method,
    Once,
    PartialCall,
    StandIn,
    StateCell,
    Super,
    Sym,
    Tracked,
    Unmergeable,
    is_literal,
    is_ordinary,
    plain,
)
from lmc.parser.primitives import NOT_ADDED, NOT_ADDED_HELP, Concat, Expr

BIN_OPS: dict[type[ast.operator], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
    ast.MatMult: "@", ast.LShift: "<<", ast.RShift: ">>", ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^",
}  # fmt: skip
UNARY_OPS: dict[type[ast.unaryop], str] = {ast.USub: "-", ast.UAdd: "+", ast.Invert: "~", ast.Not: "not"}
MAX_PIECES = 2_000  # of a text that the trace keeps in pieces
COMPARE_OPS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
    ast.Is: "is", ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in",
}  # fmt: skip


# --- literals and names ----------------------------------------------------------------------------------


def constant_node(cx: Capture, node: ast.Constant) -> StandIn:
    """A literal."""
    return node.value


def name_node(cx: Capture, node: ast.Name) -> StandIn:
    """A name that is read."""
    return cx.load(node.id)


def joined_node(cx: Capture, node: ast.JoinedStr) -> StandIn:
    """An f-string."""
    parts: list[str | Value] = []
    for part in node.values:
        text = cx.eval(part)
        assert isinstance(text, str | LazyStr | Sym)
        add_text(parts, text)
    return text_of(cx, parts)


def add_text(parts: list[str | Value], x: str | LazyStr | Sym) -> None:
    """Add a piece of text, joining neighbouring literals."""
    for part in x.parts if isinstance(x, LazyStr) else (x.value if isinstance(x, Sym) else x,):
        if isinstance(part, str) and parts and isinstance(parts[-1], str):
            parts[-1] += part
        elif part != "":
            parts.append(part)


def text_of(cx: Capture, parts: list[str | Value]) -> StandIn:
    """Text made of parts: a str where all of it is known, and one value where they are many."""
    if all(isinstance(p, str) for p in parts):
        return "".join(p for p in parts if isinstance(p, str))
    text = LazyStr(tuple(parts))
    # a text that is put together from itself again and again doubles: its value does not
    return text if len(parts) <= MAX_PIECES else LazyStr((cast("Value", cx.t.text_value(text)),))


def formatted_node(cx: Capture, node: ast.FormattedValue) -> StandIn:
    """A `{value!r:spec}` of an f-string."""
    value = cx.eval(node.value)
    conv = None if node.conversion == -1 else chr(node.conversion)
    spec = "" if node.format_spec is None else cx.eval(node.format_spec)
    if isinstance(value, Expr):
        ordinary(format, value, "")
    if type(value) is str and conv is None and spec == "":
        return value
    if isinstance(value, Tracked) and spec == "" and conv in (None, "s", "r"):
        return operators.written(
            cx, value, *(("__repr__",) if conv == "r" else ("__str__", "__repr__")), is_format=conv is None
        )
    if is_literal(value) and isinstance(spec, str):
        return ordinary(lambda: format(CONVERSIONS[conv](value) if conv else value, spec))
    if conv is None and spec == "" and is_text(value):
        return value
    attrs: dict[str, Attr] = {
        **({"conv": conv} if conv else {}),
        **({"spec": spec} if isinstance(spec, str) and spec else {}),
    }
    extra = () if isinstance(spec, str) else (cx.t.atom(spec),)
    return Sym(cx.t.host("format", cx.t.value_atom(value), *extra, type=STR, attrs=attrs))


def is_text(x: StandIn) -> TypeGuard[str | LazyStr | Sym]:
    """True for what is surely a str."""
    return type(x) is str or isinstance(x, LazyStr) or (isinstance(x, Sym) and x.type == STR)


# --- operators -------------------------------------------------------------------------------------------


def binop_node(cx: Capture, node: ast.BinOp) -> StandIn:
    """`x + y` and the like."""
    text = _as_fstring(node)
    if text is not None:
        return cx.eval(text)
    left = cx.eval(node.left)
    right = cx.eval(node.right)
    cx.at(node)
    return binary(cx, BIN_OPS[type(node.op)], left, right)


def _as_fstring(node: ast.BinOp) -> ast.JoinedStr | None:
    """`f"{x!s}, {y!r:>5}"` of `"%s, %5r" % (x, y)`, as Python compiles it since 3.11: x is text before y is made."""
    text = node.left.value if isinstance(node.left, ast.Constant) else None
    if not (isinstance(node.op, ast.Mod) and isinstance(text, str) and isinstance(node.right, ast.Tuple)):
        return None
    plain, places, values = _PLACE.sub("", text), list(_PLACE.finditer(text)), list(node.right.elts)
    num_values = sum(place["kind"] is not None for place in places)
    if "%" in plain or len(values) != num_values or any(isinstance(value, ast.Starred) for value in values):
        return None
    parts: list[ast.expr] = []
    end = 0
    for place in places:
        parts.append(ast.Constant(text[end : place.start()] + (place["percent"] or "")))
        end = place.end()
        if place["kind"]:
            side = ">" if place["width"] and not place["left"] else ""
            spec = ast.JoinedStr([ast.Constant(side + place["width"] + place["digits"])])
            parts.append(ast.FormattedValue(values.pop(0), ord(place["kind"]), spec))
    made = ast.JoinedStr([*parts, ast.Constant(text[end:])])
    for part in ast.walk(made):
        if isinstance(part, ast.expr) and not hasattr(part, "lineno"):
            ast.copy_location(part, node)
    return made


_PLACE = re.compile(
    r"%(?P<left>-?)(?P<width>[1-9][0-9]{0,2}|)(?P<digits>(?:\.[0-9]{1,3})?)(?P<kind>[sra])|%(?P<percent>%)"
)


def binary(cx: Capture, op: str, x: StandIn, y: StandIn) -> StandIn:
    """A binary operation on stand-ins."""
    if op == "+" and isinstance(x, StateCell):
        raise ArgumentError(NOT_ADDED, span=cx.t.span, help=NOT_ADDED_HELP)
    if isinstance(x, Tracked) or (isinstance(y, Tracked) and not isinstance(x, Expr)):
        return operators.of_objects(cx, op, x, y)
    if isinstance(x, Expr) or isinstance(y, Expr):
        if op == "+":
            return Concat((x, y))
        raise graph_break(NO_RULE, cx.t.span, f"`{op}` on an lmc expression")
    if (plain(x) and plain(y)) or (op == "|" and _is_annotation(x) and _is_annotation(y)):
        return ordinary(BINARY[op], x, y)
    if op == "+" and is_text(x) and is_text(y):
        parts: list[str | Value] = []
        add_text(parts, x)
        add_text(parts, y)
        return text_of(cx, parts)
    static = _static_binary(cx, op, x, y)
    if static is not None:
        return static
    give = cx.argument if has_live(x) or has_live(y) else cx.t.value_atom
    p, q = give(x), give(y)
    out = cx.t.host("binary", p, q, type=_binary_type(op, kind(p), kind(q)), op=op)
    if out.type == DATA:
        _note_fixed(cx, out, op.rstrip("="), p, q)
    return wrap(cx.t, out, kind="list" if op == "+" and _is_list(x) and _is_list(y) else "data")


def _is_annotation(x: StandIn) -> bool:
    """True for what `int | None` is made of; a class whose metaclass is the user's has code of its own there."""
    return x is None or type(x) is type or isinstance(x, UnionType | GenericAlias) or type(x).__module__ == "typing"


def _is_list(x: StandIn) -> bool:
    return isinstance(x, Container) and x.kind == "list"


def _static_binary(cx: Capture, op: str, x: StandIn, y: StandIn) -> StandIn:
    if op == "+" and type(x) is tuple and type(y) is tuple:
        return x + y
    if not (isinstance(x, Container) and x.is_static and x.kind in ("list", "group")):
        return None
    if op == "+" and isinstance(y, Container) and y.is_static and y.kind in ("list", "group"):
        return Container(cx.t.born(), "list", x.members + y.members)
    if op == "*" and isinstance(y, int):
        return Container(cx.t.born(), "list", x.members * y)
    return None


def _binary_type(op: str, x: Type, y: Type) -> Type:
    names = {x.name, y.name}
    if names & {"any", "ref"}:
        return ANY
    if names <= {"int", "bool"} and op in ("+", "-", "*", "//", "%"):
        return INT
    if names == {"float"} or (names <= {"int", "float", "bool"} and (op == "/" or "float" in names) and op != "**"):
        return Type("float")
    if op == "+" and names == {"str"}:
        return STR
    if op == "%" and x == STR:
        return STR
    return DATA


def _note_fixed(cx: Capture, out: Value, op: str, p: Atom, q: Atom) -> None:
    contents = cx.t.contents
    if _gives_atom(op, kind(p).name, kind(q).name):
        contents.flatten(out, atom=True)
    elif op != "*" and contents.is_fixed(p):
        contents.fix(out)


def _gives_atom(op: str, x: str, y: str) -> bool:
    """True where data of these types gives a number or text, if anything: only `*` makes a list out of a number."""
    if op == "*":
        return x in _NUMBERS and y in _NUMBERS
    if op == "+":
        return not {x, y}.isdisjoint((*_NUMBERS, "str"))
    return x in _NUMBERS or x == "str" or (y in _NUMBERS and op != "%")


_NUMBERS = ("int", "float", "bool")


def unary_node(cx: Capture, node: ast.UnaryOp) -> StandIn:
    """`not x`, `-x`."""
    value = cx.eval(node.operand)
    cx.at(node)
    op = UNARY_OPS[type(node.op)]
    if op == "not":
        truth = cx.truth(value)
        return (not truth) if isinstance(truth, bool) else Sym(cx.t.host("unary", truth, type=BOOL, op="not"))
    if isinstance(value, Tracked):
        return operators.unary(cx, op, value)
    if plain(value):
        return ordinary(UNARY[op], value)
    atom = cx.t.value_atom(value)
    return Sym(cx.t.host("unary", atom, type=kind(atom) if kind(atom) in (INT, ANY) else DATA, op=op))


def boolop_node(cx: Capture, node: ast.BoolOp) -> StandIn:
    """`x and y`, `x or y`: what comes after the first is traced as an arm where the run decides."""
    return _chain(cx, isinstance(node.op, ast.And), node.values)


def _chain(cx: Capture, is_and: bool, values: list[ast.expr]) -> StandIn:
    first = cx.eval(values[0])
    if len(values) == 1:
        return first
    truth = cx.truth(first)
    if isinstance(truth, bool):
        return _chain(cx, is_and, values[1:]) if truth == is_and else first
    rest = lambda: _chain(cx, is_and, values[1:])  # noqa: E731
    return choose(cx.t, truth, rest if is_and else lambda: first, (lambda: first) if is_and else rest)


def ifexp_node(cx: Capture, node: ast.IfExp) -> StandIn:
    """`x if test else y`."""
    truth = cx.truth(cx.eval(node.test))
    if isinstance(truth, bool):
        return cx.eval(node.body if truth else node.orelse)
    return choose(cx.t, truth, lambda: cx.eval(node.body), lambda: cx.eval(node.orelse))


def compare_node(cx: Capture, node: ast.Compare) -> StandIn:
    """`x < y`, `x in y`, and chains of them."""
    return _compare_chain(cx, node, cx.eval(node.left), 0)


def _compare_chain(cx: Capture, node: ast.Compare, left: StandIn, at: int) -> StandIn:
    right = cx.eval(node.comparators[at])
    cx.at(node)
    result = compare(cx, COMPARE_OPS[type(node.ops[at])], left, right)
    if at + 1 == len(node.ops):
        return result
    truth = cx.truth(result)
    if isinstance(truth, bool):
        return _compare_chain(cx, node, right, at + 1) if truth else result
    return choose(cx.t, truth, lambda: _compare_chain(cx, node, right, at + 1), lambda: result)


def compare(cx: Capture, op: str, x: StandIn, y: StandIn) -> StandIn:
    """A comparison of stand-ins."""
    if op in ("in", "not in") and isinstance(y, StateCell):
        has = Sym(cx.t.host("has", cx.t.state(y), states.name_atom(cx, x), type=BOOL))
        return has if op == "in" else Sym(cx.t.host("unary", has.value, type=BOOL, op="not"))
    if op in ("in", "not in") and isinstance(y, Container) and isinstance(y.content, dict):
        y = Container(0, "dict", dict.fromkeys(y.content, 0))  # by its keys alone
    if isinstance(x, Tracked | Choice) or isinstance(y, Tracked | Choice):
        special = _of_objects(cx, op, x, y)
        if special is not NotImplemented:
            return special
    if op in ("is", "is not"):
        known = _identity(cx, x, y)
        if known is not None:
            return known if op == "is" else not known
    if plain(x) and plain(y):
        return ordinary(COMPARE[op], x, y)
    if looking.can_hash(x) and looking.can_hash(y) and op in ("==", "!="):
        return ordinary(COMPARE[op], x, y)
    whole = _known(cx, x), _known(cx, y)
    if whole[0] is not None and whole[1] is not None:
        return ordinary(COMPARE[op], whole[0][0], whole[1][0])
    p, q = _compared(cx, x), _compared(cx, y)
    odd = op not in ("is", "is not") and {kind(p).name, kind(q).name} & {"any", "ref"}
    return Sym(cx.t.host("compare", p, q, type=ANY if odd else BOOL, op=op))


def _of_objects(cx: Capture, op: str, x: StandIn, y: StandIn) -> StandIn:
    """A comparison with an object of the program's, or with one that was chosen."""
    if isinstance(y, Choice):
        x, y = y, x
        if op not in ("is", "is not", "==", "!="):
            return NotImplemented
    if isinstance(x, Choice):
        if op in ("is", "is not") and y is None:
            none = choices.is_none(cx, x)
            found = none if isinstance(none, bool) else Sym(none)
            return found if op == "is" else binary_not(cx, found)
        return choices.told(cx, x, lambda option: compare(cx, op, option, y))
    if op in ("==", "!=") and isinstance(x, Tracked) and (isinstance(y, Tracked) or is_literal(y)):
        method = objects.special(cx, x, "__eq__")
        if method is not None and op == "==" and (not isinstance(y, Tracked) or y.cls is x.cls):
            result = cx.call(method, (y,), {})
            if result is not NotImplemented:
                return result
        other = objects.special(cx, y, "__eq__") if isinstance(y, Tracked) else None
        if method is not None or other is not None or objects.special(cx, x, "__ne__") is not None:
            raise Escapes(x.cls)
        return _same(x, y) == (op == "==")
    if op in ("is", "is not"):
        return _same(x, y) == (op == "is")
    return operators.compared(cx, op, x, y)


def _same(x: StandIn, y: StandIn) -> bool:
    """`x is y` where one is an object of the program's, which nothing else can be."""
    if x is not y and isinstance(x, Tracked) and isinstance(y, Tracked) and y in x.aliases:
        raise graph_break(STALE_STATE, None, "one side of this comparison (or the other side)")
    return x is y


def binary_not(cx: Capture, x: StandIn) -> StandIn:
    """`not x` of a bool."""
    return (not x) if isinstance(x, bool) else Sym(cx.t.host("unary", cx.t.atom(x), type=BOOL, op="not"))


def _compared(cx: Capture, x: StandIn) -> Atom:
    if isinstance(x, Container) and x.kind == "set" and x.is_static:
        return cx.t.host("set_of", *(cx.t.value_atom(i) for i in x.members))  # its order makes no difference
    if isinstance(x, StateCell) and not isinstance(x, Element) and x.value.type == MAYBE_STATE:
        return x.value
    return cx.t.value_atom(x)


def _identity(cx: Capture, x: StandIn, y: StandIn) -> bool | None:
    """`x is y` where the trace knows; None where only the run does."""
    if isinstance(x, StateCell | Container) and isinstance(y, StateCell | Container):
        return _same_cell(cx, x, y)
    if x is y and not isinstance(x, Unmergeable):
        return True
    for one, two in ((x, y), (y, x)):
        if two is None:
            if isinstance(one, StateCell):
                maybe = not isinstance(one, Element) and one.value.type == MAYBE_STATE
                return None if maybe else False
            if isinstance(one, Container):
                return None if one.kind == "data" else False
            if isinstance(one, Sym):
                return False if one.type.name in ("str", "int", "float", "bool") else None
            if isinstance(one, LazyStr | tuple | Closure | DictView | Once):
                return False
    if _may_be_shared(x) and _may_be_shared(y):
        return _same_value(cx, x, y)
    if any(plain(one) and _may_be_shared(one) and _is_unknown(two) for one, two in ((x, y), (y, x))):
        raise graph_break(NO_RULE, cx.t.span, _IS)
    if is_ordinary(x) and is_ordinary(y):
        return False
    if isinstance(x, Closure) and isinstance(y, Closure | FunctionType):
        return x is y
    return None


def _may_be_shared(x: StandIn) -> bool:
    """True for a text, a number, a tuple or a view of a dict: of two that are alike Python may make one object."""
    if isinstance(x, Sym):
        return x.type.name in ("str", "int", "float")
    return isinstance(x, LazyStr | tuple | DictView) or (plain(x) and not isinstance(x, bool) and x is not None)


def _same_value(cx: Capture, x: StandIn, y: StandIn) -> bool:
    """Whether two such values are one object. Raises CaptureError where that is for Python to say."""
    if isinstance(x, DictView) or isinstance(y, DictView):
        return False  # each call of `keys` makes one
    if plain(x) and plain(y) and (type(x) is not type(y) or x != y):
        return False
    raise graph_break(NO_RULE, cx.t.span, _IS)


def _is_unknown(x: StandIn) -> bool:
    """True for what the run may find to be a text or number."""
    if isinstance(x, Sym):
        return x.type.name not in ("bool", "none")
    return isinstance(x, Container) and x.kind == "data" and not x.is_static


_IS = "`is` between two texts, numbers or tuples, which `==` compares,"


def _same_cell(cx: Capture, x: StateCell | Container, y: StateCell | Container) -> bool | None:
    if x is y:
        return True
    if isinstance(x, Element) or isinstance(y, Element) or any(o is y for o in x.aliases):
        raise graph_break(STALE_STATE, None, "one side of this comparison (or the other side)")
    if not (isinstance(x, Container) and isinstance(y, Container)):
        return False
    cx.t.check_same(x, y)
    return None if not x.is_static and not y.is_static else False


def _known(cx: Capture, x: StandIn) -> tuple[StandIn] | None:
    try:
        return (cx.python(x),)
    except ValueError:
        return None


# --- containers ------------------------------------------------------------------------------------------


def _elements(cx: Capture, nodes: list[ast.expr]) -> tuple[StandIn, ...]:
    items: list[StandIn] = []
    for node in nodes:
        if isinstance(node, ast.Starred):
            items.extend(static_items(cx, cx.eval(node.value), node))
        else:
            items.append(cx.eval(node))
    return tuple(items)


def tuple_node(cx: Capture, node: ast.Tuple) -> StandIn:
    """`(x, y)`."""
    if not any(isinstance(e, ast.Starred) for e in node.elts):
        return tuple(cx.eval(e) for e in node.elts)
    return cx.call(tuple, (_spread(cx, node.elts),), {})


def list_node(cx: Capture, node: ast.List) -> StandIn:
    """`[x, *xs]`."""
    if not any(isinstance(e, ast.Starred) for e in node.elts):
        return Container(cx.t.born(), "list", tuple(cx.eval(e) for e in node.elts))
    return _spread(cx, node.elts)


def _spread(cx: Capture, elements: list[ast.expr]) -> StandIn:
    """A list of elements, some of them starred."""
    whole: StandIn = Container(cx.t.born(), "list", ())
    for element in elements:
        part = cx.eval(element.value if isinstance(element, ast.Starred) else element)
        cx.at(element)
        one = not isinstance(element, ast.Starred)
        if not one:
            check_starred(cx, part)
        more = Container(cx.t.born(), "list", (part,)) if one else cx.call(list, (part,), {})
        whole = binary(cx, "+", whole, more)
    return whole


def check_starred(cx: Capture, x: StandIn) -> None:
    """Raises CaptureError for `*x` of what surely cannot be walked over: Python has words of its own for that."""
    kinds = ("int", "float", "bool", "none")
    if (is_literal(x) and not hasattr(x, "__iter__")) or (isinstance(x, Sym) and x.type.name in kinds):
        raise graph_break(NO_RULE, cx.t.span, "`*` of a number or None")


def set_node(cx: Capture, node: ast.Set) -> StandIn:
    """`{x, y}`."""
    items = _elements(cx, node.elts)
    if all(is_literal(i) for i in items):
        made = Container(cx.t.born(), "set", tuple(dict.fromkeys(items)))
        # Python makes it from a frozen one, in whose order its own is not the one of adding them one by one
        if len(items) > 2 and all(isinstance(e, ast.Constant) for e in node.elts):
            made.fields["$scrambled"] = items
        return made
    return _run_time(cx, "set_of", "set", items)


def dict_node(cx: Capture, node: ast.Dict) -> StandIn:
    """`{key: value, **more}`."""
    pairs: list[tuple[StandIn, StandIn]] = []
    whole: StandIn = None  # all up to the last mapping that only the run knows
    for key, value in zip(node.keys, node.values):
        if key is not None:
            pairs.append((cx.eval(key), cx.eval(value)))
            continue
        inner = cx.eval(value)
        if isinstance(inner, Container) and isinstance(inner.content, dict):
            pairs.extend(inner.content.items())
        else:  # copied here, whatever the values after it do to it
            cx.at(node)
            whole, pairs = _merged(cx, [*_parts(cx, whole, pairs), inner]), []
    cx.at(node)
    if whole is not None:
        return _merged(cx, _parts(cx, whole, pairs)) if pairs else whole
    return _of_pairs(cx, pairs)


def _of_pairs(cx: Capture, pairs: list[tuple[StandIn, StandIn]]) -> StandIn:
    if all(is_literal(k) for k, _ in pairs):
        return Container(cx.t.born(), "dict", dict(pairs))
    return _run_time(cx, "dict", "dict", [x for pair in pairs for x in pair])


def _parts(cx: Capture, whole: StandIn, pairs: list[tuple[StandIn, StandIn]]) -> list[StandIn]:
    return [*([] if whole is None else [whole]), *([_of_pairs(cx, pairs)] if pairs else [])]


def _merged(cx: Capture, mappings: list[StandIn]) -> StandIn:
    """A new dict of several mappings; one that is live has code of its own to say what is in it."""
    live = any(map(has_live, mappings))
    atoms = [cx.argument(m) if live else cx.stored(m) for m in mappings]
    effect, out = ("ordered", ANY) if live else ("none", DATA)
    made = cx.t.call(merged, *atoms, effect=effect, type=out)
    return Container(cx.t.born(), "data", made) if live else wrap(cx.t, made)


def _run_time(cx: Capture, op: str, form: str, items: Sequence[StandIn]) -> StandIn:
    """A container made when the program runs; one that holds something live is live."""
    live = any(map(has_live, items))
    atoms = [cx.argument(i) if live else cx.stored(i) for i in items]
    made = cx.t.host(op, *atoms, type=ANY if live else DATA)
    return Container(cx.t.born(), form, made) if live else wrap(cx.t, made, kind=form)


def _of_function(cx: Capture, value: PartialCall | Closure, name: str) -> StandIn:
    is_partial = isinstance(value, PartialCall) and value.is_partial
    if name == "__name__" and not is_partial:
        return value.name
    if isinstance(value, Closure) or name == "__name__" or not is_partial:
        form = "functools.partial" if is_partial else "function"  # a method asks its function
        raise ProgramRaise(AttributeError, (f"{form!r} object has no attribute {name!r}",))
    if name == "keywords":
        return Container(cx.t.born(), "dict", dict(value.kwargs), borrowed=True)
    return value.fn if name == "func" else value.args


def subscript_node(cx: Capture, node: ast.Subscript) -> StandIn:
    """`x[i]`, `x[i:j]`."""
    value = cx.eval(node.value)
    if isinstance(node.slice, ast.Slice):
        bounds = [None if b is None else cx.eval(b) for b in (node.slice.lower, node.slice.upper, node.slice.step)]
        cx.at(node)
        return _slice(cx, value, bounds)
    index = cx.eval(node.slice)
    cx.at(node)
    return item(cx, value, index)


def item(cx: Capture, value: StandIn, index: StandIn) -> StandIn:
    """`value[index]`."""
    if isinstance(value, Choice):
        return choices.unmixed(cx, value, lambda option: item(cx, option, index))
    if isinstance(value, Tracked):
        return _by_method(cx, value, "__getitem__", index)
    if isinstance(index, Choice):
        return choices.each(cx, index, lambda option: item(cx, value, option))
    if isinstance(value, StateCell):
        return states.get(cx, value, index)
    if isinstance(value, Container):
        return _container_item(cx, value, index)
    if isinstance(value, tuple) and is_literal(index):
        return ordinary(_getitem, value, index)
    if is_ordinary(value) and is_ordinary(index) and (plain(value) or _is_generic(value)):
        return ordinary(_getitem, value, index)
    chosen = choices.of_table(cx, value, index) if isinstance(value, tuple) else None
    if chosen is not None:
        return chosen
    atom = cx.t.value_atom(value)
    out = STR if kind(atom) == STR else (ANY if kind(atom).name in ("any", "ref") else DATA)
    return wrap(cx.t, cx.t.host("item", atom, cx.t.value_atom(index), type=out), borrowed=True)


def _by_method(cx: Capture, obj: Tracked, name: str, *args: StandIn) -> StandIn:
    """What Python does by calling a method of the object's class."""
    method = objects.special(cx, obj, name)
    if method is None:
        raise Escapes(obj.cls)
    return cx.call(method, args, {})


def _is_generic(value: StandIn) -> bool:
    """True for what makes an annotation: list, dict and the like, and the names of `typing`."""
    return value in _GENERIC if isinstance(value, type) else type(value).__module__ == "typing"


_GENERIC = frozenset((list, dict, tuple, set, frozenset, type))


def _getitem(value: Any, index: object) -> object:  # Any: the user's program says what can be indexed
    return value[index]


def _container_item(cx: Capture, container: Container, index: StandIn) -> StandIn:
    content = container.content
    if isinstance(content, dict) and is_literal(index):
        return ordinary(_getitem, content, index)
    if isinstance(content, tuple) and is_literal(index) and container.kind != "set":
        return ordinary(_getitem, list(content), index)
    if container.holds_states and container.kind != "dict":
        return state_lists.element(cx, container, index)
    chosen = choices.of_table(cx, container, index)
    if chosen is not None:
        return chosen
    out = ANY if has_live(container) or has_live(index) else DATA
    return wrap(
        cx.t, cx.t.host("item", cx.t.container_value(container), cx.t.value_atom(index), type=out), borrowed=True
    )


def _slice(cx: Capture, value: StandIn, bounds: list[StandIn]) -> StandIn:
    known = [b for b in bounds if b is None or isinstance(b, int)]
    if len(known) == len(bounds):
        cut = slice(*known)
        if isinstance(value, tuple) or plain(value):
            return ordinary(_getitem, value, cut)
        if isinstance(value, Container) and value.is_static and value.kind in ("list", "group"):
            return Container(cx.t.born(), "list", value.members[cut])
    if isinstance(value, Container) and value.holds_states:
        return state_lists.cut(cx, value, bounds)
    atom = cx.t.value_atom(value)
    out = STR if kind(atom) == STR else (ANY if kind(atom).name in ("any", "ref") else DATA)
    cut_out = cx.t.host("slice", atom, *(cx.t.value_atom(b) for b in bounds), type=out)
    return wrap(cx.t, cut_out, kind="list" if _is_list(value) else "data")


def place(cx: Capture, node: ast.expr) -> StandIn:
    """What is changed or called here: a list of one of several objects stays the list of the one that the run picks."""
    if not isinstance(node, ast.Attribute):
        return cx.eval(node)
    owner = place(cx, node.value)
    cx.at(node)
    if not isinstance(owner, Choice):
        held = attribute(cx, owner, node.attr)
        return cx.placed(held, node) if isinstance(held, Container) else held
    return choices.apart(cx, owner, lambda option: attribute(cx, option, node.attr))


def attribute_node(cx: Capture, node: ast.Attribute) -> StandIn:
    """`x.name`."""
    value = cx.eval(node.value)
    cx.at(node)
    return attribute(cx, value, node.attr)


def attribute(cx: Capture, value: StandIn, name: str) -> StandIn:
    """`value.name`, not called."""
    if isinstance(value, Tracked):
        return objects.attribute(cx, value, name)
    if isinstance(value, Super):
        return objects.of_super(cx, value, name)
    if isinstance(value, Unmergeable):
        raise graph_break(value.code, cx.t.span, value.what)
    if isinstance(value, Choice):
        return choices.unmixed(cx, value, lambda option: attribute(cx, option, name))
    if isinstance(value, PartialCall | Closure) and name in ("func", "args", "keywords", "__name__"):
        return _of_function(cx, value, name)
    if isinstance(value, StateCell) and name == "ret_value" and "ret" in value.fields:
        return value.fields["ret"]
    if isinstance(value, StateCell) and name not in states.METHODS:
        raise graph_break(NOT_A_STATES_METHOD, cx.t.span, f"`.{name}`")
    if is_literal(value) and not hasattr(value, name):
        raise no_attribute(cx.t, type(value).__name__, name, value)
    if isinstance(value, StateCell | LazyStr) or is_literal(value):
        return Method(value, name)
    if isinstance(value, Container):
        if any(hasattr(t, name) for t in (list, dict, set, str)) or value.holds_states or name == "join":
            return Method(value, name)
        if value.is_static and value.kind in ("list", "dict", "set"):
            raise no_attribute(cx.t, value.kind, name, value)
        return wrap(
            cx.t,
            cx.t.host("attr", cx.t.value_atom(value), type=ANY if has_live(value) else DATA, name=name),
            borrowed=True,
        )
    if isinstance(value, Sym):
        if value.type == STR and hasattr(str, name):
            return Method(value, name)
        live = objects.attribute_of_live(cx, value, name)
        if live is not UNBOUND:
            return live
        if value.type.is_value:
            return Sym(cx.t.host("attr", value.value, type=DATA, name=name))
        if name in ("name", "obj") and cx.t.untold:
            raise graph_break(NO_RULE, cx.t.span, f"`.{name}` of what may be an exception")
        return Sym(cx.t.host("attr", value.value, type=ANY, name=name))
    if is_ordinary(value):
        fixed.check_read(cx, value, name)
        return cx.bake_attribute(value, name)
    if isinstance(value, PartialCall):
        if name == "__self__" and not value.is_partial and value.args:
            return value.args[0]
        raise Escapes(maker_of(value))
    raise graph_break(NO_RULE, cx.t.span, f"`.{name}` of this value")
