"""A run followed byte by byte: which part comes next, what is final, what a cut does."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from lmc.ir.automaton.ambiguity import ambiguity
from lmc.ir.automaton.captures import captures
from lmc.ir.automaton.dfa import DEAD, CharDfa
from lmc.ir.automaton.parts import Hole, Literal, Until, fused_tree, language
from lmc.ir.automaton.progress import Progress, Tracker
from lmc.parser.regex.parse import parse_regex
from tests.support.random_form import RandomForm, captures_of, random_form, splits_of, texts_up_to


def hole(pattern: str) -> Hole:
    return Hole(parse_regex(pattern).tree)


RECORD = Tracker([Literal('{"n": "'), hole("[A-Z][a-z]{2,8}"), Literal('", "a": '), hole("[0-9]{1,2}"), Literal("}")])

# --- parts and ends ------------------------------------------------------------------------------------------


def test_a_record_is_followed() -> None:
    """Parts are known one by one, and ends as soon as the next part has begun."""
    begin = RECORD.begin()
    name = begin.after(b'{"n": "')
    long_enough = name.after(b"Ada")
    age = long_enough.after(b'", "a": ')

    assert (begin.parts, begin.ends) == ((0,), ())
    assert (name.parts, name.ends) == ((1,), (7,))
    assert (long_enough.parts, long_enough.ends) == ((1, 2), (7,))
    assert (long_enough.after(b'"').parts, long_enough.after(b'"').ends) == ((2,), (7, 10))
    assert (age.parts, age.ends) == ((3,), (7, 10, 18))
    assert (age.after(b"36").parts, age.after(b"36").ends) == ((4,), (7, 10, 18, 20))


def test_captures_at_the_end() -> None:
    """Spans are of every part, captures of generations; None before the text may end."""
    text = b'{"n": "Ada", "a": 7}'
    early, end = RECORD.begin().after(text[:-1]), RECORD.begin().after(text)

    assert end.is_complete and end.captures(text) == ("Ada", "7")
    assert end.spans() == ((0, 7), (7, 10), (10, 18), (18, 19), (19, 20))
    assert end.parts == () and end.ends == (7, 10, 18, 19, 20)
    assert not early.is_complete and early.spans() is None and early.captures(text[:-1]) is None


def test_an_end_may_become_certain_late() -> None:
    """The literal's letter could be the generation's, until something else follows."""
    at = Tracker([hole("a*"), Literal("ab"), hole("c*")]).begin().after(b"aaa")

    assert (at.parts, at.ends, at.is_complete) == ((0, 1), (), False)
    assert (at.after(b"b").parts, at.after(b"b").ends, at.after(b"b").is_complete) == ((2,), (2, 4), True)


def test_what_does_not_fit_is_dead() -> None:
    """Bytes that are no UTF-8 do not fit, and a form of no text is dead from its begin."""
    tracker = Tracker([hole(".*"), Literal("\n")])
    for bad in (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"a\n\n"):
        dead = tracker.begin().after(bad)
        assert (dead.is_live, dead.parts, dead.ends, dead.spans()) == (False, (), (), None)
        assert not dead.after(b"\n").is_live

    assert not Tracker([hole("a*"), hole("a(?!a)a")]).begin().is_live
    assert Tracker([]).begin().is_complete and not Tracker([]).begin().after(b"a").is_live


def test_within_a_character() -> None:
    """Its part is known as far as its bytes tell: é and è begin alike, é and 日 do not."""
    alike = Tracker([hole("é*"), Literal("è")]).begin().after("é".encode())
    unlike = Tracker([hole("é*"), Literal("日")]).begin().after("é".encode())
    lead, second = "è".encode()[:1], "è".encode()[1:]

    assert alike.after(lead).parts == (0, 1) and alike.after(lead).ends == ()
    assert alike.after(lead).after(second).ends == (2, 4)
    assert unlike.after("日".encode()[:2]).parts == (1,) and unlike.after("日".encode()[:2]).ends == (2,)
    assert not alike.after(lead).is_complete


def test_a_progress_is_a_value() -> None:
    """An old one is a way back, and two may go on from one."""
    tracker = Tracker([hole("[ab]+"), Literal(".")])
    at = tracker.begin().after(b"ab")
    left, right = at.after(b"a."), at.after(b".")

    assert left.captures(b"aba.") == ("aba",) and right.captures(b"ab.") == ("ab",)
    assert at == tracker.begin().after(b"a").after(b"b")


def test_a_stop_string_ends_its_generation() -> None:
    """Within the stop string both are possible; after it, the generation is over."""
    at = Tracker([Until("; "), Literal("; then "), hole(".+")]).begin().after(b"a;b;")

    assert (at.parts, at.ends, at.began(1)) == ((0, 1), (), 3)
    assert (at.after(b" ").parts, at.after(b" ").ends) == ((1,), (3,))
    assert at.after(b"c").parts == (0, 1) and not at.after(b" x").is_live


def test_a_long_form_of_parts_that_may_be_empty() -> None:
    """No recursion, and the leftmost-shortest meaning: the last takes all."""
    form = [hole("a*") for _ in range(1500)]
    at = Tracker(form).begin().after(b"aa")

    assert at.captures(b"aa") == ("",) * 1499 + ("aa",)


# --- cuts ----------------------------------------------------------------------------------------------------


def test_a_cut_ends_a_generation_whatever_its_regex_says() -> None:
    """As max_tokens does: what is there is the capture, and the next part begins."""
    at = RECORD.begin().after(b'{"n": "A').skip_to(2)
    end = at.after(b'", "a": 7}')

    assert (at.parts, at.ends, at.began(2)) == ((2,), (7, 8), 8)
    assert end.captures(b'{"n": "A", "a": 7}') == ("A", "7")


def test_a_cut_takes_back_what_may_have_been_the_next_part() -> None:
    """The generation went on until now, so the letter is its own and comes again."""
    at = Tracker([hole("a*"), Literal("ab"), hole("c*")]).begin().after(b"aaa").skip_to(1)

    assert (at.parts, at.ends) == ((1,), (3,))
    assert at.after(b"abc").captures(b"aaaabc") == ("aaa", "c")


def test_a_cut_before_anything_is_written() -> None:
    """An empty capture; and the last generation's cut is the end of the run."""
    empty = Tracker([hole("a+"), hole("b+")]).begin().skip_to(1).after(b"b")
    ended = Tracker([Literal("x"), hole("[ab]{5}")]).begin().after(b"xab").skip_to(2)

    assert empty.captures(b"b") == ("", "b")
    assert ended.is_complete and ended.parts == () and ended.captures(b"xab") == ("ab",)


