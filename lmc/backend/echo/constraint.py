"""From a constraint to a text that satisfies it: its automaton is made once, and kept with what echo says of it."""

from __future__ import annotations

from lmc.backend.echo.draw import Draw
from lmc.backend.echo.text import advance, mix
from lmc.backend.echo.walk import Walks
from lmc.codes import TOO_LARGE
from lmc.errors import ConstraintError
from lmc.ir.constraint import Choices, Constraint, JsonSchema
from lmc.recent import Recent
from lmc.tokenizer.byte_tokenizer import ByteTokenizer

MAX_KEPT = 256  # constraints
MAX_TRIES = 8  # texts drawn for a schema of which no automaton knows all


class Drawers:
    """What a backend has drawn texts of lately."""

    def __init__(self, tokenizer: ByteTokenizer) -> None:
        self._walks = Walks(tokenizer)
        self._draws = Recent[Constraint, Draw]("drawers of echo", MAX_KEPT)

    def draw(self, constraint: Constraint, seed: int, limit: int) -> bytes:
        """A text under `constraint`, of at most `limit` bytes where one that short is found.

        It is in UTF-8; a control token is MARK and its name.
        Raises ConstraintError where nothing satisfies it, or it cannot be followed exactly.
        """
        if isinstance(constraint, Choices):
            options = constraint.options
            return options[advance(seed) % len(options)].encode("utf-8", "replace")
        draw = self._draws.get(constraint)
        if draw is None:
            draw = self._made(constraint)
        try:
            said = draw.text(seed, limit)
        except ConstraintError as error:
            if error.code != TOO_LARGE:
                raise
            said = self._made(constraint).text(seed, limit)  # so many texts were drawn that its states are all used up
        return self._whole(constraint, draw, said, seed, limit) if isinstance(constraint, JsonSchema) else said

    def _made(self, constraint: Constraint) -> Draw:
        found = Draw(self._walks.of(constraint))
        self._draws.put(constraint, found)
        return found

    def _whole(self, schema: JsonSchema, draw: Draw, said: bytes, seed: int, limit: int) -> bytes:
        """The first of a few texts that breaks nothing of what is checked when it is complete."""
        for turn in range(MAX_TRIES):
            if not _is_broken(schema, said):
                break
            said = draw.text(mix(seed, turn), limit)
        return said


def _is_broken(schema: JsonSchema, said: bytes) -> bool:
    from lmc.ir.json_schema.findings import NotRegular
    from lmc.ir.json_schema.regular import regular

    try:
        return regular(schema).broken_by(said.decode()) is not None
    except NotRegular:
        return False
