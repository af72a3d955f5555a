"""A part of many alike cases by default, and all of them with `-m slow`: which ones does not depend on the others.

`one_in` says so where a test has its parameters. `SAMPLED` says it for all tests of a file that have some: what the
default run has of them is one in so many, and at least one of each test.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from zlib import crc32

import pytest

_left_out = False  # whether what is marked slow is not even collected


def leave_out_slow(config: pytest.Config) -> None:
    """Where nobody asks for slow tests, nor for one by its name, they are not made: there are forty thousand."""
    global _left_out
    asked, is_named = config.getoption("markexpr"), any("::" in each for each in config.args)
    _left_out = "not slow" in asked and "slow" not in asked.replace("not slow", "") and not is_named


def is_left_out(test: object) -> bool:
    """True of a test function or class that is slow as a whole, where those are not collected."""
    return _left_out and any(mark.name == "slow" for mark in getattr(test, "pytestmark", ()))


SAMPLED = {
    "tests/backend/api/test_faults.py": 4,
    "tests/backend/api/test_known_faults.py": 2,
    "tests/backend/api/test_prompt_cache.py": 5,
    "tests/backend/api/test_same_calls.py": 4,
    "tests/backend/api/test_scoring.py": 8,
    "tests/backend/api/test_select.py": 6,
    "tests/backend/api/test_speculation.py": 3,
    "tests/backend/echo/test_echo.py": 8,
    "tests/backend/engine/test_ahead.py": 2,
    "tests/backend/engine/test_cut.py": 9,
    "tests/backend/engine/test_engine.py": 10,
    "tests/backend/engine/test_interrupt.py": 18,
    "tests/backend/engine/test_scheduling.py": 20,
    "tests/backend/masks/test_call_masks.py": 3,
    "tests/backend/masks/test_grammar_jumps.py": 3,
    "tests/backend/masks/test_hazards.py": 10,
    "tests/backend/masks/test_jumps.py": 3,
    "tests/backend/masks/test_leaf_masks.py": 4,
    "tests/backend/masks/test_structural.py": 3,
    "tests/backend/masks/test_token_masks.py": 12,
    "tests/backend/masks/test_tool_tags.py": 12,
    "tests/backend/masks/test_xgrammar.py": 4,
    "tests/backend/models/test_decoder.py": 2,
    "tests/backend/recording/test_recording.py": 2,
    "tests/backend/runner/test_cpu_runner.py": 3,
    "tests/backend/runner/test_sampler.py": 3,
    "tests/backend/test_conformance.py": 8,
    "tests/cli/test_cli_bill.py": 3,
    "tests/cli/test_cli_closed.py": 3,
    "tests/cli/test_cli_door.py": 20,
    "tests/cli/test_cli_explain.py": 3,
    "tests/cli/test_cli_fit.py": 4,
    "tests/cli/test_cli_table.py": 3,
    "tests/corpus/test_corpus.py": 14,
    "tests/eager/test_record.py": 4,
    "tests/ir/automaton/test_fullmatch.py": 3,
    "tests/ir/json_schema/test_exact_numbers.py": 3,
    "tests/ir/json_schema/test_lower.py": 2,
    "tests/ir/test_printer.py": 2,
    "tests/kernels/test_cascade.py": 6,
    "tests/kernels/test_decode.py": 2,
    "tests/kernels/test_extend.py": 8,
    "tests/kernels/test_layer_ops.py": 2,
    "tests/kernels/test_sample_tokens.py": 2,
    "tests/oracle/test_async_runs.py": 3,
    "tests/oracle/test_cache_on_off.py": 24,
    "tests/oracle/test_compiled_equals_eager.py": 10,
    "tests/oracle/test_depth.py": 3,
    "tests/oracle/test_dynamic_names.py": 3,
    "tests/oracle/test_eager_mode.py": 3,
    "tests/oracle/test_engine_vs_transformers.py": 9,
    "tests/oracle/test_filling.py": 2,
    "tests/oracle/test_fused_forms.py": 20,
    "tests/oracle/test_in_place_operators.py": 6,
    "tests/oracle/test_inner_programs.py": 2,
    "tests/oracle/test_jump_on_off.py": 3,
    "tests/oracle/test_made_before_changed.py": 8,
    "tests/oracle/test_order_and_hints.py": 18,
    "tests/oracle/test_order_of_evaluation.py": 2,
    "tests/oracle/test_round_trip.py": 9,
    "tests/oracle/test_same_object.py": 3,
    "tests/oracle/test_select_scores.py": 30,
    "tests/oracle/test_shared_prefix.py": 4,
    "tests/oracle/test_small_programs.py": 2,
    "tests/oracle/test_streams.py": 6,
    "tests/oracle/test_token_law.py": 3,
    "tests/oracle/test_tries.py": 3,
    "tests/oracle/test_what_leaves.py": 3,
    "tests/oracle/test_zip_with_states.py": 2,
    "tests/parser/test_breaks.py": 2,
    "tests/parser/test_gen_constraints.py": 4,
    "tests/parser/test_ir_fuzzed.py": 3,
    "tests/parser/test_names_of_the_user.py": 2,
    "tests/parser/test_regex.py": 2,
    "tests/passes/test_lint.py": 2,
    "tests/passes/test_pass_properties.py": 5,
    "tests/sharing_faults/test_sharing_faults.py": 6,
    "tests/test_async.py": 12,
    "tests/test_bad_input.py": 9,
    "tests/test_codes.py": 8,
    "tests/test_demo.py": 4,
    "tests/test_examples.py": 3,
    "tests/test_growth.py": 12,
    "tests/test_journal.py": 2,
    "tests/test_lmc_tiny.py": 2,
    "tests/test_no_forgery.py": 6,
    "tests/test_patience.py": 4,
    "tests/test_streaming.py": 3,
    "tests/tokenizer/test_chat.py": 8,
    "tests/tokenizer/test_sandbox.py": 3,
    "tests/tokenizer/test_token_law.py": 6,
    "tests/tokenizer/test_tokenizer.py": 2,
    "tests/viz/test_emit.py": 8,
    "tests/viz/test_fsm.py": 3,
    "tests/viz/test_graph_view.py": 3,
    "tests/viz/test_parting.py": 3,
}


def sample(items: Iterable[pytest.Item]) -> None:
    """Marks those of the collected tests slow that the default run leaves out; what a golden file says is compared."""
    sweeps: dict[str, list[pytest.Item]] = {}
    for item in items:
        if "golden" in getattr(item, "fixturenames", ()):
            continue
        if item.nodeid.partition("::")[0] in SAMPLED and "[" in item.nodeid and item.get_closest_marker("slow") is None:
            sweeps.setdefault(item.nodeid.partition("[")[0], []).append(item)
    for name, sweep in sweeps.items():
        number = SAMPLED[name.partition("::")[0]]
        kept = min(sweep, key=_number)
        for item in sweep:
            if item is not kept and _number(item) % number:
                item.add_marker(pytest.mark.slow)


def _number(item: pytest.Item) -> int:
    return crc32(item.nodeid.encode())


def one_in(number: int, params: Iterable[Any]) -> list[Any]:
    """The same parameters, of which about one in `number` is not marked slow, by its id."""
    marked = [_marked(param, number) for param in params]
    return [param for param in marked if not (_left_out and param.marks)]


def _marked(param: Any, number: int) -> Any:
    values = param.values if hasattr(param, "values") and not isinstance(param, dict) else (param,)
    id = getattr(param, "id", None) or str(values[0])
    marks = () if crc32(id.encode()) % number == 0 else (pytest.mark.slow,)
    return pytest.param(*values, id=id, marks=marks)
