"""What a GGUF file says of its model, as the config.json that transformers would have written for it.

A value under the family's name that is not known here is refused: it would change what the model computes. Standard
library only.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import NoReturn

from lmc.gguf import AGAIN, GgufFile, GgufValue

EMBEDDING, HEAD, ROPE_DIVISORS = "token_embd.weight", "output.weight", "rope_freqs.weight"
FP32 = 0  # the number of that format
WHAT_RUNS = "give a model of another family, or run it with a llama.cpp server and `--backend llamacpp`"


@dataclass(frozen=True, slots=True)
class GgufFamily:
    """A family of files.

    architecture  transformers' name of the model
    windowed      the same where every layer has a sliding window; "" where there is no such model
    pairs_apart   the two numbers that rotate together stand beside each other in a head of Q and K, not half a head
                  apart as the decoder has them
    """

    architecture: str
    windowed: str = ""
    pairs_apart: bool = False


FAMILIES = {
    "llama": GgufFamily("LlamaForCausalLM", windowed="MistralForCausalLM", pairs_apart=True),
    "qwen2": GgufFamily("Qwen2ForCausalLM"),
    "qwen3": GgufFamily("Qwen3ForCausalLM"),
}
# what stands in a file under the family's name; the last row says nothing that the decoder would need
KNOWN = frozenset(
    (
        "block_count", "context_length", "embedding_length", "feed_forward_length", "attention.head_count",
        "attention.head_count_kv", "attention.key_length", "attention.value_length", "attention.sliding_window",
        "attention.layer_norm_rms_epsilon", "attention.causal", "rope.dimension_count", "rope.freq_base",
        "rope.scaling.type", "rope.scaling.factor", "rope.scaling.original_context_length", "expert_count",
        "vocab_size", "expert_used_count", "rope.scaling.finetuned", "tensor_data_layout",
    )
)  # fmt: skip


def family_of(file: GgufFile) -> GgufFamily:
    """The family of a file. Raises ModelLoadError for one that the decoder does not know."""
    name = file.text("general.architecture")
    if name not in FAMILIES:
        file.refuse(f"is of the unknown family '{name}'", f"known families: {', '.join(FAMILIES)}; {WHAT_RUNS}")
    return FAMILIES[name]


def config_fields(file: GgufFile) -> dict[str, object]:
    """The fields of config.json. Raises ModelLoadError for a model that would not be run faithfully."""
    said, family = _Said(file), family_of(file)
    said.refuse_unknown()
    heads, hidden = said.whole("attention.head_count"), said.whole("embedding_length")
    head_dim = said.whole("attention.key_length", max(hidden // heads, 1))
    said.must_be("attention.value_length", head_dim, "heads of values are not as long as those of keys")
    said.must_be("rope.dimension_count", head_dim, "only a part of each head is rotated")
    said.must_be("attention.causal", True, "a token sees later ones")
    said.must_be("expert_count", 0, "its layers are mixtures of experts")
    fields: dict[str, object] = {
        "architectures": [family.architecture],
        "hidden_size": hidden,
        "num_attention_heads": heads,
        "num_key_value_heads": said.whole("attention.head_count_kv", heads),
        "head_dim": head_dim,
        "num_hidden_layers": said.whole("block_count"),
        "intermediate_size": said.whole("feed_forward_length"),
        "max_position_embeddings": said.whole("context_length"),
        "rms_norm_eps": said.number("attention.layer_norm_rms_epsilon"),
        "vocab_size": _num_tokens(file),
        "rope_parameters": {"rope_theta": said.number("rope.freq_base", 10000.0), **_scaling(said)},
        "tie_word_embeddings": HEAD not in file.tensors,  # it is left out where it is the embedding
        "attention_bias": "blk.0.attn_q.bias" in file.tensors,
        "mlp_bias": "blk.0.ffn_gate.bias" in file.tensors,
    }
    return fields | _window(said, family)


def _num_tokens(file: GgufFile) -> int:
    """Rows of the embedding: there may be more than the vocabulary names."""
    if EMBEDDING not in file.tensors:
        file.refuse(f"has no tensor '{EMBEDDING}'", "convert the model again with a recent llama.cpp")
    return file.tensors[EMBEDDING].shape[0]


def _window(said: _Said, family: GgufFamily) -> dict[str, object]:
    """What a sliding window changes; one as long as all positions is none."""
    length = said.whole("context_length")
    window = said.whole("attention.sliding_window", length)
    if window >= length:
        return {}
    if not family.windowed:
        said.refuse("attention.sliding_window", "which layers have that window is not known")
    return {"architectures": [family.windowed], "sliding_window": window}


def _scaling(said: _Said) -> dict[str, object]:
    """How positions are stretched."""
    kind, divisors = said.text("rope.scaling.type", "none"), rope_divisors(said.file)
    if divisors and kind == "none":
        return {"rope_type": "divided", "divisors": divisors}
    if kind == "none" and not divisors:
        said.must_be("rope.scaling.factor", 1.0, "positions are stretched in a way that is not said")
        return {}
    if kind == "linear" and not divisors:
        return {"rope_type": "linear", "factor": said.number("rope.scaling.factor")}
    said.refuse("rope.scaling.type", "known ways to stretch positions: none, linear, and Llama 3's")


def rope_divisors(file: GgufFile) -> list[float]:
    """What each frequency is divided by in models such as Llama 3.1, [] where there is no such tensor."""
    at = file.tensors.get(ROPE_DIVISORS)
    if at is None:
        return []
    num_bytes = 4 * math.prod(at.shape)
    if at.kind != FP32 or len(at.shape) != 1 or at.start + num_bytes > file.num_bytes:
        file.refuse(f"has a tensor '{ROPE_DIVISORS}' that is no row of fp32 numbers", AGAIN)
    with file.path.open("rb") as opened:
        opened.seek(at.start)
        return list(struct.unpack(f"<{at.shape[0]}f", opened.read(num_bytes)))


@dataclass(frozen=True, slots=True)
class _Said:
    """The values under the family's name."""

    file: GgufFile

    def name(self, key: str) -> str:
        return f"{self.file.text('general.architecture')}.{key}"

    def refuse_unknown(self) -> None:
        start = self.name("")
        for name in self.file.values:
            if name.startswith(start) and name.removeprefix(start) not in KNOWN:
                self.refuse(name.removeprefix(start), "lmc does not know what that changes")

    def value(self, key: str) -> GgufValue | None:
        """What is said; a list with a number a layer is that number where all are the same."""
        value = self.file.values.get(self.name(key))
        if isinstance(value, tuple) and len(set(value)) == 1:
            return value[0]
        return value

    def text(self, key: str, default: str) -> str:
        return self.file.text(self.name(key), default)

    def whole(self, key: str, default: int | None = None) -> int:
        value = self.value(key)
        if value is None and default is not None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            self.file.refuse_value(self.name(key), "one whole number of at least 1")
        return value

    def number(self, key: str, default: float | None = None) -> float:
        value = self.value(key)
        if value is None and default is not None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
            self.file.refuse_value(self.name(key), "one number above 0")
        return float(value)

    def must_be(self, key: str, wanted: bool | int | float, otherwise: str) -> None:
        """Raise ModelLoadError where something else is said."""
        if self.value(key) not in (None, wanted):
            self.refuse(key, otherwise)

    def refuse(self, key: str, why: str) -> NoReturn:
        value = self.file.values.get(self.name(key))
        self.file.refuse(f"has `{self.name(key)}` = {value!r:.60}: {why}", WHAT_RUNS)
