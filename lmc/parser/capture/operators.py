"""Operators of objects that the program makes of its own classes: `a | b` is `a.__or__(b)`, or `b.__ror__(a)`.

    chain = prompt | model          `Runnable.__or__` is traced, as any other method of an object
    total += price                  `Money.__iadd__`, and where there is none `Money.__add__`

Python asks the left one first, unless the class of the right one is derived from its own; who does not know the other
says `NotImplemented`. Where only the run knows what was said the objects are Python's.
"""

from __future__ import annotations

from lmc.ir.types import BOOL, INT, STR
from lmc.parser.capture import objects
from lmc.parser.capture.context import Capture
from lmc.parser.capture.values import (
    Choice,
    Closure,
    Container,
    Escapes,
    LazyStr,
    PartialCall,
    StandIn,
    StateCell,
    Sym,
    Tracked,
    Unmergeable,
    is_literal,
)
from lmc.parser.primitives import Expr

_NAMES = {
    "+": "add", "-": "sub", "*": "mul", "/": "truediv", "//": "floordiv", "%": "mod", "**": "pow", "@": "matmul",
    "<<": "lshift", ">>": "rshift", "&": "and", "|": "or", "^": "xor",
}  # fmt: skip
# what is surely of no class that is derived from one of the program's
_STRANGERS = (StateCell, Container, LazyStr, Closure, PartialCall, Expr)


def of_objects(cx: Capture, op: str, x: StandIn, y: StandIn) -> StandIn:
    """`x op y` where at least one is an object of the program's. Raises Escapes where its class does not say."""
    cls = next(i.cls for i in (x, y) if isinstance(i, Tracked))
    has_own_way = isinstance(x, StateCell) or (op == "%" and not isinstance(x, Tracked))
    if has_own_way or not (_is_known(x) and _is_known(y)) or _right_comes_first(x, y):
        raise Escapes(cls)
    name = _NAMES[op]
    tried = [(x, f"__{name}__", y)]
    if not isinstance(x, Tracked) or not isinstance(y, Tracked) or x.cls is not y.cls:
        tried.append((y, f"__r{name}__", x))
    for obj, method, other in tried:
        if isinstance(obj, Tracked) and (made := _said(cx, obj, method, other)) is not NotImplemented:
            return made
    raise Escapes(cls)


def in_place(cx: Capture, op: str, x: Tracked, y: StandIn) -> StandIn:
    """`x op= y`, which an object may do in place."""
    made = _said(cx, x, f"__i{_NAMES[op]}__", y)
    return of_objects(cx, op, x, y) if made is NotImplemented else made


_UNARY = {"-": "__neg__", "+": "__pos__", "~": "__invert__"}


def unary(cx: Capture, op: str, x: Tracked) -> StandIn:
    """`-x`, `+x`, `~x`."""
    return _said(cx, x, _UNARY[op])


_COMPARED = {"<": "__lt__", "<=": "__le__", ">": "__gt__", ">=": "__ge__"}


def compared(cx: Capture, op: str, x: StandIn, y: StandIn) -> StandIn:
    """`x < y` by a method of `x`, `x in y` by one of `y`; NotImplemented where that is not how Python would do it."""
    if op in _COMPARED and isinstance(x, Tracked) and _is_known(y) and not _right_comes_first(x, y):
        return _said(cx, x, _COMPARED[op], y)
    if op in ("in", "not in") and isinstance(y, Tracked) and objects.special(cx, y, "__contains__") is not None:
        found = cx.truth(_said(cx, y, "__contains__", x))
        if isinstance(found, bool):
            return found == (op == "in")
        return Sym(found) if op == "in" else Sym(cx.t.host("unary", found, type=BOOL, op="not"))
    return NotImplemented


def length(cx: Capture, x: Tracked) -> StandIn:
    """`len(x)`."""
    made = _said(cx, x, "__len__")
    if type(made) is int and made >= 0:
        return made
    if isinstance(made, Sym) and made.type == INT and not made.type.maybe:
        return made
    raise Escapes(x.cls)


def written(cx: Capture, x: Tracked, *names: str, is_format: bool = True) -> StandIn:
    """An object as text, by the first of these methods that its class has. Raises Escapes where that is not known."""
    if is_format and objects.special(cx, x, "__format__") is not None:
        raise Escapes(x.cls)
    for name in names:
        made = _said(cx, x, name)
        if made is not NotImplemented:
            if type(made) is str or isinstance(made, LazyStr) or (isinstance(made, Sym) and made.type == STR):
                return made
            break
    raise Escapes(x.cls)  # it says where the object is


def _said(cx: Capture, obj: Tracked, name: str, *others: StandIn) -> StandIn:
    """What a method gives, NotImplemented where there is none."""
    method = objects.special(cx, obj, name)
    if method is None:
        if objects.lookup(cx, obj.cls, name)[1] is not None:  # `__add__ = None` says that it cannot be done
            raise Escapes(obj.cls)
        return NotImplemented
    made = cx.call(method, others, {})
    odd = isinstance(made, Sym) and made.type.name in ("any", "ref")
    if odd or isinstance(made, Choice | Unmergeable):  # the run may say that it is NotImplemented
        raise Escapes(obj.cls)
    return made


def _is_known(x: StandIn) -> bool:
    """True for what is an object of the program's, or surely of another kind."""
    return isinstance(x, (Tracked, *_STRANGERS)) or is_literal(x) or (isinstance(x, Sym) and x.type.is_value)


def _right_comes_first(x: StandIn, y: StandIn) -> bool:
    if not (isinstance(x, Tracked) and isinstance(y, Tracked)):
        return False
    return x.cls is not y.cls and issubclass(y.cls, x.cls)
