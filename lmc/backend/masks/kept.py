"""What was worked out of one vocabulary, as arrays by name: kept on disk, where there is one, for later processes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy.typing as npt

from lmc.backend.masks.disk import DiskCache

Arrays = Mapping[str, npt.NDArray[Any]]
MIN_TOKENS = 1000  # of a vocabulary: what is said of fewer is made as fast as it is read


class Kept:
    """The arrays of one vocabulary. For any thread."""

    def __init__(self, vocab: Sequence[bytes | None], disk: DiskCache | None) -> None:
        self._disk = disk if len(vocab) >= MIN_TOKENS else None
        self._vocab = _digest(vocab) if self._disk is not None else ""

    @property
    def is_on(self) -> bool:
        """Whether anything is kept at all."""
        return self._disk is not None

    def arrays(self, make: Callable[[], Arrays], *names: str) -> Arrays:
        """What `make` gives, or has given to an earlier process under these names; not to be written to."""
        if self._disk is None:
            return make()
        known = self._disk.get_arrays("vocabulary", self._vocab, *names)
        if known is not None:
            return known
        made = make()
        self._disk.put_arrays(made, "vocabulary", self._vocab, *names)
        return made


def _digest(vocab: Sequence[bytes | None]) -> str:
    lengths = ",".join("-" if token is None else str(len(token)) for token in vocab)
    return hashlib.sha256(lengths.encode() + b"\0" + b"".join(token or b"" for token in vocab)).hexdigest()
