"""Programs from files: `prog.py` or `prog.py:fn`; from modules, `pkg.mod` or `pkg.mod:fn`; and `-`, what is on stdin.

The file is imported as a module of its own, with its folder on sys.path, or as a module of its package with the folder
that the package lies in; what it prints then goes to stderr, as stdout belongs to the command.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import linecache
import os
import sys
from pathlib import Path
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING

from lmc.errors import ArgumentError, did_you_mean

if TYPE_CHECKING:
    from lmc.program import Program


STDIN = Path("<stdin>")


def load_program(target: str) -> Program:
    """The program that `prog.py:fn` or `pkg.mod:fn` names. Raises ArgumentError, or whatever importing it raises."""
    path, name = split_target(target)
    if str(path) == "-":
        path = STDIN
    path = _file_of(path)
    module = _imported(path)
    return _named(module, path, name) if name else _only(module, path)


def split_target(target: str) -> tuple[Path, str]:
    """The file and the name behind its last colon, "" where there is none."""
    file, colon, name = target.rpartition(":")
    return (Path(file), name) if colon and name.isidentifier() else (Path(target), "")


def _file_of(path: Path) -> Path:
    """The file of a module that is named as Python names it; anything else as it is."""
    parts = str(path).split(".")
    if path.suffix == ".py" or path.exists() or not all(map(str.isidentifier, parts)):
        return path
    sys.path.insert(0, os.getcwd())
    try:
        with contextlib.redirect_stdout(sys.stderr):
            spec = importlib.util.find_spec(str(path))
    except ModuleNotFoundError as error:
        if error.name is None or error.name not in (str(path), *(".".join(parts[:i]) for i in range(1, len(parts)))):
            raise
        spec = None
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return path
    return Path(os.path.relpath(spec.origin))


def _imported(path: Path) -> ModuleType:
    """The file as a module. Messages name it as the user typed it, so its code carries that path."""
    source = _read(path)
    folder, package = _package(path.resolve())
    module = ModuleType(f"{package}.{path.stem}" if package else _module_name(path))
    if path != STDIN:
        module.__file__ = str(path.resolve())
    module.__package__ = package
    with contextlib.suppress(SyntaxError, UnicodeDecodeError):  # which compiling says
        lines = importlib.util.decode_source(source).splitlines(keepends=True)
        linecache.cache[str(path)] = (len(source), None, lines, str(path))  # None: it stays right after a chdir
    sys.path.insert(0, str(folder))
    try:
        with contextlib.redirect_stdout(sys.stderr):
            if package:
                importlib.import_module(package)
            sys.modules[module.__name__] = module
            exec(compile(source, str(path), "exec"), module.__dict__)
    except SystemExit as stop:
        raise ArgumentError(
            f"`{path}` exits while it is imported, with status {stop.code}",
            help='put what it does as a script under `if __name__ == "__main__":`',
        ) from None
    return module


def _package(path: Path) -> tuple[Path, str]:
    """The folder that a file is imported from, and the name of its package, "" for a file by itself."""
    folder, names = path.parent, list[str]()
    while (folder / "__init__.py").is_file() and folder.name.isidentifier():
        names.insert(0, folder.name)
        folder = folder.parent
    return folder, ".".join(names)


def _read(path: Path) -> bytes:
    if path == STDIN:
        return sys.stdin.buffer.read()
    if path.suffix == ".ipynb":
        raise ArgumentError(
            f"`{path}` is a notebook, not a Python file", help="`jupyter nbconvert --to script` makes one"
        )
    if path.is_dir():
        raise ArgumentError(f"`{path}` is a folder, not a Python file")
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ArgumentError(f"there is no file `{path}`", help=_near_file(path)) from None
    except OSError as error:
        raise ArgumentError(f"`{path}` cannot be read: {error.strerror}") from None


def _near_file(path: Path) -> str | None:
    siblings = [each.name for each in path.parent.glob("*.py")] if path.parent.is_dir() else []
    return did_you_mean(path.name, siblings, lambda near: f"`{path.with_name(near)}`")


def _module_name(path: Path) -> str:
    """The file's stem, unless a module of that name is there already."""
    if path == STDIN:
        return "lmc_program_on_stdin"
    is_free = path.stem not in sys.modules and path.stem not in sys.stdlib_module_names
    return path.stem if is_free else f"lmc_program_{path.stem}"


# --- finding the program ---------------------------------------------------------------------------------


def _named(module: ModuleType, path: Path, name: str) -> Program:
    from lmc.program import Program, as_program

    found = getattr(module, name, None)
    if isinstance(found, Program | FunctionType):
        return as_program(found)
    known = list(_programs(module))
    help = did_you_mean(name, known) or f"its programs are {', '.join(known) or 'none'}"
    raise ArgumentError(f"`{path}` has no program `{name}`", help=help)


def _only(module: ModuleType, path: Path) -> Program:
    programs = _programs(module)
    if not programs:
        raise ArgumentError(
            f"`{path}` has no program", help="decorate a function of it with @lmc.function: `def name(s, ...)`"
        )
    if len(programs) > 1:
        help = f"name one: `{path if path != STDIN else '/dev/stdin'}:{next(iter(programs))}`"
        raise ArgumentError(f"`{path}` has several programs: {', '.join(programs)}", help=help)
    return next(iter(programs.values()))


def _programs(module: ModuleType) -> dict[str, Program]:
    """The programs that the file defines, by their first name; those it imports where it defines none."""
    from lmc.program import Program

    found: dict[int, tuple[str, Program]] = {}
    for name, value in vars(module).items():
        if isinstance(value, Program):
            found.setdefault(id(value), (name, value))
    own = {name: p for name, p in found.values() if getattr(p.func, "__globals__", None) is module.__dict__}
    return own or dict(found.values())
