"""A regex tree as the text of a pattern: what `parser.regex` reads back as the same language."""

from __future__ import annotations

import re

from lmc.errors import ConstraintError
from lmc.ir.regex import Alt, And, Atomic, Chars, Look, Multiples, Not, RegexTree, Repeat, Seq, Whole

# an error in Python's syntax: a pattern with `&` and `~` begins with it
OPERATORS_MARK = "(?&)"


def pattern_of(tree: RegexTree) -> str:
    """The pattern; one with intersections or complements begins with the mark that turns their operators on.

    Raises ConstraintError where it would be very long.
    """
    text = _text(tree)
    return OPERATORS_MARK + text if _has_operators(tree) else text


def _has_operators(tree: RegexTree) -> bool:
    match tree:
        case And() | Not():
            return True
        case Seq(parts) | Alt(parts):
            return any(map(_has_operators, parts))
        case Repeat(item) | Look(item) | Atomic(item) | Whole(item):
            return _has_operators(item)
    return False


def _text(tree: RegexTree) -> str:
    match tree:
        case Chars(ranges):
            return _chars(ranges)
        case Seq(items):
            return "".join(_inner(each, Alt, And) for each in items)
        case Alt(options):
            return "|".join(map(_text, options)) if len(options) > 1 else _text(options[0])
        case Repeat(item, low, high, lazy):
            return _inner(item, Alt, And, Seq, Repeat, Not) + _times(low, high) + ("?" if lazy else "")
        case And(parts):
            return "&".join(_inner(each, Alt) for each in parts)
        case Not(item):
            return f"~({_text(item)})"
        case Look(body, behind, negated):
            return f"(?{'<' if behind else ''}{'!' if negated else '='}{_text(body)})"
        case Atomic(item):
            return f"(?>{_text(item)})"
        case Whole(item):
            return f"(?:{_text(item)})"
        case Multiples(unit, places):
            step = f"{unit} / 10**{places}" if places else f"{unit:,}"
            raise ConstraintError(f"multiples of {step} have no regex that is short")
    raise AssertionError(f"no regex node {tree!r}")


def _inner(tree: RegexTree, *grouped: type) -> str:
    return f"(?:{_text(tree)})" if isinstance(tree, grouped) else _text(tree)


def _times(low: int, high: int | None) -> str:
    short = {(0, None): "*", (1, None): "+", (0, 1): "?"}.get((low, high))
    if short is not None:
        return short
    return f"{{{low}}}" if low == high else f"{{{low},{'' if high is None else high}}}"


def _chars(ranges: tuple[tuple[int, int], ...]) -> str:
    if not ranges:
        return r"(?!)"
    if len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
        return re.escape(chr(ranges[0][0])) if ranges[0][0] not in (0x26, 0x7E) else f"\\{chr(ranges[0][0])}"
    return (
        "[" + "".join(_member(low) if low == high else f"{_member(low)}-{_member(high)}" for low, high in ranges) + "]"
    )


def _member(code: int) -> str:
    char = chr(code)
    if char in "\\]^-[&~|":
        return f"\\{char}"
    if char.isprintable():
        return char
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
