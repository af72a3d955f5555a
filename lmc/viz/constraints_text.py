"""constraints: for each constrained call what may come out, its automaton, what of it is forced, and the notes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lmc.codes import UNSPELLABLE
from lmc.ir.constraint import Choices, Fused, Grammar, JsonSchema, Lark, Regex, StructuralTag, ToolCalls
from lmc.ir.ranges import Ranges
from lmc.viz.constraints import Automaton, Constrained, Constraints
from lmc.viz.fsm_label import edge_label, text_label
from lmc.viz.text_table import columns_of, heading, keep_ends, wrapped
from lmc.viz.tree import call_name
from lmc.viz.wording import form_pieces, on_one_line, tools_text, visible

if TYPE_CHECKING:
    from lmc.viz.constraints import Tokens
    from lmc.viz.terminal import Terminal

INDENT = 2
LABEL = 11  # columns of what a line is about
MAX_EDGES = 8  # edges of a call whose tokens are shown

Line = tuple[str, str]  # what it is about, and what it says; cut, not wrapped, where it is quoted text


def render(constraints: Constraints, terminal: Terminal) -> str:
    """All constrained calls, one paragraph each."""
    title = heading(f"{constraints.view.title}: what may come out", terminal)
    told = [_call(call, constraints, terminal) for call in constraints.calls]
    return title + "".join(f"\n{part}" for part in told or ["no call is constrained\n"])


def _call(call: Constrained, constraints: Constraints, terminal: Terminal) -> str:
    room = terminal.width - INDENT - LABEL
    lines = [heading(call_name(call.step_view, constraints.view), terminal)]
    for label, text in _quoted(call):
        lines.append(_line(label, keep_ends(text, room)))
    for label, text in _sentences(call):
        lines += _lines(label, text, room)
    if call.automaton is not None and not _is_scored(call):
        lines += _example(call.automaton, room)
        tokens = constraints.tokens(call.automaton)
        lines += [] if tokens is None else _tokens(tokens, constraints, room)
    for note in call.notes:
        code = f"{note.code}: " if note.code else ""
        lines += _lines("note", code + (note.text.partition("): ")[2] or note.text), room)
    return "".join(lines)


def _line(label: str, text: str) -> str:
    return f"{' ' * INDENT}{label:<{LABEL}}{text}".rstrip() + "\n"


def _lines(label: str, text: str, room: int) -> list[str]:
    """A sentence, wrapped."""
    first, *rest = wrapped(text, room).splitlines()
    return [_line(label, first), *(_line("", each) for each in rest)]


def _is_scored(call: Constrained) -> bool:
    return call.step_view.step.op == "select"


def _quoted(call: Constrained) -> Iterator[Line]:
    """The constraint itself."""
    match call.constraint:
        case Regex(pattern):
            yield "regex", on_one_line(pattern)
        case Choices(options):
            yield "choices", " | ".join(map(visible, options))
        case JsonSchema(text):
            yield "schema", visible(text)
        case Grammar(text):
            yield "grammar", visible(text)
        case Lark(text):
            yield "lark", visible(text)
        case StructuralTag(text):
            yield "tag", visible(text)
        case ToolCalls(format=format, choice=choice):
            yield "tools", f"{tools_text(call.constraint)}; written as {format}, {choice}"
        case Fused():
            pieces = form_pieces(call.step_view.node)
            yield "form", " ".join(text_label(word) if kind == "text" else f"{{{word}}}" for kind, word in pieces)


def _sentences(call: Constrained) -> Iterator[Line]:
    if call.automaton is None:
        yield "automaton", f"none: {call.why}"
        return
    automaton = call.automaton
    counts = f"{_num(automaton.compressed.num_states, 'state')}, {_num(automaton.compressed.num_edges, 'edge')}"
    yield "automaton", f"{counts}, compressed from {_num(automaton.num_states, 'state')}"
    least, most = automaton.extent.shortest, automaton.extent.longest
    if most is None:
        yield "length", f"{_num(least, 'character')} or more"
    else:
        yield "length", _num(least, "character") if least == most else f"{least} to {_num(most, 'character')}"
    if _is_scored(call):
        yield "forced", "nothing is sampled: whole choices are scored"


def _example(automaton: Automaton, room: int) -> Iterator[str]:
    """A shortest text, with a mark under what is forced of it."""
    total, forced = len(automaton.example), automaton.num_forced
    if not total:
        yield _line("forced", "nothing: the shortest text is the empty one")
        return
    share = f"{forced} of {_num(total, 'character')} of a shortest text ({100 * forced / total:.0f} %), marked:"
    said = share if forced else f"nothing of a shortest text ({_num(total, 'character')}):"
    yield from _lines("forced", said, room)
    cells = [(visible(char), is_forced) for char, is_forced in automaton.example]
    text = "".join(cell for cell, _ in cells)
    if columns_of(text) > room:
        yield _line("", keep_ends(text, room))
        return
    yield _line("", text)
    if forced:
        yield _line("", "".join(("^" if is_forced else " ") * columns_of(cell) for cell, is_forced in cells))


def _tokens(tokens: Tokens, constraints: Constraints, room: int) -> Iterator[str]:
    """What it is in tokens: of the shortest text, and edge by edge."""
    if (example := tokens.example) is not None:
        num = len(example.tokens)
        passes = f"{_num(example.num_asked, 'forward pass', 'forward passes')} instead of {example.num_unforced}"
        yield from _lines("tokens", f"that text is {_num(num, 'token')}, {example.num_forced} forced: {passes}", room)
    edges = list(dict.fromkeys(_edges(tokens, constraints)))
    for number, said in enumerate(edges[:MAX_EDGES]):
        yield _line("edges" if number == 0 else "", keep_ends(said, room))
    if len(edges) > MAX_EDGES:
        yield _line("", f"… and {_num(len(edges) - MAX_EDGES, 'edge')} more")
    for said in _missing(tokens):
        yield from _lines("note", said, room)


def _edges(tokens: Tokens, constraints: Constraints) -> Iterator[str]:
    """`"{\\"name\\": \\"": 5 tokens  {" name " ...` for what is forced at the start, and behind each decision."""
    compressed = tokens.edges.compressed
    begin: Ranges = ()
    rows = [(begin, compressed.begin, tokens.edges.begin)]
    rows += [(edge.first, edge.rest, found) for edge, found in zip(compressed.edges, tokens.edges.tokens)]
    for first, rest, found in rows:
        if rest:
            spelt = " ".join(map(text_label, constraints.spelt(found)))
            yield f"{edge_label(first, rest.decode())}: " + (
                f"{_num(len(found), 'token')} {spelt}" if found else "no token"
            )


def _missing(tokens: Tokens) -> Iterator[str]:
    missing = tokens.missing
    if missing.is_all:
        yield f"{UNSPELLABLE}: the vocabulary spells no text of it; a generation under it could not begin"
    elif missing.edges:
        num = f"{_num(len(missing.edges), 'edge')} of {tokens.edges.compressed.num_edges}"
        which = f" (no token spells {' '.join(map(visible, missing.chars[:12]))})" if missing.chars else ""
        yield f"{UNSPELLABLE}: the vocabulary cannot go along {num}{which}"


def _num(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"
