"""Ratings of a text on a named dimension, with a reason that quotes the words the rating rests on."""

from __future__ import annotations

import json
from dataclasses import dataclass

from scripts.tiny.item import Gen, Item, Turn, assistant, bare, system, user
from scripts.tiny.tasks.sentences import FILLER_FACTS, Slots
from scripts.tiny.world import World

Cue = tuple[str, str]


def cues(text: str) -> tuple[Cue, ...]:
    """One sentence a line; the words in asterisks are the cue, and lose their asterisks."""
    found = []
    for line in text.strip().splitlines():
        before, cue, after = line.strip().split("*")
        found.append((before + cue + after, cue))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Dimension:
    """A quality: its nouns, its adjective, the verb of the reason, and sentences that show it or its contrary."""

    nouns: tuple[str, ...]
    adjective: str
    verb: str
    strong: tuple[Cue, ...]
    weak: tuple[Cue, ...]


DIMENSIONS = (
    Dimension(("politeness", "courtesy"), "polite", "It says", cues("""
        Could you *please* close the door, {first}?
        *Thank you* for the {food}.
        *Excuse me*, is this seat free?
        *I am sorry* for the delay.
        *Would you mind* waiting until {clock}?
        You are *most welcome* in {city}.
        *May I* borrow the {object}?
        We would be *grateful* for an answer by {day}.
        *If you do not mind*, I will come at {clock}.
    """), cues("""
        *Shut up*, {first}.
        *Get lost*, all of you.
        Only an *idiot* would buy that {object}.
        *Hurry up*, you with the {object}!
        *I do not care* what you think of {city}.
        What a *stupid* question.
        *Out of my way*, {first}!
        You *lazy* lot have done nothing since {day}.
    """)),
    Dimension(("evidence", "support", "proof"), "well supported", "It gives", cues("""
        In {city} sales rose by *{n} percent*.
        *A study by {last}* found the same.
        The office counted *{big} cases* in {year}.
        *According to {firm}*, the costs fell.
        *A survey of {big} people* showed it.
        *Doctor {last}* measured it in {month}.
        *The records of {year}* prove it.
        The test in {city} took *{n} days* and gave the same result.
    """), cues("""
        *Everybody knows* that.
        *They say* it has always been so.
        *Somebody* told my {relative} so.
        *I just feel* that it is true.
        *It is obvious*, isn't it?
        *Rumour has it* that {city} does it too.
        *Trust me*, it works.
        *No doubt* things will be fine.
    """)),
    Dimension(("clarity",), "clear", "It says", cues("""
        *In short*, the {object} must be sold.
        *First* open the box, then take out the {object}.
        *That is*, the shop opens at {clock}.
        *For example*, {first} pays {n} {money}.
        *My point is* that {city} needs a bridge.
        *To be exact*, it takes {n} minutes.
        *In other words*, {first} must pay.
        *There are two reasons*: the price and the noise.
    """), cues("""
        *Somehow* it is about the {object}.
        One could *sort of* put it there.
        It has to do with *stuff* in {city}.
        *In a way* it is, and then again it is not.
        *Or something*, as {first} might put it.
        The *thingy* goes into the other one.
        *Whatever* it is, it is more or less so.
        The *so to speak* aspect of it is another aspect.
    """)),
    Dimension(("originality", "creativity"), "original", "It says", cues("""
        The city is *a piano with broken keys*.
        Time here walks *like an old {animal} in slippers*.
        *Imagine a {object} that dreams* of {city}.
        The moon hung there *like a forgotten {object}*.
        *What if clouds paid rent*?
        {first} laughs *like a drawer full of spoons*.
        The street is *a sleeping {animal}*.
        Silence grew there *like moss on a violin*.
    """), cues("""
        *Once upon a time* there was a {job}.
        {first} was *as busy as a bee*.
        *At the end of the day* it is what it is.
        *Time flies*, as we know.
        {first} slept *like a log*.
        They lived *happily ever after*.
        *Better late than never*, said {first}.
        *All that glitters is not gold*.
    """)),
    Dimension(("kindness", "warmth"), "kind", "It says", cues("""
        {first} *helped* an old {job} across the street.
        {first} *shared* the {food} with everybody.
        {first} *comforted* the crying child.
        {first} *gave* the last coat to a beggar.
        You did so well, {first}, *I am proud of you*.
        *Take care* of yourself, {first}.
        {first} *forgave* the thief.
        {first} *visited* the sick {job} every day.
    """), cues("""
        {first} *laughed at* the crying child.
        {first} *kicked* the {animal}.
        {first} *mocked* the old {job}.
        {first} *stole* the {object} of a blind man.
        *Nobody likes you*, {first}.
        {first} *pushed* the little boy into the mud.
        {first} *refused* to help the sick {job}.
        {first} *lied* to the poor {job}.
    """)),
    Dimension(("cheerfulness", "joy", "happiness"), "cheerful", "It says", cues("""
        {first} *laughed* all the way to {city}.
        *Hurray*, it is {day}!
        We *danced* until {clock}.
        {first} *sang* in the {room}.
        {first} *smiled* at everybody.
        *What fun* it was in {city}!
        Everyone *cheered* when {first} came.
        {first} *giggled* over the {object}.
    """), cues("""
        {first} *wept* in the {room}.
        *Alas*, the {object} is lost.
        {first} *sighed* and went home.
        All *hope is gone* in {city}.
        {first} *mourned* for the {animal}.
        It was a *gloomy* day in {city}.
        {first} *sobbed* until {clock}.
        We are all *heartbroken* here.
    """)),
    Dimension(("urgency",), "urgent", "It says", cues("""
        Come *at once*, {first}.
        I need the {object} *right now*.
        The deadline is *in ten minutes*.
        It is an *emergency* in {city}.
        Send help *immediately*.
        {first}, *hurry*, the cellar is under water!
        Answer *as soon as possible*.
        There is *not a minute to lose*.
    """), cues("""
        *There is no hurry* with the {object}.
        *Take your time*, {first}.
        Answer *whenever you like*.
        *Some day* we should paint the {room}.
        It *can wait* until {month}.
        *No rush* at all, {first}.
        Do it *when you are bored*.
        It is *not important* before {day}.
    """)),
    Dimension(("spiciness", "heat"), "spicy", "It mentions", cues("""
        Stir in *{n} red chillies*.
        The *cayenne* goes into the {dish}.
        Add plenty of *hot pepper*.
        Top the {dish} with *jalapenos*.
        A spoon of *chilli oil* follows.
        The {dish} will *burn your tongue*.
        Rub the {food} with *fiery paste*.
        Serve it with *hot sauce*.
    """), cues("""
        Stir in *sweet cream*.
        The *mild* sauce goes over the {dish}.
        Add plenty of *sugar*.
        Top the {dish} with *plain yoghurt*.
        A spoon of *honey* follows.
        Even a *baby* can eat it.
        Use *no pepper* at all.
        Serve it with *vanilla* ice.
    """)),
    Dimension(("confidence", "certainty"), "confident", "It says", cues("""
        *I am certain* that {city} will win.
        *Without doubt* the {object} is real.
        {first} will *definitely* come.
        *I guarantee* that it works.
        It is *absolutely* {colour}.
        {first} will *surely* answer by {day}.
        *There is no question* that {first} is right.
        *I know for a fact* that {first} lives in {city}.
    """), cues("""
        *Perhaps* {city} will win.
        *I am not sure* about the {object}.
        {first} *might* come on {day}.
        *I guess* that it works.
        It is *possibly* {colour}.
        *Maybe* {first} will answer.
        *I have no idea* where {first} is.
        *It could be* that {first} is right.
    """)),
    Dimension(("detail",), "detailed", "It gives", cues("""
        The box is *{n} centimetres* wide.
        The meeting began *at {clock}*.
        {first} wore a *{colour} coat with brass buttons*.
        It happened on *{date}*.
        The ticket cost *{n} {money}*.
        On the left stood a *{colour} {object} with a dent*.
        It weighed *{n} grams*.
        They sat *in row {n}*.
    """), cues("""
        *Something* happened.
        It was *somewhere* out there.
        *Some people* were there.
        It took *a while*.
        They had *a few things* with them.
        *Someone* came and went.
        It was *some time* ago.
        It was *kind of big*.
    """)),
    Dimension(("enthusiasm", "excitement"), "enthusiastic", "It says", cues("""
        *Wow*, what a {object}!
        I *cannot wait* to see {city}!
        This is *so exciting*!
        {city} is *simply amazing*!
        I *love* {hobby}!
        *Best day ever* with {first}!
        I am *thrilled* by the {object}!
        *Fantastic*, {first} is coming!
    """), cues("""
        *Meh*, a {object} again.
        I am *bored* with {city}.
        *Who cares* about {hobby}.
        *I suppose* we could go to {city}.
        *Yawn*, {first} talks about {hobby}.
        It is *nothing special*.
        *So what* if {first} comes.
        The {object} is *all right, I guess*.
    """)),
    Dimension(("promise", "progress"), "promising", "It says", cues("""
        *Only one step is left*.
        Then *it all fits together*.
        This *makes exactly* {n}.
        The rest is *easy* from here.
        With this the *key* to the puzzle is found.
        This *halves the work*.
        That *leads straight* to {n}.
        All numbers are *used once*.
    """), cues("""
        This is a *dead end*.
        It *leads nowhere*.
        This *breaks the rule*.
        We *have tried that* before.
        It is *too big* by far.
        There is *nothing left* to go on with.
        That *wastes* the {n}.
        This is *just a guess*.
    """)),
)  # fmt: skip

