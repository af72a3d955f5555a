"""Objects that a program makes: methods with states, dataclasses, inheritance, properties, what escapes."""

from __future__ import annotations

import abc
import copy
import dataclasses
import functools
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

import lmc as lm
from tests.oracle.programs.case import Case

LOG: list = []
T = TypeVar("T")


def note(x):
    LOG.append(x)
    return x


class Agent:
    greeting = "hello "
    made: ClassVar[int] = 3

    def __init__(self, name, tools=None):
        self.name = name
        self.memory = []
        self.tools = tools or {}
        self.turns = 0

    def ask(self, s, q):
        s += f"{self.name}: {q}"
        s += lm.gen("r", max_tokens=2)
        self.memory.append(s["r"])
        self.turns += 1
        return s["r"]

    def recall(self, s):
        s += self.greeting + ", ".join(self.memory)

    @property
    def last(self):
        return self.memory[-1] if self.memory else "nothing"

    @staticmethod
    def shout(x):
        return x.upper() + "!"

    @classmethod
    def named(cls, name):
        return cls(name + "." + cls.greeting)


class Polite(Agent):
    greeting = "good day "

    def __init__(self, name):
        super().__init__(name)
        self.bows = 0

    def ask(self, s, q):
        self.bows += 1
        answer = super().ask(s, "please, " + q)
        return answer + "."


def agent_acts(s):
    a = Agent("A")
    a.ask(s, "one? ")
    a.ask(s, "two? ")
    a.recall(s)
    s += lm.gen("end", max_tokens=2)
    return a.memory, a.turns, a.last


def two_agents_share_nothing(s):
    a, b = Agent("A"), Agent("B")
    f, g = s.fork(2)
    a.ask(f, "x")
    b.ask(g, "y")
    b.ask(g, a.last)
    a.recall(s)
    b.recall(s)
    return a.turns, b.turns, a.memory, b.memory


def inherited_method(s):
    p = Polite("P")
    r = p.ask(s, "why? ")
    p.recall(s)
    return r, p.bows, p.turns, isinstance(p, Agent), isinstance(p, (int, Polite)), type(p) is Agent


def class_and_static_methods(s):
    p = Polite.named("N")
    s += Agent.shout(p.name) + p.shout("x")
    p.ask(s, "q")
    return p.made, Polite.made, p.name


def method_as_a_value(s):
    a = Agent("A")
    ask = a.ask
    ask(s, "one")
    f = s.fork(1)[0]
    ask(f, "two")
    ask = Agent.ask
    ask(a, s, "three")
    return a.memory


def alias_of_an_object(s):
    a = Agent("A")
    b = a
    b.ask(s, "q")
    a.name = "Z"
    b.ask(s, "q")
    return a is b, a.memory, b.turns


def object_in_a_list(s):
    agents = [Agent(n) for n in "xyz"]
    for a in agents:
        a.ask(s, "hi ")
    agents[1].name = "changed"
    for i, a in enumerate(agents):
        s += f"{i}{a.name}{a.last}"
    return [a.memory for a in agents], len(agents)


def object_by_generated_index(s):
    agents = [Agent("x"), Agent("y"), Agent("z")]
    s += lm.gen("i", regex="[0-3]")
    agents[int(s["i"])].ask(s, "you? ")
    s += lm.gen("end", max_tokens=2)
    return [a.turns for a in agents]


def object_by_generated_name(s):
    agents = {"ann": Agent("ann"), "bob": Polite("bob")}
    for _ in range(3):
        s += lm.select("who", ["ann", "bob"])
        who = agents[s["who"]]
        who.ask(s, "next? ")
        who.turns += 10
    return agents["ann"].turns, agents["bob"].turns, agents["bob"].bows


def react_loop(s, question):
    agent = Agent("react", {"search": lambda q: f"found {q}", "calc": lambda q: str(len(q))})
    s += question
    for step in range(4):
        s += lm.select("act", ["search", "calc", "finish"])
        if s["act"] == "finish":
            break
        s += lm.gen("arg", max_tokens=2)
        obs = agent.tools[s["act"]](s["arg"])
        agent.memory.append(obs)
        s += f" obs {step}: {obs} "
    s += lm.gen("end", max_tokens=2)
    return agent.memory


