"""The number formats of GGUF files: how many bytes a block has, and what numbers they stand for.

A quantised tensor is a row of blocks, each with one or two half-precision scales and a few bits a number; in the
`_K` formats a block of 256 numbers also has small scales for each 16 or 32 of them. Numbers are made in fp32, in one
order of operations: bit for bit those of the format's reference.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Numbers = Callable[[Tensor], Tensor]  # bytes of blocks [B, num_bytes] uint8 -> [B, len] fp32


@dataclass(frozen=True, slots=True)
class BlockFormat:
    """A format: a block of `length` numbers takes `num_bytes`."""

    name: str
    length: int
    num_bytes: int
    numbers: Numbers


def planes(packed: Tensor, width: int, bits: int) -> Tensor:
    """[B, N] bytes -> [B, N * 8 / bits] small numbers, uint8.

    Of each `width` bytes the lowest `bits` bits come first, byte by byte, then the next higher ones.
    """
    shifts = torch.arange(0, 8, bits, dtype=torch.uint8).view(1, 1, -1, 1)
    return ((packed.reshape(len(packed), -1, 1, width) >> shifts) & ((1 << bits) - 1)).flatten(1)


def half(two: Tensor) -> Tensor:
    """[B, 2] bytes -> [B, 1] fp32."""
    return two.contiguous().view(torch.float16).float()


def times(scales: Tensor, numbers: Tensor) -> Tensor:
    """Scales [B, S] times numbers [B, N], each scale for N / S of them that stand together: [B, S, N / S]."""
    return scales.unsqueeze(-1) * numbers.view(len(scales), scales.shape[1], -1)


# --- blocks of 32 ----------------------------------------------------------------------------------------


def q4_0(b: Tensor) -> Tensor:
    """d (q - 8)"""
    return half(b[:, :2]) * (planes(b[:, 2:], 16, 4).float() - 8)


def q4_1(b: Tensor) -> Tensor:
    """d q + m"""
    return half(b[:, :2]) * planes(b[:, 4:], 16, 4).float() + half(b[:, 2:4])


def five_bits(high: Tensor, low: Tensor) -> Tensor:
    """The fifth bits lie together, one after the other, before the four others."""
    return (planes(low, 16, 4) | planes(high, 1, 1) << 4).float()


def q5_0(b: Tensor) -> Tensor:
    """d (q - 16)"""
    return half(b[:, :2]) * (five_bits(b[:, 2:6], b[:, 6:]) - 16)


def q5_1(b: Tensor) -> Tensor:
    """d q + m"""
    return half(b[:, :2]) * five_bits(b[:, 4:8], b[:, 8:]) + half(b[:, 2:4])


def q8_0(b: Tensor) -> Tensor:
    """d q"""
    return half(b[:, :2]) * b[:, 2:].view(torch.int8).float()


# --- blocks of 256, with scales for each 16 or 32 ----------------------------------------------------------


def q2_k(b: Tensor) -> Tensor:
    """d s q - dmin m, for each 16"""
    scales, d, dmin = b[:, :16], half(b[:, 80:82]), half(b[:, 82:84])
    q = planes(b[:, 16:80], 32, 2).float()
    return (times(d * (scales & 15).float(), q) - (dmin * (scales >> 4).float()).unsqueeze(-1)).flatten(1)


def q3_k(b: Tensor) -> Tensor:
    """d (s - 32) (q - 4), for each 16; the third bit of q lies apart"""
    high, low, packed, d = b[:, :32], b[:, 32:96], b[:, 96:108], half(b[:, 108:110])
    scales = planes(packed[:, :8], 8, 4) | planes(packed[:, 8:], 4, 2) << 4
    q = (planes(low, 32, 2) | planes(high, 32, 1) << 2).float() - 4
    return times(d * (scales.float() - 32), q).flatten(1)


def scales_and_mins(packed: Tensor) -> tuple[Tensor, Tensor]:
    """12 bytes -> eight scales and eight minima of six bits, [B, 8] fp32.

    The first four of each are the low bits of bytes 0-3 and 4-7; the others have their low four bits in bytes 8-11,
    and their high two where those have two left.
    """
    first, second, third = packed.view(-1, 3, 4).unbind(1)
    scales = torch.cat((first & 63, third & 15 | first >> 6 << 4), 1)
    mins = torch.cat((second & 63, third >> 4 | second >> 6 << 4), 1)
    return scales.float(), mins.float()


def with_minimum(b: Tensor, q: Tensor) -> Tensor:
    """d s q - dmin m, for each 32"""
    scales, mins = scales_and_mins(b[:, 4:16].contiguous())
    return (times(half(b[:, :2]) * scales, q) - (half(b[:, 2:4]) * mins).unsqueeze(-1)).flatten(1)


def q4_k(b: Tensor) -> Tensor:
    """d s q - dmin m, for each 32"""
    return with_minimum(b, planes(b[:, 16:], 32, 4).float())


def q5_k(b: Tensor) -> Tensor:
    """The same with five bits, the fifth apart"""
    return with_minimum(b, (planes(b[:, 48:], 32, 4) | planes(b[:, 16:48], 32, 1) << 4).float())


def q6_k(b: Tensor) -> Tensor:
    """d s (q - 32), for each 16; the upper two bits of q lie apart"""
    low, high, scales, d = b[:, :128], b[:, 128:192], b[:, 192:208].contiguous().view(torch.int8), half(b[:, 208:])
    q = (planes(low, 64, 4) | planes(high, 32, 2) << 4).float() - 32
    return times(d * scales.float(), q).flatten(1)


def stored(dtype: torch.dtype) -> Numbers:
    """Numbers that are stored as they are."""
    return lambda b: b.contiguous().view(dtype).float()


# a file names its formats by these numbers
FORMATS: dict[int, BlockFormat] = {
    0: BlockFormat("F32", 1, 4, stored(torch.float32)),
    1: BlockFormat("F16", 1, 2, stored(torch.float16)),
    2: BlockFormat("Q4_0", 32, 18, q4_0),
    3: BlockFormat("Q4_1", 32, 20, q4_1),
    6: BlockFormat("Q5_0", 32, 22, q5_0),
    7: BlockFormat("Q5_1", 32, 24, q5_1),
    8: BlockFormat("Q8_0", 32, 34, q8_0),
    10: BlockFormat("Q2_K", 256, 84, q2_k),
    11: BlockFormat("Q3_K", 256, 110, q3_k),
    12: BlockFormat("Q4_K", 256, 144, q4_k),
    13: BlockFormat("Q5_K", 256, 176, q5_k),
    14: BlockFormat("Q6_K", 256, 210, q6_k),
    30: BlockFormat("BF16", 1, 2, stored(torch.bfloat16)),
}
# formats that there are, for messages: what a file's tensors are in is the first thing that people know of it
OTHERS = {
    9: "Q8_1", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S", 20: "IQ4_NL", 21: "IQ3_S",
    22: "IQ2_S", 23: "IQ4_XS", 24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64", 29: "IQ1_M", 34: "TQ1_0",
    35: "TQ2_0", 39: "MXFP4", 40: "NVFP4",
}  # fmt: skip
