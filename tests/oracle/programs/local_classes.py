"""Classes that a program defines: made by the run, whatever their bodies, bases, decorators and metaclasses do."""

from __future__ import annotations

import abc
import dataclasses
import enum
import functools
import weakref
from dataclasses import dataclass, field
from typing import NamedTuple

import pydantic

import lmc as lm
from tests.oracle.programs.case import Case

LOG: list[object] = []
TOTAL = 1
FAILURES = (KeyError, ZeroDivisionError)


# --- what is in a class -----------------------------------------------------------------------------------


def attributes_of_a_class(s):
    class Box:
        "A box."

        size: int = 3
        items = []  # noqa: RUF012

        def add(self, x):
            self.items.append(x)
            return self

    s += lm.gen("x", regex="[0-9]")
    Box().add(s["x"])
    Box.size = 7
    return Box().add("b").items, Box.size, Box().size, Box.__doc__, Box.__annotations__, Box.__qualname__


def counts_its_objects(s):
    class Item:
        count = 0

        def __init__(self):
            Item.count += 1
            self.number = type(self).count

    first, second = Item(), Item()
    s += f"{first.number} {second.number} "
    Item.count = 7
    return Item().number, Item.count


def inherits(s):
    class Base:
        def __init__(self, n):
            self.n = n

        def say(self):
            return f"base {self.n}"

    class Derived(Base):
        def __init__(self, n):
            super().__init__(n + 1)

        def say(self):
            return "derived " + super().say()

    s += lm.gen("n", regex="[0-9]")
    made = Derived(int(s["n"]))
    s += made.say()
    return isinstance(made, Base), isinstance(Base(1), Derived), type(made) is Derived, issubclass(Derived, Base)


def methods_that_python_calls(s):
    class Num:
        def __init__(self, n):
            self.n = n

        def __add__(self, other):
            return Num(self.n + other.n)

        def __eq__(self, other):
            return isinstance(other, Num) and self.n == other.n

        def __hash__(self):
            return hash(self.n)

        def __lt__(self, other):
            return self.n < other.n

        def __repr__(self):
            return f"Num({self.n})"

        def __format__(self, spec):
            return f"<{self.n}{spec}>"

        def __bool__(self):
            return self.n != 0

        def __len__(self):
            return self.n

        def __iter__(self):
            return iter(range(self.n))

        def __getitem__(self, i):
            return self.n * i

        def __contains__(self, i):
            return i == self.n

        def __call__(self, more):
            return self.n + more

    s += lm.gen("n", regex="[0-4]")
    x = Num(int(s["n"]))
    s += f"{x} {x!r} {x:>3} {x + Num(1)} {[x]}"
    if x:
        s += " not zero "
    found = x == Num(3), x != Num(3), x in [Num(2)], {x: 1}[Num(x.n)], len({x, Num(2)})
    return found, sorted([Num(3), x])[0].n, len(x), list(x), x[3], 3 in x, x(10), sum(i for i in x), max(x, Num(2)).n


def properties(s):
    class Shelf:
        times_read = 0

        @property
        def caption(self):
            self.times_read += 1
            return f"{self.text}{self.times_read}"

        @caption.setter
        def caption(self, text):
            self.text = text * 2

        @functools.cached_property
        def slow(self):
            Shelf.times_read += 10
            return Shelf.times_read

        @staticmethod
        def up(text):
            return text.upper()

        @classmethod
        def name(cls):
            return cls.__name__

    shelf = Shelf()
    shelf.caption = "x"
    s += f"{shelf.caption}{shelf.caption}"
    return shelf.slow, shelf.slow, shelf.caption, Shelf.up("a"), shelf.name(), Shelf.name()


def private_names_and_slots(s):
    class Point:
        __slots__ = ("__x",)

        def __init__(self):
            self.__x = 1

        def get(self):
            return self.__x

    point = Point()
    try:
        point.y = 2
    except AttributeError as error:
        s += str(error)
    return point.get(), hasattr(point, "_Point__x")


def reads_variables(s):
    base, log = 3, []

    class Adder:
        first = base + 1

        def add(self, n):
            log.append(n)
            return base + n

    s += lm.gen("n", regex="[0-9]")
    adder = Adder()
    return adder.add(int(s["n"])), adder.first, len(log), log


def reads_what_is_bound_later(s):
    class Late:
        def get(self):
            return later

    later = 5
    s += "x"
    return Late().get()


