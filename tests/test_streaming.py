"""Streams: text while a run goes on, several readers, batches, errors, and what is left of a run that nobody reads."""

from __future__ import annotations

import threading
import time
from itertools import count, islice
from typing import Any

import pytest

import lmc
from lmc.backend.echo import EchoBackend, EchoSession
from lmc.backend.local import CpuBackend
from lmc.launch import Mode
from tests.support.end_to_end import checkpoint

MODES: tuple[Mode, ...] = ("compiled", "eager")
in_both_modes = pytest.mark.parametrize("mode", MODES)


def answers(**texts: str) -> Any:
    return lambda prompt, gen: texts.get(str(gen.name))


@lmc.function
def two_turns(s, question):
    s += lmc.user(question)
    s += lmc.assistant("Well: " + lmc.gen("first", max_tokens=40))
    s += lmc.user("And?")
    s += lmc.assistant(lmc.gen("second", max_tokens=40))
    return s["first"] + s["second"]


@lmc.function
def forks(s):
    s += "Topic: "
    a, b = s.fork(2)
    a += "easy " + lmc.gen("tip", max_tokens=20)
    inner = b.fork(1)
    inner[0] += "hard " + lmc.gen("tip", max_tokens=20)
    s += a["tip"] + " " + inner[0]["tip"]


@lmc.function
def divides(s, by):
    s += "Say: " + lmc.gen("said", max_tokens=40)
    s += f"{len(s['said']) / by}"
    s += lmc.gen("more", max_tokens=40)
    return s["said"]


class Watched(EchoBackend):
    """An echo backend that remembers its sessions."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.sessions: list[EchoSession] = []

    def open(self, namespace: str = "") -> EchoSession:
        self.sessions.append(super().open(namespace))
        return self.sessions[-1]

    @property
    def is_clean(self) -> bool:
        """True where every session was closed with nothing left in it."""
        return all(session._is_closed and not session._live for session in self.sessions)


# --- one run -----------------------------------------------------------------------------------------------------


@in_both_modes
def test_a_run_goes_on_as_it_is_read(mode: Mode) -> None:
    """Nothing runs before the first reading, and no more than it needs."""
    echo = Watched(chunks=8, script=answers(first="one two three four", second="five"))
    stream = two_turns.stream("Hi", backend=echo, mode=mode)
    assert echo.sessions == []

    first = stream.text_iter("first")
    assert next(first) + next(first) == "one tw"
    assert len(echo.sessions[0]._live) == 1
    assert "".join(first) == "o three four"
    assert stream["second"] == "five" and echo.is_clean


@in_both_modes
def test_late_readers_get_everything(mode: Mode) -> None:
    """A reader after the end, and one from the middle, read what the first did."""
    stream = two_turns.stream("Hi", backend=EchoBackend(chunks=5), mode=mode)
    early, middle = stream.text_iter(), stream.text_iter()
    begin = [next(early) for _ in range(4)]
    whole = "".join([*begin, *early])

    assert whole == stream.text() == "".join(middle) == "".join(stream)
    assert "".join(stream.text_iter("first")) == stream["first"]
    assert "".join(stream.text_iter("second")) == stream["second"]
    assert stream.ret_value == stream["first"] + stream["second"]
    assert [m["role"] for m in stream.messages()] == ["user", "assistant"] * 2


def test_run_with_stream_is_the_same() -> None:
    """SGLang's spelling, on the program and by `lmc.run`."""
    echo = EchoBackend(chunks=3)
    want = two_turns.run("Hi", backend=echo)

    for stream in (two_turns.run("Hi", backend=echo, stream=True), lmc.run(two_turns, "Hi", backend=echo, stream=True)):
        assert isinstance(stream, lmc.Stream)
        assert "".join(stream.text_iter()) == want.text()


