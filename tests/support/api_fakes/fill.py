"""A text that a limit accepts: JSON for a schema, a word for a pattern, one of the choices.

A stand-in for constrained decoding where the brain has no masks: strings come from `word`, everything else is the
first that the schema takes. What it cannot do it refuses instead of answering wrongly.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import regex

from .asked import Limit


class CannotFill(Exception):
    """The schema says something that is not known here."""


def accepts(limit: Limit, text: str) -> bool:
    """Whether the text is already right."""
    if limit.kind == "choices":
        return text in limit.value
    if limit.kind == "regex":
        return regex.fullmatch(limit.value, text, flags=regex.DOTALL) is not None
    try:
        value = json.loads(text)
    except ValueError:
        return False
    return isinstance(value, dict) if limit.kind == "json" else fits(limit.value, value, limit.value)


def filled(limit: Limit, word: Callable[[], str]) -> str:
    """A text that it accepts. Raises CannotFill."""
    if limit.kind == "choices":
        return str(limit.value[0])
    if limit.kind == "regex":
        return matching(limit.value, word)
    if limit.kind == "json":
        return json.dumps({"text": word()}, ensure_ascii=False)
    return json.dumps(instance(limit.value, word, limit.value), ensure_ascii=False)


def instance(schema: Any, word: Callable[[], str], root: Any) -> Any:
    """A value that the schema accepts. Raises CannotFill."""
    if schema is True or schema == {}:
        return word()
    schema = resolved(schema, root)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        said = word()
        return next((each for each in schema["enum"] if each == said), schema["enum"][0])
    if "anyOf" in schema:
        return instance(schema["anyOf"][0], word, root)
    if "allOf" in schema:
        merged: dict[str, Any] = {}
        for part in schema["allOf"]:
            merged |= resolved(part, root)
        return instance(merged, word, root)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    kind = kind[0] if isinstance(kind, list) else kind
    return _typed(kind, schema, word, root)


def _typed(kind: str, schema: dict[str, Any], word: Callable[[], str], root: Any) -> Any:
    match kind:
        case "object":
            return {name: instance(each, word, root) for name, each in schema.get("properties", {}).items()}
        case "array":
            size = max(schema.get("minItems", 0), min(1, schema.get("maxItems", 1)))
            return [instance(schema.get("items", True), word, root) for _ in range(size)]
        case "string":
            return _string(schema, word)
        case "integer" | "number":
            return _number(schema)
        case "boolean":
            return True
        case "null":
            return None
    raise CannotFill(f"type {kind!r}")


def _string(schema: dict[str, Any], word: Callable[[], str]) -> str:
    text = matching(schema["pattern"], word) if "pattern" in schema else word()
    text = text[: schema.get("maxLength", len(text))]
    return text + "x" * (schema.get("minLength", 0) - len(text))


def _number(schema: dict[str, Any]) -> int:
    step = schema.get("multipleOf", 1)
    low = schema.get("minimum", schema.get("exclusiveMinimum", -step) + step)
    value = int(-(-low // step) * step)
    if value > schema.get("maximum", value):
        raise CannotFill("no number between the bounds")
    return value


def resolved(schema: dict[str, Any], root: Any) -> dict[str, Any]:
    """The schema with its `$ref` followed."""
    if not isinstance(schema, dict):
        raise CannotFill(f"{schema!r} is no schema")
    reference = schema.get("$ref")
    if reference is None:
        return schema
    found = root
    for name in reference.removeprefix("#").strip("/").split("/") if reference != "#" else ():
        found = found[name]
    return resolved(found, root) | {key: value for key, value in schema.items() if key != "$ref"}


def matching(pattern: str, word: Callable[[], str]) -> str:
    """A short text that the pattern matches whole: what is said where it fits, else the first found by search."""
    compiled = regex.compile(pattern, flags=regex.DOTALL)
    said = word()
    if compiled.fullmatch(said):
        return said
    alphabet = "abcdefghijklmnopqrstuvwxyz0123456789 ABCDEFGHIJKLMNOPQRSTUVWXYZ.,:;-_@/!?()[]{}\"'\n#$%&*+=<>|~`^\\äß中"
    return next(_searched(compiled, alphabet))


def _searched(compiled: Any, alphabet: str) -> Iterator[str]:
    """Depth first over partial matches, at most 200 characters and 100,000 tries."""
    stack, tries = [""], 0
    while stack:
        text = stack.pop()
        if compiled.fullmatch(text):
            yield text
        tries += 1
        if tries > 100_000:
            break
        if len(text) < 200:
            following = [text + c for c in alphabet if compiled.fullmatch(text + c, partial=True)]
            stack += reversed(following)
    raise CannotFill(f"no text for the pattern {compiled.pattern!r}")


_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "null": (type(None),),
    "integer": (int,),
    "number": (int, float),
}


def fits(schema: Any, value: Any, root: Any) -> bool:
    """Whether the schema accepts the value, as far as its words are known here."""
    if isinstance(schema, bool):
        return schema
    schema = resolved(schema, root)
    kinds = schema.get("type", [])
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if kinds and not any(
        isinstance(value, _TYPES[k]) and (k == "boolean" or not isinstance(value, bool)) for k in kinds
    ):
        return False
    return (
        ("const" not in schema or schema["const"] == value)
        and ("enum" not in schema or value in schema["enum"])
        and ("anyOf" not in schema or any(fits(each, value, root) for each in schema["anyOf"]))
        and all(fits(each, value, root) for each in schema.get("allOf", ()))
        and _fits_inside(schema, value, root)
    )


def _fits_inside(schema: dict[str, Any], value: Any, root: Any) -> bool:
    if isinstance(value, dict):
        known = schema.get("properties", {})
        return all(name in value for name in schema.get("required", ())) and all(
            fits(known[name] if name in known else schema.get("additionalProperties", True), each, root)
            for name, each in value.items()
        )
    if isinstance(value, list):
        return schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)) and all(
            fits(schema.get("items", True), each, root) for each in value
        )
    if isinstance(value, str):
        return schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)) and (
            "pattern" not in schema or regex.search(schema["pattern"], value) is not None
        )
    if isinstance(value, int | float) and not isinstance(value, bool):
        return schema.get("minimum", value) <= value <= schema.get("maximum", value)
    return True
