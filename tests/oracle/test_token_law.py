"""What the engine is given as a prompt's ids is what the tokenizer makes of the whole prompt, and what was foretold."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import pytest

import lmc
from lmc.backend.local import CpuBackend
from lmc.compiler import inputs_of
from lmc.ir.prompt import GENERATED, Control, Ids, Text
from lmc.passes.hoist_prefix import prompts_of
from tests.support import token_kinds
from tests.support.end_to_end import Recording, _home, alarm, distinct_tokens, one_thread  # noqa: F401
from tests.tokenizer.test_token_law import TEXTS

KINDS = ("byte-level", "split, stripping", "bpe, normalizer", "bpe, first", "unigram, always")
ENDS = (" one:", "\n\ntwo:")
SHAPES = ("chatml", "inst", "newline", "words")


@lru_cache(maxsize=64)
def backend(kind: str, shape: str) -> CpuBackend:
    """A tiny model with random weights behind a tokenizer."""
    from scripts.support.checkpoint import tiny_checkpoint

    folder = _home() / f"{kind}-{shape}"
    folder.mkdir()
    tiny_checkpoint(folder, tokenizer=False, vocab_size=token_kinds.raw(kind).get_vocab_size() + 8)
    return CpuBackend(token_kinds.save(folder, kind, shape), dtype="fp32", num_slots=8192)


@lmc.function
def forked(s, text: str):
    """Two runs that are still open where they part."""
    s += text
    forks = s.fork(2)
    for f, end in zip(forks, ENDS):
        f += end
        f += lmc.gen("a", max_tokens=2)
    forks.join()


@lmc.function
def talk(s, text: str):
    """Two turns of a conversation, the first of which is forked within its text."""
    s += lmc.system("hello " + text)
    s += lmc.user(text)
    s += lmc.assistant(lmc.gen("a", max_tokens=2, ignore_eos=True))
    s += lmc.user(text)
    s += lmc.assistant(lmc.gen("b", max_tokens=2))


def run(program: Any, place: Recording) -> list[Any]:
    results = program.run_batch([{"text": text} for text in TEXTS], backend=place, temperature=0)
    assert [result.error for result in results] == [None] * len(TEXTS)
    return results


@pytest.mark.parametrize("kind", KINDS)
def test_forks_of_an_open_run_are_encoded_as_written_out(kind: str) -> None:
    """The prompt of each branch is the library's encoding of its whole text, and its tokens were foretold."""
    place = Recording(backend(kind, "chatml"))
    results = run(forked, place)

    begin = place.tokenizer.begin_ids
    whole = [text + end for text in TEXTS for end in ENDS]
    right = sorted((*begin, *token_kinds.expected(kind, [Text(text)])) for text in whole)
    assert sorted(request.prompt.ids for request in place.requests) == right
    assert foretold(forked, place) == right
    predicted = results[0].report.predicted
    assert predicted.is_exact and predicted.prompt_tokens == results[0].report.prompt_tokens
    assert predicted.computed_tokens == distinct_tokens(right)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_conversation_is_encoded_as_written_out(kind: str, shape: str) -> None:
    """Its first prompt is the library's encoding of the whole; the second one goes on behind what was generated."""
    place = Recording(backend(kind, shape))
    run(talk, place)
    first, second = place.requests[: len(TEXTS)], place.requests[len(TEXTS) :]

    right = {text: token_kinds.expected(kind, _pieces(place, text)) for text in TEXTS}
    assert sorted(list(request.prompt.ids) for request in first) == sorted(right.values())
    assert set(foretold(talk, place)) >= {tuple(ids) for ids in right.values()}
    for request in second:
        at = next(i for i, piece in enumerate(request.prompt.pieces) if isinstance(piece, Ids))
        before, said, behind = request.prompt.pieces[:at], request.prompt.pieces[at], request.prompt.pieces[at + 1 :]
        assert isinstance(said, Ids)
        end = place.tokenizer.encode_pieces(behind, after=GENERATED)
        assert list(request.prompt.ids) == [*token_kinds.expected(kind, before), *said.ids, *end]


def _pieces(place: Recording, text: str) -> Any:
    return place.tokenizer.render([("system", "hello " + text), ("user", text)], open_role="assistant")


def foretold(program: Any, place: Recording) -> list[tuple[int, ...]]:
    """The prompts as the compiler has them, sorted."""
    inputs = inputs_of(place.tokenizer, [{("text",): text} for text in TEXTS])
    plan = program.compile(tokenizer=place.tokenizer).plan
    return sorted(prompt.ids for prompt in prompts_of(plan, inputs)[1])


def test_a_literal_says_whose_turn_it_opens_and_closes() -> None:
    """The pieces of a request tell the messages."""
    place = Recording(backend("byte-level", "chatml"))
    talk.run("hi", backend=place)

    for request in place.requests:
        controls = [piece for piece in request.prompt.pieces if isinstance(piece, Control)]
        roles = ["system", "user", "assistant", "user", "assistant"][: 3 if request is place.requests[0] else 5]
        assert [piece.role for piece in controls if piece.opens] == roles
        assert [piece.role for piece in controls if not piece.opens] == roles[:-1]
