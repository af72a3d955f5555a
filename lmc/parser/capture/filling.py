"""Methods that walk over what they are given and change their receiver: an item goes in before the next one is made.

    seen.extend(w for w in words if w not in seen)      for w in words:
                                                            if w not in seen:
                                                                seen.append(w)

So the items see the receiver as it grows, and where one of them raises, those before it are in.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from lmc.codes import CHANGED_WHILE_WALKED, DEFERRED
from lmc.parser.capture import comprehensions
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.context import Capture
from lmc.parser.capture.iteration import has_code, is_live
from lmc.parser.capture.values import Container, DictView, Generator, Method, Once, StandIn
from lmc.parser.capture.watched import sources_of

FILLERS = frozenset(("extend", "extendleft", "update", "difference_update", "subtract"))


def fills_itself(cx: Capture, m: Method, args: tuple[StandIn, ...]) -> bool:
    """True where a call must put in item by item. Raises CaptureError where it walks over its own receiver."""
    if m.name not in FILLERS or not any(isinstance(x, Generator | Once) for x in args):
        return False
    if any(_goes_in_turns(cx, x, m.receiver) for x in args):
        return True
    if any(_is_of(source, m.receiver) for x in args for source, _ in sources_of(x)):
        raise graph_break(CHANGED_WHILE_WALKED, cx.t.span)
    return False


def filled(cx: Capture, m: Method, args: tuple[StandIn, ...]) -> None:
    """Put in what each argument gives, one argument after another."""
    put = _PUTS.get((m.receiver.kind, m.name)) if isinstance(m.receiver, Container) else None
    for x in args:
        if not _goes_in_turns(cx, x, m.receiver):
            cx.call(m, (x,), {})
            continue
        gen = x if isinstance(x, Generator) else comprehensions.generator_over(cx, x)
        stmt = None if put is None else put(gen.node.elt)
        if stmt is None:
            raise graph_break(DEFERRED, cx.t.span, f"`{x.name}`" if isinstance(x, Once) else "a generator expression")
        comprehensions.into(cx, gen, m.receiver, stmt)


def _goes_in_turns(cx: Capture, x: StandIn, receiver: StandIn) -> bool:
    """True where it can be seen that an item goes in before the next is made."""
    if has_code(cx, x):
        return True
    # what is in before an error is seen where the program goes on behind it, and in what is not the program's own
    return _calls(x) and (bool(cx.t.tries) or not _is_own(receiver))


def _is_own(receiver: StandIn) -> bool:
    """True of a container that nobody but the program has."""
    return isinstance(receiver, Container) and receiver.path is None and not receiver.borrowed and not receiver.is_live


def _calls(x: StandIn) -> bool:
    return isinstance(x, Once) and (x.builtin in (map, filter) or any(map(_calls, x.sources)))


def _is_of(source: StandIn, receiver: StandIn) -> bool:
    """True where a change of the receiver may be one of what is walked over."""
    source = source.container if isinstance(source, DictView) else source
    return source is receiver or (is_live(source) and is_live(receiver))


def _method(name: str) -> Callable[[ast.expr], list[ast.stmt]]:
    def put(item: ast.expr) -> list[ast.stmt]:
        return [ast.Expr(ast.Call(ast.Attribute(comprehensions.collected(), name, ast.Load()), [item], []))]

    return put


def _set_item(pair: ast.expr) -> list[ast.stmt] | None:
    """`receiver[key] = value` of a pair that is written as one."""
    if not isinstance(pair, ast.Tuple) or len(pair.elts) != 2 or any(isinstance(x, ast.Starred) for x in pair.elts):
        return None
    return comprehensions.set_item(*pair.elts)


_PUTS: dict[tuple[str, str], Callable[[ast.expr], list[ast.stmt] | None]] = {
    ("list", "extend"): _method("append"),
    ("set", "update"): _method("add"),
    ("set", "difference_update"): _method("discard"),
    ("dict", "update"): _set_item,
}
