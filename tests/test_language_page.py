"""docs/language.md is complete: each public name, parameter, method and error stands in it, with its defaults."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

import lmc
from lmc.eager.state import EagerState
from lmc.ir.sampling import Sampling
from lmc.parser.capture.states import METHODS

PAGE = (Path(__file__).parents[1] / "docs" / "language.md").read_text(encoding="utf-8")
WORDS = frozenset(word for code in re.findall(r"`([^`\n]+)`", PAGE) for word in re.findall(r"\w+", code))
INTERNAL = {"number", "end", "variables"}  # of a state that runs as Python: for lmc itself, or a result's


@pytest.mark.parametrize("name", lmc.__all__)
def test_a_public_name_is_there(name: str) -> None:
    """Every one that may be used."""
    assert name in WORDS


@pytest.mark.parametrize("primitive", ["gen", "select", "separate_reasoning", "tool_calls", "lark", "tool"])
def test_every_parameter_is_there(primitive: str) -> None:
    """By its name."""
    given = set(inspect.signature(getattr(lmc, primitive)).parameters) - {"func"}
    assert given - WORDS == set()


@pytest.mark.parametrize("kind", [lmc.State, lmc.Forks, lmc.Program, lmc.Result])
def test_every_method_is_there(kind: type) -> None:
    """Of what people hold in their hands."""
    methods = {name for name in vars(kind) if not name.startswith("_")}
    assert methods and methods - WORDS == set()


def test_a_state_is_what_its_type_says() -> None:
    """As a graph and as Python: the type has every method that both know, and no other."""
    typed = {name for name in vars(lmc.State) if not name.startswith("_")}
    eager = {name for name in vars(EagerState) if not name.startswith("_")} - INTERNAL

    assert typed - {"ret_value"} == {name for name in METHODS if not name.startswith("_")} == eager - {"ret_value"}


def test_the_defaults_are_those_of_the_page() -> None:
    """Of the parameters that have a row of their own or share one."""
    for row in re.findall(r"^\| (`.+?) \| .+ \| (.+) \|$", PAGE, re.MULTILINE):
        names, defaults = re.findall(r"`(\w+)`", row[0]), [each.strip() for each in row[1].split(",")]
        for name, default in zip(names, defaults):
            if hasattr(Sampling(), name) and len(names) == len(defaults) and default not in ("none", "by method"):
                assert default == repr(getattr(Sampling(), name)) or (name, default) == ("temperature", "0")


def test_every_error_is_there() -> None:
    """And says when."""
    errors = [name for name in lmc.__all__ if name.endswith("Error") and name != "LMError"]
    rows = [line for line in PAGE.splitlines() if line.startswith("|")]
    for name in errors:
        assert any(re.match(rf"\| .*`{name}`", row) for row in rows)
