"""Model node to request segment: what each `gen` and `select` asks for.

A CallSpec is read off the node once per plan, a BoundCall adds a run's parameters; what is left for each item is a
seed and the inputs that only the running program knows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, cast

from lmc.backend.base import ChoicesMethod, Gen, Score, Segment
from lmc.backend.choices import GREEDY
from lmc.errors import ArgumentError, LMError
from lmc.executor.lineage import call_seed
from lmc.executor.params import checked, merged
from lmc.ir.constraint import RUN_TIME_KINDS, Constraint, Spacing
from lmc.ir.fused import FormPart, FusedGen, FusedSelect, parts_of
from lmc.ir.graph import Node
from lmc.ir.sampling import SAMPLING_FIELDS, Sampling
from lmc.ir.scoring import default_boundary

ParseConstraint = Callable[[str, object, Spacing | None], Constraint]
Given = Mapping[str, object]
Build = Callable[[int, int, int, Given], Segment]

NOT_SAMPLING = ("name", "constraint", "dtype", "boundary", "spacing")


@dataclass(frozen=True, slots=True)
class CallSpec:
    """A model node as its plan knows it.

    number     which node of the graph, in program order
    prefix     the shared prefix it begins with, None where it shares nothing
    is_common  True where all items share that prefix
    """

    node: Node
    number: int
    prefix: int | None = None
    is_common: bool = False
    num_prefixes: int = 0

    def gang(self, item: int) -> int | None:
        """The number of the gang its request belongs to."""
        if self.prefix is None or self.is_common:
            return self.prefix
        return (item + 1) * self.num_prefixes + self.prefix


class BoundCall:
    """A model node with a run's parameters. A mistake in them is not raised here but by each call that is reached.

    heals  a call whose text is cut into the tokens that it makes together with the end of the prompt
    form    the parts of a fused form; none of any other call
    """

    __slots__ = (
        "_fixed",
        "_name",
        "_seeding",
        "_static",
        "build",
        "defaults",
        "form",
        "heals",
        "parse_constraint",
        "spec",
    )  # fmt: skip

    def __init__(self, spec: CallSpec, defaults: Given, parse_constraint: ParseConstraint | None) -> None:
        self.spec = spec
        self.defaults = defaults
        self.parse_constraint = parse_constraint
        self._fixed: Segment | None = None  # the segment, where it is the same for every item
        self._seeding: Seeding | None = None  # where only the seed differs
        self._name = cast("str | None", spec.node.attr("name"))
        self._static = cast("Constraint | None", spec.node.attr("constraint"))
        self.form: tuple[FormPart, ...] = parts_of(spec.node) if spec.node.op == "fused" else ()
        self.build: Build = self._score if spec.node.op == "select" else self._gen
        boundary = spec.node.attr("boundary") or default_boundary(str(spec.node.attr("method")))
        first = self.form[0] if self.form else None
        self.heals = boundary == "exact" or (isinstance(first, FusedSelect) and first.is_exact)
        with suppress(LMError):
            self._bind(spec.node)

    def segment(self, base: int, lineage: int, calls: int, given: Given) -> Segment:
        """What to put after the prompt; `given` are the node's named inputs. Raises ArgumentError, ConstraintError."""
        if self._fixed is not None:
            return self._fixed
        return self.build(base, lineage, calls, given)

    def _bind(self, node: Node) -> None:
        if node.op == "gen" and not set(node.keys) & set(SAMPLING_FIELDS):
            sampling = merged(self.defaults, _params(node))
            if _draws(sampling):
                self._seeding = Seeding(sampling)
                return
        if not node.keys and not self.form:
            fixed = self.build(0, 0, 0, {})
            draws = isinstance(fixed, Score) and fixed.temperature and node.attr("seed") is None
            self._fixed = None if draws else fixed

    def _gen(self, base: int, lineage: int, calls: int, given: Given) -> Gen:
        name, constraint = self._name, self._static
        if given:
            name, constraint = name_of(self.spec.node, given), self._constraint(given)
        if self._seeding is not None:
            return Gen(name, self._seeding(call_seed(base, lineage, calls)), constraint)
        dynamic = {name: value for name, value in given.items() if name in SAMPLING_FIELDS}
        sampling = merged(self.defaults, _params(self.spec.node), dynamic)
        if _draws(sampling):
            sampling = replace(sampling, seed=call_seed(base, lineage, calls))
        return Gen(name, sampling, constraint)

    def asked(self, base: int, lineage: int, calls: int) -> tuple[Sampling | Score, ...]:
        """How each generation of the form is sampled, and what is scored at each choice; seeds are those unfused."""
        parts = [part for part in self.form if isinstance(part, FusedGen | FusedSelect)]
        return tuple(self._asked(part, base, lineage, number) for number, part in enumerate(parts, calls))

    def _asked(self, part: FusedGen | FusedSelect, base: int, lineage: int, call: int) -> Sampling | Score:
        params = dict(part.params)
        if isinstance(part, FusedSelect):
            return scored(part.name, part.choices, params, lambda: call_seed(base, lineage, call))
        sampling = merged(self.defaults, params)
        return replace(sampling, seed=call_seed(base, lineage, call)) if _draws(sampling) else sampling

    def _constraint(self, given: Given) -> Constraint | None:
        texts = [(kind, given[kind]) for kind in RUN_TIME_KINDS if given.get(kind) is not None]
        if not texts:
            return self._static
        if self.parse_constraint is None:
            raise ArgumentError(f"this run cannot parse a {texts[0][0]} that is known only when the program runs")
        return self.parse_constraint(*texts[0], cast("Spacing | None", self.spec.node.attr("spacing")))

    def _score(self, base: int, lineage: int, calls: int, given: Given) -> Score:
        params = {**dict(self.spec.node.attrs), **given}
        name = name_of(self.spec.node, given)
        return scored(name, params.get("choices"), params, lambda: call_seed(base, lineage, calls))


