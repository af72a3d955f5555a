"""Thoughts before an answer, as families of models write them: how a generated text is taken apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

REASONING_NAME = "{}_reasoning_content"  # the name that the thoughts of a call go by


@dataclass(frozen=True, slots=True)
class ReasoningFormat:
    """Thoughts stand between two marks.

    is_open  the prompt has opened them already, so that a text without the first mark begins in them
    """

    begin: str
    end: str
    is_open: bool = False

    def split(self, text: str) -> tuple[str, str]:
        """Thoughts and answer, each without the whitespace around it; "" where there is none."""
        before, begin, rest = text.partition(self.begin)
        if not begin:
            if self.end in text or self.is_open:
                before, rest = "", text
            else:
                return "", text.strip()
        thoughts, _, answer = rest.partition(self.end)
        return thoughts.strip(), (before + answer).strip()


_THINK = ReasoningFormat("<think>", "</think>")
_THINKING = ReasoningFormat("<think>", "</think>", is_open=True)

# SGLang's names for its reasoning parsers
REASONING_FORMATS: Mapping[str, ReasoningFormat] = {
    "deepseek-r1": _THINKING, "deepseek-v3": _THINK, "glm45": _THINK, "kimi": ReasoningFormat("◁think▷", "◁/think▷"),
    "kimi_k2": _THINK, "qwen3": _THINK, "qwen3-thinking": _THINKING, "step3": _THINKING,
}  # fmt: skip
