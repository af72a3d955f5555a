"""The house: who may import whom, what `import lmc` loads, which names are public.

Imports are read from the source, those inside functions and under TYPE_CHECKING too: knowing a room is knowing it.
"""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import networkx as nx
import pytest

import lmc
from lmc.backend import BACKENDS
from lmc.errors import LMError
from lmc.passes import PASSES
from tests.support.source_trees import tree_of

ROOT = Path(__file__).parents[1]
HEAVY = (
    "torch", "transformers", "triton", "xgrammar", "numpy", "lark", "networkx", "rich", "pydantic", "greenlet",
    "httpx2",
)  # fmt: skip
MAX_IMPORT_S = 0.250

GROUND = (
    "errors", "codes", "common_prefix", "source", "knobs", "version", "recent", "caches", "collector", "giving_way",
    "notebook", "gguf",
)  # fmt: skip
# what crosses between executor and engine: requests, events; how choices are compared, numbers drawn and stops found
WAIST = ("backend.base", "backend.choices", "backend.mixing", "backend.pass_log", "backend.patterns", "backend.stops")
# what people call: each knows those before it; "" is lmc/__init__.py
FOURTH = (
    "state", "tables", "callables", "arguments", "observe", "observe.timeline", "observe.figures", "observe.report",
    "observe.progress", "calls", "compiler", "result", "fallback", "recorded", "saved", "identity", "journal",
    "patience", "launch", "streaming", "aio", "observe.live", "batch", "run_options", "tooling", "program",
    "observe.learning", "observe.chrome_trace", "observe.analysis", "sglang_names", "",
)  # fmt: skip
ROOF = ("cli", "server", "__main__")

# room -> the rooms it may import beside itself; the longest name that fits a module is its room
DOORS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(GROUND, GROUND),
    "ir": GROUND,
    "parser": ("ir", *GROUND),
    "passes": ("ir", *GROUND),
    "tokenizer": ("ir", *GROUND),
    "kernels": (),
    **dict.fromkeys(WAIST, ("ir", *WAIST, *GROUND)),
    "backend.matcher": (*WAIST, "ir", *GROUND),
    "backend.cache": GROUND,
    "backend.models": ("kernels", *GROUND),
    "backend.runner": (*WAIST, "ir", *GROUND),
    "backend.runner.cpu": ("backend.runner", "backend.models", "kernels", *WAIST, "ir", *GROUND),
    "backend.masks": ("backend.matcher", "kernels", *WAIST, "ir", *GROUND),
    "backend.engine": ("backend.matcher", "backend.cache", "backend.runner", *WAIST, "ir", *GROUND),
    "backend.api": ("backend", "tokenizer", *WAIST, "ir", *GROUND),
    "backend.recording": ("backend", "tokenizer", *WAIST, "ir", *GROUND),
    "backend.echo": ("tokenizer", "backend.masks", "backend.matcher", *WAIST, "ir", *GROUND),
    "backend.local": (
        "backend", "backend.engine", "backend.masks", "backend.models", "backend.runner.cpu", "tokenizer", *WAIST, "ir",
        *GROUND,
    ),
    "backend": (*WAIST, *GROUND),
    "executor": (*WAIST, "ir", *GROUND),
    "eager": ("executor", "parser", *WAIST, "ir", *GROUND),
    "viz": ("passes", "backend.masks", *WAIST, "ir", *GROUND),
}  # fmt: skip
BELOW = tuple(DOORS)
DOORS |= {
    **{room: (*BELOW, *FOURTH[:i]) for i, room in enumerate(FOURTH)},
    **dict.fromkeys(ROOF, (*BELOW, *FOURTH, *ROOF)),
}

