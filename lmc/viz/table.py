"""table: one line a step, in program order: when it runs, what it is, where it stands, what it is asked.

What is inside a branch or a loop is indented below it. A prompt shows the last part of its text, as that is what
tells calls apart, without the turn markers behind it; the tree shows how prompts begin. Why a call does not go on from
the one above it in the tree stands behind what it shares, with the line where there is room for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import dropwhile
from typing import TYPE_CHECKING

from lmc.ir.prompt import Control
from lmc.passes.flat_prompts import is_hole
from lmc.viz.parting import partings
from lmc.viz.sharing import Sharing, sharing
from lmc.viz.text_table import GAP, Column, grid, heading, indented, keep_end, keep_start, widths, wrapped
from lmc.viz.view import View
from lmc.viz.wording import numbered, options, prompt_text

if TYPE_CHECKING:
    from lmc.passes import Note
    from lmc.passes.flat_prompts import FlatPiece
    from lmc.passes.planned import Planned
    from lmc.viz.parting import Parting
    from lmc.viz.sharing import Pieces
    from lmc.viz.terminal import Terminal
    from lmc.viz.view import StepView

Columns = Sequence[Column]

FOOT = "shared: the deepest prefix of the sharing tree, and so many of the prompt's known {} are in it"
FOOT_PARTS = "; parts: why a prompt does not go on from that of the call above it in the tree"
MAX_WAVE, MAX_STEP, MAX_PLACE = 12, 32, 28  # columns of what stands before the prompt
PROMPT, PARTS = 4, 7  # of the cells of a line
MIN_PROMPT = 16  # columns that the prompt keeps beside the rest of its line
ROOMY = 36  # columns for the prompt, where there is room for lines beside reasons


def render(planned: Planned, terminal: Terminal) -> str:
    """The table under a title and what the program comes to."""
    view = View(planned)
    tree = sharing(view)
    parted = partings(tree, view)
    columns = (
        Column("#", "right", "dim"),
        Column("wave", "left", "dim"),
        Column("step", "left", "cyan"),
        Column("where", "left", "dim"),
        Column("prompt"),
        Column("shared", "left", "green"),
        Column(tree.unit, "right"),
        Column("parts"),
        Column("options", "left", "dim"),
    )
    rows = [_cells(step_view, view, tree, parted, terminal.width) for step_view in view.steps]
    has_parts = any(cells[PARTS] for cells in rows)
    body = _body(columns, view, rows, tree.unit, terminal) if rows else "no steps\n"
    foot = FOOT.format(tree.unit) + (FOOT_PARTS if has_parts else "")
    body += wrapped(foot, terminal.width) if view.calls else ""
    head = heading(view.title, terminal) + wrapped(summary(view), terminal.width)
    return head + "\n" + body + "".join(wrapped(str(note), terminal.width) for note in _dropped(view))


def summary(view: View) -> str:
    """`5 model calls, at most 3 in a row; 1 branch, 1 loop`."""
    ops = [step_view.step.op for step_view in view.steps]
    calls, waves = len(view.calls), view.num_waves
    branches, loops = ops.count("if"), ops.count("loop") + ops.count("for")
    functions = ops.count("function")
    once = [*(["turn of each loop"] if loops else []), *(["call of each function"] if functions else [])]
    in_a_row = f", critical path {waves}" + (f" (one {' and one '.join(once)})" if once else "")
    parts = [numbered(calls, "model call") + (in_a_row if calls else "")]
    parts += [numbered(ops.count("call"), "host call with effects", "host calls with effects")] if "call" in ops else []
    parts += [numbered(branches, "branch", "branches")] if branches else []
    parts += [numbered(loops, "loop")] if loops else []
    parts += [numbered(functions, "function that calls itself", "functions that call themselves")] if functions else []
    parts += [f"{tries} `try`"] if (tries := ops.count("try")) else []
    if num := len(_dropped(view)):
        parts.append(
            f"{numbered(num, 'call')} dropped, as nothing reads {'it' if num == 1 else 'them'} (-O0 keeps all)"
        )
    return "; ".join(parts)


def _dropped(view: View) -> tuple[Note, ...]:
    """The notes of `dce` on model calls that it took out."""
    report = view.planned.report("dce")
    return report.notes if report and report.count("calls dropped") else ()


def _cells(step_view: StepView, view: View, tree: Sharing, parted: Mapping[int, Parting], width: int) -> list[str]:
    arm = f"{step_view.arm}: " if step_view.arm in ("then", "else", "except") else ""
    step = step_view.step.op if step_view.is_region else f"{step_view.step.op} {view.name(step_view)}"
    step = keep_start("  " * len(step_view.around) + arm + step, MAX_STEP)
    cells = [str(step_view.step.id), keep_end(step_view.wave, MAX_WAVE), step, keep_end(step_view.place, MAX_PLACE)]
    if not step_view.is_call:
        return [*cells, view.name(step_view) if step_view.is_region else "", "", "", "", ""]
    prefix = f"p{step_view.step.prefix}" if step_view.step.prefix is not None else "-"
    words = ", ".join(filter(None, (options(step_view.node, view), step_view.hints)))
    shared = prefix, _share(step_view, tree), _parts(step_view, parted)
    return [*cells, _last_text(step_view.pieces, view, width), *shared, words]


def _parts(step_view: StepView, parted: Mapping[int, Parting]) -> str:
    """`#0 hole, line 6`: the call above it in the tree, why it does not go on from there, and where."""
    found = parted.get(step_view.step.id)
    said = found.why_beside(step_view) if found is not None else ""
    return f"#{found.above} {said}" if found is not None and said else ""


def _without_line(parts: str) -> str:
    return parts.partition(",")[0]


def _last_text(pieces: Pieces, view: View, width: int) -> str:
    """The end of a prompt, as much as no line has room for, without turn markers: these are the same for many calls.

    A prompt of nothing but markers is shown as it is.
    """
    is_all_markers = all(map(_is_marker, reversed(pieces)))
    texts, length = list[str](), 0
    for piece in reversed(pieces) if is_all_markers else dropwhile(_is_marker, reversed(pieces)):
        texts.append(prompt_text((piece,), view))
        length += len(texts[-1])
        if length > 2 * width:  # some characters take no column
            break
    return "".join(reversed(texts))


def _is_marker(piece: FlatPiece) -> bool:
    return isinstance(piece, Control) or is_hole(piece, "role")


def _share(step_view: StepView, tree: Sharing) -> str:
    """`28/35`: so much of the prompt's known text is shared with another call."""
    size = tree.sizes[step_view.step.id]
    return f"{size - tree.leaves[step_view.step.id].size}/{size}"


