"""A structural tag, as JSON text or a dict in xgrammar's form, becomes a frozen value with canonical text.

`{"type": "structural_tag", "format": {...}}`; formats hold formats. Each is checked against the table of
`structural_shape`; its regexes and schemas are parsed here, so that they mean what they mean in `gen`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any  # a tag is any JSON value

from lmc.errors import ConstraintError, LMError
from lmc.ir.constraint import JsonSchema, Regex, Spacing, StructuralTag
from lmc.ir.json_schema.exact import read_json, write_json
from lmc.parser.grammar import parse_ebnf
from lmc.parser.regex.parse import parse_regex
from lmc.parser.schema.json_text import load_json
from lmc.parser.schema.parse import parse_schema
from lmc.parser.structural_shape import inside, problems
from lmc.source import Span

_ACCEPTED = 'give JSON text or a dict: {"type": "structural_tag", "format": {...}}'
_BEGIN = "#/format"
_HOLD_FORMATS = frozenset(("elements", "tags", "content", "rules"))


def parse_structural_tag(
    tag: str | dict[str, Any],
    *,
    spacing: Spacing = "compact",
    closed: bool | None = None,
    documents: Mapping[str, Any] | None = None,
    span: Span | None = None,
) -> StructuralTag:
    """The structural tag; `spacing` is that of the JSON in what will come out, `closed` and `documents` of its schemas.

    Raises ConstraintError, with the place in the JSON, where a format is unknown or not well formed.
    """
    if not isinstance(tag, str | dict):
        raise ConstraintError(f"{tag!r} is not a structural tag", span=span, help=_ACCEPTED)
    value = load_json(tag, "the structural tag", span, help=_ACCEPTED) if isinstance(tag, str) else tag
    format = _format(value, span)
    try:
        text = write_json(format)
    except (TypeError, ValueError, RecursionError) as error:
        raise ConstraintError(f"the structural tag cannot be written as JSON: {error}", span=span) from None
    format = _named_tags(read_json(text))
    for place, what in problems(format, _BEGIN):
        raise ConstraintError(f"the structural tag is not well formed: `{place}` {what}", span=span)
    parse = partial(parse_schema, spacing=spacing, closed=closed, documents=documents)
    parts = dict(_parts(format, _BEGIN, parse, span))
    # with what its schemas refer to
    return StructuralTag(write_json(format), format, spacing, closed, parts)


def _format(value: Any, span: Span | None) -> Any:
    if not isinstance(value, dict) or value.get("type") != "structural_tag":
        raise ConstraintError("a structural tag is an object of type `structural_tag`", span=span, help=_ACCEPTED)
    if "structures" in value:
        return _old_form(value, span)
    if unknown := [key for key in value if key not in ("type", "format")]:
        raise ConstraintError(f"a structural tag has no field `{unknown[0]}`", span=span, help=_ACCEPTED)
    if "format" not in value:
        raise ConstraintError("the structural tag has no `format`", span=span, help=_ACCEPTED)
    return value["format"]


def _named_tags(value: Any) -> Any:
    """Formats with the type `tag` written where nothing but tags can stand: xgrammar lets it be left out there."""
    if isinstance(value, list):
        return [_named_tags(each) for each in value]
    if not isinstance(value, dict):
        return value
    made = {name: _named_tags(each) if name in _HOLD_FORMATS else each for name, each in value.items()}
    if isinstance(tags := made.get("tags"), list):
        made["tags"] = [{"type": "tag"} | tag if isinstance(tag, dict) else tag for tag in tags]
    return made


def _old_form(value: dict[str, Any], span: Span | None) -> dict[str, Any]:
    """SGLang's first form, `structures` of begin, schema and end beside `triggers`, in the form of today."""
    structures, triggers = value["structures"], value.get("triggers")
    if not isinstance(structures, list) or not all(isinstance(each, dict) for each in structures):
        raise ConstraintError("`structures` of a structural tag is a list of objects", span=span, help=_ACCEPTED)
    tags = []
    for at, each in enumerate(structures):
        if set(each) != {"begin", "schema", "end"}:
            message = f"`#/structures/{at}` must have `begin`, `schema` and `end`, and nothing else"
            raise ConstraintError(message, span=span, help=_ACCEPTED)
        content = {"type": "json_schema", "json_schema": each["schema"]}
        tags.append({"type": "tag", "begin": each["begin"], "content": content, "end": each["end"]})
    return {"type": "triggered_tags", "triggers": triggers, "tags": tags}


def _parts(
    format: dict[str, Any], place: str, parse: Callable[[Any], JsonSchema], span: Span | None
) -> Iterator[tuple[str, Regex | JsonSchema]]:
    """The regexes and schemas of a format and of those within it."""
    try:
        if format["type"] == "regex":
            yield place, parse_regex(format["pattern"])
        elif format["type"] == "grammar":
            parse_ebnf(format["grammar"])
        elif format["type"] == "json_schema":
            schema = format["json_schema"]
            parsed = parse(write_json(schema) if isinstance(schema, bool) else schema)
            format["json_schema"] = read_json(parsed.text)
            yield place, parsed
    except LMError as error:
        message = f"the structural tag at `{place}`: {error.message}"
        raise ConstraintError(message, span=span, help=error.help, notes=error.notes) from None
    for name, inner in inside(format):
        yield from _parts(inner, place + name, parse, span)
