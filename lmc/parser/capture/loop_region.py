"""A loop as one region of the graph: what its body changes is carried from turn to turn.

    best = ""                          %s3, %best_2 = for %item in %words, %s1 = %s0, %best = "" {
    for word in words:                     %s2, %a = gen %s1 {max_tokens=4}
        s += gen("a", max_tokens=4)        %t = concat %best, %a
        best = best + s["a"]               next true, %s2, %t
                                       }

Here the state and `best` are the *carries*: fields of cells and names of frames that exist before the loop and that the
body changes. Each has four values, in the same order everywhere:

    init    what it holds before the first turn      an input of the node       %s0, ""
    param   what it holds when a turn begins         a parameter of the body    %s1, %best
    next    what it holds when a turn has ended      an input of `next`         %s2, %t
    out     what it holds when the loop is over      an output of the node      %s3, %best_2

Which fields have to be carried is seen only by tracing the body, and what a body does depends on what is carried: a
constant that becomes a value may turn a test symbolic, and the other arm may change more. So the body is traced, what
it changed is lifted into the carries, and it is traced anew, until nothing is left to lift. Carries are only added and
their types only widened, so that ends; every trace but the last is thrown away.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from lmc.codes import ROLES_AFTER_BRANCH, TWO_KINDS
from lmc.ir.graph import Atom, Block, Lit, Node, Value, walk
from lmc.ir.ops import OPS
from lmc.ir.types import BOOL, INT, NONE, STATES, Type, join
from lmc.parser.capture import exits
from lmc.parser.capture.blocks import execute
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.carried import check_live, field_atom, field_type, maybe_atom, put_carried, share_carried
from lmc.parser.capture.carried_words import Words, number, put_words, words_of
from lmc.parser.capture.contents import NOTHING, Objects
from lmc.parser.capture.context import Capture
from lmc.parser.capture.merge import branch
from lmc.parser.capture.tracer import FLAGS, Arm, Key, NeedLift, NotLifted, wrap
from lmc.parser.capture.values import (
    UNBOUND,
    Cell,
    Container,
    StandIn,
    Sym,
    Unmergeable,
    same_literal,
)


class Region:
    """One loop being traced to a fixpoint.

    heads      inputs before the carries: what a `for` walks over
    item_type  of a `for`: the type of its items
    bind       binds the item where a turn begins, and is the whole body where `node` is not a loop of the user's
    lifted     the carries so far, with their types
    constant   marks that the body sets (see FLAGS): they hold in every turn, so they are set before the first
    broken     fields that no value can carry; reading one is a graph break
    may_be     for a carry that holds a state or list: what it may share something with
    params     the carries' values inside the body, of the trace in progress
    outside    names that are read outside the loop: others need not outlive it
    is_endless  True where no turn can be the last, whatever the run brings
    """

    def __init__(
        self,
        cx: Capture,
        node: ast.stmt,
        op: str,
        heads: tuple[Atom, ...],
        item: Type | None,
        bind: Callable[[StandIn], None] | None,
    ) -> None:
        self.cx, self.node, self.op, self.heads, self.item_type, self.bind = cx, node, op, heads, item, bind
        self.lifted: dict[Key, Type] = {}
        self.constant: dict[Key, StandIn] = {}
        self.broken: dict[Key, Unmergeable] = {}
        self.may_be: dict[Key, list[Cell]] = {}
        self.rough: set[Key] = set()  # carries that may hold what can be changed
        self.boxes: set[Key] = set()  # carries that may themselves be what can be changed
        self.unfixed: set[Key] = set()  # the same, of what may itself be fixed and hold what can be changed
        self.held: dict[Key, Objects] = {}  # for a carry: the objects that turns have put there
        self.words: dict[Key, Words] = {}  # for a carry that is one of several things: the run has its number
        self.frame = cx.frame
        self.span = cx.t.span
        self.outside = cx.loaded_outside(node)
        self.is_endless = False

    def trace(self) -> None:
        """Trace until nothing new has to be carried, then emit the region."""
        cx, t = self.cx, self.cx.t
        # `exits` collects the ways in which this loop is left, apart from those of the loops around it
        mine, self.frame.exits = self.frame.exits, set()
        aliases, touched, num_boxes = len(t.alias_log), t.live_touched, len(t.boxes)
        while True:
            # links that a void trace made would make cells stale that share nothing
            t.forget_aliases(aliases)
            del t.boxes[num_boxes:]
            arm = Arm(t, again=True)
            self.frame.exits = set()
            t.span = self.span
            self.params: dict[Key, Value] = {}
            self.item = self._item()
            try:
                arm.run(self._turn)
            except NeedLift as need:
                # a name of a loop around this one, which carries it and traces this one anew
                if need.marker.region is not self:
                    raise
                # read before it is bound in this turn: it may come from the turn before, or be unset in the first
                self.lifted[need.marker.key] = NONE.or_unset()
                continue
            # once the body may change live objects, every turn must read them anew: a trace that began without knowing
            # so is void
            touched, before = t.live_touched, touched
            if not self._grow(arm) and touched == before:
                break
        t.span = self.span
        self._emit(arm)
        exits.settle_exit(cx, self.frame)
        self.frame.exits |= mine

    def _item(self) -> Value | None:
        if self.item_type is None:
            return None
        item = self.cx.t.fresh(self.item_type, "item")
        self.cx.t.contents.taken(item, self.heads[0])
        self.cx.t.keep_tame(item, self.heads[0])
        return item

    def _turn(self) -> None:
        """Trace one turn, from what the carries hold when it begins."""
        cx, t = self.cx, self.cx.t
        # put, not written: nothing is changed here, so nothing that is an alias may go stale
        for key, value in (*self.constant.items(), *self.broken.items()):
            t.put(*key, value)
        for key, type_ in self.lifted.items():
            param = self.params[key] = t.fresh(type_)
            if key in self.words:
                put_words(t, key, param, self.words[key])
                continue
            share_carried(
                t, key, param, self.held.get(key, NOTHING), rough=self.rough, boxes=self.boxes, unfixed=self.unfixed
            )
            put_carried(t, key, param, self.may_be.get(key, ()))
        # a name that is bound only in here is unset when the first turn begins, and the last turn's in the others
        for name in cx.bound_in(self.node):
            key = (self.frame, name)
            if name not in self.frame.fields and key not in self.lifted and self.frame.scope.is_local(name):
                t.write(self.frame, name, NotLifted(key, self))
        t.write(self.frame, "$exit", exits.RUNNING)
        if self.item is not None and self.bind is not None:
            self.bind(wrap(t, self.item, borrowed=True))
            if isinstance(self.node, ast.For):
                execute(cx, self.node.body)
        elif isinstance(self.node, ast.While):
            self._while_turn(self.node)

    def _while_turn(self, node: ast.While) -> None:
        """`while test: body` is a loop whose turn is `if test: body, else: break`."""
        cx = self.cx
        truth = cx.truth(cx.eval(node.test))
        span = cx.at(node)
        if isinstance(truth, bool):
            execute(cx, node.body) if truth else exits.leave(cx, exits.BREAK)
            return
        then, stop = Arm(cx.t), Arm(cx.t)
        then.run(lambda: execute(cx, node.body))
        stop.run(lambda: exits.leave(cx, exits.BREAK))
        cx.t.span = span
        branch(cx.t, truth, then, stop)

    def _grow(self, arm: Arm) -> bool:
        """Lift what the body changed and is not carried yet; widen what changed its type. True if traced again."""
        # no turn follows this one, so there is nothing to carry
        if arm.raised:
            return False
        grew = False
        for key, new in arm.outer_writes().items():
            owner, name = key
            if key == (self.frame, "$exit") or key in self.broken:  # how a turn is left has a carry of its own
                continue
            if name in FLAGS:
                if key not in self.constant and new is not UNBOUND:
                    self.constant[key] = new
                    grew = True
                continue
            if isinstance(new, NotLifted):  # this turn neither read nor bound the name
                continue
            old = owner.fields.get(name, UNBOUND)
            if key not in self.lifted and (new is old or same_literal(new, old)):
                continue
            # each turn binds it before it reads it (else NeedLift), and nobody reads it after the loop
            if owner is self.frame and old is UNBOUND and key not in self.lifted and name not in self.outside:
                continue
            if isinstance(old, NotLifted) and key not in self.lifted:
                if name not in self.outside:
                    continue
                raise NeedLift(old)  # after no turn at all it is what the loop around this one had
            grew |= self._lift(key, old, new, arm)
        return grew

    def _lift(self, key: Key, old: StandIn, new: StandIn, arm: Arm) -> bool:
        """Carry a field, as the join of all types it has had; True where that changed what is carried."""
        more = words_of(old, new, self.words.get(key), arm.birth)
        if more is not None and (key not in self.lifted or key in self.words or self.lifted[key] == NONE):
            grew = more != self.words.get(key)
            self.words[key], self.lifted[key] = more, INT
            return grew
        if self.words.pop(key, None) is not None:
            self.lifted.pop(key)
            self.broken[key] = Unmergeable(TWO_KINDS, f"`{key[1]}`")
            return True
        check_live(self.cx.t, key, old, new, self.lifted.get(key), arm)
        first, then = field_type(old, key, arm.now), field_type(new, key, arm.now)
        self._check_roles(old, new)
        if old is UNBOUND and then is not None and then.is_state:
            then = None  # a state that may be unset: an error only if it is read
        # an empty list may become one of anything: the body says of what
        if key[1] == "content" and isinstance(key[0], Container) and old == () and then == STATES:
            first = STATES
        had = self.lifted.get(key)
        wide = join(first, then) if first is not None and then is not None else None
        if wide is not None and had is not None:
            wide = join(wide, had)
        if wide is None or isinstance(new, Unmergeable):
            label = f"`{key[1]}`"
            self.broken[key] = new if isinstance(new, Unmergeable) else Unmergeable(TWO_KINDS, label)
            self.lifted.pop(key, None)
            return True
        # more that it may be is more that goes stale: another trace is needed, as for a wider type
        shared = self.cx.t.may_be(new, arm.birth)
        grew = len(shared) > len(self.may_be.get(key, ())) or self._holds_more(key, new, arm)
        self.may_be[key] = shared
        self.lifted[key] = wide
        return grew or had != wide

    def _holds_more(self, key: Key, new: StandIn, arm: Arm) -> bool:
        owner, t = key[0], self.cx.t
        whole = owner if isinstance(owner, Container) and key[1] == "content" else new
        with arm.open():
            objects = t.objects_of(whole, arm.birth)
            flat, atom, fixed = t.is_flat(whole), t.is_flat(whole, atom=True), t.is_fixed(whole)
        had = self.held.get(key, NOTHING)
        self.held[key] = had | objects
        grew = not objects <= had or (not flat and key not in self.rough) or (not atom and key not in self.boxes)
        grew |= not fixed and key not in self.unfixed
        if not flat:
            self.rough.add(key)
        if not atom:
            self.boxes.add(key)
        if not fixed:
            self.unfixed.add(key)
        return grew

    def _check_roles(self, old: StandIn, new: StandIn) -> None:
        role = self.cx.t.role
        if isinstance(old, Value) and isinstance(new, Value) and role.get(old.name, "") != role.get(new.name, ""):
            raise graph_break(ROLES_AFTER_BRANCH, self.span)

    def _emit(self, arm: Arm) -> None:
        """Make a node of the last trace, and go on after the loop with what its outputs hold.

        Where the body may return, how it was left is one carry more, the last: the code after the loop tests it.
        """
        t, frame = self.cx.t, self.frame
        left = arm.now(frame, "$exit")
        returns = exits.RETURN in frame.exits
        keys = list(self.lifted)
        with arm.open():
            # a body that surely raises ends in `raise` and has no next turn
            if not arm.raised:
                nexts = [self._atom(key, arm.now(*key)) for key in keys]
                go = self._go(left)
                self.is_endless = self.op == "loop" and go == Lit(True) and not _may_raise(arm)
                # where taking the next item fails this is what the turns so far have done
                if t.tries and self.op == "for":
                    t.tries[-1].may_fail()
                t.emit("next", (go, *nexts, maybe_atom(t, left)) if returns else (go, *nexts))
        inits = [self._atom(key, key[0].fields.get(key[1], UNBOUND)) for key in keys]
        params = [self.params[key] for key in keys]
        outs = [t.fresh(self.lifted[key], t.names.get(param.name)) for key, param in zip(keys, params)]
        for key, out in ((key, out) for key, out in zip(keys, outs) if key not in self.words):
            share_carried(
                t, key, out, self.held.get(key, NOTHING), rough=self.rough, boxes=self.boxes, unfixed=self.unfixed
            )
        if returns:
            inits.append(Lit(exits.RUNNING))
            params.append(t.fresh(INT, "exit"))
            outs.append(t.fresh(INT, "exit"))
        if t.tries:
            t.tries[-1].may_fail()
        t.leave_unread((*params, *outs))
        body = Block((*([self.item] if self.item is not None else []), *params), tuple(arm.nodes))
        t.nodes.append(Node(self.op, (*self.heads, *inits), regions=(body,), outputs=tuple(outs), span=self.span))
        self._leave_behind(arm, dict(zip(keys, outs)))
        t.write(frame, "$exit", Sym(outs[-1]) if returns else exits.RUNNING)

    def _atom(self, key: Key, held: StandIn) -> Atom:
        words = self.words.get(key)
        return field_atom(self.cx.t, key, held, self.lifted[key]) if words is None else number(self.cx.t, held, words)

    def _leave_behind(self, arm: Arm, outs: dict[Key, Value]) -> None:
        """Put into every field that the body changed what it holds when the loop is over."""
        t, frame = self.cx.t, self.frame
        for key, out in outs.items():
            if key in self.words:
                put_words(t, key, out, self.words[key])
            else:
                put_carried(t, key, out, self.may_be.get(key, ()))
        for field, value in (*self.constant.items(), *self.broken.items()):
            t.put(*field, value)
        for owner, name in arm.outer_writes():
            # bound in the body, not carried, and nothing after the loop was seen to read it: it must stay so
            if owner is frame and name not in frame.fields and (owner, name) not in self.constant:
                t.write(owner, name, Unmergeable(TWO_KINDS, f"`{name}`"))

    def _go(self, flag: StandIn) -> Atom:
        """Whether there is another turn: not after a break or a return."""
        if isinstance(flag, Sym):
            running = Lit((exits.RUNNING, exits.CONTINUE))
            return self.cx.t.host("compare", flag.value, running, type=BOOL, op="in")
        return Lit(flag in (exits.RUNNING, exits.CONTINUE))


def _may_raise(arm: Arm) -> bool:
    """True where a turn may end in an exception."""
    nodes = (each for node in arm.nodes for each in walk(Block((), (node,))))
    return any(OPS[node.op].raises or node.op == "call" for node in nodes)
