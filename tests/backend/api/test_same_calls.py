"""The same program makes the same calls on every API: each says the same behind the same prompt, and so all are alike.

What an API cannot do is refused, before anything is sent; a program that is refused in one place is not compared there.
"""

from __future__ import annotations

import copy
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any
from zlib import crc32

import pytest

import lmc
from tests.corpus.test_corpus import LIMIT_S, RUNS
from tests.oracle.compiled import plain
from tests.oracle.test_compiled_equals_eager import at_most
from tests.support.api_fakes import Fake
from tests.support.api_fakes.asked import Ask, Completion
from tests.support.api_fakes.brains.script import ScriptBrain
from tests.support.cached_programs import ESSAY, agent, few_shots, judge, talk
from tests.support.sampled import one_in

MODELS = {
    "vllm": "m", "sglang": "m", "llamacpp": "m", "ollama": "m", "openai": "gpt-4o", "anthropic": "claude-haiku-4-5",
}  # fmt: skip
OWN = [
    pytest.param(few_shots, {"word": "cats"}, id="few_shots"),
    pytest.param(judge, {"essay": ESSAY}, id="judge"),
    pytest.param(talk, {"essay": ESSAY}, id="talk"),
    pytest.param(agent, {"task": "Find the cat."}, id="agent"),
]


SAME_ROLE = re.compile(r"(<\|im_start\|>(\w+)\n[^<]*)<\|im_end\|>\n<\|im_start\|>\2\n")


class Listening(ScriptBrain):
    """Says a word or two by what the prompt says, and remembers the prompts."""

    def __init__(self) -> None:
        super().__init__(lambda prompt: f" word {crc32(said_in(prompt).encode('utf-8', 'replace')) % 97}\n")
        self.heard: Counter[str] = Counter()

    def generate(self, ask: Ask, n: int) -> list[Completion]:
        """Answers, remembered."""
        self.heard[said_in(ask.text)] += n
        return super().generate(ask, n)

    def weigh(self, ask: Ask, texts: Sequence[str]) -> list[float]:
        """Weights, remembered."""
        self.heard[said_in(ask.text)] += 1
        return super().weigh(ask, texts)


def said_in(prompt: str) -> str:
    """A prompt; of one that is a single message of the user's, the text, as it is where there are no messages."""
    begin, end = "<|im_start|>user\n", "<|im_end|>\n<|im_start|>assistant\n"
    prompt = SAME_ROLE.sub(r"\1", prompt)  # which one API takes as one message
    is_one = prompt.startswith(begin) and prompt.count("<|im_start|>") == 2 and prompt.endswith(end)
    return prompt.removeprefix(begin).removesuffix(end) if is_one else prompt


def ran(fn: Any, arguments: dict[str, Any], dialect: str) -> tuple[Any, Counter[str]] | None:
    """What a program shows, and the prompts of its calls; None where it was refused before anything was sent."""
    brain = Listening()
    with Fake(dialect, brain, max_model_len=1 << 20, n_ctx=1 << 20) as fake:
        backend = lmc.Remote(fake.url, model=MODELS[dialect], dialect=dialect, api_key="sk-no-key", prompt_cache=False)
        shown = shown_by(fn, arguments, backend)
        if shown[0] == "BackendError" or shown[1] == "unsupported":
            return None
        assert all(post.status == 200 for post in fake.posts), "what was asked was never refused by the server"
    return shown, brain.heard


def shown_by(fn: Any, arguments: dict[str, Any], backend: lmc.Remote) -> tuple[Any, ...]:
    try:
        with at_most(LIMIT_S):
            result = (fn if isinstance(fn, lmc.Program) else lmc.Program(fn)).run(
                backend=backend, seed=1, **copy.deepcopy(arguments)
            )
            return plain(result.ret_value), plain(result.variables()), ""
    except TimeoutError:
        raise
    except Exception as error:
        return type(error).__name__, getattr(error, "code", ""), ""


@pytest.mark.parametrize("fn, arguments", [*OWN, *one_in(80, RUNS)])
def test_the_same_calls_everywhere(fn: Any, arguments: dict[str, Any]) -> None:
    """With the same values in the end."""
    found = {dialect: ran(fn, arguments, dialect) for dialect in MODELS}
    done = {dialect: each for dialect, each in found.items() if each is not None}
    first, *others = done
    for other in others:
        assert done[other] == done[first], (first, other)
