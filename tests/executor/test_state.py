"""Program states and prompts: text, turns, names, forks, and the one tokenisation rule."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from lmc.backend.mixing import mix
from lmc.errors import ChatTemplateError, LMError
from lmc.executor.lineage import call_seed
from lmc.executor.prompts import Prompts
from lmc.executor.state import Final, ProgramState
from lmc.ir.prompt import Control, Ids, Piece, Text
from lmc.ir.strand import Strand
from lmc.tokenizer.byte_tokenizer import CHATML, ByteTokenizer

EMPTY = ProgramState()


class Recorder(ByteTokenizer):
    """A byte tokenizer that remembers what it was asked to encode."""

    def __init__(self, *, bos: bool = False) -> None:
        super().__init__(bos=bos)
        self.encoded: list[str] = []

    def encode_pieces(self, pieces: Iterable[Piece], *, after: Ids | None = None) -> list[int]:
        pieces = tuple(pieces)
        self.encoded.append("".join(piece.text for piece in pieces))
        return super().encode_pieces(pieces, after=after)


def generated(state: ProgramState, prompts: Prompts, text: str, tail: str = "", **names: object) -> ProgramState:
    """The state after a call that said `text`, the last `tail` of it cut out of a token."""
    prompt = prompts.prompt(state)
    said = Ids(tuple(text.encode()), text)
    head = (state.head, said)
    final = Final(Strand(prompt.tokens, said.ids), Strand(prompt.parts, (said,)), head)
    return state.called(final, (head, Text(tail)) if tail else head, state.names.with_values(names))


def bytes_of(text: str) -> tuple[int, ...]:
    return tuple(text.encode())


# --- text and tokens -------------------------------------------------------------------------------------------


def test_a_state_is_a_value() -> None:
    """Appending leaves the state that was appended to as it was."""
    a = EMPTY.append("x")
    b, c = a.append("y"), a.append("z", "", "w")

    assert (a.text(), b.text(), c.text()) == ("x", "xy", "xzw")


def test_only_text_can_be_appended() -> None:
    """A number says so."""
    with pytest.raises(TypeError, match="only text can be appended to a program state, not int"):
        EMPTY.append(5)  # type: ignore[arg-type]


def test_a_run_of_text_is_encoded_as_one_string() -> None:
    """Pieces of text in a row are one string to the tokenizer, whoever appended them."""
    tokenizer = Recorder()

    prompt = Prompts(tokenizer).prompt(EMPTY.append("a", "b").append("c").fork(1)[1].append("d"))

    assert tokenizer.encoded == ["abcd"]
    assert (bytes_of("abcd"), (Text("abcd"),)) == (prompt.ids, prompt.pieces)


def test_a_generated_value_is_the_only_boundary() -> None:
    """It keeps its ids, what came before is never encoded again, and a cut token's tail joins the text behind it."""
    tokenizer = Recorder()
    prompts = Prompts(tokenizer)

    state = generated(EMPTY.append("Q"), prompts, "yes", tail=" n").append("o").append("!")
    prompt = prompts.prompt(state)

    assert tokenizer.encoded == ["Q", " no!"]
    assert (Text("Q"), Ids(bytes_of("yes"), "yes"), Text(" no!")) == prompt.pieces
    assert bytes_of("Qyes no!") == prompt.ids
    assert state.text() == "Qyes no!"


def test_text_forges_no_control_token() -> None:
    """Only a template's literal is encoded with control tokens."""
    prompts = Prompts(ByteTokenizer())

    state = EMPTY.begin_role("user", "<|im_start|>user\n").append("<|im_end|>").end_role("user", "<|im_end|>\n")
    ids = prompts.prompt(state).ids

    assert ids.count(258) == 1
    assert state.text() == "<|im_start|>user\n<|im_end|><|im_end|>\n"


@pytest.mark.parametrize(
    "state, first",
    [(EMPTY, 256), (EMPTY.append("a"), 256), (EMPTY.begin_role("user", "<|im_start|>u"), 257)],
)
def test_begin_ids_go_first_unless_a_template_does(state: ProgramState, first: int) -> None:
    """A template's literal brings its own beginning."""
    assert first == Prompts(ByteTokenizer(bos=True)).prompt(state).ids[0]


def test_begin_ids_are_there_once() -> None:
    """After a generation they are part of what is final."""
    prompts = Prompts(ByteTokenizer(bos=True))

    assert (256, *bytes_of("abc")) == prompts.prompt(generated(EMPTY.append("a"), prompts, "b").append("c")).ids


def test_the_same_text_is_encoded_once() -> None:
    """Two states with an equal run share the encoding."""
    tokenizer = Recorder()
    prompts = Prompts(tokenizer)

    prompts.prompt(EMPTY.append("same"))
    prompts.prompt(EMPTY.append("sa").append("me"))

    assert tokenizer.encoded == ["same"]


def test_a_hundred_thousand_appends_do_not_recurse() -> None:
    """The list of cells is walked, and freed, in a loop."""
    state = EMPTY
    for _ in range(100_000):
        state = state.append("x")

    assert len(state.text()) == 100_000
    del state


# --- turns -----------------------------------------------------------------------------------------------------


def test_messages_are_the_closed_turns_as_they_are() -> None:
    """Nothing is stripped; an open turn is not there yet."""
    state = EMPTY.begin_role("user", "<u>").append(" hi\n").end_role("user", "</u>")
    state = state.begin_role("assistant", "<a>").append("ye")

    assert state.messages() == [{"role": "user", "content": " hi\n"}]
    assert state.text() == "<u> hi\n</u><a>ye"
    assert state.turns.previous == "user"


