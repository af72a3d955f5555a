"""Walking over things: what an iterable gives, as far as the trace knows, and what may not happen meanwhile.

A one-pass iterable (a generator expression, zip, map) has not begun when it is made: its items come about when somebody
walks over it, as in Python. Walking over a list that the body changes is a graph break, unless the walk is unrolled.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeGuard

from lmc.codes import CHANGED_WHILE_WALKED, DEFERRED, NO_RULE
from lmc.ir.analysis import effect_of, raises
from lmc.ir.builtins import LAZY
from lmc.ir.graph import Atom, Block, Graph, Node, Value
from lmc.ir.types import ANY, DATA, REF
from lmc.parser.capture import comprehensions
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.context import Capture
from lmc.parser.capture.exits import under
from lmc.parser.capture.loop_region import Region
from lmc.parser.capture.state_lists import each_element
from lmc.parser.capture.tracer import Arm, ProgramRaise, kind
from lmc.parser.capture.values import (
    Container,
    DictView,
    Generator,
    LazyStr,
    Method,
    Once,
    StandIn,
    Sym,
    is_literal,
    known_items,
)
from lmc.parser.capture.watched import Watched, sources_of


def listed(cx: Capture, x: StandIn) -> StandIn:
    """All that a one-pass iterable gives, which ends it; anything else as it is."""
    if isinstance(x, Generator):
        return comprehensions.all_of(cx, x)
    if isinstance(x, Once):
        comprehensions.begin(cx, x, f"`{x.name}`")
        return x.make()
    return x


def effectless(cx: Capture, x: StandIn, *, alone: bool) -> StandIn:
    """All that an iterable gives, as a list, where it does not matter when that is made. Else the iterable.

    It does not where making it has no effect, and where who walks over it runs no code in between: `alone` says that
    this is given nothing else that has any.
    """
    if not has_code(cx, x):
        return x
    trial = Arm(cx.t)
    try:
        with trial.open():
            every = listed(cx, x)
            is_quiet = alone and not isinstance(every, Once | Generator) and cx.t.holds_plain(every)
    except ProgramRaise:  # what was traced up to the exception does happen
        if _has_effects(cx, trial) and not alone:
            raise graph_break(DEFERRED, cx.t.span, "an argument of this call") from None
        trial.commit()
        raise
    if _has_effects(cx, trial) and not is_quiet:
        return x
    trial.commit()
    return every


@contextmanager
def made_apart(cx: Capture, x: StandIn, what: str) -> Iterator[StandIn]:
    """What `what` walks over as a list, while its function is called for the items, which happens in here.

    Python calls it for an item before it makes the next one. Raises CaptureError where that can be seen.
    """
    if not isinstance(x, Generator | Once):
        yield x
        return
    nodes, begin = cx.t.nodes, len(cx.t.nodes)
    refused = graph_break(DEFERRED, cx.t.span, f"what `{what}` walks over")
    try:
        every = listed(cx, x)
    except ProgramRaise:
        raise refused from None
    middle = len(nodes)
    has_effects, may_fail = _seen(cx, nodes[begin:middle])
    try:
        yield every
    except ProgramRaise:
        if has_effects:
            raise refused from None
        raise
    calls_have, calls_may = _seen(cx, nodes[middle:])
    if (has_effects and (calls_have or calls_may)) or (may_fail and calls_have):
        raise refused


def _seen(cx: Capture, nodes: Sequence[Node]) -> tuple[bool, bool]:
    """Whether any of the nodes has an effect, and whether any may fail."""
    graph = Graph("", (), tuple(cx.t.externs.values()), Block((), tuple(nodes)))
    return any(effect_of(node, graph) != "none" for node in nodes), any(raises(node, graph) for node in nodes)


def _has_effects(cx: Capture, arm: Arm) -> bool:
    return _seen(cx, arm.nodes)[0]


def has_code(cx: Capture, x: StandIn) -> bool:
    """True for an iterable that runs code of the program while it is walked over."""
    if isinstance(x, Generator):
        return not _is_quiet(x)
    return isinstance(x, Once) and (x.has_code or any(has_code(cx, i) for i in x.sources))


def _is_quiet(gen: Generator) -> bool:
    """True where it makes no difference when the items are made: they depend on nothing but what is walked over."""
    [clause, *others] = gen.node.generators
    items = known_items(gen.first)
    if others or items is None or not all(is_literal(i) or isinstance(i, LazyStr | Sym) for i in items):
        return False
    own = {n.id for n in ast.walk(clause.target) if isinstance(n, ast.Name)}
    parts = [n for e in (gen.node.elt, *clause.ifs) for n in ast.walk(e)]
    return all(isinstance(n, _QUIET) and (not isinstance(n, ast.Name) or n.id in own) for n in parts)


_QUIET = (
    ast.Constant, ast.Name, ast.expr_context, ast.JoinedStr, ast.FormattedValue, ast.BinOp, ast.operator, ast.UnaryOp,
    ast.unaryop, ast.BoolOp, ast.boolop, ast.Compare, ast.cmpop, ast.Tuple, ast.IfExp,
)  # fmt: skip


def static_items(cx: Capture, x: StandIn, node: ast.AST | None = None) -> tuple[StandIn, ...]:
    """The items of an iterable; a graph break where only the run knows them."""
    items = known_items(listed(cx, x))
    if items is None:
        span = cx.at(node) if node is not None else cx.t.span
        raise graph_break(NO_RULE, span, "`*` of a run-time sequence")
    return items


@contextmanager
def unchanged(cx: Capture, given: StandIn) -> Iterator[None]:
    """What is walked over in here must not change: a graph break where it does."""
    watched = Watched(cx.t, sources_of(given))
    yield
    if watched.changed():
        raise graph_break(CHANGED_WHILE_WALKED, cx.t.span)


def is_live(x: StandIn) -> bool:
    """True for what is, or may be, a live object of the user's: walking over it may be an effect of each step."""
    if isinstance(x, Generator):
        return is_live(x.first)
    if isinstance(x, Once):
        return any(is_live(source) for source in x.sources)
    if isinstance(x, DictView):
        x = x.container
    if isinstance(x, Container):
        x = x.fields["content"]
    value = x.value if isinstance(x, Sym) else x
    return isinstance(value, Value) and value.type.name in ("any", "ref")