def _body(columns: Columns, view: View, rows: list[list[str]], unit: str, terminal: Terminal) -> str:
    """A line a step where the terminal is wide enough for it, else a paragraph a step.

    Why calls part loses its lines first, and then goes below the table.
    """
    short = [[*cells[:PARTS], _without_line(cells[PARTS]), *cells[PARTS + 1 :]] for cells in rows]
    bare = [*columns[:PARTS], *columns[PARTS + 1 :]], [[*cells[:PARTS], *cells[PARTS + 1 :]] for cells in rows]
    has_parts = any(cells[PARTS] for cells in rows)
    ways = [(columns, rows, ROOMY), (columns, short, MIN_PROMPT)] if has_parts else []
    for some, cells, least in (*ways, (*bare, MIN_PROMPT)):
        if (sizes := _fitted(some, cells, terminal.width, least)) is not None:
            below = "" if some is columns else _parts_below(rows)
            return _grid(some, view, cells, sizes, terminal) + below
    return "".join(_paragraph(*each, unit, terminal.width) for each in zip(view.steps, rows))


def _parts_below(rows: list[list[str]]) -> str:
    return "".join(f"#{cells[0]} parts from {cells[PARTS]}\n" for cells in rows if cells[PARTS])


def _fitted(columns: Columns, rows: list[list[str]], width: int, prompt: int) -> tuple[int, int] | None:
    """How many terminal columns prompts and options get; None where fewer are left than `prompt` for the first."""
    sizes = widths(columns, rows)
    rest = width - sum(sizes) + sizes[PROMPT] + sizes[-1] - GAP * (len(columns) - 1)
    least = len(columns[-1].title)
    if rest < prompt + least:
        return None
    last = min(sizes[-1], max(rest * 2 // 5, rest - sizes[PROMPT], least))
    return max(MIN_PROMPT, rest - last), last


def _grid(columns: Columns, view: View, rows: list[list[str]], sizes: tuple[int, int], terminal: Terminal) -> str:
    for step_view, cells in zip(view.steps, rows):
        cells[PROMPT] = (keep_end if step_view.is_call else keep_start)(cells[PROMPT], sizes[0])
        cells[-1] = keep_start(cells[-1], sizes[1])
    return grid(columns, rows, terminal)


def _paragraph(step_view: StepView, cells: list[str], unit: str, width: int) -> str:
    """What the line of a step says, in lines of at most `width` columns where that can be."""
    number, wave, step, place, prompt, prefix, share, parts, words = cells
    indent = " " * min(len(step) - len(step.lstrip()), width // 4)
    room = width - len(indent) - GAP
    asked = (keep_end if step_view.is_call else keep_start)(prompt, room)
    shared = f"shared: {prefix}, {share} {unit}" if step_view.is_call else ""
    shared += f"; parts: {parts}" if parts else ""
    head = wrapped(", ".join(filter(None, (f"#{number} {step.strip()}", place, f"wave {wave}"))), room + GAP)
    below = [*filter(None, (asked, *wrapped(shared, room).splitlines())), *wrapped(words, room).splitlines()]
    return indented(head + indented("\n".join(below), " " * GAP), indent)
