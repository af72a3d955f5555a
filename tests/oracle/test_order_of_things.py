"""Reading waits, and nothing of the user's runs while compiling: as docs/order.md says."""

from __future__ import annotations

from typing import Any

import pytest

import lmc

LOG: list[object] = []


class Loud:
    """Says what is done with it."""

    @property
    def text(self) -> str:
        LOG.append("property")
        return "t"

    def __format__(self, spec: str) -> str:
        LOG.append("format")
        return "f"

    def __eq__(self, other: object) -> bool:
        LOG.append("eq")
        return True

    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        LOG.append("bool")
        return True


LOUD = Loud()


def syncs(s: Any) -> None:
    s += "q" + lmc.gen("x", max_tokens=1)
    s.sync()
    LOG.append("after")


def reads(s: Any) -> None:
    s += "q" + lmc.gen("x", max_tokens=1)
    s["x"]
    LOG.append("after")


def hands_on(s: Any) -> None:
    f = s.fork(1)[0]
    f += "q" + lmc.gen("x", max_tokens=1)
    s += f["x"]
    LOG.append("after")


def measures(s: Any) -> int:
    s += "q" + lmc.gen("x", max_tokens=1)
    n = len(s["x"])
    LOG.append("after")
    return n


def counts(s: Any) -> None:
    s += "q" + lmc.gen("x", max_tokens=1)
    len(s["x"])
    LOG.append("after")


def branches(s: Any) -> None:
    s += "q" + lmc.gen("x", max_tokens=1)
    if s["x"]:
        s += "more"
    LOG.append("after")


def compares(s: Any) -> None:
    s += "q" + lmc.gen("x", max_tokens=1)
    same = s["x"] == "q"
    LOG.append("after")
    s += str(same)


def looks(s: Any) -> None:
    s += LOUD.text + f"{LOUD}"
    if LOUD == 1 and LOUD:
        s += "yes"


@pytest.mark.parametrize("mode", ["compiled", "eager"])
@pytest.mark.parametrize("program", [syncs, reads, hands_on, measures, counts, branches, compares])
def test_what_stands_behind_a_read_of_a_failed_call_never_happens(program: Any, mode: Any) -> None:
    LOG.clear()
    with pytest.raises(lmc.RequestError):
        lmc.Program(program).run(backend=lmc.EchoBackend(fail=lambda request: "no"), mode=mode)
    assert LOG == []
    lmc.Program(program).run(backend="echo", mode=mode)
    assert LOG == ["after"]


def test_objects_of_the_user_are_not_asked_while_compiling() -> None:
    LOG.clear()
    lmc.compile(lmc.Program(looks))
    assert LOG == []
    seen = []
    for mode in ("compiled", "eager"):
        LOG.clear()
        seen.append((lmc.Program(looks).run(backend="echo", mode=mode).text(), list(LOG)))
    assert seen[0] == seen[1] == ("tfyes", ["property", "format", "eq", "bool"])


class Heavy:
    """Says when it is compared."""

    def __init__(self, weight: int) -> None:
        self.weight = weight

    def __lt__(self, other: Heavy) -> bool:
        LOG.append(("lt", self.weight, other.weight))
        return self.weight < other.weight

    def __gt__(self, other: Heavy) -> bool:
        LOG.append(("gt", self.weight, other.weight))
        return self.weight > other.weight


HEAVY = [Heavy(3), Heavy(1), Heavy(2)]


def noted(x: Any) -> Any:
    LOG.append(("key", x.weight))
    return x


def lightest(s: Any) -> list[int]:
    return [min(HEAVY, key=noted).weight, max(HEAVY, key=lambda x: noted(x)).weight]


def lightest_of_a_loop(s: Any) -> list[int]:
    s += lmc.gen("x", regex="[1-3]{2}")
    return [max(s["x"], key=lambda c: noted(HEAVY[int(c) - 1])), min(sorted(s["x"]), key=lambda c: noted(HEAVY[0]))]


def none_to_choose_from(s: Any) -> list[Any]:
    try:
        return min([], key=noted)  # type: ignore[return-value]
    except ValueError as error:
        return [str(error), max([], key=noted, default=5)]


def fails_at_the_second(s: Any) -> str:
    def fails(x: Any) -> Any:
        if x == 2:
            raise KeyError(x)
        return noted(HEAVY[x])

    try:
        return str(max([0, 1, 2], key=fails))
    except KeyError as error:
        return str(error)


def lightest_itself(s: Any) -> list[int]:
    s += lmc.gen("x", regex="[ab]{2}")
    out = []
    for c in s["x"]:
        LOG.append(c)
        out += [min(HEAVY).weight, max(HEAVY, key=lambda x: x).weight, sorted(HEAVY, key=noted)[0].weight]
    return out


@pytest.mark.parametrize(
    "program", [lightest, lightest_itself, lightest_of_a_loop, none_to_choose_from, fails_at_the_second]
)
def test_objects_are_compared_when_python_compares_them(program: Any) -> None:
    seen = []
    for mode in ("compiled", "eager"):
        LOG.clear()
        seen.append((lmc.Program(program).run(backend="echo", mode=mode).ret_value, list(LOG)))
    assert seen[0] == seen[1]
