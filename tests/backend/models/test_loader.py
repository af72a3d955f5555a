"""A checkpoint folder is read whole, or refused at once with the file and what to do."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from lmc.backend.models.decoder import DecoderModel
from lmc.backend.models.loader import expected_shapes, load_decoder
from lmc.backend.runner.cpu.native import PlainLinear
from lmc.errors import ModelLoadError
from scripts.support.checkpoint import FAMILIES, tiny_checkpoint

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory):
    """Folders of checkpoints by (family, sharded, tied), each saved once; never to be changed."""
    made: dict[tuple[str, bool, bool], Path] = {}

    def get(family: str = "llama", *, sharded: bool = False, tied: bool = False) -> Path:
        key = (family, sharded, tied)
        if key not in made:
            folder = tmp_path_factory.mktemp("saved")
            made[key] = tiny_checkpoint(folder, family, sharded=sharded, tied=tied, tokenizer=False)
        return made[key]

    return get


@pytest.fixture
def copy(saved, tmp_path: Path):
    """A copy of a checkpoint to damage."""

    def get(**kind: bool) -> Path:
        return Path(shutil.copytree(saved(**kind), tmp_path / "model"))

    return get


def load(folder: Path, dtype: torch.dtype = torch.float32) -> DecoderModel:
    return load_decoder(folder, dtype=dtype, device=torch.device("cpu"), pack=PlainLinear)


def refused(folder: Path) -> ModelLoadError:
    with pytest.raises(ModelLoadError) as error:
        load(folder)
    assert error.value.help
    return error.value


# --- what is read ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_tensor_of_a_checkpoint_is_asked_for(saved, family, tied):
    """The expected names and shapes are exactly those that transformers saves."""
    folder = saved(family, tied=tied)

    shapes = {name: tuple(tensor.shape) for name, tensor in load_file(folder / WEIGHTS).items()}

    assert expected_shapes(load(folder).config) == shapes


def test_linears_of_one_input_are_fused_in_order(saved):
    """Q, K, V and gate, up."""
    folder = saved("qwen2")
    tensors = load_file(folder / WEIGHTS)
    at = "model.layers.1."
    layer = load(folder).layers[1]

    assert torch.equal(layer.qkv.weight, torch.cat([tensors[f"{at}self_attn.{x}_proj.weight"] for x in "qkv"]))
    assert torch.equal(layer.qkv.bias, torch.cat([tensors[f"{at}self_attn.{x}_proj.bias"] for x in "qkv"]))
    gate_up = torch.cat([tensors[f"{at}mlp.{x}_proj.weight"] for x in ("gate", "up")])
    assert torch.equal(layer.mlp.gate_up.weight, gate_up)


def test_shards_and_a_single_file_hold_the_same(saved):
    """Sharding is only a way to store."""
    one, many = load(saved()), load(saved(sharded=True))

    assert len(list(saved(sharded=True).glob("*.safetensors"))) > 1
    assert torch.equal(one.embedding, many.embedding)
    assert torch.equal(one.layers[1].mlp.down.weight, many.layers[1].mlp.down.weight)


def test_a_tied_head_is_the_embedding(saved):
    """No lm_head is looked for, nor copied."""
    decoder = load(saved(tied=True))

    assert decoder.head.weight is decoder.embedding


@pytest.mark.parametrize("stored", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("wanted", [torch.float32, torch.bfloat16])
def test_any_float_is_loaded_in_the_dtype_asked_for(copy, stored, wanted):
    """Whatever it was saved in."""
    folder = copy()
    save_file({name: t.to(stored) for name, t in load_file(folder / WEIGHTS).items()}, folder / WEIGHTS)

    assert load(folder, wanted).dtype == wanted


def test_loading_does_not_import_transformers(saved):
    """Its import takes seconds."""
    code = (
        "import sys; from pathlib import Path; from lmc.backend.runner.cpu.runner import load_model;"
        f"load_model(Path({str(saved())!r}), dtype='fp32', num_slots=8); print('transformers' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


# --- what is refused ---------------------------------------------------------------------------------------


def test_no_weights(copy):
    """The message says which names are looked for, and what is there instead."""
    folder = copy()
    (folder / WEIGHTS).rename(folder / "pytorch_model.bin")

    error = refused(folder)

    assert WEIGHTS in error.message and str(folder) in error.message
    assert error.notes == ("it has pytorch_model.bin",)
    assert "save_pretrained" in error.help


@pytest.mark.parametrize("keep", [0, 4, 100, -10])
def test_a_truncated_file(copy, keep):
    """Empty, half a header, half the tensors: all are a stopped download."""
    path = copy() / WEIGHTS
    path.write_bytes(path.read_bytes()[:keep])

    error = refused(path.parent)

    assert str(path) in error.message and "not a whole safetensors file" in error.message
    assert "download it again" in error.help


def test_a_file_of_something_else(copy):
    """A web page saved under the weights' name."""
    path = copy() / WEIGHTS
    path.write_bytes(b"<html>404 Not Found</html>" * 20)

    assert str(path) in refused(path.parent).message


