"""Choices that compete by their first token: the token of one also begins the text of another, as `A` does `Above`.

Only where tokens are drawn one by one, or compared so: `select` scores whole choices by its other methods.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from itertools import islice

from lmc.codes import FIRST_TOKEN
from lmc.passes.base import Decode, Encode, Note
from lmc.passes.lint.call import LintedCall, quoted

BY_TOKEN = "greedy_token_selection"
MAX_OPTIONS = 512  # choices that are looked at
WRITE = "let choices begin with different words, or "
SELECT = "use `select`, which scores whole choices by default"
METHOD = "leave the method at its default, which scores whole choices"

Rival = tuple[str, str, str]  # the token, the choice it is the first one of, the choice it only begins


def first_token(call: LintedCall) -> Iterator[Note]:
    """One note for a call with such choices."""
    encode, decode, options = call.inputs.encode, call.inputs.decode, call.facts.options
    is_by_token = not call.is_scored or call.node.attr("method") == BY_TOKEN
    if encode is None or decode is None or len(options) < 2 or not is_by_token:
        return
    found = list(islice(rivals(options[:MAX_OPTIONS], encode, decode), 1))
    for token, own, other in found:
        what = f"the first token of {quoted(own)} is {quoted(token)}, which {quoted(other)} begins with too"
        why = "the model decides between them by a token that stands for both"
        yield call.note(FIRST_TOKEN, f"{what}: {why}; {WRITE}{METHOD if call.is_scored else SELECT}")


def rivals(options: tuple[str, ...], encode: Encode, decode: Decode) -> Iterator[Rival]:
    """Choices that begin with another one's first token and have another first token themselves.

    A choice that another one begins with as a whole is `prefix`'s to tell.
    """
    firsts = {option: encode((("text", option),))[:1] for option in options}
    ordered = sorted(options)
    for own, token in firsts.items():
        text = decode(token) if token else ""
        if not text or not own.startswith(text):  # a token may end within a character
            continue
        for other in islice(ordered, bisect_left(ordered, text), None):
            if not other.startswith(text):
                break
            if firsts[other] != token and not other.startswith(own):
                yield text, own, other
