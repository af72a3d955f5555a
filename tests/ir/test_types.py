"""Types join; literals are equal when they print alike; `unset` is one object."""

from __future__ import annotations

import copy
import pickle

import pytest

from lmc.ir.graph import UNSET, Lit
from lmc.ir.types import Type, join, type_of

JOINS = [
    ("str", "str", "str"),
    ("str", "int", "data"),
    ("str", "any", "any"),
    ("any", "ref", "ref"),
    ("state", "none", "state|none"),
    ("state", "state|none", "state|none"),
    ("state", "str", None),
    ("list[state]", "state", None),
    ("str?", "str", "str?"),
    ("int?", "str", "data?"),
]


def _type(text: str) -> Type:
    return Type(text.removesuffix("?"), text.endswith("?"))


@pytest.mark.parametrize("a, b, joined", JOINS)
def test_join_is_the_least_type_of_both(a: str, b: str, joined: str | None) -> None:
    """In either order."""
    expected = None if joined is None else _type(joined)

    assert join(_type(a), _type(b)) == join(_type(b), _type(a)) == expected


def test_unset_is_below_every_type() -> None:
    """It only adds the question mark."""
    unset = type_of(UNSET)

    assert str(unset) == "unset?"
    assert join(unset, unset) == unset
    for name in ("str", "data", "ref", "state", "list[state]", "state|none"):
        assert join(unset, Type(name)) == join(Type(name), unset) == Type(name, True)


def test_unset_is_one_object() -> None:
    """Copies and pickles included."""
    assert copy.deepcopy(UNSET) is UNSET
    assert pickle.loads(pickle.dumps(UNSET)) is UNSET


def test_literals_are_equal_when_they_print_alike() -> None:
    """1, 1.0 and True are three literals; so are "unset" and unset."""
    assert len({Lit(1), Lit(1.0), Lit(True), Lit("unset"), Lit(UNSET), Lit(None), Lit(...)}) == 7
    assert Lit(float("nan")) == Lit(float("nan"))