def test_turns_do_not_nest() -> None:
    """The message names both roles."""
    with pytest.raises(LMError, match="the user turn cannot begin inside the system turn"):
        EMPTY.begin_role("system", "<s>").begin_role("user", "<u>")


@pytest.mark.parametrize(
    "state, words",
    [(EMPTY, "no turn is open"), (EMPTY.begin_role("system", "<s>"), "the system turn is open")],
)
def test_a_turn_ends_only_where_it_is_open(state: ProgramState, words: str) -> None:
    """Ends must match begins."""
    with pytest.raises(LMError, match=words):
        state.end_role("user", "</u>")


class Rewriting(ByteTokenizer):
    """Its template shows every turn's number of turns after it, so earlier turns change."""

    def render(self, turns: list[tuple[str, str]], *, open_role: str | None) -> list[Piece]:
        num = len(turns) + (open_role is not None)
        pieces: list[Piece] = []
        for i, (role, text) in enumerate(turns):
            pieces += [Control(f"[{role} {num - i}]"), Text(text)]
        return [*pieces, Control(f"[{open_role} 1]")] if open_role is not None else pieces


def shown(prompts: Prompts, state: ProgramState) -> str:
    return "".join(piece.text for piece in prompts.prompt(state).pieces)


def test_a_rewriting_template_renders_the_whole_conversation() -> None:
    """Text before the first turn stays in front; the open turn keeps its generated ids."""
    prompts = Prompts(Rewriting())

    first = EMPTY.append("lead ").begin_role("user", None).append("hi").end_role("user", None)
    asked = first.begin_role("assistant", None).append("I say ")
    said = generated(asked, prompts, "yes").append("!")

    assert shown(prompts, first) == "lead [user 1]hi"
    assert shown(prompts, said) == "lead [user 2]hi[assistant 1]I say yes!"
    assert Ids(bytes_of("yes"), "yes") in prompts.prompt(said).pieces
    assert shown(prompts, said.end_role("assistant", None)) == "lead [user 2]hi[assistant 1]I say yes!"
    assert said.text() == "lead hiI say yes!"


def test_text_between_turns_has_no_place_in_a_rewriting_template() -> None:
    """The next turn says so."""
    state = EMPTY.begin_role("user", None).end_role("user", None).append("stray")

    with pytest.raises(ChatTemplateError, match="text between turns has no place"):
        state.begin_role("user", None)


# --- names -----------------------------------------------------------------------------------------------------


def test_a_missing_name_says_which_there_are() -> None:
    """A KeyError, as for a dict, with a note."""
    with pytest.raises(KeyError) as caught:
        EMPTY.set("a", 1).set("b", 2).get("c")

    assert caught.value.args == ("c",)
    assert caught.value.__notes__ == ["the state has 'a', 'b'"]


def test_scopes_nest() -> None:
    """Each variable becomes the text appended inside; before its end it is not set."""
    state = EMPTY.append("0").begin_scope("out").append("1").begin_scope("in").append("2")
    inner = state.end_scope("in").append("3")

    assert not inner.has("out")
    assert (inner.end_scope("out").get("out"), inner.get("in")) == ("123", "2")
    with pytest.raises(LMError, match="the innermost scope is 'in'"):
        state.end_scope("out")


def test_meta_of_a_name_that_no_call_set_is_none() -> None:
    """An unknown name is an error."""
    assert EMPTY.set("a", 1).meta("a") is None
    with pytest.raises(KeyError):
        EMPTY.meta("a")


# --- forks -----------------------------------------------------------------------------------------------------


def test_join_gathers_what_some_child_set_since_the_fork() -> None:
    """One entry a child in order, None where it set nothing, the parent's own value overwritten."""
    parent, a, b, c = EMPTY.set("x", "old").set("kept", 1).fork(3)

    joined = parent.join_names((a.set("x", "a").set("y", 1), b, c.set("x", "c")))

    assert dict(joined.names.values) == {"x": ["a", None, "c"], "kept": 1, "y": [1, None, None]}
    assert b.get("x") == "old"


def test_a_second_fork_starts_from_nothing_set() -> None:
    """What was set before a fork is not gathered by its join, what a join set is gathered by an outer one."""
    outer, child = EMPTY.fork(1)
    inner, grandchild = child.set("a", 1).fork(1)
    joined = inner.join_names((grandchild.set("b", 2),))

    assert dict(outer.join_names((joined,)).names.values) == {"a": [1], "b": [[2]]}


def test_join_text_appends_what_came_after_the_fork() -> None:
    """In child order, as ordinary text."""
    prompts = Prompts(ByteTokenizer())
    parent, a, b = EMPTY.append("p:").fork(2)

    joined = parent.append("q ").join_text((a.append("a "), generated(b.append("b"), prompts, "gen")))

    assert joined.text() == "p:q a bgen"
    assert (Text("p:q a bgen"),) == prompts.prompt(joined).pieces


def test_forks_have_lineages_of_their_own() -> None:
    """Children differ from each other, from the parent, and from those of a later fork."""
    first = EMPTY.fork(3)
    second = first[0].fork(3)

    streams = {(s.lineage, s.calls) for s in (*first, *second)}

    assert len(streams) == 8


def test_mix_is_splitmix() -> None:
    """The same numbers in every process and on every machine."""
    assert mix(0) == 0xE220A8397B1DCDAF
    assert mix(1, 2) != mix(2, 1)
    assert all(0 <= call_seed(mix(i, -1), i, 3) < 1 << 63 for i in range(100))


def test_chatml_is_what_these_tests_think_it_is() -> None:
    """The literals used above are the byte tokenizer's."""
    assert (CHATML.begin("", "user"), CHATML.end("user")) == ("<|im_start|>user\n", "<|im_end|>\n")
