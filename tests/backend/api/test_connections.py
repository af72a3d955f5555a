"""TLS and proxies: what the environment says of them is followed, and what fails says why."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

import lmc
from lmc.backend.api import http, proxied, retry
from tests.backend.api.serving import Asked, Serving, says
from tests.support import certificates

FOLDER = Path(certificates.__file__).parent
MODEL = "gpt-4o"


@lmc.function
def ask(s: lmc.State) -> None:
    s += lmc.user("Say it.")
    s += lmc.assistant(lmc.gen("said", max_tokens=8))


async def answer(asked: Asked) -> AsyncIterator[bytes]:
    async for piece in says(asked, "Yes."):
        yield piece


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Without proxies; what clients have made of the environment before is forgotten."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(retry, "FIRST_S", 0.01)
    forget()
    yield monkeypatch
    forget()


def forget() -> None:
    http._clients.clear()
    proxied._clients.clear()
    http.origin_of.cache_clear()


@pytest.fixture
def secure() -> ssl.SSLContext:
    """A server's side, with a certificate that nobody has signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(FOLDER / "certificate.pem", FOLDER / "key.pem")
    return context


def run(url: str, **options: object) -> lmc.Result:
    backend = lmc.Remote(url, model=MODEL, dialect="openai", api_key="sk-no-key", **options)  # type: ignore[arg-type]
    return lmc.run(ask, backend=backend)


def test_a_certificate_that_nobody_signed_is_refused(secure: ssl.SSLContext) -> None:
    """At once, and the error says what to do; nothing is sent."""
    with Serving(answer, secure=secure) as serving, pytest.raises(lmc.RequestError) as caught:
        run(serving.url)["said"]
    assert "certificate is not trusted" in str(caught.value) and "SSL_CERT_FILE" in str(caught.value)
    assert not caught.value.retryable and not serving.asked


def test_a_file_of_certificates_is_trusted(secure: ssl.SSLContext, environment: pytest.MonkeyPatch) -> None:
    """SSL_CERT_FILE, as everywhere."""
    environment.setenv("SSL_CERT_FILE", str(FOLDER / "certificate.pem"))
    with Serving(answer, secure=secure) as serving:
        assert run(serving.url)["said"] == "Yes."
        assert serving.asked[0].headers["authorization"] == "Bearer sk-no-key"


def test_tls_to_a_server_that_speaks_none_says_so() -> None:
    """As where https was written in place of http."""

    def refuse(listening: socket.socket) -> None:
        here, _ = listening.accept()
        here.recv(1)
        here.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=refuse, args=(listening,), daemon=True).start()
        with pytest.raises(lmc.RequestError, match="does not speak TLS"):
            run(f"https://127.0.0.1:{listening.getsockname()[1]}")["said"]


def test_a_proxy_of_the_environment_is_used(environment: pytest.MonkeyPatch) -> None:
    """It is told the whole URL, and the host is looked up by nobody else."""
    with Serving(answer) as proxy:
        environment.setenv("HTTP_PROXY", proxy.url)
        environment.setenv("http_proxy", proxy.url)
        assert run("http://model.example:8000")["said"] == "Yes."
    assert proxy.asked[0].path == "http://model.example:8000/v1/chat/completions"


def test_a_host_without_a_proxy_is_asked_itself(environment: pytest.MonkeyPatch) -> None:
    """NO_PROXY."""
    environment.setenv("http_proxy", "http://127.0.0.1:9")
    environment.setenv("no_proxy", "127.0.0.1")
    with Serving(answer) as serving:
        assert run(serving.url)["said"] == "Yes."
    assert serving.asked[0].path == "/v1/chat/completions"


def test_a_proxy_that_is_not_there_is_said(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("http_proxy", "http://127.0.0.1:9")
    with pytest.raises(lmc.RequestError, match="the proxy of the environment"):
        run("http://model.example:8000", retries=0)["said"]


def test_tls_goes_through_a_proxy_unseen(secure: ssl.SSLContext, environment: pytest.MonkeyPatch) -> None:
    """By CONNECT: the proxy sees the host, and not the key."""
    environment.setenv("SSL_CERT_FILE", str(FOLDER / "certificate.pem"))
    with Serving(answer, secure=secure) as serving, Tunnel(serving.port) as tunnel:
        environment.setenv("https_proxy", f"http://127.0.0.1:{tunnel.port}")
        assert run(f"https://localhost:{serving.port}")["said"] == "Yes."
        assert serving.asked[0].headers["authorization"] == "Bearer sk-no-key"
    assert tunnel.heads[0].startswith(f"CONNECT localhost:{serving.port} ".encode())
    assert b"sk-no-key" not in b"".join(tunnel.heads)


def test_a_proxy_that_refuses_is_said(environment: pytest.MonkeyPatch) -> None:
    """With what it answered."""
    with Tunnel(0) as tunnel:
        environment.setenv("https_proxy", f"http://127.0.0.1:{tunnel.port}")
        with pytest.raises(lmc.RequestError, match="the proxy of the environment answered: 403"):
            run("https://model.example", retries=0)["said"]


class Tunnel:
    """A proxy that leads every CONNECT to one port of this machine; to none where that is 0, and says 403."""

    def __init__(self, to: int) -> None:
        self._to = to
        self.heads: list[bytes] = []
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> Tunnel:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _work(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(self._listen())
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heads.append(await reader.readuntil(b"\r\n\r\n"))
        if not self._to:
            writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            writer.close()
            return
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._to)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(_pump(reader, there_writer), _pump(there_reader, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()