# The rating of a text with so many sentences for (first) and against (second) the quality.
LEVELS = {(3, 0): 4, (2, 0): 4, (1, 0): 3, (1, 1): 2, (0, 0): 2, (0, 1): 1, (0, 2): 0, (0, 3): 0}
MIXES = ((3, 0), (2, 0), (2, 0), (1, 0), (1, 0), (1, 1), (0, 0), (0, 1), (0, 1), (0, 2), (0, 2), (0, 3))


@dataclass(frozen=True, slots=True)
class Scale:
    """How a scale is told, and the mark of each of five levels."""

    told: tuple[str, ...]
    marks: tuple[str, ...]
    choices: tuple[str, ...]
    regex: str = ""


FIVE = ("from 1 to 5", "on a scale of 1 to 5", "1-5", "with 1 to 5 points", "from 1 (not at all) to 5 (very)")
NINE = ("from 0 to 9", "on a scale from 0 to 9", "0-9", "with a digit from 0 to 9")
TEN = ("from 1 to 10", "on a scale of 1 to 10", "1-10", "out of 10")
LETTERS = ("from A to D", "with a grade from A (best) to D (worst)", "A, B, C or D", "with A, B, C or D (A is best)")
WORDS = ("as low, medium or high", "low/medium/high", "with low, medium or high", "(high, medium, low)")
SCALES = (
    Scale(FIVE, ("1", "2", "3", "4", "5"), tuple("12345"), "[1-5]"),
    Scale(NINE, ("1", "3", "5", "7", "9"), tuple("0123456789"), "[0-9]"),
    Scale(TEN, ("1", "3", "5", "8", "10"), tuple(map(str, range(1, 11))), "10|[1-9]"),
    Scale(LETTERS, ("D", "D", "C", "B", "A"), tuple("ABCD"), "[A-D]"),
    Scale(WORDS, ("low", "low", "medium", "high", "high"), ("low", "medium", "high")),
)


