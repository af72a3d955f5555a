"""Members of an Enum, functions and classes that a loop, a branch or a `try` hands on: no values, one of several."""

from __future__ import annotations

import enum
import functools

import lmc as lm
from tests.oracle.programs.case import Case


class Phase(enum.Enum):
    GREET = "greet"
    ASK = "ask"
    CONFIRM = "confirm"
    DONE = "done"

    @property
    def is_last(self):
        return self is Phase.DONE

    def after(self):
        return list(Phase)[(list(Phase).index(self) + 1) % 4]


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Mood(str, enum.Enum):  # noqa: UP042
    GLAD = "glad"
    SAD = "sad"


def machine(s, name):
    phase = Phase.GREET
    log = []
    while phase is not Phase.DONE:
        log.append(phase.value)
        if phase is Phase.GREET:
            s += f"Hello {name}. "
            phase = Phase.ASK
        elif phase is Phase.ASK:
            s += "What size? " + lm.select("size", ["small", "large"])
            phase = Phase.CONFIRM
        elif phase is Phase.CONFIRM:
            s += f"A {s['size']} one? " + lm.select("sure", ["yes", "no"])
            phase = Phase.DONE if s["sure"] == "yes" or len(log) > 5 else Phase.ASK
    return log, s["size"], phase, phase.name, f"{phase}", phase == Phase.DONE, str(phase), repr(phase)


def matched(s):
    phase, turns = Phase.GREET, 0
    while turns < 6:
        turns += 1
        match phase:
            case Phase.GREET | Phase.CONFIRM:
                s += lm.gen("x", regex="[ab]")
                phase = Phase.ASK if s["x"] == "a" else Phase.DONE
            case Phase.ASK:
                s += "ask"
                phase = Phase.CONFIRM
            case Phase.DONE:
                break
    return phase, turns


def none_at_first(s):
    last = None
    for _ in range(3):
        s += lm.gen("x", regex="[abc]")
        seen = last
        if s["x"] == "a":
            last = Phase.ASK
        elif s["x"] == "b":
            last = Phase.DONE
        if seen is None and last is not None:
            s += "first"
    return last is None, last, [last], {"last": last}


def unlike_kinds(s):
    level, mood = Level.LOW, Mood.SAD
    s += lm.gen("n", regex="[1-4]")
    for _ in range(int(s["n"])):
        s += f"{level} {mood} " + lm.gen("x", regex="[ab]")
        if s["x"] == "a":
            level, mood = Level.HIGH, Mood.GLAD
    s += mood
    return level + 1, level > 1, mood.upper(), mood == "glad", level, mood, s.text()


def ends_by_a_member(s):
    def phase_of(s):
        while True:
            s += lm.gen("x", regex="[abc]")
            if s["x"] == "a":
                return Phase.ASK
            if s["x"] == "b":
                return None

    found = phase_of(s)
    return found, found is Phase.ASK


def greet(s, n):
    s += f"hi {n} "
    return ask


def ask(s, n):
    s += lm.gen("x", regex="[ab]")
    return greet if s["x"] == "a" and n < 4 else None


def functions_hand_over(s):
    step, n = greet, 0
    while step is not None:
        n += 1
        step = step(s, n)
    return n


def closures_hand_over(s, word):
    def loud(x):
        return x.upper() + word

    def quiet(x):
        return x.lower() + word

    say = quiet
    s += lm.gen("n", regex="[1-5]")
    for _ in range(int(s["n"])):
        s += say("Aa") + lm.gen("x", regex="[ab]")
        say = loud if s["x"] == "a" else quiet if say is loud else functools.partial(loud)
    return say("Xx")


def made_in_a_turn(s):
    def adder(n):
        m = n + "!"
        return lambda x: x + m

    say = adder("0")
    s += lm.gen("n", regex="[1-5]")
    for i in range(int(s["n"])):
        s += say("a") + lm.gen("x", regex="[ab]")
        say = adder(s["x"] + str(i))
    return say("end")


