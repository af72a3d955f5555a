"""One `gen` under way: what has been sampled, what of it may be shown, and why it ends.

Outlives retraction untouched: ids, log-probabilities and the constraint's state are never computed again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence as Seq

import numpy as np

from lmc.backend.base import Filled, FinishReason, Gen, TokenLogprob
from lmc.backend.engine.detokenize import Decoder, Detokenizer
from lmc.backend.engine.score import broken_model
from lmc.backend.matcher import Int32, Matcher
from lmc.backend.mixing import GOLDEN, WORD, splitmix
from lmc.backend.runner.batch import BROKEN, TokenDraws, has_penalties
from lmc.backend.stops import Stops
from lmc.errors import ConstraintError


class Generation:
    """Tokens of one Gen segment.

    ids             so far, without the token that ended it
    logprobs        of the same tokens, where they or what the constraint left are wanted (`wants_scores`)
    num_tokens      tokens sampled and forced, that one included
    num_forced      of those, forced by the constraint
    unscored        how many forced tokens at the end of `ids` still need a log-probability
    pending_reason  why it ends once those have one
    num_skips       how often it went on elsewhere in its constraint, so that what was forced no longer is
    start           position of its first token in the sequence
    seed            of this sample
    is_simple       no log-probabilities are kept, and it is no form
    max_tokens      the Gen's own, or less where the model's length leaves less
    """

    __slots__ = (
        "_detokenizer",
        "_ends",
        "_eos_ids",
        "_floor",
        "_is_plain",
        "_never",
        "_sent_ids",
        "_sent_text",
        "_stop_at",
        "_stops",
        "gen",
        "ids",
        "is_simple",
        "logprobs",
        "matcher",
        "max_tokens",
        "num_forced",
        "num_skips",
        "num_tokens",
        "pending_reason",
        "seed",
        "start",
        "unscored",
    )

    def __init__(
        self,
        gen: Gen,
        *,
        start: int,
        seed: int,
        max_tokens: int,
        eos_ids: frozenset[int],
        decoder: Decoder,
        context: Seq[int],
        matcher: Matcher | None,
    ) -> None:
        sampling = gen.sampling
        self.gen = gen
        self.start = start
        self.seed = seed
        self.max_tokens = max_tokens
        self.matcher = matcher
        self.ids: list[int] = []
        self.logprobs: list[TokenLogprob] = []
        self.num_tokens = self.num_forced = self.unscored = self.num_skips = 0
        self.pending_reason: FinishReason | None = None
        # a constraint that is complete can only be followed by an end token, so it ends even with ignore_eos
        self._eos_ids = frozenset() if sampling.ignore_eos and matcher is None else eos_ids
        self._ends = self._eos_ids.union(sampling.stop_token_ids)
        self._never = tuple(sorted(self._ends))
        self._detokenizer = Detokenizer(decoder, context)
        self._stops = Stops(sampling.stop, sampling.stop_regex) if sampling.stop or sampling.stop_regex else None
        self._floor = 0  # characters before which no pattern may match, for they came before min_tokens
        self._stop_at: int | None = None  # character of the text at which a stop was found
        self._sent_text = self._sent_ids = 0
        # sampled by its parameters alone, whatever came out before
        self._is_plain = matcher is None and not sampling.min_tokens and not has_penalties(sampling)
        self.is_simple = not gen.blanks and not self.wants_scores

    @property
    def num_left(self) -> int:
        """How many more tokens may come."""
        return self.max_tokens - self.num_tokens

    def reason_before(self) -> FinishReason | None:
        """The reason to sample nothing at all, if there is one."""
        if self.matcher is not None and self.matcher.is_done():
            return "constraint"
        return "length" if self.num_left <= 0 else None

    @property
    def may_run_ahead(self) -> bool:
        """True where the token after the next is surely sampled too, unless the next one ends something."""
        return not self.unscored and (self.matcher is None or not self.matcher.may_force)

    def draw(self, draws: TokenDraws, position: int) -> None:
        """Add how to sample the next token, which goes to `position` of the whole sequence."""
        if self._is_plain:
            draws.add_plain(self.gen.sampling, self.seed, position)
            return
        mask = self.matcher.mask() if self.matcher is not None else None
        draws.add(self.gen.sampling, self.seed, position, output=self.ids, banned=self._banned(mask), mask=mask)

    def continued(self, id: int) -> str | None:
        """Take a sampled token that ends and forces nothing, and say its text; None, and nothing done, else.

        For a generation without log-probabilities whose text is all shown: nearly every token of it comes this way.
        `push`, `jump` and `news` do the same for all.
        """
        if not self.is_simple or id < 0 or id in self._ends or self.num_tokens + 1 >= self.max_tokens:
            return None
        detokenizer = self._detokenizer
        if self._sent_ids < len(self.ids) or self._sent_text < len(detokenizer.text):
            return None
        added = detokenizer.added(id)
        if added is None:
            return None
        text = added[0]
        if self._stops is not None and self._stops.may_begin(text):
            return None
        if self.matcher is not None and not self.matcher.continued(id):
            return None
        detokenizer.take(added)
        self.num_tokens += 1
        self.ids.append(id)
        self._sent_ids += 1
        self._sent_text += len(text)
        return text

    def push(self, id: int, record: TokenLogprob | None = None) -> FinishReason | None:
        """Take a token; the reason if it ends the generation. Raises ConstraintError if none was allowed, and
        BackendError where the model gave none a number.

        record  its log-probability, where log-probabilities or what the constraint left are wanted; 0 where the
                generation of a form that it is in did not ask
        """
        if id == BROKEN:
            raise broken_model()
        if id < 0:
            raise ConstraintError("no token that the tokenizer has may follow under this constraint")
        self.num_tokens += 1
        if id in self._ends:
            self._detokenizer.finish()
            if self.matcher is not None and id not in self._eos_ids and not self.matcher.can_stop():
                raise ConstraintError(
                    f"token {id} of stop_token_ids ended the text where its constraint does not let it end",
                    help="leave it out, as the constraint says where the text ends",
                )
            return "eos" if id in self._eos_ids else "stop"
        if self.matcher is not None and not self.matcher.accept(id):
            raise ConstraintError(f"token {id} was sampled and the constraint does not allow it")
        old = len(self._detokenizer.text)
        self.ids.append(id)
        if self.wants_scores:
            self.logprobs.append(record or TokenLogprob(id, 0.0))
        self._detokenizer.push(id)
        reason = self._reason(old)
        if reason is not None and reason != "stop":
            self._detokenizer.finish()
        return reason

    def jump(self) -> FinishReason | None:
        """Take the tokens that are forced now, on which every limit is checked; the reason if they end it."""
        assert not self.unscored and self.pending_reason is None
        reason: FinishReason | None = None
        while reason is None and self.matcher is not None and (run := self.matcher.forced(self.ids)):
            skips = self.num_skips
            for id in run:
                self.num_forced += 1
                self.unscored += self.wants_scores and id not in self._ends
                reason = self.push(id, TokenLogprob(id, math.nan, forced=True) if self.wants_scores else None)
                if reason is not None or self.num_skips != skips:
                    break
        if self.unscored:
            self.pending_reason = reason
            return None
        return reason

    def scored(self, logprobs: Seq[float]) -> FinishReason | None:
        """The log-probabilities of the first of the unscored tokens have come; the reason if that ends it."""
        first = len(self.ids) - self.unscored
        for at, logprob in enumerate(logprobs, first):
            self.logprobs[at] = TokenLogprob(self.ids[at], logprob, forced=True, mass=logprob)
        self.unscored -= len(logprobs)
        return self.pending_reason if not self.unscored else None

    def news(self) -> tuple[str, tuple[int, ...], tuple[TokenLogprob, ...]]:
        """Text, ids and log-probabilities that may be shown now and were not before."""
        if self._stops is None and not self.unscored:
            return self._send(len(self._detokenizer.text))
        text = self.text
        if self._stops is None or self._stop_at is not None:
            return self._send(self._shown(len(text)))
        return self._send(self._shown(max(self._sent_text, self._stops.safe(text))))

    def end(self) -> tuple[str, tuple[int, ...], tuple[TokenLogprob, ...]]:
        """The last news: all up to the cut."""
        return self._send(len(self.text))

    @property
    def text(self) -> str:
        """What the program reads, as far as it is known."""
        text = self._detokenizer.text
        return text if self._stop_at is None else text[: self._stop_at]

    @property
    def num_kept(self) -> int:
        """How many ids stay in the state: all, or those wholly before the cut."""
        return len(self.ids) if self._stop_at is None else self._detokenizer.kept(self._stop_at)

    @property
    def tail(self) -> str:
        """The text between the last kept id and the cut."""
        if self._stop_at is None:
            return ""
        kept = self.num_kept
        return self.text[self._detokenizer.ends[kept - 1] if kept else 0 :]

    @property
    def wants_scores(self) -> bool:
        """True where forced tokens must be scored: what is left of the distribution is at least their probability."""
        return self.wants_logprobs or self.gen.sampling.on_distortion is not None

    @property
    def masses(self) -> tuple[float, ...] | None:
        """By kept token, log of what the constraint left of the distribution; None where nobody looked."""
        if self.gen.sampling.on_distortion is None:
            return None
        return tuple(0.0 if token.mass is None else token.mass for token in self.logprobs[: self.num_kept])

    def filled(self) -> tuple[Filled, ...]:
        """What each generation of a fused form wrote; this is a single one."""
        return ()

    @property
    def wants_logprobs(self) -> bool:
        """True where events carry log-probabilities."""
        return self.gen.sampling.return_logprob or self.gen.sampling.top_logprobs_num > 0

    def _banned(self, mask: Int32 | None) -> tuple[int, ...]:
        sampling = self.gen.sampling
        early = self.num_tokens < sampling.min_tokens
        if not early and not (sampling.ignore_eos and self.matcher is not None):
            return ()
        banned = self._never if early else tuple(self._eos_ids)
        if mask is not None and not _allows_other(mask, banned):
            return ()  # a constraint that can only end ends, however few tokens that are
        return banned

    def _reason(self, old: int) -> FinishReason | None:
        if self._stops is not None:
            text = self._detokenizer.text
            if self.num_tokens < self.gen.sampling.min_tokens:
                self._floor = len(text)
            else:
                self._stop_at = self._stops.find(text, old, self._floor)
                if self._stop_at is not None:
                    return "stop"
        if self.matcher is not None and self.matcher.is_done():
            return "constraint"
        return "length" if self.num_left <= 0 else None

    def _shown(self, upto: int) -> int:
        """`upto`, or less: text is shown together with the log-probabilities of its tokens."""
        scored, ends = len(self.ids) - self.unscored, self._detokenizer.ends
        if not self.unscored or scored > len(ends):
            return upto
        return min(upto, ends[scored - 1] if scored else 0)

    def _send(self, upto: int) -> tuple[str, tuple[int, ...], tuple[TokenLogprob, ...]]:
        text = self._detokenizer.text[self._sent_text : upto]
        self._sent_text = upto
        first, ends = self._sent_ids, self._detokenizer.ends
        last, num = first, len(ends)
        while last < num and ends[last] <= upto:
            last += 1
        self._sent_ids = last
        return text, tuple(self.ids[first:last]), tuple(self.logprobs[first:last]) if self.wants_logprobs else ()


def _allows_other(mask: Int32, ids: tuple[int, ...]) -> bool:
    """True where `mask` allows a token that is not among `ids`."""
    left = mask.view(np.uint32).copy()
    for id in ids:
        left[id >> 5] &= np.uint32(0xFFFFFFFF ^ (1 << (id & 31)))
    return bool(left.any())


def sample_seed(seed: int | None, sample: int) -> int:
    """The seed of sample `sample` of a request: its own for the first, a hash of (seed, sample) for the others."""
    base = (seed or 0) & WORD
    return base if sample == 0 else splitmix(splitmix(base) ^ splitmix(sample * GOLDEN & WORD))
