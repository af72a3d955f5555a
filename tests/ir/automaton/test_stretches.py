"""Forms with places: where one is taken for unambiguous no text has two splits, and each of them is told as it is."""

from __future__ import annotations

import random
from itertools import product

import pytest

from lmc.backend.masks.call_walk import CallWalk
from lmc.ir.automaton.ambiguity import Ambiguity
from lmc.ir.automaton.calls import call_dfa
from lmc.ir.automaton.dfa import CharDfa
from lmc.ir.automaton.parts import Hole, Literal, Part, PlacedHole, Until, language
from lmc.ir.automaton.placed_form import placed_form
from lmc.ir.automaton.progress import Tracker
from lmc.ir.automaton.stretches import ambiguous_stretch, stretches
from lmc.ir.json_schema.regular import texts_of
from lmc.parser.regex.parse import parse_regex
from lmc.parser.schema.parse import parse_schema

LISTS = {"type": "array", "items": {"$ref": "#"}, "maxItems": 2}
NUMBERS = {"anyOf": [{"enum": [1, 11]}, {"type": "array", "items": {"$ref": "#"}, "maxItems": 1}]}
NAMED = {"type": "object", "properties": {"a": {"$ref": "#"}}, "additionalProperties": False}


def hole(pattern: str) -> Hole:
    return Hole(parse_regex(pattern).tree)


def placed(schema: dict) -> PlacedHole:
    texts = texts_of(parse_schema(schema))
    return PlacedHole(texts.places, texts.may_be_number)


def texts_of_part(part: Part, length: int) -> set[str]:
    """All texts of a part over a few characters."""
    if isinstance(part, Literal):
        return {part.text}
    if isinstance(part, PlacedHole):
        walk = CallWalk(call_dfa(part.places))
        return {text for text in over("[]1,", length) if walk.is_accepting(walk.run(text.encode()))}
    dfa = CharDfa(language(part))
    return {text for text in over("[1,a", min(length, 3)) if dfa.accepts(text)}


def over(chars: str, length: int) -> list[str]:
    return ["".join(row) for count in range(length + 1) for row in product(chars, repeat=count)]


SHORT = (placed(LISTS), placed(NUMBERS))
PATTERNS = ("a?", "a*", "[1,]{0,2}", "1?", "\\[?", "a|a\\[", ",*1")
LITERALS = (",", "1", "a", "[", "]", "a,", "")


def random_parts(rng: random.Random) -> list[Part]:
    """Two or three generations, one of which writes places, with text between them."""
    parts: list[Part] = []
    which = rng.randrange(3)
    for number in range(3):
        is_placed = number == which or rng.random() < 0.2
        parts.append(rng.choice(SHORT) if is_placed else hole(rng.choice(PATTERNS)))
        parts.append(Literal(rng.choice(LITERALS)))
    return parts


def test_what_is_taken_for_unambiguous_has_one_split() -> None:
    """Against all splits of short texts; and most of what is not is truly ambiguous."""
    rng, plain, wrong, ambiguous = random.Random(1), 0, 0, 0
    known = {part: texts_of_part(part, 5) for part in SHORT}
    for _ in range(120):
        parts = random_parts(rng)
        rows = product(*(sorted(known.get(part) or texts_of_part(part, 3)) for part in parts))
        found: dict[str, tuple[str, ...]] = {}
        twice = next((row for row in rows if found.setdefault("".join(row), row) != row), None)
        if ambiguous_stretch(parts) is None:
            plain += 1
            assert twice is None, (parts, twice)
        else:
            ambiguous += 1
            wrong += twice is None
    assert plain > 25 and ambiguous > 25 and wrong < 0.5 * ambiguous, (plain, ambiguous, wrong)


def test_a_value_that_ends_by_itself_parts_a_form_in_two() -> None:
    """What stands before it ends where it begins; behind it another form begins."""
    form = [hole("[a-z]+"), Literal(": "), placed(NAMED), Literal(", "), hole("[a-z]+")]

    assert [(each.first, len(each.parts), each.is_open) for each in stretches(form)] == [(0, 3, True), (3, 2, False)]
    assert ambiguous_stretch(form) is None


