"""An engine on the fake model, audited after every step, and what it should say worked out without one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from collections.abc import Sequence as Seq

from lmc.backend.base import Delta, Event, Failed, Finished, Forced, Gen, Prompt, Request, Score, Segment, SegmentEnd
from lmc.backend.engine.engine import Engine
from lmc.backend.engine.generation import sample_seed
from lmc.backend.engine.sequence import Sequence
from lmc.backend.engine.session import EngineSession
from lmc.backend.matcher import MaskFactory
from lmc.ir.constraint import Choices, Constraint
from lmc.ir.sampling import Sampling
from tests.support.fake_model import (
    EOS,
    FakeMasks,
    FakeMatcher,
    FakeRunner,
    FakeTokenizer,
    log_softmax,
    logits_of,
    pick,
    tag_of,
)
from tests.support.late_device import LateDevice
from tests.support.rows import Draw

TOKENIZER = FakeTokenizer()
Said = tuple[str, tuple[int, ...], str]  # text, ids, reason


class Bench:
    """An engine that is checked after every step; `session` is one open on it.

    depth    of the device: 1 computes at once, 2 as late as it may
    runner   what computes, whatever the depth
    """

    depth = 1

    def __init__(
        self,
        *,
        num_slots: int = 4096,
        max_len: int = 2048,
        jumps: bool = True,
        masks: MaskFactory | None = None,
        **options: object,
    ) -> None:
        self.runner = FakeRunner(num_slots, max_len)
        self.device = (
            self.runner if self.depth == 1 else LateDevice(self.runner, self.runner.accept, self.runner.compute)
        )
        self.masks = masks or FakeMasks(TOKENIZER, jumps)
        self.engine = Engine(self.device, TOKENIZER, self.masks, **options)  # type: ignore[arg-type]
        self.engine.cache.pool.on_free = self.runner.poison
        self.session = self.open()

    def open(self, namespace: str = "") -> EngineSession:
        """One more session on the engine."""
        return EngineSession(self.engine, namespace)

    def step(self, session: EngineSession | None = None) -> list[Event]:
        """One step and an audit."""
        events = (session or self.session).step(0)
        self.engine.check()
        return events

    def retract(self, choose: Callable[[list[Sequence]], Sequence]) -> None:
        """Take the slots of a running sequence away, if any is left once what is under way has been landed."""
        self.engine.land()
        if running := self.engine.scheduler.running:
            self.engine.scheduler.retract(choose(running))
        self.engine.check()

    def run(self, requests: Seq[Request], limit: int = 5000) -> list[Event]:
        """Submit and step until all is over; then nothing may be held."""
        self.session.submit(list(requests))
        return self.finish(limit)

    def finish(self, limit: int = 5000) -> list[Event]:
        """Step until all is over; then nothing may be held."""
        events = self.step()
        while self.engine.has_work:
            events += self.step()
            limit -= 1
            assert limit, "no progress"
        events += self.step()  # what an abort left behind
        self.check_idle()
        return events

    def check_idle(self) -> None:
        """No slot is held outside the tree, and nothing in it is locked."""
        cache = self.engine.cache
        cache.check()
        assert not list(cache.leases()) and not cache.num_locked
        resident = cache.tree.num_tokens if cache.tree else 0
        assert cache.pool.num_free + resident == cache.pool.num_slots


def gen(
    max_tokens: int = 8, *, constraint: Constraint | None = None, temperature: float = 0.0, **sampling: object
) -> Gen:
    """A Gen segment, greedy unless said."""
    return Gen(None, Sampling(max_tokens=max_tokens, temperature=temperature, **sampling), constraint)  # type: ignore[arg-type]


def ask(rid: int, prompt: str | Seq[int], *out: Segment, **fields: object) -> Request:
    """A request after a text or ids."""
    ids = TOKENIZER.encode(prompt) if isinstance(prompt, str) else prompt
    return Request(rid, Prompt(tuple(ids)), out, **fields)  # type: ignore[arg-type]


def said(events: Seq[Event], rid: int, sample: int = 0) -> list[Said]:
    """Text, ids and reason of each segment of a sample."""
    ends = [e for e in events if isinstance(e, SegmentEnd) and (e.rid, e.sample) == (rid, sample)]
    return [(e.text, e.ids, e.reason) for e in ends]


def end_of(events: Seq[Event], rid: int, sample: int = 0) -> Finished | Failed:
    """The one last event of a sample."""
    ends = [e for e in events if isinstance(e, Finished | Failed) and (e.rid, e.sample) == (rid, sample)]
    assert len(ends) == 1, ends
    return ends[0]


def finished(events: Seq[Event], rid: int, sample: int = 0) -> Finished:
    """The Finished of a sample that must not fail."""
    end = end_of(events, rid, sample)
    assert isinstance(end, Finished), end
    return end


def failed(events: Seq[Event], rid: int, sample: int = 0) -> Failed:
    """The Failed of a sample that must."""
    end = end_of(events, rid, sample)
    assert isinstance(end, Failed), end
    return end


def check_events(events: Seq[Event], requests: Seq[Request]) -> None:
    """Every sample ends once, and what was streamed is what its segments came to."""
    ends = Counter((e.rid, e.sample) for e in events if isinstance(e, Finished | Failed))
    assert ends == Counter((r.rid, s) for r in requests for s in range(r.n))
    streamed: dict[tuple[int, int, int], list[Delta]] = {}
    for event in events:
        if isinstance(event, Delta):
            streamed.setdefault((event.rid, event.sample, event.segment), []).append(event)
        if isinstance(event, SegmentEnd):
            deltas = streamed.get((event.rid, event.sample, event.segment), [])
            assert "".join(delta.text for delta in deltas) == event.text
            assert tuple(id for delta in deltas for id in delta.ids) == event.ids


def expect(request: Request, sample: int = 0, max_len: int = 2048) -> list[Said]:
    """What a sample must say, worked out from the logits alone."""
    tokens, out, tail = list(request.prompt.ids), [], ""
    for segment, after in zip(request.out, (*request.out[1:], None)):
        if isinstance(segment, Forced):
            ids = tuple(TOKENIZER.encode(tail + segment.text)) if tail and segment.text else segment.ids
            out.append((TOKENIZER.decode(segment.ids), ids, "forced"))
            tail = ""
        elif isinstance(segment, Score):
            out.append(_expect_score(segment, tokens))
        else:
            out.append(_expect_gen(segment, tokens, sample, max_len))
        text, ids, reason = out[-1]
        tokens += ids
        if reason == "stop":  # a cut token's tail is encoded anew, with the text that is put behind it
            tail = text[len(TOKENIZER.decode(ids)) :]
            if not (isinstance(after, Forced) and after.text):
                tokens, tail = [*tokens, *TOKENIZER.encode(tail)], ""
    return out


def _expect_score(segment: Score, tokens: list[int]) -> Said:
    assert segment.method == "token_length_normalized"
    scores = []
    for choice in segment.choices:
        ids = TOKENIZER.encode(choice)
        logprobs = [logprob_of(tokens + ids[:j], id) for j, id in enumerate(ids)]
        scores.append(sum(logprobs) / len(logprobs))
    text = segment.choices[scores.index(max(scores))]
    return text, tuple(TOKENIZER.encode(text)), "score"


def logprob_of(prefix: Seq[int], id: int) -> float:
    """The model's log-probability of `id` after `prefix`."""
    return float(log_softmax(logits_of(tag_of(prefix)))[id])


