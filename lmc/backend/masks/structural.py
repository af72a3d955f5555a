"""Structural tags as xgrammar may follow them: lowered to literals, grammars and control tokens (see `tag_parts`).

Where a text of a tag is a control token of the tokenizer, that token must come there, by its id; the text spelt out
by ordinary tokens is not a tag. In a text that stands by itself (`const_string`) the tokens of a chat template's turns
are none of them: their text is spelt out. Control tokens come nowhere else: free text and JSON are over characters.
Free text holds no trigger and no excluded text, and within a tag not its end. Strings of JSON hold the end of no tag
that they stand in, nor a mark that is given.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from lmc.backend.masks import tag_parts as parts
from lmc.backend.masks.free_text import ending_in, up_to, without
from lmc.codes import END_IN_TAG, UNSUPPORTED
from lmc.errors import ConstraintError
from lmc.ir.constraint import JsonSchema, Regex
from lmc.ir.json_schema.keywords import Json

Part = Callable[[Json, str], Regex | JsonSchema]
SchemaFormat = Callable[[JsonSchema], Json]
XmlFormat = Callable[[JsonSchema, Json, str], Json]
Texts = tuple[str, ...]

_TOKEN_MACRO = re.compile(r"\b(?:Token|ExcludeToken|TagDispatch|TokenTagDispatch)\(")


class Tags:
    """One structural tag on its way to xgrammar.

    part      the regex or schema of a format at a place
    controls  control tokens by their text
    ends      those of them that end a generation
    never     those that a text which stands by itself cannot hold
    marks     texts that no value of a schema holds, beside the ends of its tags
    """

    def __init__(
        self,
        part: Part,
        controls: Mapping[str, int],
        ends: frozenset[int],
        never: frozenset[int],
        json: SchemaFormat,
        xml: XmlFormat,
        marks: Texts = (),
    ) -> None:
        self._part, self._json, self._xml = part, json, xml
        self._controls, self._ends, self._never = controls, ends, never
        self._marks = marks  # of all that stands around the place where it is lowered
        longest_first = sorted(controls, key=len, reverse=True)
        self._control = re.compile("|".join(map(re.escape, longest_first)) or "(?!)")
        self._rules: dict[str, Callable[[Json, str, Texts], Json]] = {
            "const_string": lambda f, place, until: self.literal(f["value"], self._never),
            "json_schema": self._schema, "any_text": self._any_text, "grammar": self._grammar, "regex": self._regex,
            "sequence": self._sequence, "or": self._or, "optional": self._optional, "plus": self._many,
            "star": self._many, "repeat": self._many, "tag": self._tag, "triggered_tags": self._triggered,
            "tags_with_separator": self._separated, "dispatch": self._dispatch,
        }  # fmt: skip

    def lower(self, format: Json, place: str, until: Texts = ()) -> Json:
        """A format as xgrammar may read it; free text at its end does not hold a text of `until`."""
        return self._rules[format["type"]](format, place, until)

    def literal(self, value: str, never: frozenset[int] = frozenset()) -> Json:
        """A text, with the control tokens in it by id. Raises ConstraintError where one of them ends a generation."""
        pieces = self._pieces(value, never)
        return parts.row(*(parts.token(p) if isinstance(p, int) else parts.text(p) for p in pieces))

    def _pieces(self, value: str, never: frozenset[int] = frozenset()) -> list[str | int]:
        found: list[str | int] = []
        at = 0
        for match in self._control.finditer(value):
            id = self._controls[match[0]]
            if id in never:
                continue
            if id in self._ends:
                raise ConstraintError(
                    f"the structural tag holds {match[0]!r}, which ends every generation of this model",
                    code=END_IN_TAG,
                    help="end the format before it: the end of the text needs no tag",
                )
            found += [value[at : match.start()], id]
            at = match.end()
        return [piece for piece in (*found, value[at:]) if piece != ""]

    # --- leaves ----------------------------------------------------------------------------------------------

    def _any_text(self, format: Json, place: str, until: Texts) -> Json:
        forbidden = (*format.get("excludes", ()), *until)
        return parts.tree(without(forbidden, format.get("max_chars")), place)

    def _regex(self, format: Json, place: str, until: Texts) -> Json:
        regex = self._part(format, place)
        assert isinstance(regex, Regex)
        return parts.tree(regex.tree, place)

    def _grammar(self, format: Json, place: str, until: Texts) -> Json:
        if macro := _TOKEN_MACRO.search(format["grammar"]):
            raise ConstraintError(
                f"the grammar at `{place}` of the structural tag uses `{macro[0]}`, which may let control tokens in",
                code=UNSUPPORTED,
                help="write control tokens as literal texts of the structural tag",
            )
        return parts.ebnf(format["grammar"])

    def _schema(self, format: Json, place: str, until: Texts) -> Json:
        schema = self._part(format, place)
        assert isinstance(schema, JsonSchema)
        schema = replace(schema, marks=_least(self._marks))
        if format.get("style", "json") == "json":
            return self._json(schema)
        return self._with_literals(self._xml(schema, format, place))

    def _with_literals(self, lowered: Json) -> Json:
        """What was written without a tokenizer, with its control tokens by id."""
        if lowered["type"] == "const_string":
            return self.literal(lowered["value"])
        if "elements" in lowered:
            return lowered | {"elements": [self._with_literals(each) for each in lowered["elements"]]}
        return lowered | {"content": self._with_literals(lowered["content"])} if "content" in lowered else lowered

    # --- several ---------------------------------------------------------------------------------------------

    def _sequence(self, format: Json, place: str, until: Texts) -> Json:
        *first, last = self._within(format, place)
        return parts.row(*(self.lower(each, at) for each, at in first), self.lower(*last, until))

    def _or(self, format: Json, place: str, until: Texts) -> Json:
        return parts.either(self.lower(each, at, until) for each, at in self._within(format, place))

    def _within(self, format: Json, place: str) -> list[tuple[Json, str]]:
        return [(each, f"{place}/elements/{at}") for at, each in enumerate(format["elements"])]

    def _optional(self, format: Json, place: str, until: Texts) -> Json:
        return parts.wrapped("optional", self.lower(format["content"], f"{place}/content", until))

    def _many(self, format: Json, place: str, until: Texts) -> Json:
        bounds = {key: format[key] for key in ("min", "max") if key in format}
        return parts.wrapped(format["type"], self.lower(format["content"], f"{place}/content"), **bounds)

    def _tag(self, format: Json, place: str, until: Texts) -> Json:
        return parts.row(self.literal(format["begin"]), self._after_begin(format, place))

    def _after_begin(self, format: Json, place: str) -> Json:
        ends = [format["end"]] if isinstance(format["end"], str) else format["end"]
        outer = self._marks
        self._marks = tuple(dict.fromkeys((*outer, *filter(None, map(_mark_of, ends)))))
        content = self.lower(format["content"], f"{place}/content", tuple(end for end in ends if end))
        self._marks = outer
        return parts.row(content, parts.either(map(self.literal, ends)))

    def _separated(self, format: Json, place: str, until: Texts) -> Json:
        tag = parts.either(self._tag(each, f"{place}/tags/{at}", ()) for at, each in enumerate(format["tags"]))
        more = parts.wrapped("star", parts.row(self.literal(format["separator"]), tag))
        whole = tag if format.get("stop_after_first") else parts.row(tag, more)
        return whole if format.get("at_least_one") else parts.wrapped("optional", whole)

    # --- tags within free text -------------------------------------------------------------------------------

    def _triggered(self, format: Json, place: str, until: Texts) -> Json:
        begun = []
        for at, tag in enumerate(format["tags"]):
            trigger = next(t for t in format["triggers"] if tag["begin"].startswith(t))
            begun.append((trigger, tag["begin"], self._after_begin(tag, f"{place}/tags/{at}")))
        forbidden = (*format.get("excludes", ()), *until)
        stops = format.get("stop_after_first", False)
        if not format.get("at_least_one"):
            return self._around(begun, format["triggers"], forbidden, place, stops=stops)
        first = parts.either(parts.row(self.literal(begin), rest) for _, begin, rest in begun)
        if stops:
            return first
        return parts.row(first, self._around(begun, format["triggers"], forbidden, place, stops=False))

    def _dispatch(self, format: Json, place: str, until: Texts) -> Json:
        rules = enumerate(format["rules"])
        begun = [(text, text, self.lower(inner, f"{place}/rules/{at}/1")) for at, (text, inner) in rules]
        forbidden = (*format.get("excludes", ()), *until)
        triggers = [text for text, _, _ in begun]
        return self._around(begun, triggers, forbidden, place, stops=not format.get("loop", True))

    def _around(
        self,
        begun: Sequence[tuple[str, str, Json]],
        triggers: Sequence[str],
        forbidden: Texts,
        place: str,
        *,
        stops: bool,
    ) -> Json:
        """Free text, with tags in it: each is its trigger, its begin and what follows that."""
        by_text: dict[str, tuple[Json, list[Json]]] = {}
        for trigger, begin, rest in begun:
            key, before, left = self._up_to_tag(trigger, begin, triggers, forbidden, place)
            by_text.setdefault(key, (before, []))[1].append(parts.row(left, rest))
        tagged = parts.either(parts.row(before, parts.either(ways)) for before, ways in by_text.values())
        tail = parts.tree(without((*triggers, *forbidden)), place)
        return parts.either((tail, tagged)) if stops else parts.row(parts.wrapped("star", tagged), tail)

    def _up_to_tag(
        self, trigger: str, begin: str, triggers: Sequence[str], forbidden: Texts, place: str
    ) -> tuple[str, Json, Json]:
        """Free text up to a tag, by a name; and what is left of the tag's begin."""
        head, *rest = self._pieces(begin)
        if isinstance(head, str) and len(head) >= len(trigger):
            return trigger, parts.tree(up_to(trigger, triggers, forbidden), place), self.literal(begin[len(trigger) :])
        if isinstance(head, int):
            head, rest = "", [head, *rest]
        # a control token is in the trigger: it stands in no free text, so that it is what triggers
        return f"{head}\0", parts.tree(ending_in(head, (*triggers, *forbidden)), place), self._joined(rest)

    def _joined(self, pieces: Sequence[str | int]) -> Json:
        return parts.row(*(parts.token(piece) if isinstance(piece, int) else parts.text(piece) for piece in pieces))


def _least(marks: Texts) -> Texts:
    """Those that hold no other: where a part never stands, the whole never does."""
    return tuple(mark for mark in marks if not any(other != mark and other in mark for other in marks))


def _mark_of(end: str) -> str:
    """What of a tag's end JSON can hold in a string alone: `</call>` of `}\\n</call>`."""
    return end.strip('{}[],:" \t\r\n')
