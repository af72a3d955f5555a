"""A JSON schema while it is lowered: what is known of the whole document, and what was found so far.

The rules of keywords stand above this file and are given it first, as `cx`. A keyword holds schemas, and what lowers
those is on top of all (`lower.values_of`): so it is handed in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

from lmc.giving_way import give_way
from lmc.ir.constraint import JsonSchema
from lmc.ir.json_schema.atoms import Atoms
from lmc.ir.json_schema.findings import SAYS_NOTHING, Finding, NotRegular, refuse
from lmc.ir.json_schema.keywords import ANNOTATIONS, DRAFTS, ENFORCED, UNENFORCED
from lmc.ir.json_schema.references import References
from lmc.ir.json_schema.shape import Shape, Shapes
from lmc.ir.json_schema.source import SchemaSource
from lmc.ir.json_schema.strings import search
from lmc.ir.json_schema.unions import Exclusion
from lmc.ir.json_schema.vacancy import Vacancy
from lmc.ir.json_schema.values import (
    EVERYTHING,
    KINDS,
    NOTHING,
    Complements,
    Values,
    Weights,
    complement,
    everything,
    join,
    nothing,
    weight,
)
from lmc.ir.regex import RegexTree
from lmc.ir.work import steps

MAX_WEIGHT = 100_000  # descriptions of a set whose complement is asked for


@dataclass
class SchemaLowering:
    """One schema on its way to a tree.

    whole   the document
    lower   the values that a schema of it accepts, in a place
    tells_apart  whether properties that are counted are told apart by their names (see `shape`)
    found   what became of its keywords, by place and keyword
    shared  whether places are shared and looked into one by one, so that a schema may contain itself
    """

    whole: JsonSchema
    lower: Callable[[SchemaLowering, SchemaSource, Shape | None], Values]
    tells_apart: bool = False
    found: dict[tuple[str, str], Finding] = field(default_factory=dict)
    shared: bool = False
    _complements: Complements = field(default_factory=dict)
    _weights: Weights = field(default_factory=dict)

    @cached_property
    def references(self) -> References:
        """Where the references of the document lead."""
        return References(self.whole.schema)

    @cached_property
    def shapes(self) -> Shapes:
        """The places of the document."""
        whole = self.whole
        vacancy = Vacancy(self.references, whole.patterns)
        return Shapes(self.references, vacancy, self.shared, whole.patterns, bool(whole.closed), self.tells_apart)

    @cached_property
    def atoms(self) -> Atoms:
        """The schemas in inner places, where those are shared."""
        return Atoms(self.values, self.complement)

    def inner(self, source: SchemaSource, shape: Shape | None) -> Values:
        """The values that a schema accepts in a place further in."""
        if not isinstance(source.schema, dict):
            return everything() if source.schema else nothing()
        if not self.shared:
            return self.values(source, shape)
        assert shape is not None
        return self.atoms.of(replace(source, through=frozenset()), shape)

    def values(self, source: SchemaSource, shape: Shape | None) -> Values:
        """The values that a schema accepts, in a place; a boolean needs no shape."""
        give_way()
        steps(4)
        return self.lower(self, source, shape)

    def note(self, place: str, keyword: str, verdict: str, why: str = "") -> None:
        """Keep a finding; one that is not exact stays."""
        before = self.found.get((place, keyword))
        # a keyword is met once for each place it applies to: what it loses in one of them has to be told
        if before is None or before.verdict == "exact":
            self.found[place, keyword] = Finding(place, keyword, verdict, why)  # type: ignore[arg-type]

    def check(self, source: SchemaSource) -> None:
        """Find what becomes of each keyword."""
        if self.shapes.is_written(source):
            return  # the parts of a value are not keywords of the schema
        for keyword, value in source.schema.items():
            if keyword == "$schema" and value.rstrip("#") not in DRAFTS:
                self.note(source.place, keyword, "relaxed", f"{value!r} is not known, and taken for draft 2020-12")
            elif keyword in ENFORCED:
                self.note(source.place, keyword, "exact")
            elif keyword not in ANNOTATIONS:
                known = keyword in UNENFORCED
                why = "it is an annotation" if known else SAYS_NOTHING
                self.note(source.place, keyword, "relaxed", why)

    def complement(self, values: Values) -> Values:
        """What is not in a set. Raises NotRegular where it is so large that its complement could not be written."""
        # parts are shared in memory: what is small there may be more than anything could write down
        if weight(values, self._weights) > MAX_WEIGHT:
            raise NotRegular(Finding("#", "(size)", "exact", "a complement in it is too large"))
        return complement(values, self._complements)

    def alone(self, branches: list[Values], at: int, told: Exclusion) -> Values:
        """What is in no other branch, as far as a value of this one can be in others. Raises NotRegular."""
        known = {kind: NOTHING if kind in told.shared else EVERYTHING for kind in KINDS}
        if told.is_plain:
            return known
        # complements make a schema's texts many: only of kinds of which a value can be in two branches
        others = join(each for other, each in enumerate(branches) if other != at)
        open_kinds = {kind: part for kind, part in others.items() if kind not in told.apart | told.shared}
        return {**known, **self.complement(open_kinds)}

    def pattern(self, source: SchemaSource, keyword: str, text: str) -> RegexTree:
        """The whole strings in which a pattern is found. Raises SchemaError where it has no tree."""
        # patterns were read by the parser, a floor above: their trees, or why there is none, come with the schema
        tree = self.whole.patterns.get(text, "it was not read")
        if isinstance(tree, str):
            refuse(source.place, keyword, f"in {text!r} {tree}", "write the pattern without it")
        return search(tree)
