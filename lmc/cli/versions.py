"""Versions of a program: a file, an IR file, or a file as a git revision has it, `prog.py@HEAD~1` or `prog.py:fn@main`.

Of a revision the folder that the program is imported from is written to a temporary one, so that the files beside it
are those of the revision too; what it imports from elsewhere in the repository is not, which is said. Modules that one
version imported are forgotten before the next one is loaded.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lmc.cli.ir_files import is_ir, read_ir
from lmc.errors import ArgumentError

if TYPE_CHECKING:
    from lmc.ir.prompt import Tokenizer
    from lmc.passes import Planned

MAX_FILE_BYTES = 1 << 20  # of a file beside the program that is no Python


@dataclass(frozen=True, slots=True)
class Version:
    """What a target on the command line names: a file, a program in it, and a revision; "" where there is none."""

    target: str
    file: str
    name: str
    revision: str


def version_of(target: str) -> Version:
    """The parts of `prog.py:fn@REV`; a file that has an @ in its name is that file."""
    from lmc.cli.loading import split_target

    before, at, revision = target.rpartition("@")
    if not at or not before or Path(target).exists() or Path(split_target(target)[0]).exists():
        before, revision = target, ""
    elif not revision:
        raise ArgumentError(f"`{target}` names no revision", help="write prog.py@HEAD~1")
    name = ""
    if not is_ir(before):
        # prog.py@REV:fn is meant in the same way
        revision, _, behind = revision.partition(":")
        path, name = split_target(before)
        before, name = str(path), name or behind
    return Version(target, before, name, revision)


@contextlib.contextmanager
def planned_version(
    version: Version, arguments: tuple[str, ...], pipeline: int | str, tokenizer: Tokenizer | None
) -> Iterator[Planned]:
    """The program compiled; its files are there until the end of the block, for who reads lines of them."""
    with contextlib.ExitStack() as held:
        file = version.file
        if version.revision:
            file = held.enter_context(_checked_out(version))
        if is_ir(file):
            yield _planned_ir(file, pipeline, tokenizer)
            return
        before = held.enter_context(_forgotten_modules(Path(file)))
        try:
            planned = _planned(f"{file}:{version.name}" if version.name else file, arguments, pipeline, tokenizer)
        except SyntaxError as error:
            if version.revision and error.filename == file:  # where it was written to says nothing to anybody
                raise ArgumentError(
                    f"`{version.target}` does not parse: line {error.lineno}: {error.msg}",
                    help="compare with a revision before or after it",
                ) from None
            raise
        yield planned
        if version.revision:
            _say_others(version, before)


def _planned(target: str, arguments: tuple[str, ...], pipeline: int | str, tokenizer: Tokenizer | None) -> Planned:
    from lmc.cli.arguments import parse_arguments
    from lmc.cli.compile import compiled
    from lmc.cli.loading import load_program

    prog = load_program(target)
    # the other version may have an argument that this one lacks
    own = [each for each in arguments if each.partition("=")[0] in prog.arg_names or "=" not in each]
    return compiled(prog, parse_arguments(prog, own), pipeline, tokenizer).planned


def _planned_ir(file: str, pipeline: int | str, tokenizer: Tokenizer | None) -> Planned:
    from lmc import compiler
    from lmc.ir.graph import Graph
    from lmc.passes import Planned, parse_pipeline, run_pipeline

    ir, inputs = read_ir(file), compiler.inputs_of(tokenizer)
    if not isinstance(ir, Graph):
        return Planned(ir, (), inputs)
    return run_pipeline(ir, parse_pipeline(compiler.pipeline_of(pipeline)), inputs)


@contextlib.contextmanager
def _forgotten_modules(file: Path) -> Iterator[set[str]]:
    """Modules that are imported from beside a program are forgotten at the end: another version has its own.

    Gives the names of those that were there before.
    """
    before, path = set(sys.modules), list(sys.path)
    try:
        yield before
    finally:
        sys.path[:] = path
        folders = tuple(f"{Path(each).resolve()}{os.sep}" for each in (file.resolve().parent, _import_folder(file)))
        for name in set(sys.modules) - before:
            origin = getattr(sys.modules[name], "__file__", None)
            found = os.path.realpath(origin) if origin is not None else ""
            if found.startswith(folders) and not _is_installed(name, found):
                del sys.modules[name]


def _is_installed(name: str, path: str) -> bool:
    """Whether a module is lmc's own or a library's, in an environment that may lie beside the program."""
    is_own = name.partition(".")[0] == "lmc"
    return is_own or "site-packages" in path or path.startswith(os.path.realpath(sys.prefix) + os.sep)


def _import_folder(file: Path) -> Path:
    """The folder that a file is imported from: above its package, where it is in one."""
    folder = file.resolve().parent
    while (folder / "__init__.py").is_file() and folder != folder.parent:
        folder = folder.parent
    return folder


# --- revisions -------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _checked_out(version: Version) -> Iterator[str]:
    """The program's file as a revision has it, among the files that it had beside it then."""
    path = Path(version.file)
    root = _root(version)
    inside = path.resolve().relative_to(root.resolve()).as_posix()
    commit = _git(root, "rev-parse", "--verify", "--end-of-options", f"{version.revision}^{{commit}}", of=version)
    files = _files_beside(root, commit.strip(), inside, version)
    with tempfile.TemporaryDirectory(prefix="lmc-diff-") as folder:
        _extract(root, commit.strip(), files, folder)
        yield str(Path(folder).resolve() / inside)


