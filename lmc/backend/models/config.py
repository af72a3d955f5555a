"""What the decoder must know of a checkpoint, read from its config.json or from a GGUF file.

Reads config.json as transformers writes it, both before and since version 5, without importing transformers.
Standard library only. A field that would change the model's result and is not supported is refused, never ignored.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NoReturn

from lmc.backend.models import ARCHITECTURES, config_reader
from lmc.backend.models.gguf_config import config_fields
from lmc.errors import ModelLoadError
from lmc.gguf import is_gguf, read_gguf

Json = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class RopeConfig:
    """Rotary position embedding: base frequency and how it is stretched.

    factor                             how many times the positions are stretched
    low_freq_factor, high_freq_factor  llama3 only: bounds of the frequencies in between, as parts of `original_len`
    original_len                       llama3 only: positions before the stretch
    divisors                           divided only: what the frequency of each pair of a head is divided by
    """

    theta: float
    kind: Literal["default", "linear", "llama3", "divided"] = "default"
    factor: float = 1.0
    low_freq_factor: float = 1.0
    high_freq_factor: float = 1.0
    original_len: int = 0
    divisors: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """Sizes and switches of the one parametrised decoder.

    windows   per layer: how many last positions a token sees, itself included; None is all of them
    max_len   positions the model was made for
    qk_norm   RMS norm of every head of Q and K before rotation
    """

    architecture: str
    vocab_size: int
    hidden_size: int
    mlp_size: int
    num_layers: int
    num_heads: int
    num_kv_heads: int
    head_dim: int
    max_len: int
    norm_eps: float
    rope: RopeConfig
    windows: tuple[int | None, ...]
    tied: bool = False
    qkv_bias: bool = False
    out_bias: bool = False
    mlp_bias: bool = False
    qk_norm: bool = False


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A parsed config.json whose fields are read with a check of their kind."""

    path: Path
    fields: Json

    def whole(self, name: str, default: int | None = None, *, least: int = 1) -> int:
        """A whole number of at least `least`; `default` where the field is absent or null."""
        value = self.fields.get(name)
        if value is None:
            value = default
        if value is None:
            self.refuse(f"has no field `{name}`", "copy the config.json that was saved with these weights")
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            self.refuse(f"has `{name}` = {value!r}, which is not a whole number of at least {least}")
        return value

    def number(self, name: str, default: float) -> float:
        """A number above 0; `default` where the field is absent or null."""
        return self.number_of(self.fields, name, default)

    def number_of(self, fields: Json, name: str, default: float | None) -> float:
        """`number` of a nested object."""
        value = fields.get(name)
        if value is None:
            value = default
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
            self.refuse(f"has `{name}` = {value!r}, which is not a number above 0")
        return float(value)

    def flag(self, name: str, default: bool = False) -> bool:
        """A truth value; `default` where the field is absent or null."""
        value = self.fields.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.refuse(f"has `{name}` = {value!r}, which is neither true nor false")
        return value

    def refuse(self, what: str, help: str | None = None) -> NoReturn:
        """Raise ModelLoadError: '<path>' <what>."""
        raise ModelLoadError(f"'{self.path}' {what}", help=help)


def read_config(folder: Path) -> ModelConfig:
    """The decoder config of a folder or GGUF file; raises ModelLoadError where it cannot be run faithfully."""
    file = open_config(folder)
    config = config_reader(architecture(file))(file)
    refuse_unsupported(file)
    if config.num_heads % config.num_kv_heads:
        file.refuse(f"has {config.num_heads} heads, which {config.num_kv_heads} key-value heads do not divide")
    if config.head_dim % 2:
        file.refuse(f"has `head_dim` = {config.head_dim}; rotary embedding needs an even one")
    if config.rope.divisors and len(config.rope.divisors) != config.head_dim // 2:
        file.refuse(f"divides {len(config.rope.divisors)} frequencies of {config.head_dim // 2}")
    return config


def _of_a_hub(folder: Path) -> str:
    """What to do with a name such as `Qwen/Qwen3-0.6B`."""
    name = folder.as_posix()
    if folder.exists() or folder.is_absolute() or name.count("/") != 1 or name.startswith("."):
        return ""
    return f"; nothing is fetched: `hf download {name} --local-dir {folder.name}` makes one of a model on the hub"


