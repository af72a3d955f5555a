"""Rotary embedding of queries and keys, and the write of keys and values to their slots: one launch a layer.

    q     <- rope(norm(q))           in place
    K[s]  <- code(rope(norm(k)))     s = slots[token]; k itself stays as it is
    V[s]  <- code(v)

The norm is a head's RMSNorm with a weight (Qwen3), where there is one. The rotation is GPT-NeoX's: a head's first
R / 2 numbers turn with its next R / 2, and what lies behind R passes through. Everything is computed in fp32 and
rounded once, so a cached key is the rotated key rounded, whatever the cache's type.

A program takes one token and up to 16 heads of q, or of k and v: many small programs keep a batch of a few tokens
short, and a long one busy. Slots must differ; a slot below 0 is not written (padding of a batch with a fixed size).

Su et al., "RoFormer", 2021; Henry et al., "Query-Key Normalization for Transformers", 2020.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import triton
import triton.language as tl
from torch import Tensor

from lmc.kernels.checks import (
    FLOATS,
    INDICES,
    check_dtype,
    check_last_contiguous,
    check_same_device,
    check_shape,
    require,
)
from lmc.kernels.paged import PagedKV
from lmc.kernels.placement import runs_kernel

MAX_HEADS = 16  # of a program: 16 heads x 128 numbers are 16 a thread
CODE_MAX = {torch.int8: 127.0, torch.float8_e4m3fn: 448.0}


@dataclass(frozen=True, slots=True)
class Rope:
    """The table of angles.

    cos, sin  [P, R / 2]  fp32, fp16 or bf16, equal strides; row p is position p; R <= D is how much of a head turns
    """

    cos: Tensor
    sin: Tensor

    def __post_init__(self) -> None:
        check_shape("cos", self.cos, None, None)
        check_shape("sin", self.sin, *self.cos.shape)
        check_dtype("cos", self.cos, (*FLOATS, torch.float64))
        check_dtype("sin", self.sin, (self.cos.dtype,))
        check_last_contiguous("cos", self.cos)
        require(self.cos.stride() == self.sin.stride(), "cos and sin have different strides")
        require(self.cos.shape[1] > 0, "cos has no angles")


@dataclass(frozen=True, slots=True)
class HeadNorm:
    """RMSNorm of each head of q and of k.

    q_weight, k_weight  [D]
    """

    q_weight: Tensor
    k_weight: Tensor
    eps: float

    def __post_init__(self) -> None:
        for name, weight in (("q_weight", self.q_weight), ("k_weight", self.k_weight)):
            check_shape(name, weight, None)
            check_dtype(name, weight, (*FLOATS, torch.float64))
            check_last_contiguous(name, weight)


def rope_kv_write(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    kv: PagedKV,
    *,
    positions: Tensor,
    slots: Tensor,
    rope: Rope,
    norm: HeadNorm | None = None,
) -> None:
    """Turn q in place, and write turned k, and v, to their slots.

    q          [T, H, D]    fp32, fp16 or bf16; neighbours in D adjacent, so views of packed qkv will do
    k, v       [T, KVH, D]  type of q
    kv         the layer's cache; scales that are expanded over slots (stride 0) are read, others are written here:
               the largest number of each token and head over 127 (int8) or 448 (e4m3)
    positions  [T]          int32 or int64, each below P
    slots      [T]          int32 or int64, all different; below 0: nothing is written

    Raises KernelError where shapes, types or strides do not fit, and for e4m3 on GPUs before sm_89.
    """
    check(q, k, v, kv, positions, slots, rope, norm)
    if not runs_kernel(q):
        return rope_kv_write_reference(q, k, v, kv, positions=positions, slots=slots, rope=rope, norm=norm)
    (num_tokens, num_heads, head_dim), num_kv_heads, half = q.shape, k.shape[1], rope.cos.shape[1]
    heads_block = min(MAX_HEADS, triton.next_power_of_2(num_heads))
    kv_block = min(MAX_HEADS, triton.next_power_of_2(num_kv_heads))
    parts = triton.cdiv(num_heads, heads_block) + triton.cdiv(num_kv_heads, kv_block)
    # arguments that a configuration does not use are given as q
    q_weight, k_weight, eps = (norm.q_weight, norm.k_weight, norm.eps) if norm else (q, q, 0.0)
    k_scale = kv.k_scale if kv.k_scale is not None else q
    v_scale = kv.v_scale if kv.v_scale is not None else q
    if num_tokens:
        rope_kv_write_kernel[(num_tokens * parts,)](
            q, k, v, kv.k, kv.v, k_scale, v_scale, positions, slots, rope.cos, rope.sin, q_weight, k_weight, eps,
            q.stride(0), q.stride(1), k.stride(0), k.stride(1), v.stride(0), v.stride(1),
            kv.k.stride(0), kv.k.stride(1), k_scale.stride(0), k_scale.stride(1), rope.cos.stride(0),
            NUM_HEADS=num_heads, NUM_KV_HEADS=num_kv_heads, HEADS_BLOCK=heads_block, KV_BLOCK=kv_block,
            HALF=half, HALF_BLOCK=triton.next_power_of_2(half),
            REST=head_dim - 2 * half, REST_BLOCK=triton.next_power_of_2(max(1, head_dim - 2 * half)),
            DIM_BLOCK=triton.next_power_of_2(head_dim), HAS_NORM=norm is not None,
            SCALES=scales_of(kv), CODE_MAX=CODE_MAX.get(kv.k.dtype, 0.0),
            num_warps=4,
        )  # fmt: skip
    return None


def scales_of(kv: PagedKV) -> str:
    """What becomes of the cache's scales: "none" exist, or they are "read", or "written"."""
    if kv.k_scale is None:
        return "none"
    return "read" if kv.k_scale.stride(0) == 0 else "written"


