"""What came of a call, as JSON and back. Token ids are left out but where a report shows them.

["text", sample, segment, "Yes"]                 a segment grew
["end", sample, segment, {"text": ..., ...}]     it is complete
["finished", sample, "stop", [prompt, cached, computed, output, forced]]
["failed", sample, {"code": ..., "message": ...}]
"""

from __future__ import annotations

from typing import Any

from lmc.backend.base import (
    ChoiceScores,
    Chosen,
    Delta,
    Event,
    Failed,
    Filled,
    Finished,
    Missed,
    SegmentEnd,
    TokenLogprob,
    Usage,
)
from lmc.ir.prompt import Tokenizer

Json = Any


def event_json(event: Event, tokenizer: Tokenizer) -> Json:
    """An event, without its rid."""
    match event:
        case Delta():
            row = ["text", event.sample, event.segment, event.text]
            return [*row, True] if event.forced else row
        case SegmentEnd():
            return ["end", event.sample, event.segment, _end_json(event, tokenizer)]
        case Finished(_, sample, reason, usage, missed):
            row = ["finished", sample, reason, _usage_json(usage)]
            return row if missed is None else [*row, [missed.reason, missed.tokens]]
        case Failed(_, sample, code, message, help, retryable):
            found = {"code": code, "message": message, "help": help, "retryable": retryable}
            return ["failed", sample, {name: value for name, value in found.items() if value}]


def event_of(row: Json, rid: int, tokenizer: Tokenizer) -> Event:
    """The event again. Raises ValueError, KeyError, IndexError or TypeError for what is none."""
    match row:
        case ["text", int(sample), int(segment), str(text), *rest]:
            return Delta(rid, sample, segment, text, tuple(tokenizer.encode(text)), None, bool(rest))
        case ["end", int(sample), int(segment), dict(found)]:
            return _end_of(rid, sample, segment, found, tokenizer)
        case ["finished", int(sample), str(reason), list(usage), *rest]:
            missed = Missed(*rest[0]) if rest else None
            return Finished(rid, sample, reason, Usage(*usage), missed)  # type: ignore[arg-type]
        case ["failed", int(sample), dict(found)]:
            return Failed(rid, sample, **found)
    raise ValueError(row)


def _usage_json(usage: Usage) -> Json:
    return [
        usage.prompt_tokens, usage.cached_tokens, usage.computed_tokens, usage.output_tokens, usage.forced_tokens,
    ]  # fmt: skip


# --- the end of a segment ------------------------------------------------------------------------------------


def _end_json(end: SegmentEnd, tokenizer: Tokenizer) -> Json:
    found: dict[str, Json] = {"text": end.text, "reason": end.reason, "tokens": end.num_tokens or len(end.ids)}
    if end.tail:
        found["tail"] = end.tail
    if end.filled:
        found["filled"] = [[each.text, each.reason, each.num_tokens] for each in end.filled]
    if end.masses is not None:
        found["masses"] = list(end.masses)
    if end.logprobs is not None:
        found["logprobs"] = [_logprob_json(each, tokenizer) for each in end.logprobs]
    if end.scores is not None:
        found["scores"] = _scores_json(end.scores)
    if end.chosen is not None:
        found["chosen"] = [end.chosen.by, end.chosen.index, end.chosen.probabilities]
    return found


def _end_of(rid: int, sample: int, segment: int, found: Json, tokenizer: Tokenizer) -> SegmentEnd:
    text, tail = found["text"], found.get("tail", "")
    logprobs, scores = found.get("logprobs"), found.get("scores")
    masses = found.get("masses")
    return SegmentEnd(
        rid, sample, segment, text, tuple(tokenizer.encode(text[: len(text) - len(tail)])), found["reason"], tail,
        None if logprobs is None else tuple(map(_logprob_of, logprobs)),
        None if scores is None else _scores_of(scores),
        tuple(Filled(*each) for each in found.get("filled", ())),
        None if masses is None else tuple(masses),
        found["tokens"],
        Chosen(*map(_frozen, found["chosen"])) if "chosen" in found else None,
    )  # fmt: skip


def _logprob_json(token: TokenLogprob, tokenizer: Tokenizer) -> Json:
    texts = token.texts or [tokenizer.decode([id]) for id in (token.id, *(id for id, _ in token.top))]
    return [token.id, token.logprob, [list(each) for each in token.top], token.forced, token.mass, list(texts)]


def _logprob_of(row: Json) -> TokenLogprob:
    id, logprob, top, forced, mass, texts = row
    return TokenLogprob(id, logprob, tuple((each, value) for each, value in top), forced, mass, tuple(texts))


def _scores_json(scores: ChoiceScores) -> Json:
    return {
        "method": scores.method, "index": scores.index, "ids": scores.ids, "logprobs": scores.logprobs,
        "scores": scores.scores, "unconditional": scores.unconditional, "probabilities": scores.probabilities,
    }  # fmt: skip


def _scores_of(found: Json) -> ChoiceScores:
    return ChoiceScores(**{name: _frozen(value) for name, value in found.items()})


def _frozen(value: Json) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
