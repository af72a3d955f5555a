"""What a statement `s += a + b` says, in sayings that may change places: operands, and sentences within a literal.

    f"It is {now}. Be brief.\\nQ: {q}"     ->     `It is {now}. `  `Be brief.\\n`  `Q: {q}`

A literal is cut at line ends and behind sentences, never elsewhere and never within a hole: what stands in one sentence
with a hole goes with it. Put together again in the same order they are the operands as they were written.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from lmc.cli.appended import Appended, Constants, SourceLines, constant_of

_OPENED = re.compile(r"""([fFuU]?)(\"\"\"|'''|"|')""")
_UNIT = re.compile(r"\\.|.", re.DOTALL)
_ENDS = ".!?"
_SAFE = (ast.Name, ast.Constant, ast.JoinedStr, ast.Call, ast.Attribute, ast.Subscript, ast.List, ast.Dict)


@dataclass(frozen=True, slots=True)
class SayingPart:
    """A piece of an operand: some text of a literal, a hole in it, or the whole operand.

    operand, number  which operand, and which piece of it
    text             as the source has it, without the quotes of a literal
    quote, prefix    those of the literal; "" where the operand is none, or has none
    constant         the text that it stands for, where every run has the same
    """

    operand: int
    number: int
    text: str
    quote: str
    constant: str | None
    prefix: str = ""
    is_call: bool = False

    @property
    def ends(self) -> bool:
        """Whether what follows may be said elsewhere."""
        return not self.quote or (self.constant is not None and _is_ended(self.constant))


Saying = tuple[SayingPart, ...]


def sayings(lines: SourceLines, here: Appended, constants: Constants) -> list[Saying]:
    """Those of a statement, in its order."""
    parts = [part for number, each in enumerate(here.operands) for part in _parts(lines, each, 100 * number, constants)]
    found: list[list[SayingPart]] = []
    for part in parts:
        if found and found[-1][-1].operand == part.operand and not found[-1][-1].ends:
            found[-1].append(part)
        else:
            found.append([part])
    return [tuple(each) for each in found]


def text_of(saying: Saying) -> str | None:
    """What it says, where every run says the same."""
    texts = [part.constant for part in saying]
    return None if None in texts else "".join(texts)  # type: ignore[arg-type]  # none is None


def source_of(saying: Saying) -> str:
    """A key to find the same again: its text, or its source."""
    return text_of(saying) or "".join(part.text for part in saying)


def is_call(saying: Saying) -> bool:
    """Whether it is a call of any function: what is generated comes of one."""
    return any(part.is_call for part in saying)


def put(parts: Sequence[Saying]) -> str:
    """The sum of sayings as source: neighbours of one literal are one literal."""
    groups: list[list[SayingPart]] = []
    for part in (part for saying in parts for part in saying):
        last = groups[-1][-1] if groups else None
        if last is not None and part.quote and (last.operand, last.number + 1) == (part.operand, part.number):
            groups[-1].append(part)
        else:
            groups.append([part])
    return " + ".join(map(_literal, groups))


def _literal(parts: list[SayingPart]) -> str:
    text, first = "".join(part.text for part in parts), parts[0]
    prefix = first.prefix if "{" in text or "}" in text else ""
    return f"{prefix}{first.quote}{text}{first.quote}"


def split_separator(saying: Saying) -> tuple[Saying, Saying]:
    """A saying without the spaces that it ends in, and these."""
    *before, last = saying
    bare = last.text.rstrip(" ")
    if not last.quote or bare == last.text or not bare:
        return saying, ()
    gap = last.text[len(bare) :]
    held = None if last.constant is None else last.constant.rstrip(" ")
    # numbered so that what the literal begins with goes on from it
    return (*before, replace(last, text=bare, constant=held)), (replace(last, number=-1, text=gap, constant=gap),)


def _parts(lines: SourceLines, operand: ast.expr, number: int, constants: Constants) -> Iterator[SayingPart]:
    source = lines.of(operand)
    literals = _literals(source, operand) if isinstance(operand, ast.Constant | ast.JoinedStr) else None
    if literals is None:
        source = source if isinstance(operand, _SAFE) else f"({source})"
        yield SayingPart(number, 0, source, "", constant_of(operand, constants), "", isinstance(operand, ast.Call))
        return
    for index, (prefix, quote, inner) in enumerate(literals):
        if not inner:
            continue
        pieces = _pieces(inner) if prefix else [(inner, False)]
        cut = [each for text, is_hole in pieces for each in ([(text, True)] if is_hole else _sentences(text))]
        for at, (text, is_hole) in enumerate(cut):
            constant = _held(text, constants) if is_hole else _read(text, quote, bool(prefix))
            yield SayingPart(number + index, at, text, quote, constant, prefix)


def _literals(source: str, operand: ast.expr) -> list[tuple[str, str, str]] | None:
    """The string literals that an operand is written as: prefix, quote, what is between. None for one not read here."""
    found, at = [], 0
    while at < len(source):
        if source[at].isspace():
            at += 1
            continue
        opened = _OPENED.match(source, at)
        end = _end(source, opened.end(), opened[2], opened[1] in ("f", "F")) if opened else None
        if opened is None or end is None:
            return None
        found.append(("f" if opened[1] in ("f", "F") else "", opened[2], source[opened.end() : end]))
        at = end + len(opened[2])
    put_again = " ".join(f"{prefix}{quote}{inner}{quote}" for prefix, quote, inner in found)
    try:
        is_same = ast.dump(ast.parse(put_again, mode="eval").body) == ast.dump(operand)
    except SyntaxError:
        return None
    return found if is_same else None


def _end(source: str, at: int, quote: str, is_format: bool) -> int | None:
    """Where the literal that begins at a place ends."""
    while at < len(source):
        if source.startswith(quote, at):
            return at
        if source[at] == "\\":
            at += 2
        elif is_format and source[at] == "{" and source[at : at + 2] != "{{":
            after = _hole_end(source, at)
            if after is None:
                return None
            at = after
        else:
            at += 2 if is_format and source[at : at + 2] in ("{{", "}}") else 1
    return None


def _hole_end(source: str, at: int) -> int | None:
    """Behind the brace that closes the one at a place; texts within are passed over."""
    depth = 0
    while at < len(source):
        char = source[at]
        if char in "\"'":
            at = source.find(char, at + 1)
            if at < 0:
                return None
        depth += (char == "{") - (char == "}")
        at += 1
        if not depth:
            return at
    return None


def _pieces(inner: str) -> list[tuple[str, bool]]:
    """The text of an f-string and its holes, in order."""
    found, at, begun = [], 0, 0
    while at < len(inner):
        if inner[at] == "{" and inner[at : at + 2] != "{{":
            end = _hole_end(inner, at)
            assert end is not None, "the literal was read to its end"
            found += [(inner[begun:at], False)] if begun < at else []
            found.append((inner[at:end], True))
            at = begun = end
        else:
            at += 2 if inner[at : at + 2] in ("{{", "}}") or inner[at] == "\\" else 1
    return [*found, (inner[begun:], False)] if begun < len(inner) else found


def _sentences(text: str) -> Iterator[tuple[str, bool]]:
    """The text of a literal cut behind line ends and sentences."""
    units = _UNIT.findall(text)
    begun = ""
    for unit, after in zip(units, [*units[1:], ""]):
        begun += unit
        is_line = unit in ("\\n", "\n") and after not in ("\\n", "\n")
        if after and (is_line or (unit == " " and after != " " and begun.rstrip(" ")[-1:] in tuple(_ENDS))):
            yield begun, False
            begun = ""
    yield begun, False


def _is_ended(text: str) -> bool:
    return text.endswith("\n") or (text.endswith(" ") and text.rstrip(" ")[-1:] in tuple(_ENDS))


def _held(hole: str, constants: Constants) -> str | None:
    """The text of a hole that is nothing but the name of a constant."""
    value = constants.get(hole[1:-1].strip())
    return value if isinstance(value, str) else None


def _read(text: str, quote: str, is_format: bool) -> str | None:
    try:
        read = ast.literal_eval(f"{quote}{text}{quote}")
    except (SyntaxError, ValueError):
        return None
    return str(read).replace("{{", "{").replace("}}", "}") if is_format else str(read)
