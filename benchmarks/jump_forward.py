"""What jump-forward saves, and whether what it forces is what the tokenizer writes: without a model, then with one.

    python -m benchmarks.jump_forward [--segments 30000] [--vocab 32768 --vocab 128256] [--model lmc-tiny]

Canonical: JSON files that lie on this machine become schemas with fixed keys and free values; each is written
compact and spaced under its own schema, token by token as a model would that writes canonically, and each forced run
is held against the tokens of the whole text. `naive` is the same with all forced text jumped over at once.
llguidance, where it is installed, is given the same texts. Record: the character record of Zheng et al. (SGLang, arXiv
2312.07104, figure 4) for eight characters, passes against tokens.
Engine: the same record on the CPU engine, jump-forward on and off, fused and unfused, the same request repeated.
"""

from __future__ import annotations

import json
import random
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

import lmc
from benchmarks.constraint_masks import CHARACTER, HARRY
from lmc.backend.masks.factory import ConstraintMasks
from lmc.backend.masks.jumps import Jump
from lmc.backend.masks.rehearse import Rehearsal, rehearse
from lmc.parser.regex.parse import parse_regex

MAX_OF_A_FILE = 12
MAX_CHARS = 600  # of one JSON text: a rehearsal encodes its tail again and again
STRING = r'"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"'
NUMBER = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
SEPARATORS = {"compact": (",", ":"), "spaced": (", ", ": ")}


# --- texts -----------------------------------------------------------------------------------------------


@cache
def json_values(seed: int) -> list[Any]:
    """Small objects and lists out of the JSON files of this machine, no file more than a few of them, shuffled."""
    roots = [Path(p) for p in sys.path if p.endswith("site-packages")] + [Path("/usr/share"), Path("/usr/lib")]
    files = sorted({p for root in roots for p in root.rglob("*.json") if p.is_file() and p.stat().st_size < 300_000})
    rng = random.Random(seed)
    found: list[Any] = []
    for path in files:
        try:
            values = list(pieces(json.loads(path.read_text(encoding="utf-8"))))
        except (ValueError, RecursionError, OSError):
            continue
        found += rng.sample(values, min(len(values), MAX_OF_A_FILE))
    rng.shuffle(found)
    return found


def pieces(value: Any) -> Iterator[Any]:
    """The largest parts of a value that are short enough."""
    if not isinstance(value, dict | list) or not value:
        return
    if len(json.dumps(value)) <= MAX_CHARS:
        if any(isinstance(each, dict) for each in (value, *(value if isinstance(value, list) else ()))):
            yield value
        return
    for each in value.values() if isinstance(value, dict) else value:
        yield from pieces(each)


def pattern_of(value: Any, comma: str, colon: str) -> str:
    """Fixed keys in their order, free values of each kind, lists of the kinds that occur."""
    match value:
        case dict():
            inner = re.escape(comma).join(
                re.escape(json.dumps(key, ensure_ascii=False) + colon) + pattern_of(each, comma, colon)
                for key, each in value.items()
            )
            return r"\{" + inner + r"\}"
        case list():
            kinds = dict.fromkeys(pattern_of(each, comma, colon) for each in value)
            item = f"(?:{'|'.join(kinds)})"
            return rf"\[{item}(?:{re.escape(comma)}{item})*\]" if kinds else r"\[\]"
        case bool():
            return "(?:true|false)"
        case None:
            return "null"
        case str():
            return STRING
    return NUMBER


# --- without a model -------------------------------------------------------------------------------------


@dataclass(slots=True)
class Tally:
    """Sums over rehearsals."""

    texts: int = 0
    tokens: int = 0
    passes: int = 0
    forced: int = 0
    segments: int = 0
    strange: int = 0

    def row(self) -> list[str]:
        share = f"{100 * self.forced / max(1, self.tokens):.1f} %"
        return [f"{self.texts:,}", f"{self.tokens:,}", f"{self.segments:,}", f"{self.strange:,}", share]


def rehearsal(masks: ConstraintMasks, pattern: str, text: str) -> Rehearsal:
    return rehearse(masks.make(parse_regex(pattern)), masks.encoder, masks.spellings, text)


def rehearsed(masks: ConstraintMasks, style: str, segments: int, seed: int) -> Tally:
    """Texts until that many segments were forced, or there are no more."""
    tally, separators = Tally(), SEPARATORS[style]
    for value in json_values(seed):
        text = json.dumps(value, separators=separators, ensure_ascii=False)
        found = rehearsal(masks, pattern_of(value, *separators), text)
        tally.texts += 1
        tally.tokens += len(found.ids)
        tally.passes += found.num_asked
        tally.forced += found.num_forced
        tally.segments += len(found.runs)
        tally.strange += found.num_strange
        if tally.segments >= segments:
            break
    return tally