def reads_what_is_bound_twice(s):
    text = "a"

    class Reader:
        def get(self):
            return text

    text = "b"
    s += Reader().get()


def binds_a_variable(s):
    count = 0

    class Counter:
        def tick(self):
            nonlocal count
            count += 1

    Counter().tick()
    s += f"{count}"


def binds_a_global(s):
    class Counter:
        def tick(self):
            global TOTAL
            TOTAL += 1

    before = TOTAL
    Counter().tick()
    s += "x"
    return TOTAL - before


def changes_an_argument(s, words):
    class Keeper:
        def __init__(self, words):
            self.words = words

        def add(self, word):
            self.words.append(word)
            return self

    keeper = Keeper(words).add("q")
    s += lm.gen("x", max_tokens=2)
    words.append(s["x"])
    return keeper.words, words, keeper.words is words


# --- classes of the standard library and of others --------------------------------------------------------


def dataclasses_with_fields(s):
    @dataclass
    class Point:
        x: int
        y: int = 2
        tags: list = field(default_factory=list)

        def far(self):
            return self.x + self.y

    s += lm.gen("n", regex="[0-9]")
    p, q = Point(int(s["n"])), Point(1)
    p.tags.append("t")
    s += f"{p} {q.far()}"
    same = p == q, p == Point(p.x, 2, ["t"]), q.tags
    return same, dataclasses.asdict(p), dataclasses.replace(q, x=5).x, sorted([Point(3), q], key=lambda o: o.x)[0].x


def frozen_dataclass(s):
    @dataclass(frozen=True, order=True)
    class Key:
        name: str
        n: int = 0

    s += lm.select("k", ["a", "b"])
    table = {Key("a"): 1, Key("b"): 2}
    try:
        Key("a").name = "c"
    except dataclasses.FrozenInstanceError:
        s += " frozen"
    return table[Key(s["k"])], Key("a") < Key("b"), max(Key("a"), Key(s["k"])).name, len({Key("a"), Key(s["k"])})


def dataclass_in_a_dataclass(s):
    @dataclass(frozen=True)
    class Inner:
        x: int

    @dataclass
    class Outer:
        one: Inner
        more: list[Inner] = field(default_factory=list)

    s += lm.gen("n", regex="[0-9]")
    outer = Outer(Inner(int(s["n"])), [Inner(1)])
    return str(outer), outer.one.x, [each.x for each in outer.more]


def enum_with_methods(s):
    class Color(enum.Enum):
        RED = "r"
        BLUE = "b"

        @property
        def loud(self):
            return self.value + "!"

        @classmethod
        def parse(cls, text):
            return cls(text)

    s += lm.select("c", ["r", "b", "x"])
    try:
        color = Color(s["c"])
    except ValueError as error:
        return str(error), [each.value for each in Color]
    if color is Color.RED:
        s += " red "
    for each in Color:
        s += each.name
    return color.name, Color["RED"].loud, Color.parse("b").name, len(Color), str(color), f"{color}", repr(Color.RED)


def enum_of_text(s):
    class Kind(str, enum.Enum):  # noqa: UP042
        A = "a"
        B = "b"

    s += lm.select("k", ["a", "b"])
    return Kind(s["k"]) == "a", Kind.A + "x", s["k"] == Kind.A


def named_tuple(s):
    class Pair(NamedTuple):
        x: int
        y: int = 3

    s += lm.gen("n", regex="[0-9]")
    pair = Pair(int(s["n"]))
    x, y = pair
    return x, y, pair.x, pair._replace(y=1).y, pair == (x, 3), isinstance(pair, tuple), len(pair)


def abstract_class(s):
    class Tool(abc.ABC):
        @abc.abstractmethod
        def use(self): ...

    class Search(Tool):
        def use(self):
            return "found"

    try:
        Tool()
    except TypeError as error:
        s += str(error)
    return Search().use(), isinstance(Search(), Tool)


def model_of_pydantic(s):
    class Reply(pydantic.BaseModel):
        name: str
        n: int = 1

    s += lm.gen("r", regex=r'\{"name": "[ab]", "n": [0-9x]\}')
    try:
        return Reply.model_validate_json(s["r"]).model_dump()
    except pydantic.ValidationError as error:
        return error.error_count()


