"""A generation rehearsed without a model: the text is given, and a model that wrote it canonically would write it so.

Says how many tokens are forced and how many forward passes are left, and checks each forced run against the tokens
that the tokenizer writes for the whole text.
"""

from __future__ import annotations

from dataclasses import dataclass

from lmc.backend.constraint.masks import ConstraintMasks
from lmc.errors import ConstraintError
from lmc.ir.constraint import Constraint


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What came of it.

    num_passes    forward passes: one for each token that the model chooses
    forced        the runs of tokens that were forced, each with the place of its first
    num_strange   how many runs are not what the tokenizer writes at their place
    """

    ids: tuple[int, ...]
    num_passes: int
    forced: tuple[tuple[int, tuple[int, ...]], ...]
    num_strange: int

    @property
    def num_forced(self) -> int:
        """Forced tokens."""
        return sum(len(run) for _, run in self.forced)


def rehearse(masks: ConstraintMasks, constraint: Constraint, text: str) -> Rehearsal:
    """Write `text` under a constraint. Raises ConstraintError where the constraint does not allow its tokens."""
    matcher, ids = masks.make(constraint), masks.encoder.encode(text)
    forced: list[tuple[int, tuple[int, ...]]] = []
    at = passes = strange = written = 0  # tokens, and the bytes that they spell
    while at < len(ids):
        run = matcher.forced(ids[:at])
        if run:
            forced.append((at, run))
        else:
            passes += 1
        if run and tuple(ids[at : at + len(run)]) != run:
            strange += 1
            rest = text.encode()[written + sum(len(masks.spellings[id]) for id in run) :]
            ids[at:] = [*run, *masks.encoder.encode(rest.decode())]
        for id in run or ids[at : at + 1]:
            if not matcher.accept(id):
                raise ConstraintError(f"the constraint does not allow token {id}, number {at} of {text!r}")
            at += 1
            written += len(masks.spellings[id])
    return Rehearsal(tuple(ids), passes, tuple(forced), strange)
