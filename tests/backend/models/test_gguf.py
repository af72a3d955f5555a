"""A model that is stored as GGUF is the model that transformers saved; what is not is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lmc.backend.models import gguf_weights
from lmc.backend.models.config import ModelConfig, read_config
from lmc.backend.models.decoder import DecoderModel
from lmc.backend.models.loader import load_decoder, open_weights
from lmc.backend.models.rope import frequencies
from lmc.backend.runner.cpu.native import PlainLinear
from lmc.errors import ModelLoadError
from lmc.gguf import read_gguf
from scripts.support.checkpoint import tiny_checkpoint
from tests.support.gguf_files import write_gguf

gguf = pytest.importorskip("gguf", reason="the gguf package, which writes the files, is not installed")

LLAMA3 = {
    "rope_theta": 500.0,
    "rope_type": "llama3",
    "factor": 4.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
}
# name -> family and fields of its config
MODELS: dict[str, tuple[Any, dict[str, Any]]] = {
    "llama": ("llama", {}),
    "llama, tied": ("llama", {"tie_word_embeddings": True}),
    "llama 3.1, biases": ("llama", {"rope_parameters": LLAMA3, "attention_bias": True, "mlp_bias": True}),
    "llama, linear rope": (
        "llama",
        {"rope_parameters": {"rope_theta": 1e4, "rope_type": "linear", "factor": 2.0}},
    ),
    "mistral, a window": ("mistral", {"sliding_window": 7}),
    "mistral": ("mistral", {}),
    "qwen2": ("qwen2", {}),
    "qwen3": ("qwen3", {}),
}

Saved = Callable[..., tuple[Path, str]]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Saved:
    """(folder, family) of a checkpoint by its name in MODELS, saved once."""
    made: dict[str, Path] = {}

    def get(name: str = "llama") -> tuple[Path, str]:
        family, fields = MODELS[name]
        if name not in made:
            folder = tmp_path_factory.mktemp("saved")
            made[name] = tiny_checkpoint(folder, family, tokenizer=False, vocab_size=96, **fields)
        return made[name], family

    return get


def load(path: Path, dtype: torch.dtype = torch.float32) -> DecoderModel:
    return load_decoder(path, dtype=dtype, device=torch.device("cpu"), pack=PlainLinear)


def tensors(model: DecoderModel) -> dict[str, Tensor | None]:
    """All that a decoder computes with."""
    found: dict[str, Tensor | None] = {"embedding": model.embedding, "norm": model.final_norm, "rope": model.inv_freq}
    linears = {"head": model.head}
    for at, layer in enumerate(model.layers):
        mlp: Any = layer.mlp
        found |= {f"{at} attn_norm": layer.attn_norm, f"{at} mlp_norm": layer.mlp_norm, f"{at} qk": layer.qk_norm}
        linears |= {f"{at} qkv": layer.qkv, f"{at} out": layer.out, f"{at} up": mlp.gate_up, f"{at} down": mlp.down}
    for name, linear in linears.items():
        assert isinstance(linear, PlainLinear)
        found |= {name: linear.weight, f"{name} bias": linear.bias}
    return found


def sizes(config: ModelConfig) -> dict[str, object]:
    """A config but for how its rope is written down, and its name: Mistral without a window is Llama."""
    left_out = ("rope", "norm_eps", "architecture")
    return {name: getattr(config, name) for name in config.__slots__ if name not in left_out}


# --- what is read -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_a_gguf_file_is_the_model_that_was_saved(saved, tmp_path: Path, name: str) -> None:
    """Its config and every number of the decoder; of a stretched rope to the rounding of fp32."""
    folder, family = saved(name)
    path = write_gguf(tmp_path / "m.gguf", folder, family)
    ours, theirs = read_config(path), read_config(folder)

    assert sizes(ours) == sizes(theirs)
    assert ours.norm_eps == pytest.approx(theirs.norm_eps, rel=1e-6)
    found, expected = tensors(load(path)), tensors(load(folder))
    assert torch.allclose(found.pop("rope"), expected.pop("rope"), rtol=1e-6, atol=0)
    assert found.keys() == expected.keys()
    for each, tensor in expected.items():
        assert (found[each] is None) if tensor is None else torch.equal(found[each], tensor), each


@pytest.mark.parametrize("stored", ["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_quantised_tensors_are_read_as_the_reference_does(saved, tmp_path: Path, stored: str, dtype) -> None:
    """Whole tensors of a file, parts and all, in the dtype that is asked for."""
    path = write_gguf(tmp_path / "m.gguf", *saved("qwen2"), stored=stored)
    found = open_weights(path, read_config(path))

    for tensor in gguf.GGUFReader(path).tensors:
        expected = torch.from_numpy(np.array(gguf.quants.dequantize(tensor.data, tensor.tensor_type), np.float32))
        assert torch.equal(found.tensor(gguf_weights.transformers_name(tensor.name), dtype), expected.to(dtype))


def test_a_tensor_is_read_in_parts(saved, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their edges leave no mark."""
    path = write_gguf(tmp_path / "m.gguf", *saved(), stored="Q4_1")
    at_once = tensors(load(path))
    monkeypatch.setattr(gguf_weights, "PART", 256)
    in_parts = tensors(load(path))

    assert all(torch.equal(tensor, in_parts[name]) for name, tensor in at_once.items() if tensor is not None)


