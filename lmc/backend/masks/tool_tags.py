"""Tool calls as a structural tag: xgrammar knows how a family of models writes them, lmc what their arguments are."""

from __future__ import annotations

from typing import Any  # xgrammar takes dicts in place of its own records

from lmc.backend.masks.tag_xml import STYLES
from lmc.ir.constraint import CHOICES_OF_TOOLS, JsonSchema, Regex, ToolCalls
from lmc.ir.json_schema.keywords import Json
from lmc.ir.regex import Chars, Repeat

MARK = "$comment"
DIGITS = Regex("[0-9]+", Repeat(Chars(((48, 57),)), 1, None))


def format_of(calls: ToolCalls) -> Json:
    """xgrammar's format; in place of each schema stands the number of its tool, as `part_of` reads it."""
    from xgrammar import get_model_structural_tag

    tools: list[Any] = [
        {"type": "function", "function": {"name": tool.name, "parameters": {MARK: str(at)}}}
        for at, tool in enumerate(calls.tools)
    ]
    choice: Any = calls.choice
    named = {"type": "function", "function": {"name": choice}}
    tag = get_model_structural_tag(
        calls.format,
        tools=tools,
        tool_choice=choice if choice in CHOICES_OF_TOOLS else named,
        reasoning=calls.reasoning,
        parallel_tool_calls=calls.parallel,
    )
    return tag.model_dump(mode="json")["format"]


def part_of(calls: ToolCalls, format: Json) -> Regex | JsonSchema:
    """The schema of a format that `format_of` made; the only pattern that xgrammar writes is a number's."""
    if format["type"] == "regex":
        assert format["pattern"] == r"\d+", format
        return DIGITS
    assert format.get("style", "json") in ("json", *STYLES), format
    return calls.tools[int(format["json_schema"][MARK])].parameters
