"""Tracing a program: from a Python function and the shape of its arguments to a Graph.

Leaves of the arguments are always symbolic, the structure of containers is static; what was baked is guarded.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import FunctionType, MethodType

from lmc.codes import ENDLESS_RECURSION, ESCAPED, FUNCTION_GIVEN_AWAY, NO_RULE, TOO_DEEP
from lmc.errors import CaptureError, LMError
from lmc.ir.graph import Atom, Block, Graph, Node, Value
from lmc.ir.types import BOOL, DATA, INT, NONE, REF, STATE
from lmc.ir.verify import MAX_DEPTH
from lmc.parser.argument_shapes import (
    ArgumentContainer,
    ArgumentLeaf,
    ArgumentNumber,
    ArgumentShape,
    Path,
    signature_of,
)
from lmc.parser.capture.breaks import fault, graph_break
from lmc.parser.capture.context import ALL_CONSTANTS, Capture, deep_recursion
from lmc.parser.capture.functions import opened, run_closure
from lmc.parser.capture.handed_out import returned, with_originals
from lmc.parser.capture.out_of_sight import check_beside
from lmc.parser.capture.rules import RULES
from lmc.parser.capture.scope import node_span
from lmc.parser.capture.tracer import Guard, MakeLive, ProgramRaise
from lmc.parser.capture.values import (
    ARGUMENTS,
    Container,
    Content,
    Escapes,
    Site,
    StandIn,
    StateCell,
    Sym,
    known_items,
)
from lmc.parser.capture.waits import with_needed_waits
from lmc.parser.primitives import Concat, Expr
from lmc.source import Span

MAX_RECURSIVE = 8  # functions of a program that call themselves
MAX_LIVE = 8  # lists and dicts of the user's that are found one by one not to be constant

MAX_SITES = 200  # places of one program where live objects are made instead of data


@dataclass(frozen=True, slots=True)
class Trace:
    """A captured program: the graph, the live objects behind its externs, and what must still hold to use it again.

    outside  what else of the user's it was made of: containers whose content it holds
    lost     expressions of the language that are statements of their own: where, and the words that make them
    """

    graph: Graph
    externs: Mapping[str, object]
    guards: tuple[Guard, ...]
    outside: tuple[object, ...] = ()
    lost: tuple[tuple[Span, str], ...] = ()

    def holds(self) -> bool:
        """True while everything that was baked is still the same."""
        return all(g.holds() for g in self.guards)


def trace(
    fn: FunctionType | MethodType, shapes: Mapping[str, ArgumentShape], guards: list[Guard] | None = None
) -> Trace:
    """Capture `fn(s, **arguments)`; raises CaptureError at a graph break, LMError at a user's mistake.

    guards  is filled with what was baked, up to the error where there is one
    """
    deep_recursion()
    opaque: frozenset[object] = frozenset()
    live: frozenset[Site] = frozenset()
    baked = [] if guards is None else guards
    names_are_live = False
    recursive: frozenset[ast.AST] = frozenset()
    endless: CaptureError | None = None  # what was said when the first of them did not end
    while True:
        cx = Capture(RULES, opaque=opaque, names_are_live=names_are_live, recursive=recursive)
        cx.t.guards, cx.t.live_sites = baked, live
        try:
            made = _traced(cx, fn, shapes)
        except Escapes as escape:
            if escape.maker in opaque:
                what = f"an object of `{getattr(escape.maker, '__qualname__', escape.maker)}`"
                raise endless or graph_break(FUNCTION_GIVEN_AWAY, _place(cx), what) from None
            opaque |= {escape.maker}
            # each time one more was found to be live: what is left of them is not worth another trace
            if sum(isinstance(maker, tuple) for maker in opaque) >= MAX_LIVE:
                opaque |= {ALL_CONSTANTS}
        except CaptureError as error:
            # where numbers had a part in it, there may be an end once they are known
            is_new = error.code == ENDLESS_RECURSION and cx.endless is not None and cx.endless not in recursive
            if not is_new or error.numbers or len(recursive) >= MAX_RECURSIVE:
                raise (endless or error) from None
            recursive |= {cx.endless}  # type: ignore[arg-type]
            endless = endless or error
        except MakeLive as need:
            if need.sites <= live or len(live) > MAX_SITES:
                span = need.span or _place(cx)
                refused = need.error or graph_break(ESCAPED, span, "a value that shares a part with others")
                raise (endless or refused) from None
            live |= need.sites
        except LMError:
            raise
        except Exception as error:  # what is wrong here is no error of the program's
            raise fault(error, cx.t.span) from error
        else:
            # a loop may bring what was generated behind a read before it
            if not (cx.names_are_live and cx.names_were_read):
                return made
            names_are_live = True
        baked.clear()


def _traced(cx: Capture, fn: FunctionType | MethodType, shapes: Mapping[str, ArgumentShape]) -> Trace:
    state = cx.t.fresh(STATE)
    cx.t.emit("begin", (), (state,))
    root = cx.t.new_cell(state, "s")
    # Python makes a dict of its own for these
    cx.own_names = {p.name for p in inspect.signature(fn).parameters.values() if p.kind is p.VAR_KEYWORD}
    arguments = {name: _argument(cx, shape, (name,)) for name, shape in shapes.items()}
    closure, owner = opened(cx, fn)
    cx.t.span = cx.whole = node_span(closure.node, closure.scope.file)
    try:
        args, kwargs = _passed(cx, fn, root, arguments)
        _finish(cx, root, run_closure(cx, closure, (*owner, *args), kwargs))
    except ProgramRaise as stop:
        cx.t.emit_raise(stop)
    except LMError as error:
        error.span = error.span or _place(cx)
        if isinstance(error, CaptureError):
            error.numbers = frozenset(cx.t.numbers[name] for name in cx.t.used_numbers)
        raise
    cx.guard_code()
    nodes = with_originals(cx, tuple(cx.t.nodes))
    graph = Graph(fn.__name__, tuple(cx.t.params.values()), (), Block((), nodes))
    _check_depth(graph.body, 0)
    graph = _Names(cx.t.names).graph(graph)
    used = {n.attr("fn") for n in graph.walk() if n.has("fn")}
    externs = tuple(e for e in cx.t.externs.values() if e.name in used)
    if any(node.op == "begin" and node.inputs for node in graph.walk()):
        for extern in externs:
            check_beside(cx.t.objects[extern.name], extern.label)
    graph = with_needed_waits(replace(graph, externs=externs))
    return Trace(graph, {e.name: cx.t.objects[e.name] for e in externs}, tuple(cx.t.guards), cx.outside, tuple(cx.lost))


def _check_depth(block: Block, depth: int) -> None:
    """Blocks in blocks are walked by recursion, in every pass and backend."""
    for node in block.nodes:
        if node.regions and depth >= MAX_DEPTH:
            raise graph_break(TOO_DEEP, node.span, MAX_DEPTH)
        for region in node.regions:
            _check_depth(region, depth + 1)


def _passed(
    cx: Capture, fn: FunctionType | MethodType, root: StateCell, arguments: dict[str, StandIn]
) -> tuple[tuple[StandIn, ...], dict[str, StandIn]]:
    """The arguments by name as a call gives them, by position or keyword, `*args` and `**kwargs` taken apart."""
    call = signature_of(fn).bind_partial()
    state, *parameters = call.signature.parameters.values()
    # a wrapper takes all it is given by `*args`, the state first
    if state.kind is state.VAR_POSITIONAL:
        more = _known(cx, "*", state.name, known_items(arguments.get(state.name, ())))
        call.arguments = {**arguments, state.name: (root, *more)}  # type: ignore[misc]
    else:
        call.arguments = {state.name: root, **arguments}
    for parameter in parameters:
        given = arguments[parameter.name]
        if parameter.kind is parameter.VAR_POSITIONAL:
            call.arguments[parameter.name] = _known(cx, "*", parameter.name, known_items(given))
        elif parameter.kind is parameter.VAR_KEYWORD:
            pairs = given.content if isinstance(given, Container) and given.is_static else None
            call.arguments[parameter.name] = _known(cx, "**", parameter.name, pairs)
    return call.args, call.kwargs


def _known(cx: Capture, stars: str, name: str, content: StandIn) -> StandIn:
    if content is None:
        error = graph_break(NO_RULE, cx.t.span, f"`{stars}{name}` of unknown length")
        error.help = f"take `{name}` as one argument"
        raise error
    return content


def _finish(cx: Capture, root: StateCell, ret: StandIn) -> None:
    if isinstance(ret, Concat) and not ret.parts:
        ret = None
    cx.t.span = None
    cx.t.emit("return", (cx.t.state(root), returned(cx, ret)))


def _place(cx: Capture) -> Span | None:
    """Where capture has come to; at its end, the `return` that gives an expression nobody took, or else the last."""
    returns = [span for span, value in cx.returns if isinstance(value, Expr)] or [span for span, _ in cx.returns[-1:]]
    return cx.t.span or (returns[0] if returns else cx.whole)


def _argument(cx: Capture, shape: ArgumentShape, path: Path) -> StandIn:
    made = _made_of(cx, shape, path)
    if isinstance(made, Container):
        cx.t.arguments.append(made)
    return made


def _made_of(cx: Capture, shape: ArgumentShape, path: Path) -> StandIn:
    own = len(path) == 1 and path[0] in cx.own_names
    if ARGUMENTS in cx.t.live_sites and not own and _is_mutable(shape):
        assert isinstance(shape, ArgumentContainer | ArgumentLeaf)
        form = shape.kind if isinstance(shape, ArgumentContainer) else "data"
        return Container(cx.t.born(), form, cx.t.param(REF, path), path=path)
    if isinstance(shape, ArgumentContainer):
        items = [(key, _argument(cx, inner, (*path, key))) for key, inner in shape.items]
        if shape.kind == "tuple":
            return tuple(value for _, value in items)
        content: Content = dict(items) if shape.kind == "dict" else tuple(value for _, value in items)
        return Container(cx.t.born(), shape.kind, content, path=path)
    if isinstance(shape, ArgumentNumber):
        return shape.value
    if shape.type == NONE:
        return None
    value = cx.t.param(shape.type, path)
    if shape.type in (INT, BOOL):
        cx.t.numbers[value.name] = path
    if shape.type == DATA:
        made = Container(cx.t.born(), "data", value, path=path)
        cx.t.boxes.append(made)
        return made
    return Sym(value)


def _is_mutable(shape: ArgumentShape) -> bool:
    """True for what may be changed in place; what is in a tuple is looked at by itself."""
    return shape.kind != "tuple" if isinstance(shape, ArgumentContainer) else shape.type == DATA


_UNNAMED = re.compile(r"t\d+")


class _Names:
    """Gives every value its printed name: the user's where there is one, numbered where it is taken."""

    def __init__(self, hints: Mapping[str, str | StateCell]) -> None:
        self.hints = hints
        self.given: dict[str, Value] = {}
        self.counts: dict[str, int] = {}
        self.taken: set[str] = set()

    def graph(self, graph: Graph) -> Graph:
        params = tuple(replace(p, value=self.define(p.value)) for p in graph.params)
        return replace(graph, params=params, body=self.block(graph.body))

    def block(self, block: Block) -> Block:
        params = tuple(self.define(p) for p in block.params)
        return Block(params, tuple(self.node(n) for n in block.nodes))

    def node(self, node: Node) -> Node:
        inputs = tuple(self.use(a) for a in node.inputs)
        regions = tuple(self.block(r) for r in node.regions)
        outputs = tuple(self.define(o) for o in node.outputs)
        return Node(node.op, inputs, node.keys, node.attrs, regions, outputs, node.span)

    def use(self, atom: Atom) -> Atom:
        return self.given[atom.name] if isinstance(atom, Value) else atom

    def define(self, value: Value) -> Value:
        hint = self.hints.get(value.name)
        base = hint.hint if isinstance(hint, StateCell) else (hint or ("s" if value.type.is_state else "t"))
        numbered = isinstance(hint, StateCell) or hint is None
        name = f"{base}{self._next(base)}" if numbered else base
        if hint is not None and _UNNAMED.fullmatch(name):
            name = f"{base}_"  # a name of the user's that reads like one of ours: it holds on to its value
        while name in self.taken:
            name = f"{base}{self._next(base)}" if numbered else f"{base}_{self._next(base + '_')}"
        self.taken.add(name)
        self.given[value.name] = named = Value(name, value.type)
        return named

    def _next(self, base: str) -> int:
        count = self.counts.get(base, 0 if not base.endswith("_") else 1)
        self.counts[base] = count + 1
        return count
