"""Limits and lengths: a max_tokens that no text of the constraint fits in, and a regex that neither bounds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from lmc.ir.automaton.alphabet import sets_of
from lmc.ir.constraint import Constraint, Regex
from lmc.ir.regex import RegexTree, is_plain
from lmc.passes.base import Note
from lmc.passes.lint.call import Call
from lmc.passes.lint.facts import facts

TOO_SHORT = "LMC-CN014"
UNBOUNDED = "LMC-CN015"
LONGEST_TOKEN = 128  # characters; vocabularies have longer tokens for runs of spaces only


def too_short(call: Call) -> Iterator[Note]:
    """A note where every text that fits takes more tokens than the call may make."""
    limit, extent = call.node.attr("max_tokens"), call.facts.extent
    if not isinstance(limit, int) or isinstance(limit, bool) or extent is None or extent.shortest <= limit:
        return
    spellings = call.inputs.spellings() if call.inputs.spellings is not None else ()
    assert call.constraint is not None
    least = fewest_tokens(call.constraint, spellings)
    if least > limit:
        what = f"max_tokens={limit}, but the shortest text that fits has {extent.shortest} characters"
        rest = f"which takes {least} tokens or more: what comes out is cut off and never fits"
        yield call.note(TOO_SHORT, f"{what}, {rest}; give max_tokens={least} or more, or allow a shorter text")


def unbounded(call: Call) -> Iterator[Note]:
    """A note where a regex has no longest text and the call no limit of its own."""
    extent = call.facts.extent
    if not isinstance(call.constraint, Regex) or extent is None or extent.longest is not None:
        return
    if call.says("dtype", "max_tokens", "stop", "stop_regex", "stop_token_ids"):
        return
    what = "its regex has no longest text and the call no max_tokens"
    why = (
        f"where the model does not end it, it is cut off at the run's limit ({call.inputs.sampling.max_tokens} tokens)"
    )
    yield call.note(UNBOUNDED, f"{what}: {why} and may not match; give max_tokens, or a bound, as in `{{1,40}}`")


def fewest_tokens(constraint: Constraint, spellings: Sequence[bytes]) -> int:
    """A number of tokens that every text of the constraint takes at least.

    Exact for a list of texts and a vocabulary; else as if all tokens were as long as the longest that can be there.
    """
    found = facts(constraint)
    assert found.extent is not None and found.tree is not None
    if not spellings:
        return -(-found.extent.shortest // LONGEST_TOKEN)
    if found.options:
        known = frozenset(filter(None, spellings))
        return min(_fewest(option.encode(), known) for option in found.options)
    return -(-found.extent.shortest // _longest(found.tree, spellings))


def _fewest(text: bytes, known: frozenset[bytes]) -> int:
    """Tokens of the shortest way to spell a text; its length where there is none."""
    most = max(map(len, known), default=1)
    best = [0]
    for end in range(1, len(text) + 1):
        starts = range(max(0, end - most), end)
        best.append(1 + min((best[at] for at in starts if text[at:end] in known), default=len(text)))
    return min(best[-1], len(text))


def _longest(tree: RegexTree, spellings: Sequence[bytes]) -> int:
    """Bytes of the longest token that is made of bytes the tree's texts can have."""
    used = _used_bytes(tree)
    return max((len(spelt) for spelt in spellings if len(spelt) and used.issuperset(spelt)), default=1)


@lru_cache(maxsize=256)
def _used_bytes(tree: RegexTree) -> frozenset[int]:
    """The ASCII bytes that the tree names, and all others: no complement, no look, or else every byte."""
    if not is_plain(tree):
        return frozenset(range(256))
    named = (code for ranges in sets_of(tree) for low, high in ranges for code in range(low, min(high, 0x7F) + 1))
    return frozenset(named) | frozenset(range(0x80, 0x100))
