"""How a `gen` or `select` node runs: it asks as soon as its inputs are there, and never waits for the commit chain.

Its failure is a failed value: it counts where it is read, and at the end of the program at the latest.
"""

from __future__ import annotations

from typing import Any, cast

from lmc.backend.base import Gen, Request, Score
from lmc.executor import distortion, fused_calls
from lmc.executor.boundary import healed, healed_gen
from lmc.executor.calls import Call
from lmc.executor.future import Future, Poison, Slot, pending_in, poison_in, settled, when_settled
from lmc.executor.instance import Instance, Position
from lmc.executor.notes import noted
from lmc.executor.requests import BoundCall
from lmc.executor.state import ProgramState
from lmc.executor.steps import PATH, Frame, StepFn, futures_in, give
from lmc.ir.graph import Node

NOTHING: dict[str, Any] = {}


def model_step(node: Node, index: int, ins: tuple[int, ...], out_slots: tuple[int, ...]) -> StepFn:
    """The `index`-th model node of the plan."""
    keys = node.keys

    def step(inst: Instance, frame: Frame) -> None:
        inputs = [settled(frame[i]) for i in ins]
        outs = futures_in(inst, frame, out_slots)
        inst.num_open += 1
        pending, path = pending_in(inputs), frame[PATH]
        if pending:
            when_settled(pending, lambda: start([settled(slot) for slot in inputs], inst, outs, path))
        else:
            start(inputs, inst, outs, path)

    def start(inputs: list[Slot], inst: Instance, outs: list[Future], path: Position) -> None:
        failure = poison_in(inputs)
        if failure is None and not inst.is_over:
            given = dict(zip(keys, inputs[1:])) if keys else NOTHING
            made = (_form if node.op == "fused" else _call)(index, inst, inputs, given, outs, path)
            if isinstance(made, Call):
                inst.num_calls += 1
                inst.shared.outbox.append(made)
                return
            failure = made
        if failure is not None:
            give(outs, failure)
            inst.answered()

    return step


def _call(
    index: int, inst: Instance, inputs: list[Any], given: dict[str, Any], outs: list[Future], path: Position
) -> Call | Poison:
    """The call to make; a Poison where it has no right parameters or no prompt."""
    shared = inst.shared
    bound, state = shared.calls[index], cast(ProgramState, inputs[0])
    try:
        wanted = bound.segment(inst.base, state.lineage, state.calls, given)
        segment = distortion.first(wanted)
        prompt = shared.prompts.prompt(state)
        if type(segment) is Score and bound.heals:
            prompt, segment = healed(prompt, segment, shared.prompts.tokenizer.encode)
        elif type(segment) is Gen and bound.heals:
            prompt, segment = healed_gen(prompt, segment, shared.prompts.tokenizer.encode)
    except Exception as error:
        return _failed(error, bound, inst, path)
    request = Request(
        next(shared.rids),
        prompt,
        (segment,),
        program=shared.name,
        n=segment.sampling.n if type(segment) is Gen else 1,
        gang=bound.spec.gang(inst.item),
    )
    return Call(inst, bound, request, state, outs, path, wanted)


def _form(
    index: int, inst: Instance, inputs: list[Any], given: dict[str, Any], outs: list[Future], path: Position
) -> Call | Poison:
    """The call of a fused form, whose texts stand behind the state."""
    shared = inst.shared
    bound, state, texts = shared.calls[index], cast(ProgramState, inputs[0]), inputs[1:]
    encode = shared.prompts.encode_text
    try:
        asked = bound.asked(inst.base, state.lineage, state.calls)
        out = fused_calls.segments(bound.form, asked, texts, encode)
        prompt = shared.prompts.prompt(state)
        if bound.heals:
            prompt, first = healed(prompt, cast(Score, out[0]), encode)
            out = (first, *out[1:])
    except Exception as error:
        return _failed(error, bound, inst, path)
    request = Request(next(shared.rids), prompt, out, program=shared.name, gang=bound.spec.gang(inst.item))
    return Call(inst, bound, request, state, outs, path, texts=texts)


def _failed(error: Exception, bound: BoundCall, inst: Instance, path: Position) -> Poison:
    failure = Poison(noted(error, bound.spec.node))
    inst.fails_at((*path, bound.spec.number), failure)
    return failure
