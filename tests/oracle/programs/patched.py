"""Classes that change while the program runs, partials of partials, lists that are looked at while being sorted."""

from __future__ import annotations

import builtins
import enum
import functools
import json
import weakref
from unittest import mock

import lmc as lm
from tests.oracle.programs.case import Case


class Greeter:
    def hi(self):
        return "hi"


class Quiet(Greeter):
    pass


METHODS = dict(vars(Greeter))


def reset():
    for name in set(vars(Greeter)) - set(METHODS):
        delattr(Greeter, name)
    Greeter.hi = METHODS["hi"]
    if "hi" in vars(Quiet):
        del Quiet.hi


def ho(self):
    return "ho"


def method_is_set(s):
    s += lm.gen("x", regex="[ab]")
    Greeter.hi = ho
    return Greeter().hi(), Quiet().hi()


def method_is_set_in_an_arm(s):
    s += lm.gen("x", regex="[ab]")
    one = Greeter()
    if s["x"] == "a":
        Greeter.hi = lambda self: "la"
    return one.hi(), Greeter().hi()


def method_is_set_on_a_subclass(s):
    s += lm.gen("x", regex="[ab]")
    setattr(Quiet, "hi", ho)  # noqa: B010
    return Greeter().hi(), Quiet().hi()


def patch():
    Greeter.hi = ho


def method_is_set_by_a_helper(s):
    s += lm.gen("x", regex="[ab]")
    patch()
    return Greeter().hi()


def attribute_is_set(s):
    s += lm.gen("x", regex="[ab]")
    Greeter.extra = s["x"]
    return Greeter().extra, Quiet().extra


def init_is_set(s):
    s += lm.gen("x", regex="[ab]")
    Greeter.__init__ = lambda self: setattr(self, "z", 3)
    return Greeter().z


def truth_is_set(s):
    s += lm.gen("x", regex="[ab]")
    Greeter.__bool__ = lambda self: False
    return bool(Greeter()), "some" if Quiet() else "none"


def method_of_one_object(s):
    s += lm.gen("x", regex="[ab]")
    one, two = Greeter(), Greeter()
    one.hi = lambda: "own"
    return one.hi(), two.hi()


# --- what is taken for fixed ------------------------------------------------------------------------------


def one(a=1):
    return a


def two(*, a=1):
    return a


def three(a=3):
    return a + 10


class First:
    def name(self):
        return "first"


class Second:
    def name(self):
        return "second"


class Child(First):
    pass


class Ends:
    def __init__(self, n):
        self.n = n

    def __del__(self):
        LOG.append(self.n)


LOG: list[object] = []
CODE = one.__code__


def reset_functions():
    LOG.clear()
    one.__defaults__, one.__code__, Child.__bases__ = (1,), CODE, (First,)
    two.__kwdefaults__["a"] = 1


def defaults_are_set(s):
    s += lm.gen("x", regex="[ab]")
    one.__defaults__ = (5,)
    return one()


def keyword_defaults_are_set(s):
    s += lm.gen("x", regex="[ab]")
    two.__kwdefaults__["a"] = 5
    return two()


def code_is_set(s):
    s += lm.gen("x", regex="[ab]")
    one.__code__ = three.__code__
    return one()


def bases_are_set(s):
    s += lm.gen("x", regex="[ab]")
    Child.__bases__ = (Second,)
    return Child().name()


def patched_function(s):
    s += lm.gen("x", regex="[ab]")
    with mock.patch("json.dumps", return_value="P"):
        return json.dumps(s["x"])


def patched_method(s):
    s += lm.gen("x", regex="[ab]")
    child = Child()
    with mock.patch.object(Child, "name", lambda self: "patched"):
        return child.name()


def in_a_patch(x):
    with mock.patch("json.dumps", return_value="P"):
        return json.dumps(x)


def patched_in_a_helper(s):
    s += lm.gen("x", regex="[ab]")
    return in_a_patch(s["x"]), json.dumps(s["x"])


