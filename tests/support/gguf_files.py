"""GGUF files for tests, written by the `gguf` package from a checkpoint that transformers saved."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray[Any, Any]]
NAMES = {
    "model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output",
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
}  # fmt: skip
ARCHITECTURES = {"mistral": "llama"}
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)


def gguf_name(name: str) -> str:
    """`model.layers.1.mlp.up_proj.weight` -> `blk.1.ffn_up.weight`."""
    module, _, kind = name.rpartition(".")
    if not module.startswith("model.layers."):
        return f"{NAMES[module]}.{kind}"
    layer, inner = module.removeprefix("model.layers.").split(".", 1)
    return f"blk.{layer}.{NAMES[inner]}.{kind}"


def pairs_together(rows: np.ndarray[Any, Any], num_heads: int) -> np.ndarray[Any, Any]:
    """The rows of Q or K as llama files have them: the two that rotate together side by side."""
    half = len(rows) // num_heads // 2
    order = [head * 2 * half + part * half + i for head in range(num_heads) for i in range(half) for part in (0, 1)]
    return rows[order]


def tensors_of(folder: Path, family: str) -> Arrays:
    """The tensors of a checkpoint folder by the names, and in the order of rows, that GGUF has."""
    from safetensors.numpy import load_file

    config, found = json.loads((folder / "config.json").read_text()), {}
    heads = {"attn_q": config["num_attention_heads"], "attn_k": config["num_key_value_heads"]}
    for name, array in load_file(folder / "model.safetensors").items():
        short = gguf_name(name)
        part = short.split(".")[-2]
        if ARCHITECTURES.get(family, family) == "llama" and part in heads:
            array = pairs_together(array, heads[part])
        found[short] = array
    return found


def rope_divisors(rope: dict[str, Any], head_dim: int) -> np.ndarray[Any, Any]:
    """By how much Llama 3's stretch divides each frequency: written down from its rule, wave by wave."""
    found = []
    for i in range(0, head_dim, 2):
        wave = 2 * np.pi * rope["rope_theta"] ** (i / head_dim)
        low, high = rope["low_freq_factor"], rope["high_freq_factor"]
        waves = rope["original_max_position_embeddings"] / wave
        kept = min(max((waves - low) / (high - low), 0), 1)
        found.append(1 / (kept + (1 - kept) / rope["factor"]))
    return np.array(found, np.float32)


def write_gguf(
    path: Path,
    folder: Path,
    family: str,
    *,
    stored: str = "F32",
    add: Callable[[Any], object] | None = None,
    without: Iterable[str] = (),
) -> Path:
    """A checkpoint folder as a GGUF file; returns `path`.

    stored   the format of all tensors of two dimensions, one that the package can quantise to
    add      writes more values with the package's GGUFWriter
    without  keys that are left out
    """
    import gguf

    arch, config = ARCHITECTURES.get(family, family), json.loads((folder / "config.json").read_text())
    writer = gguf.GGUFWriter(str(path), arch)
    for name, value in hyper_parameters(config).items():
        if name not in without:
            number = writer.add_float32 if isinstance(value, float) else writer.add_uint32
            number(f"{arch}.{name}", value)
    if add is not None:
        add(writer)
    kind, tensors = gguf.GGMLQuantizationType[stored], tensors_of(folder, family)
    rope = config["rope_parameters"]
    if rope["rope_type"] == "llama3":
        tensors["rope_freqs.weight"] = rope_divisors(rope, config["head_dim"])
    elif rope["rope_type"] == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(rope["factor"])
    for name, array in tensors.items():
        if array.ndim == 1:
            writer.add_tensor(name, array.astype(np.float32))
        else:
            writer.add_tensor(name, gguf.quants.quantize(array, kind), raw_dtype=kind)
    return finished(writer, path)


def hyper_parameters(config: dict[str, Any]) -> dict[str, int | float]:
    """What a file says of its model, from config.json."""
    heads, head_dim = config["num_attention_heads"], config.get("head_dim")
    head_dim = head_dim or config["hidden_size"] // heads
    found: dict[str, int | float] = {
        "block_count": config["num_hidden_layers"],
        "context_length": config["max_position_embeddings"],
        "embedding_length": config["hidden_size"],
        "feed_forward_length": config["intermediate_size"],
        "attention.head_count": heads,
        "attention.head_count_kv": config["num_key_value_heads"],
        "attention.key_length": head_dim,
        "attention.value_length": head_dim,
        "attention.layer_norm_rms_epsilon": float(config["rms_norm_eps"]),
        "rope.dimension_count": head_dim,
        "rope.freq_base": float(config["rope_parameters"]["rope_theta"]),
        "vocab_size": config["vocab_size"],
    }
    if config.get("sliding_window") and config.get("model_type") == "mistral":
        found["attention.sliding_window"] = config["sliding_window"]
    return found


def add_byte_level(writer: Any, folder: Path, pre: str, *, user_defined: Iterable[str] = ()) -> None:
    """The byte-level tokenizer of a folder, with its chat template."""
    spec = json.loads((folder / "tokenizer.json").read_text())
    names = {i: token for token, i in spec["model"]["vocab"].items()}
    added = {token["id"]: token["content"] for token in spec["added_tokens"]}
    names |= added
    kinds = [CONTROL if i in added else NORMAL for i in range(len(names))]
    for token in user_defined:
        kinds[next(i for i, name in names.items() if name == token)] = USER_DEFINED
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list([names[i] for i in range(len(names))])
    writer.add_token_types(kinds)
    writer.add_token_merges([" ".join(pair) for pair in spec["model"]["merges"]])
    writer.add_eos_token_id(next(i for i, name in names.items() if name == "<|im_end|>"))
    writer.add_chat_template((folder / "chat_template.jinja").read_text())


def sentencepiece_tokens(words: Iterable[str]) -> tuple[list[str], list[float], list[int]]:
    """(tokens, scores, kinds) of a small SentencePiece vocabulary: bytes, letters, and beginnings of words.

    Every token but letters is one letter longer than another, so that merges can reach it; the longer it is, the lower
    its score, and no two are the same, as its trainer has it.
    """
    words = [f"▁{word}" for word in words]
    letters = sorted({letter for word in words for letter in word})
    longer = sorted({word[:n] for word in words for n in range(2, len(word) + 1)}, key=lambda t: (len(t), t))
    inner = sorted({word[at : at + 2] for word in words for at in range(1, len(word) - 1)} - set(longer))
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *inner, *longer, *letters]
    kinds = [UNKNOWN, CONTROL, CONTROL, *[BYTE] * 256, *[NORMAL] * (len(tokens) - 259)]
    scores = [0.0] * 259 + [-float(i) for i in range(len(tokens) - 259)]
    return tokens, scores, kinds


def add_sentencepiece(writer: Any, words: Iterable[str], *, user_defined: Iterable[str] = ()) -> list[str]:
    """A SentencePiece tokenizer made of words; returns its tokens."""
    tokens, scores, kinds = sentencepiece_tokens(words)
    more = list(user_defined)
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([*tokens, *more])
    writer.add_token_scores([*scores, *[0.0] * len(more)])
    writer.add_token_types([*kinds, *[USER_DEFINED] * len(more)])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    return [*tokens, *more]


def finished(writer: Any, path: Path) -> Path:
    """The file written out."""
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