def test_a_name_of_the_program_comes_first() -> None:
    """Where `stream` is an argument it is one; `Program.stream` streams all the same."""

    @lmc.function
    def named(s, stream):
        s += f"{stream}: " + lmc.gen("x")

    assert named.run(stream="a", backend=EchoBackend()).text().startswith("a: ")
    assert next(iter(named.stream(stream="a", backend=EchoBackend()))) == "a: "


@in_both_modes
def test_forks_by_path_and_name(mode: Mode) -> None:
    """Two children, one of which has a child; the name is set on both, and not on the prompt itself."""
    stream = forks.stream(
        backend=EchoBackend(chunks=4, script=lambda p, g: "kiss" if "easy" in p else "tango"), mode=mode
    )

    branches = {branch.path: branch for branch in stream.branches()}
    assert set(branches) == {"", "0.0", "0.1/0.0"}
    assert "".join(branches["0.0"].text_iter()) == "easy kiss"
    assert "".join(branches["0.1/0.0"].text_iter("tip")) == "tango"
    assert "".join(stream.branch("0.0").text_iter("tip")) == "kiss"
    assert "".join(stream) == "Topic: kiss tango"
    with pytest.raises(KeyError, match="tip"):
        list(stream.text_iter("tip"))
    with pytest.raises(KeyError, match="nothing"):
        list(branches["0.0"].text_iter("nothing"))


@in_both_modes
def test_names_that_no_call_sets(mode: Mode) -> None:
    """A scope and a set name give their text in the end; what is no text is refused."""

    @lmc.function
    def scoped(s):
        with s.var_scope("all"):
            s += "a" + lmc.gen("x", max_tokens=3)
        s["set"] = "b"
        s["number"] = 3

    stream = scoped.stream(backend=EchoBackend(), mode=mode)
    assert "".join(stream.text_iter("all")) == stream["all"] == "a" + stream["x"]
    assert list(stream.text_iter("set")) == ["b"]
    with pytest.raises(lmc.ArgumentError, match="is no text but int"):
        list(stream.text_iter("number"))


@in_both_modes
def test_samples_are_read_apart(mode: Mode) -> None:
    """The prompt goes on with the first of several."""

    @lmc.function
    def three(s):
        s += "Go: " + lmc.gen("x", n=3, max_tokens=20)
        s += "."

    stream = three.stream(backend=EchoBackend(chunks=3), mode=mode)
    assert ["".join(stream.text_iter("x", sample=i)) for i in range(3)] == stream["x"]
    assert "".join(stream) == stream.text() == f"Go: {stream['x'][0]}."


@in_both_modes
def test_text_comes_before_a_slow_tool_ends(mode: Mode) -> None:
    """What the prompt has gained is read while the program is in a tool."""
    events: list[str] = []

    @lmc.tool(blocking=True) if hasattr(lmc, "tool") else (lambda f: f)
    def slow() -> str:
        events.append("tool")
        return "."

    @lmc.function
    def waits(s):
        s += "before"
        s += lmc.gen("x", max_tokens=3)
        s += slow()

    for text in waits.stream(backend=EchoBackend(script=answers(x="abc")), mode=mode):
        events.append(text)
    assert [e for e in events if e != "tool"] == ["before", "abc", "."]


def test_events_are_typed_and_in_order() -> None:
    """Start, text, end, the item; every one of one run."""
    stream = two_turns.stream("Hi", backend=EchoBackend(script=answers(first="ab", second="cd")))

    calls = [e for e in stream.events() if getattr(e, "call", None) is not None]
    assert [(type(e).__name__, e.name, e.call) for e in calls] == [
        (kind, name, i)
        for i, name in enumerate(("first", "second"))
        for kind in ("CallStarted", "TextGrew", "CallEnded")
    ]
    assert isinstance(last := list(stream.events())[-1], lmc.ItemDone) and last.result["first"] == "ab"
    ended = [e for e in calls if isinstance(e, lmc.CallEnded)]
    assert [e.meta for e in ended] == [stream.get_meta_info("first"), stream.get_meta_info("second")]