def check(
    q: Tensor, k: Tensor, v: Tensor, kv: PagedKV, positions: Tensor, slots: Tensor, rope: Rope, norm: HeadNorm | None
) -> None:
    """Refuse what the kernel cannot do."""
    check_same_device(q=q, k=k, v=v, cache=kv.k, positions=positions, slots=slots, cos=rope.cos)
    check_shape("q", q, None, None, kv.head_dim)
    check_dtype("q", q, FLOATS)
    check_last_contiguous("q", q)
    for name, tensor in (("k", k), ("v", v)):
        check_shape(name, tensor, q.shape[0], kv.num_kv_heads, kv.head_dim)
        check_dtype(name, tensor, (q.dtype,))
        check_last_contiguous(name, tensor)
    for name, index in (("positions", positions), ("slots", slots)):
        check_shape(name, index, q.shape[0])
        check_dtype(name, index, INDICES)
        check_last_contiguous(name, index)
    turned = 2 * rope.cos.shape[1]
    require(turned <= kv.head_dim, f"the table of angles turns {turned} numbers of a head of {kv.head_dim}")
    if norm is not None:
        check_same_device(q=q, q_weight=norm.q_weight, k_weight=norm.k_weight)
        check_shape("q_weight", norm.q_weight, kv.head_dim)
        check_shape("k_weight", norm.k_weight, kv.head_dim)
    if kv.k.dtype == torch.float8_e4m3fn and q.is_cuda:
        capability = torch.cuda.get_device_capability(q.device)
        require(capability >= (8, 9), f"e4m3 needs sm_89; this GPU is sm_{capability[0]}{capability[1]}")


