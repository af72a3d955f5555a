"""Yes-no questions, true or false, and A/B/C/D questions about a given text."""

from __future__ import annotations

from scripts.tiny.facts import Field, Profile, Value, fill
from scripts.tiny.item import Gen, Item, Turn, assistant, system, user
from scripts.tiny.paragraphs import scene
from scripts.tiny.phrasing import ROLES, about
from scripts.tiny.world import World

YES_NO = (
    "Answer yes or no.", "Yes or no?", "Say yes or no.", "Reply with yes or no.", "(yes/no)", "Answer with yes or no only.", "Just yes or no.", "One word: yes or no.", "",
)  # fmt: skip
TRUE_FALSE = (
    "True or false?", "Is this true or false?", "Is the statement true or false?", "Answer true or false.", "Say true or false.", "Reply true or false.", "(true/false)",
)  # fmt: skip
LETTER = (
    "Answer with a letter.", "Answer with the letter.", "Which letter is right?", "Choose A, B, C or D.", "Pick one letter.", "Give the letter of the right answer.",
    "Only the letter.", "Reply with A, B, C or D.", "Choose the right option.", "",
)  # fmt: skip
OPTION = (
    "Answer with one of the options.",
    "Choose one.",
    "Which one is right?",
    "Write the right option.",
    "Pick the right one.",
    "Reply with the option.",
)
AND_WHAT = ("And what is true?", "Then say what is true.", "Add the right value.", "And give the fact.")
WHAT_FIRST = ("First say what is true.", "Begin with the fact.", "Say the right value first.")
OPTION_FIRST = ("Write the option first, then its letter.", "Say the answer, then the letter.", "First the option.")
THEN = (": ", ", so ", " -> ")
WHOLE_ROW = ("Write the whole option.", "Copy the right row.", "Give the letter and its option.")
PREFIXES = ("Answer: ", "The answer is ", "Answer:", "")


def choice(w: World) -> Item:
    """One closed question, or some in a row, about one text."""
    subject, others, text = scene(w)
    turns = [system(w.pick(ROLES))] if w.chance(0.35) else []
    asks = w.pick((yes_no, yes_no, true_false, letters, letters, letters, options))
    ask, answer = asks(w, subject, others)
    turns += [user(about(w, text, ask)), answer]
    for _ in range(w.extra((2, 3, 4, 5, 7, 9), (0, 0, 1, 2, 3))):
        ask, answer = asks(w, subject, others)
        turns += [user(ask), answer]
    return Item("choice", tuple(turns))


def claim(w: World, subject: Profile, others: tuple[Profile, ...]) -> tuple[Profile, Field, Value, bool]:
    """A field with a value to be doubted, and whether it is the true one."""
    who = w.pick((subject, subject, *others))
    field = w.pick(list(who.values))
    if w.chance(0.5):
        return who, field, who.values[field], True
    return who, field, wrong(w, who, field, others, subject), False


def wrong(w: World, who: Profile, field: Field, others: tuple[Profile, ...], subject: Profile) -> Value:
    """Another value: one that the text says of somebody else, where it does, or one out of the air."""
    said = [each.values[field] for each in (subject, *others) if field in each.values and each is not who]
    if said and w.chance(0.7):
        return w.pick(said)
    value = field.draw(w)
    while value == who.values[field]:
        value = field.draw(w)
    return value


def yes_no(w: World, subject: Profile, others: tuple[Profile, ...]) -> tuple[str, Turn]:
    who, field, value, true = claim(w, subject, others)
    ask = f"{fill(w.pick(field.doubts), who.name, value)} {w.pick(YES_NO)}".strip()
    upper = w.chance(0.2)
    words = ("Yes", "No") if upper else ("yes", "no")
    if w.stage >= 2 and w.chance(0.3):  # what is true before it
        told, answer = Gen(str(who.values[field])), Gen(words[0] if true else words[1], choices=words)
        return f"{ask} {w.pick(WHAT_FIRST)}", assistant(told, w.pick(THEN), answer)
    if not w.test and w.chance(0.15):  # what is true beside it
        tail = Gen(f", {who.values[field]}")
        return f"{ask} {w.pick(AND_WHAT)}", assistant(Gen(words[0] if true else words[1], choices=words), tail)
    return ask, said(w, words[0] if true else words[1], words)


