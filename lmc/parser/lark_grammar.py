"""A Lark grammar as rules: what lark itself reads, with terminals that mean what `regex=` means.

A template is written out for each of its uses. What lark would do with a text it has parsed (aliases, `?`, `!`) says
nothing of which texts there are. What chooses between parses, as a priority does, or leaves a terminal to a lexer of
the user's, is refused: no constraint could keep it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from lmc.errors import ConstraintError
from lmc.ir.automaton.algebra import literal
from lmc.ir.grammar import GrammarPart, GrammarRule, GrammarRules, InRow, LeafPart, OneOf, Place, RuleCall, Times
from lmc.ir.ranges import union
from lmc.ir.regex import Alt, Chars, RegexTree, Repeat, Seq
from lmc.parser.refused_grammar import GrammarRefused
from lmc.parser.regex.parse import parse_regex

Node = Any  # lark.Tree or lark.Token; lark is imported on use
MAX_RULES = 5_000
_FLAGS = re.compile(r"\(\?([aimsux]+)\)")
_BOUNDS = {"?": (0, 1), "*": (0, None), "+": (1, None)}


def lark_tree(text: str) -> Node:
    """The text as lark parses it, with the places of all names. Raises lark's UnexpectedInput."""
    from lark.load_grammar import _get_parser

    return _get_parser().parse(text + "\n", "start")  # type: ignore[no-untyped-call, unused-ignore]


class LarkReader:
    """One grammar being read; its statements are looked at first. Raises GrammarRefused."""

    def __init__(self, tree: Node, module: str = "") -> None:
        self._rules: dict[str, Node] = {}
        self._terms: dict[str, Node] = {}
        self._trees: dict[str, RegexTree] = {}
        self._imported: dict[str, tuple[str, str]] = {}
        self._made: dict[str, GrammarRule] = {}
        self._ignored: list[Node] = []
        self._module = module
        for statement in tree.children:
            self._statement(statement)

    def read(self) -> GrammarRules:
        """The rules of a grammar in which all names are defined. Raises GrammarRefused."""
        for name in list(self._rules):
            if not _names(self._rules[name].children[2]):
                self._rule(name, name, {})
        ignored = [LeafPart(self._regex(node), _text_of(node), _place(node)) for node in self._ignored]
        return GrammarRules("start", tuple(self._made.values()), tuple(ignored))

    def _statement(self, node: Node) -> None:
        match str(node.data):
            case "rule":
                _, name, _, priority, _ = node.children
                if priority.children and not self._module:
                    _priority(priority.children[0])
                self._rules[str(name)] = node
            case "term":
                name, *priority, body = node.children
                if priority and not self._module:
                    _priority(priority[0])
                self._terms[str(name)] = body
            case "ignore":
                self._ignored.append(node.children[0])
            case "import":
                self._import(node)
            case "declare" if not self._module:
                what = "`%declare` leaves a terminal to a lexer, so that its texts are not known"
                raise GrammarRefused(what, _place(node), "write the terminal out: `NAME: /.../`")
            case "declare":
                pass  # of what lark's own grammars have beside their terminals
            case other:
                raise GrammarRefused(f"`%{other}` is not supported", _place(node), "write it out")

    # --- rules ------------------------------------------------------------------------------------------------

    def _rule(self, key: str, name: str, given: Mapping[str, GrammarPart]) -> None:
        if key in self._made:
            return
        if len(self._made) >= MAX_RULES:
            raise GrammarRefused(f"its templates come to more than {MAX_RULES:,} rules", None)
        node = self._rules[name]
        place = _place(node.children[1])
        self._made[key] = GrammarRule(key, InRow(()), place)  # it may call itself
        self._made[key] = GrammarRule(key, self._part(node.children[4], given), place)

    def _part(self, node: Node, given: Mapping[str, GrammarPart]) -> GrammarPart:
        match str(node.data):
            case "expansions":
                options = tuple(self._part(child, given) for child in node.children)
                return options[0] if len(options) == 1 else OneOf(options)
            case "expansion":
                parts = tuple(self._part(child, given) for child in node.children)
                return parts[0] if len(parts) == 1 else InRow(parts)
            case "alias" | "value":
                return self._part(node.children[0], given)
            case "maybe":
                return Times(self._part(node.children[0], given), 0, 1)
            case "expr":
                inner, op, *bounds = node.children
                least, most = _BOUNDS.get(str(op)) or (int(bounds[0]), int(bounds[-1]))
                return Times(self._part(inner, given), least, most)
            case "nonterminal":
                return self._called(node.children[0], given)
            case "template_usage":
                return self._use(node, given)
            case _:
                return LeafPart(self._regex(node), _text_of(node), _place(node))

    def _called(self, token: Node, given: Mapping[str, GrammarPart]) -> GrammarPart:
        if str(token) in given:
            return given[str(token)]
        if str(token) not in self._rules:
            raise GrammarRefused(
                f"`{token}` is imported, and only terminals can be", _place(token), "write the rule out"
            )
        return RuleCall(str(token), _place(token))

    def _use(self, node: Node, given: Mapping[str, GrammarPart]) -> GrammarPart:
        name, *values = node.children
        token = name.children[0] if hasattr(name, "children") else name
        params = _names(self._rules[str(token)].children[2])
        parts = tuple(self._part(value, given) for value in values)
        key = f"{token}{{{', '.join(map(repr, parts))}}}"
        self._rule(key, str(token), dict(zip(params, parts, strict=True)))
        return RuleCall(key, _place(token))

    # --- terminals --------------------------------------------------------------------------------------------

    def _regex(self, node: Node) -> RegexTree:
        match str(node.data):
            case "expansions":
                options = tuple(map(self._regex, node.children))
                return options[0] if len(options) == 1 else Alt(options)
            case "expansion":
                items = tuple(map(self._regex, node.children))
                return items[0] if len(items) == 1 else Seq(items)
            case "alias" | "value":
                return self._regex(node.children[0])
            case "maybe":
                return Repeat(self._regex(node.children[0]), 0, 1)
            case "expr":
                inner, op, *bounds = node.children
                least, most = _BOUNDS.get(str(op)) or (int(bounds[0]), int(bounds[-1]))
                return Repeat(self._regex(inner), least, most)
            case "terminal":
                return self._terminal(node.children[0])
            case "literal":
                return _literal(node.children[0])
            case "range" | "literal_range":
                first, last = (_string(token)[0] for token in node.children)
                return Chars(union([(ord(first), ord(last))]))
            case other:
                raise GrammarRefused(f"a terminal cannot hold a {other}", _place(node))

    def _terminal(self, token: Node) -> RegexTree:
        name = str(token)
        found = self._trees.get(name)
        if found is None:
            if name in self._imported:
                module, own = self._imported[name]
                found = _library(module, token).terminal(own, token)
            else:
                found = self._regex(self._terms[name])
            self._trees[name] = found
        return found

    def terminal(self, name: str, token: Node) -> RegexTree:
        """A terminal of a library by name."""
        if name not in self._terms and name not in self._imported:
            raise GrammarRefused(f"lark's `{self._module}` has no terminal `{name}`", _place(token))
        return self._terminal(type(token)(token.type, name, line=token.line, column=token.column))

    def _import(self, node: Node) -> None:
        source, *more = node.children
        path = list(_tokens(source))
        is_list = bool(more) and str(getattr(more[0], "data", "")) == "name_list"
        names = list(_tokens(more[0])) if is_list else [path.pop()]
        if str(source.data) == "import_rel" or not path:
            raise GrammarRefused("a grammar in a string imports no file", _place(node), "write its terminals out")
        module = "/".join(map(str, path))
        alias = str(next(_tokens(more[0]))) if more and not is_list else ""
        for name in names:
            if not str(name).lstrip("_").isupper():
                raise GrammarRefused(f"`{name}` is a rule, and only terminals can be imported", _place(name))
            if not self._module:
                _library(module, name).terminal(str(name), name)
            self._imported[alias or str(name)] = (module, str(name))


