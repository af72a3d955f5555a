"""Patterns of a JSON schema, which are ECMA 262's, as trees: rewritten into Python's syntax first, where both differ.

`\\d`, `\\w` and `\\b` know ASCII alone, `\\s` every space that ECMA lists, `\\p{L}` a property of Unicode, `.` stops at
its line ends, `$` is the end of the text alone, a `-` behind `\\w` in a class is itself. A pattern may match anywhere,
so its anchors stay looks; whoever searches reads them.
"""

from __future__ import annotations

import re
from typing import Any

from lmc.errors import ConstraintError
from lmc.giving_way import give_way
from lmc.ir.ranges import complement
from lmc.ir.regex import Alt, And, Atomic, Look, Not, RegexTree, Repeat, Seq
from lmc.parser.regex.charset import CATEGORIES, property_ranges
from lmc.parser.regex.parse import parse_regex
from lmc.parser.regex.tokens import tokens_of

# what ECMA's \s holds, and the rest, as ranges in a class
SPACES = r"\t-\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
OTHERS = (
    r"\0-\x08\x0e-\x1f!-\u009f\u00a1-\u167f\u1681-\u1fff\u200b-\u2027\u202a-\u202e\u2030-\u205e\u2060-\u2fff"
    r"\u3001-\ufefe\uff00-\U0010ffff"
)
_PIECE = re.compile(
    r"""
      (?P<control> \\c[A-Za-z] )
    | (?P<code>    \\u\{[0-9a-fA-F]+\} )
    | (?P<pair>    \\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2} )
    | (?P<property> \\[pP]\{[A-Za-z0-9_]+(?:=[A-Za-z0-9_]+)?\} )
    | (?P<escape>  \\. )
    | (?P<named>   \(\?<(?![=!]) [^>]*> )
    | (?P<open>    \[\^? )
    | (?P<close>   \] )
    | (?P<end>     \$ )
    | (?P<dot>     \. )
    | (?P<other>   [^\\\[\]$.(]+ | \( )
    """,
    re.VERBOSE | re.DOTALL,
)
_PLACE = re.compile(r" at position \d+$")
_LITERAL_BRACES = re.compile(r"\{,\d*\}")
_FOREIGN = {"a", "p", "P", "N", "G", "h", "R", "K", "Q", "E"}
_OPAQUE = r"[\0\2]"  # what a pattern stands between while it is read, so that its anchors stay looks
_ANY = r"[\0-\U0010ffff]"

_DAYS = r"(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)|02-(?:0[1-9]|1\d|2[0-8])"
_LEAP = r"(?:\d\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29"
_WIDE_DATE = rf"(?:\d{{4}}-(?:{_DAYS})|{_LEAP})"
_DATE = rf"(?!0000){_WIDE_DATE}"  # many readers know no year 0
_TIME = r"(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)"
_WIDE_TIME = r"(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?"
_BYTE = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_HEX = r"[0-9a-fA-F]{1,4}"
_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,30}"
_PORT = r"(?:[0-5]?\d{1,4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5])"
_PCHAR = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})"
_SHORTENED = (rf"(?:{_HEX}:){{{n}}}(?::{_HEX}){{1,{7 - n}}}|(?:{_HEX}:){{{n}}}:" for n in range(1, 7))

# each holds nothing that its RFC does not; e-mail addresses, names and addresses of hosts are the usual ones
FORMATS = {
    "date": _DATE,
    "time": _TIME,
    "date-time": f"{_DATE}T{_TIME}",
    "duration": r"P(?:\d+W|(?=\d|T\d)(?:\d+Y(?:\d+M(?:\d+D)?)?|\d+M(?:\d+D)?|\d+D)?"
    r"(?:T(?:\d+H(?:\d+M(?:\d+S)?)?|\d+M(?:\d+S)?|\d+S))?)",
    "uuid": r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
    "email": rf"{_ATEXT}(?:\.{_ATEXT})?@(?:{_LABEL}\.){{1,3}}[A-Za-z]{{2,24}}",
    "hostname": rf"{_LABEL}(?:\.{_LABEL}){{0,4}}",
    "ipv4": rf"(?:{_BYTE}\.){{3}}{_BYTE}",
    "ipv6": "|".join((rf"(?:{_HEX}:){{7}}{_HEX}", rf"::(?:{_HEX}(?::{_HEX}){{0,6}})?", *_SHORTENED)),
    "uri": rf"[A-Za-z][A-Za-z0-9+.-]*://[A-Za-z0-9._~-]+(?::{_PORT})?(?:/{_PCHAR}*)*"
    rf"(?:\?(?:{_PCHAR}|[/?])*)?(?:\#(?:{_PCHAR}|[/?])*)?",
}

# of formats whose borders are not sharp, or held more narrowly above: nothing outside of these has the format
WIDE_FORMATS = {
    "date": _WIDE_DATE,
    "time": _WIDE_TIME,
    "date-time": rf"{_WIDE_DATE}[Tt]{_WIDE_TIME}",
    "email": rf"{_ANY}*@{_ANY}*",
    "hostname": r"[A-Za-z0-9._-]*",
    "ipv6": r"[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*",
    "uri": r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]*",
}


