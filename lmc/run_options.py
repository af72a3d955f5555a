"""What one run may be given beside the program's arguments, by the names that `run`, `arun` and `stream` know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from lmc.errors import ArgumentError

if TYPE_CHECKING:
    from lmc.backend.base import Backend
    from lmc.batch import BatchOptions
    from lmc.launch import Mode
    from lmc.patience import Retry, Timeout
    from lmc.streaming import OnEvent


class RunPlace(NamedTuple):
    """What stands in the signature of each of them: where a program runs, from which seed, and how far optimised."""

    backend: Backend | str | None
    model: str | None
    seed: int | None
    opt_level: int | str

    @property
    def is_said(self) -> bool:
        """Whether it says where, so that the run is one of its own wherever it is called."""
        return self.backend is not None or self.model is not None


class RunOptions(NamedTuple):
    """What a program's own argument of the same name comes before. `use_thread` is SGLang's: no item has a thread."""

    on_event: OnEvent | None = None
    mode: Mode | None = None
    fullgraph: bool = False
    record: bool = True
    timeline: bool = False
    retry: int | Retry | None = None
    timeout: float | Timeout | None = None
    use_thread: object = None

    def as_batch(self, *, is_stream: bool) -> BatchOptions:
        """How the run waits and tries again: as a batch of one item does. Raises ArgumentError."""
        from lmc.batch import BatchOptions
        from lmc.patience import retry_of, timeout_of

        options = BatchOptions(retry=retry_of(self.retry), timeout=timeout_of(self.timeout))
        options.check_stream(is_stream, False, self.on_event is not None)
        return options

    def check_inside(self, is_stream: Any) -> None:
        """Raises ArgumentError for what a program called inside another one cannot have of its own."""
        if is_stream or self.on_event is not None:
            raise ArgumentError(
                "a program that is called inside another one is part of that one's run, and of its stream",
                help="read the outer run's stream: the inner program's text is its branch p0, p1, ...",
            )
        given: Mapping[str, object] = {"timeout": self.timeout, "retry": self.retry}
        name = next((name for name, value in given.items() if value is not None), None)
        if name is not None:
            raise ArgumentError(
                f"a program that is called inside another one is part of that one's run, which has its `{name}`",
                help=f"give `{name}` to the outer run, or run the inner one apart: backend=...",
            )


OPTIONS = RunOptions._fields
