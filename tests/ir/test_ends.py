"""Stops and a least length beside a constraint: kept or refused, and alike however a program runs."""

import pytest

import lmc
from lmc.errors import ArgumentError, ConstraintError, RequestError
from lmc.ir.constraint import Choices, JsonSchema
from lmc.ir.ends import check_ends, never_occurs
from lmc.ir.sampling import Sampling
from lmc.parser.grammar import parse_ebnf
from lmc.parser.regex.parse import parse_regex
from lmc.parser.schema.parse import parse_schema
from lmc.parser.tools import parse_tool_calls

CITY = {"type": "object", "properties": {"c": {"type": "string"}}, "required": ["c"], "additionalProperties": False}
TREE = {"type": "object", "properties": {"kid": {"$ref": "#"}}}
TOOLS = parse_tool_calls([{"name": "f"}], format="qwen_3")


@pytest.mark.parametrize(
    "constraint, stop",
    [
        (parse_regex("[a-z ]*"), " and"),
        (parse_regex(r"\d+(\.\d+)?"), "."),
        (parse_regex("yes|yes, it is"), ","),
        (parse_regex("[a-z]+"), "!"),
        (parse_schema(CITY), "\n"),
        (parse_schema(TREE), "\n"),
        (parse_schema({"type": "integer"}), ","),
        (parse_schema({"type": "number"}), "e"),  # `1` is whole before `e5`
        (Choices(("a", "a b")), " "),
    ],
)
def test_a_stop_that_leaves_whole_texts_is_kept(constraint, stop):
    """Or that never occurs."""
    check_ends(constraint, Sampling(stop=(stop,)))


@pytest.mark.parametrize(
    "constraint, stop",
    [
        (parse_regex("[a-z]+-[0-9]+"), "-"),
        (parse_regex("[a-z ]+"), " "),
        (parse_schema(CITY), '",'),
        (parse_schema(CITY), "Oslo"),
        (parse_schema(TREE), "k"),
        (parse_schema({"type": "number"}), "-"),
        (Choices(("a b",)), " "),
        (parse_ebnf('root ::= "a"'), "b"),
        (TOOLS, "b"),
    ],
)
def test_a_stop_that_may_leave_half_a_text_is_refused(constraint, stop):
    """Or of which nobody can tell."""
    with pytest.raises(ConstraintError) as error:
        check_ends(constraint, Sampling(stop=("\t\0", stop) if isinstance(constraint, JsonSchema) else (stop,)))
    assert repr(stop) in error.value.message and error.value.help


@pytest.mark.parametrize(
    "constraint, is_kept",
    [
        (parse_regex("[a-z]*"), True),
        (parse_regex("([a-z]+ )+"), True),
        (parse_regex("[a-z]{1,40}"), False),
        (parse_regex("[a-z]+|ok!"), False),
        (parse_schema(CITY), False),
        (TOOLS, False),
    ],
)
def test_a_least_number_of_tokens(constraint, is_kept):
    """Is kept where every text can go on."""
    if is_kept:
        check_ends(constraint, Sampling(min_tokens=5))
    else:
        with pytest.raises(ConstraintError, match="min_tokens=5"):
            check_ends(constraint, Sampling(min_tokens=5))


def test_a_pattern_belongs_into_the_constraint():
    """It is refused beside any."""
    with pytest.raises(ConstraintError, match="stop_regex='b'"):
        check_ends(parse_regex("[a-z]*"), Sampling(stop_regex=("b",)))
    check_ends(None, Sampling(stop_regex=("b",), stop=("a",), min_tokens=3))


def test_what_never_occurs():
    """Is known of what is regular alone."""
    assert never_occurs(parse_regex("[a-z]+"), "!") and never_occurs(parse_schema(CITY), "\n")
    assert not never_occurs(parse_regex("[a-z ]*"), " ") and not never_occurs(TOOLS, "\n")


def program(**params):
    """One generation."""

    @lmc.function
    def ask(s):
        s += "x: " + lmc.gen("x", max_tokens=12, **params)

    return ask


BAD = [
    {"json_schema": CITY, "stop": '",'},
    {"regex": "[a-z]+-[0-9]+", "stop": "-"},
    {"regex": "[a-z]{2,9}", "min_tokens": 10},
    {"type": int, "stop": "1"},
    {"grammar": 'root ::= "a"+', "stop": "a"},
    {"structural_tag": TOOLS, "stop": "a"},
]


@pytest.mark.parametrize("params", BAD, ids=str)
@pytest.mark.parametrize("mode", ["auto", "eager"])
def test_no_backend_is_asked(params, mode):
    """The error has the place, in a graph as in Python, for one sample as for several."""
    for more in ({}, {"n": 2}):
        if "type" in params and more:
            continue
        with pytest.raises(ConstraintError, match=r"test_ends\.py:\d+") as error:
            program(**params, **more).run(backend="echo", mode=mode)
        assert error.value.help


@pytest.mark.parametrize("params", BAD, ids=str)
def test_it_is_refused_where_the_program_is_compiled(params):
    """Without a backend."""
    with pytest.raises(ConstraintError, match="under a constraint"):
        lmc.compile(program(**params))


@pytest.mark.parametrize("mode", ["auto", "eager"])
@pytest.mark.parametrize("backend", ["echo", "cpu"])
def test_what_only_the_run_knows(mode, backend):
    """Stops of the run, and constraints of arguments: the item fails, and says why."""

    @lmc.function
    def ask(s, pattern: str):
        s += "x: " + lmc.gen("x", max_tokens=12, regex=pattern)

    items = [{"pattern": "[a-z ]*"}, {"pattern": "[a-z]+ [a-z]+"}]
    results = ask.run_batch(items, backend=backend, mode=mode, stop=" ", seed=3)

    assert results[0].error is None and " " not in results[0]["x"]
    assert isinstance(results[1].error, ConstraintError)


@pytest.mark.parametrize("mode", ["auto", "eager"])
@pytest.mark.parametrize("backend", ["echo", "cpu"])
def test_what_is_kept(mode, backend):
    """A stop cuts, and a least number of tokens is made."""
    for seed in range(4):
        options = {"backend": backend, "mode": mode, "seed": seed, "temperature": 1.0}
        long = program(regex="[a-z]*", min_tokens=10).run(**options)
        assert long.get_meta_info("x")["completion_tokens"] >= 10
        assert "a" not in program(regex="[a-z]*", stop="a").run(**options)["x"]


def test_a_stop_token_does_not_cut_a_text():
    """Where the constraint does not let it end, that is an error."""
    every = list(range(3, 600))
    with pytest.raises(RequestError, match="stop_token_ids"):
        program(regex="[a-z]{9}-[0-9]{9}", stop_token_ids=every).run(backend="cpu")


@pytest.mark.parametrize("name", ["stop", "stop_regex", "stop_token_ids", "min_tokens"])
def test_nothing_ends_a_choice(name):
    """It is said where the call is made."""
    value = [3] if name == "stop_token_ids" else 3 if name == "min_tokens" else "a"
    with pytest.raises(ArgumentError, match=f"`{name}` beside `choices`"):
        lmc.gen("x", choices=["a", "b"], **{name: value})
