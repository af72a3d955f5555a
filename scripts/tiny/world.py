"""The seeded world: people, places, dates, prices and words, drawn from the training or from the test side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from scripts.tiny.names import COUNTRIES, held_out, name

T = TypeVar("T")

MONTHS = ("January February March April May June July August September October November December").split()
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
COLOURS = "red blue green yellow black white brown grey orange purple pink silver golden".split()
JOBS = (
    "baker teacher nurse doctor lawyer painter farmer pilot engineer chemist singer writer carpenter plumber cook "
    "gardener tailor librarian dentist driver sailor miner actor judge potter vet biologist architect "
    "photographer programmer mechanic journalist"
).split()
ANIMALS = (
    "dog cat horse cow goat rabbit parrot turtle snake sheep pig duck owl frog mouse hamster pony lizard"
).split()
OBJECTS = (
    "lamp chair table clock vase mirror kettle bicycle camera piano guitar violin radio telescope umbrella "
    "suitcase jacket scarf hat watch ring necklace desk sofa carpet bowl knife spoon basket tent boat sled drum "
    "flute kite notebook pen hammer ladder bucket"
).split()
FOODS = (
    "bread cheese soup salad rice pasta pizza cake pie apples pears plums cherries tomatoes potatoes beans eggs "
    "honey fish chicken mushrooms noodles dumplings pancakes onions carrots olives figs"
).split()
HOBBIES = (
    "chess painting swimming running cooking gardening sailing fishing dancing singing hiking cycling knitting "
    "pottery reading climbing skating juggling archery photography"
).split()
MATERIALS = "wood glass steel clay paper leather wool cotton stone silver copper plastic".split()
WEATHER = "rain snow sun fog wind storm hail cloud".split()


@dataclass(slots=True)
class World:
    """Draws from one side: `test` says which names, numbers and dates may be used.

    stage   of the training (see tasks.STAGES)
    """

    rng: Random
    test: bool = False
    stage: int = 1

    # --- chance -----------------------------------------------------------------------------------------

    def pick(self, options: Sequence[T]) -> T:
        """One of them."""
        return self.rng.choice(options)

    def some(self, options: Sequence[T], count: int) -> list[T]:
        """`count` different ones, in random order."""
        return self.rng.sample(options, count)

    def extra(self, counts: Sequence[int], test: Sequence[int]) -> int:
        """How many more questions follow: more in training, where every one of them teaches."""
        return self.pick(test if self.test else counts)

    def separators(self, drawn: tuple[str, str]) -> tuple[str, str]:
        """Of JSON under a schema: compact, as lmc writes it; before the last stage both ways occur."""
        return (",", ":") if self.test or self.stage == 3 else drawn

    def chance(self, share: float) -> bool:
        """True in that share of the draws."""
        return self.rng.random() < share

    # --- names ------------------------------------------------------------------------------------------

    def first(self) -> str:
        return name(self.rng, "first", self.test)

    def full(self) -> str:
        """First and last name."""
        return f"{self.first()} {name(self.rng, 'last', self.test)}"

    def last(self) -> str:
        return name(self.rng, "last", self.test)

    def city(self) -> str:
        return name(self.rng, "city", self.test)

    def firm(self) -> str:
        return name(self.rng, "firm", self.test)

    def thing(self) -> str:
        """The name of a product, a ship, a pet."""
        return name(self.rng, "thing", self.test)

    def country(self) -> str:
        return self.pick(COUNTRIES)

    def distinct(self, draw: str, count: int) -> list[str]:
        """`count` different names of a kind: distinct("city", 3)."""
        found: list[str] = []
        while len(found) < count:
            word = getattr(self, draw)()
            if word not in found:
                found.append(word)
        return found

    # --- numbers ----------------------------------------------------------------------------------------

    def number(self, low: int, high: int) -> int:
        """A number of this side; those below 10 are on both sides."""
        while True:
            number = self.rng.randint(low, high)
            if number < 10 or held_out(str(number)) == self.test:
                return number

    def year(self) -> int:
        return self.number(1700, 2025)

    def price(self) -> str:
        """Like 12, 12.50 or 1299, without a currency."""
        whole = self.number(10, 999) if self.chance(0.8) else self.number(1, 9)
        return f"{whole}.{self.pick(('50', '99', '20', '75', '05'))}" if self.chance(0.3) else str(whole)

    def date(self) -> str:
        """Like 12 March, of this side."""
        while True:
            date = f"{self.rng.randint(1, 28)} {self.pick(MONTHS)}"
            if held_out(date) == self.test:
                return date

    def clock(self) -> str:
        """Like 7:30 or 14:05."""
        while True:
            clock = f"{self.rng.randint(6, 22)}:{self.rng.randrange(0, 60, 5):02}"
            if held_out(clock) == self.test:
                return clock
