"""Types of values: `str int float bool none | data | ref | any | state | list[state]`, each also as `T?`.

data   a value made by a known-pure producer (lists, dicts, numbers ...): copied on write, never shared
ref    a live object of the user's program: every operation on it is ordered
any    an argument whose type is not known yet
T?     a name that may be unset: reading it is a `check`
unset  the type of the literal `unset`, below every other: joined with T it gives `T?`
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Type:
    """A type by name; `maybe` marks a value that may be unset."""

    name: str
    maybe: bool = False

    def __str__(self) -> str:
        return self.name + ("?" if self.maybe else "")

    @property
    def is_state(self) -> bool:
        """True for a program state or a list of them."""
        return self.name in ("state", "list[state]", "state|none")

    @property
    def is_text(self) -> bool:
        """True where the value is surely a str."""
        return self.name == "str" and not self.maybe

    @property
    def is_value(self) -> bool:
        """True where operations on it are known to be pure: str, numbers, bool, none, data."""
        return self.name in VALUE_NAMES

    def or_unset(self) -> Type:
        """This type, possibly unset."""
        return Type(self.name, True)

    def when_set(self) -> Type:
        """This type, surely set."""
        return Type(self.name)


STR, INT, FLOAT, BOOL, NONE = (Type(n) for n in ("str", "int", "float", "bool", "none"))
DATA, REF, ANY = Type("data"), Type("ref"), Type("any")
STATE, STATES, MAYBE_STATE = Type("state"), Type("list[state]"), Type("state|none")

UNSET_TYPE = Type("unset", True)

VALUE_NAMES = frozenset(("str", "int", "float", "bool", "none", "data"))
TYPE_NAMES = VALUE_NAMES | {"ref", "any", "state", "list[state]", "state|none", "unset"}


class Unset:
    """The class of `UNSET`, the literal that stands for "this name is not bound"."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "unset"

    def __reduce__(self) -> str:
        return "UNSET"  # copies and pickles are the one and only UNSET


UNSET = Unset()


def join(a: Type, b: Type) -> Type | None:
    """The least type that holds both, or None where a state would mix with something else."""
    maybe = a.maybe or b.maybe
    names = {a.name, b.name}
    if len(names) == 2:
        names -= {"unset"}
    if len(names) == 1:
        return Type(names.pop(), maybe)
    if names <= {"state", "none", "state|none"}:
        return Type("state|none", maybe)
    if any(Type(n).is_state for n in names):
        return None
    if "ref" in names:
        return Type("ref", maybe)
    if "any" in names:
        return Type("any", maybe)
    return Type("data", maybe)


def type_of(value: object) -> Type:
    """The type of an ordinary Python value: atoms by their class, containers of them `data`, the rest `ref`."""
    simple = _ATOMS.get(type(value))
    if simple is not None:
        return simple
    return DATA if is_plain(value) else REF


_ATOMS: dict[type, Type] = {
    str: STR, int: INT, float: FLOAT, bool: BOOL, type(None): NONE, bytes: DATA, type(...): DATA, Unset: UNSET_TYPE,
}  # fmt: skip


def is_plain(value: object) -> bool:
    """True for atoms and for lists, tuples, dicts and sets of them."""
    if type(value) in _ATOMS:
        return True
    if type(value) in (list, tuple, set, frozenset):
        return all(is_plain(v) for v in value)  # type: ignore[attr-defined]
    if type(value) is dict:
        return all(is_plain(k) and is_plain(v) for k, v in value.items())
    return False
