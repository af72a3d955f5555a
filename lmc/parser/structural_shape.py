"""Whether a JSON value is shaped like a structural tag's format: its type is known, its fields are what they must be.

What formats mean is said by xgrammar's documentation; what cannot be followed exactly is refused with what to write
instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any  # a format is any JSON value

from lmc.errors import did_you_mean

STYLES = ("json", "qwen_xml", "minimax_xml", "deepseek_xml", "deepseek_v4_1_xml", "glm_xml", "kimi_k3_xml")
MAX_DEPTH = 64
Problem = tuple[str, str]  # place, what is wrong
Check = Callable[[Any], bool]
Field = tuple[bool, str, Check]  # whether it must be there, what it must be, the check


def problems(format: Any, place: str, depth: int = 0) -> Iterator[Problem]:
    """Everything that is wrong with a format and those within it, by place, as in `#/format/elements/1`."""
    if depth > MAX_DEPTH:
        yield place, f"is nested more than {MAX_DEPTH} deep"
        return
    if not isinstance(format, dict) or not isinstance(format.get("type"), str):
        yield place, f"must be a format (an object with a `type`), not {format!r}"
        return
    kind = format["type"]
    if kind not in _FIELDS:
        yield place, _unknown(kind)
        return
    wrong = [*_wrong_fields(format, _FIELDS[kind])]
    yield from ((place, what) for what in wrong)
    if wrong:
        return
    rule = _RULES.get(kind)
    yield from ((place, what) for what in (rule(format) if rule else ()))
    for name, inner in inside(format):
        yield from problems(inner, place + name, depth + 1)


def inside(format: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The formats within a format, each with the end of its place."""
    for name in ("elements", "tags"):
        yield from ((f"/{name}/{at}", inner) for at, inner in enumerate(format.get(name, ())))
    if "content" in format:
        yield "/content", format["content"]
    yield from ((f"/rules/{at}/1", rule[1]) for at, rule in enumerate(format.get("rules", ())))


def _unknown(kind: str) -> str:
    if kind in _REFUSED:
        return f"has the type `{kind}`, which cannot be followed here: {_REFUSED[kind]}"
    near = did_you_mean(kind, _FIELDS)
    return f"has the unknown type `{kind}`" + (f"; {near}" if near else f"; there are {', '.join(_FIELDS)}")


def _wrong_fields(format: dict[str, Any], fields: dict[str, Field]) -> Iterator[str]:
    for name in format:
        if name != "type" and name not in fields:
            near = did_you_mean(name, fields)
            yield f"has the unknown field `{name}`" + (f"; {near}" if near else "")
    for name, (is_needed, expected, check) in fields.items():
        if name not in format:
            if is_needed:
                yield f"lacks the field `{name}`: {expected}"
        elif not check(format[name]):
            yield f"has a `{name}` that must be {expected}, not {format[name]!r}"


def _triggered(format: dict[str, Any]) -> Iterator[str]:
    for tag in format["tags"]:
        begin = tag.get("begin") if isinstance(tag, dict) else None
        fitting = [t for t in format["triggers"] if isinstance(begin, str) and begin.startswith(t)]
        if isinstance(begin, str) and len(fitting) != 1:
            which = f"triggers {fitting!r}" if fitting else "no trigger"
            yield f"has a tag whose begin {begin!r} starts with {which}: it must be one"


def _repeat(format: dict[str, Any]) -> Iterator[str]:
    if format["max"] != -1 and format["max"] < format["min"]:
        yield f"has `min` {format['min']} above `max` {format['max']}"


def _tag(x: Any) -> bool:
    return isinstance(x, dict) and x.get("type") == "tag"


def _tags(x: Any) -> bool:
    return isinstance(x, list) and bool(x) and all(map(_tag, x))


def _text(x: Any) -> bool:
    return isinstance(x, str)


def _filled_text(x: Any) -> bool:
    return isinstance(x, str) and x != ""


def _texts(x: Any) -> bool:
    return isinstance(x, list) and all(map(_filled_text, x))


def _count(x: Any) -> bool:
    return isinstance(x, int) and not isinstance(x, bool) and x >= 0


def _field(expected: str, check: Check, *, needed: bool = True) -> Field:
    return needed, expected, check


_TEXT = _field("a text", _text)
_FORMAT = _field("a format", lambda x: isinstance(x, dict))
_FORMATS = _field("a list of formats, at least one", lambda x: isinstance(x, list) and bool(x))
_TAGS = _field("a list of formats of the type `tag`, at least one", _tags)
_EXCLUDES = _field("a list of texts, none empty", _texts, needed=False)
_FLAG = _field("true or false", lambda x: isinstance(x, bool), needed=False)
_END = _field(
    "a text or a list of texts, at least one",
    lambda x: _text(x) or (isinstance(x, list) and bool(x) and all(map(_text, x))),
)
_FIELDS: dict[str, dict[str, Field]] = {
    "const_string": {"value": _TEXT},
    "json_schema": {
        "json_schema": _field("a JSON schema", lambda x: isinstance(x, dict | bool)),
        "style": _field(f"one of {', '.join(STYLES)}", lambda x: x in STYLES, needed=False),
        "any_order": _field("false (properties come in the order written)", lambda x: x is False, needed=False),
        "max_whitespace_cnt": _field("null: JSON is spaced by `spacing` of gen", lambda x: x is None, needed=False),
        "excludes": _field("empty: a pattern of the schema can say it", lambda x: x == [], needed=False),
    },
    "any_text": {
        "excludes": _EXCLUDES,
        "max_chars": _field("null, or a whole number, 0 or more", lambda x: x is None or _count(x), needed=False),
        "max_tokens": _field("null: write `max_chars`, or max_tokens of gen", lambda x: x is None, needed=False),
    },
    "grammar": {"grammar": _TEXT},
    "regex": {"pattern": _TEXT},
    "sequence": {"elements": _FORMATS},
    "or": {"elements": _FORMATS},
    "optional": {"content": _FORMAT},
    "plus": {"content": _FORMAT},
    "star": {"content": _FORMAT},
    "repeat": {
        "min": _field("a whole number, 0 or more", _count),
        "max": _field("a whole number, or -1 for no limit", lambda x: _count(x) or x == -1),
        "content": _FORMAT,
    },
    "tag": {"begin": _TEXT, "content": _FORMAT, "end": _END},
    "triggered_tags": {
        "triggers": _field("a list of texts, at least one, none empty", lambda x: _texts(x) and bool(x)),
        "tags": _TAGS, "at_least_one": _FLAG, "stop_after_first": _FLAG, "excludes": _EXCLUDES,
    },
    "tags_with_separator": {"tags": _TAGS, "separator": _TEXT, "at_least_one": _FLAG, "stop_after_first": _FLAG},
    "dispatch": {
        "rules": _field(
            "a list of pairs of a text and a format, at least one",
            lambda x: isinstance(x, list) and bool(x)
            and all(isinstance(r, list) and len(r) == 2 and _filled_text(r[0]) for r in x),
        ),
        "loop": _FLAG, "excludes": _EXCLUDES,
    },
}  # fmt: skip
_RULES: dict[str, Callable[[dict[str, Any]], Iterator[str]]] = {"triggered_tags": _triggered, "repeat": _repeat}
_BY_TEXT = "write the control token as text where it stands; a text that is a control token is that token"
_REFUSED = {
    **dict.fromkeys(("token", "exclude_token", "any_tokens", "token_triggered_tags", "token_dispatch"), _BY_TEXT),
    "qwen_xml_parameter": 'write `json_schema` with `"style": "qwen_xml"`',
}
