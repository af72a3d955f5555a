"""A model over a handful of words whose distribution is known, so that a test may compare counts with it."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import regex

from ..asked import Ask, Call, Completion, Limit, Token, Turn
from ..chatml import chatml
from ..cutting import cut
from ..fill import filled

WORDS = (" red", " blue", " cat", " dog", " runs", " sleeps", ".", "\n")


class TinyBrain:
    """Bytes and a few words are its tokens; what follows depends on the last words of the prompt, and on nothing else.

    words  its vocabulary beside the bytes
    table  {end of the text: {word: weight}}, the longest end that fits counts and "" fits always; "" as a word ends
           the answer. Without a table, weights are drawn by `seed` from the last two tokens

    Ids 0-255 are bytes, words follow, the last id ends the answer.
    """

    blocks = False

    def __init__(
        self,
        words: Sequence[str] = WORDS,
        table: Mapping[str, Mapping[str, float]] | None = None,
        seed: int = 0,
    ) -> None:
        told = [word for row in (table or {}).values() for word in row if word]
        self.vocabulary = tuple(dict.fromkeys([*words, *told])) if table is None else tuple(dict.fromkeys(told))
        self.end = 256 + len(self.vocabulary)
        self.words = self
        self._ids = {word: 256 + at for at, word in enumerate(self.vocabulary)}
        self._bytes = [bytes((b,)) for b in range(256)] + [w.encode() for w in self.vocabulary] + [b""]
        self._cut = regex.compile("|".join(map(regex.escape, sorted(self.vocabulary, key=len, reverse=True))))
        self._table = dict(table) if table is not None else None
        self._seed = seed
        self._draws = random.Random(seed)

    # --- its tokens -----------------------------------------------------------------------------------

    def encode(self, text: str) -> list[int]:
        """The ids of a text: its words where they stand, bytes between them."""
        ids: list[int] = []
        at = 0
        for found in self._cut.finditer(text):
            ids += text[at : found.start()].encode("utf-8", "replace")
            ids.append(self._ids[found[0]])
            at = found.end()
        return ids + list(text[at:].encode("utf-8", "replace"))

    def spell(self, token: int) -> bytes:
        """The bytes of a token; the end has none."""
        return self._bytes[token]

    def count(self, text: str) -> int:
        """How many tokens a text is."""
        return len(self.encode(text))

    # --- its distribution -----------------------------------------------------------------------------

    def distribution(self, prompt: str) -> dict[str, float]:
        """Probability of each next word ("" ends the answer) behind the prompt, at temperature 1."""
        names = (*self.vocabulary, "")
        return {names[token - 256]: p for token, p in self._next(self.encode(prompt)).items()}

    def _next(self, ids: Sequence[int]) -> dict[int, float]:
        weights = self._drawn(ids) if self._table is None else self._told(ids)
        whole = sum(weights.values())
        return {token: weight / whole for token, weight in weights.items()}

    def _drawn(self, ids: Sequence[int]) -> dict[int, float]:
        drawn = random.Random(f"{self._seed} {list(ids[-2:])}")
        return {token: drawn.expovariate(1.0) + 0.05 for token in range(256, self.end + 1)}

    def _told(self, ids: Sequence[int]) -> dict[int, float]:
        assert self._table is not None
        text = b"".join(self._bytes[each] for each in ids[-64:]).decode("utf-8", "replace")
        ending = max((end for end in self._table if text.endswith(end)), key=len)
        return {self._ids[word] if word else self.end: weight for word, weight in self._table[ending].items()}

    # --- what a brain does ----------------------------------------------------------------------------

    def render(self, turns: Sequence[Turn], opens: bool, continues: bool) -> str:
        """As ChatML."""
        return chatml(turns, opens, continues)

    def generate(self, ask: Ask, n: int) -> list[Completion]:
        """Samples of its distribution, a limit's masks put on it and renormalised."""
        return [self._completion(ask, sample) for sample in range(n)]

    def _completion(self, ask: Ask, sample: int) -> Completion:
        draws = self._draws if ask.seed is None else random.Random(f"{ask.seed} {sample}")
        if ask.forced_tool:
            tool = next(each for each in ask.tools if ask.forced_tool in ("*", each.name))
            inner = replace(ask, limit=tool.limit, tools=(), forced_tool="")
            made = self._completion(inner, sample)
            return replace(made, text="", finish="calls", calls=(Call(tool.name, made.text, tool.is_custom),))
        if ask.limit and ask.limit.kind in ("schema", "json"):
            return cut(self._plain(filled(ask.limit, lambda: self._word(ask, draws))), ask)
        return cut(self._sampled(ask, draws), ask)

    def score(self, ids: Sequence[int], top: int) -> list[Token]:
        """The exact logprob of each; one that its distribution lacks has -1000."""
        tokens = [Token(ids[0], self.spell(ids[0]), None)] if ids else []
        for at in range(1, len(ids)):
            tokens.append(self._token(ids[at], self._next(ids[:at]), top, ()))
        return tokens

    def weigh(self, ask: Ask, texts: Sequence[str]) -> list[float]:
        """The probability of each as the text that comes next."""
        before = self.encode(ask.text)
        weights = []
        for text in texts:
            ids, logprob = list(before), 0.0
            for token in self.encode(text):
                logprob += math.log(self._next(ids).get(token, 1e-9))
                ids.append(token)
            weights.append(math.exp(logprob))
        return weights

    def _sampled(self, ask: Ask, draws: random.Random) -> Iterator[Token]:
        ids = list(ask.ids) if ask.ids is not None else self.encode(ask.text)
        mask = _Mask(ask.limit) if ask.limit else None
        while True:
            weights = self._next(ids)
            allowed = self._allowed(weights, ask, mask)
            if not allowed:
                return
            token = _draw(allowed, ask, draws)
            if token == self.end:
                return
            if mask:
                mask.text += self.spell(token).decode("utf-8", "replace")
            ids.append(token)
            top = None if ask.top is None else ask.top
            yield self._token(token, weights, top or 0, ask.beside)

    def _allowed(self, weights: dict[int, float], ask: Ask, mask: _Mask | None) -> dict[int, float]:
        kept = {t: w for t, w in weights.items() if not ask.only or t in ask.only}
        kept = kept or dict.fromkeys(ask.only, 1.0)
        if ask.ignore_eos:
            kept.pop(self.end, None)
        if mask is None:
            return kept
        masked = {t: w for t, w in kept.items() if (mask.may_end() if t == self.end else mask.takes(self.spell(t)))}
        if masked or mask.may_end():
            return masked
        return {byte: 1.0 for byte in range(32, 127) if mask.takes(bytes((byte,)))}

    def _token(self, token: int, weights: dict[int, float], top: int, beside: tuple[int, ...]) -> Token:
        def logprob(each: int) -> float:
            return math.log(weights[each]) if weights.get(each) else -1000.0

        first = sorted(weights, key=lambda each: (-weights[each], each))[:top]
        named = [*first, *(each for each in beside if each not in first)]
        return Token(token, self.spell(token), logprob(token), tuple((t, self.spell(t), logprob(t)) for t in named))

    def _word(self, ask: Ask, draws: random.Random) -> str:
        weights = {t: w for t, w in self._next(self.encode(ask.text)).items() if t != self.end}
        return self.spell(draws.choices(list(weights), list(weights.values()))[0]).decode().strip() or "word"

    def _plain(self, text: str) -> Iterator[Token]:
        return (Token(each, self.spell(each), -0.1) for each in self.encode(text))


