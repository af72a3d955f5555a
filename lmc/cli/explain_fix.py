"""`lmc explain --fix`: what to change so that prompts share more; each is tried, and its gain is that of the trial."""

from __future__ import annotations

import contextlib
import difflib
import inspect
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmc.cli.compile import compiled
from lmc.cli.fix_source import MARK, changed, is_marked
from lmc.errors import ArgumentError, LMError
from lmc.passes.fixits import Fixit, fixits
from lmc.passes.flat_prompts import known_text
from lmc.passes.what_if import found_in_runs
from lmc.viz.text_table import wrapped
from lmc.viz.view import View

if TYPE_CHECKING:
    from lmc.compiler import Compiled
    from lmc.ir.prompt import Tokenizer
    from lmc.program import Program

Rows = tuple[Mapping[str, Any], Mapping[str, Any]]
NONE = "nothing to change: nothing that can be moved or changed in the source would share much more\n"


@dataclass(frozen=True, slots=True)
class Tried:
    """A fix-it and what the changed source came to.

    source  None where no change of whole operands and statements does it
    gain    tokens more that are shared, in each run, or in each further one
    total   of all prompts of a run
    same    whether the prompts say the same texts as before, in whatever order
    """

    fix: Fixit
    source: str | None
    gain: int
    total: int
    same: bool

    @property
    def share(self) -> float:
        """The gain as a part of all prompts, in percent."""
        return 100 * self.gain / self.total if self.total else 0.0


def tried(prog: Program, rows: Rows, level: int, tokenizer: Tokenizer) -> list[Tried]:
    """Each fix-it by itself, the greatest gain first; what gains nothing is left out.

    rows  the arguments of two runs; those of one are the same in both where a program is asked without a file of rows
    """
    done = compiled(prog, rows[0], level, tokenizer)
    text = source_of(prog)
    known = _by_path(done, rows)
    fixes = fixits(done.graph, done.planned.inputs, (known[0], known[1]))
    found = [_try(prog, rows, level, tokenizer, done, text, fix) for fix in fixes]
    return sorted((each for each in found if each.gain > 0), key=lambda each: -each.gain)


def fixed(prog: Program, found: list[Tried]) -> str:
    """The source with every fix-it that may be applied without asking."""
    text = new = source_of(prog)
    for each in found:
        if is_allowed(each, text) and each.source is not None:
            # lines move with each change: it is looked for again where its text stands now
            moved = changed(new, _moved(each.fix, text, new), _names(prog))
            new = moved if moved is not None else new
    return new


def is_allowed(each: Tried, text: str) -> bool:
    """Whether a diff may hold it: it keeps every byte, sorts a set, or its line is marked."""
    return each.fix.is_free or (each.fix.keeps == "needs order_free" and is_marked(text, each.fix.span))


def proof(prog: Program, old: str, new: str, found: list[Tried], rows: Rows, level: int, tokenizer: Tokenizer) -> str:
    """What the changed program's tree says beside what was predicted, and what became of the prompts."""
    before, behind = (compiled(each, rows[0], level, tokenizer) for each in (prog, _loaded(prog, new)))
    first = _found(behind, rows, 1) - _found(before, rows, 1)
    further = _found(behind, rows, 2) - _found(behind, rows, 1) - _found(before, rows, 2) + _found(before, rows, 1)
    text = old
    used = [each for each in found if each.source is not None and is_allowed(each, text)]
    told = sum(each.gain for each in used if each.fix.change != "sorted")
    says = "say the same texts, in another order" if _words(before) == _words(behind) else "say other texts"
    return f"the new tree shares {first} more in a run and {further} in a further one; predicted {told}; prompts {says}"


def diff(prog: Program, old: str, new: str) -> str:
    """The two as a unified diff."""
    name = Path(prog.func.__code__.co_filename).name
    rows = difflib.unified_diff(old.splitlines(True), new.splitlines(True), f"a/{name}", f"b/{name}")
    return "".join(row if row.endswith("\n") else f"{row}\n\\ No newline at end of file\n" for row in rows)


def write_back(prog: Program, new: str) -> None:
    """The new source into the program's file."""
    Path(prog.func.__code__.co_filename).write_text(new, encoding="utf-8")


