"""Merging: what two arms of a branch left behind becomes one, as an `if` node that yields what differs.

The user's                  is traced as two arms, and closed into

    if c:                       %x = if %c {
        x = a + "!"                 %t = concat %a, "!"
    else:                           yield %t
        x = "none"              } else {
                                    yield "none"
                                }

An arm is traced, then every field is put back as it was, so both arms start from the same world; an arm's log of
writes says what it changed. `Merge` goes through the fields that either arm wrote and makes one stand-in of two:

* alike in both arms: it stays what it is, nothing is yielded;
* values, texts, literals: one yielded value, whose type is the join of both;
* containers of one structure: merged item by item, so that their structure stays known; else one run-time value;
* states: a new cell, which may be the same state as either (see the rules of aliases in `tracer`);
* anything else: an `Unmergeable`. That is not an error yet, only reading it is a graph break.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from lmc.codes import CHOSEN_EXPRESSION, ROLES_AFTER_BRANCH, TWO_KINDS
from lmc.ir.graph import UNSET, Atom, Block, Lit, Node, Value
from lmc.ir.types import INT, MAYBE_STATE, STATE, STATES, Type, join
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.merge_objects import Copies
from lmc.parser.capture.tracer import (
    FLAGS,
    RETURN,
    Arm,
    NeedLift,
    NotLifted,
    ProgramRaise,
    Tracer,
    has_live,
    kind,
    wrap,
)
from lmc.parser.capture.values import (
    UNBOUND,
    Cell,
    Choice,
    Closure,
    Container,
    Content,
    Escapes,
    FixedProgram,
    Frame,
    LazyStr,
    Owner,
    PartialCall,
    StandIn,
    StateCell,
    Sym,
    Tracked,
    Unmergeable,
    containers_in,
    has_state,
    is_literal,
    is_ordinary,
    is_word,
    known_content,
    parts_of,
    same_literal,
    states_in,
)
from lmc.parser.primitives import Expr

Out = tuple[Atom, Atom, Value]  # what either arm yields, and what it is behind them


def branch(t: Tracer, cond: Value, then: Arm, other: Arm, *, ended: Frame | None = None) -> None:
    """Close two traced arms into an `if`, and write what they left behind.

    The function of the frame `ended` ends with them, so nobody reads its locals any more.
    """
    join_arms(t, then, other, lambda outs: _emit_if(t, cond, then, other, outs), ended=ended)


def join_arms(
    t: Tracer,
    then: Arm,
    other: Arm,
    emit: Callable[[list[Out]], None],
    *,
    ended: Frame | None = None,
    lifts: bool = False,
) -> None:
    """Close two traced arms into the region that `emit` makes of them, and write what they left behind.

    lifts  a name that a turn of a loop has bound in one arm alone is carried, as it may be read behind them
    """
    # no path goes on: what comes after the branch is not traced, as in Python it never runs
    if then.raised and other.raised:
        emit([])
        raise ProgramRaise(AssertionError, ("unreachable",))
    merge = Merge(t, then, other, lifts=lifts)
    keys = dict.fromkeys((*then.outer_writes(), *other.outer_writes()))
    # nobody reads the locals of a function that has ended: merging them might be a graph break for nothing
    keys = {key: None for key in keys if key[0] is not ended or key[1] == "$ret"}
    news = [(key, merge.field(*key)) for key in keys]
    for arm, side in ((then, 0), (other, 1)):
        if not arm.raised:
            arm.nodes.append(Node("yield", tuple(o[side] for o in merge.outs), span=t.span))
    emit(merge.outs)
    # only now: while fields are merged both arms must still see the world before the branch
    for (owner, name), new in news:
        t.put(owner, name, new)
    merge.seal()
    if ended is not None:
        t.write(ended, "$exit", RETURN)


def _emit_if(t: Tracer, cond: Value, then: Arm, other: Arm, outs: list[Out]) -> None:
    regions = (Block((), tuple(then.nodes)), Block((), tuple(other.nodes)))
    t.emit("if", (cond,), tuple(o[2] for o in outs), regions=regions)


def choose(t: Tracer, cond: Value, then: Callable[[], StandIn], other: Callable[[], StandIn]) -> StandIn:
    """A conditional expression: trace both sides, give the merged value."""
    frame = Owner(t.born())
    arms = Arm(t), Arm(t)
    for arm, side in zip(arms, (then, other)):
        arm.run(lambda side=side: t.write(frame, "$it", side()))  # type: ignore[misc]
    branch(t, cond, *arms)
    return frame.fields.get("$it")


def _may_be_object(x: StandIn) -> bool:
    """True for an object of the program's, and for a choice with one."""
    return isinstance(x, Tracked) or (isinstance(x, Choice) and any(map(_may_be_object, x.options)))


