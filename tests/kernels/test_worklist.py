"""The work list: the kernel against its reference, and both against what a list must be."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
import torch

from lmc.kernels.errors import KernelError
from lmc.kernels.worklist import Sight, Tiling, WorkList, fill, fill_reference, new_work_list, plan_work

CPU = torch.device("cpu")
TILING = Tiling(block_m=64, block_n=32, num_warps=4, num_stages=2)


def index(values: list[int], device: torch.device) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.int32, device=device)


def runs(seed: int, sight: Sight) -> tuple[list[int], list[int], list[int]]:
    """Query ranges and lengths of ragged runs, some without queries, some without keys."""
    draw = random.Random(seed)
    tokens = [draw.choice([0, 1, 1, 1, 3, 8, 9, 40]) for _ in range(draw.choice([1, 3, 6]))]
    begins = [sum(tokens[:i]) for i in range(len(tokens))]
    ends = [b + n for b, n in zip(begins, tokens)]
    own = [0 if sight == Sight.WHOLE else n for n in tokens]
    return begins, ends, [n + draw.choice([0, 1, 31, 64, 700, 3000]) for n in own]


def plan_for(begins, ends, lengths, **options):
    return plan_work(
        num_runs=len(begins),
        max_tokens=max(1, ends[-1]),
        max_run_tokens=max(1, max(e - b for b, e in zip(begins, ends))),
        max_keys=max(1, *lengths),
        tiling=TILING,
        **options,
    )


def lists(work: WorkList) -> tuple[list[list[int]], list[list[int]], list[list[int]]]:
    """Items that have tokens, merges that count, states of runs."""
    items = [row for row in work.items.tolist() if row[2]]
    return items, work.merges[: int(work.num_merges)].tolist(), work.run_states.tolist()


CASES = [
    (Sight.CAUSAL, {"tile_tokens": 1, "target_items": 8, "min_chunk": 64}),
    (Sight.CAUSAL, {"tile_tokens": 8, "target_items": 8, "min_chunk": 64}),
    (Sight.CAUSAL, {"tile_tokens": 7, "target_items": 40, "min_chunk": 32, "window": 100}),
    (Sight.CAUSAL, {"tile_tokens": 5, "target_items": 4, "fixed_chunk": 128}),
    (Sight.TREE, {"tile_tokens": 8, "target_items": 8, "min_chunk": 64, "window": 100}),
    (Sight.WHOLE, {"tile_tokens": 16, "target_items": 8, "min_chunk": 64, "keeps_states": True}),
]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("sight, options", CASES)
def test_work_list_matches_reference(sight, options, seed, device):
    """The kernel writes the same items, merges and states as the loop in Python."""

    begins, ends, lengths = runs(seed, sight)
    plan = plan_for(begins, ends, lengths, sight=sight, **options)
    got, expected = new_work_list(plan, 1, 64, device), new_work_list(plan, 1, 64, CPU)
    for _ in range(2):  # a list is filled again for the next step
        fill(got, *(index(values, device) for values in (begins, ends, lengths)))
    fill_reference(expected, *(index(values, CPU) for values in (begins, ends, lengths)))
    assert lists(expected) == lists(got)


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("sight, options", CASES)
def test_every_key_is_seen_once_and_every_state_is_written_once(sight, options, seed):
    """Splits of a tile partition its keys; states neither collide nor lie outside the buffers."""

    begins, ends, lengths = runs(seed, sight)
    plan = plan_for(begins, ends, lengths, sight=sight, **options)
    work = new_work_list(plan, 1, 64, CPU)
    fill_reference(work, *(index(values, CPU) for values in (begins, ends, lengths)))
    items, merges, _ = lists(work)
    seen: dict[tuple[int, int], list[tuple[int, int]]] = {}
    states = []
    for run, first, count, low, high, _, state, splits in items:
        for i in range(count):
            seen.setdefault((run, first + i), []).append((low, high))
            states += [state + i * splits] if state >= 0 else []
    assert set(seen) == {(run, t) for run, (b, e) in enumerate(zip(begins, ends)) for t in range(b, e)}
    for (run, token), spans in seen.items():
        joined = sorted(span for span in spans if span[0] < span[1])
        assert all(a[1] == b[0] for a, b in pairwise(joined))
        position = lengths[run] - (ends[run] - token)
        if joined and sight == Sight.CAUSAL:
            low = max(0, position - options["window"] + 1) if "window" in options else 0
            assert joined[0][0] <= low and position < joined[-1][1] <= lengths[run]
        elif joined:
            assert joined[-1][1] == lengths[run]
    assert sorted(states) == list(range(len(states))) and len(states) <= plan.max_states
    named = [state + i for _, state, count in merges for i in range(count)]
    assert plan.keeps_states or sorted(named) == sorted(states)


def test_runs_of_one_token_need_no_query_ranges(device):
    """Decode: run r has token r."""

    lengths = index([0, 900, 64, 1], device)
    plan = plan_for([0, 1, 2, 3], [1, 2, 3, 4], [0, 900, 64, 1], sight=Sight.CAUSAL, tile_tokens=1, target_items=4)
    implied, written = new_work_list(plan, 1, 64, device), new_work_list(plan, 1, 64, device)
    fill(implied, None, None, lengths)
    fill(written, index([0, 1, 2, 3], device), index([1, 2, 3, 4], device), lengths)
    assert lists(written) == lists(implied)


def test_one_long_sequence_among_short_ones_is_cut_and_they_are_not():
    """Chunks follow the work of the whole batch."""

    plan = plan_work(
        sight=Sight.CAUSAL, num_runs=64, max_tokens=64, max_run_tokens=1, max_keys=2**17,
        tiling=TILING, tile_tokens=1, target_items=66,
    )  # fmt: skip
    work = new_work_list(plan, 1, 64, CPU)
    lengths = [2**17] + [500] * 63
    fill_reference(work, None, None, index(lengths, CPU))
    splits = work.run_states[:, 1].tolist()
    assert splits[0] > 50
    assert set(splits[1:]) == {1}


def test_plan_refuses_runs_it_cannot_compare():
    """The schedule holds all runs in registers."""

    with pytest.raises(KernelError, match="4097 runs"):
        plan_work(
            sight=Sight.WHOLE, num_runs=4097, max_tokens=1, max_run_tokens=1, max_keys=1,
            tiling=TILING, tile_tokens=1, target_items=1,
        )  # fmt: skip


@pytest.mark.gpu
@pytest.mark.parametrize("num_runs", [1, 256, 4096])
def test_work_list_matches_reference_on_a_gpu(num_runs, gpu):
    """Compiled, up to the greatest number of runs."""

    draw = random.Random(num_runs)
    tokens = [draw.randint(1, 8) for _ in range(num_runs)]
    begins = [sum(tokens[:i]) for i in range(num_runs)]
    ends = [b + n for b, n in zip(begins, tokens)]
    lengths = [n + draw.randint(0, 9000) for n in tokens]
    plan = plan_for(begins, ends, lengths, sight=Sight.CAUSAL, tile_tokens=4, target_items=66)
    got, expected = new_work_list(plan, 1, 64, gpu), new_work_list(plan, 1, 64, CPU)
    fill(got, *(index(values, gpu) for values in (begins, ends, lengths)))
    fill_reference(expected, *(index(values, CPU) for values in (begins, ends, lengths)))
    assert lists(expected) == lists(got)
