"""Prompts and call options in short: holes in braces, line ends as \\n, and what is too long cut."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from lmc.ir.constraint import Choices, Grammar, JsonSchema, Lark, Regex, StructuralTag, ToolCalls
from lmc.ir.fused import FusedGen, FusedSelect, FusedText, parts_of
from lmc.ir.literal import literal, quote
from lmc.passes.flat_prompts import PromptHole, known_text

if TYPE_CHECKING:
    from lmc.ir.graph import Node
    from lmc.passes.flat_prompts import FlatPiece
    from lmc.viz.view import View

_DEFAULT_METHOD = "token_length_normalized"
_HIDDEN = frozenset(("name", "constraint", "dtype", "choices", "method"))  # attributes that show elsewhere, or as words
MAX_WORD = 32  # characters of one option


def prompt_text(pieces: Iterable[FlatPiece], view: View) -> str:
    """A prompt as an f-string would spell it: holes in braces, braces of the text doubled, one line."""
    return "".join(_word(piece, view) for piece in pieces)


def _word(piece: FlatPiece, view: View) -> str:
    text = known_text(piece)
    if text is not None:
        return visible(text).replace("{", "{{").replace("}", "}}")
    assert isinstance(piece, PromptHole)
    return view.hole(piece)


def numbered(count: int, one: str, many: str = "") -> str:
    """`1 call`, `2 calls`."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def on_one_line(text: str) -> str:
    """A text whose backslashes are its own, such as a pattern's: only what cannot be printed is escaped."""
    return "\\".join(map(visible, text.split("\\")))


def visible(text: str) -> str:
    """A text on one line: line ends and what cannot be printed as escapes, quotes as they are."""
    return quote(text)[1:-1].replace('\\"', '"')


def options(node: Node, view: View) -> str:
    """What may come out of a call, and how it is sampled: `int`, `cat|dog`, `regex \\d+`, `max_tokens=16`."""
    if node.op == "fused":
        return short(form_text(node))
    words = [kind] if (kind := _kind(node)) else []
    words += [f"{key}={short(literal(value))}" for key, value in node.attrs if key not in _HIDDEN]
    words += [f"{key}={{{view.value(atom)}}}" for key, atom in node.kwargs.items() if key != "name"]
    if node.op == "select" and node.attr("method") != _DEFAULT_METHOD:
        words.append(str(node.attr("method")))
    return " ".join(words)


def form_text(node: Node) -> str:
    """A fused form as an f-string would spell it: each call by its name in braces, each value too."""
    return "".join(visible(word) if kind == "text" else f"{{{word}}}" for kind, word in form_pieces(node))


def form_pieces(node: Node) -> Iterator[tuple[str, str]]:
    """A fused form by pieces: "text" and the text; "gen", "select" or "value" and the name of what stands there."""
    names = iter(value.name for value in node.outputs[1:])
    for part in parts_of(node):
        match part:
            case str():
                yield "text", part
            case FusedText(atoms):
                for atom in atoms:
                    yield ("text", atom) if isinstance(atom, str) else ("value", str(node.inputs[1 + atom])[1:])
            case FusedGen():
                yield "gen", next(names)
            case FusedSelect():
                yield "select", next(names)


def _kind(node: Node) -> str:
    dtype, constraint, choices = node.attr("dtype"), node.attr("constraint"), node.attr("choices")
    if isinstance(choices, tuple):
        return short("|".join(map(_choice, choices)))
    if isinstance(dtype, str):
        return dtype
    match constraint:
        case Regex(pattern=text):
            return f"regex {short(on_one_line(text))}"
        case Choices(options=texts):
            return short("|".join(map(_choice, texts)))
        case JsonSchema(schema=schema):
            return short(f"json {{{', '.join(_fields(schema))}}}")
        case Grammar() | Lark():
            return "grammar"
        case StructuralTag(format=format):
            return f"structural tag {format['type']}"
        case ToolCalls():
            return short(f"tools {tools_text(constraint)}")
    return ""


def tools_text(calls: ToolCalls) -> str:
    """The names of tools."""
    return ", ".join(tool.name for tool in calls.tools) or "none"


def _choice(option: object) -> str:
    return visible(option) if isinstance(option, str) else literal(option)


def _fields(schema: object) -> list[str]:
    """The property names of an object's schema."""
    properties = schema.get("properties") if isinstance(schema, dict) else None
    return list(properties) if isinstance(properties, dict) else ["..."]


def short(text: str, room: int = MAX_WORD) -> str:
    """A text cut at the end, with an ellipsis."""
    return text if len(text) <= room else text[: room - 1] + "…"
