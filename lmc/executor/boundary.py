"""Where the prompt meets what is chosen or generated: cut into tokens as the tokenizer writes the two together.

A prompt that ends in "The answer is " and the choice "yes" are " is" + " yes" to most tokenizers, and not
" is" + " " + "yes"; behind a token " " no model expects "yes". So the tokens of the prompt's last run are held
against those of that run with each choice behind it, and what does not agree with all of them is taken off the prompt
and put before every choice. Choices are then compared from one point on, each in the tokens of the whole
text, and the tokens of the winner stay in the state in place of those taken off.

A generation has no list of texts to look at. There the last word of the prompt, from its space on, is taken off and
written again under the constraint: what is certain of it is forced at once, the rest is left to the masks, and a token
may begin in the prompt and end in the answer.

Generated tokens and control tokens are never touched: no token reaches across them. Each choice costs an encoding of
the run.
"""

from __future__ import annotations

import re
from dataclasses import replace

from lmc.backend.base import Gen, Prompt, Score
from lmc.common_prefix import common_len
from lmc.ir.constraint import Blank, Choices, Fused, JsonSchema, Regex
from lmc.ir.json_schema.findings import SchemaError
from lmc.ir.json_schema.regular import texts_of
from lmc.ir.prompt import GENERATED, Encode, Ids, Text
from lmc.ir.runs import Run, last_run

MAX_WORD = 64  # characters of a last word that is written again
LAST_WORD = re.compile(r"(?<=\S)\s+\S*\Z")


def healed(prompt: Prompt, score: Score, encode: Encode) -> tuple[Prompt, Score]:
    """The prompt up to where the choices part from it, and the score with their tokens from there on.

    As they came where nothing would be left of the prompt: the first token of a text has nothing to be scored by.
    """
    run, after = last_run(prompt.parts)
    known = encode(run, after)
    kept, whole = together(run, after, score, encode)
    left = len(prompt.tokens) - len(known) + len(kept)
    assert prompt.tokens.last(len(known)) == known, "a prompt ends in the tokens of its last run"
    return (Prompt(prompt.tokens.upto(left), prompt.parts), whole) if left else (prompt, score)


def together(run: Run, after: Ids | None, score: Score, encode: Encode) -> tuple[tuple[int, ...], Score]:
    """The tokens of a run that it has with every choice behind it, and the score with the tokens from there on."""
    known = encode(run, after)
    whole = [encode((*run, Text(choice)), after) for choice in score.choices]
    keep = min(common_len(known, ids) for ids in whole)
    return known[:keep], replace(score, ids=tuple(ids[keep:] for ids in whole))


def healed_gen(prompt: Prompt, gen: Gen, encode: Encode) -> tuple[Prompt, Gen]:
    """The prompt short of its last word, and a form that writes that word and then what `gen` may say.

    As they came where the tokenizer would not cut there, where what ends `gen` could be found in the word, or where
    its tokens are measured one by one.
    """
    sampling = gen.sampling
    bounded = sampling.stop or sampling.stop_regex or sampling.min_tokens
    measured = sampling.return_logprob or sampling.top_logprobs_num or sampling.on_distortion
    if not isinstance(gen.constraint, Regex | Choices | JsonSchema) or bounded or measured:
        return prompt, gen
    run, after = last_run(prompt.parts)
    word = _last_word(run)
    own = encode((Text(word),), GENERATED) if word else ()
    left = len(prompt.tokens) - len(own)
    if not word or not left or _is_refused(gen.constraint):
        return prompt, gen
    if (*encode(_without(run, word), after), *own) != encode(run, after):
        return prompt, gen
    whole = replace(sampling, max_tokens=sampling.max_tokens + len(word.encode("utf-8", "replace")))
    form = Fused((word, Blank(gen.constraint)))
    return Prompt(prompt.tokens.upto(left), prompt.parts), replace(
        gen, sampling=whole, constraint=form, blanks=(sampling,)
    )


def _is_refused(constraint: Regex | Choices | JsonSchema) -> bool:
    """Whether a schema cannot be kept, which is said where it is asked for."""
    if isinstance(constraint, JsonSchema):
        try:
            texts_of(constraint)
        except SchemaError:
            return True
    return False


def _last_word(run: Run) -> str:
    """The end of the text that a run ends in, from its last stretch of spaces on; "" where there is none nearby."""
    text = run[-1].text if run and isinstance(run[-1], Text) else ""
    found = LAST_WORD.search(text[-MAX_WORD:])
    return found[0] if found else ""


def _without(run: Run, word: str) -> Run:
    return (*run[:-1], Text(run[-1].text.removesuffix(word)))
