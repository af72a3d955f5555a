"""Models behind an API: what each can do, what it costs, and how it is asked."""

from lmc.backend.api.remote import (
    Remote,
    open_anthropic,
    open_llamacpp,
    open_ollama,
    open_openai,
    open_remote,
    open_sglang,
    open_vllm,
)

__all__ = [
    "Remote", "open_anthropic", "open_llamacpp", "open_ollama", "open_openai", "open_remote", "open_sglang",
    "open_vllm",
]  # fmt: skip
