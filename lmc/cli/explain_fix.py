"""`lmc explain --fix`: what to change so that prompts share more; each is tried, and its gain is that of the trial."""

from __future__ import annotations

import contextlib
import difflib
import inspect
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmc.cli.compile import compiled
from lmc.cli.fix_source import MARK, is_marked, ways
from lmc.errors import ArgumentError, LMError
from lmc.ir.prompt import Ids
from lmc.passes.fixits import LEAST, Fixit, fixits
from lmc.passes.flat_prompts import known_text
from lmc.passes.what_if import KnownOfRuns, OneRun, found_in_runs
from lmc.viz.text_table import wrapped
from lmc.viz.view import View

if TYPE_CHECKING:
    from lmc.calls import CallRecord
    from lmc.compiler import Compiled
    from lmc.ir.prompt import Tokenizer
    from lmc.program import Program
    from lmc.source import Span

Rows = tuple[Mapping[str, Any], Mapping[str, Any]]
NONE = "nothing to change: nothing that can be moved or changed in the source would share much more\n"
NO_CHANGE = "no change that keeps every byte, sorts a set, or whose line is marked; --fix says what else there is\n"
# of these one says by hand what no edit does; others are worth a word only where an edit gains
BY_HAND = ("later", "sorted", "alike")


@dataclass(frozen=True, slots=True)
class Tried:
    """A fix-it and what the changed source came to.

    source    None where no change of whole sentences, operands and statements does it; way: which one of several
    gain      tokens more that are shared, in such runs as the fix-it says; about so many where nothing was tried
    total     of all prompts of a run
    same      whether the prompts say the same texts as before, in whatever order
    has_more  it gains what stands in holes too, which is not known here
    """

    fix: Fixit
    source: str | None
    gain: int
    total: int
    same: bool
    way: int = 0
    has_more: bool = False

    @property
    def share(self) -> float:
        """The gain as a part of all prompts, in percent."""
        return 100 * self.gain / self.total if self.total else 0.0


