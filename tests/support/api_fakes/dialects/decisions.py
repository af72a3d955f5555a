"""Decisions: predicates, choices and scores about one input, answered by weights of the brain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..answer import Refused
from ..asked import Ask, Brain
from .messages import part_text, turns_of

MOST_QUESTIONS, MOST_CHOICES = 400, 255


def answers_of(body: dict[str, Any], brain: Brain) -> tuple[list[dict[str, Any]], int]:
    """The answers in order, and the tokens of the input with all questions."""
    questions = body.get("questions")
    if not isinstance(questions, list) or not 1 <= len(questions) <= MOST_QUESTIONS:
        raise Refused("invalid", f"Invalid 'questions': expected 1 to {MOST_QUESTIONS}.", param="questions")
    given = body.get("input")
    text = given if isinstance(given, str) else brain.render(turns_of(given), False, False)
    tokens = brain.words.count(text) + sum(brain.words.count(str(question)) for question in questions)
    return [_answer(question, text, brain, f"questions[{at}]") for at, question in enumerate(questions)], tokens


def _answer(question: Any, text: str, brain: Brain, place: str) -> dict[str, Any]:
    kind = question.get("type") if isinstance(question, dict) else None
    makers = {"predicate": _predicate, "choice": _choice, "score": _score}
    if kind not in makers:
        raise Refused("invalid", f"Invalid value: {place}.type {kind!r}.", param=f"{place}.type")
    if question.get("instructions") is None:
        raise Refused("invalid", f"Missing required parameter: '{place}.instructions'.", param=f"{place}.instructions")
    told = question["instructions"]
    prompt = text + "\n" + (told if isinstance(told, str) else "".join(part_text(part, place) for part in told))
    return {"type": kind, "name": question.get("name"), **makers[kind](question, prompt, brain, place)}


def _predicate(question: dict[str, Any], prompt: str, brain: Brain, place: str) -> dict[str, Any]:
    yes, _ = _shares(brain, prompt, ("true", "false"))
    return {"probability": yes}


def _choice(question: dict[str, Any], prompt: str, brain: Brain, place: str) -> dict[str, Any]:
    values = [choice.get("value") for choice in question.get("choices", ())]
    if not 2 <= len(values) <= MOST_CHOICES:
        raise Refused("invalid", f"Invalid '{place}.choices': expected 2 to {MOST_CHOICES}.", param=f"{place}.choices")
    if len({(type(value), value) for value in values}) < len(values):
        raise Refused("invalid", f"Invalid '{place}.choices': each must be unique.", param=f"{place}.choices")
    shares = _shares(brain, prompt, [str(value).lower() if isinstance(value, bool) else value for value in values])
    best = max(range(len(values)), key=shares.__getitem__)
    pairs = [{"value": value, "probability": share} for value, share in zip(values, shares, strict=True)]
    return {"choice": values[best], "confidence": shares[best], "probabilities": pairs}


def _score(question: dict[str, Any], prompt: str, brain: Brain, place: str) -> dict[str, Any]:
    labels = [level.get("label") for level in question.get("levels", ())]
    if len(labels) < 2:
        raise Refused("invalid", f"Invalid '{place}.levels'.", param=f"{place}.levels")
    shares = _shares(brain, prompt, labels)
    told = [
        {"label": label, "value": at, "probability": s}
        for at, (label, s) in enumerate(zip(labels, shares, strict=True))
    ]
    return {"score": sum(at * s for at, s in enumerate(shares)), "confidence": max(shares), "probabilities": told}


def _shares(brain: Brain, prompt: str, labels: Sequence[str]) -> list[float]:
    weights = brain.weigh(Ask(prompt), labels)
    whole = sum(weights) or 1.0
    return [weight / whole for weight in weights]
