"""Whether every rule of a grammar can come to an end: xgrammar compiles `root ::= "a" root` and never stops.

Reads the normal form in which xgrammar prints a grammar; whatever it does not know in there is taken to end.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_TOKEN = re.compile(
    r"""
      (?P<space>     \s+ )
    | (?P<text>      "(?:[^"\\]|\\.)*" | \[(?:[^\]\\]|\\.)*\] )
    | (?P<repeat>    \{\s*(?P<low>\d+)[^}]*\} | [*+?] )
    | (?P<lookahead> \(= )
    | (?P<open>      \( )
    | (?P<close>     \) )
    | (?P<or>        \| )
    | (?P<macro>     [A-Z]\w*\( )
    | (?P<name>      [\w.-]+ )
    | (?P<other>     . )
    """,
    re.VERBOSE | re.DOTALL,
)
_RULE = re.compile(r"^([\w.-]+) ::= (.*)$", re.MULTILINE)
Token = tuple[str, str]
Ends = Callable[[str], bool]


def endless_rule(grammar: str) -> str | None:
    """A rule that the root leads to and that has no end; None where there is none."""
    rules = {name: _tokens(body) for name, body in _RULE.findall(grammar)}
    ending: set[str] = set()
    while True:
        more = {name for name, body in rules.items() if name not in ending and _ends(body, ending, rules)}
        if not more:
            break
        ending |= more
    endless = [name for name in _reached(rules) if name not in ending]
    return endless[-1] if endless else None  # what is reached last is nearest to the cause


def _tokens(body: str) -> list[Token]:
    found = [(str(m.lastgroup), m[0]) for m in _TOKEN.finditer(body)]
    return [("repeat", text) if kind == "low" else (kind, text) for kind, text in found if kind != "space"]


def _ends(body: list[Token], ending: set[str], rules: dict[str, list[Token]]) -> bool:
    ends, _ = _choice(body, 0, lambda name: name in ending or name not in rules)
    return ends


def _choice(tokens: list[Token], at: int, ends: Ends) -> tuple[bool, int]:
    """Whether one of the alternatives from here on ends, and where they stop: at a bracket or after all."""
    any_ends, this_ends = False, True
    while at < len(tokens) and tokens[at][0] != "close":
        if tokens[at][0] == "or":
            any_ends, this_ends = any_ends or this_ends, True
            at += 1
            continue
        one, at = _item(tokens, at, ends)
        if at < len(tokens) and tokens[at][0] == "repeat":
            one = one or _may_be_none(tokens[at][1])
            at += 1
        this_ends = this_ends and one
    return any_ends or this_ends, at


def _item(tokens: list[Token], at: int, ends: Ends) -> tuple[bool, int]:
    kind, text = tokens[at]
    if kind == "open":
        inner, close = _choice(tokens, at + 1, ends)
        return inner, close + 1
    if kind in ("lookahead", "macro"):
        return True, _after_bracket(tokens, at + 1)
    return kind != "name" or ends(text), at + 1


def _after_bracket(tokens: list[Token], at: int) -> int:
    depth = 1
    while at < len(tokens) and depth:
        kind = tokens[at][0]
        depth += (kind in ("open", "lookahead", "macro")) - (kind == "close")
        at += 1
    return at


def _may_be_none(repeat: str) -> bool:
    return repeat in "*?" or repeat[1:].lstrip().startswith("0")


def _reached(rules: dict[str, list[Token]]) -> list[str]:
    """The rules that the root leads to, the root first."""
    order = ["root"] if "root" in rules else []
    for name in order:
        order += dict.fromkeys(t for kind, t in rules[name] if kind == "name" and t in rules and t not in order)
    return order
