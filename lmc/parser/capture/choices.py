"""One of several known things that no value can be: functions, expressions, objects, states by a run-time key.

    TOOLS = {"search": search, "calc": calc}
    TOOLS[s["t"]](s["q"])           %i = item {"search": 0, "calc": 1}, %t     a KeyError is raised here, as in Python
                                    %c = compare %i, 1 {op="<"}
                                    %r = if %c { ... search } else { ... calc }

What is done to a choice is done in each arm to the option that stands there, and what comes of it is merged.
"""

from __future__ import annotations

from collections.abc import Callable

from lmc.ir.graph import Lit, Value
from lmc.ir.types import BOOL, INT
from lmc.parser.capture.context import Capture
from lmc.parser.capture.exits import under
from lmc.parser.capture.merge import choose
from lmc.parser.capture.tracer import Arm, ProgramRaise
from lmc.parser.capture.values import (
    Choice,
    Closure,
    Container,
    FixedProgram,
    Method,
    PartialCall,
    StandIn,
    StateCell,
    Sym,
    Tracked,
    is_literal,
    is_ordinary,
    parts_of,
)
from lmc.parser.primitives import Expr


def each(cx: Capture, x: Choice, do: Callable[[StandIn], StandIn]) -> StandIn:
    """What `do` gives for the option that the run picks."""

    def among(low: int, high: int) -> StandIn:
        if high - low == 1:
            return do(x.options[low])
        middle = (low + high) // 2
        below = cx.t.host("compare", x.index, Lit(middle), type=BOOL, op="<")
        return choose(cx.t, below, lambda: among(low, middle), lambda: among(middle, high))

    return among(0, len(x.options))


def unmixed(cx: Capture, x: Choice, do: Callable[[StandIn], StandIn]) -> StandIn:
    """The same, and a choice again where `do` adds nothing to the graph: a method of an object, an expression."""
    trial = Arm(cx.t)
    try:
        with trial.open():
            results = tuple(do(option) for option in x.options)
    except ProgramRaise:
        return each(cx, x, do)
    if not trial.nodes and not trial.writes and any(map(_is_no_value, results)):
        return Choice(x.index, results)
    return each(cx, x, do)


def apart(cx: Capture, x: Choice, do: Callable[[StandIn], StandIn]) -> StandIn:
    """The same of what can be changed in place: it is one of the results, not what they have in common."""
    results: list[StandIn] = []
    raised: dict[int, ProgramRaise] = {}
    for i, option in enumerate(x.options):
        trial = Arm(cx.t)
        try:
            with trial.open():
                results.append(do(option))
        except ProgramRaise as stop:  # such as None has no attributes
            raised[i] = stop
        if trial.nodes or trial.writes:
            return unmixed(cx, x, do)
    if not results or not all(isinstance(one, Container) for one in results):
        return unmixed(cx, x, do)
    for i, error in raised.items():
        _raise_where(cx, x, i, error)
        results.insert(i, results[0])  # never asked for
    return Choice(x.index, tuple(results))


def _raise_where(cx: Capture, x: Choice, at: int, stop: ProgramRaise) -> None:
    def fail() -> None:
        raise stop

    found = cx.is_among(x, [at])
    assert isinstance(found, Value)
    under(cx, found, fail)


def told(cx: Capture, x: Choice, ask: Callable[[StandIn], StandIn]) -> StandIn:
    """The same for what is asked about each option: where all answers are known they are a list of numbers."""
    trial = Arm(cx.t)
    try:
        with trial.open():
            answers = [ask(option) for option in x.options]
    except ProgramRaise:
        return each(cx, x, ask)
    if trial.nodes or trial.writes or not all(isinstance(one, bool) for one in answers):
        return each(cx, x, ask)
    found = cx.is_among(x, [i for i, one in enumerate(answers) if one])
    return found if isinstance(found, bool) else Sym(found)


def of_table(cx: Capture, table: Container | tuple[StandIn, ...], index: StandIn) -> StandIn:
    """`table[index]` where only the run knows the index, and what the table holds is no value; else None."""
    content = table if isinstance(table, tuple) else table.content
    if isinstance(content, Value) or not content or not _is_table(table):
        return None
    options = parts_of(content)
    places = _numbers(options)
    if isinstance(content, dict):
        numbers = cx.t.host("dict", *(Lit(x) for pair in zip(content, places) for x in pair))
    else:
        numbers = cx.t.host("tuple" if isinstance(table, tuple) else "list", *map(Lit, places))
    unlike, number = _unlike(options), cx.t.host("item", numbers, cx.t.value_atom(index), type=INT)
    return unlike[0] if len(unlike) == 1 else Choice(number, unlike)


def got(cx: Capture, container: Container, key: StandIn, default: StandIn) -> StandIn:
    """`table.get(key, default)` of such a table; else NotImplemented."""
    content = container.content
    if not isinstance(content, dict) or not content or not _is_table(container):
        return NotImplemented
    options = (*content.values(), default)
    places = _numbers(options)
    table = cx.t.host("dict", *(Lit(x) for pair in zip(content, places) for x in pair))
    number = cx.t.host("method", table, cx.t.value_atom(key), Lit(places[-1]), type=INT, name="get")
    return Choice(number, _unlike(options))


def _is_table(table: Container | tuple[StandIn, ...]) -> bool:
    """True where an item must be known to be of use: no value can stand for it."""
    if isinstance(table, Container) and (table.kind == "set" or (table.kind != "dict" and table.holds_states)):
        return False  # a list of states is one value of run time
    return any(map(_is_no_value, table if isinstance(table, tuple) else table.parts))


def _is_no_value(x: StandIn) -> bool:
    if isinstance(x, Closure | PartialCall | FixedProgram | Method | Choice | Tracked | StateCell | Expr):
        return True
    if isinstance(x, tuple):
        return any(map(_is_no_value, x))
    if isinstance(x, Container):
        return x.holds_states or any(map(_is_no_value, x.parts))
    return is_ordinary(x) and not is_literal(x) and callable(x)


def _unlike(options: tuple[StandIn, ...]) -> tuple[StandIn, ...]:
    return tuple({id(x): x for x in options}.values())


def _numbers(options: tuple[StandIn, ...]) -> list[int]:
    """The number of each option among those that are unlike."""
    numbers: dict[int, int] = {}
    return [numbers.setdefault(id(x), len(numbers)) for x in options]


def is_none(cx: Capture, x: Choice) -> bool | Value:
    """`choice is None`."""
    return cx.is_among(x, [i for i, option in enumerate(x.options) if option is None])
