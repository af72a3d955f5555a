"""Backends by name: to add one, write its file and add one line here. Imported on use only."""

from __future__ import annotations

import importlib
import os
import threading
from typing import TYPE_CHECKING, cast

from lmc.backend import default_model
from lmc.errors import BackendError, did_you_mean

if TYPE_CHECKING:
    from lmc.backend.base import Backend

# name -> "module:factory"; the factory takes the model's folder or name, or None
BACKENDS: dict[str, str] = {
    "echo": "lmc.backend.echo:open_echo",
    "cpu": "lmc.backend.local:open_cpu",
    "cuda": "lmc.backend.local:open_cuda",
    "openai": "lmc.backend.api:open_openai",
    "anthropic": "lmc.backend.api:open_anthropic",
    "vllm": "lmc.backend.api:open_vllm",
    "sglang": "lmc.backend.api:open_sglang",
    "llamacpp": "lmc.backend.api:open_llamacpp",
    "ollama": "lmc.backend.api:open_ollama",
}
NEED_MODEL = ("cpu", "cuda")

_open: dict[tuple[str, str | None], Backend] = {}  # one engine a process and model; filled by resolve
_opening = threading.RLock()  # whoever asks while a model is loaded waits for it


def _forget_parents() -> None:
    """A forked process has the engines of its parent, and none of the threads that step them."""
    global _opening
    _opening = threading.RLock()
    _open.clear()


os.register_at_fork(after_in_child=_forget_parents)


def resolve(backend: Backend | str | None, model: str | None) -> Backend:
    """The backend of that name (kept for the life of the process), or the backend object itself.

    "auto" and None are "cpu", a URL is the server there. A backend that needs a model gets lmc-tiny where none is
    named, and says so once. Raises BackendError for an unknown name or a missing device.
    """
    check_backend(backend)
    if backend is not None and not isinstance(backend, str):
        return backend
    name = "cpu" if backend in (None, "", "auto") else str(backend)
    is_default = model is None and name in NEED_MODEL
    wanted = default_model.NAME if is_default else model
    # one folder is one engine, however it is spelt
    key = (name, str(default_model.folder_of(wanted).resolve()) if wanted and name in NEED_MODEL else wanted)
    with _opening:
        if key not in _open or getattr(_open[key], "is_closed", False):
            _open[key] = _opened(name, wanted)
        found = _open[key]
    if is_default:
        default_model.say()
    return found


def _opened(name: str, model: str | None) -> Backend:
    if _is_url(name):
        return cast("Backend", importlib.import_module("lmc.backend.api").open_remote(name, model))
    module, factory = BACKENDS[name].split(":")
    return cast("Backend", getattr(importlib.import_module(module), factory)(model))


def _is_url(name: str) -> bool:
    return name.startswith(("http://", "https://"))


def check_backend(backend: object) -> None:
    """Raises BackendError for a name that there is not, and an object that is no backend. A URL is a name."""
    if backend is None or backend in ("", "auto"):
        return
    if isinstance(backend, str):
        if backend not in BACKENDS and not _is_url(backend):
            help = did_you_mean(backend, BACKENDS, repr) or f"there are {', '.join(BACKENDS)}, and URLs of servers"
            raise BackendError(f"there is no backend {backend!r}", help=help)
    elif not callable(getattr(backend, "open", None)) or not hasattr(backend, "caps"):
        help = f"a name ({', '.join(BACKENDS)}) or a backend object"
        if isinstance(backend, type):
            help = f"make one: {backend.__name__}(...)"
        raise BackendError(f"{backend!r} is not a backend", help=help)


def close_all() -> None:
    """Free every backend that `resolve` keeps."""
    with _opening:
        while _open:
            _open.popitem()[1].close()
