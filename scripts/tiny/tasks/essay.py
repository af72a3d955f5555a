"""Judging an essay: whether it is about its subject, judgments along dimensions, and a verdict in JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from scripts.tiny.item import Gen, Item, Turn, assistant, bare, system, user
from scripts.tiny.tasks.sentences import Slots
from scripts.tiny.tasks.subjects import ABOUT, FIXED
from scripts.tiny.world import World

VERDICT = r'\{"summary": "[a-z ,]{10,60}\.", "grade": "[A-D][+-]?"\}'

# Words that make an essay vague, fresh, worn or supported.
VAGUE = ("somehow", "in a way", "sort of", "or something", "more or less", "so to speak", "kind of", "whatever")
FRESH = (
    "like a clock without hands", "like an umbrella full of holes", "like a letter nobody opens",
    "like bread for the mind",
    "like a lamp in a cellar", "like a piano in the snow", "like a bridge of paper", "like a door in the sea",
    "like rain on a hot stone", "like a map of tomorrow", "like a key made of ice", "like a choir of frogs",
)  # fmt: skip
WORN = (
    "as everybody knows", "at the end of the day", "as we all know", "in this day and age", "when all is said and done",
    "needless to say", "as the saying goes", "last but not least",
)  # fmt: skip
PROVERBS = (
    "Time is money", "Better late than never", "Practice makes perfect", "All that glitters is not gold",
    "There are two sides to every coin", "Rome was not built in a day", "Every cloud has a silver lining",
)  # fmt: skip
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety", "twelve")
SOURCES = (
    "a study by {last}", "a survey in {city}", "the records of {firm}", "a report of {year}", "a test in {city}",
    "the figures of {firm}",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Essay:
    """A text about a subject, and the words in it that each judgment rests on."""

    subject: str
    text: str
    opening: str
    vague: tuple[str, ...]
    fresh: str
    worn: str
    figures: tuple[str, ...]
    sentences: int


def about(w: World) -> tuple[str, tuple[str, ...], str]:
    """A subject, its sentences with the slot {x} filled in, and what makes it that subject."""
    if w.chance(0.45):
        subject = w.pick(tuple(FIXED))
        return subject, FIXED[subject], subject
    kind = w.pick(tuple(ABOUT))
    subjects, lines = ABOUT[kind]
    word = Slots(w)[kind]
    return w.pick(subjects).replace("{x}", word), tuple(line.replace("{x}", word) for line in lines), word


def capital(text: str) -> str:
    """The text with a capital first letter."""
    return text[0].upper() + text[1:]


def hedge(line: str, word: str, w: World) -> str:
    """The sentence with a vague or worn phrase at its beginning or its end."""
    if w.chance(0.5):
        return f"{capital(word)}, {keep_name(line)}"
    return f"{line[:-1]}, {word}."


def keep_name(line: str) -> str:
    """The sentence as it goes on after a comma: a small first letter, but for the word I."""
    return line if line.startswith("I ") else line[0].lower() + line[1:]


def essay_of(w: World, subject: str, lines: tuple[str, ...], most: int = 4) -> Essay:
    """Some sentences in random order: the first plain, the others with words that a judge may notice."""
    plain, counted = lines[:-1], lines[-1]
    chosen = w.some(plain, w.rng.randint(2, most))
    opening, rest = chosen[0], chosen[1:]
    vague = tuple(w.some(VAGUE, w.pick((1, 2)))) if w.chance(0.35) else ()
    vague = vague[: len(rest)]
    worn = w.pick(WORN) if w.chance(0.25) and len(rest) > len(vague) else ""
    words = [*vague, *([worn] if worn else [])]
    body = [hedge(line, word, w) for line, word in zip(rest, words, strict=False)] + rest[len(words) :]
    if not worn and w.chance(0.12):
        worn = w.pick(PROVERBS)
        body.append(f"{worn}.")
    fresh = w.pick(FRESH) if not worn and w.chance(0.45) else ""
    if fresh:
        body.append(f"It is {fresh}.")
    extra, figures = evidence(w, counted)
    body += extra
    w.rng.shuffle(body)
    text = " ".join([opening, *body])
    vague = tuple(sorted(vague, key=lambda word: text.lower().index(word)))
    figures = tuple(sorted(figures, key=lambda words: text.lower().index(words.lower())))
    return Essay(subject, text, opening[:-1], vague, fresh, worn, figures, 1 + len(body))


def evidence(w: World, counted: str) -> tuple[list[str], tuple[str, ...]]:
    """Sentences with a figure or a source, and the figures and sources in them."""
    added: list[str] = []
    found: list[str] = []
    kind = w.pick(("none", "none", "figure", "source", "both"))
    if kind in ("figure", "both"):
        slots = Slots(w)
        if w.chance(0.3):
            slots["n"] = w.pick(TENS)
        added.append(counted.format_map(slots))
        found.append(figure(added[0], slots["n"]))
    if kind in ("source", "both"):
        source = w.pick(SOURCES).format_map(Slots(w))
        added.append(
            w.pick((f"{capital(source)} showed it.", f"We know it from {source}.", f"{capital(source)} proved it."))
        )
        found.append(source)
    return added, tuple(found)


def figure(line: str, number: str) -> str:
    """The number in a sentence and the word after it."""
    words = line.split()
    at = next(place for place, word in enumerate(words) if word == number)
    return f"{words[at]} {words[at + 1].rstrip('.,:')}"


# --- judgments: a sentence, and points from 0 to 2 -----------------------------------------------------------


def pair(words: tuple[str, ...]) -> str:
    """'a' or 'a' and 'b'."""
    return " and ".join(f"'{word}'" for word in words)


def clarity(e: Essay) -> tuple[str, int]:
    if e.vague:
        return f"It is vague: it says {pair(e.vague)}.", 2 - len(e.vague)
    return f"It is clear: it says '{e.opening}'.", 2


def originality(e: Essay) -> tuple[str, int]:
    if e.fresh:
        return f"It is original: it says '{e.fresh}'.", 2
    if e.worn:
        return f"It is not original: it says '{e.worn}'.", 0
    return "It is ordinary: it has no image of its own.", 1


def evidence_of(e: Essay) -> tuple[str, int]:
    if len(e.figures) == 2:
        return f"It is well supported: it gives {pair(e.figures)}.", 2
    if e.figures:
        return f"It has some evidence: it gives {pair(e.figures)}.", 1
    return "It has no evidence: it gives no figure and no source.", 0


NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight")


def brevity(e: Essay) -> tuple[str, int]:
    if e.sentences <= 4:
        return f"It is short: it has {NUMBERS[e.sentences]} sentences.", 2
    return f"It is rather long: it has {NUMBERS[e.sentences]} sentences.", 1


JUDGES: dict[str, Callable[[Essay], tuple[str, int]]] = {
    "clarity": clarity, "originality": originality, "evidence": evidence_of, "brevity": brevity,
}  # fmt: skip
OTHER_NAMES = {"evidence": ("evidence", "evidence", "support", "use of evidence"), "brevity": ("brevity", "length"),
               "clarity": ("clarity", "clarity", "clearness"),
               "originality": ("originality", "originality", "creativity")}  # fmt: skip
PHRASES = {
    "clarity": ("vague", "a bit vague", "clear"), "originality": ("not original", "ordinary", "original"),
    "evidence": ("without evidence", "with some evidence", "well supported"), "brevity": ("long", "rather long",
        "short"),
}  # fmt: skip
GRADES = {0: "D", 1: "D+", 2: "C", 3: "C+", 4: "B", 5: "B+", 6: "A"}


def summary(points: list[tuple[str, int]]) -> str:
    """The judgments in a few words: those without a preposition first."""
    words = [PHRASES[dimension][point] for dimension, point in points]
    plain = [word for word in words if not word.startswith("with")]
    late = [word for word in words if word.startswith("with")]
    joined = " and ".join(plain) if len(plain) < 3 else f"{', '.join(plain[:-1])} and {plain[-1]}"
    return f"{', '.join([joined, *late])}."


# --- prompts ------------------------------------------------------------------------------------------------

SYSTEMS = (
    "You are a strict but fair judge of essays.", "You judge essays.", "You are a teacher who reads essays.",
    "You are a fair judge.", "You grade the essays of pupils.", "You are an editor of a school paper.",
    "You are a careful reader of essays.", "You are a helpful assistant.",
)  # fmt: skip
QUESTIONS = (
    "Is the essay about the subject?", "Is the essay about the subject?", "Does the essay keep to the subject?",
    "Is this essay on the subject?", "Is it about the subject? Answer yes or no.", "Does it fit the subject? (yes/no)",
    "Is the essay on topic? Answer yes or no.", "Say yes if the essay is about its subject, else no.",
    "Does this text deal with its subject?", "On the subject: yes or no?", "Does the essay stay on topic?",
    "First question: is the essay about the subject?",
)  # fmt: skip
JUDGE = (
    "Judge its {d} in one sentence", "Judge the {d} of the essay in one sentence", "Judge the {d} in a sentence",
    "Say something about its {d} in one sentence", "Say what you think of its {d} in one sentence",
    "Weigh its {d} in one sentence", "Describe the {d} of the essay in one sentence", "Now judge its {d} briefly",
    "Give your judgment of its {d} in one sentence", "Comment on the {d} in a single sentence",
    "How is its {d}? Answer in one sentence", "Assess the {d} of this essay in one sentence",
)  # fmt: skip
ENDS = (", then write END.", " and then write END.", ". Write END after it.", ", and end with END.")
VERDICT_ASKS = (
    "Sum up and give a grade, in JSON.", "Sum up and give a grade, in JSON.", "Summarize and grade the essay, in JSON.",
    "Give a summary and a grade as JSON.", "Now sum up in JSON with summary and grade.", "Write the verdict in JSON.",
    'Reply with {"summary": ..., "grade": ...}.', "Give your verdict: summary and grade, in JSON.",
    "Put it together: a summary and a grade from A to D, in JSON.", "As JSON: summary and grade.",
)  # fmt: skip
HEADS = ("{count} judges wrote:", "{count} judges wrote:", "The judges wrote:", "The judgments:",
         "{count} readers said:",
         "Here are the judgments:", "The jury wrote:", "Your judgments were:")  # fmt: skip


def shown(w: World, e: Essay) -> str:
    """Subject and essay."""
    stop = "" if e.subject.endswith("?") else w.pick((".", ".", ""))
    return w.pick((
        f"The subject: {e.subject}{stop}\nThe essay: {e.text}", f"The subject: {e.subject}{stop}\nThe essay: {e.text}",
        f"Subject: {e.subject}{stop}\nEssay: {e.text}", f'Subject: "{e.subject}"\n\n{e.text}',
        f"Essay: {e.text}\nSubject: {e.subject}{stop}", f"# {e.subject}\n\n{e.text}",
        f"The pupils had to write about this subject: {e.subject}{stop}\nOne wrote: {e.text}",
        f"Here is an essay. {e.text}\nThe subject was: {e.subject}{stop}", f"Topic: {e.subject}{stop}\nText: {e.text}",
    ))  # fmt: skip


def start(w: World) -> list[Turn]:
    """A system turn, at times."""
    return [system(w.pick(SYSTEMS))] if w.chance(0.6) else []


def off_subject(w: World, e: Essay, word: str) -> Essay:
    """An essay under the subject of another one."""
    while True:
        subject, _, other = about(w)
        if other != word and other.lower().rstrip("s") not in e.text.lower():
            return Essay(subject, e.text, e.opening, e.vague, e.fresh, e.worn, e.figures, e.sentences)


def first_question(w: World, e: Essay, truth: str) -> list[Turn]:
    """Whether the essay is about its subject."""
    ask, text = w.pick(QUESTIONS), shown(w, e)
    asked = f"{ask}\n{text}" if w.chance(0.15) else f"{text}\n{ask}"
    return [*start(w), user(asked), assistant(Gen(truth, choices=("yes", "no")))]


def opened(w: World, e: Essay) -> list[Turn]:
    """The turns before a judgment: with the first question, or just the essay."""
    if w.chance(0.75):
        return first_question(w, e, "yes")
    return [
        *start(w),
        user(shown(w, e)),
        assistant(w.pick(("Thank you, I have read it.", "I have read it.", "Ready."))),
    ]


def judged(w: World, e: Essay) -> list[Turn]:
    """One judgment or two, with or without a prefix and END."""
    turns = opened(w, e)
    ask, end = w.pick(JUDGE), w.pick(ENDS) if w.chance(0.6) else "."
    prefix = w.pick(("Judgment: ", "Judgment: ", "", "My view: "))
    for dimension in w.some(tuple(JUDGES), w.pick((1, 1, 2))):
        told = ask.format(d=w.pick(OTHER_NAMES[dimension])) + end
        sentence = JUDGES[dimension](e)[0]
        written = (Gen(sentence, stop=" END"), " END") if "END" in end else (Gen(sentence),)
        turns += [user(told), assistant(prefix, *written) if prefix else assistant(*written)]
    return turns


def verdict(w: World, e: Essay) -> list[Turn]:
    """Judgments in a list, and the summary and the grade that follow from them."""
    chosen = w.some(tuple(JUDGES), 3) if w.chance(0.5) else ["clarity", "originality", "evidence"]
    found = {dimension: JUDGES[dimension](e) for dimension in chosen}
    bullet = w.pick(("- ", "- ", "* ", ""))
    lines = "\n".join(f"{bullet}{dimension}: {sentence}" for dimension, (sentence, _) in found.items())
    head = w.pick(HEADS).format(count="Three")
    points = [(dimension, point) for dimension, (_, point) in found.items()]
    text = json.dumps({"summary": summary(points), "grade": GRADES[sum(point for _, point in points)]})
    turns = opened(w, e) if w.chance(0.8) else start(w)
    return [*turns, user(f"{head}\n{lines}\n{w.pick(VERDICT_ASKS)}"), assistant(Gen(text, regex=VERDICT))]


def plain(w: World, e: Essay, truth: str) -> list[Turn]:
    """The first question as bare text."""
    text = shown(w, e)
    answer = Gen(f" {truth}", choices=(" yes", " no")) if w.chance(0.5) else Gen(f" {truth}", stop="\n")
    return [bare(f"{text}\nQ: {w.pick(QUESTIONS)}\nA:", answer, "\n")]


def essay(w: World) -> Item:
    """An essay with the first, the second or the last question of its judge."""
    subject, lines, word = about(w)
    e = essay_of(w, subject, lines)
    kind = w.rng.random()
    if kind < 0.4:
        truth = w.pick(("yes", "no"))
        asked = e if truth == "yes" else off_subject(w, e, word)
        turns = plain(w, asked, truth) if w.chance(0.2) else first_question(w, asked, truth)
    else:
        turns = judged(w, e) if kind < 0.75 else verdict(w, e)
    return Item("essay", tuple(turns))
