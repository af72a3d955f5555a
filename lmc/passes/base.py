"""What a pass is, what it may know of the outside, and what it reports.

A pass is a named pure function. Everything from outside comes in `Inputs`, so that a pass never imports the
parser or a backend, and the same graph with the same inputs always gives the same plan.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from lmc.ir.caps import Caps
from lmc.ir.chat import ChatTemplate
from lmc.ir.graph import Node
from lmc.ir.output import OutputType
from lmc.ir.prompt import Encode
from lmc.ir.sampling import Sampling
from lmc.source import Span

Level = Literal["graph", "plan"]
Decode = Callable[[tuple[int, ...]], str]
ArgPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Inputs:
    """What passes may know beside the graph.

    encode     token ids of a prompt's pieces by the rule of `ir.prompt`; None where no tokenizer is given
    decode     the inverse, control tokens by their names; only used to show which text some tokens stand for. Without
               it that is searched by encoding, which takes long for a large batch
    spellings  the bytes of each token of the vocabulary, made when asked for; None where they are not known
    begin_ids  tokens before a prompt that does not begin with a template's literal
    chat       the chat template; None where the tokenizer has none, or none is known yet
    batch      for each item the argument values by `Param.path`; empty when compiling without arguments
    sampling   the run's defaults
    control_tokens  the texts of control tokens: what stands before one in a template changes no token behind it
    caps       what the backend can do; None where none is known
    outputs    what typed generations are read as, by the extern that names it
    spread     where ids are an estimate: (fewest, most) tokens of the model that some of them may stand for
    """

    encode: Encode | None = None
    decode: Decode | None = None
    begin_ids: tuple[int, ...] = ()
    chat: ChatTemplate | None = None
    batch: tuple[Mapping[ArgPath, object], ...] = ()
    sampling: Sampling = field(default_factory=Sampling)
    spellings: Callable[[], Sequence[bytes]] | None = None
    control_tokens: frozenset[str] = frozenset()
    caps: Caps | None = None
    outputs: Mapping[str, OutputType] = field(default_factory=dict)
    spread: Callable[[Sequence[int]], tuple[int, int]] | None = None


NO_INPUTS = Inputs()


@dataclass(frozen=True, slots=True)
class Note:
    """One sentence for people: what was done, where, and why. `code` is stable where there is one."""

    text: str
    span: Span | None = None
    code: str | None = None

    def __str__(self) -> str:
        return f"{self.code}: {self.text}" if self.code else self.text


@dataclass(frozen=True, slots=True)
class Report:
    """What a pass did: `counts` in nodes and tokens, by name; `notes` in sentences; `seconds` it took."""

    name: str
    counts: tuple[tuple[str, int], ...] = ()
    notes: tuple[Note, ...] = ()
    seconds: float = 0.0

    def count(self, name: str) -> int:
        """The count of that name, 0 where the pass did nothing of the kind."""
        return dict(self.counts).get(name, 0)

    def __str__(self) -> str:
        head = ", ".join(f"{name} {count}" for name, count in self.counts if count) or "nothing to do"
        return "\n".join([f"{self.name}: {head}", *(f"  {note}" for note in self.notes)])


@dataclass(frozen=True, slots=True)
class Pass:
    """A named function from graph to graph, graph to plan, or plan to plan.

    level  what it gives
    takes  what it works on, where that is not what it gives
    run    (graph or plan, Inputs) -> (graph or plan, Report)
    """

    name: str
    level: Level
    run: Callable[[Any, Inputs], tuple[Any, Report]]  # Any: a Graph or a Plan, as `takes` and `level` say
    doc: str = ""
    takes: Level = "graph"

    @property
    def summary(self) -> str:
        """The first line of its docstring, without the name."""
        return self.doc.strip().partition("\n")[0].removeprefix(f"{self.name}: ")


def called(node: Node) -> str:
    """How a report names a node: `gen %easy (tips.py:9)`."""
    label = f" {node.outputs[-1]}" if node.outputs else ""
    place = f" ({node.span.place})" if node.span else ""
    return f"{node.op}{label}{place}"
