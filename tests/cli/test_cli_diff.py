"""`lmc diff`: what it says of two versions of a program, and where it finds them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lmc.cli.versions import planned_version, version_of
from lmc.viz.plan_diff import plan_diff
from lmc.viz.plan_facts import plan_facts

BEFORE, AFTER = "versions/before.py", "versions/after.py"

PROGRAM = """import lmc
from words import ASK

@lmc.function
def ask(s, topic: str):
    s += "You are a {kind} assistant. Topic: " + topic + ". "
    for i in range({num}):
        with s.copy() as f:
            f += f"Point {{i}}: " + lmc.gen("point", max_tokens={most})
    s += ASK + lmc.gen("answer", max_tokens=8)
"""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A git repository that is the current folder; called, it writes files and commits them."""
    environment = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a"}
    for name, value in {**environment, "GIT_COMMITTER_EMAIL": "a@b", "GIT_CONFIG_GLOBAL": "/dev/null"}.items():
        monkeypatch.setenv(name, value)
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)

    def commit(files: dict[str, str]) -> None:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        subprocess.run(["git", "-C", str(tmp_path), "add", "-A"], check=True)
        subprocess.run(["git", "-C", str(tmp_path), "commit", "-qm", "x"], check=True)

    return commit


def program(kind: str = "helpful", num: int = 2, most: int = 4) -> str:
    return PROGRAM.format(kind=kind, num=num, most=most)


def told(cli: Any, *args: str) -> dict[str, Any]:
    done = cli("diff", *args, "--format", "json")
    assert done.exit_code in (0, 1), done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["same"] == (done.exit_code == 0)
    return found


def source(folder: Path, name: str, body: str) -> str:
    """A file with one program of these statements."""
    lines = "".join(f"    {line}\n" for line in body.strip().splitlines())
    (folder / name).write_text(f"import lmc\n\n@lmc.function\ndef p(s, topic: str = ''):\n{lines}")
    return str(folder / name)


@pytest.mark.parametrize("format", ["text", "markdown", "json"])
def test_output_is_as_reviewed(format: str, cli, golden) -> None:
    """All kinds of changes at once."""
    done = cli("diff", BEFORE, AFTER, "--format", format)
    assert (done.exit_code, done.stderr) == (1, "")
    golden(f"cli/diff_{format}.txt", done.stdout)


def test_with_a_model_it_says_what_a_run_costs(cli) -> None:
    """Intervals, as `lmc explain --cost` has them: a call more, of three tokens at most."""
    run = told(cli, BEFORE, AFTER, "--model", "lmc-tiny")["run"]
    assert list(run) == ["calls", "prompt", "cached", "computed", "output"]
    assert run["calls"] == [[3, 3.5, 4], [4, 4.5, 5]]
    assert [most for _, _, most in run["output"]] == [8 + 8 + 16, 8 + 16 + 16 + 3]
    assert "a run: calls" in cli("diff", BEFORE, AFTER, "--model", "lmc-tiny").stdout


def test_the_same_program_is_the_same(cli) -> None:
    """Exit status 0, and one line."""
    done = cli("diff", BEFORE, BEFORE)
    assert done.exit_code == 0
    assert done.stdout == f"{BEFORE} and {BEFORE}: the same calls, prompts and options\n"


def test_lines_that_move_and_names_of_values_are_no_change(cli, tmp_path: Path) -> None:
    """Comments, blank lines, and a variable that has another name."""
    a = source(tmp_path, "a.py", 's += "Hi. " + lmc.gen("x")\nt = s["x"] + "!"\ns += t')
    b = source(tmp_path, "b.py", '# more\n\ns += "Hi. "\ns += lmc.gen("x")\nu = s["x"] + "!"\ns += u')
    assert told(cli, a, b)["same"]


def test_what_is_returned_or_asked_is_a_change_that_is_seen(cli, tmp_path: Path) -> None:
    """No call differs, and the program does."""
    a = source(tmp_path, "a.py", 's += "Hi. " + lmc.gen("x")\nreturn s["x"]')
    b = source(tmp_path, "b.py", 's += "Hi. " + lmc.gen("x")\nreturn s["x"] + "!"')
    found = told(cli, a, b)
    assert found["other"] and not found["calls"]


