"""Calls with arguments that only the run can count: what `f(*xs, **options)` becomes in a graph."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import CodeType, FunctionType
from typing import Any

Names = tuple[str, ...]
# module and qualified name of a function, then its parameters: by place alone, by place or name, `*args`, by name
# alone, `**options`; how many by place have a default, and which by name alone have one
Signature = tuple[str, str, Names, Names, str | None, Names, str | None, int, Names]


def apply_spread(fn: Callable[..., Any], xs: Any, before: Any, options: Any, after: Any) -> Any:
    """`fn(*xs, **before, **options, **after)`; options that are None are none."""
    return fn(*xs, **before or {}, **options or {}, **after or {})


def method_spread(receiver: Any, name: str, xs: Any, before: Any, options: Any, after: Any) -> Any:
    """The same of a method."""
    return apply_spread(getattr(receiver, name), xs, before, options, after)


def merged_options(label: str, taken: Names, *mappings: Any) -> dict[Any, Any]:
    """A dict of what `**` unpacks; `taken` are the keywords given before it. Raises TypeError as Python does."""
    out: dict[Any, Any] = {}
    for mapping in mappings:
        if not hasattr(mapping, "keys"):
            raise TypeError(f"{label} argument after ** must be a mapping, not {type(mapping).__name__}")
        for key in mapping if type(mapping) is dict else mapping.keys():
            if key in out or key in taken:
                known = isinstance(key, str)
                raise TypeError(f"{label} got multiple values for keyword argument {key!r}" if known else _NOT_NAMES)
            out[key] = mapping[key]
    return out


_NOT_NAMES = "keywords must be strings"


def joined_arguments(stars: tuple[bool, ...], *values: Any) -> tuple[Any, ...]:
    """The positional arguments: each value, or what is in it where it has a star."""
    return tuple(x for star, value in zip(stars, values, strict=True) for x in (value if star else (value,)))


def bound_arguments(
    signature: Signature, defaults: tuple[Any, ...], named: tuple[Any, ...], xs: Any, before: Any, options: Any,
    after: Any,
) -> tuple[Any, ...]:  # fmt: skip
    """What the parameters are, in the order of the signature. Raises TypeError as Python does."""
    module, qualname, by_place, either, star, by_name, stars, num, names = signature
    stub = FunctionType(_code(by_place, either, star, by_name, stars), {"$locals": locals}, "f", defaults or None)
    assert len(defaults) == num
    stub.__kwdefaults__ = dict(zip(names, named, strict=True))
    stub.__qualname__, stub.__module__ = qualname, module
    bound: Mapping[str, Any] = apply_spread(stub, xs, before, options, after)
    return tuple(bound[name] for name in parameter_names(signature))


def parameter_names(signature: Signature) -> Names:
    """The parameters in the order that `bound_arguments` gives them."""
    _, _, by_place, either, star, by_name, stars, _, _ = signature
    return (*by_place, *either, *by_name, *(name for name in (star, stars) if name is not None))


@lru_cache(maxsize=1024)
def _code(by_place: Names, either: Names, star: str | None, by_name: Names, stars: str | None) -> CodeType:
    """A function of these parameters that gives what they are bound to."""
    none: list[ast.expr | None] = [None] * len(by_name)
    many, options = (None if name is None else ast.arg(name) for name in (star, stars))
    spec = ast.arguments(
        [ast.arg(n) for n in by_place], [ast.arg(n) for n in either], many, [ast.arg(n) for n in by_name], none,
        options, [],
    )  # fmt: skip
    body = ast.Call(ast.Name("$locals", ast.Load()), [], [])
    made = ast.Expression(ast.Lambda(spec, body))
    ast.copy_location(made.body, ast.Pass(lineno=1, col_offset=0))
    code: CodeType = compile(ast.fix_missing_locations(made), "<parameters>", "eval").co_consts[0]
    return code
