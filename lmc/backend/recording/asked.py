"""What a request asks, as JSON in words: the same in every run, whatever numbers and tokens stand for it.

A prompt is its pieces with their texts; token ids are left out, so that a record can be played without the tokenizer it
was made with.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from lmc.backend.base import Forced, Gen, Prompt, Request, Score, Segment
from lmc.ir.prompt import Control, Ids, Piece, Text, Tokenizer
from lmc.ir.runs import merged
from lmc.ir.sampling import Sampling

Asked = dict[str, Any]
_PLAIN = Sampling()


def asked(request: Request, tokenizer: Tokenizer) -> Asked:
    """`prompt`, a list of pieces; `out`, a list of segments; and `n` where it is more than one."""
    found: Asked = {"prompt": _pieces(request.prompt), "out": [_segment(each, tokenizer) for each in request.out]}
    if request.n != 1:
        found["n"] = request.n
    return found


def shown(prompt: list[Any]) -> str:
    """A prompt's text as people read it, what the template wrote included."""
    return "".join(piece if isinstance(piece, str) else piece.get("control") or piece["said"] for piece in prompt)


def _pieces(prompt: Prompt) -> list[Any]:
    return [_piece(piece) for piece in merged(prompt.pieces)]


def _piece(piece: Piece) -> Any:
    match piece:
        case Text(text):
            return text
        case Control(text, role, opens):
            return {"control": text, "role": role, "opens": opens}
        case Ids(_, text):
            return {"said": text}


def _segment(segment: Segment, tokenizer: Tokenizer) -> Asked:
    match segment:
        case Gen(name, sampling, constraint, blanks):
            found: Asked = {"gen": name, **_sampling(sampling)}
            if constraint is not None:
                found["constraint"] = repr(constraint)
            if blanks:
                found["blanks"] = [_sampling(each) for each in blanks]
            return found
        case Forced(ids, text):
            return {"forced": tokenizer.decode(ids) if text is None else text}
        case Score(name, choices, method, _, temperature, seed):
            found = {"select": name, "choices": list(choices), "method": method}
            return found | ({"temperature": temperature, "seed": seed} if temperature else {})


def _sampling(sampling: Sampling) -> Asked:
    """The fields that differ from what is meant where nothing is said."""
    given = {each.name: getattr(sampling, each.name) for each in fields(sampling)}
    given = {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}
    plain = {each.name: getattr(_PLAIN, each.name) for each in fields(_PLAIN)}
    return {name: value for name, value in given.items() if value != plain[name] and value not in ([], None)}
