"""What tokens cost in money, as somebody who pays for them says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from lmc.errors import ArgumentError, did_you_mean
from lmc.passes.cost.charge import Cost

MILLION = 1_000_000
NEEDED = ("prompt", "output")


@dataclass(frozen=True, slots=True)
class Money:
    """An amount between bounds; `most` None where there is no bound."""

    least: float
    expected: float
    most: float | None


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices of a million tokens, and of a call.

    prompt  tokens that are computed; `cached` those that were there, None: they cost the same
    output  tokens that are generated
    """

    prompt: float = 0.0
    output: float = 0.0
    cached: float | None = None
    call: float = 0.0
    currency: str = ""

    @classmethod
    def of(cls, given: Mapping[str, object], file: str) -> Prices:
        """The prices that a file gives. Raises ArgumentError for what is none."""
        names = [field.name for field in fields(cls)]
        for name, value in given.items():
            if name not in names:
                near = did_you_mean(name, names)
                raise ArgumentError(
                    f"`{file}`: there is no price `{name}`", help=near or f"the names are {', '.join(names)}"
                )
            if name == "currency":
                is_right = isinstance(value, str)
            else:
                is_right = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf")
            if not is_right:
                wanted = "a text" if name == "currency" else "a number from 0 on, of a million tokens"
                raise ArgumentError(f"`{file}`: {name} = {value!r}: {wanted} is needed")
        missing = [name for name in NEEDED if name not in given]
        if missing:
            help = f"say {missing[0]} = 0 where that costs nothing"
            raise ArgumentError(f"`{file}` has no price `{missing[0]}`, and what is not known is not free", help=help)
        return cls(**given)  # type: ignore[arg-type]

    def of_cost(self, cost: Cost) -> Money:
        """What calls cost. A cached token is one of the prompt's, so the two are not at their most together."""
        cached = self.prompt if self.cached is None else self.cached
        more = self.prompt - cached
        new, old = cost.computed, cost.cached
        if more >= 0:  # all of the prompt at the lower price, and the rest of it for what is computed
            parts = [(cost.prompt, cached), (new, more)]
        else:
            parts = [(cost.prompt, self.prompt), (old, -more)]
        parts += [(cost.output, self.output), (cost.calls, self.call * MILLION)]
        paid = [(interval, price) for interval, price in parts if price]
        least = sum(interval.least * price for interval, price in paid)
        expected = sum(interval.expected * price for interval, price in paid)
        bounds = [interval.most * price for interval, price in paid if interval.most is not None]
        most = sum(bounds) / MILLION if len(bounds) == len(paid) else None
        return Money(least / MILLION, expected / MILLION, most)
