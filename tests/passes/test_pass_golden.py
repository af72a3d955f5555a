"""Every golden case of every pass: what it makes of a program, and what it says about it."""

from __future__ import annotations

import pytest

from lmc.ir.graph import Graph
from lmc.passes import PASSES
from tests.passes.case import parse_ir, read_case
from tests.support.golden_files import GOLDEN, check_golden

PATHS = sorted((GOLDEN / "passes").glob("*/*.lmir"))
IDS = [path.relative_to(GOLDEN / "passes").as_posix().removesuffix(".lmir") for path in PATHS]


@pytest.mark.parametrize("path", PATHS, ids=IDS)
def test_the_pass_gives_what_its_golden_file_says(path, request):
    """Program, plan and report, to the letter."""
    case = read_case(path)

    check_golden(path.relative_to(GOLDEN).as_posix(), case.text(), accept=request.config.getoption("accept"))


@pytest.mark.parametrize("path", PATHS, ids=IDS)
def test_the_text_of_a_golden_case_parses_back(path):
    """Both sides of every case print and parse to the same thing."""
    case = read_case(path)

    for ir in (parse_ir(case.before), case.run()[0]):
        assert str(parse_ir(str(ir))) == str(ir)
        assert parse_ir(str(ir)) == ir


@pytest.mark.parametrize("path", PATHS, ids=IDS)
def test_a_graph_pass_has_nothing_left_to_do_on_its_own_result(path):
    """Running a graph pass twice is running it once."""
    case = read_case(path)
    last = PASSES[(case.one("pass") or "").rpartition(",")[2]]
    if last.level == "plan":
        pytest.skip("a plan pass")
    after = case.run()[0]

    assert isinstance(after, Graph)
    assert last.run(after, case.inputs)[0] == after


def test_every_pass_has_three_golden_cases_in_its_folder():
    """A pass is specified by its cases; a folder without a pass is a mistake."""
    counts = {name: sum(path.parent.name == name for path in PATHS) for name in PASSES}

    assert all(count >= 3 for count in counts.values()), counts
    assert {path.parent.name for path in PATHS} == set(PASSES)


@pytest.mark.parametrize("path", PATHS, ids=IDS)
def test_a_golden_case_lies_in_the_folder_of_its_last_pass(path):
    """golden/passes/cse holds what cse does."""
    assert (read_case(path).one("pass") or "").split(",")[-1] == path.parent.name
