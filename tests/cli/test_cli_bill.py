"""`lmc cost` beside what a fake of the API bills: equal where it says one number, within its bounds elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import lmc
from lmc.backend.api.prices import price
from lmc.backend.default_model import folder_of
from lmc.tokenizer import FolderTokenizer, load_tokenizer
from tests.support import cached_programs
from tests.support.api_fakes import Fake, Pace, Price
from tests.support.api_fakes.brains.templated import TemplatedBrain
from tests.support.cached_programs import ESSAY, WORDS

PROGRAMS = Path(cached_programs.__file__)
MODELS = {"anthropic": "claude-sonnet-4-5", "openai": "gpt-6-luna"}
ITEMS: dict[str, list[dict[str, str]]] = {
    "few_shots": [{"word": word} for word in WORDS],
    "judge": [{"essay": ESSAY}],
    "talk": [{"essay": ESSAY}],
    "agent": [{"task": "Find the cat."}],
}
LONG = "once upon a time there was a little cat who ran and ran and ran to see a dog in the park"


@pytest.fixture(scope="module")
def tokenizer() -> FolderTokenizer:
    """That of lmc-tiny."""
    return load_tokenizer(folder_of("lmc-tiny"))


def ran(dialect: str, name: str, brain: Any, *, journal: Path | None = None, **options: Any) -> Fake:
    """The program run on a fake that has the prices of lmc's table."""
    known = price(MODELS[dialect], dialect=dialect)
    assert known is not None and known.cached is not None and known.written is not None
    rates = Price(known.input, known.output, known.cached / known.input, known.written / known.input)
    with Fake(dialect, brain, price=rates, pace=Pace(first_s=0.02)) as fake:
        backend = lmc.Remote(fake.url, model=MODELS[dialect], dialect=dialect, api_key="sk-no-key", **options)
        lmc.run_batch(getattr(cached_programs, name), ITEMS[name], backend=backend, journal=journal)
    return fake


def told(cli: Any, tmp_path: Path, dialect: str, name: str, *options: str) -> dict[str, dict[str, Any]]:
    """What `lmc cost` says, by the way to run it."""
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(json.dumps(item) + "\n" for item in ITEMS[name]), encoding="utf-8")
    ran = cli(
        "cost", f"{PROGRAMS}:{name}", "--model", MODELS[dialect], "--args-file", str(rows), "--format", "json", *options
    )
    assert ran.exit_code == 0, ran.output
    return {way["name"]: way for way in json.loads(ran.stdout)["ways"]}


def check_within(way: dict[str, Any], fake: Fake, money: float | None = None) -> None:
    """What was billed lies between the bounds; a number alone is what was billed."""
    bill = fake.bill
    of = {"calls": len(fake.posts), "prompt": bill.prompt, "output": bill.output}
    for count, found in of.items():
        bounds = way[count]
        assert bounds["least"] <= found <= (bounds["most"] if bounds["most"] is not None else found), (count, bounds)
    paid = way["money"]
    money = fake.money if money is None else money
    assert paid["least"] * (1 - 1e-9) <= money <= (paid["most"] or money) * (1 + 1e-9), (paid, money)


def without_cache(dialect: str, fake: Fake) -> float:
    """What the same tokens cost where none is kept."""
    known = price(MODELS[dialect], dialect=dialect)
    assert known is not None
    return sum(known.money(input=r.bill.prompt, output=r.bill.output) or 0 for r in fake.posts)


WITH_CACHE, WITHOUT, BY_ITSELF = "with its prompt cache", "without a cache", "by the API's own marks"


