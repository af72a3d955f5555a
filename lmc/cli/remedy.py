"""What to do about tokens that a run missed in the cache, and what that gains: by the run's own prompts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lmc.ir.prompt import Tokenizer
from lmc.passes.prefix_tree import PrefixTree

if TYPE_CHECKING:
    from lmc.calls import CallRecord

WITHOUT_SIZE = {
    "model": "ask both of one model, which then has them",
    "namespace": "open both sessions with one namespace, if they may see each other's prompts",
    "never-inserted": "leave the cache on",
}


def remedy(call: CallRecord, calls: Sequence[CallRecord], tokenizer: Tokenizer | None) -> str:
    """One sentence, with the tokens that it gains; "" where nothing is missed. `calls` are all of the engine."""
    if call.miss is None:
        return ""
    gain = f"{call.miss.tokens} tokens more come from the cache"
    if call.miss.reason == "evicted":
        if tokenizer is None:
            return f"give the backend more num_slots: {gain}"
        return f"num_slots={slots_of(calls, tokenizer)} has room for all of these {len(calls)} calls: {gain}"
    return f"{WITHOUT_SIZE[call.miss.reason]}: {gain}"


def slots_of(calls: Sequence[CallRecord], tokenizer: Tokenizer) -> int:
    """Slots in which nothing of these calls has to go: a token that prompts share once, and all that was generated."""
    tree = PrefixTree()
    for call in calls:
        tree.put(tree.root, (*tokenizer.begin_ids, *tokenizer.encode_pieces(call.asked.pieces)))
    return tree.num_distinct + sum(call.output_tokens for call in calls)
