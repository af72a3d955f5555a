"""Golden files: expected text in tests/golden/, rewritten by `pytest --accept`.

`conftest.py` takes its hooks and its fixture from here. A missing golden fails and says so; in a run of the whole
suite an unused one fails too. Files that tests collect themselves (golden/passes) count as used when compared.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

GOLDEN = Path(__file__).parents[1] / "golden"
Golden = Callable[[str, str], None]

# options that leave tests out, or stop early
_PARTIAL = ("-k", "-m", "-x", "--co", "--lf", "--last", "--ff", "--failed", "--sw", "--step", "--max", "--des", "--ign")
_used: set[str] = set()  # paths under GOLDEN that a test of this process compared


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--accept", action="store_true", help="rewrite golden files with what the tests got")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """`golden("trace/tips.lmir", text)`: fails unless the file holds exactly that text."""
    return lambda name, text: check_golden(name, text, accept=request.config.getoption("accept"))


def check_golden(name: str, text: str, *, accept: bool) -> None:
    """Compares a text with a golden file, or writes it there."""
    _used.add(name)
    path = GOLDEN / name
    if accept:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
    elif not path.exists():
        pytest.fail(f"there is no golden file {path}; `pytest --accept` writes it:\n{text}", pytrace=False)
    elif (expected := _read(path)) != text:
        pytest.fail(_difference(name, expected, text), pytrace=False)


def _read(path: Path) -> str:
    with path.open(encoding="utf-8", newline="") as file:
        return file.read()


def _difference(name: str, expected: str, text: str) -> str:
    lines = difflib.unified_diff(expected.splitlines(), text.splitlines(), f"golden/{name}", "this run", lineterm="")
    return "\n".join([*lines, "", "if this run is right: pytest --accept"])


# --- files that nothing compares: asked at the end of a whole run, over all of xdist's workers ---


def pytest_sessionfinish(session: pytest.Session) -> None:
    worker: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if worker is not None:
        worker["golden_used"] = sorted(_used)
    elif session.exitstatus == pytest.ExitCode.OK and _is_whole_run(session.config) and unused():
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    _used.update(getattr(node, "workeroutput", {}).get("golden_used", ()))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if _is_whole_run(config) and terminalreporter.stats.keys().isdisjoint(("failed", "error")):
        for name in unused():
            terminalreporter.write_line(f"FAILED golden/{name}: no test compares it; delete it", red=True)


def unused() -> list[str]:
    """Golden files that no test of this run compared."""
    names = (path.relative_to(GOLDEN).as_posix() for path in GOLDEN.rglob("*") if path.is_file())
    return sorted(name for name in names if name not in _used)


def _is_whole_run(config: pytest.Config) -> bool:
    given = config.invocation_params.args
    return config.args == config.getini("testpaths") and not any(str(arg).startswith(_PARTIAL) for arg in given)
