"""Cascade attention: what the tree says must equal attention of each sequence to its whole path."""

from __future__ import annotations

import pytest
import torch

from lmc.kernels.cascade import (
    Segments,
    cascade_attention,
    cascade_attention_reference,
    cascade_work,
    fill_cascade,
    pays,
    plan_cascade,
)
from lmc.kernels.errors import KernelError
from lmc.kernels.extend import extend_attention_reference
from lmc.kernels.paged import Rule
from tests.kernels.paged_cases import assert_near, exact, index, paged

# a tree: (keys, first sequence, past the last sequence) of each segment; own keys and new tokens of each sequence
ONE_LEVEL = ([(300, 0, 3)], [5, 64, 1], [1, 1, 1])
TWO_LEVELS = ([(70, 0, 5), (33, 0, 2), (1030, 2, 4)], [9, 1, 70, 3, 8], [3, 1, 2, 1, 8])
NOT_ALL_SHARE = ([(20, 1, 3), (0, 0, 0), (7, 3, 4)], [40, 2, 2, 2, 30], [4, 1, 2, 1, 0])
TREES = {"one level": ONE_LEVEL, "two levels": TWO_LEVELS, "not all share": NOT_ALL_SHARE}


def case(tree, *, heads, kv_heads, dim, page_size, dtype, device):
    """Queries, cache, segments, and the same batch without segments: whole paths in one page table."""
    spans, own, news = tree
    lengths = [keys for keys, _, _ in spans] + own
    torch.manual_seed(sum(lengths))
    kv, table = paged(lengths, heads=kv_heads, dim=dim, page_size=page_size, dtype=dtype, device=device)
    starts = [sum(news[:i]) for i in range(len(news) + 1)]
    segments = Segments(
        table[: len(spans)],
        index([keys for keys, _, _ in spans], device),
        index([starts[first] for _, first, _ in spans], device),
        index([starts[past] for _, _, past in spans], device),
    )
    places = (table[len(spans) :], index(starts, device), index(own, device))
    q = torch.randn(sum(news), heads, dim, device=device).to(dtype)
    return q, kv, segments, places


