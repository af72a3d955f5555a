"""json: the plan for other programs to read. The schema is stable: fields are added, never renamed.

    version, program, args, steps, prefixes, totals, passes

A prompt is a list of pieces: {"text"}, {"control"}, {"hole"}, {"generated"}, {"prompt_of"} or {"role_marker"}.
Where prompts have more than MAX_PIECES in all, the version is 2, and a step may have "prompt_from": its prompt is so
many pieces of that step's, and those in "prompt" behind them.
Times are left out, so that the same input gives the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from lmc.ir.constraint import Choices, Grammar, JsonSchema, Lark, Regex, StructuralTag, ToolCalls
from lmc.ir.graph import Value
from lmc.ir.hints import HINTS
from lmc.ir.json_schema.exact import read_json
from lmc.ir.literal import literal
from lmc.ir.printer import print_path
from lmc.ir.prompt import Control
from lmc.ir.strand import Earlier
from lmc.passes.flat_prompts import PromptHole, known_text
from lmc.viz.parting import Parting, partings
from lmc.viz.sharing import Leaf, SharedPrefix, Sharing, sharing
from lmc.viz.view import View

if TYPE_CHECKING:
    from lmc.ir.graph import Atom, Node
    from lmc.ir.hints import Hint
    from lmc.passes import Report
    from lmc.passes.flat_prompts import FlatPiece
    from lmc.passes.planned import Planned
    from lmc.source import Span
    from lmc.viz.terminal import Terminal
    from lmc.viz.view import StepView

MAX_PIECES = 50_000  # of prompts written out; a conversation of some two hundred calls has as many
Json = dict[str, Any]  # Any: what json.dumps takes

_HOLES = {"text": "hole", "made": "generated", "state": "prompt_of", "role": "role_marker"}


def render(planned: Planned, terminal: Terminal) -> str:
    """The plan as JSON, indented."""
    view = View(planned)
    tree = sharing(view)
    is_long = sum(len(step_view.pieces) for step_view in view.calls) > MAX_PIECES
    earlier = Earlier["FlatPiece"]() if is_long else None
    parted = partings(tree, view)
    whole = {
        "version": 2 if is_long else 1,
        "program": view.plan.graph.name,
        "args": [
            {"path": print_path(param.path), "name": param.value.name, "type": str(param.value.type)}
            for param in view.plan.graph.params
        ],
        "steps": [_step(step_view, view, tree, earlier, parted) for step_view in view.steps],
        "prefixes": [_prefix(node, view) for node in _shared(tree.top)],
        "totals": {
            "calls": len(view.calls),
            "waves": view.num_waves,
            "unit": tree.unit,
            "prompts": tree.total,
            "distinct": tree.distinct,
            "saved": tree.saved,
        },
        "passes": [_report(report) for report in planned.reports],
    }
    return json.dumps(whole, ensure_ascii=False, indent=2) + "\n"


def _step(
    step_view: StepView, view: View, tree: Sharing, earlier: Earlier[FlatPiece] | None, parted: Mapping[int, Parting]
) -> Json:
    step = step_view.step
    told: Json = {
        "id": step.id,
        "op": step.op,
        "name": view.name(step_view),
        "place": json_place(step_view.node),
        "inside": step.inside,
        "arm": step_view.arm or None,
        "wave": step.wave,
        "after": list(step.after),
    }
    if step_view.is_call:
        told |= _prompt(step_view, earlier) | {"prefix": step.prefix}
        told |= {"size": tree.sizes[step.id], "shared_size": tree.sizes[step.id] - tree.leaves[step.id].size}
        told |= json_parting(parted[step.id]) if step.id in parted else {}
        told["hints"] = [_hint(hint) for hint in step.hints]
        told["options"] = {key: json_value(value) for key, value in step_view.node.attrs}
        told["options"] |= {key: _atom(atom) for key, atom in step_view.node.kwargs.items()}
    return told


def json_parting(found: Parting) -> Json:
    """Where a call does not go on from the one above it, and why; nothing where it does."""
    if found.reason is None:
        return {}
    told: Json = {"above": found.above, "reason": found.reason, "shared": found.shared, "behind": found.behind}
    told |= {"place": json_span(found.span), "above_place": json_span(found.above_span)}
    return {"parts": told | ({"advice": found.advice} if found.advice else {})}


def _prompt(step_view: StepView, earlier: Earlier[FlatPiece] | None) -> Json:
    found = None if earlier is None else earlier.goes_on(step_view.step.id, step_view.pieces, 0)
    if found is None:
        return {"prompt": json_pieces(step_view.pieces)}
    start = {"step": found.earlier, "pieces": found.length}
    return {"prompt_from": start, "prompt": json_pieces(found.tail)}


def _hint(hint: Hint) -> Json:
    told: Json = {"kind": hint.kind, HINTS[hint.kind].names: hint.target}
    told |= {"ttl_s": hint.ttl_s} if hint.ttl_s is not None else {}
    told |= {"waves": hint.waves} if HINTS[hint.kind].has_waves else {}
    return told | ({"all_items": True} if hint.is_shared else {})


def json_place(node: Node) -> Json | None:
    """Where a node stands in the user's file."""
    return json_span(node.span)


