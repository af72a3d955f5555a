"""`--closed`: what a run or a compilation says of the schemas that do not say for themselves."""

from __future__ import annotations

import json

import pytest

SEEDS = range(8)


def names(cli, fn, seed, *options):
    """The properties that came."""
    result = cli("run", f"people.py:{fn}", "--backend", "echo", "--json", "--seed", str(seed), *options)
    assert result.exit_code == 0, result.output
    return set(json.loads(json.loads(result.stdout)["values"]["person"]))


@pytest.mark.parametrize("mode", ["auto", "eager"])
def test_a_run_closes_what_is_silent(cli, mode):
    """Without the option other properties come too; what a call says itself stays so."""
    closed = [names(cli, "person", seed, "--closed", "--mode", mode) for seed in SEEDS]
    open = [names(cli, "person", seed, "--mode", mode) for seed in SEEDS]
    told = [names(cli, "told", seed, "--closed", "--mode", mode) for seed in SEEDS]

    assert set().union(*closed) == {"name"}
    assert set().union(*open) > {"name"} < set().union(*told)


def test_a_batch_is_closed(cli, tmp_path):
    """Every item."""
    rows = tmp_path / "rows.jsonl"
    rows.write_text("{}\n" * 8)

    result = cli("run", "people.py:person", "--backend", "echo", "--args-file", str(rows), "--json", "--closed")

    values = [json.loads(item["values"]["person"]) for item in json.loads(result.stdout)["items"]]
    assert set().union(*values) == {"name"}


@pytest.mark.parametrize("fn", ["person", "told", "broken"])
def test_compile_and_explain_show_closed_schemas(cli, fn):
    """As the run of a program that cannot be captured does; a call that says False is left."""
    ir = cli("explain", f"people.py:{fn}", "--constraints", "--closed", "--backend", "echo").stdout
    without = cli("explain", f"people.py:{fn}", "--constraints", "--backend", "echo").stdout

    assert (ir == without) == (fn == "told")
    if fn != "broken":
        said = cli("compile", f"people.py:{fn}", "--emit-graph=ir", "--closed").stdout
        assert ('"compact", true]' in said) == (fn == "person")
        assert '"compact", true]' not in cli("compile", f"people.py:{fn}", "--emit-graph=ir").stdout


def test_lint_says_nothing_of_what_is_closed(cli):
    """The note on further properties is for those that are open."""
    assert "LMC-CN030" in cli("lint", "people.py:person").stdout
    assert "LMC-CN030" not in cli("lint", "people.py:person", "--closed").stdout


def test_an_argument_of_that_name_is_the_programs(cli):
    """A run that is told nothing gives none of its own; one that is told says that it cannot."""
    assert cli("run", "people.py:asked", "--backend", "echo").exit_code == 0
    assert cli("run", "people.py:told", "--backend", "echo").exit_code == 0

    result = cli("run", "people.py:asked", "--backend", "echo", "--closed")

    assert result.exit_code == 1
    assert "closed" in result.stderr
