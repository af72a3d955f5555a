"""A schema and the documents that its references lead into, as a program gives them: together, until they are read."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any  # whatever the program computed: the parser checks it


@dataclass(frozen=True, slots=True)
class Documented:
    """A JSON schema or structural tag, and schemas by URI."""

    value: Any
    documents: Any


def with_documents(value: Any, documents: Any) -> Documented:
    """The two as they are now."""
    return Documented(copy.deepcopy(value), copy.deepcopy(documents))
