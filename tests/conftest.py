"""Shared by all tests: `--accept` and the `golden` fixture (see golden_files.py), a verifier after every pass, and a
cache folder of their own."""

import gc
import os

import pytest

from tests.support.golden_files import (
    golden,
    pytest_addoption,
    pytest_sessionfinish,
    pytest_terminal_summary,
    pytest_testnodedown,
)
from tests.support.sampled import is_left_out, leave_out_slow, sample

os.environ["LMC_DEBUG"] = "verify"

__all__ = ["golden", "pytest_addoption", "pytest_sessionfinish", "pytest_terminal_summary", "pytest_testnodedown"]


def pytest_configure(config: pytest.Config) -> None:
    """Before any file of tests is read."""
    leave_out_slow(config)


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(name: str, obj: object) -> list[pytest.Item] | None:
    """Nothing where the default run leaves the whole of a test out."""
    return [] if is_left_out(obj) else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Before `-m` chooses: of long sweeps the default run has a part."""
    sample(items)


def pytest_collection_finish() -> None:
    """What was collected stays to the end: nobody looks for it among what is lost."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def cache_home(tmp_path_factory: pytest.TempPathFactory):
    """What a run keeps on disk does not go into the user's home."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("COLUMNS", raising=False)  # a worker has the width of the terminal that it was started in
        yield
