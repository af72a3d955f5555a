"""What people try in their first week: it works, alike with and without a graph, or says what to write instead."""

from __future__ import annotations

import copy
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lmc
from lmc.backend.echo import EchoBackend


@lmc.function
def ask(s, q: str):
    s += lmc.user(q)
    s += lmc.assistant(lmc.gen("a", max_tokens=4))
    return s["a"]


# --- choices ---------------------------------------------------------------------------------------------------


@lmc.function
def of_keys(s):
    s += "x" + lmc.select("a", {"yes": 1, "no": 2})
    return s["a"]


@lmc.function
def of_a_generator(s):
    s += "x" + lmc.select("a", (word for word in ("yes", "no")))
    return s["a"]


@lmc.function
def of_a_set(s):
    s += "x" + lmc.select("a", {"yes", "no"})
    return s["a"]


@lmc.function
def of_an_argument(s, words):
    s += "x" + lmc.select("a", words)
    return s["a"]


@pytest.mark.parametrize("program", [of_keys, of_a_generator, of_a_set], ids=lambda p: p.func.__name__)
def test_choices_are_whatever_gives_texts(program: lmc.Program[..., Any]) -> None:
    """A graph and Python take the same."""
    wanted = of_an_argument.run(["yes", "no"], backend="echo").ret_value

    assert [program.run(backend="echo", mode=mode).ret_value for mode in ("auto", "eager")] == [wanted] * 2


@pytest.mark.parametrize("mode", ["auto", "eager"])
def test_choices_of_an_argument(mode: Any) -> None:
    """A dict gives its keys; text and numbers are refused."""
    wanted = of_an_argument.run(["yes", "no"], backend="echo").ret_value
    assert of_an_argument.run({"yes": 1, "no": 2}, backend="echo", mode=mode).ret_value == wanted
    for wrong in ("yes", 3):
        with pytest.raises(lmc.ArgumentError):
            of_an_argument.run(wrong, backend="echo", mode=mode)


# --- expressions taken for values --------------------------------------------------------------------------------


@lmc.function
def returns_it(s):
    answer = lmc.gen("a", max_tokens=2)
    s += "x" + answer
    return answer


@lmc.function
def compares_it(s):
    answer = lmc.gen("a", max_tokens=2)
    s += "x" + answer
    return answer == "yes"


@pytest.mark.parametrize("program", [returns_it, compares_it], ids=lambda p: p.func.__name__)
def test_an_expression_is_no_value(program: lmc.Program[..., Any]) -> None:
    """Compiling says so, with what to read instead."""
    with pytest.raises(lmc.CaptureError, match=r"LMC-GB033.*no value") as caught:
        program.run(backend="echo", mode="compiled")
    assert 's["a"]' in caught.value.render()


@lmc.function
def early(s):
    s += "x" + lmc.select("a", ["yes", "no"])
    if s["a"] == "yes":
        return lmc.gen("b")
    return s["a"]


@lmc.function
def two_kinds(s):
    s += "x" + lmc.select("a", ["yes", "no"])
    if s["a"] == "yes":
        return 1
    return [s]


@lmc.function
def gives_a_function(s):
    s += "x" + lmc.gen("a", max_tokens=2)

    def later():
        return s

    return later


