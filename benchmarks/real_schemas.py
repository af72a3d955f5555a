"""JSON schemas that people have written: which are followed, how soon, and whether what comes out is valid.

    python -m benchmarks.real_schemas FOLDER [--count 500] [--peers xgrammar,llguidance]

FOLDER holds JSON schemas, one a file; the package cfn-lint brings 2,205 of them (cfnlint/data/schemas/resources). Needs
the package jsonschema, which judges texts drawn at random from our automata. Set-up is all that happens before the
first token: parsing, lowering, the automaton's first states, and for the peers their compilation, over a vocabulary of
bytes. `partly` is what a peer itself warns of, `in places` what lmc writes as places that call each other. Times are
CPU seconds of one thread, one run a schema.
"""

from __future__ import annotations

import json
import random
import re
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from lmc.backend.masks.stderr import caught_warnings
from lmc.errors import ConstraintError
from lmc.ir.automaton.algebra import shortest_path
from lmc.ir.automaton.calls import call_dfa
from lmc.ir.automaton.dfa import CharDfa
from lmc.ir.json_schema.lower import Lowered
from lmc.ir.json_schema.regular import texts_of
from lmc.parser.schema.parse import parse_schema
from scripts.support.begun import Begun

LIMIT_S = 20
TEXTS = 10  # drawn from each schema
STEPS = 300  # characters drawn at random before the shortest way to an end


