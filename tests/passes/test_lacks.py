"""What a model behind an API lacks for a call: no default asks for anything, and nothing is dropped in silence."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

import lmc
from lmc.backend.echo import EchoBackend
from lmc.errors import BackendError
from lmc.ir.caps import CONSTRAINT_KINDS, Caps
from lmc.ir.sampling import SAMPLING_FIELDS, Sampling
from lmc.ir.scoring import CHOICES_METHODS
from lmc.parser.irtext.parse import parse_graph
from lmc.passes import Inputs, parse_pipeline, run_pipeline
from lmc.passes.lacks import asked

LIMIT_ALONE = frozenset(("max_tokens",))
LEAST = Caps(sampling=LIMIT_ALONE, temperatures=None, max_stops=0, called="`m` (api)", known_from="known")
MOST = Caps(CONSTRAINT_KINDS, frozenset(CHOICES_METHODS), n=True, logprobs=True, seed=True)
OTHER = {
    "max_tokens": 7, "min_tokens": 1, "n": 2, "stop": ("a",), "stop_token_ids": (1,), "stop_regex": ("a",),
    "temperature": 0.5, "top_p": 0.5, "top_k": 5, "min_p": 0.5, "frequency_penalty": 1.0, "presence_penalty": 1.0,
    "repetition_penalty": 1.5, "ignore_eos": True, "seed": 0, "return_logprob": True, "logprob_start_len": 0,
    "top_logprobs_num": 1, "return_text_in_logprobs": True, "on_distortion": "warn",
}  # fmt: skip


def test_there_is_another_value_of_every_parameter() -> None:
    """So that a new one is thought of."""
    assert set(OTHER) == set(SAMPLING_FIELDS)


@pytest.mark.parametrize("name", SAMPLING_FIELDS)
def test_a_default_asks_for_nothing_and_another_value_is_never_dropped(name: str) -> None:
    """Of the backend that follows nothing but a limit, and of the one that follows all."""
    default = next(field.default for field in fields(Sampling) if field.name == name)
    assert list(asked({name: default}, LEAST)) == []
    assert list(asked({name: OTHER[name]}, MOST)) == []
    lacks = list(asked({name: OTHER[name]}, LEAST))
    assert [name in lack.what for lack in lacks] == ([] if name == "max_tokens" else [True])
    assert all(lack.help and not lack.is_note for lack in lacks)


def test_a_temperature_of_one_is_what_a_model_does_that_takes_none() -> None:
    """Greedy is another thing."""
    assert list(asked({"temperature": 1.0}, LEAST)) == []
    assert list(asked({"temperature": 0.0}, LEAST)) != []


LIMITS = [
    (replace(MOST, temperatures=(0.0, 1.0)), {"temperature": 1.5}, "takes a temperature from 0 to 1"),
    (replace(MOST, max_stops=2), {"stop": ["a", "b", "c"]}, "takes at most 2 stop texts, and here are 3"),
    (replace(MOST, max_n=4), {"n": 5}, "draws at most 4 samples a call"),
    (replace(MOST, max_logprobs=5), {"top_logprobs_num": 6}, "tells of at most 5 tokens"),
    (replace(MOST, max_output=100), {"max_new_tokens": 101}, "answers with at most 100 tokens"),
    (replace(MOST, apart=frozenset((("temperature", "top_p"),))), {"temperature": 0.1, "top_p": 0.1},
     "takes `temperature` or `top_p`, and not both"),
]  # fmt: skip


@pytest.mark.parametrize("caps, params, what", LIMITS, ids=[what for _, _, what in LIMITS])
def test_what_is_followed_up_to_a_limit(caps: Caps, params: dict, what: str) -> None:
    """Beyond it the call lacks something; a bit less does not."""
    assert [what in lack.what for lack in asked(params, caps)] == [True]
    first = next(iter(params))
    less = {"temperature": 1.0, "stop": ["a"], "n": 4, "top_logprobs_num": 5, "max_new_tokens": 100}[first]
    assert list(asked({**params, first: less}, caps)) == []


def test_what_is_followed_loosely_is_a_note() -> None:
    """It is no reason to refuse."""
    (lack,) = asked({"seed": 7}, replace(MOST, loosely=frozenset(("seed",))))
    assert lack.is_note and "promises nothing" in lack.what


# --- programs --------------------------------------------------------------------------------------------


def noted(text: str, caps: Caps) -> list[str]:
    """The notes of `fit` on a graph."""
    graph = parse_graph("program p(%t: str, %c: bool) {\n  %s0 = begin\n" + text + "\n}\n")
    planned = run_pipeline(graph, parse_pipeline("schedule,fit"), Inputs(caps=caps))
    return [str(note) for report in planned.reports if report.name == "fit" for note in report.notes]


CHAT = replace(
    MOST,
    continues="never",
    by_turns=True,
    only_turns=True,
    roles=frozenset(("system", "user", "assistant")),
    called="it",
)


def test_a_fresh_turn_is_fine_and_one_with_text_is_not() -> None:
    """Whoever wrote the text: the program or the model; a fork stands where its parent does."""
    fresh = (
        '  %a = role_begin %s0 {role="user"}\n  %b = append %a, "Hi"\n  %c1 = role_end %b {role="user"}\n'
        '  %d = role_begin %c1 {role="assistant"}\n'
    )
    assert noted(f"{fresh}  %e, %x = gen %d\n  return %e, %x", CHAT) == []
    for held in ('  %e = append %d, "A: "\n  %f, %x = gen %e\n', "  %e, %y = gen %d\n  %f, %x = gen %e\n"):
        with pytest.raises(BackendError, match="turn has text already, and it does not continue a turn"):
            noted(f"{fresh}{held}  return %f, %x", CHAT)
    forked = '  %e = append %d, "A: "\n  %f, %g = fork %e {n=1}\n  %h, %x = gen %g\n'
    with pytest.raises(BackendError, match="has text already"):
        noted(f"{fresh}{forked}  return %h, %x", CHAT)


def test_text_that_may_be_empty_is_a_note() -> None:
    """As is a call in a branch: neither may come to it."""
    turn = '  %a = role_begin %s0 {role="assistant"}\n  %b = append %a, %t\n  %d, %x = gen %b\n  return %d, %x'
    (note,) = noted(turn, CHAT)
    assert "if it comes to that, the assistant's turn has text already" in note


def test_an_answer_in_a_turn_of_the_users_is_refused() -> None:
    """The API writes the assistant's."""
    turn = '  %a = role_begin %s0 {role="user"}\n  %b, %x = gen %a\n  return %b, %x'
    with pytest.raises(BackendError, match="here it is to write in one of the user's"):
        noted(turn, CHAT)
    assert noted(turn, MOST) == []


