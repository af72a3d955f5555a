"""Answer a question about a given paragraph: the bare value, one word, or a sentence; "unknown" where asked for."""

from __future__ import annotations

from scripts.tiny.facts import Field, Profile, fill
from scripts.tiny.item import Gen, Item, Turn, assistant, bare, system, user
from scripts.tiny.paragraphs import scene
from scripts.tiny.phrasing import ROLES, about
from scripts.tiny.world import World

SHORT = (
    "Answer in a word or two.", "Answer briefly.", "Give only the answer.", "Be brief.", "Short answer, please.", "Answer with as few words as you can.",
    "Keep it short.", "Reply with the answer only.", "Just the answer.", "Only the fact, no sentence.", "",
)  # fmt: skip
WORD = (
    "Answer in one word.",
    "One word only.",
    "Reply with one word.",
    "Use a single word.",
    "Give a one-word answer.",
    "In one word.",
    "(one word)",
)
SENTENCE = (
    "Answer in a sentence.",
    "Use a full sentence.",
    "Reply with a full sentence.",
    "Answer with one sentence.",
    "Write a complete sentence.",
)
NUMBER = (
    "Answer with a number.",
    "Give the number only.",
    "Reply with a number.",
    "Just the number.",
    "Answer in digits.",
)
UNKNOWN = (
    "If the text does not say, answer unknown.", "Say unknown if it is not in the text.", "If you cannot tell, say unknown.",
    "Answer unknown when the text does not tell.", "Write unknown if the answer is missing.",
)  # fmt: skip
PREFIXES = ("Answer: ", "The answer is ", "A: ", "Answer:")


def qa(w: World) -> Item:
    """One question, or two in a row, about one text."""
    subject, others, text = scene(w)
    if w.chance(0.12):
        return Item("qa", tuple(shots(w)))
    asked = w.pick(list(subject.values)) if not others or w.chance(0.7) else None
    if asked is None:
        subject = w.pick(others)
        asked = w.pick(list(subject.values))
    ask, answer = question(w, subject, asked)
    if w.chance(0.08):
        return unknown(w, subject, text)
    turns = [system(w.pick(ROLES))] if w.chance(0.35) else []
    if w.chance(0.06):
        return Item(
            "qa", (bare(f"{text}\nQ: {ask.split(chr(10))[0]}\nA:", Gen(f" {subject.values[asked]}", stop="\n"), "\n"),)
        )
    turns += [user(about(w, text, ask)), replied(w, answer)]
    for _ in range(w.extra((1, 2, 3, 4, 5), (0, 0, 1, 1, 2, 3))):
        who = w.pick((subject, *others))
        ask, answer = question(w, who, w.pick(list(who.values)))
        turns += [user(ask), replied(w, answer)]
    return Item("qa", tuple(turns))


def question(w: World, subject: Profile, asked: Field) -> tuple[str, str]:
    """A question with the form that its answer shall have, and the answer."""
    ask, value = fill(w.pick(asked.asks), subject.name, subject.values[asked]), subject.values[asked]
    if w.chance(0.12):
        answer, form = fill(asked.says[0], subject.name, value), w.pick(SENTENCE)
    elif isinstance(value, int) and w.chance(0.3):
        answer, form = str(value), w.pick(NUMBER)
    elif " " not in str(value) and w.chance(0.5):
        answer, form = str(value), w.pick(WORD)
    else:
        answer, form = str(value), w.pick(SHORT)
    return joined(w, ask, form), answer


def joined(w: World, ask: str, form: str) -> str:
    """The question and the form of its answer, in either order."""
    if not form:
        return ask
    return f"{form} {ask}" if w.chance(0.25) and form[0] != "(" else f"{ask} {form}"


def replied(w: World, answer: str) -> Turn:
    """The assistant's turn: bare, or after words put in its mouth."""
    if w.chance(0.2):
        prefix = w.pick(PREFIXES)
        return assistant(prefix, Gen(answer if prefix.endswith(" ") else f" {answer}"))
    return assistant(Gen(answer))


def unknown(w: World, subject: Profile, text: str) -> Item:
    """A question whose answer the text may not hold, with leave to say so."""
    absent = [field for field in subject.kind.fields if field not in subject.values]
    if absent and w.chance(0.6):
        asked = w.pick(absent)
        ask, answer = fill(w.pick(asked.asks), subject.name, ""), "unknown"
    else:
        asked = w.pick(list(subject.values))
        ask, answer = fill(w.pick(asked.asks), subject.name, ""), str(subject.values[asked])
    return Item("qa", (user(about(w, text, joined(w, ask, w.pick(UNKNOWN)))), assistant(Gen(answer))))


def shots(w: World) -> list[Turn]:
    """Worked examples first, each with a text of its own, as base models like it."""
    head, lines = (
        w.pick(("Answer in a word or two.\n\n", "", "Answer the question about the text.\n\n", "Examples:\n\n")),
        [],
    )
    labels = w.pick((("Text: ", "Q: ", "A:"), ("", "Q: ", "A:"), ("Context: ", "Question: ", "Answer:")))
    for number in range(w.rng.randint(2, 4), 0, -1):
        subject, _, text = scene(w, 3)
        asked = w.pick(list(subject.values))
        ask = fill(w.pick(asked.asks), subject.name, "")
        lines += [f"{labels[0]}{text}\n{labels[1]}{ask}\n{labels[2]}"]
        value = str(subject.values[asked])
        lines += [f" {value}\n\n"] if number > 1 else []
    return [bare(head + "".join(lines), Gen(f" {value}", stop="\n"), "\n")]
