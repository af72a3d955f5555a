"""How byte-level tokenizers cut a text before they merge, by the names that GGUF files have for it.

A file gives the name of a known tokenizer, not its rule; a wrong rule would give tokens that the model has not seen,
so a name that is not in this table is refused. Regular expressions are in the form of the `tokenizers` library.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_LOUD = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"  # contractions in either case
_WORD, _NUMBERS = r"[^\r\n\p{L}\p{N}]?\p{L}+", r"\p{N}{1,3}"
_MARKS, _LINES, _SPACES = r" ?[^\s\p{L}\p{N}]+[\r\n]*", r"\s*[\r\n]+", r"\s+(?!\S)|\s+"
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_LEAD, _PATHS = r"[^\r\n\p{L}\p{N}]?", r" ?[^\s\p{L}\p{N}]+[\r\n/]*"
_CASED = (f"{_LEAD}{_UPPER}*{_LOWER}+", f"{_LEAD}{_UPPER}+{_LOWER}*")  # a capital begins a word


@dataclass(frozen=True, slots=True)
class Splitting:
    """A rule.

    regex          what stays together; "" is GPT-2's rule
    digits_apart   each digit stands alone, before that
    whole_words    a word that is in the vocabulary is one token, whatever the merges say
    begins         a prompt begins with the token for that, where a file does not say
    """

    regex: str = ""
    digits_apart: bool = False
    whole_words: bool = False
    begins: bool = False

    def pre_tokenizer(self) -> dict[str, Any]:
        """In the form of tokenizer.json."""
        parts: list[dict[str, Any]] = []
        if self.digits_apart:
            parts.append({"type": "Digits", "individual_digits": True})
        if self.regex:
            rule = {"pattern": {"Regex": self.regex}, "behavior": "Isolated", "invert": False}
            parts.append({"type": "Split", **rule})
        bytewise = {"add_prefix_space": False, "trim_offsets": True, "use_regex": not self.regex}
        return {"type": "Sequence", "pretokenizers": [*parts, {"type": "ByteLevel", **bytewise}]}


GPT2 = Splitting()
SMOLLM = Splitting(digits_apart=True)
LLAMA3 = Splitting("|".join((_LOUD, _WORD, _NUMBERS, _MARKS, _LINES, _SPACES)))
QWEN2 = Splitting("|".join((_LOUD, _WORD, r"\p{N}", _MARKS, _LINES, _SPACES)))
TEKKEN = Splitting(
    "|".join((*_CASED, r"\p{N}", _PATHS, _LINES, _SPACES)), whole_words=True, begins=True
)  # fmt: skip
GPT4O = Splitting("|".join((*(f"{word}{_LOUD}?" for word in _CASED), _NUMBERS, _PATHS, _LINES, _SPACES)))
LLAMA3_BEGUN = Splitting(LLAMA3.regex, whole_words=True, begins=True)

SPLITTINGS: dict[str, Splitting] = {
    **dict.fromkeys(("gpt-2", "phi-2", "olmo", "mpt", "jais", "trillion", "exaone4", "a.x-4.0", "mellum"), GPT2),
    **dict.fromkeys(("smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"), SMOLLM),
    **dict.fromkeys(("llama3", "llama-v3", "llama-bpe", "falcon3", "pixtral", "midm-2.0", "lfm2"), LLAMA3_BEGUN),
    **dict.fromkeys(("dbrx", "smaug-bpe"), LLAMA3),
    **dict.fromkeys(("qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2", "megrez", "stablelm2", "hunyuan"), QWEN2),
    **dict.fromkeys(("gpt-4o", "llama4", "kanana2", "talkie"), GPT4O),
    "tekken": TEKKEN,
}
