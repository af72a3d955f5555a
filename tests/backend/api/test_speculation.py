"""Rows of generations in one call: what is cut out of it, and what happens where it does not come as foreseen.

The server's tokens are bytes here, and its answers are written frame by frame.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

import lmc
from lmc.backend.api import speculation_gains
from lmc.backend.default_model import folder_of
from lmc.errors import RequestError
from lmc.tokenizer import load_tokenizer
from tests.backend.api.serving import DONE, END, STREAM, Asked, Serving, frame, usage, whole
from tests.support.api_fakes import Fake, Folder, OneByte, ScriptBrain


@lmc.function
def person(s: lmc.State, page: str = "Lena, 34, of Oslo.") -> None:
    s += lmc.user(page)
    s += lmc.assistant_begin()
    s += "Name:" + lmc.gen("name", stop="\n", max_tokens=16)
    s += "\nAge:" + lmc.gen("age", stop="\n", max_tokens=8)
    s += "\nCity:" + lmc.gen("city", stop="\n", max_tokens=16)
    s += lmc.assistant_end()


WHOLE = "Name: Lena\nAge: 34\nCity: Oslo\n"
LENA = {"name": " Lena", "age": " 34", "city": " Oslo"}


def begun(asked: Asked) -> str:
    """What the assistant's turn has already."""
    last = asked.body["messages"][-1]
    return last["content"] if last["role"] == "assistant" else ""


def remote(serving: Serving, **options) -> lmc.Remote:
    return lmc.Remote(serving.url, model="m", dialect="vllm", **options)


def told(text: str, finish: str | None = None, stop: str | None = None) -> bytes:
    """A frame with a token a byte."""
    tokens = [{"token": chr(byte), "bytes": [byte], "logprob": -0.1} for byte in text.encode()]
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish, "logprobs": {"content": tokens}}
    return frame({"choices": [choice if finish is None else choice | {"stop_reason": stop}]})


def cut(text: str, asked: Asked) -> tuple[str, str, str | None]:
    """An answer as the server ends it: the text, why, and at which stop text."""
    limit = asked.body["max_tokens"]
    ends = [(text.index(stop), stop) for stop in asked.body.get("stop", ()) if stop in text[:limit]]
    if ends:
        at, stop = min(ends)
        return text[:at], "stop", stop
    return (text[:limit], "length", None) if len(text) >= limit else (text, "stop", None)


def saying(answer: Callable[[Asked], str], parts: Callable[[str], list[str]] = list):
    """A server that says this, in frames of so much text."""

    async def script(asked: Asked) -> AsyncIterator[bytes]:
        text, finish, stop = cut(answer(asked), asked)
        yield STREAM
        for part in parts(text):
            yield told(part)
        yield told("", finish, stop) + usage(100, len(text)) + DONE + END

    return script


def rest(asked: Asked, of: str = WHOLE) -> str:
    """The rest of a turn, if it was begun so."""
    said = begun(asked)
    return of[len(said) :] if of.startswith(said) else " ?"


def run(program, script, **given):
    """The result, and what was asked."""
    options = {name: given.pop(name) for name in ("api_fuse", "retries", "prices") if name in given}
    with Serving(script) as serving:
        result = lmc.run(program, backend=remote(serving, **options), temperature=0, **given)
        return result, serving.asked


# --- the row ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_a_row_is_one_call(size: int) -> None:
    """However its text comes in frames, which cut stop texts in two."""
    cut_in = lambda text: [text[at : at + size] for at in range(0, len(text), size)]  # noqa: E731
    result, asked = run(person, saying(rest, cut_in))
    assert result.variables() == LENA
    assert result.text().endswith(WHOLE[:-1] + "<|im_end|>\n")
    (only,) = asked
    assert "stop" not in only.body and only.body["max_tokens"] >= 40
    extra = result.report.extra
    assert (extra["rows"], extra["saved_calls"], extra["wasted_tokens"]) == (1, 2, 0)
    assert extra["reused_tokens"] == len(" 34\n") + len(" Oslo\n")
    assert extra["tokens_between_values"] == len("Age:") + len("City:")


