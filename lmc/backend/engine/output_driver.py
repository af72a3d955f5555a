"""A sequence's way through its segments, and the events it leaves.

Nothing here schedules or touches slots: it reads sampled tokens and scores and writes tokens and events.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from lmc.backend.base import (
    ChoiceScores,
    Delta,
    Event,
    FinishReason,
    Forced,
    Gen,
    Request,
    Score,
    SegmentEnd,
    TokenLogprob,
)
from lmc.backend.choices import drawn
from lmc.backend.engine.detokenize import CONTEXT, Decoder
from lmc.backend.engine.fused_generation import FusedGeneration
from lmc.backend.engine.generation import Generation, sample_seed
from lmc.backend.engine.limits import least
from lmc.backend.engine.sequence import Sequence
from lmc.backend.matcher import MaskFactory, Matcher
from lmc.errors import ConstraintError
from lmc.ir.constraint import Constraint, Fused, StructuralTag, ToolCalls
from lmc.ir.prompt import GENERATED, Text, Tokenizer

Emit = Callable[[Sequence, Event], None]


class OutputDriver:
    """Begins, feeds and ends segments; `emit` takes the events."""

    def __init__(self, tokenizer: Tokenizer, masks: MaskFactory | None, max_len: int, emit: Emit) -> None:
        self._tokenizer = tokenizer
        self._decoder = Decoder(tokenizer)
        self._tag_decoder: Decoder | None = None  # shows the control tokens of structural tags
        self._masks = masks
        self._max_len = max_len
        self._emit = emit

    def matchers(self, request: Request) -> dict[int, Matcher | Exception]:
        """By segment, a matcher at the start, or why there is none: compiled once for all samples.

        This may take long, and nobody else need wait for it: any thread may ask, beside the steps of the engine.
        """
        found: dict[int, Matcher | Exception] = {}
        for index, segment in enumerate(request.out):
            if isinstance(segment, Gen) and segment.constraint is not None:
                try:
                    found[index] = self._compiled(segment.constraint)
                except Exception as error:  # told when the segment begins
                    found[index] = error
        return found

    def is_quick(self, request: Request) -> bool:
        """Whether `matchers` is done in a moment."""
        masks, asked = self._masks, (segment for segment in request.out if isinstance(segment, Gen))
        return masks is None or all(gen.constraint is None or masks.is_quick(gen.constraint) for gen in asked)

    def begin(self, seq: Sequence, last: FinishReason = "length") -> FinishReason | None:
        """Go on until a segment needs the model: None; or to the end: the last reason. Raises ConstraintError."""
        if not seq.entry.request.out and not seq.begun:
            return None  # a request for nothing but its prompt
        while (segment := seq.current) is not None:
            match segment:
                case Forced():
                    last = self._force(seq, segment)
                case Gen():
                    seq.generation = self._start(seq, segment)
                    reason = seq.generation.reason_before() or self._jump(seq, seq.generation)
                    if reason is None:
                        return None
                    last = self._end_gen(seq, seq.generation, reason)
                case Score():
                    return None
        return last

    def take(self, seq: Sequence, id: int, record: TokenLogprob | None) -> FinishReason | None:
        """A token has been sampled; the reason when its Gen ends. Raises ConstraintError where none was allowed."""
        generation, account = seq.generation, seq.account
        assert generation is not None
        seq.output_tokens += 1
        account.counters.output_tokens += 1
        text = generation.continued(id)
        if text is not None:
            seq.tokens.append(id)
            account.events.append(Delta(seq.rid, seq.sample, seq.segment, text, (id,)))
            return None
        known = len(generation.ids)
        reason = generation.push(id, record)
        if reason is None:
            if len(generation.ids) > known:  # not where a generation of a form has ended
                seq.tokens.append(id)
            if generation.matcher is not None:
                reason = self._jump(seq, generation)
        return self._go_on(seq, generation, reason)

    def scored(self, seq: Sequence, logprobs: list[float]) -> FinishReason | None:
        """Forced tokens have their log-probabilities; the reason when the Gen ends with them."""
        generation = seq.generation
        assert generation is not None
        return self._go_on(seq, generation, generation.scored(logprobs))

    def _jump(self, seq: Sequence, generation: Generation) -> FinishReason | None:
        """Put what is forced behind the tokens; it rides in the next forward pass. The reason if it ends the Gen."""
        known, forced = len(generation.ids), generation.num_forced
        reason = generation.jump()
        seq.tokens.extend(generation.ids[known:])
        seq.count_output(generation.num_forced - forced, forced=True)
        return reason

    def _go_on(self, seq: Sequence, generation: Generation, reason: FinishReason | None) -> FinishReason | None:
        if reason is not None:
            return self._end_gen(seq, generation, reason)
        self._emit_news(seq, generation, generation.news())
        return None

    def choose(self, seq: Sequence, scores: ChoiceScores) -> FinishReason:
        """A Score segment has been decided: the tokens of the winner, or of the one drawn, go on."""
        segment = seq.current
        assert isinstance(segment, Score)
        scores = drawn(scores, segment, seq.sample, len(seq.tokens))
        text, ids = segment.choices[scores.index], scores.ids[scores.index]
        rid, sample, at = seq.rid, seq.sample, seq.segment
        self._emit(seq, Delta(rid, sample, at, text, ids))
        self._emit(seq, SegmentEnd(rid, sample, at, text, ids, "score", scores=scores))
        self._append(seq, ids)
        return "score"

    def _force(self, seq: Sequence, segment: Forced) -> FinishReason:
        text, ids = self._tokenizer.decode(segment.ids), segment.ids
        if seq.tail:
            assert segment.text is not None
            run = (Text(seq.tail + segment.text),)
            ids, seq.tail = tuple(self._tokenizer.encode_pieces(run, after=GENERATED)), ""
        rid, sample, at = seq.rid, seq.sample, seq.segment
        self._emit(seq, Delta(rid, sample, at, text, ids, forced=True))
        self._emit(seq, SegmentEnd(rid, sample, at, text, ids, "forced"))
        self._append(seq, ids)
        return "forced"

    def _append(self, seq: Sequence, ids: tuple[int, ...]) -> None:
        seq.tokens.extend(ids)
        seq.publish_until = len(seq.tokens)
        seq.segment += 1

    def _start(self, seq: Sequence, segment: Gen) -> Generation:
        out, plans = seq.entry.request.out, seq.entry.plans
        later = sum(least(out[i], plans.get(i)) for i in range(seq.segment + 1, len(out)))
        room = self._max_len - len(seq.tokens) - later
        kind = partial(FusedGeneration, sample=seq.sample) if segment.blanks else Generation
        return kind(
            segment,
            start=len(seq.tokens),
            seed=sample_seed(segment.sampling.seed, seq.sample),
            max_tokens=min(segment.sampling.max_tokens, room),
            eos_ids=self._tokenizer.eos_ids,
            decoder=self._decoder_of(segment),
            context=seq.tokens.ids[-CONTEXT:].tolist(),
            matcher=self._matcher(seq, segment),
        )

    def _decoder_of(self, segment: Gen) -> Decoder:
        """Control tokens are left out of a text, but for those that a structural tag asked for: they are its marks."""
        if not isinstance(segment.constraint, StructuralTag | ToolCalls):
            return self._decoder
        if self._tag_decoder is None:
            ids = self._tokenizer.control_tokens()
            self._tag_decoder = Decoder(self._tokenizer, {id: name for name, id in ids.items()})
        return self._tag_decoder

    def _matcher(self, seq: Sequence, segment: Gen) -> Matcher | None:
        """A matcher of its own for this sample."""
        if segment.constraint is None:
            return None
        matcher = seq.entry.matchers[seq.segment]
        if isinstance(matcher, Exception):
            raise matcher
        return matcher.fork()

    def _compiled(self, constraint: Constraint | Fused) -> Matcher:
        if self._masks is None:
            raise ConstraintError("this engine was opened without constraints")
        return self._masks.make(constraint)

    def _emit_news(
        self, seq: Sequence, generation: Generation, news: tuple[str, tuple[int, ...], tuple[TokenLogprob, ...]]
    ) -> None:
        text, ids, logprobs = news
        if text or ids:
            shown = logprobs if generation.wants_logprobs else None
            seq.account.events.append(Delta(seq.rid, seq.sample, seq.segment, text, ids, shown))

    def _end_gen(self, seq: Sequence, generation: Generation, reason: FinishReason) -> FinishReason:
        self._emit_news(seq, generation, generation.end())
        kept, tail = generation.num_kept, generation.tail
        end = SegmentEnd(
            rid=seq.rid,
            sample=seq.sample,
            segment=seq.segment,
            text=generation.text,
            ids=tuple(generation.ids[:kept]),
            reason=reason,
            tail=tail,
            logprobs=tuple(generation.logprobs[:kept]) if generation.wants_logprobs else None,
            filled=generation.filled(),
            masses=generation.masses,
            num_tokens=generation.num_tokens,
        )
        self._emit(seq, end)
        seq.cut(generation.start, end.ids)
        seq.generation = None
        seq.segment += 1
        if tail:
            self._leave(seq, tail)
        return reason

    def _leave(self, seq: Sequence, tail: str) -> None:
        """What a stop string left of a token stays as text: by itself, or in one run with the text put behind it."""
        after = seq.current
        if isinstance(after, Forced) and after.text is not None:
            seq.tail = tail
        elif after is not None:
            seq.tokens.extend(self._tokenizer.encode(tail))
            seq.publish_until = len(seq.tokens)
