"""Classification with the labels given in the prompt: zero-shot, few-shot, as a chat or as bare text."""

from __future__ import annotations

from dataclasses import dataclass

from scripts.tiny.item import Gen, Item, Shown, Turn, assistant, bare, system, user
from scripts.tiny.tasks import sentences as b
from scripts.tiny.world import World


@dataclass(frozen=True, slots=True)
class LabelSet:
    """What is classified, by what, and for every label its words and its sentences."""

    nouns: tuple[str, ...]
    aspects: tuple[str, ...]
    names: tuple[tuple[str, ...], ...]
    banks: tuple[tuple[str, ...], ...]
    sentences: int = 2


FOOD_ANY = b.FOOD_GOOD + b.FOOD_BAD
SERVICE_ANY = b.SERVICE_GOOD + b.SERVICE_BAD
PRICE_ANY = b.PRICE_GOOD + b.PRICE_BAD
PLACE_ANY = b.PLACE_GOOD + b.PLACE_BAD
LIKED = b.WORK_GOOD + b.FOOD_GOOD + b.SERVICE_GOOD + b.PLACE_GOOD
DISLIKED = b.WORK_BAD + b.FOOD_BAD + b.SERVICE_BAD + b.PLACE_BAD

POSITIVE = ("positive", "good", "happy", "favourable", "like", "thumbs up", "satisfied", "pos", "great")
NEGATIVE = ("negative", "bad", "unhappy", "unfavourable", "dislike", "thumbs down", "dissatisfied", "neg", "terrible")

SETS = (
    LabelSet(("review", "comment", "text", "sentence"), ("sentiment", "opinion", "tone", "feeling"),
             (POSITIVE, NEGATIVE), (LIKED, DISLIKED)),
    LabelSet(("review", "comment", "text", "sentence", "post"), ("sentiment", "opinion", "mood"),
             (("positive", "good", "happy"), ("negative", "bad", "unhappy"), ("neutral", "neutral", "neutral")),
             (LIKED, DISLIKED, b.NEUTRAL)),
    LabelSet(("review", "comment", "restaurant review"), ("topic", "subject", "theme"),
             (("food", "meal"), ("service", "staff"), ("price", "cost"), ("place", "room")),
             (FOOD_ANY, SERVICE_ANY, PRICE_ANY, PLACE_ANY)),
    LabelSet(("headline", "news item", "article", "text", "sentence"), ("topic", "section", "category", "subject"),
             (("sport", "sports"), ("politics", "politics"), ("science", "research"), ("weather", "weather"),
              ("business", "economy"), ("culture", "arts")),
             (b.SPORT, b.POLITICS, b.SCIENCE, b.WEATHER_NEWS, b.BUSINESS, b.CULTURE)),
    LabelSet(("message", "email", "letter", "text"), ("kind", "type", "category", "intent"),
             (("question", "enquiry"), ("complaint", "complaint"), ("praise", "compliment"), ("order", "purchase")),
             (b.QUESTION, b.COMPLAINT, b.PRAISE, b.ORDER)),
    LabelSet(("ticket", "message", "request", "email"), ("department", "category", "team", "queue"),
             (("billing", "payment"), ("technical", "tech support"), ("shipping", "delivery"), ("account", "login")),
             (b.BILLING, b.TECHNICAL, b.SHIPPING, b.ACCOUNT)),
    LabelSet(("message", "ticket", "email", "note"), ("urgency", "priority"),
             (("high", "urgent"), ("low", "not urgent")), (b.URGENT, b.CALM)),
    LabelSet(("sentence", "text", "message"), ("style", "register", "language"),
             (("formal", "official"), ("informal", "casual")), (b.FORMAL, b.INFORMAL)),
    LabelSet(("email", "message", "mail"), ("class", "label", "kind"),
             (("spam", "junk"), ("not spam", "normal")), (b.SPAM, b.HAM)),
    LabelSet(("text", "sentence", "diary entry"), ("season", "time of year"),
             (("spring",), ("summer",), ("autumn",), ("winter",)), (b.SPRING, b.SUMMER, b.AUTUMN, b.WINTER)),
    LabelSet(("sentence", "scene", "text"), ("setting", "location"),
             (("indoor", "inside", "indoors"), ("outdoor", "outside", "outdoors")), (b.INDOOR, b.OUTDOOR), 1),
    LabelSet(("sentence", "text"), ("tense", "time"),
             (("past",), ("present",), ("future",)), (b.PAST, b.PRESENT, b.FUTURE)),
    LabelSet(("text", "sentence", "diary entry", "message"), ("emotion", "feeling", "mood"),
             (("joy", "happy"), ("anger", "angry"), ("fear", "afraid"), ("sadness", "sad")),
             (b.JOY, b.ANGER, b.FEAR, b.SADNESS)),
    LabelSet(("sentence", "statement", "claim"), ("kind", "type"),
             (("fact", "factual"), ("opinion", "subjective")), (b.FACT, b.OPINION)),
    LabelSet(("sentence", "utterance"), ("kind", "type", "form"),
             (("question",), ("command",), ("statement",)), (b.ASK, b.COMMAND, b.STATEMENT), 1),
    LabelSet(("sentence", "remark", "message"), ("manner", "tone"),
             (("polite", "courteous"), ("rude", "impolite")), (b.POLITE, b.RUDE)),
    LabelSet(("command", "request", "message"), ("intent", "skill", "app"),
             (("music",), ("alarm", "clock"), ("travel",), ("weather",)), (b.MUSIC, b.ALARM, b.TRAVEL, b.FORECAST), 1),
    LabelSet(("word", "thing", "item"), ("kind", "class", "category"),
             (("animal",), ("plant",), ("mineral",)), (b.things("beast"), b.things("plant"), b.things("mineral")), 1),
    LabelSet(("word", "thing", "item"), ("kind", "class"), (("fruit",), ("vegetable",)),
             (b.things("fruit"), b.things("vegetable")), 1),
    LabelSet(("word", "thing", "item", "object"), ("kind", "class", "category", "type"),
             (("tool",), ("vehicle",), ("instrument", "musical instrument"), ("clothing", "garment"), ("furniture",),
              ("animal",), ("fruit",), ("job", "profession"), ("colour", "color"), ("vegetable",)),
             tuple(b.things(slot) for slot in ("tool", "vehicle", "instrument", "garment", "furniture", "beast",
                 "fruit",
                                               "trade", "hue", "vegetable")), 1),
)  # fmt: skip


