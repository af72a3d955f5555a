"""Objects that are there before a program: their methods are given its states, their attributes are read as it runs."""

from __future__ import annotations

import lmc as lm
from tests.oracle.programs.case import Case

LOG: list = []


class Memory:
    def __init__(self):
        self.lines = []

    def add(self, x):
        self.lines.append(x)


class Agent:
    style = "terse"

    def __init__(self, name, helper=None):
        self.name = name
        self.helper = helper
        self.memory = Memory()
        self.turns = 0
        self.limit = 2

    def ask(self, s, q):
        s += f"{self.name} ({self.style}): {q}"
        s += lm.gen("r", max_tokens=1)
        self.turns += 1
        return s["r"]

    def remember(self, s):
        self.memory.add(self.ask(s, "remember? "))
        s += " ".join(self.memory.lines)

    def delegate(self, s):
        return self.helper.ask(s, "you? ")

    def loop(self, s):
        for i in range(self.limit):
            self.ask(s, f"{i}")
        return self.turns

    def __call__(self, s, *, times=1):
        for _ in range(times):
            s += self.name
        return times

    @staticmethod
    def shout(s, x):
        s += x.upper()

    @classmethod
    def describe(cls, s):
        s += cls.style

    @property
    def title(self):
        LOG.append("title")
        return self.name.title()


class Loud(Agent):
    def ask(self, s, q):
        return super().ask(s, q.upper())


HELPER = Agent("helper")
AGENT = Agent("agent", HELPER)
LOUD = Loud("loud")
TEAM = {"a": AGENT, "h": HELPER}


def reset():
    for each in (HELPER, AGENT, LOUD):
        each.turns = 0
        each.memory.lines.clear()
        each.__dict__.pop("ask", None)
    AGENT.helper = HELPER
    AGENT.name = "agent"


def replace():
    try:
        AGENT.name = "changed"
        AGENT.helper = LOUD
    except KeyError:
        pass


def shadow():
    try:
        AGENT.ask = lambda s, q: "shadowed"
    finally:
        AGENT.turns = 0


def asks(s):
    r = AGENT.ask(s, "q")
    return r, AGENT.turns


def asks_twice(s):
    AGENT.ask(s, "one")
    AGENT.ask(s, "two")
    return AGENT.turns


def delegates(s):
    AGENT.delegate(s)
    return HELPER.turns, AGENT.turns


def remembers(s):
    AGENT.remember(s)
    return list(AGENT.memory.lines)


def loops(s):
    return AGENT.loop(s)


def is_called(s):
    return AGENT(s, times=2)


def static_and_class(s):
    AGENT.shout(s, "x")
    AGENT.describe(s)
    s += AGENT.title


def inherited(s):
    return LOUD.ask(s, "q")


def changed_before(s):
    replace()
    s += AGENT.name
    return AGENT.helper.name


def changed_and_given_a_state(s):
    replace()
    return AGENT.delegate(s)


def shadowed_and_given_a_state(s):
    shadow()
    return AGENT.ask(s, "q")


def assigned_and_given_a_state(s):
    AGENT.helper = LOUD
    return AGENT.helper.ask(s, "q")


def method_as_a_value(s):
    ask = AGENT.ask
    ask(s, "q")
    return AGENT.turns


def passed_to_a_helper(s):
    return use(AGENT, s)


def use(agent, s):
    agent.ask(s, "used ")
    return agent.name


def chosen(s):
    s += lm.select("k", ["a", "h"])
    who = AGENT if s["k"] == "a" else HELPER
    return who.name


def in_a_loop_of_the_run(s):
    s += lm.gen("n", regex="[0-2]")
    for _ in range(int(s["n"])):
        AGENT.ask(s, "again ")
    return AGENT.turns


# --- live objects that are sorted, picked and taken apart are the objects themselves ------------------------


class Worker:
    def __init__(self, name):
        self.name, self.n, self.notes = name, 0, []

    @property
    def last(self):
        return self.notes[-1] if self.notes else "none"


def meddles(worker):
    try:
        worker.n += 1
    finally:
        pass


def a_team(s):
    first = Worker("c")
    meddles(first)
    team = [first, Worker("b"), first]
    s += lm.gen("k", regex="[0-4]")
    for _ in range(int(s["k"]) % 3):
        team.append(Worker("y"))
    return first, team


def mark(workers):
    for worker in workers:
        worker.notes.append("seen")


def told(first, team):
    return first.notes, [(worker.name, worker.last, worker.n) for worker in team]


def marks_sorted_workers(s):
    first, team = a_team(s)
    mark(sorted(team, key=lambda worker: worker.name))
    return told(first, team)


def marks_the_rest(s):
    first, team = a_team(s)
    _, *rest = team
    mark(rest)
    return told(first, team)


def marks_best_and_worst(s):
    first, team = a_team(s)
    ordered = sorted(team, key=lambda worker: worker.name, reverse=True)
    mark([ordered[0], max(team, key=lambda worker: worker.name)])
    team.sort(key=lambda worker: worker.n)
    mark(team[:1])
    return told(first, team)


def sorted_rows_hold_workers(s):
    first, team = a_team(s)
    a, b = s.fork(2)
    rows = [(2, first, a), (1, team[1], b)]
    for _, _, f in rows:
        f += lm.gen("z", regex="[0-9]")
    rows.sort(key=lambda row: row[0])
    rows[0][1].notes.append("first")
    best = max(rows, key=lambda row: int(row[2]["z"]))
    best[1].notes.append("best")
    return told(first, team), best[0]


CASES = [
    Case(asks, reset=reset),
    Case(asks_twice, reset=reset, expects="either"),
    Case(delegates, reset=reset, expects="either"),
    Case(remembers, reset=reset, expects="either"),
    Case(loops, reset=reset, expects="either"),
    Case(is_called, reset=reset),
    Case(static_and_class, reset=reset, log=LOG),
    Case(inherited, reset=reset, expects="either"),
    Case(changed_before, reset=reset),
    Case(changed_and_given_a_state, reset=reset, expects="break"),
    Case(shadowed_and_given_a_state, reset=reset, expects="break"),
    Case(assigned_and_given_a_state, reset=reset, expects="break"),
    Case(method_as_a_value, reset=reset, expects="either"),
    Case(passed_to_a_helper, reset=reset),
    Case(chosen, reset=reset),
    Case(in_a_loop_of_the_run, reset=reset, expects="either"),
    *(Case(fn) for fn in (marks_sorted_workers, marks_the_rest, marks_best_and_worst, sorted_rows_hold_workers)),
]
