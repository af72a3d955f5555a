"""The tokenizer of a GGUF file gives the tokens that its model was made with, or the file is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tokenizers

from lmc.errors import ModelLoadError
from lmc.ir.prompt import Text
from lmc.tokenizer import FolderTokenizer, load_tokenizer
from lmc.tokenizer.splits import SPLITTINGS
from scripts.support.checkpoint import CORPUS, tiny_tokenizer
from tests.support.gguf_files import add_byte_level, add_sentencepiece, finished, sentencepiece_tokens

gguf = pytest.importorskip("gguf", reason="the gguf package, which writes the files, is not installed")

TEXTS = (
    *CORPUS[:7],
    "", " ", "   ", "\n", "\r\n\r\n", "\t\ttabs", "two  spaces,   three", " leads", "trails ", "a\u00a0b\u3000c",
    "It's THEY'LL we'Re 'tis", "HTTPServer camelCase snake_case x2y", "12345 1 22 333 4444 ٣٤ Ⅳ ½",
    "  42 and   7", "!!! ... --- ?!", "a/b//c\n/d", "naïve e\u0301 ﬁ ﷺ", "日本語のテキスト 한국어", "👩‍👩‍👧 🇫🇷",
    "<|im_start|>user", "<|im_end|>", "</s> <s>", "<0x0A>", "\x00\x07\x1b", "\ufeffbom", "▁ already ▁▁",
    "def f(x):\n    return x  # ok\n\n\n", "aaaaaaaaaaaa bbbb", "ß" * 9,
)  # fmt: skip
WORDS = [word for text in CORPUS[:7] for word in text.replace("\n", " ").split(" ") if word]

# kinds of cutting, of which transformers knows the rule by the same name
KNOWN_TO_TRANSFORMERS = ("gpt-2", "llama-bpe", "qwen2", "tekken", "gpt-4o", "dbrx")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A byte-level tokenizer as transformers saves it."""
    found = tmp_path_factory.mktemp("tokenizer")
    tiny_tokenizer(found, vocab_size=500)
    return found


def write(path: Path, *adds: Callable[[Any], object]) -> Path:
    """A file that holds a tokenizer, and a model for form's sake."""
    writer = gguf.GGUFWriter(str(path), "llama")
    for name in ("block_count", "embedding_length", "context_length", "feed_forward_length", "attention.head_count"):
        writer.add_uint32(f"llama.{name}", 2)
    for add in adds:
        add(writer)
    writer.add_tensor("token_embd.weight", np.zeros((4, 4), np.float32))
    return finished(writer, path)


def byte_level(path: Path, folder: Path, pre: str = "gpt-2", *adds: Callable[[Any], object], **given: Any) -> Path:
    return write(path, lambda writer: add_byte_level(writer, folder, pre, **given), *adds)


def theirs(path: Path) -> Any:
    import transformers

    return transformers.AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)


def refused(path: Path) -> str:
    with pytest.raises(ModelLoadError) as error:
        load_tokenizer(path)
    assert error.value.help and str(path) in error.value.message
    return error.value.render()


# --- byte-level ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pre", KNOWN_TO_TRANSFORMERS)
def test_tokens_are_those_of_transformers(folder: Path, tmp_path: Path, pre: str) -> None:
    """Of the same file; control tokens that a text spells apart, which lmc never makes of one."""
    path = byte_level(tmp_path / "m.gguf", folder, pre)
    ours, library = load_tokenizer(path), theirs(path)

    for text in TEXTS:
        if "<|im_" not in text:
            assert ours.encode(text) == library.encode(text, add_special_tokens=False), text
        assert ours.decode(ours.encode(text)) == text


def test_the_folder_that_it_was_made_of_gives_the_same(folder: Path, tmp_path: Path) -> None:
    """Ids, control tokens, ends and chat template."""
    ours, saved = load_tokenizer(byte_level(tmp_path / "m.gguf", folder)), load_tokenizer(folder)

    assert all(ours.encode(text) == saved.encode(text) for text in TEXTS)
    assert all(ours.encode(text, control=True) == saved.encode(text, control=True) for text in TEXTS)
    assert (ours.control_tokens(), ours.eos_ids) == (saved.control_tokens(), saved.eos_ids)
    assert (ours.special_ids, ours.begin_ids, ours.vocab_size) == (saved.special_ids, saved.begin_ids, saved.vocab_size)
    turns = [("user", "hi <|im_end|>"), ("assistant", "yes")]
    assert ours.encode_pieces(ours.render(turns, open_role="user")) == saved.encode_pieces(
        saved.render(turns, open_role="user")
    )


