"""The corpus: small programs, grouped by feature, each with the arguments it runs with (`CASES` of each module)."""

from __future__ import annotations

from pkgutil import resolve_name

from tests.oracle.programs.case import Case

MODULES = (
    "straight_line",
    "formats",
    "branches",
    "loops",
    "exits",
    "tries",
    "statements",
    "recoveries",
    "forks",
    "state_lists",
    "aliases",
    "helpers",
    "recursion",
    "hosts",
    "effects",
    "arguments",
    "roles",
    "nasty",
    "failures",
    "nested_programs",
    "breaks",
    "local_classes",
    "local_generators",
    "given_away",
    "sglang_compat",
    "selects",
    "typed",
    "fuzzed",
    "objects",
    "tables",
    "structure",
    "sorting",
    "constants",
    "live_objects",
    "attacked",
    "stepped",
    "words",
    "cycles",
    "patched",
    "in_place",
    "escapes",
    "unpacked",
    "lazy_maps",
    "decorated",
    "sets",
    "searches",
    "operators",
    "given_methods",
    "phases",
    "managers",
    "chosen_objects",
    "loops_in_loops",
    "tables_kept",
    "walked",
    "consumed",
)


def all_cases() -> list[Case]:
    """Every case, in the order of the modules.

    Not by `import_module`: a function that calls it has every module in sight, and then little is a constant.
    """
    return [case for name in MODULES for case in resolve_name(f"tests.oracle.programs.{name}:CASES")]
