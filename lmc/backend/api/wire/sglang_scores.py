"""SGLang: how likely the last tokens of a prompt are."""

from __future__ import annotations

from typing import Any

from lmc.backend.api.abilities import Abilities
from lmc.backend.api.ask import Chunk, Likely, Spent, WireAsk
from lmc.backend.api.wire.openai_chat import head
from lmc.backend.api.wire.sglang import at_root, path

__all__ = ["at_root", "body", "head", "path", "read"]

Json = dict[str, Any]


def body(ask: WireAsk, known: Abilities) -> Json:
    """What is sent: nothing is generated. The token before the first that is scored is looked at too."""
    assert ask.ids is not None
    return {
        "input_ids": list(ask.ids),
        "sampling_params": {"max_new_tokens": 0, "temperature": 0.0},
        "return_logprob": True,
        "logprob_start_len": len(ask.ids) - ask.scored - 1,
        "stream": False,
    }


def read(event: str, data: Json) -> list[Chunk]:
    """The answer: the log-probabilities of the prompt's tokens, as those of what is said."""
    if "error" in data and "meta_info" not in data:
        return [Chunk(failed=data["error"])]
    if data.get("object") == "error":
        return [Chunk(failed=data)]
    meta = data["meta_info"]
    rows = [(logprob, id) for logprob, id, _ in meta["input_token_logprobs"] if logprob is not None]
    likely = tuple(Likely(b"", logprob, (), id) for logprob, id in rows)
    spent = Spent(meta.get("prompt_tokens"), meta.get("cached_tokens"), None, meta.get("completion_tokens"))
    return [Chunk(likely=likely, ending="stop"), Chunk(spent=spent)]
