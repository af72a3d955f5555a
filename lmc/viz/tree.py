"""tree: which calls begin alike, what is computed once, what that saves, and why a call shares nothing.

    "Tips about {topic}.\\n"                        13+      2    13+
    ├─ "For beginners:"  #0 gen easy, tips.py:7     14
    └─ "For experts:"  #1 gen hard, tips.py:8       12

Behind each line: its size, the calls that begin with it, and what is saved as it is computed once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmc.ir.graph import Lit, Value
from lmc.ir.types import STATE
from lmc.viz.layout import GAP, Column, columns_of, grid, heading, keep_ends
from lmc.viz.sharing import Leaf, Shared, Sharing, cut, nearest, sharing
from lmc.viz.view import View
from lmc.viz.wording import prompt_text, short

if TYPE_CHECKING:
    from lmc.compiler import Compiled
    from lmc.ir.graph import Atom
    from lmc.passes.prompts import PromptPiece
    from lmc.viz import Look
    from lmc.viz.sharing import Pieces
    from lmc.viz.view import Row

MIN_TEXT = 16  # columns that a prompt's text keeps however long the rest of its line is
MAX_FIRST = 60  # columns of the prompt that a loop begins with
MAX_PIECE = 40  # columns of a piece that a reason quotes


def render(compiled: Compiled, look: Look) -> str:
    """The sharing tree with its totals."""
    view = View(compiled)
    tree = sharing(view)
    columns = (Column("prompt"), Column(tree.unit, "right"), Column("calls", "right"), Column("saved", "right"))
    lines = list(_lines(tree, view))
    numbers = [line.numbers for line in lines]
    room = look.width - sum(max(map(len, (c.title, *texts))) + GAP for c, texts in zip(columns[1:], zip(*numbers)))
    cells = [(line.text(room - GAP), *line.numbers) for line in lines]
    body = grid(columns, cells, look) if lines else "no model calls\n"
    notes = "".join(f"{note}\n" for note in _notes(tree, view))
    return heading(f"{view.title}: what its prompts share", look) + "\n" + body + "\n" + notes


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of the tree: guides, a prompt's text in quotes (may be cut), then what is never cut."""

    guides: str
    prompt: str
    call: str = ""
    numbers: tuple[str, str, str] = ("", "", "")

    def text(self, room: int) -> str:
        """The line in at most `room` columns where that can be."""
        rest = columns_of(self.guides) + columns_of(self.call) + (GAP if self.call and self.prompt else 0)
        prompt = keep_ends(self.prompt, max(MIN_TEXT, room - rest))
        return self.guides + (" " * GAP).join(part for part in (prompt, self.call) if part)


def _lines(tree: Sharing, view: View) -> Iterator[_Line]:
    for node in tree.top:
        yield from _node(node, "", "", view)


def _node(node: Shared | Leaf, first: str, rest: str, view: View) -> Iterator[_Line]:
    """A node's line behind the guides `first`, and what is below it behind `rest`."""
    if isinstance(node, Leaf):
        size = _size(node.size, node.pieces)
        yield _Line(first, _quoted(node.pieces, view), call_name(node.row, view), (size, "", ""))
        if node.row.step.prefix is None:
            yield _Line(rest + "   ", "", _why(node, view))
        return
    numbers = (_size(node.size, node.pieces), str(node.prefix.calls), _size(node.saved, node.pieces))
    yield _Line(first, _quoted(node.pieces, view) or "(what every prompt begins with)", "", numbers)
    for below in node.below:
        is_last = below is node.below[-1]
        yield from _node(below, rest + ("└─ " if is_last else "├─ "), rest + ("   " if is_last else "│  "), view)


def call_name(row: Row, view: View) -> str:
    """`#4 select kind, p.py:13 (if #3, then)`."""
    around = f" ({row.around[-1].op} #{row.around[-1].id}, {row.arm})" if row.around else ""
    return f"#{row.step.id} {row.step.op} {view.name(row)}" + (f", {row.place}" if row.place else "") + around


def _quoted(pieces: Pieces, view: View) -> str:
    return f'"{prompt_text(pieces, view)}"' if pieces else ""


def _size(size: int, pieces: Pieces) -> str:
    """`13+` where there is more that is not known."""
    return f"{size}+" if _has_holes(pieces) else f"{size} "


def _has_holes(pieces: Iterable[PromptPiece]) -> bool:
    return not all(isinstance(piece.atom, Lit) for piece in pieces)


# --- reasons and notes -----------------------------------------------------------------------------------


