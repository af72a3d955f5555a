"""A loopback server whose answers a test writes byte by byte: the smallest that is one."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

Script = Callable[["Asked"], AsyncIterator[bytes | None]]


@dataclass
class Asked:
    """A request as it came. `closed` is set where the client left before the answer had ended."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    number: int
    closed: threading.Event = field(default_factory=threading.Event)


class Serving:
    """Answers each request by `script`, which yields pieces of the raw answer; None closes the connection."""

    def __init__(self, script: Script, keep_s: float = 60.0, secure: ssl.SSLContext | None = None) -> None:
        self.script, self.keep_s = script, keep_s
        self.asked: list[Asked] = []
        self._secure = secure
        self.connections = 0
        self.most_at_once = 0
        self._at_once = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> Serving:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http{'s' if self._secure else ''}://127.0.0.1:{self.port}"

    def _work(self) -> None:
        asyncio.set_event_loop(self._loop)
        listening = asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=4096, ssl=self._secure)
        server = self._loop.run_until_complete(listening)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, TimeoutError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), self.keep_s)
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
        raw = await reader.readexactly(int(headers.get("content-length", 0)))
        method, path, _ = first.split(" ")
        asked = Asked(method, path, headers, json.loads(raw) if raw else None, len(self.asked))
        self.asked.append(asked)
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        watch = asyncio.create_task(reader.read(1))
        try:
            async for piece in self.script(asked):
                if watch.done():
                    asked.closed.set()
                    return False
                if piece is None:
                    return False
                writer.write(piece)
                await writer.drain()
            return True
        finally:
            self._at_once -= 1
            if watch.done():
                asked.closed.set()
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)


def chunked(piece: bytes) -> bytes:
    """A piece of a body of unknown length."""
    return b"%x\r\n%b\r\n" % (len(piece), piece)


STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"


def whole(data: Any, status: int = 200, **headers: str) -> bytes:
    """A whole answer in JSON."""
    body = data if isinstance(data, bytes) else json.dumps(data).encode()
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    return head.encode() + body


def frame(data: Any) -> bytes:
    """An event with that as JSON, as a piece of a body."""
    return chunked(b"data: " + json.dumps(data, ensure_ascii=False).encode() + b"\n\n")


def delta(text: str, index: int = 0, finish: str | None = None) -> bytes:
    """A frame of a chat."""
    return frame({"choices": [{"index": index, "delta": {"content": text}, "finish_reason": finish}]})


def usage(prompt: int, output: int, cached: int = 0) -> bytes:
    """The last frame, with counts."""
    details = {"prompt_tokens": prompt, "completion_tokens": output, "prompt_tokens_details": {"cached_tokens": cached}}
    return frame({"choices": [], "usage": details})


DONE = chunked(b"data: [DONE]\n\n")


async def says(asked: Asked, *texts: str, finish: str = "stop") -> AsyncIterator[bytes]:
    """An answer of these deltas, for each of its samples."""
    yield STREAM
    n = asked.body.get("n", 1)
    for text in texts:
        for index in range(n):
            yield delta(text, index)
    for index in range(n):
        yield delta("", index, finish)
    yield usage(7, len(texts) * n)
    yield DONE + END
