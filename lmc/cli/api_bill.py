"""What an API will bill for a program: bounds from its plan, and what is expected with a prompt cache by a rehearsal.

Every way to run the program is a row (`WAYS`): without a cache, and with prompts marked for the API's. A way that does
not apply to the model gives no row.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmc.backend.api.abilities import Abilities, ApiFuse, caps_of, speculates_of
from lmc.backend.api.caching import BilledTokens, PricedPrompt, PromptBlock, factors_of, predicted
from lmc.backend.api.caching import money as money_of
from lmc.backend.api.prices import MILLION, Price, Rates
from lmc.backend.api.prices import price as price_of
from lmc.backend.api.prompt_cache import PromptCache
from lmc.backend.api.rehearsal import Waves, billed, rehearsed
from lmc.backend.api.wire.constraints import is_wrapped
from lmc.cli.api_calls import ExpectedCalls
from lmc.cli.api_rows import MATCH, with_rows
from lmc.ir.caps import Fallback
from lmc.ir.constraint import Choices, JsonSchema
from lmc.ir.graph import Node
from lmc.passes.cost import FREE, Cost, Interval, cost_of
from lmc.passes.cost.answers import IN_OBJECT
from lmc.passes.cost.learnt import Learnt
from lmc.passes.cost.likely import LikelyWalker, waves_of
from lmc.passes.cost.prices import Money, Prices
from lmc.tokenizer.estimating import EstimatingTokenizer

if TYPE_CHECKING:
    from lmc.compiler import Compiled
    from lmc.ir.prompt import Tokenizer
    from lmc.passes.prefix_tree import TreeNode
    from lmc.program import Program


@dataclass(frozen=True, slots=True)
class BilledWay:
    """One way to run a program: its counts, and of what is expected the tokens that a cache reads and writes.

    money  None where it is not known
    """

    name: str
    calls: Interval
    prompt: Interval
    output: Interval
    money: Money | None
    cached: float | None = None
    written: float | None = None


@dataclass(frozen=True, slots=True)
class ApiBill:
    """What a program will cost on a model: the ways to run it, the plain one first."""

    program: str
    known: Abilities
    num_items: int
    is_counted: bool
    rule: str
    price: Price | None
    ways: tuple[BilledWay, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Group:
    """Items that one graph serves, with what they cost without a cache, by step and in all."""

    done: Compiled
    items: list[dict[tuple[str | int, ...], object]]
    steps: Mapping[int, Cost]
    has_bound: bool
    why_not: str


@dataclass(frozen=True, slots=True)
class _Work:
    """What every way is counted from."""

    known: Abilities
    price: Price | None
    groups: Sequence[_Group]
    learnt: Learnt


def bill_of(
    prog: Program,
    items: Sequence[Mapping[str, Any]],
    known: Abilities,
    *,
    tokenizer: str | None = None,
    prices: str | None = None,
    fallback: Fallback | None = None,
    learn: str | None = None,
    max_new_tokens: int | None = None,
    is_closed: bool = False,
    level: int = 2,
    fuse: ApiFuse = True,
) -> ApiBill:
    """The bill of a program for these items. Raises BackendError where the model cannot run it."""
    from lmc.cli.remote import tokenizer_of
    from lmc.observe.learning import learnt_from
    counting = tokenizer_of(tokenizer) or EstimatingTokenizer(known.bytes_a_token)
    rule = counting.rule if isinstance(counting, EstimatingTokenizer) else f"the tokenizer in `{tokenizer}`"
    counts = tokenizer is not None
    speculates = speculates_of(known, fuse, sends_ids=counts and known.takes_ids)
    caps = caps_of(known, fallback=fallback, counts_tokens=counts, speculates=speculates)
    learnt = Learnt() if learn is None else learnt_from(learn, prog.func)
    price = _price(known, prices)
    compiled = _compiled(prog, items, counting, caps, level, is_closed)
    groups = [_group(done, rows, learnt, max_new_tokens, known) for done, rows in compiled]
    work = _Work(known, price, groups, learnt)
    ways = tuple(way for make in WAYS if (way := make(work)) is not None)
    notes = tuple(_notes(work, ways, rule, tokenizer is not None, learn))
    return ApiBill(
        groups[0].done.planned.plan.graph.name, known, len(items), tokenizer is not None, rule, price, ways, notes
    )


def _compiled(
    prog: Program, items: Sequence[Mapping[str, Any]], counting: Tokenizer, caps: Any, level: int, is_closed: bool
) -> list[tuple[Compiled, list[dict[tuple[str | int, ...], object]]]]:
    """The program compiled for each shape that the items have, with the arguments of those items by path."""
    from lmc import arguments, compiler

    cache = compiler.Cache()
    pipeline = compiler.without_fusing(compiler.pipeline_of(level, closed=is_closed))
    found: dict[int, tuple[Any, list[dict[tuple[str | int, ...], object]]]] = {}
    for item in items:
        bound = {**prog.bound, **item}
        made = cache.trace_for(prog.func, arguments.holes(prog.func, bound), arguments.defaults(prog.func, bound))
        row = {p.path: arguments.value_at(bound, p.path) for p in made.graph.params if p.path[0] in bound}
        found.setdefault(id(made), (made, []))[1].append(row)
    # without the items, as a run compiles it: of these the prefix tree is known as they come
    return [
        (_with_items(compiler.compile_trace(cache, made, pipeline, counting, caps), rows, counting), rows)
        for made, rows in found.values()
    ]


def _with_items(
    done: Compiled, rows: Sequence[Mapping[tuple[str | int, ...], object]], counting: Tokenizer
) -> Compiled:
    """With the items, and with bounds of what an estimate of tokens may come to."""
    spread = counting.spread if isinstance(counting, EstimatingTokenizer) else None
    inputs = replace(done.planned.inputs, batch=tuple(rows) if any(rows) else (), spread=spread)
    return replace(done, planned=replace(done.planned, inputs=inputs))


def _group(
    done: Compiled,
    rows: list[dict[tuple[str | int, ...], object]],
    learnt: Learnt,
    max_new_tokens: int | None,
    known: Abilities,
) -> _Group:
    from lmc.cli.forecast import with_limit
    from lmc.viz.cost import no_bound

    done = with_limit(done, max_new_tokens)
    cost = cost_of(done.plan, done.planned.inputs, items=rows, learnt=learnt, caches=False)
    nodes = done.plan.graph.nodes
    of_step = {step.id: nodes[step.node] for step in done.plan.steps}
    steps = {id: _asked(_written(each, of_step[id], known), of_step[id], known) for id, each in cost.steps.items()}
    total = sum(steps.values(), FREE)
    has_bound = None not in (total.calls.most, total.prompt.most, total.output.most)
    return _Group(done, rows, steps, has_bound, "" if has_bound else no_bound(cost, done.planned))


def _written(cost: Cost, node: Node, known: Abilities) -> Cost:
    """With what an API writes otherwise: choices within an object, JSON with white space as it likes."""
    constraint = dict(node.attrs).get("constraint")
    if isinstance(constraint, JsonSchema):
        limit = dict(node.attrs).get("max_tokens")
        most = limit * cost.calls.most if isinstance(limit, int) and cost.calls.most is not None else None
        most = None if most is None or cost.output.most is None else max(most, cost.output.most)
        return replace(cost, output=Interval.between(cost.output.least, most, cost.output.expected))
    if isinstance(constraint, Choices) and is_wrapped(constraint, known):
        return replace(cost, output=cost.output + cost.calls.times(AROUND_CHOICE))
    return cost


AROUND_CHOICE = Interval(0, 6.0, IN_OBJECT)


def _asked(cost: Cost, node: Node, known: Abilities) -> Cost:
    """A call's cost as the API counts it: several samples are one prompt, or as many calls."""
    samples = dict(node.attrs).get("n")
    if not isinstance(samples, int) or samples < 2:
        return cost
    if known.max_n is None or known.max_n >= samples:
        return Cost(cost.calls, _divided(cost.prompt, samples), cost.cached, cost.computed, cost.output)
    return Cost(cost.calls.times(Interval.exactly(samples)), cost.prompt, cost.cached, cost.computed, cost.output)