def builtin_is_set(s):
    s += lm.gen("x", regex="[ab]")
    before = builtins.sorted
    builtins.sorted = lambda x: "mine"
    try:
        return sorted("cab")
    finally:
        builtins.sorted = before


def end_of_an_object(s):
    ends = Ends("one")
    s += lm.gen("x", regex="[ab]")
    del ends
    LOG.append("after")
    return list(LOG)


def weak_reference(s):
    first = First()
    weak = weakref.ref(first)
    s += lm.gen("x", regex="[ab]")
    del first
    return weak() is None


# --- class attributes and attributes of enum members -----------------------------------------------------------


class Base:
    n = 0


class Derived(Base):
    pass


class Kind(enum.Enum):
    A = "a"
    B = "b"

    def __init__(self, value):
        self.count = 0

    def hit(self):
        self.count += 1


def reset_counts():
    Base.n = 0
    if "n" in vars(Derived):
        del Derived.n
    for kind in Kind:
        kind.count = 0


def set_on_the_subclass_first(s):
    s += lm.gen("x", regex="[ab]")
    Derived.n += 1
    Base.n += 10
    return Derived().n, Base().n


def counted_by_members(s):
    s += lm.gen("x", regex="[ab]")
    Kind(s["x"]).hit()
    Kind.A.hit()
    return Kind.A.count, [kind.count for kind in Kind], Kind.A.value


# --- partials ---------------------------------------------------------------------------------------------


def listed(a, b, *, c=1):
    return [a, b, c]


def partial_of_a_partial(s):
    s += lm.gen("x", regex="[ab]")
    first = functools.partial(listed, 1, c=s["x"])
    second = functools.partial(first, 5)
    return second(c=0), second(), second.keywords, second.args, first.keywords, second.func is listed


def attributes_of_a_method(s):
    s += lm.gen("x", regex="[ab]")
    method = Box(s["x"]).get
    try:
        return method.keywords
    except AttributeError as error:
        return method(), str(error)


class Box:
    def __init__(self, x):
        self.x = x

    def get(self):
        return self.x


# --- sorting ----------------------------------------------------------------------------------------------


def key_reads_the_list(s):
    s += lm.gen("x", regex="[a-c]{4}")
    letters, seen = list(s["x"]), []

    def key(letter):
        seen.append(len(letters))
        return letter

    letters.sort(key=key)
    return letters, seen


def key_changes_the_list(s):
    s += lm.gen("x", regex="[a-c]{4}")
    letters = list(s["x"])
    try:
        letters.sort(key=lambda letter: letters.append(1) or letter)
    except ValueError as error:
        return str(error)
    return letters


def key_fails(s):
    s += lm.gen("x", regex="[0-9a]{4}")
    letters = list(s["x"])
    try:
        letters.sort(key=lambda letter: -int(letter))
    except ValueError:
        return "not sorted", letters
    return letters


def key_reads_another_list(s):
    s += lm.gen("x", regex="[a-c]{4}")
    letters = list(s["x"])
    order = list(reversed(letters))
    letters.sort(key=lambda letter: order.index(letter))
    return letters


CASES = [
    *(
        Case(fn, reset=reset)
        for fn in (
            method_is_set, method_is_set_in_an_arm, method_is_set_on_a_subclass, method_is_set_by_a_helper,
            attribute_is_set, init_is_set, truth_is_set,
        )
    ),
    *(
        Case(fn)
        for fn in (
            method_of_one_object, partial_of_a_partial, attributes_of_a_method, key_fails, key_reads_another_list,
        )
    ),
    Case(patched_in_a_helper),
    *(Case(fn, reset=reset_counts) for fn in (set_on_the_subclass_first, counted_by_members)),
    *(
        Case(fn, expects="break", reset=reset_functions)
        for fn in (
            defaults_are_set, keyword_defaults_are_set, code_is_set, bases_are_set, patched_function, patched_method,
            builtin_is_set, end_of_an_object, weak_reference,
        )
    ),
    *(Case(fn, expects="break") for fn in (key_reads_the_list, key_changes_the_list)),
]  # fmt: skip
