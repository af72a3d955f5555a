"""Small arithmetic: sums, differences, products, word problems, comparisons, and puzzles solved in steps."""

from __future__ import annotations

import json
import operator
from dataclasses import dataclass
from functools import cache
from itertools import combinations, combinations_with_replacement

from scripts.tiny.item import Gen, Item, Shown, Turn, assistant, bare, system, user
from scripts.tiny.names import held_out
from scripts.tiny.world import OBJECTS, World

DO = {"+": operator.add, "-": operator.sub, "*": operator.mul}
CALCULATORS = (
    "You are a calculator.", "You are a helpful assistant.", "Answer with a number.", "You solve small sums.",
    "You are good at arithmetic.", "Compute carefully.", "You are a teacher of mathematics. Be brief.", "Be exact.",
    "Answer briefly.", "You help with numbers.",
)  # fmt: skip
ASKED = {
    "+": (
        "What is {a} plus {b}?", "What is {a} + {b}?", "{a} + {b} = ?", "Add {a} and {b}.", "Compute {a} + {b}.",
        "How much is {a} plus {b}?", "What is the sum of {a} and {b}?", "Calculate {a} plus {b}.", "{a} + {b}",
        "Sum of {a} and {b}?", "Please add {a} to {b}.", "What do {a} and {b} make together?", "Work out {a} + {b}.",
        "Can you add {a} and {b}?", "How much do {a} and {b} make?", "I need the sum of {a} and {b}.",
        "{a} plus {b}?",
    ),
    "-": (
        "What is {a} minus {b}?", "What is {a} - {b}?", "{a} - {b} = ?", "Subtract {b} from {a}.",
        "Compute {a} - {b}.",
        "How much is {a} minus {b}?", "What is left when you take {b} from {a}?", "Calculate {a} minus {b}.",
        "{a} - {b}",
        "Take {b} away from {a}.", "Please subtract {b} from {a}.", "Work out {a} - {b}.",
        "Can you subtract {b} from {a}?",
        "What is the difference of {a} and {b}?", "By how much is {a} larger than {b}?", "{a} minus {b}?",
    ),
    "*": (
        "What is {a} times {b}?", "What is {a} * {b}?", "{a} * {b} = ?", "Multiply {a} by {b}.", "Compute {a} * {b}.",
        "How much is {a} times {b}?", "What is the product of {a} and {b}?", "Calculate {a} times {b}.", "{a} * {b}",
        "Product of {a} and {b}?", "Please multiply {a} by {b}.", "Work out {a} * {b}.",
        "Can you multiply {a} by {b}?",
        "How many are {a} times {b}?", "I need the product of {a} and {b}.", "{a} times {b}?",
    ),
}  # fmt: skip
STORIES = {
    "+": (
        "{n} has {a} {o} and buys {b} more. How many {o} does {n} have now?",
        "{n} owns {a} {o}. {m} owns {b} {o}. How many {o} do they own together?",
        "There are {a} {o} in one room and {b} {o} in another. How many {o} are there in all?",
        "{n} sold {a} {o} on Monday and {b} on Tuesday. How many {o} did {n} sell?",
        "{n} finds {a} {o}, and later {b} more. How many {o} has {n} found?",
        "A shop in {c} had {a} {o} and got {b} new ones. How many {o} does it have?",
        "{m} gave {n} {b} {o}. Before that, {n} had {a}. How many {o} does {n} have now?",
        "A truck carries {a} {o} to {c}, and another carries {b}. How many {o} come to {c}?",
    ),
    "-": (
        "{n} has {a} {o} and gives {b} to {m}. How many {o} does {n} have left?",
        "There were {a} {o} in the shop. {n} bought {b} of them. How many {o} are left?",
        "{n} owned {a} {o} and lost {b} of them. How many {o} remain?",
        "A shop in {c} had {a} {o} and sold {b}. How many {o} does it still have?",
        "{n} needs {a} {o} and has {b}. How many {o} are missing?",
        "{n} has {a} {o} and {m} has {b}. How many more {o} does {n} have?",
        "Of {a} {o}, {b} are broken. How many {o} are not broken?",
        "{n} made {a} {o} and sold {b} in {c}. How many {o} are left?",
    ),
    "*": (
        "{n} has {a} boxes with {b} {o} each. How many {o} does {n} have?",
        "There are {a} rooms with {b} {o} in each. How many {o} are there?",
        "{n} buys {b} {o} on each of {a} days. How many {o} does {n} buy?",
        "{a} people bring {b} {o} each. How many {o} do they bring?",
        "{n} puts {b} {o} into each of {a} bags. How many {o} are in the bags?",
        "In {c} there are {a} shops with {b} {o} each. How many {o} is that?",
    ),
}
PRICES = (
    "A {x} costs {a} euros and a {y} costs {b} euros. What do both cost together?",
    "{n} buys a {x} for {a} euros and a {y} for {b} euros. How much does {n} pay?",
    "The {x}: {a} euros. The {y}: {b} euros. What is the total?", "{x}: {a}\n{y}: {b}\nWhat is the total?",
    "{n} paid {a} euros for the {x} and {b} euros for the {y}. How much was that in all?",
    "What is the total of a {x} for {a} dollars and a {y} for {b} dollars?",
    "Bill: {x} {a} euros, {y} {b} euros. Add it up.",
    "How much are a {x} for {a} euros and a {y} for {b} euros together?",
)  # fmt: skip
LARGER = (
    "Which is larger, {a} or {b}?", "Which number is bigger: {a} or {b}?", "What is more, {a} or {b}?",
    "Name the larger number: {a}, {b}.", "Which is greater, {a} or {b}?", "Is {a} or {b} the larger number?",
    "Pick the larger of {a} and {b}.", "Tell me the bigger one: {a} or {b}.", "What is the maximum of {a} and {b}?",
)  # fmt: skip
SMALLER = (
    "Which is smaller, {a} or {b}?", "Which number is lower: {a} or {b}?", "What is less, {a} or {b}?",
    "Name the smaller number: {a}, {b}.", "Which is the lesser, {a} or {b}?", "Is {a} or {b} the smaller number?",
    "Pick the smaller of {a} and {b}.", "Tell me the smaller one: {a} or {b}.", "What is the minimum of {a} and {b}?",
)  # fmt: skip
TRUE = ("Is {a} larger than {b}?", "Is {a} greater than {b}?", "Is {a} more than {b}?", "Is {b} less than {a}?",
        "Is {b} smaller than {a}?", "Does {a} exceed {b}?")  # fmt: skip
