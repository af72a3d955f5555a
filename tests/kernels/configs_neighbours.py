"""The kernels beside attention as they are launched for models of 1 to 70 billion parameters; see compile_only.py."""

from __future__ import annotations

from tests.kernels.compile_only import CAPABILITIES, Config


def rms_norm(dtype: str, block: int, num_warps: int, has_residual: bool) -> Config:
    return Config(
        name=f"rms_norm {dtype} {block}" + (" + residual" if has_residual else ""),
        kernel="lmc.kernels.rms_norm:rms_norm_kernel",
        signature={
            **dict.fromkeys(("x_ptr", "residual_ptr", "weight_ptr", "out_ptr"), f"*{dtype}"),
            **dict.fromkeys(("x_stride", "residual_stride", "out_stride"), "i32"),
            "width": "i32",
            "eps": "fp32",
            "weight_offset": "fp32",
        },
        constexprs={"HAS_RESIDUAL": has_residual, "BLOCK": block},
        multiples=("x_stride", "residual_stride", "out_stride", "width"),
        num_warps=num_warps,
    )


def swiglu(dtype: str) -> Config:
    return Config(
        name=f"swiglu {dtype} 2048",
        kernel="lmc.kernels.swiglu:swiglu_kernel",
        signature={
            **dict.fromkeys(("packed_ptr", "out_ptr"), f"*{dtype}"),
            **dict.fromkeys(("packed_stride", "out_stride", "width"), "i32"),
        },
        constexprs={"BLOCK": 2048},
        multiples=("packed_stride", "out_stride", "width"),
    )


def gather_rows(dtype: str, has_residual: bool) -> Config:
    return Config(
        name=f"gather_rows {dtype} 2048" + (" + residual" if has_residual else ""),
        kernel="lmc.kernels.gather_rows:gather_rows_kernel",
        signature={
            **dict.fromkeys(("x_ptr", "residual_ptr", "out_ptr"), f"*{dtype}"),
            "rows_ptr": "*i32",
            **dict.fromkeys(("x_stride", "residual_stride", "out_stride", "width"), "i32"),
        },
        constexprs={"HAS_RESIDUAL": has_residual, "BLOCK": 2048},
        multiples=("x_stride", "residual_stride", "out_stride", "width"),
    )


def rope_kv_write(
    name: str, heads: tuple[int, int], dim: int, *, cache: str = "bf16", has_norm: bool = False, scales: str = "none"
) -> Config:
    num_heads, num_kv_heads = heads
    pointers = ("q_ptr", "k_ptr", "v_ptr", "q_weight_ptr", "k_weight_ptr")
    tokens = [f"{x}_{kind}_stride" for x in "qkv" for kind in ("token", "head")]
    strides = (*tokens, "slot_stride", "head_stride", "scale_slot_stride", "scale_head_stride", "angle_stride")
    return Config(
        name=f"rope_kv_write {name}",
        kernel="lmc.kernels.rope_kv_write:rope_kv_write_kernel",
        signature={
            **dict.fromkeys(pointers, "*bf16"),
            **dict.fromkeys(("k_cache_ptr", "v_cache_ptr"), f"*{cache}"),
            **dict.fromkeys(("k_scale_ptr", "v_scale_ptr", "cos_ptr", "sin_ptr"), "*fp32"),
            **dict.fromkeys(("positions_ptr", "slots_ptr"), "*i32"),
            **dict.fromkeys(strides, "i32"),
            "eps": "fp32",
        },
        constexprs={
            "NUM_HEADS": num_heads,
            "NUM_KV_HEADS": num_kv_heads,
            "HEADS_BLOCK": min(16, num_heads),
            "KV_BLOCK": min(16, num_kv_heads),
            "HALF": dim // 2,
            "HALF_BLOCK": 64 if dim == 96 else dim // 2,
            "REST": 0,
            "REST_BLOCK": 1,
            "DIM_BLOCK": 128 if dim == 96 else dim,
            "HAS_NORM": has_norm,
            "SCALES": scales,
            "CODE_MAX": 448.0 if cache == "fp8e4nv" else 127.0,
        },
        multiples=(*tokens, "slot_stride", "head_stride", "angle_stride"),
        capabilities=(90,) if cache == "fp8e4nv" else CAPABILITIES,
    )


