"""Extend attention against its reference: ragged batches, cached prefixes, trees, windows, splits."""

from __future__ import annotations

import pytest
import torch

from lmc.kernels.decode import decode_attention
from lmc.kernels.errors import KernelError
from lmc.kernels.extend import extend_attention, extend_attention_reference, extend_work, plan_extend
from lmc.kernels.paged import Rule
from lmc.kernels.worklist import fill
from tests.kernels.paged_cases import assert_near, exact, index, paged, quantised

TOLERANCE = {torch.float32: 1e-5, torch.float16: 2e-3, torch.bfloat16: 1.6e-2}


def starts_of(news: list[int], device: torch.device) -> torch.Tensor:
    return index([sum(news[:i]) for i in range(len(news) + 1)], device)


def check(prefixes, news, *, heads, kv_heads, dim, page_size, dtype, device, rule=None, has_sinks=False, tree=False):
    """The kernel and the reference in fp64 agree, in result and lse."""
    lengths = [prefix + new for prefix, new in zip(prefixes, news)]
    torch.manual_seed(sum(lengths) + dim)
    kv, table = paged(lengths, heads=kv_heads, dim=dim, page_size=page_size, dtype=dtype, device=device)
    q = torch.randn(sum(news), heads, dim, device=device).to(dtype)
    options = {
        "rule": rule or Rule(dim**-0.5),
        "sinks": torch.randn(heads, device=device) if has_sinks else None,
        **(trees(prefixes, news, rule, device) if tree else {}),
    }
    places = (table, starts_of(news, device), index(lengths, device))
    lse, exact_lse = (torch.zeros(q.shape[:2], device=device, dtype=d) for d in (torch.float32, torch.float64))
    out = extend_attention(q, kv, *places, **options, max_query_len=max(news), lse=lse)
    expected = extend_attention_reference(q.double(), exact(kv), *places, **options, lse=exact_lse)
    assert_near(out, expected, TOLERANCE[dtype])
    assert_near(lse, exact_lse, max(1e-5, TOLERANCE[dtype] / 4))


def trees(prefixes, news, rule, device):
    """A random tree over the new tokens of each sequence, some of whose parents come after their children."""
    mask = torch.zeros(sum(news), max(news) + 3, dtype=torch.bool)
    positions = torch.zeros(sum(news), dtype=torch.int32)
    begin = 0
    for prefix, new in zip(prefixes, news):
        names = torch.randperm(new).tolist()
        for i, name in enumerate(names):
            if i:
                mask[begin + name] = mask[begin + names[int(torch.randint(i, ()))]]
            mask[begin + name, name] = True
            positions[begin + name] = prefix + int(mask[begin + name].sum()) - 1
        begin += new
    has_window = rule is not None and rule.window is not None
    return {"tree_mask": mask.to(device), "positions": positions.to(device) if has_window else None}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.parametrize(
    "prefixes, news, heads, kv_heads, dim, page_size",
    [
        ([0], [1], 1, 1, 64, 1),
        ([0, 63, 0], [70, 1, 0], 4, 2, 64, 16),
        ([5, 0, 130], [9, 33, 2], 3, 1, 96, 4),  # rows of a tile that are no multiple of the group
        ([700, 1], [4, 3], 2, 1, 128, 64),  # a short extend of a long prefix is split, its neighbour is not
        ([10], [20], 4, 2, 256, 8),
    ],
)
def test_extend_matches_reference(prefixes, news, heads, kv_heads, dim, page_size, dtype, device):
    """Ugly lengths, sequences without queries, any prefix; NaN in every slot beside the sequence's own."""

    check(prefixes, news, heads=heads, kv_heads=kv_heads, dim=dim, page_size=page_size, dtype=dtype, device=device)


@pytest.mark.parametrize("prefixes, news", [([0, 90], [50, 3]), ([620, 0], [5, 2])])
@pytest.mark.parametrize(
    "rule, has_sinks",
    [
        (Rule(0.2, window=13), False),
        (Rule(0.3, window=300, softcap=5.0), True),
        (Rule(0.1), True),
    ],
)
def test_extend_obeys_window_cap_and_sinks(prefixes, news, rule, has_sinks, device):
    """Split and unsplit, windows shorter than a block and longer than a sequence."""

    check(
        prefixes, news, heads=4, kv_heads=2, dim=64, page_size=8, dtype=torch.float32, device=device,
        rule=rule, has_sinks=has_sinks,
    )  # fmt: skip