SENTENCES = ("The answer is ", "It is ", "That makes ", "The result is ", "Answer: ", "This is ")
IN_JSON = (" Answer in JSON.", " Give JSON.", "\nAnswer as JSON.", " Reply with a JSON object.", "\nJSON only.")
BARE_ONLY = (
    "",
    "",
    "",
    " Give only the number.",
    " Answer with the number only.",
    "\nNumber only.",
    " Just the number.",
)
STEPS = ("Propose step {k}.", "Suggest step {k}.", "What is step {k}?", "Write step {k}.", "Give me step {k}.",
         "Step {k}, please.", "Think of step {k}.", "Try step {k}.", "What would you do in step {k}?",
         "Now step {k}.",
         "Propose the next step.", "What is a possible next step?", "Give one next step.")  # fmt: skip
SCORES = ("How promising is this, from 0 to 9?", "Score this step from 0 to 9.", "How good is that, from 0 to 9?",
          "Rate the step from 0 to 9.", "How near is this to the goal, from 0 to 9?", "Score, 0 to 9?",
          "Give it a score between 0 and 9.", "From 0 to 9, how close are we?", "How good is this thought (0 to 9)?",
          "Rate it: 0 is bad, 9 is solved.", "How promising is the step? 0 to 9.",
          "Evaluate it from 0 to 9.")  # fmt: skip