class _Mask:
    """Which tokens keep a text within a pattern."""

    def __init__(self, limit: Limit) -> None:
        pattern = "|".join(map(regex.escape, limit.value)) if limit.kind == "choices" else limit.value
        self._pattern = regex.compile(f"(?:{pattern})", flags=regex.DOTALL)
        self.text = ""

    def may_end(self) -> bool:
        return self._pattern.fullmatch(self.text) is not None

    def takes(self, token: bytes) -> bool:
        following = self.text + token.decode("utf-8", "replace")
        return self._pattern.fullmatch(following, partial=True) is not None


def _draw(weights: dict[int, float], ask: Ask, draws: random.Random) -> int:
    """One token: temperature, then top_k, then top_p, then min_p."""
    ranked = sorted(weights, key=lambda each: (-weights[each], each))
    if ask.temperature <= 1e-5 or ask.top_k == 1:
        return ranked[0]
    ranked = ranked[: ask.top_k] if ask.top_k > 0 else ranked
    heated = [weights[each] ** (1 / ask.temperature) for each in ranked]
    whole, kept, mass = sum(heated), 0, 0.0
    for p in heated:
        if mass >= ask.top_p * whole or p < ask.min_p * heated[0]:
            break
        mass, kept = mass + p, kept + 1
    return draws.choices(ranked[:kept], heated[:kept])[0]
