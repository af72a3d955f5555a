"""Numbers of GGUF's formats are those that the `gguf` package's own reader gives, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lmc.backend.models.blocks import FORMATS, OTHERS

gguf = pytest.importorskip("gguf", reason="the gguf package, whose numbers are the reference, is not installed")

# where a format's half-precision numbers lie: random bits there may be no number
HALVES = {
    "F16": (0,), "Q4_0": (0,), "Q4_1": (0, 2), "Q5_0": (0,), "Q5_1": (0, 2), "Q8_0": (0,), "Q2_K": (80, 82),
    "Q3_K": (108,), "Q4_K": (0, 2), "Q5_K": (0, 2), "Q6_K": (208,),
}  # fmt: skip


def blocks(name: str, num: int = 300) -> np.ndarray:
    """Random blocks of a format: all that a quantiser could write, and more."""
    kind = gguf.GGMLQuantizationType[name]
    rng = np.random.default_rng(kind.value)
    if name in ("F32", "BF16"):
        return gguf.quants.quantize(rng.normal(size=(num, 1)).astype(np.float32), kind).view(np.uint8).reshape(num, -1)
    found = rng.integers(0, 256, (num, gguf.GGML_QUANT_SIZES[kind][1]), dtype=np.uint8)
    for at in HALVES[name]:
        found[:, at : at + 2] = rng.normal(0, 0.1, (num, 1)).astype(np.float16).view(np.uint8)
    return found


@pytest.mark.parametrize("number", FORMATS, ids=[known.name for known in FORMATS.values()])
def test_numbers_are_those_of_the_reference(number: int) -> None:
    """Of random blocks."""
    known = FORMATS[number]
    found = known.numbers(torch.from_numpy(blocks(known.name)))

    expected = gguf.quants.dequantize(blocks(known.name), gguf.GGMLQuantizationType(number))
    assert np.isfinite(expected).all() and expected.std() > 0
    assert np.array_equal(found.numpy(), expected.reshape(found.shape))


def test_the_table_of_formats_is_that_of_the_package() -> None:
    """Numbers, names and sizes, and the names of those that are not read."""
    named = {kind.value: kind.name for kind in gguf.GGMLQuantizationType}

    assert {n: known.name for n, known in FORMATS.items()}.items() <= named.items()
    assert OTHERS.items() <= named.items()
    sizes = {n: gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType(n)] for n in FORMATS}
    assert {n: (known.length, known.num_bytes) for n, known in FORMATS.items()} == sizes
