"""Decode attention against its reference: ragged lengths, paged caches, quantised caches, windows, caps and sinks."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from lmc.kernels.decode import decode_attention, decode_attention_reference, decode_work, plan_decode
from lmc.kernels.errors import KernelError
from lmc.kernels.paged import PagedKV, Rule
from lmc.kernels.worklist import fill
from tests.kernels.paged_cases import assert_near, exact, index, paged, quantised

TOLERANCE = {torch.float32: 1e-5, torch.float16: 2e-3, torch.bfloat16: 1.6e-2}


def check(lengths, *, heads, kv_heads, dim, page_size, dtype, device, rule=None, has_sinks=False):
    """The kernel and the reference in fp64 agree, in result and lse."""
    torch.manual_seed(sum(lengths) + dim)
    kv, table = paged(lengths, heads=kv_heads, dim=dim, page_size=page_size, dtype=dtype, device=device)
    q = torch.randn(len(lengths), heads, dim, device=device).to(dtype)
    sinks = torch.randn(heads, device=device) if has_sinks else None
    compare(q, kv, exact(kv), table, index(lengths, device), rule or Rule(dim**-0.5), sinks, TOLERANCE[dtype])


def compare(q, kv, exact_kv, table, lengths, rule, sinks, tolerance):
    lse, expected_lse = (torch.full(q.shape[:2], 9.0, device=q.device, dtype=d) for d in (torch.float32, torch.float64))
    out = decode_attention(q, kv, table, lengths, rule=rule, sinks=sinks, lse=lse)
    expected = decode_attention_reference(
        q.double(), exact_kv, table, lengths, rule=rule, sinks=sinks, lse=expected_lse
    )
    assert_near(out, expected, tolerance)
    assert_near(lse, expected_lse, max(1e-5, tolerance / 4))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.parametrize(
    "lengths, heads, kv_heads, dim, page_size",
    [
        ([1], 1, 1, 64, 1),
        ([65, 1, 0, 64], 4, 2, 64, 16),
        ([31, 300], 7, 1, 96, 4),  # a group that is no power of two; one sequence is split, one is not
        ([513, 2], 2, 2, 128, 64),
        ([100], 20, 1, 256, 8),
    ],
)
def test_decode_matches_reference(lengths, heads, kv_heads, dim, page_size, dtype, device):
    """Ugly lengths, groups, head sizes and pages; NaN in every slot beside the sequence's own."""

    check(lengths, heads=heads, kv_heads=kv_heads, dim=dim, page_size=page_size, dtype=dtype, device=device)


@pytest.mark.parametrize("lengths", [[40, 3, 0], [700, 5]])
@pytest.mark.parametrize(
    "rule, has_sinks",
    [
        (Rule(0.2, window=17), False),
        (Rule(0.3, window=600, softcap=5.0), True),
        (Rule(0.1), True),
    ],
)
def test_decode_obeys_window_cap_and_sinks(lengths, rule, has_sinks, device):
    """Split and unsplit; a sequence without keys has only its sink, which has no value."""

    check(
        lengths, heads=4, kv_heads=2, dim=64, page_size=8, dtype=torch.float32, device=device,
        rule=rule, has_sinks=has_sinks,
    )  # fmt: skip


@pytest.mark.parametrize("by_token", [False, True])
@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.int8])
def test_decode_reads_quantised_caches(dtype, by_token, device):
    """Equal to attention over the dequantised values; scales for each head, or each token and head."""

    torch.manual_seed(1)
    kv, table = paged([70, 300], heads=2, dim=64, page_size=16, dtype=torch.float32, device=device)
    codes = quantised(kv, dtype, by_token=by_token)
    q = torch.randn(2, 4, 64, device=device).half()
    compare(q, codes, codes, table, index([70, 300], device), Rule(0.125), None, TOLERANCE[torch.float16])


