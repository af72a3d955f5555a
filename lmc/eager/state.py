"""`s` of a program that runs as Python: the names, parameters and errors of a state in capture, each done at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NoReturn, cast

from lmc.eager.held import LATER, Held
from lmc.eager.place import place
from lmc.eager.program_greenlet import Running, value_of, waited
from lmc.eager.record import Made, StateAt, kept
from lmc.errors import ArgumentError
from lmc.executor.callsteps import ask, give_up
from lmc.executor.future import Cell, Future, Poison, settled
from lmc.executor.lineage import call_seed
from lmc.executor.nodeops import turn_begun, turn_ended
from lmc.executor.returned import with_each
from lmc.executor.state import JOIN_MODES, ProgramState
from lmc.ir.ops import not_a_name, not_text
from lmc.ir.reasoning import REASONING_NAME
from lmc.parser.primitives import (
    LEFT_OUT,
    NOT_ADDED,
    NOT_ADDED_HELP,
    TURNS,
    Concat,
    GenExpr,
    Role,
    RoleBegin,
    RoleEnd,
    SelectExpr,
)

_OWN = frozenset(("end", "number", "ret_value"))  # names of a state that are no methods for programs


_INSTEAD = {
    **dict.fromkeys(("gen", "generate", "select", "image"), 'write s += lmc.gen("name"), and s["name"] is what came'),
    **dict.fromkeys(("append", "add", "extend", "write", "say"), "write s += text"),
    "join": "the forks together have it: forks = s.fork(2), and forks.join() gives their values to s",
    **dict.fromkeys(("get", "keys", "values", "items"), "s[name] is a value, `name in s` asks for it"),
}


class EagerState:
    """A program state: `s += text`, `s += gen(...)`, `s["name"]`, turns, forks.

    Calls are submitted and not waited for; reading a value, the text, the messages or what is known of a call is what
    waits. A failed call raises where it is read first, and at the end of the program at the latest.

    number     which one it is in the program's record
    ret_value  what the program returned, of one that was called inside another
    """

    __slots__ = ("_copied_from", "_held", "_program", "number", "ret_value")

    __lmc_state__ = True
    ret_value: Any

    def __init__(self, program: Running, held: Held, at: int = 0) -> None:
        self._program = program
        self._held = held
        self.number = at
        self._copied_from: EagerState | None = None

    def _note(self, op: str, *operands: object) -> None:
        record = self._program.record
        if record is not None:
            self.number = record.did(op, self.number, operands)

    def _note_read(self, name: str | None = None, value: object = None) -> None:
        record = self._program.record
        if record is not None:
            record.read(self.number, name, value)

    # --- appending -------------------------------------------------------------------------------------------

    def __iadd__(self, x: object) -> EagerState:
        self._append(x)
        return self

    def __add__(self, x: object) -> NoReturn:
        raise ArgumentError(NOT_ADDED, help=NOT_ADDED_HELP)

    def _append(self, x: object) -> None:
        match x:
            case str():
                text = x if type(x) is str else str.__str__(x)
                self._change(lambda state: state.append(text))
                self._note("append", text)
            case Concat(parts):
                for part in parts:
                    self._append(part)
            case GenExpr() | SelectExpr():
                self._call(x)
            case RoleBegin(role):
                self._begin(role)
            case RoleEnd(role):
                self._end(role)
            case _:
                raise not_text(x)

    def _change(self, change: Callable[[ProgramState], ProgramState], later: str | None = None) -> None:
        self._held = self._held.changed(self._program.inst.ready, change, later)
        self._tell()

    def _tell(self) -> None:
        """Tell what the state has gained, now or as soon as it is there."""
        branches, cell = self._program.inst.branches, self._held.cell
        if branches is None:
            return
        if type(cell) is ProgramState:
            branches.reached(cell)
        elif type(cell) is Future:
            cell.then(lambda: branches.reached(state) if type(state := settled(cell)) is ProgramState else None)

    def _call(self, x: GenExpr | SelectExpr) -> None:
        program, inst, held = self._program, self._program.inst, self._held
        there = held.is_there
        known, cell = held.known, held.cell
        number = program.num_calls
        params = program.expressions.call(
            x, number, place(), lambda: call_seed(inst.base, known.lineage, known.calls)
        )  # fmt: skip
        program.num_calls += 1
        state, value = outs = [Future(inst.ready), Future(inst.ready)]

        def start() -> None:
            begun = settled(cell)
            if type(begun) is Poison:
                give_up(inst, outs, begun)
            else:
                ask(inst, params, cast(ProgramState, begun), outs)

        inst.num_open += 1
        if there or type(cell) is not Future:
            start()
        else:
            cell.then(start)
        name = cast("str | None", params.name)
        thoughts = None if params.reasoning is None or name is None else REASONING_NAME.format(name)
        self._held = held.called(name, state, value, thoughts)
        self._note(params.op, x, params)

    def _begin(self, role: str) -> None:
        inst = self._program.inst
        self._change(lambda state: turn_begun(inst, state, role))
        self._note("role_begin", role)

    def _end(self, role: str) -> None:
        inst = self._program.inst
        self._change(lambda state: turn_ended(inst, state, role))
        self._note("role_end", role)

    def _begin_scope(self, name: str) -> None:
        if not isinstance(name, str):
            raise not_a_name(name)
        self._change(lambda state: state.begin_scope(name))
        self._note("scope_begin", name)

    def _end_scope(self, name: str) -> None:
        self._change(lambda state: state.end_scope(name), later=name)
        self._note("scope_end", name)

    # --- reading ---------------------------------------------------------------------------------------------

    def _whole(self) -> ProgramState:
        state = cast(ProgramState, value_of(self._program.inst, self._held.cell))
        self._note_read()
        return state

    def text(self) -> str:
        """The whole prompt so far."""
        return self._whole().text()

    def __str__(self) -> str:
        """Waits, as `text` does; the form is SGLang's."""
        return f"ProgramState({self.text()})"

    def __repr__(self) -> str:
        """The same; what cannot be read is said, as a debugger asks at any time."""
        try:
            return str(self)
        except Exception as error:
            return f"<ProgramState: {type(error).__name__}>"

    def messages(self) -> list[dict[str, str]]:
        """The closed turns, as role and content."""
        return self._whole().messages()

    def sync(self) -> None:
        """Wait for every call that the state holds."""
        self._whole()

    def get_meta_info(self, name: str) -> Any:
        """How the value of that name came to be, None where no call has set it; raises KeyError."""
        if not isinstance(name, str):
            raise not_a_name(name)
        return self._whole().meta(name)

    def __getitem__(self, name: str) -> Any:
        value = self._read(name)
        self._note_read(name, value)
        return value

    def _read(self, name: str) -> Any:
        if not isinstance(name, str):
            raise not_a_name(name)
        held = self._held
        if held.is_there:
            return held.known.get(name)
        value = held.known.get(name)
        if value is LATER:
            return cast(ProgramState, value_of(self._program.inst, held.cell)).get(name)
        return value_of(self._program.inst, value) if type(value) is Future else value

    def get_var(self, name: str) -> Any:
        """The value of that name."""
        return self[name]

    def variables(self) -> dict[str, Any]:
        """All values by name."""
        return dict(self._whole().names.values)

    def __contains__(self, name: str) -> bool:
        if not isinstance(name, str):
            raise not_a_name(name)
        return self._whole().has(name)  # waits as a graph does: a call that failed has given its name no value

    __iter__ = None  # `for x in s` would count through names that are numbers

    def __setitem__(self, name: str, value: object) -> None:
        if not isinstance(name, str):
            raise not_a_name(name)
        self._change(lambda state: state.set(name, value))
        if self._program.record is not None:
            self._note("set", name, noted(value))

    def __delitem__(self, name: str) -> NoReturn:
        raise TypeError("the value of a name cannot be taken from a program state; set it to None with s[name] = None")

    def set_var(self, name: str, value: object) -> None:
        """Give a name a value."""
        self[name] = value

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        if name == "error":
            raise ArgumentError(
                "a program state keeps no error: a call that failed raises where it is read, and a program called "
                "inside another one where it is called",
                help="`try` around the call of the inner program, and `except ... as error`",
            )
        methods = ", ".join(sorted(each for each in vars(EagerState) if not each.startswith("_") and each not in _OWN))
        help = _INSTEAD.get(name, f"it has {methods}")
        if name in self:
            help = f'its value of that name is s["{name}"]'
        raise ArgumentError(f"a program state has no method `{name}`", help=help)

    # --- turns and scopes ------------------------------------------------------------------------------------

    def system(self, expr: object = LEFT_OUT) -> Any:
        """A whole system turn, or a `with` block of one."""
        return self._turn("system", expr)

    def user(self, expr: object = LEFT_OUT) -> Any:
        """A whole user turn, or a `with` block of one."""
        return self._turn("user", expr)

    def assistant(self, expr: object = LEFT_OUT) -> Any:
        """A whole assistant turn, or a `with` block of one."""
        return self._turn("assistant", expr)

    def _turn(self, role: Role, expr: object) -> WithBlock | Concat:
        if expr is LEFT_OUT:
            return WithBlock(self, lambda: self._begin(role), lambda: self._end(role))
        self._append(TURNS[role](expr))
        return Concat(())

    def var_scope(self, name: str) -> WithBlock:
        """A `with` block whose text will be the value of that name."""
        return WithBlock(self, lambda: self._begin_scope(name), lambda: self._end_scope(name))

    # --- forks -----------------------------------------------------------------------------------------------

    def fork(self, size: int = 1, position_ids_offset: object = None) -> ForkList:
        """States that go on from here, each with random draws of its own."""
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise ArgumentError(f"fork takes a number of children, not {size!r}")
        self._held, *children = self._held.forked(self._program.inst.ready, size)
        if self._program.inst.branches is not None:
            self._program.inst.branches.forked(self._held.known, [child.known for child in children])
        if self._program.record is not None:
            self.number = self._program.record.did("fork", self.number, (size,), num_states=size + 1)
        return ForkList(
            self, [EagerState(self._program, child, self.number + i) for i, child in enumerate(children, 1)]
        )

    def copy(self, position_ids_offset: object = None) -> EagerState:
        """One fork; as a `with` block it is joined at the end."""
        (child,) = self.fork(1)
        child._copied_from = self
        return cast(EagerState, child)

    def __enter__(self) -> EagerState:
        if self._copied_from is None:
            raise ArgumentError("a program state is no `with` block", help="write `with s.copy() as c:`")
        return self

    def __exit__(self, *raised: object) -> None:
        assert self._copied_from is not None
        self._copied_from._join([self], "gather_variable")

    def _join(self, children: Iterable[EagerState], mode: str) -> None:
        if mode not in JOIN_MODES:
            raise ArgumentError(f"unknown join mode {mode!r}", help="gather_variable or concate_and_append")
        children = list(children)
        self._held = self._held.joined(self._program.inst.ready, [child._held for child in children], mode)
        self._tell()
        self._note("join", mode, tuple(child.number for child in children))

    def end(self) -> Cell:
        """The state once it is there, or the failure of a call that it holds."""
        return waited(self._program.inst, self._held.cell)


