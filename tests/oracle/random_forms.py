"""Random programs of generations and choices with text between them, as IR text: what fuse_constraints works on."""

from __future__ import annotations

import random

from lmc.ir.scoring import CHOICES_METHODS

PATTERNS = (
    "[a-z]{1,4}", "[0-9]{1,3}", "[A-Z][a-z]{0,5}", "(yes|no)", "-?[0-9]+", "[a-z ]{3,9}", "x", "[^\"]{0,6}", "(ab)*c",
    "[é日]{1,2}", "\\\\w+",
)  # fmt: skip
RECURSIVE = (
    '{"type":"array","items":{"$ref":"#"},"maxItems":2}',
    '{"anyOf":[{"type":"number"},{"type":"array","items":{"$ref":"#"},"minItems":1,"maxItems":2}]}',
    '{"type":"object","properties":{"v":{"enum":["a","é"]},"next":{"anyOf":[{"$ref":"#"},{"type":"null"}]}},'
    '"required":["v","next"],"additionalProperties":false}',
)
SCHEMAS = (
    '{"type":"integer"}', '{"enum":["a","ab",null]}', '{"type":"string","maxLength":3}', '{"type":"boolean"}',
    '{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"],"additionalProperties":false}',
    '{"type":"array","items":{"enum":[1,2]},"maxItems":3}',
)  # fmt: skip
LITERALS = (", ", "; age: ", '", "', "\n", " - ", "日本", "}", "a", "c", "0", " and then ")
CHOICES = ('["cat", "category", "dog"]', '["yes", "no"]', '["A", "B"]', '["only"]')
PUT = (' " of ", %who, ": "', " %who", ' %who, " "')  # what an append adds that only the running program knows


def random_program(rng: random.Random) -> str:
    """A program: a few calls, most with text behind them, now and then with somebody looking between."""
    lines = ["  %s0 = begin", '  %t0 = append %s0, "Q"']
    count = rng.randint(2, 5)
    for number in range(count):
        after = rng.choice(LITERALS)
        lines.append(f"  %s{number + 1}, %v{number} = {_call(rng, number, after)}")
        text = rng.choice(PUT) if rng.random() < 0.15 else " " + quoted(after)
        lines.append(f"  %t{number + 1} = append %s{number + 1},{text}")
        if rng.random() < 0.1:
            lines.append(f"  %n{number}:int = len %v{number}")
    return _program(lines, count)


def random_program_of_ends(rng: random.Random) -> str:
    """A program in which nothing but the generation itself says where it ends: its tokens are those unfused."""
    lines = ["  %s0 = begin", '  %t0 = append %s0, "The answer is "']
    count = rng.randint(2, 5)
    for number in range(count):
        if rng.random() < 0.5:
            call, put = _gen(rng, number, _constraint(rng)), rng.choice(PUT)
        else:
            call, put = _select(rng, number), f" {quoted(rng.choice(LITERALS))}"
        lines.append(f"  %s{number + 1}, %v{number} = {call}")
        lines.append(f"  %t{number + 1} = append %s{number + 1},{put}")
    return _program(lines, count)


def _program(lines: list[str], count: int) -> str:
    return "program p(%who: str) {\n" + "\n".join(lines) + f"\n  return %t{count}, %v0\n}}\n"


def _call(rng: random.Random, number: int, after: str) -> str:
    if rng.random() < 0.25:
        return _select(rng, number)
    if rng.random() < 0.2:
        return _gen(rng, number, "", ", stop=[" + quoted(after[: rng.randint(1, len(after))]) + "]")
    return _gen(rng, number, _constraint(rng))


def _constraint(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.25:
        return f"constraint=choices({rng.choice(CHOICES)}), "
    if kind < 0.55:
        schemas = RECURSIVE if rng.random() < 0.15 else SCHEMAS
        return f"constraint=json_schema({quoted(rng.choice(schemas))}), "
    return f'constraint=regex("{rng.choice(PATTERNS)}"), '.replace('[^"]', '[^\\"]')


def _gen(rng: random.Random, number: int, constraint: str, stop: str = "") -> str:
    tokens, sampling = rng.choice([2, 5, 9, 40]), rng.choice([0.0, 0.5, 1.0])
    return f'gen %t{number} {{{constraint}max_tokens={tokens}, name="v{number}"{stop}, temperature={sampling}}}'


def _select(rng: random.Random, number: int) -> str:
    method, drawn = rng.choice(CHOICES_METHODS), ""
    boundary = rng.choice(["", 'boundary="exact", ', 'boundary="naive", '])
    if method == "exact":
        drawn = rng.choice(["", ", temperature=1.0", ", seed=5, temperature=0.7"])
    attrs = f'{boundary}choices={rng.choice(CHOICES)}, method="{method}", name="v{number}"{drawn}'
    return f"select %t{number} {{{attrs}}}"


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
