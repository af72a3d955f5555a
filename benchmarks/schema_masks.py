"""Set-up, first masks and masks again of JSON schemas that people have written, beside xgrammar and llguidance.

    python -m benchmarks.schema_masks FOLDER [--count 400] [--peers xgrammar,llguidance]

FOLDER is that of `benchmarks.real_schemas`. The vocabulary is the one of `constraint_masks`, 128 k, and every engine
has made its own tables of it before, and loaded what it needs, by a first schema that is in no row. Set-up is all from
the schema to a matcher that is asked for its first mask: reading, lowering, compiling; nothing of an earlier schema is
thrown away in any engine. A walk feeds one text of the schema token by token, with a mask before each; "again" is a
second walk over the same matcher's tables. A text is drawn at random from lmc's automaton, in characters that people
can read: an object where the schema has any, as a schema with `properties` and no `type` allows every other value too,
which xgrammar does not read so. Where a peer refuses the text, its masks are left out, the schema is in no row that
compares, and why is counted. Times are CPU seconds of one thread, one run each.
"""

from __future__ import annotations

import gc
import json
import random
import re
import statistics
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks.constraint_masks import SIZE, vocabulary
from lmc.backend.masks.stderr import caught_warnings
from lmc.errors import ConstraintError
from lmc.ir.automaton.algebra import shortest_path
from lmc.ir.automaton.dfa import DEAD, CharDfa
from lmc.ir.json_schema.findings import NotRegular
from lmc.ir.json_schema.regular import regular_tree
from lmc.ir.regex import RegexTree
from lmc.parser.schema.parse import parse_schema
from scripts.support import guidance
from scripts.support.begun import Begun

FIRST = {"type": "string", "pattern": "^x$"}
STEPS = 400  # characters drawn before the shortest way to an end


@dataclass(slots=True)
class Measured:
    """Of one engine: seconds by schema."""

    setup: dict[str, float] = field(default_factory=dict)
    first: dict[str, list[float]] = field(default_factory=dict)
    again: dict[str, list[float]] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


