"""A vocabulary as a tree of characters, in levels: made once for a tokenizer, read by every regular constraint.

Tokens are bytes. Most are whole characters; some end within one (their last bytes are kept apart, as a prefix), some
begin within one (rare, kept as bytes), some are not part of any UTF-8 text and are never allowed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from lmc.backend.masks.char_tree import CharNode, char_tree
from lmc.backend.masks.cuts import Cuts
from lmc.backend.masks.disk import DiskCache
from lmc.backend.masks.kept import Arrays, Kept
from lmc.backend.masks.prefixes import Prefixes
from lmc.backend.masks.words import Bools, Ints, packed
from lmc.giving_way import give_way

DEPTH = 32  # levels of the tree; what is longer (about 1 token in 100) is kept as a remainder
ROOT = 0


@dataclass(frozen=True, slots=True)
class Level:
    """Nodes of one depth, sorted by parent: `parents` counts within the level above, `chars` in TokenTrie.codes."""

    parents: Ints
    chars: Ints


@dataclass(frozen=True, slots=True)
class LongToken:
    """A token whose characters go on after a node of the last level: TokenTrie.chars[begin:end]."""

    token: int
    node: int
    begin: int
    end: int


class TokenTrie:
    """The tree of a vocabulary.

    vocab     [V] bytes by token id; None or b"" for what text cannot hold
    codes     [U] the code points that occur, sorted
    chars     the characters of all tokens one after another, as numbers in `codes`
    begins    [V + cuts] where in `chars` those of a token begin; 0 for heads
    stops     [V + cuts] where they end; 0 for heads
    levels    nodes by depth, from depth 1; nodes are numbered through all levels, ROOT is 0
    nodes     [V + cuts] int32, the node at which the whole characters of a token end; -1 for long tokens and heads
    longs     tokens with more than DEPTH whole characters
    prefixes  the first bytes of one more character, by token that ends with them
    heads     tokens that begin within a character
    texts     the whole characters of each token, but of heads
    kept      what is kept on disk of it
    cuts      places within tokens where a string or a number may end; `nodes` and `longs` have them behind the tokens
    """

    def __init__(self, vocab: Sequence[bytes | None], disk: DiskCache | None = None) -> None:
        self.size = len(vocab)
        self.kept = Kept(vocab, disk)
        self._beginning: dict[str, Ints] = {}
        self.vocab = vocab
        self.texts, self.prefixes, self.heads = _sorted_out(vocab)
        self.cuts = Cuts(vocab, self.texts)
        texts = self.texts | dict(enumerate(self.cuts.texts, self.size))
        flat = np.frombuffer("".join(texts.values()).encode("utf-32-le"), dtype=np.uint32)
        lengths = np.fromiter(map(len, texts.values()), dtype=np.int64, count=len(texts))
        starts = np.cumsum(lengths) - lengths
        tables = self.kept.arrays(lambda: _tables(flat, starts, lengths), "characters")
        self.codes, self.chars, ends = tables["codes"], tables["chars"], tables["ends"]
        sizes = np.cumsum(tables["sizes"])[:-1]
        self.levels = list(map(Level, *(np.split(tables[name], sizes) for name in ("parents", "level_chars"))))
        self.nodes = np.full(self.size + len(self.cuts.texts), -1, dtype=np.int32)
        tokens = np.fromiter(texts, dtype=np.int64, count=len(texts))
        self.begins, self.stops = np.zeros_like(self.nodes), np.zeros_like(self.nodes)
        self.begins[tokens], self.stops[tokens] = starts, starts + lengths
        whole = lengths <= DEPTH
        self.nodes[tokens[whole]] = ends[whole]
        self.longs = [
            LongToken(int(tokens[at]), int(ends[at]), int(starts[at]) + DEPTH, int(starts[at] + lengths[at]))
            for at in np.flatnonzero(~whole).tolist()
        ]

    @cached_property
    def root(self) -> CharNode:
        """The same tree, node by node."""
        return char_tree(self.texts, self.prefixes, self.cuts.numbers)

    def beginning(self, char: str) -> Ints:
        """A mask of the tokens whose first whole character is this one; "": of those that have none."""
        found = self._beginning.get(char)
        if found is None:
            found = self._beginning[char] = packed(self.begin_with(char) if char else self._within_first)
        return found

    def begin_with(self, chars: str) -> Bools:
        """[V] whether the first whole character of each token is one of these."""
        wanted = np.zeros(len(self.codes) + 1, dtype=bool)
        codes = np.fromiter(map(ord, chars), dtype=np.uint32)
        wanted[np.flatnonzero(np.isin(self.codes, codes))] = True
        found: Bools = wanted.take(self._firsts)
        return found

    def longer(self, length: int) -> list[int]:
        """The tokens of more whole characters than this, where that is many."""
        return [] if length >= self._longest else [id for id, text in self._long_texts if len(text) > length]

    def plain_length(self, token: int) -> int:
        """The whole characters of a token that has neither a quote nor a backslash; 0 of others."""
        text = self.texts[token]
        return 0 if '"' in text or "\\" in text else len(text)

    @cached_property
    def _long_texts(self) -> list[tuple[int, str]]:
        return [(id, text) for id, text in self.texts.items() if len(text) > DEPTH]

    @cached_property
    def _longest(self) -> int:
        return max(map(len, self.texts.values()), default=0)

    @cached_property
    def _firsts(self) -> Ints:
        """[V] the first character of each token, as a number in `codes`; one more where it has none."""
        begins, stops = self.begins[: self.size], self.stops[: self.size]
        found = np.full(self.size, len(self.codes), dtype=np.int32)
        has = np.flatnonzero(stops > begins)
        found[has] = self.chars.take(begins.take(has))
        return found

    @cached_property
    def _within_first(self) -> Bools:
        """[V] whether each token ends within its first character."""
        found = np.zeros(self.size, dtype=bool)
        found[[token for token in self.prefixes if not self.texts[token]]] = True
        return found

    @cached_property
    def distinct_prefixes(self) -> Prefixes:
        """The first bytes of characters with which tokens end."""
        return Prefixes(self.prefixes.values())

    @cached_property
    def within(self) -> tuple[Ints, Ints]:
        """The tokens that end within a character, and the number of the prefix with which each does."""
        numbers = self.distinct_prefixes.numbers
        prefixes = np.array([numbers[prefix] for prefix in self.prefixes.values()], dtype=np.int32)
        return np.array(list(self.prefixes), dtype=np.int32), prefixes

    @cached_property
    def spellings(self) -> list[bytes]:
        """The distinct bytes of tokens, sorted."""
        return sorted({spelt for spelt in self.vocab if spelt})

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the vocabulary."""
        content = hashlib.sha256()
        for token in self.vocab:
            content.update(b"-" if token is None else b"%d:%b" % (len(token), token))
        return content.hexdigest()


