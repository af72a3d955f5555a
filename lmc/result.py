"""What a run gives back for one item."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lmc.errors import ArgumentError

if TYPE_CHECKING:
    from lmc.backend.base import Usage
    from lmc.calls import CallRecord
    from lmc.executor.made_call import MadeCall
    from lmc.executor.state import ProgramState
    from lmc.report import RunReport


class Result:
    """What a run gave: values by name, the whole text, what the program returned, or its error.

    Reading anything but `error`, `usage`, `report`, `item` and `calls` of a failed run raises the run's error.

    item  which item of its batch it is, from 0
    """

    def __init__(
        self,
        state: ProgramState | None,
        ret: object,
        error: BaseException | None,
        usage: Usage,
        report: RunReport | None,
        item: int = 0,
        made: Sequence[MadeCall | CallRecord] | None = None,
    ) -> None:
        self._state, self._ret, self._made = state, ret, made
        self.item = item
        self.error = error
        self.usage = usage
        self.report = report

    @property
    def state(self) -> ProgramState:
        """The final program state; raises the run's error if it failed."""
        if self.error is not None:
            raise self.error
        assert self._state is not None
        return self._state

    @property
    def ret_value(self) -> Any:
        """What the program returned; a program state comes back as a Result of its own."""
        self.state  # noqa: B018  # raises for a failed run
        return self._public(self._ret)

    def _public(self, value: object) -> Any:
        from lmc.executor.state import ProgramState

        if isinstance(value, ProgramState):
            return Result(value, None, None, self.usage, self.report)
        if isinstance(value, list) and any(isinstance(v, ProgramState) for v in value):
            return [self._public(v) for v in value]
        return tuple(self._public(v) for v in value) if isinstance(value, tuple) else value

    @property
    def raw_return(self) -> object:
        """What the program returned, program states as they are. For who saves results."""
        return self._ret

    @property
    def has_calls(self) -> bool:
        """Whether the run kept the calls."""
        return self._made is not None

    @property
    def calls(self) -> list[CallRecord]:
        """Its model calls, in program order, those of a failed run too.

        Raises ArgumentError where the run did not keep them: `run` does, `run_batch` and `open_run` with `calls=True`.
        """
        from lmc.calls import as_records

        if self._made is None:
            raise ArgumentError("this run kept no calls", help="run_batch(..., calls=True) keeps them")
        return as_records(self._made, self.item)

    def __getitem__(self, name: str) -> Any:
        return self.state.get(name)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.state.has(name)

    def get_var(self, name: str) -> Any:
        """The value of that name."""
        return self.state.get(name)

    def variables(self) -> dict[str, Any]:
        """All values by name."""
        return dict(self.state.names.values)

    def text(self) -> str:
        """The whole prompt with everything generated in it."""
        return self.state.text()

    def messages(self) -> list[dict[str, str]]:
        """The closed turns, as role and content."""
        return self.state.messages()

    def get_meta_info(self, name: str) -> Any:
        """How the value of that name came to be: tokens, finish reason, scores."""
        return self.state.meta(name)

    def __repr__(self) -> str:
        if self.error is not None:
            return f"<Result failed: {type(self.error).__name__}>"
        return f"<Result {', '.join(f'{k}={v!r}' for k, v in self.variables().items())}>"
