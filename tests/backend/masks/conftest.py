"""A small byte-level BPE on disk, and the masks for it."""

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from lmc.backend.masks.factory import ConstraintMasks
from lmc.backend.masks.xgrammar import XGrammarMasks
from lmc.tokenizer import load_tokenizer

CORPUS = ['{"name": "abc", "age": 123}, [true, false, null]', "aab abb bab ba aa, cat category catalogue é日本\n"] * 4


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory):
    """400 tokens, control ones first; the end token is <|end|>."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer, bpe.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<|end|>", "<|start|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(CORPUS, trainer)
    folder = tmp_path_factory.mktemp("tokenizer")
    bpe.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text('{"eos_token": "<|end|>"}')
    return load_tokenizer(folder)


@pytest.fixture(scope="session", params=[ConstraintMasks, XGrammarMasks], ids=["automata", "xgrammar"])
def masks(request, tokenizer):
    """What the engine uses, and xgrammar alone. Logits are wider than the vocabulary, and no multiple of 32."""
    return request.param(tokenizer, tokenizer.vocab_size + 77)


@pytest.fixture(scope="session")
def grammars(tokenizer):
    """xgrammar alone."""
    return XGrammarMasks(tokenizer, tokenizer.vocab_size + 77)


@pytest.fixture(scope="session")
def engine_masks(tokenizer):
    """What the engine uses."""
    return ConstraintMasks(tokenizer, tokenizer.vocab_size + 77)
