"""From a request's prompt and one of its generations to a WireAsk: the call in nobody's words yet."""

from __future__ import annotations

from collections.abc import Sequence

from lmc.backend.api.abilities import Abilities
from lmc.backend.api.ask import Turn, WireAsk
from lmc.backend.api.messages import Conversation, conversation
from lmc.backend.base import Gen
from lmc.backend.mixing import mix
from lmc.errors import BackendError
from lmc.ir.constraint import Constraint, Fused
from lmc.ir.prompt import Piece

MAX_SEED = 1 << 31  # every API takes one below that


def asked(
    known: Abilities,
    gen: Gen,
    pieces: Sequence[Piece],
    ids: tuple[int, ...] | None = None,
    *,
    constraint: Constraint | None = None,
    n: int = 1,
    turn: int = 0,
) -> WireAsk:
    """The call for `n` samples.

    ids   the prompt's tokens, where they are sent
    turn  tells calls of one request with the same prompt apart: each has a seed of its own

    Raises BackendError for what the API cannot be asked.
    """
    sampling = gen.sampling
    turns: tuple[Turn, ...] | None = None
    text, continues = None, False
    if ids is None:
        told = conversation(pieces)
        turns, text = _prompt(told, known)
        continues = told.turns is not None and told.continues
    return WireAsk(
        model=known.model,
        sampling=sampling,
        turns=turns,
        text=text,
        ids=ids,
        continues=continues,
        constraint=constraint,
        n=n,
        stop=sampling.stop if known.max_stops is None else sampling.stop[: known.max_stops],
        max_tokens=sampling.max_tokens,
        seed=None if sampling.seed is None or sampling.greedy else _seed(sampling.seed, turn),
    )


def single(gen: Gen, known: Abilities) -> Constraint | None:
    """What restricts a generation. Raises BackendError for a form, which is several of them."""
    if isinstance(gen.constraint, Fused):
        raise BackendError(
            f"{known.called} does not take several generations as one",
            help='compile it at -O2, and leave out boundary="exact"',
        )
    return gen.constraint


def _seed(seed: int, turn: int) -> int:
    return (seed if not turn else mix(seed, turn)) % MAX_SEED


def _prompt(told: Conversation, known: Abilities) -> tuple[tuple[Turn, ...] | None, str | None]:
    """The prompt as messages, or as a text. Raises BackendError."""
    if told.turns is None:
        if known.dialect == "anthropic" and not told.text:
            raise _nothing_said(known)
        return (None, told.text) if known.has_completions else ((Turn("user", told.text),), None)
    if told.open_role not in ("", "assistant"):
        raise BackendError(
            f"{known.called} answers as the assistant, and here the turn of the {told.open_role} is open",
            help="generate in a turn of the assistant's, or use a backend that continues any text",
        )
    if not told.open_role and told.turns and told.turns[-1].role == "assistant":
        raise BackendError(
            f"{known.called} cannot answer behind a turn of the assistant's that is closed",
            help="generate inside of that turn, or let the user say something first",
        )
    if known.dialect == "anthropic" and not all(turn.text for turn in told.turns):
        raise _nothing_said(known)
    if known.roles is not None:
        for turn in told.turns:
            if turn.role not in known.roles:
                raise BackendError(
                    f"{known.called} knows no turns of the role {turn.role!r}",
                    help=f"there are {', '.join(sorted(known.roles))}",
                )
    return told.turns, None


def _nothing_said(known: Abilities) -> BackendError:
    said = f"{known.called} takes no message that says nothing"
    return BackendError(said, help="leave the turn out, or say something")
