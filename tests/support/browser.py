"""A headless Chromium that tests look at pages with: over the DevTools protocol on two pipes, no library and no port.

with Browser() as browser:
    page = browser.open(file, width=1400, height=900, scheme="dark")
    page.run("document.title")
    page.press("Tab"); page.click(20, 40); page.screenshot(path)
    page.console            # what was said on it
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, Self

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-pipe")
PATIENCE_S = 120.0
_KEYS = {
    "Enter": 13,
    "Escape": 27,
    "Tab": 9,
    "ArrowLeft": 37,
    "ArrowUp": 38,
    "ArrowRight": 39,
    "ArrowDown": 40,
    " ": 32,
}


class Browser:
    """One process, which `with` ends; `open` gives a page in it."""

    def __enter__(self) -> Self:
        self._folder = TemporaryDirectory(ignore_cleanup_errors=True)
        to_read, self._out = os.pipe()
        self._in, to_write = os.pipe()
        command = [
            "bash", "-c", f'exec "$0" "$@" 3<&{to_read} 4>&{to_write}',
            str(CHROMIUM), *FLAGS, f"--user-data-dir={self._folder.name}", "about:blank",
        ]  # fmt: skip
        self._process = subprocess.Popen(command, pass_fds=(to_read, to_write), stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(to_write)
        self._rest, self._number = b"", 0
        self._pages: dict[str, Page] = {}
        return self

    def __exit__(self, *error: object) -> None:
        os.close(self._out)
        self._process.terminate()
        self._process.wait(30)
        os.close(self._in)
        self._folder.cleanup()

    def open(
        self, file: Path, *, width: int = 1400, height: int = 900, scheme: Literal["light", "dark"] = "light"
    ) -> Page:
        """A page that shows a file, once it is loaded."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = self._pages[session] = Page(self, session)
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.ask(f"{domain}.enable")
        page.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        page.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        page.ask("Page.navigate", url=file.resolve().as_uri())
        page.wait_for("document.readyState === 'complete'")
        return page

    def ask(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """What a command of the protocol gives."""
        self._number += 1
        number = self._number
        message = {"id": number, "method": method, "params": params} | ({"sessionId": session} if session else {})
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            heard = self._hear()
            if heard.get("id") == number:
                if "error" in heard:
                    raise RuntimeError(f"{method}: {heard['error']}")
                result: dict[str, Any] = heard["result"]
                return result
            if page := self._pages.get(heard.get("sessionId", "")):
                page.heard(heard["method"], heard["params"])

    def _hear(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            if not select.select([self._in], [], [], PATIENCE_S)[0]:
                raise TimeoutError("Chromium says nothing")
            new = os.read(self._in, 1 << 20)
            if not new:
                raise EOFError("Chromium has ended")
            self._rest += new
        message, _, self._rest = self._rest.partition(b"\0")
        heard: dict[str, Any] = json.loads(message)
        return heard


class Page:
    """An open page. `console`: what was said on it, errors and what it could not load too; `asked`: addresses."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser, self._session = browser, session
        self.console: list[str] = []
        self.asked: list[str] = []

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """A command of the protocol, to this page."""
        return self._browser.ask(method, self._session, **params)

    def heard(self, method: str, params: Mapping[str, Any]) -> None:
        """Notes what the page says and asks for."""
        match method:
            case "Runtime.consoleAPICalled":
                self.console.append(" ".join(str(each.get("value", each)) for each in params["args"]))
            case "Runtime.exceptionThrown":
                self.console.append(json.dumps(params["exceptionDetails"]))
            case "Log.entryAdded":
                self.console.append(params["entry"]["text"])
            case "Network.requestWillBeSent":
                self.asked.append(params["request"]["url"])

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        found = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in found:
            raise RuntimeError(found["exceptionDetails"].get("exception", {}).get("description", str(found)))
        return found["result"].get("value")

    def wait_for(self, script: str) -> None:
        """Until an expression is true."""
        end = time.monotonic() + PATIENCE_S
        while not self.run(script):
            if time.monotonic() > end:
                raise TimeoutError(script)
            time.sleep(0.05)

    def press(self, key: str) -> None:
        """A key of the keyboard."""
        text = {"Enter": "\r", " ": " "}.get(key, key if len(key) == 1 else "")
        code = _KEYS.get(key, ord(key[0].upper()))
        self.ask("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code, text=text)
        self.ask("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def move(self, x: float, y: float) -> None:
        """The pointer to a place of the window."""
        self.ask("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def click(self, x: float, y: float) -> None:
        """A click there."""
        self.move(x, y)
        for what in ("mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=what, x=x, y=y, button="left", clickCount=1)

    def middle(self, selector: str, number: int = 0) -> tuple[float, float]:
        """Where the middle of an element is in the window."""
        script = (
            f"(r => [r.x + r.width / 2, r.y + r.height / 2])"
            f"(document.querySelectorAll({json.dumps(selector)})[{number}].getBoundingClientRect())"
        )
        x, y = self.run(script)
        return x, y

    def screenshot(self, file: Path) -> None:
        """What the window shows, as a PNG."""
        file.write_bytes(base64.b64decode(self.ask("Page.captureScreenshot", format="png")["data"]))
