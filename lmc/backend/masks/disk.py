"""What was computed for a constraint and a tokenizer, kept on disk by content: a miss is always an answer.

Files are small JSON in $XDG_CACHE_HOME/lmc/constraints (~/.cache by default), written whole or not at all. A file that
cannot be read, or does not say what it should, is a miss; so is a folder that cannot be written.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

VERSION = 2  # of what the numbers mean; a change makes every file a miss


class DiskCache:
    """JSON values by key."""

    def __init__(self, folder: Path | None = None) -> None:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        self.folder = folder or base / "lmc" / "constraints"

    def get(self, *parts: str) -> Any:  # what `put` was given, None where there is none
        """The value under a key, None where there is none that can be read."""
        try:
            kept = json.loads(self._file(parts).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        if not isinstance(kept, dict) or kept.get("key") != list(parts):
            return None
        return kept.get("value")

    def put(self, value: object, *parts: str) -> None:
        """Keep a value; a folder that cannot be written is left alone."""
        path = self._file(parts)
        with contextlib.suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            handle, partial = tempfile.mkstemp(dir=self.folder, suffix=".partial")
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    json.dump({"key": list(parts), "value": value}, file)
                os.replace(partial, path)
            except OSError:
                os.unlink(partial)
                raise

    def _file(self, parts: tuple[str, ...]) -> Path:
        name = hashlib.sha256(json.dumps([VERSION, *parts]).encode()).hexdigest()
        return self.folder / f"{name}.json"
