"""The cost of a program before it runs: what is exact, what lies between bounds, and what has none."""

from __future__ import annotations

import sys
from typing import Any

import pytest

import lmc
from lmc.backend.default_model import folder_of
from lmc.errors import ArgumentError
from lmc.passes.cost import Cost, Interval, Learnt, ProgramCost, cost_of
from lmc.passes.cost.budget import budget_of, verdicts
from lmc.passes.cost.prices import Prices
from lmc.program import Program
from lmc.tokenizer import load_tokenizer
from tests.support.tokenizer_folder import byte_tokenizer_folder

Bounds = tuple[int, int | None]


def cost(fn: Any, learnt: Learnt | None = None, **given: Any) -> ProgramCost:
    """With the tokens of lmc-tiny."""
    from lmc.cli.compile import compiled

    done = compiled(Program(fn), given, 2, load_tokenizer(folder_of("lmc-tiny")))
    return cost_of(done.plan, done.planned.inputs, learnt=learnt)


def bounds(interval: Interval) -> Bounds:
    return interval.least, interval.most


def num_tokens(text: str) -> int:
    return len(load_tokenizer(folder_of("lmc-tiny")).encode(text))


# --- what is known ---------------------------------------------------------------------------------------


def two_calls(s):
    s += "Tell me about cats.\n"
    a, b = s.fork(2)
    a += "In a word: " + lmc.gen("a", max_tokens=4)
    b += "In a sentence: " + lmc.gen("b", max_tokens=8)
    return a["a"], b["b"]


def test_static_prompts_are_counted_exactly():
    """Two prompts, and what they begin with together is computed once."""
    found = cost(two_calls)

    both = num_tokens("Tell me about cats.\nIn a word: ") + num_tokens("Tell me about cats.\nIn a sentence: ")
    assert found.is_exact
    assert bounds(found.total.calls) == (2, 2)
    assert bounds(found.total.prompt) == (both, both)
    assert found.total.computed.most is not None and found.total.computed.most < both
    assert found.total.cached + found.total.computed == found.total.prompt
    assert bounds(found.total.output) == (2, 12)


def asks(s, topic: str):
    s += "Topic: " + topic
    s += lmc.gen("x", max_tokens=4)


def test_an_argument_that_is_not_given_has_no_bound():
    assert cost(asks).total.prompt.most is None
    given = cost(asks, topic="cats").total
    assert bounds(given.prompt) == (num_tokens("Topic: cats"),) * 2


# --- branches --------------------------------------------------------------------------------------------


def chooses(s, flag: bool):
    s += "Is it easy? "
    s += lmc.select("easy", ["yes", "no"])
    if s["easy"] == "yes":
        s += lmc.gen("short", max_tokens=3)
    else:
        s += lmc.gen("long", max_tokens=9)
        s += lmc.gen("more", max_tokens=5)
    if flag:
        s += lmc.gen("flagged", max_tokens=2)


def test_a_branch_costs_from_the_cheaper_arm_to_the_dearer():
    found = cost(chooses, flag=False).total
    assert bounds(found.calls) == (2, 3)
    assert bounds(found.output) == (1, 14)
    assert found.calls.expected == 2.5


def test_a_branch_that_the_arguments_decide_is_decided():
    assert bounds(cost(chooses, flag=True).total.calls) == (3, 4)
    assert bounds(cost(chooses).total.calls) == (2, 4)


# --- loops -----------------------------------------------------------------------------------------------


def counts(s, n: int):
    for i in range(n):
        s += f"{i}:" + lmc.gen("x", max_tokens=3)


def test_a_loop_turns_as_often_as_is_known():
    assert bounds(cost(counts, n=7).total.calls) == (7, 7)
    found = cost(counts)
    assert bounds(found.total.calls) == (0, None)
    assert [span.line for span in found.unbounded if span is not None] == [counts.__code__.co_firstlineno + 1]


def tries_five_times(s):
    k = 0
    while k < 5:
        s += lmc.gen("w", choices=["a", "b"])
        if s["w"] == "b":
            break
        k += 1


def test_a_counter_bounds_a_loop_that_may_end_earlier():
    found = cost(tries_five_times)
    assert bounds(found.total.calls) == (1, 5)
    assert found.unbounded == ()


def goes_on(s):
    s += "say done: "
    while True:
        s += lmc.gen("w", max_tokens=2)
        if s["w"] == "done":
            break


def test_a_loop_that_nothing_counts_has_no_bound():
    assert bounds(cost(goes_on).total.calls) == (1, None)


def solve(s):
    s += "more? " + lmc.gen("done", regex="[yn]")
    if s["done"] == "y":
        return 0
    return 1 + solve(s)


def calls_itself(s):
    return solve(s)


def test_a_function_that_calls_itself_has_no_bound():
    assert bounds(cost(calls_itself).total.calls) == (1, None)