def sample(kernel: str, dtype: str, counts: str = "", has_mask: bool = False) -> Config:
    vectors = {"out": "i64", "temperature": "fp32", "top_k": "i32", "top_p": "fp32", "min_p": "fp32", "facts": "fp32"}
    costs = dict.fromkeys(("repetition", "presence", "frequency"), "fp32")
    pointers = {"logits": dtype, **vectors, **costs, "seed": "i64", "position": "i64", "words": "i32"}
    pointers |= {"word_rows": "i32", "counts": counts or "i64"}
    constexprs: dict[str, object] = {"HAS_MASK": has_mask, "HAS_MASK_ROWS": has_mask, "HAS_COUNTS": bool(counts)}
    constexprs |= {"TILE": 2048}
    if kernel == "sample":
        pointers |= {"values": "fp32", "ids": "i32"}
        constexprs |= {"CANDIDATES": 4096, "TILE": 4096}
    sizes = ("logits_stride", "words_stride", "counts_stride", "vocab", "num_words")
    return Config(
        name=f"{kernel} {dtype}" + (" + mask" if has_mask else "") + (f" + counts {counts}" if counts else ""),
        kernel=f"lmc.kernels.{kernel}:{kernel}_kernel",
        signature={**{f"{n}_ptr": f"*{t}" for n, t in pointers.items()}, **dict.fromkeys(sizes, "i32")},
        constexprs=constexprs,
        multiples=("logits_stride", "counts_stride", "vocab"),
        num_warps=16,
        options={"maxnreg": 64},
        may_spill=64,
    )


def token_logprobs(dtype: str) -> Config:
    vectors = {"tokens": "i64", "wanted": "i32", "chosen": "fp32", "top_ids": "i32", "top_logprobs": "fp32"}
    pointers = {"logits": dtype, **vectors, "values": "fp32", "ids": "i32"}
    return Config(
        name=f"token_logprobs {dtype}",
        kernel="lmc.kernels.token_logprobs:token_logprobs_kernel",
        signature={
            **{f"{n}_ptr": f"*{t}" for n, t in pointers.items()},
            **dict.fromkeys(("logits_stride", "vocab", "max_top"), "i32"),
        },
        constexprs={"TILE": 4096, "CANDIDATES": 4096},
        multiples=("logits_stride", "vocab"),
        num_warps=16,
        options={"maxnreg": 64},
    )


def automaton_words(class_dtype: str) -> Config:
    return Config(
        name=f"automaton_words {class_dtype}",
        kernel="lmc.kernels.automaton:automaton_words_kernel",
        signature={
            "classes_ptr": f"*{class_dtype}",
            **dict.fromkeys(("next_state_ptr", "states_ptr", "which_ptr", "words_ptr"), "*i32"),
            **dict.fromkeys(("classes_stride", "next_state_stride", "words_stride", "vocab"), "i32"),
        },
        constexprs={"BLOCK": 64},
        multiples=("classes_stride", "vocab"),
    )


def advance() -> Config:
    return Config(
        name="advance",
        kernel="lmc.kernels.automaton:advance_kernel",
        signature={
            "classes_ptr": "*i16",
            **dict.fromkeys(("next_state_ptr", "states_ptr", "which_ptr"), "*i32"),
            "tokens_ptr": "*i64",
            **dict.fromkeys(("classes_stride", "next_state_stride", "num_rows"), "i32"),
        },
        constexprs={"BLOCK": 128},
        multiples=("classes_stride",),
    )


def copy_slots(is_gather: bool) -> Config:
    return Config(
        name="copy_slots " + ("gather" if is_gather else "scatter"),
        kernel="lmc.kernels.tier_copy:copy_slots_kernel",
        signature={
            **dict.fromkeys(("layer_ptr", "packed_ptr"), "*i32"),
            "slots_ptr": "*i64",
            **dict.fromkeys(("slot_stride", "num_slots", "width"), "i32"),
        },
        constexprs={"IS_GATHER": is_gather, "BLOCK": 1024},
        multiples=("slot_stride", "width"),
    )


CONFIGS = (
    rms_norm("bf16", 4096, 8, False),
    rms_norm("bf16", 4096, 8, True),
    rms_norm("fp32", 8192, 16, True),
    swiglu("bf16"),
    gather_rows("bf16", True),
    sample("sample", "bf16"),
    sample("sample", "bf16", "u8", has_mask=True),
    sample("sample", "fp32", "i32"),
    copy_slots(True),
    copy_slots(False),
    token_logprobs("bf16"),
    automaton_words("i16"),
    advance(),
    sample("sample_by_noise", "bf16"),
    sample("sample_by_noise", "bf16", "u8", has_mask=True),
    rope_kv_write("bf16 32/8 x 128", (32, 8), 128),
    rope_kv_write("bf16 16/8 x 128 + norm", (16, 8), 128, has_norm=True),
    rope_kv_write("bf16 32/32 x 96", (32, 32), 96),
    rope_kv_write("int8 32/8 x 128", (32, 8), 128, cache="i8", scales="written"),
    rope_kv_write("e4m3 32/8 x 128", (32, 8), 128, cache="fp8e4nv", scales="read"),
)
