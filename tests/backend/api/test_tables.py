"""The tables of models and prices: every row is complete, dated and agrees with itself; users put theirs before."""

from __future__ import annotations

import datetime
from dataclasses import fields
from pathlib import Path

import pytest

from lmc.backend.api.abilities import DIALECTS, HOSTED, Abilities, abilities, all_rows, caps_of
from lmc.backend.api.prices import Price, _layers, price
from lmc.errors import ArgumentError, BackendError
from lmc.ir.caps import Caps
from lmc.ir.sampling import SAMPLING_FIELDS

ROWS = all_rows()
NAMED = [(row.dialect, model) for row in ROWS for model in row.models if model != "*"]
# of models that have left, and of one that few may use: no price is known
UNPRICED = {"o3-pro", "claude-mythos-5-1"}


@pytest.mark.parametrize("row", ROWS, ids=[row.family for row in ROWS])
def test_a_row_of_models_is_complete_and_agrees_with_itself(row: Abilities) -> None:
    """What may be sent is what there is a range, a number or a way for."""
    assert row.as_of >= datetime.date(2026, 11, 1) and len(row.source) > 10 and row.models
    assert ("temperature" in row.follows) == (row.temperatures is not None)
    assert ("stop" in row.follows) == (row.max_stops != 0)
    assert ("seed" in row.follows) == (row.seed is not None)
    assert "max_tokens" in row.follows and row.must_send <= row.follows
    assert (row.schema_subset is not None) == ("json_schema" in row.constraints)
    assert row.cache is None or (row.cache.kind == "breakpoints") == (row.cache.max_marks > 0)
    assert row.max_len is None or row.max_output is None or row.max_output <= row.max_len
    assert row.bytes_a_token > 0 and row.concurrency > 0
    assert row.roles is None or {"system", "user", "assistant"} <= row.roles


def test_every_dialect_answers_for_a_model_that_nobody_knows() -> None:
    """A hosted one promises the least, and says so; elsewhere the server is what is known."""
    for dialect in DIALECTS:
        row = abilities(dialect, "a-model-of-tomorrow")
        assert (row.dialect, row.model) == (dialect, "a-model-of-tomorrow")
        assert row.is_known == (dialect not in HOSTED)
    unknown = abilities("openai", "a-model-of-tomorrow")
    assert unknown.follows == {"max_tokens"} and not unknown.constraints and not unknown.select
    assert "no row of the table of models names `a-model-of-tomorrow`" in unknown.known_from


@pytest.mark.parametrize("dialect, model", NAMED)
def test_a_model_is_found_by_its_name_and_by_that_of_a_day(dialect: str, model: str) -> None:
    """And by no other name: a row may hold what a longer name of the same beginning does not do."""
    row = abilities(dialect, model)
    assert model in row.models
    assert abilities(dialect, f"{model}-2026-01-31").family == row.family
    assert abilities(dialect, f"{model}-20260131").family == row.family
    assert not abilities(dialect, f"{model}-super").is_known


def test_no_model_stands_in_two_rows() -> None:
    """Where it would be a matter of order which one counts."""
    assert len(NAMED) == len(set(NAMED))


def test_the_facts_that_decide_most() -> None:
    """Some cells that the design stands on, beside the table that is read."""
    assert abilities("openai", "gpt-6-luna").select[0] == "decisions"
    assert abilities("openai", "gpt-6.1-sol").temperatures is None
    assert abilities("openai", "gpt-4o").max_stops == 4
    assert abilities("anthropic", "claude-haiku-4-5").continues == "prefill"
    assert abilities("anthropic", "claude-sonnet-4-6").continues == "never"
    minima = {"claude-opus-5": 512, "claude-opus-4-8": 1024, "claude-opus-4-7": 2048, "claude-opus-4-6": 4096}
    assert {name: abilities("anthropic", name).cache.min_tokens for name in minima} == minima
    assert {"temperature", "top_k", "repetition_penalty"} <= abilities("llamacpp", "any.gguf").must_send


def test_an_unknown_dialect_names_the_known() -> None:
    """The nearest, if one is near."""
    with pytest.raises(BackendError, match="there is no dialect 'openia'") as caught:
        abilities("openia", "x")
    assert caught.value.help == "did you mean `openai`?"


