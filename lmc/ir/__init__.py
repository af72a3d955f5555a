"""What a program says and when it is said. Each module of it is an attribute: `lmc.ir.tool_formats`."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType


def __getattr__(name: str) -> ModuleType:
    module = f"{__name__}.{name}"
    try:
        if not name.startswith("_"):
            return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
    raise AttributeError(f"module 'lmc.ir' has no attribute '{name}'", name=name, obj=sys.modules[__name__])
