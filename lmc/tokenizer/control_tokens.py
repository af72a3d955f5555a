"""Which tokens of a vocabulary are control tokens, and how they are kept out of ordinary text.

The `tokenizers` library can be told not to see *special* tokens in a text, so every control token is marked special.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmc.tokenizer.files import TokenizerFiles

if TYPE_CHECKING:
    import tokenizers


def separate_control_tokens(
    tokenizer: tokenizers.Tokenizer, files: TokenizerFiles
) -> tuple[frozenset[int], frozenset[int]]:
    """(special ids, control ids); every control token is marked special, as only those can be switched off."""
    import tokenizers

    added = tokenizer.get_added_tokens_decoder()
    named = {i for name in files.named_tokens.values() if (i := tokenizer.token_to_id(name)) is not None}
    unlisted = {i for i in named - added.keys() if not _is_ordinary(tokenizer.id_to_token(i) or "")}
    special = {i for i, token in added.items() if token.special or (i in named and not _is_ordinary(token.content))}
    control = {i for i, token in added.items() if not _is_ordinary(token.content)} | special | unlisted
    for i in control - {i for i, token in added.items() if token.special}:
        old = added.get(i) or tokenizers.AddedToken(tokenizer.id_to_token(i) or "", normalized=False)
        flags = {"lstrip": old.lstrip, "rstrip": old.rstrip, "single_word": old.single_word}
        tokenizer.add_special_tokens([tokenizers.AddedToken(old.content, normalized=old.normalized, **flags)])
    return frozenset(special | unlisted), frozenset(control)


def _is_ordinary(content: str) -> bool:
    """Whether an added token reads as text: a word, a run of spaces, one character."""
    return len(content) == 1 or all(c.isalnum() or c.isspace() or c == "▁" for c in content)


def unknown_token(tokenizer: tokenizers.Tokenizer, files: TokenizerFiles) -> tuple[int | None, str]:
    """The token for what the vocabulary cannot spell, by id and name: the one control token that text may become."""
    model = tokenizer.model
    name = (model.unk_token if hasattr(model, "unk_token") else files.named_tokens.get("unk_token")) or ""
    return tokenizer.token_to_id(name), name