def test_a_cut_of_what_is_over_changes_nothing() -> None:
    """A generation that had all it can take has ended by itself."""
    at = Tracker([hole("[ab]{2}"), Literal("."), hole("c")]).begin().after(b"ab")

    assert at.skip_to(1) is at
    assert at.after(b".").skip_to(1) == at.after(b".")


def test_a_cut_within_a_character() -> None:
    """What is there of it is shown as U+FFFD, as a tokenizer shows it."""
    data = "aé".encode()[:2]
    at = Tracker([hole(".*"), Literal("!")]).begin().after(data).skip_to(1).after(b"!")

    assert at.ends == (2, 3)
    assert at.captures(data + b"!") == ("a�",)


@pytest.mark.parametrize("part", [0, 1, 3, 4, 6])
def test_only_a_generation_that_has_begun_can_be_cut(part: int) -> None:
    """No literal, none ahead, nothing outside the form."""
    with pytest.raises(AssertionError):
        RECORD.begin().skip_to(part)


# --- random forms ---------------------------------------------------------------------------------------------

# two letters of two and three bytes, so that every second piece ends within a character
LETTERS = "é日"
LONGEST = 5


def steps(tracker: Tracker, data: bytes, rng: random.Random) -> Iterator[Progress]:
    """The run after random pieces of some bytes, from none to all."""
    at = tracker.begin()
    yield at
    while at.num_bytes < len(data):
        at = at.after(data[at.num_bytes : at.num_bytes + rng.randint(1, 4)])
        yield at