def test_a_missing_shard(copy):
    """The shard is named."""
    folder = copy(sharded=True)
    shard = sorted(folder.glob("*.safetensors"))[1]
    shard.unlink()

    error = refused(folder)

    assert str(folder) in error.message and "lacks 1 of the" in error.message
    assert error.notes == (f"missing: {shard.name}",)
    assert "download" in error.help


@pytest.mark.parametrize("text", ["", "{}", '{"weight_map": 3}', "[]"])
def test_a_damaged_index(copy, text):
    """The index is named."""
    folder = copy(sharded=True)
    (folder / INDEX).write_text(text)

    assert str(folder / INDEX) in refused(folder).message


def test_missing_tensors(copy):
    """Told before anything is read, with some of the names."""
    folder = copy()
    tensors = load_file(folder / WEIGHTS)
    lost = [name for name in tensors if "layers.1.mlp" in name or "k_proj" in name]
    save_file({name: t for name, t in tensors.items() if name not in lost}, folder / WEIGHTS)

    error = refused(folder)

    assert str(folder) in error.message and f"lacks {len(lost)} of the {len(tensors)} tensors" in error.message
    assert "self_attn.k_proj.weight" in error.notes[0] and "and 2 more" in error.notes[0]
    assert "config.json" in error.help


def test_a_tensor_of_another_shape(copy):
    """Name, file, both shapes."""
    folder = copy()
    change_config(folder, vocab_size=401)

    error = refused(folder)

    assert "'model.embed_tokens.weight'" in error.message and str(folder / WEIGHTS) in error.message
    assert "[400, 64], expected [401, 64]" in error.message
    assert "config.json" in error.help


def test_a_tensor_of_integers(copy):
    """Quantized weights without a quantization_config."""
    folder = copy()
    tensors = load_file(folder / WEIGHTS)
    tensors["model.layers.0.mlp.up_proj.weight"] = tensors["model.layers.0.mlp.up_proj.weight"].to(torch.int8)
    save_file(tensors, folder / WEIGHTS)

    error = refused(folder)

    assert "mlp.up_proj.weight" in error.message and "I8" in error.message
    assert "bf16" in error.help


def test_tensors_that_would_be_left_out(copy):
    """A bias that the config does not mention is never dropped in silence."""
    folder = copy()
    tensors = load_file(folder / WEIGHTS)
    tensors["model.layers.0.self_attn.q_proj.bias"] = torch.zeros(64)
    save_file(tensors, folder / WEIGHTS)

    error = refused(folder)

    assert str(folder) in error.message and "does not use" in error.message
    assert error.notes == ("unused: model.layers.0.self_attn.q_proj.bias",)


def test_a_missing_head_is_not_guessed(copy):
    """An untied config needs its own lm_head."""
    folder = copy(tied=True)
    change_config(folder, tie_word_embeddings=False)

    assert refused(folder).notes == ("missing: lm_head.weight",)


def change_config(folder: Path, **fields: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))
