"""vLLM: OpenAI's words and its own for constraints; prompts and answers as token ids."""

from __future__ import annotations

from typing import Any

from lmc.backend.api.abilities import Abilities
from lmc.backend.api.ask import Chunk, WireAsk
from lmc.backend.api.wire import completions, openai_chat
from lmc.backend.api.wire.constraints import structured_outputs
from lmc.backend.api.wire.openai_chat import head

__all__ = ["body", "head", "path", "read"]


def path(ask: WireAsk) -> str:
    """Behind the base URL."""
    return openai_chat.path(ask) if ask.turns is not None else completions.path(ask)


def body(ask: WireAsk, known: Abilities) -> dict[str, Any]:
    """What is sent. Raises BackendError for what the API cannot be told."""
    found = openai_chat.body(ask, known) if ask.turns is not None else completions.body(ask, known)
    if ask.constraint is not None:
        found["structured_outputs"] = structured_outputs(ask.constraint, known)
    if ask.ids is not None:
        found["return_token_ids"] = True
    return found


def read(event: str, data: dict[str, Any]) -> list[Chunk]:
    """What a frame says, or a whole answer."""
    is_text = any("text" in choice for choice in data.get("choices") or ())
    return completions.read(event, data) if is_text else openai_chat.read(event, data)
