"""A plan made ready to run: values become cell numbers, nodes become functions. Once per plan, for all items.

A block's frame is a list of literals, captured values and the block's own. What a region reads of the frames around
it is captured when it starts, so nothing is ever looked up by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from lmc.executor.call_params import CallParams, of_node
from lmc.executor.callsteps import Foreseen, model_node
from lmc.executor.future import Cell, pending_in, poison_in, settled, when_settled
from lmc.executor.gains import telling
from lmc.executor.hints import NO_HINTS, CallHints, hints_of
from lmc.executor.hostcalls import Discipline, can_hurry, discipline_of, runs_user_code
from lmc.executor.instance import Instance
from lmc.executor.nodeops import LAZY, compute_of
from lmc.executor.quiet import LIVE, is_quiet
from lmc.executor.recursion import function_node, invoke_node
from lmc.executor.regions import Body, for_node, if_node, loop_node
from lmc.executor.steps import BlockFrame, Op, RunNode, op_node
from lmc.executor.tries import try_node, unwind_node
from lmc.ir.analysis import effect_of
from lmc.ir.graph import Atom, Block, Extern, Graph, Lit, Node, Value, walk
from lmc.ir.node_rules import atom_type
from lmc.ir.ops import OPS
from lmc.ir.plan import Plan
from lmc.ir.rows import rows_of
from lmc.ir.types import REF, STATES

Path = tuple[str | int, ...]

UNNAMED = re.compile(r"t\d+")  # values that no name of the user's holds


@dataclass(frozen=True, slots=True, eq=False)
class Runnable:
    """What the executor needs of a plan.

    body     the program's block; its last node ends the instance
    params   where each argument leaf sits
    calls    the model nodes in program order
    externs  those that the graph uses
    holds    True where names of the program hold live objects, which live as long as the program
    has_programs  True where it calls programs
    """

    name: str
    body: Body
    params: tuple[Path, ...]
    calls: tuple[CallParams, ...]
    externs: tuple[Extern, ...]
    holds: bool = False
    has_programs: bool = False


def compile_plan(plan: Plan, *, tells: bool = False) -> Runnable:
    """Make a plan ready to run; keep the result as long as the plan is run.

    tells  whether its states tell what they gain as soon as they have it, where a run wants to know (see branches.py);
           else that is told with the next call
    """
    graph = plan.graph
    compiler = _Compiler(graph, hints_of(plan), tells)
    body = compiler.block(graph.body, None)
    used = {str(node.attr("fn")) for node in graph.walk() if node.has("fn")}
    return Runnable(
        graph.name,
        body,
        tuple(param.path for param in graph.params),
        tuple(compiler.calls),
        tuple(extern for extern in graph.externs if extern.name in used),
        any(out.type.name in LIVE and not UNNAMED.fullmatch(out.name) for n in graph.body.nodes for out in n.outputs),
        any(node.op == "begin" and node.inputs for node in graph.walk()),
    )


@dataclass(slots=True)
class _Scope:
    """The cells of one block while it is compiled."""

    outer: _Scope | None
    cells: dict[str, int] = field(default_factory=dict)
    template: list[Cell] = field(default_factory=list)
    captures: list[tuple[int, int]] = field(default_factory=list)

    def define(self, value: Value) -> int:
        cell = self.cells[value.name] = len(self.template)
        self.template.append(None)
        return cell

    def read(self, atom: Atom) -> int:
        if isinstance(atom, Lit):
            self.template.append(atom.value)
            return len(self.template) - 1
        found = self.cells.get(atom.name)
        if found is not None:
            return found
        assert self.outer is not None, f"{atom} is used and not defined"
        source, target = self.outer.read(atom), self.define(atom)
        self.captures.append((source, target))
        return target


class _Compiler:
    """Walks the graph in program order."""

    def __init__(self, graph: Graph, hints: dict[int, CallHints], tells: bool) -> None:
        self.graph = graph
        self.hints = hints
        self.tells = tells
        self.calls: list[CallParams] = []
        self.num_nodes = 0
        self.num_tries = 0  # bodies of a `try` that the node at hand stands in
        in_rows = {number: found.row for number, found in hints.items() if found.row is not None}
        self.behind = rows_of(graph, in_rows) if in_rows else {}

    def block(self, block: Block, outer: _Scope | None) -> Body:
        """The block, and all that is inside it."""
        scope = _Scope(outer)
        params = tuple(map(scope.define, block.params)) if outer else self._arguments(scope)
        ends = _last_uses(block)
        nodes = [_dropping(self.node(node, scope), scope, ends.get(i, ())) for i, node in enumerate(block.body)]
        nodes += self._end(block.end, scope)
        return Body(
            tuple(nodes),
            scope.template,
            tuple(scope.captures),
            params,
            tuple(map(scope.read, block.end.inputs)),
            block.end.op == "raise",
        )

    def node(self, node: Node, scope: _Scope) -> RunNode:
        """One node."""
        number = self._next_number()
        ins = tuple(map(scope.read, node.inputs))
        bodies = [self.region(node, i, scope) for i in range(len(node.regions))]
        itself = scope.read(_itself(node)) if node.op == "invoke" else 0
        outs = tuple(map(scope.define, node.outputs))
        if node.op == "invoke":
            return invoke_node(node, ins, outs, itself, number)
        match OPS[node.op].kind:
            case "region":
                return self._region(node, ins, outs, bodies, number)
            case "mark":
                return unwind_node(ins)
            case "model":
                return self._model(node, number, scope, ins, outs)
            case _:
                return op_node(self._op(node, number, ins, outs), self._discipline(node))

    def region(self, node: Node, i: int, scope: _Scope) -> Body:
        """A region of a node."""
        is_tried = node.op == "try" and i == 0
        self.num_tries += is_tried
        region = node.regions[i]
        if node.op == "function":  # one parameter more: itself, for `invoke`
            region = replace(region, params=(*region.params, _itself(node)))
        body = self.block(region, scope)
        self.num_tries -= is_tried
        return body

    def _discipline(self, node: Node) -> Discipline:
        # in a `try` somebody may catch that a turn cannot begin here; else it ends the program whenever it is said
        if self.num_tries and node.op in ("role_begin", "role_end"):
            return "refuses"
        return discipline_of(node, self.graph)

    def _region(
        self, node: Node, ins: tuple[int, ...], outs: tuple[int, ...], bodies: list[Body], number: int
    ) -> RunNode:
        match node.op:
            case "if":
                return if_node(ins[0], bodies[0], bodies[1], outs, _spot(node))
            case "loop":
                return loop_node(ins, outs, bodies[0], number, _spot(node))
            case "try":
                return try_node(ins, outs, bodies[0], bodies[1], in_turn=self._waits(node.regions[0]))
            case "function":
                return function_node(ins, outs, bodies[0], number)
            case "for":
                return for_node(node, ins, outs, bodies[0], number, is_quiet=is_quiet(node, self.graph))
            case _:
                raise AssertionError(f"no rule for the region {node.op}")

    def _waits(self, body: Block) -> bool:
        """True for a `try` that must not begin where something before it has failed, or may yet."""
        calls = self.num_tries > 0 and any(OPS[node.op].kind == "model" for node in walk(body))
        return calls or _has_effects(body, self.graph)

    def _arguments(self, scope: _Scope) -> tuple[int, ...]:
        return tuple(scope.define(param.value) for param in self.graph.params)

    def _next_number(self) -> int:
        self.num_nodes += 1
        return self.num_nodes - 1

    def _model(
        self, node: Node, number: int, scope: _Scope, ins: tuple[int, ...], outs: tuple[int, ...]
    ) -> RunNode:
        self.calls.append(of_node(node, number, self.hints.get(number, NO_HINTS)))
        then = tuple(
            Foreseen(tuple(_cell_or_text(atom, scope) for atom in behind.atoms), of_node(behind.call, number))
            for behind in self.behind.get(id(node), ())
        )
        return model_node(node, len(self.calls) - 1, ins, outs, in_turn=self.num_tries > 0, then=then)

    def _op(self, node: Node, number: int, ins: tuple[int, ...], outs: tuple[int, ...]) -> Op:
        lazy = LAZY[node.op](len(ins)) if node.op in LAZY else frozenset[int]()
        return Op(
            node,
            number,
            ins,
            outs,
            telling(node, compute_of(node)) if self.tells else compute_of(node),
            lazy,
            is_deep=node.op == "join_list",
            can_fail_in=node.op == "check",
            can_hurry=can_hurry(node, self.graph),
            user_code=runs_user_code(node, self.graph),
        )

    def _end(self, node: Node, scope: _Scope) -> Iterator[RunNode]:
        """A terminator that does something by itself."""
        number = self._next_number()
        ins = tuple(map(scope.read, node.inputs))
        if node.op == "raise":
            yield op_node(self._op(node, number, ins, ()), "ordered")
        elif node.op == "return":
            yield partial(_return, ins, atom_type(node.inputs[1]) == STATES)


def _cell_or_text(atom: Atom, scope: _Scope) -> int | str:
    return atom.value if isinstance(atom, Lit) and isinstance(atom.value, str) else scope.read(atom)


def _itself(node: Node) -> Value:
    """Stands for a function in the frames of its body."""
    return Value("$" + str(node.attr("name")), REF)


def _spot(node: Node) -> str:
    return node.span.spot if node.span is not None else ""


def _has_effects(block: Block, graph: Graph) -> bool:
    """True where a node of a block waits for its turn in the order of the program."""
    for node in walk(block):
        if node.op == "raise":
            continue
        if OPS[node.op].kind in ("state", "host") and discipline_of(node, graph) == "ordered":
            return True
        if node.op == "invoke" or (node.op == "for" and effect_of(node, graph) != "none"):
            return True
    return False


def _return(ins: tuple[int, ...], is_states: bool, inst: Instance, frame: BlockFrame) -> None:
    """End the instance when the chain, the state and the value are there."""
    _conclude([frame.chain, frame[ins[0]], frame[ins[1]]], is_states, inst)


def _conclude(cells: list[Cell], is_states: bool, inst: Instance) -> None:
    """The chain's failure was reported when it came; a failed state or value is reported now."""
    cells = list(map(settled, cells))
    _, state, ret = cells
    states = list(map(settled, ret)) if is_states and type(ret) is tuple else []
    pending = pending_in(cells) or pending_in(states)
    if pending:
        when_settled(pending, partial(_conclude, cells, is_states, inst))
        return
    failure = poison_in(states)
    inst.finish(state, failure or (states if is_states else ret))


def _last_uses(block: Block) -> dict[int, list[str]]:
    """Live objects without a name, by the node of the block that is the last to use them.

    Python lets go of them there: a file that is written in one statement is closed by its end, and a generator whose
    loop is left runs its `finally`.
    """
    last: dict[str, int] = {}
    for i, node in enumerate(block.body):
        last.update({out.name: i for out in node.outputs if UNNAMED.fullmatch(out.name) and out.type.name in LIVE})
        last.update({x.name: i for x in node.inputs if isinstance(x, Value) and x.name in last})
    regions = [region for node in block.body for region in node.regions] if last else []
    inner = {x.name for region in regions for each in walk(region) for x in each.inputs if isinstance(x, Value)}
    kept = inner | {x.name for x in block.end.inputs if isinstance(x, Value)}
    found: dict[int, list[str]] = {}
    for name, i in last.items():
        if name not in kept:
            found.setdefault(i, []).append(name)
    return found


def _dropping(run: RunNode, scope: _Scope, names: Sequence[str]) -> RunNode:
    if not names:
        return run
    cells = [scope.cells[name] for name in names]

    def step(inst: Instance, frame: BlockFrame) -> None:
        run(inst, frame)
        for cell in cells:
            frame[cell] = None

    return step
