"""Names bound under text that the run makes, arguments that are globals too, and changes in place of what only the run
knows: the default mode gives what Python gives, with a graph or without one."""

from __future__ import annotations

import functools
import importlib
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import pytest

import lmc
from lmc import gen
from lmc.errors import CaptureError

LOG: list[Any] = []
TABLE: dict[str, Any] = {}


def helper(x):
    return "h" + x


def other(x):
    return "o" + x


HELPER = helper


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    LOG.clear()
    TABLE.clear()
    TABLE["a"] = [1]
    globals()["helper"] = HELPER
    yield
    globals()["helper"] = HELPER


def by_globals(name, f):
    globals()[name] = f


def by_module(name, f):
    setattr(sys.modules[__name__], name, f)


@functools.singledispatch
def opaque(x):
    return None


@opaque.register(types.FunctionType)
def _(f):
    by_globals("helper", f)


@opaque.register(str)
def _(text):
    exec("def helper(x): return 'e' + x", globals())


@opaque.register(float)
def _(x):
    names = globals()
    names.update(helper=other)


@opaque.register(list)
def _(x):
    LOG.append(9)
    TABLE["a"].append(7)


@opaque.register(int)
def _(x):
    return [{1, 2}, [1, 2], {"a": 1}, "s", 3][x]


@opaque.register(bytes)
def _(x):
    return gen("made", regex="[ab]")


patcher = mock.patch(f"{__name__}.helper", other)


def globals_item(s):
    s += gen("x", regex="[ab]")
    first = helper("1")
    by_globals("helper", other)
    return first, helper("2")


def module_attribute(s):
    first = helper("1")
    by_module("helper", other)
    return first, helper("2")


def by_opaque_code(s):
    first = helper("1")
    opaque(other)
    return first, helper("2")


def by_text(s):
    first = helper("1")
    opaque("text")
    return first, helper("2")


def by_update(s):
    first = helper("1")
    opaque(1.5)
    return first, helper("2")


def by_a_patch(s):
    with mock.patch(__name__ + ".helper", other):
        first = helper("2")
    return first, helper("3")


def by_a_patcher(s):
    with patcher:
        first = helper("2")
    return first, helper("3")


def by_a_patched_dict(s):
    with mock.patch.dict(TABLE, z=1):
        first = len(TABLE)
    return first, len(TABLE)


def shares_a_list(s, xs):
    LOG.append(3)
    s += gen("x", regex="[ab]")
    return list(xs), len(xs), xs is LOG


def shares_by_opaque_code(s, xs):
    opaque([])
    return list(xs), len(xs)


def shares_an_item(s, xs):
    TABLE["a"].append(5)
    return xs, len(xs)


def shares_a_dict(s, d):
    TABLE["a"].append(5)
    return d, d["a"]


def ior(x, y):
    x |= y
    return x


def many_kinds(s):
    one, two, three, four, five = opaque(0), opaque(1), opaque(2), opaque(3), opaque(4)
    names = [one, two, three]
    one |= {7}
    two += [5]
    two *= 2
    three |= {"b": 2}
    four += "z"
    five |= 4
    return names, one, two, three, four, five, ior({1}, {2}), ior(1, 2)


def two_arguments(s, a, b):
    c = a
    a |= b
    return a, c


def parts_of_json(s):
    import json

    s += gen("x", regex="[ab]")
    data = json.loads('{"k": [1], "n": 2}')
    part = data["k"]
    data |= {"z": s["x"]}
    data["k"] += [2]
    data["n"] += part[0]
    return data, part


def expression_of_opaque_code(s):
    s += opaque(b"")
    return s["made"]


def arguments_of(program: Callable[..., Any]) -> dict[str, Any]:
    """The arguments that a program is run with, some of them globals."""
    if program is two_arguments:
        return {"a": {"k": 1}, "b": {"z": 2}}
    if program is shares_a_dict:
        return {"d": TABLE}
    if program is shares_an_item:
        return {"xs": TABLE["a"]}
    return {"xs": LOG} if program in (shares_a_list, shares_by_opaque_code) else {}


PROGRAMS = [
    globals_item, module_attribute, by_opaque_code, by_text, by_update, by_a_patch, by_a_patcher, by_a_patched_dict,
    shares_a_list, shares_by_opaque_code, shares_an_item, shares_a_dict, many_kinds, two_arguments, parts_of_json,
    expression_of_opaque_code,
]  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_the_default_mode_gives_what_python_gives(program: Callable[..., Any]):
    """A value and never a refusal; a graph that is there gives the same."""
    seen = []
    for mode in ("eager", "auto", "compiled"):
        LOG.clear()
        TABLE.clear()
        TABLE["a"] = [1]
        globals()["helper"] = HELPER
        try:
            made = lmc.Program(program).run(**arguments_of(program), backend="echo", mode=mode)
        except CaptureError:
            assert mode == "compiled"
            continue
        seen.append(repr((made.ret_value, LOG, TABLE)))
    assert len(set(seen)) == 1


def test_a_shared_argument_is_of_one_run():
    """The next run of the same shape, with a list of its own, has its graph."""
    program = lmc.Program(shares_an_item)
    assert program.run(xs=TABLE["a"], backend="echo").ret_value == ([1, 5], 2)
    assert program.run(xs=[1], backend="echo", mode="compiled").ret_value == ([1], 1)
    results = program.run_batch([{"xs": TABLE["a"]}, {"xs": [4]}], backend="echo")
    assert [r.ret_value for r in results][1] == ([4], 1)
    with pytest.raises(CaptureError, match="also reaches"):
        program.run(xs=TABLE["a"], backend="echo", mode="compiled")


def test_modules_that_only_a_namespace_holds():
    """Code that is run by `exec` in a dict of its own may bind the names of that dict."""
    for num in range(3):
        names: dict[str, Any] = {"__name__": f"held{num}"}
        text = f"N = 0\ndef up():\n    global N\n    N += {num + 1}\ndef p(s):\n    up()\n    return N\n"
        file = f"/tmp/held{num}.py"
        importlib.import_module("linecache").cache[file] = (len(text), None, text.splitlines(True), file)
        exec(compile(text, file, "exec"), names)
        assert lmc.Program(names["p"]).run(backend="echo").ret_value == num + 1
