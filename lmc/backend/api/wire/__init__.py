"""How each API writes a call and an answer: pure functions, no network. A file a dialect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, cast

from lmc.backend.api.abilities import Abilities
from lmc.backend.api.ask import Chunk, WireAsk
from lmc.backend.api.keys import Secret

Json = dict[str, Any]


class Dialect(Protocol):
    """A module of this folder."""

    def path(self, ask: WireAsk) -> str:
        """Where it is sent, behind the base URL."""

    def head(self, key: Secret | None) -> Mapping[str, str]:
        """The headers that say who asks. Made where the request is sent, and kept nowhere."""

    def body(self, ask: WireAsk, known: Abilities) -> Json:
        """What is sent. Raises LMError for what the API cannot be told."""

    def read(self, event: str, data: Json) -> list[Chunk]:
        """What a frame of a streamed answer says, or a whole answer."""


def dialect_of(name: str, ask: WireAsk) -> Dialect:
    """The module that writes a call for that API."""
    from lmc.backend.api.wire import anthropic, completions, llamacpp, ollama, openai_chat, sglang, vllm

    if name == "openai":
        return cast(Dialect, openai_chat if ask.turns is not None else completions)
    modules = {"anthropic": anthropic, "vllm": vllm, "sglang": sglang, "llamacpp": llamacpp, "ollama": ollama}
    return cast(Dialect, modules[name])
