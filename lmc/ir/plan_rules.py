"""What must hold of a plan: its steps name the graph's nodes in their regions, its prefixes name the steps.

Steps and prefixes are listed after what they refer to.
"""

from __future__ import annotations

from itertools import takewhile
from typing import NoReturn

from lmc.errors import VerifyError
from lmc.ir.graph import Atom, Block, Graph, Node, Value
from lmc.ir.hint_rules import check_hints
from lmc.ir.ops import OPS
from lmc.ir.plan import Plan, Prefix, Step
from lmc.ir.rewrite import definitions
from lmc.ir.strand import Strand
from lmc.ir.types import Type


def check_steps(plan: Plan) -> None:
    """Raises VerifyError at the first step that does not fit the graph or an earlier step."""
    nodes, around = _numbered(plan.graph.body)
    names = _types_by_name(plan.graph)
    prefixes = {prefix.id: prefix for prefix in plan.prefixes}
    steps: dict[int, Step] = {}
    used: set[int] = set()
    passed: set[int] = set()
    for step in plan.steps:
        if step.id in steps:
            _fail_step(step, "its number is taken by an earlier step")
        _check_node(step, nodes, used)
        _check_place(step, steps, around)
        _check_prompt(step, names, passed)
        if step.prefix is not None and step.prefix not in prefixes:
            _fail_step(step, f"there is no prefix p{step.prefix}")
        check_hints(step, prefixes)
        steps[step.id] = step
        used.add(step.node)


def _numbered(body: Block) -> tuple[list[Node], list[int | None]]:
    """The nodes in `walk` order, and for each the number of the region node around it."""
    nodes: list[Node] = []
    around: list[int | None] = []

    def number(block: Block, owner: int | None) -> None:
        for node in block.nodes:
            nodes.append(node)
            around.append(owner)
            here = len(nodes) - 1
            for region in node.regions:
                number(region, here)

    number(body, None)
    return nodes, around


def _types_by_name(graph: Graph) -> dict[str, Type]:
    return {value.name: value.type for value in definitions(graph)}


def _check_node(step: Step, nodes: list[Node], used: set[int]) -> None:
    if not 0 <= step.node < len(nodes):
        _fail_step(step, f"there is no node {step.node}; the graph has {len(nodes)}")
    if nodes[step.node].op != step.op:
        _fail_step(step, f"node {step.node} is a `{nodes[step.node].op}`, not a `{step.op}`")
    if step.node in used:
        _fail_step(step, f"node {step.node} has an earlier step")


def _check_place(step: Step, earlier: dict[int, Step], around: list[int | None]) -> None:
    """A step stands in the step of its region, and waits for earlier steps of the same region."""
    outer = None if step.inside is None else earlier.get(step.inside)
    if step.inside is not None and outer is None:
        _fail_step(step, f"it is inside #{step.inside}, which is not an earlier step")
    if (outer.node if outer else None) != around[step.node]:
        _fail_step(step, f"its node {step.node} is not directly inside {_step_name(step.inside)}")
    for id in step.after:
        if id not in earlier:
            _fail_step(step, f"it comes after #{id}, which is not an earlier step")
        if earlier[id].inside != step.inside:
            _fail_step(step, f"it comes after #{id}, which stands in another region")
    if step.wave < 0:
        _fail_step(step, f"its wave is {step.wave}")


def _step_name(id: int | None) -> str:
    return "the program's body" if id is None else f"the region of #{id}"


def _check_prompt(step: Step, types: dict[str, Type], passed: set[int]) -> None:
    """`passed` are the parts of earlier prompts by their identity; the steps keep them."""
    if step.prompt and OPS[step.op].kind != "model":
        _fail_step(step, "only a model call has a prompt")
    prompt = step.prompt
    for part in takewhile(lambda part: id(part) not in passed, prompt.parts() if isinstance(prompt, Strand) else ()):
        passed.add(id(part))
        _check_pieces(step, part.tail, types)
    if not isinstance(prompt, Strand):
        _check_pieces(step, tuple(prompt), types)


def _check_pieces(step: Step, pieces: tuple[Atom, ...], types: dict[str, Type]) -> None:
    if unknown := _unknown(pieces, types):
        _fail_step(step, f"its prompt has `%{unknown.name}`, a `{unknown.type}` that the graph does not define")


def _unknown(atoms: tuple[Atom, ...], types: dict[str, Type]) -> Value | None:
    return next((a for a in atoms if isinstance(a, Value) and types.get(a.name) != a.type), None)


def check_prefixes(plan: Plan) -> None:
    """Raises VerifyError at the first prefix that does not fit the steps or an earlier prefix."""
    steps = {step.id for step in plan.steps}
    names = _types_by_name(plan.graph)
    seen: set[int] = set()
    for prefix in plan.prefixes:
        if prefix.id in seen:
            _fail_prefix(prefix, "its number is taken by an earlier prefix")
        if prefix.parent is not None and prefix.parent not in seen:
            _fail_prefix(prefix, f"it is under p{prefix.parent}, which is not an earlier prefix")
        if lost := [id for id in prefix.steps if id not in steps]:
            _fail_prefix(prefix, f"there is no step #{lost[0]}")
        if unknown := _unknown(prefix.pieces, names):
            _fail_prefix(prefix, f"it has `%{unknown.name}`, a `{unknown.type}` that the graph does not define")
        seen.add(prefix.id)


def _fail_step(step: Step, message: str) -> NoReturn:
    raise VerifyError(f"step #{step.id} ({step.op}): {message}")


def _fail_prefix(prefix: Prefix, message: str) -> NoReturn:
    raise VerifyError(f"prefix p{prefix.id}: {message}")
