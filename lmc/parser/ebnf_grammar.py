"""An EBNF grammar (xgrammar's dialect) as rules, with what xgrammar would refuse refused at its place.

xgrammar itself compiles the text. What this module does not know of the dialect, macros and options of a rule, is no
error: such a grammar has no rules here.
"""

from __future__ import annotations

import re
from typing import NoReturn

from lmc.ir.automaton.algebra import literal
from lmc.ir.grammar import GrammarPart, GrammarRule, GrammarRules, InRow, LeafPart, OneOf, Place, RuleCall, Times
from lmc.ir.ranges import complement, union
from lmc.ir.regex import Chars
from lmc.parser.refused_grammar import GrammarRefused

_TOKEN = re.compile(
    r"""
      (?P<space>    (?: \s | \#[^\n]* )+ )
    | (?P<string>   "(?:[^"\\\n]|\\.)*" )
    | (?P<set>      \[(?:[^\]\\]|\\.)*\] )
    | (?P<look>     \(= )
    | (?P<macro>    [A-Za-z_][\w.-]*\( )
    | (?P<is>       ::= )
    | (?P<name>     [A-Za-z_.-][\w.-]* )
    | (?P<bounds>   \{[^}]*\} )
    | (?P<many>     [*+?] )
    | (?P<mark>     [()|] )
    | (?P<other>    . )
    """,
    re.VERBOSE | re.DOTALL,
)
_BOUNDS = re.compile(r"\{\s*(\d+)\s*(?:(,)\s*(\d*)\s*)?\}")
_ESCAPES = {"n": 10, "t": 9, "r": 13, "f": 12, "v": 11, "a": 7, "b": 8, "e": 27}
_IN_STRING, _IN_SET = "\"'/?\\", "\"$'()*+-./?[\\]^{|}0"
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]+)|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))|(.)", re.DOTALL)
MAX_DEPTH = 200
Token = tuple[str, str, int]


class Unknown(Exception):
    """A part of the dialect that has no rules here."""


def read_ebnf(text: str) -> GrammarRules | None:
    """The rules of a grammar; None where it uses what is not known here. Raises GrammarRefused."""
    try:
        return _Reader(text).read()
    except Unknown:
        return None


