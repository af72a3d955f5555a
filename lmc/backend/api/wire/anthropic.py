"""Anthropic's messages: turns of the system by themselves, named events, and no parameters but few."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lmc.backend.api.abilities import Abilities
from lmc.backend.api.ask import CacheMarks, Chunk, Ending, Spent, Turn, WireAsk
from lmc.backend.api.keys import Secret
from lmc.backend.api.wire.constraints import schema_of
from lmc.backend.api.wire.parameters import parameters
from lmc.errors import BackendError

Json = dict[str, Any]

# the last version of the API under which models that follow `temperature` may be told it
VERSION = "2023-06-01"

ENDINGS: dict[str, Ending] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool",
    "refusal": "refusal",
}


def path(ask: WireAsk) -> str:
    """Behind the base URL."""
    return "/messages"


def head(key: Secret | None) -> Mapping[str, str]:
    """The version, and the key."""
    version = {"anthropic-version": VERSION}
    return version if key is None else {**version, "x-api-key": key.reveal()}


def body(ask: WireAsk, known: Abilities) -> Json:
    """What is sent. Raises BackendError for what the API cannot be told."""
    assert ask.turns is not None
    if ask.n > 1:
        raise BackendError(f"{known.called} draws one sample a call", help="fork, and call in each")
    first = next((i for i, turn in enumerate(ask.turns) if turn.role != "system"), len(ask.turns))
    if any(turn.role == "system" for turn in ask.turns[first:]):
        raise BackendError(f"{known.called} takes turns of the system only before all others", help="put them there")
    found: Json = {"model": ask.model, "stream": True, "max_tokens": ask.max_tokens or known.max_output or 4096}
    kept = ask.kept or CacheMarks()
    if first:
        found["system"] = [block for at, turn in enumerate(ask.turns[:first]) for block in _blocks(kept, at, turn)]
    found["messages"] = [
        {"role": turn.role, "content": _content(kept, at, turn)} for at, turn in enumerate(ask.turns[first:], first)
    ]
    if ask.continues:
        _check_continued(ask, known)
    if ask.stop:
        found["stop_sequences"] = list(ask.stop)
    if ask.constraint is not None:
        found["output_config"] = {"format": {"type": "json_schema", "schema": schema_of(ask.constraint, known)}}
    if known.thinks == "optional":
        found["thinking"] = {"type": "disabled"}
    return found | parameters(ask, known)


def _content(kept: CacheMarks, at: int, turn: Turn) -> str | list[Json]:
    """A message's text: as it is, or in blocks where it is cut."""
    return _blocks(kept, at, turn) if any(cut.turn == at for cut in kept.cuts) else turn.text


def _blocks(kept: CacheMarks, at: int, turn: Turn) -> list[Json]:
    """A turn's text in blocks, with the marks behind them."""
    blocks: list[Json] = []
    for text, is_marked in kept.parts(at, turn):
        blocks.append({"type": "text", "text": text})
        if is_marked:
            blocks[-1]["cache_control"] = {"type": "ephemeral"}
    return blocks


def _check_continued(ask: WireAsk, known: Abilities) -> None:
    """Raises BackendError for a turn that cannot be gone on with."""
    assert ask.turns is not None
    text = ask.turns[-1].text
    if known.continues == "never":
        raise BackendError(
            f"{known.called} does not go on with a turn that already has text",
            help=f"let the answer begin its own turn, or use another backend; {known.known_from}",
        )
    if text != text.rstrip() or ask.constraint is not None:
        raise BackendError(
            f"{known.called} goes on with no turn that ends in white space, and under no constraint",
            help="take the white space off, or let the answer begin its own turn",
        )


def read(event: str, data: Json) -> list[Chunk]:
    """What an event says, or a whole message."""
    match data.get("type"):
        case "content_block_delta":
            delta = data["delta"]
            return [Chunk(text=delta["text"])] if delta.get("type") == "text_delta" else []
        case "message_start":
            return [Chunk(spent=spent(data["message"].get("usage") or {}))]
        case "message_delta":
            return [_ended(data["delta"]), Chunk(spent=spent(data.get("usage") or {}))]
        case "message_stop":
            return [Chunk(is_last=True)]
        case "error":
            return [Chunk(failed=data.get("error"))]
        case "message":
            text = "".join(block["text"] for block in data["content"] if block.get("type") == "text")
            return [Chunk(text=text), _ended(data), Chunk(spent=spent(data.get("usage") or {}))]
    return []


def _ended(data: Json) -> Chunk:
    reason = data.get("stop_reason")
    chunk = Chunk(ending=None if reason is None else ENDINGS.get(reason, "stop"))
    chunk.matched = (data.get("stop_sequence") or "") if reason is not None else None
    if chunk.ending == "refusal":
        chunk.refusal = str((data.get("stop_details") or {}).get("explanation") or "")
    return chunk


def spent(usage: Json) -> Spent:
    """The tokens of a call: what the API calls input is only what was neither read from the cache nor written."""
    fresh, output = usage.get("input_tokens"), usage.get("output_tokens")
    cached, written = usage.get("cache_read_input_tokens"), usage.get("cache_creation_input_tokens")
    prompt = None if fresh is None else fresh + (cached or 0) + (written or 0)
    return Spent(prompt, cached, written, output)