def model_in_a_model(s):
    class Inner(pydantic.BaseModel):
        x: int

    class Outer(pydantic.BaseModel):
        inner: Inner

    s += "x"
    return Outer(inner={"x": 1}).model_dump()


def metaclass(s):
    class Registry(type):
        names = []  # noqa: RUF012

        def __new__(mcs, name, bases, body, **more):
            mcs.names.append((name, more))
            return super().__new__(mcs, name, bases, body)

        def __init__(cls, name, bases, body, **more):
            super().__init__(name, bases, body)

    class First(metaclass=Registry, flag=1):
        pass

    class Second(First):
        pass

    s += "x"
    return Registry.names, type(Second) is Registry


def told_of_what_is_derived(s):
    class Plugin:
        known = {}  # noqa: RUF012

        def __init_subclass__(cls, key=None, **more):
            super().__init_subclass__(**more)
            Plugin.known[key or cls.__name__] = cls

    class Loud(Plugin, key="loud"):
        def run(self, text):
            return text.upper()

    class Back(Plugin):
        def run(self, text):
            return text[::-1]

    s += lm.select("k", ["loud", "Back"])
    return Plugin.known[s["k"]]().run("abc"), list(Plugin.known)


class Base:
    made = 0

    def __init__(self, name="base"):
        Base.made += 1
        self.name = name

    def __init_subclass__(cls):
        LOG.append(cls.__name__)


def derived_from_one_outside(s):
    before, plain = Base.made, Base("plain")

    class Mine(Base):
        extra = 1

    mine = Mine("mine")
    s += plain.name + mine.name
    return Base.made - before, isinstance(plain, Mine), isinstance(mine, Base), mine.extra


# --- decorators, loops, branches, helpers -----------------------------------------------------------------


def decorated(s):
    def register(cls):
        LOG.append(cls.__name__)
        return cls

    def instance(cls):
        return cls()

    @register
    class Plain:
        pass

    @instance
    @register
    class single:
        def get(self):
            return 5

    s += Plain.__name__
    return single.get()


def one_for_each_turn(s):
    made = []
    for i in range(2):

        class Turn:
            number = i

        made.append(Turn)
    s += "x"
    return [each().number for each in made], made[0] is made[1], Turn.number


def one_for_each_word(s):
    s += lm.gen("t", regex="[ab] [cd] [ef]")
    made = []
    for word in s["t"].split():

        class Turn:
            text = word

        made.append(Turn)
    return [each.text for each in made], made[0] is made[1]


def names_itself_in_a_loop(s):
    made = []
    for _ in range(2):

        class Turn:
            def is_last(self):
                return type(self) is Turn

        made.append(Turn)
    s += "x"
    return [each().is_last() for each in made]


def one_in_each_arm(s):
    s += lm.select("k", ["a", "b"])
    if s["k"] == "a":

        class Arm:
            text = "first"
    else:

        class Arm:
            text = "second"

    s += Arm.text
    return Arm().text


def one_in_one_arm(s):
    s += lm.select("k", ["a", "b"])
    if s["k"] == "a":

        class Arm:
            text = "first"

    return Arm.text


def made_class():
    class Made:
        pass

    return Made


def two_calls_make_two(s):
    first, second = made_class(), made_class()
    s += "x"
    return first is second, isinstance(first(), second), isinstance(first(), first), first.__name__


def longest(texts):
    @dataclass
    class Text:
        text: str
        size: int

    return max((Text(text, len(text)) for text in texts), key=lambda each: each.size).text


def made_in_a_helper(s):
    s += lm.gen("a", max_tokens=3) + " " + lm.gen("b", max_tokens=2)
    return longest([s["a"], s["b"]])


def stepped_by_a_loop(s):
    class Count:
        def __init__(self, n):
            self.i, self.n = 0, n

        def __iter__(self):
            return self

        def __next__(self):
            if self.i >= self.n:
                raise StopIteration
            self.i += 1
            return self.i

    s += lm.gen("n", regex="[0-3]")
    for i in Count(int(s["n"])):
        s += f" {i}"
    return list(Count(2)), sum(Count(3))


def manager(s):
    log = []

    class Section:
        def __enter__(self):
            log.append("in")
            return self

        def __exit__(self, kind, value, trace):
            log.append(kind is ValueError)
            return kind is ValueError

    s += lm.gen("n", regex="[0-9x]")
    with Section():
        s += str(int(s["n"]))
    return log


