"""Every cache of the process is listed, and those of what programs write are bounded in bytes."""

from __future__ import annotations

import ast
import importlib
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import lmc
from lmc.backend.local import CpuBackend
from lmc.caches import function_caches
from lmc.recent import Recent
from tests.support.source_trees import tree_of

LMC = Path(lmc.__file__).parent
CACHES = {"lru_cache", "cache"}
GROWS = {"append", "add", "setdefault", "update", "insert", "appendleft", "extend"}
EMPTY = {
    "dict",
    "list",
    "set",
    "deque",
    "OrderedDict",
    "defaultdict",
    "WeakKeyDictionary",
    "WeakValueDictionary",
    "WeakSet",
}

# caches made inside a function, which nothing at the top of a module leads to
INNER = {
    "lmc/compiler.py": "for one compilation",
    "lmc/backend/api/caching.py": "for one forecast",
    "lmc/result.py": "one value, of a result",
    "lmc/tokenizer/folder.py": "one truth for each control token",
}
# what grows at the top of a module
GROWING = {
    "lmc/backend/__init__.py:_open": "an engine for each model that is asked for by name; close_all",
    "lmc/backend/default_model.py:_said": "one entry",
    "lmc/backend/recording/recorder.py:_open_records": "what the user has open; `close`",
    "lmc/backend/api/http.py:_clients": "of one event loop",
    "lmc/backend/api/proxied.py:_clients": "of one event loop",
    "lmc/backend/api/keeping.py:_workers": "of one event loop",
    "lmc/fallback.py:_said": "a note for each place of a program that was warned of",
    "lmc/backend/engine/engine.py:_ENGINES": "weak",
    "lmc/caches.py:_registered": "weak",
    "lmc/executor/hub.py:_hubs": "weak",
    "lmc/executor/user_code.py:_to_leave": "what a thread has still to do",
    "lmc/ir/builtins.py:PURE": "the table, while it is made",
    "lmc/codes.py:CODES": "the table, while it is made",
    "lmc/parser/lark_grammar.py:_LIBRARIES": "lark's own grammars, of which there are five",
}


@cache
def modules() -> tuple[tuple[str, ast.Module], ...]:
    """Every module of the package, by its file."""
    paths = sorted(LMC.rglob("*.py"))
    return tuple((f"lmc/{p.relative_to(LMC).as_posix()}", tree_of(p)) for p in paths)


def is_cache(node: ast.expr) -> bool:
    node = node.func if isinstance(node, ast.Call) else node
    return (node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")) in CACHES


def cached_functions(tree: ast.Module) -> Iterator[str]:
    """The decorated functions at the top of the module and of its classes, by qualified name."""
    for node in tree.body:
        for each, prefix in [
            (node, ""),
            *((n, f"{node.name}.") for n in getattr(node, "body", ()) if isinstance(node, ast.ClassDef)),
        ]:
            if isinstance(each, ast.FunctionDef) and any(map(is_cache, each.decorator_list)):
                yield prefix + each.name


def uses(tree: ast.Module) -> int:
    """How often the module names a cache of functools."""
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "functools"]
    known = {each.asname or each.name for node in imports for each in node.names if each.name in CACHES}
    names = (node.id in known for node in ast.walk(tree) if isinstance(node, ast.Name))
    attributes = (
        node.attr in CACHES and getattr(node.value, "id", "") == "functools"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
    )
    return sum(names) + sum(attributes)


def test_every_cached_function_is_found_by_itself() -> None:
    """At the top of modules and classes; one made elsewhere is in the table above, with why that is no leak."""
    for name, tree in modules():
        outer = set(cached_functions(tree))
        module = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        if outer:
            importlib.import_module(module)
            assert {f"{module}.{function}" for function in outer} <= {found for found, _ in function_caches()}
        assert uses(tree) == len(outer) or name in INNER, f"{name}: a cache that nothing lists"
    assert all((LMC.parent / name).exists() for name in INNER)


