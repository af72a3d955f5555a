"""Where the control tokens of a run stand: as the tokenizer itself finds them, and in template text only.

Added tokens are found before a text is cut any further, with their own rules (they may swallow the spaces around them,
stand for whole words only, be looked for after normalisation). So they are found with the tokenizer's own added
tokens and normalizer in front of a model that leaves all else as it is.
"""

from __future__ import annotations

import re
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from lmc.ir.runs import Run, joined

if TYPE_CHECKING:
    import tokenizers

_REST = "\ufdd0rest"  # the one token of the finder's model: not a text that anyone has
_WORD_CHARS = "\u0436\u0444\u044e\u0448\u044f"  # letters for a hidden text; no normalizer changes them
_OTHER_CHARS = "\u00b6\u00a7\u00b0"


class ControlSpan(NamedTuple):
    """A control token: text[start:end] is what it takes of the run, the spaces it swallows included."""

    start: int
    end: int
    token: int


class ControlFinder:
    """Finds control tokens in runs. `control_ids` are those of the tokenizer."""

    def __init__(self, tokenizer: tokenizers.Tokenizer, control_ids: frozenset[int]) -> None:
        import tokenizers

        added = [token for _, token in sorted(tokenizer.get_added_tokens_decoder().items())]
        self._finder = tokenizers.Tokenizer(tokenizers.models.WordLevel({_REST: 0}, unk_token=_REST))
        if tokenizer.normalizer is not None and any(token.normalized for token in added):
            self._finder.normalizer = tokenizer.normalizer
        for token in added:
            (self._finder.add_special_tokens if token.special else self._finder.add_tokens)([token])
        names = {i: tokenizer.id_to_token(i) or "" for i in control_ids}
        self._tokens = {self._finder.token_to_id(name): i for i, name in names.items()}
        used = set("".join(names.values()))
        self._word = next(char for char in _WORD_CHARS if char not in used)
        self._other = next(char for char in _OTHER_CHARS if char not in used)

    def spans(self, run: Run) -> list[ControlSpan]:
        """The control tokens that the template spells, first to last.

        Where an ordinary text spells one too, they are looked for with that text hidden.
        """
        texts = joined(run)
        if not any(is_control for is_control, _ in texts):
            return []
        found = self._found("".join(text for _, text in texts))
        if _are_template(found, texts):
            return [span for span, _ in found]
        hidden = "".join(text if is_control else self._hidden(text) for is_control, text in texts)
        return [span for span, _ in self._found(hidden)]

    def _found(self, text: str) -> list[tuple[ControlSpan, tuple[int, int]]]:
        """Each control token of a text, and where it stands without the spaces it swallows."""
        encoding = self._finder.encode(text, add_special_tokens=False)
        spans = (
            ControlSpan(start, end, self._tokens[i])
            for i, (start, end) in zip(encoding.ids, encoding.offsets)
            if i in self._tokens
        )
        return [(span, _core(text, span)) for span in spans]

    def _hidden(self, text: str) -> str:
        return re.sub(r"[^\w\s]", self._other, re.sub(r"\w", self._word, text))


def _core(text: str, span: ControlSpan) -> tuple[int, int]:
    taken = text[span.start : span.end]
    bare = taken.strip()
    start = span.start + taken.find(bare)
    return (start, start + len(bare)) if bare else (span.start, span.end)


def _are_template(found: list[tuple[ControlSpan, tuple[int, int]]], texts: list[tuple[bool, str]]) -> bool:
    """Whether every token lies in template text as a whole."""
    ends = list(accumulate(len(text) for _, text in texts))
    template = [(end - len(text), end) for end, (is_control, text) in zip(ends, texts) if is_control]
    return all(any(low <= start and end <= high for low, high in template) for _, (start, end) in found)