class _Reader:
    """One grammar being read."""

    def __init__(self, text: str) -> None:
        self._text = text
        found = [(str(m.lastgroup), m[0], m.start()) for m in _TOKEN.finditer(text)]
        self._tokens: list[Token] = [token for token in found if token[0] != "space"]
        self._tokens.append(("end", "", len(text.rstrip())))
        self._at = self._depth = 0

    def read(self) -> GrammarRules:
        rules: dict[str, GrammarRule] = {}
        while self._kind != "end":
            if self._kind != "name":
                self._refuse(f"{self._shown} cannot stand where a rule begins", help="a rule is `name ::= ...`")
            name = self._next()
            if self._kind == "set":
                raise Unknown  # options of the rule
            if self._kind != "is":
                self._refuse(f"`::=` is missing behind `{name[1]}`")
            if name[1] in rules:
                self._refuse(f"the rule `{name[1]}` is defined more than once", self._place(name))
            self._next()
            rules[name[1]] = GrammarRule(name[1], self._either(), self._place(name))
        return GrammarRules("root", tuple(rules.values()))

    def _either(self) -> GrammarPart:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Unknown
        options = [self._row()]
        while self._tokens[self._at][1] == "|" and self._kind == "mark":
            self._next()
            options.append(self._row())
        self._depth -= 1
        return options[0] if len(options) == 1 else OneOf(tuple(options))

    def _row(self) -> GrammarPart:
        parts: list[GrammarPart] = []
        while not self._is_over():
            if self._kind == "look":
                self._look(bool(parts))
                break
            parts.append(self._times(self._one()))
        if not parts:
            self._refuse(f"a part is missing before {self._shown}", help='the empty text is `""`')
        return parts[0] if len(parts) == 1 else InRow(tuple(parts))

    def _is_over(self) -> bool:
        kind, text, _ = self._tokens[self._at]
        is_rule = kind == "name" and self._tokens[self._at + 1][0] in ("is", "set") and self._begins_rule()
        return kind == "end" or (kind == "mark" and text in "|)") or is_rule

    def _begins_rule(self) -> bool:
        after = [kind for kind, _, _ in self._tokens[self._at + 1 : self._at + 3]]
        return after[:1] == ["is"] or after == ["set", "is"]

    def _look(self, is_last: bool) -> None:
        """What comes behind the rule; it is a hint to xgrammar, and asks nothing."""
        if not is_last:
            self._refuse("a lookahead `(= ...)` stands at the end of a rule only")
        self._next()
        self._either()
        self._close()
        if not self._is_over() or self._tokens[self._at][1] in ("|", ")"):
            self._refuse("a lookahead `(= ...)` stands at the end of a rule only")

    def _one(self) -> GrammarPart:
        kind, text, _ = token = self._tokens[self._at]
        match kind:
            case "string":
                self._next()
                codes = self._codes(text[1:-1], token, _IN_STRING)
                return LeafPart(literal("".join(chr(code) for code, _ in codes)), text, self._place(token))
            case "set":
                self._next()
                return self._set(token)
            case "name":
                self._next()
                return RuleCall(text, self._place(token))
            case "macro":
                raise Unknown
            case "mark" if text == "(":
                self._next()
                if self._tokens[self._at][:2] == ("mark", ")"):
                    self._next()
                    return InRow(())
                inner = self._either()
                self._close()
                return inner
        self._refuse(f"{self._shown} cannot stand here")

    def _close(self) -> None:
        if self._tokens[self._at][:2] != ("mark", ")"):
            self._refuse(f"`)` is missing before {self._shown}")
        self._next()

    def _times(self, part: GrammarPart) -> GrammarPart:
        kind, text, _ = self._tokens[self._at]
        if kind == "many":
            self._next()
            return Times(part, int(text == "+"), 1 if text == "?" else None)
        if kind != "bounds":
            return part
        bounds = _BOUNDS.fullmatch(text)
        if bounds is None:
            self._refuse(f"`{text}` is no number of times", help="write `{2}`, `{2,5}` or `{2,}`")
        least, comma, high = int(bounds[1]), bounds[2], bounds[3]
        most = int(high) if high else None if comma else least
        if most is not None and most < least:
            self._refuse(f"`{text}` has a greatest number below its least")
        self._next()
        return Times(part, least, most)

    def _set(self, token: Token) -> LeafPart:
        text = token[1]
        is_negative = text.startswith("[^")
        codes = self._codes(text[2 if is_negative else 1 : -1], token, _IN_SET)
        ranges, at = [], 0
        while at < len(codes):
            low = codes[at][0]
            if at + 2 < len(codes) and codes[at + 1] == (0x2D, False):
                high = codes[at + 2][0]
                if high < low:
                    self._refuse(f"`{text}` has a range that ends before it begins", self._place(token))
                ranges.append((low, high))
                at += 3
            else:
                ranges.append((low, low))
                at += 1
        found = union(ranges)
        return LeafPart(Chars(complement(found) if is_negative else found), text, self._place(token))

    def _codes(self, body: str, token: Token, escapable: str) -> list[tuple[int, bool]]:
        """The characters, and whether each was escaped."""
        found = []
        for match in _ESCAPE.finditer(body):
            *digits, escaped, plain = match.groups()
            number = next((each for each in digits if each), None)
            if number is not None and int(number, 16) <= 0x10FFFF:
                found.append((int(number, 16), True))
            elif plain is not None:
                found.append((ord(plain), False))
            elif escaped is not None and (escaped in _ESCAPES or escaped in escapable):
                found.append((0 if escaped == "0" else _ESCAPES.get(escaped, ord(escaped)), True))
            else:
                self._escape(match[0], token, match.start())
        return found

    def _escape(self, text: str, token: Token, at: int) -> NoReturn:
        help = ""
        if text in (r"\d", r"\w", r"\s", r"\D", r"\W", r"\S"):
            help = "write the characters out, as in `[0-9]`; in a Lark grammar a regex may have it"
        elif text == r"\0":
            help = r"a character set may have it: `[\0]`"
        self._refuse(f"the escape `{text}` is not known here", self._place_at(token[2] + 1 + at), help)

    # --- tokens -----------------------------------------------------------------------------------------------

    @property
    def _kind(self) -> str:
        return self._tokens[self._at][0]

    @property
    def _shown(self) -> str:
        kind, text, _ = self._tokens[self._at]
        return "the end of the grammar" if kind == "end" else f"`{text}`"

    def _next(self) -> Token:
        token = self._tokens[self._at]
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def _place(self, token: Token | None = None) -> Place:
        return self._place_at((token or self._tokens[self._at])[2])

    def _place_at(self, at: int) -> Place:
        return self._text.count("\n", 0, at) + 1, at - self._text.rfind("\n", 0, at)

    def _refuse(self, problem: str, place: Place | None = None, help: str = "") -> NoReturn:
        raise GrammarRefused(problem, place or self._place(), help)
