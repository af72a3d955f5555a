"""`lmc explain --cost`, `lmc check` and `lmc run --analyze`: what they say, and how they exit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lmc.cli import main
from lmc.observe.learning import learnt_from, said

PROGRAM = """
import lmc


@lmc.function
def judge(s, topic: str):
    s += "Topic: " + topic + "\\n"
    s += lmc.select("kind", ["yes", "no"])
    if s["kind"] == "yes":
        s += " because " + lmc.gen("why", max_tokens=3)
    for _ in range(int(lmc_number(s))):
        s += "\\nmore: " + lmc.gen("more", max_tokens=2)


def lmc_number(s):
    s += "\\nHow many? "
    s += lmc.gen("n", regex="[1-3]")
    return s["n"]


def eager(s, topic: str):
    import random

    random.Random(1).shuffle([s])
    s += topic + lmc.gen("x", max_tokens=2)
"""


@pytest.fixture
def program(tmp_path: Path) -> str:
    path = tmp_path / "judge.py"
    path.write_text(PROGRAM.replace("def eager", "@lmc.function\ndef eager"))
    return str(path)


def lmc(*words: str) -> Result:
    return CliRunner().invoke(main, list(words))


def test_explain_shows_each_call_and_the_sums(program: str):
    words = ("--cost", "--model", "lmc-tiny", "--arg", "topic=cats", "--format", "json")
    found = json.loads(lmc("explain", f"{program}:judge", *words).output)

    assert [call["place"] for call in found["calls"]] == ["judge.py:8", "judge.py:10", "judge.py:17", "judge.py:12"]
    assert found["total"]["calls"] == {"least": 2, "expected": found["total"]["calls"]["expected"], "most": None}
    assert found["kv_bytes_a_token"] > 0
    assert found["unbounded"] == ["judge.py:11"]


@pytest.mark.parametrize("width", ["40", "60", "200"])
def test_the_table_fits_the_terminal(program: str, width: str):
    done = lmc("explain", f"{program}:judge", "--cost", "--model", "lmc-tiny", "--width", width)
    assert done.exit_code == 0
    assert max(map(len, done.output.splitlines())) <= int(width)


def test_check_exits_with_1_where_a_limit_may_be_broken(program: str):
    """What has no bound breaks every limit, unless what is expected is asked."""
    assert lmc("check", f"{program}:judge", "--budget", "calls=100").exit_code == 1
    assert "there is no bound" in lmc("check", f"{program}:judge", "--budget", "calls=100").output
    assert lmc("check", f"{program}:judge", "--budget", "calls=100", "--expected").exit_code == 0
    assert lmc("check", f"{program}:judge", "--budget", "calls=1", "--expected").exit_code == 1


def test_check_says_what_is_wrong_with_how_it_is_asked(program: str, tmp_path: Path):
    assert lmc("check", f"{program}:judge").exit_code == 2
    assert lmc("check", f"{program}:judge", "--budget", "tokens=10").exit_code == 2  # without a tokenizer
    unknown = lmc("check", f"{program}:judge", "--budget", "callls=1")
    assert (unknown.exit_code, "did you mean `calls`" in unknown.output) == (2, True)
    money = lmc("check", f"{program}:judge", "--model", "lmc-tiny", "--budget", "money=1")
    assert (money.exit_code, "--prices" in money.output) == (2, True)
    (tmp_path / "prices.toml").write_text("prompt = ")
    broken = lmc(
        "check", f"{program}:judge", "--model", "lmc-tiny", "--budget", "money=1", "--prices",
        str(tmp_path / "prices.toml"),
    )  # fmt: skip
    assert (broken.exit_code, "is no TOML" in broken.output) == (2, True)


@pytest.mark.parametrize("words", [["nope.py"], ["--arg", "x=3"], ["--model", "/nope"], ["--budget", "calls=inf"]])
def test_check_exits_with_2_where_nothing_can_be_said(program: str, words: list[str]):
    """So that a program that is not found is not taken for one that costs too much."""
    target = [] if words == ["nope.py"] else [f"{program}:judge"]
    budget = [] if "--budget" in words else ["--budget", "calls=5"]
    assert lmc("check", *target, *words, *budget).exit_code == 2
    assert lmc("check", f"{program}:eager", "--budget", "calls=5").exit_code == 2


@pytest.mark.parametrize("prices", ["", "output = 1", "prompt = 1", "call = 1"])
def test_a_price_that_is_not_given_is_not_nothing(program: str, tmp_path: Path, prices: str):
    (tmp_path / "prices.toml").write_text(prices)
    words = ("--model", "lmc-tiny", "--budget", "money=1", "--prices", str(tmp_path / "prices.toml"))
    done = lmc("check", f"{program}:judge", *words)
    assert (done.exit_code, "is not known is not free" in done.output) == (2, True)


def test_a_journal_of_another_program_is_refused(program: str, tmp_path: Path):
    """And of a program that was changed since it is said that lines may be others."""
    rows, out, journal = tmp_path / "in.jsonl", tmp_path / "out.jsonl", tmp_path / "out.jsonl.journal"
    rows.write_text('{"topic": "cats"}\n')
    assert lmc("run", f"{program}:judge", "--args-file", str(rows), "-o", str(out), "--backend", "echo").exit_code == 0
    learn = ("--cost", "--learn", str(journal))
    Path(program).write_text(Path(program).read_text().replace("def judge", "def other"))
    other = lmc("explain", f"{program}:other", *learn)
    assert (other.exit_code, "is the journal of `judge`, not of `other`" in other.output) == (1, True)

    Path(program).write_text(Path(program).read_text().replace("def other", "def judge").replace("because", "as"))
    changed = " ".join(lmc("explain", f"{program}:judge", *learn).output.split())
    assert "from 1 earlier run in out.jsonl.journal, of the program as it was then" in changed


def test_check_gives_data(program: str, tmp_path: Path):
    (tmp_path / "prices.json").write_text('{"prompt": 1, "output": 2, "currency": "EUR"}')
    done = lmc(
        "check", f"{program}:judge", "--model", "lmc-tiny", "--arg", "topic=cats", "--budget", "money=1,calls=9",
        "--prices", str(tmp_path / "prices.json"), "--expected", "--json",
    )  # fmt: skip
    found = json.loads(done.output)
    assert found["is_kept"] is True
    assert [each["name"] for each in found["budget"]] == ["money", "calls"]
    assert found["total"]["money"]["most"] is None


def test_a_batch_teaches_what_to_expect(program: str, tmp_path: Path):
    """Its journal has the arms and turns of each item; what is expected then says from how many runs."""
    rows, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    rows.write_text("".join(json.dumps({"topic": topic}) + "\n" for topic in ("cats", "dogs", "owls")))
    ran = lmc("run", f"{program}:judge", "--args-file", str(rows), "-o", str(out), "--backend", "echo")
    assert ran.exit_code == 0

    journal = tmp_path / "out.jsonl.journal"
    entries = [json.loads(line) for line in journal.read_text().splitlines()[1:]]
    assert all(sum(map(sum, entry["taken"]["arms"].values())) == 1 for entry in entries)
    turns = [int(entry["values"]["n"]) for entry in entries]
    learnt = learnt_from(journal)
    assert learnt.runs == 3
    assert sorted(learnt.turns["judge.py:11:5"].elements()) == sorted(turns)

    done = lmc("explain", f"{program}:judge", "--cost", "--learn", str(journal), "--format", "json")
    found = json.loads(done.output)
    assert found["learnt_from_runs"] == 3
    more = next(call for call in found["calls"] if call["place"] == "judge.py:12")
    assert more["calls"]["expected"] == pytest.approx(sum(turns) / 3, abs=1e-3)
    shown = lmc("explain", f"{program}:judge", "--cost", "--learn", str(journal)).output
    assert "expected: from 3 earlier runs in out.jsonl.journal" in shown


def test_an_older_journal_teaches_the_tokens_of_calls(tmp_path: Path):
    """One that was written before arms and turns were kept."""
    meta = {"x": {"completion_tokens": 5}}
    lines = [{"lmc_journal": 1}, {"item": 0, "key": "k", "usage": {}, "values": {}, "meta": meta}]
    path = tmp_path / "old.journal"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"item": 1, "torn')
    learnt = learnt_from(path)
    assert (learnt.runs, learnt.tokens_of("x"), learnt.turns) == (1, 5.0, {})
    assert "which kept no branches" in said(learnt, path)


def test_a_file_that_is_no_journal_is_refused(program: str):
    done = lmc("explain", f"{program}:judge", "--cost", "--learn", program)
    assert (done.exit_code, "is no journal" in done.output) == (1, True)


def test_analyze_shows_what_was_foretold_beside_what_was_counted(program: str):
    done = lmc("run", f"{program}:judge", "--arg", "topic=cats", "--backend", "echo", "--analyze")
    assert done.exit_code == 0
    assert "what was foretold, and what it came to" in done.output
    assert "outside its bounds" not in done.output


def test_analyze_of_a_batch_is_of_all_rows(program: str, tmp_path: Path):
    rows = tmp_path / "in.jsonl"
    rows.write_text("".join(json.dumps({"topic": topic}) + "\n" for topic in ("cats", "dogs")))
    done = lmc("run", f"{program}:judge", "--args-file", str(rows), "--backend", "echo", "--analyze")
    assert done.exit_code == 0
    assert "outside its bounds" not in done.output
    table = done.output.partition("what it came to")[2]
    assert "select kind judge.py:8\n  calls 2, prompt" in table


def test_analyze_of_python_has_no_estimate(program: str):
    done = lmc("run", f"{program}:eager", "--arg", "topic=cats", "--backend", "echo", "--analyze")
    assert done.exit_code == 0
    assert "no estimate: it ran as Python" in done.output


def test_analyze_tells_of_what_was_predicted_exactly(tmp_path: Path):
    path = tmp_path / "plain.py"
    path.write_text(
        "import lmc\n\n\n@lmc.function\ndef plain(s):\n    s += 'Say a digit: '\n    s += lmc.gen('d', regex='[0-9]')\n"
    )
    done = lmc("run", str(path), "--backend", "echo", "--analyze")
    assert "predicted: calls 1, prompt 13, cached 0, computed 13, generated 1" in done.output


NO_CALLS = """
import lmc


