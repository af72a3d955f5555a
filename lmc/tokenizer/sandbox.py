"""Where chat templates run: Jinja's sandbox with transformers' settings, and an end to what a template may do.

The sandbox keeps a template from the process it runs in, not from running for ever: every turn of a loop and every call
of a macro counts a step here, and what builds a text or a list looks at its size. Steps and sizes that no template of a
conversation comes near are `TooMuch`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from functools import wraps
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    import jinja2

STEPS = 200_000
STEPS_A_PAIR = 100  # a template may hold each turn against every other
MAX_SIZE = 1 << 26  # characters, or items

_WIDE = re.compile(r"[%:][^%{}a-zA-Z]{0,9}[0-9]{8}")
_left: ContextVar[list[int]] = ContextVar("steps left of a rendering")


class TooMuch(Exception):
    """A template goes on and on, or makes something enormous."""


@contextmanager
def limited(num_turns: int) -> Iterator[None]:
    """A rendering of so many turns. Raises TooMuch in it."""
    before = _left.set([STEPS + STEPS_A_PAIR * num_turns**2])
    try:
        yield
    finally:
        _left.reset(before)


def step() -> str:
    """One turn of a loop, or one call of a macro."""
    left = _left.get()
    left[0] -= 1
    if left[0] < 0:
        raise TooMuch("it does not come to an end")
    return ""


def environment() -> jinja2.Environment:
    """transformers' settings. Its `{% generation %}` block only marks text, so here it prints its body."""
    from jinja2 import nodes
    from jinja2.ext import Extension, loopcontrols
    from jinja2.parser import Parser
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Generation(Extension):
        tags = {"generation"}  # noqa: RUF012 (Jinja's own idiom)

        def parse(self, parser: Parser) -> nodes.Node:
            line = next(parser.stream).lineno
            return nodes.Scope(parser.parse_statements(("name:endgeneration",), drop_needle=True)).set_lineno(line)

    class Sandbox(ImmutableSandboxedEnvironment):
        intercepted_binops = frozenset(("+", "*", "**", "%"))
        steps = staticmethod(step)
        joins = staticmethod(_joined)

        def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:  # whatever the template has
            _check_size(operator, left, right)
            return super().call_binop(context, operator, left, right)

        def wrap_str_format(self, value: Any) -> Any:
            if (wrapped := super().wrap_str_format(value)) is not None:
                _refuse_wide(value, ())
            return wrapped

        def call(self, context: Any, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
            _refuse_wide(obj, args)
            return super().call(context, obj, *args, **kwargs)

        def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
            return _counted(super()._parse(source, name, filename))

    env = Sandbox(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])
    env.filters["tojson"] = _tojson
    env.globals["raise_exception"] = _raise_exception
    env.globals["strftime_now"] = _strftime_now
    for name in ("center", "indent", "batch", "slice", "format"):
        env.filters[name] = _narrow(env.filters[name])
    env.globals.pop("lipsum")  # as long as one likes
    return env


def _counted(template: jinja2.nodes.Template) -> jinja2.nodes.Template:
    """The template with a step in each loop and macro, and its texts joined by `joins`.

    The attributes of the environment are called, which no name of the template's can stand before.
    """
    from jinja2 import nodes

    for loop in template.find_all((nodes.For, nodes.Macro, nodes.CallBlock)):
        assert isinstance(loop, nodes.For | nodes.Macro | nodes.CallBlock)
        call = nodes.Call(nodes.EnvironmentAttribute("steps"), [], [], None, None)
        loop.body.insert(0, nodes.ExprStmt(call).set_lineno(loop.lineno))
    for concat in list(template.find_all(nodes.Concat)):
        parts = nodes.List(concat.nodes)
        concat.nodes = [nodes.Call(nodes.EnvironmentAttribute("joins"), [parts], [], None, None)]
    if template.environment is not None:
        template.set_environment(template.environment)
    return template


def _joined(parts: list[object]) -> str:
    texts = [str(part) for part in parts]
    _refuse_larger(sum(map(len, texts)))
    return "".join(texts)


def _check_size(operator: str, left: object, right: object) -> None:
    match operator:
        case "+" if hasattr(left, "__len__") and hasattr(right, "__len__"):
            _refuse_larger(len(left) + len(right))
        case "*":
            for whole, times in ((left, right), (right, left)):
                if hasattr(whole, "__len__") and isinstance(times, int):
                    _refuse_larger(len(whole) * times)
        case "%" if isinstance(left, str):
            _refuse_wide(left, ())
        case "**" if isinstance(left, int) and isinstance(right, int):
            _refuse_larger(left.bit_length() * right)


def _narrow(filter: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(filter)
    def checked(*args: Any, **kwargs: Any) -> Any:
        for arg in args:
            _refuse_wide(arg, (*args, *kwargs.values()))
        return filter(*args, **kwargs)

    return checked


def _refuse_wide(form: object, given: Iterable[object]) -> None:
    """A form, a method of one, or what it is given asks for a field of enormous width."""
    text = form if isinstance(form, str) else getattr(form, "__self__", "")
    if isinstance(text, str) and _WIDE.search(text):
        raise TooMuch("it asks for a field of enormous width")
    _refuse_larger(max((number for number in given if isinstance(number, int)), default=0))


def _refuse_larger(size: int) -> None:
    if size > MAX_SIZE:
        raise TooMuch(f"it makes something of {size:,} items")


def _tojson(
    value: Any,  # whatever the template has
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """JSON without Jinja's HTML escapes."""
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _raise_exception(message: str) -> NoReturn:
    import jinja2

    raise jinja2.TemplateError(message)


def _strftime_now(form: str) -> str:
    return datetime.now().strftime(form)