EagerState.__name__ = EagerState.__qualname__ = "ProgramState"  # in what Python says of it, as in its text


class WithBlock:
    """A turn or a scope as a `with` block: ends however the block is left."""

    __slots__ = ("_begin", "_end", "_state")

    def __init__(self, state: EagerState, begin: Callable[[], None], end: Callable[[], None]) -> None:
        self._state, self._begin, self._end = state, begin, end

    def __enter__(self) -> EagerState:
        self._begin()
        return self._state

    def __exit__(self, *raised: object) -> None:
        self._end()


class ForkList(list[Any]):  # Any: a program may put what it likes into its list
    """What `fork` gives: a list of states that knows their parent."""

    def __init__(self, parent: EagerState, states: Iterable[EagerState]) -> None:
        super().__init__(states)
        self._parent = parent

    def __iadd__(self, x: Any) -> ForkList:  # type: ignore[misc]
        """Append to each: one part of a list each, what a function gives for its number, or the same to all."""
        parts = [x] * len(self)
        if isinstance(x, list | tuple):
            if len(x) != len(self):
                raise ArgumentError(f"{len(x)} texts for {len(self)} forks")
            parts = list(x)
        for i, (state, part) in enumerate(zip(self, parts)):
            state += x(i) if callable(x) else part
        return self

    def join(self, mode: str = "gather_variable") -> None:
        """Give the parent what its children have set, a list a name; or, by "concate_and_append", their text."""
        self._parent._join(self, mode)


def noted(x: object) -> object:
    """A value as a record keeps it."""
    return kept(x, _own)


def _own(x: object) -> object:
    if isinstance(x, EagerState):
        return StateAt(x.number)
    return Made("list", tuple(map(noted, x))) if isinstance(x, ForkList) else None


def public(x: Any) -> Any:
    """What a program returned; its states, in containers too, are waited for and given as values."""
    return with_each(with_each(x, ForkList, list), EagerState, EagerState._whole)
