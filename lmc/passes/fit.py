"""fit: what the backend lacks for this program, said before anything runs.

    #0 gen %x ... constraint=grammar("...")   ->   BackendError at tips.py:9: the backend takes no grammar
    #1 gen %y ... hints gang g0, pin p0       ->   #1 gen %y ... hints gang g0

A call at the top of the program surely runs: what it needs and the backend has not got is an error, with its place and
a way out. A call in a branch or a loop may never run, and a parameter that is known only when the program runs may be
none: what they need is a note, and their own request fails if it comes to that. Hints that the backend does not follow
are left out, so that the plan promises nothing. Without a backend there is nothing to do. Where the user chose to have
things emulated, what lmc can do in place of the backend is a note; what is done otherwise is one in any case.

Keeps: the graph, the steps and their order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from lmc.codes import HIDDEN_THOUGHTS, NOT_FOLLOWED
from lmc.errors import BackendError
from lmc.ir.caps import Caps
from lmc.ir.constraint import RUN_TIME_KINDS
from lmc.ir.fused import FusedGen, FusedSelect, parts_of
from lmc.ir.graph import Node
from lmc.ir.ops import OPS
from lmc.ir.plan import Plan
from lmc.passes.base import Inputs, Note, Pass, Report, called
from lmc.passes.flat_prompts import FlatPrompts, PromptHole, known_text
from lmc.passes.lacks import Lack, TurnLacks, asked, constraint_lacks, role_lacks, run_time_asked, select_lacks
from lmc.passes.lacks.constraints import AGAIN, other_constraints
from lmc.passes.turns import turns_of

Params = Mapping[str, object]
MOST_OTHERS = 4  # lacks that an error names beside the first
ROOM_TO_THINK = 2048  # tokens of a limit that is not said to be too small; answers of some words need a few hundred
BYTES = 4  # of a token of English text, about: for prompts that nobody can count


def run(plan: Plan, inputs: Inputs) -> tuple[Plan, Report]:
    """The plan with the hints that the backend follows. Raises BackendError where the program surely cannot run."""
    caps = inputs.caps
    if caps is None:
        return plan, Report("fit")
    found = _Found(caps)
    for node, lack, is_sure in _all_lacks(plan, inputs, caps):
        found.add(node, lack, is_sure)
    found.refuse()
    fitting = _without_unknown_hints(plan, caps)
    dropped = sum(len(step.hints) for step in plan.steps) - sum(len(step.hints) for step in fitting.steps)
    counts = (("may be lacking", found.num_open), ("done otherwise", found.num_instead), ("hints left out", dropped))
    return fitting, Report("fit", counts, tuple(found.notes()))


def check_defaults(defaults: Params, caps: Caps) -> None:
    """Raises BackendError where the parameters of a run ask for what the backend has not got."""
    for lack in asked(defaults, caps):
        if lack.is_note or (caps.fallback and lack.instead):
            continue
        help, notes = _ways_out(lack, caps), (*lack.facts, *_known_from(caps))
        raise BackendError(f"the parameters of this run: {lack.what}", code=lack.code, help=help, notes=notes)


class _Found:
    """What was found lacking: the first that is sure is raised, the rest become notes."""

    def __init__(self, caps: Caps) -> None:
        self.num_open = self.num_instead = 0
        self._caps = caps
        self._notes: list[Note] = []
        self._general: dict[tuple[str | None, str], Note] = {}  # what is to be known of any call
        self._sure: list[tuple[Node, Lack]] = []

    def add(self, node: Node, lack: Lack, is_sure: bool) -> None:
        """One lack; `is_sure` where the program comes to the node whenever it runs."""
        caps, told = self._caps, called(node)
        if lack.is_note:
            note = Note(f"{told}: {lack.what}; {lack.help}", node.span, lack.code)
            self._general.setdefault((lack.code, lack.what), note)
        elif caps.fallback == "emulate" and lack.instead:
            self.num_instead += 1
            self._notes.append(Note(f"{told}: {lack.what}; {lack.instead}", node.span, lack.code))
        elif lack.is_sure and is_sure:
            self._sure.append((node, lack))
        else:
            self.num_open += 1
            self._notes.append(Note(f"{told}: if it comes to that, {lack.what}; {lack.help}", node.span, lack.code))

    def refuse(self) -> None:
        """Raises BackendError for the first lack that is sure, which names some of the others."""
        if not self._sure:
            return
        (node, lack), *others = self._sure
        also = [f"also {called(at)}: {other.what}" for at, other in others[:MOST_OTHERS]]
        more = [f"and {len(others) - MOST_OTHERS} more like these"] if len(others) > MOST_OTHERS else []
        notes = (*lack.facts, *also, *more, *_known_from(self._caps))
        help = _ways_out(lack, self._caps)
        raise BackendError(f"{called(node)}: {lack.what}", span=node.span, code=lack.code, help=help, notes=notes)

    def notes(self) -> list[Note]:
        """All notes, what is to be known of any call last."""
        return [*self._notes, *self._general.values()]


def _ways_out(lack: Lack, caps: Caps) -> str:
    if not lack.instead or not caps.known_from:
        return lack.help
    return f'{lack.help}; or have it emulated, fallback="emulate": {lack.instead}'


def _known_from(caps: Caps) -> tuple[str, ...]:
    return (caps.known_from,) if caps.known_from else ()


def _without_unknown_hints(plan: Plan, caps: Caps) -> Plan:
    if all(hint.kind in caps.hints for step in plan.steps for hint in step.hints):
        return plan
    kept = (replace(step, hints=tuple(hint for hint in step.hints if hint.kind in caps.hints)) for step in plan.steps)
    return replace(plan, steps=tuple(kept))


# --- what calls and turns need ---------------------------------------------------------------------------


def _all_lacks(plan: Plan, inputs: Inputs, caps: Caps) -> Iterator[tuple[Node, Lack, bool]]:
    """Each lack with its node, in the order of the program, and whether a run surely comes there."""
    prompts, nodes = FlatPrompts(plan.graph), plan.graph.nodes
    yield from _about_roles(plan, caps)
    turns = TurnLacks(plan.graph, prompts, caps)
    for step in plan.steps:
        if OPS[step.op].kind != "model":
            continue
        node = nodes[step.node]
        for lack in (
            *turns.of(node),
            *_lacks(node, caps),
            *_too_long(node, prompts, inputs, caps),
            *_thoughts(node, inputs, caps),
        ):
            yield node, lack, step.inside is None


def _about_roles(plan: Plan, caps: Caps) -> Iterator[tuple[Node, Lack, bool]]:
    if caps.roles is None and not caps.system_first:
        return
    turns, top = turns_of(plan.graph), set(map(id, plan.graph.body.nodes))
    for node in plan.graph.walk():
        if node.op == "role_begin":
            for lack in role_lacks(node, turns, caps):
                yield node, lack, id(node) in top


def _lacks(node: Node, caps: Caps) -> Iterator[Lack]:
    if node.op == "fused":
        yield from _fused_lacks(node, caps)
        return
    params = dict(node.attrs)
    if node.op == "select":
        yield from select_lacks(params, caps)
        return
    yield from asked(params, caps)
    for kind in RUN_TIME_KINDS:
        if kind in node.kwargs and kind not in caps.constraints:
            yield Lack(f"{caps.called} takes no {kind}", other_constraints(caps), AGAIN, is_sure=False)
    yield from run_time_asked(node, caps)
    yield from constraint_lacks(params.get("constraint"), caps)


def _fused_lacks(node: Node, caps: Caps) -> Iterator[Lack]:
    if not caps.fused:
        yield Lack(f"{caps.called} does not take several generations as one", "compile it at -O2, which fuses none")
    for part in parts_of(node):
        if isinstance(part, FusedGen):
            yield from constraint_lacks(part.constraint, caps)
            yield from asked(dict(part.params), caps)
        elif isinstance(part, FusedSelect):
            yield from select_lacks(dict(part.params), caps)


def _thoughts(node: Node, inputs: Inputs, caps: Caps) -> Iterator[Lack]:
    """That thoughts may leave no room for the answer, where the limit is a small one."""
    limit = dict(node.attrs).get("max_tokens", inputs.sampling.max_tokens)
    if caps.thinks and not (isinstance(limit, int) and limit >= ROOM_TO_THINK):
        what = f"{caps.called} thinks before it answers, unseen, and that counts against max_tokens and is paid for"
        help = f"with less than {ROOM_TO_THINK} the answer may be empty"
        yield Lack(what, help, code=HIDDEN_THOUGHTS, is_note=True)


def _too_long(node: Node, prompts: FlatPrompts, inputs: Inputs, caps: Caps) -> Iterator[Lack]:
    """A prompt that is known whole, and has no room for a single token behind it."""
    if caps.max_len is None:
        return
    pieces = prompts.of(node.inputs[0])
    if not caps.counts_tokens:
        yield from _seems_too_long([known_text(piece) or "" for piece in pieces], caps)
        return
    if inputs.encode is None or any(isinstance(piece, PromptHole) for piece in reversed(pieces)):
        return
    length = len(inputs.encode(tuple(piece for piece in pieces if not isinstance(piece, PromptHole))))
    if length >= caps.max_len:
        what = f"its prompt has {length} tokens, and {caps.called} takes {caps.max_len} of prompt and answer together"
        yield Lack(what, f"shorten the prompt by {length + 1 - caps.max_len} tokens, or use a model of more context")


def _seems_too_long(texts: list[str], caps: Caps) -> Iterator[Lack]:
    """The same of the texts that are known, where nobody can count their tokens."""
    length = sum(len(text.encode("utf-8", "replace")) for text in texts) // BYTES
    if caps.max_len is not None and length >= caps.max_len:
        what = f"its prompt has about {length} tokens or more ({BYTES} bytes each); {caps.called} takes {caps.max_len}"
        yield Lack(what, "shorten the prompt, or use a model of more context", code=NOT_FOLLOWED, is_sure=False)


PASS = Pass(name="fit", level="plan", takes="plan", run=run, doc=__doc__)
