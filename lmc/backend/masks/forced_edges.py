"""The compressed automaton of a constraint with its forced tokens, edge by edge: made once, kept on disk.

The key is the content: the tree, the vocabulary, and how the tokenizer cuts text (its own key). States and edges are
numbered alike in every process, so that what one has computed another can read.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from lmc.backend.masks.disk import DiskCache
from lmc.backend.masks.stable import Encoder, StableTokens
from lmc.backend.masks.trie import TokenTrie
from lmc.ir.automaton.bytes import ByteDfa
from lmc.ir.automaton.compress import CompressedDfa, Edge, compress
from lmc.ir.automaton.dfa import CharDfa
from lmc.ir.regex import RegexTree


@dataclass(frozen=True, slots=True)
class ForcedEdges:
    """`tokens[i]` are stable at the begin of `compressed.edges[i].rest`; `begin` at the start of the text."""

    compressed: CompressedDfa
    begin: tuple[int, ...]
    tokens: tuple[tuple[int, ...], ...]


def forced_edges(
    tree: RegexTree, encoder: Encoder, trie: TokenTrie, tokenizer_key: str, cache: DiskCache
) -> ForcedEdges:
    """The forced tokens of each edge, from the cache where it has them.

    Raises ConstraintError (LMC-CN004) where the automaton is too large.
    """
    dfa = ByteDfa(CharDfa(tree))
    compressed = compress(dfa.chars)
    language = hashlib.sha256(repr((tree, compressed)).encode()).hexdigest()
    key = ("forced_edges", language, trie.digest, tokenizer_key)
    found = _read(cache.get(*key), compressed, trie)
    if found is None:
        stable = StableTokens(dfa, encoder, trie)
        begin = stable.after(dfa.start).tokens
        tokens = tuple(_of_edge(stable, dfa, edge) for edge in compressed.edges)
        found = ForcedEdges(compressed, begin, tokens)
        cache.put([begin, *tokens], *key)
    return found


def _of_edge(stable: StableTokens, dfa: ByteDfa, edge: Edge) -> tuple[int, ...]:
    if not edge.rest:
        return ()
    before = chr(edge.first[0][0])
    state = dfa.run(before.encode(), dfa.at_char(edge.source))
    return stable.after(state).tokens


def _read(value: object, compressed: CompressedDfa, trie: TokenTrie) -> ForcedEdges | None:
    """What the cache said, if it fits these edges."""
    if not isinstance(value, list) or len(value) != len(compressed.edges) + 1:
        return None
    rows = [tuple(row) for row in value if isinstance(row, list)]
    if len(rows) != len(value) or not all(isinstance(t, int) and 0 <= t < trie.size for row in rows for t in row):
        return None
    spelt = [b"".join(trie.vocab[token] or b"" for token in row) for row in rows[1:]]
    if not all(edge.rest.startswith(text) for edge, text in zip(compressed.edges, spelt, strict=True)):
        return None
    return ForcedEdges(compressed, rows[0], tuple(rows[1:]))