class Lmc:
    """Our own masks, with what is forced."""

    def __init__(self, tokenizer: Any, vocab: list[bytes | None]) -> None:
        from lmc.backend.masks.shapes import shapes_of
        from lmc.backend.masks.trie import TokenTrie

        self.trie, self.tokenizer = TokenTrie(vocab), tokenizer
        assert self.trie.root.kids and shapes_of(self.trie)  # made when a constraint is first asked for
        self.eos = np.zeros(-(-SIZE // 32), dtype=np.int32)
        self.eos[0] = 2

    def encode(self, text: str) -> list[int]:
        return list(self.tokenizer.encode(text, add_special_tokens=False).ids)

    def compile(self, schema: Any) -> Any:
        from lmc.backend.masks.ending_masks import Ends, RegularMasks

        ends = Ends(frozenset((1,)), self.eos, self, "exact")
        masks = RegularMasks(self.trie, regular_tree(parse_schema(schema)), ends)
        masks.with_ends(masks.start)
        masks.jumps.after(masks.start, ())
        return masks

    def walk(self, masks: Any, tokens: list[int]) -> list[float]:
        times, state = [], masks.start
        for token in [*tokens, -1]:
            begin = time.process_time()
            masks.with_ends(state)
            times.append(time.process_time() - begin)
            state = masks.next(state, token) if token >= 0 else state
        assert masks.is_accepting(state)
        return times


class XGrammar:
    """xgrammar's schema converter, compact and open as ours."""

    def __init__(self, tokenizer: Any, vocab: list[bytes | None]) -> None:
        import xgrammar

        self.xgrammar, self.tokenizer = xgrammar, tokenizer
        self.info = xgrammar.TokenizerInfo(
            [v or b"" for v in vocab], xgrammar.VocabType.RAW, vocab_size=len(vocab), stop_token_ids=[1]
        )
        self.compiler = xgrammar.GrammarCompiler(self.info, max_threads=1, cache_enabled=True)

    def compile(self, schema: Any) -> Any:
        style = {"any_whitespace": False, "separators": (",", ":"), "strict_mode": False}
        with caught_warnings():
            made = self.compiler.compile_json_schema(json.dumps(schema), **style)
        matcher = self.xgrammar.GrammarMatcher(made)
        matcher.fill_next_token_bitmask(np.zeros((1, -(-SIZE // 32)), dtype=np.int32), 0)
        return made

    def walk(self, made: Any, tokens: list[int]) -> list[float]:
        matcher = self.xgrammar.GrammarMatcher(made)
        mask = np.zeros((1, -(-SIZE // 32)), dtype=np.int32)
        times = []
        for at, token in enumerate([*tokens, -1]):
            begin = time.process_time()
            matcher.fill_next_token_bitmask(mask, 0)
            times.append(time.process_time() - begin)
            assert token < 0 or matcher.accept_token(token), self.refusal(tokens, at)
        return times

    def refusal(self, tokens: list[int], at: int) -> str:
        """Where a text is refused: a token, and what is before it."""
        token, before = self.tokenizer.decode([tokens[at]]), self.tokenizer.decode(tokens[:at])
        return f"the token {token!r} of a text behind {before[-40:]!r}"


class LLGuidance:
    """llguidance's schema compiler, lenient, compact."""

    def __init__(self, tokenizer: Any, vocab: list[bytes | None]) -> None:
        self.tokenizer = guidance.tokenizer_of(vocab)

    def compile(self, schema: Any) -> Any:
        import llguidance.numpy

        options = {"whitespace_flexible": False, "lenient": True}
        grammar = llguidance.LLMatcher.grammar_from_json_schema(schema, options)
        matcher = guidance.matcher_of(self.tokenizer, grammar)
        mask = llguidance.numpy.allocate_token_bitmask(1, SIZE)
        llguidance.numpy.fill_next_token_bitmask(matcher.deep_copy(), mask, 0)
        return matcher

    def walk(self, compiled: Any, tokens: list[int]) -> list[float]:
        return guidance.walk(compiled, tokens, SIZE)


ENGINES: dict[str, Callable[[Any, list[bytes | None]], Any]] = {
    "lmc": Lmc, "xgrammar": XGrammar, "llguidance": LLGuidance,
}  # fmt: skip


def drawn(tree: RegexTree, rng: random.Random) -> str:
    """A text: readable characters at random, strings of a few, then the shortest way to an end."""
    dfa = CharDfa(tree)
    state, text = dfa.start, ""
    opened = dfa.run("{")
    if opened != DEAD:
        state, text = opened, "{"
    for _ in range(rng.randrange(STEPS)):
        ways = dfa.moves(state)
        if not ways:
            break
        chars = [(char(dfa, mask, rng), after) for mask, after in ways]
        chars = [way for way in chars if way[0] != "\\"] or chars
        open = [way for way in chars if way[0] not in "}]"] or chars
        quotes = [way for way in chars if way[0] == '"']
        chosen, state = rng.choice(quotes if quotes and rng.random() < 0.15 else open if rng.random() < 0.9 else chars)
        text += chosen
    path = shortest_path(Begun(dfa, state))
    assert path is not None
    return text + "".join(char(dfa, mask, rng) for mask in path)


def char(dfa: CharDfa, mask: int, rng: random.Random) -> str:
    """A character of some classes: a letter, or else one of ASCII that is seen, where there is one."""
    ranges = dfa.alphabet.ranges(mask)
    for low, high in ((0x61, 0x7A), (0x30, 0x39), (0x41, 0x5A), (0x21, 0x7E)):
        inner = [(max(low, a), min(high, b)) for a, b in ranges if max(low, a) <= min(high, b)]
        if inner:
            return chr(rng.randint(*rng.choice(inner)))
    return chr(rng.randint(*rng.choice(ranges)))


def measure(row: Measured, engine: Any, name: str, schema: Any, tokens: list[int]) -> None:
    """One engine on one schema."""
    try:
        begin = time.process_time()
        made = engine.compile(schema)
        row.setup[name] = time.process_time() - begin
        first, again = engine.walk(made, tokens), engine.walk(made, tokens)
    except (RuntimeError, ValueError, AssertionError, ConstraintError, NotRegular) as error:
        row.refused[name] = str(getattr(error, "message", error))[:120]
        return
    row.first[name], row.again[name] = first, again


@click.command(help=__doc__)
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--count", default=400, show_default=True)
@click.option("--peers", default="xgrammar,llguidance", show_default=True)
@click.option("--seed", default=1, show_default=True)
def main(folder: Path, count: int, peers: str, seed: int) -> None:
    tokenizer, vocab = vocabulary()
    rows, engines = {}, {}
    for name in ["lmc", *filter(None, peers.split(","))]:
        begin = time.process_time()
        engines[name], rows[name] = ENGINES[name](tokenizer, vocab), Measured()
        click.echo(f"{name}: vocabulary {time.process_time() - begin:.2f} s")
        engines[name].compile(FIRST)
    gc.collect()
    gc.freeze()  # what was made before is not looked through while schemas are measured
    files = sorted(folder.glob("*.json"))
    random.Random(seed).shuffle(files)
    for file in files[:count]:
        schema = json.loads(file.read_text(encoding="utf-8"))
        try:
            text = text_of(schema, random.Random(file.name))
        except (ConstraintError, NotRegular) as error:
            rows["lmc"].refused[file.name] = str(getattr(error, "message", error))[:90]
            continue
        tokens = tokenizer.encode(text, add_special_tokens=False).ids
        for name, engine in engines.items():
            measure(rows[name], engine, file.name, schema, tokens)
    show(rows)


def text_of(schema: Any, rng: random.Random) -> str:
    """A text of the schema; what was learnt of it on the way is forgotten."""
    from lmc.ir.json_schema import regular as module

    text = drawn(regular_tree(parse_schema(schema)), rng)
    module._looked_at.cache_clear()
    return text


def show(rows: dict[str, Measured]) -> None:
    for name, row in rows.items():
        refusals = f", {len(row.refused)} refused" if row.refused else ""
        click.echo(f"{name}: {len(row.setup)} schemas{refusals}")
        for why, count in Counter(map(_without_times, row.refused.values())).most_common(6):
            click.echo(f"    refused {count:3}: {why}")
        line("  on all it follows", row, list(row.setup))
        slowest = sorted(row.setup, key=row.setup.__getitem__)[-3:]
        click.echo("  slowest set-ups: " + ", ".join(f"{each[:16]} {row.setup[each]:.2f} s" for each in slowest))
        slowest = sorted(row.first, key=lambda each: max(row.first[each]))[-3:]
        click.echo("  slowest masks:   " + ", ".join(f"{each[:16]} {max(row.first[each]):.2f} s" for each in slowest))
        if name != "lmc":
            both = [each for each in row.first if each in rows["lmc"].first]
            line(f"  on the {len(both)} both follow", row, both)
            line("    and lmc there", rows["lmc"], both)


def _without_times(message: str) -> str:
    return re.sub(r"\[[\d:]+\] |position \d+|column \d+", "", message).replace("\n", " ")


def line(title: str, row: Measured, names: list[str]) -> None:
    if not any(name in row.first for name in names):
        return
    setups = [row.setup[each] for each in names]
    first = [each for name in names for each in row.first.get(name, ())]
    again = [each for name in names for each in row.again.get(name, ())]
    click.echo(
        f"{title:24} set-up geometric mean {1e3 * statistics.geometric_mean(setups):7.2f} ms, median "
        f"{1e3 * statistics.median(setups):7.2f}, max {1e3 * max(setups):8.1f}; masks {len(first):6}: first mean "
        f"{1e6 * statistics.mean(first):7.1f} us, median {1e6 * statistics.median(first):6.1f}, max "
        f"{1e6 * max(first):8.0f}; again mean {1e6 * statistics.mean(again):6.1f}"
    )


if __name__ == "__main__":
    main()
