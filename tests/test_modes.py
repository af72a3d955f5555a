"""How a program is run: compiled, as Python, or whichever it can be."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

import pytest

import lmc
from lmc.backend.echo import EchoBackend
from lmc.errors import ArgumentError, CaptureError

TOTAL = 0


@lmc.function
def whole(s: Any, word: str) -> str:
    s += word
    s += lmc.gen("x", max_tokens=4)
    return s["x"].upper()


@lmc.function
def counts(s: Any, word: str) -> int:
    """Runs text as code: a graph break."""
    global TOTAL
    s += eval("word")
    s += lmc.gen("x", max_tokens=4)
    TOTAL += len(s["x"])
    return TOTAL


@lmc.function
def either(s: Any, words: Any) -> Any:
    """A break for some shapes of its argument: it is changed."""
    if isinstance(words, list):
        words.append("".join({"end"}.copy()))
    s += f"{words}"
    s += lmc.gen("x", max_tokens=4)
    return s["x"]


@lmc.function
def way(s: Any, mode: str) -> str:
    """Has an argument with the name of an option."""
    s += mode
    s += lmc.gen("x", max_tokens=2)
    return mode


MODES = ("compiled", "eager", "auto")


@pytest.mark.parametrize("mode", MODES)
def test_a_program_says_the_same_in_every_mode(mode: Any) -> None:
    """One run, a batch, and items as they come."""
    want = whole.run_batch([{"word": w} for w in "abc"], backend=EchoBackend(), seed=3)

    one = whole.run(word="a", backend=EchoBackend(), seed=3, mode=mode)
    batch = whole.run_batch([{"word": w} for w in "abc"], backend=EchoBackend(), seed=3, mode=mode)
    with whole.open_run(backend=EchoBackend(), seed=3, mode=mode) as run:
        held = dict(run.results({"word": w} for w in "abc"))

    assert one.ret_value == want[0].ret_value and one.text() == want[0].text()
    assert [r.ret_value for r in batch] == [r.ret_value for r in want] == [held[i].ret_value for i in range(3)]
    assert [r.usage for r in batch] == [r.usage for r in want]
    assert batch[0].get_meta_info("x") == want[0].get_meta_info("x")


def test_a_compiled_run_refuses_a_break() -> None:
    """It is an error, and nothing ran; again where it is asked again."""
    for _ in range(2):
        with pytest.raises(CaptureError) as caught:
            counts.run(word="a", backend=EchoBackend(), mode="compiled")
        assert caught.value.code == "LMC-GB002" and TOTAL == 0


def test_auto_runs_a_program_with_a_break_as_python(caplog: pytest.LogCaptureFixture) -> None:
    """Its effects happen once; one line says why, once; the report counts it."""
    global TOTAL
    TOTAL = 0
    with caplog.at_level(logging.WARNING, logger="lmc"):
        first = counts.run(word="a", backend=EchoBackend())
        second = counts.run(word="a", backend=EchoBackend(), mode="auto")
    TOTAL, length = 0, len(first["x"])

    assert first.ret_value == length and second.ret_value == 2 * length
    [said] = [record.getMessage() for record in caplog.records]
    assert said.startswith("lmc: `counts` runs as Python, without a graph: LMC-GB002 at test_modes.py:")
    assert said.endswith("(`lmc explain LMC-GB002` says more, fullgraph=True makes it an error)")
    assert first.report is not None and first.report.num_eager == 1
    assert "items that ran as Python, without a graph: 1" in str(first.report)


@pytest.mark.parametrize("error", [KeyError("~12"), AssertionError(), IndexError("tuple index out of range")])
def test_a_fault_of_capture_is_seen_and_python_runs(
    error: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One line says where in lmc and where in the program; a run that asks for a graph fails with the same."""

    @lmc.function
    def shouted(s: Any, word: str) -> str:
        s += word + lmc.gen("x", max_tokens=2)
        return s["x"].upper()

    def wrong(*_: object) -> None:
        raise error

    monkeypatch.setattr("lmc.parser.capture.calls.call_method", wrong)
    with caplog.at_level(logging.WARNING, logger="lmc"):
        results = [shouted.run(word="a", backend=EchoBackend()) for _ in range(2)]

    assert results[0].ret_value == results[1].ret_value == results[0]["x"].upper()
    [said] = [record.getMessage() for record in caplog.records]
    told = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    assert said.startswith("lmc: `shouted` runs as Python, without a graph: CaptureError at test_modes.py:")
    assert f"a fault of lmc itself, please report it: {told} (at " in said and "\n" not in said
    for options in ({"fullgraph": True}, {"mode": "compiled"}):
        with pytest.raises(CaptureError, match="a fault of lmc itself") as caught:
            shouted.run(word="a", backend=EchoBackend(), **options)
        assert caught.value.__cause__ is error and caught.value.span is not None


