"""Programs as they stand in scripts: arguments, configuration, logging, stages, workers, parsers, small frameworks."""

from __future__ import annotations

import argparse
import collections
import configparser
import contextlib
import enum
import functools
import hashlib
import heapq
import io
import itertools
import json
import logging
import operator
import re
import string
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import PurePosixPath
from typing import Any, Generic, NamedTuple, TypeVar

import pydantic

from lmc import assistant, gen, select, system, user
from tests.corpus.registry import registry

RUNS, runs = registry()
log = logging.getLogger("corpus.scripts")
T = TypeVar("T")


# --- arguments and configuration --------------------------------------------------------------------------------


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ask")
    parser.add_argument("question")
    parser.add_argument("-n", "--samples", type=int, default=2)
    parser.add_argument("--style", choices=["short", "long"], default="short")
    parser.add_argument("--verbose", action="store_true")
    return parser


@runs({"argv": ["why?", "-n", "3", "--verbose"]}, {"argv": ["how?", "--style", "long"]})
def main_with_argparse(s, argv):
    args = build_parser().parse_args(argv)
    s += f"({args.style}) {args.question}\n"
    forks = s.fork(args.samples)
    for f in forks:
        f += gen("answer", max_tokens=2 if args.style == "short" else 4)
    answers = [f["answer"] for f in forks]
    if args.verbose:
        print(f"{len(answers)} answers")
    return len(answers), vars(args)["style"]


@runs({"args": argparse.Namespace(topic="tea", rounds=2, tags=["a"])})
def namespace_as_argument(s, args):
    for i in range(args.rounds):
        s += f"{i}: {args.topic} " + gen("x", max_tokens=2) + "\n"
    args.tags.append("done")
    args.rounds -= 1
    return args.tags, args.rounds, getattr(args, "missing", "none")


CONFIG = """
[model]
temperature = 0.5
max_tokens = 3
[prompt]
style = terse
"""


@runs({"text": CONFIG})
def ini_config(s, text):
    config = configparser.ConfigParser()
    config.read_string(text)
    options = {
        "temperature": config.getfloat("model", "temperature"),
        "max_tokens": config.getint("model", "max_tokens"),
    }
    s += f"Style: {config['prompt']['style']}. " + gen("x", **options)
    return config.sections(), options


class Config(pydantic.BaseModel):
    name: str = "run"
    steps: int = pydantic.Field(default=2, ge=1)
    options: dict[str, int] = {}


@runs({"raw": '{"steps": 3, "options": {"max_tokens": 2}}'}, {"raw": '{"steps": 0}'})
def pydantic_config(s, raw):
    try:
        config = Config.model_validate_json(raw)
    except pydantic.ValidationError as error:
        return [e["loc"] for e in error.errors()]
    for step in range(config.steps):
        s += f"{config.name}-{step}: " + gen("x", **config.options) + "\n"
    return config.model_dump()


DEFAULT_OPTIONS = {"max_tokens": 4, "stop": "."}


def merged(*layers: dict[str, Any], **extra: Any) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for layer in (*layers, extra):
        result |= {k: v for k, v in layer.items() if v is not None}
    return result


@runs({"overrides": {"max_tokens": 2, "stop": None}})
def layered_options(s, overrides):
    options = merged(DEFAULT_OPTIONS, overrides, temperature=0.3)
    s += "Say: " + gen("x", **options)
    return options, DEFAULT_OPTIONS["max_tokens"]


# --- stages and workers -----------------------------------------------------------------------------------------


class Stage(enum.IntEnum):
    LOAD = 1
    LABEL = 2
    REPORT = 3


@runs({"until": 2}, {"until": 3})
def staged_run(s, until):
    done = []
    for stage in Stage:
        if stage > until:
            break
        s += f"{stage.value}/{len(Stage)} {stage.name.lower()}: " + gen("x", max_tokens=2) + "\n"
        done.append(stage.name)
    return done, Stage(until).name, max(Stage).value


class Job(NamedTuple):
    priority: int
    name: str
    needs: tuple[str, ...] = ()


@runs({"jobs": [(2, "b"), (1, "a"), (3, "c")]})
def priority_queue_of_jobs(s, jobs):
    heap = [Job(*job) for job in jobs]
    heapq.heapify(heap)
    finished = []
    while heap:
        job = heapq.heappop(heap)
        s += f"{job.name} (p{job.priority}): " + select("state", ["done", "retry"]) + "\n"
        if s["state"] == "retry" and job.priority < 5:
            heapq.heappush(heap, job._replace(priority=job.priority + 5))
            continue
        finished.append(job.name)
    return finished


