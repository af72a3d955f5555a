"""table: one line a step, in program order: when it runs, what it is, where it stands, what it is asked.

What is inside a branch or a loop is indented below it. A prompt shows the last part of its text, as that is what
tells calls apart, without the turn markers behind it; the tree shows how prompts begin.
"""

from __future__ import annotations

from itertools import dropwhile
from typing import TYPE_CHECKING

from lmc.ir.prompt import Control
from lmc.passes.flat_prompts import is_hole
from lmc.viz.sharing import Sharing, sharing
from lmc.viz.text_table import GAP, Column, grid, heading, indented, keep_end, keep_start, widths, wrapped
from lmc.viz.view import View
from lmc.viz.wording import numbered, options, prompt_text

if TYPE_CHECKING:
    from lmc.passes import Note
    from lmc.passes.flat_prompts import FlatPiece
    from lmc.passes.planned import Planned
    from lmc.viz.sharing import Pieces
    from lmc.viz.terminal import Terminal
    from lmc.viz.view import StepView

Columns = tuple[Column, ...]

FOOT = "shared: the deepest prefix of the sharing tree, and so many of the prompt's known {} are in it"
MAX_WAVE, MAX_STEP, MAX_PLACE = 12, 32, 28  # columns of what stands before the prompt
MIN_PROMPT = 16  # columns that the prompt keeps beside the rest of its line


def render(planned: Planned, terminal: Terminal) -> str:
    """The table under a title and what the program comes to."""
    view = View(planned)
    tree = sharing(view)
    columns = (
        Column("#", "right", "dim"),
        Column("wave", "left", "dim"),
        Column("step", "left", "cyan"),
        Column("where", "left", "dim"),
        Column("prompt"),
        Column("shared", "left", "green"),
        Column(tree.unit, "right"),
        Column("options", "left", "dim"),
    )
    rows = [_cells(step_view, view, tree, terminal.width) for step_view in view.steps]
    body = _body(columns, view, rows, tree.unit, terminal) if rows else "no steps\n"
    body += wrapped(FOOT.format(tree.unit), terminal.width) if view.calls else ""
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


def _cells(step_view: StepView, view: View, tree: Sharing, width: int) -> list[str]:
    arm = f"{step_view.arm}: " if step_view.arm in ("then", "else", "except") else ""
    step = step_view.step.op if step_view.is_region else f"{step_view.step.op} {view.name(step_view)}"
    step = keep_start("  " * len(step_view.around) + arm + step, MAX_STEP)
    cells = [str(step_view.step.id), keep_end(step_view.wave, MAX_WAVE), step, keep_end(step_view.place, MAX_PLACE)]
    if not step_view.is_call:
        return [*cells, view.name(step_view) if step_view.is_region else "", "", "", ""]
    prefix = f"p{step_view.step.prefix}" if step_view.step.prefix is not None else "-"
    words = ", ".join(filter(None, (options(step_view.node, view), step_view.hints)))
    return [*cells, _last_text(step_view.pieces, view, width), prefix, _share(step_view, tree), words]


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
    """A line a step where the terminal is wide enough for it, else a paragraph a step."""
    sizes = widths(columns, rows)
    prompt, last = 4, len(columns) - 1
    rest = terminal.width - sum(sizes) + sizes[prompt] + sizes[last] - GAP * last
    if rest < MIN_PROMPT + len(columns[last].title):
        return "".join(_paragraph(*each, unit, terminal.width) for each in zip(view.steps, rows))
    sizes[last] = min(sizes[last], max(rest * 2 // 5, rest - sizes[prompt], len(columns[last].title)))
    sizes[prompt] = max(MIN_PROMPT, rest - sizes[last])
    for step_view, cells in zip(view.steps, rows):
        cells[prompt] = (keep_end if step_view.is_call else keep_start)(cells[prompt], sizes[prompt])
        cells[last] = keep_start(cells[last], sizes[last])
    return grid(columns, rows, terminal)


def _paragraph(step_view: StepView, cells: list[str], unit: str, width: int) -> str:
    """What the line of a step says, in lines of at most `width` columns where that can be."""
    number, wave, step, place, prompt, prefix, share, words = cells
    indent = " " * min(len(step) - len(step.lstrip()), width // 4)
    room = width - len(indent) - GAP
    asked = (keep_end if step_view.is_call else keep_start)(prompt, room)
    shared = f"shared: {prefix}, {share} {unit}" if step_view.is_call else ""
    head = wrapped(", ".join(filter(None, (f"#{number} {step.strip()}", place, f"wave {wave}"))), room + GAP)
    below = [*filter(None, (asked, shared)), *wrapped(words, room).splitlines()]
    return indented(head + indented("\n".join(below), " " * GAP), indent)
