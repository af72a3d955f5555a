"""Sampling parameters as OpenAI's API and those like it name them: what is sent, and what is not."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from lmc.backend.api.abilities import Abilities
from lmc.backend.api.ask import WireAsk
from lmc.errors import BackendError
from lmc.ir.sampling import Sampling

DEFAULTS: dict[str, Any] = {field.name: field.default for field in fields(Sampling)}
# sent by their own names where they say something; the others have places of their own in a call
PLAIN = (
    "temperature", "top_p", "top_k", "min_p", "frequency_penalty", "presence_penalty", "repetition_penalty",
    "min_tokens", "stop_token_ids", "ignore_eos",
)  # fmt: skip


def parameters(ask: WireAsk, known: Abilities) -> dict[str, Any]:
    """Those of a call that are not what the API does anyway. Raises BackendError for what it cannot be told."""
    found: dict[str, Any] = {}
    for name in PLAIN:
        value = getattr(ask.sampling, name)
        if value == DEFAULTS[name] and name not in known.must_send:
            continue
        if name in known.follows:
            found[name] = list(value) if isinstance(value, tuple) else value
        elif value != DEFAULTS[name] and not (name == "top_k" and value == 1):
            raise BackendError(
                f"`{name}={value!r}`: {known.called} cannot be told that", help=f"leave it out; {known.known_from}"
            )
    if ask.sampling.top_k == 1 and "top_k" not in known.follows:  # the same in other words
        if "temperature" not in known.follows:
            raise BackendError(f"`top_k=1`: {known.called} cannot be told that", help="leave it out")
        found["temperature"] = 0.0
    return found
