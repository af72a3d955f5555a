"""Whether a JSON value is in a set of values: the sets that a schema becomes, asked about one value, not written out.

It knows what no automaton does: whether the items of an array are all different.
"""

from __future__ import annotations

from collections.abc import Sequence

from lmc.ir.automaton.dfa import CharDfa
from lmc.ir.json_schema.equality import canonical, kind_of
from lmc.ir.json_schema.keywords import Json
from lmc.ir.json_schema.numbers import Number, Numbers, decimal
from lmc.ir.json_schema.shape import Shape
from lmc.ir.json_schema.strings import Strings
from lmc.ir.json_schema.texts import characters
from lmc.ir.json_schema.values import (
    Arrays,
    Both,
    Contains,
    Either,
    Everything,
    MemberRule,
    Nothing,
    Objects,
    Part,
    Texts,
    Values,
    Without,
    everything,
    has,
)


def contains(values: Values, value: Json, shape: Shape | None) -> bool:
    """Whether a value that stands in a place of the shape is in the set; numbers are ints and Decimals."""
    kind = kind_of(value)
    return _in_part(values[kind], value, shape or Shape())


def _in_part(part: Part, value: Json, shape: Shape) -> bool:
    match part:
        case Everything():
            return True
        case Nothing():
            return False
        case Texts(tree):
            return CharDfa(tree).accepts(canonical(value))
        case Either(parts):
            return any(_in_part(each, value, shape) for each in parts)
        case Both(parts):
            return all(_in_part(each, value, shape) for each in parts)
        case Without(inner):
            return not _in_part(inner, value, shape)
        case Number() | Numbers():
            return has(part, decimal(value))
        case Strings():
            return CharDfa(characters(part)).accepts(value)
        case Arrays():
            return _in_arrays(part, value, shape)
        case Contains():
            return _has_hits(part, value, shape)
        case Objects():
            return _in_objects(part, value, shape)


def _place(shape: Shape, at: int) -> Shape | None:
    return shape.items[at] if at < len(shape.items) else shape.rest


def _in_arrays(form: Arrays, items: Sequence[Json], shape: Shape) -> bool:
    if len(items) < form.low or (form.high is not None and len(items) > form.high):
        return False
    if form.unique is not None and len(set(map(canonical, items))) < len(items):
        return False
    return all(contains(form.item(at), item, _place(shape, at)) for at, item in enumerate(items)) and all(
        _has_hits(each, items, shape) for each in form.contains
    )


def _has_hits(form: Contains, items: Sequence[Json], shape: Shape) -> bool:
    last = len(form.sets) - 1
    hits = sum(contains(form.sets[min(at, last)], item, _place(shape, at)) for at, item in enumerate(items))
    return form.low <= hits and (form.high is None or hits <= form.high)


def _in_objects(form: Objects, members: dict[str, Json], shape: Shape) -> bool:
    if len(members) < form.low or (form.high is not None and len(members) > form.high):
        return False
    if not form.required <= members.keys():
        return False
    return all(_in_member(form, name, value, shape) for name, value in members.items())


def _in_member(form: Objects, name: str, value: Json, shape: Shape) -> bool:
    if name in shape.names:
        return contains(form.named.get(name, everything()), value, shape.names[name])
    return all(contains(rule.values, value, shape.others) for rule in form.rules if _is_about(rule, name))


def _is_about(rule: MemberRule, name: str) -> bool:
    return rule.keys is None or CharDfa(rule.keys).accepts(name)
