"""Loops of the user's: unrolled where what they walk over is known at trace time, else a region (see `loop_region`).

    for x in ["a", "b"]: ...      unrolled: the body is traced twice, and the graph has no loop
    for x in s["list"].split()    a `for` region, whose turns only the run counts
    while n < 3                   tried unrolled; thrown away and traced as a `loop` region once its test, or whether a
                                  turn leaves it, depends on the run

A loop over known items is unrolled even if its body may leave it: the turns after a `break` that is not sure stand
under a test, one in the other. So an early `return` inside keeps the program's structure known, which a region would
not.
"""

from __future__ import annotations

import ast
import copy

from lmc.codes import CHANGED_WHILE_WALKED, DEFERRED, ENDLESS_LOOP
from lmc.ir.graph import Atom, Lit
from lmc.ir.types import ANY, BOOL, DATA, INT, STR
from lmc.parser.capture import exits, state_lists
from lmc.parser.capture.blocks import execute
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.context import Capture
from lmc.parser.capture.expressions import binary, item
from lmc.parser.capture.generators import IteratorStep
from lmc.parser.capture.iteration import as_walked, has_code, is_live
from lmc.parser.capture.lazy_loops import stepped
from lmc.parser.capture.loop_region import Region
from lmc.parser.capture.targets import assign
from lmc.parser.capture.tracer import Arm, ProgramRaise, kind
from lmc.parser.capture.values import (
    MAX_UNROLL,
    Columns,
    Container,
    DictView,
    StandIn,
    Sym,
    known_items,
)
from lmc.parser.capture.watched import Watched, sources_of

# what counts as endless: turns or nodes of a `while`, turns over a container that its own body makes longer
MAX_WHILE = 1000


class TurnedSymbolic(Exception):
    """A loop being unrolled depends on run-time values, or has too many turns."""


# --- for -------------------------------------------------------------------------------------------------


def for_loop(cx: Capture, node: ast.For) -> None:
    """`for target in iterable: body`."""
    if node.orelse:
        return _with_else(cx, node)
    # the code of a generator runs between the turns of the loop: as a loop of its own it is traced in that order
    inner = _of_generator(cx, node) if isinstance(node.iter, ast.GeneratorExp) else None
    if inner is not None:
        return for_loop(cx, inner)
    given = cx.eval(node.iter)
    cx.t.span = span = cx.at(node)
    lazy = stepped(cx, node, given)
    if lazy is not None:
        return for_loop(cx, lazy)
    if has_code(cx, given):
        raise graph_break(DEFERRED, span, "this iterable, which runs code of the program between the turns,")
    # a live object inside `zip` and the like is stepped when the loop steps
    iterable = as_walked(cx, given)
    items = known_items(iterable)
    cx.t.span = span
    if items is not None and len(items) <= MAX_UNROLL:
        _unrolled(cx, node, _Walk(cx, given, items))
        return
    watched = Watched(cx.t, sources_of(given))
    if isinstance(iterable, Columns):
        _over_columns(cx, node, iterable)
    elif isinstance(iterable, Container) and iterable.holds_states:
        _over_columns(cx, node, Columns((iterable,), single=True))
    else:
        _over_values(cx, node, iterable)
    # data is taken before the first turn, so a change in the body would be missed; a live object is asked in each turn
    if watched.changed() and not _is_asked(given):
        raise watched.refusal(span)


def _is_asked(given: StandIn) -> bool:
    """True for a live object that is walked over itself."""
    return isinstance(given, Sym | Container | DictView) and is_live(given)


class _Renamed(ast.NodeTransformer):
    """Gives names of a generator expression other ones, which its surroundings cannot use."""

    def __init__(self, names: set[str], prefix: str) -> None:
        self.names, self.prefix = names, prefix

    def visit_Name(self, node: ast.Name) -> ast.Name:
        if node.id not in self.names:
            return node
        return ast.copy_location(ast.Name(self.prefix + node.id, node.ctx), node)


def _of_generator(cx: Capture, node: ast.For) -> ast.For | None:
    """`for t in (e for x in xs if c): body` as `for x in xs: if c: t = e; body`, in whose order Python does it."""
    assert isinstance(node.iter, ast.GeneratorExp)
    clause = node.iter.generators[0]
    # a parameter of a lambda may have one of the names, and is not an `ast.Name` that would be renamed with it
    if len(node.iter.generators) > 1 or any(isinstance(n, ast.Lambda) for n in ast.walk(node.iter)):
        return None
    names = {n.id for n in ast.walk(clause.target) if isinstance(n, ast.Name)}
    # Python has no name that begins with `$`: the body cannot see what the generator binds
    prefix = f"${node.lineno}_{node.col_offset}_"
    renamed = _Renamed(names, prefix)
    target, elt, *tests = (renamed.visit(copy.deepcopy(e)) for e in (clause.target, node.iter.elt, *clause.ifs))
    step, item = _step(f"{prefix}item", elt)
    body: list[ast.stmt] = [*step, ast.copy_location(ast.Assign([node.target], item), node.iter), *node.body]
    for num, each in reversed(list(enumerate(tests))):
        step, test = _step(f"{prefix}test{num}", each, is_test=True)
        body = [*step, ast.copy_location(ast.If(test, body, []), each)]
    return ast.copy_location(ast.For(target, clause.iter, body, []), node)


