"""Jump-forward with real tokenizers: what is forced is what the tokenizer writes, and nothing else is forced."""

from __future__ import annotations

import random
import re

import pytest
from tokenizers import normalizers

from lmc.backend.masks.factory import ConstraintMasks
from lmc.backend.masks.rehearse import Rehearsal, rehearse
from lmc.ir.constraint import Choices, Regex
from lmc.parser.regex.parse import parse_regex
from scripts.support.vocabularies import MAKES, corpus, trained


@pytest.fixture(scope="module", params=MAKES)
def tokenizer(request, tmp_path_factory):
    """A tokenizer of each make."""
    return trained(request.param, tmp_path_factory.mktemp("tokenizer"))


@pytest.fixture(scope="module")
def exact(tokenizer):
    """The masks that the engine uses."""
    return ConstraintMasks(tokenizer, tokenizer.vocab_size)


def regex(pattern: str) -> Regex:
    return parse_regex(pattern)


def rehearsed(masks: ConstraintMasks, constraint: Regex, text: str) -> Rehearsal:
    return rehearse(masks.make(constraint), masks.encoder, masks.spellings, text)


def spelt(masks: ConstraintMasks, ids) -> str:
    return b"".join(masks.spellings[id] for id in ids).decode()


def records(rng: random.Random, count: int) -> list[tuple[str, str]]:
    """Patterns of records whose keys and fixed values come from text, with a text that matches."""
    words = sorted(set(re.findall(r"[A-Za-z_]{2,14}|[.,:(){}\"']{1,3}", corpus()[0])) | {"naïve", "日本語", "Été à"})
    cases = []
    for _ in range(count):
        comma, colon = rng.choice([(",", ":"), (", ", ": ")])
        pattern, text = r"\{", "{"
        for number in range(rng.randint(1, 4)):
            key, kind = "".join(rng.choices(words, k=rng.randint(1, 3))), rng.randrange(4)
            value, shape = [
                (str(rng.randint(0, 9999)), "[0-9]{1,4}"),
                (f'"{rng.choice(words)}"', None),
                (f'"{"".join(rng.choices("abcdehilnorst ", k=6))}"', '"[a-z ]{1,12}"'),
                (rng.choice(["true", "false"]), "(true|false)"),
            ][kind]
            if shape is None:
                others = [f'"{rng.choice(words)}{end}"' for end in rng.choices(["", "s", "Styles", "Scripts"], k=3)]
                shape = "(" + "|".join(re.escape(other) for other in dict.fromkeys([value, *others])) + ")"
            lead = comma if number else ""
            pattern += re.escape(f'{lead}"{key}"{colon}') + shape
            text += f'{lead}"{key}"{colon}{value}'
        cases.append((pattern + r"\}", text + "}"))
    return cases


def test_forced_runs_are_what_the_tokenizer_writes(exact) -> None:
    """T1, T2, T10, T15: behind canonical tokens the forced ones are canonical in the whole text."""
    forced = total = 0
    for pattern, text in records(random.Random(5), 60):
        found = rehearsed(exact, regex(pattern), text)
        assert not found.num_strange, (pattern, text)
        assert list(found.ids) == exact.encoder.encode(text)
        forced, total = forced + found.num_forced, total + len(found.ids)
    assert forced > total / 10


def test_naive_jumps_are_not(tokenizer) -> None:
    """The same check finds what goes wrong where all that is forced is jumped over."""
    naive = ConstraintMasks(tokenizer, tokenizer.vocab_size, "naive")
    found = [rehearsed(naive, regex(pattern), text) for pattern, text in records(random.Random(5), 60)]
    assert sum(each.num_strange for each in found) > 20


def test_off_forces_nothing(tokenizer) -> None:
    """One pass a token."""
    off = ConstraintMasks(tokenizer, tokenizer.vocab_size, "off")
    found = rehearsed(off, regex('\\{"name": "[a-z]{1,9}"\\}'), '{"name": "abc"}')
    assert found.num_asked == len(found.ids) and not found.runs


def test_forced_text_of_many_bytes_a_character(exact) -> None:
    """T4: characters are forced whole, whatever tokens spell them."""
    for text in ("日本語の文章", "façade naïve", "🙂🙂🙂 ok", "Zürich"):
        matcher = exact.make(regex(re.escape(text) + "!?"))
        ids: list[int] = []
        while run := matcher.forced(ids):
            assert all(matcher.accept(id) for id in run)
            ids += run
            assert text.startswith(spelt(exact, ids))
        assert rehearsed(exact, regex(re.escape(text) + "!?"), text).num_strange == 0


def test_control_tokens_are_never_forced(exact) -> None:
    """T6: their text is spelt with ordinary tokens."""
    control = {i for i, spelling in enumerate(exact.spellings) if not spelling}
    matcher = exact.make(regex(r"<\|im_start\|>assistant<\|end\|>[ab]"))
    run = matcher.forced([])
    assert run and not control & set(run)
    assert "<|im_start|>assistant".startswith(spelt(exact, run)[:10])


def test_nothing_is_forced_where_the_text_may_end(exact) -> None:
    """T7: an end token competes."""
    matcher = exact.make(regex("[ab](cdef)?"))
    assert not matcher.forced([]) and matcher.accept(exact.encoder.encode("a")[-1])
    assert not matcher.forced(exact.encoder.encode("a"))


def test_a_longer_token_behind_the_forced_text_is_waited_for(exact) -> None:
    """T10: `argument` and `arguments` are tokens of their own, so that neither is forced letter by letter."""
    matcher = exact.make(Choices(("the argument", "the arguments")))
    run = matcher.forced([])
    for text in ("the argument", "the arguments"):
        assert exact.encoder.encode(text)[: len(run)] == list(run)


def test_tokens_that_are_not_canonical_are_never_revised(exact) -> None:
    """T2: sampled letter by letter, what follows is still the pattern's text."""
    pattern = regex('"(parser|argument)": "(yes|no)"')
    matcher, ids = exact.make(pattern), []
    text = '"parser": "no"'
    letters = {spelling: id for id, spelling in enumerate(exact.spellings) if len(spelling) == 1}
    while not matcher.is_done():
        run = matcher.forced(ids)
        before = spelt(exact, ids)
        chosen = run or (letters[text[len(before)].encode()],)
        for id in chosen:
            assert matcher.accept(id)
            ids.append(id)
    assert spelt(exact, ids) == text


def test_a_tokenizer_that_changes_text_forces_nothing_false(tmp_path) -> None:
    """T5: one that lowers letters cannot write a forced capital, so it is left to the masks."""
    tokenizer = trained(MAKES[0], tmp_path)
    tokenizer._middle.normalizer = normalizers.Lowercase()  # as a normalizing checkpoint has it
    masks = ConstraintMasks(tokenizer, tokenizer.vocab_size)
    run = masks.make(regex("Parser ARGUMENT [ab]")).forced([])
    assert "Parser ARGUMENT ".startswith(spelt(masks, run))


def test_whitespace_freedom_forces_little(exact) -> None:
    """T9: what may stand between two marks must be asked for at each of them."""
    compact = rehearsed(exact, regex(r'\{"name":"[a-z]+","kind":"[a-z]+"\}'), '{"name":"abc","kind":"cat"}')
    free = rehearsed(exact, regex(r'\{\s*"name"\s*:\s*"[a-z]+"\s*,\s*"kind"\s*:\s*"[a-z]+"\s*\}'),
                    '{"name":"abc","kind":"cat"}')  # fmt: skip
    assert free.num_forced < compact.num_forced
    assert free.num_asked > compact.num_asked
