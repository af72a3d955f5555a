"""Lists: copy, reverse, count, pick from, sort and reformat them, and continue patterns."""

from __future__ import annotations

from collections.abc import Callable

from scripts.tiny.item import Gen, Item, Turn, assistant, bare, system, user
from scripts.tiny.world import ANIMALS, COLOURS, DAYS, FOODS, JOBS, MATERIALS, MONTHS, OBJECTS, World

ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")
WORDS = (ANIMALS, COLOURS, FOODS, JOBS, MATERIALS, OBJECTS)
HELPERS = (
    "You are a helpful assistant.", "You work with lists.", "Answer with the list only.", "Be exact.",
    "You are precise.",
    "Give only the answer.", "You edit lists.", "Follow the instruction exactly.", "You continue patterns.",
    "Be brief.",
)  # fmt: skip
STARTS = (
    "{do}.",
    "Please {do}.",
    "Can you {do}?",
    "{do}:",
    "Now {do}.",
    "Your task: {do}.",
    "I want you to {do}.",
    "Could you {do}?",
)
HERE = (
    "Here is a list: {x}", "The list: {x}", "List: {x}", "I have this list: {x}", "Look at this list: {x}", "{x}",
    "Items: {x}", "My list is {x}", "Consider {x}", "This is the list:\n{x}", "Take this list: {x}", "Given: {x}",
)  # fmt: skip
LABELS = ("Answer: ", "Result: ", "The list: ", "Here it is: ", "Output: ", "List: ")
COPY = ("copy the list", "repeat the list", "write the list again", "say the list once more", "copy it exactly",
        "repeat every item in the same order", "write down the same list", "give me the list unchanged")  # fmt: skip
REVERSE = ("reverse the list", "write the list backwards", "turn the list around", "give the list in reverse order",
           "put the items in reverse order", "list the items from last to first", "reverse the order")  # fmt: skip
SORT = ("sort the numbers", "sort the list from small to large", "put the numbers in ascending order",
        "order the numbers from lowest to highest", "sort them, smallest first",
        "arrange the numbers by size, smallest first")  # fmt: skip
DROP = ("remove {x} from the list", "drop {x}", "delete {x} from the list", "leave out {x}", "take {x} off the list",
        "write the list without {x}", "cross out {x}")  # fmt: skip
BULLETS = ("write the list as bullets", "turn the list into bullet points",
"put each item on its own line with a dash",
           "make a bulleted list", "format it as a list with dashes", "rewrite it as bullet points")  # fmt: skip
COMMAS = ("write the list on one line with commas", "join the items with commas", "turn the bullets into one line",
          "put the items on one line, separated by commas", "make a comma-separated list")  # fmt: skip
UPPER = ("write each item with a capital letter", "capitalize each item", "begin every item with a capital letter",
         "make the first letter of each item a capital", "uppercase the first letters")  # fmt: skip
ADD = (
    "add {x} to the end of the list",
    "append {x}",
    "put {x} at the end",
    "add {x} as the last item",
    "write the list with {x} added at the end",
)
NTH = ("What is the {n} item?", "Name the {n} item.", "Which item is {n}?", "Give me the {n} item.",
"Tell me the {n} one.",
       "Say the {n} item only.", "What comes {n}?", "Write only the {n} item.", "Which one is the {n} in the list?",
       "The {n} item, please.", "Which is the {n} of them?", "Pick the {n} item.")  # fmt: skip
COUNTS = ("How many items are there?", "How many items does the list have?", "Count the items.",
"How long is the list?",
          "What is the number of items?", "How many are there?", "Give the number of items.",
          "How many things are listed?",
          "Say how many items you see.", "Count them.", "Number of items?")  # fmt: skip
CONTINUE = ("Continue the pattern:", "What comes next?", "Continue:", "Continue the list:", "Go on with the pattern:",
            "Which comes next?", "Give the next item:", "Complete the pattern:", "Write the next one:",
            "Extend the list:",
            "What follows?", "Finish the line:", "Continue this sequence:", "Name the next in the row:")  # fmt: skip