def test_every_format_fills_a_part() -> None:
    """A part ends where a block does."""
    from lmc.backend.models.blocks import FORMATS

    assert all(gguf_weights.PART % known.length == 0 for known in FORMATS.values())


def test_a_number_for_each_layer_is_one_where_all_are_the_same(saved, tmp_path: Path) -> None:
    """As files of some families write it."""

    def add(writer: Any) -> None:
        writer.add_array("llama.attention.head_count_kv", [2, 2])

    path = write_gguf(tmp_path / "m.gguf", *saved(), add=add, without=["attention.head_count_kv"])

    assert read_config(path).num_kv_heads == 2


def test_what_a_file_leaves_out_is_what_llama_cpp_takes(saved, tmp_path: Path) -> None:
    """Head sizes follow from the width, the base of rope is 10000."""
    left_out = ["attention.key_length", "attention.value_length", "rope.dimension_count", "rope.freq_base"]
    config = read_config(write_gguf(tmp_path / "m.gguf", *saved(), without=left_out))

    assert (config.head_dim, config.rope.theta) == (16, 10000.0)
    assert torch.equal(frequencies(config.rope, 16), 1 / 10000 ** (torch.arange(0, 16, 2) / 16))


# --- what is refused ----------------------------------------------------------------------------------------


def refused(path: Path) -> str:
    with pytest.raises(ModelLoadError) as error:
        load(path)
    assert error.value.help and str(path) in error.value.message
    return error.value.render()


SAYS: dict[str, tuple[Callable[[Any], object], str]] = {
    "experts": (lambda w: w.add_expert_count(8), "mixtures of experts"),
    "half a head rotated": (lambda w: w.add_uint32("llama.rope.dimension_count", 8), "a part of each head"),
    "other heads of values": (
        lambda w: w.add_uint32("llama.attention.value_length", 8),
        "not as long as those of keys",
    ),
    "yarn": (lambda w: w.add_rope_scaling_type(gguf.RopeScalingType.YARN), "known ways to stretch"),
    "a scale": (lambda w: w.add_logit_scale(0.5), "llama.logit_scale"),
    "heads by layer": (lambda w: w.add_array("llama.attention.head_count", [4, 2]), "one whole number"),
    "no layers": (lambda w: w.add_uint32("llama.block_count", 0), "at least 1"),
    "a base of 0": (lambda w: w.add_float32("llama.rope.freq_base", 0.0), "one number above 0"),
    "sees later tokens": (lambda w: w.add_causal_attention(False), "sees later ones"),
}


