"""`lmc backends -v` and `lmc cost`: tables that fit, data with every cell, and no money that nobody knows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lmc.backend.api.abilities import all_rows
from lmc.backend.api.prices import price
from lmc.tokenizer.estimating import EstimatingTokenizer

PROGRAM = """
import lmc

RULES = "Follow every one of these rules to the letter, as nobody will look at it again. " * 120


@lmc.function
def judge(s, essay: str):
    s += lmc.system(RULES)
    s += lmc.user("Essay: " + essay)
    s += lmc.assistant(lmc.gen("verdict", max_tokens=32))


@lmc.function
def branch(s, essay: str):
    s += lmc.user(essay)
    s += lmc.assistant(lmc.gen("kind", max_tokens=8))
    if s["kind"] == "long":
        s += lmc.user("Shorten it.")
        s += lmc.assistant(lmc.gen("short", max_tokens=100))


@lmc.function
def samples(s):
    s += lmc.user("Say a word.")
    s += lmc.assistant(lmc.gen("words", n=5, max_tokens=8))


@lmc.function
def nothing(s):
    s += "no call at all"
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    """The programs."""
    path = tmp_path / "prog.py"
    path.write_text(PROGRAM, encoding="utf-8")
    return str(path)


@pytest.fixture
def bill(cli, file):
    """(program, options) -> the bill as data."""

    def ask(name: str, *options: str) -> dict:
        ran = cli("cost", f"{file}:{name}", "--format", "json", *options)
        assert ran.exit_code == 0, ran.output
        return json.loads(ran.stdout)

    return ask


@pytest.mark.parametrize("width", [60, 100, 160])
def test_the_table_of_models_fits(width: int, cli, golden) -> None:
    """As lines where there is room, else as paragraphs."""
    said = cli("backends", "-v", "--backend", "openai", "--width", str(width)).stdout
    assert max(map(len, said.splitlines())) <= width
    golden(f"cli/backends_{width}.txt", said)


def test_every_row_and_cell_is_there_as_data(cli) -> None:
    """With its date and where it is known from; without colours or anything else."""
    rows = json.loads(cli("backends", "-v", "--format", "json").stdout)
    assert [row["family"] for row in rows] == [row.family for row in all_rows()]
    assert all(row["as_of"] >= "2026-11-01" and row["source"] and isinstance(row["follows"], list) for row in rows)
    names = json.loads(cli("backends", "--format", "json").stdout)
    assert {"echo", "cpu"} <= {each["name"] for each in names}


def test_an_unknown_api_is_named(cli) -> None:
    """With the near one."""
    ran = cli("backends", "-v", "--backend", "antropic")
    assert ran.exit_code == 1 and "did you mean 'anthropic'?" in ran.output


# --- the bill --------------------------------------------------------------------------------------------


def test_a_bill_is_its_tokens_by_the_price(bill) -> None:
    """Exactly, where the prompt is known and the answer is as long as it may get."""
    told = bill("judge", "--model", "gpt-6-luna", "--arg", "essay=all is well")
    plain, known = told["ways"][0], price("gpt-6-luna")
    tokens = plain["prompt"]["expected"]
    assert known is not None and tokens > 1024
    assert plain["money"]["expected"] == pytest.approx(tokens * 0.1e-6 + 32 * 0.5e-6)
    assert plain["money"]["least"] <= plain["money"]["expected"] <= plain["money"]["most"]
    assert told["currency"] == "USD" and told["price_as_of"] == known.as_of.isoformat()


def test_a_single_call_gains_nothing_by_a_cache_and_rows_do(bill, tmp_path: Path) -> None:
    """Of rows the shared rules are written once and read by all others."""
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(json.dumps({"essay": f"essay {i}"}) + "\n" for i in range(20)), encoding="utf-8")
    one = bill("judge", "--model", "claude-haiku-5-5", "--arg", "essay=x")["ways"]
    assert one[0]["money"]["expected"] == one[1]["money"]["expected"] and one[1]["written"] == 0
    many = bill("judge", "--model", "claude-haiku-5-5", "--args-file", str(rows))
    plain, cached = many["ways"]
    assert many["items"] == 20 and plain["calls"]["most"] == 20
    assert cached["money"]["expected"] < 0.6 * plain["money"]["expected"]
    assert cached["cached"] == pytest.approx(19 * cached["written"], rel=0.01)
    assert cached["money"]["least"] <= cached["money"]["expected"] <= cached["money"]["most"]


def test_the_arms_of_a_branch_are_bounds(bill) -> None:
    """One call or two."""
    plain = bill("branch", "--model", "gpt-6-luna", "--arg", "essay=x")["ways"][0]
    assert (plain["calls"]["least"], plain["calls"]["expected"], plain["calls"]["most"]) == (1, 1.5, 2)
    unknown = bill("branch", "--model", "gpt-6-luna")["ways"][0]
    assert unknown["money"]["most"] is None and unknown["money"]["least"] > 0


