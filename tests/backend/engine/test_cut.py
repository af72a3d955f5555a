"""What a stop string cuts off leaves nothing behind: neither keys and values nor tokens.

The fake model answers by what stands in the slots it reads, so slots of a cut token that pass for those of the text
behind it change every result from there on.
"""

from __future__ import annotations

import random

import pytest

from lmc.backend.base import Forced, Request, Score, Segment
from tests.support.fake_engine import TOKENIZER, Bench, ask, assert_as_expected, expect, gen, said

TEXTS = ("Answer: ing", "the end", "c", " yes, and no", "\n\n")
PROMPT = "Tell the story of the long red house, and the answer is: "


def forced(text: str, *, is_run: bool) -> Forced:
    """Text to put, in one run with what is left of a cut token or by itself."""
    return Forced(tuple(TOKENIZER.encode(text)), text if is_run else None)


def behind(rng: random.Random) -> tuple[Segment, ...]:
    """What comes after a cut."""
    put = [forced(rng.choice(TEXTS), is_run=rng.random() < 0.6) for _ in range(rng.randrange(3))]
    score = Score(None, (" yes", " no", "ing the"))
    return (*put, rng.choice([score, gen(4), gen(6, temperature=1.0, seed=3)]), rng.choice([score, gen(3)]))


def cut_request(rid: int, rng: random.Random) -> Request:
    """A generation that a stop string of several tokens cuts somewhere, and segments behind it."""
    prompt = TOKENIZER.encode(PROMPT + f"Q{rng.randrange(9)}")
    ((text, _, _),) = expect(ask(0, prompt, gen(30, ignore_eos=True)))
    # bytes that are no character are text only once nothing follows them
    found = [text[at : at + 2 + at % 5] for at in range(2, len(text) - 6)]
    stop = rng.choice([part for part in found if part.isascii()])
    return ask(rid, prompt, gen(30, ignore_eos=True, stop=(stop,)), *behind(rng), n=rng.choice([1, 1, 2]))


@pytest.mark.parametrize(
    "options", [{}, {"page_size": 4}, {"chunk_len": 5, "token_budget": 7}, {"cache": False}], ids=str
)
def test_text_behind_a_cut_is_read_where_the_cut_was(options: dict[str, object]) -> None:
    """Every segment behind says what the logits of its own prefix say, and the prefixes left in the tree are true."""
    rng = random.Random(5)
    bench = Bench(**options)
    for _ in range(4):
        requests = [cut_request(rid, rng) for rid in range(10)]
        assert_as_expected(bench.run(requests), requests)
        # what they left in the tree is read by those that begin alike
        left = [[*r.prompt.ids, *expect(r)[0][1]] for r in requests]
        after = [ask(rid, [*ids, *TOKENIZER.encode(TEXTS[0])], gen(3)) for rid, ids in enumerate(left)]
        assert_as_expected(bench.run(after), after)


def test_retracted_in_the_middle_a_cut_leaves_nothing_either() -> None:
    """What was computed again as a prompt stands in the tree already when the cut comes."""
    rng = random.Random(6)
    bench = Bench()
    for _ in range(6):
        requests = [cut_request(rid, rng) for rid in range(6)]
        bench.session.submit(requests)
        events = []
        for step in range(40):
            events += bench.step()
            if step % 3 == 0:
                bench.retract(rng.choice)
        events += bench.finish()
        assert_as_expected(events, requests)


def test_rest_of_a_cut_token_is_one_run_with_the_text_behind_it() -> None:
    """What is left of "abc" and the "c" that is put are that token again."""
    prompts = [TOKENIZER.encode(f"Q{n}: ") for n in range(400)]
    written = [expect(ask(0, ids, gen(30, ignore_eos=True)))[0] for ids in prompts]
    abc = TOKENIZER.encode("abc")
    prompt = next(
        ids for ids, (text, out, _) in zip(prompts, written) if abc[0] in out and text.find("c") == text.find("abc") + 2
    )
    request = ask(0, prompt, gen(30, ignore_eos=True, stop=("c",)), forced("c", is_run=True), gen(3))
    bench = Bench()
    events = bench.run([request])

    assert_as_expected(events, [request])
    assert said(events, 0)[0][0].endswith("ab")
    assert said(events, 0)[1] == ("c", tuple(abc), "forced")
