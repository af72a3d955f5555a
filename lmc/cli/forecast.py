"""A program's cost as commands ask for it: with prices, the size of a model's keys, and what earlier runs did."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from lmc.compiler import Compiled
    from lmc.passes.cost.prices import Prices
    from lmc.program import Program
    from lmc.viz.cost import Told

prices_option = click.option(
    "--prices", metavar="FILE", help="Prices of a million tokens, TOML or JSON: prompt, cached, output, call, currency."
)
learn_option = click.option(
    "--learn", metavar="FILE", help="The journal of an earlier run: how often branches and loops did what."
)

BYTES = 2  # of a number of a key or a value


def told_of(
    done: Compiled,
    *,
    prices: str | None = None,
    learn: str | None = None,
    model: str | None = None,
    items: Sequence[Mapping[tuple[str | int, ...], object]] | None = None,
    caches: bool = True,
    by_size: bool = False,
    max_new_tokens: int | None = None,
    prog: Program | None = None,
) -> Told:
    """What the compiled program will cost. Raises ArgumentError for a file that says something else.

    max_new_tokens  the run's limit, for calls that have none of their own
    prog            whose journal `learn` is to be
    """
    from lmc.observe.learning import learnt_from, said
    from lmc.passes.cost import cost_of
    from lmc.viz.cost import Told

    learnt = None if learn is None else learnt_from(learn, None if prog is None else prog.func)
    done = with_limit(done, max_new_tokens)
    cost = cost_of(done.plan, done.planned.inputs, items=items, learnt=learnt, caches=caches)
    from_where = "" if learnt is None or learn is None else said(learnt, learn)
    return Told(cost, None if prices is None else read_prices(prices), _kv_bytes(model), from_where, by_size)


def with_limit(done: Compiled, max_new_tokens: int | None) -> Compiled:
    """The program with a run's limit for calls that have none of their own."""
    if max_new_tokens is None:
        return done
    inputs = done.planned.inputs
    sampling = replace(inputs.sampling, max_tokens=max_new_tokens)
    return replace(done, planned=replace(done.planned, inputs=replace(inputs, sampling=sampling)))


def read_prices(path: str) -> Prices:
    """The prices in a file. Raises ArgumentError."""
    from lmc.errors import ArgumentError
    from lmc.passes.cost.prices import Prices

    try:
        text = Path(path).read_text(encoding="utf-8")
        given: Any = json.loads(text) if path.endswith(".json") else tomllib.loads(text)
    except OSError as error:
        raise ArgumentError(f"`{path}` cannot be read: {error.strerror}") from None
    except (ValueError, tomllib.TOMLDecodeError) as error:
        raise ArgumentError(f"`{path}` is no {'JSON' if path.endswith('.json') else 'TOML'}: {error}") from None
    if not isinstance(given, dict):
        raise ArgumentError(f"`{path}` holds no names with prices", help="for example prompt = 0.15, output = 0.6")
    return Prices.of(given, path)


def _kv_bytes(model: str | None) -> int | None:
    """Bytes of a token's keys and values, of a model that is named and whose config is known."""
    from lmc.backend.default_model import folder_of
    from lmc.backend.models.config import read_config
    from lmc.errors import LMError

    if model is None:
        return None
    try:
        config = read_config(folder_of(model))
    except LMError:
        return None  # a folder that has a tokenizer only
    return 2 * config.num_layers * config.num_kv_heads * config.head_dim * BYTES
