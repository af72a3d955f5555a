"""Tokenizers and chat templates of checkpoint folders, read without transformers; and one of bytes, without a model.

What is heavier than that waits until a folder is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lmc.tokenizer.folder import FolderTokenizer as FolderTokenizer
    from lmc.tokenizer.folder import load_tokenizer as load_tokenizer

__all__ = ["FolderTokenizer", "load_tokenizer"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'lmc.tokenizer' has no attribute '{name}'")
    from lmc.tokenizer import folder

    return getattr(folder, name)