def test_a_text_that_is_in_no_calls_prompt_is_shown(cli, tmp_path: Path) -> None:
    """What stands behind the last call, and what a loop over forks appends."""
    body = "forks = s.fork(40)\nfor f in forks:\n    f += 'Go. ' + lmc.gen('x')\ns += '{} you.'"
    a, b = source(tmp_path, "a.py", body.format("Thank")), source(tmp_path, "b.py", body.format("Bless"))
    found = told(cli, a, b)
    assert found["other"] and found["texts"] == {"removed": ["Thank you."], "added": ["Bless you."]}


def test_states_have_no_numbers(cli, tmp_path: Path) -> None:
    """A call in a branch goes on from a state; another append before it changes that state's number in the IR."""
    branch = 's += lmc.select("a", ["x", "y"])\nif s["a"] == "x":\n    s += "B. " + lmc.gen("b")'
    body = f's += "A. "{{}}\n{branch}\ns += "C" + lmc.gen("c")'
    a = source(tmp_path, "a.py", body.format(""))
    b = source(tmp_path, "b.py", body.format('\ns.set_var("k", "v")\nt = s.copy()\ns += ""'))
    assert told(cli, a, b)["prompts"] == []


def test_a_moved_call_is_not_one_that_went_and_one_that_came(cli, tmp_path: Path) -> None:
    """Of four independent calls the last one is now the first: one call moved, the others did not."""
    parts = [f'with s.copy() as f:\n    f += "Part {n}. " + lmc.gen("{n}", max_tokens=4)' for n in "abcd"]
    a = source(tmp_path, "a.py", "\n".join(parts))
    b = source(tmp_path, "b.py", "\n".join([parts[3], *parts[:3]]))
    found = told(cli, a, b)
    assert (found["removed"], found["added"], found["prompts"]) == ([], [], [])
    assert [call["new"]["name"] for call in found["calls"] if call["moved"]] == ["d"]


def test_a_renamed_call_is_known_by_its_prompt(cli, tmp_path: Path) -> None:
    """And what reads its value is not changed by that."""
    a = source(tmp_path, "a.py", 's += "Name a city: " + lmc.gen("city", max_tokens=4)\ns += "So: " + lmc.gen("why")')
    b = source(tmp_path, "b.py", 's += "Name a city: " + lmc.gen("town", max_tokens=4)\ns += "So: " + lmc.gen("why")')
    found = told(cli, a, b)
    assert (found["removed"], found["added"], found["prompts"]) == ([], [], [])
    assert [(c["old"]["name"], c["new"]["name"]) for c in found["calls"]] == [("city", "town")]


def test_calls_that_are_not_alike_are_two(cli, tmp_path: Path) -> None:
    """Another name and another prompt."""
    a = source(tmp_path, "a.py", 's += "Name a city: " + lmc.gen("city", max_tokens=4)')
    b = source(tmp_path, "b.py", 's += "Which bird flies highest of all? " + lmc.select("bird", ["kite", "crane"])')
    found = told(cli, a, b)
    assert [call["name"] for call in found["removed"]] == ["city"]
    assert [call["name"] for call in found["added"]] == ["bird"]


def test_an_edit_of_a_shared_beginning_is_one_edit_of_many_calls(cli, tmp_path: Path) -> None:
    """Twenty calls begin with a text; a word of it changes."""
    turns = 'for i in range(20):\n    with s.copy() as f:\n        f += str(i) + lmc.gen("x")'
    body = 's += "You are a {} assistant. "\n' + turns
    a = source(tmp_path, "a.py", body.format("kind"))
    b = source(tmp_path, "b.py", body.format("terse"))
    (edit,) = told(cli, a, b)["prompts"]
    assert (edit["old"], edit["new"], edit["shared"], len(edit["calls"])) == ("kind", "terse", True, 20)
    assert "what 20 calls" in cli("diff", a, b).stdout