class Holder:
    def __init__(self, s):
        self.s = s
        self.state = s.fork(1)[0]

    def __call__(self, text, *, times=1):
        for _ in range(times):
            self.state += text
        self.state += lm.gen("h", max_tokens=2)
        self.s += self.state["h"]
        return self

    def run(self):
        self.s += "run"
        return self.state["h"]


def state_in_an_object(s):
    h = Holder(s)
    h("a")("b", times=2).run()
    s += "after"
    h.s += lm.gen("end", max_tokens=2)
    return h.state.text(), h.s.text() == s.text()


def state_replaced_in_an_object(s):
    h = Holder(s)
    old = h.state
    h.state = s.fork(1)[0]
    h("new ")
    old += "old"
    return old.text(), h.state.text()


@dataclass
class Debater:
    name: str
    state: Any
    points: list = field(default_factory=list)
    score: int = 0
    limit: ClassVar[int] = 2

    def speak(self, topic):
        self.state += f"{self.name} on {topic}: "
        self.state += lm.gen("x", max_tokens=2)
        self.points.append(self.state["x"])


@dataclass
class Judge(Debater):
    strict: bool = field(default=True, kw_only=True)

    def __post_init__(self):
        self.score = len(self.name)
        self.extra = self.name * 2


def dataclass_with_states(s, topic):
    pro, con = (Debater(n, f) for n, f in zip(("pro", "con"), s.fork(2)))
    for _ in range(2):
        pro.speak(topic)
        con.speak(pro.points[-1])
    s += pro.points[0] + con.points[1]
    s += lm.gen("verdict", max_tokens=2)
    return pro.points, con.points, pro.score, con.limit


def dataclass_inherited(s):
    j = Judge("J", state=s, strict=False)
    j.speak("t")
    return j.score, j.extra, j.strict, j.points


def dataclass_wrong_arguments(s):
    s += lm.gen("x", max_tokens=1)
    return Debater("only a name")


def dataclass_field_shared(s):
    a, b = Debater("a", None), Debater("b", None)
    a.points.append(1)
    return a.points, b.points


@dataclass(frozen=True)
class Fixed:
    text: str
    n: int = 2

    def twice(self):
        return self.text * self.n


def frozen_dataclass(s):
    s += lm.gen("x", max_tokens=1)
    f = Fixed(s["x"])
    s += f.twice()
    f.n = 3
    return f.n


@dataclass(frozen=True)
class FixedState:
    state: Any


def state_of_a_frozen_object_is_appended_to(s):
    FixedState(s).state += "appended"


def object_changed_in_a_branch(s):
    a = Agent("A")
    s += lm.select("c", ["y", "n"])
    if s["c"] == "y":
        a.name = "Y"
        a.memory.append("yes")
        a.ask(s, "in")
    else:
        a.turns = 7
    a.ask(s, "after")
    return a.name, a.turns, a.memory


def object_made_in_both_arms(s):
    s += lm.select("c", ["y", "n"])
    if s["c"] == "y":
        a = Agent("yes")
        a.turns = 4
    else:
        a = Agent("no")
        a.memory.append("n")
    a.turns += 1
    s += a.name + str(a.turns)
    s += lm.gen("end", max_tokens=2)
    return a.turns


def object_chosen_by_a_branch(s):
    a, b = Agent("A"), Agent("B")
    s += lm.select("c", ["y", "n"])
    best = a if s["c"] == "y" else b
    best.turns = 5
    s += best.name
    return best.turns


def object_chosen_and_read_by_its_other_name(s):
    a, b = Agent("A"), Agent("B")
    s += lm.select("c", ["y", "n"])
    best = a if s["c"] == "y" else b
    best.turns = 5
    return a.turns, b.turns


def one_object_or_two(s):
    """Two names of one object in one arm, of two in the other."""
    s += lm.select("c", ["y", "n"])
    if s["c"] == "y":
        a = b = Debater("one", None)
    else:
        a, b = Debater("x", None), Debater("y", None)
    a.score = 9
    return b.score


