"""Entries of attention over shapes of LM programs: decode, extends on cached prefixes, prompts, shared prefixes, trees.

One layer of a model with 32 query heads, 8 KV heads and heads of 128 (Llama-3.1-8B, Qwen3-8B) unless a line says
otherwise, bf16, pages of 16 tokens in random order. Torch's ways get the same keys in dense tensors, without a page
table to follow, and batches are of one length, so that they need no padding. The lists of a step are filled before the
clock starts, as a step fills them once for all its layers; `work list` times that alone.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention.bias import causal_lower_right
from torch.nn.attention.flex_attention import create_block_mask, flex_attention
from torch.nn.functional import scaled_dot_product_attention

from benchmarks.kernels.entry import Call, Calls, Cost, Entry, Shape, compiled, random
from lmc.kernels.cascade import Segments
from lmc.kernels.dispatch import AttentionPlan, Batch, Bounds, attention, plan_attention, prepare
from lmc.kernels.merge import merge_states
from lmc.kernels.paged import PagedKV, Rule

BF16 = torch.bfloat16
HEADS = {"heads": 32, "kv_heads": 8, "dim": 128, "dtype": BF16}
TINY_HEADS = {"heads": 4, "kv_heads": 2, "dim": 64}
PAGE_SIZE = 16
FLEX = {(1, 1, 32_767), (64, 1, 2047), (16, 4, 8192), (1, 8192, 0)}  # batch, new, prefix
HAS_FLASHINFER = importlib.util.find_spec("flashinfer") is not None


# --- a batch in pages, and the same keys dense ----------------------------------------------------------------------


def index(values: Any, device: torch.device) -> Tensor:
    return torch.tensor(list(values), dtype=torch.int32, device=device)


def cache(shape: Shape, num_pages: int, device: torch.device) -> tuple[PagedKV, Tensor]:
    """A cache of the engine's layout, and its pages in random order."""
    sizes = num_pages * PAGE_SIZE, 2, shape["kv_heads"], shape["dim"]
    slots = random(*sizes, dtype=shape["dtype"], device=device)
    order = torch.randperm(num_pages, generator=torch.Generator().manual_seed(0))
    return PagedKV(slots[:, 0], slots[:, 1], PAGE_SIZE), order.to(device, torch.int32)


