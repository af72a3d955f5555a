"""What tokens of a model cost: dated rows, and nothing where nobody has said it.

The table is prices.toml. A user's file of the same shape stands before it (LMC_PRICES, or an argument), or with
`replace = true` instead of it. A price that is not known is None, and so is every sum that would need it. Standard
library only.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from lmc import knobs
from lmc.backend.api.tables import fits, near, read_table, stamp_of
from lmc.errors import ArgumentError

TABLE = Path(__file__).with_name("prices.toml")
MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Rates:
    """Money for a million tokens. `cached` and `written` None: not known.

    input    tokens of a prompt that are neither found in a cache nor written into one
    cached   that are found there
    written  that are put there
    output   that are generated, hidden thoughts among them
    """

    input: float
    output: float
    cached: float | None = None
    written: float | None = None


@dataclass(frozen=True, slots=True)
class Price:
    """A row of the table: `Rates` with what they are of.

    call   money of one request beside its tokens
    above  a request whose prompt has more tokens than that costs `long`; None: any request costs the same
    since  the day from which on it counts, None from ever
    as_of  when the source was read
    """

    models: tuple[str, ...]
    rates: Rates
    currency: str
    as_of: datetime.date
    source: str
    dialect: str | None = None
    since: datetime.date | None = None
    call: float = 0.0
    above: int | None = None
    long: Rates | None = None

    @property
    def input(self) -> float:
        """Of `rates`."""
        return self.rates.input

    @property
    def output(self) -> float:
        """Of `rates`."""
        return self.rates.output

    @property
    def cached(self) -> float | None:
        """Of `rates`; None where it is not known."""
        return self.rates.cached

    @property
    def written(self) -> float | None:
        """Of `rates`; None where it is not known."""
        return self.rates.written

    def for_prompt(self, tokens: float) -> Rates:
        """The rates of a request whose prompt has so many tokens."""
        return self.long if self.long is not None and self.above is not None and tokens > self.above else self.rates

    def money(
        self, *, input: float = 0, cached: float = 0, written: float = 0, output: float = 0, calls: float = 1
    ) -> float | None:
        """What one request cost, from its counts of tokens; None where a price that it needs is not known."""
        rates = self.for_prompt(input + cached + written)
        paid = ((input, rates.input), (cached, rates.cached), (written, rates.written), (output, rates.output))
        total = self.call * calls
        for tokens, rate in paid:
            if tokens:
                if rate is None:
                    return None
                total += tokens * rate / MILLION
        return total


def price(
    model: str, at: datetime.date | None = None, *, dialect: str | None = None, table: str | Path | None = None
) -> Price | None:
    """What a model costs, None where that is not known. Raises ArgumentError for a file that cannot be read.

    at       on that day; the newest price without one
    dialect  of that API: a model of the same name on a server of one's own costs something else
    table    a file of the user's; without one that of LMC_PRICES
    """
    for rows in _layers(table):
        found = [row for row in rows if _counts(row, model, at, dialect)]
        if found:
            return max(found, key=lambda row: (fits(row.models, model), row.since or datetime.date.min))
    return None


def _counts(row: Price, model: str, at: datetime.date | None, dialect: str | None) -> bool:
    is_of = dialect is None or row.dialect is None or row.dialect == dialect
    is_then = at is None or row.since is None or row.since <= at
    return is_of and is_then and fits(row.models, model) > 0


def _layers(table: str | Path | None) -> list[tuple[Price, ...]]:
    given = str(table) if table is not None else knobs.PRICES.read()
    if not given:
        return [_rows(TABLE, stamp_of(TABLE))]
    path = Path(given).expanduser()
    own = _rows(path, stamp_of(path))
    return [own] if read_table(path).get("replace") else [own, _rows(TABLE, stamp_of(TABLE))]


@lru_cache(8)
def _rows(path: Path, stamp: float) -> tuple[Price, ...]:
    given = read_table(path).get("price", [])
    if not isinstance(given, list) or not all(isinstance(row, dict) for row in given):
        raise ArgumentError(f"`{path}`: a row is written [[price]]")
    return tuple(_row(row, f"`{path.name}`: price {number}") for number, row in enumerate(given, 1))


NUMBERS = tuple(field.name for field in fields(Rates))
CELLS = ("models", "dialect", "since", "as_of", "source", "currency", "call", "long", *NUMBERS)


def _row(cells: Mapping[str, Any], where: str) -> Price:
    for name in cells:
        if name not in CELLS:
            raise ArgumentError(f"{where} has an unknown cell `{name}`", help=near(name, CELLS))
    lacking = [name for name in ("models", "as_of", "source", "currency", "input", "output") if name not in cells]
    if lacking:
        raise ArgumentError(f"{where} does not say {', '.join(lacking)}")
    models = cells["models"]
    if not isinstance(models, list) or not models or not all(isinstance(each, str) and each for each in models):
        raise ArgumentError(f"{where}: models = {models!r}: a list of names is needed")
    for name in ("source", "currency", "dialect"):
        if name in cells and not (isinstance(cells[name], str) and cells[name]):
            raise ArgumentError(f"{where}: {name} = {cells[name]!r}: a text is needed")
    for name in ("as_of", "since"):
        if name in cells and type(cells[name]) is not datetime.date:
            raise ArgumentError(f"{where}: {name} = {cells[name]!r}: a date, as in 2026-11-29, is needed")
    long = cells.get("long")
    if long is not None and not (isinstance(long, dict) and {"above", "input", "output"} <= set(long) <= LONG):
        raise ArgumentError(f"{where}: long = {long!r}: above, input and output are needed, cached and written may be")
    return Price(
        models=tuple(models),
        rates=_rates(cells, where),
        currency=cells["currency"],
        as_of=cells["as_of"],
        source=cells["source"],
        dialect=cells.get("dialect"),
        since=cells.get("since"),
        call=_money("call", cells.get("call", 0.0), where),
        above=None if long is None else int(_money("above", long["above"], where)),
        long=None if long is None else _rates(long, where),
    )


LONG = {"above", *NUMBERS}


def _rates(cells: Mapping[str, Any], where: str) -> Rates:
    return Rates(**{name: _money(name, cells[name], where) for name in NUMBERS if name in cells})


def _money(name: str, value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise ArgumentError(f"{where}: {name} = {value!r}: a number from 0 on is needed")
    return float(value)