def test_every_field_of_caps_that_a_model_decides_is_set() -> None:
    """From no row come the fields' own defaults alone: those are what an engine of lmc's can do."""
    poor, rich = caps_of(abilities("anthropic", "unknown")), caps_of(abilities("vllm", "x"))
    same = {field.name for field in fields(Caps) if getattr(poor, field.name) == getattr(rich, field.name)}
    assert same == {
        "fused", "hints", "by_turns", "max_len", "max_output", "counts_tokens", "fallback", "schema_subset",
        "apart", "score",
    }  # fmt: skip
    assert poor.sampling <= set(SAMPLING_FIELDS) and not poor.n and poor.only_turns and poor.continues == "never"
    by_ids = caps_of(abilities("vllm", "x"), counts_tokens=True)
    assert by_ids.continues == "always" and not by_ids.by_turns, "the template's own text goes on anywhere"
    assert caps_of(abilities("openai", "gpt-6-luna"), counts_tokens=True).by_turns, "it takes no ids"
    assert rich.n and rich.logprobs and not rich.only_turns and rich.loosely == {"seed"}


# --- prices ----------------------------------------------------------------------------------------------


ROWS = [row for rows in _layers(None) for row in rows]


@pytest.mark.parametrize("row", ROWS, ids=[f"{row.models[0]} {row.since or ''}" for row in ROWS])
def test_a_price_is_dated_and_dearer_where_it_is_long(row: Price) -> None:
    """And no part of it is nothing: that would be a price nobody has heard of."""
    assert row.as_of >= datetime.date(2026, 11, 1) and row.currency == "USD" and len(row.source) > 10
    assert row.input > 0 and row.output > 0
    assert row.cached is None or 0 < row.cached < row.input
    assert row.written is None or row.written >= row.input
    if row.long is not None:
        assert row.above is not None and row.long.input > row.input and row.long.output > row.output


def test_hosted_models_have_prices() -> None:
    """But those that are known to have none."""
    without = {model for dialect, model in NAMED if price(model, dialect=dialect) is None}
    assert without == UNPRICED


def test_an_unknown_price_is_none_and_not_nothing() -> None:
    """Nor is a sum that would need a part that is not known."""
    assert price("a-model-of-tomorrow") is None
    assert price("gpt-6-luna", dialect="vllm") is None, "on a server of one's own it costs something else"
    known = price("gpt-6.2-sol")
    assert known is not None and known.cached is None
    assert known.money(input=1_000_000, output=100_000) == pytest.approx(3.0)
    assert known.money(input=1, cached=1) is None


def test_a_price_is_that_of_the_day() -> None:
    """The newest one where no day is said."""
    before, after = price("gpt-5.6-luna", datetime.date(2026, 7, 29)), price("gpt-5.6-luna", datetime.date(2026, 7, 30))
    assert before is not None and after is not None
    assert (before.input, after.input) == (1.0, 0.2) and price("gpt-5.6-luna") == after
    assert price("gpt-6.2-sol", datetime.date(2026, 11, 16)) is None


def test_a_long_prompt_costs_more_as_a_whole() -> None:
    """All of the request, its answer too."""
    known = price("claude-haiku-5-5")
    assert known is not None
    assert known.money(input=100_000, output=1_000_000) == pytest.approx(0.01 + 0.5)
    assert known.money(input=50_000, cached=50_001, output=1_000_000) == pytest.approx(0.025 + 0.00250005 + 2.5)


# --- files of users --------------------------------------------------------------------------------------

MODELS = """
[[family]]
family = "ours"
like = "gpt-4o"
models = ["house-*"]
as_of = 2026-12-01
source = "our own gateway"
max_stops = 16
max_logprobs = "none"
"""
PRICES = """
[[price]]
models = ["house-*", "gpt-4o"]
as_of = 2026-12-01
source = "our contract"
currency = "EUR"
input = 1
output = 2
call = 0.5
"""