@pytest.mark.parametrize("dialect", MODELS)
@pytest.mark.parametrize("name", ["few_shots", "talk", "agent"])
def test_the_prediction_is_the_bill(name: str, dialect: str, cli, tmp_path: Path, tokenizer: FolderTokenizer) -> None:
    """To the token and in money, with the model's tokenizer, where answers are as long as expected."""
    journal = tmp_path / "journal"
    fake = ran(dialect, name, TemplatedBrain(lambda _: LONG, tokenizer), journal=journal)
    options = ("--learn", str(journal)) if name == "agent" else ()  # how often it turns is for nobody to know before
    ways = told(cli, tmp_path, dialect, name, "--tokenizer", "lmc-tiny", *options)
    bill, way = fake.bill, ways[WITH_CACHE]
    assert way["prompt"]["expected"] == pytest.approx(bill.prompt, abs=1e-6)
    assert (way["cached"], way["written"]) == (pytest.approx(bill.read), pytest.approx(bill.written))
    assert (way["calls"]["expected"], way["output"]["expected"]) == (len(fake.posts), bill.output)
    assert way["money"]["expected"] == pytest.approx(fake.money, rel=1e-9)
    assert ways[WITHOUT]["money"]["expected"] == pytest.approx(without_cache(dialect, fake), rel=1e-9)
    check_within(way, fake)
    check_within(ways[WITHOUT], fake, without_cache(dialect, fake))


@pytest.mark.parametrize("dialect", MODELS)
def test_what_the_text_of_answers_changes_lies_within_the_bounds(
    dialect: str, cli, tmp_path: Path, tokenizer: FolderTokenizer
) -> None:
    """Verdicts that are joined are cut into other tokens; what is read and written before is known all the same."""
    fake = ran(dialect, "judge", TemplatedBrain(lambda _: LONG, tokenizer))
    ways = told(cli, tmp_path, dialect, "judge", "--tokenizer", "lmc-tiny")
    bill, way = fake.bill, ways[WITH_CACHE]
    assert way["prompt"]["most"] is not None and way["prompt"]["expected"] == pytest.approx(bill.prompt, rel=0.002)
    assert way["cached"] == pytest.approx(bill.read, rel=0.002)
    assert way["written"] == pytest.approx(bill.written, rel=0.002)
    assert way["money"]["expected"] == pytest.approx(fake.money, rel=0.005)
    check_within(way, fake)
    check_within(ways[WITHOUT], fake, without_cache(dialect, fake))


@pytest.mark.parametrize("name", ["few_shots", "talk"])
def test_what_an_api_does_by_itself_is_a_way_of_its_own(
    name: str, cli, tmp_path: Path, tokenizer: FolderTokenizer
) -> None:
    """It writes the end of every question: dearer than no cache where nobody reads that, cheap in a conversation."""
    fake = ran("openai", name, TemplatedBrain(lambda _: LONG, tokenizer), prompt_cache=False)
    ways = told(cli, tmp_path, "openai", name, "--tokenizer", "lmc-tiny")
    way, bill = ways[BY_ITSELF], fake.bill
    assert (way["cached"], way["written"]) == (pytest.approx(bill.read), pytest.approx(bill.written))
    assert way["money"]["expected"] == pytest.approx(fake.money, rel=1e-9)
    share = fake.money / without_cache("openai", fake)
    assert share > 1.2 if name == "few_shots" else share < 0.3


@pytest.mark.parametrize("dialect, name", [("openai", "few_shots"), ("anthropic", "talk"), ("openai", "agent")])
def test_without_a_tokenizer_the_truth_lies_within_the_bounds(
    dialect: str, name: str, cli, tmp_path: Path, tokenizer: FolderTokenizer
) -> None:
    """However the server counts: as a small tokenizer does, or by four bytes a token."""
    ways = told(cli, tmp_path, dialect, name)
    assert ways[WITHOUT]["prompt"]["least"] < ways[WITHOUT]["prompt"]["most"], "an estimate is no number alone"
    for brain in (TemplatedBrain(lambda _: LONG, tokenizer), lambda prompt: "four bytes a token"):
        fake = ran(dialect, name, brain)
        check_within(ways[WITH_CACHE], fake)
        check_within(ways[WITHOUT], fake, without_cache(dialect, fake))
