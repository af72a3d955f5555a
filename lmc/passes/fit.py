"""fit: what the backend lacks for this program, said before anything runs.

    #0 gen %x ... constraint=grammar("...")   ->   BackendError at tips.py:9: the backend takes no grammar
    #1 gen %y ... hints gang g0, pin p0       ->   #1 gen %y ... hints gang g0

A call at the top of the program surely runs: what it needs and the backend has not got is an error, with its place and
a way out. A call in a branch or a loop may never run, and a parameter that is known only when the program runs may be
none: what they need is a note, and their own request fails if it comes to that. Hints that the backend does not follow
are left out, so that the plan promises nothing. Without a backend there is nothing to do.

Keeps: the graph, the steps and their order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import get_args

from lmc.errors import BackendError
from lmc.ir.caps import Caps, kind_of
from lmc.ir.constraint import RUN_TIME_KINDS, Constraint
from lmc.ir.fused import FusedGen, FusedSelect, parts_of
from lmc.ir.graph import Node
from lmc.ir.ops import OPS
from lmc.ir.plan import Plan
from lmc.passes.base import Inputs, Note, Pass, Report, called
from lmc.passes.flat_prompts import FlatPrompts, PromptHole

Params = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Lack:
    """Something that a call asks for and the backend has not got.

    is_sure  True where the call asks for it whenever it runs
    """

    what: str
    help: str
    is_sure: bool = True


def run(plan: Plan, inputs: Inputs) -> tuple[Plan, Report]:
    """The plan with the hints that the backend follows. Raises BackendError where the program surely cannot run."""
    caps = inputs.caps
    if caps is None:
        return plan, Report("fit")
    prompts, nodes = FlatPrompts(plan.graph), plan.graph.nodes
    notes: list[Note] = []
    for step in plan.steps:
        if OPS[step.op].kind != "model":
            continue
        node = nodes[step.node]
        for lack in (*_lacks(node, caps), *_too_long(node, prompts, inputs, caps)):
            if lack.is_sure and step.inside is None:
                raise BackendError(f"{called(node)}: {lack.what}", span=node.span, help=lack.help)
            notes.append(Note(f"{called(node)}: if it comes to that, {lack.what}; {lack.help}", node.span))
    fitting = _without_unknown_hints(plan, caps)
    dropped = sum(len(step.hints) for step in plan.steps) - sum(len(step.hints) for step in fitting.steps)
    return fitting, Report("fit", (("may be lacking", len(notes)), ("hints left out", dropped)), tuple(notes))


def check_defaults(defaults: Params, caps: Caps) -> None:
    """Raises BackendError where the parameters of a run ask for what the backend has not got."""
    for lack in _asked(defaults, caps):
        raise BackendError(f"the parameters of this run: {lack.what}", help=lack.help)


def _without_unknown_hints(plan: Plan, caps: Caps) -> Plan:
    if all(hint.kind in caps.hints for step in plan.steps for hint in step.hints):
        return plan
    kept = (replace(step, hints=tuple(hint for hint in step.hints if hint.kind in caps.hints)) for step in plan.steps)
    return replace(plan, steps=tuple(kept))


# --- what a call needs -----------------------------------------------------------------------------------


def _lacks(node: Node, caps: Caps) -> Iterator[Lack]:
    if node.op == "fused":
        yield from _fused_lacks(node, caps)
        return
    params = dict(node.attrs)
    yield from _asked(params, caps)
    yield from _run_time_lacks(node, caps)
    if node.op == "select":
        yield from _score_lacks(str(params["method"]), caps)
    else:
        yield from _constraint_lacks(params.get("constraint"), caps)


def _fused_lacks(node: Node, caps: Caps) -> Iterator[Lack]:
    if not caps.fused:
        yield Lack("the backend does not take several generations as one", "compile it at -O2, which fuses none")
    for part in parts_of(node):
        if isinstance(part, FusedGen):
            yield from _constraint_lacks(part.constraint, caps)
        if isinstance(part, FusedGen | FusedSelect):
            params = dict(part.params)
            yield from _asked(params, caps)
            if isinstance(part, FusedSelect):
                yield from _score_lacks(str(params["method"]), caps)


def _constraint_lacks(constraint: object, caps: Caps) -> Iterator[Lack]:
    if isinstance(constraint, get_args(Constraint)) and (kind := kind_of(constraint)) not in caps.constraints:
        yield Lack(f"the backend takes no {kind}", _other_constraints(caps))


def _run_time_lacks(node: Node, caps: Caps) -> Iterator[Lack]:
    """Of parameters that only the running program knows: any of them may be none."""
    for kind in RUN_TIME_KINDS:
        if kind in node.kwargs and kind not in caps.constraints:
            yield Lack(f"the backend takes no {kind}", _other_constraints(caps), is_sure=False)
    for ask in ASKS:
        if ask.param in node.kwargs and not ask.has(caps):
            yield Lack(f"`{ask.param}`: the backend {ask.lacks}", ask.help, is_sure=False)


def _other_constraints(caps: Caps) -> str:
    others = ", ".join(sorted(caps.constraints))
    return f"it takes {others}; or use another backend" if others else "use another backend"


def _score_lacks(method: str, caps: Caps) -> Iterator[Lack]:
    if method not in caps.score:
        others = ", ".join(sorted(caps.score))
        help = f"choices_method can be {others} here" if others else "ask with gen(choices=...), or use another backend"
        yield Lack(f"the backend does not compare choices by {method}", help)


@dataclass(frozen=True, slots=True)
class Ask:
    """A sampling parameter that not every backend can follow: which values ask for something, and who has it."""

    param: str
    asks: Callable[[object], bool]
    has: Callable[[Caps], bool]
    lacks: str
    help: str


ASKS = (
    Ask("n", lambda n: n not in (None, 1), lambda caps: caps.n, "draws one sample a call", "fork, and call in each"),
    Ask("return_logprob", bool, lambda caps: caps.logprobs, "tells no log-probabilities", "leave it out"),
    Ask("top_logprobs_num", bool, lambda caps: caps.logprobs, "tells no log-probabilities", "leave it out"),
    Ask("seed", lambda seed: seed is not None, lambda caps: caps.seed, "follows no seed", "leave it out"),
    Ask("on_distortion", bool, lambda caps: caps.logprobs, "does not tell what a constraint leaves", "leave it out"),
)


def _asked(params: Params, caps: Caps) -> Iterator[Lack]:
    for ask in ASKS:
        if ask.param in params and ask.asks(params[ask.param]) and not ask.has(caps):
            yield Lack(f"`{ask.param}={params[ask.param]!r}`: the backend {ask.lacks}", ask.help)


def _too_long(node: Node, prompts: FlatPrompts, inputs: Inputs, caps: Caps) -> Iterator[Lack]:
    """A prompt that is known whole, and has no room for a single token behind it."""
    if caps.max_len is None or inputs.encode is None:
        return
    pieces = prompts.of(node.inputs[0])
    if any(isinstance(piece, PromptHole) for piece in reversed(pieces)):
        return
    length = len(inputs.encode(tuple(piece for piece in pieces if not isinstance(piece, PromptHole))))
    if length >= caps.max_len:
        what = f"its prompt has {length} tokens, and the backend takes {caps.max_len} of prompt and answer together"
        yield Lack(what, f"shorten the prompt by {length + 1 - caps.max_len} tokens, or use a model of more context")


PASS = Pass(name="fit", level="plan", takes="plan", run=run, doc=__doc__)
