"""From a request's prompt and one of its generations to an WireAsk: the call in nobody's words yet."""

from __future__ import annotations

from collections.abc import Iterable

from lmc.backend.api.abilities import Abilities
from lmc.backend.api.ask import Turn, WireAsk
from lmc.backend.api.messages import Conversation, conversation
from lmc.backend.base import Gen
from lmc.backend.mixing import mix
from lmc.errors import BackendError
from lmc.ir.constraint import Fused
from lmc.ir.prompt import Piece

MAX_SEED = 1 << 31  # every API takes one below that


def asked(known: Abilities, gen: Gen, pieces: Iterable[Piece], *, n: int = 1, first: int = 0) -> WireAsk:
    """The call for `n` samples, of which the first is that number of its request.

    Raises BackendError for what the API cannot be asked.
    """
    if isinstance(gen.constraint, Fused):
        raise BackendError(
            f"{known.called} does not take several generations as one",
            help='compile it at -O2, and leave out boundary="exact"',
        )
    sampling = gen.sampling
    told = conversation(pieces)
    turns, text = _prompt(told, known)
    stop = sampling.stop if known.max_stops is None else sampling.stop[: known.max_stops]
    return WireAsk(
        model=known.model,
        sampling=sampling,
        turns=turns,
        text=text,
        continues=told.turns is not None and told.continues,
        constraint=gen.constraint,
        n=n,
        stop=stop,
        max_tokens=sampling.max_tokens,
        seed=None if sampling.seed is None or sampling.greedy else _seed(sampling.seed, first),
    )


def _seed(seed: int, first: int) -> int:
    return (seed if not first else mix(seed, first)) % MAX_SEED


def _prompt(told: Conversation, known: Abilities) -> tuple[tuple[Turn, ...] | None, str | None]:
    """The prompt as messages, or as a text. Raises BackendError."""
    if told.turns is None:
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
    if known.roles is not None:
        for turn in told.turns:
            if turn.role not in known.roles:
                raise BackendError(
                    f"{known.called} knows no turns of the role {turn.role!r}",
                    help=f"there are {', '.join(sorted(known.roles))}",
                )
    return told.turns, None
