"""The model calls of a result, one record each: what was asked, what came back, where it stands, how long it took."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, fields
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Literal

from lmc.ir.prompt import Piece, Text
from lmc.ir.runs import text_of
from lmc.ir.strand import Strand

if TYPE_CHECKING:
    from lmc.backend.base import Missed, SegmentEnd, TokenLogprob, Usage
    from lmc.executor.call_params import CallParams
    from lmc.executor.made_call import MadeCall
    from lmc.ir.prompt import Tokenizer

Logprob = dict[str, Any]  # id, text, logprob; `top` where it was asked for: (id, text, logprob) of the likeliest


class PromptTexts:
    """Reads prompts as texts; one that goes on from the last one is that text and more."""

    def __init__(self) -> None:
        self._last: tuple[Strand[Piece], str] | None = None

    def text(self, pieces: Strand[Piece]) -> str:
        """What a prompt reads as."""
        known, text = self._last or (None, "")
        new = list(takewhile(lambda part: part is not known, pieces.parts()))
        if new and new[-1].before is not known:
            text = ""  # the prompt of another branch
        text += "".join([text_of(part.tail) for part in reversed(new)])
        self._last = pieces, text
        return text


class CallPrompt:
    """The prompt of a call, which takes the room of what is new in it; a str when it is read."""

    __slots__ = ("_pieces", "_texts")

    def __init__(self, pieces: Strand[Piece], texts: PromptTexts) -> None:
        self._pieces, self._texts = pieces, texts

    @classmethod
    def of(cls, text: str) -> CallPrompt:
        """The prompt that reads so."""
        return cls(Strand(None, [Text(text)]), PromptTexts())

    @property
    def pieces(self) -> Strand[Piece]:
        """What it is made of: of what was generated its tokens."""
        return self._pieces

    def and_text(self, text: str) -> CallPrompt:
        """The prompt that goes on with a text."""
        return CallPrompt(Strand(self._pieces, [Text(text)]), self._texts)

    def __str__(self) -> str:
        return self._texts.text(self._pieces)

    def __eq__(self, other: object) -> bool:
        return str(self) == str(other) if isinstance(other, CallPrompt) else NotImplemented

    def __hash__(self) -> int:
        return hash(str(self))

    def __repr__(self) -> str:
        return repr(str(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return CallPrompt.of, (str(self),)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class CallRecord:
    """One `gen` or `select` as it was asked and answered.

    number         in program order, from 0
    item           of the batch it belongs to
    name           None where it has none
    branch         0 for the program's own prompt; the number of a fork is the same in every run
    place          file:line
    prompt         all text before the answer, template literals included; `prompt_tokens` of it, `cached_tokens` of
                   these from the cache. Calls that were fused into one request have the tokens of that in common.
                   The str is made when it is read: those of a long conversation would fill the memory (`asked`)
    output         the text that came, before it is read as a value; a list where several samples were asked, None
                   where it failed
    output_tokens  generated, of all samples
    finish_reason  a list where several samples were asked, None where it failed
    scores         by choice, of a select: what was compared; `distribution` is the model's own
    logprobs       of the generated tokens, where `return_logprob` asked for them; a list of these for several samples
    begin_s, first_token_s, end_s   seconds since the run began: asked, first text there, ended; None: not reached
    request        equal for calls that went as one request
    num_asked      times that it was asked: more than 1 after failures that may pass, and for `on_distortion`
    error          what it failed with, as text
    miss           tokens that a prompt before it had too and the cache had not, and why: its `reason` is `evicted`,
                   `never-inserted`, `namespace` or `model`; None where none is known
    """

    number: int
    item: int
    name: str | None
    kind: Literal["gen", "select"]
    branch: int
    place: str | None
    asked: CallPrompt
    prompt_tokens: int
    cached_tokens: int
    output: str | list[str] | None
    output_tokens: int
    finish_reason: str | list[str] | None
    scores: dict[str, float] | None
    distribution: dict[str, float] | None
    logprobs: list[Any] | None
    begin_s: float
    first_token_s: float | None
    end_s: float | None
    request: int
    num_asked: int
    error: str | None
    miss: Missed | None = None

    @property
    def prompt(self) -> str:
        """All text before the answer."""
        return str(self.asked)

    def as_dict(self) -> dict[str, Any]:
        """All of it by name, fit for JSON."""
        miss = self.miss and {"reason": self.miss.reason, "tokens": self.miss.tokens}
        made = {"prompt": self.prompt, "miss": miss}
        return {name: made[name] if name in made else deepcopy(getattr(self, name)) for name in _names()}

    @classmethod
    def of_dict(cls, record: Mapping[str, Any]) -> CallRecord:
        """The record that `as_dict` gave."""
        from lmc.backend.base import Missed

        values = {name: record[name] for name in _names() if name != "miss"}
        miss = record.get("miss")  # records of earlier versions have none
        return cls(asked=CallPrompt.of(values.pop("prompt")), miss=miss and Missed(**miss), **values)

    def __repr__(self) -> str:
        return f"CallRecord({', '.join(f'{name}={value!r}' for name, value in self.as_dict().items())})"


def _names() -> list[str]:
    """Of the fields of a record, as people know them."""
    return ["prompt" if field.name == "asked" else field.name for field in fields(CallRecord)]


def as_records(made: Sequence[MadeCall | CallRecord], item: int) -> list[CallRecord]:
    """The records of an item's calls, in program order, whichever way they were kept."""
    kept = [call for call in made if isinstance(call, CallRecord)]
    return kept or _records_of([call for call in made if not isinstance(call, CallRecord)], item)