@pytest.mark.parametrize("name", SAYS)
def test_a_model_that_would_be_run_otherwise_is_refused(saved, tmp_path: Path, name: str) -> None:
    """With the value, and a way out."""
    add, says = SAYS[name]
    keys = ("rope.dimension_count", "attention.value_length", "attention.head_count", "block_count", "rope.freq_base")
    probe = gguf.GGUFWriter("unused", "llama")
    add(probe)
    said = {key for values in probe.kv_data for key in values}
    path = write_gguf(tmp_path / "m.gguf", *saved(), add=add, without=[k for k in keys if f"llama.{k}" in said])

    assert says in refused(path)


def test_a_window_in_a_family_that_has_none_is_refused(saved, tmp_path: Path) -> None:
    """Which layers it is of is not in the file; one as long as the context is none."""
    folder, family = saved("qwen2")
    short = write_gguf(tmp_path / "a.gguf", folder, family, add=lambda w: w.add_sliding_window(8))
    long = write_gguf(tmp_path / "b.gguf", folder, family, add=lambda w: w.add_sliding_window(1024))

    assert "which layers have that window" in refused(short)
    assert load(long).config.windows == (None, None)


def test_an_unknown_family_is_refused(tmp_path: Path) -> None:
    """With those that are known."""
    path = empty(tmp_path / "m.gguf", "mamba")

    assert "unknown family 'mamba'" in refused(path) and "known families: llama, qwen2, qwen3" in refused(path)


def test_an_unknown_format_is_refused_with_those_that_are_read(saved, tmp_path: Path) -> None:
    """By its name."""
    path = write_gguf(tmp_path / "m.gguf", *saved())
    relabel(path, "blk.1.ffn_up.weight", 23)

    assert "1 tensors in the format IQ4_XS" in refused(path) and "Q4_K" in refused(path)


@pytest.mark.parametrize("keep", [0.5, 0.999])
def test_a_file_that_was_cut_is_refused_before_it_is_read(saved, tmp_path: Path, keep: float) -> None:
    """With the first tensor that is not whole."""
    path = write_gguf(tmp_path / "m.gguf", *saved())
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])

    assert "ends before its tensor" in refused(path) and "download it again" in refused(path)


def test_missing_and_unused_tensors_are_named(saved, tmp_path: Path) -> None:
    """A tensor under another name is both."""
    path = write_gguf(tmp_path / "m.gguf", *saved())
    data = path.read_bytes()
    path.write_bytes(data.replace(b"blk.1.ffn_up.weight", b"blk.1.ffn_uq.weight"))
    assert "model.layers.1.mlp.up_proj.weight" in refused(path)

    # the head of an untied model: without it the embedding would be one
    path.write_bytes(data.replace(b"\0output.weight", b"\0outpxt.weight"))
    assert "unused: outpxt.weight" in refused(path)


def test_a_tensor_of_another_shape_is_refused(saved, tmp_path: Path) -> None:
    """Both shapes."""

    def add(writer: Any) -> None:
        writer.add_uint32("llama.feed_forward_length", 64)

    path = write_gguf(tmp_path / "m.gguf", *saved(), add=add, without=["feed_forward_length"])

    assert "of shape [96, 64], expected [64, 64]" in refused(path)


def test_a_file_that_shrinks_while_it_is_read_is_told(saved, tmp_path: Path) -> None:
    """The head was right."""
    path = write_gguf(tmp_path / "m.gguf", *saved())
    weights = open_weights(path, read_config(path))
    path.write_bytes(path.read_bytes()[: read_gguf(path).tensors["output_norm.weight"].start])

    with pytest.raises(ModelLoadError, match="became shorter"):
        weights.tensor("model.norm.weight", torch.float32)


def empty(path: Path, arch: str) -> Path:
    writer = gguf.GGUFWriter(str(path), arch)
    writer.add_tensor("token_embd.weight", np.zeros((4, 4), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def relabel(path: Path, name: str, kind: int) -> None:
    """Another number of a format in the table of tensors: after the name, the dimensions and their number."""
    data = bytearray(path.read_bytes())
    at = data.index(name.encode()) + len(name) + 4 + 2 * 8
    data[at : at + 4] = kind.to_bytes(4, "little")
    path.write_bytes(data)
