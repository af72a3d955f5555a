"""A brain that says what a function tells it to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..asked import Ask, Call, Completion, Token, Turn, Words
from ..chatml import chatml
from ..cutting import cut
from ..fill import accepts, filled
from ..words import FourBytes


@dataclass(frozen=True, slots=True)
class Said:
    """More than a text: tool calls, a refusal, thoughts; `ends` False goes on until the tokens are used up."""

    text: str = ""
    calls: tuple[Call, ...] = ()
    refusal: str | None = None
    thinking: str = ""


Script = Callable[[str], "str | Said | Sequence[str | Said]"]


class ScriptBrain:
    """Answers `script(prompt)`: a text, a Said, or a list of them by sample.

    words    how tokens are counted: four bytes a token unless told otherwise
    weights  what `weigh` goes by: a function from (prompt, texts) to weights; by default the text that the script
             says has nine tenths

    A text that breaks the limit of a call is replaced by one that keeps it, its strings being the script's text: as
    under constrained decoding. Logprobs are made up by a rule: -(1 + id % 7) / 8, and an alternative 1 below.
    """

    blocks = False

    def __init__(
        self,
        script: Script | str | Mapping[str, str],
        words: Words | None = None,
        weights: Callable[[str, Sequence[str]], Iterable[float]] | None = None,
    ) -> None:
        self.words: Words = words or FourBytes()
        self._script = _as_script(script)
        self._weights = weights
        self._known: dict[object, Completion] = {}

    def render(self, turns: Sequence[Turn], opens: bool, continues: bool) -> str:
        """As ChatML."""
        return chatml(turns, opens, continues)

    def generate(self, ask: Ask, n: int) -> list[Completion]:
        """What the script says."""
        return [self._completion(ask, self._said(ask.text, sample)) for sample in range(n)]

    def _completion(self, ask: Ask, said: Said) -> Completion:
        if said.refusal is not None:
            return Completion((), "", "refusal", refusal=said.refusal)
        calls = said.calls or self._forced_calls(ask, said.text)
        if calls and ask.tools:
            tokens = self._tokens("".join(call.name + call.arguments for call in calls), ask)
            return Completion(
                tuple(tokens), said.text if said.calls else "", "calls", calls=calls, thinking=said.thinking
            )
        text = said.text
        if ask.limit and not accepts(ask.limit, text):
            text = filled(ask.limit, lambda: said.text)
        done = self._cut(text, ask)
        if not said.thinking:
            return done
        return Completion(done.tokens, done.text, done.finish, done.stop, thinking=said.thinking)

    def score(self, ids: Sequence[int], top: int) -> list[Token]:
        """By the rule."""
        tokens = [self._token(each, top) for each in ids]
        return [Token(ids[0], tokens[0].text, None), *tokens[1:]] if tokens else []

    def weigh(self, ask: Ask, texts: Sequence[str]) -> list[float]:
        """By `weights`, or by what the script says."""
        if self._weights:
            return list(self._weights(ask.text, texts))
        said = self._said(ask.text, 0).text.strip()
        return [0.9 if text == said else 0.1 / max(1, len(texts) - 1) for text in texts]

    def _said(self, prompt: str, sample: int) -> Said:
        said = self._script(prompt)
        if not isinstance(said, str | Said):
            said = said[sample % len(said)]
        return Said(said) if isinstance(said, str) else said

    def _cut(self, text: str, ask: Ask) -> Completion:
        """The same text, asked for in the same way, is cut once."""
        key = (text, ask.max_tokens, ask.stop, ask.top)
        done = self._known.get(key)
        if done is None:
            if len(self._known) > 1000:
                self._known.clear()
            done = self._known[key] = cut(self._tokens(text, ask), ask)
        return done

    def _forced_calls(self, ask: Ask, text: str) -> tuple[Call, ...]:
        if not ask.forced_tool:
            return ()
        tool = next(each for each in ask.tools if ask.forced_tool in ("*", each.name))
        limit = tool.limit
        fits = limit is None or accepts(limit, text)
        return (Call(tool.name, text if fits else filled(limit, lambda: text), tool.is_custom),)

    def _tokens(self, text: str, ask: Ask) -> Iterable[Token]:
        for each in self.words.encode(text):
            yield Token(each, self.words.spell(each), 0.0) if ask.top is None else self._token(each, ask.top)

    def _token(self, number: int, top: int) -> Token:
        logprob, text = -(1 + number % 7) / 8, self.words.spell(number)
        beside = [
            (number, text, logprob),
            *((33 + rank, bytes((33 + rank,)), logprob - rank) for rank in range(1, top)),
        ]
        return Token(number, text, logprob, tuple(beside[:top]))


def _as_script(script: Script | str | Mapping[str, str]) -> Script:
    """A text is always said; of a mapping, the text of the longest key that the prompt holds."""
    if isinstance(script, str):
        return lambda prompt: script
    if isinstance(script, Mapping):
        keys = sorted(script, key=len, reverse=True)
        return lambda prompt: next((script[key] for key in keys if key in prompt), "")
    return script