def shown(s):
    class Named:
        def __repr__(self):
            return "named!"

    s += "x"
    print(Named(), [Named()], {"a": Named()}, Named)
    return str([Named()])


# --- match ------------------------------------------------------------------------------------------------


def matched(s):
    @dataclass
    class Point:
        x: int
        y: int

    class Special(Point):
        pass

    s += lm.gen("n", regex="[0-3]")
    n = int(s["n"])
    match Special(n, 1) if n == 3 else Point(n, 1):
        case Point(0, y):
            return "zero", y
        case Special(x=x) if x > 5:
            return "never"
        case Special():
            return "special"
        case Point(x=1):
            return "one"
        case Point(x, y) if x == y + 1:
            return "two", x
    return "none"


def matched_number(s):
    class Num(int):
        pass

    s += lm.gen("n", regex="[0-3]")
    match Num(int(s["n"])):
        case Num(2):
            return "two"
        case Num(x):
            return int(x)


def matched_text(s):
    class Num(int):
        pass

    s += lm.gen("n", regex="[0-3]")
    match s["n"]:
        case Num():
            return "number"
        case str() as text:
            return text


def matched_with_too_many(s):
    class Empty:
        pass

    s += "x"
    match Empty():
        case Empty(1):
            return 1


def matched_with_one_twice(s):
    class Odd:
        __match_args__ = ("x", "x")
        x = 1

    s += "x"
    match Odd():
        case Odd(a, b):
            return a, b


def matched_without_the_attribute(s):
    class Odd:
        __match_args__ = ("x", 3)

    s += "x"
    match Odd():
        case Odd(a, b):
            return a, b
        case Odd(y=1):
            return 1
        case _:
            return 2


# --- exceptions -------------------------------------------------------------------------------------------


def own_exception(s):
    class Stop(Exception):
        def __init__(self, n):
            super().__init__(f"stop {n}")
            self.n = n

    s += lm.gen("n", regex="[0-3]")
    try:
        if int(s["n"]) > 1:
            raise Stop(int(s["n"]))
        s += " low"
    except Stop as stop:
        s += f" caught {stop}"
        return stop.n


def own_exceptions_in_order(s):
    class First(Exception):
        pass

    class Second(First):
        pass

    def fails(n):
        if n == 0:
            raise First("one")
        if n == 1:
            raise Second("two")
        if n == 2:
            raise KeyError("three")
        return n

    s += lm.gen("n", regex="[0-4]")
    try:
        return fails(int(s["n"]))
    except Second:
        return "second"
    except (First, KeyError) as error:
        return f"others {error}"


def own_exception_goes_out(s):
    class Stop(Exception):
        pass

    s += lm.gen("n", regex="[0-1]")
    raise Stop(s["n"])


def exceptions_by_a_variable(s, name):
    kinds = {"key": KeyError, "more": FAILURES, "value": ValueError}[name]
    s += lm.gen("n", regex="[0-3]")
    try:
        return [4, 5][int(s["n"])] // int(s["n"])
    except kinds:
        return "caught"
    except IndexError:
        return "index"


def exceptions_that_are_none(s, name):
    kinds = {"text": "KeyError", "some": (KeyError, 3), "int": int}[name]
    s += lm.gen("n", regex="[0-3]")
    try:
        return 6 // int(s["n"])
    except kinds:
        return "caught"


def exceptions_of_a_live_object(s):
    holder = Base("x")
    holder.kinds_of_failure = FAILURES
    LOG.append(holder)
    s += lm.gen("n", regex="[0-3]")
    try:
        return 6 // int(s["n"])
    except holder.kinds_of_failure as error:
        return str(error)


# --- what is not captured ---------------------------------------------------------------------------------


@lm.function
def inner(s, text):
    s += text + lm.gen("z", max_tokens=2, temperature=1.0)


def method_that_calls_a_program(s):
    class Caller:
        def call(self, text):
            return inner(text=text)["z"]

    before = inner(text="a")["z"]
    return before, Caller().call("b"), inner(text="a")["z"]


def program_in_a_class(s):
    class Holder:
        @lm.function
        def inner(s, text):
            s += text + lm.gen("z", max_tokens=2)

    return Holder.inner(text="q")["z"]


def method_that_makes_an_expression(s):
    class Asker:
        def ask(self):
            return lm.gen("z", max_tokens=2)

    s += Asker().ask()


