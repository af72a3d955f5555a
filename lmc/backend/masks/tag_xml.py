"""Arguments of a tool call as models write them in XML: a mark for each property, texts bare, all else as JSON.

The schema must be an object with named properties, each of known types. They come in the order written; a newline
may stand between marks and beside values that are not text. No mark of the style, nor one that is given beside it,
stands in a value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from lmc.backend.masks import tag_parts as parts
from lmc.backend.masks.counted_text import counted_ebnf
from lmc.backend.masks.free_text import without
from lmc.ir.automaton.algebra import one_of
from lmc.ir.constraint import JsonSchema
from lmc.ir.json_schema.exact import write_json
from lmc.ir.json_schema.findings import refuse
from lmc.ir.json_schema.keywords import ANNOTATIONS, Json
from lmc.ir.json_schema.trees import ANY_CHAR, ANYTHING, alt, both, many, seq
from lmc.ir.regex import Not, RegexTree, Whole
from lmc.ir.tool_text import MAX_COUNTED

NEWLINE = parts.wrapped("optional", parts.text("\n"))
MAX_DEPTH = 32
BEGINNING = 4  # characters of a mark
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_OBJECT = ("type", "properties", "required", "additionalProperties")
_STRING = ("type", "pattern", "minLength", "maxLength", "format", "enum", "const")


@dataclass(frozen=True, slots=True)
class Style:
    """How a property is written.

    opens     before the value; a newline may stand between them. {key}, {type} and {is_text} are filled in
    close     after the value
    marks     what no value holds: the tags of this style
    newlines  whether a newline at either end of a text is none of its own
    """

    opens: tuple[str, ...]
    close: str
    marks: tuple[str, ...]
    newlines: bool = False


_DSML = "｜DSML｜"
STYLES = {
    "qwen_xml": Style(
        ("<parameter={key}>",), "</parameter>", ("<parameter=", "</parameter>", "<function=", "</function>"), True
    ),
    "minimax_xml": Style(
        ('<parameter name="{key}">',),
        "</parameter>",
        ("<parameter name=", "</parameter>", "<invoke name=", "</invoke>"),
    ),
    "deepseek_xml": Style(
        (f'<{_DSML}parameter name="{{key}}" string="{{is_text}}">',), f"</{_DSML}parameter>", (_DSML,)
    ),
    "deepseek_v4_1_xml": Style(
        (f'<{_DSML} parameter name="{{key}}" string="{{is_text}}">',), f"</{_DSML} parameter>", (_DSML,)
    ),
    "glm_xml": Style(
        ("<arg_key>{key}</arg_key>", "<arg_value>"),
        "</arg_value>",
        ("<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>"),
    ),
    "kimi_k3_xml": Style(
        ('<|open|>argument key="{key}" type="{type}"<|sep|>',),
        "<|close|>argument<|sep|>",
        ("<|open|>", "<|close|>", "<|sep|>"),
    ),
}  # fmt: skip


def xml_arguments(
    schema: JsonSchema, format: Json, json_format: Callable[[JsonSchema], Json], *, is_checked: bool = False
) -> Json:
    """The arguments of a schema in the style of its format. Raises SchemaError naming the keyword it cannot keep.

    The schema's own marks, and what the format excludes, stand in no value either. `is_checked` where a complete
    text is held against the schema: then texts that are counted far need not be counted exactly.
    """
    style = STYLES[format["style"]]
    marks = tuple(dict.fromkeys((*style.marks, *format.get("excludes", ()), *schema.marks)))
    return _Arguments(schema, style, marks, json_format, is_checked).lowered()


@dataclass(frozen=True, slots=True)
class _Arguments:
    schema: JsonSchema
    style: Style
    marks: tuple[str, ...]
    json_format: Callable[[JsonSchema], Json]
    is_checked: bool

    def lowered(self) -> Json:
        root, _ = self._resolved(self.schema.schema, "#")
        if not isinstance(root, dict) or root.get("type") != "object":
            refuse("#", "type", "arguments are an object")
        for keyword in root:
            if keyword not in _OBJECT and keyword not in ANNOTATIONS:
                refuse("#", keyword, "arguments written as XML have named properties and nothing else")
        properties, required = root.get("properties", {}), root.get("required", [])
        if unknown := [name for name in required if name not in properties]:
            refuse("#", "required", f"{unknown[0]!r} is not a property", "add it to `properties`")
        rows = []
        for name, property in properties.items():
            whole = parts.row(NEWLINE, self._property(name, property))
            rows.append(whole if name in required else parts.wrapped("optional", whole))
        return parts.row(*rows, NEWLINE)

    def _property(self, name: str, schema: Json) -> Json:
        place = f"#/properties/{name}"
        if not _KEY.fullmatch(name):
            refuse(place, "properties", f"{name!r} cannot be written in a mark", "use letters, digits and _")
        return parts.either(self._value(name, *way) for way in self._ways(schema, place, 0))

    def _value(self, name: str, kind: str, value: Json) -> Json:
        is_text = kind == "string"
        opens = [o.format(key=name, type=kind, is_text=str(is_text).lower()) for o in self.style.opens]
        row = [parts.text(opens[0])]
        for opening in opens[1:]:
            row += [NEWLINE, parts.text(opening)]
        inner = [value] if is_text else [NEWLINE, value, NEWLINE]
        return parts.row(*row, *inner, parts.text(self.style.close))

    def _ways(self, schema: Json, place: str, depth: int) -> Iterator[tuple[str, Json]]:
        """The types that a property may have, each with its values."""
        schema, is_moved = self._resolved(schema, place)
        if not isinstance(schema, dict) or (is_moved and depth > MAX_DEPTH):
            refuse(place, "type", "a property written as XML needs a type", "give the type")
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                if beside := [k for k in schema if k != keyword and k not in ANNOTATIONS]:
                    refuse(place, keyword, f"`{beside[0]}` stands beside it", "put both into each alternative")
                for at, each in enumerate(schema[keyword]):
                    yield from self._ways(each, f"{place}/{keyword}/{at}", depth + 1)
                return
        if "enum" in schema or "const" in schema:
            yield from self._listed(schema, place)
            return
        types = schema.get("type", [])
        if not types:
            refuse(place, "type", "a property written as XML needs a type", "give the type")
        for kind in types if isinstance(types, list) else [types]:
            one = schema | {"type": kind}
            yield kind, self._text(one, place) if kind == "string" else self._json(one)

    def _listed(self, schema: Json, place: str) -> Iterator[tuple[str, Json]]:
        values = schema["enum"] if "enum" in schema else [schema["const"]]
        types = schema.get("type", [])
        allowed = types if isinstance(types, list) else [types]
        texts = [value for value in values if isinstance(value, str)]
        others = [value for value in values if not isinstance(value, str)]
        if texts and (not allowed or "string" in allowed):
            for mark, text in ((mark, text) for text in texts for mark in self.marks if mark in text):
                refuse(place, "enum", f"{text!r} holds the mark {mark!r} of calls")
            yield "string", self._written(one_of(texts), place)
        for value in others:
            rest = {k: v for k, v in schema.items() if k not in ("enum", "const")} | {"const": value}
            yield _kind(value), self._json(rest)

    def _text(self, schema: Json, place: str) -> Json:
        for keyword in schema:
            if keyword not in _STRING and keyword not in ANNOTATIONS:
                refuse(place, keyword, "it is not about texts")
        counted = max(schema.get("minLength", 0), schema.get("maxLength", 0)) > MAX_COUNTED
        if counted and self.is_checked and not ("pattern" in schema or "format" in schema):
            least, most = int(schema.get("minLength", 0)), schema.get("maxLength")
            if most is not None and most < least:
                refuse(place, "maxLength", "it is below `minLength`")
            return parts.ebnf(counted_ebnf(self.marks, least, None if most is None else int(most), self.style.newlines))
        # no text that is counted far can tell whole marks apart too: it holds not even their beginnings
        marks = dict.fromkeys(mark[:BEGINNING] for mark in self.marks) if counted else self.marks
        languages = [without(tuple(marks))]
        if "minLength" in schema or "maxLength" in schema:
            most = schema.get("maxLength")
            languages.append(many(ANY_CHAR, int(schema.get("minLength", 0)), None if most is None else int(most)))
        for keyword, prefix in (("pattern", ""), ("format", "format:")):
            if keyword in schema:
                languages += self._named(prefix + schema[keyword], keyword, place)
        return self._written(both(languages), place)

    def _written(self, texts: RegexTree, place: str) -> Json:
        """Texts as the style writes them."""
        return parts.tree(_in_newlines(texts) if self.style.newlines else texts, place)

    def _named(self, name: str, keyword: str, place: str) -> list[RegexTree]:
        found = self.schema.patterns.get(name)
        if isinstance(found, str):
            refuse(place, keyword, found)
        return [] if found is None else [found]  # a format without a tree says nothing

    def _json(self, schema: Json) -> Json:
        """A value that is not text, under the definitions of the whole."""
        root = self.schema.schema
        whole = schema | {key: root[key] for key in ("$defs", "definitions") if key in root}
        text = write_json(whole)
        return self.json_format(replace(self.schema, text=text, schema=whole, marks=self.marks))

    def _resolved(self, schema: Json, place: str) -> tuple[Json, bool]:
        """What a reference to a definition stands for, and whether it was one."""
        seen = 0
        while isinstance(schema, dict) and "$ref" in schema:
            steps = str(schema["$ref"]).split("/")
            target = self.schema.schema.get(steps[1] if len(steps) == 3 else "", {})
            if beside := [k for k in schema if k != "$ref" and k not in ANNOTATIONS]:
                refuse(place, "$ref", f"`{beside[0]}` stands beside it", "put both into the definition")
            if steps[0] != "#" or not isinstance(target, dict) or steps[-1] not in target or seen > MAX_DEPTH:
                refuse(place, "$ref", f"{schema['$ref']!r} names no definition in `$defs`")
            schema, seen = target[steps[-1]], seen + 1
        return schema, seen > 0


def _in_newlines(texts: RegexTree) -> RegexTree:
    """Texts of which a newline at either end is none of their own: those that have one there need another."""
    texts = Whole(texts)
    begins, ends = seq("\n", ANYTHING), seq(ANYTHING, "\n")
    return alt(
        [
            seq("\n", texts, "\n"),
            seq("\n", both([texts, Not(ends)])),
            seq(both([texts, Not(begins)]), "\n"),
            both([texts, Not(begins), Not(ends)]),
        ]
    )


def _kind(value: Json) -> str:
    names = {bool: "boolean", int: "integer", float: "number", Decimal: "number", list: "array", dict: "object"}
    return names.get(type(value), "null")
