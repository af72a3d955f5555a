"""`lmc run`, on the echo backend: values by name, what was returned, what it cost; batches; failures of one item."""

from __future__ import annotations

import json


def test_values_and_report_are_printed(cli, golden):
    """One line a value, then the counts."""
    result = cli("run", "tips.py", "--arg", "topic=cats", "--backend", "echo", "--max-new-tokens", "4")

    assert (result.exit_code, result.stderr) == (0, "")
    golden("cli/run_tips.txt", result.stdout)


def test_json_holds_the_same(cli):
    """Values, return value, text, usage and report as one object."""
    args = ["tips.py", "--arg", "topic=cats", "--backend", "echo", "--seed", "3"]
    told = json.loads(cli("run", *args, "--json").stdout)

    assert list(told) == ["values", "returned", "text", "usage", "report"]
    assert told["returned"] == told["values"]["word"]
    assert told["text"].startswith("Some tips about cats.\nEasy:")
    assert told["report"]["requests"] == 3


def test_seed_decides_the_outcome(cli):
    """The same seed gives the same output, another one another."""
    run = ["run", "tips.py", "--arg", "topic=cats", "--backend", "echo", "--seed"]

    assert cli(*run, "1").stdout == cli(*run, "1").stdout != cli(*run, "2").stdout


def test_optimising_changes_no_value(cli):
    """-O0 and -O2 give the same values."""
    run = ["run", "judge.py:judge", "--arg", "essay=x", "--arg", 'dims=["a", "b"]', "--backend", "echo", "--json"]
    plain, optimised = (json.loads(cli(*run, level).stdout) for level in ("-O0", "-O2"))

    assert (plain["values"], plain["text"]) == (optimised["values"], optimised["text"])


def test_batch_goes_on_after_a_bad_item(cli, tmp_path, golden):
    """The other items have their results; stderr names the bad one; the exit status is 1."""
    items = tmp_path / "items.jsonl"
    items.write_text('{"topic": "cats"}\n\n{"topics": "dogs"}\n{"topic": "mice"}\n')
    result = cli("run", "tips.py", "--args-file", str(items), "--backend", "echo", "--max-new-tokens", "4")

    assert result.exit_code == 1
    golden("cli/run_batch.txt", result.stdout)
    golden("cli/errors/run_batch.txt", result.stderr)


def test_batch_as_json_is_one_object(cli, tmp_path):
    """Items in order, a failed one with its error."""
    items = tmp_path / "items.jsonl"
    items.write_text('{"topic": "cats"}\n{}\n')
    result = cli("run", "tips.py", "--args-file", str(items), "--backend", "echo", "--json")
    told = json.loads(result.stdout)

    assert result.exit_code == 1
    assert [list(item) for item in told["items"]] == [
        ["item", "values", "returned", "text", "usage"],
        ["item", "error"],
    ]
    assert told["items"][1]["error"]["type"] == "ArgumentError"


def test_a_line_ends_where_json_lines_do(cli, tmp_path):
    """Other characters that Python takes for the end of a line may stand in a text."""
    items = tmp_path / "items.jsonl"
    odd = "a\u2028b\u2029c\x85d"
    items.write_text(json.dumps({"topic": odd}, ensure_ascii=False) + "\n")
    told = json.loads(cli("run", "tips.py", "--args-file", str(items), "--backend", "echo", "--json").stdout)
    assert len(told["items"]) == 1 and odd in told["items"][0]["text"]

    items.write_text("".join(json.dumps([text], ensure_ascii=False) + "\n" for text in (odd, "e")))
    refused = cli("run", "tips.py", "--args-file", str(items), "--backend", "echo")
    assert [f"items.jsonl:{n}" in refused.stderr for n in (1, 2, 3)] == [True, True, False]


def test_arguments_serve_every_item(cli, tmp_path):
    """--arg fills in what an item lacks; the item's own value wins."""
    items = tmp_path / "items.jsonl"
    items.write_text('{}\n{"topic": "dogs"}\n')
    batch = ["run", "tips.py", "--args-file", str(items), "--arg", "topic=cats", "--backend", "echo", "--json"]
    texts = [item["text"] for item in json.loads(cli(*batch).stdout)["items"]]

    assert [text.splitlines()[0] for text in texts] == ["Some tips about cats.", "Some tips about dogs."]