NEIGHBOURS = ("What comes right {side} {x}?", "Which item is right {side} {x}?", "Name the item just {side} {x}.",
              "Which one stands directly {side} {x}?", "What is listed right {side} {x}?")  # fmt: skip
MEMBER = ("Is {x} in the list?", "Does the list contain {x}?", "Can you find {x} in the list?",
"Is {x} one of the items?",
          "Is {x} listed?", "Do you see {x} in it?")  # fmt: skip
STEPS = ("Item", "Line", "Step", "Question", "Row", "Part", "Note", "Page", "Answer", "Entry", "Day", "Room")
SHORT = ("yes", "no", "tick", "tock", "on", "off", "up", "down", "left", "right", "hot", "cold", "in", "out")


def lists(w: World) -> Item:
    """One list and one thing to do with it, as a chat or as bare text."""
    form = w.pick(FORMS)
    return Item("lists", form(w))


def items(w: World, low: int = 3, high: int = 6) -> list[str]:
    """A list of words, names or numbers."""
    count = w.rng.randint(low, high)
    kind = w.rng.random()
    if kind < 0.45:
        return w.distinct(w.pick(("first", "city", "last", "firm", "thing")), count)
    if kind < 0.6:
        return numbers(w, count)
    return w.some(w.pick(WORDS), count)


def numbers(w: World, count: int) -> list[str]:
    found: list[str] = []
    while len(found) < count:
        if (number := str(w.number(1, 99))) not in found:
            found.append(number)
    return found


def bullets(words: list[str], mark: str = "- ") -> str:
    return "\n".join(mark + word for word in words)


def do(w: World, phrases: tuple[str, ...], **names: str) -> str:
    phrase = w.pick(phrases).format(**names)
    start = w.pick(STARTS)
    return start.format(do=phrase if not start.startswith("{") else phrase[0].upper() + phrase[1:])


def request(w: World, what: str, shown: str) -> str:
    """The instruction before or after the list."""
    if what.endswith(":"):
        return f"{what}{' ' if not shown.startswith('- ') else chr(10)}{shown}"
    here = held(w, shown)
    if w.chance(0.5):
        return f"{here}\n{what}"
    return f"{what}\n{here}" if w.chance(0.8) else f"{what} {shown}" if "\n" not in shown else f"{what}\n{shown}"


def held(w: World, shown: str) -> str:
    """The list with a word or two before it; a list of several lines starts on its own line."""
    return (
        w.pick(HERE)
        .format(x="\n" + shown if "\n" in shown else shown)
        .replace(" \n", "\n")
        .replace("\n\n", "\n")
        .strip()
    )


def chat(w: World, what: str, shown: str, answer: Gen) -> tuple[Turn, ...]:
    """The list and the instruction in one turn, or the list in a turn of its own, or both as bare text."""
    label = () if "\n" in answer.text else (w.pick(LABELS),)
    if w.chance(0.12):
        return (bare(request(w, what, shown) + "\n", *label, stopped(answer), "\n\n" if "\n" in answer.text else "\n"),)
    before = (system(w.pick(HELPERS)),) if w.chance(0.5) else ()
    if w.chance(0.12) and not what.endswith(":"):
        given = (
            user(held(w, shown)),
            assistant(w.pick(("What shall I do with it?", "I see.", "Yes?", "OK."))),
        )
        return *before, *given, user(what), assistant(answer)
    prefix = label if w.chance(0.2) and not answer.choices else ()
    return *before, user(request(w, what, shown)), assistant(*prefix, answer)


def stopped(answer: Gen) -> Gen:
    """The same answer, up to the end of its line where nothing else bounds it."""
    bounded = answer.choices or answer.regex
    return answer if bounded else Gen(answer.text, stop="\n\n" if "\n" in answer.text else "\n")


def line(w: World, words: list[str]) -> str:
    return w.pick((", ", ", ", ", ", " | ", " - ", "; ")).join(words)


def copy(w: World) -> tuple[Turn, ...]:
    words = items(w)
    shown = bullets(words) if w.chance(0.25) else line(w, words)
    return chat(w, do(w, COPY), shown, Gen(shown))


