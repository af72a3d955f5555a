"""lmc: a compiler from LM programs to an execution graph, with its own engine.

    import lmc

    @lmc.function
    def qa(s, question):
        s += lmc.user(question)
        s += lmc.assistant(lmc.gen("answer", max_tokens=32))

    print(lmc.run(qa, "What is a prefix?", backend="echo")["answer"])

Importing this loads nothing heavy: names are looked up on first use.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

from lmc.version import __version__ as __version__

_WHERE = {
    "lmc.program": ("Program", "function", "run", "run_batch", "arun", "arun_batch", "compile", "set_default_backend"),
    "lmc.caches": ("cache_info",),
    "lmc.result": ("Result",),
    "lmc.state": ("Forks", "State"),
    "lmc.tooling": ("read_calls", "tool"),
    "lmc.patience": ("Retry", "Timeout"),
    "lmc.streaming": ("BatchStream", "ItemDone", "Stream"),
    "lmc.executor.events": ("CallEnded", "CallStarted", "TextGrew"),
    "lmc.parser.primitives": (
        "gen", "gen_int", "gen_string", "select", "system", "user", "assistant", "system_begin", "system_end",
        "user_begin", "user_end", "assistant_begin", "assistant_end", "exact", "token_length_normalized",
        "greedy_token_selection", "unconditional_likelihood_normalized", "lark", "tool_calls",
        "separate_reasoning", "Expr",
    ),
    "lmc.ir.tool_text": ("ToolCall",),
    "lmc.errors": (
        "LMError", "CaptureError", "ParseError", "VerifyError", "ArgumentError", "ConstraintError",
        "ChatTemplateError", "OutputError", "BackendError", "ModelLoadError", "RequestError",
    ),
    "lmc.sglang_names": (
        "Anthropic", "Crusoe", "Engine", "LiteLLM", "OpenAI", "Runtime", "RuntimeEndpoint", "VertexAI",
        "build_regex_from_object", "dump_state_text", "flush_cache", "get_server_info", "image", "read_jsonl", "video",
    ),
    "lmc.backend.echo": ("EchoBackend",),
    "lmc.backend.local": ("CpuBackend",),
    "lmc.backend.api": ("Remote",),
}  # fmt: skip
_MODULES = ("backend", "errors", "ir", "passes", "viz")
_PLACE = {name: module for module, names in _WHERE.items() for name in names}

__all__ = sorted(_PLACE)

if TYPE_CHECKING:
    from lmc.backend.api import Remote as Remote
    from lmc.backend.echo import EchoBackend as EchoBackend
    from lmc.backend.local import CpuBackend as CpuBackend
    from lmc.caches import cache_info as cache_info
    from lmc.errors import ArgumentError as ArgumentError
    from lmc.errors import BackendError as BackendError
    from lmc.errors import CaptureError as CaptureError
    from lmc.errors import ChatTemplateError as ChatTemplateError
    from lmc.errors import ConstraintError as ConstraintError
    from lmc.errors import LMError as LMError
    from lmc.errors import ModelLoadError as ModelLoadError
    from lmc.errors import OutputError as OutputError
    from lmc.errors import ParseError as ParseError
    from lmc.errors import RequestError as RequestError
    from lmc.errors import VerifyError as VerifyError
    from lmc.executor.events import CallEnded as CallEnded
    from lmc.executor.events import CallStarted as CallStarted
    from lmc.executor.events import TextGrew as TextGrew
    from lmc.ir.tool_text import ToolCall as ToolCall
    from lmc.parser.primitives import Expr as Expr
    from lmc.parser.primitives import assistant as assistant
    from lmc.parser.primitives import assistant_begin as assistant_begin
    from lmc.parser.primitives import assistant_end as assistant_end
    from lmc.parser.primitives import exact as exact
    from lmc.parser.primitives import gen as gen
    from lmc.parser.primitives import gen_int as gen_int
    from lmc.parser.primitives import gen_string as gen_string
    from lmc.parser.primitives import greedy_token_selection as greedy_token_selection
    from lmc.parser.primitives import lark as lark
    from lmc.parser.primitives import select as select
    from lmc.parser.primitives import separate_reasoning as separate_reasoning
    from lmc.parser.primitives import system as system
    from lmc.parser.primitives import system_begin as system_begin
    from lmc.parser.primitives import system_end as system_end
    from lmc.parser.primitives import token_length_normalized as token_length_normalized
    from lmc.parser.primitives import tool_calls as tool_calls
    from lmc.parser.primitives import unconditional_likelihood_normalized as unconditional_likelihood_normalized
    from lmc.parser.primitives import user as user
    from lmc.parser.primitives import user_begin as user_begin
    from lmc.parser.primitives import user_end as user_end
    from lmc.patience import Retry as Retry
    from lmc.patience import Timeout as Timeout
    from lmc.program import Program as Program
    from lmc.program import arun as arun
    from lmc.program import arun_batch as arun_batch
    from lmc.program import compile as compile
    from lmc.program import function as function
    from lmc.program import run as run
    from lmc.program import run_batch as run_batch
    from lmc.program import set_default_backend as set_default_backend
    from lmc.result import Result as Result
    from lmc.sglang_names import Anthropic as Anthropic
    from lmc.sglang_names import Crusoe as Crusoe
    from lmc.sglang_names import Engine as Engine
    from lmc.sglang_names import LiteLLM as LiteLLM
    from lmc.sglang_names import OpenAI as OpenAI
    from lmc.sglang_names import Runtime as Runtime
    from lmc.sglang_names import RuntimeEndpoint as RuntimeEndpoint
    from lmc.sglang_names import VertexAI as VertexAI
    from lmc.sglang_names import build_regex_from_object as build_regex_from_object
    from lmc.sglang_names import dump_state_text as dump_state_text
    from lmc.sglang_names import flush_cache as flush_cache
    from lmc.sglang_names import get_server_info as get_server_info
    from lmc.sglang_names import image as image
    from lmc.sglang_names import read_jsonl as read_jsonl
    from lmc.sglang_names import video as video
    from lmc.state import Forks as Forks
    from lmc.state import State as State
    from lmc.streaming import BatchStream as BatchStream
    from lmc.streaming import ItemDone as ItemDone
    from lmc.streaming import Stream as Stream
    from lmc.tooling import read_calls as read_calls
    from lmc.tooling import tool as tool


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"lmc.{name}")
    module = _PLACE.get(name)
    if module is None:  # with these, Python says what is near
        raise AttributeError(f"module 'lmc' has no attribute '{name}'", name=name, obj=sys.modules[__name__])
    value = getattr(importlib.import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, *_MODULES, "__version__"]