class Pipeline:
    def __init__(self, *steps: Callable[..., Any]) -> None:
        self.steps = list(steps)
        self.timings: list[str] = []

    def then(self, step: Callable[..., Any]) -> Pipeline:
        self.steps.append(step)
        return self

    def __call__(self, s: Any, value: Any) -> Any:
        for step in self.steps:
            value = step(s, value)
            self.timings.append(step.__name__)
        return value


def load(s, path):
    return [line for line in FILES[path].splitlines() if line]


def label(s, lines):
    out = []
    for line in lines:
        f = s.fork(1)[0]
        f += f"{line}: " + select("label", ["x", "y"])
        out.append((line, f["label"]))
    return out


def report(s, pairs):
    s += "; ".join(f"{line}={name}" for line, name in pairs) + " " + gen("summary", max_tokens=3)
    return len(pairs)


FILES = {"a.txt": "one\n\ntwo\n"}


@runs({"path": "a.txt"}, {"path": "b.txt"})
def callable_pipeline(s, path):
    pipeline = Pipeline(load, label).then(report)
    try:
        return pipeline(s, path), pipeline.timings
    except KeyError as error:
        return f"no file {error}", pipeline.timings


@runs({"paths": ["a/b.py", "c.md", "a/d.py"]})
def files_by_suffix(s, paths):
    by_suffix: dict[str, list[str]] = {}
    for path in map(PurePosixPath, paths):
        by_suffix.setdefault(path.suffix, []).append(path.stem)
    for suffix, stems in sorted(by_suffix.items()):
        s += f"{suffix}: {', '.join(stems)} " + gen("x", max_tokens=2) + "\n"
    return {k: len(v) for k, v in by_suffix.items()}


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    it = iter(items)
    while batch := list(itertools.islice(it, size)):
        yield batch


@runs({"items": ["a", "b", "c"], "size": 2})
def batches_from_a_generator(s, items, size):
    sizes = []
    for number, batch in enumerate(batched(items, size), start=1):
        s += f"batch {number}: {'+'.join(batch)} " + gen("x", max_tokens=2) + "\n"
        sizes.append(len(batch))
    return sizes


def numbers(limit):
    n = 0
    while n < limit:
        received = n * n
        n += 1
        yield received


@runs({"limit": 4})
def generator_with_break(s, limit):
    used = []
    source = numbers(limit)
    for value in source:
        if value > 3:
            break
        s += f"{value} " + gen("x", max_tokens=1)
        used.append(value)
    return used, list(source)


def flatten(tree):
    for node in tree:
        if isinstance(node, list):
            yield from flatten(node)
        else:
            yield node


@runs({"tree": ["a", ["b", ["c"]], "d"]})
def recursive_generator(s, tree):
    leaves = list(flatten(tree))
    s += "/".join(leaves) + " " + gen("x", max_tokens=2)
    return leaves, next(flatten(tree))


class Once:
    def __init__(self, values):
        self.values = values
        self.index = 0

    def __iter__(self):
        return self

    def __next__(self):
        if self.index >= len(self.values):
            raise StopIteration
        self.index += 1
        return self.values[self.index - 1]


@runs({"values": ["a", "b", "c"]})
def own_iterator(s, values):
    once = Once(values)
    first = next(once)
    s += first
    for value in once:
        s += f"+{value}" + gen("x", max_tokens=1)
    return once.index, list(once)


# --- logging, contexts, errors ----------------------------------------------------------------------------------


@runs({"names": ["a", ""]})
def log_and_go_on(s, names):
    handler = logging.StreamHandler(stream := io.StringIO())
    log.addHandler(handler)
    try:
        for name in names:
            if not name:
                log.error("empty name")
                continue
            s += name + gen("x", max_tokens=2)
            log.error("did %s", name)
    finally:
        log.removeHandler(handler)
    return stream.getvalue().splitlines()


class StageError(Exception):
    def __init__(self, stage: str, *, code: int = 1) -> None:
        super().__init__(f"stage {stage} failed")
        self.stage, self.code = stage, code


class FatalError(StageError):
    pass


def run_stage(s, stage):
    s += f"{stage}: " + select("r", ["ok", "warn", "fail"]) + "\n"
    if s["r"] == "fail":
        raise FatalError(stage, code=2)
    if s["r"] == "warn":
        raise StageError(stage)
    return stage.upper()


