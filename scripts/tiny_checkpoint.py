"""Saves a small checkpoint with random weights, as transformers saves checkpoints, to show lmc without a download.

    python scripts/tiny_checkpoint.py .lmc/demo-model --family qwen3

The tokenizer is a byte-level BPE with a ChatML template, trained here on the example programs. The weights are random,
so what the model writes is noise: it shows the machinery, not what a model can do.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # nothing is fetched

ROOT = Path(__file__).parents[1]
FAMILIES = {"llama": "Llama", "mistral": "Mistral", "qwen2": "Qwen2", "qwen3": "Qwen3"}
END, START, STOP = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the checkpoint goes")
    parser.add_argument("--family", choices=FAMILIES, default="qwen3")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other weights")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    vocab_size = save_tokenizer(given.folder)
    num_weights = save_model(given.folder, given.family, vocab_size, given.seed)
    print(f"{given.folder}: a {given.family} checkpoint of {num_weights:,} random weights, {vocab_size} tokens")
    print("The weights are random: the words that it writes are noise, only the machinery is real.")


def save_tokenizer(folder: Path, vocab_size: int = 1200) -> int:
    """Train a tokenizer and save it; returns how many tokens it has."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[END, START, STOP],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    bpe.train_from_iterator([path.read_text(encoding="utf-8") for path in texts()], trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=bpe, eos_token=STOP, pad_token=END, extra_special_tokens=[START], chat_template=CHATML
    )
    fast.save_pretrained(folder)
    return int(bpe.get_vocab_size())


def texts() -> list[Path]:
    """What the tokenizer learns from: some English, some Python."""
    return sorted((ROOT / "examples").glob("*.py"))


def save_model(folder: Path, family: str, vocab_size: int, seed: int) -> int:
    """Save a model of two layers; returns how many weights it has."""
    import torch
    import transformers

    transformers.utils.logging.disable_progress_bar()
    torch.manual_seed(seed)
    config = getattr(transformers, f"{FAMILIES[family]}Config")(**fields(vocab_size))
    model: Any = getattr(transformers, f"{FAMILIES[family]}ForCausalLM")(config)
    model.save_pretrained(folder)
    return sum(parameter.numel() for parameter in model.parameters())


def fields(vocab_size: int) -> dict[str, Any]:
    """Config fields that the four families share."""
    return {
        "vocab_size": vocab_size,
        "hidden_size": 128,
        "intermediate_size": 256,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 32,
        "max_position_embeddings": 4096,
        "initializer_range": 0.1,
        "tie_word_embeddings": True,
        "bos_token_id": None,
        "eos_token_id": 2,
        "pad_token_id": 0,
    }


if __name__ == "__main__":
    main()
