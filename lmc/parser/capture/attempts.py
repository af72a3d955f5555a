"""`try` as a region of the graph: a body, and a handler that goes on from where the body failed.

    try:                               %s3 = try {
        s += gen("x")                      %s1, %x = gen %s0
        n = int(s["x"])                    unwind %s1
    except ValueError:                     %n = call @int, %x
        s += " no number "                 yield %s1
                                       } except %e: ref, %s2 = %s0 {
                                           ...

What the handler finds is what the fields held when the failing node began. So in front of a node that may fail stands
an `unwind` where something has changed since the last one: the values that the handler is given should it fail. Which
fields that are is seen only by tracing the body; as with loops (see `loop_region`) it is traced anew until nothing is
added.

Model calls do not fail where they stand but where they are read, so in a body a name is read by a node of its own.
"""

from __future__ import annotations

from collections.abc import Callable

from lmc.codes import ROLES_AFTER_BRANCH, TWO_KINDS
from lmc.ir.graph import Atom, Block, Value, walk
from lmc.ir.layers import Layers
from lmc.ir.rewrite import defined_in
from lmc.ir.types import INT, NONE, REF, STATES, Type, join
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.carried import check_live, field_atom, field_type, put_carried, share_carried, whole_of
from lmc.parser.capture.carried_words import Words, number, put_words, words_of
from lmc.parser.capture.contents import NOTHING, Objects
from lmc.parser.capture.context import Capture
from lmc.parser.capture.merge import join_arms
from lmc.parser.capture.tracer import FLAGS, NOTHING_KNOWN, Arm, Key, NotLifted, ProgramRaise
from lmc.parser.capture.values import (
    UNBOUND,
    Cell,
    Container,
    Owner,
    StandIn,
    StateCell,
    Sym,
    Unmergeable,
    same_literal,
)

OWN = ("$exit", "$ret")  # how a function is being left: nobody fails on the way


def attempt(cx: Capture, body: Callable[[], None], handle: Callable[[Sym], None]) -> None:
    """Trace a body, and the handler of the exceptions in it, which is given the exception."""
    _Tried(cx, body, handle).trace()