@dataclass(slots=True)
class Problem:
    """A label set as one prompt uses it: some of its labels, in some order, under some names."""

    noun: str
    aspect: str
    names: list[str]
    codes: list[str]
    banks: list[tuple[str, ...]]
    sentences: int

    def draw(self, w: World) -> tuple[str, str]:
        """A text and the label to answer."""
        place = w.rng.randrange(len(self.banks))
        return compose(w, self.banks[place], self.sentences), self.codes[place]


def compose(w: World, bank: tuple[str, ...], most: int) -> str:
    """One sentence of the bank or a few."""
    count = w.pick((1, 1, 1, 2, 2, 3)) if most > 1 else 1
    return " ".join(b.fill(w, template) for template in w.some(bank, count))


def problem(w: World) -> Problem:
    """Some labels of a set, shuffled, under the names of one wording or under codes."""
    labels = w.pick(SETS)
    count = len(labels.names)
    kept = w.some(range(count), w.rng.randint(2, min(count, 6)) if count > 2 and w.chance(0.5) else min(count, 6))
    wording = w.rng.randrange(10) if w.chance(0.6) else 0
    names = [labels.names[place][wording % len(labels.names[place])] for place in kept]
    style = w.rng.random()
    if style < 0.1:
        names = [name.capitalize() for name in names]
    elif style < 0.15:
        names = [name.upper() for name in names]
    codes = coded(w, len(names)) if w.chance(0.15) else names
    return Problem(w.pick(labels.nouns), w.pick(labels.aspects), names, codes,
                   [labels.banks[place] for place in kept], labels.sentences)  # fmt: skip


