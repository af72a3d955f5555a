"""The passes, and the order they run in: a written tuple. To add a pass, write its file and add one name here."""

from __future__ import annotations

from lmc.errors import ArgumentError, did_you_mean
from lmc.passes import (
    api_fuse,
    chat_template,
    close_schemas,
    cse,
    dce,
    fit,
    fold_text,
    fuse_constraints,
    hoist_prefix,
    lint,
    liveness,
    schedule,
)
from lmc.passes.base import Inputs, Note, Pass, Report
from lmc.passes.hoist_prefix import TokenSharing, measure
from lmc.passes.pipeline import check_pipeline, run_passes, run_pipeline
from lmc.passes.planned import Planned

__all__ = [
    "LEVELS", "PASSES", "PIPELINE", "Inputs", "Note", "Pass", "Planned", "Report", "TokenSharing", "check_pipeline",
    "is_level", "measure", "parse_pipeline", "run_passes", "run_pipeline", "with_closed",
]  # fmt: skip

# fold_text after cse: run first it would weld a shared segment to each branch; dce before both, so that dead
# calls are not users; lint after chat_template, which says what a prompt ends in
PIPELINE: tuple[Pass, ...] = (
    dce.PASS,
    cse.PASS,
    fold_text.PASS,
    chat_template.PASS,
    lint.PASS,
    fuse_constraints.PASS,
    schedule.PASS,
    hoist_prefix.PASS,
    liveness.PASS,
    api_fuse.PASS,
    fit.PASS,
)
# close_schemas is for those who say `closed=True` of all: before the others, whatever the level
PASSES: dict[str, Pass] = {each.name: each for each in (*PIPELINE, close_schemas.PASS)}

# what -O0 to -O3 run; -O0 is only what is needed to run at all, and to refuse what cannot; only -O3 makes a program say
# other tokens
LEVELS: dict[int, str] = {
    0: "chat_template,lint,schedule,fit",
    1: "dce,cse,fold_text,chat_template,lint,schedule,fit",
    2: "dce,cse,fold_text,chat_template,lint,schedule,hoist_prefix,liveness,api_fuse,fit",
    3: "dce,cse,fold_text,chat_template,lint,fuse_constraints,schedule,hoist_prefix,liveness,api_fuse,fit",
}


def is_level(pipeline: str) -> bool:
    """Whether a pipeline is that of an optimisation level, not one that somebody put together."""
    return pipeline.removeprefix(f"{close_schemas.PASS.name},") in LEVELS.values()


def with_closed(pipeline: str) -> str:
    """A pipeline that closes schemas first, as a run's or a compilation's `closed=True` asks."""
    return ",".join(filter(None, (close_schemas.PASS.name, pipeline)))


def parse_pipeline(text: str) -> tuple[Pass, ...]:
    """The passes of a comma-separated list of names, as `-p` takes it. Raises ArgumentError at an unknown name."""
    return tuple(_named(name) for part in text.split(",") if (name := part.strip()))


def _named(name: str) -> Pass:
    if name in PASSES:
        return PASSES[name]
    level = name.lstrip("-oO")
    help = did_you_mean(name, PASSES) or f"the passes are {', '.join(PASSES)}"
    help = f"a level is a number: opt_level={level}" if level.isdigit() and int(level) in LEVELS else help
    raise ArgumentError(f"there is no pass `{name}`", help=help)