def test_what_a_call_came_to_is_told_of_the_first() -> None:
    """The others name the call that had their answer in it, and all together are what the server has counted."""
    result, _ = run(person, saying(rest))
    metas = [result.get_meta_info(name) for name in LENA]
    assert [meta.get("said_with") for meta in metas] == [None, metas[0]["id"], metas[0]["id"]]
    assert [meta["finish_reason"] for meta in metas] == ["stop"] * 3
    assert [meta["prompt_tokens"] for meta in metas] == [100, 0, 0]
    assert sum(meta["completion_tokens"] for meta in metas) == result.report.output_tokens == len(WHOLE) - len("Name:")
    assert result.usage.output_tokens == result.report.output_tokens


def test_it_goes_on_from_the_first_place_where_the_program_does_otherwise() -> None:
    """What was accepted stays, and nothing is asked twice."""
    other = "Name: Lena\nAge: 34\nTown: Oslo\n"

    def answer(asked: Asked) -> str:
        return rest(asked, WHOLE if "City" in begun(asked) else other)

    result, asked = run(person, saying(answer))
    assert result.variables() == LENA
    assert [begun(each) for each in asked] == ["Name:", "Name: Lena\nAge: 34\nCity:"]
    assert asked[1].body["stop"] == ["\n"]
    assert result.report.extra["wasted_tokens"] >= len("Town:")


def test_a_model_that_never_writes_the_template_is_asked_as_before() -> None:
    """One call a generation, each value once."""
    answers = {"Name:": " Lena", "Name: Lena\nAge:": " 34", "Name: Lena\nAge: 34\nCity:": " Oslo"}
    result, asked = run(person, saying(lambda asked: answers[begun(asked)]))
    assert result.variables() == LENA and len(asked) == 3
    assert result.report.extra["saved_calls"] == 0


@pytest.mark.parametrize(
    "said, name, age, reason",
    [
        ("\n\nAge: 34\n", "", "", "stop"),  # an empty value, and what follows is not the program's text
        ("\nAge:\nCity: Oslo\n", "", "", "stop"),  # two empty values
        (" Lena", " Lena", " 34", "eos"),  # the model ends its turn
        (" Lena\nAge", " Lena", " 34", "stop"),  # in the middle of the program's text
        (" Lena Maria Sophie S\nAge: 34\n", " Lena Maria Soph", " 34", "length"),
        (" Lena Maria Soph\nAge: 34\n", " Lena Maria Soph", " 34", "length"),  # its stop text would be one too many
        (" Lena Maria Sop\nAge: 34\n", " Lena Maria Sop", " 34", "stop"),
    ],
)
def test_values_end_as_alone(said: str, name: str, age: str, reason: str) -> None:
    """Empty ones, those that the model ends, and those that reach their max_tokens."""

    def answer(asked: Asked) -> str:
        return said if begun(asked) == "Name:" else age if begun(asked).endswith("Age:") else " Oslo"

    fused, _ = run(person, saying(answer))
    alone, _ = run(person, saying(answer), api_fuse=False)
    assert fused["name"] == alone["name"] == name and fused["age"] == alone["age"] == age
    assert fused.get_meta_info("name")["finish_reason"] == reason
    assert fused.text() == alone.text()


@lmc.function
def odd(s: lmc.State) -> None:
    s += lmc.user("Say.")
    s += lmc.assistant_begin()
    s += lmc.gen("a", stop=["; ", "."], max_tokens=20) + "; b" + lmc.gen("b", stop=["."], max_tokens=20)
    s += ". " + lmc.gen("c", max_tokens=20)
    s += lmc.assistant_end()