def _divided(interval: Interval, by: int) -> Interval:
    most = None if interval.most is None else interval.most // by
    return Interval(interval.least // by, interval.expected / by, most)


def _price(known: Abilities, file: str | None) -> Price | None:
    """What the model costs: by the user's file, of either kind, or the tables."""
    from lmc.cli.forecast import read_prices

    if file is None:
        return price_of(known.model, dialect=known.dialect)
    if not file.endswith(".json") and Path(file).is_file() and "price" in _toml(file):
        return price_of(known.model, dialect=known.dialect, table=file)
    flat = read_prices(file)
    rates = Rates(flat.prompt, flat.output, flat.prompt if flat.cached is None else flat.cached, flat.prompt)
    import datetime

    return Price((known.model,), rates, flat.currency or "money", datetime.date.today(), file, call=flat.call)


def _toml(file: str) -> dict[str, Any]:
    try:
        return tomllib.loads(Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # which whoever reads it next says


# --- the ways to run it ----------------------------------------------------------------------------------


def _plainly(work: _Work) -> BilledWay:
    """Every prompt is paid for whole."""
    total = _total(work)
    return BilledWay("without a cache", total.calls, total.prompt, total.output, _plain_money(work))


def _by_itself(work: _Work) -> BilledWay | None:
    """With what an API keeps that marks the last turn by itself; None for one that does not."""
    rules = work.known.cache
    if rules is None or not _is_implicit(work.known):
        return None
    return _with_cache(work, "by the API's own marks", billed(rehearsed(_waves(work), None), rules, is_implicit=True))


def _cached(work: _Work) -> BilledWay | None:
    """With the API's prompt cache as lmc uses it; None for a model that has none."""
    rules = work.known.cache
    if rules is None:
        return None
    if rules.kind == "automatic":
        return _with_cache(work, CACHED, predicted([p for g in work.groups for p in _expected(g, work.learnt)], rules))
    factors, is_implicit = factors_of(work.price, rules), _is_implicit(work.known)
    cache = PromptCache(rules, factors, work.known.bytes_a_token, is_implicit=is_implicit, now=lambda: 0.0)
    sent = rehearsed(_waves(work), cache if factors[1] < 1 else None)
    return _with_cache(work, CACHED, billed(sent, rules, is_implicit=is_implicit))


CACHED = "with its prompt cache"


def _is_implicit(known: Abilities) -> bool:
    return known.dialect == "openai" and known.cache is not None and known.cache.kind == "breakpoints"


def _waves(work: _Work) -> list[Waves]:
    """The calls of every item."""
    items: list[Waves] = []
    for group in work.groups:
        plan, inputs = group.done.plan, group.done.planned.inputs
        walker = LikelyWalker(plan, inputs, work.learnt)
        calls = ExpectedCalls(plan, inputs, walker.prompts, work.known)
        items += (calls.waves(waves_of(walker.calls(walker.item(row)), plan)) for row in group.items)
    return items


def _with_cache(work: _Work, name: str, paid: Sequence[BilledTokens]) -> BilledWay:
    total, sums = _total(work), sum(paid, BilledTokens())
    scale = total.prompt.expected / sums.prompt if sums.prompt else 0.0
    money = _cached_money(work, paid)
    return BilledWay(name, total.calls, total.prompt, total.output, money, sums.cached * scale, sums.written * scale)


def _fused(work: _Work) -> BilledWay | None:
    """With rows of generations in one call each, and without a cache; None where there are none."""
    groups, is_any = list[_Group](), False
    for group in work.groups:
        inputs = group.done.planned.inputs
        by = inputs.caps.speculates if inputs.caps is not None else ""
        steps = with_rows(group.done.plan, group.steps, inputs.sampling, by)
        is_any = is_any or steps is not None
        groups.append(group if steps is None else replace(group, steps=steps))
    fused = replace(work, groups=groups)
    total = _total(fused)
    return BilledWay(FUSED, total.calls, total.prompt, total.output, _plain_money(fused)) if is_any else None


FUSED = "with rows in one call"

# what runs a program in another way adds its row here
WAYS: tuple[Callable[[_Work], BilledWay | None], ...] = (_plainly, _by_itself, _cached, _fused)


def _total(work: _Work) -> Cost:
    total = FREE
    for group in work.groups:
        for cost in group.steps.values():
            total += cost
    return total


def _plain_money(work: _Work) -> Money | None:
    """The sums of all calls by the price; a long prompt costs more, at the most all of those that may be long."""
    if (price := work.price) is None:
        return None
    least = expected = 0.0
    most: float | None = 0.0
    for group in work.groups:
        for cost in group.steps.values():
            calls = cost.calls
            each = cost.prompt.expected / calls.expected if calls.expected else 0.0
            least += _paid(price.rates, cost.prompt.least, cost.output.least) + price.call * calls.least
            expected += _paid(price.for_prompt(each), cost.prompt.expected, cost.output.expected)
            expected += price.call * calls.expected
            most = _more(most, cost, price)
    return Money(least, expected, most)


def _more(most: float | None, cost: Cost, price: Price, input: float | None = None) -> float | None:
    """A bound with that of one more call; None where there is none."""
    calls, prompt, output = cost.calls.most, cost.prompt.most, cost.output.most
    if most is None or calls is None or prompt is None or output is None:
        return None
    rates = price.for_prompt(prompt)  # as if all were one prompt: no call costs more than that
    rate = max(rates.input, rates.written or 0.0) if input is not None else rates.input
    return most + (prompt * rate + output * rates.output) / MILLION + price.call * calls


def _paid(rates: Rates, prompt: float, output: float) -> float:
    return (prompt * rates.input + output * rates.output) / MILLION


def _cached_money(work: _Work, calls: Sequence[BilledTokens]) -> Money | None:
    """Between a cache that holds whatever was there before at no cost, and one in which nothing is ever found."""
    price, plain = work.price, _plain_money(work)
    paid = None if price is None else money_of(calls, price)
    if price is None or plain is None or paid is None or price.cached is None:
        return None
    alone = money_of([BilledTokens(each.prompt, output=each.output) for each in calls], price)
    expected = plain.expected * paid / alone if alone else plain.expected
    flat, least = Prices(price.input, price.output, price.cached, price.call), 0.0
    most: float | None = 0.0
    for group in work.groups:
        done = group.done
        ideal = cost_of(done.plan, done.planned.inputs, items=group.items, learnt=work.learnt, caches=True)
        least += flat.of_cost(ideal.total).least
        for cost in group.steps.values():
            most = _more(most, cost, price, price.written)
    return Money(min(least, expected), expected, None if most is None else max(most, expected))


# --- the run that is expected ----------------------------------------------------------------------------


def _expected(group: _Group, learnt: Learnt) -> Iterator[PricedPrompt]:
    """The prompts of the run that is expected, by the tokens that they have in common."""
    walker = LikelyWalker(group.done.plan, group.done.planned.inputs, learnt)
    traces = [walker.item(row) for row in group.items]
    for trace in traces:
        for call in filter(None, walker.calls(trace)):
            blocks = tuple(_blocks(call.prompts[0], walker))
            yield from [PricedPrompt(blocks, call.output.expected)] * max(1, round(call.samples.expected))


def _blocks(end: TreeNode, walker: LikelyWalker) -> Iterator[PromptBlock]:
    """A prompt cut where prompts part, with the tokens that each part has."""
    path: list[TreeNode] = []
    at: TreeNode | None = end
    while at is not None:
        path.append(at)
        at = at.above
    for node in reversed(path):
        tokens = walker.prompts.size_of(node.ids).tokens.expected
        if tokens:
            yield PromptBlock(id(node), tokens)


# --- what stands behind the numbers ----------------------------------------------------------------------


def _notes(work: _Work, ways: Sequence[BilledWay], rule: str, is_counted: bool, learn: str | None) -> Iterator[str]:
    from lmc.viz.cost import GUESSED

    if is_counted:
        yield f"tokens are counted by {rule}"
    else:
        yield f"tokens are estimated: {rule}; --tokenizer DIR counts them"
    yield from _about_money(work, ways)
    if work.known.thinks == "always":
        yield f"{work.known.called} thinks unseen, and its thoughts are paid for as answers are: max_tokens bounds both"
    yield from dict.fromkeys(group.why_not for group in work.groups if not group.has_bound)
    yield f"expected: what the journal `{learn}` says" if learn is not None else GUESSED
    yield "`4 (2..6)`: 4 are expected, between 2 and 6; `(2..)` has no bound; a number alone is exact"
    yield "bounds hold for runs that end without an error and try no call again"
    if not work.known.is_known:
        yield work.known.known_from


def _about_money(work: _Work, ways: Sequence[BilledWay]) -> Iterator[str]:
    price = work.price
    if price is None:
        yield f"money is unknown: no price of {work.known.called} is known (--prices FILE, or LMC_PRICES, says it)"
        return
    since = "" if price.since is None else f", in force since {price.since}"
    yield f"money in {price.currency}, as of {price.as_of}{since}: {price.source}"
    plain, *others = ways
    for way in others:
        if way.money is None:
            yield f"{way.name} money is unknown: the price of cached or written tokens is not known"
        elif way.name == FUSED:
            yield _about_rows(plain, way, work)
        elif not way.cached:
            yield f"{way.name} nothing is less: no calls have enough in common that is long enough to be kept"
        elif plain.money is not None and plain.money.expected:
            saved = 1 - way.money.expected / plain.money.expected
            yield f"{way.name} {saved:.0%} less is expected, where calls come one after another and soon enough"


def _about_rows(plain: BilledWay, way: BilledWay, work: _Work) -> str:
    """What asking for rows at once saves, and what that rests on."""
    assert way.money is not None
    before = plain.money.expected if plain.money is not None else 0.0
    saved = 1 - way.money.expected / before if before else 0.0
    caps = work.groups[0].done.planned.inputs.caps
    if caps is not None and caps.speculates == "schema":
        why = ": they are the fields of an object, which is another prompt"
    else:
        why = f", if the model writes {MATCH:.0%} of the texts between as they are (what does not pay is switched off)"
    return f"{way.name} {abs(saved):.0%} {'less' if saved >= 0 else 'more'} is expected{why}"


__all__ = ["WAYS", "ApiBill", "BilledWay", "bill_of"]
