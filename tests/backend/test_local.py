"""CpuBackend's own arguments: how it jumps, and where it keeps compiled grammars."""

from __future__ import annotations

import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import lmc
from lmc.backend import resolve
from lmc.backend.default_model import FOLDER
from lmc.backend.echo import EchoBackend
from lmc.backend.local import CpuBackend
from lmc.errors import BackendError

GRAMMAR = 'root ::= "(" root ")" | "x"'


@lmc.function
def nested(s):
    s += "Brackets: " + lmc.gen("text", grammar=GRAMMAR, max_tokens=8, temperature=0)


@lmc.function
def record(s):
    s += "As JSON:" + lmc.gen("text", regex=r' \{"name": "[a-z]{3}", "species": "cat"\}', max_tokens=32, temperature=0)


def passes(**jump: str) -> int:
    """Forward passes of a text of which much is forced."""
    return record.run(backend=CpuBackend("lmc-tiny", dtype="fp32", disk_cache=False, **jump)).report.forward_passes


def answer(backend: CpuBackend) -> str:
    """What the program says there."""
    return nested.run(backend=backend)["text"]


def test_weights_are_held_as_the_program_or_the_machine_says(monkeypatch):
    """The same answers on a model that is sure of them, under a name of its own for who compares runs."""
    full = CpuBackend("lmc-tiny", dtype="fp32", disk_cache=False)
    monkeypatch.setenv("LMC_WEIGHTS", "fp16")
    half = CpuBackend("lmc-tiny", dtype="fp32", disk_cache=False)
    narrow = CpuBackend("lmc-tiny", dtype="fp32", weights="int8", disk_cache=False)

    assert answer(half) == answer(narrow) == answer(full)
    names = [each.identity.partition(" in ")[2] for each in (full, half, narrow)]
    assert names == ["fp32", "fp32, weights in fp16", "fp32, weights in int8"]


def test_unknown_weights_are_refused():
    """With those that there are."""
    with pytest.raises(BackendError, match="there are no weights 'int4'"):
        CpuBackend("lmc-tiny", weights="int4")


def test_jump_says_how_forced_text_is_jumped_over(recwarn):
    """Over more of it, in fewer passes; without a warning."""
    assert passes(jump="off") > passes(jump="exact") == passes() >= passes(jump="naive")
    assert not [warning for warning in recwarn if warning.category is DeprecationWarning]


def test_the_old_name_of_jump_still_works():
    """With a warning that says the new one, at the caller's line."""
    with pytest.warns(DeprecationWarning, match="jump=") as caught:
        old = passes(boundary="off")
    assert caught[0].filename == __file__
    assert old == passes(jump="off")


def test_an_unknown_jump_is_refused():
    """Before the model is loaded."""
    with pytest.raises(BackendError, match="there is no jump 'far'") as caught:
        CpuBackend("no/such/folder", jump="far")
    assert caught.value.help == "exact, naive, off"


@pytest.mark.parametrize("name", ["num_slots", "page_size", "chunk_len", "token_budget", "max_running"])
@pytest.mark.parametrize("size", [0, -5, 2.5, "many", True])
def test_what_is_not_a_size_is_refused(name: str, size: object):
    """Before the model is loaded, by its name."""
    with pytest.raises(BackendError, match=re.escape(f"{name}={size!r} is not a size")):
        CpuBackend("no/such/folder", **{name: size})


@pytest.mark.parametrize("folder", [None, 3])
def test_a_cache_that_is_not_a_folder_is_refused(folder: object):
    """None is not False: nobody need guess what it means."""
    with pytest.raises(BackendError, match="is not a folder"):
        CpuBackend("no/such/folder", disk_cache=folder)


def test_a_grammar_is_compiled_once_for_all_processes(tmp_path: Path, monkeypatch):
    """The second backend reads what the first one kept, and says the same."""
    first = answer(CpuBackend("lmc-tiny", dtype="fp32", disk_cache=tmp_path))
    assert len(list(tmp_path.glob("*.json"))) == 1

    def never(*args: object) -> None:
        raise AssertionError("compiled again")

    monkeypatch.setattr("lmc.backend.masks.xgrammar.compile_source", never)
    assert answer(CpuBackend("lmc-tiny", dtype="fp32", disk_cache=tmp_path)) == first


def test_a_broken_file_is_compiled_again(tmp_path: Path):
    """Whatever is in it."""
    first = answer(CpuBackend("lmc-tiny", dtype="fp32", disk_cache=tmp_path))
    (file,) = tmp_path.glob("*.json")
    whole = file.read_bytes()
    for content in (b"", whole[: len(whole) // 2], whole.replace(b"root", b"rout"), b"\xff\xfe"):
        file.write_bytes(content)
        assert answer(CpuBackend("lmc-tiny", dtype="fp32", disk_cache=tmp_path)) == first
    assert file.read_bytes() == whole


@pytest.mark.parametrize("disk_cache, is_kept", [(True, True), (False, False)])
def test_the_users_cache_folder_is_the_default(disk_cache, is_kept, tmp_path: Path, monkeypatch):
    """And False keeps nothing."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    answer(CpuBackend("lmc-tiny", dtype="fp32", disk_cache=disk_cache))
    assert bool(list(tmp_path.rglob("*.json"))) == is_kept


@pytest.mark.parametrize("cache", ["no", 1, None])
def test_a_cache_is_there_or_not(cache: object):
    """Before the model is loaded."""
    with pytest.raises(BackendError, match="neither True nor False"):
        CpuBackend("no/such/folder", cache=cache)


def test_a_closed_backend_says_so():
    """Closing once more changes nothing."""
    backend = CpuBackend("lmc-tiny", dtype="fp32", num_slots=600)
    backend.close()
    backend.close()

    with pytest.raises(BackendError, match="the backend is closed"):
        record.run(backend=backend)


def test_keys_and_values_take_no_memory_before_they_are_written():
    """A gigabyte of slots is reserved; what is resident grows with what is computed."""
    before = resident_bytes()
    backend = CpuBackend("lmc-tiny", dtype="fp32", num_slots=1 << 18)
    reserved = sum(layer.nbytes for layer in backend.engine.runner.cache.layers)

    assert reserved > 1 << 29
    assert resident_bytes() - before < reserved / 4
    assert all(layer.data_ptr() % 64 == 0 and not layer[-1].any() for layer in backend.engine.runner.cache.layers)


def resident_bytes() -> int:
    """Memory of this process that is there."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_one_folder_is_one_engine_however_it_is_spelt(monkeypatch, tmp_path: Path):
    """By name, by path, through a link, and for threads that ask at once."""
    made = []

    def make(model: str) -> EchoBackend:
        made.append(model)
        time.sleep(0.1)
        return EchoBackend()

    monkeypatch.setattr("lmc.backend.local.open_cpu", make)
    monkeypatch.setattr("lmc.backend._open", {})
    (tmp_path / "link").symlink_to(FOLDER)
    names = ["lmc-tiny", str(FOLDER), f"{FOLDER}/", f"{FOLDER}/../{FOLDER.name}", str(tmp_path / "link"), None]
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda name: resolve("cpu", name), names))

    assert len(made) == 1 and len(set(map(id, found))) == 1
