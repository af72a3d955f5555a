"""Dispatch: the kernel follows from bounds, and every way through gives the reference's result."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from lmc.kernels import dispatch
from lmc.kernels.cascade import Segments, cascade_attention_reference
from lmc.kernels.decode import decode_attention_reference
from lmc.kernels.dispatch import Batch, Bounds, attention, choose, plan_attention, prepare
from lmc.kernels.errors import KernelError
from lmc.kernels.extend import extend_attention_reference
from lmc.kernels.paged import Rule
from tests.kernels.paged_cases import assert_near, exact, index, paged

SMALL = Bounds(
    batch=3, max_tokens=3, max_query_len=1, max_length=320, num_heads=4, num_kv_heads=2, head_dim=64,
    dtype=torch.float32,
)  # fmt: skip


@pytest.mark.parametrize(
    "changes, kind",
    [
        ({}, "decode"),
        ({"max_query_len": 2, "max_tokens": 6}, "extend"),
        ({"max_tokens": 4}, "extend"),  # room for padding that belongs to no sequence
        ({"has_tree": True}, "extend"),
        ({"num_segments": 1, "max_segment": 64, "max_depth": 1}, "cascade"),
    ],
)
def test_the_kernel_follows_from_bounds(changes, kind):
    """Numbers of the host alone decide."""

    assert choose(replace(SMALL, **changes)) == kind


def step(news, lengths, spans, *, bounds, device):
    """Tensors of a step; `spans` are (keys, first token, past the last token) of segments."""
    torch.manual_seed(len(news))
    rows = [keys for keys, _, _ in spans] + lengths
    kv, table = paged(rows, heads=2, dim=64, page_size=8, dtype=bounds.dtype, device=device)
    first = len(spans)
    segments = Segments(table[:first], *(index(list(column), device) for column in zip(*spans))) if spans else None
    starts = [sum(news[:i]) for i in range(len(news) + 1)]
    batch = Batch(table[first:], index(starts, device), index(lengths, device), segments=segments)
    return torch.randn(bounds.max_tokens, 4, 64, device=device).to(bounds.dtype), kv, batch


WAYS = {
    "decode": (SMALL, [1, 1, 1], [300, 1, 0], []),
    "extend": (replace(SMALL, max_tokens=30, max_query_len=20), [4, 20, 0], [300, 20, 0], []),
    "cascade": (
        replace(SMALL, num_segments=2, max_segment=320, max_depth=2),
        [1, 1, 1], [3, 1, 40], [(300, 0, 3), (9, 1, 3)],
    ),
}  # fmt: skip


def expected_of(kind, q, kv, batch, rule):
    q, kv = q.double(), exact(kv)
    places = (batch.page_table, batch.query_starts, batch.lengths)
    if kind == "decode":
        return decode_attention_reference(q, kv, places[0], places[2], rule=rule)
    if kind == "extend":
        return extend_attention_reference(q, kv, *places, rule=rule)
    return cascade_attention_reference(q, kv, batch.segments, *places, rule=rule, max_depth=2)


@pytest.mark.parametrize("runs", ["kernels", "references"])
@pytest.mark.parametrize("kind", WAYS)
def test_every_way_gives_the_reference(kind, runs, device, monkeypatch):
    """With kernels, and as on a CPU without them."""

    if runs == "references":
        device = torch.device("cpu")
        monkeypatch.setattr(dispatch, "IS_INTERPRETED", False)
        for module in ("decode", "extend", "cascade"):
            monkeypatch.setattr(f"lmc.kernels.{module}.runs_kernel", lambda tensor: False)
    bounds, news, lengths, spans = WAYS[kind]
    q, kv, batch = step(news, lengths, spans, bounds=bounds, device=device)
    plan = plan_attention(bounds, device, num_sms=4)
    prepare(plan, batch)
    assert plan.kind == kind and (plan.work is None) == (runs == "references")
    for rule in (Rule(0.1), Rule(0.3, softcap=9.0)):  # two layers of one step
        out = attention(plan, q, kv, batch, rule=rule)
        used = sum(news)
        assert_near(out[:used], expected_of(kind, q, kv, batch, rule)[:used], 1e-5)


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: replace(SMALL, batch=0), "bounds hold a 0"),
        (lambda: replace(SMALL, num_segments=2), "given together"),
        (lambda: replace(SMALL, num_segments=2, max_segment=9, max_depth=1, window=8), "seen whole"),
        (lambda: called(SMALL, rule=Rule(0.1, window=8)), "window 8 in a plan for None"),
        (lambda: called(replace(SMALL, batch=4, max_tokens=4)), "3 sequences in a plan for 4"),
        (lambda: called(SMALL, q=torch.zeros(5, 4, 64)), r"q has the shape \[5, 4, 64\]"),
        (lambda: called(replace(SMALL, has_tree=True)), "tree_mask is missing"),
    ],
)
def test_dispatch_refuses_what_the_plan_has_no_room_for(make, words):
    """As far as shapes tell; values are on the device."""

    with pytest.raises(KernelError, match=words):
        make()


def called(bounds, q=None, rule=None):
    cpu = torch.device("cpu")
    queries, kv, batch = step([1, 1, 1], [3, 2, 1], [], bounds=SMALL, device=cpu)
    attention(plan_attention(bounds, cpu), queries if q is None else q, kv, batch, rule=rule or Rule(0.1))


@pytest.mark.gpu
@pytest.mark.parametrize("kind", WAYS)
def test_a_captured_step_serves_other_batches(kind, gpu):
    """prepare and attention in one CUDA graph, replayed after the batch's tensors have changed."""

    bounds, news, lengths, spans = WAYS[kind]
    bounds = replace(bounds, dtype=torch.bfloat16)
    q, kv, batch = step(news, lengths, spans, bounds=bounds, device=gpu)
    plan, out = plan_attention(bounds, gpu), torch.empty_like(q)

    def run() -> None:
        prepare(plan, batch)
        attention(plan, q, kv, batch, rule=Rule(0.1), out=out)

    run()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        run()
    for shorter in (0, 1):
        batch.lengths[0] -= shorter
        q.normal_()
        graph.replay()
        used = sum(news)
        assert_near(out[:used], expected_of(kind, q, kv, batch, Rule(0.1))[:used], 1.6e-2)
