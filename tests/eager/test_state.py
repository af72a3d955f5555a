"""What a state does in an eager program beside what the corpus shows: templates, groups of forks, mistakes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import lmc
from lmc.backend.base import Request
from lmc.backend.echo import EchoBackend
from lmc.errors import ArgumentError
from lmc.tokenizer.byte_tokenizer import ByteTokenizer

TOKENIZER = ByteTokenizer()
assert TOKENIZER.chat is not None


class Rewriting(ByteTokenizer):
    """A template that says earlier turns in other words, once another comes."""

    def __init__(self) -> None:
        super().__init__()
        self.chat = replace(TOKENIZER.chat, append_only=False, reason="it drops the thoughts of earlier turns.")  # type: ignore[type-var]


def chat(s: Any) -> tuple[Any, Any]:
    s += lmc.system("S")
    for word in ("a", "b"):
        with s.user():
            s += word
        forks = s.fork(2)
        for f in forks:
            with f.assistant():
                f += "A: " + lmc.gen("x", max_tokens=4)
        forks.join()
        s += lmc.assistant(lmc.gen("y", max_tokens=4))
    return s["x"], s.messages()


@pytest.mark.parametrize("tokenizer", [ByteTokenizer, Rewriting])
def test_prompts_are_the_compiled_program_s(tokenizer: type[ByteTokenizer]) -> None:
    """Turns written by the template as they come, and conversations that are rendered anew at each call."""
    seen = []
    for mode in ("eager", "compiled"):
        backend = EchoBackend(record=True, tokenizer=tokenizer())
        result = lmc.run(chat, backend=backend, mode=mode, opt_level=0)
        asked = by_prompt(backend.log)
        seen.append((asked, result.ret_value, result.text(), result.variables()))
    assert seen[0] == seen[1] and len(seen[0][0]) == 6


def by_prompt(log: list[Request]) -> list[Any]:
    return sorted(((r.prompt.ids, repr(r.out)) for r in log), key=repr)


def run(program: Any) -> Any:
    return lmc.run(program, backend=EchoBackend(), mode="eager").ret_value


def test_forks_are_a_list() -> None:
    """Sorted, cut, counted and filled as one; `+=` gives each its part."""

    def program(s: Any) -> Any:
        forks = s.fork(3)
        forks += ["c", "a", "b"]
        forks += lambda i: str(i)
        forks += lmc.gen("x", max_tokens=2)
        best = sorted(forks, key=lambda f: f.text())
        assert len(forks) == 3 and forks[-1] is forks[2] and best[0] is forks[1]
        return [f.text()[:2] for f in best]

    assert run(program) == ["a1", "b2", "c0"]


@pytest.mark.parametrize(
    "wrong, message",
    [
        (lambda s: s.fork(-1), "fork takes a number of children, not -1"),
        (lambda s: s.fork(True), "fork takes a number of children, not True"),
        (lambda s: s.fork(2).join("all"), "unknown join mode 'all'"),
        (lambda s: s.fork(2).__iadd__(["a"]), "1 texts for 2 forks"),
        (lambda s: s.no_such(), "a program state has no method `no_such`"),
        (lambda s: s.__enter__(), "a program state is no `with` block"),
        (lambda s: s.__iadd__(lmc.gen(max_tokens="many")), "max_tokens='many'"),
        (lambda s: s.__iadd__(lmc.gen(7)), "name=7"),
    ],
)
def test_mistakes_are_named(wrong: Any, message: str) -> None:
    """Where they stand, so that the program may catch them; the state is as it was."""

    def program(s: Any) -> str:
        with pytest.raises(ArgumentError) as caught:
            wrong(s)
        assert message in caught.value.message
        s += "on"
        return s.text()

    assert run(program) == "on"


def test_what_is_no_text_is_refused() -> None:
    """As in a compiled program: numbers and states are not turned into text."""

    def program(s: Any) -> None:
        for wrong in (1, None, s.fork(1)[0]):
            with pytest.raises(TypeError, match="only text can be appended to a program state"):
                s += wrong
        with pytest.raises(TypeError):
            s[1] = "x"
        with pytest.raises(TypeError):
            iter(s)

    run(program)


def test_a_value_is_one_object() -> None:
    """A list that was set, joined or sampled can be changed by its name, before all calls have ended and after."""

    def program(s: Any) -> Any:
        s += lmc.gen("n", n=2, max_tokens=2)
        s["own"] = []
        forks = s.fork(2)
        forks += lmc.gen("x", max_tokens=2)
        forks.join()
        for name in ("own", "x", "n"):
            s[name].append("more")
        s += lmc.gen("y", max_tokens=2)
        return [len(s[name]) for name in ("own", "x", "n")]

    assert run(program) == [1, 3, 3]


def test_a_scope_is_the_text_in_it_once_that_is_there() -> None:
    """Read while its call is on its way, and again behind it."""

    def program(s: Any) -> Any:
        s += "before "
        with s.var_scope("all"):
            s += "in "
            s += lmc.gen("x", max_tokens=2)
        first = s["all"]
        s += "behind"
        return first == s["all"] == s.get_var("all") == "in " + s["x"], s.variables().keys()

    is_it, names = run(program)
    assert is_it and set(names) == {"all", "x"}


def test_states_are_returned_as_values() -> None:
    """Alone, in lists and in tuples; a list without a state is the program's own."""
    own: list[Any] = [[1]]

    def program(s: Any) -> Any:
        f, g = s.fork(2)
        f += lmc.gen("x", max_tokens=2)
        return f, [g], own

    f, [g], same = run(program)
    assert f["x"] == f.text() and g.text() == "" and same is own