def pages_of(length: int) -> int:
    return -(-length // PAGE_SIZE)


def dense(kv: PagedKV, table: Tensor, length: int) -> tuple[Tensor, Tensor]:
    """K and V of the rows of a page table, [rows, KVH, length, D] each."""
    offsets = torch.arange(kv.page_size, device=table.device)
    slots = (table[:, :, None].long() * kv.page_size + offsets).flatten(1)[:, :length]
    k, v = (x[slots].transpose(1, 2).contiguous() for x in (kv.k, kv.v))
    return k, v


def bounds_of(shape: Shape, *, new: int, own: int, **options: Any) -> Bounds:
    """Bounds that fit the shape exactly."""
    return Bounds(
        batch=shape["batch"], max_tokens=shape["batch"] * new, max_query_len=new, max_length=own,
        num_heads=shape["heads"], num_kv_heads=shape["kv_heads"], head_dim=shape["dim"], dtype=shape["dtype"],
        **options,
    )  # fmt: skip


def ours(plan: AttentionPlan, q: Tensor, kv: PagedKV, batch: Batch, rule: Rule) -> Call:
    """Our attention, its lists filled."""
    out = torch.empty_like(q)
    prepare(plan, batch)
    return lambda: attention(plan, q, kv, batch, rule=rule, out=out)


def tokens_first(x: Tensor) -> Tensor:
    """[B, H, n, D] as [B n, H, D]."""
    return x.transpose(1, 2).flatten(0, 1)


# --- extends, of which decode is the shortest -----------------------------------------------------------------------


def extend_calls(shape: Shape, device: torch.device, *, has_flex: bool) -> Calls:
    """`new` tokens for each sequence after a cached `prefix`."""
    batch, new, length = shape["batch"], shape["new"], shape["prefix"] + shape["new"]
    kv, order = cache(shape, batch * pages_of(length), device)
    table = order.view(batch, -1)
    q = random(batch * new, shape["heads"], shape["dim"], dtype=shape["dtype"], device=device, seed=1)
    rule = Rule(shape["dim"] ** -0.5)
    starts, lengths = index(range(0, batch * new + 1, new), device), index([length] * batch, device)
    plan = plan_attention(bounds_of(shape, new=new, own=length), device)
    call = ours(plan, q, kv, Batch(table, starts, lengths), rule)
    ways = dense_ways(shape, q, kv, table, length, rule)
    if has_flex:
        ways["flex"] = flex(by_sequence(q, batch), *dense(kv, table, length), rule.scale, device)
    return Calls(call, ways)


def dense_ways(shape: Shape, q: Tensor, kv: PagedKV, table: Tensor, length: int, rule: Rule) -> dict[str, Call]:
    """SDPA on dense keys, and FlashInfer on pages where it is installed."""
    ways: dict[str, Call] = {"sdpa": partial(sdpa, by_sequence(q, len(table)), *dense(kv, table, length), rule.scale)}
    if HAS_FLASHINFER and q.is_cuda:
        ways["flashinfer"] = flashinfer_way(q, kv, table, length, shape["new"], rule)
    return ways


def by_sequence(q: Tensor, batch: int) -> Tensor:
    """[B n, H, D] as [B, H, n, D]."""
    return q.view(batch, -1, *q.shape[1:]).transpose(1, 2)


def sdpa(q: Tensor, k: Tensor, v: Tensor, scale: float) -> Tensor:
    """All keys for one query each, lower-right causality for more."""
    new, length = q.shape[2], k.shape[2]
    if new == 1:
        return tokens_first(scaled_dot_product_attention(q, k, v, scale=scale, enable_gqa=True))
    if new == length:
        return tokens_first(scaled_dot_product_attention(q, k, v, scale=scale, enable_gqa=True, is_causal=True))
    bias: Any = causal_lower_right(new, length)
    return tokens_first(scaled_dot_product_attention(q, k, v, attn_mask=bias, scale=scale, enable_gqa=True))


def flex(q: Tensor, k: Tensor, v: Tensor, scale: float, device: torch.device) -> Call:
    """FlexAttention, compiled, with the same causality as a block mask."""
    new, length = q.shape[2], k.shape[2]

    def sees(b: Tensor, h: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return key <= query + (length - new)

    mask = None if new == 1 else create_block_mask(sees, None, None, new, length, device=device.type)
    attend = compiled(flex_attention, device)
    return lambda: tokens_first(attend(q, k, v, block_mask=mask, scale=scale, enable_gqa=True))


def flashinfer_way(q: Tensor, kv: PagedKV, table: Tensor, length: int, new: int, rule: Rule) -> Call:
    """FlashInfer's paged wrappers, planned beforehand."""
    import flashinfer

    batch, pages = table.shape
    sizes = (-1, PAGE_SIZE, kv.num_kv_heads, kv.head_dim)
    paged = kv.k.contiguous().view(sizes), kv.v.contiguous().view(sizes)
    starts = torch.arange(0, batch * pages + 1, pages, dtype=torch.int32, device=q.device)
    last = torch.full((batch,), (length - 1) % PAGE_SIZE + 1, dtype=torch.int32, device=q.device)
    heads = (q.shape[1], kv.num_kv_heads, kv.head_dim, PAGE_SIZE)
    room = torch.zeros(256 << 20, dtype=torch.uint8, device=q.device)
    if new == 1:
        wrapper = flashinfer.BatchDecodeWithPagedKVCacheWrapper(room, "NHD", use_tensor_cores=True)
        wrapper.plan(starts, table.flatten(), last, *heads, q_data_type=q.dtype, sm_scale=rule.scale)
    else:
        queries = torch.arange(0, batch * new + 1, new, dtype=torch.int32, device=q.device)
        wrapper = flashinfer.BatchPrefillWithPagedKVCacheWrapper(room, "NHD")
        wrapper.plan(
            queries, starts, table.flatten(), last, *heads, causal=True, q_data_type=q.dtype, sm_scale=rule.scale
        )
    return lambda: wrapper.run(q, paged)


def kv_bytes(shape: Shape, keys: int) -> int:
    """Bytes of K and V of some keys."""
    return keys * 2 * shape["kv_heads"] * shape["dim"] * shape["dtype"].itemsize


def query_bytes(shape: Shape, tokens: int) -> int:
    """Bytes of queries read and results written."""
    return tokens * 2 * shape["heads"] * shape["dim"] * shape["dtype"].itemsize


def extend_cost(shape: Shape) -> Cost:
    """Every key once, and the products that causality leaves."""
    batch, new, prefix = shape["batch"], shape["new"], shape["prefix"]
    moved = kv_bytes(shape, batch * (prefix + new)) + query_bytes(shape, batch * new)
    pairs = batch * (prefix * new + new * (new + 1) // 2)
    return Cost(moved, 4 * pairs * shape["heads"] * shape["dim"])


# --- quantised caches -----------------------------------------------------------------------------------------------


def quantised_calls(shape: Shape, device: torch.device) -> Calls:
    """Decode over codes with a scale for each head; torch has no way of its own."""
    batch, length = shape["batch"], shape["prefix"] + 1
    kv, order = cache(shape, batch * pages_of(length), device)
    scale = torch.full((1, shape["kv_heads"]), 0.05, device=device).expand(kv.k.shape[:2])
    codes = torch.stack([kv.k, kv.v], 1).float().div(0.05).clamp(-120, 120).to(shape["cache"])
    kv = PagedKV(codes[:, 0], codes[:, 1], PAGE_SIZE, k_scale=scale, v_scale=scale)
    q = random(batch, shape["heads"], shape["dim"], dtype=shape["dtype"], device=device, seed=1)
    plan = plan_attention(bounds_of(shape, new=1, own=length, is_quantised=True), device)
    places = Batch(order.view(batch, -1), index(range(batch + 1), device), index([length] * batch, device))
    return Calls(ours(plan, q, kv, places, Rule(shape["dim"] ** -0.5)))


def quantised_cost(shape: Shape) -> Cost:
    keys = shape["batch"] * (shape["prefix"] + 1)
    moved = keys * 2 * shape["kv_heads"] * shape["dim"] * shape["cache"].itemsize
    return Cost(moved + query_bytes(shape, shape["batch"]), 4 * keys * shape["heads"] * shape["dim"])


# --- trees of new tokens --------------------------------------------------------------------------------------------


def tree_calls(shape: Shape, device: torch.device) -> Calls:
    """`branches` drafts of `new / branches` tokens each, side by side after one prefix."""
    batch, new, length = shape["batch"], shape["new"], shape["prefix"] + shape["new"]
    kv, order = cache(shape, batch * pages_of(length), device)
    table = order.view(batch, -1)
    q = random(batch * new, shape["heads"], shape["dim"], dtype=shape["dtype"], device=device, seed=1)
    depth = new // shape["branches"]
    token = torch.arange(new, device=device)
    own = (token[:, None] // depth == token // depth) & (token <= token[:, None])
    places = Batch(
        table, index(range(0, batch * new + 1, new), device), index([length] * batch, device),
        tree_mask=own.repeat(batch, 1),
    )  # fmt: skip
    rule = Rule(shape["dim"] ** -0.5)
    plan = plan_attention(bounds_of(shape, new=new, own=length, has_tree=True), device)
    k, v = dense(kv, table, length)
    mask = torch.cat([own.new_ones(new, shape["prefix"]), own], 1)
    queries = by_sequence(q, batch)

    def masked() -> Tensor:
        attend = partial(scaled_dot_product_attention, attn_mask=mask, scale=rule.scale, enable_gqa=True)
        return tokens_first(attend(queries, k, v))

    return Calls(ours(plan, q, kv, places, rule), {"sdpa": masked})


# --- shared prefixes ------------------------------------------------------------------------------------------------


def cascade_calls(shape: Shape, device: torch.device) -> Calls:
    """`batch` branches with `own` keys each on `shared` keys; in `groups` that share `middle` keys more."""
    kv, segments, table, q = tree_of(shape, device)
    batch, own, rule = shape["batch"], shape["own"], Rule(shape["dim"] ** -0.5)
    places = Batch(table, index(range(batch + 1), device), index([own] * batch, device), segments=segments)
    bounds = bounds_of(
        shape, new=1, own=own, num_segments=len(segments.lengths), max_segment=max(shape["shared"], shape["middle"]),
        max_depth=2 if shape["middle"] else 1,
    )  # fmt: skip
    call = ours(plan_attention(bounds, device), q, kv, places, rule)
    return Calls(call, cascade_ways(shape, kv, segments, table, q, rule))


def tree_of(shape: Shape, device: torch.device) -> tuple[PagedKV, Segments, Tensor, Tensor]:
    """The cache, its segments, the pages of own keys, and one query for each branch."""
    batch, groups = shape["batch"], shape["groups"] if shape["middle"] else 0
    counts = [pages_of(shape["shared"]), *[pages_of(shape["middle"])] * groups]
    kv, order = cache(shape, sum(counts) + batch * pages_of(shape["own"]), device)
    table = torch.zeros(len(counts), max(counts), dtype=torch.int32, device=device)
    for row, (count, begin) in enumerate(zip(counts, [sum(counts[:i]) for i in range(len(counts))])):
        table[row, :count] = order[begin : begin + count]
    share = batch // groups if groups else 0
    segments = Segments(
        table,
        index([shape["shared"], *[shape["middle"]] * groups], device),
        index([0, *(share * g for g in range(groups))], device),
        index([batch, *(share * (g + 1) for g in range(groups))], device),
    )
    q = random(batch, shape["heads"], shape["dim"], dtype=shape["dtype"], device=device, seed=1)
    return kv, segments, order[sum(counts) :].view(batch, -1), q


def cascade_ways(
    shape: Shape, kv: PagedKV, segments: Segments, table: Tensor, q: Tensor, rule: Rule
) -> Mapping[str, Call]:
    """SDPA over whole paths; and a cascade made of torch's flash attention, which gives its lse, and a merge."""
    batch, length = shape["batch"], shape["shared"] + shape["middle"] + shape["own"]
    shared = dense(kv, segments.page_table[:1], shape["shared"])
    own = dense(kv, table, shape["own"])
    parts = [tuple(x.expand(batch, -1, -1, -1) for x in shared), own]
    folded = [(1, *shared), (batch, *own)]
    if shape["middle"]:
        middle = dense(kv, segments.page_table[1:], shape["middle"])
        parts.insert(1, tuple(x.repeat_interleave(batch // len(x), 0) for x in middle))
        folded.insert(1, (len(middle[0]), *middle))
    k, v = (torch.cat(pieces, 2) for pieces in zip(*parts))
    assert k.shape[2] == length
    return {
        "sdpa": partial(sdpa, q.unsqueeze(2), k, v, rule.scale),
        "flash cascade": partial(flash_cascade, q, folded, rule.scale),
    }


def flash_cascade(q: Tensor, levels: list[tuple[int, Tensor, Tensor]], scale: float) -> Tensor:
    """Each level's queries folded into its rows: the branches of a segment times the heads of a KV head."""
    batch, num_heads, dim = q.shape
    outs, lses = [], []
    for rows, k, v in levels:
        kv_heads = k.shape[1]
        group, sharers = num_heads // kv_heads, batch // rows
        folded = q.view(rows, sharers, kv_heads, group, dim).transpose(1, 2).flatten(2, 3)
        out, lse = flash_with_lse(folded, k, v, scale)
        outs.append(out.view(rows, kv_heads, sharers, group, dim).transpose(1, 2).reshape(q.shape).float())
        lses.append(lse.view(rows, kv_heads, sharers, group).transpose(1, 2).reshape(batch, num_heads))
    lse = torch.stack(lses)
    weights = torch.softmax(lse, 0)
    return (torch.stack(outs) * weights[..., None]).sum(0).to(q.dtype)


def flash_with_lse(q: Tensor, k: Tensor, v: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """Torch's flash attention without a mask, and its natural-log lse."""
    aten = torch.ops.aten
    if q.is_cuda:
        out, lse = aten._scaled_dot_product_flash_attention(q, k, v, scale=scale)[:2]
    else:
        out, lse = aten._scaled_dot_product_flash_attention_for_cpu(q, k, v, scale=scale)
    return out, lse


def cascade_cost(shape: Shape) -> Cost:
    """The keys of every segment once, and all products."""
    batch, groups = shape["batch"], shape["groups"] if shape["middle"] else 0
    keys = shape["shared"] + groups * shape["middle"] + batch * shape["own"]
    pairs = batch * (shape["shared"] + shape["middle"] + shape["own"])
    return Cost(kv_bytes(shape, keys) + query_bytes(shape, batch), 4 * pairs * shape["heads"] * shape["dim"])


# --- merge and schedule ---------------------------------------------------------------------------------------------


def merge_calls(shape: Shape, device: torch.device) -> Calls:
    sizes = shape["states"], shape["rows"], shape["heads"]
    outs = random(*sizes, shape["dim"], dtype=torch.float32, device=device)
    lses = random(*sizes, dtype=torch.float32, device=device, seed=1)
    out = torch.empty(*sizes[1:], shape["dim"], dtype=shape["dtype"], device=device)
    lse = torch.empty(sizes[1:], device=device)

    def eager(outs: Tensor, lses: Tensor) -> tuple[Tensor, Tensor]:
        weights = torch.softmax(lses, 0)
        return (weights[..., None] * outs).sum(0).to(out.dtype), torch.logsumexp(lses, 0)

    fused = compiled(eager, device)
    return Calls(
        lambda: merge_states(outs, lses, out=out, lse=lse),
        {"eager": lambda: eager(outs, lses), "compile": lambda: fused(outs, lses)},
    )


def merge_cost(shape: Shape) -> Cost:
    rows = shape["rows"] * shape["heads"]
    return Cost(rows * (shape["states"] * (shape["dim"] + 1) * 4 + shape["dim"] * shape["dtype"].itemsize + 4))


def work_list_calls(shape: Shape, device: torch.device) -> Calls:
    """What a step does once before its layers."""
    batch, new, length = shape["batch"], shape["new"], shape["prefix"] + shape["new"]
    plan = plan_attention(bounds_of(shape, new=new, own=length), device)
    table = torch.zeros(batch, pages_of(length), dtype=torch.int32, device=device)
    places = Batch(table, index(range(0, batch * new + 1, new), device), index([length] * batch, device))
    return Calls(lambda: prepare(plan, places))


def work_list_cost(shape: Shape) -> Cost:
    """Query starts and lengths read, an item of 32 bytes written for each sequence, at least."""
    return Cost(shape["batch"] * (8 + 32))


# --- the table ------------------------------------------------------------------------------------------------------


def extends() -> Iterator[tuple[str, dict[str, Any], bool]]:
    """Kernel, sizes, and whether a quick run has it; FlexAttention, slow to compile, is timed for those of FLEX."""
    yield "decode", {"batch": 1, "new": 1, "prefix": 1023}, False
    yield "decode", {"batch": 1, "new": 1, "prefix": 32_767}, True
    yield "decode", {"batch": 16, "new": 1, "prefix": 8191}, True
    yield "decode", {"batch": 64, "new": 1, "prefix": 2047}, True
    yield "decode", {"batch": 64, "new": 1, "prefix": 8319}, True  # what the cascade below spares
    yield "decode", {"batch": 256, "new": 1, "prefix": 1023}, False
    yield "decode", {"batch": 256, "new": 1, "prefix": 1023, "heads": 16}, False  # Qwen3-0.6B
    yield "decode", {"batch": 32, "new": 1, "prefix": 4095, "heads": 32, "kv_heads": 32}, False
    yield "extend", {"batch": 16, "new": 4, "prefix": 8192}, True
    yield "extend", {"batch": 16, "new": 16, "prefix": 8192}, True
    yield "extend", {"batch": 64, "new": 8, "prefix": 2048}, True
    yield "extend", {"batch": 64, "new": 32, "prefix": 512}, False
    yield "extend", {"batch": 1, "new": 16, "prefix": 32_768}, False
    yield "extend", {"batch": 1, "new": 8192, "prefix": 0}, True
    yield "extend", {"batch": 4, "new": 2048, "prefix": 0}, False
    yield "extend", {"batch": 1, "new": 2048, "prefix": 30_720}, False
    yield "extend", {"batch": 1, "new": 8192, "prefix": 0, "heads": 16, "kv_heads": 8, "dim": 256}, False


def entries() -> Iterator[Entry]:
    for kernel, sizes, quick in extends():
        tiny = {"batch": 3, "new": min(sizes["new"], 5), "prefix": min(sizes["prefix"], 40)}
        real = {**sizes, **{k: v for k, v in HEADS.items() if k not in sizes}}
        build = partial(extend_calls, has_flex=(sizes["batch"], sizes["new"], sizes["prefix"]) in FLEX)
        yield Entry(kernel, real, {**real, **TINY_HEADS, **tiny}, build, extend_cost, quick)
    for cache_dtype in (torch.float8_e4m3fn, torch.int8):
        real = {"batch": 64, "prefix": 2047, "cache": cache_dtype, **HEADS}
        tiny = {"batch": 3, "prefix": 40, **TINY_HEADS}
        yield Entry("decode, quantised", real, {**real, **tiny}, quantised_calls, quantised_cost, False)
    real = {"batch": 16, "new": 24, "branches": 4, "prefix": 2048, **HEADS}
    yield Entry("extend, tree", real, {**real, **TINY_HEADS, "batch": 2, "prefix": 20}, tree_calls, extend_cost)
    for batch, shared, groups, middle, own, quick in (
        (64, 8192, 1, 0, 128, True),
        (64, 2048, 8, 1024, 64, True),
        (256, 1024, 1, 0, 32, False),
    ):
        sizes = {"batch": batch, "shared": shared, "groups": groups, "middle": middle, "own": own}
        tiny = {"batch": 4, "shared": 40, "groups": 2 if middle else 1, "middle": middle and 20, "own": 3}
        real = {**sizes, **HEADS}
        yield Entry("cascade", real, {**real, **TINY_HEADS, **tiny}, cascade_calls, cascade_cost, quick)
    for states, rows in ((2, 4096), (16, 64)):
        real = {"states": states, "rows": rows, **{k: v for k, v in HEADS.items() if k != "kv_heads"}}
        yield Entry("merge", real, {**real, "rows": 3, "heads": 2, "dim": 64}, merge_calls, merge_cost, False)
    for batch, new, prefix in ((256, 1, 4096), (64, 8, 8192)):
        real = {"batch": batch, "new": new, "prefix": prefix, **HEADS}
        yield Entry("work list", real, {**real, **TINY_HEADS, "batch": 3}, work_list_calls, work_list_cost, False)