# room -> the libraries it may import beside the standard one
LIBRARIES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(DOORS, ()),
    "ir": ("networkx",),
    "state": ("typing_extensions",),  # for type checkers only, which have it
    "parser": ("lark", "pydantic", "regex"),
    "passes": ("networkx",),
    "tokenizer": ("jinja2", "tokenizers"),
    "kernels": ("torch", "triton"),
    "backend.matcher": ("numpy",),
    "backend.cache": ("numpy",),
    "backend.models": ("safetensors", "torch", "transformers"),
    "backend.runner": ("numpy",),
    "backend.runner.cpu": ("numpy", "torch"),
    "backend.masks": ("numpy", "torch", "xgrammar"),
    "backend.engine": ("numpy",),
    "backend.api": ("httpx2",),
    "backend.local": ("torch",),
    "compiler": ("networkx",),
    "executor": ("greenlet",),
    "eager": ("greenlet",),
    "observe.progress": ("rich",),
    "observe.live": ("rich",),
    "viz": ("networkx", "rich"),
    **dict.fromkeys(ROOF, ("click", "pyarrow", "rich", "starlette", "uvicorn", "prometheus_client")),
}


class Import(NamedTuple):
    """`line` of `module` imports `target`.

    is_lazy      that happens when a function is called
    is_for_types it never happens, and stands under TYPE_CHECKING
    """

    module: str
    target: str
    line: int
    is_lazy: bool
    is_for_types: bool

    def __str__(self) -> str:
        return f"{self.module}:{self.line} imports {self.target}"


# --- reading the source ----------------------------------------------------------------------------------


@cache
def modules() -> dict[str, Path]:
    """Every module of the package, by name; `kernels/` is installed as lmc.kernels."""
    found = {}
    for path in sorted([*ROOT.glob("lmc/**/*.py"), *ROOT.glob("kernels/**/*.py")]):
        parts = path.relative_to(ROOT).with_suffix("").parts
        parts = parts if parts[0] == "lmc" else ("lmc", *parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def imports() -> tuple[Import, ...]:
    return tuple(each for name, path in modules().items() for each in imports_of(name, path))


def imports_of(module: str, path: Path) -> Iterator[Import]:
    for node, is_lazy, is_for_types in import_statements(tree_of(path), False, False):
        for target in targets_of(node, module, is_package=path.name == "__init__.py"):
            yield Import(module, target, node.lineno, is_lazy, is_for_types)


def import_statements(
    node: ast.AST, is_lazy: bool, is_for_types: bool
) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool, bool]]:
    """Each with whether it stands in a function, and whether for type checkers only. No expression holds one."""
    is_lazy |= isinstance(node, ast.FunctionDef)
    is_for_types |= is_type_checking(node)
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, is_lazy, is_for_types
        elif not isinstance(child, ast.expr):
            yield from import_statements(child, is_lazy, is_for_types)


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def targets_of(node: ast.Import | ast.ImportFrom, module: str, *, is_package: bool) -> list[str]:
    """The modules that a statement imports: `from a import b` means a.b where that is one."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    base = node.module or ""
    if node.level:
        up = module.split(".")[: -node.level + is_package or None]
        base = ".".join([*up, *([base] if base else [])])
    return sorted({name if (name := f"{base}.{alias.name}") in modules() else base for alias in node.names})


def room_of(module: str) -> str:
    """The longest room whose name the module's begins with; its own name where there is none."""
    name = module.removeprefix("lmc").removeprefix(".")
    while name and name not in DOORS:
        name = name.rpartition(".")[0]
    return name or ("" if module == "lmc" else module)


# --- doors -----------------------------------------------------------------------------------------------


def test_every_module_is_in_a_known_room():
    """A new room gets a row in the table of doors."""

    assert [name for name in modules() if room_of(name) not in DOORS] == []


def test_rooms_are_entered_by_their_doors():
    """Downwards only, never sideways between parser, passes and kernels."""

    ours = [i for i in imports() if i.target.split(".")[0] == "lmc"]
    wrong = [i for i in ours if room_of(i.target) not in (room_of(i.module), *DOORS[room_of(i.module)])]
    assert [str(i) for i in wrong] == []


