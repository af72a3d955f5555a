"""Programs written as IR text, run by the executor on the echo backend."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lmc.backend.base import Gen, Request
from lmc.backend.echo import EchoBackend, EchoSession
from lmc.executor import Executor, Outcome
from lmc.ir.plan import Plan
from lmc.parser.irtext.parse import parse_graph

Args = Mapping[str, object]


EXTERNS = """
  extern @log = "t.py:1 log" ordered raises ref
  extern @tool = "t.py:2 tool" ordered raises str
  extern @pure = "t.py:3 pure" none raises str
  extern @int = "builtins.int" none raises int
  extern @len = "builtins.len" none raises int
  extern @ValueError = "builtins.ValueError" none raises ref
"""


class Ran:
    """What a run did."""

    def __init__(self, backend: EchoBackend, session: EchoSession, outcomes: list[Outcome]) -> None:
        self.backend = backend
        self.session = session
        self.outcomes = outcomes

    @property
    def one(self) -> Outcome:
        """The only outcome."""
        (outcome,) = self.outcomes
        return outcome

    @property
    def ret(self) -> Any:
        """What the only item returned; raises its error."""
        if self.one.error is not None:
            raise self.one.error
        return self.one.ret

    @property
    def text(self) -> str:
        """The only item's final text."""
        assert self.ret is not Ran and self.one.state is not None
        return self.one.state.text()

    @property
    def gens(self) -> list[Gen]:
        """The gen segments, in order of submission."""
        return [segment for request in self.backend.log for segment in request.out if isinstance(segment, Gen)]


def program(body: str, params: str = "") -> Plan:
    """A plan without hints."""
    return Plan(parse_graph(f"program p({params}) {{{EXTERNS}{body}\n}}\n"), ())


def run(
    body: str,
    params: str = "",
    items: list[Args] | None = None,
    backend: EchoBackend | None = None,
    externs: Args | None = None,
    **options: Any,
) -> Ran:
    """Run a program's text for some items (one without arguments if none are given)."""
    backend = backend or EchoBackend(record=True)
    backend.record = True
    session = backend.open()
    live = {"log": print, "tool": str.upper, "pure": str.upper, "ValueError": ValueError, **(externs or {})}
    executor = Executor(session, externs=live, **options)
    rows = [{(name,): value for name, value in item.items()} for item in items or [{}]]
    return Ran(backend, session, executor.run(program(body, params), rows))


def says(**answers: str) -> Callable[[str, Gen], str | None]:
    """A script: what a named gen says."""
    return lambda prompt, gen: answers.get(str(gen.name))


def fails(*names: str) -> Callable[[Request], str | None]:
    """A failure for the named calls."""
    return lambda request: f"no {request.out[0].name}" if getattr(request.out[0], "name", None) in names else None


FORKS = """
  %s0 = begin
  %s1 = append %s0, "topic "
  %p, %a0, %b0, %c0, %d0 = fork %s1 {n=4}
  %a1 = append %a0, "a"
  %b1 = append %b0, "b"
  %a2, %a = gen %a1 {name="x"}
  %b2, %b = gen %b1 {name="x"}
  %c2, %c = gen %c0 {name="x"}
  %d2, %d = gen %d0 {name="x"}
"""
