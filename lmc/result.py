"""What a run gives back for one item."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, cast

from lmc.errors import ArgumentError, LMError
from lmc.notebook import bars, bundle, pre, table
from lmc.state import R

if TYPE_CHECKING:
    from lmc.backend.base import Usage
    from lmc.calls import CallRecord
    from lmc.compiler import Compiled
    from lmc.executor.made_call import MadeCall
    from lmc.executor.state import ProgramState
    from lmc.ir.graph import Graph
    from lmc.ir.plan import Plan
    from lmc.observe.report import RunReport
    from lmc.viz.figures import Figures


_OTHER_WAYS = "result[name] is a value of its, result.variables() all of them, result.ret_value what was returned"


class Result(Generic[R]):
    """What a run gave: values by name, the whole text, what the program returned, or its error.

    Reading anything but `error`, `usage`, `report`, `item`, `calls` and what ran of a failed run raises its error.

    item   which item of its batch it is, from 0
    taken  the arms of branches that it took and the turns of its loops, by place; nothing where it ran as Python
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
        ran: Callable[[BaseException | None], object] | None = None,
    ) -> None:
        self._state, self._ret, self._made = state, ret, made
        self._compiled = None if ran is None else functools.cache(functools.partial(ran, error))
        self._is_copy = False
        self.item = item
        self.taken: dict[str, Any] = {}
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
    def has_graph(self) -> bool:
        """True where it is known what ran, so that `compiled` gives it."""
        return self._compiled is not None

    @property
    def compiled(self) -> Compiled:
        """What ran: the compiled program; or what was recorded of it as it ran as Python, straight on.

        Raises ArgumentError where nothing was recorded, and the error of an item that never began.
        """
        if self._compiled is not None:
            return cast("Compiled", self._compiled())
        if self.error is not None:
            raise self.error
        if self._is_copy:
            raise ArgumentError("a pickled or copied result has no graph", help="keep the result of the run itself")
        raise ArgumentError(
            "nothing was recorded of what this program did as Python", help="give record=True to the run"
        )

    @property
    def graph(self) -> Graph:
        """The graph of what ran; see `compiled`."""
        return self.compiled.graph

    @property
    def plan(self) -> Plan:
        """The plan of what ran; see `compiled`."""
        return self.compiled.plan

    @property
    def ret_value(self) -> R:
        """What the program returned; a program state, in a container too, comes back as a Result of its own."""
        self.state  # noqa: B018  # raises for a failed run
        from lmc.executor.returned import with_each
        from lmc.executor.state import ProgramState

        found = with_each(self._ret, ProgramState, lambda state: Result(state, None, None, self.usage, self.report))
        return cast(R, found)

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

    @property
    def made_calls(self) -> tuple[MadeCall, ...]:
        """Its calls with the nodes that made them, where it is the run's own result and that kept them."""
        from lmc.executor.made_call import MadeCall

        return tuple(call for call in self._made or () if isinstance(call, MadeCall))

    def picture(self, format: str = "html") -> str:
        """What ran, drawn with what it came to: html, svg or svg-graph, or another format of `Compiled.emit`.

        With `timeline=True` for the run, html has its forward passes too. Raises ArgumentError as `compiled` does.
        """
        from lmc.viz import emit

        return emit(self.compiled.planned, format, figures=self.figures)

    @property
    def figures(self) -> Figures | None:
        """What its calls came to, for the pictures; None where the run kept none."""
        from lmc.calls import CallRecord
        from lmc.observe.figures import figures_of

        made = [call for call in self._made or () if not isinstance(call, CallRecord)]
        if self._made is None or len(made) < len(self._made):
            return None
        timeline = self.report.timeline if self.report is not None else None
        return figures_of(made, self.compiled.planned, timeline, self.item)

    def __getitem__(self, name: str) -> Any:
        return self.state.get(name)

    if not TYPE_CHECKING:  # a type checker shall see what there is
        __iter__ = None  # by numbers it would be read as values of such names

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_"):
                raise AttributeError(name)
            has = self.error is None and name in self
            cure = f"its value of that name is result[{name!r}]" if has else _OTHER_WAYS
            raise AttributeError(f"a result has no attribute `{name}`; {cure}", name=name, obj=self)

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

    def text_iter(self, var_name: str | None = None) -> Iterator[str]:
        """What the same of a stream (`run(..., stream=True)`) gives, in one piece, as the run is over."""
        yield self.text() if var_name is None else str(self.get_var(var_name))

    async def text_async_iter(
        self, var_name: str | None = None, return_meta_data: bool = False
    ) -> AsyncIterator[str | tuple[str, Any]]:
        """The same in a coroutine; with `return_meta_data` a pair, with what `get_meta_info` gives of that name."""
        if return_meta_data and var_name is None:
            raise ArgumentError("there is nothing to know of a text without a name", help="text_async_iter(name, ...)")
        for text in self.text_iter(var_name):
            yield (text, self.get_meta_info(str(var_name))) if return_meta_data else text

    def get_meta_info(self, name: str) -> Any:
        """How the value of that name came to be: tokens, finish reason, scores."""
        return self.state.meta(name)

    def __getstate__(self) -> dict[str, Any]:
        """All but the graph of what ran, for other processes and for copies; calls as records."""
        calls = self.calls if self.has_calls else None
        return self.__dict__ | {"_made": calls, "_compiled": None, "_is_copy": True}

    def __str__(self) -> str:
        """The values, a line a name, and what the program returned; or the error."""
        if self.error is not None:
            return f"failed: {_told(self.error)}"
        lines = [f"{name}: {value}" for name, value in self.variables().items()]
        if self._ret is not None:
            lines.append(f"-> {self.ret_value}")
        return "\n".join(lines) or self.text()

    def _repr_html_(self) -> str:
        if self.error is not None:
            return pre(str(self), "print(result) shows them")
        rows = [(name, str(value)) for name, value in self.variables().items()]
        shown = table(rows if self._ret is None else [*rows, ("returned", str(self.ret_value))])
        return shown + (bars([_bar(call) for call in self.calls], "calls") if self.has_calls else "")

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return bundle(repr(self), self._repr_html_())

    def __repr__(self) -> str:
        if self.error is not None:
            return f"<Result failed: {type(self.error).__name__}>"
        return f"<Result {', '.join(f'{k}={v!r}' for k, v in self.variables().items())}>"


def _bar(call: CallRecord) -> tuple[str, list[tuple[str, int]]]:
    """A call for a notebook: its name, place and time, and its tokens."""
    place = f", {call.place.rsplit('/', 1)[-1]}" if call.place else ""
    time = f", {call.end_s - call.begin_s:.2f} s" if call.end_s is not None else ""
    computed = call.prompt_tokens - call.cached_tokens
    sizes = [("cached", call.cached_tokens), ("computed", computed), ("generated", call.output_tokens)]
    return f"#{call.number} {call.kind} {call.name or ''}{place}{time}", sizes


def _told(error: BaseException) -> str:
    """An error as Python prints it; lmc's own say their name themselves."""
    return error.render() if isinstance(error, LMError) else f"{type(error).__name__}: {error}"
