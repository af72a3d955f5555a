"""Loops: unrolled where what they walk over is known at trace time, else a region.

A region's slots grow to a fixpoint: trace the body, lift what it changed, trace again. `while test: body` is a
region that breaks where the test fails. A while loop is tried unrolled first and thrown away once its test or its
way out turns symbolic.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lmc.ir.graph import UNSET, Atom, Block, Lit, Node, Value
from lmc.ir.types import ANY, BOOL, DATA, INT, MAYBE_STATE, NONE, STATE, STATES, STR, Type, join, type_of
from lmc.parser.capture import exits, states
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.expressions import binary, item
from lmc.parser.capture.tracer import FLAGS, Arm, Key, ProgramRaise, boxes_in, kind, wrap
from lmc.parser.capture.values import (
    UNBOUND,
    Box,
    Frame,
    Generator,
    Once,
    Owner,
    Pieces,
    Rows,
    StateCell,
    Sym,
    Unmergeable,
    View,
    is_literal,
    same_literal,
)

if TYPE_CHECKING:
    from lmc.parser.capture.context import Capture

MAX_UNROLL = 64
MAX_WHILE = 1000


class NeedLift(Exception):
    """A name bound only in the loop's body is read before it is bound: it must be carried."""

    def __init__(self, marker: NotLifted) -> None:
        super().__init__(marker.key[1])
        self.marker = marker


class NotLifted:
    """Stands in a name's slot at the start of a turn while the name is not carried."""

    __slots__ = ("key", "region")

    def __init__(self, key: Key, region: Region) -> None:
        self.key, self.region = key, region


class TurnedSymbolic(Exception):
    """A loop being unrolled depends on run-time values."""


# --- for -------------------------------------------------------------------------------------------------


def for_loop(cx: Capture, node: ast.For) -> None:
    """`for target in iterable: body`."""
    if node.orelse:
        return _with_else(cx, node)
    inner = _of_generator(cx, node) if isinstance(node.iter, ast.GeneratorExp) else None
    if inner is not None:
        return for_loop(cx, inner)
    given = cx.eval(node.iter)
    cx.t.span = span = cx.at(node)
    if cx.has_code(given):
        raise graph_break("LMC-GB003", span, "this iterable, which runs code of the program between the turns,")
    iterable = cx.listed(given)
    items = known_items(iterable)
    cx.t.span = span
    if items is not None and len(items) <= MAX_UNROLL:
        _unrolled(cx, node, _Walk(cx, given, items))
        return
    with unchanged(cx, given):
        if isinstance(iterable, Rows):
            _over_rows(cx, node, iterable)
        elif isinstance(iterable, Box) and iterable.holds_states:
            _over_rows(cx, node, Rows((iterable,), single=True))
        else:
            _over_values(cx, node, iterable)


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
    if len(node.iter.generators) > 1 or any(isinstance(n, ast.Lambda) for n in ast.walk(node.iter)):
        return None
    names = {n.id for n in ast.walk(clause.target) if isinstance(n, ast.Name)}
    renamed = _Renamed(names, f"${node.lineno}_{node.col_offset}_")
    target, elt, *tests = (renamed.visit(copy.deepcopy(e)) for e in (clause.target, node.iter.elt, *clause.ifs))
    body: list[ast.stmt] = [ast.copy_location(ast.Assign([node.target], elt), node.iter), *node.body]
    for test in reversed(tests):
        body = [ast.copy_location(ast.If(test, body, []), test)]
    return ast.copy_location(ast.For(target, clause.iter, body, []), node)


def known_items(x: Any) -> tuple[Any, ...] | None:
    """What an iterable gives, where the trace knows; None where only the run does."""
    if isinstance(x, Box):
        if x.is_static and x.kind == "set":
            return tuple(set(x.content))  # a set has an order of its own
        return tuple(x.content) if x.is_static else None
    if isinstance(x, View):
        return x.items
    if isinstance(x, tuple):
        return x
    if isinstance(x, str | range | bytes | frozenset):
        return tuple(x) if len(x) <= MAX_UNROLL else None
    return None