def json_span(span: Span | None) -> Json | None:
    """A place in the user's file."""
    return {"file": span.file, "line": span.line, "col": span.col, "end": span.end} if span else None


def json_pieces(pieces: Iterable[FlatPiece]) -> list[Json]:
    """A prompt as a list of pieces."""
    return [_piece(piece) for piece in pieces]


def _piece(piece: FlatPiece) -> Json:
    text = known_text(piece)
    if isinstance(piece, PromptHole) and isinstance(piece.atom, Value):
        return {_HOLES[piece.kind]: piece.atom.name}
    return {"control" if isinstance(piece, Control) else "text": text}


def _atom(atom: Atom) -> object:
    return {"hole": atom.name} if isinstance(atom, Value) else json_value(atom.value)


def json_value(value: Any) -> object:  # Any: an attribute
    """A literal, an attribute or a constraint."""
    match value:
        case None | bool() | int() | float() | str():
            return value if _is_finite(value) else literal(value)
        case tuple():
            return [json_value(item) for item in value]
        case Regex(pattern=text):
            return {"regex": text}
        case Choices(options=options):
            return {"choices": list(options)}
        case JsonSchema(schema=schema):
            return {"json_schema": _readable(schema)} | _style(value)
        case Grammar(text=text):
            return {"grammar": text}
        case Lark(text=text):
            return {"lark": text}
        case StructuralTag(format=format):
            return {"structural_tag": _readable(format)} | _style(value)
        case ToolCalls(text=text):
            return {"tool_calls": _readable(read_json(text))}
    return literal(value)


def _style(constraint: JsonSchema | StructuralTag) -> Json:
    """What was said of how its JSON is written."""
    told: Json = {} if constraint.spacing == "compact" else {"spacing": constraint.spacing}
    return told if constraint.closed is None else told | {"closed": constraint.closed}


def _readable(value: Any) -> Any:  # any JSON value
    """The same with texts for numbers that no float is: JSON's own readers would round them."""
    match value:
        case Decimal():
            return str(value)
        case list():
            return [_readable(each) for each in value]
        case dict():
            return {name: _readable(each) for name, each in value.items()}
    return value


def _is_finite(value: object) -> bool:
    return not isinstance(value, float) or value - value == 0


def _shared(nodes: Sequence[SharedPrefix | Leaf]) -> list[SharedPrefix]:
    """All prefixes of the tree, by number."""
    found: list[SharedPrefix] = []
    todo = list(nodes)
    while todo:
        node = todo.pop()
        if isinstance(node, SharedPrefix):
            found.append(node)
            todo += node.below
    return sorted(found, key=lambda node: node.prefix.id)


def _prefix(node: SharedPrefix, view: View) -> Json:
    return {
        "id": node.prefix.id,
        "parent": node.prefix.parent,
        "adds": json_pieces(node.pieces),
        "size": node.size,
        "exact": node.is_exact,
        "calls": node.prefix.calls,
        "steps": list(node.prefix.steps),
        "saved": node.saved,
    }


def _report(report: Report) -> Json:
    notes = [{"text": note.text, "code": note.code} for note in report.notes]
    return {"pass": report.name, "counts": dict(report.counts), "notes": notes}
