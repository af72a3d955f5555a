"""Runs graphs that were printed, in a process that never captured anything: `python -m tests.support.saved_graphs`.

Reads JSON lines from the standard input, a `Saved` each, and writes what each run showed as a JSON line. Whatever is
imported here must not capture: that is what this module is there to show.
"""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lmc.backend.echo import EchoBackend
from lmc.errors import LMError
from lmc.executor.run import Executor
from lmc.executor.state import ProgramState
from lmc.ir.graph import Graph
from lmc.parser.constraints import parse_constraint
from lmc.parser.irtext.parse import parse_graph
from lmc.passes import run_pipeline

NOTHING: Mapping[str, object] = {}


@dataclass(frozen=True)
class Saved:
    """A printed graph, and the literals that its argument leaves are, in the order of its parameters."""

    text: str
    arguments: str
    seed: int

    def run(self) -> dict[str, Any]:
        """What a run of the text shows."""
        return seen(parse_graph(self.text), ast.literal_eval(self.arguments), NOTHING, self.seed)


def seen(graph: Graph, arguments: tuple[object, ...], externs: Mapping[str, object], seed: int) -> dict[str, Any]:
    """How a run of a graph ends, in plain values: two runs that differ in anything differ in this."""
    plan = run_pipeline(graph, ()).plan
    item = {param.path: value for param, value in zip(graph.params, arguments, strict=True)}
    session = EchoBackend(seed).open()
    try:
        [outcome] = Executor(session, seed=seed, externs=externs, parse_constraint=parse_constraint).run(plan, [item])
    finally:
        session.close()
    if outcome.error is not None:
        error = outcome.error
        return {"error": [type(error).__name__, error.message if isinstance(error, LMError) else str(error)]}
    assert outcome.state is not None
    return {"text": outcome.state.text(), "names": plain(dict(outcome.state.names.values)), "ret": plain(outcome.ret)}


def plain(x: object) -> Any:
    """A value as JSON can say it, with its types; states as their text and names."""
    if isinstance(x, ProgramState):
        return ["state", x.text(), plain(dict(x.names.values))]
    if isinstance(x, dict):
        return [type(x).__name__, [[plain(k), plain(v)] for k, v in x.items()]]
    if isinstance(x, set | frozenset):
        return [type(x).__name__, sorted((plain(item) for item in x), key=repr)]
    if isinstance(x, list | tuple):
        return [type(x).__name__, [plain(item) for item in x]]
    return [type(x).__name__, repr(x)]


def main() -> None:
    """Answers each line of the standard input."""
    for line in sys.stdin:
        print(json.dumps(Saved(**json.loads(line)).run()))
    captured = [name for name in sys.modules if name.startswith("lmc.parser.capture")]
    assert not captured, f"reading and running a graph loads {captured}"


if __name__ == "__main__":
    main()