_LIBRARIES: dict[str, LarkReader] = {}  # lark's own grammars, as they are read


def _library(module: str, token: Node) -> LarkReader:
    import lark

    if module not in _LIBRARIES:
        folder = Path(lark.__file__).parent / "grammars"
        known = sorted(path.stem for path in folder.glob("*.lark"))
        if module not in known:
            raise GrammarRefused(
                f"there is no grammar `{module}` to import from", _place(token), f"there are {', '.join(known)}"
            )
        _LIBRARIES[module] = LarkReader(lark_tree((folder / f"{module}.lark").read_text()), module)
    return _LIBRARIES[module]


def _literal(token: Node) -> RegexTree:
    text, flags = str(token), ""
    while text[-1] not in '"/':
        flags, text = text[-1] + flags, text[:-1]
    if "l" in flags:
        raise GrammarRefused("the flag `l` depends on a locale", _place(token), "leave it out")
    flags = flags.replace("u", "")
    if token.type == "STRING":
        spelt = _string(token)
        return _parsed(f"(?{flags}){re.escape(spelt)}", token) if flags else literal(spelt)
    body = text[1:-1].replace("\\/", "/")
    mark = "(?&)" if body.startswith("(?&)") else ""
    body = body[len(mark) :]
    if inline := _FLAGS.match(body):
        flags, body = flags + inline[1], body[inline.end() :]
    return _parsed(mark + (f"(?{flags})" if flags else "") + body, token)


def _parsed(pattern: str, token: Node) -> RegexTree:
    try:
        return parse_regex(pattern).tree
    except ConstraintError as error:
        raise GrammarRefused(error.message, _place(token), error.help or "") from None


def _string(token: Node) -> str:
    from lark.load_grammar import _literal_to_pattern

    return str(_literal_to_pattern(token).value)  # type: ignore[no-untyped-call, unused-ignore]


def _priority(token: Node) -> NoReturn:
    what = f"a priority (`.{str(token).lstrip('.')}`) chooses between parses, which a constraint has none of"
    raise GrammarRefused(what, _place(token), "leave it out: all texts of the grammar are allowed")


def _names(params: Node) -> list[str]:
    return [str(token) for token in _tokens(params)]


def _tokens(node: Node) -> Iterator[Node]:
    if not hasattr(node, "children"):
        if node is not None:
            yield node
        return
    for child in node.children:
        yield from _tokens(child)


def _place(node: Node) -> Place:
    token = next(_tokens(node), None)
    return (int(token.line), int(token.column)) if token is not None else (1, 1)


def _text_of(node: Node) -> str:
    return " ".join(map(str, _tokens(node)))
