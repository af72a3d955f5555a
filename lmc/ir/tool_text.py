"""The calls that stand in an answer, as values: `lmc.read_calls` gives a program what a model asked for.

An answer was written under the masks of its tools, in which no value and no other text holds a mark of the format: the
calls that are found are those that were written. So text says what the token ids say, where marks are control tokens
as well. Arguments are held against the tool's schema all the same: an answer may come from elsewhere, or be cut off.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any  # arguments are any JSON values

from lmc.errors import ArgumentError, OutputError
from lmc.ir.constraint import Tool, ToolCalls
from lmc.ir.json_schema.exact import read_json
from lmc.ir.json_schema.keywords import Json
from lmc.ir.json_schema.membership import contains
from lmc.ir.json_schema.regular import texts_of
from lmc.ir.tool_formats import FORMATS, Argument

MAX_COUNTED = 16  # characters of a text that masks count exactly beside the marks of a style
MAX_SHOWN = 200  # characters of a text in a message
MAX_DEPTH = 32  # of references and alternatives in the schema of an argument
_KINDS = {bool: "boolean", int: "integer", float: "number", list: "array", dict: "object", type(None): "null"}


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that a model asked for: the tool's name, and its arguments as Python values by name."""

    name: str
    arguments: dict[str, Any]


def read(text: str, tools: ToolCalls) -> list[ToolCall]:
    """The calls in an answer that was generated under `tool_calls(...)`, in order.

    Raises OutputError, with the text, where a call is cut off, is of no tool that there is, or has arguments that do
    not fit its schema; and where there is none although the choice asks for one.
    """
    if not isinstance(tools, ToolCalls) or not isinstance(text, str):
        raise ArgumentError("read_calls takes a text and what tool_calls made", help='read_calls(s["call"], TOOLS)')
    format = FORMATS[tools.format]
    calls = [_call(match, tools, text) for match in format.call.finditer(text)]
    is_cut = format.cut is not None and format.cut.search(format.call.sub("\0", text)) is not None
    if is_cut or not (calls or tools.choice in ("auto", "none")):
        what = "a call is cut off" if is_cut else "there is no call"
        raise OutputError(f"{what} in {_shown(text)}", text, help="give a larger max_tokens")
    return calls


def unread(text: str, tools: ToolCalls) -> OutputError | None:
    """The error of a complete answer, if masks let one through: of texts in XML that are counted far."""
    if FORMATS[tools.format].argument is None or not any(_counts_far(tool.parameters.schema) for tool in tools.tools):
        return None
    try:
        read(text, tools)
    except OutputError as error:
        return error
    return None


def _counts_far(schema: Json) -> bool:
    if isinstance(schema, list):
        return any(map(_counts_far, schema))
    if not isinstance(schema, dict):
        return False
    bounds = (schema.get(keyword) for keyword in ("minLength", "maxLength"))
    is_far = any(isinstance(bound, int | float | Decimal) and bound > MAX_COUNTED for bound in bounds)
    return is_far or any(map(_counts_far, schema.values()))


def _call(match: re.Match[str], tools: ToolCalls, text: str) -> ToolCall:
    name = match["name"]
    tool = next((each for each in tools.tools if each.name == name), None)
    if tool is None:
        names = ", ".join(each.name for each in tools.tools)
        raise OutputError(f"a call of {name!r}, which is no tool, in {_shown(text)}", text, help=f"there are {names}")
    style = FORMATS[tools.format].argument
    try:
        written = match["arguments"] if style is None else _json(dict(_members(match["arguments"], style, tool)))
        lowered = texts_of(tool.parameters)
        fits = contains(lowered.values, read_json(written), lowered.shape)
    except (ValueError, RecursionError) as error:
        message = f"the arguments of a call of {name!r} cannot be read: {error}; in {_shown(text)}"
        raise OutputError(message, text) from None
    if not fits:
        raise OutputError(f"the arguments of a call of {name!r} do not fit its schema: {_shown(written)}", text)
    return ToolCall(name, json.loads(written))


# --- arguments that are no JSON -------------------------------------------------------------------------------


def _members(body: str, style: Argument, tool: Tool) -> Iterator[tuple[str, str]]:
    """Names with the JSON of their values."""
    for match in style.one.finditer(body):
        found, value = match.groupdict(), match["value"]
        if style.newlines:
            value = value.removeprefix("\n").removesuffix("\n")
        yield match["key"], value if _is_json(value, found, match["key"], tool) else json.dumps(value)


def _json(members: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{json.dumps(name)}: {value}" for name, value in members.items()) + "}"


def _is_json(value: str, found: Mapping[str, str], name: str, tool: Tool) -> bool:
    """Whether a value is JSON, and not a text: where the mark does not say so, by the argument's schema."""
    if "type" in found:
        return found["type"] != "string"
    if "is_text" in found:
        return found["is_text"] != "true"
    root = tool.parameters.schema
    kinds = set(_kinds(_argument(root, name), root, 0))
    if "string" not in kinds or kinds == {"string"}:
        return "string" not in kinds
    if value.strip() != value.strip("\n"):
        return False  # no JSON is written with other spaces around it
    try:
        kind = _KINDS.get(type(json.loads(value)))
    except ValueError:
        return False
    return kind in kinds or (kind == "integer" and "number" in kinds)


def _argument(root: Json, name: str) -> Json:
    return _resolved(root, root).get("properties", {}).get(name, {})


def _kinds(schema: Json, root: Json, depth: int) -> Iterator[str]:
    """The types of the values that a schema has, as far as it names them."""
    schema = _resolved(schema, root)
    if depth > MAX_DEPTH:
        return
    for keyword in ("anyOf", "oneOf"):
        for each in schema.get(keyword, ()):
            yield from _kinds(each, root, depth + 1)
    values = schema.get("enum", [schema["const"]] if "const" in schema else [])
    yield from (_KINDS.get(type(value), "string") for value in values)
    types = schema.get("type", [])
    if not values:
        yield from types if isinstance(types, list) else [types]


def _resolved(schema: Json, root: Json) -> dict[str, Json]:
    for _ in range(MAX_DEPTH):
        if not isinstance(schema, dict) or "$ref" not in schema:
            break
        _, group, name = (*str(schema["$ref"]).split("/"), "", "")[:3]
        schema = root.get(group, {}).get(name, {})
    return schema if isinstance(schema, dict) else {}


def _shown(text: str) -> str:
    return repr(text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…")