def recovers(s):
    try:
        s += lmc.gen("n", regex="[0-9a]")
        int(s["n"])
    except ValueError:
        s += lmc.gen("again", max_tokens=2)


def test_a_handler_may_come_on_top():
    assert bounds(cost(recovers).total.calls) == (1, 2)


# --- answers ---------------------------------------------------------------------------------------------


def constrained(s):
    s += "x"
    s += lmc.gen("one", regex="[0-9]")
    s += lmc.gen("some", regex="[0-9]{2,4}", max_tokens=3)
    s += lmc.gen("three", max_tokens=2, n=3)


def test_constraints_bound_what_comes_out():
    found = cost(constrained)
    assert [bounds(each.output) for each in found.steps.values()] == [(1, 1), (2, 3), (3, 6)]
    assert bounds(found.total.calls) == (3, 3)


def test_samples_have_the_prompt_each():
    """The first one computes it; of each of the others the last token is computed anyway."""
    found = cost(constrained)
    last = found.steps[2]
    assert last.prompt.least == 3 * (1 + 1 + 2)
    assert last.computed.least == 3


# --- answers of ordinary length --------------------------------------------------------------------------

TEXT, NUMBER = {"type": "string"}, {"type": "integer"}
PERSON = {"name": TEXT, "age": NUMBER, "city": TEXT, "active": {"type": "boolean"}}
ORDER = {"type": "object", "properties": {"sku": TEXT, "count": NUMBER}, "required": ["sku", "count"]}
KIDS = {"type": "array", "items": {"$ref": "#/$defs/t"}}
NODE = {"type": "object", "properties": {"v": NUMBER, "kids": KIDS}, "required": ["v", "kids"]}
GRAMMAR = 'root ::= "SELECT " name " FROM " name (" WHERE " name " = " [0-9]+)?\nname ::= [a-z]+'
ORDINARY = [
    ({"json_schema": {"type": "object", "properties": PERSON, "required": list(PERSON)}},
     '{"name":"Ada Lovelace of London","age":36,"city":"Saint Petersburg","active":true}'),
    ({"json_schema": {"type": "array", "items": ORDER}},
     '[{"sku":"A-1123 and a half","count":1},{"sku":"B-77 not so large","count":12}]'),
    ({"json_schema": {"$defs": {"t": NODE}, "$ref": "#/$defs/t"}}, '{"v":12,"kids":[]}'),
    ({"json_schema": {"enum": ["red", "green", "a rather long colour"]}}, '"green and red"'),
    ({"json_schema": {"type": "string", "minLength": 400}}, '"' + "a long white boat came in " * 16 + '"'),
    ({"regex": "[0-9]{4}-[0-9]{2}-[0-9]{2}"}, "1969-07-20"),
    ({"regex": "[A-Z][^.]*[.]"}, "The boat was white and long."),
    ({"grammar": GRAMMAR}, "SELECT city FROM places WHERE b = 1"),
]  # fmt: skip


@pytest.mark.parametrize("given, text", ORDINARY)
def test_a_constrained_answer_is_expected_to_be_of_ordinary_length(given: dict[str, Any], text: str):
    """Within a factor of two of what somebody would write; and between the bounds."""

    def answers(s):
        s += "x" + lmc.gen("answer", max_tokens=600, **given)

    [answer] = cost(answers).steps.values()
    assert num_tokens(text) / 2 <= answer.output.expected <= 2 * num_tokens(text)
    assert answer.output.least <= answer.output.expected
    assert answer.output.most is None or answer.output.expected <= answer.output.most


def test_what_may_be_left_out_is_half_expected():
    """A property costs what it takes, and half of it where it is not required."""

    def expected(required: list[str]) -> float:
        schema = {"type": "object", "properties": {"n": NUMBER, "note": {"const": "none at all"}}, "required": required}

        def answers(s):
            s += "x" + lmc.gen("answer", max_tokens=600, json_schema=schema)

        return cost(answers).total.output.expected

    bare, both = expected(["n"]), expected(["n", "note"])
    assert 0 < both - bare < num_tokens(',"note":"none at all"')


def test_the_fewest_tokens_of_a_schema_are_bounded_by_its_shortest_text():
    def answers(s):
        s += "x" + lmc.gen("answer", max_tokens=600, json_schema={"const": "the very same text, every time"})

    assert 1 < cost(answers).total.output.least <= num_tokens('"the very same text, every time"')


# --- what earlier runs did -------------------------------------------------------------------------------


def test_what_is_expected_is_learnt():
    """Branches and loops by their places, answers by their names; bounds stay."""
    learnt = Learnt(runs=4)
    line = chooses.__code__.co_firstlineno + 3
    learnt.add({"arms": {f"test_cost.py:{line}:5": [3, 1]}})
    learnt.add_tokens("long", 5)
    found = cost(chooses, learnt, flag=False)

    assert found.runs == 4
    assert found.total.calls.expected == 2 + 0.25
    assert found.total.output.expected == pytest.approx(0.75 * 3 + 0.25 * (5 + 5))
    assert bounds(found.total.calls) == (2, 3)


