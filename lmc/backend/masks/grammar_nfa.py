"""A grammar's rules as automata over bytes that call each other: read from what xgrammar has compiled.

xgrammar writes a grammar as a list of expressions, in a form that carries a version. What is not known of it is not
guessed: a grammar with an unknown part has no automaton. That holds for all that is not about bytes alone: a token that
is named by its id, a rule that counts tokens or characters, a rule that ends as early as it can.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from lmc.ir.automaton.bytes import ByteDfa
from lmc.ir.automaton.dfa import CharDfa
from lmc.ir.json_schema.keywords import Json
from lmc.ir.ranges import complement, union
from lmc.ir.regex import Chars

VERSION = "v16"
MAX_NODES = 200_000
MAX_MACRO_RULES = 200  # xgrammar writes all edges once a rule: a macro in a grammar of more rules is not read

BYTES, CLASS, CLASS_STAR, EMPTY, CALL, SEQUENCE, CHOICES = range(7)
REPEAT = 8  # of a rule
MACROS = (7, 12, 13)  # TagDispatch, Regex, Substring
COPIED = 1  # rules of a copy before the grammar's own
PLAIN_RULE = [-1, -1, False]  # max_tokens, max_chars and lazy of a rule without them


class Unread(Exception):
    """A part of a grammar that is not known, or not about bytes."""


@dataclass
class Nfa:
    """The rules' automata in one list of nodes.

    edges      by node: (first byte, last byte, next node)
    silent     by node: the nodes that are as good as this one
    calls      by node: (rule, the node that it returns to)
    is_end     by node: whether a rule ends here
    starts     by rule
    root       the rule of the whole text
    nullable   the rules that may be empty
    """

    edges: list[list[tuple[int, int, int]]] = field(default_factory=list)
    silent: list[list[int]] = field(default_factory=list)
    calls: list[list[tuple[int, int]]] = field(default_factory=list)
    is_end: list[bool] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    root: int = 0
    nullable: frozenset[int] = frozenset()

    def node(self) -> int:
        """A new node. Raises Unread where there are too many."""
        if len(self.edges) >= MAX_NODES:
            raise Unread("a grammar of so many nodes")
        self.edges.append([])
        self.silent.append([])
        self.calls.append([])
        self.is_end.append(False)
        return len(self.edges) - 1

    def closure(self, node: int) -> list[int]:
        """The nodes that a node is as good as, itself among them."""
        reached = [node]  # grows
        for each in reached:
            reached += [target for target in self.silent[each] if target not in reached]
        return reached

    @cached_property
    def is_last(self) -> list[bool]:
        """By node: whether a rule is over there, and cannot go on."""
        closures = map(self.closure, range(len(self.edges)))
        return [
            any(self.is_end[each] for each in closure)
            and not any(self.edges[each] or self.calls[each] for each in closure)
            for closure in closures
        ]


def nfa_of(grammar: Any) -> Nfa:  # an xgrammar.Grammar, compiled
    """The automata of a grammar. Raises Unread."""
    import xgrammar

    # a copy, for what is compiled is written with all edges at every rule: its first rule is the copy's own, which
    # calls the grammar's root
    written = json.loads(xgrammar.Grammar.union(grammar).serialize_json())
    return _Reader(written, grammar).read()


class _Reader:
    """One grammar being read."""

    def __init__(self, written: Json, grammar: Any) -> None:
        if written["__VERSION__"] != VERSION or written["suffix_stop_infos"]:
            raise Unread("another version, or rules with stops of their own")
        self._grammar = grammar
        self._rules = written["rules"]
        self._root: int = written["root_rule_id"]
        data, begins = written["grammar_expr_data"], written["grammar_expr_indptr"]
        self._expressions = [data[a:b] for a, b in zip(begins, [*begins[1:], len(data)], strict=True)]
        self._classes: dict[tuple[int, ...], list[list[tuple[int, int, int]]]] = {}
        self._compiled: Json = None
        self._nfa = Nfa(root=self._root)

    def read(self) -> Nfa:
        nfa = self._nfa
        nfa.starts = [nfa.node() for _ in self._rules]
        for rule, (_, body, _, _, *counts) in enumerate(self._rules):
            if [counts[0], counts[1], counts[3]] != PLAIN_RULE:
                raise Unread(f"a rule with {counts}")
            end = self._add(body, nfa.starts[rule], rule)
            nfa.is_end[end] = True
        nfa.nullable = _nullable(nfa)
        return nfa

    def _add(self, expression: int, at: int, rule: int) -> int:
        """Put an expression behind a node; the node at its end."""
        kind, _, *rest = self._expressions[expression]
        if kind in MACROS:
            return self._macro(rule, at)
        if kind == BYTES:
            for byte in rest:
                at = self._edge(at, byte & 0xFF, byte & 0xFF)  # they are written as signed ones
            return at
        if kind in (CLASS, CLASS_STAR):
            return self._class(tuple(rest), at) if kind == CLASS else self._star(tuple(rest), at)
        if kind == CALL:
            return self._call(rest[0], at)
        if kind == REPEAT:
            return self._repeat(*rest, at=at)
        if kind in (EMPTY, SEQUENCE):
            for inner in rest if kind == SEQUENCE else ():
                at = self._add(inner, at, rule)
            return at
        if kind == CHOICES:
            return self._choices(rest, at, rule)
        raise Unread(f"an expression of kind {kind}")

    def _choices(self, options: Sequence[int], at: int, rule: int) -> int:
        end = self._nfa.node()
        for option in options:
            last = self._add(option, at, rule)
            self._nfa.silent[last].append(end)
        return end

    def _call(self, rule: int, at: int) -> int:
        end = self._nfa.node()
        self._nfa.calls[at].append((rule, end))
        return end

    def _repeat(self, rule: int, least: int, most: int, *, at: int) -> int:
        for _ in range(least):
            at = self._call(rule, at)
        if most < 0:
            loop = self._nfa.node()
            self._nfa.silent[at].append(loop)
            self._nfa.silent[self._call(rule, loop)].append(loop)
            return loop
        end = self._nfa.node()
        for _ in range(most - least):
            self._nfa.silent[at].append(end)
            at = self._call(rule, at)
        self._nfa.silent[at].append(end)
        return end

    def _edge(self, at: int, low: int, high: int) -> int:
        end = self._nfa.node()
        self._nfa.edges[at].append((low, high, end))
        return end

    def _star(self, ranges: tuple[int, ...], at: int) -> int:
        loop = self._nfa.node()
        self._nfa.silent[at].append(loop)
        self._nfa.silent[self._class(ranges, loop)].append(loop)
        return loop

    def _class(self, ranges: tuple[int, ...], at: int) -> int:
        """One character of a class, byte by byte."""
        rows = self._classes.get(ranges)
        if rows is None:
            rows = self._classes[ranges] = _class_edges(ranges)
        nodes = [self._nfa.node() for _ in rows[1:]]
        places = [at, *nodes]
        for place, row in zip(places, rows, strict=True):
            self._nfa.edges[place] += [(low, high, places[target]) for low, high, target in row]
        return places[-1]

    def _macro(self, rule: int, at: int) -> int:
        """A rule that is a macro, as xgrammar has compiled it."""
        if self._compiled is None:
            if len(self._rules) > MAX_MACRO_RULES:
                raise Unread("a macro in a grammar of so many rules")
            self._compiled = json.loads(self._grammar.serialize_json())
        (_, start, ends, _, _), *_ = self._compiled["per_rule_fsms"][rule - COPIED]
        return self._compiled_edges(start, ends, at)

    def _compiled_edges(self, start: int, ends: list[int], at: int) -> int:
        table = self._compiled["complete_fsm"]["edges"]
        end, places, pending = self._nfa.node(), {start: self._nfa.node()}, [start]
        self._nfa.silent[at].append(places[start])
        while pending:
            node = pending.pop()
            place = places[node]
            if node in ends:
                self._nfa.silent[place].append(end)
            for low, high, target in table["data_"][table["indptr_"][node] : table["indptr_"][node + 1]]:
                if target not in places:
                    places[target] = self._nfa.node()
                    pending.append(target)
                if low >= 0:
                    self._nfa.edges[place].append((low, high, places[target]))
                elif low == -1:
                    self._nfa.silent[place].append(places[target])
                elif low == -2:
                    self._nfa.calls[place].append((high + COPIED, places[target]))
                else:
                    raise Unread(f"an edge of kind {low}")
        return end


def _class_edges(ranges: tuple[int, ...]) -> list[list[tuple[int, int, int]]]:
    """(first byte, last byte, next place) by place: the first is before the character, the last behind it."""
    is_negative, *ends = ranges
    spans = union(zip(ends[::2], ends[1::2], strict=True))
    dfa = ByteDfa(CharDfa(Chars(complement(spans) if is_negative else spans)))
    inner = [dfa.start]  # grows
    rows: list[list[tuple[int, int, int]]] = []
    for state in inner:
        rows.append([])
        for cls, target in dfa.moves(state):
            if not dfa.is_accepting(target) and target not in inner:
                inner.append(target)
            place = -1 if dfa.is_accepting(target) else inner.index(target)
            rows[-1] += [(low, high, place) for low, high in union((b, b) for b in dfa.bytes_of(cls))]
    return [*rows, []]


def _nullable(nfa: Nfa) -> frozenset[int]:
    """The rules that may be empty."""
    found: set[int] = set()
    order, size = list(range(len(nfa.starts))), -1
    while size < len(found):
        size = len(found)
        order.reverse()  # rules come in chains, that begin at either end
        for rule in order:
            if rule not in found and _may_be_empty(nfa, rule, found):
                found.add(rule)
    return frozenset(found)


def _may_be_empty(nfa: Nfa, rule: int, nullable: set[int]) -> bool:
    reached = [nfa.starts[rule]]  # grows
    seen = set(reached)
    for node in reached:
        if nfa.is_end[node]:
            return True
        on = [*nfa.silent[node], *(target for called, target in nfa.calls[node] if called in nullable)]
        reached += [target for target in dict.fromkeys(on) if target not in seen]
        seen.update(on)
    return False
