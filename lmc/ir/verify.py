"""The rules of a well-formed graph or plan. Each pass's result is verified; the first broken rule is raised.

Here: names, single assignment, use after definition, regions and what flows round them.
A node by itself is `ir.node_rules`, a plan's own rules are `ir.plan_rules`.
"""

from __future__ import annotations

from typing import NoReturn

from lmc.errors import VerifyError
from lmc.ir.graph import Atom, Block, Extern, Graph, Node, Param, Value
from lmc.ir.node_rules import EFFECTS, atom_type, fits, node_problem
from lmc.ir.ops import OPS
from lmc.ir.plan import Plan
from lmc.ir.plan_rules import check_prefixes, check_steps
from lmc.ir.printer import print_head
from lmc.ir.types import REF, TYPE_NAMES, Type

MAX_DEPTH = 100  # regions in regions, as deep as Python itself nests blocks; recursion over them stays within its limit

_ENDS = {
    "program": ("return", "raise"), "if": ("yield", "raise"), "try": ("yield", "raise"), "loop": ("next", "raise"),
    "for": ("next", "raise"), "function": ("yield", "raise"),
}  # fmt: skip


def verify(graph: Graph) -> None:
    """Raises VerifyError at the first rule that the graph breaks."""
    _Verifier(graph).graph()


def verify_plan(plan: Plan) -> None:
    """Raises VerifyError at the first rule that the plan, or its graph, breaks."""
    verify(plan.graph)
    check_steps(plan)
    check_prefixes(plan)


class _Verifier:
    """One walk in program order.

    defined   every name of the graph so far
    visible   the definitions that the node at hand may use: earlier ones of its block and the blocks around it
    tries     the `try` nodes in whose bodies the node at hand stands, outermost first; inside its function
    functions  the `function` nodes that it stands in, by name
    """

    def __init__(self, graph: Graph) -> None:
        self.source = graph
        self.externs: set[str] = set()
        self.defined: set[str] = set()
        self.visible: dict[str, Value] = {}
        self.tries: list[Node] = []
        self.functions: dict[str, Node] = {}

    def graph(self) -> None:
        for extern in self.source.externs:
            self.extern(extern)
        for param in self.source.params:
            self.param(param)
        self.block(self.source.body, "program", None, 0)

    def extern(self, extern: Extern) -> None:
        if extern.name in self.externs:
            raise VerifyError(f"extern `@{extern.name}` is declared twice")
        if extern.effect not in EFFECTS:
            raise VerifyError(f"extern `@{extern.name}` has the effect `{extern.effect}`; it must be {_any(EFFECTS)}")
        if extern.type.name not in TYPE_NAMES or extern.type.is_state or extern.type.maybe:
            raise VerifyError(f"extern `@{extern.name}` is `{extern.type}`; it must be a value, not a state")
        self.externs.add(extern.name)

    def param(self, param: Param) -> None:
        if not param.path or not isinstance(param.path[0], str):
            raise VerifyError(f"the path of argument `%{param.value.name}` does not begin with a name")
        if param.value.type.maybe:
            raise VerifyError(f"argument `%{param.value.name}` may be unset (`{param.value.type}`)")
        self.define(param.value, None)

    def block(self, block: Block, kind: str, owner: Node | None, depth: int) -> None:
        """A region of `owner`, or the program's body: what it defines is visible inside it only."""
        if depth > MAX_DEPTH:
            _fail(owner, f"regions are nested more than {MAX_DEPTH} deep")
        before = len(self.visible)
        for value in block.params:
            self.define(value, owner)
        _check_end(block, kind, owner)
        for node in block.nodes:
            self.node(node)
            for i, region in enumerate(node.regions):
                if node.op == "function":
                    self.function(node, depth)
                    continue
                is_tried = node.op == "try" and i == 0
                self.tries += [node] * is_tried
                self.block(region, node.op, node, depth + 1)
                del self.tries[len(self.tries) - is_tried :]
            _check_flow(node)
            for value in node.outputs:
                self.define(value, node)
        for _ in range(len(self.visible) - before):
            self.visible.popitem()

    def node(self, node: Node) -> None:
        for atom in node.inputs:
            if isinstance(atom, Value):
                self.use(atom, node)
        if problem := node_problem(node):
            _fail(node, problem)
        if node.op == "unwind":
            self.unwind(node)
        elif node.op == "invoke":
            self.invoke(node)
        fn = node.attr("fn")
        if fn is not None and fn not in self.externs:
            _fail(node, f"extern {fn!r} is not declared")

    def unwind(self, node: Node) -> None:
        if not self.tries:
            _fail(node, "`unwind` stands in no body of a `try`")
        _check_fit(node, node.inputs, self.tries[-1].regions[1].params[1:], "hands over")

    def function(self, node: Node, depth: int) -> None:
        """The body of a function, in which it may be invoked. What fails in it leaves it."""
        name = str(node.attr("name"))
        if name in self.functions:
            _fail(node, f"the function `{name}` stands in another one of that name")
        self.functions[name] = node
        tries, self.tries = self.tries, []
        self.block(node.regions[0], node.op, node, depth + 1)
        self.tries = tries
        del self.functions[name]

    def invoke(self, node: Node) -> None:
        name = str(node.attr("name"))
        if name not in self.functions:
            _fail(node, f"`invoke` names the function `{name}`, in whose body it does not stand")
        function = self.functions[name]
        # the handler would be given what was handed over outside the body
        if self.tries:
            _fail(node, "`invoke` stands in the body of a `try`")
        _check_fit(node, node.inputs, function.regions[0].params, "hands over")
        _check_fit(node, function.outputs, node.outputs, "gives")

    def define(self, value: Value, node: Node | None) -> None:
        if value.name in self.defined:
            _fail(node, f"`%{value.name}` is defined twice")
        if value.type.name not in TYPE_NAMES or value.type == Type("unset"):
            _fail(node, f"`%{value.name}` has the unknown type `{value.type}`")
        self.defined.add(value.name)
        self.visible[value.name] = value

    def use(self, value: Value, node: Node) -> None:
        known = self.visible.get(value.name)
        if known is None and value.name in self.defined:
            _fail(node, f"`%{value.name}` is used outside the region that defines it")
        if known is None:
            _fail(node, f"`%{value.name}` is used before it is defined")
        if known.type != value.type:
            _fail(node, f"`%{value.name}` is used as `{value.type}` and defined as `{known.type}`")


