"""A JSON schema as text, as a dict or as a model class becomes one canonical JSON text, and its value in draft 2020-12.

Canonical is compact, with properties in the order they were written: a model fills them in that order. Which
keywords are understood is the backend's business. pydantic is never imported; a class says its schema itself.
"""

from __future__ import annotations

from itertools import islice
from typing import Any  # a schema is any JSON value

from lmc.errors import ConstraintError
from lmc.ir.constraint import JsonSchema, Spacing
from lmc.ir.json_schema.exact import read_json, write_json
from lmc.parser.schema.drafts import upgraded
from lmc.parser.schema.json_text import load_json
from lmc.parser.schema.pattern import patterns_of
from lmc.parser.schema.shape import problems
from lmc.source import Span

MAX_NESTING = 80  # each level is a few calls within one another when the schema is lowered
_ACCEPTED = "give JSON text, a dict, or a class with `model_json_schema()` such as a pydantic model"


def parse_schema(
    schema: str | dict[str, Any] | type, *, spacing: Spacing = "compact", span: Span | None = None
) -> JsonSchema:
    """The JSON schema with its canonical text and its patterns; `spacing` is that of the texts that will come out.

    Raises ConstraintError, with the place in the text, where it is not JSON or not a schema.
    """
    if isinstance(schema, str):
        return _canonical(load_json(schema, "the JSON schema", span, help=_ACCEPTED), spacing, span)
    if isinstance(schema, dict):
        return _canonical(schema, spacing, span)
    return _canonical(_model_schema(schema, span), spacing, span)


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


def _canonical(schema: Any, spacing: Spacing, span: Span | None) -> JsonSchema:
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
    wrong = list(islice(problems(value), 3))
    if wrong:
        place, what = wrong[0]
        more = tuple(f"{where} {why}" for where, why in wrong[1:])
        message = f"this is not a JSON schema: {place} {what}"
        raise ConstraintError(message, span=span, help="correct the keyword's value", notes=more)
    return JsonSchema(text, value, spacing, patterns_of(value))


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
