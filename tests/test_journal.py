"""Journals: a batch that was cut off goes on, and gives what it would have given; what is not that batch is refused."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import FunctionType
from typing import Any, NamedTuple

import pytest

import lmc
from lmc.backend.base import Request
from lmc.backend.echo import EchoBackend
from lmc.saved import NotSaved, decode, encode

ROOT = Path(__file__).parents[1]
MOOD = "calm"


def helper(word: str) -> str:
    return f"<{word}>"


@lmc.function
def told(s, word, times=1):
    s += lmc.user(helper(word) * times + MOOD)
    with s.assistant():
        s += lmc.gen("said", max_tokens=6, temperature=1.0)
        s += lmc.select("mood", ["good", "bad"])
    return s["said"], {"word": word}


def seen(result: lmc.Result) -> tuple[Any, ...]:
    if result.error is not None:
        return type(result.error), str(result.error), result.usage
    meta = [{**result.get_meta_info(name), "id": 0} for name in result.variables()]  # its request's number in the run
    return result.item, result.variables(), result.ret_value, result.text(), result.messages(), meta, result.usage


class Asked:
    """An echo backend that counts its calls."""

    def __init__(self, fail: Callable[[Request], str | None] = lambda request: None) -> None:
        self.num = 0
        self._fail = fail
        self.backend = EchoBackend(2, fail=self._note, fail_retryable=True)

    def _note(self, request: Request) -> str | None:
        self.num += 1
        return self._fail(request)


WORDS = [["a"], ["b", 2], {"word": "c"}, "d", ["e", 3]]


# --- going on --------------------------------------------------------------------------------------------


def test_a_second_run_asks_nothing_and_gives_the_same(tmp_path: Path) -> None:
    """Values, return values, text, messages, usage, what is known of the calls."""
    plain = told.run_batch(WORDS, backend=Asked().backend, seed=4)
    first, second = Asked(), Asked()
    one = told.run_batch(WORDS, backend=first.backend, seed=4, journal=tmp_path / "run.jsonl", calls=True)
    two = told.run_batch(WORDS, backend=second.backend, seed=4, journal=tmp_path / "run.jsonl", calls=True)

    assert list(map(seen, plain)) == list(map(seen, one)) == list(map(seen, two))
    assert (first.num, second.num) == (10, 0)
    assert [r.calls for r in two] == [r.calls for r in one] and two[0].report.requests == 0
    assert type(two[0].ret_value) is tuple


@pytest.mark.parametrize("style", ["list", "generator", "as they end"])
def test_cut_off_at_any_byte(tmp_path: Path, style: str) -> None:
    """A torn line is taken off, never read; the rest runs with the draws of its place."""
    options = {} if style == "list" else {"generator_style": True, "ordered": style == "generator"}
    journal = tmp_path / "run.jsonl"
    expected = list(map(seen, told.run_batch(WORDS, backend=Asked().backend, seed=4, journal=journal)))
    whole = journal.read_bytes()
    for end in range(0, len(whole) + 1, 47):
        journal.write_bytes(whole[:end])
        asked = Asked()
        results = sorted(told.run_batch(iter(WORDS), backend=asked.backend, seed=4, journal=journal, **options),
                         key=lambda result: result.item)  # fmt: skip
        assert list(map(seen, results)) == expected, end
        assert asked.num == 2 * (5 - max(0, whole[:end].count(b"\n") - 1)), end
        assert sorted(json.loads(line).get("item", -1) for line in journal.read_bytes().splitlines()) == list(
            range(-1, 5)
        )


def test_a_longer_batch_goes_on_from_a_shorter_one(tmp_path: Path) -> None:
    """What is there is there."""
    asked = Asked()
    told.run_batch(WORDS[:2], backend=asked.backend, journal=tmp_path / "j")
    results = told.run_batch(WORDS, backend=asked.backend, journal=tmp_path / "j")

    assert asked.num == 10 and [r.item for r in results] == list(range(5))


@pytest.mark.parametrize("rerun", [True, False])
def test_failed_items_run_again_if_wanted(tmp_path: Path, rerun: bool) -> None:
    """Else they fail as they did."""
    broken = Asked(lambda request: "the line is busy" if request.rid == 0 else None)
    one = told.run_batch(WORDS, backend=broken.backend, journal=tmp_path / "j")
    well = Asked()
    two = told.run_batch(WORDS, backend=well.backend, journal=tmp_path / "j", rerun_failed=rerun)

    assert [r.error is None for r in one] == [False, True, True, True, True]
    assert (two[0].error is None, well.num) == ((True, 2) if rerun else (False, 0))
    if not rerun:
        assert seen(two[0]) == seen(one[0]) and two[0].error.retryable and two[0].error.span == one[0].error.span


def test_errors_come_back_as_what_they_were(tmp_path: Path) -> None:
    """Python's and lmc's by class; another by its name."""

    class Own(Exception):
        pass

    @lmc.function
    def fails(s, kind):
        if kind == 0:
            raise Own("mine")
        raise [None, ZeroDivisionError("none"), KeyError("k"), lmc.ArgumentError("bad", help="do", code="x")][kind]

    one, two = (
        fails.run_batch([0, 1, 2, 3, "no"], backend="echo", mode="eager", journal=tmp_path / "j", rerun_failed=False)
        for _ in range(2)
    )
    assert [str(r.error) for r in two[1:]] == [str(r.error) for r in one[1:]]
    assert [type(r.error) for r in two] == [lmc.LMError, ZeroDivisionError, KeyError, lmc.ArgumentError, TypeError]
    assert str(two[0].error) == "Own: mine" and two[3].error.help == "do"


def test_ctrl_c_leaves_a_journal_to_go_on_with(tmp_path: Path) -> None:
    """What had ended does not run again."""

    def fail(request: Request) -> str | None:
        if request.rid == 7:
            raise KeyboardInterrupt
        return None

    with pytest.raises(KeyboardInterrupt) as caught:
        told.run_batch(WORDS, backend=Asked(fail).backend, journal=tmp_path / "j", max_in_flight=1)
    asked = Asked()
    results = told.run_batch(WORDS, backend=asked.backend, journal=tmp_path / "j")

    assert len(caught.value.results) == 3 and asked.num == 4
    assert list(map(seen, results)) == list(map(seen, told.run_batch(WORDS, backend=Asked().backend)))


def test_an_iterator_that_is_left_leaves_a_journal_to_go_on_with(tmp_path: Path) -> None:
    """What ended unseen is in it as well."""
    run = told.run_batch(WORDS, backend=Asked().backend, journal=tmp_path / "j", generator_style=True)
    next(run)
    run.close()
    num_ended = len((tmp_path / "j").read_text().splitlines()) - 1
    asked = Asked()
    told.run_batch(WORDS, backend=asked.backend, journal=tmp_path / "j")

    assert num_ended > 1 and asked.num == 2 * (len(WORDS) - num_ended)


def kills(tmp_path: Path, number: int, seed: int) -> None:
    command = [sys.executable, "-m", "tests.support.killed_batches", str(tmp_path), str(number), str(seed)]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    run = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=600)
    assert run.returncode == 0, run.stderr
    *journals, last = map(json.loads, run.stdout.splitlines())
    assert journals and all(each["equal"] and each["again"] for each in journals)
    assert journals[-1]["kills"] == number and last["repeated"] == 0


def test_killed_at_random_moments(tmp_path: Path) -> None:
    """kill -9: what is missing runs, and nothing else; in the end all is as if nothing had happened."""
    kills(tmp_path, 8, seed=1)


@pytest.mark.slow
def test_killed_at_two_hundred_random_moments(tmp_path: Path) -> None:
    """The same, more often."""
    kills(tmp_path, 200, seed=2)


# --- what is refused -------------------------------------------------------------------------------------


def refused(path: Path, *words: str, prog: Any = told, batch: Any = WORDS, **options: Any) -> None:
    backend = options.pop("backend", None) or Asked().backend
    before = path.read_bytes()
    with pytest.raises(lmc.ArgumentError) as caught:
        prog.run_batch(batch, **{"backend": backend, "seed": 4, "journal": path, **options})
    for word in words:
        assert word in str(caught.value), str(caught.value)
    assert path.read_bytes() == before


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Of a whole run."""
    told.run_batch(WORDS, backend=Asked().backend, seed=4, journal=tmp_path / "run.jsonl")
    return tmp_path / "run.jsonl"


