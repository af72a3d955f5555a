"""Which tokens of a vocabulary are control tokens, and how they are kept out of ordinary text.

The `tokenizers` library can be told not to see *special* tokens in a text, so every control token is marked special.
That is not enough where the model's own vocabulary spells them (Unigram's does): there ordinary text is encoded by a
copy that knows them under secret names.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

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


def may_be_spelt(tokenizer: tokenizers.Tokenizer, control_ids: frozenset[int]) -> bool:
    """Whether the model's own vocabulary may make a control token of a text."""
    import tokenizers

    known = tokenizer.get_vocab(with_added_tokens=False)
    names = {name for i in control_ids if (name := tokenizer.id_to_token(i)) in known}
    if not names or not isinstance(tokenizer.model, tokenizers.models.BPE) or tokenizer.model.ignore_merges:
        return bool(names)
    merges = json.loads(tokenizer.model.__getstate__())["merges"]
    return any(a + b in names for a, b in merges)


def renamed(tokenizer: tokenizers.Tokenizer, control_ids: frozenset[int]) -> tokenizers.Tokenizer:
    """A tokenizer with the ids of another, in which no text spells a control token."""
    import tokenizers

    spec = json.loads(tokenizer.to_str())
    names = {tokenizer.id_to_token(i): f"\ue000{secrets.token_hex(16)}" for i in control_ids}
    for token in spec["added_tokens"]:
        token["content"] = names.get(token["content"], token["content"])
    _rename(spec["model"], names)
    return tokenizers.Tokenizer.from_str(json.dumps(spec | {"post_processor": None}))


def _rename(model: Any, names: Mapping[str | None, str]) -> None:
    """Puts other names into a model's vocabulary, and leaves out the merges that would spell the old ones."""
    vocab = model["vocab"]
    if isinstance(vocab, list):
        model["vocab"] = [[names.get(name, name), score] for name, score in vocab]
    else:
        model["vocab"] = {names.get(name, name): i for name, i in vocab.items()}
    if model.get("unk_token") in names:
        model["unk_token"] = names[model["unk_token"]]
    if "merges" in model:
        model["merges"] = [(a, b) for a, b in model["merges"] if names.keys().isdisjoint((a, b, a + b))]