@dataclass(slots=True)
class Row:
    """What became of the schemas under one engine."""

    verdicts: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)

    def cells(self) -> list[str]:
        times = sorted(self.seconds) or [0.0]
        shares = [times[len(times) // 2], times[int(0.9 * (len(times) - 1))], times[-1]]
        kinds = ("followed", "partly", "in places", "refused", "too slow")
        return [*(str(self.verdicts[kind]) for kind in kinds), *(f"{1e3 * each:,.0f}" for each in shares)]


class Partly:
    """What was made says that it follows only a part."""


class TooSlow(Exception):
    """LIMIT_S are over."""


def limited(work: Callable[[], Any]) -> Any:
    """What the work gives. Raises TooSlow after LIMIT_S of a processor's time."""

    def stop(*_: object) -> None:
        raise TooSlow

    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, LIMIT_S)
    try:
        return work()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


# --- engines ---------------------------------------------------------------------------------------------


def by_lmc(schema: Any) -> Lowered:
    texts = texts_of(parse_schema(schema))
    if texts.places:
        call_dfa(texts.places)
    return texts


def by_xgrammar() -> Callable[[Any], Any]:
    import xgrammar

    names = [bytes((byte,)) for byte in range(256)]
    info = xgrammar.TokenizerInfo([*names, b""], xgrammar.VocabType.RAW, vocab_size=257, stop_token_ids=[256])
    compiler = xgrammar.GrammarCompiler(info, max_threads=1, cache_enabled=False)
    style = {"any_whitespace": False, "separators": (",", ":"), "strict_mode": False}

    def compile(schema: Any) -> Any:
        with caught_warnings() as warnings:
            made = compiler.compile_json_schema(json.dumps(schema), **style)
        return Partly() if warnings else made

    return compile


def by_llguidance() -> Callable[[Any], Any]:
    import llguidance

    members = {
        "eos_token_id": 256, "bos_token_id": None, "tokens": [*(bytes((b,)) for b in range(256)), b"\xff<end>"],
        "special_token_ids": [256],
    }  # fmt: skip
    wrapper = type("Vocabulary", (), {**members, "__call__": lambda self, text: list(text.encode())})()
    tokenizer = llguidance.LLTokenizer(llguidance.TokenizerWrapper(wrapper))

    def compile(schema: Any) -> Any:
        options = {"whitespace_flexible": False, "lenient": True}
        matcher = llguidance.LLMatcher(tokenizer, llguidance.LLMatcher.grammar_from_json_schema(schema, options))
        if matcher.get_error():
            raise RuntimeError(matcher.get_error())
        return Partly() if matcher.get_grammar_warnings() else matcher

    return compile


def is_placed(made: Any) -> bool:
    """Whether lmc has made several automata that call each other: of these no texts are drawn here."""
    return isinstance(made, Lowered) and bool(made.places)


def judged(row: Row, compile: Callable[[Any], Any], schema: Any) -> tuple[Any, str]:
    """What an engine makes of a schema, and why where that is nothing."""
    begin, made, why = time.process_time(), None, ""
    try:
        made = limited(lambda: compile(schema))
        verdict = "partly" if isinstance(made, Partly) else "in places" if is_placed(made) else "followed"
    except TooSlow:
        verdict = "too slow"
    except (RuntimeError, ValueError, ConstraintError) as error:
        verdict, why = "refused", str(getattr(error, "message", error))
    row.verdicts[verdict] += 1
    row.seconds.append(time.process_time() - begin)
    return made, why


# --- texts -----------------------------------------------------------------------------------------------


def drawn(lowered: Lowered, rng: random.Random) -> str:
    """A text of the schema: characters at random, then the shortest way to an end."""
    dfa = CharDfa(lowered.tree)
    state, text = dfa.start, ""
    for _ in range(rng.randrange(STEPS)):
        ways = dfa.moves(state)
        if not ways:
            break
        mask, state = rng.choice(ways)
        text += chosen(dfa, mask, rng)
    path = shortest_path(Begun(dfa, state))
    assert path is not None
    return text + "".join(chosen(dfa, mask, rng) for mask in path)


def chosen(dfa: CharDfa, mask: int, rng: random.Random) -> str:
    """A character of some classes."""
    low, high = rng.choice(dfa.alphabet.ranges(mask))
    return chr(rng.randint(low, high))


def validator(schema: Any) -> Any:
    """A judge by the standard, with ECMA's patterns in Python's words. Raises ConstraintError, re.error."""
    import jsonschema
    from jsonschema import Draft202012Validator

    from lmc.parser.schema.pattern import in_python

    def pattern(validator: Any, text: str, instance: Any, schema: Any) -> Any:
        if isinstance(instance, str) and not re.search(in_python(text), instance, re.ASCII):
            yield jsonschema.ValidationError(f"{instance!r} does not match {text!r}")

    made = jsonschema.validators.extend(Draft202012Validator, {"pattern": pattern})
    plain = {key: value for key, value in parse_schema(schema).schema.items() if key not in ("$schema", "$id")}
    return made(plain)


def wrong_texts(lowered: Lowered, schema: Any, rng: random.Random) -> tuple[int, int, int, list[str]]:
    """How many texts were drawn, how many of them our own check turns down, how many of the others are not valid."""
    judge = validator(schema)
    turned_down, bad = 0, []
    for _ in range(TEXTS):
        text = drawn(lowered, rng)
        if lowered.broken_by(text) is not None:
            turned_down += 1
            continue
        error = next(judge.iter_errors(json.loads(text)), None)
        if error is not None:
            bad.append(f"{error.json_path}: {error.message[:100]}")
    return TEXTS, turned_down, len(bad), bad


# --- the table -------------------------------------------------------------------------------------------


@click.command(help=__doc__)
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--count", default=500, show_default=True)
@click.option("--peers", default="xgrammar,llguidance", show_default=True)
@click.option("--seed", default=1, show_default=True)
def main(folder: Path, count: int, peers: str, seed: int) -> None:
    files = sorted(folder.glob("*.json"))
    random.Random(seed).shuffle(files)
    engines: dict[str, Callable[[Any], Any]] = {"lmc": by_lmc}
    makers = {"xgrammar": by_xgrammar, "llguidance": by_llguidance}
    engines |= {name: makers[name]() for name in peers.split(",") if name}
    rows = {name: Row() for name in engines}
    sums, why = [0, 0, 0], Counter()
    for file in files[:count]:
        schema = json.loads(file.read_text(encoding="utf-8"))
        for name, compile in engines.items():
            made, reason = judged(rows[name], compile, schema)
            if reason and name == "lmc":
                why[re.sub(r"'.*'|`#.*?`", "...", reason)[:90]] += 1
            if isinstance(made, Lowered) and not is_placed(made):
                *counts, bad = wrong_texts(made, schema, random.Random(file.name))
                sums = [a + b for a, b in zip(sums, counts)]
                for each in bad[:1]:
                    click.echo(f"not valid: {file.name} {each}")
    show(rows, sums, why, min(count, len(files)))


def show(rows: dict[str, Row], sums: list[int], why: Counter[str], count: int) -> None:
    table = Table(title=f"{count:,} schemas")
    for name in ("", "followed", "partly", "in places", "refused", "too slow", "p50 ms", "p90 ms", "max ms"):
        table.add_column(name, justify="right" if name else "left")
    for name, row in rows.items():
        table.add_row(name, *row.cells())
    console = Console(width=110)
    console.print(table)
    console.print(f"{sums[0]:,} texts drawn: {sums[1]:,} turned down by our check of unique items; of the others "
                  f"{sums[2]:,} are not valid")  # fmt: skip
    for reason, times in why.most_common(12):
        console.print(f"{times:5}  {reason}", highlight=False)


if __name__ == "__main__":
    main()