def _root(version: Version) -> Path:
    """The repository's folder."""
    return Path(_git(_near(Path(version.file).resolve().parent), "rev-parse", "--show-toplevel", of=version).strip())


def _near(folder: Path) -> Path:
    """The folder, or the one above it that is still there: the file may have been moved since."""
    while not folder.is_dir():
        folder = folder.parent
    return folder


def _files_beside(root: Path, commit: str, inside: str, version: Version) -> list[str]:
    """The files of the revision below the folder that the program is imported from: Python, and what is small."""
    listing = _git(root, "ls-tree", "-r", "-l", "-z", "--full-tree", commit, of=version)
    sizes: dict[str, int] = {}
    for entry in filter(None, listing.split("\0")):
        about, _, name = entry.partition("\t")
        size = about.split()[-1]
        sizes[name] = int(size) if size.isdigit() else MAX_FILE_BYTES + 1
    if inside not in sizes:
        near = _near_name(inside, sizes) or _name_then(root, inside, sizes, version) or _not_added(root, inside)
        raise ArgumentError(f"revision `{version.revision}` has no file `{inside}`", help=near)
    folder = Path(inside).parent
    while folder != Path() and (folder / "__init__.py").as_posix() in sizes:
        folder = folder.parent
    under = "" if folder == Path() else f"{folder.as_posix()}/"
    return [
        name
        for name, size in sizes.items()
        if name.startswith(under) and (name.endswith(".py") or size <= MAX_FILE_BYTES or name == inside)
    ]


def _near_name(inside: str, names: dict[str, int]) -> str | None:
    same = [name for name in names if name.rsplit("/", 1)[-1] == inside.rsplit("/", 1)[-1]]
    return f"it has `{same[0]}`" if same else None


def _name_then(root: Path, inside: str, names: dict[str, int], version: Version) -> str | None:
    """Under which of its earlier or later names the revision has a file."""
    command = ("log", "--all", "--format=", "--name-status", "-z", "--diff-filter=R", "--find-renames")
    told = _git(root, *command, of=version).split("\0")
    renamed = [{old, new} for kind, old, new in zip(told, told[1:], told[2:]) if re.fullmatch(r"R\d+", kind.strip())]
    known = {inside}
    for _ in renamed:  # a file may have been renamed more than once
        known |= {name for pair in renamed if pair & known for name in pair}
    then = sorted(known & names.keys())
    return f"it was `{then[0]}` then: write {then[0]}@{version.revision}" if then else None


def _not_added(root: Path, inside: str) -> str | None:
    """What to say of a file that git does not keep."""
    asked = subprocess.run(["git", "-C", str(root), "ls-files", "--error-unmatch", "--", inside], capture_output=True)
    is_there = (root / inside).exists()
    return "git does not keep it: `git add` and `git commit` it first" if asked.returncode and is_there else None


def _extract(root: Path, commit: str, files: list[str], folder: str) -> None:
    asked = "".join(f"{commit}:{name}\n" for name in files if "\n" not in name)
    command = ["git", "-C", str(root), "cat-file", "--batch"]
    done = subprocess.run(command, input=os.fsencode(asked), capture_output=True)
    if done.returncode:
        raise ArgumentError(f"git cannot read the files of `{commit}`: {_said(done.stderr)}")
    at = 0
    for name in (name for name in files if "\n" not in name):
        head, _, _ = done.stdout[at : at + 200].partition(b"\n")
        size = int(head.split()[2])
        begin = at + len(head) + 1
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(done.stdout[begin : begin + size])
        at = begin + size + 1


def _git(folder: Path, *command: str, of: Version) -> str:
    try:
        done = subprocess.run(["git", "-C", str(folder), *command], capture_output=True)
    except FileNotFoundError:
        raise ArgumentError(f"`{of.target}` is a git revision, and there is no git", help="install it") from None
    if done.returncode:
        said = _said(done.stderr)
        raise ArgumentError(
            f"git does not know `{of.target}`: {said}", help="write prog.py@REVISION, as `git log` lists revisions"
        )
    return done.stdout.decode("utf-8", "surrogateescape")


def _said(error: bytes) -> str:
    lines = error.decode("utf-8", "replace").strip().splitlines()
    return lines[-1].removeprefix("fatal: ") if lines else "it failed"


def _say_others(version: Version, before: set[str]) -> None:
    """Say which modules came from the working tree, and so are not those of the revision."""
    root = _root(version).resolve()
    found = []
    for name in set(sys.modules) - before:
        origin = getattr(sys.modules[name], "__file__", None)
        path = Path(origin).resolve() if origin else root
        if path.is_relative_to(root) and path != root and not path.is_relative_to(Path(sys.prefix).resolve()):
            found.append(str(path.relative_to(root)))
    own = [each for each in sorted(found) if "site-packages" not in each and not each.startswith(("lmc/", "kernels/"))]
    if own:
        shown = ", ".join(f"`{each}`" for each in own[:4]) + (f" and {len(own) - 4} more" if len(own) > 4 else "")
        click.echo(f"{version.target}: not of the revision, but of the working tree: {shown}", err=True)
