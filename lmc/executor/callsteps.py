"""How a model call starts: it asks as soon as its inputs are there, and never waits for the commit chain.

`ask` takes the call's parameters as a record, whoever filled it; `model_node` is the node of a graph. A call's failure
is a failed value: it counts where it is read, and at the end of the program at the latest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import cast

from lmc.backend.base import Gen, Prompt, Request, Score, Segment, Then
from lmc.errors import LMError
from lmc.executor import distortion, fused_calls
from lmc.executor.boundary import healed, healed_gen
from lmc.executor.call_params import NOTHING, CallParams
from lmc.executor.calls import Call
from lmc.executor.future import Cell, Future, Poison, pending_in, poison_in, settled, when_settled
from lmc.executor.instance import Instance, Position
from lmc.executor.lineage import call_seed
from lmc.executor.output_bound import most_tokens
from lmc.executor.requests import asked, segment
from lmc.executor.state import ProgramState
from lmc.executor.steps import BlockFrame, RunNode, futures_in, settle_outputs, settled_chain
from lmc.ir.graph import Node
from lmc.ir.prompt import well_formed


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What comes behind a call: texts and the cells of others, and then a generation."""

    texts: tuple[int | str, ...]
    call: CallParams


def model_node(
    node: Node,
    index: int,
    ins: tuple[int, ...],
    out_cells: tuple[int, ...],
    *,
    in_turn: bool = False,
    then: tuple[Foreseen, ...] = (),
) -> RunNode:
    """The `index`-th model node of the plan; `in_turn` where it must not be asked if anything before it fails.

    That is so in the body of a `try`, whose failure may not be the end of the program.

    then  the rest of the row that it stands in
    """
    keys = node.keys

    def step(inst: Instance, frame: BlockFrame) -> None:
        inputs = [frame[i] for i in ins]
        outs = futures_in(inst, frame, out_cells)
        inst.num_open += 1
        chain = settled_chain(frame.chain) if in_turn else None
        if type(chain) is Future:
            chain.then(partial(after, chain, inputs, inst, outs, frame))
        elif type(chain) is Poison:
            give_up(inst, outs, chain)
        else:
            when_there(inputs, inst, outs, frame)

    def after(chain: Future, inputs: list[Cell], inst: Instance, outs: list[Future], frame: BlockFrame) -> None:
        # what it reads may never settle where something before it has failed, so it is looked at only now
        if type(chain.value) is Poison:
            give_up(inst, outs, chain.value)
        else:
            when_there(inputs, inst, outs, frame)

    def when_there(inputs: list[Cell], inst: Instance, outs: list[Future], frame: BlockFrame) -> None:
        inputs = [settled(cell) for cell in inputs]
        pending = pending_in(inputs)
        if pending:
            when_settled(pending, lambda: start([settled(cell) for cell in inputs], inst, outs, frame))
        else:
            start(inputs, inst, outs, frame)

    def start(inputs: list[Cell], inst: Instance, outs: list[Future], frame: BlockFrame) -> None:
        call = inst.program.calls[index]
        failure, path = poison_in(inputs), frame.path
        if failure is not None:
            give_up(inst, outs, failure)
        elif call.hints.row is not None:
            ask(inst, call, cast(ProgramState, inputs[0]), outs, path, then=_foreseen(inst, then, frame))
        elif keys:
            ask(inst, call, cast(ProgramState, inputs[0]), outs, path, dict(zip(keys, inputs[1:])))
        else:
            ask(inst, call, cast(ProgramState, inputs[0]), outs, path, texts=cast("list[str]", inputs[1:]))

    return step


def give_up(inst: Instance, outs: list[Future], failure: Poison) -> None:
    """A call that cannot be asked: its outputs fail."""
    settle_outputs(outs, failure)
    inst.answered()