SOLVE = ("Write the solution.", "Write the whole solution.", "What is the solution?", "Now solve it.",
"Give the solution.",
         "Show the final solution.", "Put it together.", "State the solution in one line.", "The solution, please.",
         "Write down the answer.", "So how do you make {goal}?", "Finish the puzzle.")  # fmt: skip
PUZZLES = (
    "Use {x} once each, with + - * /, to make {goal}.", "Make {goal} from {x}. Use each number once.",
    "Make {goal} with the numbers {x}.", "Combine {x} with + - * / to get {goal}.",
    "How can you get {goal} from {x}?",
    "The numbers are {x}. The goal is {goal}.", "Puzzle: {x} make {goal}. How?",
    "Reach {goal} with {x}, each used once.",
    "Use {x} and + - * / to make {goal}.", "Numbers: {x}\nGoal: {goal}", "With {x}, make {goal}.",
    "Find a way to make {goal} out of {x}.",
)  # fmt: skip
SOLVERS = (
    "You solve puzzles step by step.", "You solve number puzzles.", "Think step by step.", "You are good at puzzles.",
    "You are a careful solver.", "Solve it in small steps.", "You work on puzzles.", "You are a helpful assistant.",
)  # fmt: skip
BEGIN = ("Let us begin.", "Let us start.", "All right.", "I will try.", "Let me think.", "Good, let us see.")
TYPED = ("Compute:\n", "Sums:\n", "", "", "Arithmetic\n")


def arithmetic(w: World) -> Item:
    """A sum, a story, a comparison, a bill or a puzzle."""
    form = w.pick((plain, plain, plain, story, story, bill, compare, compare, column, puzzle, puzzle, puzzle))
    turns = form(w)
    if form in (plain, story, compare):  # in training, more of the kind in the same conversation
        for _ in range(w.extra((1, 2, 3, 4, 5), (0,))):
            turns += tuple(turn for turn in form(w) if turn.role != "system")
    return Item("arithmetic", turns)


def pair(w: World, sign: str) -> tuple[int, int]:
    """Two numbers whose sum (or difference, product) as a whole is of this side."""
    top = 9 if sign == "*" else 99
    while True:
        a, b = w.rng.randint(1, top), w.rng.randint(1, top if w.chance(0.6) else 9)
        if sign == "-" and a < b:
            a, b = b, a
        if held_out(f"{a}{sign}{b}") == w.test:
            return a, b


def numbers(w: World) -> tuple[str, int, int, int]:
    sign = w.pick("++--*")
    a, b = pair(w, sign)
    return sign, a, b, DO[sign](a, b)


def before(w: World) -> tuple[Turn, ...]:
    return (system(w.pick(CALCULATORS)),) if w.chance(0.5) else ()


def answered(w: World, question: str, value: int, unit: str = "") -> tuple[Turn, ...]:
    """The question and its answer: a bare number, a sentence, or JSON."""
    kind, text = w.rng.random(), str(value)
    if kind < 0.15:
        key = w.pick(("answer", "result", "value", "total"))
        asked = question + w.pick(IN_JSON) + w.pick((f' The key is "{key}".', f' Use the key "{key}".'))
        schema = {"type": "object", "properties": {key: {"type": "integer"}}, "required": [key]}
        return (
            *before(w),
            user(asked),
            assistant(Gen(json.dumps({key: value}, separators=w.separators((", ", ": "))), schema=json.dumps(schema))),
        )
    if kind < 0.55:
        regex = "[0-9]{1,3}" if w.chance(0.5) else ""
        return *before(w), user(question + w.pick(BARE_ONLY)), assistant(Gen(text, regex=regex))
    return *before(w), user(question), assistant(w.pick(SENTENCES), Gen(f"{text}{unit}", stop="."), ".")


