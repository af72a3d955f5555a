"""The machine of a run, and its two measured limits: copy bandwidth and bf16 matmul rate."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass

import torch
import triton

from benchmarks.kernels.timing import Stopwatch

COPY_BYTES = 1 << 30
MATMUL_SIZE = 8192


@dataclass(frozen=True, slots=True)
class Machine:
    """What ran it: name of the GPU or None, versions, the host."""

    gpu: str | None
    sms: int
    capability: str
    torch: str
    triton: str
    cuda: str | None
    host: str


@dataclass(frozen=True, slots=True)
class Limits:
    """Measured in the same run: bytes a second of a large copy (read + write), bf16 operations a second."""

    copy_bytes_per_s: float
    matmul_flops_per_s: float


def machine() -> Machine:
    """This machine."""
    gpu = torch.cuda.get_device_properties(0) if torch.cuda.is_available() else None
    return Machine(
        gpu=gpu.name if gpu else None,
        sms=gpu.multi_processor_count if gpu else 0,
        capability=f"{gpu.major}.{gpu.minor}" if gpu else "",
        torch=torch.__version__,
        triton=triton.__version__,
        cuda=torch.version.cuda,
        host=f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
    )


def limits(watch: Stopwatch) -> Limits:
    """Measure both limits."""
    source = torch.empty(COPY_BYTES, dtype=torch.int8, device="cuda")
    target = torch.empty_like(source)
    copy = watch.time(lambda: target.copy_(source))
    a = torch.randn(MATMUL_SIZE, MATMUL_SIZE, dtype=torch.bfloat16, device="cuda")
    out = torch.empty_like(a)
    matmul = watch.time(lambda: torch.matmul(a, a, out=out))
    return Limits(2e6 * COPY_BYTES / copy.us, 2e6 * MATMUL_SIZE**3 / matmul.us)