@pytest.mark.parametrize(
    "said, values",
    [
        ("x; b; y. z", ("x", "; y", "z")),  # the stop text of one in the value of another
        ("x; by. z. b", ("x", "y", "z. b")),
        ("x.; b", ("x", "1", "2")),  # ended by the other stop text, which is not what the program writes
        ("x; b", ("x", "", "2")),
        ("x;b; by. z", ("x;b", "y", "z")),  # a stop text that is begun and does not come
    ],
)
def test_stop_texts_of_several_values(said: str, values: tuple[str, str, str]) -> None:
    """Each value knows its own."""

    def answer(asked: Asked) -> str:
        return {"": said, "x; b": "1." if values[1] == "1" else ""}.get(begun(asked), "2")

    result, _ = run(odd, saying(answer))
    assert tuple(result[name] for name in "abc") == values


def test_a_text_that_is_only_the_beginning_of_a_stop_text_says_nothing() -> None:
    """What the model writes behind such a value begins with the rest of the stop text: that is no draw for the next."""

    @lmc.function
    def lines(s: lmc.State) -> None:
        s += lmc.user("Say.")
        s += lmc.assistant_begin()
        s += lmc.gen("a", stop="\n\n") + "\n" + lmc.gen("b", stop=".", max_tokens=9)
        s += lmc.assistant_end()

    result, asked = run(lines, saying(lambda asked: "b." if begun(asked) else "a\n\nc."))
    assert (result["a"], result["b"], len(asked)) == ("a", "b", 2)


def test_a_token_across_the_end_of_the_text_is_not_accepted() -> None:
    """The program's prompt ends in other tokens than those that the model went on from."""

    async def script(asked: Asked) -> AsyncIterator[bytes]:
        texts = [" Lena", "\n", "Age", ": 34", "\n"] if begun(asked) == "Name:" else [" 35"]
        yield STREAM
        for text in texts:
            tokens = [{"token": text, "bytes": list(text.encode()), "logprob": -0.1}]
            yield frame({"choices": [{"index": 0, "delta": {"content": text}, "logprobs": {"content": tokens}}]})
        yield told("", "stop") + usage(9, len(texts)) + DONE + END

    result, asked = run(person, script)
    assert result.variables() == {"name": " Lena", "age": " 35", "city": " 35"} and len(asked) == 3


@pytest.mark.parametrize("tokens", [None, [], [{"token": "?", "bytes": [63], "logprob": -1.0}]])
def test_tokens_that_are_not_told_or_not_the_text_are_not_believed(tokens) -> None:
    """The first value is cut by its text, and the others are asked for."""

    async def script(asked: Asked) -> AsyncIterator[bytes]:
        text = rest(asked)
        text = text if begun(asked) == "Name:" else text.partition("\n")[0]
        yield STREAM
        for part in (text[:4], text[4:]):
            logprobs = None if tokens is None else {"content": tokens}
            yield frame({"choices": [{"index": 0, "delta": {"content": part}, "logprobs": logprobs}]})
        yield told("", "stop") + usage(9, 20) + DONE + END

    result, asked = run(person, script)
    assert result.variables() == LENA and len(asked) == 3


def test_a_character_may_be_cut_between_tokens() -> None:
    """Values are texts, tokens are bytes."""
    text = "Name: Åsa Ärlig\nAge: ½\nCity: 東京\n"
    result, asked = run(person, saying(lambda asked: rest(asked, text)))
    assert (result["name"], result["age"], result["city"]) == (" Åsa Ärlig", " ½", " 東京") and len(asked) == 1


# --- who may look, and when --------------------------------------------------------------------------------------


