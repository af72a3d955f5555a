"""KV between the slots of the pool and contiguous host buffers, layer by layer, beside what the GPU computes.

    transfer = TierStream(device).load(host, slots, layers)      begins; layer 0 first
    transfer.wait(layer)                                         the current stream goes on when that layer is there

One kernel a layer gathers or scatters whole slots and reads or writes pinned host memory itself, so scattered slots
cost no staging buffer and no call for each run. It is a few programs that loop: a link of 64 GB/s needs some hundred
kilobytes on their way, not the whole GPU. A slot's numbers are copied as they are, whatever their type.

On the CPU the same calls copy at once and waiting does nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext

import torch
import triton
import triton.language as tl
from torch import Tensor

from lmc.kernels.checks import INDICES, check_dtype, check_same_device, check_shape, require, short
from lmc.kernels.placement import runs_kernel

MAX_PROGRAMS = 64
BLOCK = 1024  # words of 4 bytes a program moves at a time


def gather_slots(layer: Tensor, slots: Tensor, out: Tensor) -> None:
    """out[i] = layer[slots[i]].

    layer  [num_slots, ...]  a slot is contiguous and a multiple of 4 bytes: the pool's tensor of one layer
    slots  [N]               int32 or int64; below 0: out[i] stays as it is
    out    [N, ...]          contiguous, type of layer; on its device, or pinned on the host

    Raises KernelError where shapes, types, strides or places do not fit.
    """
    check(layer, slots, out, "out")
    copy_slots(layer, slots, out, is_gather=True)


def scatter_slots(source: Tensor, slots: Tensor, layer: Tensor) -> None:
    """layer[slots[i]] = source[i]; arguments as for gather_slots, slots all different, below 0: not written."""
    check(layer, slots, source, "source")
    copy_slots(layer, slots, source, is_gather=False)


def copy_slots(layer: Tensor, slots: Tensor, packed: Tensor, *, is_gather: bool) -> None:
    """One layer, in either direction."""
    if not slots.shape[0]:
        return
    if not runs_kernel(layer):
        return copy_slots_reference(layer, slots, packed, is_gather=is_gather)
    width = layer[0].numel() * layer.element_size() // 4
    copy_slots_kernel[(min(MAX_PROGRAMS, slots.shape[0]),)](
        as_words(layer), slots, as_words(packed), layer.stride(0) * layer.element_size() // 4, slots.shape[0], width,
        IS_GATHER=is_gather, BLOCK=BLOCK, num_warps=4,
    )  # fmt: skip


def as_words(tensor: Tensor) -> Tensor:
    """The memory of a tensor as words of 4 bytes, from its first number on."""
    return tensor.as_strided((tensor[0].numel(),), (1,)).view(torch.int32)


def check(layer: Tensor, slots: Tensor, packed: Tensor, name: str) -> None:
    """Refuse what the kernel cannot do."""
    check_shape("slots", slots, None)
    check_dtype("slots", slots, INDICES)
    check_same_device(layer=layer, slots=slots)
    check_shape(name, packed, slots.shape[0], *layer.shape[1:])
    check_dtype(name, packed, (layer.dtype,))
    require(packed.is_contiguous(), f"{name} is not contiguous")
    require(layer.shape[0] > 0 and layer[0].is_contiguous(), "a slot of the layer is not contiguous")
    size = layer.element_size()
    is_whole = layer[0].numel() * size % 4 == 0 and layer.stride(0) * size % 4 == 0
    require(is_whole, f"slots of {layer[0].numel()} {short(layer.dtype)} are not a multiple of 4 bytes")
    near = packed.device == layer.device or (packed.device.type == "cpu" and packed.is_pinned())
    require(
        near, f"{name} is neither on {layer.device} nor pinned", help="make it with torch.empty(..., pin_memory=True)"
    )


@triton.jit
def copy_slots_kernel(
    layer_ptr, slots_ptr, packed_ptr, slot_stride, num_slots, width, IS_GATHER: tl.constexpr, BLOCK: tl.constexpr
):
    for i in range(tl.program_id(0), num_slots, tl.num_programs(0)):
        slot = tl.load(slots_ptr + i).to(tl.int64)
        layer_at = layer_ptr + slot * slot_stride
        packed_at = packed_ptr + (tl.full((), 0, tl.int64) + i) * width
        for start in range(0, width, BLOCK):
            word = start + tl.arange(0, BLOCK)
            inside = (word < width) & (slot >= 0)
            if IS_GATHER:
                tl.store(packed_at + word, tl.load(layer_at + word, mask=inside), mask=inside)
            else:
                tl.store(layer_at + word, tl.load(packed_at + word, mask=inside), mask=inside)


def copy_slots_reference(layer: Tensor, slots: Tensor, packed: Tensor, *, is_gather: bool) -> None:
    """Gather or scatter of slots (`is_gather`) by indexing in torch."""
    kept = slots >= 0
    if is_gather:
        packed[kept] = layer[slots[kept].long()]
    else:
        layer[slots[kept].long()] = packed[kept]


# --- streams ---------------------------------------------------------------------------------------------


class Transfer:
    """Layers on their way; their tensors must not be changed before they are there."""

    def __init__(self, num_layers: int) -> None:
        self.num_layers = num_layers
        self.events: list[torch.cuda.Event] = []

    def wait(self, layer: int) -> None:
        """Work given to the current stream from now on begins when `layer` is there; the host does not wait."""
        if self.events:
            torch.cuda.current_stream().wait_event(self.events[layer])

    def is_done(self) -> bool:
        """True where all layers are there."""
        return all(event.query() for event in self.events[-1:])

    def synchronize(self) -> None:
        """The host waits for all layers: before it reads what was stored, or frees or overwrites slots or buffers."""
        for event in self.events[-1:]:
            event.synchronize()


class TierStream:
    """A stream of its own on which transfers run one after another; none on the CPU."""

    def __init__(self, device: torch.device) -> None:
        self.stream = torch.cuda.Stream(device) if device.type == "cuda" else None

    def store(self, layers: Sequence[Tensor], slots: Tensor, host: Tensor) -> Transfer:
        """Begin to copy slots to host [num_layers, N, ...], after what the current stream was given so far."""
        return self._copy(layers, slots, host, is_store=True)

    def load(self, host: Tensor, slots: Tensor, layers: Sequence[Tensor]) -> Transfer:
        """Begin to copy host [num_layers, N, ...] to slots, after what the current stream was given so far."""
        return self._copy(layers, slots, host, is_store=False)

    def _copy(self, layers: Sequence[Tensor], slots: Tensor, host: Tensor, *, is_store: bool) -> Transfer:
        require(len(host) == len(layers), f"host holds {len(host)} layers; there are {len(layers)}")
        transfer = Transfer(len(layers))
        if self.stream is not None:
            self.stream.wait_stream(torch.cuda.current_stream(slots.device))
            slots.record_stream(self.stream)
        with torch.cuda.stream(self.stream) if self.stream is not None else nullcontext():
            for layer, packed in zip(layers, host):
                if is_store:
                    gather_slots(layer, slots, packed)
                else:
                    scatter_slots(packed, slots, layer)
                if self.stream is not None:
                    transfer.events.append(self.stream.record_event())
        return transfer
