"""What a backend lacks is an error at compile time where the program surely asks for it, and before any request."""

from __future__ import annotations

from dataclasses import replace

import pytest

import lmc
from lmc.backend.echo import EchoBackend
from lmc.errors import BackendError
from lmc.ir.caps import CONSTRAINT_KINDS, Caps
from lmc.ir.scoring import CHOICES_METHODS
from lmc.parser.irtext.parse import parse_graph
from lmc.passes import Inputs, parse_pipeline, run_pipeline
from tests.passes.case import encode_bytes

ALL = Caps(CONSTRAINT_KINDS, frozenset(CHOICES_METHODS), fused=True, n=True, logprobs=True, seed=True)
BEGIN = 'program p(%doc: str) {\n  %s0 = begin\n  %s1 = append %s0, "Say: "\n  '
END = "\n  return %s2, %x\n}\n"

LACKS = [
    ('%s2, %x = gen %s1 {constraint=grammar("root ::= \\"a\\"")}', replace(ALL, constraints=frozenset(("regex",))),
     "gen %x (<ir>:4): the backend takes no grammar", "it takes regex; or use another backend"),
    ('%s2, %x = gen %s1 {constraint=regex("a")}', replace(ALL, constraints=frozenset()),
     "gen %x (<ir>:4): the backend takes no regex", "use another backend"),
    ('%s2, %x = gen %s1 {constraint=choices(["a"])}', replace(ALL, constraints=frozenset(("regex",))),
     "gen %x (<ir>:4): the backend takes no choices", "it takes regex; or use another backend"),
    ("%s2, %x = gen %s1 {n=2}", replace(ALL, n=False),
     "gen %x (<ir>:4): `n=2`: the backend draws one sample a call", "fork, and call in each"),
    ("%s2, %x = gen %s1 {return_logprob=true}", replace(ALL, logprobs=False),
     "gen %x (<ir>:4): `return_logprob=True`: the backend tells no log-probabilities", "leave it out"),
    ("%s2, %x = gen %s1 {top_logprobs_num=3}", replace(ALL, logprobs=False),
     "gen %x (<ir>:4): `top_logprobs_num=3`: the backend tells no log-probabilities", "leave it out"),
    ("%s2, %x = gen %s1 {seed=0}", replace(ALL, seed=False),
     "gen %x (<ir>:4): `seed=0`: the backend follows no seed", "leave it out"),
    ('%s2, %x = select %s1 {choices=["a", "b"], method="exact"}', replace(ALL, score=frozenset()),
     "select %x (<ir>:4): the backend does not compare choices by exact",
     "ask for a JSON schema with an enum, or use another backend"),
    ('%s2, %x = fused %s1 {parts=[["y", regex("[0-9]"), []], ", "]}', replace(ALL, fused=False),
     "fused %x (<ir>:4): the backend does not take several generations as one",
     "compile it at -O2, which fuses none"),
    ('%s2, %x = fused %s1 {parts=[["y", regex("[0-9]"), []], ", "]}', replace(ALL, constraints=frozenset()),
     "fused %x (<ir>:4): the backend takes no regex", "use another backend"),
    ("%s2, %x = gen %s1", replace(ALL, max_len=5),
     "gen %x (<ir>:4): its prompt has 5 tokens, and the backend takes 5 of prompt and answer together",
     "shorten the prompt by 1 tokens, or use a model of more context"),
]  # fmt: skip


@pytest.mark.parametrize("line, caps, message, help", LACKS, ids=[message for _, _, message, _ in LACKS])
def test_lack_of_a_call_that_surely_runs_is_an_error(line: str, caps: Caps, message: str, help: str) -> None:
    """With its place and a way out; whoever has it compiles the same program."""
    graph = parse_graph(BEGIN + line + END)
    run_pipeline(graph, parse_pipeline("fit"), Inputs(encode=encode_bytes, caps=ALL))

    with pytest.raises(BackendError) as caught:
        run_pipeline(graph, parse_pipeline("fit"), Inputs(encode=encode_bytes, caps=caps))

    assert (caught.value.message, caught.value.help) == (message, help)
    assert caught.value.span is not None and caught.value.span.line == 4


def test_a_pipeline_without_fit_refuses_nothing() -> None:
    """It can be left out like any pass."""
    graph = parse_graph(BEGIN + "%s2, %x = gen %s1 {n=2}" + END)

    assert run_pipeline(graph, parse_pipeline("schedule"), Inputs(caps=Caps())).plan.steps


def test_a_prompt_with_a_hole_is_not_too_long() -> None:
    """Its length is known only when the program runs."""
    graph = parse_graph(BEGIN.replace('"Say: "', '"Say: ", %doc') + "%s2, %x = gen %s1" + END)

    assert run_pipeline(graph, parse_pipeline("fit"), Inputs(encode=encode_bytes, caps=replace(ALL, max_len=2)))


@lmc.function
def two_steps(s):
    s += "First: "
    s += lmc.gen("first")
    s += "Second: "
    s += lmc.gen("second", regex="[0-9]{2}")


def test_a_run_is_refused_before_its_first_request() -> None:
    """On a backend that could have answered the first call."""
    backend = EchoBackend(record=True)
    backend.caps = replace(backend.caps, constraints=frozenset(("choices",)))

    with pytest.raises(BackendError) as caught:
        two_steps.run(backend=backend)

    assert not backend.log
    assert caught.value.message == "gen %second (test_fit.py:83): the backend takes no regex"
    assert caught.value.span is not None and caught.value.span.text().strip().startswith("s += lmc.gen")


def test_the_same_program_runs_elsewhere_meanwhile() -> None:
    """A plan that was compiled for one backend is not another one's."""
    small = EchoBackend()
    small.caps = replace(small.caps, constraints=frozenset())
    with pytest.raises(BackendError):
        two_steps.run(backend=small)

    assert two_steps.run(backend=EchoBackend())["second"].isdigit()


def test_the_parameters_of_a_run_are_looked_at_too() -> None:
    """They reach calls that say nothing of it."""
    backend = EchoBackend(record=True)
    backend.caps = replace(backend.caps, n=False)

    with pytest.raises(BackendError, match="the parameters of this run: `n=2`: the backend draws one sample a call"):
        two_steps.run(backend=backend, n=2)

    assert not backend.log
    assert two_steps.run(backend=backend, n=1)["first"]


def test_a_call_in_a_branch_is_not_refused() -> None:
    """It may never run; where it does, its own request fails."""

    @lmc.function
    def maybe(s, digits: bool):
        s += "Say: "
        s += lmc.gen("x", regex="[0-9]{2}") if digits else lmc.gen("x")

    backend = EchoBackend()
    backend.caps = replace(backend.caps, constraints=frozenset())

    assert maybe.run(False, backend=backend)["x"]
