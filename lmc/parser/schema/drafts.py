"""JSON schemas of older drafts in the words of draft 2020-12, keyword by keyword; what it means stays.

    "items": [A, B], "additionalItems": C               -> "prefixItems": [A, B], "items": C
    "dependencies": {"a": ["b"]}                        -> "dependentRequired": {"a": ["b"]}
    "dependencies": {"a": S}                            -> "dependentSchemas": {"a": S}
    "minimum": 0, "exclusiveMinimum": true              -> "exclusiveMinimum": 0
    "$ref": R, "type": T      (in draft 7 and before)   -> "$ref": R
    "$id": "#name"                                      -> "$anchor": "name"
    "id": U                   (in draft 4 and before)   -> "$id": U
    "$recursiveRef": "#"                                -> "$ref": "#", or "$dynamicRef" beside "$recursiveAnchor"

Newer schemas come out as they went in. A schema within another that has a `$schema` of its own is read by that. What a
reference points at is a schema, wherever it stands: `{"components": {"schemas": ...}}` is read like `$defs`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any  # a schema is any JSON value

from lmc.giving_way import give_way
from lmc.ir.json_schema.keywords import ANNOTATIONS, MANY, NAMED, ONE, pointed_index
from lmc.ir.json_schema.references import pointed_places

_DRAFT = re.compile(r"https?://json-schema\.org/(?:draft-0([3-7])/)?schema#?")
_BOUNDS = (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum"))
_RECURSIVE = "lmc-recursive"  # the name of what `$recursiveAnchor` marks


@dataclass(frozen=True, slots=True)
class _Dialect:
    """How a schema is read: by its draft, and whether its document's root has `$recursiveAnchor`."""

    draft: int = 2020
    is_recursive: bool = False

    def of(self, schema: dict[str, Any]) -> _Dialect:
        """That of a schema within: a document within the document may have its own."""
        own, found = schema.get("$schema"), self
        if isinstance(own, str):
            match = _DRAFT.fullmatch(own)
            found = _Dialect(int(match[1]) if match and match[1] else 2020)
        starts = "$id" in schema or isinstance(own, str)
        return replace(found, is_recursive=schema.get("$recursiveAnchor") is True) if starts else found


def upgraded(schema: Any) -> Any:
    """The schema in draft 2020-12; nothing is changed in place. What has no shape of a schema is left as it is."""
    if not isinstance(schema, dict):
        return schema
    start = _Dialect(is_recursive=schema.get("$recursiveAnchor") is True)
    whole = _upgraded(schema, start)
    for keys in sorted(pointed_places(whole)):
        whole = _upgraded_at(whole, keys, start.of(schema))
    return whole


def _upgraded(schema: Any, dialect: _Dialect) -> Any:
    if not isinstance(schema, dict):
        return schema
    give_way()
    dialect = dialect.of(schema)
    is_old = dialect.draft <= 7
    if is_old and "$ref" in schema:
        names_a_document = any(key in schema for key in ("$schema", "definitions", "$defs"))
        kept = ANNOTATIONS if names_a_document else ANNOTATIONS - {"$id", "$anchor"}
        schema = {k: v for k, v in schema.items() if k == "$ref" or k in kept or (k == "id" and names_a_document)}
    found = {k: _inner(k, v, dialect) for k, v in schema.items()}
    if dialect.draft <= 4 and isinstance(found.get("id"), str):
        found["$id"] = found.pop("id")
    _split_id(found)
    _split_items(found, dialect)
    _split_dependencies(found, dialect)
    _join_bounds(found)
    _name_recursion(found, dialect)
    return found


def _inner(keyword: str, value: Any, dialect: _Dialect) -> Any:
    if keyword in ONE:
        return _upgraded(value, dialect)
    if keyword in MANY and isinstance(value, list):
        return [_upgraded(each, dialect) for each in value]
    if keyword in NAMED and isinstance(value, dict):
        return {name: _upgraded(each, dialect) for name, each in value.items()}
    return value


def _split_id(schema: dict[str, Any]) -> None:
    """A name within the document is an anchor today."""
    own = schema.get("$id")
    if isinstance(own, str) and own.partition("#")[2]:
        uri, _, name = own.partition("#")
        del schema["$id"]
        schema |= {"$anchor": name} | ({"$id": uri} if uri else {})


def _name_recursion(schema: dict[str, Any], dialect: _Dialect) -> None:
    marked, reference = schema.pop("$recursiveAnchor", None), schema.pop("$recursiveRef", None)
    if marked is True:
        schema.setdefault("$dynamicAnchor", _RECURSIVE)
    if reference is not None:
        keyword = "$dynamicRef" if dialect.is_recursive else "$ref"
        target = f"#{_RECURSIVE}" if dialect.is_recursive else "#"
        # beside another reference both hold
        schema["allOf"] = [*schema.get("allOf", ()), {keyword: target}]


def _split_items(schema: dict[str, Any], dialect: _Dialect) -> None:
    rest = schema.pop("additionalItems", None)
    if isinstance(first := schema.get("items"), list) and "prefixItems" not in schema:
        del schema["items"]
        schema |= {"prefixItems": [_upgraded(each, dialect) for each in first]} if first else {}
        schema |= {} if rest is None else {"items": _upgraded(rest, dialect)}


def _split_dependencies(schema: dict[str, Any], dialect: _Dialect) -> None:
    if not isinstance(given := schema.get("dependencies"), dict):
        return
    del schema["dependencies"]
    for keyword, is_names in (("dependentRequired", True), ("dependentSchemas", False)):
        some = {n: _upgraded(v, dialect) for n, v in given.items() if isinstance(v, list) is is_names}
        if some:
            schema[keyword] = {**some, **schema.get(keyword, {})}


def _join_bounds(schema: dict[str, Any]) -> None:
    for bound, exclusive in _BOUNDS:
        if isinstance(is_open := schema.get(exclusive), bool):
            del schema[exclusive]
            if is_open and bound in schema:
                schema[exclusive] = schema.pop(bound)


# --- schemas that only a reference shows to be some -------------------------------------------------------------


def _upgraded_at(value: Any, keys: list[str], dialect: _Dialect, kind: str = "schema") -> Any:
    """A value with the schema at a path in it upgraded, where no keyword on the way has told that it is one.

    kind  what the value is known as: a schema, a list or object of `schemas`, or nothing of that, `json`
    """
    if not keys:
        return _upgraded(value, dialect) if kind == "json" else value
    key, *rest = keys
    if isinstance(value, list):
        if (at := pointed_index(key, value)) is None:
            return value
        return [*value[:at], _upgraded_at(value[at], rest, dialect, _within(kind, key)), *value[at + 1 :]]
    if not isinstance(value, dict) or key not in value:
        return value
    if kind == "schema":
        dialect = dialect.of(value)
    return {**value, key: _upgraded_at(value[key], rest, dialect, _within(kind, key))}


def _within(kind: str, key: str) -> str:
    """What a value is known as that stands under a key."""
    if kind == "schemas" or (kind == "schema" and key in ONE):
        return "schema"
    return "schemas" if kind == "schema" and key in (*MANY, *NAMED) else "json"