def test_an_answer_behind_the_models_own_turn_is_refused() -> None:
    """With text of the program's between them it is a turn of the user's, which is told."""
    turn = '  %a = role_begin %s0 {role="assistant"}\n  %b = append %a, "Hi"\n  %d = role_end %b {role="assistant"}\n'
    with pytest.raises(BackendError, match="cannot answer behind a turn of the assistant's that is closed"):
        noted(f"{turn}  %e, %x = gen %d\n  return %e, %x", CHAT)
    between = f'{turn}  %e = append %d, "And?"\n  %f, %x = gen %e\n  return %f, %x'
    for caps in (CHAT, replace(CHAT, only_turns=False)):
        (note,) = noted(between, caps)
        assert note.startswith("LMC-AP001")
    plain = '  %e = append %s0, "And?"\n  %f, %x = gen %e\n  return %f, %x'
    assert noted(plain, replace(CHAT, only_turns=False)) == []


def test_roles_that_there_are_not() -> None:
    """And the system's where they must stand first."""
    tool = '  %a = role_begin %s0 {role="tool"}\n  %b = role_end %a {role="tool"}\n  %c1, %x = gen %b\n  return %c1, %x'
    with pytest.raises(BackendError, match="it has no turns of 'tool'"):
        noted(tool, CHAT)
    late = (
        '  %a = role_begin %s0 {role="user"}\n  %b = role_end %a {role="user"}\n'
        '  %d = role_begin %b {role="system"}\n  %e = role_end %d {role="system"}\n  %f, %x = gen %e\n  return %f, %x'
    )
    with pytest.raises(BackendError, match="takes the system's turns before all others"):
        noted(late, replace(CHAT, system_first=True))
    assert len(noted(late, CHAT)) == 1  # that the answer stands outside of roles