def test_values_come_as_they_are_written() -> None:
    """The first is told while the row is written, and the second before all of it is there."""
    may_go_on = [asyncio.Event() for _ in range(3)]

    async def slowly(asked: Asked) -> AsyncIterator[bytes]:
        def so_far(num: int) -> bytes:
            return frame({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": num}})

        yield STREAM + told(" Le") + so_far(3)
        await may_go_on[0].wait()
        yield told("na\nAge: 3") + so_far(12)
        await may_go_on[1].wait()
        yield told("4\nCity:") + told(" Oslo\n") + told("", "stop") + usage(9, 40) + DONE + END

    with Serving(slowly) as serving:
        stream = lmc.run(person, backend=remote(serving), stream=True)
        texts = []
        for event in stream.events():
            if isinstance(event, lmc.TextGrew) and event.call is not None:
                texts.append((event.name, event.text))
                for reached, wait in (((("name", " Le")), may_go_on[0]), ((("age", " 3")), may_go_on[1])):
                    if (event.name, event.text) == reached:
                        serving._loop.call_soon_threadsafe(wait.set)
    assert texts == [("name", " Le"), ("name", "na"), ("age", " 3"), ("age", "4"), ("city", " Oslo")]
    assert len(serving.asked) == 1


def test_a_value_may_be_looked_at_in_the_middle_of_a_row() -> None:
    """It is no other program for that, and what it decides is decided."""

    @lmc.function
    def looks(s: lmc.State) -> None:
        s += lmc.user("Who?")
        s += lmc.assistant_begin()
        s += "Name:" + lmc.gen("name", stop="\n")
        if s["name"] == " Lena":
            s += "\nAge:" + lmc.gen("age", stop="\n")
        s += lmc.assistant_end()

    result, _ = run(looks, saying(rest))
    assert (result["name"], result["age"]) == (" Lena", " 34")


def test_forks_of_one_state_do_not_have_one_answer() -> None:
    """A row has one continuation: the second who comes for it is asked by itself."""

    @lmc.function
    def forks(s: lmc.State) -> None:
        s += lmc.user("Who?")
        s += lmc.assistant_begin()
        s += "Name:" + lmc.gen("name", stop="\n", max_tokens=9)
        both = s.fork(2)
        for fork in both:
            fork += "\nAge:" + lmc.gen("age", stop="\n", max_tokens=9) + "\nCity:" + lmc.gen("city", stop="\n")
        s += both[0]["age"] + both[1]["age"]

    result, asked = run(forks, saying(rest))
    assert sorted(begun(each) for each in asked) == ["Name:", "Name: Lena\nAge:", "Name: Lena\nAge:"]
    assert result.text().endswith("Name: Lena 34 34")


def test_several_samples_are_asked_for_as_before() -> None:
    """And the row goes on behind them."""

    @lmc.function
    def samples(s: lmc.State) -> None:
        s += lmc.user("Who?")
        s += lmc.assistant_begin()
        s += "Name:" + lmc.gen("name", stop="\n", n=2) + "\nAge:" + lmc.gen("age", stop="\n") + "\nCity:"
        s += lmc.gen("city", stop="\n")
        s += lmc.assistant_end()

    async def script(asked: Asked) -> AsyncIterator[bytes]:
        if asked.body.get("n") == 2:
            yield STREAM
            for index, name in enumerate((" Lena", " Otto")):
                choice = {"index": index, "delta": {"content": name}, "finish_reason": "stop", "stop_reason": "\n"}
                yield frame({"choices": [choice]})
            yield usage(9, 4) + DONE + END
            return
        async for piece in saying(rest)(asked):
            yield piece

    result, asked = run(samples, script)
    assert result.variables() == {"name": [" Lena", " Otto"], "age": " 34", "city": " Oslo"}
    assert [each.body.get("n", 1) for each in asked] == [2, 1]


def test_items_of_a_batch_keep_apart() -> None:
    """Each has the answers of its own call, also where prompts are the same."""

    def answer(asked: Asked) -> str:
        who = asked.body["messages"][0]["content"]
        return rest(asked, f"Name: {who}\nAge: {asked.number}\nCity: {who}{asked.number}\n")

    with Serving(saying(answer)) as serving:
        items = [{"page": f"p{number % 10}"} for number in range(40)]
        results = lmc.run_batch(person, items, backend=remote(serving))
    assert len(serving.asked) == 40
    numbers = set()
    for number, result in enumerate(results):
        assert result["name"] == f" p{number % 10}"
        assert result["city"] == f"{result['name']}{result['age'].strip()}"
        numbers.add(result["age"])
    assert len(numbers) == 40


def test_a_run_that_asks_something_of_each_call_has_its_calls() -> None:
    """Log-probabilities of a run are those of its calls."""
    result, asked = run(person, saying(rest), return_logprob=True)
    assert len(asked) == 3 and result.variables() == LENA
    assert len(result.get_meta_info("age")["output_token_logprobs"]) == len(" 34")


# --- a server that fails --------------------------------------------------------------------------------------------


def failing(first: Callable[[Asked], Iterator[bytes]], then=None):
    """A server that fails the first time."""

    async def script(asked: Asked) -> AsyncIterator[bytes]:
        if asked.number == 0:
            for piece in first(asked):
                yield piece
            return
        async for piece in (then or saying(rest))(asked):
            yield piece

    return script


def test_a_row_that_fails_before_anything_is_told_is_tried_again() -> None:
    """As any call is."""
    result, asked = run(person, failing(lambda asked: iter([whole({"error": {"message": "busy"}}, 503)])))
    assert result.variables() == LENA and len(asked) == 2
    assert result.report.extra["failed_attempts"] == 1


def test_a_row_that_breaks_off_keeps_what_is_complete() -> None:
    """The value that was not is asked for by its own prompt; no text comes twice."""

    def breaks(asked: Asked) -> Iterator[bytes]:
        yield STREAM + told(" Lena\nAge: 34\nCity: Os")
        yield None  # type: ignore[misc]  # the connection is closed

    result, asked = run(person, failing(breaks))
    assert result.variables() == LENA
    assert [begun(each) for each in asked][1:] == ["Name: Lena\nAge: 34\nCity:"]


def test_a_row_that_breaks_off_in_its_first_value_fails_as_that_call_would() -> None:
    """Some of it has been told."""

    def breaks(asked: Asked) -> Iterator[bytes]:
        yield STREAM + told(" Le")
        yield None  # type: ignore[misc]

    with pytest.raises(RequestError) as error:
        run(person, failing(breaks))
    assert error.value.retryable


def test_a_retry_of_the_run_goes_on_with_the_row() -> None:
    """The failed call is asked once more, and is a row again."""

    def breaks(asked: Asked) -> Iterator[bytes]:
        yield STREAM + told(" Le")
        yield None  # type: ignore[misc]

    result, asked = run(person, failing(breaks), retry=1)
    assert result.variables() == LENA and len(asked) == 2


def test_a_server_that_refuses_the_row_is_asked_for_each_value() -> None:
    """A limit of tokens that is too high together, say, is none of the program's."""

    def refuses(asked: Asked) -> Iterator[bytes]:
        yield whole({"error": {"message": "max_tokens is too large", "type": "BadRequestError"}}, 400)

    async def only_small(asked: Asked) -> AsyncIterator[bytes]:
        if asked.body["max_tokens"] > 16:
            yield whole({"error": {"message": "max_tokens is too large", "type": "BadRequestError"}}, 400)
            return
        async for piece in saying(rest)(asked):
            yield piece

    result, asked = run(person, only_small)
    assert result.variables() == LENA
    assert [each.body["max_tokens"] for each in asked if "stop" in each.body] == [16, 8, 16]


def test_a_wrong_key_is_not_tried_twice() -> None:
    """Asking alone would change nothing."""

    async def refuses(asked: Asked) -> AsyncIterator[bytes]:
        yield whole({"error": {"message": "no such key"}}, 401)

    with pytest.raises(RequestError, match="no such key"):
        run(person, refuses)


@pytest.mark.parametrize("said, num_good", [("", 0), (" Lena\nAge: 3", 1)])
def test_a_refusal_is_that_of_the_value_it_comes_in(said: str, num_good: int) -> None:
    """It is not asked again: a draw that is a refusal stays one."""

    async def refuses(asked: Asked) -> AsyncIterator[bytes]:
        yield STREAM + (told(said) if said else b"") + told("", "content_filter") + usage(9, 3) + DONE + END

    with Serving(refuses) as serving:
        with pytest.raises(RequestError, match="refuses") as error:
            lmc.run(person, backend=remote(serving), temperature=0)
        assert len(serving.asked) == 1
    assert error.value.span is not None
    assert error.value.span.line == person.func.__code__.co_firstlineno + 4 + num_good


def test_a_server_that_ends_a_value_before_its_limit_is_asked_for_the_rest() -> None:
    """A limit of its own, say: what there is of the value stays, and no other is drawn."""

    async def at_most_14(asked: Asked) -> AsyncIterator[bytes]:
        text = rest(asked, "Name: Lena\nAge: 34567\nCity: Oslo\n")
        text, finish, stop = cut(text, asked)
        if len(text) > 14:
            text, finish, stop = text[:14], "length", None
        yield STREAM
        for char in text:
            yield told(char)
        yield told("", finish, stop) + usage(9, len(text)) + DONE + END

    result, asked = run(person, at_most_14)
    assert result.variables() == {"name": " Lena", "age": " 34567", "city": " Oslo"}
    assert begun(asked[1]) == "Name: Lena\nAge: 345" and asked[1].body["max_tokens"] == 8 - len(" 345")


def test_a_row_that_is_given_up_closes_its_connection() -> None:
    """Also where the call that has asked for it has its value already."""

    async def for_ever(asked: Asked) -> AsyncIterator[bytes]:
        yield STREAM + told(" Lena\nAge: 3")
        while True:
            yield frame({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 12}})
            await asyncio.sleep(0.01)

    with Serving(for_ever) as serving:
        with pytest.raises(RequestError, match=r"after 0\.3 s"):
            lmc.run(person, backend=remote(serving), temperature=0, timeout=lmc.Timeout(call=0.3))["age"]
        assert serving.asked[0].closed.wait(2) and len(serving.asked) == 1


def test_what_was_recorded_of_a_row_is_played_call_by_call(tmp_path: Path) -> None:
    """A record has the program's calls, however they were answered."""
    path = tmp_path / "calls.jsonl"
    with lmc.record(path):
        first, asked = run(person, saying(rest))
    again = lmc.run(person, backend=f"replay:{path}", temperature=0)
    assert again.variables() == first.variables() == LENA and len(asked) == 1


# --- whether it pays ---------------------------------------------------------------------------------------------


def test_a_row_that_does_not_pay_is_switched_off(tmp_path: Path) -> None:
    """After some that wrote in vain, its calls go out one by one; now and then one looks whether that still holds."""
    speculating, alone = [], []

    def answer(asked: Asked) -> str:
        (alone if "stop" in asked.body else speculating).append(asked.number)
        return {"Name:": " Lena. And there is much more to be told."}.get(begun(asked), " x. More to be told.")

    num, table = 60, tmp_path / "prices.toml"
    table.write_text(PRICES)
    with Serving(saying(answer)) as serving:
        backend = remote(serving, max_in_flight=1, prices=table)
        results = lmc.run_batch(person, [{}] * num, backend=backend)
    assert all(not result.error for result in results)
    assert speculation_gains.LEAST <= len(speculating) < num / 2
    assert len(alone) > num


PRICES = """
[[price]]
models = ["m"]
as_of = 2026-12-01
source = "a test"
currency = "USD"
input = 1
output = 5
"""


def test_the_ledger_says_what_a_row_has_spared(tmp_path: Path) -> None:
    """The prompts that were not sent, less the texts that the model has written between the values."""
    table = tmp_path / "prices.toml"
    table.write_text(PRICES)
    result, _ = run(person, saying(rest), prices=table)
    written = len(WHOLE) - len("Name:")
    prompts = [100 + len(text) for text in (" Lena\nAge:", " Lena\nAge: 34\nCity:")]
    assert result.report.extra["money USD"] == pytest.approx((100 + 5 * written) / 1e6)
    assert result.report.extra["spared USD"] == pytest.approx((sum(prompts) - 5 * len("Age:City:")) / 1e6)
    assert "1 call for several generations: 2 calls saved" in str(result.report)


def test_a_row_that_pays_stays() -> None:
    """Item after item."""
    with Serving(saying(rest)) as serving:
        lmc.run_batch(person, [{}] * 30, backend=remote(serving, max_in_flight=2))
        assert len(serving.asked) == 30


# --- the other ways ------------------------------------------------------------------------------------------------


def test_without_a_row_each_call_is_asked() -> None:
    """By the switch of the backend, or with a level that has no such pass."""
    for given in ({"api_fuse": False}, {"opt_level": 1}, {"opt_level": 0}):
        result, asked = run(person, saying(rest), **given)
        assert result.variables() == LENA and len(asked) == 3
        assert "rows" not in result.report.extra


def test_generations_that_are_sampled_otherwise_are_no_row() -> None:
    """Nor is that a mistake."""

    @lmc.function
    def mixed(s: lmc.State) -> None:
        s += lmc.user("Who?")
        s += lmc.assistant_begin()
        s += "Name:" + lmc.gen("name", stop="\n", temperature=0.0) + "\nAge:"
        s += lmc.gen("age", stop="\n", temperature=1.0)
        s += lmc.assistant_end()

    result, asked = run(mixed, saying(rest))
    assert (result["name"], result["age"], len(asked)) == (" Lena", " 34", 2)
    assert all("max_completion_tokens" not in each.body for each in asked)


def test_values_are_cut_by_their_text_where_somebody_says_so() -> None:
    """A model that goes on with a turn and tells no tokens; limits are then kept by estimate."""
    said = {"Name:": " Lena\nAge: 34\nCity: Oslo\n"}
    with Fake.anthropic(ScriptBrain(lambda prompt: said["Name:"], OneByte())) as server:
        for fuse, num in ((True, 3), ("text", 1)):
            before = len(server.posts)
            model = lmc.Remote(server.url, model="claude-haiku-4-5", dialect="anthropic", api_key="k", api_fuse=fuse)
            result = lmc.run(person, backend=model)
            assert len(server.posts) - before == num
            assert result["name"] == " Lena"
    assert result.variables() == LENA


def test_a_limit_is_kept_by_estimate_where_no_tokens_are_told() -> None:
    """The value is cut about there, and the next one asked for behind what is left of it."""
    said = " Lena Maria Sophie Magdalena of the Mountains\nAge: 34\n"
    with Fake.anthropic(ScriptBrain(lambda prompt: " 34" if "Age:" in prompt else said, OneByte())) as server:
        model = lmc.Remote(server.url, model="claude-haiku-4-5", dialect="anthropic", api_key="k", api_fuse="text")
        result = lmc.run(person, backend=model)
    assert result["name"] == said[:16] and result["age"] == " 34"
    assert result.get_meta_info("name")["finish_reason"] == "length"


def test_a_turn_that_is_not_gone_on_with_is_one_object() -> None:
    """Its fields are the values, and the turn's text is put together; the compiler says that it is another prompt."""
    answer = json.dumps({"name": "Lena", "age": "34\nor so", "city": "Oslo"})
    with Fake.openai(ScriptBrain(lambda prompt: answer)) as server:
        model = lmc.Remote(server.url, model="gpt-4o", dialect="openai", api_key="k", api_fuse="schema")
        result = lmc.run(person, backend=model)
        (post,) = server.posts
    assert result.variables() == {"name": "Lena", "age": "34", "city": "Oslo"}
    assert result.text().endswith("Name:Lena\nAge:34\nCity:Oslo<|im_end|>\n")
    assert [turn["role"] for turn in post.body["messages"]] == ["user"]
    schema = post.body["response_format"]["json_schema"]["schema"]
    assert list(schema["properties"]) == ["name", "age", "city"]
    assert "Name:{name}\nAge:{age}\nCity:{city}" in schema["description"]
    assert "is asked for" not in str(result.report)
    notes = [note.text for report in result.compiled.reports for note in report.notes]
    assert any("another prompt than the program's" in note for note in notes)
    assert any("are the fields of a JSON object" in note for note in notes)


@pytest.mark.parametrize("answer", ['{"name": "Lena", "age": 34, "city": "Oslo"}', '{"name": "Lena"}', "Lena", "[1]"])
def test_an_object_that_is_not_the_one_asked_for_is_an_error(answer: str) -> None:
    """No value is guessed."""

    async def script(asked: Asked) -> AsyncIterator[bytes]:
        yield STREAM + told(answer) + told("", "stop") + usage(9, 9) + DONE + END

    with Serving(script) as serving, pytest.raises(RequestError, match="not the object that was asked for"):
        model = lmc.Remote(serving.url, model="gpt-4o", dialect="openai", api_key="k", api_fuse="schema")
        lmc.run(person, backend=model)


def test_an_object_that_is_cut_off_is_an_error() -> None:
    """Its limit is the sum of those of its values, with room for the names."""

    async def script(asked: Asked) -> AsyncIterator[bytes]:
        yield STREAM + told('{"name": "Le') + told("", "length") + usage(9, 9) + DONE + END

    with Serving(script) as serving, pytest.raises(RequestError, match="cut off by its limit"):
        model = lmc.Remote(serving.url, model="gpt-4o", dialect="openai", api_key="k", api_fuse="schema")
        lmc.run(person, backend=model)


def test_without_a_word_a_turn_that_is_not_gone_on_with_is_refused() -> None:
    """Another prompt is not asked by default."""
    model = lmc.Remote("http://127.0.0.1:9", model="gpt-4o", dialect="openai", api_key="k")
    with pytest.raises(lmc.BackendError, match="does not continue a turn"):
        lmc.run(person, backend=model)


def test_another_way_to_fuse_is_refused() -> None:
    """With those that there are."""
    with pytest.raises(lmc.ArgumentError, match="no way to ask"):
        lmc.Remote("http://127.0.0.1:9", api_fuse="maybe")


@pytest.mark.parametrize("dialect", ["vllm", "sglang", "llamacpp", "ollama", "openai"])
@pytest.mark.parametrize("is_chat", [True, False])
def test_rows_of_texts(dialect: str, is_chat: bool) -> None:
    """Of messages, and of text without roles, whoever serves it."""

    @lmc.function
    def plain(s: lmc.State) -> None:
        s += "Name:" + lmc.gen("name", stop="\n", max_tokens=16) + "\nAge:" + lmc.gen("age", stop="\n", max_tokens=8)
        s += "\nCity:" + lmc.gen("city", stop="\n", max_tokens=16)

    if dialect == "openai" and is_chat:
        pytest.skip("its chat goes on with no turn")
    name = "gpt-3.5-turbo-instruct" if dialect == "openai" else "m"
    with Fake(dialect, ScriptBrain(rest_of, OneByte())) as server:
        for fuse, num in ((True, 1), (False, 3)):
            before = len(server.posts)
            model = lmc.Remote(server.url, model=name, dialect=dialect, api_key="k", api_fuse=fuse)
            result = lmc.run(person if is_chat else plain, backend=model, temperature=0)
            assert result.variables() == LENA
            assert len(server.posts) - before == num


# --- token ids ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", ["vllm", "sglang", "llamacpp"])
def test_rows_of_token_ids(dialect: str) -> None:
    """Accepted where the model has written the program's own tokens."""
    folder = folder_of("lmc-tiny")
    words = Folder(load_tokenizer(folder))
    answers = lambda prompt: rest_of(prompt)  # noqa: E731
    with Fake(dialect, ScriptBrain(answers, words)) as server:
        ran = []
        for fuse in (True, False):
            before = len(server.posts)
            model = lmc.Remote(server.url, model="m", dialect=dialect, tokenizer=folder, api_fuse=fuse)
            ran.append(lmc.run(person, backend=model, temperature=0))
            ran[-1].num_asked = len(server.posts) - before
    fused, alone = ran
    assert fused.variables() == alone.variables() == LENA
    assert fused.text() == alone.text() and (fused.num_asked, alone.num_asked) == (1, 3)
    assert fused.state.final.tokens == alone.state.final.tokens


def rest_of(prompt: str) -> str:
    """What comes behind a prompt whose last turn was begun so."""
    said = prompt[prompt.rindex("Name:") :]
    return WHOLE[len(said) :] if WHOLE.startswith(said) else " ?"