def test_bad_line_of_a_batch_is_named(cli, tmp_path):
    """File and line; the others run."""
    items = tmp_path / "items.jsonl"
    items.write_text('{"topic": "cats"}\n["dogs"]\n')
    result = cli("run", "tips.py", "--args-file", str(items), "--backend", "echo")

    assert result.exit_code == 1 and "--- item 0 ---\nword" in result.stdout
    assert f"{items}:2 is not a JSON object, but list" in result.stderr


def test_what_a_file_prints_keeps_out_of_json(cli, tmp_path, monkeypatch):
    """Prints at import and in host calls go to stderr where stdout is JSON."""
    monkeypatch.chdir(tmp_path)
    lines = ["import lmc", "print('importing')", "@lmc.function", "def f(s):", "    s += lmc.gen('x', max_tokens=2)"]
    (tmp_path / "loud.py").write_text("\n".join([*lines, "    print('got', s['x'])\n"]))
    result = cli("run", "loud.py", "--backend", "echo", "--json")

    json.loads(result.stdout)
    assert "importing" in result.stderr
    assert "got " in result.stderr


def test_file_may_have_the_name_of_a_module(cli, tmp_path, monkeypatch):
    """A program in json.py does not get in the way of Python's json."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "json.py").write_text("import lmc\n@lmc.function\ndef f(s):\n    s += lmc.gen('x', max_tokens=2)\n")

    assert cli("run", "json.py", "--backend", "echo").exit_code == 0


def test_a_program_without_a_graph_runs_and_is_shown(cli):
    """As Python, with one line on it; what it did is the graph, and of a failed run what it did up to there."""
    run = ["run", "breaks.py", "--backend", "echo", "--arg"]
    plain = cli(*run, "topic=cats")
    shown = cli(*run, "topic=cats", "--analyze", "--emit-graph=mermaid")
    failed = cli(*run, "topic=nothing", "--emit-graph", "ir")

    assert plain.exit_code == 0 and "items that ran as Python, without a graph: 1" in plain.stdout
    assert shown.stdout.startswith(plain.stdout)
    for part in ("2 model calls, critical path 1", "breaks(): what its prompts share", "flowchart", "recorded: nodes"):
        assert part in shown.stdout
    assert failed.exit_code == 1 and "about what?" in failed.stderr
    assert 'gen %fork2 {max_tokens=4, name="tip"}' in failed.stdout and "raise @e0" in failed.stdout


def test_a_graph_can_be_asked_for(cli):
    """Then a program without one is refused, once."""
    for option in (["--fullgraph"], ["--mode", "compiled"]):
        refused = cli("run", "breaks.py", "--backend", "echo", "--arg", "topic=cats", "--analyze", *option)
        assert refused.exit_code == 1 and refused.stdout == ""
        assert refused.stderr.count("CaptureError [LMC-GB002]") == 1


def test_a_compiled_run_is_shown_as_it_was_compiled(cli):
    """The same pictures, and nothing recorded."""
    shown = cli("run", "tips.py", "--arg", "topic=cats", "--backend", "echo", "--analyze")
    assert "tips(topic: str)" in shown.stdout and "recorded" not in shown.stdout


def test_stream_prints_the_text_as_it_comes(cli):
    """All of the prompt, whatever its parts; then what it cost."""
    args = ["run", "tips.py", "--arg", "topic=cats", "--backend", "echo"]
    result = cli(*args, "--stream")

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith(json.loads(cli(*args, "--json").stdout)["text"])
    assert "\n\necho: 3 calls" in result.stdout


def test_stream_as_json_is_a_line_an_event(cli):
    """The text, the calls, and at the end what --json gives without it."""
    args = ["run", "tips.py", "--arg", "topic=cats", "--backend", "echo", "--json"]
    events = [json.loads(line) for line in cli(*args, "--stream").stdout.splitlines()]
    whole = json.loads(cli(*args).stdout)

    assert {event["event"] for event in events} == {"text", "call_started", "call_ended", "item_done"}
    assert "".join(e["text"] for e in events if e["event"] == "text" and not e["branch"]) == whole["text"]
    assert events[-1]["values"] == whole["values"]


def test_what_fails_while_it_is_streamed(cli):
    """Behind the text that came; a batch is refused."""
    result = cli("run", "tips.py", "--backend", "echo", "--stream")
    batch = cli("run", "tips.py", "--args-file", "items.jsonl", "--backend", "echo", "--stream")

    assert result.exit_code == 1 and "ArgumentError" in result.stderr
    assert batch.exit_code == 2 and "--stream is for one run" in batch.stderr