def _records_of(made: Sequence[MadeCall], item: int) -> list[CallRecord]:
    found: list[CallRecord] = []
    texts = PromptTexts()
    for call in sorted(made, key=lambda each: each.position):
        prompt = CallPrompt(call.request.prompt.parts, texts)
        for values in _of_form(call, prompt) if call.params.parts else [_of_call(call, prompt)]:
            found.append(CallRecord(number=len(found), item=item, **_common(call), **values))
    return found


def _common(call: MadeCall) -> dict[str, Any]:
    """What the calls of one request have in common."""
    usage, span = _usage(call), call.params.span
    return {
        "branch": call.lineage,
        "place": span and f"{span.file}:{span.line}",
        "prompt_tokens": usage.prompt_tokens if usage else len(call.request.prompt.tokens),
        "cached_tokens": usage.cached_tokens if usage else 0,
        "begin_s": call.begin_s,
        "first_token_s": call.first_s,
        "end_s": call.end_s,
        "request": call.request.rid,
        "num_asked": call.num_asked,
        "error": _said(call),
        "miss": call.finished[0].missed if call.finished and call.finished[0] else None,
    }


def _usage(call: MadeCall) -> Usage | None:
    """Of its first sample: the others have the same prompt."""
    return call.finished[0].usage if call.finished and call.finished[0] else None


def _said(call: MadeCall) -> str | None:
    if call.error is not None:
        return f"{type(call.error).__name__}: {getattr(call.error, 'message', None) or call.error}"
    return None if call.end_s is not None else "the item was over before the call had ended"


def _of_call(call: MadeCall, prompt: CallPrompt) -> dict[str, Any]:
    """Of a request with one call."""
    ends = [end for end in call.ends if end is not None]
    ends = ends if len(ends) == call.request.n else []
    many = call.request.n > 1
    texts = [end.filled[0].text if end.filled else end.text for end in ends]
    logprobs = [_logprobs(end.logprobs, call.tokenizer) for end in ends if end.logprobs is not None]
    reasons = [end.filled[0].reason if end.filled else end.reason for end in ends]
    return {
        "name": getattr(call.request.out[0], "name", None),
        "kind": "select" if call.params.op == "select" else "gen",
        "asked": prompt,
        "output": (texts if many else texts[0]) if texts else None,
        "output_tokens": sum(sample.usage.output_tokens for sample in call.finished if sample is not None),
        "finish_reason": (reasons if many else reasons[0]) if reasons else None,
        "logprobs": (logprobs if many else logprobs[0]) if logprobs else None,
        **_scores(call.request.out[0], ends[0] if ends else None),
    }


def _of_form(call: MadeCall, prompt: CallPrompt) -> Iterator[dict[str, Any]]:
    """Of a request that makes several calls with text between them."""
    from lmc.executor.fused_calls import answers

    ends = [end for end in call.ends if end is not None]
    said = answers(call.params.parts, call.request.out, ends) if len(ends) == len(call.request.out) else []
    values = iter(said)
    each = iter(call.params.calls)
    for part in call.params.parts:
        text = _literal(part, call.texts)
        if text is not None:
            prompt = prompt.and_text(text)
            continue
        answer = next(values, None)
        yield {
            **_named(next(each)),
            "asked": prompt,
            "output": answer and answer.said.text,
            "output_tokens": answer.said.num_tokens if answer else 0,
            "finish_reason": answer and answer.said.reason,
            "logprobs": None,  # a generation that asks for them is not fused
            **_scores(answer.segment if answer else None, answer.end if answer else None),
        }
        prompt = prompt.and_text(answer.said.text if answer else "…")


def _named(params: CallParams) -> dict[str, Any]:
    return {"name": params.name, "kind": "select" if params.op == "select" else "gen"}


def _literal(part: object, texts: Sequence[str]) -> str | None:
    """The text of a part of a form that is no call."""
    from lmc.ir.fused import FusedText

    return part if isinstance(part, str) else part.filled(texts) if isinstance(part, FusedText) else None


def _scores(segment: object, end: SegmentEnd | None) -> dict[str, Any]:
    from lmc.backend.base import Score

    if end is None or not isinstance(segment, Score):
        return {"scores": None, "distribution": None}
    if end.scores is None:
        chances = end.chosen.probabilities if end.chosen is not None else None
        return {"scores": None, "distribution": None if chances is None else dict(zip(segment.choices, chances))}
    likely = end.scores.probabilities
    return {
        "scores": dict(zip(segment.choices, end.scores.scores)),
        "distribution": None if likely is None else dict(zip(segment.choices, likely)),
    }


def _logprobs(logprobs: Sequence[TokenLogprob], tokenizer: Tokenizer) -> list[Logprob]:
    return [_logprob(each, tokenizer) for each in logprobs]


def _logprob(token: TokenLogprob, tokenizer: Tokenizer) -> Logprob:
    found: Logprob = {"id": token.id, "text": tokenizer.decode([token.id]), "logprob": token.logprob}
    if token.top:
        found["top"] = [{"id": id, "text": tokenizer.decode([id]), "logprob": logprob} for id, logprob in token.top]
    return found
