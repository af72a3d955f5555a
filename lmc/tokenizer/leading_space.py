"""The space that some tokenizers put before a text, taken away.

SentencePiece does it in a normalizer (`Prepend`) or a pre-tokenizer (`Metaspace`), GPT-2 can (`add_prefix_space`).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import tokenizers


def puts_space(tokenizer: tokenizers.Tokenizer) -> bool:
    """Whether a tokenizer puts a space before a text."""
    return any(_unspaced(part) != part for part in (state(tokenizer.normalizer), state(tokenizer.pre_tokenizer)))


def without_leading_space(tokenizer: tokenizers.Tokenizer) -> tokenizers.Tokenizer:
    """The tokenizer without the space it puts before a text."""
    import tokenizers

    normalizer, splitter = state(tokenizer.normalizer), state(tokenizer.pre_tokenizer)
    spec = json.loads(tokenizer.to_str()) | {"normalizer": _unspaced(normalizer), "pre_tokenizer": _unspaced(splitter)}
    return tokenizers.Tokenizer.from_str(json.dumps(spec))


def _unspaced(part: Any) -> Any:
    """A normalizer or pre-tokenizer in tokenizer.json's form, made to add no space (None where nothing is left)."""
    match part:
        case {"type": "Prepend"}:
            return None
        case {"type": "Metaspace"}:
            return part | {"prepend_scheme": "never"}
        case {"type": "ByteLevel"}:
            return part | {"add_prefix_space": False}
        case {"type": "Sequence", "normalizers": inner}:
            return part | {"normalizers": [p for p in map(_unspaced, inner) if p is not None]}
        case {"type": "Sequence", "pretokenizers": inner}:
            return part | {"pretokenizers": [_unspaced(p) for p in inner]}
        case _:
            return part


def state(part: Any) -> Any:
    """A component of the `tokenizers` library in tokenizer.json's form; None for None."""
    return None if part is None else json.loads(part.__getstate__())