@dataclass(slots=True)
class Rated:
    """A text, what is asked about it, and the answer."""

    dimension: Dimension
    noun: str
    scale: Scale
    told: str
    text: str
    mark: str
    reason: str


def write(w: World, dimension: Dimension, strong: int, weak: int, fillers: int) -> tuple[str, list[str], list[str]]:
    """A text with so many cues for and against, and both lists of cues in the order of the text."""
    chosen = [(cue, True) for cue in w.some(dimension.strong, strong)]
    chosen += [(cue, False) for cue in w.some(dimension.weak, weak)]
    chosen += [((line, ""), True) for line in w.some(FILLER_FACTS, fillers)]
    w.rng.shuffle(chosen)
    text: list[str] = []
    good: list[str] = []
    bad: list[str] = []
    for (template, cue), is_strong in chosen:
        slots = Slots(w)
        line = template.format_map(slots)
        text.append(line[0].upper() + line[1:])
        if cue:
            (good if is_strong else bad).append(cue.format_map(slots))
    return " ".join(text), good, bad


def quoted(found: list[str]) -> str:
    """'a', 'b' and 'c'."""
    marks = [f"'{cue}'" for cue in found]
    return marks[0] if len(marks) == 1 else f"{', '.join(marks[:-1])} and {marks[-1]}"


