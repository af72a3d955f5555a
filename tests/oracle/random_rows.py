"""Random programs of generations with known text between them, as IR text: what fuse_constraints works on."""

from __future__ import annotations

import random

PATTERNS = (
    "[a-z]{1,4}", "[0-9]{1,3}", "[A-Z][a-z]{0,5}", "(yes|no)", "-?[0-9]+", "[a-z ]{3,9}", "x", "[^\"]{0,6}", "(ab)*c",
    "[é日]{1,2}", "\\\\w+",
)  # fmt: skip
LITERALS = (", ", "; age: ", '", "', "\n", " - ", "日本", "}", "a", "c", "0", " and then ")
CHOICES = ('["cat", "category", "dog"]', '["yes", "no"]', '["A", "B"]', '["only"]')


def random_row(rng: random.Random) -> str:
    """A program: a few generations, most with text behind them, now and then with somebody looking between."""
    lines = ["  %s0 = begin", '  %t0 = append %s0, "Q"']
    state = 0
    for number in range(rng.randint(2, 5)):
        kind, sampling = rng.random(), rng.choice(["temperature=0.0", f"temperature={rng.choice([0.5, 1.0])}"])
        after = rng.choice(LITERALS)
        what = f'constraint=regex("{rng.choice(PATTERNS)}"), '.replace('[^"]', '[^\\"]')
        stop = ""
        if kind < 0.2:
            what = f"constraint=choices({rng.choice(CHOICES)}), "
        elif kind < 0.4:
            what, stop = "", ", stop=[" + quoted(after[: rng.randint(1, len(after))]) + "]"
        tokens = rng.choice([2, 5, 9, 40])
        attrs = f'{what}max_tokens={tokens}, name="v{number}"{stop}, {sampling}'
        lines.append(f"  %s{state + 1}, %v{number} = gen %t{state} {{{attrs}}}")
        lines.append(f"  %t{state + 1} = append %s{state + 1}, {quoted(after)}")
        if rng.random() < 0.1:
            lines.append(f"  %n{number}:int = len %v{number}")
        state += 1
    return "program p() {\n" + "\n".join(lines) + f"\n  return %t{state}, %v0\n}}\n"


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
