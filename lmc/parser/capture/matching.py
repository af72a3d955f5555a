"""`match`, as a chain of `if`: each case is a test, which binds what its pattern captures.

    match s["x"].split():              a case's test                                       then
        case ["go", where]: A          %v = call @sequence_parts, %t, 2, none              A
        case [other]: B                %v is not None, then %v[0] == "go", where = %v[1]   else the next case

Patterns on what the trace knows are decided by the trace. On what only the run knows, one node takes the subject apart
as Python does, or gives None; what stands inside is tested in an arm. Names are bound where a pattern has matched
whole, before the guard is asked.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from lmc.codes import NO_RULE
from lmc.ir.builtins import class_parts, mapping_parts, parts_by_class, sequence_parts
from lmc.ir.graph import Lit, Value
from lmc.ir.types import ANY, DATA
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.cases import CaseTest
from lmc.parser.capture.context import Capture
from lmc.parser.capture.expressions import attribute, compare, item
from lmc.parser.capture.merge import choose
from lmc.parser.capture.objects import has_attribute
from lmc.parser.capture.targets import assign
from lmc.parser.capture.tracer import ProgramRaise, kind, wrap
from lmc.parser.capture.values import (
    Container,
    LazyStr,
    StandIn,
    StateCell,
    Sym,
    Tracked,
    is_literal,
    is_ordinary,
)

Truth = bool | Value
Bindings = dict[str, StandIn]
# a class pattern with one pattern in it, not by name: it is matched against the object itself
_SELF = (bool, bytearray, bytes, dict, float, frozenset, int, list, set, str, tuple)


def case_node(cx: Capture, node: CaseTest) -> StandIn:
    """Whether a case is the one: its pattern matches, and its guard holds."""
    found = _matches(cx, node.pattern, cx.frame.fields[node.subject])
    guard = node.guard

    def bind(bound: Bindings) -> StandIn:
        for name, value in bound.items():
            assign(cx, ast.Name(name, ast.Store()), value)
        return True if guard is None else _as_stand_in(cx.truth(cx.eval(guard)))

    return found(bind)


# what a pattern comes to: given what is to be done with its bindings where it matches, whether that is true
Found = Callable[[Callable[[Bindings], StandIn]], StandIn]


def _as_stand_in(truth: Truth) -> StandIn:
    return truth if isinstance(truth, bool) else Sym(truth)


def _matches(cx: Capture, pattern: ast.pattern, subject: StandIn) -> Found:
    rule = _RULES.get(type(pattern))
    if rule is None:
        raise graph_break(NO_RULE, cx.at(pattern), f"the pattern `{type(pattern).__name__}`")
    return lambda then: rule(cx, pattern, subject, then)


Then = Callable[[Bindings], StandIn]


def _where(cx: Capture, truth: Truth, then: Callable[[], StandIn]) -> StandIn:
    """What `then` says where something is true, else False."""
    if isinstance(truth, bool):
        return then() if truth else False
    return choose(cx.t, truth, then, lambda: False)


def _all(cx: Capture, parts: list[tuple[ast.pattern, StandIn]], then: Then) -> StandIn:
    """All of these patterns, one after another."""
    if not parts:
        return then({})
    (pattern, subject), *others = parts
    return _matches(cx, pattern, subject)(lambda bound: _all(cx, others, lambda more: then({**bound, **more})))


def _value(cx: Capture, pattern: ast.MatchValue, subject: StandIn, then: Then) -> StandIn:
    wanted = cx.eval(pattern.value)
    cx.at(pattern)
    return _where(cx, cx.truth(compare(cx, "==", subject, wanted)), lambda: then({}))


def _singleton(cx: Capture, pattern: ast.MatchSingleton, subject: StandIn, then: Then) -> StandIn:
    cx.at(pattern)
    return _where(cx, cx.truth(compare(cx, "is", subject, pattern.value)), lambda: then({}))


def _as(cx: Capture, pattern: ast.MatchAs, subject: StandIn, then: Then) -> StandIn:
    own = {} if pattern.name is None else {pattern.name: subject}
    if pattern.pattern is None:
        return then(own)
    return _matches(cx, pattern.pattern, subject)(lambda bound: then({**bound, **own}))


def _or(cx: Capture, pattern: ast.MatchOr, subject: StandIn, then: Then) -> StandIn:
    """The first alternative that matches; whether the guard holds is asked once, for that one."""
    names = sorted({n.name for n in ast.walk(pattern) if isinstance(n, ast.MatchAs | ast.MatchStar) and n.name})
    if names:
        return _or_with_names(cx, pattern, subject, then, names)
    return _where(cx, _any(cx, pattern.patterns, subject), lambda: then({}))


def _any(cx: Capture, patterns: list[ast.pattern], subject: StandIn) -> Truth:
    first, *others = patterns
    truth = cx.truth(_matches(cx, first, subject)(lambda bound: True))
    if isinstance(truth, bool):
        return truth or (bool(others) and _any(cx, others, subject))
    if not others:
        return truth
    return cx.truth(choose(cx.t, truth, lambda: True, lambda: _as_stand_in(_any(cx, others, subject))))


def _or_with_names(cx: Capture, pattern: ast.MatchOr, subject: StandIn, then: Then, names: list[str]) -> StandIn:
    """Which alternative has matched is kept beside what it has bound, in names that nobody else sees."""
    frame, place = cx.frame, f"{pattern.lineno}_{pattern.col_offset}"

    def keep(bound: Bindings) -> StandIn:
        for name in names:
            cx.t.write(frame, f"${name}{place}", bound[name])
        return True

    def alternatives(patterns: list[ast.pattern]) -> StandIn:
        first, *others = patterns
        truth = cx.truth(_matches(cx, first, subject)(keep))
        if isinstance(truth, bool):
            return True if truth else bool(others) and alternatives(others)
        return choose(cx.t, truth, lambda: True, lambda: alternatives(others)) if others else Sym(truth)

    found = cx.truth(alternatives(pattern.patterns))
    return _where(cx, found, lambda: then({name: cx.load(f"${name}{place}") for name in names}))


# --- sequences and mappings ------------------------------------------------------------------------------


def _sequence(cx: Capture, pattern: ast.MatchSequence, subject: StandIn, then: Then) -> StandIn:
    cx.at(pattern)
    star = next((i for i, p in enumerate(pattern.patterns) if isinstance(p, ast.MatchStar)), None)
    num = len(pattern.patterns)
    items = _known_sequence(subject)
    if items is not None:
        if len(items) != num if star is None else len(items) < num - 1:
            return False
        if star is not None:
            after = num - star - 1
            made = Container(cx.t.born(), "list", items[star : len(items) - after])
            rest = cx.placed(made, pattern.patterns[star], "starred")
            items = (*items[:star], rest, *items[len(items) - after :])
        return _all(cx, list(zip(pattern.patterns, items)), then)
    if not _may_be_data(subject):
        return False
    given = cx.t.value_atom(subject)
    parts = _taken_apart(cx, sequence_parts, given, Lit(num), Lit(star))

    def inside() -> StandIn:
        pairs = [(p, item(cx, parts, i)) for i, p in enumerate(pattern.patterns)]
        return _all(cx, pairs, then)

    return _where(cx, cx.truth(compare(cx, "is not", parts, None)), inside)


def _known_sequence(subject: StandIn) -> tuple[StandIn, ...] | None:
    """The items of a list or tuple whose structure the trace knows."""
    if isinstance(subject, Container) and subject.is_static and subject.kind in ("list", "group"):
        return subject.members
    return subject if type(subject) is tuple else None


def _may_be_data(subject: StandIn) -> bool:
    """True where only the run knows whether it is a list, a dict, or an object with such attributes."""
    if isinstance(subject, Container):
        return not subject.is_static
    if isinstance(subject, Sym):
        return subject.type.maybe or subject.type.name not in ("str", "int", "float", "bool", "none")
    return is_ordinary(subject) and not is_literal(subject)


def _taken_apart(cx: Capture, take: Callable[..., Any], given: Any, *more: Any) -> StandIn:
    """The parts of the subject that a pattern is about, as a tuple; None where it is of another form."""
    odd = kind(given).name in ("any", "ref")
    effect, type_ = ("ordered", ANY) if odd else ("none", DATA)
    return wrap(cx.t, cx.t.call(take, given, *more, effect=effect, type=type_), borrowed=True)


def _star(cx: Capture, pattern: ast.MatchStar, subject: StandIn, then: Then) -> StandIn:
    return then({} if pattern.name is None else {pattern.name: subject})


def _mapping(cx: Capture, pattern: ast.MatchMapping, subject: StandIn, then: Then) -> StandIn:
    keys = [cx.eval(k) for k in pattern.keys]
    cx.at(pattern)
    known = tuple(k for k in keys if is_literal(k))
    if len(known) < len(keys):
        raise graph_break(NO_RULE, cx.at(pattern), "a mapping pattern with keys that are not literals")
    rest = pattern.rest
    if isinstance(subject, Container) and subject.is_static and subject.kind == "dict":
        pairs = subject.pairs
        if any(k not in pairs for k in keys):
            return False
        left = {k: v for k, v in pairs.items() if k not in keys}
        own: Bindings = {}
        if rest is not None:
            own[rest] = cx.placed(Container(cx.t.born(), "dict", left), pattern, "rest")
        inner = list(zip(pattern.patterns, (pairs[k] for k in keys)))
        return _all(cx, inner, lambda bound: then({**bound, **own}))
    if not _may_be_data(subject):
        return False
    parts = _taken_apart(cx, mapping_parts, cx.t.value_atom(subject), Lit(known), Lit(rest is not None))

    def inside() -> StandIn:
        inner = [(p, item(cx, parts, i)) for i, p in enumerate(pattern.patterns)]
        last: Bindings = {} if rest is None else {rest: item(cx, parts, len(keys))}
        return _all(cx, inner, lambda bound: then({**bound, **last}))

    return _where(cx, cx.truth(compare(cx, "is not", parts, None)), inside)


# --- classes ---------------------------------------------------------------------------------------------


def _class(cx: Capture, pattern: ast.MatchClass, subject: StandIn, then: Then) -> StandIn:
    cls = cx.eval(pattern.cls)
    cx.at(pattern)
    if isinstance(cls, Sym):
        return _of_run_time_class(cx, cls, pattern, subject, then)
    if not isinstance(cls, type):
        if not is_ordinary(cls):
            raise graph_break(NO_RULE, cx.at(pattern), "a class pattern of what is no class")
        raise ProgramRaise(TypeError, ("called match pattern must be a class",))
    if isinstance(subject, StateCell):
        raise graph_break(NO_RULE, cx.at(pattern), "a program state in a class pattern")
    truth = cx.truth(cx.call(isinstance, (subject, cls), {}))
    return _where(cx, truth, lambda: _attributes(cx, cls, pattern, subject, then))


def _of_run_time_class(cx: Capture, cls: Sym, pattern: ast.MatchClass, subject: StandIn, then: Then) -> StandIn:
    taken = Lit(len(pattern.patterns)), Lit(tuple(pattern.kwd_attrs))
    made = cx.t.call(parts_by_class, cx.argument(subject), cls.value, *taken, type=ANY)
    parts = wrap(cx.t, made, borrowed=True)
    inner = [*pattern.patterns, *pattern.kwd_patterns]
    return _where(
        cx,
        cx.truth(compare(cx, "is not", parts, None)),
        lambda: _all(cx, [(p, item(cx, parts, i)) for i, p in enumerate(inner)], then),
    )


def _attributes(cx: Capture, cls: type, pattern: ast.MatchClass, subject: StandIn, then: Then) -> StandIn:
    if not pattern.patterns and not pattern.kwd_patterns:
        return then({})
    if pattern.patterns and cls in _SELF:
        if len(pattern.patterns) > 1 or pattern.kwd_patterns:
            raise graph_break(NO_RULE, cx.at(pattern), f"a pattern of `{cls.__name__}` with attributes")
        return _matches(cx, pattern.patterns[0], subject)(then)
    names = [*_positional(cx, cls, pattern), *pattern.kwd_attrs]
    if len(set(names)) < len(names):
        raise graph_break(NO_RULE, cx.at(pattern), "a class pattern with an attribute twice")
    inner = [*pattern.patterns, *pattern.kwd_patterns]
    if isinstance(subject, Tracked):
        if not all(has_attribute(cx, subject, name) for name in names):
            return False
        return _each_attribute(cx, subject, list(zip(inner, names)), then)
    if isinstance(subject, LazyStr) or not _may_be_data(subject):
        raise graph_break(NO_RULE, cx.at(pattern), f"attributes of a `{cls.__name__}` in a pattern")
    parts = _taken_apart(cx, class_parts, cx.t.value_atom(subject), Lit(tuple(names)))
    return _where(
        cx,
        cx.truth(compare(cx, "is not", parts, None)),
        lambda: _all(cx, [(p, item(cx, parts, i)) for i, p in enumerate(inner)], then),
    )


def _positional(cx: Capture, cls: type, pattern: ast.MatchClass) -> tuple[str, ...]:
    """The attributes that patterns without a name stand for."""
    num = len(pattern.patterns)
    if not num:
        return ()
    names = cx.bake_attribute(cls, "__match_args__") if hasattr(cls, "__match_args__") else ()
    if not isinstance(names, tuple) or not all(isinstance(name, str) for name in names):
        raise graph_break(NO_RULE, cx.at(pattern), "`__match_args__` that is not a tuple of names")
    if num > len(names):
        some = f"{len(names)} positional sub-pattern{'s' * (len(names) != 1)}"
        raise ProgramRaise(TypeError, (f"{cls.__name__}() accepts {some} ({num} given)",))
    return tuple(str(name) for name in names[:num])


def _each_attribute(cx: Capture, subject: Tracked, parts: list[tuple[ast.pattern, str]], then: Then) -> StandIn:
    if not parts:
        return then({})
    (pattern, name), *others = parts
    found = _matches(cx, pattern, attribute(cx, subject, name))
    return found(lambda bound: _each_attribute(cx, subject, others, lambda more: then({**bound, **more})))


# Any: a pattern of the class that the rule is listed under
_RULES: dict[type[ast.pattern], Callable[[Capture, Any, StandIn, Then], StandIn]] = {
    ast.MatchValue: _value, ast.MatchSingleton: _singleton, ast.MatchAs: _as, ast.MatchOr: _or,
    ast.MatchSequence: _sequence, ast.MatchStar: _star, ast.MatchMapping: _mapping, ast.MatchClass: _class,
}  # fmt: skip