@runs({"stages": ["load", "clean", "save"]})
def error_hierarchy(s, stages):
    out, warnings = [], 0
    try:
        for stage in stages:
            try:
                out.append(run_stage(s, stage))
            except FatalError:
                raise
            except StageError as error:
                warnings += error.code
    except StageError as error:
        return out, warnings, f"{type(error).__name__}: {error} ({error.code})"
    return out, warnings, None


@runs({"x": "a"})
def exception_chaining(s, x):
    s += x + gen("n", regex="[a-b]")
    try:
        try:
            return int(s["n"])
        except ValueError as inner:
            raise RuntimeError("no number") from inner
    except RuntimeError as error:
        return str(error), type(error.__cause__).__name__


@runs({"value": "12"}, {"value": "x"})
def helper_raises_out(s, value):
    s += "n=" + value
    n = int(value)
    s += gen("x", max_tokens=2)
    return n


class Transaction:
    def __init__(self, store: dict[str, Any]) -> None:
        self.store = store
        self.saved: dict[str, Any] = {}

    def __enter__(self) -> dict[str, Any]:
        self.saved = dict(self.store)
        return self.store

    def __exit__(self, kind: Any, value: Any, traceback: Any) -> bool:
        if kind is not None:
            self.store.clear()
            self.store.update(self.saved)
        return kind is ValueError


@runs({"updates": [("a", "1"), ("b", "x")]})
def rollback_on_error(s, updates):
    store = {"a": 0}
    for key, value in updates:
        with Transaction(store) as open_store:
            s += f"{key}:{value} " + gen("x", max_tokens=1)
            open_store[key] = -1
            open_store[key] = int(value)
    return store


@runs({"names": ["a", "b"]})
def exit_stack(s, names):
    trail: list[str] = []
    with contextlib.ExitStack() as stack:
        for name in names:
            stack.callback(trail.append, f"closed {name}")
            s += name + gen("x", max_tokens=1)
        trail.append("body")
    return trail


@runs({"x": "a"})
def captured_output(s, x):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        print("inside", x)
        s += x + gen("y", max_tokens=2)
    return out.getvalue()


# --- parsers, protocols, small classes --------------------------------------------------------------------------

TOKEN = re.compile(r"\s*(?:(?P<num>\d+)|(?P<op>[-+*()]))")


class Parser:
    def __init__(self, text: str) -> None:
        self.tokens = [m.group().strip() for m in TOKEN.finditer(text)]
        self.at = 0

    def peek(self) -> str | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def take(self) -> str:
        self.at += 1
        return self.tokens[self.at - 1]

    def expression(self) -> int:
        value = self.term()
        while self.peek() in ("+", "-"):
            value = value + self.term() if self.take() == "+" else value - self.term()
        return value

    def term(self) -> int:
        value = self.factor()
        while self.peek() == "*":
            self.take()
            value *= self.factor()
        return value

    def factor(self) -> int:
        if self.peek() == "(":
            self.take()
            value = self.expression()
            self.take()
            return value
        return int(self.take())


@runs({"text": "2*(3+4)"})
def calculator_tool(s, text):
    s += f"{text} = {Parser(text).expression()}. Next: " + gen("e", regex=r"[1-9][+*][1-9]")
    return Parser(s["e"]).expression() > 0, Parser(text).expression()


@runs({"html": "<a>1</a><b>2</b>"})
def tags_to_dict(s, html):
    found = {tag: int(body) for tag, body in re.findall(r"<(\w)>(\d)</\1>", html)}
    s += " ".join(f"<{tag}>" + "</" + tag + ">" for tag in found)
    s += "<c>" + gen("c", regex="[0-9]") + "</c>"
    found["c"] = int(re.search(r"<c>(\d)</c>", s.text())[1])
    return list(found), sum(found.values()) - found["c"]


class Money:
    __slots__ = ("cents",)

    def __init__(self, cents):
        self.cents = cents

    def __add__(self, other):
        return Money(self.cents + other.cents)

    def __radd__(self, other):
        return self if other == 0 else NotImplemented

    def __lt__(self, other):
        return self.cents < other.cents

    def __str__(self):
        return f"{self.cents // 100}.{self.cents % 100:02d}"


