"""The waist: everything that crosses between the executor and an engine or API.

The executor opens a Session on a Backend, submits Requests and steps; the session answers with Events. Token
ids are the truth: what KV an engine holds of them is its own affair. Every (request, sample)
gets exactly one Finished or Failed. One thread steps a session; `wake` may be called from any thread.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple, Protocol

from lmc.ir.caps import Caps as Caps
from lmc.ir.constraint import Constraint, Fused
from lmc.ir.prompt import Piece, Tokenizer
from lmc.ir.sampling import Sampling
from lmc.ir.scoring import ChoicesMethod as ChoicesMethod
from lmc.ir.scoring import SelectBy
from lmc.ir.strand import Strand

MissReason = Literal["evicted", "never-inserted", "namespace", "model"]
FinishReason = Literal["stop", "eos", "length", "constraint", "forced", "score", "aborted"]


# --- prompts ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, init=False, repr=False)
class Prompt:
    """What the model reads: `ids` always wins; `pieces` are kept for backends that speak text.

    tokens, parts  the same, as strands that the prompts of a conversation share: each call's prompt holds the one
                   before it, and only who asks for all of it pays for the length
    """

    tokens: Strand[int]
    parts: Strand[Piece]

    def __init__(self, ids: Iterable[int], pieces: Iterable[Piece] = ()) -> None:
        object.__setattr__(self, "tokens", Strand.of(ids))
        object.__setattr__(self, "parts", Strand.of(pieces))

    @property
    def ids(self) -> tuple[int, ...]:
        """All token ids, made when asked for."""
        return self.tokens.whole()

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """All pieces, made when asked for."""
        return self.parts.whole()

    def __repr__(self) -> str:
        return f"Prompt(ids={self.ids!r}, pieces={self.pieces!r})"


# --- requests --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Gen:
    """Generate under `sampling`; `constraint` restricts what may come out. `seed` is set whenever not greedy.

    blanks  for a fused form, how each of its generations is sampled; `sampling` then bounds the form as a whole
    """

    name: str | None
    sampling: Sampling
    constraint: Constraint | Fused | None = None
    blanks: tuple[Sampling, ...] = ()


@dataclass(frozen=True, slots=True)
class Forced:
    """Append these tokens without sampling.

    text  what they spell, where it is one run with what a stop string left of the token before: then both are encoded
          anew together; None puts the tokens as they are
    """

    ids: tuple[int, ...]
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """Append the best of `choices` under the model, all scored over the shared prompt.

    ids          tokens of each choice; None encodes each by itself. Where the prompt was cut short because its last
                 tokens and a choice make others together, they begin with that text (executor/boundary.py)
    temperature  above 0 draws from the distribution of `exact`, raised to 1 / temperature; sample i from (seed, i)
    """

    name: str | None
    choices: tuple[str, ...]
    method: ChoicesMethod = "token_length_normalized"
    ids: tuple[tuple[int, ...], ...] | None = None
    temperature: float = 0.0
    seed: int | None = None


Segment = Gen | Forced | Score


@dataclass(frozen=True, slots=True)
class Then:
    """What the program goes on with behind a call: this text, and then a generation that is sampled so."""

    text: str
    sampling: Sampling
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One call: a prompt and the row of segments to put after it.

    rid        unique in its session
    n          samples; each gets its own events, sample i draws from (seed, i)
    gang       requests of one gang share a prefix and are scheduled together
    priority   the higher goes first, before those that are waiting longer
    goes_on    other calls are going to begin with all of the prompt
    item       rid of the first call of the run of a program that it is a call of; those of one that has begun go first
    again_in   in so many waves another call begins with its prompt and what is generated; None where none does
    calls_left   of its item that follow it one after another, as far as the plan knows
    then       what surely comes behind its only segment, for a backend that answers several calls by one
    follows    the request whose answer its prompt goes on from, where that one had a `then`
    site       which row of calls it belongs to, the same for all items: what is learnt of the row is kept by it
    most_tokens  that the output can come to, where its constraint bounds it below max_tokens
    user       for whom it is counted, where a session has several of them; 0 is nobody
    """

    rid: int
    prompt: Prompt
    out: tuple[Segment, ...]
    n: int = 1
    gang: int | None = None
    priority: int = 0
    most_tokens: int | None = None
    goes_on: bool = False
    item: int | None = None
    again_in: int | None = None
    calls_left: int = 0
    then: tuple[Then, ...] = ()
    follows: int | None = None
    site: str = ""
    user: int = 0


