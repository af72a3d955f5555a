"""Train a byte-level BPE tokenizer on text that lies on this machine, once, for tests and benchmarks of constraints.

    python scripts/train_vocabulary.py [--size 128256] [--megabytes 120]

Sources are Python files and documents of this machine; the split is Llama 3's. The file goes to
~/.cache/lmc-test/bpe-SIZE.json, and is left alone where it is there already.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import click

SUFFIXES = {".py", ".rst", ".md", ".txt", ".html", ".json", ".pyi", ".c", ".h", ".po"}
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def cache_file(size: int) -> Path:
    """Where the tokenizer of a size lies."""
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "lmc-test" / f"bpe-{size}.json"


def texts(limit: int) -> Iterator[str]:
    """Files of text, until `limit` bytes of them are seen."""
    roots = [Path(os.__file__).parent, *(Path(p) for p in sys.path if p.endswith("site-packages")), Path("/usr/share")]
    for root in dict.fromkeys(roots):
        for path in sorted(p for p in root.rglob("*") if p.suffix in SUFFIXES and p.is_file()):
            if path.stat().st_size < 1_000_000:
                text = path.read_text(encoding="utf-8", errors="ignore")
                limit -= len(text)
                yield text
            if limit < 0:
                return


def train(size: int, megabytes: int) -> Path:
    """The tokenizer's file, trained if it is not there."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    path = cache_file(size)
    if path.exists():
        return path
    tokenizer = Tokenizer(models.BPE())
    split = pre_tokenizers.Split(Regex(SPLIT), "isolated")
    spell = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, spell])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["<|begin|>", "<|end|>", "<|im_start|>", "<|im_end|>"],
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts(megabytes * 1_000_000), trainer)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}")
    tokenizer.save(str(partial))
    partial.replace(path)
    return path


@click.command()
@click.option("--size", default=128_256)
@click.option("--megabytes", default=120)
def main(size: int, megabytes: int) -> None:
    click.echo(train(size, megabytes))


if __name__ == "__main__":
    main()
