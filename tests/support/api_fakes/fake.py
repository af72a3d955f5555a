"""`Fake.openai(...)` and its kin: a server of one API's wire shapes on 127.0.0.1, as a context manager."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from types import TracebackType
from typing import Any, Self

from .asked import Brain
from .bill import PRICE, Bill, Price, total
from .brains.script import ScriptBrain
from .clock import Clock
from .dialects.dialect import Dialect, Setup
from .faults.plan import Faults, Plan
from .recorded import Recorded
from .server import AT_ONCE, Pace, Server

DIALECTS = {
    "openai": "openai:OpenAI",
    "anthropic": "anthropic:Anthropic",
    "vllm": "vllm:VLLM",
    "sglang": "sglang:SGLang",
    "llamacpp": "llamacpp:LlamaCpp",
    "ollama": "ollama:Ollama",
}


class Fake:
    """A running fake.

    brain    a Brain, or what ScriptBrain takes: a function from the prompt's text to the answer, or a text
    faults   see faults.Plan
    models   names that are served; () serves any
    key      that requests must carry; None takes any, or none
    pace     seconds before the first token and between tokens
    idle_s   after how long an idle connection is closed (5 s at vLLM, SGLang and uvicorn); None never
    kept     how many requests are remembered; None for all
    options  switches of the dialect, see its class
    """

    def __init__(
        self,
        dialect: str,
        brain: Brain | Callable[[str], Any] | str | Mapping[str, str] = "Hello!",
        faults: Faults = None,
        *,
        models: Sequence[str] = (),
        key: str | None = None,
        prices: Mapping[str, Price] | None = None,
        price: Price = PRICE,
        pace: Pace = AT_ONCE,
        idle_s: float | None = None,
        kept: int | None = None,
        port: int = 0,
        **options: Any,
    ) -> None:
        thinks = brain if hasattr(brain, "generate") else ScriptBrain(brain)
        self.clock = Clock()
        setup = Setup(thinks, tuple(models), key, prices or {}, price, self.clock, options)
        module, name = DIALECTS[dialect].split(":")
        self.dialect: Dialect = getattr(import_module(f"{__package__}.dialects.{module}"), name)(setup)
        self.brain: Brain = thinks
        self.server = Server(self.dialect, Plan(faults), pace=pace, idle_s=idle_s, kept=kept, port=port)

    # --- by name --------------------------------------------------------------------------------------

    @classmethod
    def openai(cls, brain: Any = "Hello!", faults: Faults = None, **told: Any) -> Self:
        """api.openai.com."""
        return cls("openai", brain, faults, **told)

    @classmethod
    def anthropic(cls, brain: Any = "Hello!", faults: Faults = None, **told: Any) -> Self:
        """api.anthropic.com."""
        return cls("anthropic", brain, faults, **told)

    @classmethod
    def vllm(cls, brain: Any = "Hello!", faults: Faults = None, **told: Any) -> Self:
        """A vLLM server."""
        return cls("vllm", brain, faults, **told)

    @classmethod
    def sglang(cls, brain: Any = "Hello!", faults: Faults = None, **told: Any) -> Self:
        """An SGLang server."""
        return cls("sglang", brain, faults, **told)

    @classmethod
    def llamacpp(cls, brain: Any = "Hello!", faults: Faults = None, **told: Any) -> Self:
        """A llama.cpp server."""
        return cls("llamacpp", brain, faults, **told)

    @classmethod
    def ollama(cls, brain: Any = "Hello!", faults: Faults = None, **told: Any) -> Self:
        """An Ollama server."""
        return cls("ollama", brain, faults, **told)

    # --- its life -------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self.server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.stop()
        if self.server.mistakes and error is None:
            raise self.server.mistakes[0]

    # --- what a test looks at -------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """Without `/v1`."""
        return f"http://127.0.0.1:{self.server.port}"

    @property
    def v1(self) -> str:
        """With `/v1`."""
        return self.url + "/v1"

    @property
    def requests(self) -> list[Recorded]:
        """All that came, in order."""
        return list(self.server.requests)

    @property
    def posts(self) -> list[Recorded]:
        """Those that ask for something."""
        return [request for request in self.server.requests if request.number >= 0]

    @property
    def bill(self) -> Bill:
        """Tokens of all requests together."""
        return total([request.bill for request in self.requests])

    @property
    def money(self) -> float:
        """What all of them cost."""
        return sum(request.bill.money for request in self.requests)
