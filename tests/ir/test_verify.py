"""Every rule of the verifier: a graph that breaks it, and what is said."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from lmc.errors import VerifyError
from lmc.ir.graph import Block, Extern, Graph, Lit, Node, Param, Value
from lmc.ir.hints import Hint
from lmc.ir.plan import Plan, Prefix
from lmc.ir.types import DATA, STATE, STR, Type
from lmc.ir.verify import MAX_DEPTH, verify, verify_plan
from lmc.parser.irtext.parse import parse_graph, parse_plan
from lmc.source import Span
from tests.support.ir_programs import PLAN, PROGRAMS
from tests.support.random_graph import random_graph

HEAD = """\
program p(%str: str, %data: data, %any: any, %bool: bool, %int: int) {
  extern @f = "a.py:1 f" ordered raises any
  %s = begin
"""
TAIL = "\n  return %s, none\n}\n"

# what stands in the program's body, and the message
BROKEN = {
    # ops and attributes
    "%x: any = itme %data, 0": "unknown op `itme`; did you mean `item`?",
    "%x: any = item %data, 0 {foo=1}": "`item` has no attribute `foo`",
    "%a, %b = gen %s {max_token=1}": "`gen` has no attribute `max_token`; did you mean `max_tokens`?",
    "%x = append %s {max_tokens=1}": "`append` has no attribute `max_tokens`",
    "%x: any = binary 1, 2": "`binary` needs the attribute `op`",
    '%x: any = binary 1, 2 {op="?"}': "`binary` does not know op='?'",
    '%x = format 1 {conv="d"}': "`format` does not know conv='d'",
    '%a, %b = gen %s {constraint="x"}': "`gen` has a constraint that is not one: 'x'",
    '%a, %b = select %s {method="m"}': "`select` needs `choices`: texts, at least one",
    '%a, %b = select %s {choices=[], method="m"}': "`select` needs `choices`: texts, at least one",
    '%a, %b = select %s {choices=["a"], method="best"}': (
        "`select` does not know method='best'; one of exact, token_length_normalized, greedy_token_selection, "
        "unconditional_likelihood_normalized"
    ),
    '%a, %b = select %s {boundary="no", choices=["a"], method="exact"}': (
        "`select` does not know boundary='no'; one of exact, naive"
    ),
    "%a, %b, %c = fork %s {n=3}": "`fork` says n=3 and has 2 children",
    "%a: any = unpack %data {n=true}": "`unpack` says n=True and has 1 results",
    # keys
    "%a, %b = gen %s, temprature=1": "`gen` has no operand named `temprature`; did you mean `temperature`?",
    "%a, %b = gen %s, seed=1, seed=2": "`gen` is given `seed` twice",
    "%a, %b = gen %s, seed=1 {seed=2}": "`gen` is given `seed` twice, as an operand and as an attribute",
    # operands
    "%x: any = item %data": "`item` takes 2 operands, not 1",
    "%x = append": "`append` takes at least 1 operands, not 0",
    "%x = append %str, %s": "operand 0 of `append` is `str`; it must be `state`",
    "%x = append %s, %any": "operand 1 of `append` is `any`; it must be `str`",
    "%x = append %s, 1": "operand 1 of `append` is `int`; it must be `str`",
    "%x = len %s": "operand 0 of `len` is `state`; it must be a value, not a state",
    "%x, %y = fork_list %s, %str": "operand 1 of `fork_list` is `str`; it must be `int`",
    "%x: any = call @f, unset": "operand 0 of `call` may be unset (`unset?`); `check` it first",
    '%x = dict "a"': "`dict` takes keys and values in turn, and one is missing",
    "if %int {\n yield\n} else {\n yield\n}": "operand 0 of `if` is `int`; it must be `bool`",
    # results
    "%x: str = len %data": "result `%x` of `len` is `str`; it must be `int`",
    "%x: str? = item %data, 0": "result `%x` of `item` is `str?`; it must be a value, not a state, and surely set",
    "%x: state = item %data, 0": "result `%x` of `item` is `state`; it must be a value, not a state, and surely set",
    "%x: state, %y: str, %z: str = gen %s": "`gen` gives 2 results, not 3",
    '%x: int = check %str {name="x"}': "`check` of a `str` cannot give `int`",
    '%a, %b = fused %s {parts=[["b", regex("x")], "."]}': "`fused` has a part that is not a text, a generation "
    "or a choice: ('b', Regex(pattern='x'))",
    '%a, %b = fused %s {parts=[["b", regex("x"), []], ["c", ["d"], []]]}': "`fused` has 2 generations and choices and "
    "1 values",
    '%a, %b = fused %s, %str {parts=[["b", regex("x"), []], [" of ", 1]]}': "`fused` has 1 texts as operands, and asks "
    "for [1]",
    # names
    "%x: any = call @g": "extern 'g' is not declared",
    "if true {\n %x = len %data\n yield\n} else {\n yield\n}\n %y = tuple %x": "`%x` is used outside the region "
    "that defines it",
    # regions
    "if true {\n} else {\n yield\n}": "a region of `if` is empty; it must end in `yield` or `raise`",
    "if true {\n next true\n} else {\n yield\n}": "a region of `if` ends in `next`; it must end in `yield` or `raise`",
    "if true {\n yield\n yield\n} else {\n yield\n}": "`yield` stands in the middle of a region of `if`; nothing may "
    "follow it",
    "%x = if true {\n yield\n} else {\n yield %s\n}": "`yield` yields 0 values; 1 are expected",
    "%x: str = if true {\n yield 1\n} else {\n yield %str\n}": "`yield` yields a `int` for `%x`, which is `str`",
    "%x: str = if true {\n yield unset\n} else {\n yield %str\n}": "`yield` yields a `unset?` for `%x`, which is `str`",
    '"if" true do(%p) {\n yield\n} do() {\n yield\n}': "a region of `if` takes no parameters",
    '"if" true do() {\n yield\n}': "`if` has 2 regions, not 1",
    "loop %a = %str {\n next true, %a\n}": "`loop` carries a `str` for `%a`, which is `state`",
    "loop %a = %s {\n next true, %a\n}": "`loop` carries 1 values and gives 0 results",
    '%x = "loop" %s do() {\n next true, %s\n}': "`loop` carries 1 values; 0 are expected",
    "%x = loop %a = %s {\n next true\n}": "`next` carries 0 values; 1 are expected",
    "%x: int = loop %a: int = 0 {\n next true, 0.5\n}": "`next` carries a `float` for `%a`, which is `int`",
    "%x: int = loop %a: data = 0 {\n next true, %a\n}": "`next` carries a `data` for `%x`, which is `int`",
    "for %a in %data {\n next true\n}": "the item of `for` is `state`; it must be a value, not a state, and surely set",
    '"for" %data do() {\n next true\n}': "the body of `for` has no parameter for the item",
    "%x: int = for %a: any in %data, %b: data = 0.5 {\n next true, 1\n}": "`for` passes on a `float` for `%x`, which "
    "is `int`",
    "return %s, none": "`return` stands in the middle of the program; nothing may follow it",
}


@pytest.mark.parametrize("body", BROKEN)
def test_broken_rule_is_named(body: str) -> None:
    """One rule each; the message names the op, the place in the text and the printed node."""
    with pytest.raises(VerifyError) as caught:
        verify(parse_graph(HEAD + body + TAIL))

    assert caught.value.message == BROKEN[body]
    assert caught.value.span is not None and caught.value.span.file == "<ir>"
    assert caught.value.notes


def test_error_shows_place_and_node() -> None:
    """The whole message."""
    with pytest.raises(VerifyError) as caught:
        verify(parse_graph(HEAD + "  %x = append %s, 1" + TAIL))

    assert str(caught.value) == (
        "<ir>:4:8: VerifyError: operand 1 of `append` is `int`; it must be `str`\n  %x = append %s, 1"
    )


@pytest.mark.parametrize("name", PROGRAMS)
def test_hand_written_programs_are_sound(name: str) -> None:
    """The verifier accepts every op as the programs use it."""
    verify(parse_graph(PROGRAMS[name]))


def test_random_graphs_are_sound() -> None:
    """The generator of the passes' tests makes valid programs."""
    for seed in range(100):
        verify(random_graph(seed, may_raise=seed % 2 == 0))


# --- what the text format itself cannot say ---

S, X = Value("s", STATE), Value("x", STR)
BEGIN, RETURN = Node("begin", outputs=(S,)), Node("return", (S, Lit(None)))


def _message(graph: Graph) -> str:
    with pytest.raises(VerifyError) as caught:
        verify(graph)
    return caught.value.message


def _program(*nodes: Node, params: tuple[Param, ...] = (), externs: tuple[Extern, ...] = ()) -> Graph:
    return Graph("p", params, externs, Block((), (BEGIN, *nodes, RETURN)))


def test_value_is_defined_once() -> None:
    """Across the whole graph, regions included."""
    arm = Block((), (BEGIN, Node("yield")))

    assert _message(_program(BEGIN)) == "`%s` is defined twice"
    assert _message(_program(Node("if", (Lit(True),), regions=(arm, arm)))) == "`%s` is defined twice"


def test_value_is_defined_before_its_use() -> None:
    """A region's node does not see its own results either."""
    arm = Block((), (Node("yield", (X,)),))

    assert (
        _message(_program(Node("append", (S, X), outputs=(Value("t", STATE),)))) == "`%x` is used before it is defined"
    )
    looped = _program(Node("if", (Lit(True),), regions=(arm, arm), outputs=(X,)))
    assert _message(looped) == "`%x` is used before it is defined"


def test_use_has_the_type_of_the_definition() -> None:
    """A pass that retypes a value must retype its uses."""
    node = Node("append", (Value("s", STR),), outputs=(Value("t", STATE),))

    assert _message(_program(node)) == "`%s` is used as `str` and defined as `state`"


def test_types_are_known() -> None:
    """Type names come from ir.types."""
    assert _message(_program(params=(Param(Value("a", Type("text")), ("a",)),))) == "`%a` has the unknown type `text`"


def test_arguments_are_set_and_have_a_path() -> None:
    """An argument's path begins with a parameter's name."""
    assert _message(_program(params=(Param(X, ()),))) == "the path of argument `%x` does not begin with a name"
    assert (
        _message(_program(params=(Param(Value("x", STR.or_unset()), ("x",)),))) == "argument `%x` may be unset (`str?`)"
    )


def test_externs_are_declared_once_and_well() -> None:
    """Name, effect and type of an extern."""
    good = Extern("f", "a.f")

    assert _message(_program(externs=(good, good))) == "extern `@f` is declared twice"
    assert _message(_program(externs=(replace(good, effect="pure"),))) == (
        "extern `@f` has the effect `pure`; it must be `none`, `reads`, `writes` or `ordered`"
    )
    assert (
        _message(_program(externs=(replace(good, type=STATE),)))
        == "extern `@f` is `state`; it must be a value, not a state"
    )


def test_attributes_are_sorted_literals() -> None:
    """Equality compares them in order."""
    unsorted = Node("role_begin", (S,), attrs=(("text", ""), ("role", "user")), outputs=(Value("t", STATE),))
    live = Node("join", (S,), attrs=(("mode", [1]),), outputs=(Value("t", STATE),))  # type: ignore[arg-type]

    assert (
        _message(_program(unsorted)) == "the attributes of `role_begin` are not sorted by name, each once: text, role"
    )
    assert _message(_program(live)) == "attribute `mode` of `join` is not a literal: [1]"
    assert _message(_program(Node("tuple", (Lit([1]),), outputs=(Value("t", DATA),)))) == (  # type: ignore[arg-type]
        "operand 0 of `tuple` is not a literal: [1]"
    )


def test_program_ends_in_return_or_raise() -> None:
    """And in nothing else."""
    assert _message(Graph("p", (), (), Block((), (BEGIN,)))) == (
        "the program ends in `begin`; it must end in `return` or `raise`"
    )
    assert _message(Graph("p", (), (), Block((), ()))) == "the program is empty; it must end in `return` or `raise`"


def test_nesting_is_bounded() -> None:
    """Recursion over regions stays within Python's limit."""
    inner = Block((), (Node("yield"),))
    for _ in range(MAX_DEPTH):
        inner = Block((), (Node("if", (Lit(True),), regions=(inner, Block((), (Node("yield"),)))), Node("yield")))
    verify(Graph("p", (), (), Block((), (BEGIN, *inner.body, RETURN))))

    deeper = Node("if", (Lit(True),), regions=(inner, inner))
    assert _message(_program(deeper)) == f"regions are nested more than {MAX_DEPTH} deep"


def test_error_carries_the_span() -> None:
    """Where the user's line is known, the message begins with it."""
    with pytest.raises(VerifyError) as caught:
        verify(_program(Node("zzz", span=Span("agent.py", 3, 5, 9))))

    assert str(caught.value) == "agent.py:3:5: VerifyError: unknown op `zzz`\n  zzz"


# --- plans ---

SOUND = parse_plan(PLAN)
STEPS, PREFIXES = SOUND.steps, SOUND.prefixes


def _with_step(number: int, **change: object) -> Plan:
    steps = list(STEPS)
    steps[number] = replace(steps[number], **change)  # type: ignore[arg-type]
    return replace(SOUND, steps=tuple(steps))


def _with_hints(*hints: Hint) -> Plan:
    return _with_step(1, hints=hints)


def _with_prefix(**change: object) -> Plan:
    return replace(SOUND, prefixes=(PREFIXES[0], replace(PREFIXES[1], **change)))  # type: ignore[arg-type]


BROKEN_PLANS = [
    (_with_step(1, id=0), "step #0 (gen): its number is taken by an earlier step"),
    (_with_step(1, node=99), "step #1 (gen): there is no node 99; the graph has 9"),
    (_with_step(1, op="select"), "step #1 (select): node 4 is a `gen`, not a `select`"),
    (_with_step(3, node=6, op="gen"), "step #3 (gen): node 6 has an earlier step"),
    (_with_step(1, inside=9), "step #1 (gen): it is inside #9, which is not an earlier step"),
    (_with_step(1, inside=None), "step #1 (gen): its node 4 is not directly inside the program's body"),
    (_with_step(2, inside=0), "step #2 (gen): its node 6 is not directly inside the region of #0"),
    (_with_step(2, after=(3,)), "step #2 (gen): it comes after #3, which is not an earlier step"),
    (_with_step(2, after=(1,)), "step #2 (gen): it comes after #1, which stands in another region"),
    (_with_step(2, wave=-1), "step #2 (gen): its wave is -1"),
    (_with_step(3, prompt=(Lit("a"),)), "step #3 (call): only a model call has a prompt"),
    (
        _with_step(2, prompt=(Value("y", STR),)),
        "step #2 (gen): its prompt has `%y`, a `str` that the graph does not define",
    ),
    (_with_step(2, prefix=7), "step #2 (gen): there is no prefix p7"),
    (_with_step(3, hints=(Hint("priority", 1),)), "step #3 (call): only a model call has hints"),
    (_with_hints(Hint("keep", 0)), "step #1 (gen): there is no hint `keep`"),  # type: ignore[arg-type]
    (_with_hints(Hint("prefetch", 7)), "step #1 (gen): `prefetch` names p7, and there is no such prefix"),
    (_with_hints(Hint("release", 7)), "step #1 (gen): `release` names p7, and there is no such prefix"),
    (_with_hints(Hint("pin", 7, 1.0)), "step #1 (gen): `pin` names p7, and there is no such prefix"),
    (
        _with_step(2, hints=(Hint("pin", 1, 1.0),)),
        "step #2 (gen): `pin` names p1, which its prompt does not begin with",
    ),
    (
        _with_hints(Hint("pin", 1)),
        "step #1 (gen): `pin` needs a time to live in seconds: `pin p1 for 60.0`",
    ),
    (
        _with_hints(Hint("pin", 1, 0.0)),
        "step #1 (gen): `pin` needs a time to live in seconds: `pin p1 for 60.0`",
    ),
    (
        _with_hints(Hint("pin", 1, math.inf)),
        "step #1 (gen): `pin` needs a time to live in seconds: `pin p1 for 60.0`",
    ),
    (_with_hints(Hint("release", 1, 2.0)), "step #1 (gen): `release` has no time to live"),
    (_with_hints(Hint("prefetch", 1, 2.0)), "step #1 (gen): `prefetch` has no time to live"),
    (_with_hints(Hint("gang", 1, 2.0)), "step #1 (gen): `gang` has no time to live"),
    (_with_hints(Hint("priority", 1, 2.0)), "step #1 (gen): `priority` has no time to live"),
    (_with_hints(Hint("release", 1, waves=2)), "step #1 (gen): `release` does not say in how many waves"),
    (
        _with_hints(Hint("pin", 1, 1.0, waves=0)),
        "step #1 (gen): `pin` is for a use that comes, in 1 wave or more, not 0",
    ),
    (_with_hints(Hint("again", 0)), "step #1 (gen): `again` needs 1 or more, and has 0"),
    (_with_hints(Hint("again", 1), Hint("again", 2)), "step #1 (gen): it has more than one `again`"),
    (_with_hints(Hint("gang", -1)), "step #1 (gen): `gang` names gang -1; gangs are numbered from 0"),
    (
        _with_hints(Hint("pin", 1, 1.0, is_shared=True)),
        "step #1 (gen): `pin` is never `all`; only a gang is one for all items",
    ),
    (
        _with_hints(Hint("priority", 1, is_shared=True)),
        "step #1 (gen): `priority` is never `all`; only a gang is one for all items",
    ),
    (_with_hints(Hint("gang", 0), Hint("gang", 1)), "step #1 (gen): it has more than one `gang`"),
    (_with_hints(Hint("priority", 0), Hint("priority", 1)), "step #1 (gen): it has more than one `priority`"),
    (
        _with_hints(Hint("release", 1), Hint("release", 1)),
        "step #1 (gen): it has more than one `release p1`",
    ),
    (replace(SOUND, prefixes=(*PREFIXES, PREFIXES[0])), "prefix p0: its number is taken by an earlier prefix"),
    (_with_prefix(parent=1), "prefix p1: it is under p1, which is not an earlier prefix"),
    (_with_prefix(steps=(1, 8)), "prefix p1: there is no step #8"),
    (_with_prefix(pieces=(Value("q", STR),)), "prefix p1: it has `%q`, a `str` that the graph does not define"),
]


@pytest.mark.parametrize("plan, message", BROKEN_PLANS, ids=[message for _, message in BROKEN_PLANS])
def test_broken_plan_is_named(plan: Plan, message: str) -> None:
    """One rule each."""
    with pytest.raises(VerifyError) as caught:
        verify_plan(plan)

    assert caught.value.message == message


def test_sound_plan_is_accepted() -> None:
    """And so is one without a step."""
    verify_plan(SOUND)
    verify_plan(Plan(SOUND.graph, ()))
    verify_plan(
        _with_hints(Hint("release", 0), Hint("release", 1), Hint("priority", -3), Hint("gang", 7, is_shared=True))
    )
    verify_plan(replace(SOUND, prefixes=(*PREFIXES, Prefix(9, 1, (), None, (), 0))))
