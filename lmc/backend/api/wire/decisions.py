"""OpenAI's decisions: one question of which of some texts comes next, answered by their probabilities."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from lmc.backend.api.abilities import Abilities
from lmc.backend.api.ask import Chunk, Likely, Spent, WireAsk
from lmc.backend.api.wire.openai_chat import head
from lmc.errors import BackendError
from lmc.ir.constraint import Choices

__all__ = ["LEAST", "MOST", "body", "head", "path", "read", "takes"]

Json = dict[str, Any]
LEAST, MOST = 2, 255  # choices of a question
QUESTION = "Which of the choices is the assistant's answer?"


def takes(choices: Sequence[str]) -> bool:
    """Whether there may be so many."""
    return LEAST <= len(choices) <= MOST


def path(ask: WireAsk) -> str:
    """Behind the base URL."""
    return "/decisions"


def body(ask: WireAsk, known: Abilities) -> Json:
    """What is sent. Raises BackendError for a choice in the middle of a turn."""
    if ask.continues:
        raise BackendError(
            f"{known.called} decides nothing in a turn that already has text",
            help="let the choice begin its own turn, or use another backend",
        )
    assert ask.turns is not None and isinstance(ask.constraint, Choices)
    values = [{"value": option} for option in ask.constraint.options]
    turns = [{"role": turn.role, "content": turn.text} for turn in ask.turns]
    return {
        "model": ask.model,
        "input": turns,
        "questions": [{"type": "choice", "instructions": QUESTION, "choices": values}],
    }


def read(event: str, data: Json) -> list[Chunk]:
    """The answer: its choice as the text, and all choices as what is likely in its place."""
    if "error" in data and "answers" not in data:
        return [Chunk(failed=data["error"])]
    (answer,) = data["answers"]
    chunks = [_refused(answer) if answer.get("type") == "refusal" else _answered(answer)]
    usage = data.get("usage")
    if isinstance(usage, dict):
        details = usage.get("input_tokens_details") or {}
        spent = Spent(
            usage.get("input_tokens"), details.get("cached_tokens"), details.get("cache_write_tokens"),
            usage.get("output_tokens"),
        )  # fmt: skip
        chunks.append(Chunk(spent=spent))
    return chunks


def _refused(answer: Json) -> Chunk:
    return Chunk(ending="refusal", refusal=str(answer.get("refusal") or "no reason is given"))


def _answered(answer: Json) -> Chunk:
    tops = tuple((str(each["value"]).encode(), _log(each["probability"])) for each in answer["probabilities"])
    choice = answer["choice"]
    return Chunk(text=choice, ending="stop", likely=(Likely(choice.encode(), _log(answer["confidence"]), tops),))


def _log(probability: float) -> float:
    return math.log(probability) if probability > 0 else -math.inf
