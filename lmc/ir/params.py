"""Sampling parameters given at run time: checked one by one, merged into one Sampling.

Sampling's defaults < those of the run < those of the call; None inherits. Raises ArgumentError naming the parameter.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any, SupportsIndex

from lmc.errors import ArgumentError, did_you_mean
from lmc.ir.sampling import MAX_SAMPLES, ON_DISTORTION, RUN_NAMES, SAMPLING_FIELDS, Sampling

Check = Callable[[Any], object]  # Any: whatever the user's program computed


def merged(*layers: Mapping[str, object]) -> Sampling:
    """One record of several layers of parameters, later ones winning."""
    values: dict[str, Any] = {}
    for layer in layers:
        for name, value in layer.items():
            field = RUN_NAMES.get(name, name)
            if value is not None:
                values[field] = checked(field, value, shown=name)
    sampling = Sampling(**values)
    if sampling.min_tokens > sampling.max_tokens:
        raise ArgumentError(f"min_tokens={sampling.min_tokens} is more than max_tokens={sampling.max_tokens}")
    return sampling


def checked(field: str, value: object, shown: str = "") -> object:
    """The value as Sampling keeps it; raises ArgumentError where it is none."""
    check = CHECKS.get(field)
    if check is None:
        help = did_you_mean(field, SAMPLING_FIELDS, repr) or f"one of {', '.join(SAMPLING_FIELDS)}"
        raise ArgumentError(f"unknown sampling parameter {shown or field!r}", help=help)
    try:
        return check(value)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"{shown or field}={value!r}: {error}") from None


def check_closed(value: object) -> None:
    """Raises ArgumentError for what does not say whether schemas are closed."""
    if not (value is None or isinstance(value, bool)):
        raise ArgumentError(f"closed={value!r}: True or False is needed, not {type(value).__name__}")


def _int(low: int, high: int | None = None) -> Check:
    def check(value: SupportsIndex) -> int:
        if isinstance(value, bool) or not hasattr(value, "__index__"):
            raise TypeError(f"a whole number is needed, not {type(value).__name__}")
        number = operator.index(value)
        if number < low:
            raise ValueError(f"it cannot be less than {low}")
        if high is not None and number > high:
            raise ValueError(f"it cannot be more than {high}")
        return number

    return check


def _number(low: float, high: float = math.inf, above: bool = False) -> Check:
    """A finite number in [low, high], or in (low, high] where it must be `above` low."""

    def check(value: Any) -> float:
        if isinstance(value, bool | str | bytes) or not hasattr(value, "__float__"):
            raise TypeError(f"a number is needed, not {type(value).__name__}")
        number = float(value)
        if not (math.isfinite(number) and low <= number <= high) or (above and number == low):
            raise ValueError(f"it must be {'above' if above else 'at least'} {low:g}" + _at_most(high))
        return number

    return check


def _at_most(high: float) -> str:
    return "" if high == math.inf else f" and at most {high:g}"


def _distortion(value: object) -> object:
    if value not in ON_DISTORTION:
        raise ValueError(f"it must be one of {', '.join(ON_DISTORTION)}")
    return value


def _top_k(value: Any) -> object:
    number = _int(-1)(value)
    if number == 0:
        raise ValueError("it must be at least 1, or -1 for every token")
    return number


def _bool(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"True or False is needed, not {type(value).__name__}")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    """One text or several."""
    texts = (value,) if isinstance(value, str) else tuple(_listed(value))
    for text in texts:
        if not isinstance(text, str):
            raise TypeError(f"a text or a list of texts is needed, not {text!r} in it")
        if not text:
            raise ValueError("an empty text would end it at once")
    return texts


def _patterns(value: Any) -> tuple[str, ...]:
    patterns = _texts(value)
    for pattern in patterns:
        try:
            re.compile(pattern)
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"{pattern!r} is not a regular expression: {error}") from None
    return patterns


def _token_ids(value: Any) -> tuple[object, ...]:
    return tuple(_int(0)(token) for token in ((value,) if hasattr(value, "__index__") else _listed(value)))


def _listed(value: Any) -> Any:
    if not isinstance(value, list | tuple | set | frozenset):
        raise TypeError(f"a list is needed, not {type(value).__name__}")
    return value


CHECKS: dict[str, Check] = {
    "max_tokens": _int(0),
    "min_tokens": _int(0),
    "n": _int(1, MAX_SAMPLES),
    "stop": _texts,
    "stop_token_ids": _token_ids,
    "stop_regex": _patterns,
    "temperature": _number(0),
    "top_p": _number(0, 1, above=True),
    "top_k": _top_k,
    "min_p": _number(0, 1),
    "frequency_penalty": _number(-2, 2),
    "presence_penalty": _number(-2, 2),
    "repetition_penalty": _number(0, above=True),
    "ignore_eos": _bool,
    "seed": _int(-(1 << 63)),
    "return_logprob": _bool,
    "logprob_start_len": _int(-1),
    "top_logprobs_num": _int(0),
    "return_text_in_logprobs": _bool,
    "on_distortion": _distortion,
}
