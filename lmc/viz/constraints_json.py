"""constraints as JSON for other programs. The schema is stable: fields are added, never renamed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lmc.ir.constraint import Fused
from lmc.viz.fsm import fsm_of
from lmc.viz.json import json_place, json_value
from lmc.viz.wording import form_pieces

if TYPE_CHECKING:
    from lmc.viz.constraints import Automaton, Constrained, Constraints, Tokens

VERSION = 1
Json = dict[str, Any]  # Any: what json.dumps takes


def render(constraints: Constraints) -> str:
    """All constrained calls, indented."""
    calls = [_call(call, constraints) for call in constraints.calls]
    whole = {"version": VERSION, "program": constraints.view.plan.graph.name, "calls": calls}
    return json.dumps(whole, ensure_ascii=False, indent=2) + "\n"


def _call(call: Constrained, constraints: Constraints) -> Json:
    step_view = call.step_view
    told: Json = {
        "step": step_view.step.id,
        "op": step_view.step.op,
        "name": constraints.view.name(step_view),
        "place": json_place(step_view.node),
        "constraint": _constraint(call),
        "why_no_automaton": call.why or None,
        "notes": [{"code": note.code, "text": note.text} for note in call.notes],
    }
    if call.automaton is not None:
        told |= _automaton(call.automaton)
        tokens = None if step_view.step.op == "select" else constraints.tokens(call.automaton)
        told |= {} if tokens is None else {"tokens": _tokens(tokens)}
    return told


def _constraint(call: Constrained) -> object:
    """The constraint; of a fused form its texts, and the names of what stands between them."""
    if not isinstance(call.constraint, Fused):
        return None if call.constraint is None else json_value(call.constraint)
    return {"form": [word if kind == "text" else {kind: word} for kind, word in form_pieces(call.step_view.node)]}


def _automaton(automaton: Automaton) -> Json:
    fsm = fsm_of(automaton.compressed, "")
    return {
        "states": automaton.compressed.num_states,
        "edges": automaton.compressed.num_edges,
        "states_before_compression": automaton.num_states,
        "shortest": automaton.extent.shortest,
        "longest": automaton.extent.longest,
        "example": automaton.text,
        "forced_characters": automaton.num_forced,
        "drawn": {
            "accepting": sorted(fsm.accepting),
            "arrows": [[arrow.source, arrow.label, arrow.target] for arrow in fsm.arrows],
            "hidden": fsm.num_hidden,
        },
    }


def _tokens(tokens: Tokens) -> Json:
    example, edges = tokens.example, tokens.edges
    rows = [
        (edges.compressed.begin, edges.begin),
        *((e.rest, ids) for e, ids in zip(edges.compressed.edges, edges.tokens)),
    ]
    return {
        "example": None if example is None else list(example.ids),
        "forced": None if example is None else example.num_forced,
        "forward_passes": None if example is None else example.num_asked,
        "forward_passes_without_forcing": None if example is None else example.num_unforced,
        "edges": [{"text": rest.decode(), "tokens": list(ids)} for rest, ids in rows if rest],
        "unspellable": tokens.missing.chars,
        "spells_nothing": tokens.missing.is_all,
    }
