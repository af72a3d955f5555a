"""Model architectures that the fused decoder runs: a table from the name in config.json to its config reader.

A new architecture is one line here and one reader in `families.py`. Nothing here imports torch.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from lmc.backend.models.config import ConfigFile, ModelConfig

ARCHITECTURES: dict[str, str] = {
    "LlamaForCausalLM": "lmc.backend.models.families:llama",
    "MistralForCausalLM": "lmc.backend.models.families:mistral",
    "Qwen2ForCausalLM": "lmc.backend.models.families:qwen2",
    "Qwen3ForCausalLM": "lmc.backend.models.families:qwen3",
}


def config_reader(architecture: str) -> Callable[[ConfigFile], ModelConfig]:
    """The reader registered for a known architecture name."""
    module, name = ARCHITECTURES[architecture].split(":")
    return cast("Callable[[ConfigFile], ModelConfig]", getattr(import_module(module), name))