def growing(tree: ast.Module) -> Iterator[str]:
    """Names that are bound to something empty at the top of a module, and that something is put into."""
    empty = set()
    for node in tree.body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        value = getattr(node, "value", None)
        is_empty = isinstance(value, ast.Dict | ast.List) and not ast.dump(value).count("Constant")
        is_made = isinstance(value, ast.Call) and getattr(value.func, "id", "") in EMPTY
        if isinstance(target, ast.Name) and (is_empty or is_made):
            empty.add(target.id)
    for node in ast.walk(tree):
        held = None
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
            held = node.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in GROWS:
            held = node.func.value
        if isinstance(held, ast.Name) and held.id in empty:
            yield held.id


def test_what_grows_at_the_top_of_a_module_is_known() -> None:
    """A `Recent`, or in the table above with what bounds it."""
    found = {f"{name}:{each}" for name, tree in modules() for each in growing(tree)}
    assert found == set(GROWING)


@pytest.mark.slow
def test_each_is_listed_once_with_what_it_holds() -> None:
    """By name, with bounds, bytes and how often it was of use."""
    kept = Recent[str, str]("a test's", 3, size=lambda key, value: len(value), max_bytes=10)
    for text in ("aaaa", "bbbb", "cccc", "d"):
        kept.put(text, text)
    assert kept.get("d") == "d" and kept.get("aaaa") is None
    listed = lmc.cache_info()
    names = [info.name for info in listed]
    assert names == sorted(set(names))
    (info,) = [info for info in listed if info.name == "a test's"]
    assert (info.entries, info.max_entries, info.num_bytes, info.max_bytes) == (3, 3, 9, 10)
    assert (info.hits, info.misses, info.is_estimate) == (1, 1, False)
    assert str(info) == "a test's: 3 of 3, 9 of 10 bytes, hits 1, misses 1"
    del kept
    assert "a test's" not in [info.name for info in lmc.cache_info()]


def test_bytes_bound_as_numbers_do() -> None:
    """The oldest go; one that is larger by itself is not kept, and one put again counts once."""
    kept = Recent[int, str]("a test's", 100, size=lambda key, value: len(value), max_bytes=10)
    for number in range(5):
        kept.put(number, "four")
    assert list(kept) == [3, 4] and kept.num_bytes == 8
    kept.put(4, "sixsix")
    assert list(kept) == [3, 4] and kept.num_bytes == 10
    kept.put(9, "x" * 11)
    assert 9 not in list(kept) and kept.num_bytes <= 10
    kept.forget(lambda value: True)
    assert kept.num_bytes == 0


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def long_text(number: int) -> str:
    """Words of which each is in no other text."""
    return " ".join(f"w{number}x{at}" for at in range(2000))


@pytest.mark.slow
def test_a_backend_keeps_texts_and_schemas_within_bounds(monkeypatch) -> None:
    """Of what a server is asked for; what is asked for again is the same."""
    monkeypatch.setattr("lmc.tokenizer.folder.MAX_CACHED_BYTES", 1 << 20)
    monkeypatch.setattr("lmc.backend.masks.factory.MAX_COMPILED_BYTES", 5 << 20)
    backend = CpuBackend("lmc-tiny", dtype="fp32", num_slots=500, disk_cache=False)
    first = backend.tokenizer.encode(long_text(0))
    before = resident()
    for number in range(1, 300):
        backend.tokenizer.encode(long_text(number))
    assert resident() - before < 20 << 20
    assert backend.tokenizer.encode(long_text(0)) == first

    @lmc.function
    def asked(s, key):
        kinds = {f"{key}{i}": {"type": "string", "maxLength": 3} for i in range(6)}
        schema = {"type": "object", "properties": kinds, "required": list(kinds)}
        s += "As JSON: " + lmc.gen("a", json_schema=schema, max_tokens=12, temperature=0)

    texts = [asked.run(f"k{number}", backend=backend)["a"] for number in range(12)]
    assert asked.run("k0", backend=backend)["a"] == texts[0]
    info = {info.name: info for info in lmc.cache_info()}
    for name in ("texts of a tokenizer", "automata of constraints"):
        assert info[name].entries and info[name].max_bytes and info[name].num_bytes <= info[name].max_bytes
    assert info["keys and values, in tokens"].entries > 0
