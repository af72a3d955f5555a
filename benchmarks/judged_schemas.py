"""JSON schemas that people have written, judged from both sides by the package jsonschema.

    python -m benchmarks.judged_schemas FOLDER ... [--count 500] [--texts 10] [--instances 40]

From each schema texts are drawn at random through our masks, over a vocabulary of bytes, and must be valid; instances
that aim at its borders (scripts/support/schema_instances.py) are given to the same masks, and must be accepted where
they are valid, in the order of properties that the schema has. Formats count as our masks read them; jsonschema is
asked with and without them. Packages that bring schemas: cfn-lint (2,205), ocpp (387), check-jsonschema,
cyclonedx-python-lib, nbformat.
"""

from __future__ import annotations

import json
import random
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import click

from benchmarks.real_schemas import TooSlow, limited
from lmc.backend.masks.factory import ConstraintMasks
from lmc.backend.matcher import Matcher
from lmc.errors import ConstraintError
from lmc.ir.constraint import JsonSchema
from lmc.ir.json_schema.equality import canonical
from lmc.ir.json_schema.exact import read_json
from lmc.ir.json_schema.lower import Lowered
from lmc.ir.json_schema.regular import texts_of
from lmc.ir.json_schema.shape import Shape
from lmc.parser.schema.parse import parse_schema
from lmc.parser.schema.pattern import FORMATS, in_python
from scripts.support.schema_instances import Instances

STEPS = 300  # bytes drawn at random, before a text is brought to its end
MAX_BYTES = 6_000
SLOW_S = 5
END = 256
CLOSING = b'"}],0123456789:{[tfn-'


class Bytes:
    """A tokenizer of single bytes, with an end token behind them."""

    eos_ids = frozenset({END})

    def vocab_bytes(self) -> list[bytes]:
        return [bytes((byte,)) for byte in range(256)] + [b""]

    def encode(self, text: str) -> list[int]:
        return list(text.encode())


@dataclass(slots=True)
class Tally:
    """What became of some schemas."""

    schemas: Counter[str] = field(default_factory=Counter)
    texts: Counter[str] = field(default_factory=Counter)
    instances: Counter[str] = field(default_factory=Counter)
    why: Counter[str] = field(default_factory=Counter)
    slow: list[tuple[float, str]] = field(default_factory=list)

    def tell(self, line: str) -> None:
        """Say at once what is wrong."""
        click.echo(line)


# --- the judge -------------------------------------------------------------------------------------------


def judges_of(schema: Any) -> tuple[Any, Any]:
    """jsonschema's validators without and with formats; patterns are ECMA's in Python's words."""
    import jsonschema
    import referencing
    from referencing.jsonschema import DRAFT7

    checker = jsonschema.FormatChecker(())
    for name, text in FORMATS.items():
        checker.checks(name)(lambda x, text=text: not isinstance(x, str) or bool(re.fullmatch(text, x, re.ASCII)))
    made = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    whole = _in_python(schema)
    inside = [each for each in whole.get("$defs", {}).values() if isinstance(each, dict) and "$id" in each]
    resources = [(each["$id"], referencing.Resource.from_contents(each, DRAFT7)) for each in inside]
    registry = referencing.Registry().with_resources(resources)
    return made(whole, registry=registry), made(whole, registry=registry, format_checker=checker)


def _in_python(schema: Any) -> Any:
    """A schema with its patterns in Python's syntax, where they can be."""
    if isinstance(schema, list):
        return list(map(_in_python, schema))
    if not isinstance(schema, dict):
        return schema
    found = {key: _in_python(value) for key, value in schema.items()}
    if isinstance(found.get("pattern"), str):
        found["pattern"] = f"(?a:{in_python(found['pattern'])})"
    if isinstance(named := found.get("patternProperties"), dict):
        found["patternProperties"] = {f"(?a:{in_python(key)})": value for key, value in named.items()}
    return found