def test_a_prefill_takes_no_constraint_and_no_space_at_its_end() -> None:
    """What may stand there is continued."""
    caps = replace(CHAT, continues="prefill")
    turn = '  %a = role_begin %s0 {{role="assistant"}}\n  %b = append %a, "{}"\n  %d, %x = gen %b {}\n  return %d, %x'
    assert noted(turn.format("A:", ""), caps) == []
    with pytest.raises(BackendError, match="ends in white space"):
        noted(turn.format("A: ", ""), caps)
    with pytest.raises(BackendError, match="takes no constraint there"):
        noted(turn.format("A:", '{constraint=regex("a")}'), caps)


def test_what_is_emulated_is_a_note_and_what_cannot_be_is_an_error() -> None:
    """The first is chosen by the user, never by lmc."""
    caps = replace(LEAST, known_from="known")
    asks = '  %a, %x = gen %s0 {constraint=regex("a"), n=2, stop=["b"]}\n  return %a, %x'
    with pytest.raises(BackendError, match='or have it emulated, fallback="emulate"'):
        noted(asks, caps)
    notes = noted(asks, replace(caps, fallback="emulate"))
    assert len(notes) == 3 and all("if it comes to that" not in note for note in notes)
    greedy = "  %a, %x = gen %s0 {temperature=0.0, n=2}\n  return %a, %x"
    with pytest.raises(BackendError, match="takes no temperature"):
        noted(greedy, replace(caps, fallback="emulate"))


def test_an_error_names_the_other_lacks() -> None:
    """Some of them, so that one need not find them one by one."""
    lines = "".join(f"  %s{i + 1}, %x{i} = gen %s{i} {{seed=1}}\n" for i in range(8))
    with pytest.raises(BackendError) as caught:
        noted(f"{lines}  return %s8, %x0", LEAST)
    assert [note[:8] for note in caught.value.notes] == ["also gen"] * 4 + ["and 3 mo", "known"]


def test_what_is_to_be_known_of_every_call_is_said_once() -> None:
    """At the first of them."""
    lines = "".join(f"  %s{i + 1}, %x{i} = gen %s{i}\n" for i in range(5))
    (note,) = noted(f"{lines}  return %s5, %x0", replace(CHAT, thinks=False))
    assert note.startswith("LMC-AP001: gen %x0")
    assert len(noted(f"{lines}  return %s5, %x0", replace(CHAT, thinks=True))) == 2


@lmc.function
def greedy(s):
    s += lmc.gen("x")


def test_the_parameters_of_a_run_are_refused_before_its_first_request() -> None:
    """With where it is known from."""
    backend = EchoBackend(record=True)
    backend.caps = LEAST
    with pytest.raises(BackendError, match="the parameters of this run: `temperature=0`") as caught:
        greedy.run(backend=backend, temperature=0)
    assert not backend.log and caught.value.notes == ("known",)


SELECT = '  %s1, %x = select %s0 {choices=["a", "b"], method="METHOD"}\n  return %s1, %x'


@pytest.mark.parametrize(
    "caps, what",
    [
        (replace(MOST, score=frozenset(), score_by="enum"), "the model writes one of the choices (enum)"),
        (replace(MOST, score=frozenset(), score_by="enum", temperatures=None), "drawn as it samples by itself (enum)"),
        (replace(MOST, score=frozenset(), score_by="logprobs"), "the likeliest next token"),
        (replace(MOST, score=frozenset(), score_by="decisions"), "the API weighs the choices by itself (decisions)"),
    ],
    ids=["enum", "drawn", "logprobs", "decisions"],
)
def test_a_select_of_the_default_method_may_be_made_by_other_means(caps: Caps, what: str) -> None:
    """A note names them; whoever asks for another method is refused, and told the way."""
    (note,) = noted(SELECT.replace("METHOD", "token_length_normalized"), caps)
    assert what in note and "LMC-AP002" in note
    with pytest.raises(BackendError, match="does not compare choices by exact") as caught:
        noted(SELECT.replace("METHOD", "exact"), caps)
    assert "leave choices_method and temperature out" in str(caught.value)
    assert noted(SELECT.replace("METHOD", "exact"), MOST) == []
