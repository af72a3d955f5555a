"""What a benchmark entry is: a kernel at a shape, what it must move and compute, and torch's ways to do the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

Shape = Mapping[str, Any]  # named sizes and a dtype: {"rows": 4096, "width": 4096, "dtype": torch.bfloat16}
Call = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Cost:
    """What no implementation can avoid: bytes read and written once, floating-point operations on tensor cores."""

    bytes: int
    flops: int = 0


@dataclass(frozen=True, slots=True)
class Calls:
    """One set of arguments, ready to run.

    ours    the kernel
    others  torch's ways by name ("eager", "compile", "sdpa", "flashinfer"); each computes what ours does
    """

    ours: Call
    others: Mapping[str, Call] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the table.

    shape   the real sizes, timed on a GPU; `cost` is computed from them alone
    tiny    the same names with sizes for the dry run on a CPU
    build   makes the arguments from a shape on a device, the same values each time it is called
    quick   also timed with --quick
    same    True where ours and others give equal tensors; the dry run compares them
    """

    kernel: str
    shape: Shape
    tiny: Shape
    build: Callable[[Shape, torch.device], Calls]
    cost: Callable[[Shape], Cost]
    quick: bool = True
    same: bool = True

    @property
    def name(self) -> str:
        """The shape as text: `rows 4096, width 4096, bfloat16`."""
        return ", ".join(str(v).removeprefix("torch.") if k == "dtype" else f"{k} {v}" for k, v in self.shape.items())


def random(*sizes: int, dtype: torch.dtype, device: torch.device, seed: int = 0) -> torch.Tensor:
    """Normal numbers, the same for the same sizes and seed on one kind of device."""
    generator = torch.Generator(device).manual_seed(seed)
    return torch.randn(sizes, device=device, generator=generator, dtype=torch.float32).to(dtype)


def compiled(call: Callable[..., Any], device: torch.device) -> Callable[..., Any]:
    """torch.compile on a GPU; the function itself on a CPU, where the dry run has no time to compile."""
    return torch.compile(call, dynamic=False) if device.type == "cuda" else call