def one_list_or_two(s):
    s += lm.select("c", ["y", "n"])
    if s["c"] == "y":
        a = b = [0]
    else:
        a, b = [0], [0]
    a.append(1)
    return b


def one_fork_or_two(s):
    s += lm.select("c", ["y", "n"])
    if s["c"] == "y":
        a = b = s.fork(1)[0]
    else:
        a, b = s.fork(2)
    a += "changed"
    return b.text()


def attribute_set_in_one_arm(s):
    a = Agent("A")
    s += lm.select("c", ["y", "n"])
    if s["c"] == "y":
        a.extra = 1
    return a.extra


def attribute_in_a_run_time_loop(s):
    a = Agent("A")
    s += lm.gen("words", max_tokens=4)
    for w in s["words"].split():
        a.turns += 1
        a.name = w
        a.memory.append(w)
    s += f"{a.turns} {a.name} {a.memory}"
    s += lm.gen("end", max_tokens=2)
    return a.turns


def attribute_born_in_a_run_time_loop(s):
    a = Agent("A")
    s += lm.gen("n", regex="[0-2]")
    for i in range(int(s["n"])):
        a.seen = i
    s += "x"
    return a.seen


def loop_until_the_agent_is_done(s):
    a = Agent("A")
    a.done = False
    while not a.done:
        a.ask(s, "go? ")
        s += lm.select("stop", ["yes", "no", "yes!"])
        a.done = s["stop"].startswith("yes")
    return a.turns


def missing_attribute(s):
    a = Agent("A")
    s += lm.gen("x", max_tokens=1)
    return a.nothing


def missing_method(s):
    a = Agent("A")
    a.tell(note("never"))


def property_without_a_setter(s):
    a = Agent("A")
    a.last = 1


def attribute_deleted(s):
    a = Agent("A")
    del a.name
    return a.name


class Counter:
    def __init__(self):
        self._n = 0

    @property
    def n(self):
        return self._n

    @n.setter
    def n(self, value):
        self._n = value * 2

    @functools.cached_property
    def slow(self):
        note("slow")
        return self._n + 100

    def __len__(self):
        return self._n

    def __bool__(self):
        return self._n > 2

    def __getitem__(self, i):
        return i * 2

    def __eq__(self, other):
        return self._n == other._n

    def __contains__(self, x):
        return x == self._n


def properties(s):
    c = Counter()
    c.n = 1
    c.n += 1
    s += f"{c.n} {c.slow} {c.slow} {c[4]}"
    s += lm.gen("x", regex="[0-9]")
    c.n = int(s["x"])
    s += "big" if c else "small"
    d = Counter()
    return c == d, c != d, c[s["x"]], c.slow


def operators_that_escape(s):
    c = Counter()
    c.n = 2
    return len(c), 4 in c


class Base(abc.ABC):
    @abc.abstractmethod
    def step(self, s): ...

    def run(self, s, n):
        for _ in range(n):
            self.step(s)
        return self


class Think(Base):
    def step(self, s):
        s += "think "
        s += lm.gen("t", max_tokens=1)


class Act(Base):
    def step(self, s):
        s += lm.user("act") + lm.assistant(lm.gen("a", max_tokens=1))


def abstract_base(s):
    Think().run(s, 2)
    Act().run(s, 1).step(s)
    return s["t"], s["a"]


def abstract_class_is_made(s):
    return Base()


class Box(Generic[T]):
    def __init__(self, x: T):
        self.x = x


def generic_class(s):
    b = Box([1])
    b.x.append(2)
    return b.x


class Mixin:
    def who(self):
        return "mixin " + super().who()


class Root:
    def who(self):
        return "root"


class Diamond(Mixin, Root):
    def who(self):
        return "diamond " + super().who()


def method_resolution_order(s):
    s += Diamond().who()
    return Diamond.__mro__[1].__name__


class Slotted:
    __slots__ = ("x",)

    def __init__(self, x):
        self.x = x