def explain(dimension: Dimension, noun: str, good: list[str], bad: list[str]) -> str:
    """The reason for a rating: the cues of the text."""
    verb = dimension.verb
    if good and bad:
        return f"{verb} {quoted(good)}, but also {quoted(bad)}."
    if good or bad:
        return f"{verb} {quoted(good or bad)}."
    return f"Nothing in it speaks for or against {noun}."


def rate(w: World, dimension: Dimension, noun: str, scale: Scale, told: str) -> Rated:
    """A text of a random level."""
    strong, weak = w.pick(MIXES)
    fillers = 1 if strong + weak == 0 else w.pick((0, 0, 1, 2))
    text, good, bad = write(w, dimension, strong, weak, fillers)
    mark = scale.marks[LEVELS[strong, weak]]
    return Rated(dimension, noun, scale, told, text, mark, explain(dimension, noun, good, bad))


def drawn(w: World) -> Rated:
    """A text with a dimension and a scale."""
    dimension, scale = w.pick(DIMENSIONS), w.pick(SCALES)
    return rate(w, dimension, w.pick(dimension.nouns), scale, w.pick(scale.told))


THINGS = ("text", "message", "note", "paragraph", "answer")


def request(w: World, r: Rated, thing: str) -> str:
    """Asks for a rating."""
    return w.pick((
        f"Rate the {r.noun} of this {thing} {r.told}.", f"Rate its {r.noun}, {r.told}.",
        f"How {r.dimension.adjective} is this {thing}, {r.told}?", f"How {r.dimension.adjective} is this, {r.told}?",
        f"Score the {r.noun} of the {thing} {r.told}.", f"Judge the {thing} for {r.noun}, {r.told}.",
        f"Give the {thing} a mark for {r.noun} {r.told}.", f"Please grade the {r.noun} of the {thing} {r.told}.",
        f"How would you rate the {r.noun} of this {thing}, {r.told}?", f"{r.noun.capitalize()}, {r.told}?",
        f"What is the {r.noun} of the {thing}, {r.told}?", f"Assess the {r.noun} {r.told}.",
        f"Dimension: {r.noun}. Scale: {r.told}. Rate the {thing}.", f"I want a rating of the {r.noun} {r.told}.",
    ))  # fmt: skip


def placed(w: World, asked: str, text: str, thing: str) -> str:
    """The request before or after the text."""
    shown = w.pick((text, f"{thing.capitalize()}: {text}", f'"{text}"', f"{thing.capitalize()}:\n{text}"))
    gap = w.pick(("\n", "\n\n", " "))
    return f"{shown}{gap}{asked}" if w.chance(0.5) else f"{asked}{gap}{shown}"


SYSTEMS = (
    "You are a strict but fair judge.", "You rate texts.", "You are a careful reader.", "You are a helpful assistant.",
    "Be brief.", "You are an editor.", "You judge texts and give reasons.",
)  # fmt: skip
ONLY = ("", " Answer with the rating only.", " Only the rating.", " Just the mark.", " No explanation.")
MARK_FIRST = (" Then give a short reason.", " Give the rating, then a reason.", " Add a reason in one sentence.",
              " First the rating, then why.", " Rating first, and a short reason after it.")  # fmt: skip
REASON_FIRST = (" First give a short reason, then the rating.", " Give your reason first.", " Reason, then rating.",
                " Explain in one sentence, then rate.", " Begin with the reason and end with the rating.")  # fmt: skip
IN_JSON = (" Answer in JSON with score and reason.", ' Reply as {"score": ..., "reason": "..."}.',
           " Give JSON: score, reason.", " Write a JSON object with the keys score and reason.")  # fmt: skip


def mark(w: World, r: Rated) -> Gen:
    """The rating, constrained."""
    if r.scale.regex and w.chance(0.5):
        return Gen(r.mark, regex=r.scale.regex)
    return Gen(r.mark, choices=r.scale.choices)


