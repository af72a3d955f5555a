"""The checkpoints that other tests stand on: whole, small, and the same every time."""

from __future__ import annotations

import json

import pytest
from safetensors.torch import load_file

from scripts.support.checkpoint import FAMILIES, tiny_checkpoint


@pytest.mark.parametrize("family", FAMILIES)
def test_a_checkpoint_holds_what_transformers_saves(tmp_path, family):
    """Config, weights and tokenizer with its template, under a megabyte."""
    folder = tiny_checkpoint(tmp_path, family)
    config = json.loads((folder / "config.json").read_text())

    assert {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"} <= {
        path.name for path in folder.iterdir()
    }
    assert len(json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]) == config["vocab_size"]
    assert config["num_attention_heads"] > config["num_key_value_heads"]
    assert sum(path.stat().st_size for path in folder.iterdir()) < 1_000_000


def test_the_same_seed_gives_the_same_checkpoint(tmp_path):
    """Byte for byte, tokenizer too."""
    one, two = (tiny_checkpoint(tmp_path / name, "qwen3") for name in "ab")

    for name in ("model.safetensors", "tokenizer.json", "config.json"):
        assert (one / name).read_bytes() == (two / name).read_bytes()


def test_norms_and_biases_are_random(tmp_path):
    """A decoder that forgot one of them would not pass by luck."""
    tensors = load_file(tiny_checkpoint(tmp_path, "qwen2", tokenizer=False) / "model.safetensors")

    assert all(tensor.std() > 0.05 for tensor in tensors.values())


def test_the_tokenizer_speaks_chatml(tmp_path):
    """Turns, control tokens as one id each, any bytes and back."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_checkpoint(tmp_path, "llama"))
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "naïve 🦊 \x00?"}]

    text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)

    assert text == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nnaïve 🦊 \x00?<|im_end|>\n<|im_start|>assistant\n"
    )
    ids = tokenizer(text).input_ids
    assert (ids.count(1), ids.count(2), tokenizer.eos_token_id) == (3, 2, 2)
    assert tokenizer.decode(ids) == text
