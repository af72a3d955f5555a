"""What capture takes for fixed, and a program may change all the same: such a program runs as Python.

The names of `builtins`, what a function is made of, the bases of a class, what `unittest.mock` puts in the place of
others; and when an object ends, as a graph holds on to what it has made until the run is over.
"""

from __future__ import annotations

import builtins
import dis
import inspect
from collections.abc import Collection, Iterable
from types import BuiltinFunctionType, FunctionType, ModuleType

from lmc.codes import NO_RULE
from lmc.ir.graph import Value
from lmc.parser.capture import looking, objects
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.context import Capture
from lmc.parser.capture.values import Container, StandIn, Sym, parts_of

_OF_FUNCTIONS = frozenset(("__code__", "__defaults__", "__kwdefaults__", "__globals__", "__closure__", "__dict__"))
_OF_CLASSES = frozenset(("__bases__", "__class__", "__mro__"))
_HANDLES = dis.opmap["PUSH_EXC_INFO"]
_WEAK = frozenset(("weakref", "_weakref", "_weakrefset"))
_NAMED = (FunctionType, BuiltinFunctionType, type)


def check_set(cx: Capture, owner: StandIn, name: StandIn) -> None:
    """Refuse to bind or delete an attribute that was taken for fixed."""
    if looking.is_a(owner, FunctionType) and (name in _OF_FUNCTIONS or not isinstance(name, str)):
        raise graph_break(NO_RULE, cx.t.span, f"changing `{name}` of a function")
    if looking.is_a(owner, type) and name in _OF_CLASSES:
        raise graph_break(NO_RULE, cx.t.span, f"changing `{name}` of a class")
    if owner is builtins:
        raise graph_break(NO_RULE, cx.t.span, "changing `builtins`")


def check_read(cx: Capture, owner: StandIn, name: str) -> None:
    """Refuse to hand out the dict that a function has its defaults in: it may be changed."""
    if looking.is_a(owner, FunctionType) and name == "__kwdefaults__":
        raise graph_break(NO_RULE, cx.t.span, "`__kwdefaults__` of a function")


def check_call(cx: Capture, fn: StandIn) -> None:
    """Refuse a call that changes what is fixed, or tells when an object ends."""
    if not (looking.is_a(fn, _NAMED) and looking.is_quiet(fn)):
        return
    module, name = getattr(fn, "__module__", None), str(getattr(fn, "__name__", ""))
    if module == "unittest.mock" and name.startswith(("patch", "_patch")):
        raise graph_break(NO_RULE, cx.t.span, "`unittest.mock.patch`")
    if module in _WEAK:
        raise graph_break(NO_RULE, cx.t.span, "a weak reference")
    if isinstance(fn, type) and any("__del__" in vars(base) and objects.is_own(base) for base in type.mro(fn)):
        raise graph_break(NO_RULE, cx.t.span, "an object with a `__del__`")


def handles_errors(fn: FunctionType) -> bool:
    """True for a generator function that handles what is raised in it, as it is where a generator is dropped."""
    return inspect.isgeneratorfunction(fn) and _HANDLES in fn.__code__.co_code[::2]


def check_held(cx: Capture, x: StandIn) -> None:
    """Refuse to hold by a name what does something when it is dropped: a graph drops it once the run is over."""
    for each in (x, *(parts_of(x.fields["content"]) if isinstance(x, Container) else x if type(x) is tuple else ())):
        held = each.value if isinstance(each, Sym) else each.fields["content"] if isinstance(each, Container) else None
        if isinstance(held, Value) and held.name in cx.t.cleaning:
            raise graph_break(NO_RULE, cx.t.span, "a name for a generator that cleans up when it is left half-way")


def check_class(cx: Capture, names: Collection[str], found: Iterable[object]) -> None:
    """Refuse a class whose code names what tells when an object ends; `found` is what its names stand for."""
    if "__del__" in names:
        raise graph_break(NO_RULE, cx.t.span, "an object with a `__del__`")
    for x in found:
        if _module_of(x) in _WEAK:
            raise graph_break(NO_RULE, cx.t.span, "a weak reference")


def _module_of(x: object) -> object:
    if type(x) is ModuleType:
        return x.__name__
    return getattr(x, "__module__", None) if looking.is_a(x, _NAMED) and looking.is_quiet(x) else None