# --- errors ------------------------------------------------------------------------------------------------------


@in_both_modes
def test_an_error_is_raised_behind_the_text(mode: Mode) -> None:
    """By each reader of what is not complete, early or late; a call that ended well is read without one."""
    stream = divides.stream(0, backend=EchoBackend(script=answers(said="one")), mode=mode)
    for _ in range(2):
        got = []
        with pytest.raises(ZeroDivisionError):
            for text in stream:
                got.append(text)
        assert "".join(got) == "Say: one"
    assert "".join(stream.text_iter("said")) == "one"
    with pytest.raises(ZeroDivisionError):
        list(stream.text_iter("more"))
    with pytest.raises(ZeroDivisionError):
        stream["said"]
    assert isinstance(stream.error, ZeroDivisionError) and stream.result().error is stream.error


@in_both_modes
def test_a_failed_call_is_raised_by_its_reader(mode: Mode) -> None:
    """The call's own error, with its place."""
    fails = lambda request: "no luck" if request.out[0].name == "second" else None  # noqa: E731
    stream = two_turns.stream("Hi", backend=EchoBackend(fail=fails), mode=mode)

    assert "".join(stream.text_iter("first"))
    with pytest.raises(lmc.RequestError, match="no luck") as error:
        list(stream.text_iter("second"))
    assert error.value.span is not None


def test_wrong_arguments_are_refused_at_once() -> None:
    """Before anything is read."""
    with pytest.raises(lmc.ArgumentError):
        two_turns.stream(backend=EchoBackend())
    with pytest.raises(lmc.BackendError):
        two_turns.stream("Hi", backend="nowhere")


class Interrupted(EchoBackend):
    """Ctrl-C in the third step."""

    def open(self, namespace: str = "") -> EchoSession:
        session, steps = super().open(namespace), count()
        step = session.step

        def stepped(timeout_s: float | None = None) -> Any:
            if next(steps) == 2:
                raise KeyboardInterrupt
            return step(timeout_s)

        session.step = stepped  # type: ignore[method-assign]
        return session


@in_both_modes
def test_ctrl_c_ends_the_run_and_is_raised_once(mode: Mode) -> None:
    """Who reads on hears that the run was interrupted; what came before is there."""
    stream = two_turns.stream("Hi", backend=Interrupted(chunks=9), mode=mode)
    with pytest.raises(KeyboardInterrupt):
        list(stream)
    with pytest.raises(lmc.RequestError, match="interrupted"):
        list(stream)
    assert next(iter(stream)).startswith("<|im_start|>")


# --- runs that nobody reads to the end ---------------------------------------------------------------------------


@in_both_modes
def test_a_closed_run_is_aborted(mode: Mode) -> None:
    """Its requests too; the program is unwound; what was told stays."""
    left: list[str] = []

    @lmc.function
    def program(s):
        try:
            s += lmc.gen("x", max_tokens=50)
            s += s["x"]
        finally:
            left.append("left")

    echo = Watched(chunks=40)
    with (
        program.stream(backend=echo, mode="eager")
        if mode == "eager"
        else two_turns.stream("Hi", backend=echo) as stream
    ):
        texts = stream.text_iter()
        got = next(texts) + next(texts)
    assert echo.is_clean and (mode == "compiled" or left == ["left"])
    assert next(stream.text_iter()) in got
    with pytest.raises(lmc.RequestError, match="closed before its end"):
        list(texts)
    stream.close()


def test_any_thread_may_close_a_run() -> None:
    """One that runs as Python on another is aborted all the same, and left where it began, with the next one."""
    left: list[int] = []

    @lmc.function
    def program(s):
        try:
            s += lmc.gen("x", max_tokens=50)
            s += s["x"]
        finally:
            left.append(threading.get_ident())

    echo = Watched(chunks=40)
    stream = program.stream(backend=echo, mode="eager")
    next(iter(stream))
    thread = threading.Thread(target=stream.close)
    thread.start()
    thread.join(20)
    assert echo.is_clean and stream.error is not None
    del stream
    program.run(backend=EchoBackend(), mode="eager")  # its thread goes on
    assert left == [threading.get_ident()] * 2