class Trial:
    """A program whose source is changed on trial.

    rows  the arguments of two runs; those of one are the same in both where a program is asked without a file of rows
    ran   the calls of a run of it, where there was one: what they generated is known then
    """

    def __init__(
        self, prog: Program, rows: Rows, level: int, tokenizer: Tokenizer, ran: Sequence[CallRecord] | None = None
    ) -> None:
        self.prog, self.text = prog, source_of(prog)
        self._rows, self._level, self._tokenizer = rows, level, tokenizer
        self._old = compiled(prog, rows[0], level, tokenizer)
        self._has_run = ran is not None
        self._generated = _generated(self._old, ran or ())

    def tried(self) -> list[Tried]:
        """Each fix-it by itself, the greatest gain first; what gains nothing is left out."""
        first, second = (self._old.by_path(row) for row in self._rows)
        fixes = fixits(self._old.graph, self._old.planned.inputs, (first, second))
        found = [each for fix in fixes if (each := self._try(fix)) is not None]
        return sorted(_best_of_each_place(found), key=lambda each: -each.gain)

    def fixed(self, found: Sequence[Tried], *, may_change_meaning: bool = False) -> str:
        """The source with every fix-it that may be applied: one after another, as long as each gains what it should."""
        new, done = self.text, self._old
        for each in found:
            if each.source is None or not is_allowed(each, self.text, may_change_meaning=may_change_meaning):
                continue
            # lines move with each change: it is looked for again where its text stands now
            moved = _moved(each.fix, self.text, new)
            made = ways(new, moved, _names(self.prog))[each.way : each.way + 1] if moved is not None else []
            changed = self._compiled(made[0]) if made else None
            if changed is not None and self._gain(each.fix, done, changed) >= each.gain:
                new, done = made[0], changed
        return new

    def proof(self, new: str, found: Sequence[Tried], *, may_change_meaning: bool = False) -> str:
        """What the changed program's tree says beside what was predicted, and what became of the prompts."""
        behind = self._compiled(new)
        assert behind is not None, "it was compiled when it was made"
        first = self._found(behind, 1) - self._found(self._old, 1)
        further = self._found(behind, 2) - self._found(self._old, 2) - first
        used = [each for each in found if each.source is not None]
        used = [each for each in used if is_allowed(each, self.text, may_change_meaning=may_change_meaning)]
        told = ", ".join(self._predicted(each) for each in used)
        says = "say other texts"
        if _texts(self._old) == _texts(behind):
            says = "say the same, byte for byte"
        elif _words(self._old) == _words(behind):
            says = "say the same texts, in another order"
        shares = f"the new tree shares {first} more in a run and {further} in a further one"
        return f"{shares}; predicted {told}; prompts {says}"

    def _predicted(self, each: Tried) -> str:
        if each.fix.change == "forked" and not self._has_run:
            return "what was generated"
        return f"{each.gain} {each.fix.when}"

    def _try(self, fix: Fixit) -> Tried | None:
        """The best way to make a change; None where there is none and nothing to be said."""
        best: Tried | None = None
        for way, source in enumerate(ways(self.text, fix, _names(self.prog))):
            new = self._compiled(source)
            made = self._measured(fix, source, new, way) if new is not None else None
            if made is not None and (best is None or made.gain > best.gain):
                best = made
        if best is None:
            is_worth = fix.change in BY_HAND and fix.reason != "text" and fix.behind >= LEAST["tokens"]
            return Tried(fix, None, fix.behind, self._total, True) if is_worth else None
        if fix.change == "forked":
            return best if best.gain or not self._has_run else None
        return best if best.gain >= LEAST["tokens"] or best.has_more else None

    def _measured(self, fix: Fixit, source: str, new: Compiled, way: int) -> Tried | None:
        """What a changed program comes to; None where it is not what the change is for."""
        if len(View(new.planned).calls) != len(View(self._old.planned).calls):
            return None
        same = _words(self._old) == _words(new)
        if fix.keeps == "keeps every byte" and _texts(self._old) != _texts(new):
            return None
        if fix.keeps == "needs order_free" and fix.change != "sorted" and not same:
            if fix.change != "alike":
                return None
            fix = replace(fix, keeps="changes meaning")
        gain, more = self._gain(fix, self._old, new), self._gain(fix, self._old, new, has_long_samples=True)
        return Tried(fix, source, gain, self._total, same, way, more > gain)

    @cached_property
    def _total(self) -> int:
        run = OneRun(self._old.by_path(self._rows[0]))
        return found_in_runs(self._old.plan, self._old.planned.inputs, [run], self._facts(self._old)).prompt_tokens

    def _gain(self, fix: Fixit, old: Compiled, new: Compiled, *, has_long_samples: bool = False) -> int:
        return self._further(new, fix, has_long_samples) - self._further(old, fix, has_long_samples)

    def _further(self, done: Compiled, fix: Fixit, has_long_samples: bool) -> int:
        """What a run finds in the cache: the first one, or one behind another."""
        if fix.apart is not None:
            (here, there), rows = fix.apart, [done.by_path(row) for row in self._rows]
            runs = [OneRun(rows[0], there), OneRun(rows[1], here)]
            both, one = (self._cached(done, some, has_long_samples) for some in (runs, runs[:1]))
            return both - one
        first = self._found(done, 1, has_long_samples)
        return self._found(done, 2, has_long_samples) - first if fix.is_of_runs else first

    def _found(self, done: Compiled, runs: int, has_long_samples: bool = False) -> int:
        rows = [done.by_path(row) for row in self._rows[:runs]]
        return self._cached(done, [OneRun(row) for row in rows], has_long_samples)

    def _cached(self, done: Compiled, runs: Sequence[OneRun], has_long_samples: bool) -> int:
        facts = replace(self._facts(done), has_long_samples=has_long_samples)
        return found_in_runs(done.plan, done.planned.inputs, runs, facts).cached_tokens

    def _facts(self, done: Compiled) -> KnownOfRuns:
        return KnownOfRuns(done.trace.externs, self._generated)

    def _compiled(self, source: str) -> Compiled | None:
        try:
            return compiled(_loaded(self.prog, source), self._rows[0], self._level, self._tokenizer)
        except (LMError, SyntaxError, ImportError):
            return None


def is_allowed(each: Tried, text: str, *, may_change_meaning: bool = False) -> bool:
    """Whether a diff may hold it: it keeps every byte, sorts a set, its lines are marked, or it was asked for."""
    fix = each.fix
    if fix.keeps == "changes meaning":
        return may_change_meaning
    return fix.is_free or is_marked(text, fix.span, *_others(fix))


def diff(prog: Program, old: str, new: str) -> str:
    """The two as a unified diff."""
    name = Path(prog.func.__code__.co_filename).name
    rows = difflib.unified_diff(old.splitlines(True), new.splitlines(True), f"a/{name}", f"b/{name}")
    return "".join(row if row.endswith("\n") else f"{row}\n\\ No newline at end of file\n" for row in rows)