def _sorted_out(vocab: Sequence[bytes | None]) -> tuple[dict[int, str], dict[int, bytes], list[int]]:
    """The whole characters by token, the last bytes of those that end within one, the tokens that begin within one."""
    texts: dict[int, str] = {}
    prefixes: dict[int, bytes] = {}
    heads: list[int] = []
    for token, spelt in enumerate(vocab):
        give_way()
        if not spelt:
            continue
        try:
            texts[token] = spelt.decode()
        except UnicodeDecodeError as error:
            if 0x80 <= spelt[0] < 0xC0:
                heads.append(token)
            elif error.reason == "unexpected end of data":
                texts[token] = spelt[: error.start].decode()
                prefixes[token] = spelt[error.start :]
    return texts, prefixes, heads


def _tables(flat: npt.NDArray[np.uint32], starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]) -> Arrays:
    """What is worked out of the characters of all texts: `TokenTrie` says what it is."""
    codes, chars = np.unique(flat, return_inverse=True)
    levels, ends = _levels(chars.astype(np.int32), starts, lengths, len(codes))
    return {
        "codes": codes,
        "chars": chars.astype(np.int32),
        "ends": ends,
        "sizes": np.array([len(level.parents) for level in levels]),
        "parents": np.concatenate([level.parents for level in levels]),
        "level_chars": np.concatenate([level.chars for level in levels]),
    }


def _levels(
    chars: Ints, starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64], num_chars: int
) -> tuple[list[Level], npt.NDArray[np.int64]]:
    """The levels, and by text the node at which it (or its first DEPTH characters) ends."""
    levels = []
    within = np.zeros(len(starts), dtype=np.int64)  # the node of each text so far, counted within its level
    ends = np.full(len(starts), ROOT, dtype=np.int64)
    base = 1
    for depth in range(DEPTH):
        longer = np.flatnonzero(lengths > depth)
        keys = within[longer] * num_chars + chars[starts[longer] + depth]
        found, place = np.unique(keys, return_inverse=True)
        levels.append(Level((found // num_chars).astype(np.int32), (found % num_chars).astype(np.int32)))
        within[longer] = place
        ends[longer] = base + place
        base += len(found)
    return levels, ends
