"""One model call in flight: from its request to the state and the value that come out of it.

A call settles its two futures when every sample has ended; the state goes on with sample 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from lmc.backend.base import (
    Delta,
    Event,
    Failed,
    Finished,
    FinishReason,
    Ids,
    Request,
    Score,
    Segment,
    SegmentEnd,
    Tokenizer,
    TokenLogprob,
)
from lmc.errors import RequestError
from lmc.executor import checks, distortion, fused_calls
from lmc.executor.future import Future, Poison, Slot
from lmc.executor.instance import Instance, Position
from lmc.executor.notes import noted
from lmc.executor.requests import BoundCall
from lmc.executor.state import Final, Names, ProgramState


class Call:
    """A request and who waits for it.

    wanted           the segment as the program has it; another may be asked first (see distortion.py)
    texts            what stands in the texts of a fused form
    path             the position of the block it stands in
    ends, finished   by sample; `form_ends` those of all segments of a fused form
    num_left         samples that have not ended
    is_aborted       True where its item has failed meanwhile
    """

    __slots__ = (
        "bound",
        "ends",
        "failed",
        "finished",
        "form_ends",
        "inst",
        "is_aborted",
        "num_left",
        "outs",
        "path",
        "request",
        "state",
        "texts",
        "wanted",
    )  # fmt: skip

    def __init__(
        self,
        inst: Instance,
        bound: BoundCall,
        request: Request,
        state: ProgramState,
        outs: list[Future],
        path: Position,
        wanted: Segment | None = None,
        texts: Sequence[str] = (),
    ) -> None:
        self.path = path
        self.texts = texts
        self.form_ends: list[SegmentEnd] = []
        self.wanted = wanted or request.out[0]
        self.inst = inst
        self.bound = bound
        self.request = request
        self.state = state
        self.outs = outs
        self.num_left = request.n
        self.is_aborted = False
        self.ends: list[SegmentEnd | None] = [None] * request.n
        self.finished: list[Finished | None] = [None] * request.n
        self.failed: Failed | None = None

    def take(self, event: Event) -> bool:
        """Note what happened; True once every sample has ended."""
        if type(event) is Delta:
            return False
        if type(event) is SegmentEnd:
            self.ends[event.sample] = event
            if self.bound.form:
                self.form_ends.append(event)
            return False
        if type(event) is Finished:
            self.finished[event.sample] = event
            self.inst.add_usage(event.usage)
        elif type(event) is Failed and (self.failed is None or event.sample < self.failed.sample):
            self.failed = event
        self.num_left -= 1
        return not self.num_left

    def settle(self) -> None:
        """Give the result to those who wait, or ask once more."""
        again = None if self.failed is not None else self._again()
        if again is not None:
            self._ask(again)
            return
        error = self._error()
        if error is not None:
            failure = Poison(error)
            self.inst.fails_at((*self.path, self.bound.spec.number), failure)
            self._give([failure] * len(self.outs))
        elif self.bound.form:
            self._give(self._form())
        else:
            self._give(self._result())
        self.inst.answered()

    def _again(self) -> Segment | None:
        ends = [end for end in self.ends if end is not None]
        node, warned = self.bound.spec.node, self.inst.shared.warned
        return distortion.second(self.wanted, self.request.out[0], ends, node, warned)

    def _ask(self, segment: Segment) -> None:
        """The same prompt once more, with another segment behind it."""
        shared = self.inst.shared
        self.request = replace(self.request, rid=next(shared.rids), out=(segment,))
        self.num_left = self.request.n
        self.ends = [None] * self.request.n
        self.finished = [None] * self.request.n
        self.inst.num_calls += 1
        shared.outbox.append(self)

    def _give(self, results: Sequence[Slot]) -> None:
        for out, result in zip(self.outs, results, strict=True):
            out.set(result)

    def _form(self) -> tuple[Slot, ...]:
        """The state behind a fused form, and what each of its calls said."""
        form, encode = self.bound.form, self.inst.shared.prompts.encode_text
        said = fused_calls.answers(form, self.request.out, self.form_ends)
        values = {answer.name: answer.said.text for answer in said if answer.name is not None}
        meta = {answer.name: self._answer_meta(answer) for answer in said if answer.name is not None}
        names = self.state.names.with_values(values, meta)
        text, ids = fused_calls.whole(form, self.texts, said), fused_calls.tokens(self.form_ends, encode)
        first = self.request.out[0]
        own = encode(text) if isinstance(first, Score) and first.ids is not None else ids
        end = replace(self.form_ends[-1], text=text, ids=ids)
        state = _continued(self.state, self.request, end, own, names, num_calls=len(said))
        return (state, *(answer.said.text for answer in said))

    def _answer_meta(self, answer: fused_calls.Answer) -> dict[str, object]:
        """What is known of one call of a form."""
        finished, said = self.finished[0], answer.said
        assert finished is not None
        meta = self._usage_meta(finished, said.reason) | {"completion_tokens": said.num_tokens}
        return meta | (_score_meta(answer.end, answer.segment) if answer.end and answer.segment else {})

    def _result(self) -> tuple[Slot, ...]:
        ends = [end for end in self.ends if end is not None]
        assert len(ends) == self.request.n, "a finished sample has a SegmentEnd"
        ends = [_without_word(end) for end in ends]
        value: object = ends[0].text if len(ends) == 1 else [end.text for end in ends]
        segment = self.request.out[0]
        names = self.state.names
        name = getattr(segment, "name", None)
        if name is not None:
            names = names.with_values({name: value}, {name: self._meta()})
        own = self._own_ids(ends[0])
        return _continued(self.state, self.request, ends[0], own, names), value

    def _own_ids(self, end: SegmentEnd) -> tuple[int, ...]:
        """Tokens that spell what was said and no more: those of a healed call begin with the end of the prompt."""
        segment = self.request.out[0]
        if end.captures or (isinstance(segment, Score) and segment.ids is not None):
            return self.inst.shared.prompts.encode_text(end.text)
        return end.ids

    def _meta(self) -> dict[str, object]:
        tokenizer = self.inst.shared.prompts.tokenizer
        metas = [self._sample_meta(i, tokenizer) for i in range(self.request.n)]
        return metas[0] if len(metas) == 1 else {**metas[0], "samples": metas}

    def _sample_meta(self, sample: int, tokenizer: Tokenizer) -> dict[str, object]:
        end, finished = self.ends[sample], self.finished[sample]
        assert end is not None and finished is not None
        segment = self.request.out[0]
        meta = self._usage_meta(finished, end.captures[0].reason if end.captures else end.reason)
        if end.logprobs is not None:
            meta |= _logprob_meta(end.logprobs, self._wants_text(), tokenizer)
        meta |= distortion.meta_of(self.wanted, segment, end)
        return meta | (_score_meta(end, segment) if isinstance(segment, Score) else {})

    def _usage_meta(self, finished: Finished, reason: FinishReason) -> dict[str, object]:
        return {
            "id": self.request.rid,
            "finish_reason": reason,
            "prompt_tokens": finished.usage.prompt_tokens,
            "cached_tokens": finished.usage.cached_tokens,
            "completion_tokens": finished.usage.output_tokens,
        }

    def _wants_text(self) -> bool:
        sampling = getattr(self.request.out[0], "sampling", None)
        return bool(sampling and sampling.return_text_in_logprobs)

    def _error(self) -> BaseException | None:
        """Why there is no result, if there is none."""
        node, failed = self.bound.spec.node, self.failed
        if failed is None:
            error = checks.broken(self._segments())
            return None if error is None else noted(error, node)
        request_error = RequestError(
            failed.message,
            retryable=failed.retryable,
            span=node.span,
            code=failed.code,
            help=failed.help or None,
        )
        return noted(request_error, node)

    def _segments(self) -> Iterator[tuple[Segment, SegmentEnd]]:
        """What was asked with what came of it: all of a form, or each sample."""
        if self.bound.form:
            yield from zip(self.request.out, self.form_ends)
        else:
            yield from ((self.request.out[0], end) for end in self.ends if end is not None)


def _without_word(end: SegmentEnd) -> SegmentEnd:
    """What a healed generation wrote behind the prompt's last word; any other as it is."""
    return replace(end, text=end.captures[0].text) if end.captures else end


