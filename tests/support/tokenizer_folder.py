"""A tokenizer's folder for tests: one token a byte, so that token counts can be counted by eye."""

import json
from collections.abc import Iterable
from pathlib import Path

CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
SPECIAL = ["<|im_start|>", "<|im_end|>"]


def byte_tokenizer_folder(folder: Path, chat_template: str = CHATML, alphabet: Iterable[str] | None = None) -> Path:
    """Writes the files and gives the folder back, which is made where it is missing.

    alphabet  the bytes that there are tokens of, as byte-level tokenizers write them; all of them if none are named
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    chars = sorted(pre_tokenizers.ByteLevel.alphabet() if alphabet is None else {*alphabet, "\u0120", "\u010a"})
    tokenizer = Tokenizer(models.BPE({char: number for number, char in enumerate(chars)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(SPECIAL)
    folder.mkdir(exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"chat_template": chat_template, "eos_token": "<|im_end|>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return folder
