"""What a long program costs: twice as long takes about twice as long, in time and in text, at every stage."""

from __future__ import annotations

import gc
import importlib.util
import json
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import lmc
from lmc.backend.echo import EchoBackend
from lmc.compiler import Compiled
from lmc.ir.prompt import Tokenizer
from lmc.parser.irtext.parse import parse_graph, parse_plan

FORMATS = ("table", "ir", "tree", "dot", "mermaid", "json")
MAX_SECONDS, MAX_KIB = 15, 400_000  # of ten thousand calls in one program
MAX_RATIO = 2.6  # of the time for twice as much: 2 and some noise, where 4 is quadratic


def turns(num: int) -> str:
    """A conversation written out line by line."""
    lines = (
        f'    s += lmc.user("question number {i}")\n    s += lmc.assistant(lmc.gen("a{i}", max_tokens=8))\n'
        for i in range(num)
    )
    return "def program(s):\n" + "".join(lines)


def plain(num: int) -> str:
    """The same without roles, each answer read and said again."""
    lines = (f'    s += "Number {i}: " + lmc.gen("a{i}")\n    s += s["a{i}"] + "\\n"\n' for i in range(num))
    return "def program(s):\n" + "".join(lines)


def calls_between(num: int) -> str:
    """A tool is called with each answer, so that each call waits for something that is not a prompt."""
    lines = (f'    s += "Number {i}: " + lmc.gen("a{i}")\n    s += note(s["a{i}"])\n' for i in range(num))
    return "def note(text):\n    return str(len(text))\n\n\ndef program(s):\n" + "".join(lines)


def branches(num: int) -> str:
    """Forks of one prompt, each with a call, joined."""
    lines = (f'    f[{i}] += "Part {i}: " + lmc.gen("a{i}")\n' for i in range(num))
    return f'def program(s):\n    s += "All begin so. "\n    f = s.fork({num})\n{"".join(lines)}    f.join()\n'


def group(num: int) -> str:
    """The same of a group of forks, that many at once."""
    return f'def program(s):\n    s += "All begin so. "\n    f = s.fork({num})\n    f += lmc.gen("a")\n    f.join()\n'


def loop(num: int) -> str:
    """A loop over questions that are known."""
    return (
        f"QUESTIONS = [f'question {{i}}' for i in range({num})]\n\n\ndef program(s):\n    for question in QUESTIONS:\n"
        '        s += lmc.user(question)\n        s += lmc.assistant(lmc.gen("a"))\n'
    )


SHAPES: tuple[Callable[[int], str], ...] = (turns, plain, calls_between, branches, group, loop)


def program(source: str, folder: Path) -> lmc.Program:
    """The program of a source text, from a file of its own."""
    path = folder / f"long_{len(list(folder.iterdir()))}.py"
    path.write_text("import lmc\n\n\n" + source.replace("def program", "@lmc.function\ndef program"))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    made: lmc.Program = module.program
    return made


def compiled(source: str, folder: Path, tokenizer: Tokenizer | None) -> tuple[Compiled, int]:
    """The program compiled and shown in every format, and how many characters that was."""
    done = program(source, folder).compile(tokenizer=tokenizer)
    shown = sum(len(done.emit(format)) for format in FORMATS) + len(str(done.graph)) + len(str(done.plan))
    return done, shown


def cpu_s(work: Callable[[], object]) -> float:
    """The time of the CPU that some work takes."""
    gc.collect()
    gc.disable()
    began = time.process_time()
    work()
    took = time.process_time() - began
    gc.enable()
    return took


@pytest.mark.parametrize(
    "shape, with_tokenizer",
    [
        (branches, False),
        (turns, True),
        *(pytest.param(shape, False, marks=pytest.mark.slow) for shape in SHAPES if shape is not branches),
        pytest.param(calls_between, True, marks=pytest.mark.slow),
    ],
)
def test_compiling_and_showing_grow_with_the_program(
    shape: Callable[[int], str], with_tokenizer: bool, tmp_path: Path
) -> None:
    """From 60 calls to 240: four times as much, and not sixteen times."""
    tokenizer = EchoBackend().tokenizer if with_tokenizer else None
    compiled(shape(10), tmp_path, tokenizer)  # what is imported once
    sizes: list[int] = []
    times = [
        cpu_s(lambda n=n: sizes.append(compiled(shape(n), tmp_path, tokenizer)[1]))  # type: ignore[misc]
        for n in (60, 240)
    ]

    assert times[1] / max(times[0], 0.1) < MAX_RATIO**2, times
    assert sizes[1] < MAX_RATIO**2 * sizes[0]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_a_long_plan_is_read_back(shape: Callable[[int], str], tmp_path: Path) -> None:
    """Its text names earlier prompts; what it says is the same plan, and is written in the same way."""
    done, _ = compiled(shape(100), tmp_path, EchoBackend().tokenizer)
    text = str(done.plan)
    back = parse_plan(text)

    assert back == done.plan
    assert str(back) == text == str(done.plan)
    assert parse_graph(str(done.graph)) == done.graph


