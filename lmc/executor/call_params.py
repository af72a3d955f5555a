"""What a model call asks, as a plain record: read off a node of a graph, or filled by hand from a live expression.

Nothing in it is checked or merged with the run's parameters yet: a mistake is the mistake of the call that is reached
(see requests.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal, TypeVar, cast

from lmc.backend.base import Gen, Score
from lmc.executor.hints import NO_HINTS, CallHints
from lmc.executor.notes import located, one_line
from lmc.executor.seeding import Seeding
from lmc.ir.constraint import RUN_TIME_KINDS, Constraint, Spacing
from lmc.ir.fused import FormPart, FusedGen, FusedSelect, parts_of
from lmc.ir.graph import Node
from lmc.ir.output import OutputType
from lmc.ir.sampling import SAMPLING_FIELDS
from lmc.ir.scoring import default_boundary
from lmc.source import Span

E = TypeVar("E", bound=BaseException)

NOT_SAMPLING = (
    "name",
    "constraint",
    "dtype",
    "fn",
    "reasoning",
    "boundary",
    "spacing",
    "closed",
    "choices",
    "method",
    "parts",
)
NOTHING: Mapping[str, object] = {}


@dataclass(frozen=True, slots=True, eq=False)
class CallParams:
    """A `gen` or `select`, or a fused form of several.

    sampling    the parameters given for it, by Sampling field; of a select, temperature and seed
    constraint  what restricts a gen; `written` (kind, value) is one that is still to be parsed
    spacing, closed  what was said of its JSON
    choices     of a select
    dtype       of a gen; `output` what its text is read as, the live object that the graph names `fn`
    reasoning   how the thoughts in its text are marked, None where it is taken as it is
    boundary    "exact" or "naive", None for the method's default
    parts       of a form: its texts and calls; `calls` are the calls among them
    number      which node of its program it is: of several failures the first in this order counts
    span, line  where it stands and how it reads, for messages
    heals       whether its text is cut into the tokens that it makes together with the end of the prompt
    ready       what a run has made of it so far: the whole segment, or all of its sampling but the seed
    """

    op: Literal["gen", "select", "fused"] = "gen"
    name: object = None
    sampling: Mapping[str, object] = field(default_factory=dict)
    constraint: Constraint | None = None
    written: tuple[str, object] | None = None
    spacing: Spacing | None = None
    closed: bool | None = None
    dtype: str | None = None
    fn: str | None = None
    output: OutputType | None = None
    reasoning: str | None = None
    choices: object = None
    method: str = "token_length_normalized"
    boundary: str | None = None
    parts: tuple[FormPart, ...] = ()
    calls: tuple[CallParams, ...] = ()
    number: int = 0
    hints: CallHints = NO_HINTS
    span: Span | None = None
    line: Callable[[], str] = lambda: "a call"
    ready: Gen | Score | Seeding | None = None
    heals: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "heals", self._heals())

    def _heals(self) -> bool:
        if self.op == "fused":
            return isinstance(self.parts[0], FusedSelect) and self.parts[0].is_exact
        return (self.boundary or default_boundary(self.method if self.op == "select" else "")) == "exact"

    def noted(self, error: E) -> E:
        """The error with a note on where the call stands."""
        return located(error, self.span, self.line)

    def filled(self, given: Mapping[str, object]) -> CallParams:
        """This call with parameters that only the running program knows, by name."""
        written = [(kind, given[kind]) for kind in RUN_TIME_KINDS if given.get(kind) is not None]
        sampling = {name: value for name, value in given.items() if name in SAMPLING_FIELDS}
        return replace(
            self,
            name=given.get("name", self.name),
            sampling={**self.sampling, **_set(sampling)} if sampling else self.sampling,
            written=written[0] if written else self.written,
            choices=given.get("choices", self.choices),
            ready=None if sampling or self.op == "select" else self.ready,
        )


def of_node(node: Node, number: int, hints: CallHints = NO_HINTS) -> CallParams:
    """What a model node asks, its named inputs left out."""
    attrs = dict(node.attrs)
    parts = parts_of(node) if node.op == "fused" else ()
    return CallParams(
        cast('Literal["gen", "select", "fused"]', node.op),
        attrs.get("name"),
        {name: value for name, value in attrs.items() if name not in NOT_SAMPLING},
        cast("Constraint | None", attrs.get("constraint")),
        spacing=cast("Spacing | None", attrs.get("spacing")),
        closed=cast("bool | None", attrs.get("closed")),
        dtype=cast("str | None", attrs.get("dtype")),
        fn=cast("str | None", attrs.get("fn")),
        reasoning=cast("str | None", attrs.get("reasoning")),
        choices=attrs.get("choices"),
        method=str(attrs.get("method")),
        boundary=cast("str | None", attrs.get("boundary")),
        parts=parts,
        calls=tuple(_of_part(part, node) for part in parts if isinstance(part, FusedGen | FusedSelect)),
        number=number,
        hints=hints,
        span=node.span,
        line=partial(one_line, node),
    )


def _of_part(part: FusedGen | FusedSelect, node: Node) -> CallParams:
    params = dict(part.params)
    sampling = {name: value for name, value in params.items() if name not in NOT_SAMPLING}
    line = partial(one_line, node)
    if isinstance(part, FusedGen):
        return CallParams("gen", part.name, sampling, part.constraint, span=node.span, line=line)
    method, boundary = str(params.get("method")), cast("str | None", params.get("boundary"))
    return CallParams(
        "select", part.name, sampling, choices=part.choices, method=method, boundary=boundary, span=node.span, line=line
    )


def _set(params: Mapping[str, object]) -> dict[str, object]:
    """The parameters that have a value; None inherits."""
    return {name: value for name, value in params.items() if value is not None}