def test_samples_are_one_prompt_or_as_many_calls(bill) -> None:
    """As the API has it."""
    together = bill("samples", "--model", "gpt-4o")["ways"][0]
    apart = bill("samples", "--model", "gpt-6-luna", "--fallback", "emulate")["ways"][0]
    assert (together["calls"]["most"], apart["calls"]["most"]) == (1, 5)
    assert apart["prompt"]["expected"] == 5 * together["prompt"]["expected"]


def test_an_unknown_price_is_unknown(bill, cli, file) -> None:
    """In the table and as data; the tokens are there all the same."""
    told = bill("judge", "--backend", "vllm", "--model", "gpt-6-luna", "--arg", "essay=x")
    assert told["currency"] is None and all(way["money"] is None for way in told["ways"])
    assert told["ways"][0]["prompt"]["expected"] > 1024
    said = cli("cost", f"{file}:judge", "--backend", "vllm", "--model", "x").stdout
    assert "unknown" in said and "no price of `x` (vllm) is known" in said
    half = bill("judge", "--model", "gpt-6.2-sol", "--arg", "essay=x")["ways"]
    assert half[0]["money"] is not None and half[1]["money"] is None, "what cached tokens cost is not known"


def test_prices_of_both_kinds_of_files(bill, tmp_path: Path) -> None:
    """A table of models, and the few lines that `lmc explain --cost` takes."""
    flat, table = tmp_path / "flat.toml", tmp_path / "table.toml"
    flat.write_text('currency = "EUR"\nprompt = 2\noutput = 0\n', encoding="utf-8")
    table.write_text(
        '[[price]]\nmodels = ["x"]\nas_of = 2026-12-01\nsource = "us"\ncurrency = "EUR"\ninput = 2\noutput = 0\n',
        encoding="utf-8",
    )
    for file in (flat, table):
        told = bill("judge", "--backend", "vllm", "--model", "x", "--prices", str(file), "--arg", "essay=x")
        plain = told["ways"][0]
        assert told["currency"] == "EUR"
        assert plain["money"]["expected"] == pytest.approx(plain["prompt"]["expected"] * 2e-6)


def test_a_tokenizer_makes_it_exact(bill, tokenizer_dir) -> None:
    """And the rule says which."""
    guessed = bill("judge", "--model", "gpt-6-luna", "--arg", "essay=x")
    counted = bill("judge", "--model", "gpt-6-luna", "--arg", "essay=x", "--tokenizer", str(tokenizer_dir))
    assert (guessed["tokens"], counted["tokens"]) == ("estimated", "counted")
    assert "4 bytes" in guessed["rule"] and str(tokenizer_dir) in counted["rule"]
    prompt = counted["ways"][0]["prompt"]
    assert prompt["least"] == prompt["most"] > 9000, "a token a byte"
    about = guessed["ways"][0]["prompt"]
    assert about["least"] < about["expected"] < about["most"], "an estimate is no number alone"
    assert about["least"] <= prompt["most"] <= about["most"], "and its bounds hold for a token a byte too"


def test_what_cannot_run_has_no_bill(cli, file) -> None:
    """The model is asked first."""
    ran = cli("cost", f"{file}:samples", "--model", "gpt-6-luna")
    assert ran.exit_code == 1 and "draws one sample a call" in ran.output
    unknown = cli("cost", f"{file}:judge", "--model", "of-tomorrow")
    assert unknown.exit_code == 2 and "no API of the table has a model `of-tomorrow`" in unknown.output


def test_a_program_without_calls_costs_nothing_to_say(cli, file) -> None:
    """It says that there are none."""
    ran = cli("cost", f"{file}:nothing", "--model", "gpt-6-luna")
    assert ran.exit_code == 0 and "no model calls" in ran.stdout


@pytest.mark.parametrize("width", [60, 120])
def test_the_bill_fits(width: int, cli, file, golden) -> None:
    """As a line a way, or a paragraph."""
    said = cli("cost", f"{file}:judge", "--model", "claude-opus-5-5", "--arg", "essay=x", "--width", str(width)).stdout
    assert max(map(len, said.splitlines())) <= width
    golden(f"cli/cost_{width}.txt", said)


# --- the estimate ----------------------------------------------------------------------------------------


def test_an_estimate_is_near_its_rule_on_english_text() -> None:
    """The pages of lmc: within a fifth of the bytes that a token is said to have."""
    pages = [path.read_text(encoding="utf-8") for path in sorted(Path(__file__).parents[2].glob("docs/*.md"))]
    text = "\n".join(pages)
    for size in (3.0, 4.0):
        tokens = len(EstimatingTokenizer(size).encode(text))
        assert 0.8 < len(text.encode()) / tokens / size < 1.2


def test_an_estimate_keeps_what_is_alike() -> None:
    """Text that begins alike has tokens that begin alike, and gives its text back."""
    tokenizer = EstimatingTokenizer(4.0)
    one, other = tokenizer.encode("The same words, then one"), tokenizer.encode("The same words, then another")
    assert one[:5] == other[:5] and one != other
    assert tokenizer.decode(one) == "The same words, then one"
