"""Shared by all tests: `--accept` and the `golden` fixture (see golden_files.py), a verifier after every pass."""

import os

from tests.support.golden_files import (
    golden,
    pytest_addoption,
    pytest_sessionfinish,
    pytest_terminal_summary,
    pytest_testnodedown,
)

os.environ["LMC_DEBUG"] = "verify"

__all__ = ["golden", "pytest_addoption", "pytest_sessionfinish", "pytest_terminal_summary", "pytest_testnodedown"]