def plain(w: World) -> tuple[Turn, ...]:
    """A sum in words or signs, sometimes with its own text repeated in the answer."""
    sign, a, b, value = numbers(w)
    question = w.pick(ASKED[sign]).format(a=a, b=b)
    if w.chance(0.15):
        return *before(w), user(question), assistant(Gen(f"{a} {sign} {b} = {value}"))
    return answered(w, question, value)


def column(w: World) -> tuple[Turn, ...]:
    """Bare lines of sums, or questions and answers."""
    question, answer = w.pick((("", " = "), ("", " = "), ("Q: ", "\nA: "), ("Question: What is ", "?\nAnswer: ")))
    rows: list[tuple[str, int, int, int]] = [numbers(w) for _ in range(w.rng.randint(1, 4 if w.test else 12))]
    lines = [f"{question}{a} {sign} {b}{answer}" for sign, a, b, _ in rows]
    known = [piece for line, row in zip(lines, rows[:-1], strict=False) for piece in (line, Shown(str(row[3])), "\n")]
    return (bare(w.pick(TYPED), *known, lines[-1], Gen(str(rows[-1][3]), stop="\n"), "\n"),)


def story(w: World) -> tuple[Turn, ...]:
    """A word problem."""
    sign, a, b, value = numbers(w)
    while a < 2 or b < 2:
        sign, a, b, value = numbers(w)
    n, m = w.distinct("first", 2)
    thing = plural(w.pick(OBJECTS))
    question = w.pick(STORIES[sign]).format(n=n, m=m, a=a, b=b, o=thing, c=w.city())
    return answered(w, question, value, f" {thing}" if w.chance(0.2) and value > 1 else "")


def plural(word: str) -> str:
    special = {"knife": "knives", "watch": "watches", "radio": "radios", "scarf": "scarves"}
    return special.get(word, word + "s")


def bill(w: World) -> tuple[Turn, ...]:
    """Two prices and their total."""
    a, b = pair(w, "+")
    x, y = w.some([thing for thing in OBJECTS if thing[0] not in "aeiou"], 2)
    return answered(w, w.pick(PRICES).format(n=w.first(), x=x, y=y, a=a, b=b), a + b)


def compare(w: World) -> tuple[Turn, ...]:
    """Which of two is larger or smaller, or whether it is so."""
    a, b = pair(w, "-")
    while a == b:
        a, b = pair(w, "-")
    if w.chance(0.3):
        right = w.chance(0.5)
        question = w.pick(TRUE).format(a=a if right else b, b=b if right else a)
        choices = w.pick((("yes", "no"), ("Yes", "No"), ("no", "yes")))
        text = "yes" if right else "no"
        chosen = text.capitalize() if choices[0] == "Yes" else text
        return *before(w), user(question), assistant(Gen(chosen, choices=choices))
    phrases, value = w.pick(((LARGER, a), (SMALLER, b)))
    first, second = w.some((a, b), 2)
    question = w.pick(phrases).format(a=first, b=second)
    if w.chance(0.4):
        return *before(w), user(question), assistant(Gen(str(value), choices=(str(first), str(second))))
    return answered(w, question, value)


# --- puzzles --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Step:
    """Like 4 * 6 = 24: the value so far, a sign, and the number that is used up."""

    left: int
    sign: str
    right: int
    value: int

    def text(self) -> str:
        return f"{self.left} {self.sign} {self.right} = {self.value}"


