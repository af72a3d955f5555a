"""Where the prompt meets a choice: scored as the tokenizer writes the two together.

A prompt that ends in "The answer is " and the choice "yes" are " is" + " yes" to most tokenizers, and not
" is" + " " + "yes"; behind a token " " no model expects "yes". So the tokens of the prompt's last run of known text
are held against those of that run with each choice behind it, and what does not agree with all of them is taken off
the prompt and put before every choice. Choices are then compared from one point on, each in the tokens of the whole
text, and the tokens of the winner stay in the state in place of those taken off.

Generated tokens and control tokens are boundaries and never touched. Each choice costs an encoding of that run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lmc.backend.base import Control, Ids, Piece, Prompt, Score, Text


def healed(prompt: Prompt, score: Score, encode: Callable[[str], list[int]]) -> tuple[Prompt, Score]:
    """The prompt up to where the choices part from it, and the score with their tokens from there on.

    As they came where nothing would be left of the prompt: the first token of a text has nothing to be scored by.
    """
    text = _last_run(prompt.pieces)
    known = tuple(encode(text)) if text else ()
    together = tuple(tuple(encode(text + choice)) for choice in score.choices)
    keep = min(_num_common(known, ids) for ids in together)
    left = len(prompt.ids) - len(known) + keep
    assert prompt.ids[len(prompt.ids) - len(known) :] == known, "a prompt ends in the tokens of its last piece"
    if not left:
        return prompt, score
    cut = replace(prompt, ids=prompt.ids[:left], state=None)
    return cut, replace(score, ids=tuple(ids[keep:] for ids in together))


def _last_run(pieces: tuple[Piece, ...]) -> str:
    """The known text at the end, "" where a generation or a template's literal ends the prompt."""
    match pieces[-1] if pieces else None:
        case Text(text):
            return text
        case Control() | Ids() | None:
            return ""


def _num_common(a: tuple[int, ...], b: tuple[int, ...]) -> int:
    return next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
