"""Seeded noise for sampling: a number for each (seed, position, token), the same in every batch and on every device.

The Gumbel-max trick: the token with the largest  z - ln(E),  E ~ Exp(1), is a draw from softmax(z). Leaving tokens out
leaves the others' noise as it is, so the winner among all is the winner of every set that contains it.

The bits are a hash of the token under 64 bits of key, each half a hash of seed and position. A uniform number v near 0
is exact to 2^-33, and E = -ln(1 - v) is computed from v there, so noise has a tail of 22.9 and no repeated top value.

Gumbel, "Statistical Theory of Extreme Values", 1954; the mixer is C. Wellons' lowbias32.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

WORD = 0xFFFFFFFF


@triton.jit
def mixed(x):
    """32 bits mixed well (lowbias32)."""
    x ^= x >> 16
    x *= 0x7FEB352D
    x ^= x >> 15
    x *= 0x846CA68B
    x ^= x >> 16
    return x


@triton.jit
def noise_key(seed, position):
    """Two 32-bit keys of a row from its 64-bit seed and position."""
    s0, s1 = seed.to(tl.uint32), (seed >> 32).to(tl.uint32)
    p0, p1 = position.to(tl.uint32), (position >> 32).to(tl.uint32)
    a = mixed(mixed(mixed(mixed(s0 + 0x9E3779B9) ^ s1) + p0) ^ p1)
    b = mixed(mixed(mixed(mixed(s1 + 0x85EBCA6B) ^ s0) + p1) ^ p0)
    return a, b


@triton.jit
def log_exponential(tokens, key_a, key_b):
    """ln(E) for each token; fp32."""
    bits = mixed(mixed(tokens.to(tl.uint32) + key_a) ^ key_b)
    v = tl.minimum(bits.to(tl.float32) * 2.3283064365386963e-10 + 1.1641532182693481e-10, 0.99999994)
    small = v * (1.0 + v * (0.5 + v * 0.33333334))
    return tl.log(tl.where(v < 0.001, small, -tl.log(1.0 - v)))


def mixed_reference(x: Tensor) -> Tensor:
    """What `mixed` gives, on int64 tensors that hold 32 bits."""
    x = x ^ (x >> 16)
    x = (x * 0x7FEB352D) & WORD
    x = x ^ (x >> 15)
    x = (x * 0x846CA68B) & WORD
    return x ^ (x >> 16)


def log_exponential_reference(tokens: Tensor, seed: int, position: int) -> Tensor:
    """What `log_exponential` gives, in torch: ln(E) of tokens [N] in a row with this seed and position, fp32."""
    s0, s1, p0, p1 = (torch.tensor(x & WORD) for x in (seed, seed >> 32, position, position >> 32))
    mix = mixed_reference
    a = mix((mix(mix(mix((s0 + 0x9E3779B9) & WORD) ^ s1) + p0 & WORD)) ^ p1).to(tokens.device)
    b = mix((mix(mix(mix((s1 + 0x85EBCA6B) & WORD) ^ s0) + p1 & WORD)) ^ p0).to(tokens.device)
    bits = mix(mix((tokens.long() + a) & WORD) ^ b)
    v = (bits.float() * 2.0**-32 + 2.0**-33).clamp(max=0.99999994)
    small = v * (1.0 + v * (0.5 + v / 3))
    return torch.log(torch.where(v < 0.001, small, -torch.log(1.0 - v)))