def _are_same(xs: tuple[StandIn, ...], ys: tuple[StandIn, ...]) -> bool:
    return len(xs) == len(ys) and all(x is y for x, y in zip(xs, ys))


def _flag(x: StandIn, y: StandIn) -> StandIn:
    """A mark that one arm set may hold after the branch, which is all that it says."""
    return x if x is not UNBOUND else y


def _is_sure(*xs: StandIn) -> bool:
    """True where each of them is surely bound, or they are choices among the same, of which one may be unset."""
    maybe = [x for x in xs if isinstance(x, Choice) and x.index.type.maybe]
    alike = all(isinstance(x, Choice) and isinstance(xs[0], Choice) and _are_same(x.options, xs[0].options) for x in xs)
    return not maybe or alike


class Merge:
    """Makes one stand-in of two: collects what each arm must yield."""

    def __init__(self, tracer: Tracer, a: Arm, b: Arm, *, lifts: bool = False) -> None:
        self.tracer, self.a, self.b, self.lifts = tracer, a, b, lifts
        self.outs: list[tuple[Atom, Atom, Value]] = []
        self.made: dict[tuple[int, int], tuple[StandIn, StandIn, StandIn]] = {}  # what two cells or containers became
        # what one of them alone has made, where the code behind them may come to it
        self.copies = Copies(tracer, a, self._is_older), Copies(tracer, b, self._is_older)
        self.sealed: dict[int, Container] = {}  # containers inside one that is run-time from here on

    def seal(self) -> None:
        """What is inside a run-time container must not change any more."""
        for x, y, both in self.made.values():
            if isinstance(both, Container) and (id(x) in self.sealed or id(y) in self.sealed):
                self.sealed[id(both)] = both
        for container in self.sealed.values():
            self.tracer.write(container, "$frozen", True)

    def field(self, owner: Owner, name: str) -> StandIn:
        """The merged content of a field."""
        x, y = self.a.now(owner, name), self.b.now(owner, name)
        # an arm that raised never gets here, so what the other left is what there is
        if self.a.raised or self.b.raised:
            x = y = y if self.a.raised else x
        label = f"`{name}`" if isinstance(owner, Frame) else f"`{getattr(owner, 'hint', 'this value')}`"
        if name == "content" and isinstance(owner, Container):
            merged = self._content(x, y, owner.kind, label, (owner, owner))
            self._alias_elements(owner, merged, x, y)
            return merged
        if name == "value" and isinstance(owner, StateCell):
            assert isinstance(x, Value) and isinstance(y, Value)
            return self._state_value(x, y, owner)
        if name in FLAGS:
            return _flag(x, y)
        return self.value(x, y, label)

    def value(self, x: StandIn, y: StandIn, label: str) -> StandIn:
        """The merged stand-in, or an Unmergeable."""
        if x is y and (not self._local(x)):
            return x
        # by repr: `==` takes -0.0 for 0.0, and nan for something else than itself
        if is_ordinary(x) and is_ordinary(y) and type(x) is type(y) and is_literal(x) and repr(x) == repr(y):
            return x
        for one in (x, y) if self.lifts else ():
            if isinstance(one, NotLifted):
                raise NeedLift(one)
        if isinstance(x, Unmergeable) or isinstance(y, Unmergeable):
            return x if isinstance(x, Unmergeable) else y
        if isinstance(x, StateCell | None) and isinstance(y, StateCell | None):
            return self._once(x, y, lambda: self._cells(x, y, label))
        if isinstance(x, Container) and isinstance(y, Container):
            return self._once(x, y, lambda: self._containers(x, y, label))
        # of two that exist before the branch each keeps its own names
        of_one_class = isinstance(x, Tracked) and isinstance(y, Tracked) and x.cls is y.cls
        if of_one_class and not (self._is_older(x) and self._is_older(y)):
            assert isinstance(x, Tracked) and isinstance(y, Tracked)
            return self._once(x, y, lambda: self._instances(x, y))
        if type(x) is tuple and type(y) is tuple and len(x) == len(y):
            return self._tuple(x, y, label)
        if self._chosen(x) and self._chosen(y) and not (is_literal(x) and is_literal(y)):
            return self._choice(x, y) if _is_sure(x, y) else Unmergeable(TWO_KINDS, label)
        objects = [_may_be_object(each) for each in (x, y)]
        if any(objects) and all(is_one or each in (None, UNBOUND) for is_one, each in zip(objects, (x, y))):
            return self._objects(x, y, label)
        if isinstance(x, Expr) or isinstance(y, Expr):
            return Unmergeable(CHOSEN_EXPRESSION, label)
        # what is one value in both arms can be yielded, whatever it was made of
        if self._leaf(x, self.a) and self._leaf(y, self.b):
            return self._leaves(x, y, label)
        return Unmergeable(TWO_KINDS, label)

    def _once(self, x: StandIn, y: StandIn, merge: Callable[[], StandIn]) -> StandIn:
        """Two names of one thing before are two names of one thing after."""
        key = id(x), id(y)
        if any(copies.has(each) for copies in self.copies for each in (x, y)):
            return Unmergeable(TWO_KINDS, "this object")
        if key not in self.made:
            made = merge()
            # one thing in one arm and two in the other: what is done to either may be seen in both
            for had_x, had_y, had in self.made.values():
                same = (had_x is x and x is not None) or (had_y is y and y is not None)
                if same and isinstance(made, Cell) and isinstance(had, Cell):
                    self.tracer.link(made, had)
            self.made[key] = x, y, made
        return self.made[key][2]

    def _instances(self, x: Tracked, y: Tracked) -> StandIn:
        """Two objects of one class: an object whose attributes are merged one by one."""
        left, right = self._attributes(self.a, x), self._attributes(self.b, y)
        # of one that exists before, the other names would have to be followed
        both = Tracked(self.tracer.born(), x.cls)
        key = id(x), id(y)
        self.made[key] = x, y, both  # an object may hold itself
        for name in {**left, **right}:
            a, b = left.get(name, UNBOUND), right.get(name, UNBOUND)
            both.fields[name] = _flag(a, b) if name in FLAGS else self.value(a, b, f"`{name}`")
        del self.made[key]
        self.tracer.alias(both, [o for i in (x, y) for o in self.tracer.may_be(i, self.a.birth)])
        return both

    def _attributes(self, arm: Arm, x: Tracked) -> dict[str, StandIn]:
        if arm.raised:
            arm = self.b if arm is self.a else self.a
        written = [name for owner, name in arm.writes if owner is x]
        found = {name: arm.now(x, name) for name in (*x.fields, *written)}
        return {name: value for name, value in found.items() if value is not UNBOUND}

    def _chosen(self, x: StandIn) -> bool:
        """True for a function or an expression that means the same outside the arm."""
        if isinstance(x, Choice):
            return all(map(self._is_older, x.options))
        if isinstance(x, Tracked):
            return x.birth <= self.a.birth
        if isinstance(x, Closure):
            # what it reads ends with the function around it, where that was called in an arm
            is_known = x.parent is None or x.parent.birth <= self.a.birth
            return is_known and all(self._is_older(d) for d in (*x.defaults, *x.kw_defaults.values()))
        if isinstance(x, PartialCall):
            return self._chosen(x.fn) and all(self._is_older(i) for i in (*x.args, *x.kwargs.values()))
        if isinstance(x, FixedProgram):
            return all(map(self._is_older, x.bound.values()))
        if isinstance(x, Expr):
            return all(self._is_older(getattr(x, field.name)) for field in dataclasses.fields(x))  # type: ignore[arg-type]
        return is_ordinary(x) and is_word(x)

    def _is_older(self, x: StandIn) -> bool:
        """True for what existed before the arms."""
        if isinstance(x, tuple | list):
            return all(map(self._is_older, x))
        if isinstance(x, Sym):
            return self._is_before(x.value)
        if isinstance(x, LazyStr):
            return all(self._is_before(part) for part in x.parts if isinstance(part, Value))
        if isinstance(x, Owner):
            return x.birth <= self.a.birth
        return self._chosen(x) or is_ordinary(x)

    def _is_before(self, value: Value) -> bool:
        return int(value.name.removeprefix("~")) < min(self.a.first_value, self.b.first_value)

    def _choice(self, x: StandIn, y: StandIn) -> Choice:
        """One of the options of both: the arms yield the number of which."""
        if isinstance(x, Choice) and isinstance(y, Choice) and _are_same(x.options, y.options):
            shared = join(x.index.type, y.index.type)
            assert shared is not None
            return Choice(self._yield(x.index, y.index, shared), x.options)
        left = x.options if isinstance(x, Choice) else (x,)
        right = y.options if isinstance(y, Choice) else (y,)
        p = x.index if isinstance(x, Choice) else Lit(0)
        every = tuple({id(option): option for option in (*left, *right)}.values())
        places = tuple(next(i for i, one in enumerate(every) if one is option) for option in right)
        q: Atom = Lit(places[0])
        if isinstance(y, Choice):
            arm = self.a if self.b.raised else self.b
            with arm.open():
                q = self.tracer.host("item", Lit(places), y.index, type=INT)
        return Choice(self._yield(p, q, INT), every)

    def _objects(self, x: StandIn, y: StandIn, label: str) -> StandIn:
        """One of two objects, at least one of which an arm has made; or one that the other arm has not."""
        kept = [copies.options(each) for copies, each in zip(self.copies, (x, y)) if each is not UNBOUND]
        merged = [each for had_x, had_y, _ in self.made.values() for each in (had_x, had_y)]
        # a copy would be apart from what the object has become under another name
        if UNBOUND in kept or not _is_sure(*kept) or any(copies.has(each) for copies in self.copies for each in merged):
            return Unmergeable(TWO_KINDS, label)
        if len(kept) == 2:
            return self._choice(*kept)
        [one] = kept
        index, unset = one.index if isinstance(one, Choice) else Lit(0), Lit(UNSET)
        p, q = (unset, index) if x is UNBOUND else (index, unset)
        return Choice(self._yield(p, q, INT.or_unset()), one.options if isinstance(one, Choice) else (one,))

    def _local(self, x: StandIn) -> bool:
        """Born in an arm (only possible for both sides when one of the arms raised): usable only through a yield."""
        if isinstance(x, Sym):
            return self.a.raised or self.b.raised
        if isinstance(x, LazyStr | tuple):
            return self.a.raised or self.b.raised
        if isinstance(x, Choice):
            return not self._is_before(x.index)
        if isinstance(x, Closure | PartialCall | FixedProgram | Expr):
            return not self._chosen(x)
        return isinstance(x, Owner) and x.birth > self.a.birth

    def _tuple(self, x: tuple[StandIn, ...], y: tuple[StandIn, ...], label: str) -> tuple[StandIn, ...] | Unmergeable:
        merged = tuple(self.value(i, j, label) for i, j in zip(x, y))
        bad = next((m for m in merged if isinstance(m, Unmergeable)), None)
        return bad if bad is not None else merged

    def _leaf(self, x: StandIn, arm: Arm) -> bool:
        if x is UNBOUND or isinstance(x, Sym | LazyStr) or is_literal(x):
            return True
        if isinstance(x, tuple):
            return all(self._leaf(i, arm) and i is not UNBOUND for i in x)
        if not isinstance(x, Container):
            return False
        content = arm.now(x, "content")
        if isinstance(content, Value):
            return not content.type.is_state
        return all(self._leaf(i, arm) for i in parts_of(content))

    def _leaves(self, x: StandIn, y: StandIn, label: str) -> StandIn:
        bad = self._half_live(x, y)
        if bad is not None:
            return Unmergeable(TWO_KINDS, label)
        p, q = self._in(self.a, x), self._in(self.b, y)
        shared = join(kind(p), kind(q))
        if shared is None:
            return Unmergeable(TWO_KINDS, label)
        # the yielded value has their items as they are now: a change in place would not reach it
        for one in (x, y):
            self.sealed.update((id(container), container) for container in containers_in(one))
        return wrap(self.tracer, self._yield(p, q, shared, label.strip("`")), borrowed=True)

    def _half_live(self, x: StandIn, y: StandIn) -> Container | None:
        """Where one side is live, data on the other: traced anew it is made live, given where that cannot be."""
        with self.a.open():
            x_is_live, x_data = has_live(x), list(self.tracer.data_in(x))
        with self.b.open():
            y_is_live, y_data = has_live(y), list(self.tracer.data_in(y))
        if x_is_live == y_is_live:
            return None
        for container in y_data if x_is_live else x_data:
            need = self.tracer.make_live(container)
            if all(site[0] == "part" for site in need.sites):
                return container
            raise need
        return None

    def _yield(self, p: Atom, q: Atom, type: Type, name: str | StateCell | None = None) -> Value:
        # one pair is yielded once: two names of one value before are one value after
        for had_p, had_q, out in self.outs:
            if had_p == p and had_q == q:
                return out
        if name == "$exit":
            name = "exit"  # how the block is left has a name, for readers of the graph
        elif isinstance(name, str) and not name.isidentifier():
            name = None
        out = self.tracer.fresh(type, name)
        self.tracer.contents.either(out, p, q)
        self.tracer.keep_tame(out, p, q)
        self.outs.append((p, q, out))
        return out

    def _in(self, arm: Arm, x: StandIn) -> Atom:
        if x is UNBOUND:
            return Lit(UNSET)
        if isinstance(x, Sym):
            return x.value
        if is_literal(x):
            return Lit(x)
        # an arm that raised yields nothing: `field` took what the other left for both, which is made there
        if arm.raised:
            arm = self.b if arm is self.a else self.a
        # to make one value of it takes nodes, which belong into the arm
        with arm.open():
            return self.tracer.atom(x)

    def _cells(self, x: StateCell | None, y: StateCell | None, label: str) -> StandIn:
        if x is y is None:
            return None
        hint = next(c.hint for c in (x, y) if c is not None)
        p, q = self._in(self.a, x), self._in(self.b, y)
        if isinstance(p, Value) and isinstance(q, Value):
            self._check_roles(p, q)
        # where one side is None, or not sure itself, reading it begins with a check
        sure = isinstance(p, Value) and isinstance(q, Value) and MAYBE_STATE not in (p.type, q.type)
        shared = STATE if sure else MAYBE_STATE
        name = label.strip("`")
        cell = self.tracer.new_cell(self._yield(p, q, shared), name if name.isidentifier() else hint)
        self.tracer.alias(cell, [o for c in (x, y) for o in self.tracer.may_be(c, self.a.birth)])
        return cell

    def _state_value(self, x: Value, y: Value, cell: StateCell) -> Value:
        if x == y and not (self.a.raised or self.b.raised):
            return x
        self._check_roles(x, y)
        out = self._yield(x, y, MAYBE_STATE if MAYBE_STATE in (x.type, y.type) else STATE, cell)
        left, right = self.tracer.known_of(x.name), self.tracer.known_of(y.name)
        self.tracer.role[out.name] = self.tracer.role.get(x.name, "")
        # a name is forwarded only where every path that arrives here has set it to the same value
        if not (self.a.raised or self.b.raised):
            self.tracer.known[out.name] = left.common(right)
        return out

    def _check_roles(self, x: Value, y: Value) -> None:
        role = self.tracer.role
        if role.get(x.name, "") != role.get(y.name, ""):
            raise graph_break(ROLES_AFTER_BRANCH, self.tracer.span)

    def _containers(self, x: Container, y: Container, label: str) -> StandIn:
        for one in (x, y):
            if one.constant is not None:
                raise Escapes(one.constant.key)
        kinds = {x.kind, y.kind}
        if len(kinds) > 1 and kinds != {"list", "group"} and "data" not in kinds:
            return Unmergeable(TWO_KINDS, label)
        form = y.kind if x.kind == "data" else x.kind  # of data no structure is known
        content = self._content(self._held(self.a, x), self._held(self.b, y), form, label, (x, y))
        if isinstance(content, Unmergeable):
            return content
        if self._half_live(x, y) is not None:
            return Unmergeable(TWO_KINDS, label)
        old = [o for b in (x, y) for o in self.tracer.may_be(b, self.a.birth)]
        container = Container(self.tracer.born(), "data" if "data" in kinds else x.kind, content, borrowed=bool(old))
        self._alias_elements(container, content, self._held(self.a, x), self._held(self.b, y))
        self.tracer.alias(container, old)
        return container

    def _held(self, arm: Arm, container: Container) -> StandIn:
        return arm.now(container, "content") if container.window is None else self._in(arm, container)

    def _alias_elements(self, container: Container, merged: StandIn, *contents: StandIn) -> None:
        """A list of states that is run-time from here on may hold states that have names of their own."""
        if isinstance(merged, Value) and merged.type.is_state:
            for content in contents:
                self.tracer.alias_elements(container, content)

    def _content(
        self, x: StandIn, y: StandIn, form: str, label: str, of: tuple[Container, Container]
    ) -> Content | Unmergeable:
        for one in (x, y):
            if isinstance(one, Unmergeable):
                return one
        if isinstance(x, tuple) and isinstance(y, tuple) and len(x) == len(y):
            return self._tuple(x, y, label)
        # in one order: the program can see in which order a dict has its keys
        if isinstance(x, dict) and isinstance(y, dict) and same_literal(tuple(x), tuple(y)):
            merged = {k: self.value(x[k], y[k], label) for k in x}
            bad = next((m for m in merged.values() if isinstance(m, Unmergeable)), None)
            return bad if bad is not None else merged
        if any(has_state(i) for one in (x, y) if not states_in(one) for i in parts_of(one)):
            return Unmergeable(TWO_KINDS, label)  # a value of run time would hold the state as it is now
        # two structures become one value of run time, of which nothing inside can be changed in place any more
        for one in (x, y):
            self.sealed.update((id(container), container) for container in containers_in(one))
        p = self._run_time(self.a, x, y, form, of)
        q = self._run_time(self.b, y, x, form, of[::-1])
        shared = join(kind(p), kind(q))
        if shared is None:
            return Unmergeable(TWO_KINDS, label)
        return self._yield(p, q, shared)

    def _run_time(self, arm: Arm, content: StandIn, other: StandIn, form: str, of: tuple[Container, Container]) -> Atom:
        if isinstance(content, Value):
            return content
        if arm.raised:
            arm = self.b if arm is self.a else self.a
        with arm.open():
            holds_states = other.type.is_state if isinstance(other, Value) else bool(states_in(other))
            # empty on this side only: `list` of nothing would be data, and the other side holds states
            if not content and holds_states:
                return self.tracer.host("states", type=STATES)
            made = self.tracer.version(Container(of[0].birth, form, known_content(content)))
            if of[0] is not of[1]:  # what is one of two containers from here on is neither of them
                self.tracer.copied(made, of[0])
            return made
