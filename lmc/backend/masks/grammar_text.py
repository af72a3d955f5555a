"""A Lark grammar's rules as EBNF for xgrammar: its leaves are written as `regex=` is, so that they mean the same."""

from __future__ import annotations

from lmc.backend.masks.ebnf import regex_ebnf
from lmc.ir.grammar import GrammarPart, GrammarRules, InRow, LeafPart, OneOf, RuleCall, Times, ending, has_text, walk
from lmc.ir.regex import RegexTree

SKIPPED = "skipped"


def rules_ebnf(rules: GrammarRules) -> str | None:
    """The grammar as a text whose first rule is `root`; None where no text is of it."""
    return _Writer(rules).text()


class _Writer:
    """One grammar being written."""

    def __init__(self, rules: GrammarRules) -> None:
        self._rules = rules
        self._names = {rule.name: f"r{number}" for number, rule in enumerate(rules.rules)}
        self._leaves: dict[RegexTree, tuple[str, str | None]] = {}
        leaves = [part for rule in rules.rules for part in walk(rule.body) if isinstance(part, LeafPart)]
        self._is_empty = frozenset(leaf for leaf in leaves if self._leaf(leaf)[1] is None)
        self._ending = ending(rules, self._is_empty)

    def text(self) -> str | None:
        if self._rules.start not in self._ending:
            return None
        ignored = [name for name, text in map(self._leaf, self._rules.ignored) if text is not None]
        self._behind = f" {SKIPPED}" if ignored else ""
        lines = [f"root ::= {self._names[self._rules.start]}"]
        for rule in self._rules.rules:
            if rule.name in self._ending:
                lines.append(f"{self._names[rule.name]} ::= {self._part(rule.body)}")
        if ignored:
            lines.append(f"{SKIPPED} ::= ({' | '.join(ignored)})*")
        return "\n".join([*lines, *(text for _, text in self._leaves.values() if text is not None)])

    def _leaf(self, leaf: LeafPart) -> tuple[str, str | None]:
        """The rule of a leaf, and its text; None where nothing is of it."""
        found = self._leaves.get(leaf.tree)
        if found is None:
            name = f"t{len(self._leaves)}"
            found = self._leaves[leaf.tree] = name, regex_ebnf(leaf.tree, name)
        return found

    def _part(self, part: GrammarPart) -> str:
        match part:
            case LeafPart():
                return self._leaf(part)[0] + self._behind
            case RuleCall(name):
                return self._names[name]
            case InRow(parts):
                return " ".join(map(self._part, parts)) or '""'
            case OneOf(options):
                kept = [self._part(each) for each in options if has_text(each, self._ending, self._is_empty)]
                return f"({' | '.join(kept)})"
            case Times(inner, least, most):
                if not has_text(inner, self._ending, self._is_empty) or most == 0:
                    return '""'
                return f"({self._part(inner)}){{{least},{'' if most is None else most}}}"