def made_in_an_arm(s):
    def adder(n):
        m = n + "!"
        return lambda x: x + m

    s += lm.gen("x", regex="[ab]")
    say = adder(s["x"]) if s["x"] == "a" else adder("none")
    return say("end")


def handed_to_a_handler(s):
    phase, done = Phase.GREET, []
    for _ in range(3):
        try:
            phase = Phase.ASK
            s += lm.gen("x", regex="[0-9a]")
            int(s["x"])
            phase = Phase.CONFIRM
            done.append(10 // int(s["x"]))
            phase = Phase.DONE
        except ValueError:
            done.append(phase)
        except ZeroDivisionError:
            done.append((phase, phase is Phase.CONFIRM))
        finally:
            s += phase.value
    return phase, done


def told_to_a_handler(s):
    phase, done = Phase.GREET, ""
    for _ in range(3):
        try:
            phase = Phase.ASK
            s += lm.gen("x", regex="[0-9a]")
            int(s["x"])
            phase = Phase.CONFIRM
            done += f"{10 // int(s['x'])} "
            phase = Phase.DONE
        except ValueError:
            done += phase.name
        except ZeroDivisionError:
            done += "zero " if phase is Phase.CONFIRM else "odd "
        finally:
            s += phase.value
    return phase, done


def values_take_its_place(s):
    state = Phase.GREET
    s += lm.gen("n", regex="[1-4]")
    for _ in range(int(s["n"])):
        s += lm.gen("x", regex="[ab]")
        state = s["x"] if state is Phase.GREET else Phase.GREET
    return state


TEXTS = {Phase.GREET: "hello", Phase.ASK: "what", Phase.CONFIRM: "sure", Phase.DONE: "bye"}


def texts_by_member(s):
    phase, turns = Phase.GREET, 0
    while not phase.is_last and turns < 5:
        turns += 1
        s += TEXTS[phase] + lm.gen("x", regex="[ab]")
        phase = phase.after() if s["x"] == "a" else Phase.CONFIRM
    return turns, phase


class Reader:
    name = "reader"

    def __init__(self, s):
        self.s = s

    def act(self):
        self.s += lm.gen("x", regex="[ab]")
        return self.s["x"]


class Writer(Reader):
    name = "writer"

    def act(self):
        self.s += "write " + lm.gen("x", regex="[ab]")
        return self.s["x"]


def classes_take_turns(s):
    cls, names = Reader, []
    s += lm.gen("n", regex="[1-4]")
    for _ in range(int(s["n"])):
        names.append(cls.name)
        cls = Writer if cls(s).act() == "a" else Reader
    return names, cls.__name__


class Bot:
    def __init__(self):
        self.phase, self.seen = Phase.GREET, []

    def step(self, s):
        s += lm.gen("x", regex="[ab]")
        self.seen.append(self.phase)
        self.phase = Phase.ASK if s["x"] == "a" else Phase.DONE


def attribute_of_an_object(s):
    bot = Bot()
    for _ in range(4):
        bot.step(s)
        if bot.phase is Phase.DONE:
            break
    while bot.phase != Phase.ASK and len(bot.seen) < 8:
        bot.step(s)
    return bot.phase, bot.seen


CASES = [
    Case(machine, ({"name": "Mia"},)),
    *(Case(fn) for fn in (matched, none_at_first, functions_hand_over, ends_by_a_member)),
    *(Case(fn, expects="either") for fn in (unlike_kinds, made_in_a_turn, made_in_an_arm, values_take_its_place)),
    Case(closures_hand_over, ({"word": "?"},), expects="either"),
    Case(handed_to_a_handler, expects="either"),
    Case(told_to_a_handler),
    *(Case(fn, expects="either") for fn in (texts_by_member, classes_take_turns, attribute_of_an_object)),
]
