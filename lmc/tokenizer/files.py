"""The files of a checkpoint folder that say what its tokenizer is. Reads JSON and text, understands no tokens."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lmc.errors import ModelLoadError

NAMES = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")


@dataclass(frozen=True, slots=True)
class TokenizerFiles:
    """What was found in `folder`.

    tokenizer_json  the file's bytes
    named_tokens    "bos_token" -> its text, and so on: what templates and configs name
    eos_ids         from generation_config.json and config.json
    chat_template   Jinja source, None where there is none
    chat_kwargs     what else the template is given, such as enable_thinking
    """

    folder: Path
    tokenizer_json: bytes
    named_tokens: dict[str, str]
    eos_ids: frozenset[int]
    chat_template: str | None
    chat_kwargs: Mapping[str, object] = field(default_factory=dict)


def read_files(folder: Path) -> TokenizerFiles:
    """Raises ModelLoadError where tokenizer.json is missing or a JSON file is broken."""
    config = _read_json(folder / "tokenizer_config.json")
    return TokenizerFiles(
        folder=folder,
        tokenizer_json=_read_tokenizer(folder),
        named_tokens=_named_tokens(_read_json(folder / "special_tokens_map.json") | config),
        eos_ids=_eos_ids(_read_json(folder / "generation_config.json"), _read_json(folder / "config.json")),
        chat_template=_chat_template(folder, config),
    )


def _read_tokenizer(folder: Path) -> bytes:
    try:
        return (folder / "tokenizer.json").read_bytes()
    except OSError as error:
        raise ModelLoadError(
            f"`{folder}` has no readable tokenizer.json: {error.strerror}",
            help="save it with `transformers.AutoTokenizer.from_pretrained(...).save_pretrained(folder)`",
        ) from error


def _read_json(path: Path) -> dict[str, Any]:
    """A JSON object, {} where there is no such file."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise ModelLoadError(f"`{path}` cannot be read: {error}", help="copy the file again") from error
    return value if isinstance(value, dict) else {}


def _read_text(path: Path) -> str | None:
    """A text, None where there is no such file."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ModelLoadError(f"`{path}` cannot be read: {error}", help="copy the file again") from error


def _named_tokens(config: dict[str, Any]) -> dict[str, str]:
    found = {name: _content(config.get(name)) for name in NAMES}
    return {name: content for name, content in found.items() if content}


def _content(token: Any) -> str:
    """A token is saved as its text, or as an object with its flags."""
    return str(token.get("content", "")) if isinstance(token, dict) else str(token or "")


def _eos_ids(*configs: dict[str, Any]) -> frozenset[int]:
    nested = [config.get("text_config") or {} for config in configs]
    if strange := [each for each in nested if not isinstance(each, dict)]:
        raise ModelLoadError(f"`text_config` is {strange[0]!r}, which is no JSON object", help="copy config.json again")
    fields = [config.get("eos_token_id") for config in (*configs, *nested)]
    return frozenset(i for field in fields for i in (field if isinstance(field, list) else [field]) if type(i) is int)


def _chat_template(folder: Path, config: dict[str, Any]) -> str | None:
    source = _read_text(folder / "chat_template.jinja")
    if source is not None:
        return source
    template = config.get("chat_template") or _read_json(folder / "chat_template.json").get("chat_template")
    if isinstance(template, list):  # several named ones
        named = [entry for entry in template if isinstance(entry, dict) and isinstance(entry.get("template"), str)]
        if len(named) == len(template):
            template = next((entry["template"] for entry in named if entry.get("name") == "default"), None)
    if template is not None and not isinstance(template, str):
        raise ModelLoadError(
            f"`{folder}` has a chat template that is no text: {template!r:.60}", help="copy tokenizer_config.json again"
        )
    return template or None
