"""The tokenizer of lmc-tiny: a byte-level BPE trained on the world's own text, single digits, and a chat template."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from scripts.tiny.tasks import draw
from scripts.tiny.world import World

if TYPE_CHECKING:
    from tokenizers import Tokenizer

VOCAB_SIZE = 4096
PAD, END = "<|pad|>", "<|end|>"
ROLES = {"system": "<|system|>", "user": "<|user|>", "assistant": "<|assistant|>", "tool": "<|tool|>"}
TEMPLATE = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


def train_tokenizer(seed: int, num_items: int = 60_000) -> Tokenizer:
    """A BPE over the text of that many training items."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    bpe = Tokenizer(models.BPE())
    words = Regex(r"[0-9]| ?[\p{L}]+| ?[^\s\p{L}0-9]+|\s+(?=\S)|\s+")
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(words, behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB_SIZE,
        special_tokens=[PAD, END, *ROLES.values()],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        min_frequency=20,
        show_progress=False,
    )
    world = World(Random(seed))
    bpe.train_from_iterator((turn.text() for _ in range(num_items) for turn in draw(world).turns), trainer)
    return bpe


def save_tokenizer(bpe: Tokenizer, folder: Path) -> None:
    """Save it as transformers does, with its chat template."""
    from transformers import PreTrainedTokenizerFast

    fast = PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        eos_token=END,
        pad_token=PAD,
        extra_special_tokens=list(ROLES.values()),
        chat_template=TEMPLATE,
        model_max_length=1024,
        clean_up_tokenization_spaces=False,
    )
    fast.save_pretrained(folder)