def step(left: int, sign: str, right: int) -> Step | None:
    """The step, unless its value would be negative or a fraction."""
    if sign == "/":
        return None if right == 0 or left % right else Step(left, sign, right, left // right)
    value = DO[sign](left, right)
    return Step(left, sign, right, value) if value >= 0 else None


def chain(value: int, rest: tuple[int, ...], goal: int) -> tuple[Step, ...] | None:
    """Steps from the value through all other numbers to the goal."""
    if not rest:
        return () if value == goal else None
    for sign in "+*-/":
        for place, number in enumerate(rest):
            if (taken := step(value, sign, number)) is None:
                continue
            later = chain(taken.value, rest[:place] + rest[place + 1 :], goal)
            if later is not None:
                return (taken, *later)
    return None


def solve(given: tuple[int, ...], goal: int) -> tuple[Step, ...] | None:
    """The one solution that is taught for these numbers; it starts from the largest number that works."""
    for place in reversed(range(len(given))):
        found = chain(given[place], given[:place] + given[place + 1 :], goal)
        if found:
            return found
    return None


def expression(steps: tuple[Step, ...]) -> str:
    """The steps in one line: (8 - 5) * 4 * 2 = 24."""
    text, loose = str(steps[0].left), False
    for taken in steps:
        text = f"({text})" if loose and taken.sign in "*/" else text
        text = f"{text} {taken.sign} {taken.right}"
        loose = taken.sign in "+-"
    return f"{text} = {steps[-1].value}"


@cache
def solved() -> tuple[tuple[tuple[int, ...], int, tuple[Step, ...]], ...]:
    """All puzzles: four numbers that make 24, three that make 10, 12 or 20; none twice."""
    sets: list[tuple[tuple[int, ...], int]]
    sets = [(given, 24) for given in combinations_with_replacement(range(1, 9), 4) if len(set(given)) >= 3]
    sets += [(given, goal) for given in combinations(range(1, 9), 3) for goal in (10, 12, 20)]
    return tuple((given, goal, found) for given, goal in sets if (found := solve(given, goal)))


def puzzle(w: World) -> tuple[Turn, ...]:
    """Steps proposed and scored one after another, and perhaps the solution."""
    given, goal, steps = w.pick(solved())
    intro = user(w.pick(PUZZLES).format(x=joined(w, given), goal=goal))
    turns = [system(w.pick(SOLVERS))] if w.chance(0.7) else []
    turns += [intro, assistant(w.pick(BEGIN))] if w.chance(0.8) else []
    if not turns or turns[-1].role == "system":
        return *turns, user(*intro.pieces, w.pick(("\n", " ")), w.pick(SOLVE).format(goal=goal)), solution(w, steps)
    taken: list[Step] = []
    for number in range(w.rng.randint(0, len(steps) - 1)):
        taken.append(steps[number] if taken == list(steps[:number]) and w.chance(0.7) else detour(w, given, taken))
        turns += proposed(w, number + 1, taken[-1], goal)
    if taken and w.chance(0.5):
        return tuple(turns[: -2 if w.chance(0.2) else len(turns)])
    return *turns, user(w.pick(SOLVE).format(goal=goal)), solution(w, steps)


def joined(w: World, given: tuple[int, ...]) -> str:
    """The numbers in any order: 4, 6, 8 and 2."""
    *most, last = (str(number) for number in w.some(given, len(given)))
    return ", ".join(most) + w.pick((" and ", " and ", ", ")) + last


def solution(w: World, steps: tuple[Step, ...]) -> Turn:
    return assistant(*(("Solution: ",) if w.chance(0.1) else ()), Gen(expression(steps)))


def detour(w: World, given: tuple[int, ...], taken: list[Step]) -> Step:
    """Any right step from here that uses one more number."""
    rest = list(given)
    for number in [taken[0].left, *(one.right for one in taken)] if taken else []:
        rest.remove(number)
    left = taken[-1].value if taken else rest.pop(w.rng.randrange(len(rest)))
    while True:
        if (found := step(left, w.pick("++**-/"), w.pick(rest))) and found.value < 100:
            return found


def proposed(w: World, number: int, taken: Step, goal: int) -> tuple[Turn, ...]:
    """The step, and its score: 9 at the goal, one less for each number that it is away."""
    score = max(0, 9 - abs(taken.value - goal))
    return (
        user(w.pick(STEPS).format(k=number)), assistant(Gen(taken.text())),
        user(w.pick(SCORES)), assistant(Gen(str(score), regex="[0-9]")),
    )  # fmt: skip
