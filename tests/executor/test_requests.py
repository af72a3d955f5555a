"""What is asked for: parameters of the call, of the run and of the running program."""

from __future__ import annotations

import pytest

from lmc.backend.base import Score
from lmc.errors import ArgumentError
from lmc.ir.constraint import Choices, Constraint
from tests.support.echo_runs import run


def test_the_call_wins_over_the_run_over_the_defaults() -> None:
    """None inherits; run-level names are known."""
    ran = run(
        """
  %s0 = begin
  %s1, %a = gen %s0 {max_tokens=5, name="a", temperature=none}
  %s2, %b = gen %s1, temperature=%t, stop=%stop
  return %s2, none""",
        "%t: any, %stop: any",
        [{"t": 0, "stop": "\n"}],
        defaults={"max_new_tokens": 9, "temperature": 0.5, "stop": ["END"]},
    )

    a, b = (gen.sampling for gen in ran.gens)
    assert (a.max_tokens, a.temperature, a.stop) == (5, 0.5, ("END",))
    assert (b.max_tokens, b.temperature, b.stop) == (9, 0.0, ("\n",))


@pytest.mark.parametrize(
    "name, value, words",
    [
        ("max_tokens", -1, "max_tokens=-1: it cannot be less than 0"),
        ("max_tokens", 1.5, "max_tokens=1.5: a whole number is needed, not float"),
        ("temperature", "hot", "temperature='hot': a number is needed, not str"),
        ("temperature", float("nan"), "temperature=nan: it must be at least 0"),
        ("top_p", 0, "top_p=0: it must be above 0 and at most 1"),
        ("top_k", 0, "top_k=0: it must be at least 1, or -1 for every token"),
        ("stop", [1], "stop=[1]: a text or a list of texts is needed"),
        ("stop", "", "stop='': an empty text would end it at once"),
        ("stop_regex", "(", "stop_regex='(': '(' is not a regular expression"),
        ("stop_regex", "a{99999999999999}", "'a{99999999999999}' is not a regular expression: the repetition"),
        ("n", 1_000_000, "n=1000000: it cannot be more than 4096"),
        ("n", 0, "n=0: it cannot be less than 1"),
        ("min_tokens", 500, "min_tokens=500 is more than max_tokens=128"),
        ("name", 3, "name=3: a text is needed, not int"),
    ],
)
def test_a_wrong_parameter_names_itself(name: str, value: object, words: str) -> None:
    """At run time, with the call's place; other items are not touched."""
    ran = run(f" %s0 = begin\n %s1, %a = gen %s0, {name}=%v\n return %s1, none", "%v: any", [{"v": value}, {"v": None}])

    assert isinstance(ran.outcomes[0].error, ArgumentError)
    assert words in ran.outcomes[0].error.message
    assert ran.outcomes[1].error is None


def test_a_wrong_parameter_counts_where_nobody_reads_the_call() -> None:
    """As a failed call does: at the end of the program."""
    ran = run(" %s0 = begin\n %s1, %a = gen %s0, max_tokens=%v\n return %s0, none", "%v: any", [{"v": -1}])

    assert isinstance(ran.one.error, ArgumentError)


def test_an_unknown_parameter_of_the_run_names_the_nearest() -> None:
    """Every call that is reached says so."""
    ran = run(" %s0 = begin\n %s1, %a = gen %s0\n return %s1, none", defaults={"temprature": 1})

    assert isinstance(ran.one.error, ArgumentError)
    assert (
        ran.one.error.message,
        ran.one.error.help,
    ) == ("unknown sampling parameter 'temprature'", "did you mean 'temperature'?")


def test_a_constraint_of_run_time_is_parsed_by_who_can() -> None:
    """The injected parser gets kind and value; without it the call fails."""
    seen: list[tuple[str, object]] = []

    def parse(kind: str, value: object, spacing: str | None, closed: bool | None) -> Constraint:
        seen.append((kind, value))
        return Choices(("a", "b"))

    body = ' %s0 = begin\n %s1, %a = gen %s0, regex=%r {name="a"}\n return %s1, %a'
    ran = run(body, "%r: str", [{"r": "[ab]"}], parse_constraint=parse)

    assert seen == [("regex", "[ab]")]
    assert (Choices(("a", "b")), True) == (ran.gens[0].constraint, ran.ret in ("a", "b"))
    assert isinstance(run(body, "%r: str", [{"r": "[ab]"}]).one.error, ArgumentError)


def test_select_scores_its_choices() -> None:
    """Duplicates are dropped, the order stays; the record says how it was decided."""
    ran = run(
        """
  %s0 = begin
  %s1, %a = select %s0, choices=%c {method="token_length_normalized", name="a"}
  %m = meta %s1, "a"
  return %s1, %m""",
        "%c: data",
        [{"c": ["yes", "no", "yes"]}],
    )

    segment = ran.backend.log[0].out[0]
    assert isinstance(segment, Score) and segment.choices == ("yes", "no")
    meta = ran.ret
    assert meta["choices"] == ["yes", "no"]
    assert meta["choices"][meta["choice"]] == ran.text == ran.one.state.get("a")  # type: ignore[union-attr]
    assert 2 == len(meta["scores"]) == len(meta["normalized_prompt_logprobs"])


@pytest.mark.parametrize(
    "choices, words",
    [([], "needs at least one choice"), ("yes", "a list of texts"), (["a", 1], "not int"), (["a", ""], "be empty")],
)
def test_wrong_choices_say_so(choices: object, words: str) -> None:
    """An ArgumentError of that item."""
    ran = run(
        ' %s0 = begin\n %s1, %a = select %s0, choices=%c {method="token_length_normalized"}\n return %s1, %a',
        "%c: any",
        [{"c": choices}],
    )

    assert isinstance(ran.one.error, ArgumentError) and words in ran.one.error.message