def coded(w: World, count: int) -> list[str]:
    """Other words that stand for the labels, different from each other."""
    kind = w.rng.randrange(5)
    if kind == 0:
        return list("ABCDEF"[:count])
    if kind == 1:
        return list("123456"[:count])
    if kind == 2:
        return w.some("KLMNPQRSTUVWXYZ", count)
    if kind == 3:
        return w.some(("red", "blue", "green", "yellow", "black", "white", "grey", "pink"), count)
    return w.distinct("thing", count)


def listed(w: World, names: list[str]) -> str:
    """The labels in a line, with one of many separators."""
    either = f"{', '.join(names[:-1])} or {names[-1]}"
    quoted = [f'"{name}"' for name in names]
    return w.pick((either, either, either, ", ".join(names), " / ".join(names), "/".join(names), " | ".join(names),
                   "; ".join(names), f"[{', '.join(names)}]", f"({', '.join(names)})", ", ".join(quoted),
                   f"{', '.join(quoted[:-1])} or {quoted[-1]}"))  # fmt: skip


def defined(w: World, p: Problem) -> str:
    """What every code stands for."""
    join = w.pick(("{} for {}", "{} if it is {}", "{} means {}", "{} = {}", "{} stands for {}"))
    pairs = [join.format(code, name) for code, name in zip(p.codes, p.names, strict=True)]
    return w.pick(("Answer ", "Write ", "Labels: ")) + ", ".join(pairs) + "."


def instruction(w: World, p: Problem) -> str:
    """Says what to do and names the labels."""
    n, a = p.noun, p.aspect
    verb = w.pick(("Classify", "Label", "Sort", "Judge", "Categorize", "Read"))
    task = w.pick((
        f"{verb} the {n} by {a}.", f"{verb} each {n} by its {a}.", f"What is the {a} of the {n}?",
        f"Name the {a} of this {n}.", f"Tell me the {a} of the {n}.", f"Give the {a} of every {n}.",
        f"You classify every {n} by {a}.", f"Which {a} fits the {n}?", f"Find the {a} of the {n}.",
        f"Say which {a} the {n} has.", f"Decide on the {a} of the {n}.", f"Your task is to find the {a} of a {n}.",
        f"Determine the {a}.", f"{a.capitalize()} of this {n}?", f"Assign one {a} to the {n}.",
    ))  # fmt: skip
    if p.codes is not p.names:
        return f"{task} {defined(w, p)}"
    names = listed(w, p.names)
    short = w.pick(("Answer with one word: ", "Labels: ", "Choose from: ", "Answer ", "Options: ", "One of: ", "Reply ",
                    "Reply with one of these: ", "Pick one: ", "Possible answers: ", "The labels are ",
                    "Answer in one word. Labels: "))  # fmt: skip
    whole = w.pick((
        f"Is the {n} {names}?", f"What fits the {n}: {names}?", f"Classify the {n} as {names}.",
        f"Label each {n} as {names}.", f"Say whether the {n} is {names}.", f"Which is it: {names}?",
        f"Say what the {n} is, in one word: {names}.", f"Sort every {n} into {names}.", f"Decide: {names}?",
        f"For each {n}, answer {names}.",
    ))  # fmt: skip
    return whole if w.chance(0.4) else f"{task} {short}{names}."


def gen(p: Problem, label: str, space: bool = False) -> Gen:
    """The label as an answer; with `space` where the text before it ends in a colon."""
    lead = " " if space else ""
    return Gen(lead + label, choices=tuple(lead + code for code in p.codes))


def shots(w: World, p: Problem) -> list[tuple[str, str]]:
    """Zero to five examples, in training up to eight."""
    return [p.draw(w) for _ in range(w.extra((0, 1, 2, 3, 4, 5, 6, 8), (0, 0, 1, 2, 3, 3, 4, 5)))]


