"""OpenAI-shaped messages as turns for the brain and blocks for the cache. Raises Refused for what is no message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..answer import Refused, as_json
from ..asked import Brain, Turn
from ..chatml import turn_text
from ..prompt_caches.blocks import Block

ROLES = ("developer", "system", "user", "assistant", "tool", "function")


def turns_of(messages: object) -> list[Turn]:
    """The turns."""
    if not isinstance(messages, list) or not messages:
        raise Refused("invalid", "Invalid 'messages': expected a non-empty array.", param="messages")
    return [_turn(message, f"messages[{at}]") for at, message in enumerate(messages)]


def _turn(message: object, place: str) -> Turn:
    if not isinstance(message, dict) or message.get("role") not in ROLES:
        raise Refused("invalid", f"Invalid value: {place}.role", param=f"{place}.role", code="invalid_value")
    content, calls = message.get("content"), message.get("tool_calls")
    if content is None and message["role"] == "assistant" and (calls or message.get("refusal")):
        content = message.get("refusal") or ""
    if not isinstance(content, str | list) or content == []:
        raise Refused("invalid", f"Invalid type for '{place}.content'.", param=f"{place}.content", code="invalid_type")
    text = content if isinstance(content, str) else "".join(part_text(part, place) for part in content)
    return Turn(message["role"], text + (as_json(calls) if calls else ""))


def part_text(part: object, place: str) -> str:
    """The text of a content part; an image stands as its address."""
    kind = part.get("type") if isinstance(part, dict) else None
    assert isinstance(part, dict) or kind is None
    if kind in ("text", "input_text", "output_text", "refusal"):
        text = part.get("refusal" if kind == "refusal" else "text")
        if isinstance(text, str):
            return text
    if kind in ("image_url", "input_image"):
        return as_json(part.get("image_url"))
    raise Refused("invalid", f"Invalid value: {place}.content has a part of type {kind!r}.", param=f"{place}.content")


def blocks_of(
    messages: Sequence[Mapping[str, Any]], brain: Brain, ttls: Mapping[str, float], default: float
) -> list[Block]:
    """Every content part as a block, with its explicit breakpoint; what opens the answer is one where it is counted."""
    blocks: list[Block] = []
    between, words, before = getattr(brain, "between", _chatml_head), brain.words, ""
    for message in messages:
        content = message.get("content") or ""
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        closes = message["role"] in ("user", "tool")
        for at, part in enumerate(parts):
            text = part_text(part, "messages")
            is_last = at == len(parts) - 1
            text = between(before, message["role"]) + text if at == 0 else text
            mark = part.get("prompt_cache_breakpoint")
            ttl_s = ttls.get(mark.get("ttl") or "", default) if mark else None
            blocks.append(Block(text, words.count(text), ttl_s, closes and is_last))
        before = message["role"]
    if between is not _chatml_head:
        blocks.append(Block(tail := between(before, "assistant"), words.count(tail)))
    return blocks


def _chatml_head(before: str, role: str) -> str:
    return turn_text(Turn(role, ""), is_open=True)
