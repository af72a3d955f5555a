"""Where the prompt meets what is chosen or generated: cut into tokens as the tokenizer writes the two together.

A prompt that ends in "The answer is " and the choice "yes" are " is" + " yes" to most tokenizers, and not
" is" + " " + "yes"; behind a token " " no model expects "yes". So the tokens of the prompt's last run of known text
are held against those of that run with each choice behind it, and what does not agree with all of them is taken off
the prompt and put before every choice. Choices are then compared from one point on, each in the tokens of the whole
text, and the tokens of the winner stay in the state in place of those taken off.

A generation has no list of texts to look at. There the last word of the prompt, from its space on, is taken off and
written again under the constraint: what is certain of it is forced at once, the rest is left to the masks, and a token
may begin in the prompt and end in the answer.

Generated tokens and control tokens are boundaries and never touched. Each choice costs an encoding of that run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from lmc.backend.base import Control, Gen, Ids, Piece, Prompt, Score, Text
from lmc.common_prefix import common_len
from lmc.ir.constraint import Blank, Choices, Fused, JsonSchema, Regex
from lmc.ir.json_schema.findings import NotRegular, SchemaError
from lmc.ir.json_schema.regular import regular_tree

MAX_WORD = 64  # characters of a last word that is written again
LAST_WORD = re.compile(r"(?<=\S)\s+\S*\Z")
Encode = Callable[[str], Sequence[int]]


def healed(prompt: Prompt, score: Score, encode: Encode) -> tuple[Prompt, Score]:
    """The prompt up to where the choices part from it, and the score with their tokens from there on.

    As they came where nothing would be left of the prompt: the first token of a text has nothing to be scored by.
    """
    text = _last_run(prompt.pieces)
    known = tuple(encode(text)) if text else ()
    kept, whole = together(text, score, encode)
    left = len(prompt.ids) - len(known) + len(kept)
    assert prompt.ids[len(prompt.ids) - len(known) :] == known, "a prompt ends in the tokens of its last piece"
    return (replace(prompt, ids=prompt.ids[:left]), whole) if left else (prompt, score)


def together(text: str, score: Score, encode: Encode) -> tuple[tuple[int, ...], Score]:
    """The tokens of a text that it has with every choice behind it, and the score with the tokens from there on."""
    known = tuple(encode(text)) if text else ()
    whole = [tuple(encode(text + choice)) for choice in score.choices]
    keep = min(common_len(known, ids) for ids in whole)
    return known[:keep], replace(score, ids=tuple(ids[keep:] for ids in whole))


def healed_gen(prompt: Prompt, gen: Gen, encode: Encode) -> tuple[Prompt, Gen]:
    """The prompt short of its last word, and a form that writes that word and then what `gen` may say.

    As they came where the tokenizer would not cut there, where what ends `gen` could be found in the word, or where
    its tokens are measured one by one.
    """
    text, sampling = _last_run(prompt.pieces), gen.sampling
    bounded = sampling.stop or sampling.stop_regex or sampling.min_tokens
    measured = sampling.return_logprob or sampling.top_logprobs_num or sampling.on_distortion
    if not isinstance(gen.constraint, Regex | Choices | JsonSchema) or bounded or measured:
        return prompt, gen
    word = _last_word(text)
    known = tuple(encode(text)) if word else ()
    left = len(prompt.ids) - len(encode(word))
    if not word or not left or (*encode(text[: -len(word)]), *encode(word)) != known or _recurs(gen.constraint):
        return prompt, gen
    whole = replace(sampling, max_tokens=sampling.max_tokens + len(word.encode("utf-8", "replace")))
    form = Fused((word, Blank(gen.constraint)))
    return replace(prompt, ids=prompt.ids[:left]), replace(gen, sampling=whole, constraint=form, blanks=(sampling,))


def _recurs(constraint: Regex | Choices | JsonSchema) -> bool:
    """Whether a schema has no automaton; what is refused of it is said where it is asked for."""
    if isinstance(constraint, JsonSchema):
        try:
            regular_tree(constraint)
        except (NotRegular, SchemaError):
            return True
    return False


def _last_word(text: str) -> str:
    """The end of a text from its last stretch of spaces on; "" where there is none nearby."""
    found = LAST_WORD.search(text[-MAX_WORD:])
    return found[0] if found else ""


def _last_run(pieces: tuple[Piece, ...]) -> str:
    """The known text at the end, "" where a generation or a template's literal ends the prompt."""
    match pieces[-1] if pieces else None:
        case Text(text):
            return text
        case Control() | Ids() | None:
            return ""