def _expect_gen(segment: Gen, tokens: list[int], sample: int, max_len: int) -> Said:
    sampling = segment.sampling
    matcher = None
    if segment.constraint is not None:
        assert isinstance(segment.constraint, Choices)
        matcher = FakeMatcher(tuple(o.encode() for o in segment.constraint.options), TOKENIZER)
    seed, ids = sample_seed(sampling.seed, sample), list[int]()
    most = min(sampling.max_tokens, max_len - len(tokens))
    forced = list(matcher.forced(ids)) if matcher else []
    while len(ids) < most:
        early = len(ids) < sampling.min_tokens and matcher is None
        banned = (EOS, *sampling.stop_token_ids) if early else ()
        draw = Draw(sampling, seed, len(tokens) + len(ids), ids, banned, matcher.mask() if matcher else None)
        id = forced.pop(0) if forced else pick(logits_of(tag_of([*tokens, *ids])), draw).id
        if id == EOS and not sampling.ignore_eos:
            return TOKENIZER.decode(ids), tuple(ids), "eos"
        if id in sampling.stop_token_ids:
            return TOKENIZER.decode(ids), tuple(ids), "stop"
        ids.append(id)
        cut = _cut(TOKENIZER.decode(ids), sampling)
        if cut is not None:
            return _cut_off(ids, cut)
        if matcher is not None:
            if matcher.accept(id) and matcher.is_done():
                return TOKENIZER.decode(ids), tuple(ids), "constraint"
            forced = forced or list(matcher.forced(ids))
    return TOKENIZER.decode(ids), tuple(ids), "length"


def _cut(text: str, sampling: Sampling) -> int | None:
    cuts = [text.find(stop) for stop in sampling.stop if stop in text]
    cuts += [m.start() for pattern in sampling.stop_regex if (m := re.search(pattern, text))]
    return min(cuts, default=None)


def _cut_off(ids: list[int], cut: int) -> Said:
    text = TOKENIZER.decode(ids)
    whole = [n for n in range(len(ids)) if len(t := TOKENIZER.decode(ids[:n])) <= cut and text.startswith(t)]
    return text[:cut], tuple(ids[: whole[-1]]), "stop"


def assert_as_expected(events: Seq[Event], requests: Seq[Request], max_len: int = 2048) -> None:
    """Every sample of every request said what the logits alone say it must."""
    check_events(events, requests)
    for request in requests:
        for sample in range(request.n):
            finished(events, request.rid, sample)
            assert said(events, request.rid, sample) == expect(request, sample, max_len), (request.rid, sample)