@pytest.mark.parametrize("rule", [Rule(0.2), Rule(0.2, window=40, softcap=8.0)])
@pytest.mark.parametrize("prefixes, news", [([0], [1]), ([0, 33, 70], [7, 20, 1]), ([600], [12])])
def test_extend_obeys_a_tree_among_the_new_tokens(prefixes, news, rule, device):
    """A token sees its ancestors, wherever they stand in the batch, and the window counts from its depth."""

    check(
        prefixes, news, heads=4, kv_heads=2, dim=64, page_size=4, dtype=torch.float32, device=device,
        rule=rule, has_sinks=True, tree=True,
    )  # fmt: skip


def test_a_chain_is_a_tree_like_any_other(device):
    """A lower triangle as the mask is causality."""

    kv, table = paged([90], heads=1, dim=64, page_size=16, dtype=torch.float32, device=device)
    q = torch.randn(10, 2, 64, device=device)
    places = (table, starts_of([10], device), index([90], device))
    chain = torch.ones(10, 10, dtype=torch.bool, device=device).tril()
    assert_near(
        extend_attention(q, kv, *places, rule=Rule(0.1), tree_mask=chain),
        extend_attention(q, kv, *places, rule=Rule(0.1)),
        1e-6,
    )


def test_extend_by_one_token_is_decode(device):
    """The two doors lead to one result."""

    lengths = [300, 1, 77]
    kv, table = paged(lengths, heads=2, dim=64, page_size=4, dtype=torch.float32, device=device)
    q = torch.randn(3, 4, 64, device=device)
    expected = decode_attention(q, kv, table, index(lengths, device), rule=Rule(0.1))
    got = extend_attention(q, kv, table, starts_of([1, 1, 1], device), index(lengths, device), rule=Rule(0.1))
    assert_near(got, expected, 1e-6)


def test_extend_in_chunks_is_extend_at_once(device):
    """A prompt computed in pieces of 1, 17 and 40 tokens, each on the cache of those before."""

    kv, table = paged([58], heads=1, dim=64, page_size=8, dtype=torch.float32, device=device)
    q = torch.randn(58, 2, 64, device=device)
    whole = extend_attention(q, kv, table, starts_of([58], device), index([58], device), rule=Rule(0.1))
    ends = [1, 18, 58]
    parts = [
        extend_attention(q[a:b], kv, table, starts_of([b - a], device), index([b], device), rule=Rule(0.1))
        for a, b in zip([0, *ends], ends)
    ]
    assert_near(torch.cat(parts), whole, 1e-6)


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.int8])
def test_extend_reads_quantised_caches(dtype, device):
    """Equal to attention over the dequantised values."""

    torch.manual_seed(1)
    kv, table = paged([70, 20], heads=2, dim=64, page_size=16, dtype=torch.float32, device=device)
    codes = quantised(kv, dtype, by_token=True)
    q = torch.randn(23, 4, 64, device=device).half()
    places = (table, starts_of([3, 20], device), index([70, 20], device))
    out = extend_attention(q, codes, *places, rule=Rule(0.125))
    assert_near(out, extend_attention_reference(q.double(), codes, *places, rule=Rule(0.125)), 2e-3)


def test_queries_past_the_last_sequence_are_left_alone(device):
    """A captured graph has room for more tokens than a step may bring."""

    kv, table = paged([20], heads=1, dim=64, page_size=8, dtype=torch.float32, device=device)
    q, out = torch.randn(9, 2, 64, device=device), torch.full((9, 2, 64), 7.0, device=device)
    extend_attention(q, kv, table, starts_of([4], device), index([20], device), rule=Rule(0.1), out=out)
    expected = extend_attention_reference(q, kv, table, starts_of([4], device), index([20], device), rule=Rule(0.1))
    assert_near(out[:4], expected[:4], 1e-5)
    assert out[4:].eq(7.0).all()