@in_both_modes
@pytest.mark.parametrize("how", ["dropped", "reader closed", "never read"])
def test_a_run_that_nobody_holds_is_aborted(mode: Mode, how: str) -> None:
    """Left by `break` or forgotten: the session is closed."""
    echo = Watched(chunks=40)
    if how == "never read":
        two_turns.stream("Hi", backend=echo, mode=mode)
    elif how == "dropped":
        for _ in islice(two_turns.stream("Hi", backend=echo, mode=mode), 4):
            pass
    else:
        reader = two_turns.stream("Hi", backend=echo, mode=mode).text_iter()
        next(reader)
        reader.close()  # type: ignore[attr-defined]
        del reader
    assert echo.is_clean and len(echo.sessions) == (how != "never read")


def test_the_engine_has_its_slots_back() -> None:
    """A run that was left in the middle leaves nothing running, and no slot leased."""
    backend = CpuBackend(checkpoint(), dtype="fp32")
    for mode in MODES:
        stream = two_turns.stream("Hi", backend=backend, mode=mode)
        texts = stream.text_iter()
        for _ in range(4):
            next(texts)
        stream.close()
        backend.engine.check()
        other = two_turns.run("Hi", backend=backend, mode=mode)
        assert other.text()
    backend.close()


# --- several readers ---------------------------------------------------------------------------------------------


