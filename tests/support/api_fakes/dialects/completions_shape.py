"""Answers in the shape of legacy completions, whole and streamed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..answer import Frame
from ..asked import Completion, Token
from ..cutting import pieces
from .chat_shape import FINISH, Shape


def logprobs_block(tokens: Sequence[Token], offset: int) -> dict[str, Any]:
    """The logprobs of some tokens, whose text begins at `offset` of the whole."""
    block: dict[str, Any] = {"tokens": [], "token_logprobs": [], "top_logprobs": [], "text_offset": []}
    for token in tokens:
        text = token.text.decode("utf-8", "replace")
        block["tokens"].append(text)
        block["token_logprobs"].append(token.logprob)
        top = {raw.decode("utf-8", "replace"): logprob for _, raw, logprob in token.top}
        block["top_logprobs"].append(top if token.logprob is not None else None)
        block["text_offset"].append(offset)
        offset += len(text)
    return block


def whole_choice(
    index: int, done: Completion, echoed: tuple[str, Sequence[Token]], logprobs: int | None, shape: Shape
) -> dict[str, Any]:
    """A choice; `echoed` is the prompt's text and its scored tokens, empty without echo."""
    text, before = echoed
    told = None if logprobs is None else logprobs_block([*before, *done.tokens], 0)
    return {
        "index": index,
        "text": text + done.text,
        "logprobs": told,
        "finish_reason": FINISH[done.finish],
    } | shape.choice_extra(done)


def frames(
    head: dict[str, Any],
    completions: Sequence[tuple[Completion, tuple[str, Sequence[Token]]]],
    logprobs: int | None,
    shape: Shape,
    usage: dict[str, Any] | None,
) -> Iterator[Frame]:
    """The chunks, one choice after the other."""
    told = {"usage": None} if usage is not None else {}
    for index, (done, (text, before)) in enumerate(completions):
        offset = 0
        if text:
            lps = None if logprobs is None else logprobs_block(before, 0)
            yield Frame(
                {**head, "choices": [{"index": index, "text": text, "logprobs": lps, "finish_reason": None}], **told}
            )
            offset = len(text)
        for piece, tokens in pieces(done):
            lps = None if logprobs is None else logprobs_block(tokens, offset)
            choice = {"index": index, "text": piece, "logprobs": lps, "finish_reason": None}
            yield Frame({**head, "choices": [choice | shape.chunk_extra(tokens)], **told}, tokens=len(tokens))
            offset += len(piece)
        last = {"index": index, "text": "", "logprobs": None, "finish_reason": FINISH[done.finish]}
        yield Frame({**head, "choices": [last | shape.choice_extra(done)], **told})
    if usage is not None:
        yield Frame({**head, "choices": [], "usage": usage})
    yield Frame("[DONE]")
