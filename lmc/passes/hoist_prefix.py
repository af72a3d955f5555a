"""hoist_prefix: the prefix tree of every call of the program, and of every item of the batch.

    #0 gen prompt "Be brief. Q: cats"        p0 calls 2 tokens 5 steps #0 #1 adds "Be brief. Q:"
    #1 gen prompt "Be brief. Q: dogs"   ->   #0 ... prefix p0
                                             #1 ... prefix p0

Every stretch of prompt that two or more calls begin with is a node, from literals, from argument values, and from
text generated before a fork (siblings share all of it). It sees through `fork`: a fork adds no token.

**A string is never cut to find a prefix.** "beginners" and "beds" share two letters and perhaps no token; sharing
is found on the token ids of whole runs, so no prompt changes by a token. Where `adds` ends within a run, it shows
the text that the shared tokens surely stand for. Without a tokenizer whole equal pieces are shared.

A hole that is text by the time of the call (an argument not given, a tool's answer) may change the tokens just before
it: only those that stay are counted, the rest goes with the hole. Behind it the run is compared piece by piece, up to
the next control token. A hole that the state generated itself is a boundary of tokenisation: behind it tokens are exact
again.

With a batch a step has one call an item; its `prefix` is the deepest one that all of them begin with.
Hints only. Keeps: the graph, the steps and their order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from lmc.ir.ops import OPS
from lmc.ir.plan import MAX_NAMED, Plan, Prefix
from lmc.passes.base import Inputs, Note, Pass, Report, called
from lmc.passes.flat_prompts import FlatPrompts
from lmc.passes.known_values import KnownValues
from lmc.passes.nests import Nests
from lmc.passes.prefix_hints import with_gangs
from lmc.passes.prefix_tree import SharedNode
from lmc.passes.prompt_ids import Fragments, PromptIds, PromptIdsBuilder


@dataclass(frozen=True, slots=True)
class TokenSharing:
    """What the calls of a plan share, in prompt tokens (what stands in holes not counted).

    calls            model calls over all items, each counted once (those in regions too)
    prompt_tokens    tokens of all their prompts
    computed_tokens  distinct tokens in the tree: what has to be computed when every level is computed once
    repeats          prompts that come again whole: of each one token is computed anyway
    is_exact         no prompt has a hole, no call stands in a region, and a tokenizer was given
    """

    calls: int
    prompt_tokens: int
    computed_tokens: int
    is_exact: bool
    repeats: int = 0

    @property
    def saved_tokens(self) -> int:
        """Tokens that need not be computed again."""
        return self.prompt_tokens - self.computed_tokens


def run(plan: Plan, inputs: Inputs) -> tuple[Plan, Report]:
    """The plan with its prefix tree, and the gangs that come of it (prefix_hints.py)."""
    builder, prompts = prompts_of(plan, inputs)
    shared, deepest = builder.tree.shared([prompt.node for prompt in prompts])
    nests = Nests([node.parent.number if node.parent else None for node in shared])
    ends = _ends(prompts, deepest)
    common = {step: nests.common(found) for step, found in ends.items()}
    callers = _callers(shared, ends)
    prefixes = tuple(_prefix(node, builder, who) for node, who in zip(shared, callers))
    steps = tuple(replace(step, prefix=common.get(step.id)) for step in plan.steps)
    whole = replace(plan, steps=steps, prefixes=prefixes)
    found = with_gangs(whole)
    return found, _report(found, callers, _sharing(plan, builder, prompts), inputs)


def measure(plan: Plan, inputs: Inputs) -> TokenSharing:
    """What the plan's calls share, whether or not the plan has prefixes."""
    return _sharing(plan, *prompts_of(plan, inputs))


def prompts_of(plan: Plan, inputs: Inputs) -> tuple[PromptIdsBuilder, list[PromptIds]]:
    """The prompt of each call and item: all calls of the first item, then all of the second."""
    flat, nodes = FlatPrompts(plan.graph), plan.graph.nodes
    builder = PromptIdsBuilder(inputs, flat.makers)
    calls = [(step.id, flat.of(nodes[step.node].inputs[0])) for step in plan.steps if OPS[step.op].kind == "model"]
    prompts = []
    for item, arguments in enumerate(inputs.batch or ({},)):
        known = KnownValues(plan.graph, flat.makers, arguments)
        prompts += [builder.of(step, item, prompt, known) for step, prompt in calls]
    return builder, prompts


