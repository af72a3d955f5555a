"""Set-up and mask times of regular constraints at a vocabulary of 128 k, beside xgrammar and llguidance.

    python benchmarks/constraint_masks.py [--engines lmc,xgrammar,llguidance]

The tokenizer is scripts/train_vocabulary.py's; every engine gets the same bytes. Set-up is cold: nothing of the
pattern is known, the vocabulary's own tables are made before. A walk feeds one matching text token by token and asks
for a mask at every token; times are CPU seconds of one thread, the best of a few cold runs. "With its logits": the
first mask once more, applied to a row of fp32 logits, each engine in its own way.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

from scripts.support import guidance

SIZE = 128_256
RUNS = 3

_rng = random.Random(7)
WORDS = ["".join(_rng.choices("abcdefghijklmnopqrstuvwxyz", k=_rng.randint(8, 16))) for _ in range(1000)]
FIELD = r"[\w\d\s]{1,16}"
CHARACTER = (
    r"\{\n" rf'    "name": "{FIELD}",\n'
    r'    "house": "(Gryffindor|Slytherin|Ravenclaw|Hufflepuff)",\n'
    r'    "blood status": "(Pure-blood|Half-blood|Muggle-born)",\n'
    r'    "occupation": "(student|teacher|auror|ministry of magic|death eater|order of the phoenix)",\n'
    r'    "wand": \{\n' rf'        "wood": "{FIELD}",\n' rf'        "core": "{FIELD}",\n'
    r'        "length": [0-9]{1,2}\.[0-9]{0,2}\n' r"    \},\n"
    r'    "alive": "(Alive|Deceased)",\n' rf'    "patronus": "{FIELD}",\n' rf'    "bogart": "{FIELD}"\n' r"\}"
)  # fmt: skip
HARRY = """{
    "name": "Harry Potter",
    "house": "Gryffindor",
    "blood status": "Half-blood",
    "occupation": "student",
    "wand": {
        "wood": "holly",
        "core": "phoenix feather",
        "length": 11.0
    },
    "alive": "Alive",
    "patronus": "stag",
    "bogart": "dementor"
}"""
PROSE = "The files that were read are kept, and nothing is written until all of them have been seen once more; "

PATTERNS: dict[str, tuple[str, str]] = {  # name: pattern, a text that matches
    "date": (r"\d{4}-\d{2}-\d{2}", "2026-11-22"),
    "ip": (r"((25[0-5]|2[0-4]\d|[01]?\d\d?)\.){3}(25[0-5]|2[0-4]\d|[01]?\d\d?)", "192.168.10.254"),
    "email": (r"[a-zA-Z0-9._%+-]+@[a-zA-Z0-9.-]+\.[a-zA-Z]{2,}", "firstname.lastname@department.example.com"),
    "3 choices": ("(yes|no|maybe)", "maybe"),
    "1000 choices": ("|".join(WORDS), WORDS[500]),
    "words": ("[a-z]{1,10}( [a-z]{1,10}){0,5}", "the files that were read are"),
    "string 500": (r'"[^"\\\n]{0,500}"', '"' + PROSE * 4 + '"'),
    "letters 1000": ("[a-z]{1,1000}", "".join(w for w in PROSE.lower() * 8 if w.isalpha())),
    "character": (CHARACTER, HARRY),
    "(a|b)*a(a|b){12}": ("(a|b)*a(a|b){12}", "abbaababa" + "abbaabbabaab"),
    "until END": (r"(.|\n)*END", PROSE * 3 + "\n\nEND"),
    "utf-8 class": (r"[a-zé-ü日本語]{1,40}", "évidemment日本語"),
}


class Lmc:
    """Our own masks."""

    def __init__(self, vocab: list[bytes | None]) -> None:
        from lmc.backend.masks.trie import TokenTrie

        self.trie = TokenTrie(vocab)

    def compile(self, pattern: str) -> Any:
        from lmc.backend.masks.token_masks import TokenMasks
        from lmc.parser.regex import charset
        from lmc.parser.regex import parse as regex

        regex._tree.cache_clear()
        charset._scan.cache_clear()
        charset._cased_matches.cache_clear()
        return TokenMasks(self.trie, regex.parse_regex(pattern).tree)

    def walk(self, compiled: Any, tokens: list[int]) -> list[float]:
        times = []
        state = compiled.start
        for token in [*tokens, -1]:
            begin = time.process_time()
            compiled.mask(state)
            times.append(time.process_time() - begin)
            state = compiled.next(state, token) if token >= 0 else state
        assert compiled.is_accepting(state)
        return times

    def revisit(self, compiled: Any) -> float:
        begin = time.process_time()
        for _ in range(1000):
            compiled.mask(compiled.start)
        return (time.process_time() - begin) / 1000

    def applied(self, compiled: Any) -> float:
        """A mask that was made before, on a row of logits as the engine applies it."""
        from lmc.backend.runner.cpu.hidden import HiddenRows

        rows, logits = HiddenRows(), torch.zeros(SIZE)

        def apply() -> None:
            logits.add_(rows.row(compiled.mask(compiled.start), SIZE))

        return timed(apply)


class XGrammar:
    """xgrammar's regex front end, or its EBNF where that refuses."""

    def __init__(self, vocab: list[bytes | None]) -> None:
        import xgrammar

        self.xgrammar = xgrammar
        self.info = xgrammar.TokenizerInfo(
            [v or b"" for v in vocab], xgrammar.VocabType.RAW, vocab_size=len(vocab), stop_token_ids=[1]
        )

    def compile(self, pattern: str) -> Any:
        compiler = self.xgrammar.GrammarCompiler(self.info, max_threads=1, cache_enabled=False)
        return compiler.compile_regex(pattern)

    def walk(self, compiled: Any, tokens: list[int]) -> list[float]:
        matcher = self.xgrammar.GrammarMatcher(compiled)
        mask = np.zeros((1, -(-SIZE // 32)), dtype=np.int32)
        times = []
        for token in [*tokens, -1]:
            begin = time.process_time()
            matcher.fill_next_token_bitmask(mask, 0)
            times.append(time.process_time() - begin)
            assert token < 0 or matcher.accept_token(token)
        return times

    def revisit(self, compiled: Any) -> float:
        return min(self.walk(compiled, []))

    def applied(self, compiled: Any) -> float:
        """A mask made again, and xgrammar's own kernel for CPUs."""
        matcher, logits = self.xgrammar.GrammarMatcher(compiled), torch.zeros(1, SIZE)
        mask = self.xgrammar.allocate_token_bitmask(1, SIZE)

        def apply() -> None:
            matcher.fill_next_token_bitmask(mask, 0)
            self.xgrammar.apply_token_bitmask_inplace(logits, mask)

        return timed(apply)


class LLGuidance:
    """llguidance with its own reading of the pattern; its tokenizer is told our bytes."""

    def __init__(self, vocab: list[bytes | None]) -> None:
        self.tokenizer = guidance.tokenizer_of(vocab)

    def compile(self, pattern: str) -> Any:
        import llguidance

        return guidance.matcher_of(self.tokenizer, llguidance.LLMatcher.grammar_from_regex(pattern))

    def walk(self, compiled: Any, tokens: list[int]) -> list[float]:
        return guidance.walk(compiled, tokens, SIZE)

    def revisit(self, compiled: Any) -> float:
        return min(self.walk(compiled, []))

    def applied(self, compiled: Any) -> float:
        """A mask made again, and its own way for torch."""
        import llguidance.torch

        matcher, logits = compiled.deep_copy(), torch.zeros(1, SIZE)
        mask = llguidance.torch.allocate_token_bitmask(1, SIZE)

        def apply() -> None:
            llguidance.torch.fill_next_token_bitmask(matcher, mask, 0)
            llguidance.torch.apply_token_bitmask_inplace(logits, mask)

        return timed(apply)


def timed(work: Callable[[], None], runs: int = 200) -> float:
    """Median CPU seconds of a call on one thread."""
    times = []
    for _ in range(runs):
        begin = time.process_time()
        work()
        times.append(time.process_time() - begin)
    return statistics.median(times)


ENGINES: dict[str, Callable[[list[bytes | None]], Any]] = {"lmc": Lmc, "xgrammar": XGrammar, "llguidance": LLGuidance}


def vocabulary() -> tuple[Any, list[bytes | None]]:
    """The tokenizer, and the bytes of each token (None for control tokens)."""
    from tokenizers import Tokenizer
    from train_vocabulary import train

    from lmc.tokenizer.vocabulary import vocab_bytes

    tokenizer = Tokenizer.from_file(str(train(SIZE, 120)))
    special = {i for i, token in tokenizer.get_added_tokens_decoder().items() if token.special}
    names = [None if i in special else tokenizer.id_to_token(i) for i in range(SIZE)]
    return tokenizer, [spelt or None for spelt in vocab_bytes(names, {"type": "ByteLevel"})]


def measure(engine: Any, pattern: str, tokens: list[int]) -> tuple[float, list[float], float]:
    """Cold set-up, the masks of a walk, and one mask again, in seconds; the best of RUNS."""
    best: tuple[float, list[float], float] | None = None
    for _ in range(RUNS):
        begin = time.process_time()
        compiled = engine.compile(pattern)
        setup = time.process_time() - begin
        times = engine.walk(compiled, tokens)
        now = setup, times, engine.revisit(compiled)
        if best is None:
            best = now
        else:
            best = min(best[0], setup), min(best[1], times, key=sum), min(best[2], now[2])
        if setup > 2:
            break
    assert best is not None
    return best


@click.command()
@click.option("--engines", default="lmc,xgrammar,llguidance")
@click.option("--only", default="")
def main(engines: str, only: str) -> None:
    torch.set_num_threads(1)
    tokenizer, vocab = vocabulary()
    for name in engines.split(","):
        begin = time.process_time()
        engine = ENGINES[name](vocab)
        print(f"{name}: vocabulary {time.process_time() - begin:.2f} s")
        setups, firsts, applied = [], [], []
        for title, (pattern, text) in PATTERNS.items():
            if only and only != title:
                continue
            tokens = tokenizer.encode(text, add_special_tokens=False).ids
            try:
                setup, times, again = measure(engine, pattern, tokens)
            except (RuntimeError, AssertionError) as error:
                print(f"  {title:18} refused, or a matching text was not accepted: {str(error)[:70]!r}")
                continue
            setups.append(setup)
            firsts += times
            applied.append(engine.applied(engine.compile(pattern)))
            print(
                f"  {title:18} set-up {setup * 1e3:9.2f} ms   masks {len(times):3}  mean "
                f"{statistics.mean(times) * 1e6:8.1f} us  max {max(times) * 1e6:8.1f} us   again {again * 1e6:7.2f} us"
                f"   with its logits {applied[-1] * 1e6:6.1f} us"
            )
        if not setups:
            continue
        print(
            f"  all: set-up median {statistics.median(setups) * 1e3:.2f} ms, max {max(setups) * 1e3:.2f} ms; "
            f"mask mean {statistics.mean(firsts) * 1e6:.1f} us; again and applied {statistics.mean(applied) * 1e6:.1f}"
        )


if __name__ == "__main__":
    main()