def test_turns_are_learnt():
    learnt = Learnt(runs=2)
    learnt.add({"turns": {f"test_cost.py:{counts.__code__.co_firstlineno + 1}:5": {"2": 1, "6": 1}}})
    assert cost(counts, learnt).total.calls.expected == pytest.approx(4)


# --- money and budgets -----------------------------------------------------------------------------------


def test_money_follows_the_prices():
    """What is cached is part of the prompt, so both are not at their most together."""
    calls = Interval.exactly(1)
    between = Cost(calls, Interval.exactly(10), Interval(2, 5, 8), Interval(2, 5, 8), Interval(1, 2, 3))
    prices = Prices(prompt=2_000_000, cached=1_000_000, output=10_000_000)
    found = prices.of_cost(between)
    assert (found.least, found.expected, found.most) == (10 + 2 + 10, 10 + 5 + 20, 10 + 8 + 30)


@pytest.mark.parametrize("given", [{"promt": 1}, {"prompt": -1}, {"prompt": "much"}, {"prompt": True}, {"currency": 1}])
def test_a_price_that_is_none_is_refused(given: dict[str, object]):
    with pytest.raises(ArgumentError, match=r"prices\.toml"):
        Prices.of(given, "prices.toml")


def test_a_budget_holds_what_has_a_bound():
    total = Cost(Interval(1, 2, 3), output=Interval(0, 4, None))
    most = verdicts(budget_of("calls=3, output=100"), total, None, expected=False)
    assert [(each.counted, each.is_kept) for each in most] == [(3, True), (None, False)]
    expected = verdicts(budget_of("calls=1,output=100"), total, None, expected=True)
    assert [each.is_kept for each in expected] == [False, True]


BAD_BUDGETS = (
    "", "call=1", "calls", "calls=x", "calls=-1", "calls=nan", "calls=inf", "calls=1e400", "calls=1,calls=2"
)  # fmt: skip


@pytest.mark.parametrize("text", BAD_BUDGETS)
def test_a_budget_that_says_nothing_is_refused(text: str):
    with pytest.raises(ArgumentError):
        budget_of(text)


def test_money_without_prices_is_refused():
    with pytest.raises(ArgumentError, match="prices"):
        verdicts({"money": 1.0}, Cost(), None, expected=False)


# --- turns whose text is not known -----------------------------------------------------------------------


def turns(s, topic):
    s += lmc.system("You are a helpful assistant.")
    s += lmc.user("Topic: " + topic)
    with s.assistant():
        s += lmc.select("good", ["yes", "no"])
    if s["good"] == "yes":
        s += lmc.user("Why?") + lmc.assistant(lmc.gen("why", max_tokens=16))


def test_turns_without_a_template_are_counted_as_not_known():
    """Without a tokenizer, whose template says what stands between turns."""
    found = Program(turns).compile()
    counted = cost_of(found.plan, found.planned.inputs)

    assert bounds(counted.total.calls) == (1, 2)
    assert bounds(counted.total.output) == (0, 16)
    assert counted.total.prompt.most is None
    assert "gen why" in found.cost()


def test_turns_of_a_template_that_rewrites_them_have_no_bound(tmp_path):
    """What a marker adds is then known only when the program runs."""
    from lmc.cli.compile import compiled

    rewrites = "{% for m in messages %}{{ loop.revindex }} {{ m.role }}: {{ m.content }}\n{% endfor %}"
    folder = byte_tokenizer_folder(tmp_path / "rewriting", rewrites)
    done = compiled(Program(turns), {"topic": "cats"}, 2, load_tokenizer(folder))
    counted = cost_of(done.plan, done.planned.inputs)

    assert bounds(counted.total.calls) == (1, 2)
    assert counted.total.prompt.most is None


# --- how long it takes -----------------------------------------------------------------------------------


def many(s, num: int):
    for i in range(num):
        s += f"Tip {i}: " + lmc.gen("x", max_tokens=4)


def steps_of(num: int) -> int:
    """Functions of the cost's own that are called for so many calls."""
    from lmc.cli.compile import compiled

    done = compiled(Program(many), {"num": num}, 2, load_tokenizer(folder_of("lmc-tiny")))
    count = 0

    def trace(frame: Any, event: str, arg: object) -> Any:
        nonlocal count
        count += event == "call" and "passes/cost" in frame.f_code.co_filename
        return None

    sys.settrace(trace)
    try:
        found = cost_of(done.plan, done.planned.inputs)
    finally:
        sys.settrace(None)
    assert found.total.calls == Interval.exactly(num)
    return count


def test_work_grows_with_the_calls():
    small, large = steps_of(20), steps_of(80)
    assert large < 5 * small


@pytest.mark.slow
def test_ten_thousand_calls_are_ten_times_a_thousand():
    small, large = steps_of(1000), steps_of(10_000)
    assert large < 11 * small