class _Tried:
    """One `try` being traced to a fixpoint.

    lifted   the fields that the handler is handed so far, with their types
    flags    marks that were set by the time something may fail
    broken   fields that no value can stand for; reading one in the handler is a graph break
    may_be   for a field with a state or list: what it may share something with
    held     the objects that a field may have held by then
    words    for a field that is one of several things, no value: all that it may be
    known    of a state: the names that are the same wherever the body may fail
    """

    def __init__(self, cx: Capture, body: Callable[[], None], handle: Callable[[Sym], None]) -> None:
        self.cx, self.body, self.handle = cx, body, handle
        self.lifted: dict[Key, Type] = {}
        self.flags: dict[Key, StandIn] = {}
        self.broken: dict[Key, Unmergeable] = {}
        self.may_be: dict[Key, list[Cell]] = {}
        self.held: dict[Key, Objects] = {}
        self.known: dict[Key, Layers[str, Atom]] = {}
        self.words: dict[Key, Words] = {}
        self.num_points = 0
        self.has_grown = self.is_marking = False

    def trace(self) -> None:
        """Trace until the handler is handed all that it may see, then emit the region."""
        cx, t = self.cx, self.cx.t
        span, exits, aliases = t.span, set(cx.frame.exits), len(t.alias_log)
        while True:
            t.forget_aliases(aliases)
            cx.frame.exits = set(exits)
            t.span = span
            self.tried, caught = Arm(t), Arm(t)
            self.num_points, self.has_grown, self.known = 0, False, {}
            self._run_body()
            if not self.has_grown:
                break
        # what is put at the end of the body now, so that its results are values, cannot fail
        self.is_marking = True
        if not self.num_points and not self.tried.raised:
            self.tried.commit()
            return
        t.span = span
        self.params: dict[Key, Value] = {}
        error = t.fresh(REF, "error")
        caught.run(lambda: self._run_handler(Sym(error)))
        t.span = span
        self._emit(caught, error)

    def _run_body(self) -> None:
        t = self.cx.t
        self.tried.tries = (*t.tries, self)
        with self.tried.open():
            self.depth = len(t.journals) - 1
            t.handed = self._print()
            try:
                self.body()
            except ProgramRaise as stop:
                t.emit_raise(stop)
                self.tried.raised = True

    def may_fail(self) -> None:
        """Note what the fields hold, in front of a node that may fail."""
        if self.is_marking:
            return
        self.num_points += 1
        self._look()
        t, now = self.cx.t, self._print()
        # nothing to tell, or a trace that will be thrown away
        if self.has_grown or now == t.handed:
            return
        self.is_marking = True
        try:
            fields = [(key, key[0].fields.get(key[1], UNBOUND)) for key in self.lifted]
            atoms = tuple(self._atom(key, held) for key, held in fields)
            t.emit("unwind", atoms)
        finally:
            self.is_marking = False
        t.handed = now

    def _print(self) -> list[StandIn]:
        """What the handed fields hold, as things to compare by identity."""
        found: list[StandIn] = []
        for owner, name in self.lifted:
            _parts(owner.fields.get(name, UNBOUND), found)
        return [_Same(x) for x in found]

    def _look(self) -> None:
        """Hand on what has changed since the body began."""
        t = self.cx.t
        changed: dict[Key, StandIn] = {}
        for journal in t.journals[self.depth :]:
            for key, old in journal.items():
                changed.setdefault(key, old)
        for key, old in changed.items():
            owner, name = key
            new = owner.fields.get(name, UNBOUND)
            if owner.birth > self.tried.birth or name in OWN or key in self.broken or isinstance(new, NotLifted):
                continue
            if name in FLAGS:
                if new is not UNBOUND:
                    self.flags[key] = new
                continue
            if isinstance(new, Value) and new.type.is_state:
                self._keep_known(key, old, new)
            if key in self.lifted or not (new is old or same_literal(new, old)):
                self._lift(key, old, new)

    def _keep_known(self, key: Key, old: StandIn, new: Value) -> None:
        before = self.cx.t.known_of(old.name) if isinstance(old, Value) else NOTHING_KNOWN
        self.known[key] = self.known.get(key, before).common(self.cx.t.known_of(new.name))

    def _lift(self, key: Key, old: StandIn, new: StandIn) -> None:
        role = self.cx.t.role
        if isinstance(old, Value) and isinstance(new, Value) and role.get(old.name, "") != role.get(new.name, ""):
            raise graph_break(ROLES_AFTER_BRANCH, self.cx.t.span)
        old = UNBOUND if isinstance(old, NotLifted) else old
        more = words_of(old, new, self.words.get(key), self.tried.birth)
        if more is not None and (key not in self.lifted or key in self.words or self.lifted[key] == NONE):
            self.has_grown |= more != self.words.get(key)
            self.words[key], self.lifted[key] = more, INT
            return
        if self.words.pop(key, None) is not None:
            self.lifted.pop(key)
            self.broken[key] = Unmergeable(TWO_KINDS, f"`{key[1]}`")
            self.has_grown = True
            return
        check_live(self.cx.t, key, old, new, self.lifted.get(key))
        objects = self.cx.t.objects_of(whole_of(key, new), self.cx.t.clock)
        self.held[key] = self.held.get(key, NOTHING) | objects
        first, then = field_type(old, key, _now), field_type(new, key, _now)
        if UNBOUND in (old, new) and any(x is not None and x.is_state for x in (first, then)):
            then = None  # a state that may be unset: an error only if it is read
        if key[1] == "content" and isinstance(key[0], Container) and old == () and then == STATES:
            first = STATES
        wide = join(first, then) if first is not None and then is not None else None
        had = self.lifted.get(key)
        if wide is not None and had is not None:
            wide = join(wide, had)
        if wide is None or isinstance(new, Unmergeable):
            self.broken[key] = new if isinstance(new, Unmergeable) else Unmergeable(TWO_KINDS, f"`{key[1]}`")
            self.lifted.pop(key, None)
            self.has_grown = True
            return
        shared = [*self.may_be.get(key, ()), *self.cx.t.may_be(new, self.tried.birth)]
        self.may_be[key] = list({id(each): each for each in shared}.values())
        self.lifted[key] = wide
        self.has_grown |= had != wide

    def _run_handler(self, error: Sym) -> None:
        t = self.cx.t
        for key, held in (*self.flags.items(), *self.broken.items()):
            t.put(*key, held)
        for key, type_ in self.lifted.items():
            param = self.params[key] = t.fresh(type_)
            if key in self.words:
                put_words(t, key, param, self.words[key])
                continue
            share_carried(
                t, key, param, self.held.get(key, NOTHING), rough=self.lifted, boxes=self.lifted, unfixed=self.lifted
            )
            put_carried(t, key, param, self.may_be.get(key, ()))
            if type_.is_state:
                t.known[param.name] = self.known.get(key, NOTHING_KNOWN)
        with self.cx.handling_of(error):
            self.handle(error)

    def _atom(self, key: Key, held: StandIn) -> Atom:
        words = self.words.get(key)
        return field_atom(self.cx.t, key, held, self.lifted[key]) if words is None else number(self.cx.t, held, words)

    def _emit(self, caught: Arm, error: Value) -> None:
        t = self.cx.t
        inits = tuple(self._atom(key, key[0].fields.get(key[1], UNBOUND)) for key in self.lifted)
        params = (error, *self.params.values())

        def emit(outs: list[tuple[Atom, Atom, Value]]) -> None:
            regions = Block((), tuple(self.tried.nodes)), Block(params, tuple(caught.nodes))
            for value in _unread(regions[0], t.unread):
                t.host("read", value, type=value.type)
            t.emit("try", inits, tuple(out for _, _, out in outs), regions=regions)

        join_arms(t, self.tried, caught, emit, lifts=True)


def _now(owner: Owner, name: str) -> StandIn:
    return owner.fields.get(name, UNBOUND)


class _Same:
    """Compares by identity; a literal by what it is."""

    __slots__ = ("it",)

    def __init__(self, it: StandIn) -> None:
        self.it = it

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and (self.it is other.it or same_literal(self.it, other.it))

    __hash__ = None  # type: ignore[assignment]


def _parts(x: StandIn, found: list[StandIn]) -> None:
    """A stand-in, and what is in it."""
    found.append(x)
    if isinstance(x, Container):
        _parts(x.fields["content"], found)
    elif isinstance(x, StateCell):
        found.append(x.fields.get("value"))
    elif isinstance(x, dict):
        for part in x.values():
            _parts(part, found)
    elif type(x) is tuple:
        for part in x:
            _parts(part, found)


def _unread(body: Block, unread: set[str]) -> list[Value]:
    """Values from outside that a call may not have given, and that the program has read before the body begins.

    Nothing made sure of them then, as a failure outside a `try` ends the program wherever it comes; in here it would
    be caught.
    """
    inside = {value.name for value in defined_in(body)}
    used = [a for node in walk(body) if node.op not in ("read", "unwind") for a in node.inputs if isinstance(a, Value)]
    return list(dict.fromkeys(a for a in used if a.name in unread and a.name not in inside))