def test_auto_compiles_what_it_can() -> None:
    """Of one batch some items have a plan and some have none, by the shapes of their arguments."""
    items: list[Any] = [{"words": "a"}, {"words": ["a"]}, {"words": "b"}, {"words": ["b"]}]

    results = either.run_batch(items, backend=EchoBackend(), mode="auto")
    alone = [either.run_batch([item], backend=EchoBackend(), mode="eager")[0] for item in ({"words": "a"},)]

    assert [r.error for r in results] == [None] * 4
    assert results[0].report is not None and results[0].report.num_eager == 2
    assert results[0]["x"] == alone[0]["x"]
    assert items[1]["words"] == ["a", "end"]


def test_fullgraph_raises_the_break() -> None:
    """What `auto` would run as Python is an error; of an eager run it makes no sense."""
    with pytest.raises(CaptureError):
        counts.run(word="a", backend=EchoBackend(), fullgraph=True)
    [result] = counts.run_batch([{"word": "a"}], backend=EchoBackend(), fullgraph=True)
    assert isinstance(result.error, CaptureError)
    with counts.open_run(backend=EchoBackend(), fullgraph=True) as run:
        [(_, result)] = run.results([{"word": "a"}])
    assert isinstance(result.error, CaptureError)
    with pytest.raises(ArgumentError, match="an eager run has no graph"):
        counts.run(word="a", backend=EchoBackend(), mode="eager", fullgraph=True)


def test_auto_hides_no_mistake() -> None:
    """A constraint that is none is an error before anything runs."""

    @lmc.function
    def wrong(s: Any) -> None:
        s += lmc.gen("x", max_tokens=2)
        s += lmc.gen("y", regex="[")

    backend = EchoBackend(record=True)
    with pytest.raises(lmc.ConstraintError):
        wrong.run(backend=backend)
    assert not backend.log


