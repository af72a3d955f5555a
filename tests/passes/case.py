"""A pass's golden case: one file with a title, a pipeline, what passes may know, a program before and after.

    // title: a segment that both branches begin with is computed once
    // pass: cse
    program ...
    ---
    program ...
    // cse: nodes merged 1

Further head lines: `encode: bytes|words`, `decode: bytes|words`, `chat: chatml|strict|rewriting`, `begin: 1 2`,
`caps: n hints=gang,pin max_len=100` (what a backend can do), and `args: {"topic": "cats"}`, one line an item of the
batch.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zlib import crc32

from lmc.ir.caps import Caps
from lmc.ir.chat import ChatTemplate
from lmc.ir.graph import Graph
from lmc.ir.plan import Plan
from lmc.ir.prompt import Ids, Piece
from lmc.parser.irtext.parse import parse_graph, parse_plan
from lmc.passes import Inputs, Report, parse_pipeline, run_passes
from lmc.tokenizer.byte_tokenizer import CHATML, CONTROL_TOKENS, ByteTokenizer

# answers must follow questions, and nothing may follow an answer but a question
STRICT = ChatTemplate(
    "strict",
    begins=((("", "user"), "[Q]"), (("assistant", "user"), "</s>[Q]"), (("user", "assistant"), "[A]")),
    ends=(("user", "[/Q]"), ("assistant", "")),
)
REWRITING = ChatTemplate("rewriting", append_only=False, reason="it drops the thoughts of earlier turns.")
CHATS = {"chatml": CHATML, "strict": STRICT, "rewriting": REWRITING}


def encode_bytes(pieces: tuple[Piece, ...], after: Ids | None = None) -> tuple[int, ...]:
    """One token a byte, control tokens in templates only."""
    return tuple(ByteTokenizer().encode_pieces(pieces, after=after))


def decode_bytes(ids: tuple[int, ...]) -> str:
    """The inverse; a cut character is U+FFFD."""
    return ByteTokenizer().decode(ids)


def encode_words(pieces: tuple[Piece, ...], after: Ids | None = None) -> tuple[int, ...]:
    """One token a word with the space before it, so that a cut within a word changes tokens."""
    text = "".join(piece.text for piece in pieces)
    return tuple(map(_word_id, re.findall(r" ?\w+|\s|[^\w\s]", text)))


def decode_words(ids: tuple[int, ...]) -> str:
    """The inverse."""
    return "".join(map(_words.__getitem__, ids))


def _word_id(word: str) -> int:
    id = crc32(word.encode())
    _words[id] = word
    return id


_words: dict[int, str] = {}  # every word encoded so far, by its id


ENCODERS = {"bytes": encode_bytes, "words": encode_words}
DECODERS = {"bytes": decode_bytes, "words": decode_words}


@dataclass(frozen=True)
class Case:
    """One golden file, read."""

    head: tuple[tuple[str, str], ...]
    before: str
    path: Path = field(repr=False)

    def all(self, key: str) -> list[str]:
        return [value for name, value in self.head if name == key]

    def one(self, key: str) -> str | None:
        return next(iter(self.all(key)), None)

    @property
    def inputs(self) -> Inputs:
        return Inputs(
            encode=ENCODERS[name] if (name := self.one("encode")) else None,
            decode=DECODERS[name] if (name := self.one("decode")) else None,
            begin_ids=tuple(map(int, (self.one("begin") or "").split())),
            control_tokens=frozenset(CONTROL_TOKENS) if self.one("encode") == "bytes" else frozenset(),
            chat=CHATS[name] if (name := self.one("chat")) else None,
            caps=caps_of(line) if (line := self.one("caps")) else None,
            batch=tuple(by_path(json.loads(line)) for line in self.all("args")),
        )

    def run(self) -> tuple[Graph | Plan, tuple[Report, ...]]:
        return run_passes(parse_ir(self.before), parse_pipeline(self.one("pass") or ""), self.inputs)

    def text(self) -> str:
        """The file as it should be."""
        after, reports = self.run()
        head = "".join(f"// {key}: {value}\n" for key, value in self.head)
        report = "".join(f"// {line}\n" for report in reports for line in str(report).splitlines())
        return f"{head}{parse_ir(self.before)}---\n{after}{report}"


def read_case(path: Path) -> Case:
    """Reads a golden file; what stands after `---` is left to the comparison."""
    before = path.read_text(encoding="utf-8").partition("\n---\n")[0] + "\n"
    head = re.findall(r"^// (\w+): (.*)$", before, re.MULTILINE)
    return Case(tuple(head), re.sub(r"^//.*\n", "", before, flags=re.MULTILINE), path)


def parse_ir(text: str) -> Graph | Plan:
    """A graph, or a plan."""
    return parse_plan(text) if text.lstrip().startswith("plan ") else parse_graph(text)


def caps_of(line: str) -> Caps:
    """`n hints=gang,pin max_len=100 speculates=text` as Caps: a flag, a set of names, a number, a word."""
    fields: dict[str, object] = {}
    for word in line.split():
        name, _, value = word.partition("=")
        if isinstance(getattr(Caps(), name), str):
            fields[name] = value
        else:
            fields[name] = True if not value else int(value) if value.isdigit() else frozenset(value.split(","))
    return Caps(**fields)  # type: ignore[arg-type]


def by_path(arguments: Mapping[str, object]) -> dict[tuple[str | int, ...], object]:
    """{"dims": ["a", "b"]} as {("dims", 0): "a", ("dims", 1): "b"}."""
    leaves: dict[tuple[str | int, ...], object] = {}
    for name, value in arguments.items():
        if isinstance(value, list):
            leaves.update(((name, i), item) for i, item in enumerate(value))
        else:
            leaves[(name,)] = value
    return leaves