def open_config(folder: Path) -> ConfigFile:
    """Parse `folder`/config.json, or the head of a GGUF file."""
    if is_gguf(folder):
        return ConfigFile(folder, config_fields(read_gguf(folder)))
    if not folder.is_dir():
        needed = "a GGUF file, or of a folder that holds config.json, *.safetensors and tokenizer.json"
        raise ModelLoadError(
            f"model folder '{folder}' does not exist",
            help=f"give the path of {needed}{_of_a_hub(folder)}",
        )
    path = folder / "config.json"
    if not path.is_file():
        raise ModelLoadError(
            f"'{path}' does not exist",
            help="save the model with `model.save_pretrained(folder)`, or download the whole repository",
        )
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelLoadError(f"'{path}' is not valid JSON: {error}", help="download the file again") from error
    if not isinstance(fields, dict):
        raise ModelLoadError(f"'{path}' holds no JSON object", help="download the file again")
    return ConfigFile(path, fields)


def architecture(file: ConfigFile) -> str:
    """The first known name in `architectures`."""
    names = file.fields.get("architectures")
    names = [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
    for name in names:
        if name in ARCHITECTURES:
            return name
    known = ", ".join(ARCHITECTURES)
    if not names:
        file.refuse("names no architecture", f"set `architectures` to a list with one of {known}")
    quoted = ", ".join(f"'{name}'" for name in names)
    file.refuse(f"names the unknown architecture {quoted}", f"known architectures: {known}")


def refuse_unsupported(file: ConfigFile) -> None:
    """Refuse switches that change the result and that the decoder does not have."""
    if file.fields.get("quantization_config") is not None:
        file.refuse("describes quantized weights", "load the checkpoint that was saved in bf16, fp16 or fp32")
    act = file.fields.get("hidden_act", "silu")
    if act not in ("silu", "swish"):
        file.refuse(f"has `hidden_act` = {act!r}; the decoder has only 'silu'", "use a model with SwiGLU layers")


# --- rotary embedding ------------------------------------------------------------------------------------


def read_rope(file: ConfigFile) -> RopeConfig:
    """The rotary embedding, from `rope_parameters` (transformers 5) or from `rope_theta` and `rope_scaling`."""
    scaling = rope_fields(file)
    theta = file.number_of(scaling, "rope_theta", file.number("rope_theta", 10000.0))
    if file.number_of(scaling, "partial_rotary_factor", file.number("partial_rotary_factor", 1.0)) != 1.0:
        file.refuse("rotates only a part of each head", "use a model whose `partial_rotary_factor` is 1")
    match scaling.get("rope_type", scaling.get("type", "default")):
        case "default":
            return RopeConfig(theta)
        case "linear":
            return RopeConfig(theta, "linear", file.number_of(scaling, "factor", None))
        case "llama3":
            return llama3_rope(file, theta, scaling)
        case "divided":
            return RopeConfig(theta, "divided", divisors=divisors(file, scaling))
        case kind:
            file.refuse(f"asks for rope scaling {kind!r}", "known kinds of rope scaling: default, linear, llama3")


def rope_fields(file: ConfigFile) -> Json:
    """The object that describes rope, {} where there is none."""
    for name in ("rope_parameters", "rope_scaling"):
        value = file.fields.get(name)
        if value is None:
            continue
        if not isinstance(value, dict):
            file.refuse(f"has `{name}` = {value!r}, which is not a JSON object")
        if any(isinstance(part, dict) for part in value.values()):
            file.refuse(f"has a different `{name}` for each kind of layer", "use a model with one kind of rope")
        return value
    return {}


def llama3_rope(file: ConfigFile, theta: float, scaling: Json) -> RopeConfig:
    """Rope as Llama 3.1 stretches it: low frequencies by `factor`, high ones not at all, a ramp in between."""
    low = file.number_of(scaling, "low_freq_factor", None)
    high = file.number_of(scaling, "high_freq_factor", None)
    original = file.number_of(scaling, "original_max_position_embeddings", None)
    return RopeConfig(theta, "llama3", file.number_of(scaling, "factor", None), low, high, int(original))


def divisors(file: ConfigFile, scaling: Json) -> tuple[float, ...]:
    """What each frequency is divided by, as GGUF files say it."""
    found = scaling.get("divisors")
    if not isinstance(found, list) or not all(isinstance(d, float) and 0 < d < math.inf for d in found):
        file.refuse(f"has `divisors` = {found!r:.60}, which are no numbers above 0")
    return tuple(found)