def test_rooms_use_their_own_libraries():
    """A library that a room may not know is not imported there, not even inside a function."""

    tops = [(i, i.target.split(".")[0]) for i in imports()]
    foreign = [(i, top) for i, top in tops if top != "lmc" and top not in sys.stdlib_module_names]
    assert [str(i) for i, top in foreign if top not in LIBRARIES[room_of(i.module)]] == []


def circles(*, lazy: bool) -> set[frozenset[str]]:
    """Modules that load each other; with `lazy`, those too that do so when a function is called."""

    loads = nx.DiGraph((i.module, i.target) for i in imports() if not i.is_for_types and (lazy or not i.is_lazy))
    return {frozenset(knot) for knot in nx.strongly_connected_components(loads) if len(knot) > 1}


# `str(graph)` prints: worth its one late door
LATE_CIRCLES = [
    {"lmc.ir.graph", "lmc.ir.plan", "lmc.ir.printer", "lmc.ir.signature"},
]


def test_no_module_is_loaded_in_a_circle():
    """Whichever module is imported first, all that it needs is there."""

    assert circles(lazy=False) == set()


def test_late_imports_close_no_new_circle():
    """An import inside a function is for what is slow to load, not for a knot."""

    assert circles(lazy=True) == set(map(frozenset, LATE_CIRCLES))


def test_radix_tree_is_plain_python():
    """It knows tokens and slots: no tensors, and nothing of lmc but its own room and the ground."""

    allowed = ("lmc.backend.cache", "lmc.errors", "numpy")
    wrong = [
        i
        for i in imports()
        if i.module == "lmc.backend.cache.radix"
        and not i.target.startswith(allowed)
        and i.target.split(".")[0] not in sys.stdlib_module_names
    ]
    assert [str(i) for i in wrong] == []


