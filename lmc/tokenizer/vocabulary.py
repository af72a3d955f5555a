"""The bytes each token stands for, read off a tokenizer's vocabulary and decoder.

Knows nothing of special tokens: who must not spell one gives None for it. A vocabulary is byte-level (GPT-2's
printable alphabet), byte-fallback (SentencePiece's `▁` and `<0x0A>`) or raw (tokens are plain text).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

_BYTE_TOKEN = re.compile(r"<0x([0-9A-Fa-f]{2})>")


def speller(decoder: Any) -> Callable[[str], bytes]:
    """The function from a token's name to its bytes, for a decoder in tokenizer.json's own form (JSON, so `Any`)."""
    kinds = {part.get("type") for part in _parts(decoder)}
    if "ByteLevel" in kinds:
        return _byte_level
    return _spaced(_space_mark(decoder), byte_fallback="ByteFallback" in kinds)


def vocab_bytes(names: Iterable[str | None], decoder: Any) -> list[bytes]:
    """The bytes of each token by id; b"" for None."""
    spell = speller(decoder)
    return [b"" if name is None else spell(name) for name in names]


def is_byte_level(decoder: Any) -> bool:
    """Whether a decoder joins the bytes of its tokens and does nothing else."""
    return {part.get("type") for part in _parts(decoder)} == {"ByteLevel"}


def _parts(decoder: Any) -> list[dict[str, Any]]:
    if decoder is None:
        return []
    return [p for inner in decoder["decoders"] for p in _parts(inner)] if "decoders" in decoder else [decoder]


def _space_mark(decoder: Any) -> str | None:
    for part in _parts(decoder):
        if part["type"] == "Metaspace":
            return str(part["replacement"])
        if part["type"] == "Replace" and part["content"] == " ":
            return str(part["pattern"].get("String", "")) or None
    return None


def _spaced(mark: str | None, *, byte_fallback: bool) -> Callable[[str], bytes]:
    def spell(name: str) -> bytes:
        if byte_fallback and (byte := _BYTE_TOKEN.fullmatch(name)):
            return bytes((int(byte[1], 16),))
        return (name.replace(mark, " ") if mark else name).encode()

    return spell


def _printable_bytes() -> dict[str, int]:
    """GPT-2's alphabet: a printable Latin-1 byte is its own character, the others follow from U+0100 on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(b): b for b in printable} | {chr(0x100 + i): b for i, b in enumerate(others)}


_ALPHABET = _printable_bytes()


def _byte_level(name: str) -> bytes:
    try:
        return bytes(_ALPHABET[c] for c in name)
    except KeyError:  # an added token is stored as plain text; the decoder makes the same distinction
        return name.encode()