def _why(leaf: Leaf, view: View) -> str:
    """Why a call at the top of the tree shares nothing: the first piece that differs from the nearest other call's."""
    if not leaf.row.pieces:
        return "shares nothing: its prompt is empty"
    if leaf.row.pieces[0].kind == "state":
        return f"goes on from {view.hole(leaf.row.pieces[0])}, see below"
    found = nearest(leaf, view)
    if found is None:
        return "shares nothing: it is the only call"
    other, length = found
    mine, theirs = (_next(row.pieces, length, view) for row in (leaf.row, other))
    if length == 0:
        return f"shares nothing: it begins with {mine}, #{other.step.id} with {theirs}"
    same = f"its first {length} characters are those of #{other.step.id}, then {mine} against {theirs}"
    return f"shares nothing: {same}"


def _next(pieces: Pieces, start: int, view: View) -> str:
    """The piece of a prompt that is at `start`."""
    rest = cut(pieces, start, None)[:1]
    return _shortened(rest, view) if rest else "nothing more"


def _shortened(pieces: Pieces, view: View) -> str:
    text = prompt_text(pieces, view)
    return text if _has_holes(pieces) else f'"{short(text, MAX_PIECE)}"'


def _notes(tree: Sharing, view: View) -> Iterator[str]:
    calls, pieces = view.calls, [piece for row in view.calls for piece in row.pieces]
    if not calls:
        return
    yield _total(tree, len(calls))
    if not any(report.name == "hoist_prefix" for report in view.compiled.reports):
        yield "the pipeline has no `hoist_prefix`: no prefixes were looked for"
    if _has_holes(pieces):
        yield "`+`: and what stands in the holes, which is known only when the program runs"
    if any(row.around for row in calls):
        yield "each call counts once: a loop's body for one turn, both arms of an `if`"
    if role := next((view.hole(piece) for piece in pieces if piece.kind == "role"), ""):
        yield f"{role} marks a turn: a tokenizer's chat template (--model DIR) says with what text"
    if tree.unit == "chars":
        yield "without a tokenizer only whole pieces are shared; --model DIR counts tokens and looks inside pieces"
    yield from _states(pieces, view)


def _total(tree: Sharing, num: int) -> str:
    unit = "tokens" if tree.unit == "tokens" else "characters"
    prompts = f"{num} prompts have" if num > 1 else "1 prompt has"
    if not tree.total:
        return f"total: {prompts} no known {unit}"
    share = 100 * tree.saved / tree.total
    saved = f"{tree.saved} ({share:.0f} %) are saved"
    return f"total: {prompts} {tree.total} known {unit}, {tree.distinct} distinct: {saved}"


def _states(pieces: Iterable[PromptPiece], view: View) -> Iterator[str]:
    """What each prompt is that is known only by the state it belongs to."""
    for piece in dict.fromkeys(piece for piece in pieces if piece.kind == "state"):
        assert isinstance(piece.atom, Value)
        region = view.region_of.get(piece.atom.name)
        if region is None:
            yield f"{view.hole(piece)}: the prompt of a state that is chosen when the program runs"
            continue
        name = f"`{region.step.op}` #{region.step.id}" + (f" ({region.place})" if region.place else "")
        if piece.atom in region.node.outputs:
            yield f"{view.hole(piece)}: the prompt after {name}"
        else:
            yield f"{view.hole(piece)}: the prompt when a turn of {name} begins{_turns(piece.atom, region, view)}"


def _turns(state: Value, region: Row, view: View) -> str:
    """What a state is before the first turn of a loop, and whether turns only add to it."""
    (body,) = region.node.regions
    slot = body.params.index(state)
    entry = region.node.inputs[slot]
    if state.type != STATE or not isinstance(entry, Value) or entry.type != STATE:
        return ""
    first = prompt_text(view.prompts.of(entry), view)
    carried = body.end.inputs[slot + (region.step.op == "loop")]
    adds = ". Each turn adds to it, and computes only that" if _goes_on(carried, state, view) else ""
    return f'; at first "{keep_ends(first, MAX_FIRST)}"{adds}'


def _goes_on(state: Atom, root: Value, view: View) -> bool:
    """True where a state's prompt surely begins with that of `root`, through branches and inner loops."""
    if state == root:
        return True
    first = next(iter(view.prompts.of(state)), None)
    if first is None or first.kind != "state" or not isinstance(first.atom, Value):
        return False
    region = view.region_of.get(first.atom.name)
    if first.atom == root or region is None:
        return first.atom == root
    if region.step.op != "if" or first.atom not in region.node.outputs:
        return False
    slot = region.node.outputs.index(first.atom)
    ends = [block.end for block in region.node.regions if block.end.op == "yield"]
    return all(_goes_on(end.inputs[slot], root, view) for end in ends)
