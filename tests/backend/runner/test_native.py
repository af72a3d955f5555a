"""Private torch ops: they agree with their public twins here, and a wrong one is never used."""

from __future__ import annotations

import pytest
import torch

from lmc.backend.runner.cpu import native
from lmc.errors import BackendError


@pytest.fixture(autouse=True)
def forget():
    """Self-tests run anew in each test and leave nothing behind."""
    native.packing_is_right.cache_clear()
    native.choose_flash.cache_clear()
    yield
    native.packing_is_right.cache_clear()
    native.choose_flash.cache_clear()


@pytest.mark.parametrize("dtype, tol", [(torch.float32, 1e-6), (torch.bfloat16, 2e-2)])
@pytest.mark.parametrize("heads, kv_heads, head_dim", [(4, 2, 16), (8, 1, 64), (3, 3, 10)])
@pytest.mark.parametrize("kind", ["plain", "causal", "masked"])
def test_both_flashes_agree_with_sdpa(dtype, tol, heads, kv_heads, head_dim, kind):
    """Output against torch's public attention, log-sum-exp against each other."""
    torch.manual_seed(0)
    q = torch.randn(2, heads, 7, head_dim).to(dtype)
    k, v = (torch.randn(2, kv_heads, 7, head_dim).to(dtype) for _ in range(2))
    mask = torch.zeros(2, 1, 7, 7, dtype=dtype).masked_fill_(torch.rand(2, 1, 7, 7) < 0.4, float("-inf"))
    mask[..., 3] = 0
    args = (mask if kind == "masked" else None, kind == "causal")
    repeat = heads // kv_heads
    expected = torch.nn.functional.scaled_dot_product_attention(
        q.float(),
        k.float().repeat_interleave(repeat, 1),
        v.float().repeat_interleave(repeat, 1),
        attn_mask=None if args[0] is None else args[0].float(),
        is_causal=args[1],
    )

    flash = native.choose_flash("cpu", dtype, heads, kv_heads, head_dim)
    out, lse = flash(q, k, v, *args)
    public, public_lse = native.public_flash(q, k, v, *args)

    torch.testing.assert_close(out.float(), expected, rtol=tol, atol=tol)
    torch.testing.assert_close(public.float(), expected, rtol=tol, atol=tol)
    torch.testing.assert_close(lse, public_lse, rtol=tol, atol=tol)


@pytest.mark.parametrize("dtype, tol", [(torch.float32, 1e-5), (torch.bfloat16, 2e-2)])
@pytest.mark.parametrize("rows", [1, 3, 17])
@pytest.mark.parametrize("biased", [False, True])
def test_a_linear_equals_matmul(dtype, tol, rows, biased):
    """With and without bias, alone and added to a residual."""
    torch.manual_seed(0)
    weight, x, residual = torch.randn(24, 40) / 6, torch.randn(rows, 40), torch.randn(rows, 24)
    weight, x, residual = weight.to(dtype), x.to(dtype), residual.to(dtype)
    bias = torch.randn(24).to(dtype) if biased else None
    expected = x.float() @ weight.float().T + (0 if bias is None else bias.float())

    linear = native.make_linear(weight, bias)

    torch.testing.assert_close(linear(x).float(), expected, rtol=tol, atol=tol)
    torch.testing.assert_close(linear.add(x, residual).float(), expected + residual.float(), rtol=tol, atol=tol)


def test_a_wrong_linear_is_not_used(monkeypatch):
    """A packed linear that leaves out its residual fails the self-test."""
    monkeypatch.setattr(native.PackedLinear, "add", lambda self, x, residual: self(x))

    assert isinstance(native.make_linear(torch.randn(4, 4), None), native.PlainLinear)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("rows", [1, 8, 9, 40])
@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("kind, tol", [("fp16", 1e-3), ("int8", 3e-2)])
def test_a_narrow_linear_is_near_a_plain_one(kind, tol, biased, rows, dtype):
    """To the rounding of its weights; each number with a scale of its own row's size."""
    torch.manual_seed(0)
    sizes = torch.logspace(-3, 1, 24)[:, None]
    weight, x, residual = torch.randn(24, 40) * sizes, torch.randn(rows, 40).to(dtype), torch.randn(rows, 24).to(dtype)
    bias = torch.randn(24).to(dtype) if biased else None
    expected = x.float() @ weight.T
    linear = native.linear_maker(kind, "cpu")(weight.to(dtype), bias)
    found, added = linear(x), linear.add(x, residual.clone())

    tol = max(tol, 1e-2) if dtype is torch.bfloat16 else tol
    whole = expected + (0 if bias is None else bias.float())
    near = tol * expected.norm(dim=0) / rows**0.5 + tol * (whole.abs() + residual.float().abs())
    assert found.dtype == added.dtype == dtype
    assert ((found.float() - whole).abs() < near).all()
    assert ((added.float() - whole - residual.float()).abs() < 2 * near).all()


def test_int8_is_the_same_for_few_rows_and_for_many():
    """One kernel for few, another way for many: apart by the rounding of bf16."""
    torch.manual_seed(0)
    linear = native.Int8Linear.pack(torch.randn(48, 64), None)
    x = torch.randn(40, 64)

    one_by_one = torch.cat([linear(row[None]) for row in x])
    assert ((one_by_one - linear(x)).abs() <= linear(x).abs() * 2**-8 + 1e-3).all()
    assert torch.equal(linear.weight.abs().amax(1), torch.full((48,), 127, dtype=torch.int8))


def test_a_row_of_zeros_stays_zero_in_int8():
    """It has no scale."""
    weight = torch.zeros(3, 8)
    weight[1] = 2.0

    assert native.Int8Linear.pack(weight, None)(torch.ones(1, 8)).tolist() == [[0.0, 16.0, 0.0]]


def test_a_number_beyond_half_precision_is_kept():
    """Its linear is held in full."""
    weight = torch.tensor([[1e6, 1.0]])

    assert native.linear_maker("fp16", "cpu")(weight, None)(torch.ones(1, 2)).item() == pytest.approx(1e6 + 1)


def test_narrow_linears_that_there_are_not_are_refused(monkeypatch):
    """Before a model is loaded: on another device, or where the self-test fails."""
    with pytest.raises(BackendError, match='weights="int8"'):
        native.linear_maker("int8", "cuda")
    monkeypatch.setattr(native, "half_is_right", lambda: False)
    with pytest.raises(BackendError, match='weights="fp16"'):
        native.linear_maker("fp16", "cpu")


def test_a_wrong_flash_is_not_used(monkeypatch):
    """A flash whose log-sum-exp is in another base fails the self-test."""
    right = native.private_flash

    def base_two(*args):
        out, lse = right(*args)
        return out, lse * 1.4427

    monkeypatch.setattr(native, "private_flash", base_two)

    assert native.choose_flash("cpu", torch.float32, 4, 2, 16) is native.public_flash


def test_an_op_that_is_gone_is_not_used(monkeypatch):
    """An AttributeError of a newer torch counts as a failed self-test."""

    def gone(*args):
        raise AttributeError("no such op")

    monkeypatch.setattr(native, "private_flash", gone)

    assert native.choose_flash("cpu", torch.float32, 4, 2, 16) is native.public_flash


def test_the_self_test_leaves_the_random_state_alone():
    """Loading a model must not change what a user's torch.rand gives."""
    before = torch.random.get_rng_state()

    native.choose_flash("cpu", torch.float32, 4, 2, 16)
    native.packing_is_right("cpu", torch.float32)

    assert torch.equal(before, torch.random.get_rng_state())
