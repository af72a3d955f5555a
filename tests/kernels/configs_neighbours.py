"""The kernels beside attention as they are launched for models of 1 to 70 billion parameters; see compile_only.py."""

from __future__ import annotations

from compile_only import Config


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


CONFIGS = (
    rms_norm("bf16", 4096, 8, False),
    rms_norm("bf16", 4096, 8, True),
    rms_norm("fp32", 8192, 16, True),
    swiglu("bf16"),
    gather_rows("bf16", True),
)