@lmc.function
def greet(s, who: str):
    s += f"Hello {who}."


@lmc.function
def summed(s, essay: str):
    s += essay + lmc.gen("n", regex="[0-9]")
    s += f" {sum([int(s['n']), 1])}: " + lmc.gen("why", max_tokens=2)
"""


def test_a_program_without_calls_costs_nothing_and_needs_no_legend(tmp_path: Path):
    (tmp_path / "greet.py").write_text(NO_CALLS)

    words = f"{tmp_path / 'greet.py'}:greet", "--model", "lmc-tiny"
    assert lmc("explain", *words, "--cost").output == "greet(who: str): what it will cost\n\nno model calls\n"
    assert "has no model calls" in lmc("explain", *words, "--why", "0").stderr


def test_a_bound_that_no_argument_gives_does_not_ask_for_one(tmp_path: Path):
    (tmp_path / "greet.py").write_text(NO_CALLS)
    words = ("explain", f"{tmp_path / 'greet.py'}:summed", "--cost", "--model", "lmc-tiny")

    left, given = lmc(*words).output, lmc(*words, "--arg", "essay=Cats").output

    no_bound = "no bound: a text or a limit is not known before the run"
    assert f"{no_bound} (--arg NAME=VALUE gives arguments)\n" in left
    assert f"{no_bound}\n" in given


USAGE = {
    "run_learn": (["run", "--learn", "x"], "--learn goes with --analyze"),
    "explain_learn": (["explain", "--learn", "x"], "--learn and --max-new-tokens go with --cost"),
    "explain_prices": (["explain", "--why", "kind", "--prices", "x"], "--learn and --max-new-tokens go with --cost"),
    "explain_limit": (["explain", "--max-new-tokens", "3"], "--learn and --max-new-tokens go with --cost"),
    "two_questions": (["explain", "--cost", "--why", "kind"], "--why and --cost say different things"),
    "fixes_as_json": (["explain", "--fix", "--format", "json"], "leave out --format json"),
}


@pytest.mark.parametrize("name", USAGE)
def test_an_option_that_would_do_nothing_is_wrong_usage(name: str, program: str):
    (command, *words), message = USAGE[name]
    result = lmc(command, f"{program}:judge", *words)

    assert (result.exit_code, message in result.stderr) == (2, True)


def test_a_journal_that_is_none_is_said_before_the_run(program: str, tmp_path: Path):
    words = ("--arg", "topic=cats", "--backend", "echo", "--analyze", "--learn", str(tmp_path / "none"))
    result = lmc("run", f"{program}:judge", *words)

    assert (result.exit_code, result.stdout) == (1, "")
    assert "cannot be read" in result.stderr


def test_the_limit_of_a_run_counts_for_calls_that_do_not_say(tmp_path: Path):
    """As `lmc run` has it, and for no other call."""
    path = tmp_path / "two.py"
    path.write_text(
        'import lmc\n\n@lmc.function\ndef two(s):\n    s += "A:" + lmc.gen("a") + " B:" + lmc.gen("b", max_tokens=3)\n'
    )
    words = (str(path), "--max-new-tokens", "7")
    told = json.loads(lmc("explain", *words, "--cost", "--format", "json").output)

    assert [call["output"]["most"] for call in told["calls"]] == [7, 3]
    assert lmc("check", *words, "--budget", "output=10").exit_code == 0
    assert lmc("check", *words, "--budget", "output=9").exit_code == 1


def test_turns_and_a_branch_have_a_cost_without_a_model():
    program = Path(__file__).parent / "programs" / "versions" / "before.py"
    ran = lmc("explain", str(program), "--cost", "--format", "json")

    assert ran.exit_code == 0, ran.output
    assert json.loads(ran.output)["total"]["calls"]["most"] == 4