def _fail(node: Node | None, message: str) -> NoReturn:
    if node is None:
        raise VerifyError(message)
    raise VerifyError(message, span=node.span, notes=(print_head(node),))


def _any(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names[:-1]) + f" or `{names[-1]}`"


def _check_end(block: Block, kind: str, owner: Node | None) -> None:
    where = "the program" if owner is None else f"a region of `{kind}`"
    ends = _ENDS[kind]
    if not block.nodes:
        _fail(owner, f"{where} is empty; it must end in {_any(ends)}")
    for node in block.body:
        if node.op in OPS and OPS[node.op].kind == "end":
            _fail(node, f"`{node.op}` stands in the middle of {where}; nothing may follow it")
    if block.end.op not in ends:
        _fail(block.end, f"{where} ends in `{block.end.op}`; it must end in {_any(ends)}")


def _check_flow(node: Node) -> None:
    """What goes into a region node, round its regions and out of it, in number and in type."""
    if node.op == "if":
        _check_if(node)
    elif node.op == "try":
        _check_try(node)
    elif node.op == "function":
        _check_function(node)
    elif node.op == "loop":
        _check_carries(node, node.regions[0], node.inputs, node.regions[0].params)
    elif node.op == "for":
        _check_for(node)


def _check_if(node: Node) -> None:
    for region in node.regions:
        if region.params:
            _fail(node, "a region of `if` takes no parameters")
        if region.end.op == "yield":
            _check_fit(region.end, region.end.inputs, node.outputs, "yields")


def _check_try(node: Node) -> None:
    body, handler = node.regions
    if body.params:
        _fail(node, "the body of `try` takes no parameters")
    if not handler.params or handler.params[0].type != REF:
        _fail(node, "the handler of `try` begins with the exception, a `ref`")
    _check_fit(node, node.inputs, handler.params[1:], "hands over")
    for region in node.regions:
        if region.end.op == "yield":
            _check_fit(region.end, region.end.inputs, node.outputs, "yields")


def _check_function(node: Node) -> None:
    region = node.regions[0]
    _check_fit(node, node.inputs, region.params, "hands over")
    if region.end.op == "yield":
        _check_fit(region.end, region.end.inputs, node.outputs, "yields")


def _check_for(node: Node) -> None:
    region = node.regions[0]
    if not region.params:
        _fail(node, "the body of `for` has no parameter for the item")
    if region.params[0].type.is_state or region.params[0].type.maybe:
        _fail(node, f"the item of `for` is `{region.params[0].type}`; it must be a value, not a state, and surely set")
    _check_carries(node, region, node.inputs[1:], region.params[1:])
    _check_fit(node, node.inputs[1:], node.outputs, "passes on")  # no item at all


def _check_carries(node: Node, region: Block, inputs: tuple[Atom, ...], params: tuple[Value, ...]) -> None:
    """`inputs` become the body's `params`; what `next` carries becomes the params again, at last the outputs."""
    _check_fit(node, inputs, params, "carries")
    if len(node.outputs) != len(inputs):
        _fail(node, f"`{node.op}` carries {len(inputs)} values and gives {len(node.outputs)} results")
    if region.end.op == "next":
        _check_fit(region.end, region.end.inputs[1:], params, "carries")
        _check_fit(region.end, region.end.inputs[1:], node.outputs, "carries")


def _check_fit(node: Node, atoms: tuple[Atom, ...], places: tuple[Value, ...], verb: str) -> None:
    if len(atoms) != len(places):
        _fail(node, f"`{node.op}` {verb} {len(atoms)} values; {len(places)} are expected")
    for atom, place in zip(atoms, places):
        have = atom_type(atom)
        if not fits(have, place.type):
            _fail(node, f"`{node.op}` {verb} a `{have}` for `%{place.name}`, which is `{place.type}`")