def told(found: list[Tried], text: str, width: int) -> str:
    """The fix-its as people read them."""
    return "\n".join("".join(_lines(each, text, width)) for each in found) or NONE


def _lines(each: Tried, text: str, width: int) -> Iterator[str]:
    fix, runs = each.fix, "in each further run" if each.fix.is_of_runs else "in each run"
    yield f"{fix.span}: {fix.reason}\n"
    yield wrapped(f"  {fix.says}", width)
    yield wrapped(f"  gains {each.gain} tokens {runs} ({each.share:.0f} % of a run's prompts); {fix.keeps}", width)
    if each.source is None:
        yield wrapped("  by hand: it stands in one piece with other text", width)
    elif not is_allowed(each, text):
        how = f"mark the line `{MARK}` and --diff moves it" if fix.keeps == "needs order_free" else "by hand"
        yield wrapped(f"  the model reads other text then: {how}", width)


def _try(prog: Program, rows: Rows, level: int, tokenizer: Tokenizer, old: Compiled, text: str, fix: Fixit) -> Tried:
    total = found_in_runs(old.plan, old.planned.inputs, _by_path(old, rows)[:1]).prompt_tokens
    source = changed(text, fix, _names(prog))
    if source is None:
        return Tried(fix, None, fix.behind, total, True)
    try:
        new = compiled(_loaded(prog, source), rows[0], level, tokenizer)
    except (LMError, SyntaxError, ImportError):
        return Tried(fix, None, fix.behind, total, True)
    same = _words(old) == _words(new)
    if fix.change == "sorted":  # what the set says is not known, what stands behind it is
        return Tried(fix, source, fix.behind, total, same)
    return Tried(fix, source, _further(new, fix, rows) - _further(old, fix, rows), total, same)


def _further(done: Compiled, fix: Fixit, rows: Rows) -> int:
    """What a run finds in the cache: the first one, or one behind another."""
    return _found(done, rows, 2) - _found(done, rows, 1) if fix.is_of_runs else _found(done, rows, 1)


def _found(done: Compiled, rows: Rows, runs: int) -> int:
    return found_in_runs(done.plan, done.planned.inputs, _by_path(done, rows)[:runs]).cached_tokens


def _by_path(done: Compiled, rows: Rows) -> list[dict[tuple[str | int, ...], object]]:
    return [done.by_path(row) for row in rows]


def _words(done: Compiled) -> Counter[str]:
    """The characters and holes of all prompts, in whatever order."""
    view = View(done.planned)
    found: Counter[str] = Counter()
    for call in view.calls:
        for piece in call.pieces:
            text = known_text(piece)
            found.update(view.hole(piece) if text is None else text)  # type: ignore[arg-type]  # a piece without text
    return found


def source_of(prog: Program) -> str:
    """The text of the program's file. Raises ArgumentError where it cannot be read."""
    path = Path(prog.func.__code__.co_filename)
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        raise ArgumentError(
            f"the source of `{prog.func.__name__}` cannot be read", help="define it in a file"
        ) from None


def _names(prog: Program) -> dict[str, Any]:
    """The variables of the program's module."""
    names: dict[str, Any] = inspect.unwrap(getattr(prog.func, "__func__", prog.func)).__globals__
    return names


def _loaded(prog: Program, source: str) -> Program:
    """The program of another source, whose imports are found where those of the first are."""
    from lmc.cli.loading import load_program

    path = Path(prog.func.__code__.co_filename)
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
        place = Path(folder) / path.name
        place.write_text(source, encoding="utf-8")
        sys.path.insert(0, str(path.parent))
        before = dict(sys.modules)
        try:
            return load_program(f"{place}:{prog.func.__name__}")
        finally:
            sys.path.remove(str(path.parent))
            sys.modules.update({name: before[name] for name in before.keys() & {path.stem, prog.func.__module__}})


def _moved(fix: Fixit, old: str, new: str) -> Fixit:
    """The fix-it where its line stands in a changed source."""
    line = old.splitlines()[fix.span.line - 1]
    rows = new.splitlines()
    near = sorted((abs(i - fix.span.line), i) for i, row in enumerate(rows, 1) if row == line)
    return replace(fix, span=replace(fix.span, line=near[0][1])) if near else fix