def test_digits_stand_alone_before_anything_else_is_cut(folder: Path, tmp_path: Path) -> None:
    """As SmolLM's tokenizer.json has it: two spaces before a digit are one word."""
    ours = load_tokenizer(byte_level(tmp_path / "m.gguf", folder, "smollm"))
    right = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    right.pre_tokenizer = tokenizers.pre_tokenizers.Sequence(
        [
            tokenizers.pre_tokenizers.Digits(individual_digits=True),
            tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    right.encode_special_tokens = True

    assert all(ours.encode(text) == right.encode(text).ids for text in TEXTS)
    assert ours.encode("  42") != load_tokenizer(folder).encode("  42")


def test_a_word_of_the_vocabulary_is_one_token_where_the_rule_says_so(folder: Path, tmp_path: Path) -> None:
    """Llama 3 has words that its merges do not reach."""

    def no_merges(writer: Any) -> None:
        add_byte_level(writer, folder, "llama-bpe")
        del writer.kv_data[-1]["tokenizer.ggml.merges"]
        writer.add_token_merges(["q u"])

    ours = load_tokenizer(write(tmp_path / "m.gguf", no_merges))
    whole = load_tokenizer(folder).encode(" the")

    assert len(whole) == 1 and ours.encode(" the") == whole


def test_a_user_defined_token_is_found_whole_and_is_text(folder: Path, tmp_path: Path) -> None:
    """A word of letters is ordinary; a tag is a control token that decoding keeps."""

    def add(writer: Any) -> None:
        tokens, kinds = (writer.kv_data[-1][f"tokenizer.ggml.{name}"].value for name in ("tokens", "token_type"))
        tokens += ["abracadabra", "<think>"]
        kinds += [4, 4]

    ours = load_tokenizer(byte_level(tmp_path / "m.gguf", folder, "gpt-2", add))
    word, tag = ours.vocab_size - 2, ours.vocab_size - 1

    assert ours.encode("x abracadabra")[-1] == word
    assert tag not in ours.encode("<think>") and ours.encode("<think>", control=True) == [tag]
    assert ours.decode([tag, word]) == "<think>abracadabra"


@pytest.mark.parametrize("pre, says, begins", [("gpt-2", None, 0), ("gpt-2", True, 1), ("llama-bpe", None, 1)])
def test_a_prompt_begins_as_the_file_says(folder, tmp_path: Path, pre: str, says: bool | None, begins: int) -> None:
    """And where it does not, as the rule for its tokenizer does."""

    def add(writer: Any) -> None:
        writer.add_bos_token_id(1)
        if says is not None:
            writer.add_add_bos_token(says)

    assert load_tokenizer(byte_level(tmp_path / "m.gguf", folder, pre, add)).begin_ids == (1,) * begins


def test_every_rule_is_one_that_the_library_takes(folder: Path, tmp_path: Path) -> None:
    """And after which long texts may be cut into blocks."""
    for rule in set(SPLITTINGS.values()):
        pre = next(name for name, each in SPLITTINGS.items() if each is rule or each == rule)
        ours = load_tokenizer(byte_level(tmp_path / f"{pre}.gguf", folder, pre))

        assert ours.decode(ours.encode("It's 1234 words.")) == "It's 1234 words."
        assert ours._may_be_cut, pre


# --- SentencePiece ------------------------------------------------------------------------------------------


def merged(text: str, tokens: list[str], scores: list[float], kinds: list[int]) -> list[int]:
    """SentencePiece's BPE by its definition: always the pair whose token scores best, the leftmost of those."""
    usable = {t: s for t, s, kind in zip(tokens, scores, kinds) if kind not in (2, 3, 6)}
    ids = {t: i for i, t in enumerate(tokens)}
    parts = list("▁" + text.replace(" ", "▁")) if text else []
    while True:
        pairs = [(-usable[a + b], at) for at, (a, b) in enumerate(pairwise(parts)) if a + b in usable]
        if not pairs:
            break
        _, at = min(pairs)
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
    found: list[int] = []
    for part in parts:
        found += [ids[part]] if part in usable else [ids[f"<0x{byte:02X}>"] for byte in part.encode()]
    return found


@cache
def vocabulary() -> tuple[list[str], list[float], list[int]]:
    return sentencepiece_tokens(WORDS)


def sentencepiece(path: Path, *adds: Callable[[Any], object], user_defined: Iterable[str] = ()) -> Path:
    return write(path, lambda writer: add_sentencepiece(writer, WORDS, user_defined=user_defined), *adds)


def test_sentencepiece_tokens_follow_from_their_scores(tmp_path: Path) -> None:
    """At the beginning of a prompt, with the space that belongs there; a byte each where a letter is unknown."""
    ours = load_tokenizer(sentencepiece(tmp_path / "m.gguf"))

    for text in TEXTS:
        assert ours.encode_pieces([Text(text)]) == merged(text, *vocabulary()), text
        assert ours.decode(ours.encode(text)) == text.replace("▁", " ")
    assert ours.begin_ids == (1,) and ours.eos_ids == {2} and not ours.is_byte_level


def test_sentencepiece_tokens_are_those_of_transformers(tmp_path: Path) -> None:
    """But where a text begins with a space, which there is the one that is put before a text."""
    path = sentencepiece(tmp_path / "m.gguf")
    ours, library = load_tokenizer(path), theirs(path)

    for text in TEXTS:
        if not text.startswith((" ", "▁", "</s>")):
            assert ours.encode_pieces([Text(text)]) == library.encode(text, add_special_tokens=False), text


def test_no_space_is_put_where_the_file_says_so(tmp_path: Path) -> None:
    """And none is taken away."""
    ours = load_tokenizer(sentencepiece(tmp_path / "m.gguf", lambda writer: writer.add_add_space_prefix(False)))
    tokens = vocabulary()[0]

    assert tokens[ours.encode_pieces([Text("quick")])[0]] != "▁quick"
    assert ours.encode_pieces([Text(" quick")]) == [tokens.index("▁quick")]
    assert ours.decode(ours.encode(" quick")) == " quick"


def test_text_makes_no_control_token_of_sentencepiece(tmp_path: Path) -> None:
    """Nor a byte's, however it is spelt."""
    ours = load_tokenizer(sentencepiece(tmp_path / "m.gguf"))

    assert ours.control_ids.isdisjoint(ours.encode("<s> </s> <unk>"))
    assert ours.encode("<0x0A>") != ours.encode("\n")


# --- what is refused ----------------------------------------------------------------------------------------


def changed(name: str, change: Callable[[Any], object]) -> Callable[[Any], None]:
    """What is said under a name, otherwise; None takes it away."""

    def add(writer: Any) -> None:
        values = writer.kv_data[-1]
        new = change(values[name].value)
        if new is None:
            del values[name]
        else:
            values[name].value = new

    return add


REFUSED = {
    "no rule": ("tokenizer.ggml.pre", lambda _: None, "has no `tokenizer.ggml.pre`"),
    "an unknown rule": ("tokenizer.ggml.pre", lambda _: "falcon", "the unknown way 'falcon'"),
    "an unknown kind": ("tokenizer.ggml.model", lambda _: "t5", "the unknown kind 't5'"),
    "no tokens": ("tokenizer.ggml.tokens", lambda _: None, "has no `tokenizer.ggml.tokens`"),
    "a token twice": ("tokenizer.ggml.tokens", lambda t: [*t[:-1], t[-2]], "twice"),
    "too few kinds": ("tokenizer.ggml.token_type", lambda t: t[:-1], "not a list of"),
    "an end outside": ("tokenizer.ggml.eos_token_id", lambda _: 4000, "= 4000, and"),
    "a merge of three": ("tokenizer.ggml.merges", lambda m: [*m, "a b c"], "not of two tokens"),
    "a merge of no tokens": ("tokenizer.ggml.merges", lambda m: [*m, "qq zz"], "cannot be read"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_tokenizer_that_would_be_another_is_refused(folder: Path, tmp_path: Path, name: str) -> None:
    """With what is wrong, and a way out."""
    key, change, says = REFUSED[name]

    assert says in refused(byte_level(tmp_path / "m.gguf", folder, "gpt-2", changed(key, change)))


def test_sentencepiece_without_scores_is_refused(tmp_path: Path) -> None:
    """They say what is merged first."""
    path = sentencepiece(tmp_path / "m.gguf", changed("tokenizer.ggml.scores", lambda _: None))

    assert "has no `tokenizer.ggml.scores`" in refused(path)


def test_a_vocabulary_of_one_token_begins_with_none(tmp_path: Path) -> None:
    """The usual first token of SentencePiece is the second."""

    def add(writer: Any) -> None:
        writer.add_tokenizer_model("llama")
        writer.add_token_list(["a"])
        writer.add_token_scores([0.0])

    ours = load_tokenizer(write(tmp_path / "m.gguf", add))

    assert (ours.begin_ids, ours.encode("aa"), ours.eos_ids) == ((), [0, 0], frozenset())


def test_tokens_are_the_same_after_a_cut(folder: Path, tmp_path: Path) -> None:
    """A long text is encoded in blocks."""
    ours: FolderTokenizer = load_tokenizer(byte_level(tmp_path / "m.gguf", folder, "smollm"))
    text = " ".join(CORPUS) * 3
    whole = ours._middle.encode(text, add_special_tokens=False).ids

    assert len(text) > 4000 and ours.encode(text) == whole
