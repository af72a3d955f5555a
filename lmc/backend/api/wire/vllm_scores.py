"""vLLM: how likely the tokens of a prompt are."""

from __future__ import annotations

from typing import Any

from lmc.backend.api.abilities import Abilities
from lmc.backend.api.ask import Chunk, Likely, WireAsk
from lmc.backend.api.wire import completions
from lmc.backend.api.wire.completions import head, path
from lmc.backend.api.wire.openai_chat import spent

__all__ = ["body", "head", "path", "read"]

Json = dict[str, Any]


def body(ask: WireAsk, known: Abilities) -> Json:
    """What is sent: the server generates one token at least, which nobody reads; of others than the prompt's, none."""
    assert ask.ids is not None
    return {
        "model": ask.model,
        "prompt": list(ask.ids),
        "max_tokens": 1,
        "temperature": 0.0,
        "prompt_logprobs": 0,
        "stream": False,
    }


def read(event: str, data: Json) -> list[Chunk]:
    """The answer: the log-probabilities of the prompt's tokens, as those of what is said."""
    if "choices" not in data:
        return completions.read(event, data)
    (choice,) = data["choices"]
    likely = tuple(_likely(each) for each in choice["prompt_logprobs"] if each)
    return [Chunk(likely=likely, ending="stop"), Chunk(spent=spent(data.get("usage") or {}))]


def _likely(told: Json) -> Likely:
    ((id, each),) = told.items()
    return Likely(b"", each["logprob"], (), int(id))
