"""Compiles kernels for GPUs that are not here, and reads what they need from the compiler's own tools.

    python tests/kernels/compile_only.py        prints the table of resources

Each half of the room lists its configurations in one module (`TABLES`). They are compiled together in one child
process without TRITON_INTERPRET, because a kernel that was imported for the interpreter cannot be compiled.
Pointers count as aligned to 16 bytes, as torch's allocator gives them; so do the integers named in `multiples`.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path

TABLES = ("tests.kernels.configs_neighbours", "tests.kernels.configs_attention")
CAPABILITIES = (80, 90)
ROOT = Path(__file__).parents[2]
MAX_SHARED = {80: 163 * 1024, 90: 227 * 1024}  # bytes a block can have


@dataclass(frozen=True)
class Config:
    """One kernel as it is launched.

    kernel        "lmc.kernels.rms_norm:rms_norm_kernel"
    signature     type of each argument that is not constexpr: {"x": "*bf16", "rows": "i32"}
    multiples     integer arguments that are multiples of 16
    may_spill     bytes that may go to local memory before the test fails
    capabilities  GPUs it is made for
    """

    name: str
    kernel: str
    signature: Mapping[str, str]
    constexprs: Mapping[str, object]
    multiples: tuple[str, ...] = ()
    num_warps: int = 4
    num_stages: int = 3
    may_spill: int = 0
    capabilities: tuple[int, ...] = CAPABILITIES
    options: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Resources:
    """What one configuration needs on one capability; bytes, registers per thread. `error` where it did not compile."""

    name: str
    capability: int
    num_warps: int = 0
    registers: int = 0
    spill_bytes: int = 0
    shared_bytes: int = 0
    error: str = ""


def configs() -> list[Config]:
    """Every configuration of the tables that exist."""
    found = []
    for name in TABLES:
        if importlib.util.find_spec(name):
            found += importlib.import_module(name).CONFIGS
    return found


@cache
def resources() -> tuple[Resources, ...]:
    """Resources of every configuration for every capability; computed once by a child process."""
    env = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    command = [sys.executable, "-m", "tests.kernels.compile_only", "--json"]
    child = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True)
    assert child.returncode == 0, child.stderr
    return tuple(Resources(**record) for record in json.loads(child.stdout))


def table(records: tuple[Resources, ...]) -> str:
    """The records as text, one line for each."""
    width = max(len(r.name) for r in records)
    lines = [f"{'configuration':{width}}  sm  warps  registers  spilled B  shared B"]
    for r in records:
        numbers = f"{r.capability:3} {r.num_warps:5} {r.registers:10} {r.spill_bytes:10} {r.shared_bytes:9}"
        lines.append(f"{r.name:{width}} {numbers}" + (f"  {r.error}" if r.error else ""))
    return "\n".join(lines)


# --- in the child ----------------------------------------------------------------------------------------


def measure(config: Config, capability: int) -> Resources:
    """Compile one configuration for one capability."""
    try:
        return compiled(config, capability)
    except Exception as error:  # a compiler's failure is a row of the table; the test fails on it
        text = str(error).strip().splitlines()
        return Resources(config.name, capability, error=f"{type(error).__name__}: {text[-1] if text else ''}")


def compiled(config: Config, capability: int) -> Resources:
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    module, name = config.kernel.split(":")
    kernel = getattr(importlib.import_module(module), name)
    source = ASTSource(kernel, signature(kernel, config), dict(config.constexprs), alignment(kernel, config))
    options = {"num_warps": config.num_warps, "num_stages": config.num_stages, **config.options}
    built = triton.compile(source, target=GPUTarget("cuda", capability, 32), options=options)
    registers, static, stack = usage(built.asm["cubin"])
    spilled = spills(built.asm["ptx"]) if stack else 0
    shared = static + built.metadata.shared
    return Resources(config.name, capability, config.num_warps, registers, spilled, shared)


def signature(kernel: object, config: Config) -> dict[str, str]:
    """A type for every argument, in the kernel's order."""
    names = kernel.arg_names  # type: ignore[attr-defined]
    unknown = (set(config.signature) | set(config.constexprs) | set(config.multiples)) - set(names)
    missing = set(names) - set(config.signature) - set(config.constexprs)
    assert not unknown and not missing, f"unknown arguments {sorted(unknown)}, missing {sorted(missing)}"
    return {name: config.signature.get(name, "constexpr") for name in names}


def alignment(kernel: object, config: Config) -> dict[tuple[int], list[list[object]]]:
    """Arguments known to be multiples of 16, by position."""
    names = kernel.arg_names  # type: ignore[attr-defined]
    known = [n for n in names if config.signature.get(n, "").startswith("*") or n in config.multiples]
    return {(names.index(name),): [["tt.divisibility", 16]] for name in known}


def usage(cubin: bytes) -> tuple[int, int, int]:
    """Registers per thread, static shared bytes, stack bytes of a thread."""
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        text = run_tool("cuobjdump", "--dump-resource-usage", file.name)
    found = re.search(r"REG:(\d+) STACK:(\d+) SHARED:(\d+)", text)
    assert found, text
    registers, stack, static = map(int, found.groups())
    return registers, static, stack


def spills(ptx: str) -> int:
    """Bytes of spill stores and loads, as ptxas counts them."""
    target = re.search(r"^\.target (\w+)", ptx, re.MULTILINE)
    assert target, "PTX without a target"
    with tempfile.NamedTemporaryFile("w", suffix=".ptx") as file:
        file.write(ptx)
        file.flush()
        text = run_tool("ptxas", "-v", f"--gpu-name={target.group(1)}", "-o", os.devnull, file.name)
    return sum(int(n) for n in re.findall(r"(\d+) bytes spill", text))


def run_tool(name: str, *arguments: str) -> str:
    """Output of a program that comes with triton."""
    import triton.backends.nvidia

    path = Path(triton.backends.nvidia.__file__).parent / "bin" / name
    done = subprocess.run([str(path), *arguments], capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


if __name__ == "__main__":
    assert "TRITON_INTERPRET" not in os.environ, "kernels imported for the interpreter cannot be compiled"
    measured = [measure(config, capability) for config in configs() for capability in config.capabilities]
    print(json.dumps([asdict(r) for r in measured]) if "--json" in sys.argv else table(tuple(measured)))
