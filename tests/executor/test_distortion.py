"""on_distortion: what a constraint leaves of the distribution is measured, and the program's wish is followed."""

from __future__ import annotations

import logging
import math

import numpy as np
import pytest
import torch

import lmc
from lmc.backend.echo import EchoBackend
from lmc.backend.local import CpuBackend
from lmc.backend.runner.batch import TokenDraws
from lmc.backend.runner.cpu.hidden import HiddenRows
from lmc.backend.runner.cpu.sampler import left_by, sample
from lmc.codes import DISTORTED
from lmc.errors import ArgumentError
from lmc.executor import distortion
from lmc.ir.sampling import Sampling

NOTE = "Lena Sato is a 34-year-old pilot. She lives in Oslo."


@lmc.function
def age(s, regex: str, policy: str, n: int = 1):
    s += lmc.user(f"{NOTE}\nHow old is she? Give the number only.")
    s += lmc.assistant(lmc.gen("age", regex=regex, on_distortion=policy, n=n, temperature=0, max_tokens=8))


@pytest.fixture(scope="module")
def engine():
    """The embedded default in fp32."""
    backend = CpuBackend("lmc-tiny", dtype="fp32")
    yield backend
    backend.close()


# --- what is measured ----------------------------------------------------------------------------------------


def test_what_a_mask_leaves_is_its_share_of_the_softmax() -> None:
    """To 1e-6, for masks of any size; 0 in logarithm without one."""
    rng = np.random.default_rng(0)
    logits = torch.from_numpy(rng.normal(size=(6, 70)).astype(np.float32) * 3)
    for row, num in zip(logits, (1, 2, 10, 35, 69, 70)):
        bits = np.zeros(96, np.uint8)
        bits[rng.choice(70, num, replace=False)] = 1
        mask = np.packbits(bits, bitorder="little").view(np.int32)
        draws = TokenDraws()
        draws.add(Sampling(on_distortion="warn", temperature=0.0), 0, 0, mask=mask)
        expected = math.log(float(row.softmax(-1)[bits[:70].astype(bool)].sum()))
        assert left_by(row, mask, HiddenRows()) == pytest.approx(expected, abs=1e-5)
        _, records = sample(row[None], draws, HiddenRows())
        chosen = records[0]
        assert chosen.mass == pytest.approx(expected, abs=1e-5) and bits[chosen.id]
    assert left_by(logits[0], None, HiddenRows()) == 0.0


def test_the_tax_of_a_form_that_the_model_writes_anyway_is_small(engine, caplog) -> None:
    """And nothing is said about it."""
    meta = age.run("[0-9]{1,3}", "warn", backend=engine).get_meta_info("age")
    assert 0 <= meta["constraint_tax"] < distortion.HIGH and meta["decided"] == "constrained"
    assert not [record for record in caplog.records if DISTORTED in record.message]


def test_the_tax_of_a_form_against_the_model_is_high_and_said_once(engine, caplog) -> None:
    """With the place, and what to do."""
    with caplog.at_level(logging.WARNING, "lmc"):
        results = age.run_batch([{"regex": "[XYZ]{4}", "policy": "warn"}] * 2, backend=engine)
    meta = results[0].get_meta_info("age")
    assert meta["constraint_tax"] > distortion.HIGH
    assert meta["constraint_tax"] == pytest.approx(-sum(map(math.log, meta["allowed_mass"])))
    (said,) = [record.message for record in caplog.records if DISTORTED in record.message]
    assert "test_distortion.py" in said and "select" in said


def test_nobody_looks_unless_asked(engine) -> None:
    """No cost, no entries."""
    assert "constraint_tax" not in age.run("[XYZ]{4}", None, backend=engine).get_meta_info("age")


def test_forced_tokens_count_with_their_own_probability(engine) -> None:
    """A text that leaves no choice costs what the model thinks of it."""
    result = age.run("Zebra crossing", "warn", backend=engine)
    meta = result.get_meta_info("age")
    assert result["age"] == "Zebra crossing"
    assert len(meta["allowed_mass"]) > 1 and meta["constraint_tax"] > distortion.HIGH


# --- what is done --------------------------------------------------------------------------------------------


def test_score_decides_among_few_texts_again(engine) -> None:
    """With the exact distribution over them; without it where the tax is low or the texts are many."""
    scored = age.run("(Paris|Lima|Rome)", "score", backend=engine)
    meta = scored.get_meta_info("age")
    assert meta["decided"] == "scored" and meta["method"] == "exact"
    assert sum(p for _, p in meta["distribution"]) == pytest.approx(1)
    assert scored["age"] == max(meta["distribution"], key=lambda each: each[1])[0]
    assert age.run("[XYZ]{4}", "score", backend=engine).get_meta_info("age")["decided"] == "constrained"
    assert age.run("[0-9]{1,2}", "score", backend=engine).get_meta_info("age")["decided"] == "constrained"


def test_a_free_answer_that_obeys_is_kept() -> None:
    """One call, without the constraint."""
    backend = EchoBackend(record=True, script=lambda prompt, gen: "34" if gen.constraint is None else "99")
    result = age.run("[0-9]{1,3}", "unconstrained-then-validate", backend=backend)
    assert result["age"] == "34" and result.get_meta_info("age")["decided"] == "unconstrained"
    assert len(backend.log) == 1


@pytest.mark.parametrize("n", [1, 3])
def test_a_free_answer_that_does_not_is_asked_for_again(n) -> None:
    """Under the constraint, with the same prompt."""
    backend = EchoBackend(record=True, script=lambda prompt, gen: "thirty" if gen.constraint is None else "34")
    result = age.run("[0-9]{1,3}", "unconstrained-then-validate", n=n, backend=backend)
    assert result["age"] == ("34" if n == 1 else ["34"] * 3)
    assert result.get_meta_info("age")["decided"] == "constrained"
    first, second = backend.log
    assert first.prompt.ids == second.prompt.ids and first.rid != second.rid
    assert result.report.requests == 2


def test_what_cannot_be_validated_is_refused() -> None:
    """Schemas are no regexes here."""

    @lmc.function
    def person(s):
        s += "Who? " + lmc.gen("p", json_schema='{"type": "object"}', on_distortion="unconstrained-then-validate")

    with pytest.raises(ArgumentError, match="regex or choices"):
        person.run(backend=EchoBackend())


def test_an_unknown_policy_is_named() -> None:
    """With the ones there are."""
    with pytest.raises(ArgumentError, match="unconstrained-then-validate"):
        age.run("[0-9]", "hope", backend=EchoBackend())
