"""Results with something else in the place of states: whatever holds them is read without code of the user's."""

from __future__ import annotations

import collections
import dataclasses
from typing import Any

import pytest

import lmc
from lmc.executor.returned import with_each

CALLED: list[str] = []


class State:
    """Stands for a program state."""


class Loud(list[Any]):
    def __iter__(self) -> Any:
        CALLED.append("iter")
        return super().__iter__()

    def __len__(self) -> int:
        CALLED.append("len")
        return super().__len__()

    def append(self, x: Any) -> None:
        CALLED.append("append")
        super().append(x)


class LoudDict(dict[str, Any]):
    def __iter__(self) -> Any:
        CALLED.append("iter")
        return super().__iter__()

    def values(self) -> Any:
        CALLED.append("values")
        return super().values()

    def __setitem__(self, key: str, value: Any) -> None:
        CALLED.append("set")
        super().__setitem__(key, value)


class LoudTuple(tuple[Any, ...]):
    def __iter__(self) -> Any:
        CALLED.append("iter")
        return super().__iter__()


class Later(collections.OrderedDict[str, Any]):
    """Its order is not that of the dict below it."""


class Found(collections.defaultdict[str, Any]):
    """Made with what makes its missing values."""


@dataclasses.dataclass(frozen=True, slots=True)
class Slots:
    x: Any
    y: int = 1


@dataclasses.dataclass
class Fields:
    x: Any

    def __setattr__(self, name: str, value: Any) -> None:
        CALLED.append("setattr")
        object.__setattr__(self, name, value)


@dataclasses.dataclass
class Failure(ValueError):
    x: Any


def returns_list(s: Any) -> Any:
    return Loud([1, 2])


def returns_dict(s: Any) -> Any:
    return [LoudDict(a=Loud([1]))]


def returns_tuple(s: Any) -> Any:
    return LoudTuple((1, 2))


@pytest.mark.parametrize("mode", ["compiled", "eager"])
@pytest.mark.parametrize("program", [returns_list, returns_dict, returns_tuple])
def test_a_result_runs_no_code_of_its_class(program: Any, mode: Any) -> None:
    CALLED.clear()
    result = lmc.Program(program).run(backend="echo", mode=mode)
    assert result.ret_value is not None
    assert CALLED == []


def given(x: State) -> str:
    """What stands in the place of a state."""
    return "given"


def test_containers_of_states_are_copied_without_code_of_their_classes() -> None:
    loud, table = Loud([State()]), LoudDict(a=State())
    loud.note = "kept"  # type: ignore[attr-defined]
    CALLED.clear()
    copies = [with_each(x, State, given) for x in (loud, table, LoudTuple((State(), 2)))]
    assert CALLED == []
    assert [type(x) for x in copies] == [Loud, LoudDict, LoudTuple]
    assert copies[0] == ["given"] and copies[0].note == "kept"
    assert copies[1] == {"a": "given"} and copies[2] == ("given", 2)


def test_what_a_builtin_class_keeps_beside_its_items_is_copied() -> None:
    found, later = Found(list, a=State()), Later(a=State(), b=1)
    later.move_to_end("a")
    found, later = with_each(found, State, given), with_each(later, State, given)
    assert (found["a"], found["new"]) == ("given", [])
    assert list(later.items()) == [("b", 1), ("a", "given")]


def test_fields_of_dataclasses_are_copied() -> None:
    fields = Fields([State()])
    CALLED.clear()
    assert with_each(fields, State, given).x == ["given"]
    assert CALLED == []
    assert with_each(Slots(State()), State, given) == Slots("given")
    assert with_each(Failure(State()), State, given).x == "given"


def test_what_holds_itself_holds_its_copy() -> None:
    ring: list[Any] = [State()]
    ring.append(ring)
    copied = with_each(ring, State, given)
    assert copied[0] == "given" and copied[1] is copied