class Watched:
    def __setattr__(self, name, value):
        note(name)
        object.__setattr__(self, name, value)


def slots_and_hooks(s):
    a = Slotted(1)
    a.x += 1
    w = Watched()
    w.y = 2
    return a.x, w.y


def object_printed(s):
    a = Debater("a", None)
    s += f"{a}"
    s += lm.gen("x", max_tokens=1)
    a.score = 3
    return f"{a!r}"


def object_given_to_python(s):
    a = Agent("A")
    s += lm.gen("x", max_tokens=1)
    a.memory.append(s["x"])
    b = copy.copy(a)
    b.memory.append("b")
    b.name = "B"
    return a.memory, a.name, b.name, vars(a)["turns"]


def opaque(a):
    try:
        a.name = "opaque"
    finally:
        a.memory.append("seen")
    return a


def object_given_to_a_helper(s):
    a = Agent("A")
    s += lm.gen("x", max_tokens=1)
    b = opaque(a)
    return a.name, a.memory, b is a


def object_with_state_given_to_python(s):
    h = Holder(s)
    return bool(id(h))


def object_returned(s):
    return Fixed("x", 3)


def replaced_dataclass(s):
    s += lm.gen("x", max_tokens=1)
    f = dataclasses.replace(Fixed(s["x"]), n=3)
    return f.twice(), dataclasses.asdict(f)


def equal_dataclasses(s):
    s += lm.gen("x", regex="[ab]")
    a, b = Fixed(s["x"]), Fixed("a")
    return a == b, a != b, a == 3, Fixed("q") == Fixed("q")


class Node:
    def __init__(self, text, parent=None):
        self.text, self.parent, self.children = text, parent, []
        if parent is not None:
            parent.children.append(self)

    def path(self):
        return (self.parent.path() if self.parent is not None else []) + [self.text]

    def walk(self):
        return [self.text, *[t for c in self.children for t in c.walk()]]


def tree_of_objects(s):
    root = Node("root")
    for f in s.fork(2):
        f += lm.gen("t", max_tokens=1)
        child = Node(f["t"], root)
        Node(f["t"] + "!", child)
    s += " ".join(root.walk())
    s += lm.gen("end", max_tokens=1)
    return root.children[0].children[0].path()


def objects_that_hold_one_another(s):
    a, b = Node("a"), Node("b")
    a.parent, b.parent = b, a
    s += lm.select("c", ["y", "n"])
    if s["c"] == "y":
        a.parent.text = "changed"
    return b.text, a.parent.parent.text


def hasattr_getattr_setattr(s):
    a = Agent("A")
    a.k = 1
    found = getattr(a, "zz", "none"), a.name, hasattr(a, "memory"), hasattr(a, "zz"), callable(a)
    a.ask(s, "q")
    return found, a.k


class Tools:
    def tool_add(self, x):
        return x + "+"

    def tool_cut(self, x):
        return x[:1]

    def use(self, s, name):
        fn = getattr(self, f"tool_{name}", None)
        if fn is None:
            return "no such tool"
        return fn(s["q"])


def getattr_by_generated_name(s):
    t = Tools()
    s += lm.gen("q", max_tokens=2) + lm.select("t", ["add", "cut", "fly"])
    s += t.use(s, s["t"])
    s += lm.gen("end", max_tokens=1)


def class_chosen_by_a_branch(s):
    s += lm.select("c", ["y", "n"])
    kind = Polite if s["c"] == "y" else Agent
    a = kind("K")
    s += a.greeting
    return a.turns


def class_from_a_table(s):
    kinds = {"agent": Agent, "polite": Polite}
    s += lm.select("k", ["agent", "polite"])
    return kinds[s["k"]]("K").name


def closure_over_an_object(s):
    a = Agent("A")

    def bump(n=1):
        a.turns += n
        return a.turns

    bump()
    bump(3)
    return a.turns, [bump() for _ in range(2)]


def init_raises(s):
    s += lm.gen("x", regex="[0-9]")
    return Strict(int(s["x"])).n


