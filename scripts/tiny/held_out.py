"""One held-out item as an lmc program, and whether its answer is right: what the benchmark and the tests both do."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from random import Random

import lmc
from lmc.backend.local import CpuBackend
from lmc.program import Program
from scripts.tiny.item import Gen, Item, Turn
from scripts.tiny.tasks import TASKS
from scripts.tiny.world import World

SEED = 2


@dataclass(slots=True)
class Score:
    """Right answers of one row of the table, and some wrong ones."""

    right: int = 0
    total: int = 0
    wrong: list[str] = field(default_factory=list)

    def add(self, right: int, total: int, shown: str = "") -> None:
        self.right += right
        self.total += total
        if right < total and shown:
            self.wrong.append(shown)


# --- one item --------------------------------------------------------------------------------------------


def held_out(task: str, count: int) -> list[Item]:
    """Items of the test side whose last turn ends in the answer, and that lmc's roles can say."""
    world, found = World(Random(f"{task}:{SEED}"), test=True), list[Item]()
    while len(found) < count:
        item = TASKS[task](world)
        if all(turn.role != "tool" for turn in item.turns):
            found.append(item)
    return found


def answered(item: Item, backend: CpuBackend) -> str:
    """What the model writes for the item's last `Gen`."""
    at = max(number for number, turn in enumerate(item.turns) if any(isinstance(piece, Gen) for piece in turn.pieces))
    before = tuple((turn.role, turn.text()) for turn in item.turns[:at])
    result = program(before, item.turns[at], item.answer()).run(backend=backend)
    return str(result["answer"])


def program(before: tuple[tuple[str, str], ...], last: Turn, wanted: Gen) -> Program:
    """The program that asks for one answer."""
    in_turn = last.role == "assistant"
    prefix = prefix_of(last, wanted)
    choices, regex, schema, stop = (
        list(wanted.choices),
        wanted.regex or None,
        wanted.schema or None,
        wanted.stop or None,
    )
    max_tokens = len(wanted.text) + 16

    @lmc.function
    def ask(s):  # type: ignore[no-untyped-def]
        for role, text in before:
            if role == "system":
                s += lmc.system(text)
            elif role == "user":
                s += lmc.user(text)
            elif role == "assistant":
                s += lmc.assistant(text)
            else:
                s += text
        if in_turn:
            s += lmc.assistant_begin()
        s += prefix
        if choices:
            s += lmc.select("answer", choices)
        else:
            s += lmc.gen("answer", max_tokens=max_tokens, temperature=0, regex=regex, json_schema=schema, stop=stop)
        if in_turn:
            s += lmc.assistant_end()

    return ask


def prefix_of(turn: Turn, wanted: Gen) -> str:
    """What stands in a turn before its last `Gen`."""
    text = ""
    for piece in turn.pieces:
        if piece is wanted:
            return text
        text += piece if isinstance(piece, str) else piece.text
    raise AssertionError("the answer is in its turn")


# --- scores ----------------------------------------------------------------------------------------------


def judge(item: Item, answer: str, scores: dict[str, Score]) -> None:
    """Count the answer in its task's row, and in the finer rows that it belongs to."""
    wanted = item.answer()
    right = same(answer, wanted.text)
    shown = f"{item.text()[-900:]}\n    -> {answer!r}"
    scores[item.task].add(right, 1, shown)
    if item.task == "tools":
        scores["tools: tool" if wanted.choices else "tools: arguments and answers"].add(right, 1)
    if item.task == "choice":
        kind = (
            "yes-no, true-false"
            if {each.strip().lower() for each in wanted.choices} <= {"yes", "no", "true", "false"}
            else "options"
        )
        scores[f"choice: {kind}"].add(right, 1)
    if item.task == "extract":
        scores["extract: fields"].add(*fields(answer, wanted.text))


def same(answer: str, wanted: str) -> bool:
    """Equal text, or equal JSON whatever its spaces."""
    if answer.strip() == wanted.strip():
        return True
    try:
        return isinstance(value := json.loads(wanted), dict | list) and json.loads(answer) == value
    except ValueError:
        return False


def fields(answer: str, wanted: str) -> tuple[int, int]:
    """How many leaves of the wanted record the answer has, and how many there are."""
    leaves = dict(walk(json.loads(wanted)))
    try:
        found = dict(walk(json.loads(answer)))
    except ValueError:
        found = {}
    return sum(found.get(path) == value for path, value in leaves.items()), len(leaves)


def walk(value: object, path: tuple[object, ...] = ()) -> list[tuple[tuple[object, ...], object]]:
    """The leaves of a JSON value by path."""
    if isinstance(value, dict):
        return [leaf for key, each in value.items() for leaf in walk(each, (*path, key))]
    if isinstance(value, list):
        return [leaf for number, each in enumerate(value) for leaf in walk(each, (*path, number))]
    return [(path, value)]
