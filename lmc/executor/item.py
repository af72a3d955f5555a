"""What a run takes: items of a compiled program, and items that cannot even start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import cast

from lmc.errors import ArgumentError, LMError
from lmc.executor.call_params import CallParams
from lmc.executor.future import Poison
from lmc.executor.instance import BoundProgram, Instance, Ran, Shared
from lmc.executor.nodeops import live
from lmc.executor.requests import prepared
from lmc.executor.runnable import Path, Runnable
from lmc.ir.output import OutputType

Arguments = Mapping[Path, object]  # by where each leaf sits in the call's arguments

MAX_KEPT = 256  # bound programs that a run remembers; a batch has one for each shape of its arguments


@dataclass(frozen=True, slots=True)
class PlanItem:
    """A compiled program with arguments.

    externs  live objects by extern name
    number   which item of the batch it is: its random streams depend on it
    ran      gives what it runs as, for who wants to see that
    """

    runnable: Runnable
    arguments: Arguments
    externs: Mapping[str, object] = field(default_factory=dict)
    number: int = 0
    ran: Ran | None = None

    def start(self, inst: Instance) -> None:
        """Issue the program's first work."""
        inst.ran = self.ran
        program = _bound(self.runnable, self.externs, inst.shared)
        if isinstance(program, LMError):
            inst.fail(Poison(program))
            return
        try:
            arguments = [self.arguments[path] for path in self.runnable.params]
        except KeyError as error:
            inst.fail(Poison(ArgumentError(f"item {self.number} has no argument {_shown(error.args[0])}")))
            return
        inst.program = program
        frame = self.runnable.body.run(inst, [], None, arguments, ())
        if self.runnable.holds and not inst.is_over:
            inst.frame = frame


@dataclass(frozen=True, slots=True)
class FailedItem:
    """An item that fails when its turn comes: it was no item, or there was no program for it."""

    error: Exception
    number: int = 0

    def start(self, inst: Instance) -> None:
        """Fail."""
        inst.fail(Poison(self.error))


def _bound(runnable: Runnable, externs: Mapping[str, object], shared: Shared) -> BoundProgram | LMError:
    """The program with the run's parameters and live objects; an error where an extern has no object."""
    key = (id(runnable), id(externs))  # what is kept keeps both alive
    kept = shared.programs.get(key)
    if kept is None:
        if len(shared.programs) == MAX_KEPT:
            shared.programs.clear()
        kept = shared.programs[key] = (runnable, externs, _bind(runnable, externs, shared))
    return kept[2]


def _bind(runnable: Runnable, externs: Mapping[str, object], shared: Shared) -> BoundProgram | LMError:
    try:
        found = {e.name: externs[e.name] if e.name in externs else live(e) for e in runnable.externs}
    except LMError as error:
        return error
    calls = (prepared(_with_output(call, found), shared.params) for call in runnable.calls)
    return BoundProgram(runnable.name, tuple(calls), found, runnable.has_programs)


def _with_output(call: CallParams, found: Mapping[str, object]) -> CallParams:
    return call if call.fn is None else replace(call, output=cast(OutputType, found[call.fn]))


def _shown(path: Path) -> str:
    return repr(path[0]) if len(path) == 1 else repr(path)