def test_another_run_is_refused_by_what_differs(journal: Path) -> None:
    """Seed, sampling, model, bound arguments, level; all of them."""
    refused(journal, "seed: 4 then, 5 now", seed=5)
    refused(journal, "the sampling default `temperature`, `max_tokens`", temperature=0.5, max_new_tokens=3)
    refused(journal, "model: seed 2 then, seed 1 now", backend=EchoBackend(1))
    refused(journal, "opt_level: 2 then, 0 now", "seed: 4 then, 5 now", opt_level=0, seed=5)
    refused(journal, "the bound argument `times`", prog=told.bind(times=1))


def test_another_program_is_refused(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own code, a helper's, a constant that it reads; not for where it stands or how it is laid out."""
    refused(journal, "the code of `told`", "program: told then, other now", prog=other)
    monkeypatch.setitem(globals(), "MOOD", "wild")
    refused(journal, "the code of `MOOD`")
    monkeypatch.undo()
    monkeypatch.setitem(globals(), "helper", lambda word: f"[{word}]")
    refused(journal, "the code of `helper`")
    monkeypatch.undo()
    again = FunctionType(
        told.func.__code__.replace(co_firstlineno=900, co_filename="moved.py"), globals(), "told", (1,)
    )
    assert told.run_batch(WORDS, backend=Asked().backend, seed=4, journal=journal)
    asked = Asked()
    assert lmc.function(again).run_batch(WORDS, backend=asked.backend, seed=4, journal=journal, mode="eager")
    assert asked.num == 0


@lmc.function
def other(s, word, times=1):
    s += lmc.user(word) + lmc.assistant(lmc.gen("said"))


@dataclass
class Asker:
    tone: str

    def ask(self, s, word):
        s += f"{self.tone} {word}" + lmc.gen("x", max_tokens=2)


def test_a_method_is_known_by_its_object(tmp_path: Path) -> None:
    """As far as JSON can hold it."""
    for tone in ("calm", "calm"):
        lmc.run_batch(Asker(tone).ask, ["a"], backend="echo", journal=tmp_path / "j")
    with pytest.raises(lmc.ArgumentError, match="the object that the program is a method of"):
        lmc.run_batch(Asker("wild").ask, ["a"], backend="echo", journal=tmp_path / "j")


def test_events_have_the_number_of_the_item(tmp_path: Path) -> None:
    """That in its batch, where some of it is taken from a journal."""
    told.run_batch(WORDS[:3], backend="echo", journal=tmp_path / "j")
    heard: list[Any] = []
    told.run_batch(WORDS, backend="echo", journal=tmp_path / "j", on_event=heard.append)

    assert {event.item for event in heard} == {3, 4}


def test_a_program_that_counts_in_its_module_goes_on(tmp_path: Path) -> None:
    """What a program assigns itself is not what it is."""
    asked = [counts.run_batch([1, 2], backend="echo", mode="eager", journal=tmp_path / "j") for _ in range(2)]
    assert [[r.ret_value for r in each] for each in asked] == [[1, 2], [1, 2]]


counted = 0


@lmc.function
def counts(s, n):
    global counted
    counted += 1
    return counted


@pytest.mark.parametrize("as_list", [True, False], ids=["list", "iterator"])
def test_other_items_are_refused(journal: Path, as_list: bool) -> None:
    """By their place; of a list before anything runs."""
    changed = [*WORDS[:3], "D", *WORDS[4:]]
    refused(journal, "item 3 is not the one", batch=changed if as_list else iter(changed))
    swapped = [WORDS[1], WORDS[0], *WORDS[2:]]
    refused(journal, "item 0 is not the one", batch=swapped if as_list else iter(swapped))


@pytest.mark.parametrize(
    "content", [b"word\na\n", b"word", b"[]\n", b'{"a": 1}\n', b"\n", b'{"lmc_journal":2}\n', b"\xff\xfe\n"], ids=repr
)
def test_a_file_that_is_no_journal_is_left_alone(tmp_path: Path, content: bytes) -> None:
    """Whoever named it meant another."""
    path = tmp_path / "in.csv"
    path.write_bytes(content)
    refused(path, "journal")


def test_a_broken_line_is_told_by_its_number(journal: Path) -> None:
    """One that is not the last was not torn by a crash."""
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:2], lines[2][:20] + b"\n", *lines[3:]]))
    refused(journal, ":3 is not a line of a journal")


