"""Objects that only one arm of a branch has made: copies of them that the code behind the branch can name.

    agent = AGENTS[kind]()          in each arm an object of another class; behind them `agent` is one of the two

What an arm writes is put back when it ends, so an object made in it has no attributes any more. Its copy has those that
it had at the arm's end, as long as these mean the same outside of the arm: literals, what is older than the arm, and
lists, dicts and objects of such things.
"""

from __future__ import annotations

from collections.abc import Callable

from lmc.parser.capture.tracer import Arm, Tracer
from lmc.parser.capture.values import UNBOUND, Choice, Container, Owner, StandIn, Tracked, is_literal


class Copies:
    """What one arm of a branch has made, as it is behind the branch."""

    def __init__(self, tracer: Tracer, arm: Arm, is_older: Callable[[StandIn], bool]) -> None:
        self.tracer, self.arm, self.is_older = tracer, arm, is_older
        self.made: dict[int, tuple[Owner, Owner]] = {}  # by identity: what an arm has made, and its copy

    def has(self, x: StandIn) -> bool:
        """True for what was copied."""
        return id(x) in self.made

    def copy(self, x: StandIn) -> StandIn:
        """A stand-in as it is behind the branch, UNBOUND for what means something in the arm alone."""
        if id(x) in self.made:
            return self.made[id(x)][1]
        if isinstance(x, Tracked) and x.birth > self.arm.birth:
            return self._object(x)
        if isinstance(x, Container) and x.birth > self.arm.birth:
            return self._container(x)
        if isinstance(x, tuple) and not is_literal(x):
            parts = tuple(self.copy(part) for part in x)
            return UNBOUND if UNBOUND in parts else parts
        return x if is_literal(x) or self.is_older(x) else UNBOUND

    def options(self, x: StandIn) -> StandIn:
        """The same of one of several things, whose number stays what it is."""
        if not isinstance(x, Choice):
            return self.copy(x)
        every = tuple(self.copy(option) for option in x.options)
        return UNBOUND if UNBOUND in every else Choice(x.index, every)

    def _object(self, x: Tracked) -> StandIn:
        written = [name for owner, name in self.arm.writes if owner is x]
        held = {name: self.arm.now(x, name) for name in (*x.fields, *written)}
        if x.aliases or any(name.startswith("$") and value is not UNBOUND for name, value in held.items()):
            return UNBOUND
        made = Tracked(self.tracer.born(), x.cls)
        self.made[id(x)] = x, made  # an object may hold itself
        for name, value in held.items():
            if value is UNBOUND:
                continue
            copied = self.copy(value)
            if copied is UNBOUND:
                return UNBOUND
            made.fields[name] = copied
        return made

    def _container(self, x: Container) -> StandIn:
        content = self.arm.now(x, "content")
        marks = any(name.startswith("$") for name in (*x.fields, *(n for o, n in self.arm.writes if o is x)))
        odd = x.aliases or x.borrowed or x.window is not None or x.constant is not None or x.path is not None
        if marks or odd or x.kind not in ("list", "dict") or not isinstance(content, tuple | dict):
            return UNBOUND
        made = Container(self.tracer.born(), x.kind, (), site=x.site)
        self.made[id(x)] = x, made
        copied = {key: self.copy(value) for key, value in _items(content)}
        if any(value is UNBOUND for value in copied.values()):
            return UNBOUND
        made.fields["content"] = copied if isinstance(content, dict) else tuple(copied.values())
        return made


def _items(content: tuple[StandIn, ...] | dict[object, StandIn]) -> list[tuple[object, StandIn]]:
    return list(content.items()) if isinstance(content, dict) else list(enumerate(content))
