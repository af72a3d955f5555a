"""A streamed run over the whole corpus: what comes piece by piece is what the finished run has, in both modes.

The oracle: `run` of the same program. Equal are the results, the joined text of the prompt, the text of each call, and
what was told of the branches in both modes.
"""

from __future__ import annotations

import contextlib
import copy
import io
from collections import defaultdict
from typing import Any

import pytest

import lmc
from lmc.backend.echo import EchoBackend
from lmc.errors import CaptureError
from lmc.launch import Mode
from lmc.streaming import Stream, Told
from tests.oracle.compiled import _effects, _program, _seen, described, difference, see_eager
from tests.oracle.pair_tokenizer import PairTokenizer
from tests.oracle.programs import all_cases
from tests.oracle.programs.case import Case
from tests.oracle.test_compiled_equals_eager import LIMIT_S, at_most
from tests.support.sampled import one_in

CASES = [case for case in all_cases() if case.runs]
RUNS = [pytest.param(case, i, id=f"{case}-{i}") for case in CASES for i in range(len(case.args))]


def streamed(case: Case, args: dict[str, Any], seed: int, mode: Mode) -> tuple[Stream, str, BaseException | None, Any]:
    """A run read to its end by its text: the stream, that text, what the reader raised, and the program's effects."""
    case.prepare()
    echo = EchoBackend(seed, tokenizer=PairTokenizer(), chunks=3, shuffle=seed)
    printed, got, error = io.StringIO(), "", None
    with contextlib.redirect_stdout(printed):
        batch = _program(case).run_batch([copy.deepcopy(args)], backend=echo, seed=seed, mode=mode, stream=True)
        stream = batch[0]
        try:
            for text in stream.text_iter():
                got += text
        except BaseException as raised:
            error = raised
        stream.result()
    return stream, got, error, _effects(case, printed)


def check_calls_are_their_texts(events: list[Told]) -> None:
    """Each call that has a value has told it, sample by sample, between its start and its end."""
    grown: dict[tuple[int | None, int], str] = defaultdict(str)
    open_calls = set()
    for event in events:
        match event:
            case lmc.CallStarted(call=call):
                open_calls.add(call)
            case lmc.TextGrew(call=int(call), sample=sample, text=text):
                assert call in open_calls
                assert text
                grown[call, sample] += text
            case lmc.CallEnded(call=call, error=None, value=value, params=params):
                open_calls.remove(call)
                for sample, said in enumerate(value if isinstance(value, list) else [value]):
                    text = grown.pop((call, sample), "")
                    is_read = params.fn or params.output or params.dtype or params.reasoning  # made of the text
                    assert text == said or is_read


def texts_by_branch(stream: Stream) -> dict[str, str]:
    return {branch.path: "".join(branch.text_iter()) for branch in stream.branches()}


@pytest.mark.parametrize("mode", ["compiled", "eager"])
@pytest.mark.parametrize("case, arg_number", one_in(80, RUNS))
def test_the_stream_is_the_result(case: Case, arg_number: int, mode: Mode):
    """Joined text, values, returned value, effects and errors are those of a run that nobody streams."""

    args = case.args[arg_number]
    want = see_eager(case, args, 0)
    with at_most(LIMIT_S):
        stream, got, error, effects = streamed(case, args, 0, mode)
    if mode == "compiled" and isinstance(error, CaptureError):
        assert case.expects != "equal"
        return

    result = stream.result()
    assert error is result.error
    assert not (wrong := difference(_seen(result, effects), want)), wrong
    if error is None:
        assert got == want.text
        check_calls_are_their_texts(list(stream.events()))
    assert "".join(_texts(stream)) == got


def _texts(stream: Stream) -> list[str]:
    """What a late reader gets, an error at the end left out."""
    texts = []
    with contextlib.suppress(BaseException):
        for text in stream:
            texts.append(text)
    return texts


@pytest.mark.parametrize("case", one_in(18, [c for c in CASES if not c.has_effects and c.expects == "equal"]))
def test_branches_are_those_of_the_python_program(case: Case):
    """Each fork by its path: in a graph too, but for what nothing reads and was dropped."""

    for args in case.args:
        with at_most(LIMIT_S):
            graph, python = (streamed(case, args, 0, mode)[0] for mode in ("compiled", "eager"))
        if python.error is not None:
            assert described(graph.error) == described(python.error)
            continue
        compiled, eager = texts_by_branch(graph), texts_by_branch(python)
        assert compiled.keys() <= eager.keys()
        for path, text in compiled.items():
            assert eager[path].startswith(text), path
