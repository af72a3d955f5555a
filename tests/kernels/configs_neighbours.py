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


CONFIGS = (
    rms_norm("bf16", 4096, 8, False),
    rms_norm("bf16", 4096, 8, True),
    rms_norm("fp32", 8192, 16, True),
)
