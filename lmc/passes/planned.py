"""What a pipeline makes of a graph: the plan, what each pass did, and what the passes were told."""

from __future__ import annotations

from dataclasses import dataclass

from lmc.ir.plan import Plan
from lmc.passes.base import Inputs, Report


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan with its history: all that pictures are drawn from.

    reports  one for each pass that ran, in order
    """

    plan: Plan
    reports: tuple[Report, ...]
    inputs: Inputs

    def report(self, name: str) -> Report | None:
        """What the pass of that name did; None where it did not run."""
        return next((report for report in self.reports if report.name == name), None)
