"""One model call in flight: from its request to the state and the value that come out of it.

A call settles its two futures when every sample has ended; the state goes on with sample 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import cast

from lmc.backend.base import (
    Delta,
    Event,
    Failed,
    Finished,
    FinishReason,
    Gen,
    Request,
    Score,
    Segment,
    SegmentEnd,
    TokenLogprob,
)
from lmc.errors import OutputError, RefusedConstraint, RequestError
from lmc.executor import checks, distortion, fused_calls
from lmc.executor.call_params import CallParams
from lmc.executor.cut import least_of
from lmc.executor.future import Cell, Future, Poison
from lmc.executor.instance import Instance, Position
from lmc.executor.made_call import MadeCall
from lmc.executor.state import Final, Names, ProgramState
from lmc.executor.telling import Telling
from lmc.ir.output import value_of
from lmc.ir.prompt import Ids, Text, Tokenizer
from lmc.ir.reasoning import REASONING_FORMATS, REASONING_NAME
from lmc.ir.strand import Strand

OF_CONSTRAINTS = ("LMC-CN", "constraint")  # how the codes of refusals begin that are about a constraint


class Call:
    """A request and who waits for it: an instance.OpenCall.

    wanted           the first segment as the program has it; another may be asked before it (see distortion.py)
    texts            what stands in the texts of a fused form
    path             the position of the block it stands in
    ends, finished   by sample; `form_ends` has the ends of all segments of a fused form
    telling          what the run is told of it; None where it wants to know of items only
    made             what is kept of it; None where the run keeps nothing
    num_left         samples that have not ended
    num_failures     times that it was asked again because it had failed
    is_aborted       True where its item has failed meanwhile
    """

    __slots__ = (
        "ends", "failed", "finished", "form_ends", "inst", "is_aborted", "made", "num_failures", "num_left",
        "outs", "params", "path", "request", "state", "telling", "texts", "wanted",
    )  # fmt: skip

    def __init__(
        self,
        inst: Instance,
        params: CallParams,
        request: Request,
        state: ProgramState,
        outs: list[Future],
        path: Position,
        wanted: Segment,
        texts: Sequence[str],
    ) -> None:
        self.path = path
        self.texts = texts
        self.form_ends: list[SegmentEnd] = []
        self.wanted = wanted
        self.inst = inst
        self.params = params
        self.request = request
        self.state = state
        self.outs = outs
        self.num_left = request.n
        self.telling: Telling | None = None
        if inst.branches is not None:
            self.telling = Telling(inst, inst.branches, params, state, request.out[0], wanted, request.n)
        self.made: MadeCall | None = None
        if inst.made is not None:
            shared = inst.shared
            position, tokenizer = (*path, params.number), shared.prompts.tokenizer
            self.made = MadeCall(position, params, request, state.lineage, texts, tokenizer, shared.begin_s or 0.0)
            inst.made.append(self.made)
        self.num_failures = 0
        self.is_aborted = False
        self.ends: list[SegmentEnd | None] = [None] * request.n
        self.finished: list[Finished | None] = [None] * request.n
        self.failed: Failed | None = None

    def take(self, event: Event) -> bool:
        """Note what happened; True once every sample has ended."""
        if self.made is not None:
            self.made.heard(event)
        if type(event) is Delta:
            if self.telling is not None:
                self.telling.grew(event)
            return False
        if type(event) is SegmentEnd:
            self.ends[event.sample] = event
            if self.params.parts:
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
        wait_s = self._retry_in()
        if wait_s is not None:
            self.num_failures += 1
            self._ask(self.request.out, wait_s)
            return
        again = None if self.failed is not None else self._again()
        if again is not None:
            self._ask((again,))
            return
        error = self._error()
        if error is None:
            try:
                results = self._form_result() if self.params.parts else self._result()
            except OutputError as unreadable:
                unreadable.span = self.params.span
                error = self.params.noted(unreadable)
        if error is not None:
            failure = Poison(error)
            self.inst.fails_at((*self.path, self.params.number), failure)
            self._give([failure] * len(self.outs))
            if self.telling is not None:
                self.telling.failed(error)
        else:
            self._give(results)
            if self.telling is not None:
                state, *values = results
                self.telling.ended(cast(ProgramState, state), values, self._texts())
        if self.made is not None:
            ends = self.form_ends if self.params.parts else self.ends
            self.made.ended(self.request, ends, self.finished, error)
        self.inst.answered()

    def _texts(self) -> list[list[str]]:
        """What each sample said; of a form, the text of each of its parts."""
        if self.params.parts:
            said = fused_calls.answers(self.params.parts, self.request.out, self.form_ends)
            return [[text] for text in fused_calls.by_part(self.params.parts, self.texts, said)]
        return [[_without_word(end).text for end in self.ends if end is not None]]

    @property
    def _is_free(self) -> bool:
        """True where no constraint restricts what is generated: there is nothing to check of it."""
        return not isinstance(self.wanted, Gen) or self.wanted.constraint is None

    def _again(self) -> Segment | None:
        if self._is_free:
            return None
        ends = [end for end in self.ends if end is not None]
        return distortion.asked_again(self.wanted, self.request.out[0], ends, self.params, self.inst.shared.warned)

    def _retry_in(self) -> float | None:
        """Seconds until a call that failed is asked again; None where it is not."""
        return None if self.failed is None else self.inst.shared.limits.retry_in(self.failed, self.num_failures)

    def _ask(self, out: tuple[Segment, ...], wait_s: float = 0.0) -> None:
        """Send the call's prompt once more, with these segments behind it, after so many seconds."""
        shared = self.inst.shared
        self.request = replace(self.request, rid=next(shared.rids), out=out)
        self.num_left = self.request.n
        self.ends = [None] * self.request.n
        self.finished = [None] * self.request.n
        self.failed = None
        self.form_ends.clear()
        self.inst.num_calls += 1
        if self.made is not None:
            self.made.rids.append(self.request.rid)
        if wait_s:
            shared.later.add(wait_s, self)
        else:
            shared.outbox.append(self)

    def _give(self, results: Sequence[Cell]) -> None:
        for out, result in zip(self.outs, results, strict=True):
            out.set(result)

    def _form_result(self) -> tuple[Cell, ...]:
        """The state behind a fused form, and what each of its calls said."""
        parts, prompts = self.params.parts, self.inst.shared.prompts
        said = fused_calls.answers(parts, self.request.out, self.form_ends)
        values = {answer.name: answer.said.text for answer in said if answer.name is not None}
        before = fused_calls.lengths_before(parts, self.texts, said, prompts.encode)
        meta = {
            answer.name: self._answer_meta(answer, num)
            for answer, num in zip(said, before, strict=True)
            if answer.name is not None
        }
        names = self.state.names.with_values(values, meta)
        text, ids = (
            fused_calls.whole(parts, self.texts, said),
            fused_calls.tokens(self.request.out, self.form_ends, prompts.encode),
        )
        first = self.request.out[0]
        own = prompts.encode_text(text) if isinstance(first, Score) and first.ids is not None else ids
        end = replace(self.form_ends[-1], text=text, ids=ids)
        state = _continued(self.state, self.request, end, own, names, num_calls=len(said))
        return (state, *(answer.said.text for answer in said))

    def _answer_meta(self, answer: fused_calls.Answer, num_before: int) -> dict[str, object]:
        """What is known of one call of a form; `num_before` tokens stand between the form's prompt and the call."""
        finished, said = self.finished[0], answer.said
        assert finished is not None
        meta = self._usage_meta(finished, said.reason) | {"completion_tokens": said.num_tokens}
        meta["prompt_tokens"] = finished.usage.prompt_tokens + num_before
        return meta | (_score_meta(answer.end, answer.segment) if answer.end and answer.segment else {})

    def _result(self) -> tuple[Cell, ...]:
        ends = [end for end in self.ends if end is not None]
        assert len(ends) == self.request.n, "a finished sample has a SegmentEnd"
        ends = [_without_word(end) for end in ends]
        values = [_own(self._value(end)) for end in ends]
        self._note_cut(ends)
        value = values[0] if len(values) == 1 else values
        if self.params.reasoning is not None:
            return self._without_thoughts(ends, value)
        names = self.state.names
        name = self._name()
        if name is not None:
            names = names.with_values({name: value}, {name: self._meta()})
        own = self._own_ids(ends[0])
        return _continued(self.state, self.request, ends[0], own, names), value

    def _note_cut(self, ends: Sequence[SegmentEnd]) -> None:
        """Remember a text that is not all that its constraint asks for, for whoever fails to read it."""
        segment = self.request.out[0]
        if isinstance(segment, Gen) and segment.constraint is not None and any(e.reason == "length" for e in ends):
            what = f"`{self._name()}`" if self._name() is not None else "a generation"
            limit = segment.sampling.max_tokens
            said = "max_tokens" if limit is None else f"max_tokens={limit}"
            least = partial(least_of, segment, self.inst.shared.prompts.tokenizer)
            self.inst.cut = (*self.inst.cut[-2:], partial(_cut_note, f"{what} was cut off by {said}", least))

    def _without_thoughts(self, ends: Sequence[SegmentEnd], value: object) -> tuple[Cell, ...]:
        """The state with the answer as text: what was generated has no tokens in the prompts to come."""
        thoughts = [self._split(end)[0] for end in ends]
        name = self._name()
        names = self.state.names
        if name is not None:
            values = {name: value, REASONING_NAME.format(name): thoughts[0] if len(thoughts) == 1 else thoughts}
            names = names.with_values(values, {name: self._meta()})
        state = replace(self.state.append(self._split(ends[0])[1]), names=names, calls=self.state.calls + 1)
        return state, value

    def _split(self, end: SegmentEnd) -> tuple[str, str]:
        return REASONING_FORMATS[self.params.reasoning or ""].split(end.text)

    def _name(self) -> str | None:
        return getattr(self.request.out[0], "name", None)

    def _value(self, end: SegmentEnd) -> object:
        params = self.params
        text = end.text if params.reasoning is None else self._split(end)[1]
        least = partial(least_of, self.request.out[0], self.inst.shared.prompts.tokenizer)
        return value_of(text, params.dtype, params.output, was_cut=end.reason == "length", least=least)

    def _own_ids(self, end: SegmentEnd) -> tuple[int, ...]:
        """Tokens that spell what was said and no more: those of a healed call begin with the end of the prompt."""
        segment = self.request.out[0]
        if end.filled or (isinstance(segment, Score) and segment.ids is not None):
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
        meta = self._usage_meta(finished, end.filled[0].reason if end.filled else end.reason)
        if end.logprobs is not None:
            meta |= _logprob_meta(end.logprobs, self._wants_text(), tokenizer)
        meta |= distortion.meta_of(self.wanted, segment, end)
        return meta | (_score_meta(end, segment) if isinstance(segment, Score) else {})

    def _usage_meta(self, finished: Finished, reason: FinishReason) -> dict[str, object]:
        with_another = {} if finished.said_with is None else {"said_with": finished.said_with}
        return {
            **with_another,
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
        failed, params = self.failed, self.params
        if failed is None:
            if self._is_free and not self.params.parts:
                return None
            error = checks.broken(self._segments())
            return None if error is None else params.noted(error)
        kind = RefusedConstraint if failed.code.startswith(OF_CONSTRAINTS) else RequestError
        request_error = kind(
            failed.message,
            retryable=failed.retryable,
            span=params.span,
            code=failed.code,
            help=failed.help or None,
        )
        return params.noted(request_error)

    def _segments(self) -> Iterator[tuple[Segment, SegmentEnd]]:
        """What was asked with what came of it: all of a form, or each sample."""
        if self.params.parts:
            yield from zip(self.request.out, self.form_ends)
        else:
            yield from ((self.request.out[0], end) for end in self.ends if end is not None)


def _own(value: object) -> object:
    """A text as an object that nobody else has for the same text: by it, a value is known again where it is used."""
    return value[:1] + value[1:] if type(value) is str else value


def _without_word(end: SegmentEnd) -> SegmentEnd:
    """What a healed generation wrote behind the prompt's last word; any other as it is."""
    return replace(end, text=end.filled[0].text) if end.filled else end


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
    prompt = request.prompt
    text = end.text[: len(end.text) - len(end.tail)] if end.tail else end.text
    said = Ids(own, text)  # a boundary, even where nothing was said
    cell = (state.head, said)
    final = Final(Strand(prompt.tokens, end.ids), Strand(prompt.parts, (said,)), cell, request.rid)
    return state.called(final, (cell, Text(end.tail)) if end.tail else cell, names, num_calls)


def _logprob_meta(logprobs: tuple[TokenLogprob, ...], with_text: bool, tokenizer: Tokenizer) -> dict[str, object]:
    """SGLang's shape: (log-probability, token id, text or None) a token."""

    def shown(token: TokenLogprob) -> list[tuple[float, int, str | None]]:
        """The token, and those beside it."""
        ids = ((token.logprob, token.id), *((logprob, id) for id, logprob in token.top))
        texts = (token.texts or [tokenizer.decode([id]) for _, id in ids]) if with_text else [None] * len(ids)
        return [(logprob, id, text) for (logprob, id), text in zip(ids, texts, strict=True)]

    rows = [shown(token) for token in logprobs]
    meta: dict[str, object] = {"output_token_logprobs": [row[0] for row in rows]}
    if any(t.top for t in logprobs):
        meta["output_top_logprobs"] = [row[1:] for row in rows]
    return meta


def _score_meta(end: SegmentEnd, segment: Score) -> dict[str, object]:
    scores = end.scores
    if scores is None:
        return _chosen_meta(end, segment)
    tokens = [list(zip(logprobs, ids)) for logprobs, ids in zip(scores.logprobs, scores.ids)]
    probabilities = scores.probabilities
    return {
        "choices": list(segment.choices),
        "choice": scores.index,
        "select_by": "scores",
        "method": scores.method,
        "boundary": "naive" if segment.ids is None else "exact",
        "scores": list(scores.scores),
        "distribution": None if probabilities is None else list(zip(segment.choices, probabilities)),
        "input_token_logprobs": tokens,
        "normalized_prompt_logprobs": [sum(logprobs) / max(1, len(logprobs)) for logprobs in scores.logprobs],
        "unconditional_token_logprobs": scores.unconditional and [list(logprobs) for logprobs in scores.unconditional],
    }


def _chosen_meta(end: SegmentEnd, segment: Score) -> dict[str, object]:
    """Of a choice that an API made by means of its own: what there is of it, and no scores."""
    chosen = end.chosen
    assert chosen is not None, "a choice has its scores, or says by what means it was made"
    likely = chosen.probabilities
    return {
        "choices": list(segment.choices),
        "choice": chosen.index,
        "select_by": chosen.by,
        "distribution": None if likely is None else list(zip(segment.choices, likely)),
    }


def _cut_note(what: str, least: Callable[[], str]) -> str:
    more = least()
    return f"{what}: its text is not whole" + (f"; {more}" if more else "")
