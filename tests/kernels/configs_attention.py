"""The attention kernels as they are launched for models of 1 to 70 billion parameters; see compile_only.py.

CONFIGS, the main ones, are compiled by the default tests; MORE, the rest, by test_compile_attention.py (slow).
"""

from __future__ import annotations

import triton

from lmc.kernels.attend import tiling_for
from lmc.kernels.worklist import Sight
from tests.kernels.compile_only import Config

TOLD = ("q_token_stride", "q_head_stride", "kv_stride", "kv_head_stride", "out_token_stride", "out_head_stride")


def attend(
    name: str,
    *,
    rows: int,
    dim: int,
    group: int,
    sight: Sight,
    capability: int,
    dtype: str = "bf16",
    cache: str = "",
    page_size: int = 16,
    window: bool = False,
    softcap: bool = False,
    sinks: bool = False,
    may_spill: int = 0,
) -> Config:
    """One launch of attend_kernel with the tiling that the launcher picks."""
    itemsize = 4 if dtype == "fp32" else 2
    has_tree = sight == Sight.TREE
    tiling = tiling_for(
        rows, group=group, head_dim=dim, itemsize=itemsize, capability=divmod(capability, 10),
        is_tree=has_tree, is_quantised=bool(cache),
    )  # fmt: skip
    reads_bits = cache == "fp8e4nv" and capability < 89
    kv = "u8" if reads_bits else cache or dtype
    pointers = {
        "q_ptr": f"*{dtype}", "out_ptr": f"*{dtype}", "k_ptr": f"*{kv}", "v_ptr": f"*{kv}",
        "states_ptr": "*fp32", "state_lses_ptr": "*fp32", "items_ptr": "*i32", "page_table_ptr": "*i32",
    }  # fmt: skip
    given = {
        "k_scale_ptr": ("*fp32", bool(cache)), "v_scale_ptr": ("*fp32", bool(cache)), "lse_ptr": ("*fp32", False),
        "sinks_ptr": ("*bf16", sinks), "begins_ptr": ("*i32", has_tree), "tree_ptr": ("*u8", has_tree),
        "positions_ptr": ("*i32", has_tree and window),
    }  # fmt: skip
    integers = (
        *TOLD, "scale_stride", "scale_head_stride", "page_table_stride", "tree_stride", "num_kv_heads", "window",
    )  # fmt: skip
    return Config(
        name=f"attend {name} {capability}",
        kernel="lmc.kernels.attend:attend_kernel",
        signature={
            **pointers,
            **{key: type_ for key, (type_, is_given) in given.items() if is_given},
            **dict.fromkeys(integers, "i32"),
            "factor": "fp32",
            "cap": "fp32",
        },
        constexprs={
            **{key: None for key, (_, is_given) in given.items() if not is_given},
            "GROUP": group, "HEAD_DIM": dim, "PAGE_SIZE": page_size, "SIGHT": int(sight), "HAS_WINDOW": window,
            "HAS_SOFTCAP": softcap, "READS_BITS": reads_bits, "BLOCK_M": tiling.block_m, "BLOCK_N": tiling.block_n,
            "BLOCK_D": triton.next_power_of_2(dim),
        },
        multiples=TOLD,
        num_warps=tiling.num_warps,
        num_stages=tiling.num_stages,
        capabilities=(capability,),
        may_spill=may_spill,
        options={"maxnreg": tiling.max_registers},
    )  # fmt: skip


def main(capability: int) -> list[Config]:
    """What most models launch."""
    four = {"group": 4, "capability": capability}
    eight = {"dim": 128, "group": 8, "capability": capability}
    full = {"window": True, "softcap": True, "sinks": True}
    return [
        *(attend(f"decode {dim}", rows=4, dim=dim, sight=Sight.WHOLE, **four) for dim in (64, 128, 256)),
        attend("extend short 128", rows=32, dim=128, sight=Sight.CAUSAL, **four),
        attend("extend medium 128", rows=64, dim=128, sight=Sight.CAUSAL, **four),
        *(attend(f"extend long {dim}", rows=4096, dim=dim, sight=Sight.CAUSAL, **four) for dim in (96, 128, 256)),
        attend("decode 128 e4m3", rows=8, sight=Sight.WHOLE, cache="fp8e4nv", **eight),
        attend("extend 128 int8", rows=4096, sight=Sight.CAUSAL, cache="i8", **eight),
        attend("extend 128 window, cap, sinks", rows=4096, sight=Sight.CAUSAL, **full, **eight),
        attend("tree 128 window", rows=128, sight=Sight.TREE, window=True, **eight),
        attend("segment 128", rows=4096, sight=Sight.WHOLE, **eight),
    ]


