"""Tokenizers and chat templates of checkpoint folders, read without transformers."""

from lmc.tokenizer.folder import FolderTokenizer, load_tokenizer

__all__ = ["FolderTokenizer", "load_tokenizer"]
