"""One of several objects, picked when the program runs: what is done to it is done to that one, under all its names."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import lmc as lm
from tests.oracle.programs.case import Case


class Agent:
    greeting = "hi"

    def __init__(self, name):
        self.name = name
        self.inbox = []
        self.facts = {"seen": 0}
        self.last = None

    def __len__(self):
        return len(self.inbox)

    def act(self, s, text):
        self.inbox.append(text)
        s += f"{self.name} {self.greeting} " + lm.gen("r", regex="[0-9]")
        self.last = s["r"]
        return self.last

    def met(self, other):
        self.friend = other
        return self


class Loud(Agent):
    greeting = "HI"

    def act(self, s, text):
        return super().act(s, text.upper())


def told(*agents):
    return [(a.name, a.inbox, a.facts, a.last) for a in agents]


def one_of_two(s):
    a, b = Agent("a"), Agent("b")
    s += lm.select("k", ["u", "v"])
    picked = a if s["k"] == "u" else b
    other = b if picked is a else a
    picked.inbox.append("first")
    r = picked.act(s, "second")
    other.facts["seen"] += 1
    picked.facts["seen"] = r
    a.inbox.append("by name")
    picked.last = "changed"
    return told(a, b), picked is a, picked is not b, len(picked), picked.name, [picked is x for x in (a, b)]


def through_two_names(s):
    a, b = Agent("a"), Agent("b")
    s += lm.select("k", ["u", "v"])
    if s["k"] == "u":
        first, second = a, b
    else:
        first, second = b, a
    first.inbox.append(1)
    second.inbox.append(2)
    a.inbox.append(3)
    first.inbox, second.inbox = second.inbox, first.inbox
    first.inbox.append(4)
    return told(a, b), first is second, a.inbox is b.inbox


def takes_turns(s):
    a, b = Agent("a"), Loud("b")
    speaker, listener = a, b
    s += lm.gen("n", regex="[1-5]")
    for i in range(int(s["n"])):
        speaker.act(s, str(i))
        speaker, listener = listener, speaker
    return told(a, b), speaker.name, listener.greeting


def by_name(s):
    names = ["x", "y", "z"]
    team = {name: Agent(name) for name in names}
    for _ in range(3):
        s += ", ".join(team) + lm.select("who", names)
        agent = team[s["who"]]
        agent.inbox.append(("task", agent.name))
        agent.act(s, agent.name)
    return told(*team.values())


def nobody_yet(s):
    current = None
    a, b = Agent("a"), Agent("b")
    log = ""
    for _ in range(3):
        s += lm.gen("x", regex="[abc]")
        if s["x"] == "a":
            current = a
        elif s["x"] == "b":
            current = b
        if current is None:
            log += "none "
            continue
        current.inbox.append(s["x"])
        log += current.name
    return log, told(a, b)


def nobody_and_used(s):
    a = Agent("a")
    s += lm.gen("x", regex="[ab]")
    current = a if s["x"] == "a" else None
    try:
        current.act(s, "x")
    except AttributeError as error:
        return str(error)
    return told(a)


AGENTS = {"agent": Agent, "loud": Loud}


def made_by_name(s, kind):
    try:
        agent = AGENTS[kind]("new")
    except KeyError as error:
        return f"no {error}"
    agent.act(s, "one")
    agent.inbox.append("two")
    return type(agent).__name__, told(agent), agent.greeting


def made_in_arms(s):
    s += lm.gen("x", regex="[ab]")
    shared = ["shared"]
    if s["x"] == "a":
        agent = Agent("one")
        agent.inbox = shared
    else:
        agent = Loud("two")
    agent.act(s, "go")
    shared.append("end")
    return told(agent), shared


def made_in_one_arm(s):
    s += lm.gen("x", regex="[ab]")
    if s["x"] == "a":
        table = {"0": Agent("zero"), "1": Loud("one")}
        s += lm.gen("y", regex="[01]")
        agent = table[s["y"]]
        agent.inbox.append("made")
    else:
        agent = None
    if agent is not None:
        agent.act(s, "on")
        return told(agent)
    return "none"


def unbound_in_one_arm(s):
    s += lm.gen("x", regex="[ab]")
    if s["x"] == "a":
        agent = Loud("a") if len(s["x"]) == 1 else Agent("b")
    try:
        return agent.act(s, "x")
    except UnboundLocalError as error:
        return str(error)


def two_names_of_one(s):
    s += lm.gen("x", regex="[ab]")
    holder = Agent("holder")
    if s["x"] == "a":
        agent = Agent("one")
        holder.friend = agent
    else:
        agent = Loud("two")
        holder.friend = Agent("three")
    agent.inbox.append("x")
    return holder.friend.inbox, agent.inbox, holder.friend is agent


def names_of_the_run(s):
    s += lm.gen("x", regex="[ab]")
    agent = Agent(s["x"]) if s["x"] == "a" else Loud(s["x"] * 2)
    return agent.act(s, "x"), agent.name


def hold_one_another(s):
    a, b = Agent("a"), Agent("b")
    a.met(b).met(a)
    b.met(a)
    s += lm.gen("x", regex="[ab]")
    picked = a if s["x"] == "a" else b
    picked.friend.inbox.append("from " + picked.name)
    picked.friend.friend.inbox.append("twice")
    return told(a, b), picked.friend is a


@dataclasses.dataclass
class Account:
    owner: str
    entries: list = dataclasses.field(default_factory=list)

    def __setitem__(self, key, value):
        if value == "9":
            raise ValueError(key)
        self.entries.append((key, value))

    def __getitem__(self, key):
        return dict(self.entries).get(key, "")

    def __contains__(self, key):
        return any(k == key for k, _ in self.entries)


def items_of_objects(s):
    a, b = Account("a"), Account("b")
    s += lm.gen("k", regex="[ab]")
    picked = a if s["k"] == "a" else b
    try:
        for i in range(3):
            s += lm.gen("v", regex="[6-9]")
            picked[f"x{i}"] = s["v"]
            picked["sum"] += s["v"]
    except ValueError as error:
        return str(error), a.entries, b.entries
    return a.entries, b.entries, "x1" in a, "x9" in b


class Counts:
    asked: ClassVar[list] = []

    def __init__(self, n):
        self.n = n

    def __bool__(self):
        self.n += 1
        return self.n > 1


def truth_has_effects(s):
    a, b = Counts(0), Counts(1)
    s += lm.gen("k", regex="[ab]")
    picked = a if s["k"] == "a" else b
    if picked:
        s += "yes"
    return a.n, b.n


def given_to_python(s):
    a, b = Agent("a"), Agent("b")
    s += lm.gen("k", regex="[ab]")
    picked = a if s["k"] == "a" else b
    seen = sorted([picked, a, b], key=lambda agent: agent.name)
    seen[0].inbox.append("x")
    return told(a, b), repr(picked.inbox)


def method_of_a_part_is_kept(s):
    a, b = Agent("a"), Agent("b")
    s += lm.gen("k", regex="[ab]")
    picked = a if s["k"] == "a" else b
    say, box = picked.inbox.append, picked.inbox
    say("one")
    box.append("two")
    return told(a, b)


def sorted_classes(s, text):
    for cls in sorted([Loud, Agent], key=lambda c: c.greeting.lower() + c.__name__):
        text += cls(cls.__name__).act(s, text)
    return text


class Shown:
    def __init__(self, name, log):
        self.name, self.log = name, log

    def __str__(self):
        self.log.append(self.name)
        return f"<{self.name}>"

    def __len__(self):
        self.log.append("len")
        return len(self.name)


class Formatted(Shown):
    def __repr__(self):
        return "repr " + self.name


def shown(s):
    log = []
    s += lm.gen("k", regex="[a-c]{2}")
    a, b = Shown(s["k"], log), Formatted("b", log)
    s += f"{a} {b} {b!r} {b!s}"
    c = a if s["k"] == "aa" else b
    return str(a), s.text(), log, len(c), isinstance(c, Formatted), isinstance(c, (int, Shown)), type(c).__name__


class Odd:
    def __init__(self, n):
        self.n = n

    def __len__(self):
        return self.n

    def __str__(self):
        return self.n


def sized(s):
    out = []
    for n in (2, -1, "x"):
        try:
            out.append(len(Odd(n)))
        except (ValueError, TypeError) as error:
            out.append(str(error))
        try:
            out.append(f"{Odd(n)}")
        except TypeError as error:
            out.append(str(error))
    return out


def texts_of_nobody(s):
    s += "x"
    agent = Agent("a")
    return str(agent)[:20].startswith("<"), f"{agent!r}"[:1], f"{agent}" == str(agent)


def sorted_in_one_arm(s):
    """One object twice in a list that one arm sorts: what is done to it there is seen under all of its names."""
    agent = Agent("first")
    team = [agent, Agent("y"), agent]
    other = s.fork()[0]
    s += lm.gen("q", regex="[0-1]")
    if s["q"] == "0":
        team.sort(key=lambda each: each.name)
        agent.act(other, "z")
    return [(each.inbox, each.last) for each in team]


CASES = [
    *(Case(fn) for fn in (one_of_two, takes_turns, by_name, nobody_yet, nobody_and_used)),
    Case(made_by_name, ({"kind": "agent"}, {"kind": "loud"}, {"kind": "none"})),
    *(Case(fn) for fn in (made_in_arms, shown, sized)),
    *(
        Case(fn, expects="either")
        for fn in (
            through_two_names,
            made_in_one_arm,
            unbound_in_one_arm,
            two_names_of_one,
            names_of_the_run,
            hold_one_another,
        )
    ),
    Case(items_of_objects, expects="either"),
    Case(sorted_in_one_arm, expects="either"),
    Case(texts_of_nobody, expects="either"),
    *(Case(fn, expects="either") for fn in (truth_has_effects, given_to_python, method_of_a_part_is_kept)),
    Case(sorted_classes, ({"text": "x"},)),
]
