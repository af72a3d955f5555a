"""llama.cpp's server: OpenAI's words for messages, its own `/completion` for texts and token ids."""

from __future__ import annotations

from typing import Any

from lmc.backend.api.abilities import Abilities
from lmc.backend.api.ask import Chunk, Ending, Likely, Spent, WireAsk
from lmc.backend.api.wire import openai_chat
from lmc.backend.api.wire.constraints import gbnf, schema_of, untold
from lmc.backend.api.wire.openai_chat import head
from lmc.backend.api.wire.parameters import parameters
from lmc.ir.constraint import Choices, Constraint, Grammar, JsonSchema

__all__ = ["at_root", "body", "head", "path", "read"]

Json = dict[str, Any]
ENDINGS: dict[str, Ending] = {"eos": "stop", "word": "stop", "limit": "length", "none": "stop"}


def at_root(ask: WireAsk) -> bool:
    """Whether its path is put behind the root of the server."""
    return ask.turns is None


def path(ask: WireAsk) -> str:
    """Where it is sent."""
    return openai_chat.path(ask) if ask.turns is not None else "/completion"


def body(ask: WireAsk, known: Abilities) -> Json:
    """What is sent. Raises BackendError for what the API cannot be told."""
    found = openai_chat.body(ask, known) if ask.turns is not None else _native(ask, known)
    if "repetition_penalty" in found:
        found["repeat_penalty"] = found.pop("repetition_penalty")
    if ask.constraint is not None:
        found |= _constrained(ask.constraint, known)
    return found


def _constrained(constraint: Constraint, known: Abilities) -> Json:
    match constraint:
        case JsonSchema():
            return {"json_schema": schema_of(constraint, known)}
        case Choices():
            return {"grammar": gbnf(constraint.options)}
        case Grammar():
            return {"grammar": constraint.text}
    raise untold(constraint, known)


def _native(ask: WireAsk, known: Abilities) -> Json:
    found: Json = {"prompt": ask.text if ask.ids is None else list(ask.ids), "n_predict": ask.max_tokens}
    found |= {"stream": True, "cache_prompt": True, "return_tokens": ask.ids is not None}
    found |= parameters(ask, known)
    found |= {"stop": list(ask.stop)} if ask.stop else {}
    found |= {"seed": ask.seed} if ask.seed is not None else {}
    if ask.sampling.return_logprob or ask.sampling.top_logprobs_num:
        found["n_probs"] = max(1, ask.sampling.top_logprobs_num)
    return found


def read(event: str, data: Json) -> list[Chunk]:
    """What a frame says, or a whole answer."""
    if "content" not in data:
        return openai_chat.read(event, data)
    chunk = Chunk(0, data["content"], tuple(data.get("tokens") or ()))
    chunk.likely = tuple(map(_likely, data.get("completion_probabilities") or ()))
    if not data.get("stop"):
        return [chunk]
    chunk.ending = ENDINGS.get(data.get("stop_type") or "none", "stop")
    chunk.matched = data.get("stopping_word") or ""
    prompt, cached = data.get("tokens_evaluated"), (data.get("timings") or {}).get("cache_n")
    return [chunk, Chunk(spent=Spent(prompt, cached, None, data.get("tokens_predicted"))), Chunk(is_last=True)]


def _likely(each: Json) -> Likely:
    tops = each.get("top_logprobs") or ()
    return Likely(_raw(each), each["logprob"], tuple((_raw(top), top["logprob"]) for top in tops), each.get("id"))


def _raw(token: Json) -> bytes:
    raw = token.get("bytes")
    return bytes(raw) if raw is not None else str(token.get("token", "")).encode("utf-8", "replace")