@pytest.mark.parametrize("before, is_plain", [("[a-z]+", True), ("[a-z{]+", True), ("[a-z{}]+", False), (".+", False)])
def test_text_before_a_value_must_not_go_on_like_it(before, is_plain) -> None:
    """A brace is followed by a quote or a brace: a pattern that may hold both may hold the value's begin."""
    found = ambiguous_stretch([hole(before), Literal(""), placed(NAMED), Literal(", "), hole("1*")])

    assert (found is None) == is_plain


def test_a_number_may_go_on_in_the_text_behind_it() -> None:
    """Where the root may be a number, unlike one that is always in brackets."""
    for schema, after, is_plain in ((NUMBERS, "1", False), (NUMBERS, "; ", True), (LISTS, "1", True)):
        found = ambiguous_stretch([placed(schema), Literal(after), hole("1*")])
        assert (found is None) == is_plain, (schema, after)
    assert ambiguous_stretch([placed(NUMBERS), Literal("1")]) is None


def test_a_stretch_says_which_generations_share_a_text() -> None:
    """By their parts, beyond the first value."""
    form = [placed(LISTS), Literal(" "), hole("a+"), Literal("a"), hole("a*"), Literal(" "), placed(LISTS)]

    stretch, found = ambiguous_stretch(form)
    assert isinstance(found, Ambiguity)
    assert (stretch.first, [stretch.first + at for at in found.parts]) == (1, [2, 4])


# --- the progress of a run -----------------------------------------------------------------------------------------


def tracker(parts: list[Part]) -> tuple[CallWalk, Tracker]:
    form = placed_form(parts)
    walk = CallWalk(call_dfa(form.trees))
    return walk, Tracker(parts, walk, [walk.at_place(form.place_of(at)) for at in range(len(parts))])


def test_a_run_through_places_is_followed_byte_by_byte() -> None:
    """Which part comes next and where each ended, the value's end told by its last bracket."""
    form = [hole("[a-z]+"), Literal(": "), placed(NAMED), Literal(", "), placed(NUMBERS), Literal(".")]
    walk, run = tracker(form)
    text = b'ab: {"a":{"a":{}}}, [11].'
    at, parts = run.begin(), []
    for byte in text:
        parts.append(at.parts)
        at = at.after(bytes((byte,)))
    assert at.captures(text) == ("ab", '{"a":{"a":{}}}', "[11]")
    assert parts[:4] == [(0,), (0, 1), (0, 1), (1,)]
    assert set(parts[4:18]) == {(2,)} and parts[18:20] == [(3,), (3,)] and set(parts[20:24]) == {(4,)}
    assert parts[24] == (5,) and at.is_complete and not run.begin().after(b"ab: {]").is_live
    assert walk.is_accepting(walk.run(text, walk.at_place(0)))
    number = run.begin().after(b"ab: {}, 1")
    assert number.parts == (4, 5) and number.may_end(4)


def test_a_generation_that_is_cut_leaves_the_rest_of_the_form() -> None:
    """Within a value that holds others."""
    form = [placed(NAMED), Literal(", "), placed(LISTS)]
    walk, run = tracker(form)
    cut = run.begin().after(b'{"a":{"a').skip_to(1).after(b", [[]]")

    assert cut.is_complete and cut.captures(b'{"a":{"a, [[]]') == ('{"a":{"a', "[[]]")
    assert walk.is_accepting(walk.run(b", [[]]", walk.at_place(1)))


def test_a_complement_beside_places_holds_no_calls() -> None:
    """What comes before a stop string is any text without it, and no value with one in it."""
    form = [Until("]]"), Literal("]] "), placed(LISTS)]
    walk, run = tracker(form)

    assert walk.is_accepting(walk.run(b"[1]] [[]]"))
    assert not walk.is_accepting(walk.run(b"[[]]]] [[]]"))
    assert run.begin().after(b"[1]] [[]]").captures(b"[1]] [[]]") == ("[1", "[[]]")