def reverse(w: World) -> tuple[Turn, ...]:
    words = items(w, 2, 4)
    return chat(w, do(w, REVERSE), ", ".join(words), Gen(", ".join(reversed(words))))


def sort(w: World) -> tuple[Turn, ...]:
    words = numbers(w, w.rng.randint(2, 4))
    return chat(w, do(w, SORT), ", ".join(words), Gen(", ".join(sorted(words, key=int))))


def drop(w: World) -> tuple[Turn, ...]:
    words = items(w, 3, 5)
    gone = w.pick(words)
    return chat(w, do(w, DROP, x=gone), ", ".join(words), Gen(", ".join(word for word in words if word != gone)))


def add(w: World) -> tuple[Turn, ...]:
    *words, new = items(w, 3, 5)
    return chat(w, do(w, ADD, x=new), ", ".join(words), Gen(", ".join([*words, new])))


def to_bullets(w: World) -> tuple[Turn, ...]:
    words = items(w)
    return chat(w, do(w, BULLETS), ", ".join(words), Gen(bullets(words)))


def to_commas(w: World) -> tuple[Turn, ...]:
    words = items(w)
    return chat(w, do(w, COMMAS), bullets(words, w.pick(("- ", "* "))), Gen(", ".join(words)))


def upper(w: World) -> tuple[Turn, ...]:
    words = w.some(w.pick(WORDS), w.rng.randint(2, 5))
    return chat(w, do(w, UPPER), ", ".join(words), Gen(", ".join(word.capitalize() for word in words)))


def nth(w: World) -> tuple[Turn, ...]:
    words = items(w, 2, 6)
    place = w.rng.randrange(len(words))
    named = "last" if place == len(words) - 1 and w.chance(0.7) else ORDINALS[place]
    answer = Gen(words[place], choices=tuple(words)) if w.chance(0.4) else Gen(words[place])
    return chat(w, w.pick(NTH).format(n=named), shape(w, words), answer)


def shape(w: World, words: list[str]) -> str:
    """The list on one line, as bullets, or numbered."""
    kind = w.rng.random()
    if kind < 0.65:
        return line(w, words)
    return bullets(words) if kind < 0.85 else "\n".join(f"{k}. {word}" for k, word in enumerate(words, start=1))


def neighbour(w: World) -> tuple[Turn, ...]:
    words = items(w, 3, 6)
    place = w.rng.randrange(len(words) - 1)
    side, given, answer = w.pick(
        (("after", words[place], words[place + 1]), ("before", words[place + 1], words[place]))
    )
    return chat(w, w.pick(NEIGHBOURS).format(side=side, x=given), shape(w, words), Gen(answer))


def member(w: World) -> tuple[Turn, ...]:
    *words, other = items(w, 3, 6)
    asked, answer = (w.pick(words), "yes") if w.chance(0.5) else (other, "no")
    choices = w.pick((("yes", "no"), ("no", "yes"), ("Yes", "No")))
    text = answer.capitalize() if choices[0] == "Yes" else answer
    return chat(w, w.pick(MEMBER).format(x=asked), shape(w, words), Gen(text, choices=choices))


def count(w: World) -> tuple[Turn, ...]:
    words = w.some(w.pick(WORDS), w.rng.randint(1, 9)) if w.chance(0.5) else items(w, 2, 7)
    if len(words) == 1:
        words = [*words, w.pick([word for word in OBJECTS if word not in words])]
    return chat(w, w.pick(COUNTS), shape(w, words), Gen(str(len(words)), regex="[0-9]"))


# --- patterns -------------------------------------------------------------------------------------------


def cycle(w: World) -> list[str]:
    """Two or three words again and again."""
    kind = w.rng.random()
    size = w.pick((2, 2, 3))
    if kind < 0.3:
        words = w.distinct(w.pick(("first", "city", "thing")), size)
    else:
        words = w.some(w.pick((*WORDS, SHORT, list("ABCDEFXYZabcxyz"), list("0123456789"))), size)
    return (words * 5)[: w.rng.randint(2 * size, 3 * size) + 2]


