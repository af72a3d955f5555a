"""Where a call runs: the Triton kernel on CUDA tensors, its torch reference on CPU tensors.

With TRITON_INTERPRET=1 set before the first import, CPU tensors take the kernel too, in Triton's interpreter.
"""

from __future__ import annotations

from functools import cache

import torch
import triton
from torch import Tensor

IS_INTERPRETED: bool = triton.knobs.runtime.interpret

NUM_SMS_INTERPRETED = 4  # any small number; grids that depend on it are covered with few programs


def runs_kernel(tensor: Tensor) -> bool:
    """True where a call on `tensor` launches a kernel rather than its reference."""
    return tensor.is_cuda or (IS_INTERPRETED and tensor.device.type == "cpu")


@cache
def num_sms(device: torch.device) -> int:
    """Streaming multiprocessors of a device; a small constant on the CPU."""
    if device.type != "cuda":
        return NUM_SMS_INTERPRETED
    return int(torch.cuda.get_device_properties(device).multi_processor_count)
