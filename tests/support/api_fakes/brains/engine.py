"""lmc's own engine behind a fake: real sampling, real logprobs, real masks, so that both ways to it may be compared."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from lmc.backend.base import (
    Backend,
    Delta,
    Failed,
    Finished,
    Gen,
    Prompt,
    Request,
    Score,
    SegmentEnd,
    Session,
    TokenLogprob,
)
from lmc.ir.constraint import Choices, Constraint
from lmc.ir.sampling import Sampling
from lmc.parser.constraints import parse_constraint

from ..asked import Ask, Call, Completion, Limit, Token, Turn
from ..cutting import cut
from ..fill import CannotFill
from ..words import Folder


@dataclass(slots=True)
class _Sample:
    ids: list[int] = field(default_factory=list)
    logprobs: list[TokenLogprob] = field(default_factory=list)
    reason: str = ""
    stopped: bool = False


class EngineBrain:
    """A backend of lmc with a tokenizer of its own: by default lmc-tiny in fp32 on the CPU.

    Stop texts are looked for here, over the tokens as the engine generates them, so that all of these are known. A
    prompt's text is encoded whole, control tokens read where it spells them.
    """

    blocks = True

    def __init__(self, backend: Backend | None = None) -> None:
        if backend is None:
            from lmc.backend.local import CpuBackend

            backend = CpuBackend("lmc-tiny", dtype="fp32", disk_cache=False)
        self.backend = backend
        self.tokenizer = backend.tokenizer
        self.words = Folder(backend.tokenizer)
        self._session: Session | None = None
        self._rid = 0

    # --- what a brain does ----------------------------------------------------------------------------

    def render(self, turns: Sequence[Turn], opens: bool, continues: bool) -> str:
        """Through the checkpoint's chat template; a developer is a system."""
        told = [("system" if turn.role == "developer" else turn.role, turn.text) for turn in turns]
        role = told[-1][0] if continues else "assistant" if opens else None
        pieces = self.tokenizer.render(told[:-1] if continues else told, open_role=role)
        return "".join(piece.text for piece in pieces) + (told[-1][1] if continues else "")

    def generate(self, ask: Ask, n: int) -> list[Completion]:
        """What the engine says."""
        if ask.forced_tool:
            tool = next(each for each in ask.tools if ask.forced_tool in ("*", each.name))
            made = self.generate(replace(ask, limit=tool.limit, forced_tool="", tools=()), n)
            calls = [(Call(tool.name, each.text, tool.is_custom),) for each in made]
            return [replace(each, text="", finish="calls", calls=call) for each, call in zip(made, calls, strict=True)]
        if ask.max_tokens <= 0:
            return [Completion((), "", "length")] * n
        samples = self._sampled(ask, n)
        return [self._completion(ask, sample) for sample in samples]

    def score(self, ids: Sequence[int], top: int) -> list[Token]:
        """The engine's logprob of each id; nothing stands beside them but themselves."""
        first = Token(ids[0], self.words.spell(ids[0]), None)
        if len(ids) == 1:
            return [first]
        scores = self._scores(tuple(ids[:1]), ("rest",), (tuple(ids[1:]),))
        return [first, *(self._alone(i, logprob) for i, logprob in zip(ids[1:], scores[0], strict=True))]

    def weigh(self, ask: Ask, texts: Sequence[str]) -> list[float]:
        """The probability of each text behind the prompt."""
        rows = tuple(tuple(self.words.encode(text)) for text in texts)
        return [math.exp(sum(row)) for row in self._scores(self._ids(ask), tuple(texts), rows)]

    # --- the engine -----------------------------------------------------------------------------------

    def _open(self) -> Session:
        """One session, opened by the thread that steps it."""
        if self._session is None:
            self._session = self.backend.open("fake")
        return self._session

    def _ids(self, ask: Ask) -> tuple[int, ...]:
        return ask.ids if ask.ids is not None else tuple(self.words.encode(ask.text))

    def _next_rid(self) -> int:
        self._rid += 1
        return self._rid

    def _sampled(self, ask: Ask, n: int) -> list[_Sample]:
        session, rid = self._open(), self._next_rid()
        sampling = Sampling(
            max_tokens=ask.max_tokens,
            temperature=ask.temperature,
            top_p=ask.top_p,
            top_k=ask.top_k,
            min_p=ask.min_p,
            ignore_eos=ask.ignore_eos,
            seed=rid if ask.seed is None else ask.seed,
            return_logprob=ask.top is not None or bool(ask.beside),
            top_logprobs_num=ask.top or 0,
        )
        session.submit([Request(rid, Prompt(self._ids(ask)), (Gen(None, sampling, _constraint(ask.limit)),), n=n)])
        samples, left = [_Sample() for _ in range(n)], n
        stops = [text.encode() for text in ask.stop]
        while left:
            for event in session.step(0.1):
                if event.rid == rid:
                    left -= self._take(event, samples[event.sample], stops)
            if stops and all(sample.stopped or sample.reason for sample in samples):
                session.abort(rid, "stopped")
        return samples

    def _take(self, event: object, sample: _Sample, stops: list[bytes]) -> int:
        """Keep what an event tells; how many samples it ends."""
        match event:
            case Delta(ids=ids, logprobs=logprobs):
                sample.ids += ids
                sample.logprobs += logprobs or ()
                text = b"".join(map(self.words.spell, sample.ids[-64:])) if stops else b""
                sample.stopped = sample.stopped or any(stop in text for stop in stops)
            case SegmentEnd(ids=ids, logprobs=logprobs, reason=reason):
                sample.ids, sample.logprobs, sample.reason = list(ids), list(logprobs or ()), reason
            case Finished():
                return 1
            case Failed(code=code, message=message):
                if code != "aborted":
                    raise CannotFill(message)
                return 1
        return 0

    def _completion(self, ask: Ask, sample: _Sample) -> Completion:
        eos = self.tokenizer.eos_ids
        ids = sample.ids[:-1] if sample.ids and sample.ids[-1] in eos and not ask.ignore_eos else sample.ids
        tokens = [self._token(ask, at, i, sample) for at, i in enumerate(ids)]
        done = cut(tokens, ask)
        return replace(done, finish="length") if done.finish == "end" and sample.reason == "length" else done

    def _token(self, ask: Ask, at: int, token: int, sample: _Sample) -> Token:
        text = self.words.spell(token)
        if at >= len(sample.logprobs):
            return Token(token, text, 0.0)
        told = sample.logprobs[at]
        top = tuple((i, self.words.spell(i), logprob) for i, logprob in told.top[: ask.top or 0])
        beside = self._beside(ask, list(sample.ids[:at])) if ask.beside else ()
        return Token(token, text, told.logprob, top + beside)

    def _beside(self, ask: Ask, behind: list[int]) -> tuple[tuple[int, bytes, float], ...]:
        """Logprobs of the ids that were asked for, each scored by itself."""
        rows = tuple((each,) for each in ask.beside)
        scores = self._scores((*self._ids(ask), *behind), tuple(map(str, ask.beside)), rows)
        return tuple((i, self.words.spell(i), row[0]) for i, row in zip(ask.beside, scores, strict=True))

    def _scores(
        self, prompt: tuple[int, ...], texts: tuple[str, ...], rows: tuple[tuple[int, ...], ...]
    ) -> tuple[tuple[float, ...], ...]:
        session, rid = self._open(), self._next_rid()
        session.submit([Request(rid, Prompt(prompt), (Score(None, texts, ids=rows),))])
        found: tuple[tuple[float, ...], ...] = ()
        while True:
            for event in session.step(0.1):
                if isinstance(event, SegmentEnd) and event.rid == rid and event.scores:
                    found = event.scores.logprobs
                if isinstance(event, Failed) and event.rid == rid:
                    raise CannotFill(event.message)
                if isinstance(event, Finished) and event.rid == rid:
                    return found

    def _alone(self, token: int, logprob: float) -> Token:
        return Token(token, self.words.spell(token), logprob, ((token, self.words.spell(token), logprob),))


def _constraint(limit: Limit | None) -> Constraint | None:
    if limit is None:
        return None
    if limit.kind == "choices":
        return Choices(tuple(limit.value))
    if limit.kind == "regex":
        return parse_constraint("regex", limit.value)
    return parse_constraint("json_schema", {"type": "object"} if limit.kind == "json" else limit.value)
