"""A fused form as the segments of one request, and what each of its calls gets back.

What is written goes to an automaton, what is put is encoded as the prompt's own text would be, what is scored is
scored behind both (see ir.fused). Every call gets its own text, reason and tokens, and the length of the prompt that it
would have by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from lmc.backend.base import Filled, Forced, Gen, Score, Segment, SegmentEnd
from lmc.executor.boundary import together
from lmc.ir.fused import FormPart, FusedGen, FusedSelect, FusedText, Put, Written, sections
from lmc.ir.fused_automaton import constraint_of
from lmc.ir.ops import not_text
from lmc.ir.prompt import GENERATED, Encode, Text
from lmc.ir.sampling import Sampling


def segments(
    form: Sequence[FormPart], asked: Sequence[Sampling | Score], texts: Sequence[str], encode: Encode
) -> tuple[Segment, ...]:
    """The request's output: `asked` is what each call wants, `texts` are the operands. Raises TypeError for no text."""
    for text in texts:
        if not isinstance(text, str):
            raise not_text(text)
    calls, found, text = iter(asked), list[Segment](), ""  # `text` is to be put
    for section in sections(form):
        match section:
            case Put(put):
                text = put.filled(texts)
                continue
            case Written(parts=parts):
                found += _put(text, encode)
                gens = [part for part in parts if isinstance(part, FusedGen)]
                found.append(_written(parts, [cast(Sampling, next(calls)) for _ in gens]))
            case FusedSelect():
                score = cast(Score, next(calls))
                found += _scored(section, score, text, encode) if found else [score]
        text = ""
    return (*found, *_put(text, encode))


def _scored(select: FusedSelect, score: Score, text: str, encode: Encode) -> list[Segment]:
    """A choice behind a text; at an exact boundary in the tokens that the two make together."""
    if not select.is_exact:
        return [*_put(text, encode), score]
    kept, score = together((Text(text),) if text else (), GENERATED, score, encode)
    return [*_forced(kept), score]


def _put(text: str, encode: Encode) -> list[Segment]:
    return _forced(_ids(text, encode), text)


def _forced(ids: tuple[int, ...], text: str | None = None) -> list[Segment]:
    return [Forced(ids, text)] if ids else []


def _ids(text: str, encode: Encode) -> tuple[int, ...]:
    """The ids of a text behind what was generated."""
    return encode((Text(text),), GENERATED) if text else ()


def _written(parts: tuple[str | FusedGen, ...], samplings: list[Sampling]) -> Gen:
    """One automaton for several parts; a generation by itself is asked for as it is alone."""
    match parts:
        case (FusedGen(_, constraint, _),):
            return Gen(None, samplings[0], constraint)
    # a token of a literal is at least one of its bytes
    literals = sum(len(part.encode("utf-8", "replace")) for part in parts if isinstance(part, str))
    most = sum(sampling.max_tokens for sampling in samplings) + literals
    return Gen(None, Sampling(max_tokens=most, temperature=0.0), constraint_of(parts), tuple(samplings))


# --- what comes back -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call of the form said; `end` and `segment` are those of a choice, None for a generation."""

    name: str | None
    said: Filled
    end: SegmentEnd | None = None
    segment: Score | None = None


def answers(form: Sequence[FormPart], out: Sequence[Segment], ends: Sequence[SegmentEnd]) -> list[Answer]:
    """What each call said, in order."""
    names = (part.name for part in form if isinstance(part, FusedGen | FusedSelect))
    found = []
    for segment, end in zip(out, ends, strict=True):
        match segment:
            case Gen():
                said = end.filled or (Filled(end.text, end.reason, end.num_tokens),)
                found += [Answer(next(names), each) for each in said]
            case Score():
                found.append(Answer(next(names), Filled(end.text, end.reason), end, segment))
    return found


def lengths_before(form: Sequence[FormPart], texts: Sequence[str], said: Sequence[Answer], encode: Encode) -> list[int]:
    """By call, the tokens between the form's prompt and the call, were each call made by itself.

    The form's own tokens may lie across the borders of its calls, so that they are not counted.
    """
    values, found, count, text = iter(said), list[int](), 0, ""
    for part in form:
        if isinstance(part, str | FusedText):
            text += _text(part, texts, values)
            continue
        count += len(_ids(text, encode))
        found.append(count)
        answer, text = next(values), ""
        if answer.end is not None:
            count += len(answer.end.ids)
        elif answer.said.reason == "stop":
            text = answer.said.text  # the stop string may have cut a token, and what is left is encoded anew
        else:
            count += answer.said.num_tokens
    return found


def whole(form: Sequence[FormPart], texts: Sequence[str], said: Sequence[Answer]) -> str:
    """The text that the form wrote, put and chose."""
    return "".join(by_part(form, texts, said))


def by_part(form: Sequence[FormPart], texts: Sequence[str], said: Sequence[Answer]) -> list[str]:
    """The same by part."""
    values = iter(said)
    return [_text(part, texts, values) for part in form]


def _text(part: FormPart, texts: Sequence[str], values: Iterator[Answer]) -> str:
    match part:
        case str():
            return part
        case FusedText():
            return part.filled(texts)
    return next(values).said.text


def tokens(out: Sequence[Segment], ends: Sequence[SegmentEnd], encode: Encode) -> tuple[int, ...]:
    """The tokens that the form left behind the prompt; what a stop string left of a token is encoded anew."""
    ids = list[int]()
    for end, after in zip(ends, (*out[1:], None), strict=True):
        ids += end.ids
        # the text behind it has it in its own tokens, and that of the last segment is the state's to encode
        if after is not None and not (isinstance(after, Forced) and after.text is not None):
            ids += _ids(end.tail, encode)
    return tuple(ids)