def test_one_work_list_serves_steps_of_other_shapes(device):
    """Filled again with other ragged lengths within its bounds."""

    kv, table = paged([500, 90], heads=1, dim=64, page_size=16, dtype=torch.float32, device=device)
    q = torch.randn(24, 2, 64, device=device)
    work = extend_work(q, kv, 2, 512, max_query_len=20)
    for news, lengths in (([4, 20], [500, 90]), ([20, 1], [30, 1]), ([0, 2], [0, 80])):
        places = (table, starts_of(news, device), index(lengths, device))
        fill(work, places[1][:-1].contiguous(), places[1][1:].contiguous(), places[2])
        got = extend_attention(q, kv, *places, rule=Rule(0.1), work=work)
        expected = extend_attention_reference(q, kv, *places, rule=Rule(0.1))
        assert_near(got[: sum(news)], expected[: sum(news)], 1e-5)


def test_the_grid_follows_tokens_and_not_the_longest_extend():
    """One extend of 2,048 tokens beside 63 of one: 64 tiles of the long one, one for each other, and room to split."""

    plan = plan_extend(
        batch=64, max_tokens=2048 + 63, max_query_len=2048, num_heads=32, num_kv_heads=8, head_dim=128,
        max_length=8192, dtype=torch.bfloat16, num_sms=132, capability=(9, 0),
    )  # fmt: skip
    assert plan.tile_tokens == 32
    assert plan.max_items <= 64 + 65 + plan.target_items


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"query_starts": torch.zeros(2, dtype=torch.int32)}, "query_starts has the shape"),
        ({"tree_mask": torch.ones(5, 4, dtype=torch.uint8)}, "tree_mask is uint8"),
        ({"tree_mask": torch.ones(4, 4, dtype=torch.bool)}, "tree_mask has the shape"),
        ({"positions": torch.ones(5, dtype=torch.int32)}, "positions are given without a tree_mask"),
        ({"tree_mask": torch.ones(5, 4, dtype=torch.bool), "rule": Rule(0.1, window=4)}, "needs positions"),
        ({"sinks": torch.ones(3)}, "sinks has the shape"),
    ],
)
def test_extend_refuses_what_it_cannot_do(changes, words):
    """One sentence, with the value."""

    kv, table = paged([9, 9], heads=1, dim=64, page_size=8, dtype=torch.float32, device=torch.device("cpu"))
    call = {"query_starts": torch.zeros(3, dtype=torch.int32), "lengths": torch.ones(2, dtype=torch.int32)}
    call |= {"rule": Rule(0.1), **changes}
    with pytest.raises(KernelError, match=words):
        extend_attention(torch.zeros(5, 2, 64), kv, table, **call)


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize(
    "prefixes, news, heads, kv_heads, dim, page_size",
    [
        ([0], [2500], 32, 8, 128, 16),
        ([8192] * 3 + [0], [4, 16, 1, 700], 32, 8, 128, 1),
        ([3000, 0], [7, 1000], 14, 2, 64, 64),
        ([100, 2000], [300, 5], 8, 4, 256, 32),
        ([100, 2000], [300, 5], 6, 6, 96, 2),
    ],
)
@pytest.mark.parametrize("rule", [Rule(0.1), Rule(0.1, window=1000, softcap=30.0)])
def test_extend_matches_float64_on_a_gpu(prefixes, news, heads, kv_heads, dim, page_size, rule, dtype, gpu):
    """Compiled, at lengths of a model."""

    check(
        prefixes, news, heads=heads, kv_heads=kv_heads, dim=dim, page_size=page_size, dtype=dtype, device=gpu,
        rule=rule, has_sinks=True,
    )  # fmt: skip


@pytest.mark.gpu
@pytest.mark.parametrize("rule", [Rule(0.1), Rule(0.1, window=1000)])
def test_extend_obeys_a_tree_on_a_gpu(rule, gpu):
    """Compiled, with and without a window."""

    check(
        [2000, 10, 0], [24, 64, 1], heads=32, kv_heads=8, dim=128, page_size=16, dtype=torch.bfloat16, device=gpu,
        rule=rule, tree=True,
    )  # fmt: skip