def true_false(w: World, subject: Profile, others: tuple[Profile, ...]) -> tuple[str, Turn]:
    who, field, value, true = claim(w, subject, others)
    statement = fill(w.pick(field.says), who.name, value)
    ask = w.pick(
        (
            f"{statement} {w.pick(TRUE_FALSE)}",
            f'{w.pick(TRUE_FALSE)} "{statement}"',
            f"Statement: {statement} {w.pick(TRUE_FALSE)}",
        )
    )
    return ask, said(w, "true" if true else "false", ("true", "false"))


def listed(w: World, subject: Profile, others: tuple[Profile, ...]) -> tuple[str, list[Value], Value]:
    """A question, its options in random order, and the right one."""
    who = w.pick((subject, subject, *others))
    field = w.pick(list(who.values))
    found = [who.values[field]]
    for _ in range(20):
        value = wrong(w, who, field, others, subject)
        if value not in found:
            found.append(value)
        if len(found) == 4:
            break
    found = found[: w.pick((4, 4, 3, 3, 2, 2)) if w.stage >= 2 else w.pick((4, 4, 4, 3, 2))]
    w.rng.shuffle(found)
    return fill(w.pick(field.asks), who.name, ""), found, who.values[field]


def letters(w: World, subject: Profile, others: tuple[Profile, ...]) -> tuple[str, Turn]:
    ask, found, right = listed(w, subject, others)
    mark = w.pick((") ", ". ", ": ", ") "))
    letters = "ABCD" if w.chance(0.9) else "1234"
    rows = [f"{letter}{mark}{value}" for letter, value in zip(letters, found, strict=False)]
    form = w.pick(LETTER)
    if letters == "1234" or len(found) < 4:
        form = form.replace(
            "A, B, C or D", ", ".join(letters[: len(found) - 1]) + " or " + letters[len(found) - 1]
        ).replace("letter", "letter" if letters == "ABCD" else "number")
    body = f"{ask}\n" + w.pick(("\n", "\n", "  ", ", ")).join(rows)
    asked = f"{body}\n{form}".strip() if w.chance(0.7) else f"{form} {body}".strip()
    place = found.index(right)
    if w.stage >= 2 and w.chance(0.3):  # the option before its letter
        told, answer = Gen(str(right)), Gen(letters[place], choices=tuple(letters[: len(found)]))
        return f"{asked} {w.pick(OPTION_FIRST)}", assistant(told, w.pick(THEN), answer)
    if not w.test and w.chance(0.25):  # the whole row
        return f"{asked} {w.pick(WHOLE_ROW)}", assistant(
            Gen(letters[place], choices=tuple(letters[: len(found)])), Gen(f"{mark}{right}")
        )
    return asked, said(w, letters[place], tuple(letters[: len(found)]))


def options(w: World, subject: Profile, others: tuple[Profile, ...]) -> tuple[str, Turn]:
    ask, found, right = listed(w, subject, others)
    names = w.pick((", ", " or ", " / ", "; ")).join(str(value) for value in found)
    return f"{ask} {w.pick(OPTION)} {w.pick(('Options: ', '', '(', 'Choices: '))}{names}".replace(
        "(" + names, f"({names})"
    ), said(w, str(right), tuple(str(value) for value in found))


def said(w: World, answer: str, choices: tuple[str, ...]) -> Turn:
    """The assistant's turn, bare or after words put in its mouth."""
    prefix = w.pick(PREFIXES) if w.chance(0.4) else ""
    if not prefix or prefix.endswith(" "):
        return assistant(prefix, Gen(answer, choices=choices)) if prefix else assistant(Gen(answer, choices=choices))
    return assistant(prefix, Gen(f" {answer}", choices=tuple(f" {each}" for each in choices)))
