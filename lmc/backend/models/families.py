"""One config reader for each known architecture: what differs between the families, and nothing else."""

from __future__ import annotations

from dataclasses import replace

from lmc.backend.models.config import ConfigFile, ModelConfig, read_rope


def llama(file: ConfigFile) -> ModelConfig:
    """Llama 1 to 3.x: no window; biases by switch."""
    bias = file.flag("attention_bias")
    return replace(plain(file), qkv_bias=bias, out_bias=bias, mlp_bias=file.flag("mlp_bias"))


def mistral(file: ConfigFile) -> ModelConfig:
    """Mistral: Llama with a sliding window in every layer, where one is set (4096 if the field is absent)."""
    config = plain(file)
    window = None if null(file, "sliding_window") else file.whole("sliding_window", 4096)
    return replace(config, windows=(window,) * config.num_layers)


def qwen2(file: ConfigFile) -> ModelConfig:
    """Qwen2 and Qwen2.5: Q, K and V have a bias; some layers may have a window."""
    config = plain(file)
    return replace(config, qkv_bias=True, windows=layer_windows(file, config.num_layers))


def qwen3(file: ConfigFile) -> ModelConfig:
    """Qwen3: norms on the heads of Q and K, a head size of its own (128 if the field is absent)."""
    bias = file.flag("attention_bias")
    config = replace(plain(file), head_dim=file.whole("head_dim", 128), qk_norm=True, qkv_bias=bias, out_bias=bias)
    return replace(config, windows=layer_windows(file, config.num_layers))


def plain(file: ConfigFile) -> ModelConfig:
    """The fields that all families share."""
    hidden, heads, layers = (file.whole(name) for name in ("hidden_size", "num_attention_heads", "num_hidden_layers"))
    return ModelConfig(
        architecture=file.fields["architectures"][0],  # type: ignore[index]  # checked by config.architecture
        vocab_size=file.whole("vocab_size"),
        hidden_size=hidden,
        mlp_size=file.whole("intermediate_size"),
        num_layers=layers,
        num_heads=heads,
        num_kv_heads=file.whole("num_key_value_heads", heads),
        head_dim=file.whole("head_dim", max(hidden // heads, 1)),
        max_len=file.whole("max_position_embeddings", 2048),
        norm_eps=file.number("rms_norm_eps", 1e-6),
        rope=read_rope(file),
        windows=(None,) * layers,
        tied=file.flag("tie_word_embeddings"),
    )


def null(file: ConfigFile, name: str) -> bool:
    """True where the field is present and null."""
    return name in file.fields and file.fields[name] is None


def layer_windows(file: ConfigFile, num_layers: int) -> tuple[int | None, ...]:
    """Each layer's window, from `layer_types` or, before transformers 5, from `max_window_layers`."""
    if not file.flag("use_sliding_window") or null(file, "sliding_window"):
        return (None,) * num_layers
    window = file.whole("sliding_window", 4096)
    kinds = file.fields.get("layer_types")
    if kinds is None:
        first = file.whole("max_window_layers", 28, least=0)
        return tuple(window if layer >= first else None for layer in range(num_layers))
    known = {"full_attention": None, "sliding_attention": window}
    if not isinstance(kinds, list) or len(kinds) != num_layers or not known.keys() >= set(kinds):
        file.refuse(f"has `layer_types` = {kinds!r}", f"it must be {num_layers} of {', '.join(known)}")
    return tuple(known[kind] for kind in kinds)
