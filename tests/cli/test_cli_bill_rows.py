"""`lmc cost` with rows of generations in one call, beside what a fake of the API bills for them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import lmc
from lmc.backend.default_model import folder_of
from tests.support import row_programs
from tests.support.api_fakes import Fake, OneByte, Price, ScriptBrain
from tests.support.row_programs import WHOLE

PRICES = """
[[price]]
models = ["m"]
as_of = 2026-12-01
source = "a test"
currency = "USD"
input = 1
output = 5
"""
ROWS = "with rows in one call"
SAYS = {
    "all of it": lambda prompt: WHOLE[len(prompt[prompt.rindex("Name:") :]) :],
    "its own template": lambda prompt: " Lena\nFirst name: Lena\n" if "Age" not in prompt else " 34\nHome town: Oslo\n",
}


def ways_of(cli, *options: str) -> dict:
    ran = cli("cost", f"{row_programs.__file__}:person", "--arg", "page=Lena Sato.", "--format", "json", *options)
    assert ran.exit_code == 0, ran.output
    return {way["name"]: way for way in json.loads(ran.stdout)["ways"]}


def check(interval: dict, number: float) -> None:
    """A number lies in the bounds."""
    assert interval["least"] <= number
    assert interval["most"] is None or number <= interval["most"]


@pytest.mark.parametrize("says", SAYS)
def test_what_rows_cost_lies_within_the_bounds(cli, tmp_path: Path, says: str) -> None:
    """Calls, tokens and money, whether the model writes the program's texts or others."""
    (tmp_path / "prices.toml").write_text(PRICES)
    prices = str(tmp_path / "prices.toml")
    way = ways_of(cli, "--model", "m", "--backend", "vllm", "--prices", prices)[ROWS]
    assert (way["calls"]["least"], way["calls"]["most"]) == (1, 3)
    with Fake.vllm(ScriptBrain(SAYS[says], OneByte()), price=Price(1, 5)) as fake:
        backend = lmc.Remote(fake.url, model="m", dialect="vllm", prices=prices)
        lmc.run(row_programs.person, "Lena Sato.", backend=backend)
    check(way["calls"], len(fake.posts))
    check(way["output"], fake.bill.output)
    assert len(fake.posts) == (1 if says == "all of it" else 3)


def test_rows_as_an_object_are_a_way_where_they_are_asked_for(cli) -> None:
    """One call, whatever is said; without the option the turn is refused."""
    ways = ways_of(cli, "--model", "gpt-4o", "--api-fuse", "schema")
    assert ways[ROWS]["calls"] == {"least": 1, "expected": 1.0, "most": 1}
    ran = cli("cost", f"{row_programs.__file__}:person", "--arg", "page=x", "--model", "gpt-4o")
    assert ran.exit_code != 0 and "does not continue a turn" in ran.output


def test_there_is_no_such_way_without_rows_or_where_they_are_switched_off(cli) -> None:
    """Each call is then its own."""
    assert ROWS not in ways_of(cli, "--model", "m", "--backend", "vllm", "--api-fuse", "off")
    assert ROWS not in ways_of(cli, "--model", "m", "--backend", "vllm", "-O1")


def test_compile_says_what_becomes_of_a_row(cli) -> None:
    """The hint at each call, and where the row ends."""
    path = f"{row_programs.__file__}:person"
    ran = cli("compile", path, "--backend", "vllm", "--model", "m", "--emit-graph", "--explain", "--width", "160")
    assert "row 0" in ran.output and "3 generations may be one call" in ran.output
    ran = cli("compile", path, "--backend", "vllm", "--model", "m", "--tokenizer", folder_of("lmc-tiny"), "--explain")
    assert "calls that may be saved 2" in ran.output


def test_backends_say_who_answers_rows_at_once(cli) -> None:
    """In brackets where it is not done unless somebody asks for it."""
    ran = cli("backends", "-v", "--width", "200")
    cells = {line.split("  ")[0]: line for line in ran.output.splitlines()}
    assert " tokens " in cells["vllm"] and "(schema)" in cells["gpt-4o"] and "(text)" in cells["claude-4.5"]