def test_a_journal_in_use_is_refused(journal: Path) -> None:
    """Two writers would lose each other's lines."""
    run = told.run_batch(WORDS, backend=Asked().backend, seed=4, journal=journal, generator_style=True)
    next(run)
    refused(journal, "in use by another run")
    run.close()
    assert told.run_batch(WORDS, backend=Asked().backend, seed=4, journal=journal)


def test_a_journal_in_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """The system's own error, and nothing has run."""
    asked = Asked()
    with pytest.raises(OSError):
        told.run_batch(WORDS, backend=asked.backend, journal=tmp_path / "no" / "j")
    assert asked.num == 0


# --- values ----------------------------------------------------------------------------------------------


class Colour(Enum):
    RED = "r"


class Pair(NamedTuple):
    x: int
    y: str


@dataclass(frozen=True)
class Point:
    x: float
    more: tuple[int, ...] = ()


class Text(str):
    pass


@pytest.mark.parametrize(
    "value",
    [
        None, True, 0, -1.5, "", "ü\ud800\x00", float("inf"), [1, [2]], (1, (2,)), {"a": {"b": ()}}, {1: 2, "1": 3},
        {"$tuple": [1]}, {"$x": 1, "y": 2}, {(1, 2): [3]}, {1, 2}, frozenset("ab"), b"\x00\xff", bytearray(b"x"),
        Colour.RED, Pair(1, "b"), Point(1.5, (2, 3)), [Point(0.0)], 10**40,
    ],
    ids=lambda value: type(value).__name__,  # a frozenset prints in another order in each process
)  # fmt: skip
def test_a_value_comes_back_the_same(value: Any) -> None:
    """And of the same type, through a text."""
    back = decode(json.loads(json.dumps(encode(value))))
    assert back == value and type(back) is type(value) and repr(back) == repr(value)


