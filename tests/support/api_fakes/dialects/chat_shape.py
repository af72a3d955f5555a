"""Answers in the shape of chat completions, whole and streamed; dialects put their own fields on top."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..answer import Frame
from ..asked import Call, Completion, Token
from ..cutting import pieces

FINISH = {"end": "stop", "stop": "stop", "length": "length", "calls": "tool_calls", "refusal": "stop"}


@dataclass(frozen=True, slots=True)
class Shape:
    """What differs between dialects.

    first_content  of the first delta of a choice
    choice_extra   more fields of a whole choice, or of the last chunk of one
    delta_extra    more fields of each delta
    chunk_extra    more fields of each choice of a chunk, by its tokens
    """

    first_content: str | None = ""
    message_extra: Callable[[Completion], dict[str, Any]] = lambda done: {}
    choice_extra: Callable[[Completion], dict[str, Any]] = lambda done: {}
    delta_extra: Callable[[], dict[str, Any]] = dict
    chunk_extra: Callable[[Sequence[Token]], dict[str, Any]] = lambda tokens: {}


def logprob_entry(token: Token) -> dict[str, Any]:
    """One token as chat tells its logprob."""
    top = [{"token": _text(b), "logprob": lp, "bytes": list(b)} for _, b, lp in token.top]
    return {"token": _text(token.text), "logprob": token.logprob, "bytes": list(token.text), "top_logprobs": top}


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def logprobs_of(tokens: Sequence[Token], wanted: bool) -> dict[str, Any] | None:
    """The logprobs of a choice, None where nobody wanted them."""
    return {"content": [logprob_entry(token) for token in tokens], "refusal": None} if wanted else None


def whole_choice(index: int, done: Completion, logprobs: bool, shape: Shape) -> dict[str, Any]:
    """A choice of a whole answer."""
    message: dict[str, Any] = {"role": "assistant", "content": done.text, "refusal": done.refusal}
    if done.finish in ("calls", "refusal"):
        message["content"] = done.text or None
    if done.calls:
        message["tool_calls"] = [_call(at, call, call.arguments) for at, call in enumerate(done.calls)]
    return {
        "index": index,
        "message": message | shape.message_extra(done),
        "logprobs": logprobs_of(done.tokens, logprobs),
        "finish_reason": FINISH[done.finish],
    } | shape.choice_extra(done)


def _call(at: int, call: Call, arguments: str) -> dict[str, Any]:
    if call.is_custom:
        return {"id": f"call_{at}", "type": "custom", "custom": {"name": call.name, "input": arguments}}
    return {"id": f"call_{at}", "type": "function", "function": {"name": call.name, "arguments": arguments}}


def chat_frames(
    head: dict[str, Any],
    completions: Sequence[Completion],
    logprobs: bool,
    shape: Shape,
    usage: dict[str, Any] | None,
    first: dict[str, Any] | None = None,
) -> Iterator[Frame]:
    """The chunks, choices in turns. `usage` goes into a last chunk without choices; None sends none.

    first  more fields of the first chunk
    """
    told = {"usage": None} if usage is not None else {}

    def chunk(choice: dict[str, Any], tokens: int = 0) -> Frame:
        return Frame({**head, "choices": [choice], **told}, tokens=tokens)

    streams = [_choice_frames(at, done, logprobs, shape, chunk) for at, done in enumerate(completions)]
    is_first = True
    while streams:
        for stream in list(streams):
            frame = next(stream, None)
            if frame is None:
                streams.remove(stream)
                continue
            if is_first and first:
                frame.doc |= first
            is_first = False
            yield frame
    if usage is not None:
        yield Frame({**head, "choices": [], "usage": usage})
    yield Frame("[DONE]")


def _choice_frames(
    index: int, done: Completion, logprobs: bool, shape: Shape, chunk: Callable[..., Frame]
) -> Iterator[Frame]:
    def choice(delta: dict[str, Any], tokens: Sequence[Token] = (), finish: str | None = None) -> dict[str, Any]:
        lps = logprobs_of(tokens, logprobs) if tokens else None
        more = shape.chunk_extra(tokens) if finish is None else shape.choice_extra(done)
        return {"index": index, "delta": delta, "logprobs": lps, "finish_reason": finish} | more

    first = {"role": "assistant", "content": shape.first_content}
    yield chunk(choice(first | shape.delta_extra()))
    if done.thinking:
        yield chunk(choice({"reasoning": done.thinking}))
    for text, tokens in pieces(done) if not done.calls else ():
        yield chunk(choice({"content": text} | shape.delta_extra(), tokens), len(tokens))
    if done.refusal is not None:
        yield chunk(choice({"refusal": done.refusal}))
    for at, call in enumerate(done.calls):
        tokens = len(done.tokens) if at == 0 else 0
        yield chunk(choice({"tool_calls": [{"index": at, **_call(at, call, "")}]}), tokens=tokens)
        for begin in range(0, len(call.arguments), 8):
            kind, name = ("custom", "input") if call.is_custom else ("function", "arguments")
            part = {"index": at, kind: {name: call.arguments[begin : begin + 8]}}
            yield chunk(choice({"tool_calls": [part]}))
    yield chunk(choice({}, finish=FINISH[done.finish]))
