"""config.json to ModelConfig: both spellings of transformers, defaults, and a reason for every refusal."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lmc.backend.models import ARCHITECTURES
from lmc.backend.models.config import RopeConfig, read_config
from lmc.errors import ModelLoadError

BASE: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "vocab_size": 400,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 1024,
}
LLAMA3 = {
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}


@pytest.fixture
def read(tmp_path: Path):
    """Reads a config.json of BASE with some fields changed; a field set to ... is left out."""

    def go(**changes: Any):
        fields = {name: value for name, value in {**BASE, **changes}.items() if value is not ...}
        (tmp_path / "config.json").write_text(json.dumps(fields))
        return read_config(tmp_path)

    return go


def test_sizes_and_defaults(read):
    """What is not said is what transformers assumes."""
    config = read(num_key_value_heads=...)

    assert (config.num_kv_heads, config.head_dim, config.max_len, config.norm_eps) == (4, 16, 1024, 1e-6)
    assert config.rope == RopeConfig(10000.0)
    assert not (config.tied or config.qkv_bias or config.out_bias or config.mlp_bias or config.qk_norm)


@pytest.mark.parametrize(
    "fields, expected",
    [
        ({"rope_theta": 5e5}, RopeConfig(5e5)),
        ({"rope_theta": 5e5, "rope_scaling": None}, RopeConfig(5e5)),
        ({"rope_parameters": {"rope_theta": 5e5, "rope_type": "default"}}, RopeConfig(5e5)),
        ({"rope_theta": 5e5, "rope_scaling": {"type": "linear", "factor": 2}}, RopeConfig(5e5, "linear", 2.0)),
        ({"rope_scaling": {"rope_type": "llama3", **LLAMA3}}, RopeConfig(1e4, "llama3", 8.0, 1.0, 4.0, 8192)),
        (
            {"rope_parameters": {"rope_theta": 7.0, "rope_type": "llama3", **LLAMA3}},
            RopeConfig(7.0, "llama3", 8, 1, 4, 8192),
        ),
    ],
)
def test_rope_is_read_in_both_spellings(read, fields, expected):
    """`rope_parameters` since transformers 5, `rope_theta` and `rope_scaling` before."""
    assert read(**fields).rope == expected


@pytest.mark.parametrize(
    "fields, windows",
    [
        ({"architectures": ["LlamaForCausalLM"], "sliding_window": 9}, (None,) * 4),
        ({"architectures": ["MistralForCausalLM"], "sliding_window": 9}, (9,) * 4),
        ({"architectures": ["MistralForCausalLM"], "sliding_window": None}, (None,) * 4),
        ({"architectures": ["MistralForCausalLM"]}, (4096,) * 4),
        ({"architectures": ["Qwen2ForCausalLM"], "sliding_window": 9}, (None,) * 4),
        (
            {
                "architectures": ["Qwen2ForCausalLM"],
                "sliding_window": 9,
                "use_sliding_window": True,
                "max_window_layers": 3,
            },
            (None, None, None, 9),
        ),
        (
            {
                "architectures": ["Qwen3ForCausalLM"],
                "sliding_window": 9,
                "use_sliding_window": True,
                "layer_types": ["sliding_attention", "full_attention"] * 2,
            },
            (9, None, 9, None),
        ),
    ],
)
def test_each_layer_knows_its_window(read, fields, windows):
    """Mistral has one for all layers, Qwen for some when it is switched on."""
    assert read(**fields).windows == windows


def test_families_differ_by_switches(read):
    """Biases and norms."""
    assert read(architectures=["Qwen2ForCausalLM"]).qkv_bias
    qwen3 = read(architectures=["Qwen3ForCausalLM"])
    assert (qwen3.qk_norm, qwen3.qkv_bias, qwen3.head_dim) == (True, False, 128)


@pytest.mark.parametrize(
    "fields, says, helps",
    [
        ({"architectures": ["GPT2LMHeadModel"]}, "unknown architecture 'GPT2LMHeadModel'", "Qwen3ForCausalLM"),
        ({"architectures": ...}, "names no architecture", "LlamaForCausalLM"),
        ({"hidden_size": ...}, "has no field `hidden_size`", "saved with these weights"),
        ({"vocab_size": "many"}, "`vocab_size` = 'many'", None),
        ({"num_hidden_layers": 0}, "`num_hidden_layers` = 0", None),
        ({"rms_norm_eps": "small"}, "`rms_norm_eps` = 'small'", None),
        ({"tie_word_embeddings": 1}, "`tie_word_embeddings` = 1", None),
        ({"num_attention_heads": 5}, "5 heads, which 2 key-value heads do not divide", None),
        ({"head_dim": 15}, "`head_dim` = 15", None),
        ({"hidden_act": "gelu"}, "`hidden_act` = 'gelu'", "SwiGLU"),
        ({"quantization_config": {"bits": 4}}, "quantized weights", "bf16"),
        ({"rope_scaling": {"rope_type": "yarn", "factor": 4.0}}, "rope scaling 'yarn'", "default, linear, llama3"),
        ({"rope_scaling": {"rope_type": "dynamic", "factor": 4.0}}, "rope scaling 'dynamic'", "llama3"),
        ({"rope_scaling": {"rope_type": "linear"}}, "`factor` = None", None),
        ({"rope_scaling": "linear"}, "`rope_scaling` = 'linear'", None),
        ({"rope_parameters": {"full_attention": {"rope_theta": 1.0}}}, "each kind of layer", "one kind of rope"),
        ({"partial_rotary_factor": 0.5}, "only a part of each head", "partial_rotary_factor"),
        (
            {
                "architectures": ["Qwen2ForCausalLM"],
                "use_sliding_window": True,
                "sliding_window": 9,
                "layer_types": ["full_attention"],
            },
            "`layer_types` = ['full_attention']",
            "it must be 4 of full_attention, sliding_attention",
        ),
    ],
)
def test_a_config_that_cannot_be_run_faithfully_is_refused(read, tmp_path, fields, says, helps):
    """The message names the file and the field; the help says what would work."""
    with pytest.raises(ModelLoadError) as error:
        read(**fields)

    assert str(tmp_path / "config.json") in error.value.message
    assert says in error.value.message
    assert helps is None or helps in (error.value.help or "")


@pytest.mark.parametrize("text, says", [("{", "not valid JSON"), ("[]", "no JSON object"), ("", "not valid JSON")])
def test_a_damaged_config_is_refused(tmp_path, text, says):
    """Half a download."""
    (tmp_path / "config.json").write_text(text)

    with pytest.raises(ModelLoadError, match=says) as error:
        read_config(tmp_path)

    assert "config.json" in error.value.message
    assert "download" in (error.value.help or "")


def test_a_missing_folder_and_a_missing_config_are_two_errors(tmp_path):
    """Each says what to give."""
    with pytest.raises(ModelLoadError, match="nowhere' does not exist") as folder:
        read_config(tmp_path / "nowhere")
    with pytest.raises(ModelLoadError, match=r"config\.json' does not exist") as config:
        read_config(tmp_path)

    assert "config.json" in (folder.value.help or "")
    assert "save_pretrained" in (config.value.help or "")


def test_reading_a_config_imports_neither_torch_nor_transformers():
    """A plan can be made for a model without loading the engine."""
    code = (
        "import sys, lmc.backend.models.families;"
        "print(sorted({'torch', 'transformers', 'safetensors'} & set(sys.modules)))"
    )

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_the_table_of_architectures_is_in_order():
    """Sorted, one line each, so that two additions do not collide."""
    assert list(ARCHITECTURES) == sorted(ARCHITECTURES)
