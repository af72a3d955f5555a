"""What the echo backend answers to one sample of a request: its segments, as events.

A pure function of the prompt's ids, the segments and the settings: no clock, no queue. A segment sees the tokens
before it, its own request's earlier segments included, so fused segments say what separate requests would.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from lmc.backend.base import (
    Delta,
    Event,
    Failed,
    Filled,
    Finished,
    FinishReason,
    Forced,
    Gen,
    Request,
    Score,
    Segment,
    SegmentEnd,
    TokenLogprob,
    Usage,
)
from lmc.backend.choices import choice_ids, drawn
from lmc.backend.echo.constraint import Drawers
from lmc.backend.echo.score import score, token_logprobs
from lmc.backend.echo.text import cut_at_stop, mix, words
from lmc.backend.echo.walk import MARK
from lmc.errors import LMError
from lmc.ir.constraint import Blank, Constraint, Fused, Regex
from lmc.ir.json_schema.trees import ANY_CHAR, both, many
from lmc.ir.sampling import Sampling
from lmc.ir.strand import Strand
from lmc.tokenizer.byte_tokenizer import ByteTokenizer

Script = Callable[[str, Gen], "str | None"]

GREEDY = 0x67726565  # stands where a sampled call has its seed
UNSEEDED = 0x73616D70


@dataclass(frozen=True, slots=True)
class Settings:
    """What the answers depend on besides the request.

    script  (prompt with control tokens written out, gen) -> text to say, None for the usual words
    chunks  Deltas a gen segment is split into
    """

    seed: int
    tokenizer: ByteTokenizer
    max_len: int | None
    chunks: int
    script: Script | None
    drawers: Drawers


@dataclass(frozen=True, slots=True)
class Said:
    """A finished segment: text and ids that stay, why it ended, and how many tokens were generated for it."""

    text: str
    ids: tuple[int, ...]
    reason: FinishReason
    num_generated: int


def reply(request: Request, sample: int, settings: Settings) -> list[Event]:
    """Every event of one sample, in order: its segments' Deltas and ends, then Finished, or a Failed."""
    rid = request.rid
    ids = request.prompt.tokens
    if refusal := _refusal(request, settings):
        return [Failed(rid, sample, "too_long", refusal, help="shorten the prompt or open echo with a larger max_len")]
    events: list[Event] = []
    reason: FinishReason = "stop"
    num_generated = 0
    for index, segment in enumerate(request.out):
        try:
            said, end = _answer(request, sample, index, segment, ids, settings)
        except (LMError, re.error) as error:
            return [*events, _failed(rid, sample, error)]
        events += _deltas(said, end, segment, settings.chunks)
        events.append(end)
        if index + 1 < len(request.out):
            ids = Strand(ids, said.ids)
        reason = said.reason
        num_generated += said.num_generated
    prompt_len = len(request.prompt.tokens)
    events.append(Finished(rid, sample, reason, Usage(prompt_len, 0, prompt_len, num_generated)))
    return events


def _refusal(request: Request, settings: Settings) -> str:
    length = len(request.prompt.tokens)
    if settings.max_len is None or length < settings.max_len:
        return ""
    return f"the prompt has {length} tokens and echo holds {settings.max_len}, with no room for an answer"


def _failed(rid: int, sample: int, error: LMError | re.error) -> Failed:
    if isinstance(error, LMError):
        return Failed(rid, sample, error.code or "constraint", error.message, help=error.help or "")
    return Failed(rid, sample, "constraint", f"stop_regex {error.pattern!r}: {error}")


def _answer(
    request: Request, sample: int, index: int, segment: Segment, ids: Strand[int], settings: Settings
) -> tuple[Said, SegmentEnd]:
    """What one segment says after `ids`, and the event that ends it."""
    match segment:
        case Gen(constraint=Fused(parts)):
            said, filled = _fused(segment, parts, sample, ids, settings)
            return said, _end(request.rid, sample, index, said, filled=filled)
        case Gen():
            return _gen(request.rid, sample, index, segment, ids, settings)
        case Forced():
            said = Said(settings.tokenizer.decode(segment.ids), segment.ids, "forced", 0)
            return said, SegmentEnd(request.rid, sample, index, said.text, said.ids, "forced")
        case Score():
            return _score(request.rid, sample, index, segment, ids, settings)


