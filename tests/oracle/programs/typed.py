"""Values that are no texts: `gen(type=...)` and the dtypes."""

from __future__ import annotations

import dataclasses
import enum
from typing import Annotated, Any, Literal, Optional

import pydantic
from typing_extensions import TypedDict

import lmc as lm
from tests.oracle.programs.case import Case


class Color(enum.Enum):
    RED = "red"
    BLUE = "light blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Person(pydantic.BaseModel):
    name: str = pydantic.Field(max_length=4)
    age: Annotated[int, pydantic.Field(ge=0, le=99)]


class Even(pydantic.BaseModel):
    number: int

    @pydantic.field_validator("number")
    @classmethod
    def is_even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("odd")
        return value


@dataclasses.dataclass
class Point:
    x: Literal[1, 2]
    y: bool
    tags: list[Literal["a", "b"]] = dataclasses.field(default_factory=list)


class Row(TypedDict):
    key: Literal["k"]


People = list[Person]
LOG: list[Any] = []


def numbers(s):
    s += lm.gen("i", type=int, max_tokens=2) + " " + lm.gen("f", type=float, max_tokens=3)
    s += " " + lm.gen("b", type=bool)
    total = s["i"] * 2 + s["f"]
    if s["b"]:
        s += f"yes {total:.2f}"
    return [s["i"], s["f"], s["b"], total, s["i"] > 3]


def dtypes_have_values(s):
    s += lm.gen("i", dtype=int, max_tokens=2) + lm.gen_int("j", max_tokens=1) + lm.gen("b", dtype="bool")
    return [s["i"] + s["j"], s["b"] is True, isinstance(s["i"], int)]


def text_is_text(s):
    s += lm.gen("x", type=str, max_tokens=3)
    return s["x"].upper()


def number_is_no_text(s):
    s += lm.gen("i", type=int, max_tokens=2)
    s += s["i"]


def choices_of_types(s):
    s += lm.gen("c", type=Color) + lm.gen("l", type=Literal["yes", "no", "yes!"]) + lm.gen("n", type=Level)
    s += lm.gen("m", type=Literal[1, "a", True, None])
    return s["c"] is Color.RED, s["l"], s["n"] + 1, s["m"], f"{s['c'].value}"


def objects(s):
    s += lm.gen("p", type=Person, max_tokens=60)
    s += f" {s['p'].name} is {s['p'].age}. " + lm.gen("d", type=Point, max_tokens=60)
    person = s["p"]
    person.name = person.name + "!"
    return [s["p"].name, s["d"].x, len(s["d"].tags), s["p"] is person]


def rows_of(s):
    s += lm.gen("people", type=People, max_tokens=80) + lm.gen("r", type=Row, max_tokens=20)
    names = []
    for person in s["people"]:
        names.append(person.name)
    return names, s["r"]["key"], s["r"]


def plain_rows(s):
    s += lm.gen("xs", type=list[Literal[1, 2]], max_tokens=24)
    xs = s["xs"]
    xs.append(3)
    return s["xs"], sum(xs)


def maybe(s):
    s += lm.gen("o", type=Optional[bool], max_tokens=8)  # noqa: UP045
    s += lm.gen("u", type=Literal["a"] | None, max_tokens=8)
    return s["o"] is None, s["u"]


def several(s):
    s += lm.gen("xs", type=int, n=3, max_tokens=2)
    return sum(s["xs"])


def refused(s):
    s += lm.gen("e", type=Even, max_tokens=30)
    LOG.append("asked")
    LOG.append(s["e"].number)


def refused_and_never_read(s):
    s += lm.gen("e", type=Even, max_tokens=30)
    LOG.append("end")


def cut_short(s):
    s += lm.gen("p", type=Person, max_tokens=2)
    return s["p"]


def of_forks(s):
    forks = s.fork(3)
    for fork in forks:
        fork += lm.gen("n", type=int, max_tokens=1)
    forks.join()
    return sum(s["n"]), max(forks, key=lambda f: f["n"])["n"]


def read_before_it_is_set_again(s, n):
    said = []
    for _ in range(n):
        if "p" in s:
            s["p"].name = "x"
            said.append(f"{s['p'].name}{s['p'].age}")
        s += lm.gen("p", type=Person, max_tokens=60)
    return said


def under_a_name_of_run_time(s, names):
    for name in names:
        s += lm.gen(name, type=int, max_tokens=2)
    return [s[name] + 1 for name in names]


CASES = [
    Case(numbers),
    Case(dtypes_have_values),
    Case(text_is_text),
    Case(number_is_no_text, raises=True),
    Case(choices_of_types),
    Case(objects),
    Case(rows_of),
    Case(plain_rows, expects="either"),
    Case(maybe),
    Case(several),
    Case(refused, log=LOG),
    Case(refused_and_never_read, log=LOG),
    Case(cut_short, raises=True),
    Case(of_forks),
    Case(read_before_it_is_set_again, ({"n": 2}, {"n": 3}), expects="either"),
    Case(under_a_name_of_run_time, ({"names": ["a", "b"]},)),
]
