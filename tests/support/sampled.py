"""A part of many alike cases by default, and all of them with `-m slow`: which ones does not depend on the others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from zlib import crc32

import pytest


def one_in(number: int, params: Iterable[Any]) -> list[Any]:
    """The same parameters, of which about one in `number` is not marked slow, by its id."""
    return [_marked(param, number) for param in params]


def _marked(param: Any, number: int) -> Any:
    values = param.values if hasattr(param, "values") and not isinstance(param, dict) else (param,)
    id = getattr(param, "id", None) or str(values[0])
    marks = () if crc32(id.encode()) % number == 0 else (pytest.mark.slow,)
    return pytest.param(*values, id=id, marks=marks)
