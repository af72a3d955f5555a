"""`POST /v1/systemone`: choices by the probabilities of their labels, as vLLM, SGLang and others serve it."""

from __future__ import annotations

from typing import Any

from ..answer import Answer, Refused
from ..asked import Ask
from ..prompt_caches.entries import Charges
from .dialect import Dialect, Incoming


def system_one(dialect: Dialect, call: Incoming, most: int) -> Answer:
    """Answers each question about `state`; `most` options a question."""
    body = call.body
    model = dialect.check_model(body.get("model"))
    state, questions = body.get("state"), body.get("questions")
    if not isinstance(state, str) or not isinstance(questions, dict) or not questions:
        raise Refused("invalid", "'state' must be a text and 'questions' a non-empty object")
    answers = {name: _answer(dialect, state, name, question, most) for name, question in questions.items()}
    tokens = dialect.words.count(state) + sum(dialect.words.count(str(each)) for each in questions.values())
    began = dialect.bill(call, model, Charges(fresh=tokens))
    usage = {"prompt_tokens": tokens, "completion_tokens": 0, "total_tokens": tokens}
    return Answer({"model": model, "answers": answers, "usage": usage}, began=began)


def _answer(dialect: Dialect, state: str, name: str, question: Any, most: int) -> dict[str, Any]:
    if not isinstance(question, dict) or question.get("type") not in ("choice", "noul", "score"):
        raise Refused("invalid", f"questions.{name}.type: 'choice', 'noul' or 'score'")
    criteria = question.get("criteria")
    labels = list(criteria) if isinstance(criteria, list | dict) else []
    if question["type"] == "noul":
        labels = labels or ["no", "unknown", "likely"]
    if not 2 <= len(labels) <= most:
        raise Refused("invalid", f"questions.{name}.criteria: 2 to {most} options")
    weights = dialect.brain.weigh(Ask(f"{state}\n{question.get('instructions', '')}"), labels)
    whole = sum(weights) or 1.0
    shares = [weight / whole for weight in weights]
    best = max(range(len(labels)), key=shares.__getitem__)
    return {
        "choice": labels[best],
        "confidence": shares[best],
        "probabilities": dict(zip(labels, shares, strict=True)),
        "x_label_mass": min(1.0, whole),
    }
