"""A prompt that ends where the tokenizer would not: it reads `: ` and `yes` as `:` and ` yes` if they stand together.

The prompt's tokens are settled before the call, so the model has to begin with a token that it hardly ever saw there.
"""

from __future__ import annotations

from collections.abc import Iterator

from lmc.codes import BOUNDARY
from lmc.ir.constraint import JsonSchema, Regex
from lmc.ir.scoring import default_boundary
from lmc.passes.base import Encode, Note
from lmc.passes.lint.beginnings import beginnings
from lmc.passes.lint.call import LintedCall, quoted

END = 12  # characters of the prompt that a note shows
MAX_OPTIONS = 16  # choices that are tried
ANY = ("The", "a", "In")  # what text may begin with, where anything may come out


def boundary(call: LintedCall) -> Iterator[Note]:
    """One note for a call behind such a prompt."""
    encode = call.inputs.encode
    if encode is None or not call.tail or _is_healed(call):
        return
    tried = _tried(call)
    moved = [text for text in tried if _moves(call.tail, text, encode)]
    if not moved or (call.is_free and len(moved) < len(tried)):
        return
    what = f"the prompt ends in {_end(call.tail)}, but the tokenizer cuts elsewhere where {quoted(moved[0])} follows"
    why = "the model sees a cut that text hardly ever has"
    yield call.note(BOUNDARY, f"{what}: {why}; {_write(call)}")


def _is_healed(call: LintedCall) -> bool:
    """True for a `select` that scores what the prompt and a choice are together."""
    method = call.node.attr("method")
    return call.is_scored and call.node.attr("boundary", default_boundary(str(method))) == "exact"


def _tried(call: LintedCall) -> tuple[str, ...]:
    """Texts that the output may begin with."""
    match call.constraint:
        case _ if call.facts.options:
            return call.facts.options[:MAX_OPTIONS]
        case Regex():
            return beginnings(call.constraint)
        case JsonSchema(_, {"type": "object"}):
            return ('{"',)
        case _:
            return ANY if call.is_free and call.tail[-1:].isspace() else ()


def _moves(tail: str, text: str, encode: Encode) -> bool:
    """Whether the tail has other tokens where the text follows."""
    alone = encode((("text", tail),))
    return encode((("text", tail + text),))[: len(alone)] != alone


def _end(tail: str) -> str:
    return quoted(tail if len(tail) <= END else "…" + tail[-END:])


def _write(call: LintedCall) -> str:
    if call.is_scored:
        return 'give `boundary="exact"`, which scores them as they stand together, or begin each choice with the space'
    if not call.tail[-1].isspace():
        return "end the text before it at the end of a word"
    if call.facts.options:
        return "take the space off the text before it, and begin each choice with it"
    if call.is_free:
        return "leave the space off the text before it: the model brings it along"
    return "take the space off the text before it, and let the constraint begin with it"
