"""Ollama's own API: a JSON text a line; messages, or a text that no template is put around."""

from __future__ import annotations

from typing import Any

from lmc.backend.api.abilities import Abilities
from lmc.backend.api.ask import Chunk, Spent, WireAsk
from lmc.backend.api.wire.constraints import schema_of
from lmc.backend.api.wire.openai_chat import ENDINGS, head, likely
from lmc.backend.api.wire.parameters import parameters
from lmc.errors import BackendError

__all__ = ["at_root", "body", "head", "path", "read"]

Json = dict[str, Any]


def at_root(ask: WireAsk) -> bool:
    """Its paths are put behind the root of the server."""
    return True


def path(ask: WireAsk) -> str:
    """Where it is sent."""
    return "/api/chat" if ask.turns is not None else "/api/generate"


def body(ask: WireAsk, known: Abilities) -> Json:
    """What is sent. Raises BackendError for what the API cannot be told."""
    if ask.n > 1:
        raise BackendError(f"{known.called} draws one sample a call", help="fork, and call in each")
    told = parameters(ask, known)
    if "repetition_penalty" in told:
        told["repeat_penalty"] = told.pop("repetition_penalty")
    told |= {"stop": list(ask.stop)} if ask.stop else {}
    told |= {"seed": ask.seed} if ask.seed is not None else {}
    told["num_predict"] = ask.max_tokens
    # else it leaves out what stands at the beginning of a prompt that is too long, and tells nobody
    found: Json = {"model": ask.model, "stream": True, "truncate": False, "shift": False, "options": told}
    if ask.turns is not None:
        found["messages"] = [{"role": turn.role, "content": turn.text} for turn in ask.turns]
    else:
        found |= {"prompt": ask.text, "raw": True}
    if ask.constraint is not None:
        found["format"] = schema_of(ask.constraint, known)
    if ask.sampling.return_logprob or ask.sampling.top_logprobs_num:
        found |= {"logprobs": True, "top_logprobs": ask.sampling.top_logprobs_num}
    return found


def read(event: str, data: Json) -> list[Chunk]:
    """What a line says."""
    if "error" in data:
        return [Chunk(failed=data["error"])]
    chunk = Chunk(0, (data.get("message") or {}).get("content") or data.get("response") or "")
    if data.get("logprobs"):
        chunk.likely = likely({"content": data["logprobs"]})
    if not data.get("done"):
        return [chunk]
    chunk.ending = ENDINGS.get(data.get("done_reason") or "stop", "stop")
    spent = Spent(data.get("prompt_eval_count"), None, None, data.get("eval_count"))
    return [chunk, Chunk(spent=spent), Chunk(is_last=True)]
