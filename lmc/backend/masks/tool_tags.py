"""Tool calls as a structural tag: xgrammar knows how a family of models writes them, lmc what their arguments are.

Free text and thoughts hold no mark of the format, so that what reads the answer finds no call in them. Llama's family
has no marks: there an answer is text without any JSON object, or calls alone, with a semicolon between them. Harmony
writes messages: where a call is asked for, one of them is a call. Mistral's marks are lmc's to write.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any  # xgrammar takes dicts in place of its own records

from lmc.backend.masks.free_text import without
from lmc.backend.masks.tag_xml import STYLES
from lmc.ir.constraint import CHOICES_OF_TOOLS, JsonSchema, Regex, ToolCalls
from lmc.ir.json_schema.keywords import Json
from lmc.ir.json_schema.trees import ANYTHING, both, many, one_of, seq
from lmc.ir.regex import Chars, Not, Repeat
from lmc.ir.tool_formats import FORMATS

MARK = "$comment"
DIGITS = Regex("[0-9]+", Repeat(Chars(((48, 57),)), 1, None))
NO_OBJECT = r"(?!.*\{\s*\").*"  # the name of what llama writes beside calls: each object would be read as one
NO_MARK = r"(?!.*\[[A-Z_]+\]).*"  # the same of mistral: text without any of its marks
BETWEEN_CALLS = "; "
NEXT_MESSAGE = "<|start|>assistant"


def format_of(calls: ToolCalls) -> Json:
    """xgrammar's format; in place of each schema stands the number of its tool, as `part_of` reads it."""
    if calls.format == "llama":
        return _llama(calls)
    if calls.format == "mistral":
        return _mistral(calls)
    format = _guarded(_xgrammars(calls), calls.format)
    return _messages(format, calls) if calls.format == "harmony" else format


def part_of(calls: ToolCalls, format: Json) -> Regex | JsonSchema:
    """The regex or schema of a format that `format_of` made; the only pattern that xgrammar writes is a number's."""
    if format["type"] == "regex":
        if format["pattern"] == NO_OBJECT:
            return _no_object(calls.format)
        if format["pattern"] == NO_MARK:
            return Regex(NO_MARK, without(FORMATS[calls.format].marks))
        assert format["pattern"] == r"\d+", format
        return DIGITS
    assert format.get("style", "json") in ("json", *STYLES), format
    return calls.tools[int(format["json_schema"][MARK])].parameters


def _xgrammars(calls: ToolCalls) -> Json:
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


# --- free text ------------------------------------------------------------------------------------------------


def _guarded(format: Json, name: str) -> Json:
    """The same without any mark in free text, which ends where the format says that calls begin."""
    marks, begin = FORMATS[name].marks, FORMATS[name].begin
    if format["type"] == "any_text":
        return format | {"excludes": _added(format, marks)}
    if format["type"] == "triggered_tags":
        assert all(tag["begin"].startswith(begin) for tag in format["tags"]), format
        tags = [_guarded(tag, name) for tag in format["tags"]]
        others = tuple(mark for mark in marks if mark not in begin)
        return format | {"triggers": [begin], "tags": tags, "excludes": _added(format, others)}
    inner = {key: [_guarded(each, name) for each in format[key]] for key in ("elements", "tags") if key in format}
    return format | inner | ({"content": _guarded(format["content"], name)} if "content" in format else {})


def _added(format: Json, marks: tuple[str, ...]) -> list[str]:
    return list(dict.fromkeys((*format.get("excludes", ()), *marks)))


# --- harmony --------------------------------------------------------------------------------------------------


def _messages(format: Json, calls: ToolCalls) -> Json:
    """The messages of xgrammar's format in an order of our own: its own may hold no call, whatever is asked for."""
    messages: list[Json] = []
    for tag in _tags_of(format):
        messages += [tag] if tag not in messages else []
    called = [tag for tag in messages if tag["content"]["type"] == "json_schema"]
    others = [tag for tag in messages if tag not in called]
    any_more = {"type": "star", "content": _either(messages, NEXT_MESSAGE)}
    before = _row(_either(others), {"type": "star", "content": _either(others, NEXT_MESSAGE)}) if others else None
    if not called:
        return format if before is None else {"type": "optional", "content": before}
    one_call = _either(called)
    if before is not None:
        one_call = {"type": "or", "elements": [one_call, _row(before, _either(called, NEXT_MESSAGE))]}
    if calls.choice != "auto":
        return _row(one_call, any_more) if calls.parallel else one_call
    if calls.parallel:
        return {"type": "optional", "content": _row(_either(messages), any_more)}
    whole = one_call if before is None else {"type": "or", "elements": [before, one_call]}
    return {"type": "optional", "content": whole}


def _tags_of(format: Json) -> Iterator[Json]:
    if format["type"] == "tag":
        yield format
        return
    for key in ("elements", "tags"):
        for each in format.get(key, ()):
            yield from _tags_of(each)
    if "content" in format:
        yield from _tags_of(format["content"])


def _either(tags: list[Json], behind: str = "") -> Json:
    return {"type": "or", "elements": [tag | {"begin": behind + tag["begin"]} for tag in tags]}


def _row(*formats: Json) -> Json:
    return {"type": "sequence", "elements": list(formats)}


# --- llama ----------------------------------------------------------------------------------------------------


def _llama(calls: ToolCalls) -> Json:
    text = {"type": "regex", "pattern": NO_OBJECT}
    names = [tool.name for tool in calls.tools]
    chosen = [_llama_call(name, at) for at, name in enumerate(names) if calls.choice in ("auto", "required", name)]
    if not chosen:
        return text
    written = {
        "type": "tags_with_separator", "tags": chosen, "separator": BETWEEN_CALLS, "at_least_one": True,
        "stop_after_first": not calls.parallel or calls.choice in names,
    }  # fmt: skip
    return {"type": "or", "elements": [text, written]} if calls.choice == "auto" else written


def _llama_call(name: str, at: int) -> Json:
    content = {"type": "json_schema", "json_schema": {MARK: str(at)}, "style": "json"}
    return {"type": "tag", "begin": f'{{"name": "{name}", "parameters": ', "content": content, "end": "}"}


# --- mistral --------------------------------------------------------------------------------------------------


def _mistral(calls: ToolCalls) -> Json:
    """As tokenizers from version 13 on write calls: behind all text, each behind a mark, with no end of its own."""
    text = {"type": "regex", "pattern": NO_MARK}
    names = [tool.name for tool in calls.tools]
    chosen = [_mistral_call(name, at) for at, name in enumerate(names) if calls.choice in ("auto", "required", name)]
    if not chosen:
        return text
    one = {"type": "or", "elements": chosen}
    written = {"type": "plus", "content": one} if calls.parallel and calls.choice not in names else one
    return _row(text, {"type": "optional", "content": written}) if calls.choice == "auto" else written


def _mistral_call(name: str, at: int) -> Json:
    content = {"type": "json_schema", "json_schema": {MARK: str(at)}, "style": "json"}
    return _row({"type": "const_string", "value": f"[TOOL_CALLS]{name}[ARGS]"}, content)


def _no_object(format: str) -> Regex:
    spaces = many(one_of(" \t\r\n"))
    objects = seq(ANYTHING, "{", spaces, '"', ANYTHING)
    return Regex(NO_OBJECT, both([without(FORMATS[format].marks), Not(objects)]))