@pytest.fixture
def file(tmp_path: Path):
    """A text -> the file that holds it."""

    def write(text: str) -> Path:
        path = tmp_path / f"table{len(list(tmp_path.iterdir()))}.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_file_stands_before_the_table(file, monkeypatch: pytest.MonkeyPatch) -> None:
    """By argument or by the environment; what it does not name is as it was."""
    path = file(MODELS)
    row = abilities("openai", "house-1", table=path)
    assert (row.family, row.max_stops, row.max_logprobs, row.max_n) == ("ours", 16, None, 128)
    assert abilities("openai", "gpt-4o", table=path).family == "gpt-4o"
    assert not abilities("openai", "house-1").is_known
    monkeypatch.setenv("LMC_MODELS", str(path))
    assert abilities("openai", "house-1").max_stops == 16


def test_a_file_may_stand_instead_of_the_table(file) -> None:
    """Then a model that it does not name is unknown."""
    path = file("replace = true\n" + MODELS)
    assert abilities("openai", "house-1", table=path).is_known
    assert not abilities("openai", "gpt-4o", table=path).is_known
    assert price("gpt-6-luna", table=file("replace = true\n" + PRICES)) is None


def test_prices_of_a_user_count_first(file, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where lmc's own row names the model more exactly, or is newer."""
    path = file(PRICES)
    for name in ("gpt-4o", "house-1"):
        known = price(name, table=path)
        assert known is not None and (known.currency, known.money(input=1_000_000, calls=2)) == ("EUR", 2.0)
    assert price("gpt-6-luna", table=path) == price("gpt-6-luna")
    monkeypatch.setenv("LMC_PRICES", str(path))
    assert price("house-1") is not None


WRONG = [
    ("max_stops = 16", "max_stops = -1", 'row `ours`: max_stops = -1: a number from 0 on, "any" or "none" is needed'),
    ("max_stops = 16", "max_stop = 1", "row `ours` has an unknown cell `max_stop`"),
    ("max_stops = 16", 'follows = ["temprature"]', "row `ours`: follows: there is no 'temprature'"),
    ("max_stops = 16", 'cache = { kind = "automatic", ttl = 1 }', "row `ours`: cache: there is no 'ttl'"),
    ("max_stops = 16", "temperatures = [1]", "row `ours`: temperatures = [1]: the lowest and the highest"),
    ("as_of = 2026-12-01", "", "row `ours` does not say as_of"),
    ('like = "gpt-4o"', 'like = "gpt-40"', "row `ours` is like 'gpt-40', and there is none"),
    ('like = "gpt-4o"', "", "row `ours` does not say dialect, continues"),
    ("[[family]]", "[[family]", "is no TOML"),
]


@pytest.mark.parametrize("part, wrong, message", WRONG, ids=[wrong or part for part, wrong, _ in WRONG])
def test_a_mistake_in_a_file_is_named(file, part: str, wrong: str, message: str) -> None:
    """With the row and the cell."""
    with pytest.raises(ArgumentError) as caught:
        abilities("openai", "house-1", table=file(MODELS.replace(part, wrong)))
    assert message in caught.value.message


@pytest.mark.parametrize(
    "part, wrong, message",
    [
        ("input = 1", "input = -1", "price 1: input = -1: a number from 0 on is needed"),
        ("input = 1", "", "price 1 does not say input"),
        ("input = 1", "input = 1\nprompt = 2", "price 1 has an unknown cell `prompt`"),
        ("call = 0.5", "long = { above = 3 }", "price 1: long = {'above': 3}"),
        ("as_of = 2026-12-01", 'as_of = "today"', "price 1: as_of = 'today': a date"),
    ],
)
def test_a_mistake_in_a_file_of_prices_is_named(file, part: str, wrong: str, message: str) -> None:
    """Likewise."""
    with pytest.raises(ArgumentError) as caught:
        price("gpt-4o", table=file(PRICES.replace(part, wrong)))
    assert message in caught.value.message


def test_a_file_that_is_not_there_is_said() -> None:
    """With its name."""
    with pytest.raises(ArgumentError, match=r"`/no/such\.toml` cannot be read"):
        abilities("openai", "x", table="/no/such.toml")
    with pytest.raises(ArgumentError, match=r"`/no/such\.toml` cannot be read"):
        price("x", table="/no/such.toml")
