"""Copies of one Sampling that differ in the seed."""

from __future__ import annotations

from typing import Any

from lmc.ir.sampling import SAMPLING_FIELDS, Sampling


class Seeding:
    """Makes copies of a Sampling with another seed, in a tenth of the time of `dataclasses.replace`."""

    __slots__ = ("_after", "_before")

    def __init__(self, sampling: Sampling) -> None:
        values: tuple[Any, ...] = tuple(getattr(sampling, field) for field in SAMPLING_FIELDS)
        at = SAMPLING_FIELDS.index("seed")
        self._before: tuple[Any, ...] = values[:at]
        self._after: tuple[Any, ...] = values[at + 1 :]

    def __call__(self, seed: int) -> Sampling:
        return Sampling(*self._before, seed, *self._after)  # type: ignore[call-arg]  # mypy cannot count two rows