def rehearsed_by_llguidance(encode: Any, spellings: Any, file: Path, style: str, segments: int, seed: int) -> Tally:
    """The same texts with what llguidance forces (`compute_ff_tokens`), for the tokenizer of a tokenizer.json."""
    from llguidance import LLMatcher, LLTokenizer

    tally, separators, tokenizer = Tally(), SEPARATORS[style], LLTokenizer(str(file))
    for value in json_values(seed):
        text = json.dumps(value, separators=separators, ensure_ascii=False)
        matcher = LLMatcher(tokenizer, LLMatcher.grammar_from_regex(pattern_of(value, *separators)))
        ids, left, at = encode(text), text.encode(), 0
        while at < len(ids):
            run = tuple(matcher.compute_ff_tokens())
            step = run or (ids[at],)
            left = left[sum(len(spellings[id]) for id in step) :]
            if tuple(ids[at : at + len(run)]) != run:
                tally.strange += 1
                ids[at:] = [*run, *encode(left.decode())]
            if not matcher.consume_tokens(list(step)):
                raise RuntimeError(matcher.get_error())
            at += len(step)
            tally.segments += bool(run)
            tally.forced += len(run)
            tally.passes += not run
        tally.texts += 1
        tally.tokens += len(ids)
        if tally.segments >= segments:
            break
    return tally


def tokenizers(sizes: tuple[int, ...], folder: Path) -> dict[str, Any]:
    """Byte-level BPE of each size, a SentencePiece-style one with a dummy prefix, and lmc-tiny's."""
    from lmc.backend.default_model import FOLDER
    from lmc.tokenizer import load_tokenizer
    from scripts.support.vocabularies import MAKES, trained
    from scripts.train_vocabulary import cache_file

    found = {}
    for size in sizes:
        path = folder / str(size)
        path.mkdir()
        if not cache_file(size).exists():
            raise click.ClickException(f"first: python scripts/train_vocabulary.py --size {size}")
        (path / "tokenizer.json").write_bytes(cache_file(size).read_bytes())
        found[f"byte-level BPE, {size:,}"] = load_tokenizer(path)
    found["SentencePiece-style, 1,500"] = trained(MAKES[2], folder / "sentencepiece")
    found["lmc-tiny, 4,096"] = load_tokenizer(FOLDER)
    return found


# --- with a model ----------------------------------------------------------------------------------------


@lmc.function
def record(s):  # type: ignore[no-untyped-def]
    """The character record as its authors wrote it: one regex."""
    s += "Harry Potter is a wizard. His data as JSON:\n"
    s += lmc.gen("json", regex=CHARACTER, max_tokens=400, temperature=0)


FIELD = r"[\w\d\s]{1,16}"


@lmc.function
def parts(s):  # type: ignore[no-untyped-def]
    """The same record as a program of generations with text between them."""
    s += "Harry Potter is a wizard. His data as JSON:\n"
    s += '{\n    "name": "' + lmc.gen("name", regex=FIELD, temperature=0)
    s += '",\n    "house": "' + lmc.gen("house", regex="(Gryffindor|Slytherin|Ravenclaw|Hufflepuff)", temperature=0)
    s += '",\n    "blood status": "' + lmc.gen("blood", regex="(Pure-blood|Half-blood|Muggle-born)", temperature=0)
    s += '",\n    "wand": {\n        "wood": "' + lmc.gen("wood", regex=FIELD, temperature=0)
    s += '",\n        "core": "' + lmc.gen("core", regex=FIELD, temperature=0)
    s += '",\n        "length": ' + lmc.gen("length", regex=r"[0-9]{1,2}\.[0-9]{0,2}", temperature=0)
    s += '\n    },\n    "alive": "' + lmc.gen("alive", regex="(Alive|Deceased)", temperature=0)
    s += '",\n    "patronus": "' + lmc.gen("patronus", regex=FIELD, temperature=0) + '"\n}'


def engine_row(program: Any, model: str, jump: Jump, opt_level: int, items: int) -> tuple[int, int, int, float]:
    """Requests, output tokens, forward passes and seconds of a batch."""
    from lmc.backend.local import CpuBackend

    backend = CpuBackend(model, jump=jump)
    program.run(backend=backend, opt_level=opt_level)
    began = time.perf_counter()
    results = program.run_batch([{}] * items, backend=backend, opt_level=opt_level)
    spent = time.perf_counter() - began
    report = results[0].report
    backend.close()
    return report.requests, report.output_tokens, report.forward_passes, spent


# --- the tables ------------------------------------------------------------------------------------------