def method_that_is_given_the_state(s):
    class Agent:
        def act(self, s, text):
            s += text

    Agent().act(s, "hello")
    s += lm.gen("z", max_tokens=2)


def state_in_an_attribute(s):
    class Box:
        pass

    box = Box()
    box.s = s
    box.s += "hello"


def tells_when_it_ends(s):
    log = []

    class Ending:
        def __del__(self):
            log.append("gone")

    ending = Ending()
    del ending
    s += "x"
    return list(log)


def watches_an_object(s):
    class Watched:
        kept = weakref.WeakSet()  # noqa: RUF012

        def __init__(self):
            self.kept.add(self)

    watched = Watched()
    del watched
    s += "x"
    return len(Watched.kept)


def walked_over_half_way(s):
    log = []

    class Items:
        def __iter__(self):
            try:
                yield 1
            finally:
                log.append("left")

    items = iter(Items())
    next(items)
    items = None
    log.append("after")
    s += "x"
    return log


def changed_from_outside(s):
    class Said:
        text = "a"

        def _tell(self):
            return self.text

    said = Said()
    Said._tell = lambda self: self.text * 2
    s += said._tell()
    said._tell = lambda: "own"
    Said.__len__ = lambda self: 4
    setattr(Said, "text", "b")  # noqa: B010
    del Said._tell
    return said._tell(), said.text, len(said), hasattr(Said, "_tell")


def descriptors_and_looking_up(s):
    log = []

    class Doubled:
        def __set_name__(self, owner, name):
            self.name = name
            log.append(name)

        def __get__(self, obj, owner=None):
            return self if obj is None else obj.__dict__.get(self.name, "none")

        def __set__(self, obj, value):
            obj.__dict__[self.name] = value * 2

    class Holder:
        x = Doubled()

        def __getattr__(self, name):
            return name + "?"

    holder = Holder()
    before = holder.x
    s += lm.gen("n", regex="[ab]")
    holder.x = s["n"]
    return before, holder.x, holder.other, getattr(holder, s["n"]), log


def body_with_statements(s):
    s += lm.gen("n", regex="[0-4]")
    n = int(s["n"])

    class Built:
        print("built")
        for i in range(2):
            print(i)
        names = [each for each in "ab"]  # noqa: C416, RUF012
        if n > 2:

            def get(self):
                return self.i + n
        else:
            get = len

        def __len__(self):
            return n

    return Built.names, Built().get()


def changed_words() -> None:
    LOG.clear()
    Base.made = 0


CASES = (
    *(
        Case(fn)
        for fn in (
            attributes_of_a_class, counts_its_objects, inherits, methods_that_python_calls, properties,
            private_names_and_slots, reads_variables, dataclasses_with_fields, frozen_dataclass,
            dataclass_in_a_dataclass, enum_with_methods, enum_of_text, named_tuple, abstract_class, model_of_pydantic,
            metaclass, told_of_what_is_derived, one_for_each_turn, one_for_each_word, one_in_each_arm,
            two_calls_make_two, made_in_a_helper, stepped_by_a_loop, manager, shown, matched, matched_number,
            matched_text, matched_without_the_attribute, own_exception, own_exceptions_in_order,
            changed_from_outside, descriptors_and_looking_up, body_with_statements,
        )
    ),
    Case(program_in_a_class, expects="break", runs=False),
    *(Case(fn, raises=True) for fn in (own_exception_goes_out, matched_with_too_many, matched_with_one_twice)),
    Case(one_in_one_arm),
    Case(changes_an_argument, ({"words": ["a"]}, {"words": []})),
    Case(binds_a_global, expects="either"),
    Case(derived_from_one_outside, log=LOG, reset=changed_words),
    Case(decorated, log=LOG),
    Case(exceptions_by_a_variable, tuple({"name": name} for name in ("key", "more", "value"))),
    Case(exceptions_that_are_none, tuple({"name": name} for name in ("text", "some", "int"))),
    Case(exceptions_of_a_live_object, reset=changed_words),
    *(
        Case(fn, expects="break")
        for fn in (
            reads_what_is_bound_later, reads_what_is_bound_twice, binds_a_variable, model_in_a_model,
            names_itself_in_a_loop, tells_when_it_ends, watches_an_object, walked_over_half_way,
            method_that_calls_a_program, method_that_makes_an_expression,
            method_that_is_given_the_state, state_in_an_attribute,
        )
    ),
)  # fmt: skip
