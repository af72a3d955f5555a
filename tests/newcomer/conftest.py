"""What a newcomer has: a clone with an environment, a folder of their own, a shell that keeps what it printed."""

from __future__ import annotations

import os
import shutil
import site
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Printed:
    """What a command left: its status, both streams as bytes, and how long it took."""

    status: int
    out: bytes
    err: bytes
    seconds: float

    @property
    def stdout(self) -> str:
        return self.out.decode()

    @property
    def stderr(self) -> str:
        return self.err.decode()


@dataclass
class Shell:
    """Runs commands in a folder, with the environment of this process changed by `environ`; None takes a name out."""

    folder: Path
    said: list[str] = field(default_factory=list)

    def __call__(self, *command: str | Path, stdin: bytes = b"", **environ: str | None) -> Printed:
        """Runs it to its end; a name of `environ` that is None is not set."""
        env = {**os.environ, "OMP_NUM_THREADS": "1", **environ}
        env = {name: value for name, value in env.items() if value is not None}
        begin = time.monotonic()
        done = subprocess.run(
            list(map(str, command)), cwd=self.folder, env=env, input=stdin, capture_output=True, timeout=600
        )
        printed = Printed(done.returncode, done.stdout, done.stderr, time.monotonic() - begin)
        said = (done.stdout + done.stderr).decode(errors="replace")
        ended = f"[{printed.status} after {printed.seconds:.1f} s]"
        self.said.append(f"$ {' '.join(map(str, command))}\n{said}{ended}")
        return printed

    def lmc(self, *args: str | Path, stdin: bytes = b"", **environ: str | None) -> Printed:
        """`lmc ...` of the environment that the tests run in."""
        return self(sys.executable, "-m", "lmc", *args, stdin=stdin, **environ)

    def write(self, name: str, text: str, encoding: str = "utf-8") -> Path:
        """A file in the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding=encoding)
        return path


@pytest.fixture
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shell]:
    """A shell in an empty folder. What it printed is kept in `printed.txt`, and shown where the station fails."""
    shell = Shell(tmp_path / "own")
    shell.folder.mkdir()
    yield shell
    text = "\n".join(shell.said)
    (tmp_path / "printed.txt").write_text(text, encoding="utf-8")
    print(text)


@dataclass(frozen=True)
class Clone:
    """A copy of the sources, and environments in it."""

    folder: Path

    def environment(self, name: str, *install: str) -> Path:
        """A new one with lmc installed, and the libraries of this process' own environment: nothing is fetched."""
        made = self.folder / name
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", made], check=True, timeout=120)
        [packages] = made.glob("lib/*/site-packages")
        here = [path for path in sys.path if path.endswith("site-packages") and path not in site.getusersitepackages()]
        (packages / "libraries.pth").write_text("\n".join(here) + "\n")
        pip = [made / "bin/python", "-m", "pip", "install", "-q", "--no-index", "--no-build-isolation", "--no-deps"]
        subprocess.run([*pip, "--ignore-installed", *install], cwd=self.folder, check=True, timeout=300)
        return made


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """The files that git knows or would take, or all of them where there is no git."""
    folder = tmp_path_factory.mktemp("clone") / "lmc"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True
    )
    if listed.returncode or not listed.stdout:
        shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(".*", "build", "*.egg-info", "__pycache__"))
        return Clone(folder)
    for name in listed.stdout.decode().split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return Clone(folder)