def lead(w: World, p: Problem) -> tuple[str, str]:
    """The words before a text and before its label."""
    before = w.pick((f"{p.noun.capitalize()}:", "Text:", "Input:", f"{p.noun.capitalize()}:", "Q:"))
    after = w.pick((f"{p.aspect.capitalize()}:", "Label:", "Answer:", "Output:", "Class:", f"{p.aspect.capitalize()}:"))
    return before, "A:" if before == "Q:" else after


def as_turns(w: World, p: Problem) -> list[Turn]:
    """Examples as turns; the instruction in a system turn or before the first text."""
    told, examples, (text, label) = instruction(w, p), shots(w, p), p.draw(w)
    before, after = lead(w, p)
    shape = w.pick(("{}", "{}", f"{before} {{}}", '"{}"', f"{before}\n{{}}"))
    prefix = w.pick(("", "", "", f"{after} ", "It is ", "Label: ", "Answer: "))
    turns = [system(told)] if w.chance(0.6) else []
    opening = "" if turns else told + w.pick(("\n", "\n\n", " "))
    for shown, answer in examples:
        turns += [user(opening + shape.format(shown)), assistant(prefix, Shown(answer))]
        opening = ""
    if not examples and opening and w.chance(0.4):
        asked = shape.format(text) + w.pick(("\n", "\n\n", " ")) + told
    else:
        asked = opening + shape.format(text)
    return [*turns, user(asked), assistant(prefix, gen(p, label)) if prefix else assistant(gen(p, label))]


def as_block(w: World, p: Problem) -> list[Turn]:
    """Examples and text in one user turn; the answer is the whole of the next turn."""
    told, (text, label) = instruction(w, p), p.draw(w)
    before, after = lead(w, p)
    gap = w.pick(("\n\n", "\n", "\n---\n"))
    blocks = [piece for shown, answer in shots(w, p) for piece in (f"{before} {shown}\n{after} ", Shown(answer), gap)]
    last = f"{before} {text}" + w.pick(("", f"\n{after}"))
    asked = (last, gap, told) if not blocks and w.chance(0.3) else (told, gap, *blocks, last)
    turns = [system(w.pick(SYSTEMS))] if w.chance(0.3) else []
    prefix = w.pick(("", "", f"{after} "))
    return [*turns, user(*asked), assistant(prefix, gen(p, label)) if prefix else assistant(gen(p, label))]


SYSTEMS = (
    "You are a helpful assistant.", "You are a careful classifier.", "Answer in one word.", "Be brief.",
    "You label texts.", "Answer with the label only.", "You sort messages.", "You are a precise reader.",
)  # fmt: skip


def as_bare(w: World, p: Problem) -> list[Turn]:
    """Text without roles: an instruction or none, examples, and the text with an open label."""
    examples, (text, label) = shots(w, p), p.draw(w)
    before, after = lead(w, p)
    gap = w.pick(("\n\n", "\n"))
    told = "" if len(examples) > 3 and p.codes is p.names and w.chance(0.3) else instruction(w, p) + "\n\n"
    blocks = [piece for shown, answer in examples for piece in (f"{before} {shown}\n{after} ", Shown(answer), gap)]
    space = w.chance(0.5)
    answer = gen(p, label, space)
    free = Gen(answer.text, stop="\n")
    last = f"{before} {text}\n{after}" + ("" if space else " ")
    return [bare(told, *blocks, last, free if w.chance(0.3) else answer, "\n")]


def as_check(w: World, p: Problem) -> list[Turn]:
    """Whether the text has one named label: yes or no; in training for some texts in a row."""
    turns = [system(w.pick(SYSTEMS[:4]))] if w.chance(0.3) else []
    for _ in range(w.extra((2, 3, 4, 5), (1,))):
        turns += check(w, p)
    return turns


