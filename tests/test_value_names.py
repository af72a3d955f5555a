"""A name of a state's values is text: whatever else is asked for is refused alike by a graph and by Python."""

from __future__ import annotations

from typing import Any

import pytest

import lmc


@lmc.function
def asked(s):
    s += "hello"
    return 1 in s


@lmc.function
def not_asked(s, key):
    s += "hello"
    return key not in s


@lmc.function
def read(s, key):
    s += "hello" + lmc.gen("a", max_tokens=2)
    return s[key]


@lmc.function
def set_by(s, key):
    s[key] = "x"


@lmc.function
def told_of(s, key):
    s += lmc.gen("a", max_tokens=2)
    return s.get_meta_info(key)


@lmc.function
def scope(s, key):
    with s.var_scope(key):
        s += "x"


CASES: list[tuple[lmc.Program[..., Any], dict[str, Any], str]] = [
    (asked, {}, "int"),
    (not_asked, {"key": None}, "NoneType"),
    (read, {"key": 0}, "int"),
    (set_by, {"key": 1.5}, "float"),
    (told_of, {"key": ("a",)}, "tuple"),
    (scope, {"key": 3}, "int"),
]


@pytest.mark.parametrize("mode", ["auto", "compiled", "eager"])
@pytest.mark.parametrize("program, args, kind", CASES, ids=[p.func.__name__ for p, *_ in CASES])
def test_a_name_is_text(program: lmc.Program[..., Any], args: dict[str, Any], kind: str, mode: Any) -> None:
    """The error says what a name is and what `in` asks, nothing of appending."""
    with pytest.raises(TypeError, match=f'is text, not {kind}; .* `"x" in s` asks whether') as caught:
        program.run(**args, backend="echo", mode=mode)
    assert "append" not in str(caught.value)


@lmc.function
def walked(s):
    s += "hello"
    return [x + "" for x in s]


@lmc.function
def taken(s):
    s["a"] = "x"
    del s["a"]


@pytest.mark.parametrize(
    "program, says", [(walked, "'ProgramState' object is not iterable"), (taken, "set it to None")]
)
def test_what_a_state_cannot_do_is_a_break_and_a_type_error(program: lmc.Program[..., Any], says: str) -> None:
    """Capture names its rule, never a fault of its own; Python says what is wrong."""
    with pytest.raises(lmc.CaptureError, match="LMC-GB0"):
        program.run(backend="echo", mode="compiled")
    with pytest.raises(TypeError, match=says):
        program.run(backend="echo")