# --- texts -----------------------------------------------------------------------------------------------


def drawn(start: Matcher, rng: random.Random) -> str | None:
    """A text: bytes at random, then whatever ends it soonest by the look of it; None where it does not end."""
    at, text, steps = start.fork(), bytearray(), rng.randrange(STEPS)
    while len(text) < MAX_BYTES:
        if at.can_stop() and (len(text) >= steps or rng.random() < 0.02):
            return text.decode()
        allowed = allowed_bytes(at)
        closing = [byte for byte in CLOSING if byte in allowed] if len(text) >= steps else []
        if not allowed:
            return text.decode() if at.can_stop() else None
        byte = closing[0] if closing else rng.choice(sorted(allowed))
        at.accept(byte)
        text.append(byte)
    return None


def allowed_bytes(at: Matcher) -> set[int]:
    """The bytes that may come next."""
    mask = at.mask()
    return set(range(256)) if mask is None else {b for b in range(256) if int(mask[b // 32]) >> (b % 32) & 1}


def accepts(start: Matcher, text: str) -> bool:
    at = start.fork()
    return all(map(at.accept, text.encode())) and at.can_stop()


def written(value: Any, shape: Shape | None) -> str:
    """A value with its properties in the order of the schema's universe."""
    at_home = shape or Shape()
    match value:
        case list():
            first = len(at_home.items)
            places = [at_home.items[at] if at < first else at_home.rest for at in range(len(value))]
            return "[" + ",".join(map(written, value, places)) + "]"
        case dict():
            names = list(at_home.names)
            order = sorted(value, key=lambda name: names.index(name) if name in names else len(names))
            places = [at_home.names.get(name, at_home.others) for name in order]
            members = (json.dumps(n, ensure_ascii=False) + ":" + written(value[n], p) for n, p in zip(order, places))
            return "{" + ",".join(members) + "}"
        case str():
            return json.dumps(value, ensure_ascii=False)
        case _:
            return canonical(value)


# --- one schema ------------------------------------------------------------------------------------------


@cache
def _siblings(folder: Path) -> dict[str, Any]:
    return {each.name: json.loads(each.read_text(encoding="utf-8")) for each in sorted(folder.glob("*.json"))}


def parsed_of(schema: Any, file: Path) -> JsonSchema:
    """A schema, with the files beside it where it refers to those."""
    parsed = parse_schema(schema)
    if re.search(r'"\$ref":"[^#]', parsed.text):
        try:
            return parse_schema(schema, documents=_siblings(file.parent))
        except ConstraintError:
            pass  # it refers to others: then it is refused for that
    return parsed


def look_at(file: Path, masks: ConstraintMasks, tally: Tally, num_texts: int, num_instances: int) -> None:
    schema = json.loads(file.read_text(encoding="utf-8"))
    begin = time.process_time()
    try:
        parsed = parsed_of(schema, file)
        lowered, _ = limited(lambda: (texts_of(parsed), masks.make(parsed)))
    except TooSlow:
        tally.schemas["too slow"] += 1
        tally.slow.append((99.0, file.name))
        tally.tell(f"too slow {file.name}")
        return
    except ConstraintError as error:
        tally.schemas["refused"] += 1
        tally.tell(f"refused {file.name} {error.message[:200]}")
        tally.why[re.sub(r"`#[^`]*`", "`#...`", error.message)[:150]] += 1
        if (took := time.process_time() - begin) > SLOW_S:
            tally.slow.append((took, file.name))
            tally.tell(f"slow {took:.1f} {file.name}")
        return
    took = time.process_time() - begin
    tally.schemas["followed"] += 1
    if took > SLOW_S:
        tally.slow.append((took, file.name))
    loose, strict = judges_of(json.loads(parsed.text))

    def start() -> Matcher:
        return masks.make(parsed)  # an automaton that many texts have walked is made anew

    rng = random.Random(file.name)
    try:
        limited(lambda: judge_texts(file, lowered, start, loose, strict, tally, rng, num_texts))
        limited(lambda: judge_instances(file, parsed, lowered, start, loose, strict, tally, rng, num_instances))
    except TooSlow:
        tally.texts["not drawn in time"] += 1
        tally.slow.append((88.0, file.name))
    except ConstraintError as error:
        tally.texts["cut short"] += 1
        tally.tell(f"cut short {file.name} {error.message[:200]}")


def judge_texts(
    file: Path,
    lowered: Lowered,
    start: Callable[[], Matcher],
    loose: Any,
    strict: Any,
    tally: Tally,
    rng: random.Random,
    count: int,
) -> None:
    for _ in range(count):
        text = drawn(start(), rng)
        if text is None:
            tally.texts["endless"] += 1
        elif lowered.broken_by(text) is not None:
            tally.texts["turned down"] += 1
        elif (error := next(loose.iter_errors(read_json(text)), None)) is None or strict.is_valid(read_json(text)):
            tally.texts["valid"] += 1
        else:
            tally.texts["FALSE ACCEPT"] += 1
            tally.tell(f"false accept {file.name} {error.json_path} {error.message[:150]}: {text[:150]}")


def judge_instances(
    file: Path, parsed: Any, lowered: Lowered, start: Callable[[], Matcher], loose: Any, strict: Any, tally: Tally,
    rng: random.Random, count: int,
) -> None:  # fmt: skip
    makers = Instances(parsed, rng)
    for at in range(count):
        value = makers.near()
        value = makers.missing(value) if at % 2 else value
        is_valid = (loose.is_valid(value), strict.is_valid(value))
        text = written(value, lowered.shape)
        is_accepted = accepts(start(), text) and lowered.broken_by(text) is None
        if is_valid[0] != is_valid[1]:
            tally.instances["format alone"] += 1
        elif is_accepted == is_valid[0]:
            tally.instances["valid" if is_accepted else "invalid"] += 1
        elif is_accepted:
            tally.instances["FALSE ACCEPT"] += 1
            error = next(loose.iter_errors(value))
            tally.tell(f"false accept {file.name} {error.json_path} {error.message[:150]}: {text[:150]}")
        else:
            relaxed = {each.keyword for each in lowered.findings if each.verdict == "relaxed"}
            tally.instances["false reject"] += 1
            tally.tell(f"false reject {file.name} {sorted(relaxed)} after {reached(start(), text)!r}: {text[:200]}")


def reached(start: Matcher, text: str) -> str:
    """The end of what was accepted of a text."""
    at, good = start.fork(), 0
    for byte in text.encode():
        if not at.accept(byte):
            break
        good += 1
    return text.encode()[max(0, good - 40) : good].decode(errors="replace")


@click.command(help=__doc__)
@click.argument("folders", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--count", default=500, show_default=True)
@click.option("--texts", default=10, show_default=True)
@click.option("--instances", default=40, show_default=True)
@click.option("--seed", default=1, show_default=True)
def main(folders: tuple[Path, ...], count: int, texts: int, instances: int, seed: int) -> None:
    files = [file for folder in folders for file in (sorted(folder.rglob("*.json")) if folder.is_dir() else [folder])]
    random.Random(seed).shuffle(files)
    tally = Tally()
    masks = ConstraintMasks(Bytes(), 257)
    for file in files[:count]:
        look_at(file, masks, tally, texts, instances)
    for name in ("schemas", "texts", "instances"):
        click.echo(f"{name}: " + ", ".join(f"{kind} {times}" for kind, times in getattr(tally, name).most_common()))
    for reason, times in tally.why.most_common(40):
        click.echo(f"{times:5}  {reason}")
    for took, name in sorted(tally.slow, reverse=True):
        click.echo(f"slow {took:.1f} s {name}")


if __name__ == "__main__":
    main()