def check(w: World, p: Problem) -> list[Turn]:
    """One text and one label."""
    place, other = w.some(range(len(p.names)), 2)
    text = compose(w, p.banks[place], p.sentences)
    asked, truth = (place, "yes") if w.chance(0.5) else (other, "no")
    name, n, a = p.names[asked], p.noun, p.aspect
    question = w.pick((
        f"Is the {a} of this {n} {name}?", f"Is its {a} {name}?", f"Does the {a} {name} fit?",
        f"Would you label this {n} {name}?", f"{a.capitalize()}: {name}. Is this right?",
        f'Is "{name}" the right {a} for the {n}?',
    )) + w.pick(("", " Answer yes or no.", " Yes or no?", " (yes/no)"))  # fmt: skip
    asked_text = f"{text}\n{question}" if w.chance(0.5) else f"{question}\n{n.capitalize()}: {text}"
    return [user(asked_text), assistant(Gen(truth, choices=("yes", "no")))]


# --- two labels a review -------------------------------------------------------------------------------------

REVIEWS = {
    "food": (b.FOOD_GOOD, b.FOOD_BAD), "service": (b.SERVICE_GOOD, b.SERVICE_BAD),
    "price": (b.PRICE_GOOD, b.PRICE_BAD), "place": (b.PLACE_GOOD, b.PLACE_BAD),
}  # fmt: skip
FIRST = (
    "Say what each is about in one word: {}.", "Name the topic of each: {}.", "First give the topic ({}).",
    "For every review, write its topic: {}.", "What is it about: {}?", "Sort each under {}.",
)  # fmt: skip
SECOND = (
    "Then say whether the owner should answer it.", "Then say whether the owner should reply (complaints only).",
    "Then yes if the owner must answer a complaint, else no.", "Then say yes for a complaint and no for praise.",
    "Add whether somebody should answer; only complaints need an answer.", "Then say whether it is a complaint.",
)  # fmt: skip
READER = ("You read restaurant reviews.", "You work for a restaurant and sort its reviews.", "Here come reviews.",
          "Guests have written reviews.", "You help the owner of a restaurant.")  # fmt: skip


def review(w: World, shape: str) -> tuple[str, str, str]:
    """A review in the shape given, which may show its stars; its topic; and yes for a complaint."""
    topic, kind = w.pick(tuple(REVIEWS)), w.rng.random()
    if kind < 0.12:
        opener = w.pick(("Fine, but", "Not bad, but", "Nice, but", "All right, but", "Okay, but"))
        text, stars, answer = f"{opener} {w.pick(b.MIXED[topic])}.", w.pick((2, 3, 3)), "yes"
    elif kind < 0.56:
        text, stars, answer = compose(w, REVIEWS[topic][0], 2), w.pick((4, 5)), "no"
    else:
        text, stars, answer = compose(w, REVIEWS[topic][1], 2), w.pick((1, 1, 2)), "yes"
    return shape.format(text, stars), topic, answer


def as_table(w: World, _: Problem) -> list[Turn]:
    """The topic of a review, and then whether the owner should answer it."""
    between = w.pick(("; answer: ", "; answer: ", "; reply: ", ", ", " | ", "\nanswer: ", " - "))
    topics = w.some(tuple(REVIEWS), 4)
    told = f"{w.pick(READER)} {w.pick(FIRST).format(listed(w, topics))} {w.pick(SECOND)}"
    turns, opening = ([system(told)], "") if w.chance(0.75) else ([], told + "\n")
    shape = w.pick(("{} ({} of 5)", "{} ({} of 5)", "{} ({}/5)", "{}", "{} {} stars", "Review: {} ({} of 5)"))
    for _turn in range(w.extra((1, 2, 3, 4), (0, 1, 2, 2, 3))):
        text, topic, answer = review(w, shape)
        turns += [user(opening + text), assistant(Shown(topic), between, Shown(answer))]
        opening = ""
    text, topic, answer = review(w, shape)
    head = Gen(topic, choices=tuple(topics))
    if w.chance(0.4):
        return [*turns, user(opening + text), assistant(head)]
    return [*turns, user(opening + text), assistant(head, between, Gen(answer, choices=("yes", "no")))]


SHAPES = (as_turns, as_turns, as_turns, as_block, as_block, as_bare, as_bare, as_check, as_table, as_table)


def classify(w: World) -> Item:
    """A text, labels, and the one that fits."""
    return Item("classify", tuple(w.pick(SHAPES)(w, problem(w))))