def test_the_same_words_behind_different_beginnings_are_not_called_shared(cli, tmp_path: Path) -> None:
    """Two prompts that have the edit in common, and not what stands before it."""
    body = 'with s.copy() as f:\n    f += "{} one {}. " + lmc.gen("{}")\n'
    a = source(tmp_path, "a.py", body.format("First", "bird", "a") + body.format("Second", "bird", "b"))
    b = source(tmp_path, "b.py", body.format("First", "fish", "a") + body.format("Second", "fish", "b"))
    (edit,) = told(cli, a, b)["prompts"]
    assert (edit["old"], edit["new"], edit["shared"], len(edit["calls"])) == ("bird", "fish", False, 2)


def test_a_file_of_a_revision_has_the_files_that_were_beside_it(cli, repository, tmp_path, monkeypatch) -> None:
    """A text in a neighbour changed since: the old version reads the old one, the new one the new one."""
    repository({"app/ask.py": program(), "app/words.py": 'ASK = "Why? "\n'})
    repository({"app/words.py": 'ASK = "How? "\n'})
    monkeypatch.chdir(tmp_path)
    for old, new in (("app/ask.py@HEAD~1", "app/ask.py"), ("app/ask.py@HEAD", "app/ask.py@HEAD~1")):
        (edit,) = told(cli, old, new)["prompts"]
        assert {edit["old"], edit["new"]} == {"Why", "How"}
    assert told(cli, "app/ask.py:ask@HEAD~1")["prompts"][0]["new"] == "How"
    assert told(cli, "app/ask.py@HEAD", "app/ask.py")["same"]
    assert "words" not in sys.modules


def test_a_program_of_a_package_and_one_that_was_moved(cli, repository, tmp_path, monkeypatch) -> None:
    """Relative imports work; a file that is not there any more is found where it was."""
    text = program().replace("from words", "from .words")
    repository({"old/pkg/__init__.py": "", "old/pkg/ask.py": text, "old/pkg/words.py": 'ASK = "Why? "\n'})
    subprocess.run(["git", "-C", str(tmp_path), "mv", "old", "new"], check=True)
    repository({"new/pkg/words.py": 'ASK = "So? "\n'})
    monkeypatch.chdir(tmp_path)
    (edit,) = told(cli, "old/pkg/ask.py@HEAD~1", "new/pkg/ask.py@HEAD")["prompts"]
    assert (edit["old"], edit["new"]) == ("Why", "So")


def test_what_comes_from_the_working_tree_is_said(cli, repository, tmp_path, monkeypatch) -> None:
    """A module beyond the program's folder is imported as it is now."""
    where = f"import sys; sys.path.append({str(tmp_path / 'lib')!r})\n"
    repository({"app/ask.py": where + program(), "lib/words.py": 'ASK = "Why? "\n'})
    monkeypatch.chdir(tmp_path)
    done = cli("diff", "app/ask.py@HEAD", "app/ask.py")
    assert "app/ask.py@HEAD: not of the revision, but of the working tree: `lib/words.py`" in done.stderr
    assert done.exit_code == 0


def test_ir_files_are_versions_too(cli, tmp_path: Path) -> None:
    """Graphs and plans, against each other and against a program."""
    graph, plan = tmp_path / "a.lmir", tmp_path / "b.lmir"
    cli("compile", BEFORE, "--emit-graph=ir", "--stage", "captured", "-o", str(graph))
    cli("compile", AFTER, "--emit-graph=ir", "-o", str(plan))
    assert [call["name"] for call in told(cli, str(graph), str(plan))["added"]] == ["more"]
    assert told(cli, AFTER, str(plan))["removed"] == []


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["tips.py"], "name a second version, or a revision of the first: `tips.py@HEAD`"),
        (["tips.py", "none.py"], "there is no file `none.py`"),
        (["tips.py@", "tips.py"], "names no revision"),
        (["tips.py@no-such-branch", "tips.py"], "git does not know `tips.py@no-such-branch`"),
        (["none.py@HEAD", "tips.py"], "revision `HEAD` has no file"),
        (["versions/nothing.lmir", "tips.py"], "there is no file `versions/nothing.lmir`"),
    ],
)
def test_what_cannot_be_read_exits_with_2(cli, args: list[str], said: str) -> None:
    """So that 1 means that something changed."""
    done = cli("diff", *args)
    assert done.exit_code == 2
    assert said in done.stderr