def classes() -> dict[str, list[str]]:
    """The modules that define each public class, by its name."""

    found: dict[str, list[str]] = {}
    for module, path in modules().items():
        for node in tree_of(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found.setdefault(node.name, []).append(module)
    return found


def test_a_class_has_its_name_to_itself():
    """In the whole of lmc and its kernels: who reads `Step` need not ask whose."""

    assert {name: where for name, where in classes().items() if len(where) > 1} == {}


KERNELS = re.compile(r"\bimport +kernels|\bfrom +kernels")


def test_nobody_imports_the_name_kernels():
    """At top level that is another project's package; ours is lmc.kernels."""

    named = [path for path in ROOT.glob("tests/**/*.py") if KERNELS.search(path.read_text(encoding="utf-8"))]
    tests = [each for path in named for each in imports_of(path.stem, path)]
    assert [str(i) for i in (*imports(), *tests) if i.target.split(".")[0] == "kernels"] == []


def test_no_module_is_a_drawer():
    """Modules are named after what is in them."""

    drawers = {"utils", "util", "helpers", "helper", "common", "misc"}
    assert [name for name in modules() if drawers & set(name.split("."))] == []


# --- what is installed ------------------------------------------------------------------------------------


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_every_package_is_installed():
    """A new folder is listed in pyproject.toml, or an installed lmc would lack it."""

    packages = {name for name, path in modules().items() if path.name == "__init__.py"}
    assert packages == set(project()["tool"]["setuptools"]["packages"])


def test_every_dependency_is_pinned():
    """constraints.txt names one version of whatever pyproject.toml asks for."""

    pinned = re.findall(r"^([\w.-]+)==", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE)
    asked = [*project()["project"]["dependencies"], *project()["project"]["optional-dependencies"]["dev"]]
    names = {re.match(r"[\w.-]+", each).group().lower() for each in asked}
    assert names - {name.lower() for name in pinned} == set()


# --- a light import --------------------------------------------------------------------------------------


def python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize("statement", ["import lmc", "import lmc.errors", "from lmc import gen, select, user"])
def test_import_loads_nothing_heavy(statement: str):
    """What is heavier than a command line parser waits until it is used."""

    loaded = python(f"import sys; {statement}; print(*sorted(set(sys.modules) & {set(HEAVY)}))")
    assert loaded == ""


def test_import_is_quick():
    """The package and its decorator, in CPU seconds of fresh interpreters after their start; the best of several."""

    code = "import time; t = time.process_time(); import lmc; lmc.function; print(time.process_time() - t)"
    assert min(float(python(code)) for _ in range(5)) < MAX_IMPORT_S


def test_compiling_needs_no_engine():
    """From source to plan without torch, a tokenizer or a constraint library."""

    code = (
        "import sys, runpy; import lmc; prog = runpy.run_path('examples/essay_judge.py')['essay_judge'];"
        "str(lmc.compile(prog).plan);"
        "print(*sorted({'torch', 'transformers', 'triton', 'xgrammar', 'numpy', 'tokenizers'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert run.stdout.strip() == ""


# --- names -----------------------------------------------------------------------------------------------

PUBLIC = (
    "Anthropic", "Crusoe", "Engine", "LiteLLM", "OpenAI", "Runtime", "RuntimeEndpoint", "VertexAI",
    "build_regex_from_object", "dump_state_text", "flush_cache", "get_server_info", "image", "read_jsonl",
    "separate_reasoning", "video",
    "ArgumentError", "BackendError", "BatchStream", "CallEnded", "CallStarted", "CaptureError", "ChatTemplateError",
    "ConstraintError", "CpuBackend", "EchoBackend", "ItemDone", "LMError", "ModelLoadError", "OutputError",
    "ParseError", "Program", "Remote", "RequestError", "Result", "Retry", "Stream", "TextGrew", "Timeout",
    "VerifyError", "arun", "arun_batch", "cache_info", "Expr", "Forks", "State", "ToolCall", "read_calls",
    "assistant", "assistant_begin", "assistant_end", "compile", "exact", "function", "gen", "gen_int", "gen_string",
    "greedy_token_selection", "lark", "record", "run", "run_batch", "select", "set_default_backend", "system",
    "system_begin", "system_end", "token_length_normalized", "tool", "tool_calls",
    "unconditional_likelihood_normalized", "user", "user_begin", "user_end",
)  # fmt: skip


def test_public_names():
    """What people may rely on, written down."""

    assert sorted(lmc.__all__) == sorted(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_public_name_exists(name: str):
    """Every lazy name leads somewhere."""

    assert getattr(lmc, name) is not None


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'lmc' has no attribute 'genn'"):
        lmc.genn  # noqa: B018


@pytest.mark.parametrize("name", BACKENDS)
def test_backend_has_a_factory(name: str):
    """Each row of the table can be imported."""

    module, factory = BACKENDS[name].split(":")
    assert callable(getattr(importlib.import_module(module), factory))


@pytest.mark.parametrize("name", PASSES)
def test_pass_has_golden_files(name: str):
    """A pass is shown by at least one case."""

    assert list((ROOT / "tests" / "golden" / "passes" / name).glob("*.lmir"))


def test_errors_of_users_are_one_family():
    """`except LMError` catches what a program, an argument or a model folder may do wrong."""

    names = [name for name in PUBLIC if name.endswith("Error")]
    assert all(issubclass(getattr(lmc, name), LMError) for name in names)


def test_what_pages_name_is_there():
    """After `import lmc` alone: modules that docs and messages speak of, and what Python says of other names."""
    names = "lmc.errors.LMError, lmc.ir.tool_formats.TOOL_FORMATS, lmc.ir.reasoning.REASONING_FORMATS, lmc.State"
    assert python(f"import lmc; print(len([{names}]))").strip() == "4"
    said = {
        name: subprocess.run([sys.executable, "-c", f"import lmc; {name}"], capture_output=True, text=True, cwd=ROOT)
        for name in ("lmc.functon", "lmc.ir.grap")
    }
    assert "module 'lmc' has no attribute 'functon'. Did you mean: 'function'?" in said["lmc.functon"].stderr
    assert "module 'lmc.ir' has no attribute 'grap'" in said["lmc.ir.grap"].stderr