def _step(name: str, value: ast.expr, *, is_test: bool = False) -> tuple[list[ast.stmt], ast.expr]:
    """What is done first for a part of a generator, and the expression that is left: code may raise StopIteration."""
    if not any(isinstance(n, _CODE) for n in ast.walk(value)):
        return [], value
    return [ast.copy_location(IteratorStep(name, value, is_test=is_test), value)], ast.copy_location(
        ast.Name(name, ast.Load()), value
    )


_CODE = (ast.Call, ast.Attribute, ast.Subscript)


class _Walk:
    """What an unrolled loop walks over. A container is looked at again in each turn, as the body may change it."""

    def __init__(self, cx: Capture, given: StandIn, items: tuple[StandIn, ...]) -> None:
        self.given, self.items, self.span = given, items, cx.t.span
        self.container = (
            given.container if isinstance(given, DictView) else given if isinstance(given, Container) else None
        )
        self.members = self.container.members if self.container is not None else ()
        self.is_resized = False
        self.watched = Watched(cx.t, sources_of(given))

    def has(self, at: int) -> bool:
        """True where turn `at` begins, be it in error; a graph break where the body has made that unknown."""
        if self.container is not None and at > 0:
            self._look_again(self.container, at)
        elif self.watched.changed_ahead(at):
            raise graph_break(CHANGED_WHILE_WALKED, self.span)
        return self.is_resized or at < len(self.items)

    def _look_again(self, container: Container, at: int) -> None:
        items = known_items(self.given)
        if items is None:
            raise self.watched.refusal(self.span)
        if at > MAX_WHILE:
            raise graph_break(CHANGED_WHILE_WALKED, self.span)
        # Python compares sizes alone, and raises where the next item is taken: that turn begins, in error
        self.is_resized = container.kind in ("dict", "set") and len(items) != len(self.members)
        if self.is_resized:
            return
        # as many members, but others: which of them Python would come to next depends on its hash table
        if container.kind in ("dict", "set") and container.members != self.members:
            raise graph_break(CHANGED_WHILE_WALKED, self.span)
        # a list is walked over by index, whatever is done to it meanwhile
        self.items = items

    def item(self, at: int) -> StandIn:
        """The item of turn `at`; a dict or set that was resized raises."""
        if self.is_resized:
            assert self.container is not None
            what = "dictionary" if self.container.kind == "dict" else "Set"
            raise ProgramRaise(RuntimeError, (f"{what} changed size during iteration",))
        return self.items[at]


def _unrolled(cx: Capture, node: ast.For, walk: _Walk) -> None:
    frame = cx.frame
    # a `break` in here is not one of the loop around it
    outer, frame.exits = frame.exits, set()
    _turns(cx, node, walk, 0)
    exits.settle_exit(cx, frame)
    frame.exits |= outer


def _turns(cx: Capture, node: ast.For, walk: _Walk, at: int) -> None:
    frame = cx.frame
    while walk.has(at):
        cx.at(node)
        assign(cx, node.target, walk.item(at))
        execute(cx, node.body)
        at += 1
        left = frame.fields["$exit"]
        if isinstance(left, Sym):
            # whether there is a next turn only the run knows: all that are left are traced under one test
            if walk.has(at):
                if at > MAX_UNROLL:  # the body makes it longer: an arm in an arm for each turn
                    raise graph_break(CHANGED_WHILE_WALKED, cx.at(node))
                cx.at(node)
                go = cx.t.host("compare", left.value, Lit((exits.RUNNING, exits.CONTINUE)), type=BOOL, op="in")
                exits.under(cx, go, lambda at=at: _go_on(cx, node, walk, at))  # type: ignore[misc]
            return
        if left in (exits.BREAK, exits.RETURN):
            return
        if left == exits.CONTINUE:
            cx.t.write(frame, "$exit", exits.RUNNING)


def _go_on(cx: Capture, node: ast.For, walk: _Walk, at: int) -> None:
    cx.t.write(cx.frame, "$exit", exits.RUNNING)
    _turns(cx, node, walk, at)


def _over_values(cx: Capture, node: ast.For, iterable: StandIn) -> None:
    atom = cx.t.value_atom(iterable)
    source = kind(atom)
    if isinstance(atom, Lit) and not isinstance(atom.value, str | tuple | bytes):
        raise ProgramRaise(TypeError, (f"{type(atom.value).__name__!r} object is not iterable",))
    type_ = STR if source == STR else (ANY if source.name in ("any", "ref") else DATA)
    if isinstance(iterable, range):
        type_ = INT
    Region(cx, node, "for", (atom,), type_, lambda item: assign(cx, node.target, item)).trace()


