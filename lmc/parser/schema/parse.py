"""A JSON schema as text, as a dict or as a model class becomes one canonical JSON text, and its value in draft 2020-12.

Canonical is compact, with properties in the order they were written: a model fills them in that order. Which
keywords are understood is the backend's business. pydantic is never imported; a class says its schema itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain, islice
from typing import Any  # a schema is any JSON value

from lmc.errors import ConstraintError
from lmc.ir.constraint import JsonSchema, Spacing
from lmc.ir.json_schema.exact import read_json, write_json
from lmc.ir.json_schema.references import pointed
from lmc.parser.schema.bundle import bundled
from lmc.parser.schema.drafts import upgraded
from lmc.parser.schema.json_text import load_json
from lmc.parser.schema.pattern import patterns_of
from lmc.parser.schema.shape import problems
from lmc.source import Span

MAX_NESTING = 80  # each level is a few calls within one another when the schema is lowered
_ACCEPTED = "give JSON text, a dict, or a class with `model_json_schema()` such as a pydantic model"


def parse_schema(
    schema: str | dict[str, Any] | type,
    *,
    spacing: Spacing = "compact",
    closed: bool | None = None,
    documents: Mapping[str, Any] | None = None,
    span: Span | None = None,
) -> JsonSchema:
    """The JSON schema with its canonical text and its patterns; `spacing` is that of the texts that will come out.

    closed     whether their objects have only properties that the schema tells
    documents  schemas that its references may lead into, by URI; those that they reach become part of it

    Raises ConstraintError, with the place in the text, where it is not JSON or not a schema.
    """
    value = _given(schema, span)
    if documents is not None:
        value = bundled(value, _documents(documents, span), span)
    text, value = _canonical(value, span)
    return JsonSchema(text, value, spacing, closed, patterns_of(value))


def _given(schema: Any, span: Span | None) -> Any:
    if isinstance(schema, str):
        return load_json(schema, "the JSON schema", span, help=_ACCEPTED)
    return schema if isinstance(schema, dict) else _model_schema(schema, span)


def _documents(documents: Any, span: Span | None) -> dict[str, Any]:
    if not isinstance(documents, Mapping) or not all(isinstance(key, str) for key in documents):
        message = f"the documents of a JSON schema are a dict of schemas by URI, not {documents!r}"
        raise ConstraintError(message, span=span, help='documents={"https://example.com/name.json": {...}}')
    found = {}
    for key, each in documents.items():
        try:
            found[key] = each if isinstance(each, bool) else _given(each, span)
        except ConstraintError as error:
            message = f"the document {key!r}: {error.message}"
            raise ConstraintError(message, span=span, help=error.help, notes=error.notes) from None
    return found


def _model_schema(model: object, span: Span | None) -> Any:
    describe = getattr(model, "model_json_schema", None)
    if not isinstance(model, type) or describe is None:
        what = f"the class `{model.__qualname__}`" if isinstance(model, type) else f"{model!r}"
        with_type = f"; gen(type={model.__name__}) takes other classes" if isinstance(model, type) else ""
        raise ConstraintError(f"{what} is not a JSON schema", span=span, help=_ACCEPTED + with_type)
    try:
        return describe()
    except Exception as error:  # whatever the class raises is about the user's fields
        message = f"`{model.__qualname__}` cannot say its JSON schema: {error}"
        raise ConstraintError(message, span=span, help="change the field that JSON cannot express") from error


def _canonical(schema: Any, span: Span | None) -> tuple[str, Any]:
    """The text of a schema, and its value in draft 2020-12."""
    if not isinstance(schema, (dict, bool)):
        what = f"a JSON schema is an object, not {_kind(schema)}"
        raise ConstraintError(what, span=span, help='for one type write {"type": "string"}')
    try:
        text = write_json(schema)
    except (TypeError, ValueError, RecursionError) as error:
        raise ConstraintError(f"the JSON schema cannot be written as JSON: {error}", span=span) from None
    if _is_deep(schema):
        what = f"the JSON schema has more than {MAX_NESTING} objects and lists within one another"
        raise ConstraintError(what, span=span, help="give the inner ones names in `$defs`, and refer to them")
    value = upgraded(read_json(text))
    # what a reference points at is a schema as well, also where no keyword says so
    hidden = (each for target in pointed(value) for each in problems(target.schema, target.place))
    wrong = list(islice(dict.fromkeys(chain(problems(value), hidden)), 3))
    if wrong:
        place, what = wrong[0]
        more = tuple(f"{where} {why}" for where, why in wrong[1:])
        message = f"this is not a JSON schema: {place} {what}"
        raise ConstraintError(message, span=span, help="correct the keyword's value", notes=more)
    return text, value


def _is_deep(value: Any) -> bool:
    """Whether more than MAX_NESTING containers are within one another."""
    level = [value]
    for _ in range(MAX_NESTING + 1):
        level = [inner for each in level if isinstance(each, dict | list)
                 for inner in (each.values() if isinstance(each, dict) else each)]  # fmt: skip
    return bool(level)


def _kind(value: Any) -> str:
    names = {str: "a string", list: "an array", type(None): "null"}
    return names.get(type(value), "a number")