def test_a_broken_program_exits_with_2(cli, tmp_path: Path) -> None:
    """One that cannot be captured has no graph to compare; the message says why."""
    a = source(tmp_path, "a.py", "import random\nrandom.shuffle(s.fork(2))")
    done = cli("diff", a, BEFORE)
    assert done.exit_code == 2 and "CaptureError" in done.stderr


def test_many_calls_that_all_changed_are_matched(tmp_path: Path) -> None:
    """With one name for all of them."""
    body = "\n".join(f"with s.copy() as f:\n    f += '{{0}} {i}.' + lmc.gen('x', max_tokens=2)" for i in range(80))
    facts = []
    for name, word in (("a.py", "Say"), ("b.py", "Tell me")):
        with planned_version(version_of(source(tmp_path, name, body.format(word))), (), 2, None) as planned:
            facts.append(plan_facts(planned))
    found = plan_diff(*facts)
    assert len(found.pairs) == 80
    assert (found.removed, found.added, found.moved) == ((), (), ())
    assert [(edit.old, edit.new, len(edit.calls)) for edit in found.prompts] == [("Say", "Tell me", 80)]


def test_libraries_that_lie_beside_a_program_are_not_forgotten(tmp_path: Path, monkeypatch) -> None:
    """An environment in the folder of the project: what is imported from there meanwhile stays."""
    library = tmp_path / ".venv" / "lib" / "site-packages"
    library.mkdir(parents=True)
    (library / "a_library_beside.py").write_text("X = 1\n")
    (tmp_path / "a_neighbour_beside.py").write_text("X = 1\n")
    monkeypatch.syspath_prepend(str(library))
    target = source(tmp_path, "a.py", 's += "Hi " + lmc.gen("x")')
    (tmp_path / "a.py").write_text("import a_library_beside, a_neighbour_beside\n" + (tmp_path / "a.py").read_text())
    with planned_version(version_of(target), (), 2, None):
        pass
    assert "a_library_beside" in sys.modules and "a_neighbour_beside" not in sys.modules
    del sys.modules["a_library_beside"]


def test_a_file_that_a_revision_has_otherwise_or_not_at_all(cli, repository, tmp_path, monkeypatch) -> None:
    """By the name it had, as not kept by git, or as what does not parse."""
    monkeypatch.chdir(tmp_path)
    repository({"prog.py": program(), "words.py": 'ASK = "So: "', "bad.py": "def ("})
    (tmp_path / "prog.py").rename(tmp_path / "new.py")
    repository({"bad.py": program()})
    (tmp_path / "beside.py").write_text(program())

    renamed, beside, bad = (cli("diff", f"{name}@HEAD~1", name) for name in ("new.py", "beside.py", "bad.py"))
    assert "it was `prog.py` then: write prog.py@HEAD~1" in renamed.stderr
    assert "revision `HEAD~1` has no file `beside.py`" in beside.stderr and "git add" in beside.stderr
    assert "`bad.py@HEAD~1` does not parse: line 1: " in bad.stderr
    assert cli("diff", "prog.py@HEAD~1", "new.py").exit_code == 0


def test_branches_of_ir_files_go_by_what_they_ask(tmp_path: Path) -> None:
    """Not by the numbers of values, nor by what stands inside; another condition is a change."""

    def regions(condition: str, name: str) -> object:
        path = tmp_path / "p.lmir"
        path.write_text(
            f'program ask(%word: str) {{\n  %s0 = begin\n  %{name} = compare %word, {condition} {{op="=="}}\n'
            f"  %s8 = if %{name} {{\n"
            '    %s6 = append %s0, "x"\n    yield %s6\n  } else {\n    yield %s0\n  }\n'
            '  %s9, %a = gen %s8 {max_tokens=4, name="a"}\n  return %s9, none\n}\n'
        )
        with planned_version(version_of(str(path)), (), 2, None) as planned:
            return plan_facts(planned).regions

    assert regions('"a"', "t9") == regions('"a"', "t12") != regions('"b"', "t9")