def in_bytes(text: str, ends: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(len(text[:end].encode()) for end in ends)


def has_wrong_run(form: RandomForm, rng: random.Random) -> bool:
    """Whether any run is not what trying says: the captures at its end, and all that was said before."""
    tracker = Tracker(form.parts)
    for text in texts_up_to(LETTERS, LONGEST):
        first = next(splits_of(form, text), None)
        data = text.encode()
        for at in steps(tracker, data, rng):
            if first is not None and not is_right(at, in_bytes(text, first), len(data)):
                return True
        if at.captures(data) != (None if first is None else captures_of(form, text, first)):
            return True
    return False


def is_right(at: Progress, ends: tuple[int, ...], length: int) -> bool:
    """Whether a progress says nothing wrong of a run that will have had these ends: parts of some length hold them."""
    next_part = next((part for part, end in enumerate(ends) if end > at.num_bytes), None)
    names_it = at.num_bytes == length or next_part in at.parts
    return at.is_live and names_it and at.ends == ends[: len(at.ends)]


def wrong_cut(form: RandomForm, rng: random.Random) -> bool:
    """Whether a cut at a random place of a random generation is not what it means."""
    part = rng.choice([part for part, found in enumerate(form.parts) if not isinstance(found, Literal)])
    before = rng.choice(texts_up_to(LETTERS, LONGEST))
    ends = _open_split(form, part, before)
    if ends is None:
        return False
    cut = Tracker(form.parts).begin().after(before.encode()).skip_to(part + 1)
    head = captures_of(form, before, (*ends, len(before)))
    rest = form.parts[part + 1 :]
    for after in texts_up_to(LETTERS, 4):
        end = cut.after(after.encode())
        tail = captures(rest, after)
        if end.captures((before + after).encode()) != (None if tail is None else head + tail):
            return True
    return cut.ends[: part + 1] != in_bytes(before, (*ends, len(before)))


def _open_split(form: RandomForm, part: int, text: str) -> tuple[int, ...] | None:
    """The first split of a text that is in the middle of a part: where the parts before it end."""
    if DEAD in CharDfa(*map(language, form.parts)).starts:
        return None
    dfa = CharDfa(language(form.parts[part]))
    splits = (
        ends
        for end in range(len(text) + 1)
        for ends in _splits_before(form, part, text[:end])
        if (rest := dfa.run(text[end:])) != DEAD and any(dfa.row(rest))
    )
    return min(splits, default=None)


def _splits_before(form: RandomForm, part: int, text: str) -> Iterator[tuple[int, ...]]:
    before = RandomForm(form.parts[:part], form.patterns[:part], form.is_isolated)
    yield from splits_of(before, text) if part else [()] if not text else []


def checked(seeds: range) -> list[tuple[str, ...]]:
    """The forms of some seeds whose runs or cuts are wrong."""
    wrong = []
    for seed in seeds:
        rng = random.Random(seed)
        form = random_form(rng, LETTERS)
        has_gen = any(not isinstance(part, Literal) for part in form.parts)
        if has_wrong_run(form, rng) or (has_gen and any(wrong_cut(form, rng) for _ in range(2))):
            wrong.append(form.patterns)
    return wrong


@pytest.mark.slow
def test_random_runs_say_nothing_wrong() -> None:
    """At every piece; and the captures at the end, and after cuts."""
    assert checked(range(500)) == []


@pytest.mark.slow
def test_ten_thousand_forms_say_nothing_wrong() -> None:
    """For the record."""
    assert checked(range(30_000, 40_000)) == []


def test_parts_are_exactly_those_of_some_text() -> None:
    """In forms without ambiguity, each part named is the next character's in some text that begins so."""
    for seed in range(60):
        form = random_form(random.Random(seed), "ab", most=2)
        needed = sum(len(part.text) for part in form.parts if isinstance(part, Literal))
        if needed > 4 or ambiguity(form.parts) is not None:
            continue
        tracker = Tracker(form.parts)
        runs = [(text, ends) for text in texts_up_to("ab", 9) for ends in splits_of(form, text)]
        for begin in texts_up_to("ab", 2):
            going_on = [ends for text, ends in runs if text.startswith(begin) and len(text) > len(begin)]
            expected = {next(part for part, end in enumerate(ends) if end > len(begin)) for ends in going_on}
            assert set(tracker.begin().after(begin.encode()).parts) == expected, (form.patterns, begin)


def test_the_fused_automaton_goes_on_where_the_parts_do() -> None:
    """Live states of one are live states of the other, complete ones too."""
    for seed in range(150):
        form = random_form(random.Random(seed))
        tracker, dfa = Tracker(form.parts), CharDfa(fused_tree(form.parts))
        for text in texts_up_to("ab", 4):
            at, state = tracker.begin().after(text.encode()), dfa.run(text)
            assert (at.is_live, at.is_complete) == (state != DEAD, dfa.is_accepting(state)), (form.patterns, text)
