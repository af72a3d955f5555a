"""Limits on what a program may cost, and which of them it breaks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lmc.errors import ArgumentError, did_you_mean
from lmc.passes.cost.charge import Cost
from lmc.passes.cost.interval import Interval
from lmc.passes.cost.prices import Money, Prices

LIMITS = ("tokens", "calls", "prompt", "cached", "computed", "output", "kv", "money")


@dataclass(frozen=True, slots=True)
class BudgetVerdict:
    """One limit, and what is held against it; `counted` None: there is no bound."""

    name: str
    limit: float
    counted: float | None

    @property
    def is_kept(self) -> bool:
        """Whether it surely is, or may be expected to be."""
        return self.counted is not None and self.counted <= self.limit


def budget_of(text: str) -> dict[str, float]:
    """The limits of `tokens=2000,calls=5`. Raises ArgumentError."""
    found: dict[str, float] = {}
    for part in filter(None, (each.strip() for each in text.split(","))):
        name, has_value, value = (each.strip() for each in part.partition("="))
        if name in found:
            raise ArgumentError(f"the budget says `{name}` twice", help="one limit for each")
        if name not in LIMITS:
            near = did_you_mean(name, LIMITS)
            raise ArgumentError(f"there is no limit `{name}`", help=near or f"the limits are {', '.join(LIMITS)}")
        try:
            found[name] = float(value.replace("_", "")) + 0.0 if has_value else float("nan")
        except ValueError:
            found[name] = float("nan")
        if not 0 <= found[name] < float("inf"):
            raise ArgumentError(f"`{part}`: a number from 0 on is needed", help=f"for example {name}=1000")
    if not found:
        raise ArgumentError("the budget says nothing", help="for example tokens=2000,calls=5")
    return found


def verdicts(budget: Mapping[str, float], cost: Cost, prices: Prices | None, *, expected: bool) -> list[BudgetVerdict]:
    """Each limit with the most that there may be, or with what is expected. Raises ArgumentError without prices."""
    found = []
    for name, limit in budget.items():
        counted = _counted(name, cost, prices)
        found.append(BudgetVerdict(name, limit, counted.expected if expected else counted.most))
    return found


def _counted(name: str, cost: Cost, prices: Prices | None) -> Interval | Money:
    if name == "money":
        if prices is None:
            raise ArgumentError("money=... needs prices", help="give a file of them: --prices prices.toml")
        return prices.of_cost(cost)
    if name == "tokens":
        return cost.prompt + cost.output
    if name == "kv":
        return cost.kv
    found: Interval = getattr(cost, name)
    return found
