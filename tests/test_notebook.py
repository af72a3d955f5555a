"""The example notebook, run as IPython runs it: each cell prints what is kept under it. `--accept` writes that anew."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

NOTEBOOK = Path(__file__).parents[1] / "examples" / "notebook.ipynb"


def printed(shell: Any, source: str) -> str:
    """What a cell prints; raises what it raises."""
    out = io.StringIO()
    with redirect_stdout(out):
        shell.run_cell(source, store_history=True, silent=False).raise_error()
    return out.getvalue()


def output(text: str) -> list[dict[str, Any]]:
    """A cell's outputs as the file keeps them."""
    return [{"name": "stdout", "output_type": "stream", "text": text.splitlines(keepends=True)}] if text else []


def test_the_notebook_prints_what_it_says(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("IPython")
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))

    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    kept, number = json.dumps(notebook), 0
    shell = InteractiveShell(config=Config(HistoryManager={"enabled": False}))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            number += 1
            cell["execution_count"] = number
            cell["outputs"] = output(printed(shell, "".join(cell["source"])))
    if request.config.getoption("--accept"):
        NOTEBOOK.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    else:
        assert json.loads(kept) == notebook
