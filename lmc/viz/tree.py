"""tree: which calls begin alike, what is computed once, what that saves, and why a call shares nothing.

    "Tips about {topic}.\\n"                        13+      2    13+
    ├─ "For beginners:"  #0 gen easy, tips.py:7     14
    └─ "For experts:"  #1 gen hard, tips.py:8       12

Behind each line: its size, the calls that begin with it, what is saved as it is computed once, and why a call does not
go on from the one above it, and where if not in its own line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmc.passes.flat_prompts import is_hole, known_text
from lmc.passes.prompt_ids import cut_pieces, num_units
from lmc.viz.origin import origins
from lmc.viz.parting import partings
from lmc.viz.sharing import Leaf, Nearest, SharedPrefix, Sharing, sharing
from lmc.viz.text_table import ELLIPSIS, GAP, Column, columns_of, grid, heading, keep_ends, wrapped
from lmc.viz.view import View
from lmc.viz.wording import prompt_text, short

if TYPE_CHECKING:
    from lmc.passes.flat_prompts import FlatPiece
    from lmc.passes.planned import Planned
    from lmc.viz.sharing import Pieces
    from lmc.viz.terminal import Terminal
    from lmc.viz.view import StepView

MIN_TEXT = 16  # columns that a prompt's text keeps however long the rest of its line is
MAX_GUIDES = 90  # columns of guides before a line: thirty prefixes, one in another
MAX_PIECE = 40  # columns of a piece that a reason quotes


def render(planned: Planned, terminal: Terminal) -> str:
    """The sharing tree with its totals."""
    view = View(planned)
    tree = sharing(view)
    parted = partings(tree, view)
    calls = {step_view.step.id: step_view for step_view in view.calls}
    names = {id: each.why_beside(calls[id]) for id, each in parted.items()}
    columns: tuple[Column, ...] = (
        Column("prompt"),
        Column(tree.unit, "right"),
        Column("calls", "right"),
        Column("saved", "right"),
    )
    columns += (Column("parts"),) if any(names.values()) else ()
    lines = list(_lines(tree, view, names))
    numbers = [line.numbers for line in lines]
    told = zip(columns[1:], (*zip(*numbers), tuple(names.values())))
    room = terminal.width - sum(max(map(columns_of, (column.title, *texts))) + GAP for column, texts in told)
    if all(line.fits(room - GAP) for line in lines):
        cells = [cell for line in lines for cell in line.cells(room - GAP)]
        body = grid(columns, cells, terminal) if lines else "no model calls\n"
    else:
        body = "".join(line.paragraph(terminal.width, tree.unit) for line in lines)
    notes = "".join(wrapped(note, terminal.width) for note in _notes(tree, view))
    notes = f"\n{notes}" if notes else ""
    return heading(f"{view.title}: what its prompts share", terminal) + "\n" + body + notes


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of the tree: guides, a prompt's text in quotes (may be cut), then what is never cut.

    under  the guides of what goes on in a line below
    why    a sentence in place of all this, which is broken where it is long
    parts  why a call does not go on from the one above it
    """

    guides: str
    under: str
    prompt: str = ""
    call: str = ""
    numbers: tuple[str, str, str] = ("", "", "")
    why: str = ""
    parts: str = ""

    def fits(self, room: int) -> bool:
        """Whether its line is one of at most `room` columns, with some of the prompt's text."""
        return self._rest() + min(MIN_TEXT, columns_of(self.prompt)) <= room and columns_of(self.guides) <= room // 2

    def cells(self, room: int) -> Iterator[tuple[str, ...]]:
        """The line as cells, the first of at most `room` columns; a sentence as several."""
        if self.why:
            for line in wrapped(self.why, room - columns_of(self.under)).splitlines():
                yield self.under + line, "", "", "", ""
            return
        prompt = keep_ends(self.prompt, max(MIN_TEXT, room - self._rest()))
        yield self.guides + (" " * GAP).join(part for part in (prompt, self.call) if part), *self.numbers, self.parts

    def paragraph(self, width: int, unit: str) -> str:
        """The same in lines of at most `width` columns where that can be, the numbers in words."""
        guides, under = (_kept(each, width // 2) for each in (self.guides, self.under))
        room = width - columns_of(under)
        told = [*wrapped(self.why, room).splitlines()]
        told += [keep_ends(self.prompt, room)] if self.prompt else []
        told += wrapped(self.call, room).splitlines()
        told += wrapped(_in_words(self.numbers, unit), room).splitlines()
        told += wrapped(f"parts: {self.parts}", room).splitlines() if self.parts else []
        starts = [under if self.why else guides, *[under] * len(told)]
        return "".join(f"{start}{line}\n" for start, line in zip(starts, told))

    def _rest(self) -> int:
        return columns_of(self.guides) + columns_of(self.call) + (GAP if self.call and self.prompt else 0)


def _in_words(numbers: tuple[str, str, str], unit: str) -> str:
    """`13+ chars, 2 calls, 13+ saved`."""
    told = zip(map(str.strip, numbers), (unit, "calls", "saved"))
    return ", ".join(f"{number} {noun}" for number, noun in told if number)


def _lines(tree: Sharing, view: View, parts: Mapping[int, str]) -> Iterator[_Line]:
    """The lines of all nodes, a node before what is below it. A conversation nests too deep to recurse."""
    nearest = Nearest(tree)
    todo = [(node, "", "") for node in reversed(tree.top)]
    while todo:
        node, first, rest = todo.pop()
        yield from _node(node, first, rest, view, nearest, parts)
        below = node.below if isinstance(node, SharedPrefix) else []
        guides = [("├─ ", "│  ")] * (len(below) - 1) + [("└─ ", "   ")]
        todo += [(each, _kept(rest) + own, _kept(rest) + more) for each, (own, more) in zip(below, guides)][::-1]


def _kept(guides: str, most: int = MAX_GUIDES) -> str:
    """The guides of a line; of very deep ones the last, behind an ellipsis."""
    return guides if len(guides) <= most else ELLIPSIS + guides[-most + 1 :]


def _node(
    node: SharedPrefix | Leaf, first: str, rest: str, view: View, nearest: Nearest, parts: Mapping[int, str]
) -> Iterator[_Line]:
    """A node's line behind the guides `first`, and what else is said of it behind `rest`."""
    if isinstance(node, Leaf):
        size = _size(node.size, node.pieces)
        call = call_name(node.step_view, view) + _hints(node.step_view)
        yield _Line(
            first,
            rest + "   ",
            _quoted(node.pieces, view),
            call,
            (size, "", ""),
            parts=parts.get(node.step_view.step.id, ""),
        )
        if node.step_view.step.prefix is None and _is_searched(view):
            yield _Line(rest + "   ", rest + "   ", why=_why(node, view, nearest))
        return
    numbers = (_size(node.size, node.pieces), str(node.prefix.calls), _size(node.saved, node.pieces))
    text = _quoted(node.pieces, view) or "(what every prompt begins with)"
    yield _Line(first, rest + "│  ", text, numbers=numbers)


def call_name(step_view: StepView, view: View) -> str:
    """`#4 select kind, p.py:13 (if #3, then)`."""
    around = f" ({step_view.around[-1].op} #{step_view.around[-1].id}, {step_view.arm})" if step_view.around else ""
    return (
        f"#{step_view.step.id} {step_view.step.op} {view.name(step_view)}"
        + (f", {step_view.place}" if step_view.place else "")
        + around
    )


def _hints(step_view: StepView) -> str:
    return f" [{step_view.hints}]" if step_view.hints else ""


def _quoted(pieces: Pieces, view: View) -> str:
    return f'"{prompt_text(pieces, view)}"' if pieces else ""


def _size(size: int, pieces: Pieces) -> str:
    """`13+` where there is more that is not known."""
    return f"{size}+" if _has_holes(pieces) else f"{size} "


def _has_holes(pieces: Iterable[FlatPiece]) -> bool:
    return any(known_text(piece) is None for piece in pieces)


# --- reasons and notes -----------------------------------------------------------------------------------


def _is_searched(view: View) -> bool:
    return view.planned.report("hoist_prefix") is not None


def _why(leaf: Leaf, view: View, nearest: Nearest) -> str:
    """Why a call at the top of the tree shares nothing: the first piece that differs from the nearest other call's."""
    if not leaf.step_view.pieces:
        return "shares nothing: its prompt is empty"
    if is_hole(leaf.step_view.pieces[0], "state"):
        return f"goes on from {view.hole(leaf.step_view.pieces[0])}, see below"
    found = nearest.of(leaf)
    if found is None:
        return f"shares nothing: it is the only call{' whose prompt begins here' if len(view.calls) > 1 else ''}"
    other, length = found
    mine, theirs = (_next(step_view.pieces, length, view) for step_view in (leaf.step_view, other))
    if length == 0:
        return f"shares nothing: it begins with {mine}, #{other.step.id} with {theirs}"
    same = f"its first {length} characters are those of #{other.step.id}, then {mine} against {theirs}"
    return f"shares nothing: {same}"


def _next(pieces: Pieces, start: int, view: View) -> str:
    """The piece of a prompt that is at `start`."""
    for piece in pieces:
        if rest := cut_pieces((piece,), start, None):
            return _shortened(rest, view)
        start -= num_units(piece)
    return "nothing more"


def _shortened(pieces: Pieces, view: View) -> str:
    text = prompt_text(pieces, view)
    return text if _has_holes(pieces) else f'"{short(text, MAX_PIECE)}"'


_COUNTED = "each call counts once: a loop's body for one turn, both arms of an `if`"
_FUNCTIONS = ", a function that calls itself as if it did not"


def _notes(tree: Sharing, view: View) -> Iterator[str]:
    calls, pieces = view.calls, list(view.prompt_pieces)
    if not calls:
        return
    yield total(tree, view)
    if _has_holes(pieces):
        yield "`+`: and what stands in the holes, which is known only when the program runs"
    if any(step_view.around for step_view in calls):
        yield _COUNTED + (_FUNCTIONS if any(each.step.op == "function" for each in view.steps) else "")
    if role := next((view.hole(piece) for piece in pieces if is_hole(piece, "role")), ""):
        yield f"{role} marks a turn: a tokenizer's chat template (--model DIR) says with what text"
    if tree.unit == "chars" and _is_searched(view):
        yield "without a tokenizer only whole pieces are shared; --model DIR counts tokens and looks inside pieces"
    for name, sentence in origins(pieces, view):
        yield f"{{prompt {name}}}: {sentence}"


def total(tree: Sharing, view: View) -> str:
    """What all prompts come to, in a sentence."""
    unit = "tokens" if tree.unit == "tokens" else "characters"
    unit = unit[:-1] if tree.total == 1 else unit
    num = len(view.calls)
    if not num:
        return "no model calls"
    prompts = f"{num} prompts have" if num != 1 else "1 prompt has"
    if not tree.total:
        return f"total: {prompts} no known {unit}"
    if not _is_searched(view):
        return f"total: {prompts} {tree.total} known {unit}; nothing is shared, as the pipeline has no `hoist_prefix`"
    share = 100 * tree.saved / tree.total
    saved = f"{tree.saved} ({share:.0f} %) are saved"
    return f"total: {prompts} {tree.total} known {unit}, {tree.distinct} distinct: {saved}"
