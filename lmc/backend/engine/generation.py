"""One `gen` under way: what has been sampled, what of it may be shown, and why it ends.

Outlives retraction untouched: ids, log-probabilities and the constraint's state are never computed again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence as Seq

import numpy as np

from lmc.backend.base import Filled, FinishReason, Gen, TokenLogprob
from lmc.backend.engine.detokenize import Decoder, Detokenizer
from lmc.backend.engine.stops import Stops
from lmc.backend.matcher import Int32, Matcher
from lmc.backend.runner.batch import Draw
from lmc.errors import ConstraintError


class Generation:
    """Tokens of one Gen segment.

    ids, logprobs   so far, without the token that ended it
    num_tokens      tokens sampled and forced, that one included
    num_forced      of those, forced by the constraint
    unscored        how many forced tokens at the end of `ids` still need a log-probability
    over            why it ends once those have one
    cuts            how often it went on elsewhere in its constraint, so that what was forced is no longer
    first           position of its first token in the sequence
    seed            of this sample
    max_tokens      the Gen's own, or less where the model's length leaves less
    """

    __slots__ = (
        "_cut",
        "_detokenizer",
        "_ends",
        "_eos_ids",
        "_floor",
        "_never",
        "_sent_ids",
        "_sent_text",
        "_stops",
        "cuts",
        "first",
        "gen",
        "ids",
        "logprobs",
        "matcher",
        "max_tokens",
        "num_forced",
        "num_tokens",
        "over",
        "seed",
        "unscored",
    )

    def __init__(
        self,
        gen: Gen,
        *,
        first: int,
        seed: int,
        max_tokens: int,
        eos_ids: frozenset[int],
        decoder: Decoder,
        context: Seq[int],
        matcher: Matcher | None,
    ) -> None:
        sampling = gen.sampling
        self.gen = gen
        self.first = first
        self.seed = seed
        self.max_tokens = max_tokens
        self.matcher = matcher
        self.ids: list[int] = []
        self.logprobs: list[TokenLogprob] = []
        self.num_tokens = self.num_forced = self.unscored = self.cuts = 0
        self.over: FinishReason | None = None
        # a constraint that is complete can only be followed by an end token, so it ends even with ignore_eos
        self._eos_ids = frozenset() if sampling.ignore_eos and matcher is None else eos_ids
        self._ends = self._eos_ids.union(sampling.stop_token_ids)
        self._never = tuple(sorted(self._ends))
        self._detokenizer = Detokenizer(decoder, context)
        self._stops = Stops(sampling.stop, sampling.stop_regex) if sampling.stop or sampling.stop_regex else None
        self._floor = 0  # characters before which no pattern may match, for they came before min_tokens
        self._cut: int | None = None
        self._sent_text = self._sent_ids = 0

    @property
    def left(self) -> int:
        """How many more tokens may come."""
        return self.max_tokens - self.num_tokens

    def over_before(self) -> FinishReason | None:
        """The reason to sample nothing at all, if there is one."""
        if self.matcher is not None and self.matcher.is_done():
            return "constraint"
        return "length" if self.left <= 0 else None

    def draw(self, position: int) -> Draw:
        """How to sample the next token, which goes to `position` of the whole sequence."""
        mask = self.matcher.mask() if self.matcher is not None else None
        return Draw(self.gen.sampling, self.seed, position, self.ids, self._banned(mask), mask)

    def push(self, chosen: TokenLogprob) -> FinishReason | None:
        """Take a sampled token; the reason if it ends the generation. Raises ConstraintError if none was allowed."""
        if chosen.id < 0:
            raise ConstraintError("no token that the tokenizer has may follow under this constraint")
        self.num_tokens += 1
        if chosen.id in self._ends:
            self._detokenizer.finish()
            return "eos" if chosen.id in self._eos_ids else "stop"
        if self.matcher is not None and not self.matcher.accept(chosen.id):
            raise ConstraintError(f"token {chosen.id} was sampled and the constraint does not allow it")
        old = len(self._detokenizer.text)
        self.ids.append(chosen.id)
        self.logprobs.append(chosen)
        self._detokenizer.push(chosen.id)
        reason = self._reason(old)
        if reason is not None and reason != "stop":
            self._detokenizer.finish()
        return reason

    def jump(self) -> FinishReason | None:
        """Take the tokens that are forced now, on which every limit is checked; the reason if they end it."""
        assert not self.unscored and self.over is None
        reason: FinishReason | None = None
        while reason is None and self.matcher is not None and (run := self.matcher.forced(self.ids)):
            cuts = self.cuts
            for id in run:
                self.num_forced += 1
                self.unscored += self.wants_scores and id not in self._ends
                reason = self.push(TokenLogprob(id, math.nan, forced=True))
                if reason is not None or self.cuts != cuts:
                    break
        if self.unscored:
            self.over = reason
            return None
        return reason

    def scored(self, logprobs: Seq[float]) -> FinishReason | None:
        """The log-probabilities of the first of the unscored tokens have come; the reason if that ends it."""
        first = len(self.ids) - self.unscored
        for at, logprob in enumerate(logprobs, first):
            self.logprobs[at] = TokenLogprob(self.ids[at], logprob, forced=True, mass=logprob)
        self.unscored -= len(logprobs)
        return self.over if not self.unscored else None

    def news(self) -> tuple[str, tuple[int, ...], tuple[TokenLogprob, ...]]:
        """Text, ids and log-probabilities that may be shown now and were not before."""
        text = self.text
        if self._stops is None or self._cut is not None:
            return self._send(self._shown(len(text)))
        return self._send(self._shown(max(self._sent_text, self._stops.safe(text))))

    def end(self) -> tuple[str, tuple[int, ...], tuple[TokenLogprob, ...]]:
        """The last news: all up to the cut."""
        return self._send(len(self.text))

    @property
    def text(self) -> str:
        """What the program reads, as far as it is known."""
        text = self._detokenizer.text
        return text if self._cut is None else text[: self._cut]

    @property
    def kept(self) -> int:
        """How many ids stay in the state: all, or those wholly before the cut."""
        return len(self.ids) if self._cut is None else self._detokenizer.kept(self._cut)

    @property
    def tail(self) -> str:
        """The text between the last kept id and the cut."""
        if self._cut is None:
            return ""
        kept = self.kept
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
        return tuple(0.0 if token.mass is None else token.mass for token in self.logprobs[: self.kept])

    def filled(self) -> tuple[Filled, ...]:
        """What each generation of a fused row wrote; this is a single one."""
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
                self._cut = self._stops.find(text, old, self._floor)
                if self._cut is not None:
                    return "stop"
        if self.matcher is not None and self.matcher.is_done():
            return "constraint"
        return "length" if self.left <= 0 else None

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
        while self._sent_ids < len(ends) and ends[self._sent_ids] <= upto:
            self._sent_ids += 1
        ids = tuple(self.ids[first : self._sent_ids])
        return text, ids, tuple(self.logprobs[first : self._sent_ids]) if self.wants_logprobs else ()


def _allows_other(mask: Int32, ids: tuple[int, ...]) -> bool:
    """True where `mask` allows a token that is not among `ids`."""
    left = mask.view(np.uint32).copy()
    for id in ids:
        left[id >> 5] &= np.uint32(0xFFFFFFFF ^ (1 << (id & 31)))
    return bool(left.any())


def sample_seed(seed: int | None, sample: int) -> int:
    """The seed of sample `sample` of a request: its own for the first, a hash of (seed, sample) for the others."""
    base = (seed or 0) & _MASK
    return base if sample == 0 else _mix(_mix(base) ^ _mix(sample * 0x9E3779B97F4A7C15))


_MASK = (1 << 64) - 1


def _mix(x: int) -> int:
    """splitmix64's finaliser."""
    x = (x + 0x9E3779B97F4A7C15) & _MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    return x ^ (x >> 31)
