"""Every kernel compiles for the GPUs it is made for; `pytest -s tests/kernels/test_compile.py` prints what it needs.

One test for all: they are compiled by one child process, which parallel test workers would otherwise each start.
"""

from __future__ import annotations

from tests.kernels.compile_only import MAX_SHARED, configs, resources, table


def test_kernels_compile_and_do_not_spill():
    """Registers, spills and shared memory of every configuration, from the compiler's tools."""

    records = resources()
    print("\n" + table(records))
    may_spill = {config.name: config.may_spill for config in configs()}
    assert [r for r in records if r.error] == []
    assert [r for r in records if r.spill_bytes > may_spill[r.name]] == []
    assert [r for r in records if r.shared_bytes > MAX_SHARED[r.capability]] == []


def test_configurations_have_names_of_their_own():
    """A row of the table says which configuration it is."""

    names = [config.name for config in configs()]
    assert len(set(names)) == len(names)
    assert len(resources()) == sum(len(config.capabilities) for config in configs())