def patterns_of(schema: Any) -> dict[str, RegexTree | str]:
    """The tree of every pattern and format anywhere in a schema, or why it has none."""
    found: dict[str, RegexTree | str] = {}
    pending = [schema]
    while pending:
        value = pending.pop()
        if isinstance(value, list):
            pending += value
        elif isinstance(value, dict):
            pending += value.values()
            _collect(value, found)
    return found


def _collect(schema: dict[str, Any], found: dict[str, RegexTree | str]) -> None:
    if isinstance(pattern := schema.get("pattern"), str):
        found[pattern] = pattern_tree(pattern)
    if isinstance(name := schema.get("format"), str) and name in FORMATS:
        found[f"format:{name}"] = parse_regex(FORMATS[name], ascii=True).tree
        if name in WIDE_FORMATS:
            found[f"wide:{name}"] = parse_regex(WIDE_FORMATS[name], ascii=True).tree
    if isinstance(named := schema.get("patternProperties"), dict):
        found.update((each, pattern_tree(each)) for each in named)


def pattern_tree(pattern: str) -> RegexTree | str:
    """What a pattern matches, where it is found in a text; or why lmc cannot read it."""
    give_way()
    try:
        python = in_python(pattern)
        tree = parse_regex(f"{_OPAQUE}(?:{python}){_OPAQUE}", ascii=True).tree
        if _closes_more_than_it_opens(python):
            parse_regex(python, ascii=True)  # it would close the group around it: refused by itself
    except ConstraintError as error:
        return _PLACE.sub("", error.message)  # a place in the rewritten text means nothing to its author
    assert isinstance(tree, Seq)
    if _is_atomic(tree):
        return "ECMA 262 has no possessive or atomic parts"
    return Seq(tree.items[1:-1])


def _closes_more_than_it_opens(pattern: str) -> bool:
    """Whether a group is closed that the pattern did not open."""
    depth = 0
    for token in tokens_of(pattern):
        depth += (token.kind == "OPEN") - (token.kind == "CLOSE")
        if depth < 0:
            return True
    return False


def _is_atomic(tree: RegexTree) -> bool:
    match tree:
        case Atomic():
            return True
        case Seq(parts) | Alt(parts) | And(parts):
            return any(map(_is_atomic, parts))
        case Repeat(item) | Not(item) | Look(item):
            return _is_atomic(item)
        case _:
            return False


def in_python(pattern: str) -> str:
    """The pattern in Python's syntax. Raises ConstraintError for what ECMA 262 does not have."""
    out, at, in_class, is_after_set = [], 0, False, False
    while at < len(pattern):
        match = _PIECE.match(pattern, at)
        if match is None:
            raise ConstraintError(f"`{pattern[at]}` at position {at} is out of place")
        kind, text = str(match.lastgroup), match[0]
        if in_class and is_after_set and text[0] == "-":
            out.append("\\")
        is_after_set = kind == "property" or (kind == "escape" and text[1] in CATEGORIES)
        if in_class and kind in ("open", "end", "dot", "named"):
            text, match_end = pattern[at], at + 1
            out.append("\\" + text if text == "[" else text)
        else:
            match_end = match.end()
            out.append(_rewritten(kind, text, in_class, pattern[match_end : match_end + 1]))
            in_class = kind == "open" or (in_class and kind != "close")
        at = match_end
    return "".join(out)


def _rewritten(kind: str, text: str, in_class: bool, following: str) -> str:
    match kind:
        case "control":
            return f"\\x{ord(text[2]) % 32:02x}"
        case "code":
            return f"\\U{int(text[3:-1], 16):08x}"
        case "pair":
            return re.escape(bytes.fromhex(text[2:6] + text[8:]).decode("utf-16-be"))
        case "property":
            return _property(text, in_class)
        case "escape":
            return _escape(text[1], in_class)
        case "named":
            return "(?:"
        case "end":
            return r"\Z"
        case "dot":
            return r"[^\n\r\u2028\u2029]"
        case "open" if following == "]":
            raise ConstraintError(f"the class `{text}]` means another thing in ECMA 262 than elsewhere")
        case "close" if not in_class:
            return r"\]"
        case "other" if not in_class and _LITERAL_BRACES.search(text):
            raise ConstraintError("a repeat without a least number is text in ECMA 262")
        case _:
            return text


def _property(text: str, in_class: bool) -> str:
    ranges = property_ranges(text[3:-1])
    if ranges is None:
        raise ConstraintError(f"Unicode has no property `{text}`")
    body = "".join(f"\\U{low:08x}-\\U{high:08x}" for low, high in (complement(ranges) if text[1] == "P" else ranges))
    return body if in_class else f"[{body}]"


def _escape(letter: str, in_class: bool) -> str:
    if letter == "s":
        return SPACES if in_class else f"[{SPACES}]"
    if letter == "S":
        return OTHERS if in_class else f"[{OTHERS}]"
    if letter in "AZz":
        raise ConstraintError(f"`\\{letter}` is not an anchor in ECMA 262: write `{'^' if letter == 'A' else '$'}`")
    if letter in _FOREIGN:
        raise ConstraintError(f"`\\{letter}` is not supported")
    return "\\" + letter if letter.isascii() else letter