def test_a_model_of_pydantic_comes_back_the_same() -> None:
    """As gen(type=) gives one."""
    pydantic = pytest.importorskip("pydantic")

    class Person(pydantic.BaseModel):
        name: str = "x"
        age: int = pydantic.Field(3, alias="years")

    Person.__qualname__ = "Person"
    sys.modules[__name__].Person = Person  # type: ignore[attr-defined]
    value = Person(years=5)
    back = decode(json.loads(json.dumps(encode(value))))
    assert back == value and back.model_fields_set == {"age"}


@pytest.mark.parametrize("value", [object(), Text("x"), lambda: 0, [1, {2: object()}], 1j, range(3)], ids=type)
def test_what_would_not_come_back_is_refused(value: Any) -> None:
    """Rather than given back as something else."""
    with pytest.raises(NotSaved):
        encode(value)


def test_what_is_no_json_is_told_and_runs_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Once a run; the caller has the result all the same."""

    @lmc.function
    def odd(s, word):
        s += word + lmc.gen("x", max_tokens=2)
        return {"a": word, "b": object(), "c": print, "d": [word]}[word]

    for num in (4, 2):
        asked = Asked()
        with caplog.at_level(logging.WARNING, "lmc"):
            caplog.clear()
            results = odd.run_batch(list("abcd"), backend=asked.backend, mode="eager", journal=tmp_path / "j")
        assert asked.num == num and [r.error for r in results] == [None] * 4
        assert ["computed again" in record.getMessage() for record in caplog.records] == [True]
    assert '"unsaved":"object is no JSON"' in (tmp_path / "j").read_text()


def test_arguments_that_are_no_json_run_again(tmp_path: Path) -> None:
    """There is nothing to know them by."""

    @lmc.function
    def any(s, thing):
        s += lmc.gen("x", max_tokens=2)
        return 1

    asked = Asked()
    for _ in range(2):
        results = any.run_batch([[object()], ["text"]], backend=asked.backend, journal=tmp_path / "j", mode="eager")
        assert [r.ret_value for r in results] == [1, 1]
    assert asked.num == 3


def test_a_returned_state_comes_back(tmp_path: Path) -> None:
    """With its values and its text."""

    @lmc.function
    def forked(s, word):
        (fork,) = s.fork(1)
        fork += word + lmc.gen("x", max_tokens=3)
        return fork

    one, two = (forked.run_batch(["a"], backend="echo", journal=tmp_path / "j")[0].ret_value for _ in range(2))
    assert (one["x"], one.text()) == (two["x"], two.text())


@lmc.function
def number(s, most):
    s += lmc.user("Number?") + lmc.assistant(lmc.gen("n", type=dict[str, int], max_tokens=most))


def test_a_text_that_could_not_be_read_comes_back(tmp_path: Path) -> None:
    options: dict[str, Any] = {"temperature": 0, "journal": tmp_path / "j"}
    (one,) = number.run_batch([2], **options)
    (two,) = number.run_batch([2], rerun_failed=False, **options)
    assert isinstance(one.error, lmc.OutputError) and isinstance(two.error, lmc.OutputError)
    assert (str(two.error), two.error.text) == (str(one.error), one.error.text)


def test_nothing_is_said_of_an_item_that_is_none(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It has no arguments to be known by, and runs again anyway."""
    results = told.run_batch([{"word": "a"}, {"wort": "b"}], backend="echo", journal=tmp_path / "j")
    assert [type(result.error) for result in results] == [type(None), lmc.ArgumentError]
    assert caplog.messages == []