class Strict:
    def __init__(self, n):
        if n > 5:
            raise ValueError(f"too big: {n}")
        self.n = n


class Private:
    def __init__(self):
        self.__k = "k"

    def run(self, s):
        s += self.__k
        self.__k += "!"
        return self.__k


def private_names(s):
    p = Private()
    p.run(s)
    return p.run(s), p._Private__k


AGENT = Agent("global")


def _reset():
    AGENT.memory.clear()
    AGENT.turns = 0
    AGENT.name = "global"


def live_object_given_a_state(s):
    AGENT.ask(s, "q")
    AGENT.ask(s, "r")
    return list(AGENT.memory), AGENT.turns


def live_object_without_a_state(s):
    s += AGENT.shout("x")
    s += AGENT.name
    return AGENT.last


def states_of_objects_in_a_batch(s):
    team = [Debater(n, f) for n, f in zip("ab", s.fork(2))]
    for d in team:
        d.speak("x")
    best = max(team, key=lambda d: d.points[0])
    s += best.name
    return [d.state["x"] for d in team]


def objects_sorted(s):
    team = [Debater(str(i), f) for i, f in enumerate(s.fork(3))]
    for d in team:
        d.speak("x")
        d.score = len(d.points[0])
    team.sort(key=lambda d: d.points[0], reverse=True)
    s += ",".join(d.name for d in team)
    return [d.points for d in sorted(team, key=lambda d: d.name)]


CASES = [
    Case(agent_acts),
    Case(two_agents_share_nothing),
    Case(inherited_method),
    Case(class_and_static_methods),
    Case(method_as_a_value),
    Case(alias_of_an_object),
    Case(object_in_a_list),
    Case(object_by_generated_index),
    Case(object_by_generated_name),
    Case(react_loop, ({"question": "why?"},)),
    Case(state_in_an_object),
    Case(state_replaced_in_an_object),
    Case(dataclass_with_states, ({"topic": "cats"},)),
    Case(dataclass_inherited),
    Case(dataclass_wrong_arguments, raises=True),
    Case(dataclass_field_shared),
    Case(frozen_dataclass, raises=True),
    Case(state_of_a_frozen_object_is_appended_to, raises=True),
    Case(object_changed_in_a_branch, expects="either"),
    Case(object_made_in_both_arms),
    Case(object_chosen_by_a_branch),
    Case(object_chosen_and_read_by_its_other_name),
    Case(one_object_or_two, expects="either"),
    Case(one_list_or_two, expects="either"),
    Case(one_fork_or_two, expects="either"),
    Case(attribute_set_in_one_arm, expects="either"),
    Case(attribute_in_a_run_time_loop),
    Case(attribute_born_in_a_run_time_loop, expects="either"),
    Case(loop_until_the_agent_is_done),
    Case(missing_attribute, raises=True),
    Case(missing_method, log=LOG, raises=True),
    Case(property_without_a_setter, raises=True),
    Case(attribute_deleted, expects="either", raises=True),
    Case(properties, log=LOG),
    Case(operators_that_escape),
    Case(abstract_base),
    Case(abstract_class_is_made, raises=True),
    Case(generic_class),
    Case(method_resolution_order),
    Case(slots_and_hooks, log=LOG),
    Case(object_printed, expects="either"),
    Case(object_given_to_python, expects="either"),
    Case(object_given_to_a_helper),
    Case(object_with_state_given_to_python, expects="either"),
    Case(object_returned, expects="either"),
    Case(replaced_dataclass),
    Case(equal_dataclasses),
    Case(tree_of_objects),
    Case(objects_that_hold_one_another, expects="either"),
    Case(hasattr_getattr_setattr),
    Case(getattr_by_generated_name),
    Case(class_chosen_by_a_branch, expects="either"),
    Case(class_from_a_table, expects="either"),
    Case(closure_over_an_object),
    Case(init_raises),
    Case(private_names),
    Case(live_object_given_a_state, expects="either", reset=_reset),
    Case(live_object_without_a_state, reset=_reset),
    Case(states_of_objects_in_a_batch, expects="either"),
    Case(objects_sorted, expects="either"),
]
