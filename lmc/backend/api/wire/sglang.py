"""SGLang: OpenAI's words for messages and texts, its own `/generate` for token ids."""

from __future__ import annotations

from typing import Any

from lmc.backend.api.abilities import Abilities
from lmc.backend.api.ask import Chunk, Likely, Spent, WireAsk
from lmc.backend.api.wire import completions, openai_chat
from lmc.backend.api.wire.constraints import alternation, response_format, untold
from lmc.backend.api.wire.openai_chat import ENDINGS, head
from lmc.backend.api.wire.parameters import parameters
from lmc.ir.constraint import Choices, Constraint, Grammar, JsonSchema, Regex, StructuralTag

__all__ = ["at_root", "body", "head", "path", "read"]

Json = dict[str, Any]


def at_root(ask: WireAsk) -> bool:
    """Whether its path is put behind the root of the server."""
    return ask.ids is not None


def path(ask: WireAsk) -> str:
    """Where it is sent."""
    if ask.ids is not None:
        return "/generate"
    return openai_chat.path(ask) if ask.turns is not None else completions.path(ask)


def body(ask: WireAsk, known: Abilities) -> Json:
    """What is sent. Raises BackendError for what the API cannot be told."""
    if ask.ids is not None:
        return _native(ask, known)
    found = openai_chat.body(ask, known) if ask.turns is not None else completions.body(ask, known)
    if ask.sampling.stop_regex:
        found["stop_regex"] = list(ask.sampling.stop_regex)
    return found | (_constrained(ask.constraint, known) if ask.constraint is not None else {})


def _constrained(constraint: Constraint, known: Abilities) -> Json:
    match constraint:
        case Regex():
            return {"regex": constraint.pattern}
        case Choices():
            return {"regex": alternation(constraint.options)}
        case JsonSchema():
            return {"response_format": response_format(constraint, known)}
        case Grammar():
            return {"ebnf": constraint.text}
        case StructuralTag():
            return {"response_format": {"type": "structural_tag", "format": constraint.format}}
    raise untold(constraint, known)


def _native(ask: WireAsk, known: Abilities) -> Json:
    assert ask.ids is not None
    told = parameters(ask, known)
    told["max_new_tokens"] = ask.max_tokens
    if "min_tokens" in told:
        told["min_new_tokens"] = told.pop("min_tokens")
    told |= {"stop": list(ask.stop)} if ask.stop else {}
    told |= {"stop_regex": list(ask.sampling.stop_regex)} if ask.sampling.stop_regex else {}
    told |= {"n": ask.n} if ask.n > 1 else {}
    told |= {"sampling_seed": ask.seed} if ask.seed is not None else {}
    match ask.constraint:
        case None:
            pass
        case JsonSchema():
            told["json_schema"] = ask.constraint.text
        case StructuralTag():
            told["structural_tag"] = ask.constraint.text
        case _:
            told |= _constrained(ask.constraint, known)
    found: Json = {"input_ids": list(ask.ids), "sampling_params": told, "stream": True}
    if ask.sampling.return_logprob or ask.sampling.top_logprobs_num:
        found |= {"return_logprob": True, "top_logprobs_num": ask.sampling.top_logprobs_num}
        found["return_text_in_logprobs"] = True
    return found


def read(event: str, data: Json) -> list[Chunk]:
    """What a frame says, or a whole answer. Of `/generate` each frame has all of the text so far."""
    if "meta_info" not in data:
        is_text = any("text" in choice for choice in data.get("choices") or ())
        return completions.read(event, data) if is_text else openai_chat.read(event, data)
    meta = data["meta_info"]
    chunk = Chunk(data.get("index") or 0, data.get("text") or "", tuple(data.get("output_ids") or ()), is_all=True)
    chunk.likely = tuple(_likely(each) for each in meta.get("output_token_logprobs") or ())
    spent = Spent(meta.get("prompt_tokens"), meta.get("cached_tokens"), None, meta.get("completion_tokens"))
    reason = meta.get("finish_reason")
    if reason is not None:
        chunk.ending = ENDINGS.get(reason.get("type"), "stop")
        matched = reason.get("matched")
        chunk.matched = matched if isinstance(matched, str) else ""
        if reason.get("type") == "abort":
            return [Chunk(failed={"message": reason.get("message") or "aborted", "code": reason.get("status_code")})]
    return [chunk, Chunk(spent=spent)]


def _likely(each: list[Any]) -> Likely:
    logprob, id, text = each
    return Likely(str(text or "").encode("utf-8", "replace"), logprob, (), id)