def test_pages_before_the_window_are_never_read(device):
    """They may be freed: their entries in the page table are not even looked up."""

    lengths = [100, 600]
    kv, table = paged(lengths, heads=1, dim=64, page_size=4, dtype=torch.float32, device=device)
    q = torch.randn(2, 2, 64, device=device)
    rule = Rule(0.125, window=20)
    expected = decode_attention(q, kv, table, index(lengths, device), rule=rule)
    table[0, : 80 // 4] = table[1, : 580 // 4] = 2**24
    assert torch.equal(expected, decode_attention(q, kv, table, index(lengths, device), rule=rule))


def test_a_work_list_serves_many_layers_and_steps(device):
    """Filled once for a step, used by every layer; filled again when lengths have grown."""

    kv, table = paged([500, 90], heads=2, dim=64, page_size=16, dtype=torch.float32, device=device)
    q = torch.randn(2, 4, 64, device=device)
    work = decode_work(q, kv, 512)
    for lengths in ([300, 90], [301, 1]):
        fill(work, None, None, index(lengths, device))
        for rule in (Rule(0.1), Rule(0.3)):
            got = decode_attention(q, kv, table, index(lengths, device), rule=rule, work=work)
            expected = decode_attention_reference(q, kv, table, index(lengths, device), rule=rule)
            assert_near(got, expected, 1e-5)


def test_fixed_chunks_make_a_sequence_independent_of_its_batch(device):
    """Bit for bit, alone and beside others."""

    lengths = [290, 600, 5]
    kv, table = paged(lengths, heads=1, dim=64, page_size=1, dtype=torch.float16, device=device)
    q = torch.randn(3, 2, 64, device=device).half()

    def attend(rows: slice) -> torch.Tensor:
        work = decode_work(q[rows], kv, 600, fixed_chunk=128)
        fill(work, None, None, index(lengths[rows], device))
        return decode_attention(q[rows], kv, table[rows], index(lengths[rows], device), rule=Rule(0.125), work=work)

    assert torch.equal(attend(slice(0, 3))[:1], attend(slice(0, 1)))


def test_splits_follow_length_and_device():
    """A lone long sequence is cut as often as the device is wide; a short one is not, and nothing is merged."""

    sizes = {"num_heads": 32, "num_kv_heads": 8, "head_dim": 128, "dtype": torch.bfloat16, "capability": (9, 0)}
    alone = plan_decode(batch=1, max_length=2**17, num_sms=132, **sizes)
    assert 64 <= alone.max_items <= 68
    assert plan_decode(batch=1, max_length=2**17, num_sms=264, **sizes).max_items > 1.9 * alone.max_items
    short = plan_decode(batch=64, max_length=256, num_sms=132, **sizes)
    assert (short.max_items, short.max_merges, short.max_states) == (64, 0, 0)


def cache(**changes: object) -> PagedKV:
    base = PagedKV(torch.zeros(64, 2, 64), torch.zeros(64, 2, 64), 16)
    return replace(base, **changes)


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: cache(page_size=3), "page_size is 3"),
        (lambda: cache(v=torch.zeros(64, 64, 2).transpose(1, 2)), "strides of k"),
        (lambda: cache(k_scale=torch.ones(64, 2)), "k_scale goes with e4m3 and int8"),
        (lambda: Rule(0.0), "scale is 0.0"),
        (lambda: Rule(1.0, window=0), "window is 0"),
        (lambda: Rule(1.0, softcap=-1.0), "softcap is -1.0"),
        (lambda: refused(q=torch.zeros(2, 3, 64)), "3 query heads do not share 2 KV heads"),
        (lambda: refused(q=torch.zeros(2, 4, 64).half()), "k is float32"),
        (lambda: refused(q=torch.zeros(2, 512, 64)), "256 query heads share a KV head"),
        (lambda: refused(lengths=torch.ones(3, dtype=torch.int32)), r"lengths has the shape \[3\]"),
        (lambda: refused(lengths=torch.ones(2, dtype=torch.int64)), "lengths is int64"),
        (lambda: refused(table=torch.ones(3, 4, dtype=torch.int32)), "page_table has the shape"),
        (lambda: refused(out=torch.zeros(2, 4, 64).half()), "out is float16"),
    ],
)  # fmt: skip
def test_decode_refuses_what_it_cannot_do(make, words):
    """One sentence, with the value."""

    with pytest.raises(KernelError, match=words):
        make()


def refused(q=None, table=None, lengths=None, out=None):
    q = torch.zeros(2, 4, 64) if q is None else q
    table = torch.zeros(2, 4, dtype=torch.int32) if table is None else table
    lengths = torch.ones(2, dtype=torch.int32) if lengths is None else lengths
    decode_attention(q, cache(), table, lengths, rule=Rule(1.0), out=out)


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize(
    "lengths, heads, kv_heads, dim, page_size",
    [
        ([32_768], 32, 8, 128, 1),
        ([1, 17, 4096, 20_000] * 16, 32, 8, 128, 16),
        ([900] * 7, 14, 2, 64, 64),
        ([5000, 3], 16, 8, 256, 32),
        ([3000, 70], 32, 32, 96, 2),
    ],
)
@pytest.mark.parametrize("rule", [Rule(0.1), Rule(0.1, window=1000, softcap=30.0)])
def test_decode_matches_float64_on_a_gpu(lengths, heads, kv_heads, dim, page_size, rule, dtype, gpu):
    """Compiled, at lengths of a model."""

    check(
        lengths, heads=heads, kv_heads=kv_heads, dim=dim, page_size=page_size, dtype=dtype, device=gpu,
        rule=rule, has_sinks=True,
    )  # fmt: skip


@pytest.mark.gpu
@pytest.mark.parametrize("by_token", [False, True])
@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.int8])
def test_decode_reads_quantised_caches_on_a_gpu(dtype, by_token, gpu):
    """Compiled: conversion by hardware, or by bits below capability 8.9."""

    torch.manual_seed(1)
    lengths = [7000, 300, 1]
    kv, table = paged(lengths, heads=8, dim=128, page_size=16, dtype=torch.float32, device=gpu)
    codes = quantised(kv, dtype, by_token=by_token)
    q = torch.randn(3, 32, 128, device=gpu).bfloat16()
    compare(q, codes, codes, table, index(lengths, gpu), Rule(0.09), None, TOLERANCE[torch.bfloat16])


@pytest.mark.gpu
def test_decode_is_captured_in_a_graph_and_replayed_for_other_lengths(gpu):
    """Fixed grids, static buffers, nothing read back."""

    kv, table = paged([3000, 900], heads=8, dim=128, page_size=16, dtype=torch.bfloat16, device=gpu)
    q = torch.randn(2, 32, 128, device=gpu).bfloat16()
    lengths, out = index([1, 1], gpu), torch.empty_like(q)
    work = decode_work(q, kv, 3008)

    def step() -> None:
        fill(work, None, None, lengths)
        decode_attention(q, kv, table, lengths, rule=Rule(0.09), work=work, out=out)

    step()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    for values in ([3000, 900], [5, 0], [257, 256]):
        lengths.copy_(index(values, gpu))
        graph.replay()
        assert_near(out, decode_attention_reference(q, kv, table, lengths, rule=Rule(0.09)), 1.6e-2)
