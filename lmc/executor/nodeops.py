"""What a state or host node computes from plain values: one function for each, built once per plan.

No futures here, no order, no requests. A function takes the instance and the list of inputs, and gives the output,
or a tuple where the node has not exactly one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from lmc.errors import ArgumentError, ChatTemplateError
from lmc.executor.future import Cell, Future, Poison
from lmc.executor.instance import Instance
from lmc.executor.lineage import child_lineage
from lmc.executor.state import JOIN_MODES, ProgramState
from lmc.ir.builtins import BY_LABEL
from lmc.ir.graph import UNSET, Extern, Node
from lmc.ir.ops import OPS

Plain = list[Any]  # Any: values of the program; the verifier has seen that their types fit the node
Compute = Callable[[Instance, Plain], Cell]
NOTHING: Mapping[str, str] = {}

# inputs that a node takes as they are, even if they are still to come: lists of states hold futures
LAZY: dict[str, Callable[[int], frozenset[int]]] = {
    "states": lambda num_inputs: frozenset(range(num_inputs)),
    "states_set": lambda num_inputs: frozenset((2,)),
    "states_append": lambda num_inputs: frozenset((1,)),
}


def compute_of(node: Node) -> Compute:
    """The function of a node."""
    build = BUILDERS.get(node.op)
    if build is not None:
        return build(node)
    assert OPS[node.op].eval is not None, f"{node.op} is not a state or host op"
    return _host(node)


def live(extern: Extern) -> object:
    """The object of an extern that nobody bound: only what `ir.builtins` lists binds itself."""
    if extern.label in BY_LABEL:
        return BY_LABEL[extern.label]
    raise ArgumentError(
        f"the graph's extern @{extern.name} ({extern.label}) is not bound to anything",
        help=f"bind it: graph.bind({{{extern.name!r}: ...}})",
    )


# --- states ----------------------------------------------------------------------------------------------------


def _states_item(inst: Instance, xs: Plain) -> Cell:
    try:
        return handed(inst, xs[0][xs[1]])
    except IndexError:
        raise IndexError("list index out of range") from None


def _begin(node: Node) -> Compute:
    first = ProgramState()
    if not node.inputs:
        return lambda inst, xs: first
    return lambda inst, xs: ProgramState(lineage=child_lineage(1, xs[0] - 1, 0))


def _append(node: Node) -> Compute:
    if len(node.inputs) == 2:
        return lambda inst, xs: xs[0].append(xs[1])
    return lambda inst, xs: xs[0].append(*xs[1:])


def _role_begin(node: Node) -> Compute:
    role, text = cast(str, node.attr("role")), cast("str | None", node.attr("text"))
    after = dict(cast("tuple[tuple[str, str], ...]", node.attr("after") or ()))
    if text is not None:
        return lambda inst, xs: xs[0].begin_role(role, text)

    return lambda inst, xs: turn_begun(inst, xs[0], role, after)


def turn_begun(inst: Instance, state: ProgramState, role: str, after: Mapping[str, str] = NOTHING) -> ProgramState:
    """The state with a turn open; `after` has the template's literal by the role before it, where it is known."""
    previous = state.turns.previous
    literal = after.get(previous) if after else _opening(inst, previous, role)
    if literal is None and (after or _is_append_only(inst)):
        where = f"after the {previous} turn" if previous else "at the start"
        raise ChatTemplateError(f"the chat template has no {role} turn {where}")
    return state.begin_role(role, literal)


def _role_end(node: Node) -> Compute:
    role, text = cast(str, node.attr("role")), cast("str | None", node.attr("text"))

    return lambda inst, xs: turn_ended(inst, xs[0], role, text)


def turn_ended(inst: Instance, state: ProgramState, role: str, literal: str | None = None) -> ProgramState:
    """The state with its turn closed; `literal` is what the template puts behind it, where it is known."""
    if literal is None and state.turns.role == role and not state.turns.rendered:
        literal = inst.shared.prompts.tokenizer.chat.end(role)  # type: ignore[union-attr]
    return state.end_role(role, literal)


def _opening(inst: Instance, previous: str, role: str) -> str | None:
    chat = inst.shared.prompts.tokenizer.chat
    if chat is None:
        raise ChatTemplateError(
            f"the {role} turn needs a chat template, and the tokenizer has none",
            help="use a tokenizer with a template, or append plain text without roles",
        )
    return chat.begin(previous, role) if chat.append_only else None


def _is_append_only(inst: Instance) -> bool:
    chat = inst.shared.prompts.tokenizer.chat
    return chat is not None and chat.append_only


def _fork(node: Node) -> Compute:
    num = cast(int, node.attr("n"))
    if num == 0:
        return lambda inst, xs: xs[0].fork(0)[0]
    return lambda inst, xs: xs[0].fork(num)


