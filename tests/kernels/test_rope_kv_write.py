"""rope_kv_write against its reference: heads of all kinds, caches of all types, views as the engine has them."""

from __future__ import annotations

import pytest
import torch

from lmc.kernels.errors import KernelError
from lmc.kernels.paged import PagedKV
from lmc.kernels.rope_kv_write import HeadNorm, Rope, rope_kv_write, rope_kv_write_reference, rotated

TOLERANCE = {torch.float32: 1e-5, torch.float16: 2e-3, torch.bfloat16: 1.6e-2}
NUM_SLOTS, NUM_POSITIONS = 11, 50


def angles(turned: int, device: torch.device) -> Rope:
    frequency = 10_000.0 ** -(torch.arange(0, turned, 2, device=device) / turned)
    angle = torch.arange(NUM_POSITIONS, device=device)[:, None] * frequency
    return Rope(angle.cos(), angle.sin())


def cache(kv_heads: int, dim: int, dtype: torch.dtype, device: torch.device, scales: str = "none") -> PagedKV:
    """K and V side by side in a slot; scales, where there are any, beside them."""
    kv = torch.zeros(NUM_SLOTS, 2, kv_heads, dim, device=device).to(dtype)
    if scales == "none":
        return PagedKV(kv[:, 0], kv[:, 1], 1)
    if scales == "read":
        k_scale, v_scale = (
            (torch.rand(kv_heads, device=device) * 0.1 + 0.01).expand(NUM_SLOTS, kv_heads) for _ in range(2)
        )
    else:
        k_scale, v_scale = (torch.zeros(NUM_SLOTS, kv_heads, device=device) for _ in range(2))
    return PagedKV(kv[:, 0], kv[:, 1], 1, k_scale, v_scale)


def like(kv: PagedKV) -> PagedKV:
    """Another cache with the same content; scales that are read are shared."""
    both = torch.stack((kv.k, kv.v), 1)
    if kv.k_scale is None or kv.v_scale is None:
        return PagedKV(both[:, 0], both[:, 1], 1)
    if kv.k_scale.stride(0) == 0:
        return PagedKV(both[:, 0], both[:, 1], 1, kv.k_scale, kv.v_scale)
    return PagedKV(both[:, 0], both[:, 1], 1, kv.k_scale.clone(), kv.v_scale.clone())


def packed(tokens: int, heads: int, kv_heads: int, dim: int, dtype: torch.dtype, device: torch.device):
    """q, k, v as views of one tensor, as a fused projection leaves them."""
    qkv = torch.randn(tokens, (heads + 2 * kv_heads) * dim, device=device).to(dtype)
    parts = qkv.split((heads * dim, kv_heads * dim, kv_heads * dim), -1)
    return [part.unflatten(-1, (-1, dim)) for part in parts]


@pytest.mark.parametrize(
    "heads, kv_heads, dim, turned, has_norm, dtype",
    [
        (4, 2, 64, 64, False, torch.float32),
        (20, 20, 64, 16, True, torch.float32),  # two parts of each, and a long rest
        (3, 1, 96, 96, True, torch.float16),
        (6, 2, 96, 48, False, torch.float16),
        (2, 1, 128, 128, True, torch.bfloat16),
        (1, 1, 256, 2, True, torch.float32),
    ],
)
def test_rope_kv_write_matches_reference(heads, kv_heads, dim, turned, has_norm, dtype, device):
    """Queries in place, K and V at their slots, other slots untouched, a padding token that writes nothing."""

    q, k, v = packed(5, heads, kv_heads, dim, dtype, device)
    before = q.clone(), k.clone(), v.clone()
    norm = None
    if has_norm:
        norm = HeadNorm(torch.randn(dim, device=device), torch.randn(dim, device=device), 1e-6)
    positions = torch.tensor([0, 49, 7, 7, 3], dtype=torch.int32, device=device)
    slots = torch.tensor([10, 0, 4, -1, 5], dtype=torch.int64, device=device)
    ours = cache(kv_heads, dim, dtype, device)
    theirs, expected_q = like(ours), before[0].clone()
    where = {"positions": positions, "slots": slots, "rope": angles(turned, device), "norm": norm}
    rope_kv_write(q, k, v, ours, **where)
    rope_kv_write_reference(expected_q, k, v, theirs, **where)
    close = {"rtol": TOLERANCE[dtype], "atol": TOLERANCE[dtype]}
    torch.testing.assert_close(q, expected_q, **close)
    torch.testing.assert_close(ours.k, theirs.k, **close)
    assert torch.equal(ours.v, theirs.v)
    assert torch.equal(k, before[1])
    assert torch.equal(v, before[2])
    assert ours.k[[1, 2, 3, 6]].abs().sum() == 0


@pytest.mark.parametrize("scales", ["read", "written"])
def test_rope_kv_write_to_int8(scales, device):
    """Codes are the reference's but for ties of rounding, and give the values back; a head of zeros divides too."""

    q, k, v = packed(3, 2, 2, 64, torch.float32, device)
    v[1, 1] = 0
    ours = cache(2, 64, torch.int8, device, scales)
    theirs = like(ours)
    where = at([0, 9, 4], [7, 2, 1], device)
    rope_kv_write(q.clone(), k, v, ours, **where)
    rope_kv_write_reference(q.clone(), k, v, theirs, **where)
    torch.testing.assert_close(ours.k.float(), theirs.k.float(), rtol=0, atol=1)
    torch.testing.assert_close(ours.v.float(), theirs.v.float(), rtol=0, atol=1)
    torch.testing.assert_close(ours.k_scale, theirs.k_scale)
    torch.testing.assert_close(ours.v_scale, theirs.v_scale)
    if scales == "written":
        slots = where["slots"]
        torch.testing.assert_close(ours.v[slots].float() * ours.v_scale[slots, :, None], v, rtol=0, atol=0.02)