def by_whole_paths(q, kv, segments, places, tree, rule, sinks):
    """Extend's reference over each sequence's whole path, its slots in pages of one."""
    spans, own, _ = tree
    tables, starts, _ = places
    size = kv.page_size

    def slots(row, length):
        at = torch.arange(length, device=row.device)
        return row[at // size] * size + at % size

    paths = []
    for b, length in enumerate(own):
        above = [slots(segments.page_table[g], n) for g, (n, first, past) in enumerate(spans) if first <= b < past]
        paths.append(torch.cat([*above, slots(tables[b], length)]))
    table = torch.zeros(len(paths), max(map(len, paths)), dtype=torch.int32, device=q.device)
    for row, path in zip(table, paths):
        row[: len(path)] = path
    flat = exact(kv)
    flat = type(flat)(flat.k, flat.v, 1)
    lse = torch.zeros(q.shape[:2], dtype=torch.float64, device=q.device)
    lengths = index([len(path) for path in paths], q.device)
    return extend_attention_reference(q.double(), flat, table, starts, lengths, rule=rule, sinks=sinks, lse=lse), lse


@pytest.mark.parametrize("dtype, tolerance", [(torch.float32, 1e-5), (torch.float16, 2e-3)])
@pytest.mark.parametrize("has_sinks", [False, True])
@pytest.mark.parametrize("tree", TREES.values(), ids=TREES)
def test_cascade_equals_attention_to_whole_paths(tree, has_sinks, dtype, tolerance, device):
    """Every level is counted once, segments without queries not at all, and so are sinks."""

    q, kv, segments, places = case(tree, heads=4, kv_heads=2, dim=64, page_size=4, dtype=dtype, device=device)
    rule = Rule(0.125, softcap=20.0 if has_sinks else None)
    sinks = torch.randn(4, device=device) if has_sinks else None
    lse = torch.zeros(q.shape[:2], device=device)
    out = cascade_attention(q, kv, segments, *places, rule=rule, max_depth=2, sinks=sinks, lse=lse)
    expected, exact_lse = by_whole_paths(q, kv, segments, places, tree, rule, sinks)
    assert_near(out, expected, tolerance)
    assert_near(lse, exact_lse, max(1e-5, tolerance / 4))


@pytest.mark.parametrize("tree", TREES.values(), ids=TREES)
def test_cascade_reference_equals_attention_to_whole_paths(tree):
    """The reference that a CPU uses, in fp64."""

    cpu = torch.device("cpu")
    q, kv, segments, places = case(tree, heads=6, kv_heads=2, dim=64, page_size=1, dtype=torch.float32, device=cpu)
    rule, sinks = Rule(0.125), torch.randn(6)
    out = cascade_attention_reference(q.double(), exact(kv), segments, *places, rule=rule, max_depth=2, sinks=sinks)
    assert_near(out, by_whole_paths(q, kv, segments, places, tree, rule, sinks)[0], 1e-12)


def test_cascade_takes_a_tree_among_new_tokens(device):
    """Drafts of one sequence beneath a shared prefix."""

    q, kv, segments, places = case(
        ([(40, 0, 2)], [6, 5], [6, 3]), heads=2, kv_heads=1, dim=64, page_size=1, dtype=torch.float32, device=device
    )
    mask = torch.rand(9, 6, device=device) < 0.5
    mask[torch.arange(9), torch.tensor([0, 1, 2, 3, 4, 5, 0, 1, 2])] = True
    options = {"rule": Rule(0.125), "max_depth": 1, "tree_mask": mask}
    expected = cascade_attention_reference(q.double(), exact(kv), segments, *places, **options)
    assert_near(cascade_attention(q, kv, segments, *places, **options), expected, 1e-5)


def test_cascade_lists_serve_other_trees(device):
    """Filled again: the depth of a token may shrink, and no range of the step before is left over."""

    lists = None
    for tree in (TWO_LEVELS, ([(70, 0, 1), (33, 3, 5), (0, 0, 0)], [9, 1, 70, 3, 8], [3, 1, 2, 1, 8])):
        q, kv, segments, places = case(
            tree, heads=2, kv_heads=1, dim=64, page_size=4, dtype=torch.float32, device=device
        )
        lists = lists or cascade_work(q, kv, segments, 5, 128, max_depth=2)
        fill_cascade(lists, segments, *places[1:])
        out = cascade_attention(q, kv, segments, *places, rule=Rule(0.125), max_depth=2, work=lists)
        assert_near(out, by_whole_paths(q, kv, segments, places, tree, Rule(0.125), None)[0], 1e-5)


def test_a_segment_is_read_by_as_many_items_as_its_queries_need():
    """64 branches of a GQA model on one prefix of 8 K: their 256 rows are two tiles, not 64."""

    plan = plan_cascade(
        batch=64, max_tokens=64, max_query_len=1, num_heads=32, num_kv_heads=8, head_dim=128, max_length=128,
        num_segments=1, max_segment=8192, max_depth=1, dtype=torch.bfloat16, num_sms=132, capability=(9, 0),
    )  # fmt: skip
    assert plan.shared.tile_tokens == 32
    assert plan.shared.max_items == 2 * (8192 // 1024)
    assert plan.own.max_items == 64
    assert pays(64, 8192) and not pays(1, 8192) and not pays(64, 100)


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"rule": Rule(0.1, window=5)}, "use extend_attention"),
        ({"max_depth": 0}, "max_depth is 0"),
        ({"lengths": torch.ones(3, dtype=torch.int64)}, "lengths is int64"),
    ],
)
def test_cascade_refuses_what_it_cannot_do(changes, words, device):
    """One sentence, with the value and the way out."""

    q, kv, segments, (table, starts, lengths) = case(
        ONE_LEVEL, heads=2, kv_heads=1, dim=64, page_size=4, dtype=torch.float32, device=device
    )
    call = {"query_starts": starts, "lengths": lengths, "rule": Rule(0.1), "max_depth": 1, **changes}
    with pytest.raises(KernelError, match=words):
        cascade_attention(q, kv, segments, table, **call)


@pytest.mark.gpu
@pytest.mark.parametrize(
    "tree",
    [
        ([(8192, 0, 64)], [128] * 64, [1] * 64),
        ([(3000, 0, 40), (500, 0, 10), (2000, 10, 40), (70, 30, 40)], [20 + i for i in range(40)], [1, 7, 16, 2] * 10),
    ],
)
def test_cascade_equals_attention_to_whole_paths_on_a_gpu(tree, gpu):
    """Compiled, at sizes of a model."""

    q, kv, segments, places = case(tree, heads=32, kv_heads=8, dim=128, page_size=16, dtype=torch.bfloat16, device=gpu)
    out = cascade_attention(q, kv, segments, *places, rule=Rule(0.09), max_depth=3, max_query_len=max(tree[2]))
    assert_near(out, by_whole_paths(q, kv, segments, places, tree, Rule(0.09), None)[0], 1.6e-2)