def is_stepped(x: StandIn, cx: Capture) -> TypeGuard[Once]:
    """True for a one-pass iterable that must be stepped when its loop steps, as a part of it is a live object."""
    if not isinstance(x, Once):
        return False
    if x.kwargs.get("strict", False) is not False:  # it raises behind the last turn
        lengths = [None if (items := known_items(source)) is None else len(items) for source in x.sources]
        return None in lengths or len(set(lengths)) > 1
    if not is_live(x):
        return False
    sources = [source for source, _ in sources_of(x)]
    if not any(isinstance(source, Container) and source.holds_states for source in sources):
        return True
    # beside states it is walked over by index, which an argument of unknown type can be
    given = {param.value for param in cx.t.params.values()}
    return not all(isinstance(s, Sym) and s.value in given for s in sources if is_live(s))


def iterator(cx: Capture, x: Once) -> Sym:
    """The iterator of Python's own that a one-pass iterable stands for, as a live object that is stepped as it is."""
    if has_code(cx, x) or x.builtin is None:
        raise graph_break(DEFERRED, cx.t.span, f"`{x.name}`")
    comprehensions.begin(cx, x, f"`{x.name}`")
    atoms = [_stepped(cx, a) for a in x.args] + [_stepped(cx, x.kwargs[k]) for k in x.kwargs]
    return Sym(cx.t.call(LAZY[x.builtin], *atoms, type=REF, keys=tuple(x.kwargs)))


def as_walked(cx: Capture, x: StandIn) -> StandIn:
    """What an iterable gives to who may not take all of it: an iterator of Python's own where a step may run code."""
    return iterator(cx, x) if is_stepped(x, cx) else listed(cx, x)


def _stepped(cx: Capture, x: StandIn) -> Atom:
    return iterator(cx, x).value if isinstance(x, Once) else cx.argument(listed(cx, x))


def filter_over(cx: Capture, x: StandIn, keep: Callable[[StandIn], StandIn]) -> Container:
    """`[i for i in x if keep(i)]`."""
    out = comprehensions.collector(cx, "list", cx.node)

    def one(item: StandIn) -> None:
        truth = cx.truth(keep(item))
        if isinstance(truth, bool):
            if truth:
                _push(cx, out, item)
        else:
            under(cx, truth, lambda: _push(cx, out, item))

    with unchanged(cx, x), made_apart(cx, x, "filter") as x:
        items = known_items(x)
        if items is not None:
            for item in items:
                one(item)
        elif isinstance(x, Container) and x.holds_states:
            each_element(cx, x, lambda i, cell: one(cell))
        else:
            _walk(cx, x, one)
    return out


def map_over(cx: Capture, x: StandIn, each: Callable[[StandIn], StandIn]) -> Container:
    """`[each(i) for i in x]`."""
    # what `x` is made of is watched, not the list that comes of it: that is new
    with unchanged(cx, x), made_apart(cx, x, "map") as x:
        items = known_items(x)
        if items is not None:
            return Container(cx.t.born(), "list", tuple(each(i) for i in items))
        out = comprehensions.collector(cx, "list", cx.node)
        if isinstance(x, Container) and x.holds_states:
            each_element(cx, x, lambda i, cell: _push(cx, out, each(cell)))
        else:
            _walk(cx, x, lambda item: _push(cx, out, each(item)))
        return out


def _walk(cx: Capture, x: StandIn, body: Callable[[StandIn], None]) -> None:
    holder = ast.Pass()
    ast.copy_location(holder, cx.node)
    if isinstance(x, Once):
        x = iterator(cx, x)
    atom = cx.t.atom(x)
    Region(cx, holder, "for", (atom,), ANY if kind(atom).name in ("any", "ref") else DATA, body).trace()


def _push(cx: Capture, container: Container, x: StandIn) -> None:
    cx.call(Method(container, "append"), (x,), {})
