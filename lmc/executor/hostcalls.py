"""Calls into the user's Python: which may run at once, which must wait their turn, which leave this thread.

All run on the thread that steps the run, one at a time, but tools that said they block and coroutines.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from types import BuiltinFunctionType, ClassMethodDescriptorType, MethodDescriptorType
from typing import Literal

from lmc.executor.future import Cell
from lmc.ir.analysis import effect_of
from lmc.ir.builtins import BY_LABEL
from lmc.ir.graph import Graph, Node
from lmc.ir.node_rules import atom_type
from lmc.ir.ops import OPS

DEFAULT_WORKERS = min(32, max(8, (os.cpu_count() or 1) + 4))

# values of these types have no user code in them, and nobody can change them
ATOM_TYPES = frozenset((str, int, float, bool, type(None), bytes))

Discipline = Literal["pure", "raises", "refuses", "ordered"]


def discipline_of(node: Node, graph: Graph) -> Discipline:
    """How a state or host node stands to the commit chain.

    Every host node is a read of its inputs, so a failed model call raises there even where the op itself cannot.
    """
    op = OPS[node.op]
    if node.op == "extern" or (op.kind == "state" and not op.raises):
        return "pure"
    if effect_of(node, graph) != "none" or _is_builtin_on_live(node, graph):
        return "ordered"
    return "raises"


_OF_CLASSES = frozenset(("builtins.exception_matches", "builtins.exception_in"))  # these look at classes alone


def _is_builtin_on_live(node: Node, graph: Graph) -> bool:
    """True for a call of a builtin with a live object: it runs that object's own code."""
    if node.op != "call" or not graph.extern(str(node.attr("fn"))).label.startswith("builtins."):
        return False
    if graph.extern(str(node.attr("fn"))).label in _OF_CLASSES:
        return False
    return any(atom_type(atom).name in ("ref", "any") for atom in node.inputs)


def are_atoms(inputs: Iterable[Cell]) -> bool:
    """True where an operation on these can neither run the user's code nor see a change."""
    return ATOM_TYPES.issuperset(map(type, inputs))


def can_hurry(node: Node, graph: Graph) -> bool:
    """True where only live inputs make the node ordered: on atoms it need not wait its turn."""
    has_effect = node.op == "call" and graph.extern(str(node.attr("fn"))).effect != "none"
    return not has_effect and node.op != "raise"


def runs_user_code(node: Node, graph: Graph) -> Callable[[list[Cell]], bool] | None:
    """Whether a node runs code of the user's, given its inputs; None where never."""
    if node.op == "call":
        return None if _is_pure_builtin(node, graph) else lambda inputs: True
    if node.op == "method":
        name = str(node.attr("name"))
        return lambda inputs: not (_is_written_in_c(inputs[0], name) and _PLAIN.issuperset(map(type, inputs)))
    return None if node.op == "extern" or effect_of(node, graph) == "none" else lambda inputs: not are_atoms(inputs)


def _is_pure_builtin(node: Node, graph: Graph) -> bool:
    extern = graph.extern(str(node.attr("fn")))
    return extern.effect == "none" and extern.label in BY_LABEL


def _is_written_in_c(owner: object, name: str) -> bool:
    """True for methods such as `append` of a list."""
    return isinstance(getattr(type(owner), name, None), _C_METHODS)


# nothing of the user's is called by their methods, unless it is given to them; a ContextVar's are of its context
_PLAIN = ATOM_TYPES | {list, dict, set, frozenset, tuple}
_C_METHODS = (MethodDescriptorType, ClassMethodDescriptorType, BuiltinFunctionType)

Done = Callable[[Cell], None]


class HostPool:
    """Threads for tools that said they block, and an event loop for coroutines, started with the first.

    `wake` tells the run that one has ended.
    """

    def __init__(self, max_workers: int, wake: Callable[[], None]) -> None:
        self.num_running = 0
        self._max_workers = max_workers
        self._wake = wake
        self._threads: ThreadPoolExecutor | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended: deque[tuple[Done, Cell]] = deque()

    def start(self, work: Callable[[], Cell], done: Done) -> None:
        """Run `work`, which never raises, on a thread; `drain` calls `done` with its result."""
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self._max_workers, thread_name_prefix="lmc-tool")
        self.num_running += 1
        self._threads.submit(self._run, work, done)

    def start_async(self, coroutine: Awaitable[object], done: Done) -> None:
        """Run a coroutine on the event loop; `drain` calls `done` with its value and its error."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=self._loop.run_forever, name="lmc-tools", daemon=True).start()
        self.num_running += 1
        asyncio.run_coroutine_threadsafe(self._await(coroutine, done), self._loop)

    def drain(self) -> None:
        """Hand out what has ended; called by the thread that runs the executor."""
        while self._ended:
            done, result = self._ended.popleft()
            self.num_running -= 1
            done(result)

    def close(self) -> None:
        """Let no new call start. Those that run go on, their results are dropped."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)

    def _run(self, work: Callable[[], Cell], done: Done) -> None:
        self._ended.append((done, work()))
        self._wake()

    async def _await(self, coroutine: Awaitable[object], done: Done) -> None:
        try:
            result: tuple[object, BaseException | None] = await coroutine, None
        except BaseException as error:
            result = None, error
        self._ended.append((done, result))
        self._wake()