def _over_columns(cx: Capture, node: ast.For, columns: Columns) -> None:
    """Over lists of states, alone or zipped with others: by index, as the states are changed in place."""
    # zip stops with its shortest column; an int is the count of enumerate, which never ends
    counts = [_count(cx, c) for c in columns.columns if not isinstance(c, int)]
    shortest = counts[0] if len(counts) == 1 else cx.t.call(min, *counts, effect="none", type=INT)
    walk = cx.t.call(range, shortest, effect="none", type=DATA)

    def bind(index: StandIn) -> None:
        cells = tuple(_column(cx, c, index) for c in columns.columns)
        assign(cx, node.target, cells[0] if columns.single else cells)

    Region(cx, node, "for", (walk,), INT, bind).trace()


def _count(cx: Capture, column: StandIn) -> Atom:
    if isinstance(column, Container) and column.holds_states:
        return cx.t.atom(state_lists.length(cx, column))
    return cx.t.host("len", cx.t.atom(column), type=INT)


def _column(cx: Capture, column: StandIn, index: StandIn) -> StandIn:
    if isinstance(column, int):
        return index if column == 0 else binary(cx, "+", index, column)
    if isinstance(column, Container) and column.holds_states:
        return state_lists.element(cx, column, index)
    if isinstance(column, Columns):
        cells = tuple(_column(cx, c, index) for c in column.columns)
        return cells[0] if column.single else cells
    return item(cx, column, index)


# --- while -----------------------------------------------------------------------------------------------


def while_loop(cx: Capture, node: ast.While) -> None:
    """`while test: body`."""
    if node.orelse:
        return _with_else(cx, node)
    # on trial: nothing of it is in the graph before `commit`
    attempt = Arm(cx.t, sure=True)
    frame = cx.frame
    outer, frame.exits = frame.exits, set()
    try:
        with attempt.open():
            _while_unrolled(cx, node)
        attempt.commit()
    # the turns before the exception do happen
    except ProgramRaise:
        attempt.commit()
        raise
    except TurnedSymbolic:  # the attempt is dropped with all it wrote: `open` has put the fields back
        frame.exits = set()
        cx.at(node)
        region = Region(cx, node, "loop", (), None, None)
        region.trace()
        if region.is_endless:
            raise graph_break(ENDLESS_LOOP, cx.at(node)) from None
    exits.settle_exit(cx, frame)
    frame.exits |= outer


def _while_unrolled(cx: Capture, node: ast.While) -> None:
    frame = cx.frame
    for _ in range(MAX_WHILE):
        truth = cx.truth(cx.eval(node.test))
        if not isinstance(truth, bool):
            raise TurnedSymbolic
        if not truth:
            return
        execute(cx, node.body)
        left = frame.fields["$exit"]
        if isinstance(left, Sym):
            raise TurnedSymbolic
        if left in (exits.BREAK, exits.RETURN):
            return
        # a `continue` ends the turn, and is over with it
        cx.t.write(frame, "$exit", exits.RUNNING)
        # a turn that adds nodes without end would fill the memory long before it is counted
        if len(cx.t.nodes) > MAX_WHILE:
            break
    raise TurnedSymbolic


class _Breaks(ast.NodeTransformer):
    """Lets a loop's own `break` say so in a name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def visit_Break(self, node: ast.Break) -> StandIn:
        set_it = ast.Assign([ast.Name(self.name, ast.Store())], ast.Constant(True))
        return [_located(set_it, node), node]

    def _inner_loop(self, node: ast.For | ast.While) -> ast.AST:
        """A `break` in its body leaves the inner loop; one in its `else` leaves the loop around it."""
        node.orelse = self.visit(ast.Module(node.orelse, [])).body
        return node

    def _leave(self, node: ast.AST) -> ast.AST:
        return node

    visit_For = visit_While = _inner_loop
    visit_FunctionDef = visit_Lambda = _leave


def _located(new: ast.stmt, old: ast.AST) -> ast.stmt:
    for part in ast.walk(ast.copy_location(new, old)):
        if isinstance(part, ast.expr | ast.stmt):
            ast.copy_location(part, old)
    return new


def _with_else(cx: Capture, node: ast.For | ast.While) -> None:
    """A loop with `else`: the loop, then the else block unless it broke."""
    # by its place, as loops with an `else` may stand in one another
    name = f"$broke{node.lineno}_{node.col_offset}"
    cx.t.write(cx.frame, name, False)
    loop = copy.copy(node)
    loop.orelse = []
    loop.body = _Breaks(name).visit(ast.Module(copy.deepcopy(node.body), [])).body
    test = ast.UnaryOp(ast.Not(), ast.Name(name, ast.Load()))
    after = _located(ast.If(test, [], []), node)
    assert isinstance(after, ast.If)
    after.body = node.orelse
    execute(cx, [loop, after])


# --- regions ---------------------------------------------------------------------------------------------
