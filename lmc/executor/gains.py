"""State ops that tell at once what their branch gains: wrapped where a run wants to know; others pay nothing."""

from __future__ import annotations

from typing import cast

from lmc.executor.future import Cell
from lmc.executor.instance import Instance
from lmc.executor.nodeops import Compute, Plain
from lmc.executor.state import ProgramState
from lmc.ir.graph import Node


def telling(node: Node, compute: Compute) -> Compute:
    """A node's function that tells what came of it; the same function where that is no state."""
    match node.op:
        case "append" | "role_begin" | "role_end" | "join" | "join_list":
            return lambda inst, xs: _reached(inst, compute(inst, xs))
        case "fork" | "fork_list":
            return lambda inst, xs: _forked(inst, xs, compute(inst, xs))
        case "begin" if node.inputs:
            return lambda inst, xs: _called(inst, xs, compute(inst, xs))
    return compute


def _reached(inst: Instance, state: Cell) -> Cell:
    if inst.branches is not None:
        inst.branches.reached(cast(ProgramState, state))
    return state


def _forked(inst: Instance, xs: Plain, made: Cell) -> Cell:
    if inst.branches is not None and isinstance(made, tuple):
        _, *children = made
        # `fork_list` gives its children as one list
        inst.branches.forked(xs[0], children[0] if isinstance(children[0], tuple) else children)
    return made


def _called(inst: Instance, xs: Plain, state: Cell) -> Cell:
    if inst.branches is not None:
        inst.branches.called(xs[0] - 1)
    return state
