"""What eviction by value finds of what could be found: six workflows, simulated, beside LRU and Belady on the tree.

    python -m benchmarks.cache_by_value [--shares 25 50 75] [WORKFLOW ...]

Programs, compiler, executor, scheduler and tree are lmc's own; the device is made up and computes nothing, so a busy
machine changes no figure. A pool is a share of the distinct tokens that a workflow comes to. Per row: prompt tokens
found in the cache with hints and by value, the share of what Belady finds in the same trace, the hit rate of both ways,
and how many tokens LRU without hints computes for each that is computed with them.
"""

from __future__ import annotations

import argparse

from scripts.support.cache_belady import Replay
from scripts.support.cache_simulator import simulate
from scripts.support.cache_workflows import WORKFLOWS

COLUMNS = "{:<15}{:>6}{:>9}{:>9}{:>10}{:>9}{:>9}{:>11}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="WORKFLOW", help=", ".join(WORKFLOWS))
    parser.add_argument("--shares", nargs="+", type=int, default=[25, 50, 75], help="per cent of the working set")
    options = parser.parse_args()
    print(COLUMNS.format("workflow", "pool", "slots", "found", "of Belady", "hits", "LRU", "LRU tokens"))
    for name in options.names or WORKFLOWS:
        for share in options.shares:
            print(row(name, share), flush=True)


def row(name: str, share: int) -> str:
    """One line of the table."""
    workflow = WORKFLOWS[name]
    num_slots = simulate(workflow, 1 << 17).trace.working_set * share // 100
    kept = simulate(workflow, num_slots)
    lru = simulate(workflow, num_slots, follows=False, by_value=False)
    best = Replay(kept.trace, num_slots).hits("belady")
    return COLUMNS.format(
        name,
        f"{share} %",
        num_slots,
        kept.trace.hits,
        f"{kept.trace.hits / best:.1%}",
        f"{kept.hit_rate:.1%}",
        f"{lru.hit_rate:.1%}",
        f"{lru.computed / kept.computed:.2f}x",
    )


if __name__ == "__main__":
    main()
