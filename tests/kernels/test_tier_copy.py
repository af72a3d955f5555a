"""Copies between slots and host buffers: exact, whatever the type, and back."""

from __future__ import annotations

import pytest
import torch

from lmc.kernels.errors import KernelError
from lmc.kernels.tier_copy import TierStream, copy_slots_reference, gather_slots, scatter_slots

SLOTS = [6, 0, -1, 3]


def pool(dtype: torch.dtype, device: torch.device, *, heads: int = 2, dim: int = 10) -> torch.Tensor:
    """One layer as the engine holds it, with every byte set."""
    return torch.randint(-100, 100, (9, 2, heads, dim), device=device).to(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int8, torch.float8_e4m3fn])
@pytest.mark.parametrize("dim", [10, 600])
def test_gather_and_scatter_match_reference(dtype, dim, device):
    """Slots in no order, one that is padding, slots larger than a block; slots that are not named stay."""

    layer, slots = pool(dtype, device, dim=dim), torch.tensor(SLOTS, device=device)
    ours, theirs = (torch.full((4, 2, 2, dim), 1.0, device=device).to(dtype) for _ in range(2))
    gather_slots(layer, slots, ours)
    copy_slots_reference(layer, slots, theirs, is_gather=True)
    assert torch.equal(ours.view(torch.uint8), theirs.view(torch.uint8))
    mine, yours = pool(dtype, device, dim=dim), pool(dtype, device, dim=dim)
    mine.copy_(yours)
    scatter_slots(ours, slots, mine)
    copy_slots_reference(yours, slots, theirs, is_gather=False)
    assert torch.equal(mine.view(torch.uint8), yours.view(torch.uint8))


def test_slots_of_a_view_into_a_larger_pool(device):
    """A layer whose slots lie apart in memory."""

    whole = torch.randn(9, 2, 2, 2, 4, device=device)
    out = torch.empty(4, 2, 2, 4, device=device)
    gather_slots(whole[:, 1], torch.tensor([8, 7, 0, 1], device=device), out)
    assert torch.equal(out, whole[:, 1][[8, 7, 0, 1]])


def test_layers_travel_to_the_host_and_back(device):
    """What was stored and loaded into other slots is the same; the transfer says so."""

    layers = [pool(torch.float16, device) for _ in range(3)]
    host = torch.empty(3, 3, 2, 2, 10, dtype=torch.float16, pin_memory=device.type == "cuda")
    stream = TierStream(device)
    stream.store(layers, torch.tensor([1, 2, 3], device=device), host).synchronize()
    transfer = stream.load(host, torch.tensor([8, 6, 7], device=device), layers)
    for i, layer in enumerate(layers):
        transfer.wait(i)
        assert torch.equal(layer[[8, 6, 7]], layer[[1, 2, 3]])
    transfer.synchronize()
    assert transfer.is_done()


@pytest.mark.parametrize(
    "layer, out, message",
    [
        (torch.ones(9, 3).half(), torch.ones(2, 3).half(), "not a multiple of 4 bytes"),
        (torch.ones(9, 4), torch.ones(3, 4), "out has the shape"),
        (torch.ones(9, 4), torch.ones(2, 4).half(), "out is float16"),
        (torch.ones(9, 4), torch.ones(4, 2).T, "out is not contiguous"),
        (torch.ones(9, 4, 2).transpose(1, 2), torch.ones(2, 2, 4), "a slot of the layer is not contiguous"),
    ],
)
def test_gather_slots_refuses(layer, out, message):
    with pytest.raises(KernelError, match=message):
        gather_slots(layer, torch.tensor([0, 1]), out)


def test_a_transfer_of_other_layers_is_refused():
    with pytest.raises(KernelError, match="host holds 2 layers; there are 1"):
        TierStream(torch.device("cpu")).store([torch.ones(4, 4)], torch.tensor([0]), torch.ones(2, 1, 4))


@pytest.mark.gpu
def test_tier_copies_overlap_a_stream_on_a_gpu(gpu):
    """8 layers of 1,000 scattered slots to the host and back, with work on the current stream between."""

    layers = [torch.randn(4096, 2, 8, 128, device=gpu, dtype=torch.bfloat16) for _ in range(8)]
    host = torch.empty(8, 1000, 2, 8, 128, dtype=torch.bfloat16, pin_memory=True)
    there, back = torch.randperm(4096, device=gpu)[:2000].chunk(2)
    stream = TierStream(gpu)
    stream.store(layers, there, host).synchronize()
    assert torch.equal(host[5], layers[5][there].cpu())
    transfer = stream.load(host, back, layers)
    for i, layer in enumerate(layers):
        transfer.wait(i)
        assert torch.equal(layer[back], layer[there])


@pytest.mark.gpu
def test_gather_slots_refuses_memory_that_is_not_pinned(gpu):
    with pytest.raises(KernelError, match="nor pinned"):
        gather_slots(torch.ones(9, 4, device=gpu), torch.tensor([1], device=gpu), torch.ones(1, 4))
