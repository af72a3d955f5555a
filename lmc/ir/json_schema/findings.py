"""What became of a schema's keywords, and the refusals of those that cannot be kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NoReturn

from lmc.codes import UNSUPPORTED
from lmc.errors import ConstraintError

Verdict = Literal["exact", "relaxed", "checked", "refused"]
SAYS_NOTHING = "no such keyword, so it says nothing"


@dataclass(frozen=True, slots=True)
class Finding:
    """A keyword at a place: kept exactly, relaxed (texts are fewer, or it says nothing about them), or refused.

    Checked is what no automaton knows: a text is held against it when it is complete, and one that breaks it is an
    error of its call.

    place   a JSON pointer into the schema, as in `#/properties/age`
    """

    place: str
    keyword: str
    verdict: Verdict
    why: str = ""

    def __str__(self) -> str:
        return f"{self.place} {self.keyword}: {self.verdict}" + (f", {self.why}" if self.why else "")


class SchemaError(ConstraintError):
    """A keyword that cannot be kept; `finding` says which."""

    def __init__(self, finding: Finding, help: str, message: str | None = None) -> None:
        said = f"the JSON schema has `{finding.keyword}` at `{finding.place}`, which cannot be kept: {finding.why}"
        super().__init__(message or said, code=UNSUPPORTED, help=help)
        self.finding = finding


class NotRegular(Exception):
    """The texts of a schema are no regular language (or one with too large an automaton), because of a keyword."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding


def refuse(place: str, keyword: str, why: str, help: str = "remove it, or check it after the generation") -> NoReturn:
    """Raise SchemaError."""
    raise SchemaError(Finding(place, keyword, "refused", why), help)
