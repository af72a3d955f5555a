"""The model runner: turns a ForwardBatch into tensors, runs the decoder over the KV tensors, samples."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from lmc.backend.models.decoder import DecoderModel
from lmc.backend.models.loader import load_decoder
from lmc.backend.models.rope import angles
from lmc.backend.runner.batch import ForwardBatch, Int32
from lmc.backend.runner.cpu.attention import Attention, make_plan
from lmc.backend.runner.cpu.flight import CpuFlight
from lmc.backend.runner.cpu.hidden import HiddenRows
from lmc.backend.runner.cpu.kv import KVTensors
from lmc.backend.runner.cpu.native import WeightKind, choose_flash, linear_maker
from lmc.backend.runner.cpu.ops import TorchOps
from lmc.backend.runner.cpu.packing import RowSpan, pack
from lmc.backend.runner.cpu.threads import Threads, measured
from lmc.backend.runner.cpu.tiles import Int64, cut
from lmc.errors import BackendError

Precision = Literal["fp32", "bf16"]
DTYPES: dict[Precision, torch.dtype] = {"fp32": torch.float32, "bf16": torch.bfloat16}


def load_model(
    folder: Path, *, dtype: Precision, num_slots: int, device: str = "cpu", weights: WeightKind = "full"
) -> TorchRunner:
    """Load a checkpoint folder as transformers saves it, or a GGUF file.

    weights  how linears are held: in `dtype`, or narrower

    Raises ModelLoadError where the model cannot be run faithfully, BackendError where the device is missing, or has
    no linears of that kind.
    """
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise BackendError(f"device '{device}' was asked for and torch finds no CUDA device", help="use device='cpu'")
    pack = linear_maker(weights, torch.device(device).type)
    decoder = load_decoder(folder, dtype=DTYPES[dtype], device=torch.device(device), pack=pack)
    return TorchRunner(decoder, num_slots=num_slots)


class TorchRunner:
    """A decoder with its KV tensors; see the Runner protocol."""

    depth = 1

    def __init__(self, decoder: DecoderModel, *, num_slots: int) -> None:
        config, self.device = decoder.config, decoder.embedding.device
        self.decoder = decoder
        self.vocab_size = config.vocab_size
        self.num_slots = num_slots
        self.slot_bytes = 2 * config.num_layers * config.num_kv_heads * config.head_dim * decoder.dtype.itemsize
        self.hidden = HiddenRows()
        self.max_len = config.max_len
        self.cache = KVTensors(
            num_layers=config.num_layers,
            num_slots=num_slots,
            num_kv_heads=config.num_kv_heads,
            head_dim=config.head_dim,
            dtype=decoder.dtype,
            device=self.device,
        )
        self.flash = choose_flash(
            self.device.type, decoder.dtype, config.num_heads, config.num_kv_heads, config.head_dim
        )
        self.threads: Threads = measured(self._piece, torch.get_num_threads())

    def launch(self, batch: ForwardBatch) -> CpuFlight:
        """Compute a pass; nothing of it is left to do later but to sample and score."""
        num_tokens = len(batch.tokens)
        with self.threads.computing(num_tokens):
            return CpuFlight(self.forward(batch).cpu(), self.hidden, partial(self.threads.computing, num_tokens))

    @torch.inference_mode()
    def _piece(self, num_tokens: int) -> Tensor:
        """What most of a layer's time goes to, for so many tokens."""
        x = torch.zeros(num_tokens, self.decoder.config.hidden_size, dtype=self.decoder.dtype, device=self.device)
        return self.decoder.layers[0].qkv(x)

    @torch.inference_mode()
    def forward(self, batch: ForwardBatch) -> Tensor:
        """Logits [sum of batch.wanted, V] in fp32, in row order, each row's in token order."""
        spans = pack(batch)
        if not spans:
            return torch.empty(0, self.vocab_size, device=self.device)
        tokens = np.concatenate([batch.tokens[batch.offsets[s.index] : batch.offsets[s.index + 1]] for s in spans])
        assert tokens.min() >= 0, "at depth 1 every token is known"
        positions = np.concatenate([np.arange(s.start, s.length) for s in spans])
        wanted = wanted_tokens(spans, batch.wanted)
        everything = len(wanted) == len(tokens) and bool((np.diff(wanted) == 1).all())
        ops = TorchOps(
            self.decoder.config,
            self.attention(spans),
            angles(self.decoder.inv_freq, self.tensor(positions), self.decoder.dtype),
            None if everything else self.tensor(wanted),
        )
        return self.decoder(self.tensor(tokens), ops)

    def attention(self, spans: Sequence[RowSpan]) -> Attention:
        """The plan of a pass: tiles for each window that some layer has."""
        windows = self.decoder.config.windows
        plans = {w: make_plan(cut(spans, w), self.decoder.dtype, self.device) for w in set(windows)}
        write = np.concatenate([s.slots[s.start :] for s in spans])
        return Attention(self.flash, self.cache, [plans[w] for w in windows], self.tensor(write))

    def tensor(self, array: np.ndarray[tuple[int], np.dtype[np.integer]]) -> Tensor:
        """Int64 on the device."""
        return torch.from_numpy(array.astype(np.int64)).to(self.device)


def wanted_tokens(spans: Sequence[RowSpan], wanted: Int32) -> Int64:
    """The packed tokens whose logits are asked for, in the batch's row order; `wanted` says how many by row."""
    parts = [np.zeros(0, np.int64)]
    for span in sorted(spans, key=lambda s: s.index):
        end = span.first + span.n
        parts.append(np.arange(end - wanted[span.index], end))
    return np.concatenate(parts)
