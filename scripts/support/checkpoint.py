"""Tiny checkpoints with random weights, as transformers saves them, with a tokenizer trained on the spot.

Two layers of width 64, four heads over two key-value heads, a byte-level BPE of some 400 tokens with a ChatML
template. Importing transformers takes seconds, so it happens inside the functions; callers keep a folder for the
whole test session.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

Family = Literal["llama", "mistral", "qwen2", "qwen3"]
FAMILIES: tuple[Family, ...] = ("llama", "mistral", "qwen2", "qwen3")

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
CORPUS = (
    "The quick brown fox jumps over the lazy dog. A man, a plan, a canal: Panama!",
    "Question: What is the capital of France?\nAnswer: Paris is the capital of France.",
    'Return a JSON object: {"name": "Ada", "age": 36, "tags": ["math", "engine"], "ok": true}',
    "You are a helpful assistant. Give one tip for beginners, and one tip for experts.",
    "def add(a, b):\n    return a + b\n\nfor i in range(10):\n    print(i, add(i, 1))\n",
    "Die Straße ist naß; l'été est déjà là; на улице снег; 今日は良い天気です。",
    "0 1 2 3 4 5 6 7 8 9 10 11 12 100 1000 2024-01-31 3.14159 -7 1e-5",
) * 4


def tiny_checkpoint(
    path: Path,
    family: Family = "llama",
    *,
    tied: bool = False,
    sharded: bool = False,
    seed: int = 0,
    tokenizer: bool = True,
    **config: Any,  # any field of the family's transformers config
) -> Path:
    """Save a random model, and its tokenizer, into `path`; returns `path`.

    `sharded` splits the weights into several files with an index. `config` overrides fields of the config.
    """
    import torch

    torch.manual_seed(seed)
    vocab = tiny_tokenizer(path) if tokenizer else 400
    fields = {**tiny_fields(family), "tie_word_embeddings": tied, "vocab_size": vocab, **config}
    model = tiny_model(family, fields)
    model.save_pretrained(path, max_shard_size="100KB" if sharded else "1GB")
    return path


def tiny_fields(family: Family) -> dict[str, Any]:
    """Config fields of a tiny model; Qwen3's heads are wider than hidden_size / heads."""
    fields: dict[str, Any] = {
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 1024,
        "bos_token_id": None,
        "eos_token_id": 2,
        "pad_token_id": 0,
        "initializer_range": 0.1,  # far from 0, so that logits differ by tenths
    }
    if family == "qwen3":
        fields["head_dim"] = 32
    if family == "mistral":
        fields["sliding_window"] = None
    return fields


def tiny_model(family: Family, fields: dict[str, Any]) -> Any:
    """A transformers model in eval mode, biases and norms random too."""
    import torch
    import transformers

    transformers.utils.logging.disable_progress_bar()
    name = {"llama": "Llama", "mistral": "Mistral", "qwen2": "Qwen2", "qwen3": "Qwen3"}[family]
    config = getattr(transformers, f"{name}Config")(**fields)
    model = getattr(transformers, f"{name}ForCausalLM")(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:  # biases begin as 0 and norms as 1, which would hide a missing one
                parameter.add_(torch.randn_like(parameter) * 0.2)
    return model


def tiny_tokenizer(path: Path, *, vocab_size: int = 400) -> int:
    """Train a byte-level BPE and save it with its ChatML template; returns how many tokens it has."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(CORPUS, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        extra_special_tokens=["<|im_start|>"],
    )
    fast.chat_template = CHATML
    fast.save_pretrained(path)
    return int(bpe.get_vocab_size())
