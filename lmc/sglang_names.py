"""SGLang's names around the language, so that `import lmc as sgl` runs its scripts: what they are, or what to write.

lmc runs models in its own process. What names a server of SGLang's or a remote API says what to write instead.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NoReturn

from lmc import program
from lmc.errors import ArgumentError, BackendError


class Runtime:
    """`sgl.Runtime(model_path=...)`: lmc's engine on that checkpoint folder, in this process.

    endpoint   the backend, for `set_default_backend` or `backend=`
    """

    def __init__(self, model_path: str | Path, **server_args: Any) -> None:
        from lmc.backend.local import CpuBackend

        known = {"dtype": "dtype", "page_size": "page_size", "chunked_prefill_size": "chunk_len",
                 "max_running_requests": "max_running", "max_total_tokens": "num_slots"}  # fmt: skip
        unknown = sorted(server_args.keys() - known.keys() - {"log_level", "launch_timeout", "tokenizer_path"})
        if unknown:
            help = f"it takes model_path, {', '.join(known)}; see lmc.CpuBackend for the rest"
            raise ArgumentError(f"Runtime does not know {', '.join(unknown)}", help=help)
        given = {known[name]: value for name, value in server_args.items() if name in known and value is not None}
        self.endpoint = CpuBackend(model_path, **given)
        self._is_closed = False

    def get_tokenizer(self) -> Any:
        """The tokenizer of the model: `encode` and `decode`."""
        return self.endpoint.tokenizer

    def flush_cache(self) -> None:
        """Forget every prefix that no running call needs."""
        self.endpoint.engine.flush_cache()

    def shutdown(self) -> None:
        """Free the model; a second time does nothing."""
        if not self._is_closed:
            self._is_closed = True
            self.endpoint.close()


def flush_cache(backend: Any = None) -> bool:
    """Forget every prefix that no running call needs; True where the backend has such a cache."""
    engine = getattr(_found(backend), "engine", None)
    if engine is None:
        return False
    engine.flush_cache()
    return True


def get_server_info(backend: Any = None) -> dict[str, Any]:
    """What is known of a backend: its name, the longest prompt, the constraints that it keeps."""
    found = _found(backend)
    caps = found.caps
    return {
        "version": _version(), "backend": found.name, "max_total_num_tokens": caps.max_len,
        "constraints": sorted(caps.constraints), "prefix_cache": caps.prefix_cache,
    }  # fmt: skip


def _found(backend: Any) -> Any:
    from lmc.backend import resolve

    given = program.default_backend() if backend is None else backend
    return resolve(getattr(given, "endpoint", given), None)


def _version() -> str:
    from importlib.metadata import version

    return version("lmc")


def read_jsonl(filename: str | Path) -> Iterator[Any]:
    """The values of a JSONL file, a line each; empty lines and those that begin with # are left out.

    Raises ArgumentError with the line that is no JSON.
    """
    with open(filename, encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if line.strip() and not line.startswith("#"):
                try:
                    yield json.loads(line)
                except ValueError as error:
                    raise ArgumentError(f"{filename}:{number}: this line is not JSON: {error}") from None


def dump_state_text(filename: str | Path, states: Iterable[Any], mode: str = "w") -> None:
    """Write the texts of results, one under another, each below its number."""
    with open(filename, mode, encoding="utf-8") as file:
        for number, state in enumerate(states):
            text = state if isinstance(state, str) else state.text()
            file.write(f"{'=' * 40} {number} {'=' * 40}\n{text}\n")


def build_regex_from_object(object: Any, whitespace_pattern: str | None = None) -> str:
    """A regex for the JSON of a pydantic model or a JSON schema, compact; `gen(json_schema=...)` takes it as it is.

    Raises ConstraintError where the schema is no regular language.
    """
    from lmc.errors import ConstraintError
    from lmc.ir.json_schema.findings import NotRegular
    from lmc.ir.json_schema.regular import regular_tree
    from lmc.ir.regex_text import pattern_of
    from lmc.parser.output_type import output_type
    from lmc.parser.schema.parse import parse_schema

    kind, written = (output_type(object).written or ("regex", "")) if isinstance(object, type) else ("schema", object)
    if kind == "regex":
        return str(written)
    schema: Any = written
    spacing: Any = "compact" if whitespace_pattern is None else "any"
    try:
        return pattern_of(regular_tree(parse_schema(schema, spacing=spacing)))
    except NotRegular as reason:
        raise ConstraintError(
            f"this schema has no regex: {reason.finding.why}", help="write gen(json_schema=...), which takes it"
        ) from None


def _refused(name: str, why: str, help: str) -> Callable[..., NoReturn]:
    def refused(*args: Any, **kwargs: Any) -> NoReturn:
        raise BackendError(f"lmc has no `{name}`: {why}", help=help)

    refused.__name__ = refused.__qualname__ = name
    refused.__doc__ = f"Raises BackendError: {why}."
    return refused


_SERVER = "it runs models in this process, and is no client of a server"
_WRITE = 'lmc.set_default_backend("cpu"), or backend="cpu" and model="/path/to/checkpoint" in `run`'
_NO_IMAGES = "its models read text only"

RuntimeEndpoint = _refused("RuntimeEndpoint", _SERVER, _WRITE)
OpenAI = _refused("OpenAI", _SERVER, _WRITE)
Anthropic = _refused("Anthropic", _SERVER, _WRITE)
LiteLLM = _refused("LiteLLM", _SERVER, _WRITE)
VertexAI = _refused("VertexAI", _SERVER, _WRITE)
Crusoe = _refused("Crusoe", _SERVER, _WRITE)
Engine = _refused("Engine", "its engine is a backend", "lmc.CpuBackend(folder), and lmc.run(program, backend=...)")
image = _refused("image", _NO_IMAGES, "leave the image out, or describe it in text")
video = _refused("video", _NO_IMAGES, "leave the video out, or describe it in text")
