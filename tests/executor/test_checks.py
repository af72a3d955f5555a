"""Schemas that ask for different items: a text that repeats one is an error of its call, and of nothing else."""

from __future__ import annotations

import json

import pytest

import lmc
from lmc.backend.base import Filled, Gen, SegmentEnd
from lmc.backend.default_model import FOLDER
from lmc.backend.local import CpuBackend
from lmc.codes import BROKEN
from lmc.executor.checks import broken
from lmc.ir.constraint import Blank, Fused
from lmc.ir.sampling import Sampling
from lmc.parser.schema.parse import parse_schema

DIFFERENT = {"type": "array", "items": {"type": "string", "pattern": "^x*$"}, "uniqueItems": True, "minItems": 2}
SCHEMA = parse_schema({**DIFFERENT, "maxItems": 2})
SCHEMA_TEXT = SCHEMA.text


@pytest.fixture(scope="module")
def engine():
    backend = CpuBackend(FOLDER, dtype="fp32")
    yield backend
    backend.close()


def test_a_text_that_repeats_an_item_fails_its_item_alone(engine):
    """Of many samples some do; each other one has different items."""

    @lmc.function
    def letters(s):
        s += lmc.user("Write some letters.")
        s += lmc.assistant(lmc.gen("letters", json_schema=SCHEMA_TEXT, max_tokens=40, temperature=1.0))
        return s["letters"]

    results = letters.run_batch([{}] * 40, backend=engine, seed=1)
    failed = [result for result in results if result.error is not None]
    whole = [json.loads(r.ret_value) for r in results if r.error is None and r.ret_value.endswith("]")]

    assert failed and whole
    assert all(len(set(items)) == len(items) for items in whole)
    assert {result.error.code for result in failed} == {BROKEN}
    assert "`uniqueItems` at `#`" in str(failed[0].error) and "test_checks.py" in str(failed[0].error)


def end(text: str, reason: str = "constraint", filled: tuple[Filled, ...] = ()) -> SegmentEnd:
    return SegmentEnd(0, 0, 0, text, (), reason, filled=filled)  # type: ignore[arg-type]


def test_a_text_that_was_cut_is_not_looked_at():
    """It is no JSON."""
    gen = Gen(None, Sampling(), SCHEMA)

    assert broken([(gen, end('["x","x"]'))]) is not None
    assert broken([(gen, end('["x","x"', "length"))]) is None
    assert broken([(gen, end('["x",""]'))]) is None


def test_each_generation_of_a_form_is_looked_at():
    """By its own schema."""
    form = Gen(None, Sampling(), Fused((Blank(None, ";"), "; ", Blank(SCHEMA))))
    said = (Filled('["x","x"]', "stop"), Filled('["x","x"]', "constraint"))

    assert broken([(form, end("", filled=said))]) is not None
    assert broken([(form, end("", filled=(said[0], Filled('["","x"]', "constraint"))))]) is None