# --- events ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """Log-probability (natural log) of one token, and of the most likely ones beside it.

    forced  True where a constraint left no choice: the model was not asked, and no others stand beside it
    mass    log of what the constraint left of the model's distribution, where that is looked at (`on_distortion`)
    texts   of the token and of each in `top`, where the session's tokenizer does not know their ids
    """

    id: int
    logprob: float
    top: tuple[tuple[int, float], ...] = ()
    forced: bool = False
    mass: float | None = None
    texts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChoiceScores:
    """How `select` decided: per choice its token ids, their log-probabilities and the score compared.

    probabilities  the model's distribution over the set, whatever was compared (choices.py defines it; it sums to 1);
                   None where no choice has any probability
    """

    method: ChoicesMethod
    index: int
    ids: tuple[tuple[int, ...], ...]
    logprobs: tuple[tuple[float, ...], ...]
    scores: tuple[float, ...]
    unconditional: tuple[tuple[float, ...], ...] | None = None
    probabilities: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class Chosen:
    """How `select` was decided where the choices were not scored.

    by             the means (see ir/scoring.py)
    index          of the choice
    probabilities  of the choices over the set, None where the means tells none
    """

    by: SelectBy
    index: int
    probabilities: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What one sample cost, in tokens.

    prompt_tokens   tokens of the prompt
    cached_tokens   of those, read from the cache
    computed_tokens of those, computed by this request (prompt = cached + computed)
    output_tokens   generated tokens, cut ones included
    forced_tokens   of those, forced by a constraint and not sampled
    """

    prompt_tokens: int = 0
    cached_tokens: int = 0
    computed_tokens: int = 0
    output_tokens: int = 0
    forced_tokens: int = 0


# not frozen: one is made for every token of every row, and a frozen one takes four times as long to make
@dataclass(slots=True, unsafe_hash=True)
class Delta:
    """Text that a segment grew by; never taken back. `ids` may lag behind `text` at a cut token."""

    rid: int
    sample: int
    segment: int
    text: str
    ids: tuple[int, ...] = ()
    logprobs: tuple[TokenLogprob, ...] | None = None
    forced: bool = False


@dataclass(frozen=True, slots=True)
class Filled:
    """What a blank of a fused form was filled with, why it ended, and how many tokens began in it."""

    text: str
    reason: FinishReason
    num_tokens: int = 0


@dataclass(frozen=True, slots=True)
class SegmentEnd:
    """A segment is complete: `text` is what the program reads, `ids` the tokens that stay in the state.

    Where a stop string cuts a token, `ids` ends before that token and `tail` is the text left of it. `num_tokens`
    were generated for it, cut ones included. A select has `scores`, or `chosen` where nothing was scored.
    """

    rid: int
    sample: int
    segment: int
    text: str
    ids: tuple[int, ...]
    reason: FinishReason
    tail: str = ""
    logprobs: tuple[TokenLogprob, ...] | None = None
    scores: ChoiceScores | None = None
    filled: tuple[Filled, ...] = ()  # of a fused form
    masses: tuple[float, ...] | None = None  # by token, log of what the constraint left (see TokenLogprob.mass)
    num_tokens: int = 0
    chosen: Chosen | None = None


@dataclass(frozen=True, slots=True)
class Missed:
    """Tokens of a prompt that an earlier one began with too, and that the cache did not have; and why."""

    reason: MissReason
    tokens: int


@dataclass(frozen=True, slots=True)
class Finished:
    """A sample is done, after the SegmentEnd of its last segment.

    missed  what its prompt could have had from the cache; None where that is nothing that the backend knows of
    said_with  the request whose answer had this one in it, so that nothing was asked for it; None where it was asked
    """

    rid: int
    sample: int
    reason: FinishReason
    usage: Usage = Usage()
    missed: Missed | None = None
    said_with: int | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """A sample will not finish. `message` says what to do; `retryable` whether the same call may succeed later.
    """

    rid: int
    sample: int
    code: str
    message: str
    help: str = ""
    retryable: bool = False