def _deltas(said: Said, end: SegmentEnd, segment: Segment, chunks: int) -> list[Event]:
    rid, sample, index = end.rid, end.sample, end.segment
    if chunks <= 1 or len(said.text) <= 1 or not isinstance(segment, Gen):
        return [Delta(rid, sample, index, said.text, said.ids, end.logprobs, isinstance(segment, Forced))]
    size = -(-len(said.text) // chunks)
    deltas: list[Event] = []
    at = 0
    for start in range(0, len(said.text), size):
        text = said.text[start : start + size]
        stop = at + len(text.encode("utf-8", "replace"))
        logprobs = end.logprobs[at:stop] if end.logprobs is not None else None
        deltas.append(Delta(rid, sample, index, text, said.ids[at:stop], logprobs))
        at = stop
    return deltas


# --- score -----------------------------------------------------------------------------------------------


def _score(
    rid: int, sample: int, index: int, segment: Score, ids: Strand[int], settings: Settings
) -> tuple[Said, SegmentEnd]:
    choices = choice_ids(segment, settings.tokenizer.encode)
    empty = mix(settings.seed, hash(settings.tokenizer.begin_ids))
    scores = drawn(score(segment, choices, mix(settings.seed, hash(ids)), empty), segment, sample, len(ids))
    said = Said(segment.choices[scores.index], choices[scores.index], "score", 0)
    return said, SegmentEnd(rid, sample, index, said.text, said.ids, "score", scores=scores)


# --- fused forms --------------------------------------------------------------------------------------------


def _fused(
    gen: Gen, parts: tuple[str | Blank, ...], sample: int, ids: Strand[int], settings: Settings
) -> tuple[Said, tuple[Filled, ...]]:
    """Each generation says what it would say alone."""
    said: list[Said] = []
    filled: list[Filled] = []
    samplings = iter(gen.blanks)
    for part in parts:
        if isinstance(part, str):
            literal = tuple(settings.tokenizer.encode(part))
            said.append(Said(part, literal, "forced", len(literal)))
        else:
            alone = Gen(None, next(samplings), part.constraint)
            said.append(_said(alone, sample, ids, settings))
            filled.append(Filled(said[-1].text, said[-1].reason, said[-1].num_generated))
        ids = Strand(ids, said[-1].ids)
    text, own = "".join(each.text for each in said), tuple(id for each in said for id in each.ids)
    return Said(text, own, "constraint", sum(each.num_generated for each in said)), tuple(filled)


# --- gen -------------------------------------------------------------------------------------------------


def _gen(rid: int, sample: int, index: int, gen: Gen, ids: Strand[int], settings: Settings) -> tuple[Said, SegmentEnd]:
    sampling = gen.sampling
    said = _said(gen, sample, ids, settings)
    logprobs = None
    if sampling.return_logprob or sampling.top_logprobs_num > 0:
        logprobs = token_logprobs(mix(settings.seed, hash(ids)), said.ids, sampling.top_logprobs_num)
    return said, _end(rid, sample, index, said, logprobs)


def _end(
    rid: int,
    sample: int,
    index: int,
    said: Said,
    logprobs: tuple[TokenLogprob, ...] | None = None,
    *,
    filled: tuple[Filled, ...] = (),
) -> SegmentEnd:
    text, ids, reason, num = said.text, said.ids, said.reason, said.num_generated
    return SegmentEnd(rid, sample, index, text, ids, reason, "", logprobs, None, filled, None, num)


def _said(gen: Gen, sample: int, ids: Strand[int], settings: Settings) -> Said:
    return _say(gen, mix(mix(settings.seed, hash(ids)), *_lineage(gen.sampling, sample)), ids, settings)


def _lineage(sampling: Sampling, sample: int) -> tuple[int, int]:
    """What tells sampled calls with one prompt apart; nothing does where they are greedy."""
    if sampling.greedy:
        return GREEDY, 0
    return UNSEEDED if sampling.seed is None else sampling.seed, sample


def _say(gen: Gen, seed: int, ids: Strand[int], settings: Settings) -> Said:
    limit = gen.sampling.max_tokens
    if settings.max_len is not None:
        limit = min(limit, settings.max_len - len(ids))
    scripted = settings.script(settings.tokenizer.show(ids), gen) if settings.script else None
    if scripted is not None:
        return _finish(scripted, "eos", gen.sampling, limit)
    if gen.constraint is not None:
        assert not isinstance(gen.constraint, Fused), "a form is said generation by generation"
        drawn = settings.drawers.draw(_long_enough(gen.constraint, gen.sampling.min_tokens), seed, limit)
        if MARK in drawn:
            return _finish_marked(drawn, gen.sampling, limit, settings.tokenizer)
        return _finish(drawn.decode(), "constraint", gen.sampling, limit)
    return _say_words(gen.sampling, seed, limit)


def _long_enough(constraint: Constraint, least: int) -> Constraint:
    """The same without texts of fewer characters than there must be tokens; a token is a byte here."""
    if not isinstance(constraint, Regex) or not least:
        return constraint
    return Regex(f"{constraint.pattern}\0{least}", both([constraint.tree, many(ANY_CHAR, least)]))


def _say_words(sampling: Sampling, seed: int, limit: int) -> Said:
    text, ended = words(seed, limit if sampling.ignore_eos else sampling.min_tokens, limit)
    if ended and sampling.stop and not sampling.ignore_eos:
        text += sampling.stop[seed % len(sampling.stop)]  # a model told to stop at it would say it
    return _finish(text, "eos", sampling, limit)


def _finish(text: str, reason: FinishReason, sampling: Sampling, limit: int) -> Said:
    """`text` as it ends under the sampling's stops and a limit in tokens; `reason` is why it would end otherwise."""
    raw = text.encode("utf-8", "replace")
    has_stops = sampling.stop or sampling.stop_regex or sampling.stop_token_ids
    if has_stops and (stopped := _stopped(text, raw, sampling, limit)):
        return stopped
    if len(raw) > limit:
        raw = raw[:limit]
        text, reason = raw.decode("utf-8", "ignore"), "length"
        raw = text.encode("utf-8")  # a character cut in two is left out whole
    elif len(raw) == limit and reason == "eos":
        reason = "length"  # there was no room for an end token
    return Said(text, tuple(raw), reason, len(raw))


def _finish_marked(drawn: bytes, sampling: Sampling, limit: int, tokenizer: ByteTokenizer) -> Said:
    """A text with control tokens, which are one token each; a stop makes ordinary text of what stands before it."""
    text = drawn.replace(bytes((MARK,)), b"").decode()
    spelt = text.encode()
    if stopped := _stopped(text, spelt, sampling, limit):
        return stopped
    first, *marked = drawn.split(bytes((MARK,)))
    ids = list(first)
    for part in marked:
        name = next(name for name in tokenizer.control_tokens() if part.startswith(name.encode()))
        ids += [tokenizer.control_tokens()[name], *part[len(name) :]]
    reason: FinishReason = "constraint" if len(ids) <= limit else "length"
    return Said(tokenizer.show(ids[:limit]), tuple(ids[:limit]), reason, min(len(ids), limit))


def _stopped(text: str, raw: bytes, sampling: Sampling, limit: int) -> Said | None:
    """The text before its first stop, if that stop comes within `limit` tokens; a stop token is cut off as well."""
    least = sampling.min_tokens
    ends = [at + 1 for t in sampling.stop_token_ids if 0 <= t < 256 and (at := raw.find(t, least)) >= 0]
    cuts = [(end, end - 1) for end in ends]
    least = len(raw[:least].decode("utf-8", "ignore"))
    if cut := cut_at_stop(text, sampling.stop, sampling.stop_regex, least=least):
        start, end = cut
        cuts.append((_num_bytes(text[:end]), _num_bytes(text[:start])))
    if not cuts or min(cuts)[0] > limit:
        return None
    end, start = min(cuts)
    return Said(raw[:start].decode("utf-8", "ignore"), tuple(raw[:start]), "stop", end)


def _num_bytes(text: str) -> int:
    return len(text.encode("utf-8", "replace"))
