"""So many masks are made for the first time in a step: the other rows wait for theirs, and all say what they must."""

from __future__ import annotations

import pytest

from lmc.backend.base import Delta, Event, Finished
from lmc.backend.engine.first_masks import MOST
from lmc.backend.masks.factory import ConstraintMasks
from lmc.backend.masks.token_masks import TokenMasks
from lmc.errors import ConstraintError
from lmc.ir.automaton.dfa import DEAD
from lmc.ir.constraint import Choices
from tests.support.fake_engine import Bench, ask, failed, gen, said
from tests.support.fake_model import VOCAB, FakeTokenizer

ASKED = [ask(n, "Q: ", gen(30, constraint=Choices((f"{n:02}abc", f"{n:02}xyz", f"{n:02}x")))) for n in range(3 * MOST)]
PLAIN = ask(1000, "Q: ", gen(12, ignore_eos=True))


class Spelling(FakeTokenizer):
    """The fake tokenizer, which says what its tokens are spelt like."""

    def vocab_bytes(self) -> list[bytes]:
        return self.bytes_of


def bench_of_real_masks() -> Bench:
    return Bench(masks=ConstraintMasks(Spelling(), VOCAB, "off"))


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The states whose masks were made."""
    found: list[int] = []
    real = TokenMasks._made

    def make(masks: TokenMasks, state: int) -> object:
        found.append(state)
        return real(masks, state)

    monkeypatch.setattr(TokenMasks, "_made", make)
    return found


@pytest.mark.depth1
def test_a_step_makes_few_and_the_others_go_on(made: list[int]) -> None:
    """Where masks are made beside a pass that runs on, they are not counted."""
    bench = bench_of_real_masks()
    bench.session.submit([PLAIN, *ASKED])
    events: list[Event] = []
    steps_of_plain = 0
    while bench.engine.has_work:
        steps_of_plain += not said(events, PLAIN.rid)
        before = len(made)
        new = bench.step()
        # where a text may end, whether more may come is asked at once
        may_end = sum(isinstance(event, Delta) and event.text.endswith(("c", "x", "z")) for event in new)
        assert len(made) - before <= MOST + may_end
        events += new
    assert steps_of_plain <= 12 + 3
    for request in ASKED:
        assert said(events, request.rid) == said(bench_of_real_masks().run([request]), request.rid)


def test_a_mask_that_cannot_be_made_ends_its_own_row(monkeypatch: pytest.MonkeyPatch) -> None:
    broken, real = ASKED[5], TokenMasks.mask

    def fails(masks: TokenMasks, state: int) -> object:
        if state != masks.start and masks.dfa.run(b"05", masks.start) != DEAD:
            raise ConstraintError("no such mask")
        return real(masks, state)

    monkeypatch.setattr(TokenMasks, "mask", fails)
    events = bench_of_real_masks().run([PLAIN, *ASKED])
    assert failed(events, broken.rid).message == "no such mask"
    assert sum(isinstance(event, Finished) for event in events) == len(ASKED)
