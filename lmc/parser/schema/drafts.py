"""JSON schemas of older drafts in the words of draft 2020-12, keyword by keyword; what it means stays.

    "items": [A, B], "additionalItems": C               -> "prefixItems": [A, B], "items": C
    "dependencies": {"a": ["b"]}                        -> "dependentRequired": {"a": ["b"]}
    "dependencies": {"a": S}                            -> "dependentSchemas": {"a": S}
    "minimum": 0, "exclusiveMinimum": true              -> "exclusiveMinimum": 0
    "$ref": R, "type": T      (in draft 7 and before)   -> "$ref": R

Newer schemas come out as they went in.
"""

from __future__ import annotations

import re
from typing import Any  # a schema is any JSON value

from lmc.ir.json_schema.keywords import ANNOTATIONS, MANY, NAMED, ONE

_BEFORE_2019 = re.compile(r"https?://json-schema\.org/draft-0[3-7]/schema#?")
_BOUNDS = (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum"))


def upgraded(schema: Any) -> Any:
    """The schema in draft 2020-12; nothing is changed in place. What has no shape of a schema is left as it is."""
    own = schema.get("$schema") if isinstance(schema, dict) else None
    return _upgraded(schema, isinstance(own, str) and bool(_BEFORE_2019.fullmatch(own)))


def _upgraded(schema: Any, ref_is_alone: bool) -> Any:
    if not isinstance(schema, dict):
        return schema
    if ref_is_alone and "$ref" in schema:
        schema = {k: v for k, v in schema.items() if k == "$ref" or k in ANNOTATIONS}
    found = {k: _inner(k, v, ref_is_alone) for k, v in schema.items()}
    _split_items(found, ref_is_alone)
    _split_dependencies(found, ref_is_alone)
    _join_bounds(found)
    return found


def _inner(keyword: str, value: Any, ref_is_alone: bool) -> Any:
    if keyword in ONE:
        return _upgraded(value, ref_is_alone)
    if keyword in MANY and isinstance(value, list):
        return [_upgraded(each, ref_is_alone) for each in value]
    if keyword in NAMED and isinstance(value, dict):
        return {name: _upgraded(each, ref_is_alone) for name, each in value.items()}
    return value


def _split_items(schema: dict[str, Any], ref_is_alone: bool) -> None:
    rest = schema.pop("additionalItems", None)
    if isinstance(first := schema.get("items"), list) and "prefixItems" not in schema:
        del schema["items"]
        schema |= {"prefixItems": [_upgraded(each, ref_is_alone) for each in first]} if first else {}
        schema |= {} if rest is None else {"items": _upgraded(rest, ref_is_alone)}


def _split_dependencies(schema: dict[str, Any], ref_is_alone: bool) -> None:
    if not isinstance(given := schema.get("dependencies"), dict):
        return
    del schema["dependencies"]
    for keyword, is_names in (("dependentRequired", True), ("dependentSchemas", False)):
        some = {n: _upgraded(v, ref_is_alone) for n, v in given.items() if isinstance(v, list) is is_names}
        if some:
            schema[keyword] = {**some, **schema.get(keyword, {})}


def _join_bounds(schema: dict[str, Any]) -> None:
    for bound, exclusive in _BOUNDS:
        if isinstance(is_open := schema.get(exclusive), bool):
            del schema[exclusive]
            if is_open and bound in schema:
                schema[exclusive] = schema.pop(bound)