@pytest.mark.parametrize("scales", ["read", "written"])
def test_rope_kv_write_to_e4m3(scales, device):
    """Values that are codes times a power of two come back exactly (the interpreter rounds others wrongly)."""

    q, k, v = packed(3, 2, 2, 64, torch.float32, device)
    for x in (k, v):
        x.copy_(x.to(torch.float8_e4m3fn).float() / 32)
        x[..., 5] = -448 / 32
    kv = cache(2, 64, torch.float8_e4m3fn, device, scales)
    if scales == "read":
        kv = PagedKV(kv.k, kv.v, 1, torch.full_like(kv.k_scale, 1 / 32), torch.full_like(kv.k_scale, 1 / 32))
    rope_kv_write(q, k, v, kv, **at([0, 0, 0], [7, 2, 1], device))
    slots = torch.tensor([7, 2, 1], device=device)
    assert torch.equal(kv.k[slots].float() * kv.k_scale[slots, :, None], k)
    assert torch.equal(kv.v[slots].float() * kv.v_scale[slots, :, None], v)


def at(positions: list[int], slots: list[int], device: torch.device) -> dict[str, object]:
    """Where tokens of heads of 64 are."""
    return {
        "positions": torch.tensor(positions, device=device),
        "slots": torch.tensor(slots, device=device),
        "rope": angles(64, device),
    }


def test_rope_kv_write_of_no_tokens(device):
    q, k, v = packed(0, 2, 1, 64, torch.float32, device)
    none = torch.zeros(0, dtype=torch.int32, device=device)
    rope_kv_write(q, k, v, cache(1, 64, torch.float32, device), positions=none, slots=none, rope=angles(64, device))


@pytest.mark.parametrize(
    "change, message",
    [
        ({"k": torch.ones(2, 3, 64)}, r"k has the shape \[2, 3, 64\]; it must be \[2, 1, 64\]"),
        ({"v": torch.ones(2, 1, 64).half()}, "v is float16"),
        ({"positions": torch.ones(2)}, "positions is float32"),
        ({"slots": torch.ones(3).int()}, "slots has the shape"),
        ({"rope": Rope(torch.ones(5, 33), torch.ones(5, 33))}, "turns 66 numbers of a head of 64"),
        ({"norm": HeadNorm(torch.ones(32), torch.ones(64), 1e-6)}, "q_weight has the shape"),
    ],
)
def test_rope_kv_write_refuses(change, message):
    cpu = torch.device("cpu")
    arguments = {
        "q": torch.ones(2, 2, 64),
        "k": torch.ones(2, 1, 64),
        "v": torch.ones(2, 1, 64),
        "kv": cache(1, 64, torch.float32, cpu),
        "positions": torch.zeros(2).int(),
        "slots": torch.zeros(2).int(),
        "rope": angles(64, cpu),
    }
    with pytest.raises(KernelError, match=message):
        rope_kv_write(**{**arguments, **change})


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("heads, kv_heads, dim, turned", [(32, 8, 128, 128), (14, 2, 64, 64), (32, 32, 96, 32)])
def test_rope_kv_write_on_a_gpu_matches_fp64(dtype, heads, kv_heads, dim, turned, gpu):
    q, k, v = packed(300, heads, kv_heads, dim, dtype, gpu)
    norm = HeadNorm(torch.randn(dim, device=gpu), torch.randn(dim, device=gpu), 1e-6)
    kv = torch.zeros(400, 2, kv_heads, dim, device=gpu, dtype=dtype)
    exact = kv.double()
    ours, theirs = PagedKV(kv[:, 0], kv[:, 1], 1), PagedKV(exact[:, 0], exact[:, 1], 1)
    where = {
        "positions": torch.randint(NUM_POSITIONS, (300,), device=gpu),
        "slots": torch.randperm(400, device=gpu)[:300],
        "rope": angles(turned, gpu),
        "norm": norm,
    }
    expected_q = q.double()
    rope_kv_write_reference(expected_q, k.double(), v.double(), theirs, **where)
    rope_kv_write(q, k, v, ours, **where)
    close = {"rtol": TOLERANCE[dtype], "atol": TOLERANCE[dtype]}
    torch.testing.assert_close(q.double(), expected_q, **close)
    torch.testing.assert_close(ours.k.double(), theirs.k, **close)
    assert torch.equal(ours.v.double(), theirs.v)


@pytest.mark.gpu
@pytest.mark.parametrize("code, step", [(torch.int8, 0.51 / 127), (torch.float8_e4m3fn, 0.51 / 14)])
def test_rope_kv_write_to_codes_on_a_gpu(code, step, gpu):
    """Half a step of the code from the values, relative to each head's largest."""

    q, k, v = packed(300, 8, 2, 128, torch.bfloat16, gpu)
    kv = torch.zeros(400, 2, 2, 128, device=gpu).to(code)
    scales = torch.zeros(2, 400, 2, device=gpu)
    cache = PagedKV(kv[:, 0], kv[:, 1], 1, scales[0], scales[1])
    slots = torch.randperm(400, device=gpu)[:300]
    positions = torch.randint(NUM_POSITIONS, (300,), device=gpu)
    exact = rotated(k.double(), *(x[positions].double()[:, None] for x in (angles(128, gpu).cos, angles(128, gpu).sin)))
    rope_kv_write(q, k, v, cache, positions=positions, slots=slots, rope=angles(128, gpu))
    for codes, scale, expected in ((cache.k, cache.k_scale, exact), (cache.v, cache.v_scale, v.double())):
        found = codes[slots].double() * scale[slots, :, None]
        assert ((found - expected).abs() <= step * expected.abs().amax(-1, keepdim=True)).all()
