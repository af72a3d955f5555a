"""Kernels run in Triton's interpreter where there is no GPU, so the switch is set before they are imported."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"

from triton.runtime.interpreter import InterpretedFunction, _patch_lang, interpreter_builder

# compiled kernels do not check integers for overflow either, and the check is most of the time of a sum of two
interpreter_builder.options = replace(interpreter_builder.options, sanitize_overflow=False)

patched: set[str] = set()  # modules of triton whose functions have been called; what a call patches there stays


def call_inside_a_launch(function: InterpretedFunction, *arguments: Any, **named: Any) -> Any:
    """A @jit function called by a kernel. Triton's own method patches triton.language again for every call, of tl.sum
    and tl.max too, which takes milliseconds; the launch has done so for ours, and the first call for its own."""
    module = function.fn.__module__
    if module.startswith("triton.") and module not in patched:
        _patch_lang(function.fn)
        patched.add(module)
    return function.rewrite()(*arguments, **named)


InterpretedFunction.__call__ = call_inside_a_launch


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """numpy's remarks on how the interpreter does its work: infinities, and arrays of one number."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.filterwarnings("ignore::RuntimeWarning:triton.runtime.interpreter"))
            item.add_marker(pytest.mark.filterwarnings("ignore::DeprecationWarning:triton.runtime.interpreter"))


@pytest.fixture
def device() -> torch.device:
    """A GPU where there is one; otherwise the CPU, where kernels are interpreted."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@pytest.fixture
def gpu() -> torch.device:
    """A GPU, or the test is skipped."""
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    return torch.device("cuda")