Event = Delta | SegmentEnd | Finished | Failed


@dataclass(frozen=True, slots=True)
class PrefixHint:
    """Advice about a token prefix; a session that cannot follow it ignores it, results never change.

    `over` is about no prefix: nothing more will be asked of an item.

    ttl_s  after how long a pin ends by itself
    waves  in how many it is needed
    item   the `Request.item` of one that is over
    """

    kind: Literal["prefetch", "pin", "release", "over"]
    ids: tuple[int, ...]
    ttl_s: float | None = None
    waves: int = 1
    item: int | None = None


# --- the record of forward passes ------------------------------------------------------------------------


class PassRow(NamedTuple):
    """What one forward pass did for one sample, in tokens.

    num_tokens       that it computed: a chunk of the prompt, the token before the next one, branches of choices
    cached_tokens    of the prompt that the sample found in the cache when it began to run; 0 behind its first pass
    computed_tokens  of the prompt, for the first time
    output_tokens    that came of it, forced ones and cut ones included
    """

    rid: int
    sample: int
    num_tokens: int
    cached_tokens: int
    computed_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class ForwardPass:
    """One forward pass, and what it did for a session.

    number        among those that were recorded for the session, from 0; one that is missing was dropped
    begin_s       when it began, on the clock of `time.perf_counter`; where passes overlap, when the one before ended
    seconds       until its results were there
    rows          of the session's own samples
    num_rows      of all sessions
    num_tokens    that it computed, of all sessions
    num_running, num_waiting   samples behind it, of all sessions
    held_tokens   that the pool of keys and values holds, of `max_tokens` (0 where there is no pool); `cached_tokens`
                  of them for whoever asks next
    """

    number: int
    begin_s: float
    seconds: float
    rows: tuple[PassRow, ...]
    num_rows: int
    num_tokens: int
    num_running: int = 0
    num_waiting: int = 0
    held_tokens: int = 0
    cached_tokens: int = 0
    max_tokens: int = 0


# --- the two protocols -----------------------------------------------------------------------------------


@dataclass(slots=True)
class Counters:
    """What a session has done since it was opened; counts only grow."""

    requests: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    computed_tokens: int = 0  # prompt tokens computed
    output_tokens: int = 0
    forced_tokens: int = 0
    forward_passes: int = 0
    evicted_tokens: int = 0
    retractions: int = 0
    max_running: int = 0
    waited_for_claim: int = 0
    extra: dict[str, float] = field(default_factory=dict)

    def copy(self) -> Counters:
        """The counts as they are now."""
        return replace(self, extra=dict(self.extra))


class Session(Protocol):
    """One user of a backend: submits requests and steps until their events have come."""

    tokenizer: Tokenizer

    def submit(self, requests: list[Request]) -> None:
        """Queue requests. A request that can never run is answered by a Failed from the next step; nothing raises."""

    def abort(self, rid: int, reason: str) -> None:
        """End a request early; its unfinished samples get Failed with code `aborted`."""

    def hint(self, hint: PrefixHint) -> None:
        """Take advice; may do nothing."""

    def step(self, timeout_s: float | None = None) -> list[Event]:
        """Do one unit of work and return what happened; with nothing to do, wait up to `timeout_s` for `wake`."""

    def counters(self) -> Counters:
        """What has been done for this session so far: a copy, which nothing changes any more."""

    def record_passes(self, max_rows: int) -> None:
        """Keep a record of each forward pass from now on, at most `max_rows` rows of the last ones; 0 ends it."""

    def take_passes(self) -> list[ForwardPass]:
        """The passes recorded since the last call; any thread may ask."""

    def wake(self) -> None:
        """Make a waiting `step` return; the only method that any thread may call."""

    def close(self) -> None:
        """Abort what is left and give back what the session holds."""


class Backend(Protocol):
    """An engine or an API, opened for one user at a time."""

    name: str
    caps: Caps
    tokenizer: Tokenizer

    def open(self, namespace: str = "") -> Session:
        """A new session; prompts of different namespaces never share KV."""

    def close(self) -> None:
        """Free the model and everything else held."""
