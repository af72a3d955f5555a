"""lmc-tiny, the checkpoint that lmc ships: where it lies, and the line that says that it is used.

An ordinary checkpoint folder, made by `scripts/train_tiny.py` and loaded as any other.
"""

from __future__ import annotations

import logging
from pathlib import Path

NAME = "lmc-tiny"
FOLDER = Path(__file__).parent / "models" / NAME
NOTICE = (
    "lmc: no model was named: running on lmc-tiny, the 5.8 M parameter model that ships with lmc; "
    'model="DIR" runs a checkpoint of yours'
)

_said: list[bool] = []  # grows when the notice has been given


def folder_of(model: str | Path) -> Path:
    """The folder of a model: that of lmc-tiny for its name, else what was given."""
    return FOLDER if str(model) == NAME else Path(model)


def say() -> None:
    """Say once a process, through the logger "lmc", that nobody named a model; on stderr unless configured."""
    if not _said:
        _said.append(True)
        logging.getLogger("lmc").warning(NOTICE)