@pytest.mark.parametrize(
    "program, line",
    [
        (returns_it, "    return answer"),
        (early, '        return lmc.gen("b")'),
        (two_kinds, "    return [s]"),
        (gives_a_function, "    return later"),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_what_cannot_be_returned_is_told_at_the_return(program: lmc.Program[..., Any], line: str) -> None:
    """The one that gives an expression; else the last of the program's own."""
    with pytest.raises(lmc.CaptureError) as caught:
        lmc.compile(program)
    assert f" | {line}\n" in caught.value.render()


@lmc.function
def misspells(s):
    s += "x" + lmc.gen("a", maxtokens=2)


@lmc.function
def takes_no_tools(s):
    s += "x" + lmc.select("a", ["yes", "no"], tools=[])


def with_its_own_gen() -> lmc.Program[..., Any]:
    def gen(name, max_tokens=2):
        return lmc.gen(name, max_tokens=max_tokens)

    @lmc.function
    def calls_its_own(s):
        s += "x" + gen("a", maxtokens=2)

    return calls_its_own


@pytest.mark.parametrize("mode", ["auto", "eager"])
@pytest.mark.parametrize(
    "program, note",
    [
        (misspells, ["did you mean `max_tokens`?"]),
        (takes_no_tools, ["it takes name, choices, temperature, choices_method, method, seed, boundary"]),
        (with_its_own_gen(), []),
    ],
    ids=["near", "none", "own"],
)
def test_a_keyword_that_is_none_is_told_with_what_there_is(
    program: lmc.Program[..., Any], note: list[str], mode
) -> None:
    """Python's error, as it is; a function of the program's own that has the same name is not spoken of."""
    with pytest.raises(TypeError, match="unexpected keyword argument") as caught:
        program.run(backend="echo", mode=mode)
    assert [each for each in getattr(caught.value, "__notes__", []) if not each.startswith("at ")] == note


@pytest.mark.parametrize("keyword", ["grammar", "regex"])
def test_tools_are_no_grammar(keyword: str) -> None:
    """Which keyword they are given by is said."""
    tools = lmc.tool_calls([lookup], format="qwen_3")

    @lmc.function
    def calls(s):
        s += "x" + lmc.gen("a", max_tokens=2, **{keyword: tools})

    with pytest.raises(lmc.ArgumentError, match=f"{keyword} must be a str, not ToolCalls") as caught:
        calls.run(backend="echo", mode="eager")
    assert caught.value.help == "write structural_tag="


def lookup(city: str) -> str:
    """How many people live there."""
    return city


def test_an_expression_has_no_methods_of_a_text() -> None:
    """Python's own questions are answered as ever."""
    expression = lmc.gen("a", max_tokens=2)
    with pytest.raises(AttributeError, match="no attribute `upper`: nothing is generated yet") as caught:
        expression.upper()
    assert 's["a"]' in caught.value.__notes__[0]
    assert not hasattr(expression, "__len__") and copy.copy(expression).name == "a"


@lmc.function
def reads_an_attribute(s):
    s += "x" + lmc.gen("a", max_tokens=2)
    return s.a


@lmc.function
def joins_one(s):
    first, _ = s.fork(2)
    first.join()


@pytest.mark.parametrize(
    "program, help", [(reads_an_attribute, 's["a"]'), (joins_one, "forks.join()")], ids=["value", "join"]
)
def test_what_a_state_has_not_is_told_with_what_to_write(program: lmc.Program[..., Any], help: str) -> None:
    """A value that it has of that name, and what its forks have."""
    with pytest.raises(lmc.ArgumentError, match="has no method") as caught:
        program.run(backend="echo")
    assert help in (caught.value.help or "")


# --- results and programs ----------------------------------------------------------------------------------------


def test_a_result_says_how_it_is_read() -> None:
    """Its values are items, not attributes; it is no list of them."""
    result = ask.run("x", backend="echo")
    with pytest.raises(AttributeError, match=re.escape("its value of that name is result['a']")):
        result.a  # noqa: B018
    with pytest.raises(AttributeError, match=re.escape("result.variables() all of them")):
        result.get("a")
    with pytest.raises(TypeError, match="not iterable"):
        dict(result)  # type: ignore[call-overload]
    assert not hasattr(result, "a") and getattr(result, "nothing", None) is None
    for other in (copy.deepcopy(result), copy.copy(result), pickle.loads(pickle.dumps(result))):
        assert other["a"] == result["a"]


def test_a_result_that_failed_has_no_attributes_either() -> None:
    """Looking for one does not raise the run's error."""
    [result] = ask.run_batch([{"q": 3}], backend="echo")
    assert isinstance(result.error, TypeError) and not hasattr(result, "a")


def test_a_program_that_is_decorated_again_is_itself() -> None:
    """With and without parentheses."""
    assert lmc.function(ask) is ask
    assert lmc.function()(ask) is ask


CASES: list[tuple[Callable[[], object], str]] = [
    (lambda: ask.run_batch({"q": ["a", "b"]}, backend="echo"), "these are columns"),
    (lambda: ask.run_batch({"q": "a"}, backend="echo"), "of one item a list is [item]"),
    (lambda: ask.run_batch(None, backend="echo"), "a list of items, not NoneType"),  # type: ignore[arg-type]
    (lambda: ask.run("x", backend=EchoBackend), "make one: EchoBackend(...)"),
    (lambda: ask.run("x", backend="echo", opt_level="O3"), "opt_level=3"),
    (lambda: ask.run("x", model="Qwen/Qwen3-0.6B"), "hf download Qwen/Qwen3-0.6B --local-dir Qwen3-0.6B"),
    (lambda: ask.run("x", model=__file__), "is a file, not the folder of a model"),
]


@pytest.mark.parametrize("wrong, says", CASES, ids=[says for _, says in CASES])
def test_a_slip_is_told_with_what_to_write(wrong: Callable[[], object], says: str) -> None:
    """In the message or its help."""
    with pytest.raises(lmc.LMError) as caught:
        wrong()
    assert says in caught.value.render()


@lmc.function
def appends(s):
    s.append("x")


@lmc.function
def generates(s):
    s.gen("x")


@lmc.function
def of_a_pattern(s):
    s += lmc.gen("a", regex=re.compile("[0-9]+"), max_tokens=2)


@pytest.mark.parametrize(
    "program, says", [(appends, "write s += text"), (generates, "write s += lmc.gen"), (of_a_pattern, ".pattern")]
)
def test_what_is_no_part_of_the_language_is_told_with_what_is(program: lmc.Program[..., Any], says: str) -> None:
    """As methods of other libraries."""
    with pytest.raises(lmc.ArgumentError, match=re.escape(says)):
        program.run(backend="echo")


def test_a_model_of_a_hub_is_not_looked_for_where_a_path_is_meant(tmp_path: Path) -> None:
    """A path that is not there is told as one."""
    with pytest.raises(lmc.LMError) as caught:
        ask.run("x", model=str(tmp_path / "nothing"))
    assert "hf download" not in caught.value.render()


def test_a_depth_that_was_not_given_is_asked_for() -> None:
    def descend(s: Any, depth: int) -> int:
        if depth == 0:
            return 0
        s += "down " + lmc.gen("word", max_tokens=2)
        return 1 + descend(s, depth - 1)

    @lmc.function
    def dig(s: Any, depth: int) -> int:
        return descend(s, depth)

    with pytest.raises(lmc.CaptureError, match=r"with depth known there may be a graph: compile\(..., depth=3\)"):
        lmc.compile(dig)
    assert str(lmc.compile(dig, depth=3).graph).count(" gen ") == 3