def _ends(prompts: Sequence[PromptIds], deepest: Sequence[SharedNode | None]) -> dict[int, list[int | None]]:
    """For each step the deepest prefix of each of its calls, an item each."""
    ends: dict[int, list[int | None]] = {}
    for prompt, node in zip(prompts, deepest):
        ends.setdefault(prompt.step, []).append(node.number if node else None)
    return ends


@dataclass(frozen=True, slots=True)
class _Callers:
    """The steps that begin with a prefix: how many, the first three, and those that the prefix names itself."""

    count: int
    first: tuple[int, ...]
    named: tuple[int, ...]


def _callers(shared: Sequence[SharedNode], ends: Mapping[int, Sequence[int | None]]) -> list[_Callers]:
    """Those of each prefix, in its order."""
    own: list[set[int]] = [set() for _ in shared]
    for step, numbers in ends.items():
        for number in numbers:
            if number is not None:
                own[number].add(step)
    callers: list[_Callers] = []
    gathered: list[set[int]] = [set() for _ in shared]
    firsts: list[list[int]] = [[] for _ in shared]
    for node in reversed(shared):  # what is below comes first
        found = _united(gathered[node.number], set(own[node.number]))
        first = sorted({*firsts[node.number], *sorted(own[node.number])[:3]})[:3]
        named = found if len(found) <= MAX_NAMED else own[node.number]
        callers.append(_Callers(len(found), tuple(first), tuple(sorted(named))))
        if node.parent is not None:
            gathered[node.parent.number] = _united(gathered[node.parent.number], found)
            firsts[node.parent.number] += first
    return callers[::-1]


def _united(a: set[int], b: set[int]) -> set[int]:
    """Both sets in the larger one, so that a long row of prefixes does not copy all steps at each of them."""
    small, large = sorted((a, b), key=len)
    large |= small
    return large


def _prefix(node: SharedNode, builder: PromptIdsBuilder, callers: _Callers) -> Prefix:
    source = node.node.source
    assert isinstance(source, Fragments)
    return Prefix(
        id=node.number,
        parent=node.parent.number if node.parent else None,
        pieces=builder.atoms(source, node.start, node.end),
        tokens=node.num_known if node.num_known == node.end - node.start else None,
        steps=callers.named,
        calls=node.node.num_keys,
    )


def _sharing(plan: Plan, builder: PromptIdsBuilder, prompts: Sequence[PromptIds]) -> TokenSharing:
    in_regions = any(step.inside is not None and OPS[step.op].kind == "model" for step in plan.steps)
    is_exact = not in_regions and all(prompt.is_exact for prompt in prompts)
    prompt_tokens = sum(prompt.node.num_known for prompt in prompts)
    repeats = len(prompts) - len({id(prompt.node) for prompt in prompts})
    return TokenSharing(len(prompts), prompt_tokens, builder.tree.num_distinct, is_exact, repeats)


def _report(plan: Plan, callers: Sequence[_Callers], sharing: TokenSharing, inputs: Inputs) -> Report:
    counts: list[tuple[str, int]] = [("calls", sharing.calls), ("prefixes", len(plan.prefixes))]
    if inputs.encode is not None and sharing.is_exact:
        # of prompts with holes the sharing tree counts the text behind them too: one place says how much it is
        counts += [("prompt tokens", sharing.prompt_tokens), ("computed tokens", sharing.computed_tokens)]
        counts += [("saved tokens", sharing.saved_tokens)]
    nodes = plan.graph.nodes
    names = {step.id: called(nodes[step.node]) for step in plan.steps}
    notes = tuple(Note(_sentence(prefix, who, names)) for prefix, who in zip(plan.prefixes, callers))
    return Report("hoist_prefix", tuple(counts), notes)


def _sentence(prefix: Prefix, callers: _Callers, names: Mapping[int, str]) -> str:
    size = "" if prefix.tokens is None else f"{prefix.tokens} tokens, "
    more = f" and {callers.count - 3} more" if callers.count > 3 else ""
    who = ", ".join(names[step] for step in callers.first) + more
    return f"p{prefix.id}: {size}computed once for {prefix.calls} calls: {who}"


PASS = Pass(name="hoist_prefix", level="plan", takes="plan", run=run, doc=__doc__)