@runs({"amounts": [150, 275]})
def operators_on_own_class(s, amounts):
    wallet = [Money(a) for a in amounts]
    s += f"Total {sum(wallet)}, most {max(wallet)}: add " + gen("extra", regex="[1-9][0-9]")
    wallet.append(Money(int(s["extra"])))
    return str(min(wallet)) == f"0.{s['extra']}", str(sum(wallet[:2]))


class Stack(Generic[T]):
    def __init__(self) -> None:
        self._items: list[T] = []

    def push(self, item: T) -> None:
        self._items.append(item)

    def pop(self) -> T:
        return self._items.pop()

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, item: object) -> bool:
        return item in self._items

    def __iter__(self) -> Iterator[T]:
        return reversed(self._items)


@runs({"commands": ["push", "push", "pop"]})
def generic_stack(s, commands):
    stack: Stack[str] = Stack()
    for command in commands:
        if command == "push":
            s += gen("x", regex="[a-c]") + " "
            stack.push(s["x"])
        else:
            stack.pop()
    return len(stack), s["x"] in stack or len(set(stack)) > 0, bool(stack)


@dataclass
class Inventory:
    items: dict[str, int] = field(default_factory=dict)
    limit: int = 3

    def __post_init__(self):
        self.log = []

    def __getitem__(self, name):
        return self.items.get(name, 0)

    def __setitem__(self, name, count):
        if count > self.limit:
            raise ValueError(f"too many {name}")
        self.items[name] = count
        self.log.append((name, count))


@runs({"n": 3})
def item_access_on_own_class(s, n):
    inventory = Inventory({"nut": 2})
    try:
        for _ in range(n):
            s += "Take " + select("item", ["nut", "bolt"]) + "\n"
            inventory[s["item"]] += 1
    except ValueError as error:
        return str(error), inventory.items
    return inventory["nut"], inventory.log


class Observable:
    def __init__(self):
        self._handlers = collections.defaultdict(list)

    def on(self, event):
        def register(fn):
            self._handlers[event].append(fn)
            return fn

        return register

    def emit(self, event, *args):
        return [fn(*args) for fn in self._handlers[event]]


@runs({"text": "hi"})
def event_handlers(s, text):
    bus = Observable()
    seen = []
    bus.on("reply")(lambda t: seen.append(len(t)))
    bus.on("reply")(seen.append)
    s += text + gen("x", max_tokens=2)
    bus.emit("reply", s["x"])
    bus.emit("other", 1)
    return seen[0] == len(seen[1]), len(seen)


class Temperature:
    def __init__(self, celsius=0.0):
        self.celsius = celsius

    @property
    def fahrenheit(self):
        return self.celsius * 9 / 5 + 32

    @fahrenheit.setter
    def fahrenheit(self, value):
        self.celsius = (value - 32) * 5 / 9

    @staticmethod
    def parse(text):
        return Temperature(float(text.rstrip("C")))

    @functools.cached_property
    def label(self):
        return "hot" if self.celsius > 30 else "cold"


@runs({"text": "35C"})
def properties_and_setters(s, text):
    t = Temperature.parse(text)
    s += f"{t.fahrenheit:.1f}F is {t.label}. Set " + gen("f", regex="[3-9][0-9]")
    t.fahrenheit = int(s["f"])
    return t.label, round(t.fahrenheit) == int(s["f"])


class Plugin:
    plugins: list[type] = []  # noqa: RUF012

    def __init_subclass__(cls, *, order=0, **kwargs):
        super().__init_subclass__(**kwargs)
        cls.order = order
        Plugin.plugins.append(cls)


class Upper(Plugin, order=2):
    def apply(self, text):
        return text.upper()


class Strip(Plugin, order=1):
    def apply(self, text):
        return text.strip()


@runs({"text": " a b "})
def plugins_in_order(s, text):
    for cls in sorted(Plugin.plugins, key=operator.attrgetter("order")):
        text = cls().apply(text)
    s += text + gen("x", max_tokens=2)
    return text, [cls.__name__ for cls in Plugin.plugins]


class Mixin:
    def announce(self):
        return f"<{self.__class__.__name__}:{self.name}>"


class Named:
    def __init__(self, name, **kwargs):
        super().__init__(**kwargs)
        self.name = name


class Bot(Named, Mixin):
    def __init__(self, *args, greeting="hi", **kwargs):
        super().__init__(*args, **kwargs)
        self.greeting = greeting

    def talk(self, s):
        s += f"{self.announce()} {self.greeting}: " + gen("x", max_tokens=2)
        return s["x"]


