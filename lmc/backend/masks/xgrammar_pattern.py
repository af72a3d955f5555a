"""A JSON schema's `pattern` for xgrammar: the same strings, written so that it must match the whole string.

Only a dialect that JSON Schema's (ECMA 262) and xgrammar's reading agree on is taken: characters, classes, groups,
`|`, repeats, and anchors at the ends. A character that JSON must escape is refused: xgrammar would print it bare.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

# what ECMA's \s has and xgrammar's has not; U+0085 is Python's
SPACES = r"\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"

_ATOM = re.compile(
    r"""
      (?P<repeat> [*+?]\?? | \{\d+(?:,\d*)?\}\?? )
    | (?P<class>  \[\^?(?: \\[dDwWsSnrtfv] | \\[^\w\s] | [^\]\[\\] )+\] )
    | (?P<open>   \(\?: | \((?!\?) )
    | (?P<close>  \) )
    | (?P<or>     \| )
    | (?P<anchor> [\^$] )
    | (?P<item>   \\[dDwWsS] | \\[^\w\s"\\] | \. | [^\\^$.|?*+()\[\]{}"\x00-\x1f] )
    """,
    re.VERBOSE,
)
Atom = tuple[str, str]  # kind, text


def full_match(pattern: str) -> str | None:
    """A pattern that matches a whole string exactly where `pattern` is found in it; None where that is not known."""
    atoms = _atoms(pattern)
    if atoms is None or not _well_formed(atoms):
        return None
    options = [_anchored(option) for option in _options(atoms)]
    return None if None in options else "^(?:" + "|".join(o for o in options if o is not None) + ")$"


def _atoms(pattern: str) -> list[Atom] | None:
    found, at = [], 0
    while at < len(pattern):
        match = _ATOM.match(pattern, at)
        if match is None:
            return None
        found.append((str(match.lastgroup), match[0]))
        at = match.end()
    return found


def _well_formed(atoms: list[Atom]) -> bool:
    """Whether groups close and each repeat follows something to repeat (`a++` means two things)."""
    depth = 0
    for (before, _), (kind, _) in zip([("start", ""), *atoms], atoms):
        depth += (kind == "open") - (kind == "close")
        if depth < 0 or (kind == "repeat" and before not in ("class", "item", "close")):
            return False
    return depth == 0


def _options(atoms: list[Atom]) -> Iterator[list[Atom]]:
    """The alternatives outside all groups."""
    option: list[Atom] = []
    depth = 0
    for kind, text in atoms:
        depth += (kind == "open") - (kind == "close")
        if kind == "or" and depth == 0:
            yield option
            option = []
        else:
            option.append((kind, text))
    yield option


def _anchored(option: list[Atom]) -> str | None:
    start = option[:1] == [("anchor", "^")]
    end = option[-1:] == [("anchor", "$")]
    body = option[start : len(option) - end]
    if any(kind == "anchor" for kind, _ in body):
        return None
    return ("" if start else ".*") + "".join(_spelt(*atom) for atom in body) + ("" if end else ".*")


def _spelt(kind: str, text: str) -> str:
    if text == r"\S":
        return rf"[^\s{SPACES}]"
    if kind == "class" and text.startswith("[^") and r"\s" in text:
        return f"[^{SPACES}{text[2:]}"
    return text