def start(w: World, r: Rated, how: str) -> list[Turn]:
    """System turn, at times, and the question."""
    thing = w.pick(THINGS)
    asked = placed(w, request(w, r, thing) + how, r.text, thing)
    return ([system(w.pick(SYSTEMS))] if w.chance(0.4) else []) + [user(asked)]


def only_mark(w: World, r: Rated) -> list[Turn]:
    """Just the rating, at times with the reason in a later turn."""
    turns = start(w, r, w.pick(ONLY))
    prefix = w.pick(("", "", "", "Rating: ", "Score: ", "I rate it "))
    turns.append(assistant(prefix, mark(w, r)) if prefix else assistant(mark(w, r)))
    if w.chance(0.35):
        why = w.pick(("Why?", "Give a short reason.", "What is your reason?", "Why that rating?", "Explain it briefly.",
                      "Which words show it?"))  # fmt: skip
        turns += [user(why), assistant(Gen(r.reason))]
    return turns


def mark_then_reason(w: World, r: Rated) -> list[Turn]:
    """The rating, and then the reason."""
    first, between = w.pick((("", ". "), ("", ": "), ("Rating: ", "\nReason: "), ("Score: ", ". Reason: "), ("", " - "),
                             ("Rating: ", ". ")))  # fmt: skip
    pieces = (first, mark(w, r), between, Gen(r.reason)) if first else (mark(w, r), between, Gen(r.reason))
    return [*start(w, r, w.pick(MARK_FIRST)), assistant(*pieces)]


def reason_then_mark(w: World, r: Rated) -> list[Turn]:
    """The reason, and then the rating."""
    first, between = w.pick(
        (("Reason: ", "\nRating: "), ("", " Rating: "), ("", "\nScore: "), ("Reason: ", "\nScore: "))
    )
    reason = Gen(r.reason, stop="\n" if between[0] == "\n" else " Rating:")
    pieces = (first, reason, between, mark(w, r)) if first else (reason, between, mark(w, r))
    return [*start(w, r, w.pick(REASON_FIRST)), assistant(*pieces)]


def in_json(w: World, r: Rated) -> list[Turn]:
    """Both in JSON."""
    number = r.mark.isdigit()
    score: int | str = int(r.mark) if number else r.mark
    kind = {"type": "integer"} if number else {"type": "string", "enum": list(r.scale.choices)}
    fields = [("score", kind, score), ("reason", {"type": "string"}, r.reason)]
    if w.chance(0.3):
        fields.reverse()
        how = w.pick((" Answer in JSON with reason and score.", ' Reply as {"reason": "...", "score": ...}.'))
    else:
        how = w.pick(IN_JSON)
    schema = {"type": "object", "properties": {name: shape for name, shape, _ in fields},
              "required": [name for name, _, _ in fields], "additionalProperties": False}  # fmt: skip
    answer = json.dumps({name: value for name, _, value in fields}, separators=w.separators((", ", ": ")))
    return [*start(w, r, how), assistant(Gen(answer, schema=json.dumps(schema)))]


def few_shot(w: World, r: Rated) -> list[Turn]:
    """Bare text with rated texts before the one asked."""
    thing, label = w.pick(THINGS).capitalize(), w.pick((r.noun.capitalize(), "Rating", "Score"))
    told = w.pick((f"Rate the {r.noun} {r.told}.", f"{r.noun.capitalize()} of texts, {r.told}.",
                   f"How {r.dimension.adjective} is each text, {r.told}?"))  # fmt: skip
    shots = [rate(w, r.dimension, r.noun, r.scale, r.told) for _ in range(w.pick((1, 2, 3)))]
    shown = "".join(f"{thing}: {shot.text}\n{label}: {shot.mark}\n\n" for shot in shots)
    return [bare(f"{told}\n\n{shown}{thing}: {r.text}\n{label}: ", mark(w, r), "\n")]


SHAPES = (only_mark, only_mark, mark_then_reason, reason_then_mark, in_json, in_json, few_shot)


def rating(w: World) -> Item:
    """A text, a dimension, a scale: the mark, the reason, or both."""
    return Item("rating", tuple(w.pick(SHAPES)(w, drawn(w))))
