"""Where a prompt comes from that is known only by its state: a loop's turn, a branch, a list of forks.

The tree says it in a sentence, so that sharing which happens when the program runs is not taken for none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from lmc.ir.graph import Atom, Value
from lmc.ir.types import STATE
from lmc.passes.flat_prompts import is_hole
from lmc.viz.text_table import keep_ends
from lmc.viz.wording import prompt_text

if TYPE_CHECKING:
    from lmc.ir.graph import Node
    from lmc.passes.flat_prompts import FlatPiece
    from lmc.viz.sharing import Pieces
    from lmc.viz.view import StepView, View

MAX_FIRST = 60  # columns of a prompt that a sentence quotes


def origins(pieces: Iterable[FlatPiece], view: View) -> Iterator[tuple[str, str]]:
    """Each state that prompts begin with, by name, and a sentence on it; then those that its sentence mentions."""
    todo = [piece.atom for piece in pieces if is_hole(piece, "state")]
    seen: set[str] = set()
    while todo:
        state = todo.pop(0)
        if not isinstance(state, Value) or state.name in seen:
            continue
        seen.add(state.name)
        sentence, begins = _origin(state, view)
        yield state.name, sentence
        todo += [piece.atom for piece in begins if is_hole(piece, "state")]


def _origin(state: Value, view: View) -> tuple[str, Pieces]:
    """A sentence on a state that comes into a region, out of one, or out of a list; the prompt that it quotes."""
    region = view.region_of.get(state.name)
    if region is None:
        return _chosen(state, view)
    name = f"`{region.step.op}` #{region.step.id}" + (f" ({region.place})" if region.place else "")
    if state in region.node.outputs:
        return f"the prompt after {name}", ()
    if region.step.op == "function":
        return f"the prompt when a call of {name} begins", ()
    if region.step.op == "try":
        return f"the prompt where the body of {name} failed", ()
    sentence = f"the prompt when a turn of {name} begins"
    slot = region.node.regions[0].params.index(state)
    entry = region.node.inputs[slot]
    if state.type != STATE or not isinstance(entry, Value) or entry.type != STATE:
        return sentence, ()
    begins = view.prompts.of(entry)
    adds = all(_goes_on(atom, state, view) for atom in _carried(region, slot))
    more = ". Each turn adds to it, and computes only that" if adds else ""
    return f"{sentence}; at first {_quoted(begins, view)}{more}", begins


def _chosen(state: Value, view: View) -> tuple[str, Pieces]:
    """A state out of a list: which fork made the list, if that is sure."""
    forks = _forks(state, view, set())
    fork = next(iter(forks.values()), None)
    if len(forks) != 1 or fork is None:
        return "the prompt of a state that is chosen when the program runs", ()
    place = f" ({fork.span.place})" if fork.span else ""
    begins = view.prompts.of(fork.inputs[0])
    return f"the prompt of one of the forks{place}, which all begin with {_quoted(begins, view)}", begins


def _quoted(pieces: Pieces, view: View) -> str:
    return f'"{keep_ends(prompt_text(pieces, view), MAX_FIRST)}"'


def _goes_on(state: Atom, root: Value, view: View) -> bool:
    """True where a state's prompt surely begins with that of `root`, through branches."""
    if state == root:
        return True
    first = next(iter(view.prompts.of(state)), None)
    if first is None or not is_hole(first, "state") or not isinstance(first.atom, Value):
        return False
    region = view.region_of.get(first.atom.name)
    if first.atom == root or region is None or region.step.op not in ("if", "try"):
        return first.atom == root
    if first.atom not in region.node.outputs:
        return False
    return all(_goes_on(atom, root, view) for atom in _results(region, region.node.outputs.index(first.atom)))


def _results(region: StepView, slot: int) -> Iterator[Atom]:
    """What an `if` or `try` gives as its result of that number, from each arm that ends."""
    return (block.end.inputs[slot] for block in region.node.regions if block.end.op == "yield")


def _carried(region: StepView, slot: int) -> Iterator[Atom]:
    """What a turn hands to the next in the slot of that number, counted as the loop's inputs."""
    shift = 1 if region.step.op == "loop" else 0  # `next go, slots...`; a `for` has its items in place of go
    return (block.end.inputs[slot + shift] for block in region.node.regions if block.end.op == "next")


def _forks(value: Atom, view: View, seen: set[str]) -> dict[int, Node | None]:
    """The `fork_list` nodes that a list of states, or a state out of one, comes from; None among them: others too."""
    if not isinstance(value, Value) or value.name in seen:
        return {}
    seen.add(value.name)
    node = view.makers.get(value.name)
    found: dict[int, Node | None] = {}
    for atom in _behind(value, node, view):
        found |= _forks(atom, view, seen) if atom is not None else {0: None}
    return {id(node): node} if node is not None and node.op == "fork_list" else found


def _behind(value: Value, node: Node | None, view: View) -> list[Atom | None]:
    """What a list or state is made of; None where that is not known."""
    region = view.region_of.get(value.name)
    if region is not None and region.step.op in ("function", "invoke"):
        return [None]
    if region is not None and region.step.op == "try" and value not in region.node.outputs:
        return [None]
    if region is not None and region.step.op not in ("if", "try"):
        return _loop_values(value, region)
    if region is not None:
        return list(_results(region, region.node.outputs.index(value)))
    match node.op if node else "":
        case "fork_list":
            return []
        case "states_item" if node:
            return [node.inputs[0]]
        case "states_set" | "states_append" if node:
            return [node.inputs[0], node.inputs[-1]]
        case "append" | "gen" | "fused" | "select" | "role_begin" | "role_end" | "set" | "fork" if node:
            return [node.inputs[0]]
    return [None]


def _loop_values(value: Value, region: StepView) -> list[Atom | None]:
    node, is_for = region.node, region.step.op == "for"
    if value in node.outputs:
        slot = node.outputs.index(value) + is_for
    elif is_for and value == node.regions[0].params[0]:
        return [None]
    else:
        slot = node.regions[0].params.index(value)
    return [node.inputs[slot], *_carried(region, slot)]
