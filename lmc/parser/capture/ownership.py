"""Whose code is whose: what stands in a file of the user's, and what comes with Python, a library or lmc itself."""

from __future__ import annotations

import sys
import sysconfig
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType
from typing import TypeGuard

_STDLIB = (sysconfig.get_paths()["stdlib"], sysconfig.get_paths()["platstdlib"])
_MODULE_OF = type.__dict__["__module__"].__get__  # a metaclass may have a `__module__` of its own
_LMC = str(Path(__file__).parents[2]) + "/"


@cache
def is_own_file(file: str | None) -> bool:
    """True for a file that is neither Python's, nor installed, nor lmc's; text that was never a file counts as own."""
    if file is None or file.startswith("<frozen"):
        return False
    installed = "site-packages" in file or "dist-packages" in file or file.startswith(_STDLIB)
    return not installed and not file.startswith(_LMC)


def is_own_module(module: ModuleType) -> bool:
    """True for a module of the user's, also one that was made without a file; reads it without its code."""
    names = vars(module)
    file = names.get("__file__")
    return is_own_file(file) if isinstance(file, str) else names.get("__spec__") is None


def module_name(cls: type) -> str:
    """The name of the module that a class was made in, read without its metaclass's code."""
    return str(_MODULE_OF(cls))


def is_own_class(cls: type) -> bool:
    """True for a class that was made in a module of the user's, or in none that is loaded."""
    module = sys.modules.get(module_name(cls))
    return not isinstance(module, ModuleType) or is_own_module(module)


def is_own_code(fn: FunctionType) -> bool:
    """True for a function of the user's; what was never in a file belongs to the module it was made for."""
    file = fn.__code__.co_filename
    if file.startswith("<"):
        made_for = fn.__globals__.get("__file__")
        return is_own_file(file) and is_own_file(made_for if isinstance(made_for, str) else "<none>")
    return is_own_file(file)


def has_own_source(file: str) -> bool:
    """True for a file of the user's that can be read again, which text that was never in a file cannot."""
    return is_own_file(file) and not file.startswith("<")


def is_own_function(fn: object) -> TypeGuard[FunctionType]:
    """True for a plain function of the user's, in a file that is not a library's."""
    if not isinstance(fn, FunctionType):
        return False
    if "__lmc_effect__" in vars(fn):  # a tool says what it does, and is called as it is
        return False
    # `<string>` and the like are not files: there is no source to look into
    return has_own_source(fn.__code__.co_filename) and (fn.__module__ or "").split(".")[0] != "lmc"