def ask(
    inst: Instance,
    params: CallParams,
    state: ProgramState,
    outs: list[Future],
    path: Position = (),
    given: Mapping[str, object] = NOTHING,
    texts: Sequence[str] = (),
    then: tuple[Then, ...] = (),
) -> None:
    """Submit a call with the next round; `outs`, the state and the value, settle when it has ended, well or not.

    The instance counts it as open already (`num_open`).

    path   the position of the block it stands in
    given  parameters that only the running program knows, by name
    texts  what stands in the texts of a fused form
    then   what comes behind it in its row
    """
    if inst.is_over:
        return
    try:
        if params.op == "fused":
            prompt, out = _form(inst, params, state, texts)
            wanted, n = out[0], 1
        else:
            wanted = segment(params, inst.shared.params, given, _seed_of(inst, state))
            prompt, first = _begun(inst, params, state, wanted)
            out, n = (first,), first.sampling.n if type(first) is Gen else 1
    except Exception as error:
        failure = Poison(params.noted(error))
        inst.fails_at((*path, params.number), failure)
        give_up(inst, outs, failure)
        return
    rid = next(inst.shared.rids)
    if inst.first_rid is None:
        inst.first_rid = rid
    request = Request(
        rid,
        prompt,
        out,
        n=n,
        gang=params.hints.gang_of(inst.number),
        priority=params.hints.priority,
        most_tokens=most_tokens(out),
        goes_on=params.hints.goes_on,
        item=inst.first_rid,
        again_in=params.hints.again_in,
        calls_left=params.hints.calls_left,
        then=then,
        follows=state.final.rid if params.hints.row is not None and state.final is not None else None,
        site=_site(params) if params.hints.row is not None else "",
    )
    inst.num_calls += 1
    inst.shared.outbox.append(Call(inst, params, request, state, outs, path, wanted, texts))


def _foreseen(inst: Instance, then: tuple[Foreseen, ...], frame: BlockFrame) -> tuple[Then, ...]:
    """What comes behind a call, as far as it is known now. What is wrong with a later call is told when it is made."""
    found: list[Then] = []
    for each in then:
        texts = [text if isinstance(text, str) else settled(frame[text]) for text in each.texts]
        if not all(isinstance(text, str) for text in texts):
            break
        with suppress(LMError):
            gen = segment(each.call, inst.shared.params, NOTHING, lambda: 0)
            if isinstance(gen, Gen) and gen.sampling.n == 1:
                found.append(Then(well_formed("".join(cast("list[str]", texts))), gen.sampling, gen.name))
                continue
        break
    return tuple(found)


def _site(params: CallParams) -> str:
    return f"{params.span.place if params.span is not None else ''} {params.number}"


def _seed_of(inst: Instance, state: ProgramState) -> Callable[[], int]:
    return lambda: call_seed(inst.base, state.lineage, state.calls)


def _begun(inst: Instance, params: CallParams, state: ProgramState, wanted: Gen | Score) -> tuple[Prompt, Segment]:
    """The prompt, and what is asked first; healed, a part of the prompt goes over to the latter."""
    first = distortion.asked_first(wanted)
    prompts = inst.shared.prompts
    prompt = prompts.prompt(state)
    if not params.heals:
        return prompt, first
    if type(first) is Score:
        return healed(prompt, first, prompts.encode)
    return healed_gen(prompt, cast(Gen, first), prompts.encode)


def _form(
    inst: Instance, params: CallParams, state: ProgramState, texts: Sequence[str]
) -> tuple[Prompt, tuple[Segment, ...]]:
    """The prompt and the segments of a fused form."""
    shared, encode = inst.shared, inst.shared.prompts.encode
    calls = asked(params, shared.params, lambda i: call_seed(inst.base, state.lineage, state.calls + i))
    out = fused_calls.segments(params.parts, calls, texts, encode)
    prompt = shared.prompts.prompt(state)
    if params.heals:
        prompt, first = healed(prompt, cast(Score, out[0]), encode)
        out = (first, *out[1:])
    return prompt, out
