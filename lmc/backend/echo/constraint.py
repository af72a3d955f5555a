"""From a constraint to a text that satisfies it: a regex is lowered to its drawer once and kept."""

from __future__ import annotations

import random

from lmc.backend.echo.json import draw_json
from lmc.backend.echo.regex import NEVER, Drawer, drawer
from lmc.backend.echo.text import advance
from lmc.codes import EMPTY
from lmc.errors import ConstraintError
from lmc.ir.constraint import Choices, Constraint, Grammar, JsonSchema, Lark, Regex, StructuralTag, ToolCalls
from lmc.recent import Recent

_KINDS: dict[type, str] = {
    Grammar: "grammars", Lark: "grammars", StructuralTag: "structural tags", ToolCalls: "tool calls",
}  # fmt: skip

MAX_KEPT = 256  # drawers


class Drawers:
    """The regex drawers that a backend has built lately."""

    def __init__(self) -> None:
        self._regex = Recent[str, Drawer]("drawers of echo", MAX_KEPT)

    def draw(self, constraint: Constraint, seed: int, limit: int) -> str:
        """A text under `constraint`, of at most `limit` bytes where one that short is found.

        Raises ConstraintError where nothing satisfies it, or echo does not know how.
        """
        match constraint:
            case Choices(options):
                return options[advance(seed) % len(options)]
            case Regex():
                return self._for_regex(constraint).draw(random.Random(seed), limit)
            case JsonSchema(_, schema):
                return draw_json(schema, random.Random(seed), limit)
            case Grammar() | Lark() | StructuralTag() | ToolCalls():
                raise ConstraintError(
                    f"the echo backend does not do {_KINDS[type(constraint)]}",
                    help="use a regex or a JSON schema, or run on an engine",
                )

    def _for_regex(self, regex: Regex) -> Drawer:
        found = self._regex.get(regex.pattern)
        if found is None:
            found = drawer(regex.tree)
            self._regex.put(regex.pattern, found)
        if found.least >= NEVER:
            raise ConstraintError(f"no text matches the pattern {regex.pattern!r}", code=EMPTY)
        return found