@triton.jit
def rope_kv_write_kernel(
    q_ptr, k_ptr, v_ptr, k_cache_ptr, v_cache_ptr, k_scale_ptr, v_scale_ptr,
    positions_ptr, slots_ptr, cos_ptr, sin_ptr, q_weight_ptr, k_weight_ptr, eps,
    q_token_stride, q_head_stride, k_token_stride, k_head_stride, v_token_stride, v_head_stride,
    slot_stride, head_stride, scale_slot_stride, scale_head_stride, angle_stride,
    NUM_HEADS: tl.constexpr, NUM_KV_HEADS: tl.constexpr, HEADS_BLOCK: tl.constexpr, KV_BLOCK: tl.constexpr,
    HALF: tl.constexpr, HALF_BLOCK: tl.constexpr, REST: tl.constexpr, REST_BLOCK: tl.constexpr,
    DIM_BLOCK: tl.constexpr, HAS_NORM: tl.constexpr, SCALES: tl.constexpr, CODE_MAX: tl.constexpr,
):  # fmt: skip
    Q_PARTS: tl.constexpr = (NUM_HEADS + HEADS_BLOCK - 1) // HEADS_BLOCK
    PARTS: tl.constexpr = Q_PARTS + (NUM_KV_HEADS + KV_BLOCK - 1) // KV_BLOCK
    token = (tl.program_id(0) // PARTS).to(tl.int64)
    part = tl.program_id(0) % PARTS

    half = tl.arange(0, HALF_BLOCK)
    angle = tl.load(positions_ptr + token).to(tl.int64) * angle_stride + half
    cos = tl.load(cos_ptr + angle, mask=half < HALF, other=0.0).to(tl.float32)[None, :]
    sin = tl.load(sin_ptr + angle, mask=half < HALF, other=0.0).to(tl.float32)[None, :]

    if part < Q_PARTS:
        heads = part * HEADS_BLOCK + tl.arange(0, HEADS_BLOCK)
        is_head = heads < NUM_HEADS
        at = q_ptr + token * q_token_stride + heads * q_head_stride
        first, second, rest = turned(
            at, is_head, cos, sin, q_weight_ptr, eps, HALF, HALF_BLOCK, REST, REST_BLOCK, HAS_NORM
        )
        put(at, is_head, first, second, rest, HALF, HALF_BLOCK, REST, REST_BLOCK, REST > 0 and HAS_NORM)
    else:
        slot = tl.load(slots_ptr + token).to(tl.int64)
        if slot >= 0:
            heads = (part - Q_PARTS) * KV_BLOCK + tl.arange(0, KV_BLOCK)
            is_head = heads < NUM_KV_HEADS
            to = slot * slot_stride + heads * head_stride
            scale_at = slot * scale_slot_stride + heads * scale_head_stride

            first, second, rest = turned(
                k_ptr + token * k_token_stride + heads * k_head_stride, is_head,
                cos, sin, k_weight_ptr, eps, HALF, HALF_BLOCK, REST, REST_BLOCK, HAS_NORM,
            )  # fmt: skip
            if SCALES != "none":
                largest = tl.maximum(tl.max(tl.abs(first), 1), tl.max(tl.abs(second), 1))
                largest = tl.maximum(largest, tl.max(tl.abs(rest), 1))
                scale = scale_of(largest, k_scale_ptr + scale_at, is_head, SCALES, CODE_MAX)[:, None]
                first, second, rest = first / scale, second / scale, rest / scale
            put(k_cache_ptr + to, is_head, first, second, rest, HALF, HALF_BLOCK, REST, REST_BLOCK, REST > 0)

            columns = tl.arange(0, DIM_BLOCK)[None, :]
            inside = is_head[:, None] & (columns < 2 * HALF + REST)
            at = v_ptr + token * v_token_stride + heads * v_head_stride
            v = tl.load(at[:, None] + columns, mask=inside, other=0.0).to(tl.float32)
            if SCALES != "none":
                v /= scale_of(tl.max(tl.abs(v), 1), v_scale_ptr + scale_at, is_head, SCALES, CODE_MAX)[:, None]
            tl.store((v_cache_ptr + to)[:, None] + columns, code(v, v_cache_ptr), mask=inside)


@triton.jit
def turned(
    at, is_head, cos, sin, weight_ptr, eps,
    HALF: tl.constexpr, HALF_BLOCK: tl.constexpr, REST: tl.constexpr, REST_BLOCK: tl.constexpr,
    HAS_NORM: tl.constexpr,
):  # fmt: skip
    """Heads that begin at `at`, normed and turned: first half, second half, rest, in fp32."""
    half = tl.arange(0, HALF_BLOCK)
    tail = tl.arange(0, REST_BLOCK)
    inside = is_head[:, None] & (half < HALF)[None, :]
    first = tl.load(at[:, None] + half[None, :], mask=inside, other=0.0).to(tl.float32)
    second = tl.load(at[:, None] + HALF + half[None, :], mask=inside, other=0.0).to(tl.float32)
    is_tail = is_head[:, None] & (tail < REST)[None, :]
    rest = tl.load(at[:, None] + 2 * HALF + tail[None, :], mask=is_tail, other=0.0).to(tl.float32)
    if HAS_NORM:
        total = tl.sum(first * first, 1) + tl.sum(second * second, 1) + tl.sum(rest * rest, 1)
        scale = tl.rsqrt(total / (2 * HALF + REST) + eps)[:, None]
        first *= scale * tl.load(weight_ptr + half, mask=half < HALF, other=0.0).to(tl.float32)[None, :]
        second *= scale * tl.load(weight_ptr + HALF + half, mask=half < HALF, other=0.0).to(tl.float32)[None, :]
        rest *= scale * tl.load(weight_ptr + 2 * HALF + tail, mask=tail < REST, other=0.0).to(tl.float32)[None, :]
    return first * cos - second * sin, second * cos + first * sin, rest


@triton.jit
def put(
    at, is_head, first, second, rest,
    HALF: tl.constexpr, HALF_BLOCK: tl.constexpr, REST: tl.constexpr, REST_BLOCK: tl.constexpr,
    WITH_REST: tl.constexpr,
):  # fmt: skip
    """Store heads that begin at `at`."""
    half = tl.arange(0, HALF_BLOCK)
    inside = is_head[:, None] & (half < HALF)[None, :]
    tl.store(at[:, None] + half[None, :], code(first, at), mask=inside)
    tl.store(at[:, None] + HALF + half[None, :], code(second, at), mask=inside)
    if WITH_REST:
        tail = tl.arange(0, REST_BLOCK)
        is_tail = is_head[:, None] & (tail < REST)[None, :]
        tl.store(at[:, None] + 2 * HALF + tail[None, :], code(rest, at), mask=is_tail)


@triton.jit
def code(x, at):
    """fp32 as what `at` points to; int8 is rounded half up, and codes are cut off at their largest."""
    kind: tl.constexpr = at.dtype.element_ty
    if kind == tl.int8:
        x = tl.floor(tl.minimum(tl.maximum(x, -127.0), 127.0) + 0.5)
    elif kind == tl.float8e4nv:
        x = tl.minimum(tl.maximum(x, -448.0), 448.0)
    return x.to(kind)


@triton.jit
def scale_of(largest, at, is_head, SCALES: tl.constexpr, CODE_MAX: tl.constexpr):
    """The scale of each head: read, or made of its largest number and written."""
    if SCALES == "read":
        scale = tl.load(at, mask=is_head, other=1.0)
    else:
        scale = tl.where(largest > 0, largest / CODE_MAX, 1.0)
        tl.store(at, scale, mask=is_head)
    return scale


# --- reference -------------------------------------------------------------------------------------------


def rope_kv_write_reference(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    kv: PagedKV,
    *,
    positions: Tensor,
    slots: Tensor,
    rope: Rope,
    norm: HeadNorm | None = None,
) -> None:
    """Rope, and K and V into their slots, in torch; in fp64 for fp64 queries, otherwise in fp32."""
    exact = q.dtype if q.dtype == torch.float64 else torch.float32
    cos, sin = (table[positions.long()].to(exact)[:, None] for table in (rope.cos, rope.sin))
    new_k, new_v = k.to(exact), v.to(exact)
    new_q = q.to(exact)
    if norm is not None:
        new_q = head_normed(new_q, norm.q_weight, norm.eps)
        new_k = head_normed(new_k, norm.k_weight, norm.eps)
    q.copy_(rotated(new_q, cos, sin))
    kept = slots >= 0
    where = slots[kept].long()
    write(kv.k, kv.k_scale, where, rotated(new_k, cos, sin)[kept])
    write(kv.v, kv.v_scale, where, new_v[kept])


def head_normed(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """RMSNorm over the last dimension."""
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + eps) * weight.to(x.dtype)


def rotated(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """x [T, H, D] turned by angles [T, 1, R / 2]."""
    half = cos.shape[-1]
    first, second, rest = x[..., :half], x[..., half : 2 * half], x[..., 2 * half :]
    return torch.cat((first * cos - second * sin, second * cos + first * sin, rest), dim=-1)


def write(cache: Tensor, scale: Tensor | None, slots: Tensor, x: Tensor) -> None:
    """Put x [T, KVH, D] into slots of a cache [num_slots, KVH, D], as codes where it has scales."""
    if scale is not None:
        largest = CODE_MAX[cache.dtype]
        if scale.stride(0) != 0:
            peak = x.abs().amax(-1)
            scale[slots] = torch.where(peak > 0, peak / largest, 1.0).to(scale.dtype)
        x = (x / scale[slots, :, None]).clamp(-largest, largest)
        x = torch.floor(x + 0.5) if cache.dtype == torch.int8 else x
    cache[slots] = x.to(cache.dtype)
