"""What a request costs: tokens of each kind, and money by a price a million of them."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Price:
    """Money a million tokens, and factors of `input` for tokens read from the cache and written to it."""

    input: float = 1.0
    output: float = 5.0
    read: float = 0.1
    written_short: float = 1.25
    written_long: float = 2.0


PRICE = Price()


@dataclass(slots=True)
class Bill:
    """Tokens that one request is billed for; `output` grows while its answer goes out.

    fresh          of the prompt, neither read from the cache nor written to it
    read           from the cache
    written_short  to the cache, for minutes
    written_long   to the cache, for longer
    """

    fresh: int = 0
    read: int = 0
    written_short: int = 0
    written_long: int = 0
    output: int = 0
    price: Price = field(default=PRICE, repr=False)

    @property
    def prompt(self) -> int:
        """All tokens of the prompt."""
        return self.fresh + self.read + self.written_short + self.written_long

    @property
    def written(self) -> int:
        """Tokens written to the cache."""
        return self.written_short + self.written_long

    @property
    def money(self) -> float:
        """What it costs."""
        price = self.price
        paid_input = (
            self.fresh
            + self.read * price.read
            + self.written_short * price.written_short
            + self.written_long * price.written_long
        )
        return (paid_input * price.input + self.output * price.output) / 1e6


def total(bills: list[Bill]) -> Bill:
    """Their tokens together; its `money` holds only where all have one price, so add money by yourself."""
    names = ("fresh", "read", "written_short", "written_long", "output")
    return Bill(*(sum(getattr(bill, name) for bill in bills) for name in names))
