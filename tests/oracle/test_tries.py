"""`try` around calls that fail: a failed call is raised where it is read, by graphs as by Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import lmc as lm
from lmc.backend.echo import EchoBackend
from lmc.program import Program
from tests.oracle.compiled import described, plain

LOG: list[object] = []


def note(x):
    LOG.append(x)
    return x


def read_in_the_body(s):
    s += "bad "
    s += lm.gen("x", max_tokens=2)
    try:
        return s["x"]
    except lm.RequestError as e:
        note("caught")
        return e.message


def read_before_the_body(s):
    s += "bad "
    s += lm.gen("x", max_tokens=2)
    x = s["x"]
    try:
        return int(x)
    except Exception:
        return note("never")


def asked_in_the_body_and_not_read(s):
    try:
        s += "bad "
        s += lm.gen("x", max_tokens=2)
        note("asked")
    except lm.RequestError:
        note("never")
    s += "more"
    return 1


def asked_in_the_body_and_read_after(s):
    f = s.fork(1)[0]
    try:
        f += "bad "
        f += lm.gen("x", max_tokens=2)
    except lm.RequestError:
        note("never")
    try:
        return f["x"]
    except lm.RequestError:
        return note("late")


def another_fork_instead(s):
    a, b = s.fork(2)
    a += "bad "
    a += lm.gen("x", max_tokens=2)
    try:
        a.text()
        return a["x"]
    except lm.RequestError as e:
        note(type(e).__name__)
        b += "good "
        b += lm.gen("x", max_tokens=2)
    s += b["x"]
    return s["x"] if "x" in s else b["x"]


def retry_on_forks(s):
    for i in range(3):
        f = s.fork(1)[0]
        f += ("bad ", "bad ", "good ")[i]
        f += lm.gen("x", max_tokens=2)
        try:
            s += f["x"]
            return i
        except lm.RequestError:
            s += " again "
    return -1


def state_is_lost(s):
    s += "bad "
    s += lm.gen("x", max_tokens=2)
    try:
        s["x"]
    except lm.RequestError:
        note("caught")
    s += "after"
    s += lm.gen("y", max_tokens=2)
    return 3


def earlier_name_is_still_there(s):
    s += "good "
    s += lm.gen("a", max_tokens=2)
    s += "bad "
    s += lm.gen("b", max_tokens=2)
    try:
        x = s["a"]
        note("read a")
        return x + s["b"]
    except lm.RequestError:
        return x


def finally_runs(s):
    s += "bad "
    s += lm.gen("x", max_tokens=2)
    try:
        return int(s["x"])
    finally:
        note("finally")


def read_in_a_helper(s):
    def read(f):
        return f["x"] + "!"

    fs = s.fork(2)
    for f, t in zip(fs, ("good ", "bad ")):
        f += t
        f += lm.gen("x", max_tokens=2)
    out = []
    for f in fs:
        try:
            out.append(read(f))
        except lm.RequestError as e:
            out.append(e.retryable)
    return out


def through_a_branch(s, flag):
    s += "bad "
    s += lm.gen("x", max_tokens=2)
    try:
        y = s["x"] if flag else "none"
        note("read")
        return y
    except lm.RequestError:
        return "caught"


def appended_in_the_body(s):
    f = s.fork(1)[0]
    f += "bad "
    f += lm.gen("x", max_tokens=2)
    try:
        s += f"<{f['x']}>"
    except lm.RequestError:
        s += "<none>"
    s += lm.gen("y", max_tokens=2)
    return s["y"]


def in_a_loop(s, n):
    total = 0
    forks = s.fork(n)
    for i, f in enumerate(forks):
        f += "bad " if i % 2 else "good "
        f += lm.gen("x", max_tokens=2)
    for f in forks:
        try:
            total += len(f["x"]) * 10
        except lm.RequestError:
            total += 1
    return total


PROGRAMS: tuple[tuple[Callable[..., Any], dict[str, Any]], ...] = (
    (read_in_the_body, {}), (read_before_the_body, {}), (asked_in_the_body_and_not_read, {}),
    (asked_in_the_body_and_read_after, {}), (another_fork_instead, {}), (retry_on_forks, {}), (state_is_lost, {}),
    (earlier_name_is_still_there, {}), (finally_runs, {}), (read_in_a_helper, {}), (through_a_branch, {"flag": True}),
    (through_a_branch, {"flag": False}), (appended_in_the_body, {}), (in_a_loop, {"n": 3}),
)  # fmt: skip


def refuses(request: Any) -> str | None:
    """A backend that refuses each prompt that ends in `bad `."""
    text = "".join(piece.text for piece in request.prompt.pieces)
    return "it is bad" if text.endswith("bad ") else None


def seen(fn: Callable[..., Any], args: dict[str, Any], mode: str, seed: int, level: int = 2) -> Any:
    LOG.clear()
    echo = EchoBackend(seed, fail=refuses, record=True, shuffle=seed)
    [result] = Program(fn).run_batch([args], backend=echo, seed=seed, mode=mode, opt_level=level)  # type: ignore[arg-type]
    ended = described(result.error) or (plain(result.ret_value), result.text())
    return ended, list(LOG), sorted(r.prompt.ids for r in echo.log)


@pytest.mark.parametrize("level", [0, 2])
@pytest.mark.parametrize("fn, args", PROGRAMS, ids=[fn.__name__ for fn, _ in PROGRAMS])
def test_failed_call_is_caught_where_python_catches_it(fn: Callable[..., Any], args: dict[str, Any], level: int):
    """Value, effects, and the calls that were asked."""

    for seed in range(5):
        got, want = seen(fn, args, "compiled", seed, level), seen(fn, args, "eager", seed)
        assert got[:2] == want[:2]
        if not isinstance(want[0][0], str) and level == 0:
            assert got[2] == want[2]


def test_something_is_caught():
    """Programs that all end in an error would prove nothing."""

    ended = [seen(fn, args, "eager", 0)[0] for fn, args in PROGRAMS]
    assert sum(not isinstance(each[0], str) for each in ended) > len(ended) / 3