def write_back(prog: Program, new: str) -> None:
    """The new source into the program's file."""
    Path(prog.func.__code__.co_filename).write_text(new, encoding="utf-8")


def told(found: list[Tried], text: str, width: int, *, has_run: bool = False) -> str:
    """The fix-its as people read them."""
    return "\n".join("".join(_lines(each, text, width, has_run)) for each in found) or NONE


def _lines(each: Tried, text: str, width: int, has_run: bool) -> Iterator[str]:
    fix = each.fix
    both = f" and {_others(fix)[0].place}" if _others(fix) else ""
    yield f"{fix.span}{both}: {fix.reason}\n"
    yield wrapped(f"  {fix.says}", width)
    yield wrapped(f"  {_gains(each, has_run)}; {fix.keeps}", width)
    if each.source is None:
        yield wrapped("  by hand: it stands in one sentence with other text, or is written in another way", width)
    elif not is_allowed(each, text):
        lines = "both lines" if both else "the line"
        marked = f"mark {lines} `{MARK}` and --diff moves it"
        how = marked if fix.keeps == "needs order_free" else "by hand, or with --change-meaning"
        yield wrapped(f"  the model reads other text then: {how}", width)


def _gains(each: Tried, has_run: bool) -> str:
    fix = each.fix
    if fix.change == "forked" and not has_run:
        return "gains what was generated, where its tokens are not those of its text: --backend counts it in a run"
    about = "about " if each.source is None else ""
    more = ", and what stands in holes" if each.has_more else f" ({each.share:.0f} % of a run's prompts)"
    return f"gains {about}{each.gain} tokens {fix.when}{more}"


def _others(fix: Fixit) -> tuple[Span, ...]:
    """The other place that is changed too."""
    return (fix.like,) if fix.change == "first" and fix.like is not None and fix.like.line != fix.span.line else ()


def _best_of_each_place(found: Sequence[Tried]) -> list[Tried]:
    """Of several changes of one statement that the program could have, the one that means least, then gains most."""
    best: dict[object, Tried] = {}
    for each in found:
        place = (each.fix.span.file, each.fix.span.line, each.fix.is_of_runs)
        if place not in best or _rank(each) > _rank(best[place]):
            best[place] = each
    return list(best.values())


def _rank(each: Tried) -> tuple[bool, bool, int]:
    is_examples = each.fix.change == "alike" and each.fix.reason == "text"
    return each.source is not None, is_examples or each.fix.keeps != "changes meaning", each.gain


def _generated(done: Compiled, ran: Sequence[CallRecord]) -> dict[str, Ids]:
    """What calls of a run generated that later prompts have, by the name of the value; of calls that came once."""
    names = Counter(call.name for call in ran)
    outputs = {call.name: call.output for call in ran if call.name is not None and names[call.name] == 1}
    made = [piece for call in ran for piece in call.asked.pieces if isinstance(piece, Ids)]
    gens = [node for node in done.graph.nodes if node.op == "gen" and node.has("name")]
    asked = ((node.outputs[1].name, outputs.get(str(node.attr("name")))) for node in gens)
    return {name: ids for name, text in asked for ids in made if ids.text == text}


def _words(done: Compiled) -> Counter[str]:
    """The characters and holes of all prompts, in whatever order."""
    return Counter(each for text in _texts(done) for each in text)


def _texts(done: Compiled) -> list[tuple[str, ...]]:
    """The prompt of each call as characters and holes."""
    view = View(done.planned)
    return [tuple(each for piece in call.pieces for each in _read(view, piece)) for call in view.calls]


def _read(view: View, piece: Any) -> Sequence[str]:
    text = known_text(piece)
    return (view.hole(piece),) if text is None else text


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


def _moved(fix: Fixit, old: str, new: str) -> Fixit | None:
    """The fix-it where its lines stand in a changed source; None where one of them is there no more."""
    span, like = _moved_span(fix.span, old, new), fix.like and _moved_span(fix.like, old, new)
    return None if span is None or (fix.like and like is None) else replace(fix, span=span, like=like)


def _moved_span(span: Span, old: str, new: str) -> Span | None:
    line = old.splitlines()[span.line - 1]
    near = sorted((abs(i - span.line), i) for i, row in enumerate(new.splitlines(), 1) if row == line)
    return replace(span, line=near[0][1]) if near else None