class _Watched:
    """The containers and live objects that a loop walks over, which its body may change."""

    def __init__(self, cx: Capture, given: Any) -> None:
        sources = list(_sources(given))
        boxes = [(x.box if isinstance(x, View) else x, way) for x, way in sources]
        self.before = [(box, self._mark(box), way) for box, way in boxes if isinstance(box, Box)]
        self.live = {cx.t.origin(x.value) for x, _ in sources if isinstance(x, Sym)}
        self.live |= {cx.t.origin(mark) for _, mark, _ in self.before if isinstance(mark, Value)}
        self.log, self.begun = cx.t.changed, len(cx.t.changed)

    def _mark(self, box: Box) -> Any:
        """Changed states in a list are no change of the list."""
        return box.slots.get("resized") if box.holds_states and not box.is_static else box.slots["content"]

    def changed(self) -> bool:
        """True where one of them is not what it was."""
        if not self.live.isdisjoint(self.log[self.begun :]):
            return True
        return any(self._mark(box) is not mark for box, mark, _ in self.before)

    def changed_ahead(self, at: int) -> bool:
        """True where a change is seen by a walk that has done `at` turns."""
        if not self.changed():
            return False
        return any(
            _ahead(mark, at, len(mark), way) != _ahead(box.content, at, len(mark), way)
            for box, mark, way in self.before
        )


def _sources(given: Any, way: int = 1) -> Iterator[tuple[Any, int]]:
    """What is walked over at the bottom of zip, enumerate and the like, and which way: 1, or -1 from the end."""
    if isinstance(given, Generator):
        yield from _sources(given.first, way)
    elif isinstance(given, Once):
        for source in given.sources:
            yield from _sources(source, -way if given.name == "reversed" else way)
    else:
        yield given, way


def _ahead(content: Any, at: int, num: int, way: int) -> object:
    """What is left of `num` items after `at` turns, by identity; a dict keeps all its keys."""
    if isinstance(content, dict):
        items = tuple(content.values())
        return tuple(content), _ahead(items, at, num, way)
    if not isinstance(content, tuple):
        return content
    return [id(i) for i in (content[at:] if way > 0 else content[: num - at])]


@contextmanager
def unchanged(cx: Capture, given: Any) -> Iterator[None]:
    """What is walked over in here must not change: a graph break where it does."""
    watched = _Watched(cx, given)
    yield
    if watched.changed():
        raise graph_break("LMC-GB020", cx.t.span)


class _Walk:
    """What an unrolled loop walks over. A container is looked at again in each turn, as the body may change it."""

    def __init__(self, cx: Capture, given: Any, items: tuple[Any, ...]) -> None:
        self.given, self.items, self.span = given, items, cx.t.span
        self.box = given.box if isinstance(given, View) else given if isinstance(given, Box) else None
        self.members = tuple(self.box.content) if self.box is not None else ()
        self.is_resized = False
        self.watched = _Watched(cx, given)

    def has(self, at: int) -> bool:
        """True where turn `at` begins, be it in error; a graph break where the body has made that unknown."""
        if self.box is not None and at > 0:
            self._look_again(self.box, at)
        elif self.watched.changed_ahead(at):
            raise graph_break("LMC-GB020", self.span)
        return self.is_resized or at < len(self.items)

    def _look_again(self, box: Box, at: int) -> None:
        items = known_items(self.given)
        if items is None or at > MAX_WHILE:
            raise graph_break("LMC-GB020", self.span)
        self.is_resized = box.kind in ("dict", "set") and len(items) != len(self.members)
        if self.is_resized:
            return
        if box.kind in ("dict", "set") and tuple(box.content) != self.members:
            raise graph_break("LMC-GB020", self.span)
        self.items = items

    def item(self, at: int) -> Any:
        """The item of turn `at`; a dict or set that was resized raises."""
        if self.is_resized:
            assert self.box is not None
            what = "dictionary" if self.box.kind == "dict" else "Set"
            raise ProgramRaise(RuntimeError, (f"{what} changed size during iteration",))
        return self.items[at]


def _unrolled(cx: Capture, node: ast.For, walk: _Walk) -> None:
    frame = cx.frame
    outer, frame.exits = frame.exits, set()
    _turns(cx, node, walk, 0)
    _settle_exit(cx, frame)
    frame.exits |= outer