def more(capability: int) -> list[Config]:
    """Every other kind of launch."""
    four = {"group": 4, "capability": capability}
    eight = {"dim": 128, "group": 8, "capability": capability}
    return [
        attend("decode 96", rows=4, dim=96, sight=Sight.WHOLE, **four),
        *(attend(f"extend short {dim}", rows=32, dim=dim, sight=Sight.CAUSAL, **four) for dim in (64, 96, 256)),
        *(attend(f"extend medium {dim}", rows=64, dim=dim, sight=Sight.CAUSAL, **four) for dim in (64, 96, 256)),
        attend("extend long 64", rows=4096, dim=64, sight=Sight.CAUSAL, **four),
        attend("segment 256", rows=4096, dim=256, sight=Sight.WHOLE, **four),
        attend("decode 128 fp16", rows=8, sight=Sight.WHOLE, dtype="fp16", page_size=1, **eight),
        attend("decode 128 int8", rows=8, sight=Sight.WHOLE, cache="i8", **eight),
        attend("decode 128 cap, sinks", rows=8, sight=Sight.WHOLE, softcap=True, sinks=True, **eight),
        attend("decode 128 fp32", rows=8, sight=Sight.WHOLE, dtype="fp32", **eight),
        attend("extend 128 e4m3", rows=4096, sight=Sight.CAUSAL, cache="fp8e4nv", **eight),
        attend("extend 128 page 1", rows=4096, sight=Sight.CAUSAL, page_size=1, **eight),
        attend("extend short 128 e4m3", rows=32, sight=Sight.CAUSAL, cache="fp8e4nv", **eight),
        attend("tree 128", rows=64, sight=Sight.TREE, **eight),
        attend("tree short 128", rows=32, sight=Sight.TREE, **eight),
        attend("segment 128 int8", rows=4096, sight=Sight.WHOLE, cache="i8", **eight),
    ]


def merge(name: str, *, dim: int, states: int, heads: int, ranges: bool, levels: int = 1) -> Config:
    """One launch of merge_kernel."""
    table = ("ranges_ptr", "num_ranges_ptr")
    return Config(
        name=f"merge {name}",
        kernel="lmc.kernels.merge:merge_kernel",
        signature={
            "states_ptr": "*fp32", "state_lses_ptr": "*fp32", "out_ptr": "*bf16",
            **(dict.fromkeys(table, "*i32") if ranges else {}),
            **dict.fromkeys(("out_token_stride", "out_head_stride", "num_rows", "num_states", "num_heads"), "i32"),
        },
        constexprs={
            **({} if ranges else dict.fromkeys(table)), "sinks_ptr": None, "lse_ptr": None,
            "HEAD_DIM": dim, "LEVELS": levels, "BLOCK_S": states, "BLOCK_H": heads,
            "BLOCK_D": triton.next_power_of_2(dim),
        },
        multiples=("out_token_stride", "out_head_stride", "num_heads"),
        num_warps=4,
        options={"maxnreg": 128},
    )  # fmt: skip


def schedule(runs: int, items: int, tile_tokens: int) -> Config:
    """One launch of schedule_kernel."""
    integers = ("num_runs", "max_items", "target_items", "min_chunk", "fixed_chunk", "window")
    pointers = ("items", "merges", "num_merges", "run_states", "begins", "ends", "lengths")
    return Config(
        name=f"schedule {runs} runs",
        kernel="lmc.kernels.worklist:schedule_kernel",
        signature={**{f"{name}_ptr": "*i32" for name in pointers}, **dict.fromkeys(integers, "i32")},
        constexprs={
            "SIGHT": int(Sight.CAUSAL), "KEEPS_STATES": False, "HAS_MERGES": True, "TILE_TOKENS": tile_tokens,
            "BLOCK_N": 64, "BLOCK_R": runs, "BLOCK_I": items, "BLOCK_T": tile_tokens,
        },
        num_warps=16 if runs > 1024 else 8,
    )  # fmt: skip


def ranges(segments: int, sequences: int, depth: int) -> Config:
    """One launch of ranges_kernel."""
    pointers = ("ranges", "begins", "ends", "shared_states", "query_starts", "own_states")
    integers = ("num_segments", "num_sequences", "first_own")
    return Config(
        name=f"ranges {segments} segments",
        kernel="lmc.kernels.cascade:ranges_kernel",
        signature={**{f"{name}_ptr": "*i32" for name in pointers}, **dict.fromkeys(integers, "i32")},
        constexprs={
            "MAX_DEPTH": depth, "BLOCK_G": segments, "BLOCK_B": sequences, "BLOCK_L": triton.next_power_of_2(depth),
        },
        num_warps=1 if max(segments, sequences) <= 256 else 16,
    )  # fmt: skip


CONFIGS = (
    *main(80),
    *main(90),
    merge("splits 128", dim=128, states=32, heads=1, ranges=True),
    schedule(64, 64, 1),
    ranges(64, 256, 3),
)
MORE = (
    *more(80),
    *more(90),
    merge("levels 128", dim=128, states=8, heads=4, ranges=True, levels=3),
    merge("states 256", dim=256, states=2, heads=8, ranges=False),
    schedule(4096, 1, 32),
    ranges(4096, 1024, 3),
)
