"""Checks of arguments, shared by all launchers: each is one sentence of a `KernelError`.

They look at shapes, types, strides and devices, never at values: a value lies on the device, and reading it would wait.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lmc.kernels.errors import KernelError

FLOATS = (torch.float32, torch.float16, torch.bfloat16)
INDICES = (torch.int32, torch.int64)


def require(holds: bool, message: str, *, help: str | None = None) -> None:
    """Raise KernelError(message) unless `holds`."""
    if not holds:
        raise KernelError(message, help=help)


def check_dtype(name: str, tensor: Tensor, allowed: Sequence[torch.dtype]) -> None:
    """`tensor` has one of the types in `allowed`."""
    if tensor.dtype not in allowed:
        raise KernelError(f"{name} is {short(tensor.dtype)}; it must be {' or '.join(map(short, allowed))}")


def check_shape(name: str, tensor: Tensor, *sizes: int | None) -> None:
    """`tensor` has these sizes; None stands for any."""
    fits = tensor.ndim == len(sizes) and all(b is None or a == b for a, b in zip(tensor.shape, sizes))
    if not fits:
        wanted = ", ".join("any" if size is None else str(size) for size in sizes)
        raise KernelError(f"{name} has the shape {list(tensor.shape)}; it must be [{wanted}]")


def check_last_contiguous(name: str, tensor: Tensor) -> None:
    """Neighbours in the last dimension are neighbours in memory; other strides are free."""
    if tensor.shape[-1] > 1 and tensor.stride(-1) != 1:
        raise KernelError(
            f"{name} has a last stride of {tensor.stride(-1)}; it must be 1", help=f"pass {name}.contiguous()"
        )


def check_same_device(**tensors: Tensor | None) -> None:
    """All tensors that are given lie on one device."""
    places = {name: tensor.device for name, tensor in tensors.items() if tensor is not None}
    if len(set(places.values())) > 1:
        raise KernelError("tensors on different devices: " + ", ".join(f"{n} on {d}" for n, d in places.items()))


def short(dtype: torch.dtype) -> str:
    """`float16` for torch.float16."""
    return str(dtype).removeprefix("torch.")