def scored(name: str | None, choices: object, params: Given, seed_of: Callable[[], int]) -> Score:
    """What a select asks for; `seed_of` gives the seed of a draw that brings none."""
    method = cast(ChoicesMethod, params["method"])
    choices = checked_choices(choices)
    temperature, seed = _score_draw(params)
    if temperature and seed is None:
        seed = seed_of()
    return Score(name, choices, method, temperature=temperature, seed=seed)


def _score_draw(params: Given) -> tuple[float, int | None]:
    """Temperature and seed of a select; 0 and None where it takes the best. Those of the run are for `gen` only."""
    temperature, seed = params.get("temperature"), params.get("seed")
    temperature = 0.0 if temperature is None else cast(float, checked("temperature", temperature))
    seed = None if seed is None else cast(int, checked("seed", seed))
    if temperature <= GREEDY:
        return 0.0, None
    method = str(params["method"])
    if method != "exact":
        raise ArgumentError(
            f"temperature={temperature:g}: select by {method} takes the best choice; it cannot sample",
            help="leave temperature at 0, or draw from the exact distribution: choices_method=lmc.exact",
        )
    return temperature, seed


def name_of(node: Node, given: Given) -> str | None:
    """The name a call's result goes by, None where it has none."""
    name = given["name"] if "name" in given else node.attr("name")
    if name is not None and not isinstance(name, str):
        raise ArgumentError(f"name={name!r}: a text is needed, not {type(name).__name__}")
    return name


def checked_choices(choices: object) -> tuple[str, ...]:
    """The distinct choices in order; raises ArgumentError where there is none, or one is no text."""
    if isinstance(choices, str) or not isinstance(choices, list | tuple):
        raise ArgumentError(f"choices={choices!r}: a list of texts is needed", help='for example ["yes", "no"]')
    if not choices:
        raise ArgumentError("select needs at least one choice")
    for choice in choices:
        if not isinstance(choice, str):
            raise ArgumentError(f"choices hold {choice!r}: a choice is a text, not {type(choice).__name__}")
        if not choice:
            raise ArgumentError("a choice of select cannot be empty")
    return tuple(dict.fromkeys(choices))


class Seeding:
    """Makes copies of a Sampling that differ in the seed, in a tenth of the time of `dataclasses.replace`."""

    __slots__ = ("_after", "_before")

    def __init__(self, sampling: Sampling) -> None:
        values: tuple[Any, ...] = tuple(getattr(sampling, field) for field in SAMPLING_FIELDS)
        at = SAMPLING_FIELDS.index("seed")
        self._before: tuple[Any, ...] = values[:at]
        self._after: tuple[Any, ...] = values[at + 1 :]

    def __call__(self, seed: int) -> Sampling:
        return Sampling(*self._before, seed, *self._after)  # type: ignore[call-arg]  # mypy cannot count two rows


def _draws(sampling: Sampling) -> bool:
    return sampling.seed is None and not sampling.greedy


def _params(node: Node) -> dict[str, Any]:
    return {name: value for name, value in node.attrs if name not in NOT_SAMPLING}
