"""A pass failed, which is a bug of lmc: what it was given is kept in a file, with the command that shows it again.

    // lmc 0.1: pass `cse` failed: KeyError: 'x'
    // show it again: lmc opt /tmp/lmc-repro-cse-1f3a9c20.lmir -p cse --verify
    program p() { ...

In the temporary folder, for the user alone to read, as prompts may be private; the same failure has the same file.
What a pass knew beside the IR (a tokenizer, a batch's arguments) is not in it, which it says.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from lmc.errors import LMError, VerifyError
from lmc.version import __version__

if TYPE_CHECKING:
    from lmc.ir.graph import Graph
    from lmc.ir.plan import Plan
    from lmc.passes.base import Inputs, Pass


def is_bug(error: Exception) -> bool:
    """Whether what a pass raised, or what the verifier said of its result, is lmc's own fault."""
    return isinstance(error, VerifyError) or not isinstance(error, LMError)


def keep_reproducer(error: Exception, each: Pass, ir: Graph | Plan, inputs: Inputs) -> None:
    """Write the file, and say so in the error."""
    said = f"this is a bug in lmc: pass `{each.name}` failed"
    if isinstance(error, VerifyError):
        said = f"this is a bug in lmc: pass `{each.name}` made it"
    lines = [said]
    with contextlib.suppress(Exception):  # the failure itself is what matters
        path, command = _written(error, each, ir, inputs)
        lines = [f"{said}; what it was given is in {path}", f"show it again: {command}"]
    if isinstance(error, LMError):
        error.notes += tuple(lines)
        return
    for line in lines:
        error.add_note(line)


def _written(error: Exception, each: Pass, ir: Graph | Plan, inputs: Inputs) -> tuple[Path, str]:
    text = str(ir)
    name = f"lmc-repro-{each.name}-{hashlib.sha256(text.encode()).hexdigest()[:8]}.lmir"
    path = Path(tempfile.gettempdir(), name)
    command = f"lmc opt {path} -p {each.name} --verify"
    if inputs.encode is not None:
        command += " --model DIR"
    first = (str(error).splitlines() or [""])[0]
    head = [f"lmc {__version__}: pass `{each.name}` failed: {type(error).__name__}: {first}"]
    head.append(f"show it again: {command}")
    if inputs.encode is not None:
        head.append("the pass had the tokenizer of a model")
    if inputs.batch:
        head.append(f"the pass had the arguments of {len(inputs.batch)} items, which are not here")
    whole = "".join(f"// {line}\n" for line in head) + text
    with contextlib.suppress(FileExistsError):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(whole)
    return path, command
