"""Where the branches of a `oneOf` exclude each other: there it means the same as `anyOf`, and no complement is needed.

Asked kind by kind. For `{"oneOf": [{"required": ["a"], "properties": {"a": {"const": 1}}}, ... 2 ...]}` no object is in
both branches, and every text or number is in both of them: of those nothing is accepted.

What stands around a union counts: where `type: object` is said once outside, or the discriminator's values are narrowed
there, only values that keep it have to be told apart. So a set that was made for one surrounding is right in it alone
(see `SchemaSource.around`).
"""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

from lmc.ir.json_schema.equality import canonical
from lmc.ir.json_schema.source import SchemaSource
from lmc.ir.json_schema.vacancy import FINE_KINDS, FineKind, Unclear, Vacancy, members, required_of
from lmc.ir.json_schema.values import KINDS, Kind

MAX_PAIRS = 500


class Exclusion(NamedTuple):
    """Kinds of which no value is in two branches, and kinds of which every value is in two of them, for sure."""

    apart: frozenset[Kind]
    shared: frozenset[Kind]

    @property
    def is_plain(self) -> bool:
        """Whether it is known of every kind what exactly one branch accepts."""
        return len(self.apart | self.shared) == len(KINDS)


def exclusion(source: SchemaSource, vacancy: Vacancy) -> Exclusion:
    """How the branches of a schema's `oneOf` exclude each other."""
    branches = source.each("oneOf")
    around = [*source.around, source.without("oneOf")]
    vacancy.steps = 0
    try:
        silent = [vacancy.silent(each) for each in branches]
        shared = {kind for kind in FINE_KINDS if sum(kind in each for each in silent) > 1}
        apart = _apart(branches, around, vacancy, shared)
    except Unclear:
        return Exclusion(frozenset(), frozenset())
    return Exclusion(_coarse(apart), _coarse(shared) - _coarse(apart))


def _coarse(fine: set[FineKind]) -> frozenset[Kind]:
    wanted: dict[Kind, set[str]] = {kind: {"integer", "fraction"} if kind == "number" else {kind} for kind in KINDS}
    return frozenset(kind for kind, parts in wanted.items() if parts <= fine)


def _apart(
    branches: list[SchemaSource], around: list[SchemaSource], vacancy: Vacancy, shared: set[FineKind]
) -> set[FineKind]:
    """The kinds in which no value is in two branches."""
    left = [vacancy.left([each, *around]) for each in branches]
    found = {kind for kind in FINE_KINDS if sum(kind in each for each in left) < 2}
    if "object" not in found and _is_discriminated([b for b, kinds in zip(branches, left) if "object" in kinds],
                                                   around, vacancy):  # fmt: skip
        found.add("object")
    open_kinds = FINE_KINDS - found - shared
    pairs = [(a, b) for (a, its), (b, others) in combinations(zip(branches, left), 2) if its & others & open_kinds]
    if len(pairs) > MAX_PAIRS:
        return found
    for a, b in pairs:
        open_kinds -= vacancy.left([a, b, *around]) if open_kinds else frozenset()
    return found | open_kinds


def _is_discriminated(branches: list[SchemaSource], around: list[SchemaSource], vacancy: Vacancy) -> bool:
    """Whether one property is in all branches and has values by name, in each branch others."""
    flat = [vacancy.flat([each, *around]) for each in branches]
    known = [each for each in flat if each is not None]
    names = set.intersection(*map(required_of, known)) if known else set()
    return any(_has_own_values(name, known, vacancy) for name in sorted(names))


def _has_own_values(name: str, flat: list[list[SchemaSource]], vacancy: Vacancy) -> bool:
    taken: set[str] = set()
    for each in flat:
        told = vacancy.flat(members(each, name))
        named = vacancy.named_in(told) if told is not None else []
        texts = None if named is None else set(map(canonical, named))
        if texts is None or texts & taken:
            return False
        taken |= texts
    return True