def _turns(cx: Capture, node: ast.For, walk: _Walk, at: int) -> None:
    frame = cx.frame
    while walk.has(at):
        cx.at(node)
        cx.assign(node.target, walk.item(at))
        cx.exec(node.body)
        at += 1
        left = frame.slots["$exit"]
        if isinstance(left, Sym):
            if walk.has(at):
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


def _settle_exit(cx: Capture, frame: Frame) -> None:
    """After a loop: break and continue have done their work, a return goes on."""
    left = frame.slots["$exit"]
    if not isinstance(left, Sym):
        if left != exits.RETURN:
            cx.t.write(frame, "$exit", exits.RUNNING)
    elif exits.RETURN not in frame.exits:
        cx.t.write(frame, "$exit", exits.RUNNING)
    else:
        returned = cx.t.host("compare", left.value, Lit(exits.RETURN), type=BOOL, op="==")
        cx.t.write(frame, "$exit", Sym(cx.t.host("binary", returned, Lit(exits.RETURN), type=INT, op="*")))
    frame.exits &= {exits.RETURN}


def _over_values(cx: Capture, node: ast.For, iterable: Any) -> None:
    atom = cx.t.atom(iterable)
    source = kind(atom)
    if isinstance(atom, Lit) and not isinstance(atom.value, str | tuple | bytes):
        raise ProgramRaise(TypeError, (f"{type(atom.value).__name__!r} object is not iterable",))
    atom = in_turn(cx, atom)
    type_ = STR if source == STR else (ANY if source.name in ("any", "ref") else DATA)
    if isinstance(iterable, range):
        type_ = INT
    Region(cx, node, "for", (atom,), type_, lambda item: cx.assign(node.target, item)).trace()


def in_turn(cx: Capture, atom: Atom) -> Atom:
    """What a loop walks over: a live object that may have been changed is read when its turn comes."""
    if kind(atom).name in ("any", "ref") and cx.t.live_touched:
        return cx.t.call(list, atom, type=DATA)
    return atom


def _over_rows(cx: Capture, node: ast.For, rows: Rows) -> None:
    """Over lists of states, alone or zipped with others: by index, as the states are changed in place."""
    counts = [_count(cx, c) for c in rows.columns if not isinstance(c, int)]
    shortest = counts[0] if len(counts) == 1 else cx.t.call(min, *counts, effect="none", type=INT)
    walk = cx.t.call(range, shortest, effect="none", type=DATA)

    def bind(index: Any) -> None:
        cells = tuple(_column(cx, c, index) for c in rows.columns)
        cx.assign(node.target, cells[0] if rows.single else cells)

    Region(cx, node, "for", (walk,), INT, bind).trace()


def _count(cx: Capture, column: Any) -> Atom:
    if isinstance(column, Box) and column.holds_states:
        return cx.t.atom(states.length(cx, column))
    return cx.t.host("len", cx.t.atom(column), type=INT)


def _column(cx: Capture, column: Any, index: Any) -> Any:
    if isinstance(column, int):
        return index if column == 0 else binary(cx, "+", index, column)
    if isinstance(column, Box) and column.holds_states:
        return states.element(cx, column, index)
    if isinstance(column, Rows):
        cells = tuple(_column(cx, c, index) for c in column.columns)
        return cells[0] if column.single else cells
    return item(cx, column, index)


def each_element(cx: Capture, box: Box, body: Callable[[Any, StateCell], None]) -> None:
    """Do something to every element of a run-time list of states."""
    walk = cx.t.call(range, cx.t.atom(states.length(cx, box)), effect="none", type=DATA)
    holder = ast.Pass()
    ast.copy_location(holder, cx.node)
    Region(cx, holder, "for", (walk,), INT, lambda index: body(index, states.element(cx, box, index))).trace()


# --- while -----------------------------------------------------------------------------------------------


def while_loop(cx: Capture, node: ast.While) -> None:
    """`while test: body`."""
    if node.orelse:
        return _with_else(cx, node)
    attempt = Arm(cx.t)
    frame = cx.frame
    outer, frame.exits = frame.exits, set()
    try:
        with attempt.open():
            _while_unrolled(cx, node)
        attempt.commit()
    except ProgramRaise:
        attempt.commit()
        raise
    except TurnedSymbolic:
        frame.exits = set()
        cx.at(node)
        Region(cx, node, "loop", (), None, None).trace()
    _settle_exit(cx, frame)
    frame.exits |= outer


