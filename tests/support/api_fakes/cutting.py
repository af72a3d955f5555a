"""Where an answer ends: at the first stop text, or when its tokens are used up."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator, Sequence

from .asked import Ask, Completion, Token


def cut(tokens: Iterable[Token], ask: Ask) -> Completion:
    """The tokens up to the one that completes a stop text or is the last allowed; `tokens` ends where the model ends.

    The token in which a stop text ends is billed; an answer of exactly `max_tokens` tokens that the model would have
    ended there has finish "length" as everywhere.
    """
    kept: list[Token] = []
    raw = b""
    stops = [(text, text.encode()) for text in ask.stop if text]
    if ask.max_tokens <= 0:
        return Completion((), "", "length")
    for token in tokens:
        kept.append(token)
        before = len(raw)
        raw += token.text
        found = [(at, text) for text, code in stops if (at := raw.find(code, max(0, before - len(code) + 1))) >= 0]
        if found:
            at, text = min(found)
            return Completion(tuple(kept), raw[:at].decode("utf-8", "replace"), "stop", text)
        if len(kept) >= ask.max_tokens:
            return Completion(tuple(kept), _whole(raw), "length")
    return Completion(tuple(kept), _whole(raw), "end")


def _whole(raw: bytes) -> str:
    """The text of `raw`; a character cut at the end becomes U+FFFD, as servers flush it."""
    return raw.decode("utf-8", "replace")


def pieces(completion: Completion) -> Iterator[tuple[str, Sequence[Token]]]:
    """What the text grows by, with the tokens it took: cut characters wait for their rest.

    The texts joined are `completion.text`, and no text is empty but perhaps the last.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    left = completion.text
    last = len(completion.tokens) - 1
    held: list[Token] = []
    for at, token in enumerate(completion.tokens):
        held.append(token)
        text = left[: len(decoder.decode(token.text, at == last))]
        if not text and at < last:
            continue
        left = left[len(text) :]
        yield text, held
        held = []