def test_what_else_goes_wrong_in_capture_does_not_reach_the_user(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even a mistake of lmc's own: Python can still run. It is said, and `fullgraph` shows it."""

    def broken(*_: object) -> None:
        raise KeyError("of capture's own")

    monkeypatch.setattr("lmc.parser.capture.trace.trace", broken)
    program = lmc.function(whole.func)
    with caplog.at_level(logging.WARNING, logger="lmc"):
        result = program.run(word="a", backend=EchoBackend())

    assert result.ret_value == result["x"].upper()
    assert result.report is not None and result.report.num_eager == 1
    assert "please report it: KeyError: 'of capture's own'" in caplog.text.replace('"', "'").replace("\\", "")
    with pytest.raises(KeyError):
        program.run(word="a", backend=EchoBackend(), fullgraph=True)


def test_a_mistake_that_is_never_reached_is_none() -> None:
    """Nor one that the program catches: what Python raises, and where, is what counts."""

    @lmc.function
    def careful(s: Any, kind: str) -> str:
        s += kind
        if kind == "bad":
            s += lmc.gen("x", max_tokns=2)
        try:
            s += lmc.gen("y", max_tokens=2) + lmc.gen("y", max_tokns=2)
        except TypeError:
            return "caught"
        return "not caught"

    assert careful.run(kind="good", backend=EchoBackend()).ret_value == "caught"
    with pytest.raises(TypeError, match="max_tokns"):
        careful.run(kind="bad", backend=EchoBackend())


@pytest.mark.parametrize("pipeline", ["nonsense", "schedule,cse"])
def test_a_pipeline_that_is_none_is_refused(pipeline: str) -> None:
    """It is a mistake of the caller, and nothing that Python would do better."""
    with pytest.raises(ArgumentError, match="pass"):
        whole.run_batch([{"word": "a"}], backend=EchoBackend(), opt_level=pipeline)


def test_an_argument_that_contains_itself() -> None:
    """It has no shape that a graph could be made for."""

    @lmc.function
    def depth(s: Any, items: Any) -> bool:
        s += "a"
        return items[0] is items

    items: list[Any] = []
    items.append(items)
    assert depth.run(items=items, backend=EchoBackend()).ret_value is True


@pytest.mark.parametrize("mode", MODES)
def test_an_argument_of_the_program_comes_first(mode: Any) -> None:
    """`mode=` is the program's where it has one; a batch can still say how it is run."""
    assert way.run(mode="fast", backend=EchoBackend()).ret_value == "fast"
    assert [r.ret_value for r in way.run_batch([{"mode": "fast"}], backend=EchoBackend(), mode=mode)] == ["fast"]


def test_an_unknown_mode_is_refused() -> None:
    """By name."""
    with pytest.raises(ArgumentError, match="unknown mode 'fast'"):
        whole.run(word="a", backend=EchoBackend(), mode="fast")


@pytest.mark.parametrize("mode", ("eager", "auto"))
def test_a_function_that_a_call_does_not_run_is_refused(mode: Any) -> None:
    """A generator would end at once, with nothing said."""

    async def later(s: Any) -> Any:
        s += lmc.gen("x")
        yield s

    def parts(s: Any) -> Any:
        yield s

    for function in (later, parts):
        with pytest.raises(ArgumentError, match="calling it runs nothing of it"):
            lmc.run(function, backend=EchoBackend(), mode=mode)


# --- programs inside programs ------------------------------------------------------------------------------------


def test_a_program_inside_an_eager_one_is_in_its_run() -> None:
    """On its backend, with a prompt of its own; sampling parameters are defaults for its calls alone."""
    backend = EchoBackend(record=True)

    def outer(s: Any) -> Any:
        inner = whole.run(word="inner", temperature=0, max_new_tokens=2)
        other = whole(word="other")
        s += "outer"
        s += lmc.gen("y", max_tokens=5)
        return inner.ret_value == inner["x"].upper(), other.text()

    result = lmc.run(outer, backend=backend, mode="eager")

    assert result.ret_value[0] and result.ret_value[1].startswith("other")
    assert [request.prompt.pieces[0].text for request in backend.log] == ["inner", "other", "outer"]
    assert [request.out[0].sampling.temperature for request in backend.log] == [0, 1, 1]  # type: ignore[union-attr]


def test_a_batch_inside_an_eager_program_is_a_run_of_its_own() -> None:
    """On the same backend; it ends before the program goes on."""
    backend = EchoBackend(record=True)

    def outer(s: Any) -> str:
        first = whole.run_batch([{"word": "a"}, {"word": "b"}])
        again = whole.run_batch([{"word": "a"}, {"word": "b"}], mode="eager")
        assert [r.ret_value for r in first] == [r.ret_value for r in again]
        s += "outer"
        s += lmc.gen("y", max_tokens=5)
        return str(s["y"])

    results = lmc.run_batch(outer, [{}, {}], backend=backend, mode="eager")

    assert all(r.error is None for r in results) and len(backend.log) == 10


def test_an_eager_run_inside_an_event_loop() -> None:
    """It is an ordinary call there, which holds the loop."""

    async def main() -> str:
        return str(whole.run(word="a", backend=EchoBackend(), mode="eager").ret_value)

    assert asyncio.run(main()) == whole.run(word="a", backend=EchoBackend()).ret_value


def test_a_program_that_sleeps_holds_up_the_others() -> None:
    """There is one thread: what blocks in one program is waited for by all."""

    def sleeps(s: Any) -> None:
        time.sleep(0.02)
        s += lmc.gen("x", max_tokens=2)

    start = time.monotonic()
    lmc.run_batch(sleeps, [{}] * 5, backend=EchoBackend(), mode="eager")
    assert time.monotonic() - start >= 0.1


@lmc.function
def any_names(s, **kw):
    s += lmc.gen("x", max_tokens=4)
    return kw


@lmc.function
def own_mode(s, mode: str, **kw):
    s += lmc.gen("x", max_tokens=4)
    return [mode, kw]


@pytest.mark.parametrize("mode", MODES)
def test_options_of_a_run_do_not_go_into_kw(mode: Any) -> None:
    """`**kw` names no argument; what a program names is its own, and what it binds stays an argument."""
    options = {"mode": mode, "record": True, "retry": 1, "temperature": 0, "max_new_tokens": 2}
    result = any_names.run(word="a", backend=EchoBackend(), **options)

    assert result.ret_value == {"word": "a"} and result.report.num_eager == (mode == "eager")
    assert any_names.bind(mode="mine").run(backend=EchoBackend(), mode=mode).ret_value == {"mode": "mine"}
    assert own_mode.run(mode="mine", record=False, backend=EchoBackend(), word="b").ret_value == ["mine", {"word": "b"}]


ASKED: list[object] = []


@lmc.function
def asks_for_a_name(s):
    s += lmc.gen("x", max_tokens=4)
    with s.var_scope("scope"):
        s += "text"
    try:
        ASKED.append(["x" in s, "scope" in s, "y" not in s])
    except lmc.RequestError:
        ASKED.append("failed")
    ASKED.append("end")


@pytest.mark.parametrize("mode", ["compiled", "eager"])
def test_in_waits_for_the_calls_so_far(mode: Any) -> None:
    """A call that failed has given its name no value; what stands behind the question happens after it."""
    ASKED.clear()
    asks_for_a_name.run(backend=EchoBackend(), mode=mode)
    assert ASKED == [[True, True, True], "end"]

    ASKED.clear()
    with pytest.raises(lmc.RequestError):
        asks_for_a_name.run(backend=EchoBackend(fail=lambda request: "no"), mode=mode)
    assert ASKED == ["failed", "end"]


@lmc.function
def says(s, text: str):
    s += lmc.user("<\ud800>" + text)
    with s.var_scope("scope"):
        s += text
    s += lmc.gen("x", regex="[ab]") + f" \udfff{text} " + lmc.gen("y", regex="[cd]") + "\ud800"
    return [s.text(), s.messages(), s["scope"]]


@pytest.mark.parametrize("level", [0, 2, 3])
@pytest.mark.parametrize("mode", ["compiled", "eager"])
def test_a_lone_surrogate_reads_as_the_model_reads_it(mode: Any, level: int) -> None:
    """U+FFFD, in the text, the turns and the scopes; so the text has the tokens of the prompt."""
    backend = EchoBackend(record=True)
    result = says.run("a\udc80", backend=backend, mode=mode, opt_level=level)
    text, messages, scope = result.ret_value
    said = [result["x"], result["y"]]

    assert scope == "a\ufffd" and messages == [{"role": "user", "content": "<\ufffd>a\ufffd"}]
    assert text.endswith(f"a\ufffd{said[0]} \ufffda\ufffd {said[1]}\ufffd")
    assert said[0] in "ab" and said[1] in "cd"
    prompt = backend.log[0].prompt.ids
    assert prompt == tuple(backend.tokenizer.encode(text, control=True)[: len(prompt)])
    assert result.calls[0].prompt == text[: len(result.calls[0].prompt)]


@pytest.mark.parametrize("mode", ["compiled", "eager"])
def test_a_lone_surrogate_is_no_choice(mode: Any) -> None:
    """No model can say it."""

    @lmc.function
    def chooses(s, texts: list):
        s += lmc.select("x", texts)

    with pytest.raises(ArgumentError, match="a lone surrogate is no character"):
        chooses.run(["a\ud800", "b"], backend=EchoBackend(), mode=mode)