def _fork_list(inst: Instance, xs: Plain) -> tuple[ProgramState, tuple[ProgramState, ...]]:
    state, num = xs
    if isinstance(num, bool) or not isinstance(num, int):
        raise ArgumentError(f"fork({num!r}): the number of forks is a whole number, not {type(num).__name__}")
    if num < 0:
        raise ArgumentError(f"fork({num}): the number of forks cannot be negative")
    parent, *children = state.fork(num)
    return parent, tuple(children)


def _join(node: Node) -> Compute:
    join = _join_mode(node)
    return lambda inst, xs: join(xs[0], tuple(xs[1:]))


def _join_list(node: Node) -> Compute:
    join = _join_mode(node)
    return lambda inst, xs: join(xs[0], xs[1])


def _join_mode(node: Node) -> Callable[[ProgramState, tuple[ProgramState, ...]], ProgramState]:
    mode = node.attr("mode")
    if mode not in JOIN_MODES:
        raise ArgumentError(f"unknown join mode {mode!r}", span=node.span, help=f"one of {', '.join(JOIN_MODES)}")
    return JOIN_MODES[mode]


def _replaced(inst: Instance, xs: Plain) -> tuple[Cell, ...]:
    changed = list(xs[0])
    changed[xs[1]] = xs[2]
    return tuple(changed)


def _gathered(inst: Instance, xs: Plain) -> tuple[Cell, ...]:
    states, indices = xs
    return tuple(states[i] for i in indices)


def _plainly(method: Callable[..., Any]) -> Callable[[Node], Compute]:
    """A node that is a method of its first input."""
    return lambda node: lambda inst, xs: method(*xs)


def _just(compute: Compute) -> Callable[[Node], Compute]:
    return lambda node: compute


# --- host ------------------------------------------------------------------------------------------------------


def _host(node: Node) -> Compute:
    run = cast(Callable[..., Any], OPS[node.op].eval)
    attrs = dict(node.attrs)
    if node.keys:
        return lambda inst, xs: run(attrs, *positional(node, xs), **named(node, xs))
    return lambda inst, xs: run(attrs, *xs)


def _unpack(node: Node) -> Compute:
    unpack = _host(node)
    if node.attr("n") == 1:
        return lambda inst, xs: cast("tuple[Cell, ...]", unpack(inst, xs))[0]
    return unpack


def _check(node: Node) -> Compute:
    name = node.attr("name")

    def compute(inst: Instance, xs: Plain) -> Cell:
        if xs[0] is UNSET:
            raise UnboundLocalError(f"cannot access local variable {name!r} where it is not associated with a value")
        return handed(inst, xs[0])

    return compute


def _extern(node: Node) -> Compute:
    name = cast(str, node.attr("fn"))
    return lambda inst, xs: inst.program.externs[name]


def _call(node: Node) -> Compute:
    name = cast(str, node.attr("fn"))
    if not node.keys:
        return lambda inst, xs: inst.program.externs[name](*xs)  # type: ignore[operator]
    return lambda inst, xs: inst.program.externs[name](*positional(node, xs), **named(node, xs))  # type: ignore[operator]


def _raise(node: Node) -> Compute:
    name = cast(str, node.attr("fn"))

    def compute(inst: Instance, xs: Plain) -> Cell:
        thing = inst.program.externs[name]
        if isinstance(thing, BaseException):
            raise thing
        raise thing(*positional(node, xs), **named(node, xs))  # type: ignore[operator]

    return compute


def handed(inst: Instance, cell: Cell) -> Cell:
    """A value as the result of a node that only hands it on: a failed one is not a failure of the node."""
    if type(cell) is not Poison:
        return cell
    future = Future(inst.ready)
    future.set(cell)
    return future


def positional(node: Node, xs: Plain) -> list[Cell]:
    """The inputs without a name."""
    return xs[: len(xs) - len(node.keys)]


def named(node: Node, xs: Plain) -> dict[str, Cell]:
    """The inputs with one."""
    return dict(zip(node.keys, xs[len(xs) - len(node.keys) :])) if node.keys else {}


BUILDERS: dict[str, Callable[[Node], Compute]] = {
    "begin": _begin,
    "append": _append,
    "role_begin": _role_begin,
    "role_end": _role_end,
    "fork": _fork,
    "fork_list": _just(_fork_list),
    "join": _join,
    "join_list": _join_list,
    "set": _plainly(ProgramState.set),
    "scope_begin": _plainly(ProgramState.begin_scope),
    "scope_end": _plainly(ProgramState.end_scope),
    "get": _plainly(ProgramState.get),
    "has": _plainly(ProgramState.has),
    "text": _plainly(ProgramState.text),
    "messages": _plainly(ProgramState.messages),
    "meta": _plainly(ProgramState.meta),
    "states": _just(lambda inst, xs: tuple(xs)),
    "states_item": _just(_states_item),
    "states_set": _just(_replaced),
    "states_append": _just(lambda inst, xs: (*xs[0], xs[1])),
    "states_len": _just(lambda inst, xs: len(xs[0])),
    "states_gather": _just(_gathered),
    "unpack": _unpack,
    "check": _check,
    "extern": _extern,
    "call": _call,
    "raise": _raise,
}
