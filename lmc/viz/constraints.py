"""What is known of a program's constraints: their automata, how long their texts are, what is forced, and the notes.

Without a tokenizer in characters; with one in tokens too, as the engine would compute them. Draws nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Protocol

from lmc.codes import ABOUT_CONSTRAINTS
from lmc.errors import ConstraintError
from lmc.ir import fused
from lmc.ir import fused_automaton as fusion
from lmc.ir.automaton.algebra import readable, shortest_path, states
from lmc.ir.automaton.compress import CompressedDfa, compress, forced_char
from lmc.ir.automaton.dfa import CharDfa
from lmc.ir.automaton.extent import Extent, extent
from lmc.ir.automaton.parts import PlacedHole, fused_tree
from lmc.ir.constraint import (
    RUN_TIME_KINDS,
    Constraint,
    Fused,
    Grammar,
    JsonSchema,
    Lark,
    StructuralTag,
    ToolCalls,
)
from lmc.ir.json_schema.findings import NotRegular, SchemaError
from lmc.ir.json_schema.lower import lower
from lmc.ir.regex import RegexTree
from lmc.passes.lint.call import constraint_of
from lmc.passes.lint.facts import facts
from lmc.viz.view import View

if TYPE_CHECKING:
    from lmc.backend.masks.factory import ConstraintMasks
    from lmc.backend.masks.forced_edges import ForcedEdges
    from lmc.backend.masks.rehearse import Rehearsal
    from lmc.backend.masks.unspellable import Unspellable
    from lmc.passes import Note
    from lmc.passes.planned import Planned
    from lmc.viz.view import StepView

Language = Constraint | Fused
MAX_STATES = 20_000  # of an automaton that is made to be looked at
PASSES = ("fuse_constraints",)  # whose notes all are


class VocabTokenizer(Protocol):
    """What forced tokens are found with: a tokenizer that can list its vocabulary."""

    key: str
    eos_ids: frozenset[int]

    @property
    def turn_ids(self) -> frozenset[int]: ...

    def encode(self, text: str) -> list[int]: ...

    def vocab_bytes(self) -> list[bytes]: ...

    def control_tokens(self) -> dict[str, int]: ...


@dataclass(frozen=True, slots=True)
class Automaton:
    """A regular constraint, compressed.

    num_states  before it was compressed
    example     a shortest text, and for each of its characters whether it is forced
    """

    tree: RegexTree
    compressed: CompressedDfa
    num_states: int
    extent: Extent
    example: tuple[tuple[str, bool], ...]

    @property
    def text(self) -> str:
        """The shortest text."""
        return "".join(char for char, _ in self.example)

    @property
    def num_forced(self) -> int:
        """Forced characters of the shortest text."""
        return sum(is_forced for _, is_forced in self.example)


@dataclass(frozen=True, slots=True)
class Tokens:
    """An automaton under a tokenizer; `example` is None where its tokens do not spell the shortest text."""

    edges: ForcedEdges
    example: Rehearsal | None
    missing: Unspellable


@dataclass(frozen=True, slots=True)
class Constrained:
    """A call whose output is constrained.

    constraint  None where it is known only when the program runs
    automaton   None where there is none, and `why` says why
    """

    step_view: StepView
    constraint: Language | None
    automaton: Automaton | None
    why: str
    notes: tuple[Note, ...]


class Constraints:
    """The constrained calls of a compiled program, in program order."""

    def __init__(self, planned: Planned, tokenizer: VocabTokenizer | None = None) -> None:
        self.view = View(planned)
        self.tokenizer = tokenizer

    @cached_property
    def calls(self) -> tuple[Constrained, ...]:
        """One for each call that is constrained."""
        return tuple(self._told(step_view) for step_view in self.view.calls if _is_constrained(step_view))

    def tokens(self, automaton: Automaton) -> Tokens | None:
        """What is forced under the tokenizer; None where there is no tokenizer."""
        if self.tokenizer is None:
            return None
        from lmc.backend.masks.disk import DiskCache
        from lmc.backend.masks.forced_edges import forced_edges
        from lmc.backend.masks.unspellable import unspellable

        trie = self._masks.trie
        edges = forced_edges(automaton.tree, self.tokenizer, trie, self.tokenizer.key, DiskCache())
        return Tokens(edges, self._rehearsed(automaton), unspellable(automaton.compressed, trie))

    def _rehearsed(self, automaton: Automaton) -> Rehearsal | None:
        from lmc.backend.masks.rehearse import rehearse

        masks = self._masks
        try:
            return rehearse(masks.regular(automaton.tree), masks.encoder, masks.spellings, automaton.text)
        except ConstraintError:
            return None

    def spelt(self, tokens: Sequence[int]) -> list[str]:
        """Tokens as text."""
        return [(self._masks.trie.vocab[token] or b"").decode("utf-8", "replace") for token in tokens]

    @cached_property
    def _masks(self) -> ConstraintMasks:
        from lmc.backend.masks.factory import ConstraintMasks

        assert self.tokenizer is not None
        return ConstraintMasks(self.tokenizer, len(self.tokenizer.vocab_bytes()))

    def _told(self, step_view: StepView) -> Constrained:
        constraint = _constraint(step_view)
        automaton, why = (None, "it is known only when the program runs")
        if isinstance(constraint, Fused) and (pieces := fused.sections(fused.parts_of(step_view.node)))[1:]:
            why = f"the form is written, put and scored in {len(pieces)} pieces"
        elif constraint is not None:
            automaton, why = automaton_of(constraint)
        return Constrained(step_view, constraint, automaton, why, self._notes(step_view))

    def _notes(self, step_view: StepView) -> tuple[Note, ...]:
        """What any pass has to say about the place of a call: of an unrolled loop, about all of its turns."""
        return tuple(
            note
            for report in self.view.planned.reports
            for note in report.notes
            if (report.name in PASSES or (note.code or "").startswith(ABOUT_CONSTRAINTS))
            if note.span is not None and note.span == step_view.node.span
        )


@lru_cache(maxsize=256)
def automaton_of(constraint: Language) -> tuple[Automaton | None, str]:
    """The automaton of a constraint, or why there is none."""
    tree = _tree(constraint)
    if tree is None:
        return None, _no_tree(constraint)
    try:
        dfa = CharDfa(tree, max_states=MAX_STATES)
        compressed = compress(dfa)
        found = extent(tree, MAX_STATES)
    except ConstraintError as error:
        return None, f"{error.message}; a run makes those that it comes to"
    if found is None:
        return None, "no text satisfies it"
    return Automaton(tree, compressed, sum(1 for _ in states(dfa)), found, _example(dfa)), ""


def _constraint(step_view: StepView) -> Language | None:
    """What may come out of a call; of a fused form, all of it."""
    return (
        fusion.constraint_of(fused.parts_of(step_view.node))
        if step_view.step.op == "fused"
        else constraint_of(step_view.node)
    )


def _tree(constraint: Language) -> RegexTree | None:
    """The tree of a constraint; None where lmc knows none."""
    if isinstance(constraint, Fused):
        parts = fusion.automaton_parts(constraint.parts)
        return None if any(isinstance(part, PlacedHole) for part in parts) else fused_tree(parts)
    if isinstance(constraint, JsonSchema):
        try:
            return lower(constraint).tree
        except (SchemaError, NotRegular):
            return None
    return facts(constraint).tree


def _no_tree(constraint: Language) -> str:
    match constraint:
        case Fused():
            return "a JSON schema of it is written by automata that call each other"
        case JsonSchema():
            return "it is not a regular language, or a keyword of it is refused"
        case Grammar() | Lark():
            return "xgrammar follows a grammar, which need not be regular"
        case StructuralTag() | ToolCalls():
            return "xgrammar follows a structural tag, whose control tokens are those of the model"
        case _:
            raise AssertionError(constraint)


def _example(dfa: CharDfa) -> tuple[tuple[str, bool], ...]:
    """A shortest text by characters."""
    state = dfa.start
    chars = []
    for mask in shortest_path(dfa) or ():
        char = readable(dfa.alphabet, mask)
        chars.append((char, forced_char(dfa, state) is not None))
        state = dfa.run(char, state)
    return tuple(chars)


def _is_constrained(step_view: StepView) -> bool:
    keyed = {*RUN_TIME_KINDS, "choices"} & set(step_view.node.kwargs)
    return bool(keyed) or _constraint(step_view) is not None
