"""The few formats of xgrammar's structural tags that ours are written in.

Literals, grammars, control tokens by id, and what puts them together: none of them reads text in a dialect of its
own, or takes bytes that are not text.
"""

from __future__ import annotations

from collections.abc import Iterable

from lmc.backend.masks.ebnf import regex_ebnf
from lmc.codes import EMPTY
from lmc.errors import ConstraintError
from lmc.ir.json_schema.keywords import Json
from lmc.ir.regex import RegexTree

NOTHING: Json = {"type": "grammar", "grammar": 'root ::= ""\n'}


def text(value: str) -> Json:
    """A literal."""
    return {"type": "const_string", "value": value} if value else NOTHING


def token(id: int) -> Json:
    """One token by its id."""
    return {"type": "token", "token": id}


def ebnf(grammar: str) -> Json:
    """A sentence of a grammar."""
    return {"type": "grammar", "grammar": grammar}


def tree(language: RegexTree, place: str) -> Json:
    """A text of a tree. Raises ConstraintError where it has none."""
    grammar = regex_ebnf(language)
    if grammar is None:
        raise ConstraintError(f"no text is possible at `{place}` of the structural tag", code=EMPTY)
    return ebnf(grammar)


def row(*parts: Json) -> Json:
    """One after another."""
    flat = [each for part in parts for each in (part["elements"] if part["type"] == "sequence" else (part,))]
    kept = [part for part in flat if part is not NOTHING]
    return {"type": "sequence", "elements": kept} if len(kept) > 1 else kept[0] if kept else NOTHING


def either(options: Iterable[Json]) -> Json:
    """One of several."""
    elements = list(options)
    return elements[0] if len(elements) == 1 else {"type": "or", "elements": elements}


def wrapped(kind: str, content: Json, **more: int) -> Json:
    """`optional`, `star`, `plus` or `repeat` of a format."""
    return {"type": kind, "content": content, **more}