def _continued(
    state: ProgramState,
    request: Request,
    end: SegmentEnd,
    own: tuple[int, ...],
    names: Names,
    num_calls: int = 1,
) -> ProgramState:
    """The state with what was generated behind it; a cut token's tail is ordinary text again.

    The prompts to come begin with the request's tokens and those generated. `own` stands for the latter where a
    template that rewrites earlier turns has the whole conversation encoded anew: a choice is then encoded by itself.
    """
    prompt, head = request.prompt, state.head
    pieces = prompt.pieces
    text = end.text[: len(end.text) - len(end.tail)] if end.tail else end.text
    if end.ids:
        ids = Ids(own, text)
        head, pieces = (head, ids), (*pieces, ids)
    final = Final(prompt.ids + end.ids, pieces, head)
    if end.tail:
        head = (head, end.tail)
    return state.called(final, head, names, num_calls)


def _logprob_meta(logprobs: tuple[TokenLogprob, ...], with_text: bool, tokenizer: Tokenizer) -> dict[str, object]:
    """SGLang's shape: (log-probability, token id, text or None) a token."""

    def row(logprob: float, id: int) -> tuple[float, int, str | None]:
        return logprob, id, tokenizer.decode([id]) if with_text else None

    meta: dict[str, object] = {"output_token_logprobs": [row(t.logprob, t.id) for t in logprobs]}
    if any(t.top for t in logprobs):
        meta["output_top_logprobs"] = [[row(logprob, id) for id, logprob in t.top] for t in logprobs]
    return meta


def _score_meta(end: SegmentEnd, segment: Score) -> dict[str, object]:
    scores = end.scores
    assert scores is not None, "a choice has its scores"
    rows = [list(zip(logprobs, ids)) for logprobs, ids in zip(scores.logprobs, scores.ids)]
    parts = scores.probabilities
    return {
        "choices": list(segment.choices),
        "choice": scores.index,
        "method": scores.method,
        "boundary": "naive" if segment.ids is None else "exact",
        "scores": list(scores.scores),
        "distribution": None if parts is None else list(zip(segment.choices, parts)),
        "input_token_logprobs": rows,
        "normalized_prompt_logprobs": [sum(row) / max(1, len(row)) for row in scores.logprobs],
        "unconditional_token_logprobs": scores.unconditional and [list(row) for row in scores.unconditional],
    }
