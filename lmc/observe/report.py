"""What a run cost: the engine's counts, beside what the compiler predicted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lmc.notebook import bars, bundle, pre

if TYPE_CHECKING:
    from lmc.backend.base import Counters
    from lmc.observe.timeline import Timeline
    from lmc.passes import TokenSharing

FIELDS = ("requests", "prompt_tokens", "cached_tokens", "computed_tokens", "output_tokens", "forward_passes")


@dataclass(frozen=True, slots=True)
class RunReport:
    """Counts of one `run` or `run_batch`, all items together.

    num_eager  items that ran as Python, without a graph
    predicted  what the compiler's prefix tree says of the same prompts; None where it was not asked
    timeline   its forward passes, one by one, where `timeline=True` asked for them
    extra      what else the backend counts, by name; of an API its attempts, and money where prices are known
    """

    backend: str
    requests: int
    prompt_tokens: int
    cached_tokens: int
    computed_tokens: int
    output_tokens: int
    forward_passes: int
    predicted: TokenSharing | None = None
    num_eager: int = 0
    timeline: Timeline | None = field(default=None, compare=False, repr=False)
    extra: Mapping[str, float] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(
        cls, backend: str, before: Counters, now: Counters, predicted: TokenSharing | None, num_eager: int = 0
    ) -> RunReport:
        """What was counted since `before`."""
        counts = {name: getattr(now, name) - getattr(before, name) for name in FIELDS}
        extra = {name: number - before.extra.get(name, 0) for name, number in now.extra.items()}
        return cls(backend, **counts, predicted=predicted, num_eager=num_eager, extra=extra)

    @property
    def _is_foretold(self) -> bool:
        """True where the prediction is about what was counted: of whole prompts, with nothing of them there before."""
        told = self.predicted
        return told is not None and told.is_exact and self.computed_tokens >= told.computed_tokens + told.repeats

    def __str__(self) -> str:
        share = 100 * self.cached_tokens / self.prompt_tokens if self.prompt_tokens else 0.0
        passes = "" if "attempts" in self.extra else f"{counted(self.forward_passes, 'forward pass')}, "
        lines = [
            f"{self.backend}: {counted(self.requests, 'call')}, {passes}"
            f"{counted(self.output_tokens, 'token')} generated",
            f"  prompt tokens {self.prompt_tokens}: {self.cached_tokens} from the cache ({share:.0f} %), "
            f"{self.computed_tokens} computed",
        ]
        lines += of_api(self.extra)
        if self.num_eager:
            lines.append(f"  items that ran as Python, without a graph: {self.num_eager}")
        if self._is_foretold:
            assert self.predicted is not None
            count, again = self.predicted.computed_tokens, self.predicted.repeats
            more = f", and {again} of prompts that come again" if again else ""
            lines.append(f"  predicted: {counted(count, 'distinct prompt token')}{more}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        sizes = (("cached", self.cached_tokens), ("computed", self.computed_tokens), ("generated", self.output_tokens))
        return pre(str(self), "print(report) shows them") + bars([("tokens", sizes)], "rows")

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return bundle(str(self), self._repr_html_())


def of_api(extra: Mapping[str, float]) -> list[str]:
    """What an API charged, and what of that nobody knows; of another backend nothing."""
    if "attempts" not in extra:
        return []
    attempts, failed = int(extra["attempts"]), int(extra["failed_attempts"])
    lines = [f"  asked {counted(attempts, 'time')}, of which {failed} failed"] if failed else []
    money = " + ".join(f"{number:.6f} {name[6:]}" for name, number in extra.items() if name.startswith("money "))
    unknown = int(extra["attempts_of_unknown_cost"] + extra["attempts_without_price"])
    if extra.get("attempts_on_own_server") == attempts:
        money = "none: a server of one's own has no price (LMC_PRICES gives it one)"
    elif unknown >= attempts:
        money = "unknown"
    elif unknown:
        money += f", and what {counted(unknown, 'call')} cost is unknown"
    lines.append(f"  money {money or 'unknown'}")
    if extra.get("rows"):
        lines.append(f"  {_of_rows(extra)}")
    unchecked = int(extra["unchecked_answers"])
    if unchecked:
        lines.append(f"  answers whose constraint only the server has looked at: {unchecked}")
    return lines


def _of_rows(extra: Mapping[str, float]) -> str:
    """What came of calls for several generations at once."""
    rows, saved, reused = (int(extra[name]) for name in ("rows", "saved_calls", "reused_tokens"))
    between, wasted = int(extra["tokens_between_values"]), int(extra["wasted_tokens"])
    spared = [f", about {number:.6f} {name[7:]} spared" for name, number in extra.items() if name.startswith("spared ")]
    return (
        f"{counted(rows, 'call')} for several generations: {counted(saved, 'call')} saved, {counted(reused, 'token')} "
        f"reused, {between} written between values and {wasted} in vain{''.join(spared)}"
    )


def counted(number: int, thing: str) -> str:
    """A number with its noun: "1 call", "2 passes"."""
    plural = "" if number == 1 else "es" if thing.endswith("s") else "s"
    return f"{number} {thing}{plural}"