def conversation(s: Any, num: int) -> Any:
    """Turns, as many as are asked for."""
    for i in range(num):
        s += lmc.user(f"question number {i}")
        s += lmc.assistant(lmc.gen("answer", max_tokens=8))
    return len(s.messages())


@pytest.mark.parametrize("mode", ["compiled", pytest.param("eager", marks=pytest.mark.slow)])
def test_running_grows_with_the_conversation(mode: Any) -> None:
    """Each prompt holds the one before it: four times the calls take four times the time and room, not sixteen."""
    program, room = lmc.function(conversation), []

    def run(num: int) -> None:
        tracemalloc.reset_peak()
        assert program.run(num, backend="echo", mode=mode).ret_value == 2 * num
        room.append(tracemalloc.get_traced_memory()[1])

    run_times = [cpu_s(lambda num=num: run(num)) for num in (10, 60, 240)]  # type: ignore[misc]
    assert run_times[2] / max(run_times[1], 0.1) < MAX_RATIO**2, run_times

    tracemalloc.start()
    try:
        run(40)
        run(160)
    finally:
        tracemalloc.stop()
    assert room[-1] < MAX_RATIO**2 * room[-2], room


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["compiled", "eager"])
def test_ten_thousand_calls_in_one_conversation(mode: Any) -> None:
    """In some seconds, though their prompts together have more than a thousand million tokens."""
    made = lmc.function(conversation)
    results: list[Any] = []

    assert cpu_s(lambda: results.append(made.run(10_000, backend="echo", mode=mode))) < MAX_SECONDS
    assert results[0].ret_value == 20_000
    assert results[0].usage.prompt_tokens > 10**9


ALONE = """
import json, resource, sys, time
from pathlib import Path
from lmc.backend.default_model import FOLDER
from lmc.tokenizer import load_tokenizer
from tests import test_growth

shape, has_tokenizer, folder = sys.argv[1:]
made = test_growth.program(getattr(test_growth, shape)(10_000), Path(folder))
tokenizer = load_tokenizer(FOLDER) if has_tokenizer == "True" else None
began = time.process_time()
done = made.compile(tokenizer=tokenizer)
shown = str(done.graph), str(done.plan), done.emit("table")
print(json.dumps([time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("with_tokenizer", [False, True], ids=["no tokenizer", "tokenizer"])
@pytest.mark.parametrize("shape", [turns, plain, branches, group], ids=lambda shape: shape.__name__)
def test_ten_thousand_calls_in_one_program(shape: Callable[[int], str], with_tokenizer: bool, tmp_path: Path) -> None:
    """Traced, compiled at -O2 and printed as graph, plan and table, in a process that does nothing else."""
    command = [sys.executable, "-c", ALONE, shape.__name__, str(with_tokenizer), str(tmp_path)]
    out = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1]).stdout
    seconds, peak_kib = json.loads(out)

    assert seconds < MAX_SECONDS
    assert peak_kib < MAX_KIB


def test_calls_of_a_long_conversation_share_their_prompts() -> None:
    """Twice as many calls take twice the room, and no call has its whole prompt as a text of its own."""

    @lmc.function
    def talk(s, num):
        for i in range(num):
            s += f"Question {i}: " + lmc.gen("a", max_tokens=2) + "\n"

    sizes = []
    for num in (300, 600):
        result = talk.run(num=num, backend="echo", mode="eager", record=False)
        tracemalloc.start()
        calls = result.calls
        sizes.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
        assert result.text().startswith(calls[-1].prompt) and calls[-1].prompt.endswith(f"Question {num - 1}: ")
        assert [len(call.prompt) for call in calls] == sorted(len(call.prompt) for call in calls)

    assert sizes[1] < MAX_RATIO * sizes[0]


def test_prompts_of_forks_are_read_in_any_order() -> None:
    """Each is what its own branch says, whichever was read before."""

    @lmc.function
    def branch(s):
        s += "All: " + lmc.gen("a", max_tokens=2)
        for i, fork in enumerate(s.fork(3)):
            fork += f" part {i}: " + lmc.gen("b", max_tokens=2)
            fork += " and " + lmc.gen("c", max_tokens=2)

    calls = branch.run(backend="echo", mode="eager").calls
    forward = [call.prompt for call in calls]

    assert [call.prompt for call in reversed(calls)] == forward[::-1]
    assert [forward[0], forward[1]] == ["All: ", f"All: {calls[0].output} part 0: "]
    assert forward[6] == f"All: {calls[0].output} part 2: {calls[5].output} and "


def test_a_text_made_of_itself_does_not_double_the_graph() -> None:
    """Twenty times twice as long: the graph has a value for it, not a million pieces."""

    @lmc.function
    def doubled(s: Any, word: str) -> int:
        text = word + "!"
        for _ in range(20):
            text = f"{text}{text}"
        s += text[:3] + lmc.gen("x", max_tokens=1)
        return len(text)

    graph = lmc.compile(doubled).graph
    assert sum(len(node.inputs) for node in graph.nodes) < 10_000
    assert doubled.run(word="ab", backend="echo", mode="compiled").ret_value == 3 * 2**20