def steps(w: World) -> list[str]:
    """Numbers with a constant step."""
    start, step = w.number(0, 60), w.pick((1, 2, 3, 5, 10))
    up = [start + step * k for k in range(w.rng.randint(5, 7))]
    return [str(number) for number in (reversed(up) if w.chance(0.2) else up)]


def calendar(w: World) -> list[str]:
    """Days, months or letters in their order."""
    row = w.pick((DAYS * 2, MONTHS * 2, list("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), list("abcdefghijklmnopqrstuvwxyz")))
    size = w.rng.randint(4, 6)
    start = w.rng.randint(0, min(len(row) - size, 25))
    return row[start : start + size]


def counters(w: World) -> list[str]:
    """Repeated phrases with a counter: Step 1, Step 2."""
    label, start = w.pick(STEPS), w.pick((1, 1, 1, w.number(2, 50)))
    end = w.pick(("", "", ".", " is done", " of the list", " is here"))
    return [f"{label} {start + k}{end}" for k in range(w.rng.randint(4, 6))]


def pattern(w: World) -> tuple[Turn, ...]:
    """A row of which the model writes the next one, or the next three."""
    row = w.pick((cycle, cycle, steps, calendar, counters))(w)
    more = w.pick((1, 1, 2))
    between = w.pick((", ", ", ", " ", "\n"))
    if any(" " in word for word in row) and between == " ":
        between = ", "
    shown, answer = between.join(row[:-more]), between.join(row[-more:])
    if more == 1 and w.chance(0.5):
        stop = between.strip(" ") or " "
        return (bare(shown + stop, Gen(" " + answer if between == ", " else answer, stop=stop), stop),)
    before = (system(w.pick(HELPERS)),) if w.chance(0.4) else ()
    how_many = "" if more == 1 else w.pick((" (two items)", " Give two items."))
    what = w.pick(CONTINUE)
    if w.chance(0.3):
        ends = "." if what.endswith(":") else ""
        return *before, user(f"{shown}\n{what.rstrip(':')}{ends}{how_many}"), assistant(Gen(answer))
    if how_many.endswith(".") and what.endswith(":"):
        what = what[:-1] + "."
    gap = "\n" if how_many or w.chance(0.3) or between == "\n" else " "
    return *before, user(f"{what}{how_many}{gap}{shown}"), assistant(Gen(answer))


def numbered(w: World) -> tuple[Turn, ...]:
    """Bare lines of a numbered list in which the same words come again and again."""
    label, words = w.pick(STEPS), items(w, 2, 3)
    marks = w.pick((label + " {k}: ", "{k}. ", "{k}) ", label + " {k} - "))
    lines = [marks.format(k=k) + words[(k - 1) % len(words)] for k in range(1, 3 * len(words) + 1)]
    given = w.rng.randint(2 * len(words), len(lines) - 1)
    if w.chance(0.5):
        known = marks.format(k=given + 1)
        return (bare("\n".join(lines[:given]) + "\n" + known, Gen(lines[given][len(known) :], stop="\n"), "\n"),)
    return (bare("\n".join(lines[:given]) + "\n", Gen(lines[given], stop="\n"), "\n"),)


def echo(w: World) -> tuple[Turn, ...]:
    """The same sentence once more."""
    name, thing = w.first(), w.pick(OBJECTS)
    text = w.pick(("{n} has a {o}.", "{n} sees the {o}.", "The {o} belongs to {n}.", "{n} sold the {o}.")).format(
        n=name, o=thing
    )
    ask = w.pick(("Repeat: {x}", "Say this again: {x}", "Copy this sentence: {x}", "Repeat after me: {x}",
    "Write exactly: {x}",
                  "{x}\nRepeat this sentence.", "{x}\nCopy the sentence.", "Echo: {x}"))  # fmt: skip
    return user(ask.format(x=text)), assistant(Gen(text))


FORMS: tuple[Callable[[World], tuple[Turn, ...]], ...] = (
    copy, copy, reverse, sort, drop, add, to_bullets, to_commas, upper, nth, nth, neighbour, member, count, count,
    pattern, pattern, pattern, pattern, numbered, numbered, echo,
)  # fmt: skip
