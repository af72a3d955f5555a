"""From a call's parameters to the segment that is asked for: checked, merged with the run's, with a seed.

What is the same for all items is made once a run; what is left for each is a seed and the inputs that only the
running program knows.
"""

from __future__ import annotations

from collections.abc import Callable, KeysView, Mapping, Set, ValuesView
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import cast

from lmc.backend.base import ChoicesMethod, Gen, Score
from lmc.backend.choices import GREEDY
from lmc.errors import ArgumentError, LMError
from lmc.executor.call_params import CallParams
from lmc.executor.seeding import Seeding
from lmc.ir.constraint import Constraint, Spacing, closed
from lmc.ir.ends import check_ends
from lmc.ir.params import checked, merged
from lmc.ir.prompt import well_formed
from lmc.ir.sampling import Sampling

ParseConstraint = Callable[[str, object, Spacing | None, bool | None], Constraint]
Given = Mapping[str, object]
SeedOf = Callable[[], int]  # the seed of a call that brings none

NOTHING: Given = {}


@dataclass(frozen=True, slots=True)
class RunParams:
    """What a run says for all of its calls.

    seed              of its random streams
    defaults          sampling parameters for calls that do not say, by Sampling field (or run-level) name
    parse_constraint  (kind, what the program computed, spacing, closed) -> Constraint, for those known only at run
                      time
    closed            whether JSON schemas are that do not say
    """

    seed: int = 0
    defaults: Given = field(default_factory=dict)
    parse_constraint: ParseConstraint | None = None
    closed: bool | None = None

    def parsed(self, kind: str, value: object, spacing: Spacing | None, is_closed: bool | None) -> Constraint:
        """The constraint that `kind=value` writes. Raises ArgumentError, ConstraintError."""
        if self.parse_constraint is None:
            raise ArgumentError(f"this run cannot parse a {kind} that is known only when the program runs")
        found = self.parse_constraint(kind, value, spacing, is_closed)
        return found if self.closed is None else closed(found, self.closed)


def prepared(call: CallParams, run: RunParams) -> CallParams:
    """The call with what is the same for every item of the run made ready.

    A mistake in its parameters is not raised here but by each call that is reached.
    """
    if call.op == "fused":
        return replace(call, calls=tuple(prepared(each, run) for each in call.calls))
    ready: Gen | Score | Seeding | None = None
    with suppress(LMError):
        ready = _ready(call, run)
    return replace(call, ready=ready)


def _ready(call: CallParams, run: RunParams) -> Gen | Score | Seeding | None:
    if call.op == "select":
        temperature, seed = _score_draw(call)
        return None if temperature and seed is None else _score(call, _no_seed)
    sampling = merged(run.defaults, call.sampling)
    return Seeding(sampling) if _draws(sampling) else _gen(call, sampling, call.constraint)


def _no_seed() -> int:
    raise AssertionError("what is ready draws no seed")


def segment(call: CallParams, run: RunParams, given: Given, seed_of: SeedOf) -> Gen | Score:
    """What to put after the prompt; `given` are parameters that only the running program knows.

    Raises ArgumentError, ConstraintError.
    """
    if given:
        call = call.filled(given)
    elif isinstance(call.ready, Gen | Score):
        return call.ready
    if call.op == "select":
        return _score(call, seed_of)
    return _gen(call, _sampling(call, run, seed_of), _constraint(call, run))


def _gen(call: CallParams, sampling: Sampling, constraint: Constraint | None) -> Gen:
    """Raises ConstraintError where the constraint leaves no room for what else should end the text."""
    check_ends(constraint, sampling)
    return Gen(_name_of(call), sampling, constraint)


def asked(form: CallParams, run: RunParams, seed_of: Callable[[int], int]) -> tuple[Sampling | Score, ...]:
    """How each generation of a form is sampled, and what is scored at each choice; `seed_of` counts its calls."""
    found = (segment(call, run, NOTHING, lambda i=i: seed_of(i)) for i, call in enumerate(form.calls))  # type: ignore[misc]
    return tuple(each.sampling if isinstance(each, Gen) else each for each in found)


def _sampling(call: CallParams, run: RunParams, seed_of: SeedOf) -> Sampling:
    match call.ready:
        case Seeding() as seeding:
            return seeding(seed_of())
        case Gen(sampling=sampling):
            return sampling
    sampling = merged(run.defaults, call.sampling)
    return replace(sampling, seed=seed_of()) if _draws(sampling) else sampling


def _constraint(call: CallParams, run: RunParams) -> Constraint | None:
    if call.written is None:
        return call.constraint
    return run.parsed(*call.written, call.spacing, call.closed)


def _score(call: CallParams, seed_of: SeedOf) -> Score:
    name, choices = _name_of(call), checked_choices(call.choices)
    temperature, seed = _score_draw(call)
    if temperature and seed is None:
        seed = seed_of()
    return Score(name, choices, cast(ChoicesMethod, call.method), temperature=temperature, seed=seed)


def _score_draw(call: CallParams) -> tuple[float, int | None]:
    """Temperature and seed of a select; 0 and None where it takes the best. Those of the run are for `gen` only."""
    temperature, seed = call.sampling.get("temperature"), call.sampling.get("seed")
    temperature = 0.0 if temperature is None else cast(float, checked("temperature", temperature))
    seed = None if seed is None else cast(int, checked("seed", seed))
    if temperature <= GREEDY:
        return 0.0, None
    if call.method != "exact":
        raise ArgumentError(
            f"temperature={temperature:g}: select by {call.method} takes the best choice; it cannot sample",
            help="leave temperature at 0, or draw from the exact distribution: choices_method=lmc.exact",
        )
    return temperature, seed


def _name_of(call: CallParams) -> str | None:
    """The name a call's result goes by, None where it has none."""
    if call.name is not None and not isinstance(call.name, str):
        raise ArgumentError(f"name={call.name!r}: a text is needed, not {type(call.name).__name__}")
    return call.name


def checked_choices(choices: object) -> tuple[str, ...]:
    """The distinct choices in order; raises ArgumentError where there is none, or one is not a text."""
    if isinstance(choices, Set | Mapping | KeysView | ValuesView):
        choices = list(choices)
    if isinstance(choices, str) or not isinstance(choices, list | tuple):
        raise ArgumentError(f"choices={choices!r}: a list of texts is needed", help='for example ["yes", "no"]')
    if not choices:
        raise ArgumentError("select needs at least one choice")
    for choice in choices:
        if not isinstance(choice, str):
            raise ArgumentError(f"choices hold {choice!r}: a choice is a text, not {type(choice).__name__}")
        if not choice:
            raise ArgumentError("a choice of select cannot be empty")
        if well_formed(choice) is not choice:
            raise ArgumentError(
                f"choices hold {choice!r}: a lone surrogate is no character, and no model can say it",
                help="take it out of the choice",
            )
    return tuple(dict.fromkeys(choices))


def _draws(sampling: Sampling) -> bool:
    return sampling.seed is None and not sampling.greedy
