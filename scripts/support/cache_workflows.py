"""Six ways in which programs come back to what they have said: a program, its items, and how long its tools take."""

from __future__ import annotations

import lmc
from scripts.support.cache_simulator import Workflow, distinct_letters

TOOL = "\nThe tool says: "


@lmc.function
def loops(s, task, steps):
    """One agent, whose prompt grows with each of its steps."""
    s += task
    for step in steps:
        s += f"\nStep {step}: "
        s += lmc.gen("thought", max_tokens=30, ignore_eos=True)
    return s["thought"]


@lmc.function
def branches(s, task):
    """After a thought the model chooses: it goes on from the thought, or from the task once more."""
    s += task
    a, b = s.fork(2)
    a += "\nThought: "
    a += lmc.gen("thought", max_tokens=60, ignore_eos=True)
    a += "\nGood? "
    a += lmc.select("good", ["yes", "no"])
    if a["good"] == "yes":
        a += "\nLong: "
        a += lmc.gen("answer", max_tokens=60, ignore_eos=True)
        return a["answer"]
    b += "\nShort: "
    b += lmc.gen("answer", max_tokens=20, ignore_eos=True)
    return b["answer"]


@lmc.function
def fans_out(s, task):
    """Four ways beside each other, and a last word on all of them."""
    s += task
    forks = s.fork(4)
    for number, f in enumerate(forks):
        f += f"\nWay {number}: "
        f += lmc.gen("way", max_tokens=30, ignore_eos=True)
    forks.join()
    s += "\nAll: " + " ".join(s["way"])
    s += lmc.gen("end", max_tokens=20, ignore_eos=True)


def ask_tool(question: str) -> str:
    """A tool; how long it takes is the workflow's affair."""
    return f"{TOOL}{question[:8]}."


look_up = lmc.tool(ask_tool)


@lmc.function
def pauses(s, task):
    """A tool between two calls, three times."""
    s += task
    s += lmc.gen("first", max_tokens=30, ignore_eos=True)
    s += look_up(s["first"])
    s += lmc.gen("second", max_tokens=30, ignore_eos=True)
    s += look_up(s["second"])
    s += lmc.gen("third", max_tokens=30, ignore_eos=True)
    s += look_up(s["third"])
    s += lmc.gen("last", max_tokens=30, ignore_eos=True)


AGENTS = tuple(distinct_letters(f"agent {number}", 300) for number in range(8))


@lmc.function
def cycles(s, task, rounds):
    """Eight agents in a ring, each with a long prompt of its own, hand a note on."""
    note = task
    for _ in rounds:
        for agent in AGENTS:
            f = s.copy()
            f += agent
            f += "\nNote: "
            f += note
            f += lmc.gen("note", max_tokens=12, ignore_eos=True)
            note = f["note"]
    return note


@lmc.function
def talks(s, topic):
    """A conversation of four turns."""
    s += topic
    s += "\nQ: begin\nA: "
    s += lmc.gen("a", max_tokens=40, ignore_eos=True)
    s += "\nQ: go on\nA: "
    s += lmc.gen("b", max_tokens=40, ignore_eos=True)
    s += "\nQ: what else?\nA: "
    s += lmc.gen("c", max_tokens=40, ignore_eos=True)
    s += "\nQ: end\nA: "
    s += lmc.gen("d", max_tokens=40, ignore_eos=True)


def tool_time(prompt: str) -> float:
    """Half a second to two, for a call whose prompt ends with what a tool says."""
    _, found, said = prompt[-40:].rpartition(TOOL)
    return 0.5 + (sum(said.encode()) % 16) / 10 if found else 0.0


def tasks(name: str, num: int, length: int = 200) -> list[str]:
    """So many texts that begin alike and go on otherwise."""
    rules = distinct_letters(name, 60)
    return [rules + distinct_letters(f"{name} {number}", length) for number in range(num)]


WORKFLOWS = {
    "loop": Workflow(loops, [{"task": task, "steps": list(range(5))} for task in tasks("loop", 24)]),
    "branch": Workflow(branches, [{"task": task} for task in tasks("branch", 40)]),
    "fan-out": Workflow(fans_out, [{"task": task} for task in tasks("fan-out", 24)]),
    "tool pause": Workflow(pauses, [{"task": task} for task in tasks("tool pause", 24)], tool_time),
    "cyclic agents": Workflow(cycles, [{"task": "Begin.", "rounds": list(range(6))}]),
    "multi-turn": Workflow(talks, [{"topic": topic} for topic in tasks("multi-turn", 40)]),
}