def test_threads_read_one_run() -> None:
    """Each has all of it; a slow one holds up nobody."""
    stream = two_turns.stream("Hi", backend=EchoBackend(chunks=30))
    got: dict[int, str] = {}

    def read(number: int) -> None:
        text = ""
        for each in stream:
            text += each
            if number == 0:
                time.sleep(0.001)
        got[number] = text

    threads = [threading.Thread(target=read, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert got == dict.fromkeys(range(4), stream.text())


def test_another_thread_cannot_go_on_with_python() -> None:
    """A program that runs as Python stays on its thread; what is there, any thread may read."""
    stream = two_turns.stream("Hi", backend=EchoBackend(chunks=30), mode="eager")
    texts = stream.text_iter()
    first, errors = next(texts), []

    def read(into: list[Any]) -> None:
        try:
            into.append("".join(stream))
        except lmc.ArgumentError as error:
            into.append(error.message)

    for _ in range(2):
        thread = threading.Thread(target=read, args=(errors,))
        thread.start()
        thread.join(20)
        rest = "".join(texts)
        first += rest
    assert errors == ["this run began on another thread, and its program runs as Python there", first]


def test_a_program_does_not_read_its_own_stream() -> None:
    """It would wait for itself."""
    streams: list[Any] = []

    @lmc.function
    def reads(s):
        s += "a"
        s += str(len(list(streams[0])))

    streams.append(reads.stream(backend=EchoBackend(), mode="eager"))
    with pytest.raises(lmc.ArgumentError, match="its own run"):
        list(streams[0])


# --- batches -----------------------------------------------------------------------------------------------------


@in_both_modes
def test_a_batch_is_read_by_item(mode: Mode) -> None:
    """Events of all in one order; each item by its index; results as they end."""
    items = [{"by": 1}, {"by": 0}, {"by": 2}]
    batch = divides.run_batch(items, backend=EchoBackend(chunks=3), mode=mode, stream=True)
    want = divides.run_batch(items, backend=EchoBackend(chunks=3), mode=mode)

    assert isinstance(batch, lmc.BatchStream)
    assert "".join(batch[2]) == want[2].text()
    by_item: dict[int, str] = {}
    for event in batch.events():
        if isinstance(event, lmc.TextGrew):
            by_item[event.item] = by_item.get(event.item, "") + event.text
    assert by_item[0] == want[0].text() == batch[0].text() and by_item[2] == want[2].text()
    with pytest.raises(ZeroDivisionError):
        list(batch[1])
    assert sorted(index for index, _ in batch) == [0, 1, 2]
    assert [repr(r) for r in batch.results()] == [repr(r) for r in want]
    with pytest.raises(IndexError):
        list(batch[3])


def test_a_source_without_an_end_is_streamed() -> None:
    """Items are taken as others end; closing ends it."""
    echo = Watched(chunks=2)
    with divides.run_batch(({"by": n + 1} for n in count()), backend=echo, stream=True) as batch:
        indices = [index for index, _ in islice(batch, 40)]
    assert sorted(indices) == list(range(40)) or len(set(indices)) == 40
    assert echo.is_clean


# --- on_event ----------------------------------------------------------------------------------------------------


@in_both_modes
def test_on_event_is_called_as_it_happens(mode: Mode) -> None:
    """For a run, a batch, and a run that is held open; with a stream too."""
    told: list[Any] = []
    run = two_turns.run("Hi", backend=EchoBackend(chunks=3), on_event=told.append, mode=mode)
    assert "".join(e.text for e in told if isinstance(e, lmc.TextGrew)) == run.text()
    assert isinstance(told[-1], lmc.ItemDone)

    told.clear()
    batch = divides.run_batch([[1], [0]], backend=EchoBackend(), on_event=told.append, mode=mode)
    assert {e.item: e.result.error for e in told if isinstance(e, lmc.ItemDone)} == {0: None, 1: batch[1].error}

    told.clear()
    with divides.open_run(backend=EchoBackend(), on_event=told.append, mode=mode) as held:
        assert len(list(held.results([[1], [2]]))) == 2
    assert sum(isinstance(e, lmc.CallStarted) for e in told) == 4

    told.clear()
    assert list(two_turns.stream("Hi", backend=EchoBackend(), on_event=told.append, mode=mode).events()) == told


def test_what_on_event_raises_ends_the_run() -> None:
    """It comes out where the run was called or read."""

    def stop(event: Any) -> None:
        raise RuntimeError("enough")

    echo = Watched()
    with pytest.raises(RuntimeError, match="enough"):
        two_turns.run("Hi", backend=echo, on_event=stop)
    with pytest.raises(RuntimeError, match="enough"):
        list(two_turns.stream("Hi", backend=echo, on_event=stop))
    assert echo.is_clean


# --- what is streamed is what comes out --------------------------------------------------------------------------


@lmc.function
def oddities(s):
    s += "Ä word: ab" + lmc.gen("stopped", max_tokens=24, stop=["e", "ab"])
    s += lmc.gen("healed", regex="[a-f ]{3,9}", max_tokens=12)
    s += '{"n": ' + lmc.gen("number", regex="[0-9]{1,3}") + ', "ok": ' + lmc.gen("ok", regex="true|false") + "}"
    s += lmc.select("chosen", ["yes", "yesterday", "no"])
    s += lmc.gen("bytes", max_tokens=24, temperature=1.4)
    s += lmc.gen("forced", regex="Once upon a time, [a-c]+!", max_tokens=40)


@in_both_modes
@pytest.mark.parametrize("seed", range(3))
def test_the_engine_streams_what_comes_out(mode: Mode, seed: int) -> None:
    """Stops, healing, forced text, choices, and characters over several tokens; with the forms not fused too."""
    backend = CpuBackend(checkpoint(), dtype="fp32")
    stream = oddities.stream(backend=backend, mode=mode, seed=seed)
    chunks = list(stream)
    want = oddities.run(backend=backend, mode=mode, seed=seed)
    names = ("stopped", "healed", "number", "ok", "chosen", "bytes", "forced")

    assert "".join(chunks) == stream.text() == want.text() and len(chunks) > 20
    for name in names:
        assert "".join(stream.text_iter(name)) == want[name]
    backend.close()
