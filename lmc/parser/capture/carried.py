"""A field as one value, where a region carries it: from turn to turn of a loop, or from a failure to its handler.

What a field holds is a stand-in, which may be made of many values; carried, it is one, whose type says what may be
known of it on the other side.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from contextlib import nullcontext

from lmc.ir.graph import UNSET, Atom, Lit, Value
from lmc.ir.types import ANY, DATA, MAYBE_STATE, NONE, STATE, STATES, STR, Type, type_of
from lmc.parser.capture.contents import Objects
from lmc.parser.capture.tracer import Arm, Key, NotLifted, Tracer, has_live, wrap
from lmc.parser.capture.values import (
    UNBOUND,
    Cell,
    Container,
    Element,
    LazyStr,
    Owner,
    StandIn,
    StateCell,
    Sym,
    containers_in,
    has_state,
    is_literal,
    known_content,
    parts_of,
)

Now = Callable[[Owner, str], StandIn]  # what a field holds at the place that is looked at


def field_type(x: StandIn, key: Key, now: Now) -> Type | None:
    """The type a field's content has as a carried value; None where it can be none."""
    if x is UNBOUND:
        return NONE.or_unset()
    if isinstance(x, Value):
        return x.type
    if key[1] == "content" and isinstance(key[0], Container):
        states_in = isinstance(x, tuple) and bool(x) and all(isinstance(c, StateCell) for c in x)
        return STATES if states_in else (None if has_state(x) else DATA)
    if isinstance(x, Sym):
        return x.type
    if isinstance(x, LazyStr):
        return STR
    if isinstance(x, StateCell):
        value = now(x, "value")
        return MAYBE_STATE if isinstance(value, Value) and value.type == MAYBE_STATE else STATE
    if isinstance(x, Container):
        return field_type(now(x, "content"), (x, "content"), now)
    if is_literal(x):
        return type_of(x)
    if isinstance(x, tuple):
        return None if has_state(x) else ANY if has_live(x) else DATA
    return None


def check_live(t: Tracer, key: Key, old: StandIn, new: StandIn, had: Type | None, arm: Arm | None = None) -> None:
    """What is live on one way to a place must be so on all: data was traced as what nobody else changes.

    had     the type it is carried with so far
    arm     the region in which the new one is what it is
    Raises MakeLive for what is data on one way.
    """
    owner = key[0]
    if isinstance(owner, Container) and key[1] == "content":
        if not owner.is_live and any(map(_holds_live, (old, new))):
            raise t.make_live(owner)
        return
    with arm.open() if arm is not None else nullcontext():
        is_live, data = has_live(new), list(t.data_in(new))
    if is_live or has_live(old) or (had is not None and had.name in ("any", "ref")):
        for container in (*t.data_in(old), *data):
            raise t.make_live(container)


def _holds_live(content: StandIn) -> bool:
    """True for the content of a container that is a live object, or has one in it."""
    return (isinstance(content, Value) and content.type.name in ("any", "ref")) or any(map(has_live, parts_of(content)))


def whole_of(key: Key, held: StandIn) -> StandIn:
    """The container itself where a key is its content, else what the field holds."""
    return key[0] if isinstance(key[0], Container) and key[1] == "content" else held


def share_carried(
    t: Tracer, key: Key, value: Value, held: Objects, *,
    rough: Collection[Key], boxes: Collection[Key], unfixed: Collection[Key],
) -> None:  # fmt: skip
    """Say what a carried value may be: what the field holds now, or what was put there on the way to it.

    held   the objects that were put there
    rough  carries in which something may be changed; `boxes` and `unfixed` those that may be changed themselves
    """
    owner, name = key
    old = owner.fields.get(name, UNBOUND)
    whole = whole_of(key, old)
    objects = t.objects_of(whole, t.clock) | held
    if whole is not owner:
        tops = objects
    else:
        tops = t.contents.tops(old) if isinstance(old, Value) else frozenset((owner.birth,))
    t.contents.be(value, tops, objects)
    if key not in rough and t.is_flat(whole):
        t.contents.flatten(value, atom=key not in boxes and t.is_flat(whole, atom=True))
    if key not in unfixed and t.is_fixed(whole):
        t.contents.fix(value)


def put_carried(t: Tracer, key: Key, param: Value, shared: Iterable[Cell]) -> None:
    """Put a carried value where the code of a region finds it; `shared` is what it may share something with."""
    owner, name = key
    if isinstance(owner, StateCell) and name == "value":
        t.names[param.name] = owner
        # a region begins in the role in which it was reached: where there are several the trace breaks
        t.role[param.name] = t.role.get(owner.value.name, "")
        t.put(owner, name, param)
    elif isinstance(owner, Container) and name == "content":
        held = owner.fields["content"]
        # a state in the list may have a name besides: a write through the one makes the other stale
        if param.type == STATES and isinstance(held, tuple):
            t.alias_elements(owner, held)
        for inner in containers_in(held):  # inside a value of run time nothing can be changed in place any more
            t.write(inner, "$frozen", True)
        t.put(owner, name, param)
    else:
        if not name.startswith("$"):
            t.names[param.name] = name.removeprefix(".")  # of an attribute
        old = owner.fields.get(name)
        made = wrap(t, param, borrowed=True)
        if isinstance(made, StateCell):
            made.hint = name
        # it may be what the field held before, or what was put there meanwhile
        if isinstance(made, StateCell | Container):
            t.alias(made, [*t.may_be(old, t.clock), *shared])
        t.put(owner, name, made)


def field_atom(t: Tracer, key: Key, content: StandIn, type: Type) -> Atom:
    """What a field holds, as one value of a type."""
    owner, name = key
    if isinstance(owner, Container) and name == "content" and not isinstance(content, Value):
        # `list` of nothing would be data
        if type == STATES and not content:
            return t.host("states", type=STATES)
        return t.version(Container(owner.birth, owner.kind, known_content(content)))
    return maybe_atom(t, content)


def maybe_atom(t: Tracer, x: StandIn) -> Atom:
    """A stand-in as an operand, which may be unset: reading it on the other side is the error, not carrying it."""
    if x is UNBOUND or isinstance(x, NotLifted):
        return Lit(UNSET)
    if isinstance(x, Value):
        return x
    # as it is: to make sure of it is an error where nobody may ever read it
    if isinstance(x, StateCell) and not isinstance(x, Element) and x.value.type == MAYBE_STATE:
        return x.value
    return t.atom(x)
