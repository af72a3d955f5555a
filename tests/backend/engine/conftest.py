"""Every test of the engine on the fake model runs twice: on a runner that computes at once, and on one that runs late.

A test that counts passes, steps or cached tokens of the first kind is marked `depth1` and says why.
"""

from __future__ import annotations

import pytest

from tests.support.fake_engine import Bench


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests of modules that know a Bench take the fixture `depth`, whether they name it or not."""
    if hasattr(metafunc.module, "Bench"):
        metafunc.fixturenames.append("depth")
        only_one = metafunc.definition.get_closest_marker("depth1")
        metafunc.parametrize("depth", (1,) if only_one else (1, 2), ids="depth{}".format, indirect=True)


@pytest.fixture
def depth(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """The depth of every Bench made in the test."""
    monkeypatch.setattr(Bench, "depth", request.param)
    return int(request.param)