@runs({"names": ["A", "B"]})
def multiple_inheritance(s, names):
    bots = [Bot(name, greeting=f"hey{i}") for i, name in enumerate(names)]
    return [bot.talk(s) for bot in bots] != [], [b.announce() for b in bots], [c.__name__ for c in Bot.__mro__[:3]]


# --- odds and ends ----------------------------------------------------------------------------------------------


def describe(*args: Any, sep: str = ", ", **kwargs: Any) -> str:
    return sep.join([*map(str, args), *(f"{k}={v}" for k, v in kwargs.items())])


@runs({"xs": [1, 2], "options": {"a": 3}})
def star_arguments(s, xs, options):
    s += describe(*xs, **options) + " " + gen("x", regex="[0-9]")
    return describe("x", *xs, sep="-", b=int(s["x"]) * 0, **options), describe(*"ab", *range(2))


@runs({"text": "same"})
def hash_as_key(s, text):
    key = hashlib.sha256(text.encode()).hexdigest()[:6]
    s += f"[{key}] " + gen("x", max_tokens=2)
    return {key: s["x"]}.keys() == {key}


@runs({"weights": ["1/2", "1/3"]})
def fractions_of_votes(s, weights):
    total = sum(map(Fraction, weights), Fraction(0))
    s += f"{total} " + gen("n", regex="[1-9]")
    return str(total), total * int(s["n"]) > 0, total.limit_denominator(3) == total


@runs({"command": {"type": "move", "x": 1, "y": 2}}, {"command": {"type": "say", "text": "hi"}}, {"command": [1, 2]})
def match_on_structures(s, command):
    match command:
        case {"type": "move", "x": int(x), "y": y}:
            out = f"move {x},{y}"
        case {"type": "say", "text": str(text), **rest} if not rest:
            out = f"say {text}"
        case [first, *others]:
            out = f"list {first} {len(others)}"
        case _:
            out = "unknown"
    s += out + gen("x", max_tokens=2)
    return out


@runs({"n": 5})
def accumulate_in_place(s, n):
    board = [0] * n
    for i in range(n):
        board[i % 3] += i
        board[-1] |= 1 << (i % 2)
    s += f"{board} " + gen("i", regex="[0-4]")
    board[int(s["i"])] *= 0
    del board[0]
    board[1:3] = [9]
    return len(board), board[1]


@runs({"left": {"a": 1, "b": {"c": 1}}, "right": {"b": {"d": 2}, "e": 3}})
def deep_merge(s, left, right):
    def merge(a, b):
        out = dict(a)
        for k, v in b.items():
            out[k] = merge(out[k], v) if isinstance(v, dict) and isinstance(out.get(k), dict) else v
        return out

    combined = merge(left, right)
    s += json.dumps(combined) + gen("x", max_tokens=2)
    return combined, left


@runs({"text": "the quick brown fox"})
def build_index(s, text):
    index = collections.defaultdict(set)
    for position, word in enumerate(text.split()):
        for size in range(1, 3):
            index[word[:size]].add(position)
    s += "Prefix: " + select("p", ["t", "q", "z"])
    hits = sorted(index.get(s["p"], ()))
    return hits, len(index), "z" in index


@runs({"template": "$name is ${age} years", "values": {"name": "Bo"}})
def safe_substitute(s, template, values):
    text = string.Template(template).safe_substitute(values)
    s += text + " " + gen("age", regex="[1-9][0-9]")
    return text, string.Template(text).substitute(age=s["age"]).endswith(f"{s['age']} years")


@runs({"people": [{"n": "A", "a": 3}, {"n": "B", "a": 1}]})
def update_rows_in_place(s, people):
    rows = [dict(p) for p in people]
    for row in rows:
        s += f"{row['n']}: " + gen("bonus", regex="[0-9]") + "\n"
        row["a"] += int(s["bonus"])
        row["old"] = row["a"] > 5
    rows.sort(key=lambda r: r["a"])
    return [r["n"] for r in rows] != [], people, sum(r["old"] for r in rows) <= 2


@runs({"roles": ["user", "assistant", "user"]})
def alternating_roles(s, roles):
    s += system("Talk.")
    for i, role in enumerate(roles):
        if role == "user":
            s += user(f"message {i}")
        else:
            s += assistant(gen(f"m{i}", max_tokens=2))
    if roles[-1] == "user":
        s += assistant(gen("last", max_tokens=2))
    return [m["role"][0] for m in s.messages()], "last" in s
