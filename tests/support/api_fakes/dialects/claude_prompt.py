"""A Messages request as blocks for the cache and turns for the brain. Raises Refused for what it may not hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..answer import Refused, as_json
from ..asked import Brain, Turn
from ..prompt_caches.anthropic_rules import LONG_S, MAX_MARKS, SHORT_S
from ..prompt_caches.blocks import Block

TTLS = {"5m": SHORT_S, "1h": LONG_S}


@dataclass(frozen=True, slots=True)
class ClaudePrompt:
    """Blocks in the order tools, system, messages; turns with same roles in a row merged."""

    blocks: list[Block]
    turns: list[Turn]


def prompt_of(body: dict[str, Any], brain: Brain) -> ClaudePrompt:
    """What the request says; where the brain has a template, turns are written by that."""
    parts = [*_tool_parts(body), *_system_parts(body), *_message_parts(body)]
    words, between = brain.words, getattr(brain, "between", None)
    parts = parts if between is None else _templated(parts, between)
    marks = [_ttl(part.get("cache_control"), place) for _, part, _, place in parts]
    if body.get("cache_control"):
        marks[-1] = marks[-1] or _ttl(body["cache_control"], "cache_control")
    _check_marks(marks, extra=1 if body.get("cache_control") and parts[-1][1].get("cache_control") else 0)
    blocks = [Block(text, words.count(text), ttl_s) for (_, _, text, _), ttl_s in zip(parts, marks, strict=True)]
    if between is not None:
        tail = between(parts[-1][0], "assistant")
        blocks.append(Block(tail, words.count(tail)))
    return ClaudePrompt(blocks, _turns(parts))


def _templated(parts: Sequence[Part], between: Callable[[str, str], str]) -> list[Part]:
    """The same parts with their text as a template writes it: each message, and all of `system`, is a turn."""
    found, before, message = list[Part](), "", ""
    for role, part, _, place in parts:
        turn = role if role == "system" else place.partition(".content")[0]
        head = between(before, role) if turn != message else ""
        found.append((role, part, head + part["text"], place))
        before, message = role, turn
    return found


Part = tuple[str, dict[str, Any], str, str]  # role, part, rendered text, place


def _tool_parts(body: dict[str, Any]) -> Iterator[Part]:
    for at, tool in enumerate(body.get("tools") or ()):
        told = {name: each for name, each in tool.items() if name != "cache_control"}
        yield "", tool, as_json(told) + "\n", f"tools.{at}"


def _system_parts(body: dict[str, Any]) -> Iterator[Part]:
    system = body.get("system")
    parts = [{"type": "text", "text": system}] if isinstance(system, str) else system or ()
    for at, part in enumerate(parts):
        yield "system", part, _text(part, f"system.{at}"), f"system.{at}"


def _message_parts(body: dict[str, Any]) -> Iterator[Part]:
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise Refused("invalid", "messages: at least one message is required")
    role = ""
    for at, message in enumerate(messages):
        place = f"messages.{at}"
        if not isinstance(message, dict) or message.get("role") not in ("user", "assistant"):
            raise Refused("invalid", f"{place}.role: Input should be 'user' or 'assistant'")
        content = message.get("content")
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        if not isinstance(parts, list) or (not parts and at < len(messages) - 1):
            raise Refused("invalid", f"{place}.content: Input should be a valid list")
        for number, part in enumerate(parts):
            text = _text(part, f"{place}.content.{number}")
            yield message["role"], part, f"\n\n{message['role']}: {text}" if message["role"] != role else text, place
            role = message["role"]


def _text(part: Any, place: str) -> str:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind == "text" and isinstance(part.get("text"), str):
        if not part["text"]:
            raise Refused("invalid", f"{place}: text content blocks must be non-empty")
        return str(part["text"])
    if kind in ("image", "tool_use", "tool_result", "thinking", "document", "redacted_thinking"):
        return as_json({name: each for name, each in part.items() if name != "cache_control"})
    raise Refused("invalid", f"{place}: Input tag {kind!r} found using 'type' does not match any of the expected tags")


def _turns(parts: Sequence[Part]) -> list[Turn]:
    turns: list[Turn] = []
    for role, part, text, _ in parts:
        if not role:
            continue
        plain = part["text"] if part.get("type") == "text" else text
        if turns and turns[-1].role == role:
            turns[-1] = Turn(role, turns[-1].text + plain)
        else:
            turns.append(Turn(role, plain))
    return turns


def _ttl(mark: Any, place: str) -> float | None:
    if mark is None:
        return None
    if not isinstance(mark, dict) or mark.get("type") != "ephemeral" or mark.get("ttl", "5m") not in TTLS:
        raise Refused("invalid", f"{place}.cache_control: Input should be type 'ephemeral' with ttl '5m' or '1h'")
    return TTLS[mark.get("ttl", "5m")]


def _check_marks(marks: Sequence[float | None], extra: int) -> None:
    set_ones = [mark for mark in marks if mark is not None]
    if (found := len(set_ones) + extra) > MAX_MARKS:
        message = f"A maximum of {MAX_MARKS} blocks with cache_control may be provided. Found {found}."
        raise Refused("invalid", message)
    if set_ones != sorted(set_ones, reverse=True):
        raise Refused("invalid", "a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block")
