"""The event loop of all remote sessions of a process: one thread, begun with the first call and kept.

Whatever stands in this room and is awaited runs on it. A forked process begins one of its own.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import Callable


class ApiLoop:
    """The thread and its loop. Any thread may `call`."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._work, name="lmc-api", daemon=True)
        self._thread.start()

    def call(self, task: Callable[[], object]) -> None:
        """Have the loop call this soon; after its end, nothing is done."""
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(task)

    @property
    def is_here(self) -> bool:
        """True on the loop's own thread."""
        return threading.current_thread() is self._thread

    def stop(self) -> None:
        """End the thread, with whatever is still under way given up."""
        if self._thread.is_alive():
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join(2.0)

    def _work(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        finally:
            tasks = asyncio.all_tasks(self.loop)
            for task in tasks:
                task.cancel()
            if tasks:
                self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
            self.loop.close()


_lock = threading.Lock()
_loop: ApiLoop | None = None


def api_loop() -> ApiLoop:
    """The one of this process."""
    global _loop
    with _lock:
        if _loop is None:
            _loop = ApiLoop()
        return _loop


@atexit.register
def _end() -> None:
    if _loop is not None:
        _loop.stop()


def _forget_parents() -> None:
    """A forked process has its parent's loop, and not the thread that runs it."""
    global _loop, _lock
    _lock, _loop = threading.Lock(), None


os.register_at_fork(after_in_child=_forget_parents)
