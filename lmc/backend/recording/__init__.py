"""Calls written down as they are made, and runs that are answered from what was written."""

from __future__ import annotations

from pathlib import Path

from lmc.backend.recording.recorder import Recording as Recording
from lmc.backend.recording.recorder import recorded as recorded


def record(path: str | Path) -> Recording:
    """Write every call from now on into a file, with what comes of it: until it is closed, or to the end of a `with`.

    `backend="replay:PATH"` runs from it. Raises ArgumentError for a file that is there and is no record, OSError.
    """
    return Recording(path)
