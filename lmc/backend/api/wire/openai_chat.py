"""OpenAI's chat completions, and the servers that speak them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lmc.backend.api.abilities import Abilities
from lmc.backend.api.ask import CacheMarks, Chunk, Ending, Likely, Spent, Turn, WireAsk
from lmc.backend.api.keys import Secret
from lmc.backend.api.wire.constraints import response_format
from lmc.backend.api.wire.parameters import parameters
from lmc.errors import BackendError

Json = dict[str, Any]
COUNTING_EARLY = ("vllm", "sglang")  # whose frames may each tell the tokens so far

ENDINGS: dict[str, Ending] = {
    "stop": "stop",
    "length": "length",
    "content_filter": "refusal",
    "tool_calls": "tool",
    "function_call": "tool",
    "abort": "aborted",
}


def path(ask: WireAsk) -> str:
    """Behind the base URL."""
    return "/chat/completions"


def head(key: Secret | None) -> Mapping[str, str]:
    """The key as a bearer's."""
    return {} if key is None else {"Authorization": f"Bearer {key.reveal()}"}


def body(ask: WireAsk, known: Abilities) -> Json:
    """What is sent. Raises BackendError for what the API cannot be told."""
    assert ask.turns is not None
    found = common(ask, known)
    kept = ask.kept or CacheMarks()
    found["messages"] = [{"role": turn.role, "content": _content(kept, at, turn)} for at, turn in enumerate(ask.turns)]
    if ask.kept is not None:
        found |= _keeping(ask.kept)
    if ask.continues:
        found |= _continuing(known)
    if ask.constraint is not None and known.dialect == "openai":
        found["response_format"] = response_format(ask.constraint, known)
    if known.thinks == "optional" and known.dialect == "openai":
        found["reasoning_effort"] = "none"
    if ask.max_tokens is not None:
        found[known.max_tokens_name] = ask.max_tokens
    if ask.sampling.return_logprob or ask.sampling.top_logprobs_num:
        found["logprobs"] = True
        if ask.sampling.top_logprobs_num:
            found["top_logprobs"] = ask.sampling.top_logprobs_num
    return found


def _keeping(kept: CacheMarks) -> Json:
    """What is said of the cache beside the marks: there are no others, and which calls go to one place."""
    found: Json = {"prompt_cache_options": {"mode": "explicit"}}
    return found if kept.key is None else {**found, "prompt_cache_key": kept.key}


def _content(kept: CacheMarks, at: int, turn: Turn) -> str | list[Json]:
    """A message's text: as it is, or in parts where it is cut."""
    if not any(cut.turn == at for cut in kept.cuts):
        return turn.text
    parts: list[Json] = []
    for text, is_marked in kept.parts(at, turn):
        parts.append({"type": "text", "text": text})
        if is_marked:
            parts[-1]["prompt_cache_breakpoint"] = {"mode": "explicit"}
    return parts


def common(ask: WireAsk, known: Abilities) -> Json:
    """What chat and completions write alike."""
    options = {"include_usage": True}
    if ask.counts_early and known.dialect in COUNTING_EARLY:
        options["continuous_usage_stats"] = True
    found: Json = {"model": ask.model, "stream": True, "stream_options": options}
    found |= parameters(ask, known)
    if ask.stop:
        found["stop"] = list(ask.stop)
    if ask.n > 1:
        found["n"] = ask.n
    if ask.seed is not None and known.seed is not None:
        found["seed"] = ask.seed
    return found


def _continuing(known: Abilities) -> Json:
    """What tells the server to go on with the assistant's last message."""
    match known.continues:
        case "flag":
            return {"continue_final_message": True, "add_generation_prompt": False}
        case "automatic" | "prefill" | "template":
            return {}
    raise BackendError(
        f"{known.called} does not go on with a turn that already has text",
        help=f"let the answer begin its own turn, or use another backend; {known.known_from}",
    )


# --- answers -----------------------------------------------------------------------------------------------


def read(event: str, data: Json) -> list[Chunk]:
    """What a frame says, or a whole answer: its messages are read as deltas are."""
    if "error" in data and "choices" not in data:
        return [Chunk(failed=data["error"])]
    if data.get("object") == "error":  # SGLang's, flat
        return [Chunk(failed=data)]
    choices = data.get("choices") or ()
    found = [_choice(choice) for choice in choices if isinstance(choice, dict)]
    usage = data.get("usage")
    if usage is not None:
        found.append(Chunk(spent=spent(usage)))
    return found


def _choice(choice: Json) -> Chunk:
    said = choice.get("delta") or choice.get("message") or {}
    chunk = Chunk(choice.get("index") or 0, said.get("content") or "")
    if said.get("refusal"):
        chunk.refusal = said["refusal"]
    if choice.get("logprobs"):
        chunk.likely = likely(choice["logprobs"])
    finish(chunk, choice)
    return chunk


def finish(chunk: Chunk, choice: Json) -> None:
    """Note why a choice ended, where it did."""
    reason = choice.get("finish_reason")
    if reason is None:
        return
    chunk.ending = ENDINGS.get(reason, "aborted" if str(reason).startswith("abort") else "stop")
    matched = choice.get("stop_reason", choice.get("matched_stop"))
    if isinstance(matched, str):
        chunk.matched = matched
    elif isinstance(matched, int) or "stop_reason" in choice or "matched_stop" in choice:
        chunk.matched = ""


def likely(logprobs: Json) -> tuple[Likely, ...]:
    """Log-probabilities of the tokens of a chat delta."""
    return tuple(
        Likely(_bytes(each), each["logprob"], tuple((_bytes(t), t["logprob"]) for t in each.get("top_logprobs") or ()))
        for each in logprobs.get("content") or ()
    )


def _bytes(token: Json) -> bytes:
    raw = token.get("bytes")
    return bytes(raw) if raw is not None else str(token.get("token", "")).encode("utf-8", "replace")


def spent(usage: object) -> Spent | None:
    """The tokens of a call."""
    if not isinstance(usage, dict):
        return None
    prompt, output = usage.get("prompt_tokens_details") or {}, usage.get("completion_tokens_details") or {}
    return Spent(
        usage.get("prompt_tokens"),
        prompt.get("cached_tokens"),
        prompt.get("cache_write_tokens"),
        usage.get("completion_tokens"),
        output.get("reasoning_tokens"),
    )
