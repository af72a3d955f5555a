"""IR files: a program's graph, or its plan, as `--emit-graph=ir` writes them; `-` is stdin."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lmc.errors import ArgumentError

if TYPE_CHECKING:
    from lmc.ir.graph import Graph
    from lmc.ir.plan import Plan

SUFFIX = ".lmir"
_PLAN = re.compile(r"(?:\s|//[^\n]*\n)*plan\b")


def is_ir(target: str) -> bool:
    """Whether a target on the command line is an IR file."""
    return target.endswith(SUFFIX)


def read_ir(target: str) -> Graph | Plan:
    """The graph or plan of a file, verified. Raises ArgumentError, ParseError or VerifyError."""
    from lmc.ir.verify import verify, verify_plan
    from lmc.parser.irtext.parse import parse_graph, parse_plan

    text = _text(target)
    file = "<stdin>" if target == "-" else target
    if _PLAN.match(text):
        plan = parse_plan(text, file=file)
        verify_plan(plan)
        return plan
    graph = parse_graph(text, file=file)
    verify(graph)
    return graph


def _text(target: str) -> str:
    if target == "-":
        return sys.stdin.read()
    try:
        return Path(target).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ArgumentError(f"there is no file `{target}`") from None
    except UnicodeDecodeError:
        raise ArgumentError(f"`{target}` is no UTF-8 text", help="IR is text, as `--emit-graph=ir` writes it") from None
    except OSError as error:
        raise ArgumentError(f"`{target}` cannot be read: {error.strerror}") from None