def canonical_table(found: dict[str, Any], folder: Path, segments: int, seed: int) -> Table:
    table = Table(title="Forced runs of JSON texts")
    for name in ("tokenizer", "writing", "boundary", "texts", "tokens", "forced runs", "not canonical", "forced share"):
        table.add_column(name, justify="left" if name in ("tokenizer", "writing", "boundary") else "right")
    for name, tokenizer in found.items():
        for style in SEPARATORS:
            for boundary, count in (("exact", segments), ("naive", segments // 10)):
                masks = ConstraintMasks(tokenizer, tokenizer.vocab_size, boundary)  # type: ignore[arg-type]
                table.add_row(name, style, boundary, *rehearsed(masks, style, count, seed).row())
            file = folder / name.rpartition(" ")[2].replace(",", "") / "tokenizer.json"
            if file.exists() and find_spec("llguidance"):
                spelt = tokenizer.vocab_bytes()
                tally = rehearsed_by_llguidance(tokenizer.encode, spelt, file, style, segments, seed)
                table.add_row(name, style, "llguidance", *tally.row())
    return table


CHARACTERS = tuple(
    tuple(row.split("|"))
    for row in (
        "Harry Potter|Gryffindor|Half-blood|student|holly|phoenix feather|11.0|Alive|stag|dementor",
        "Hermione Granger|Gryffindor|Muggle-born|student|vine|dragon heart|10.75|Alive|otter|failure",
        "Ron Weasley|Gryffindor|Pure-blood|student|willow|unicorn hair|14.0|Alive|dog|spider",
        "Albus Dumbledore|Gryffindor|Half-blood|teacher|elder|thestral hair|15.0|Deceased|phoenix|sister",
        "Severus Snape|Slytherin|Half-blood|teacher|ebony|dragon|13.5|Deceased|doe|Voldemort",
        "Draco Malfoy|Slytherin|Pure-blood|death eater|hawthorn|unicorn hair|10.0|Alive|none|Voldemort",
        "Luna Lovegood|Ravenclaw|Pure-blood|student|oak|unicorn hair|10.5|Alive|hare|unknown",
        "Cedric Diggory|Hufflepuff|Pure-blood|student|ash|unicorn hair|12.25|Deceased|none|unknown",
    )
)


def record_of(values: tuple[str, ...]) -> str:
    """A character's record, written as HARRY is."""
    rest = iter(values)
    return re.sub(r'(?<=: )("?)[^"{\n]+\1(?=,?\n)', lambda m: m[1] + next(rest) + m[1], HARRY)


def record_table(found: dict[str, Any]) -> Table:
    table = Table(title="The character record, eight characters")
    for name in ("tokenizer", "tokens", "forward passes", "share", "fewer passes", "least", "most"):
        table.add_column(name, justify="left" if name == "tokenizer" else "right")
    for name, tokenizer in found.items():
        masks = ConstraintMasks(tokenizer, tokenizer.vocab_size)
        got = [rehearsal(masks, CHARACTER, record_of(values)) for values in CHARACTERS]
        ratios = [len(each.ids) / each.num_asked for each in got]
        tokens, passes = sum(len(each.ids) for each in got), sum(each.num_asked for each in got)
        bounds = [f"{each:.2f}x" for each in (tokens / passes, min(ratios), max(ratios))]
        table.add_row(name, str(tokens), str(passes), f"{100 * passes / tokens:.1f} %", *bounds)
    return table


def engine_table(model: str, items: int) -> Table:
    table = Table(title=f"The character record on the CPU engine, {model}, {items} items at once")
    for name in ("program", "jump-forward", "requests", "tokens", "passes", "seconds", "ratio"):
        table.add_column(name, justify="left" if name in ("program", "jump-forward") else "right")
    rows: list[tuple[str, Any, Jump, int]] = [
        ("one regex", record, "off", 2), ("one regex", record, "exact", 2),
        ("parts", parts, "off", 2), ("parts", parts, "exact", 2), ("parts, fused", parts, "exact", 3),
    ]  # fmt: skip
    base = 0.0
    for name, program, boundary, level in rows:
        requests, tokens, passes, spent = engine_row(program, model, boundary, level, items)
        base = spent if boundary == "off" else base
        table.add_row(name, boundary, str(requests), str(tokens), str(passes), f"{spent:.2f}", f"{base / spent:.2f}x")
    return table


@click.command(help=__doc__)
@click.option("--segments", type=int, default=30_000, show_default=True)
@click.option("--vocab", "sizes", type=int, multiple=True, default=(32_768, 128_256), show_default=True)
@click.option("--model", default="lmc-tiny", show_default=True)
@click.option("--items", type=int, default=16, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
def main(segments: int, sizes: tuple[int, ...], model: str, items: int, seed: int) -> None:
    import tempfile

    console = Console(width=130)
    with tempfile.TemporaryDirectory() as folder:
        found = tokenizers(sizes, Path(folder))
        console.print(record_table(found))
        console.print(canonical_table(found, Path(folder), segments, seed))
    for count in (1, items):
        console.print(engine_table(model, count))


if __name__ == "__main__":
    main()
