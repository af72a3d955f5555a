"""Tools that a model may call become one frozen value: names, schemas of arguments, and how calls are written.

A tool is an OpenAI function dict, a class with `model_json_schema()` such as a pydantic model, or a Python function
whose annotations say its schema. Descriptions are not kept: they are for the prompt, and restrict nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import FunctionType
from typing import Any, get_args  # a tool is any of several things

from lmc.errors import ConstraintError, LMError, did_you_mean
from lmc.ir.constraint import CHOICES_OF_TOOLS, JsonSchema, Reasoning, Spacing, Tool, ToolCalls
from lmc.ir.json_schema.exact import write_json
from lmc.ir.tool_formats import THOUGHTLESS, TOOL_FORMATS, UNSUPPORTED
from lmc.parser.schema.function import function_schema
from lmc.parser.schema.json_text import load_json
from lmc.parser.schema.parse import parse_schema

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_TOOL = 'a tool is a Python function, a pydantic class, or {"type": "function", "function": {"name": ..., ...}}'
_FIELDS = ("format", "tools", "choice", "parallel", "reasoning", "spacing")


def parse_tool_calls(
    tools: Sequence[Any],
    *,
    format: str,
    choice: str = "auto",
    parallel: bool = True,
    reasoning: Reasoning = "disabled",
    spacing: Spacing = "spaced",
    closed: bool | None = None,
    documents: Mapping[str, Any] | None = None,
) -> ToolCalls:
    """The value. Raises ConstraintError where a tool has no schema, or a name is unknown."""
    if isinstance(tools, str | dict) or not isinstance(tools, Sequence):
        raise ConstraintError(f"the tools are a list, not {tools!r}", help=_TOOL)
    if format in UNSUPPORTED:
        message = f"the tool format {format!r} writes arguments in an XML of its own, which lmc does not follow"
        raise ConstraintError(message, help=f"there are {', '.join(TOOL_FORMATS)}")
    _one_of("tool format", format, TOOL_FORMATS)
    _one_of("reasoning", reasoning, get_args(Reasoning))
    if reasoning != "disabled" and format in THOUGHTLESS:
        message = f"reasoning={reasoning!r}: the tool format {format!r} has no marks between which thoughts stand"
        raise ConstraintError(message, help="leave `reasoning` out, or let the model think in a `gen` before")
    _one_of("spacing", spacing, get_args(Spacing))
    if closed is not None and not isinstance(closed, bool):
        raise ConstraintError(f"closed={closed!r}: it must be True or False")
    if not isinstance(parallel, bool):
        raise ConstraintError(f"parallel={parallel!r}: it must be True or False")
    parse = partial(parse_schema, spacing=spacing, closed=closed, documents=documents)
    known = tuple(_tool(tool, parse) for tool in tools)
    _check_names([tool.name for tool in known], choice)
    whole = {
        "format": format, "choice": choice, "parallel": parallel, "reasoning": reasoning, "spacing": spacing,
        "tools": [{"name": tool.name, "parameters": tool.parameters.schema} for tool in known],
    }  # fmt: skip
    text = write_json(whole if closed is None else whole | {"closed": closed})
    return ToolCalls(text, format, known, choice, parallel, reasoning, spacing, closed)


def read_tool_calls(text: str) -> ToolCalls:
    """The value out of its own canonical text."""
    value = load_json(text, "the text of tool calls", None, help="it is an object as `lmc compile` prints it")
    if not isinstance(value, dict) or set(value) - {"closed"} != set(_FIELDS):
        raise ConstraintError(f"tool calls are an object with {', '.join(_FIELDS)}, maybe closed, and nothing else")
    return parse_tool_calls(value.pop("tools"), **value)


def _one_of(what: str, name: object, known: Sequence[str]) -> None:
    if name in known:
        return
    near = did_you_mean(str(name), known, repr)
    hint = f"{near} " if near else ""
    raise ConstraintError(f"unknown {what} {name!r}", help=f"{hint}There are {', '.join(known)}".strip())


def _check_names(names: list[str], choice: object) -> None:
    for name in names:
        if not _NAME.fullmatch(name) or name in CHOICES_OF_TOOLS:
            raise ConstraintError(
                f"{name!r} cannot be a tool's name",
                help=f"up to 64 of A-Z a-z 0-9 _ . -, and none of {', '.join(CHOICES_OF_TOOLS)}",
            )
        if names.count(name) > 1:
            raise ConstraintError(f"two tools are called {name!r}", help="give each its own name")
    if not names and choice not in ("auto", "none"):
        raise ConstraintError(f"choice={choice!r} needs a tool to call, and there is none")
    _one_of("choice", choice, (*CHOICES_OF_TOOLS, *names))


def _tool(tool: Any, parse: Callable[[Any], JsonSchema]) -> Tool:
    name, parameters = _described(tool)
    if not _is_object(parameters):
        raise ConstraintError(
            f"the parameters of the tool {name!r} are not an object schema", help='{"type": "object", ...}'
        )
    try:
        return Tool(name, parse(parameters))
    except LMError as error:
        message = f"the tool {name!r}: {error.message}"
        raise ConstraintError(message, help=error.help, notes=error.notes) from None


def _is_object(schema: Any) -> bool:
    """Whether it says so itself, or refers to a definition that does."""
    if not isinstance(schema, dict):
        return False
    name = str(schema.get("$ref", "")).removeprefix("#/$defs/")
    target = schema.get("$defs", {}).get(name, schema) if "$ref" in schema else schema
    return isinstance(target, dict) and target.get("type") == "object"


def _described(tool: Any) -> tuple[str, Any]:
    """The name and the schema of the arguments."""
    if isinstance(tool, dict):
        return _of_dict(tool)
    if isinstance(tool, type) and hasattr(tool, "model_json_schema"):
        return tool.__name__, parse_schema(tool).schema
    if isinstance(tool, FunctionType):
        return tool.__name__, function_schema(tool)
    raise ConstraintError(f"{tool!r} is not a tool", help=_TOOL)


def _of_dict(tool: dict[str, Any]) -> tuple[str, Any]:
    if tool.get("type", "function") != "function":
        raise ConstraintError(f"a tool of the type {tool['type']!r} is not one that lmc knows", help=_TOOL)
    function = tool.get("function", tool)
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise ConstraintError(f"the tool {tool!r} has no name", help=_TOOL)
    if function.get("strict") is False:
        message = (
            f"the tool {function['name']!r} has strict=False, which asks for arguments that need not fit its schema"
        )
        raise ConstraintError(message, help="leave `strict` out")
    nothing = {"type": "object", "properties": {}, "additionalProperties": False}
    parameters = function.get("parameters")
    return function["name"], nothing if parameters is None else parameters
