"""What a backend is, as far as a run depends on it: its name, what it can do, its chat template; as JSON and back."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from lmc.backend.base import Backend
from lmc.ir.caps import Caps
from lmc.ir.chat import ChatTemplate

Json = Any
_CAPS = frozenset(each.name for each in fields(Caps))
_CHAT = tuple(each.name for each in fields(ChatTemplate))


def facts_of(backend: Backend) -> dict[str, Json]:
    """`name`, `model`, `caps`, `begins` (whether a prompt without roles begins with tokens of its own) and `chat`."""
    chat, caps = backend.tokenizer.chat, backend.caps
    return {
        "name": backend.name,
        "model": getattr(backend, "identity", None),
        "caps": {name: _plain(getattr(caps, name)) for name in sorted(_CAPS)},
        "begins": bool(backend.tokenizer.begin_ids),
        "chat": None if chat is None else {name: getattr(chat, name) for name in _CHAT},
    }


def caps_from(found: Json) -> Caps:
    """What it could do; what another version of lmc wrote down beside it is left alone."""
    return Caps(**{name: _frozen(value) for name, value in found.items() if name in _CAPS})


def chat_from(found: Json) -> ChatTemplate | None:
    """Its chat template."""
    return None if found is None else ChatTemplate(**{name: _frozen(found[name]) for name in _CHAT})


def _plain(value: object) -> Json:
    return {"set": sorted(value)} if isinstance(value, frozenset) else value


def _frozen(value: Json) -> Any:
    match value:
        case {"set": list(parts)}:
            return frozenset(map(_frozen, parts))
        case list():
            return tuple(map(_frozen, value))
    return value
