"""Signatures spelled out: the word of the op table that speaks for each operand and output, and the types it implies.

Printer and parser share this rule, so a type is left out of the text only where the parser knows it:
an output has the type its word names; where the word is `atom` (region results, block parameters) a missing type
means `state`; `call` and `extern` give their extern's type, `gen` and `fused` a `str`, `compare` a `bool`. Any other
`value` is written.
"""

from __future__ import annotations

from lmc.ir.graph import Extern
from lmc.ir.ops import OPS
from lmc.ir.types import BOOL, STATE, STR, Type

_USUAL = {"gen": STR, "fused": STR, "compare": BOOL}


def spread(words: tuple[str, ...], count: int) -> tuple[str, ...] | None:
    """One word for each of `count` places, None where they do not fit: ("state", "*str"), 3 -> state, str, str."""
    if not words or not words[-1].startswith("*"):
        return words if len(words) == count else None
    fixed, rest = words[:-1], words[-1][1:]
    return fixed + (rest,) * (count - len(fixed)) if count >= len(fixed) else None


def implied_types(op: str, count: int, extern: Extern | None) -> tuple[Type | None, ...]:
    """The type of each of a node's `count` outputs as far as its op (and what it calls) implies it."""
    words = spread(OPS[op].outs, count) if op in OPS else None
    if words is None:
        return (None,) * count
    return tuple(_implied(op, word, extern) for word in words)


def _implied(op: str, word: str, extern: Extern | None) -> Type | None:
    if word == "atom":
        return STATE
    if word != "value":
        return Type(word)
    return extern.type if extern and op in ("call", "extern") else _USUAL.get(op)
