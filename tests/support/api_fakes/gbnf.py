"""llama.cpp's grammars as regular expressions. Raises CannotFill where a rule calls itself."""

from __future__ import annotations

import re

from .fill import CannotFill

_RULE = re.compile(r"^\s*([A-Za-z0-9_-]+)\s*::=", re.MULTILINE)
_PART = re.compile(
    r"""(?P<text>"(?:[^"\\]|\\.)*")|(?P<set>\[(?:[^\]\\]|\\.)*\])|(?P<repeat>[*+?]|\{\d+(?:,\d*)?\})"""
    r"""|(?P<mark>[()|])|(?P<dot>\.)|(?P<name>[A-Za-z0-9_-]+)|(?P<space>\s+|\#[^\n]*)"""
)


def as_pattern(grammar: str) -> str:
    """The pattern of the rule `root`."""
    starts = [(found.start(), found.end(), found[1]) for found in _RULE.finditer(grammar)]
    ends = [*(start for start, _, _ in starts[1:]), len(grammar)]
    rules = {name: grammar[begin:end] for (_, begin, name), end in zip(starts, ends, strict=True)}
    if "root" not in rules:
        raise CannotFill("the grammar has no rule root, and")
    return _rule("root", rules, ())


def _rule(name: str, rules: dict[str, str], within: tuple[str, ...]) -> str:
    if name not in rules or name in within:
        raise CannotFill(f"the rule {name!r}, unknown or within itself,")
    body, at, pattern = rules[name], 0, ""
    while at < len(body):
        found = _PART.match(body, at)
        if found is None:
            raise CannotFill(f"the grammar at {body[at : at + 20]!r}")
        pattern += _part(found, rules, (*within, name))
        at = found.end()
    return f"(?:{pattern})"


def _part(found: re.Match[str], rules: dict[str, str], within: tuple[str, ...]) -> str:
    kind, text = found.lastgroup, found[0]
    if kind == "text":
        return "(?:" + re.escape(_unescaped(text[1:-1])) + ")"
    if kind == "name":
        return _rule(text, rules, within)
    if kind == "mark":
        return "(?:" if text == "(" else text
    return "" if kind == "space" else text


def _unescaped(text: str) -> str:
    named = {"n": "\n", "r": "\r", "t": "\t"}

    def plain(found: re.Match[str]) -> str:
        return chr(int(found[1][1:], 16)) if len(found[1]) > 1 else named.get(found[1], found[1])

    return re.sub(r"\\(x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)", plain, text, flags=re.DOTALL)
