"""Which server is behind a URL, and what its model is called: asked once, in bounded time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from lmc.backend.api.http import http_here
from lmc.backend.api.loop import api_loop
from lmc.backend.api.reply import NoAnswer

ASK_S = 3.0  # for one question
ALL_S = 8.0
MAX_BYTES = 1 << 20

# what only one of them has: path at the root of the server, a name in its answer ("" for any), dialect
MARKS = (
    ("/get_model_info", "model_path", "sglang"),
    ("/server_info", "tp_size", "sglang"),
    ("/props", "default_generation_settings", "llamacpp"),
    ("/api/version", "version", "ollama"),
    ("/version", "version", "vllm"),
)


@dataclass(frozen=True, slots=True)
class Probed:
    """What was found out; `why` says what went wrong where nothing answered.

    max_len  tokens of prompt and answer together, as the server says
    """

    dialect: str | None
    models: tuple[str, ...] = ()
    max_len: int | None = None
    why: str = ""


def probe(root: str, base: str, head: Mapping[str, str], *, is_known: bool = False) -> Probed:
    """WireAsk the server. Blocks, at most ALL_S; not from the loop itself.

    is_known  the dialect is known, and only the models are asked for
    """
    loop = api_loop()
    assert not loop.is_here, "a probe waits for the loop"
    found: Future[Probed] = Future()

    async def ask() -> None:
        try:
            found.set_result(await asyncio.wait_for(_asked(root, base, head, is_known), ALL_S))
        except TimeoutError:
            found.set_result(Probed(None, why=f"no answer within {ALL_S:g} s"))
        except BaseException as error:
            found.set_exception(error)

    loop.call(lambda: loop.loop.create_task(ask()))
    return found.result(ALL_S + 2.0)


async def _asked(root: str, base: str, head: Mapping[str, str], is_known: bool) -> Probed:
    models, why = await _get(f"{base}/models", head)
    if models is None and why:
        return Probed(None, why=why)
    names, max_len = _models(models)
    if is_known:
        return Probed(None, names, max_len)
    answers = await asyncio.gather(*(_get(root + path, head) for path, _, _ in MARKS))
    for (answer, _), (_, mark, dialect) in zip(answers, MARKS):
        if isinstance(answer, dict) and mark in answer:
            return Probed(dialect, names, max_len)
    return Probed("openai", names, max_len)


async def _get(url: str, head: Mapping[str, str]) -> tuple[Any, str]:
    """The JSON there, None where there is none; and why there is no server at all."""
    try:
        answer = await http_here().get(url, head, ASK_S)
    except NoAnswer as error:
        return None, error.what
    try:
        if answer.status in (401, 403):
            return None, f"it answered {answer.status}: give its key (api_key=)"
        if answer.status != 200:
            return None, ""
        parts, size = list[bytes](), 0
        async for chunk in answer.chunks():
            parts.append(chunk)
            size += len(chunk)
            if size > MAX_BYTES:
                return None, ""
        return json.loads(b"".join(parts)), ""
    except (NoAnswer, ValueError):
        return None, ""
    finally:
        await answer.close()


def _models(answer: Any) -> tuple[tuple[str, ...], int | None]:
    rows = answer.get("data") if isinstance(answer, dict) else None
    rows = [row for row in rows or () if isinstance(row, dict) and isinstance(row.get("id"), str)]
    lengths = [row["max_model_len"] for row in rows if isinstance(row.get("max_model_len"), int)]
    return tuple(row["id"] for row in rows), min(lengths, default=None)
