"""The tensors of a GGUF file by the names that transformers has for them, as numbers of the engine's dtype.

A tensor is read and dequantised a part at a time, straight into the dtype that is asked for: beside that tensor there
are only the numbers of one part.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import prod
from typing import BinaryIO

import torch
from torch import Tensor

from lmc.backend.models.blocks import FORMATS, OTHERS, BlockFormat
from lmc.backend.models.checkpoint import TensorShape, some
from lmc.backend.models.config import ModelConfig
from lmc.backend.models.gguf_config import EMBEDDING, HEAD, ROPE_DIVISORS, family_of
from lmc.errors import ModelLoadError
from lmc.gguf import AGAIN, GgufFile, GgufTensor

PART = 1 << 20  # numbers that are dequantised at once; all formats' blocks divide it

NAMES = {EMBEDDING: "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight", HEAD: "lm_head.weight"}
OF_LAYER = {
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_LAYER = re.compile(r"blk\.(\d+)\.(\w+)\.(weight|bias)")


def transformers_name(name: str) -> str:
    """`blk.3.attn_q.weight` -> `model.layers.3.self_attn.q_proj.weight`; what has no such name keeps its own."""
    match = _LAYER.fullmatch(name)
    if match is None or match[2] not in OF_LAYER:
        return NAMES.get(name, name)
    return f"model.layers.{match[1]}.{OF_LAYER[match[2]]}.{match[3]}"


class GgufWeights:
    """The tensors of one file; `tensors` has them by transformers' names."""

    def __init__(self, file: GgufFile, config: ModelConfig) -> None:
        self.file = file
        self.tensors = {transformers_name(name): tensor for name, tensor in file.tensors.items()}
        self.heads: dict[str, int] = {}  # of Q and K, where their rows stand otherwise than the decoder has them
        if family_of(file).pairs_apart:
            self.heads = {"self_attn.q_proj": config.num_heads, "self_attn.k_proj": config.num_kv_heads}

    def require(self, shapes: Mapping[str, TensorShape]) -> None:
        """Raise ModelLoadError unless every named tensor is there, whole, of its shape and of a known format."""
        missing = [name for name in shapes if name not in self.tensors]
        if missing:
            raise ModelLoadError(
                f"'{self.file.path}' lacks {len(missing)} of the {len(shapes)} tensors that its family asks for",
                notes=(f"missing, by transformers' names: {some(missing)}",),
                help="convert the model again with a recent llama.cpp",
            )
        self.require_formats([self.tensors[name] for name in shapes])
        for name, shape in shapes.items():
            self.require_one(self.tensors[name], shape)

    def require_formats(self, tensors: list[GgufTensor]) -> None:
        """Raise ModelLoadError where tensors are in formats that cannot be read, with all of those."""
        unknown = [t for t in tensors if t.kind not in FORMATS]
        if not unknown:
            return
        names = sorted({OTHERS.get(t.kind, f"number {t.kind}") for t in unknown})
        known = ", ".join(sorted(f.name for f in FORMATS.values()))
        self.file.refuse(
            f"has {len(unknown)} tensors in the format {', '.join(names)}, which lmc does not read",
            f"get the model in another quantisation: {known}",
        )

    def require_one(self, tensor: GgufTensor, shape: TensorShape) -> None:
        """`require` for one tensor that is there, of a known format."""
        known = FORMATS[tensor.kind]
        if tensor.shape != shape:
            self.file.refuse(
                f"has '{tensor.name}' of shape {list(tensor.shape)}, expected {list(shape)}",
                "convert the model again with a recent llama.cpp",
            )
        if shape[-1] % known.length:
            self.file.refuse(f"has rows of {shape[-1]} in '{tensor.name}', no multiple of {known.length}", AGAIN)
        if tensor.start + prod(shape) // known.length * known.num_bytes > self.file.num_bytes:
            self.file.refuse(f"ends before its tensor '{tensor.name}' does", AGAIN)

    def refuse_unused(self, used: Mapping[str, TensorShape], prefixes: tuple[str, ...]) -> None:
        """Raise ModelLoadError for tensors that the decoder would silently leave out, whatever they are called."""
        unused = [tensor.name for name, tensor in self.tensors.items() if name not in used and name != ROPE_DIVISORS]
        if unused:
            raise ModelLoadError(
                f"'{self.file.path}' has {len(unused)} tensors that its family does not use",
                notes=(f"unused: {some(unused)}",),
                help="lmc would not compute what this model does: run it with a llama.cpp server",
            )

    def tensor(self, name: str, dtype: torch.dtype) -> Tensor:
        """A tensor that `require` has seen, in `dtype`."""
        found = self.read(self.tensors[name], dtype)
        num_heads = self.heads.get(name.split(".", 3)[-1].rpartition(".")[0])
        return found if num_heads is None else halves_apart(found, num_heads)

    def read(self, tensor: GgufTensor, dtype: torch.dtype) -> Tensor:
        """A tensor as it is stored, a part at a time."""
        known, out = FORMATS[tensor.kind], torch.empty(prod(tensor.shape), dtype=dtype)
        try:
            with self.file.path.open("rb") as file:
                file.seek(tensor.start)
                for part in torch.split(out, PART):
                    part.copy_(known.numbers(self.blocks(file, known, len(part))).view(-1))
        except OSError as error:
            self.file.refuse(f"cannot be read: {error.strerror}", AGAIN)
        return out.view(tensor.shape)

    def blocks(self, file: BinaryIO, known: BlockFormat, num_numbers: int) -> Tensor:
        """The next blocks of a file, [B, num_bytes] uint8."""
        data = bytearray(num_numbers // known.length * known.num_bytes)
        if file.readinto(data) != len(data):  # type: ignore[attr-defined]  # a buffered reader has it
            self.file.refuse("became shorter while it was read", AGAIN)
        return torch.frombuffer(data, dtype=torch.uint8).view(-1, known.num_bytes)


def halves_apart(stored: Tensor, num_heads: int) -> Tensor:
    """The rows of a weight or bias of Q or K, of each head the first of all pairs and then the second.

    stored  [heads * D, ...], the two rows of a pair side by side
    """
    pairs = stored.view(num_heads, -1, 2, *stored.shape[1:])
    return pairs.transpose(1, 2).reshape(stored.shape)
