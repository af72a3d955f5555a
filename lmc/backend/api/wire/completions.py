"""Completions of a text without roles, or of token ids: OpenAI's old endpoint, which servers of one's own have."""

from __future__ import annotations

from typing import Any

from lmc.backend.api.abilities import Abilities
from lmc.backend.api.ask import Chunk, Likely, WireAsk
from lmc.backend.api.wire.constraints import untold
from lmc.backend.api.wire.openai_chat import common, finish, head, spent

__all__ = ["body", "head", "path", "read"]

Json = dict[str, Any]


def path(ask: WireAsk) -> str:
    """Behind the base URL."""
    return "/completions"


def body(ask: WireAsk, known: Abilities) -> Json:
    """What is sent. Raises BackendError for what the API cannot be told."""
    if ask.constraint is not None and known.dialect == "openai":
        raise untold(ask.constraint, known)
    found = common(ask, known)
    found["prompt"] = ask.text if ask.ids is None else list(ask.ids)
    if ask.max_tokens is not None:
        found["max_tokens"] = ask.max_tokens
    if ask.sampling.return_logprob or ask.sampling.top_logprobs_num:
        found["logprobs"] = ask.sampling.top_logprobs_num
    return found


def read(event: str, data: Json) -> list[Chunk]:
    """What a frame says, or a whole answer: both have one shape."""
    if "error" in data and "choices" not in data:
        return [Chunk(failed=data["error"])]
    if data.get("object") == "error":
        return [Chunk(failed=data)]
    found = [_choice(choice) for choice in data.get("choices") or () if isinstance(choice, dict)]
    usage = data.get("usage")
    if usage is not None:
        found.append(Chunk(spent=spent(usage)))
    return found


def _choice(choice: Json) -> Chunk:
    chunk = Chunk(choice.get("index") or 0, choice.get("text") or "")
    if choice.get("token_ids"):
        chunk.ids = tuple(choice["token_ids"])
    if choice.get("logprobs"):
        chunk.likely = _likely(choice["logprobs"])
    finish(chunk, choice)
    return chunk


def _likely(logprobs: Json) -> tuple[Likely, ...]:
    tokens, numbers = logprobs.get("tokens") or (), logprobs.get("token_logprobs") or ()
    tops = logprobs.get("top_logprobs") or [None] * len(tokens)
    return tuple(
        Likely(_bytes(token), number, tuple((_bytes(t), p) for t, p in (top or {}).items()))
        for token, number, top in zip(tokens, numbers, tops)
        if number is not None
    )


def _bytes(token: str) -> bytes:
    return token.encode("utf-8", "replace")