def _while_unrolled(cx: Capture, node: ast.While) -> None:
    frame = cx.frame
    for _ in range(MAX_WHILE):
        truth = cx.truth(cx.eval(node.test))
        if not isinstance(truth, bool):
            raise TurnedSymbolic
        if not truth:
            return
        cx.exec(node.body)
        left = frame.slots["$exit"]
        if isinstance(left, Sym):
            raise TurnedSymbolic
        if left in (exits.BREAK, exits.RETURN):
            return
        cx.t.write(frame, "$exit", exits.RUNNING)
        if len(cx.t.nodes) > MAX_WHILE:
            break
    raise graph_break("LMC-GB011", cx.at(node), MAX_WHILE)


class _Breaks(ast.NodeTransformer):
    """Lets a loop's own `break` say so in a name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def visit_Break(self, node: ast.Break) -> Any:
        set_it = ast.Assign([ast.Name(self.name, ast.Store())], ast.Constant(True))
        return [_located(set_it, node), node]

    def _leave(self, node: ast.AST) -> ast.AST:
        return node

    visit_For = visit_While = visit_FunctionDef = visit_Lambda = _leave


def _located(new: ast.stmt, old: ast.AST) -> ast.stmt:
    for part in ast.walk(ast.copy_location(new, old)):
        if isinstance(part, ast.expr | ast.stmt):
            ast.copy_location(part, old)
    return new


def _with_else(cx: Capture, node: ast.For | ast.While) -> None:
    """A loop with `else`: the loop, then the else block unless it broke."""
    name = f"$broke{node.lineno}_{node.col_offset}"
    cx.t.write(cx.frame, name, False)
    loop = copy.copy(node)
    loop.orelse = []
    loop.body = _Breaks(name).visit(ast.Module(copy.deepcopy(node.body), [])).body
    test = ast.UnaryOp(ast.Not(), ast.Name(name, ast.Load()))
    after = _located(ast.If(test, [], []), node)
    assert isinstance(after, ast.If)
    after.body = node.orelse
    cx.exec([loop, after])


# --- regions ---------------------------------------------------------------------------------------------


class Region:
    """One loop region being traced to a fixpoint."""

    def __init__(
        self,
        cx: Capture,
        node: ast.stmt,
        op: str,
        heads: tuple[Atom, ...],
        item: Type | None,
        bind: Callable[[Any], None] | None,
    ) -> None:
        self.cx, self.node, self.op, self.heads, self.item_type, self.bind = cx, node, op, heads, item, bind
        self.lifted: dict[Key, Type] = {}
        self.constant: dict[Key, Any] = {}
        self.broken: dict[Key, Unmergeable] = {}
        self.may_be: dict[Key, list[StateCell | Box]] = {}
        self.frame = cx.frame
        self.span = cx.t.span
        self.outside = cx.loaded_outside(node)

    def trace(self) -> None:
        """Trace until nothing new has to be carried, then emit the region."""
        cx, t = self.cx, self.cx.t
        mine, self.frame.exits = self.frame.exits, set()
        aliases, touched = len(t.alias_log), t.live_touched
        while True:
            t.forget_aliases(aliases)
            arm = Arm(t)
            self.frame.exits = set()
            t.span = self.span
            self.params: dict[Key, Value] = {}
            self.item = t.fresh(self.item_type, "item") if self.item_type is not None else None
            try:
                arm.run(self._turn)
            except NeedLift as need:
                if need.marker.region is not self:
                    raise
                self.lifted[need.marker.key] = NONE.or_unset()
                continue
            touched, before = t.live_touched, touched
            if not self._grow(arm) and touched == before:
                break
        t.span = self.span
        self._emit(arm)
        _settle_exit(cx, self.frame)
        self.frame.exits |= mine

    def _turn(self) -> None:
        cx, t = self.cx, self.cx.t
        for key, value in (*self.constant.items(), *self.broken.items()):
            t.put(*key, value)
        for key, type_ in self.lifted.items():
            param = self.params[key] = t.fresh(type_)
            self._stand_in(key, param)
        for name in cx.bound_in(self.node):
            key = (self.frame, name)
            if name not in self.frame.slots and key not in self.lifted and self.frame.scope.is_local(name):
                t.write(self.frame, name, NotLifted(key, self))
        t.write(self.frame, "$exit", exits.RUNNING)
        if self.item is not None and self.bind is not None:
            self.bind(wrap(t, self.item, borrowed=True))
            if isinstance(self.node, ast.For):
                cx.exec(self.node.body)
        elif isinstance(self.node, ast.While):
            self._while_turn(self.node)

    def _while_turn(self, node: ast.While) -> None:
        cx = self.cx
        truth = cx.truth(cx.eval(node.test))
        span = cx.at(node)
        if isinstance(truth, bool):
            cx.exec(node.body) if truth else exits.leave(cx, exits.BREAK)
            return
        then, stop = Arm(cx.t), Arm(cx.t)
        then.run(lambda: cx.exec(node.body))
        stop.run(lambda: exits.leave(cx, exits.BREAK))
        cx.t.span = span
        cx.t.branch(truth, then, stop)

    def _stand_in(self, key: Key, param: Value) -> None:
        """Put the carried value where the body finds it."""
        t, (owner, name) = self.cx.t, key
        if isinstance(owner, StateCell) and name == "value":
            t.names[param.name] = owner
            t.role[param.name] = t.role.get(owner.slots[name].name, "")
            t.put(owner, name, param)
        elif isinstance(owner, Box) and name == "content":
            held = owner.slots["content"]
            if param.type == STATES and isinstance(held, tuple):
                t.alias_box(owner, held)
            for inner in boxes_in(held):
                t.write(inner, "frozen", True)
            t.put(owner, name, param)
        else:
            if not name.startswith("$"):
                t.names[param.name] = name
            old = owner.slots.get(name)
            made = wrap(t, param, borrowed=True)
            if isinstance(made, StateCell):
                made.hint = name
            if isinstance(made, StateCell | Box):
                t.alias(made, [*t.may_be(old, t.clock), *self.may_be.get(key, ())])
            t.put(owner, name, made)

    def _grow(self, arm: Arm) -> bool:
        """Lift what the body changed and is not carried yet; widen what changed its type. True if traced again."""
        if arm.raised:
            return False
        grew = False
        for key, new in arm.outer_writes().items():
            owner, name = key
            if key == (self.frame, "$exit") or key in self.broken:
                continue
            if name in FLAGS:
                if key not in self.constant and new is not UNBOUND:
                    self.constant[key] = new
                    grew = True
                continue
            if isinstance(new, NotLifted):
                continue
            old = owner.slots.get(name, UNBOUND)
            if key not in self.lifted and (new is old or same_literal(new, old)):
                continue
            if old is UNBOUND and key not in self.lifted and name not in self.outside:
                continue
            grew |= self._lift(key, old, new, arm)
        return grew

    def _lift(self, key: Key, old: Any, new: Any, arm: Arm) -> bool:
        first, then = self._type(old, key, arm), self._type(new, key, arm)
        self._check_roles(old, new)
        if old is UNBOUND and then is not None and then.is_state:
            then = None  # a state that may be unset: an error only if it is read
        if key[1] == "content" and isinstance(key[0], Box) and old == () and then == STATES:
            first = STATES
        had = self.lifted.get(key)
        wide = join(first, then) if first is not None and then is not None else None
        if wide is not None and had is not None:
            wide = join(wide, had)
        if wide is None or isinstance(new, Unmergeable):
            label = f"`{key[1]}`"
            self.broken[key] = new if isinstance(new, Unmergeable) else Unmergeable("LMC-GB004", label)
            self.lifted.pop(key, None)
            return True
        shared = self.cx.t.may_be(new, arm.birth)
        grew = len(shared) > len(self.may_be.get(key, ()))
        self.may_be[key] = shared
        self.lifted[key] = wide
        return grew or had != wide

    def _check_roles(self, old: Any, new: Any) -> None:
        role = self.cx.t.role
        if isinstance(old, Value) and isinstance(new, Value) and role.get(old.name, "") != role.get(new.name, ""):
            raise graph_break("LMC-GB014", self.span)

    def _type(self, x: Any, key: Key, arm: Arm) -> Type | None:
        """The type a slot's content has as a carried value; None where it can be none."""
        if x is UNBOUND:
            return NONE.or_unset()
        if isinstance(x, Value):
            return x.type
        if key[1] == "content" and isinstance(key[0], Box):
            states_in = isinstance(x, tuple) and bool(x) and all(isinstance(c, StateCell) for c in x)
            return STATES if states_in else (None if _has_state(x) else DATA)
        if isinstance(x, Sym):
            return x.type
        if isinstance(x, Pieces):
            return STR
        if isinstance(x, StateCell):
            value = arm.now(x, "value")
            return MAYBE_STATE if isinstance(value, Value) and value.type == MAYBE_STATE else STATE
        if isinstance(x, Box):
            return self._type(arm.now(x, "content"), (x, "content"), arm)
        if is_literal(x):
            return type_of(x)
        if isinstance(x, tuple):
            return None if _has_state(x) else DATA
        return None

    def _emit(self, arm: Arm) -> None:
        t, frame = self.cx.t, self.frame
        flag = arm.now(frame, "$exit")
        returns = exits.RETURN in frame.exits
        keys = list(self.lifted)
        with arm.open():
            nexts = [self._slot_atom(key, arm.now(*key)) for key in keys] if not arm.raised else []
            if not arm.raised:
                go = self._go(flag)
                nexts += [self._atom(flag)] if returns else []
                self.cx.t.emit("next", (go, *nexts))
        inits = [self._init(key) for key in keys]
        params = [self.params[key] for key in keys]
        outs = [t.fresh(self.lifted[key], t.names.get(p.name)) for key, p in zip(keys, params)]
        if returns:
            inits.append(Lit(exits.RUNNING))
            params.append(t.fresh(INT))
            outs.append(t.fresh(INT))
        every = (self.item, *params) if self.item is not None else tuple(params)
        body = Block(every, tuple(arm.nodes))
        t.nodes.append(Node(self.op, (*self.heads, *inits), regions=(body,), outputs=tuple(outs), span=self.span))
        for key, out in zip(keys, outs):
            self._stand_in(key, out)
        for key, value in (*self.constant.items(), *self.broken.items()):
            t.put(*key, value)
        for owner, name in arm.outer_writes():
            if owner is frame and name not in frame.slots and (owner, name) not in self.constant:
                t.write(owner, name, Unmergeable("LMC-GB004", f"`{name}`"))
        t.write(frame, "$exit", Sym(outs[-1]) if returns else exits.RUNNING)

    def _go(self, flag: Any) -> Atom:
        if isinstance(flag, Sym):
            running = Lit((exits.RUNNING, exits.CONTINUE))
            return self.cx.t.host("compare", flag.value, running, type=BOOL, op="in")
        return Lit(flag in (exits.RUNNING, exits.CONTINUE))

    def _init(self, key: Key) -> Atom:
        return self._slot_atom(key, key[0].slots.get(key[1], UNBOUND))

    def _slot_atom(self, key: Key, content: Any) -> Atom:
        owner, name = key
        if isinstance(owner, Box) and name == "content" and not isinstance(content, Value):
            if self.lifted[key] == STATES and not content:
                return self.cx.t.host("states", type=STATES)
            return self.cx.t.box_value(Box(0, owner.kind, content))
        return self._atom(content)

    def _atom(self, x: Any) -> Atom:
        if x is UNBOUND or isinstance(x, NotLifted):
            return Lit(UNSET)
        if isinstance(x, Value):
            return x
        if isinstance(x, StateCell) and "value" in x.slots and x.slots["value"].type == MAYBE_STATE:
            value: Value = x.slots["value"]
            return value
        return self.cx.t.atom(x)


def _has_state(x: Any) -> bool:
    if isinstance(x, dict):
        return any(_has_state(v) for v in x.values())
    if isinstance(x, tuple):
        return any(_has_state(v) for v in x)
    if isinstance(x, Box):
        return x.holds_states or (x.is_static and _has_state(x.content))
    return isinstance(x, Owner) and isinstance(x, StateCell)
