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

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from lmc.ir.ops import OPS
from lmc.ir.plan import Plan, Prefix
from lmc.passes.base import Inputs, Note, Pass, Report, called
from lmc.passes.flat_prompts import FlatPrompts
from lmc.passes.known_values import KnownValues
from lmc.passes.prefix_hints import with_hints
from lmc.passes.prefix_tree import PrefixNode, prefix_nodes, sort_keys
from lmc.passes.prompt_ids import PromptIds, PromptIdsBuilder


@dataclass(frozen=True, slots=True)
class TokenSharing:
    """What the calls of a plan share, in prompt tokens (what stands in holes not counted).

    calls            model calls over all items, each counted once (those in regions too)
    prompt_tokens    tokens of all their prompts
    computed_tokens  distinct tokens in the tree: what has to be computed when every level is computed once
    is_exact         no prompt has a hole, no call stands in a region, and a tokenizer was given
    """

    calls: int
    prompt_tokens: int
    computed_tokens: int
    is_exact: bool

    @property
    def saved_tokens(self) -> int:
        """Tokens that need not be computed again."""
        return self.prompt_tokens - self.computed_tokens


def run(plan: Plan, inputs: Inputs) -> tuple[Plan, Report]:
    """The plan with its prefix tree, and the hints that come of it (prefix_hints.py)."""
    builder, prompts = prompts_of(plan, inputs)
    prefixes = _prefixes(builder, prompts)
    counts = Counter(prompt.step for prompt in prompts)
    deepest = _deepest(prefixes, prompts, counts)
    steps = tuple(replace(step, prefix=deepest.get(step.id)) for step in plan.steps)
    found = with_hints(replace(plan, steps=steps, prefixes=tuple(prefix for prefix, _ in prefixes)))
    return found, _report(found, _sharing(plan, prompts), inputs)


def measure(plan: Plan, inputs: Inputs) -> TokenSharing:
    """What the plan's calls share, whether or not the plan has prefixes."""
    return _sharing(plan, prompts_of(plan, inputs)[1])


def prompts_of(plan: Plan, inputs: Inputs) -> tuple[PromptIdsBuilder, list[PromptIds]]:
    """The prompt of each call and item: all calls of the first item, then all of the second."""
    flat, nodes = FlatPrompts(plan.graph), plan.graph.nodes
    builder = PromptIdsBuilder(inputs, flat.makers)
    calls = [
        (step.id, flat.stretches(nodes[step.node].inputs[0])) for step in plan.steps if OPS[step.op].kind == "model"
    ]
    prompts = []
    for item, arguments in enumerate(inputs.batch or ({},)):
        known = KnownValues(plan.graph, flat.makers, arguments)
        prompts += [builder.of(step, item, stretches, known) for step, stretches in calls]
    return builder, prompts


def _prefixes(builder: PromptIdsBuilder, prompts: Sequence[PromptIds]) -> list[tuple[Prefix, PrefixNode]]:
    nodes = prefix_nodes([prompt.ids for prompt in prompts])
    return [(_prefix(number, node, builder, prompts), node) for number, node in enumerate(nodes)]


def _prefix(number: int, node: PrefixNode, builder: PromptIdsBuilder, prompts: Sequence[PromptIds]) -> Prefix:
    first = prompts[node.keys[0]]
    added = first.ids[node.start : node.end]
    return Prefix(
        id=number,
        parent=node.parent,
        pieces=builder.atoms(first, node.start, node.end),
        tokens=len(added) if min(added) >= 0 else None,
        steps=tuple(sorted({prompts[i].step for i in node.keys})),
        calls=len(node.keys),
    )


def _deepest(
    prefixes: Sequence[tuple[Prefix, PrefixNode]], prompts: Sequence[PromptIds], counts: Mapping[int, int]
) -> dict[int, int]:
    """For each step the deepest prefix that its calls of all items begin with; parents come before children."""
    deepest: dict[int, int] = {}
    for prefix, node in prefixes:
        through = Counter(prompts[i].step for i in node.keys)
        deepest.update((step, prefix.id) for step, count in through.items() if count == counts[step])
    return deepest


def _sharing(plan: Plan, prompts: Sequence[PromptIds]) -> TokenSharing:
    ids = [prompt.ids for prompt in prompts]
    ordered = sort_keys(ids)
    computed = sum(_num_tokens(ids[i][common:]) for i, common in zip(ordered.order, ordered.common))
    in_regions = any(step.inside is not None and OPS[step.op].kind == "model" for step in plan.steps)
    is_exact = not in_regions and all(prompt.is_exact for prompt in prompts)
    return TokenSharing(len(prompts), sum(map(_num_tokens, ids)), computed, is_exact)


def _num_tokens(ids: tuple[int, ...]) -> int:
    return sum(id >= 0 for id in ids)


def _report(plan: Plan, sharing: TokenSharing, inputs: Inputs) -> Report:
    counts: list[tuple[str, int]] = [("calls", sharing.calls), ("prefixes", len(plan.prefixes))]
    if inputs.encode is not None:
        counts += [("prompt tokens", sharing.prompt_tokens), ("computed tokens", sharing.computed_tokens)]
        counts += [("saved tokens", sharing.saved_tokens), ("exact", int(sharing.is_exact))]
    nodes = plan.graph.nodes
    callers = {step.id: called(nodes[step.node]) for step in plan.steps}
    notes = tuple(Note(_sentence(prefix, callers)) for prefix in plan.prefixes)
    return Report("hoist_prefix", tuple(counts), notes)


def _sentence(prefix: Prefix, callers: Mapping[int, str]) -> str:
    size = "" if prefix.tokens is None else f"{prefix.tokens} tokens, "
    more = f" and {len(prefix.steps) - 3} more" if len(prefix.steps) > 3 else ""
    who = ", ".join(callers[step] for step in prefix.steps[:3]) + more
    return f"p{prefix.id}: {size}computed once for {prefix.calls} calls: {who}"


PASS = Pass(name="hoist_prefix", level="plan", takes="plan", run=run, doc=__doc__)
