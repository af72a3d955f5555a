"""Short guides: outlines and their points, tips, definitions with follow-ups, points for and against an idea."""

from __future__ import annotations

from scripts.tiny.item import Gen, Item, Piece, Turn, assistant, system, user
from scripts.tiny.tasks.guide_bank import IDEAS, TOPICS, Topic
from scripts.tiny.world import World

NUMBERS = ("one", "two", "three", "four")
TEACHERS = (
    "You write short guides.", "You are a patient teacher. Answer briefly.", "You are a helpful assistant.",
    "You give short and practical advice.", "Answer in one sentence.", "You are a kind tutor. Be brief.",
    "You explain things simply.", "You help beginners. Keep it short.", "You are a coach.", "Be brief and clear.",
)  # fmt: skip
HOW = (
    "How do I {do}?", "How can I {do}?", "How do you {do}?", "How does one {do}?", "Tell me how to {do}.",
    "I want to {do}. How?", "I would like to {do}. What should I do?", "Explain how to {do}.",
    "What is the best way to {do}?", "Please tell me how to {do}.", "How should I {do}?",
    "Can you show me how to {do}?",
    "Help me to {do}.", "A friend wants to {do}. How is that done?", "Write a guide: how to {do}.",
    "How to {do}?", "What do I need to know to {do}?", "How would you {do}?", "Teach me how to {do}.",
    "Give me advice on {name}.", "I need a guide to {name}.",
)  # fmt: skip
WHAT = (
    "What is {name}?", "Explain {name}.", "Define {name}.", "Tell me what {name} is.", "Can you explain {name}?",
    "Please explain what {name} is.", "In one sentence, what is {name}?", "Do you know what {name} is?",
    "I have heard of {name}. What is it?", "What do people mean by {name}?",
    "What is {name}, in simple words?", "Describe {name} briefly.", "Give a short definition of {name}.",
    "I do not know what {name} is.", "Teach me what {name} is.",
)  # fmt: skip
COUNT = (
    "How many points does the guide need?", "How many points do you need?", "How many steps are there?",
    "In how many points can you say it?", "Say how many points you will write.", "How many points will you make?",
    "First tell me the number of points.", "How many steps does the guide have?", "Number of points?",
    "How many sections should it have?", "Into how many points do you split it?", "Give the number of points only.",
)  # fmt: skip
POINT = (
    "Write point {k} in one sentence.", "Write point {k}.", "Point {k}, please.", "Now write point {k}.",
    "Give me point {k} in one sentence.", "Write out point {k}.", "Expand point {k} in one sentence.",
    "What is point {k}?", "What does point {k} say?", "Tell me point {k}.", "Please write point number {k}.",
    "Write step {k} in one sentence.", "What is step {k}?", "Step {k}?", "Write only point {k}.",
)  # fmt: skip
BEGINNER = (
    "Give one tip for beginners.", "One tip for a beginner?", "What should a beginner know?",
    "Any advice for beginners?",
    "Write a tip for someone who is new to it.", "What is your tip for a beginner?",
    "I am a beginner. Give me one tip.",
    "Tell a beginner one useful thing.", "Name one tip for people who start.", "What would you tell a beginner?",
    "Write a short tip for beginners.", "One sentence of advice for newcomers, please.",
    "Write one tip for a reader who is a beginner.",
)  # fmt: skip
EXPERT = (
    "Give one tip for experts.", "One tip for an expert?", "What should an expert try?", "Any advice for experts?",
    "Write a tip for someone with experience.", "What is your tip for an expert?", "I am an expert. Give me one tip.",
    "Tell an expert one useful thing.", "Name one tip for people who know it well.", "What would you tell an expert?",
    "Write a short tip for experts.", "One sentence of advice for advanced people, please.",
    "Write one tip for a reader who is an expert.",
)  # fmt: skip
GOOD = (
    "What is it good {prep}?", "And what is it good {prep}?", "What is it useful for?", "What is its strength?",
    "Why would I want it?", "Name one strength.", "What speaks for it?", "And its advantage?",
    "What are its good sides?",
    "Tell me one advantage.", "When is it useful?", "Why do people like it?", "And the good side of it?",
)  # fmt: skip
BAD = (
    "What is it bad {prep}?", "And what is it bad {prep}?", "What is it not good {prep}?", "What is its weakness?",
    "When should I not choose it?", "Name one weakness.", "What speaks against it?", "And its disadvantage?",
    "What are its bad sides?", "Tell me one disadvantage.", "What are its limits?", "And the bad side of it?",
    "But what is it bad {prep}?",
)  # fmt: skip
HARD = (
    "Is it hard?", "Is that hard?", "Is it difficult?", "Is this hard to do?", "Is it hard to learn?",
    "Would you call it hard?", "Is that difficult for a beginner?", "And is it hard?", "Hard, yes or no?",
    "Do people find it difficult?", "Is it a hard thing?", "Is it difficult, yes or no?",
)  # fmt: skip
MORE = (
    "Is there anything that you would add?", "Would you add anything?", "Anything else?",
    "Do you want to add something?",
    "Is there more to say?", "Anything to add?", "Do you have more to say?", "Shall we go on?",
    "Is there something else I should know?", "Is something missing?",
)  # fmt: skip
GO_ON = (
    "Go on, in one sentence.", "Go on.", "Please go on.", "What is it?", "Tell me, in one sentence.", "Say it.",
    "Add it in one sentence.", "Then add it.", "Continue.", "I am listening.", "What would you add?",
    "One sentence, please.",
)  # fmt: skip
DONE = (("No, that is all.", "Yes:"), ("No, that is all.", "Yes:"), ("No.", "Yes."), ("no", "yes"), ("done", "more"))
FOR = (
    "Give one point for {idea}.", "Write one point for {idea}.", "What speaks for {idea}?", "Argue for {idea}.",
    "Name one advantage of {idea}.", "Why is {idea} a good idea?", "One argument for {idea}, please.",
    "Speak in favour of {idea}.", "The idea: {idea}\nWrite one point for it.", "Topic: {idea}. Give a reason for it.",
    "What is good about {idea}?", "Write one sentence in favour of {idea}.", "Tell me a benefit of {idea}.",
    "{idea}: one point for it?", "Write one point for this: {idea}", "Pros of {idea}?",
)  # fmt: skip
AGAINST = (
    "Give one point against {idea}.", "Write one point against {idea}.", "What speaks against {idea}?",
    "Argue against {idea}.", "Name one disadvantage of {idea}.", "Why is {idea} a bad idea?",
    "One argument against {idea}, please.", "Speak against {idea}.", "The idea: {idea}\nWrite one point against it.",
    "Topic: {idea}. Give a reason against it.", "What is bad about {idea}?", "Write one sentence against {idea}.",
    "Tell me a drawback of {idea}.", "{idea}: one point against it?", "Write one point against this: {idea}",
    "Cons of {idea}?",
)  # fmt: skip
THEN_OTHER = (
    "And {side}?",
    "And one point {side}?",
    "Now {side} it.",
    "Now one point {side} it.",
    "What speaks {side} it?",
)
PLURALS = (
    (" for it", " for them"), (" against it", " against them"), ("Why is", "Why are"), (" a good idea", " good"),
    (" a bad idea", " bad"),
)  # fmt: skip
PREFIXES = ("", "", "", "", "Answer: ", "Here it is: ", "Tip: ")


def guide(w: World) -> Item:
    """One of the forms on one of the topics."""
    form = w.pick((outline, outline, lesson, lesson, lesson, tip, debate, single))
    return Item("guide", (*maybe_system(w), *form(w, w.pick(TOPICS))))


def maybe_system(w: World) -> tuple[Turn, ...]:
    return (system(w.pick(TEACHERS)),) if w.chance(0.6) else ()


def sentence(w: World, text: str) -> tuple[Piece, ...]:
    """The model writes a sentence up to its full stop, or up to the end of the turn."""
    return (Gen(text[:-1], stop="."), ".") if w.chance(0.4) else (Gen(text),)


def fill(phrase: str, topic: Topic) -> str:
    prep = "at" if topic.kind == "term" else "for"
    return phrase.format(do=topic.doing, name=topic.name, prep=prep)


def ask(w: World, topic: Topic) -> str:
    """How something is done."""
    return fill(w.pick([how for how in HOW if topic.kind == "skill" or "{name}" not in how]), topic)


def opening(w: World, topic: Topic) -> tuple[Turn, Turn]:
    """A first question with its answer: what a term is, or how one does a thing."""
    question = fill(w.pick(WHAT), topic) if topic.kind == "term" else ask(w, topic)
    return user(question), assistant(*sentence(w, topic.answer))


def outline(w: World, topic: Topic) -> tuple[Turn, ...]:
    """The number of points, then one of them, or several in order."""
    count = len(topic.points)
    between = w.pick(("\n", " "))
    turns = [user(ask(w, topic), between, w.pick(COUNT)), assistant(Gen(str(count), regex="[2-4]"))]
    if w.chance(0.1):
        return tuple(turns)
    numbers = range(1, count + 1) if w.chance(0.3) else [w.rng.randint(1, count)]
    for number in numbers:
        shown = NUMBERS[number - 1] if w.chance(0.1) else str(number)
        turns += [user(w.pick(POINT).format(k=shown)), assistant(*sentence(w, topic.points[number - 1]))]
    return tuple(turns)


def lesson(w: World, topic: Topic) -> tuple[Turn, ...]:
    """A question, one or two that refer back to it, and perhaps the question whether something is missing."""
    turns = [*opening(w, topic)]
    forms = w.some((good, bad, hard, beginner, expert), w.pick((0, 1, 1, 2)))
    for form in forms:
        turns += form(w, topic)
    return (*turns, *(ending(w, topic) if expert not in forms and w.chance(0.5) else ()))


def good(w: World, topic: Topic) -> tuple[Turn, Turn]:
    return user(fill(w.pick(GOOD), topic)), assistant(*sentence(w, topic.good))


def bad(w: World, topic: Topic) -> tuple[Turn, Turn]:
    return user(fill(w.pick(BAD), topic)), assistant(*sentence(w, topic.bad))


def beginner(w: World, topic: Topic) -> tuple[Turn, Turn]:
    return user(w.pick(BEGINNER)), assistant(*sentence(w, topic.beginner))


def expert(w: World, topic: Topic) -> tuple[Turn, Turn]:
    return user(w.pick(EXPERT)), assistant(*sentence(w, topic.expert))


def hard(w: World, topic: Topic) -> tuple[Turn, Turn]:
    choices = w.pick((("yes", "no"), ("Yes", "No"), ("no", "yes")))
    text = topic.hard.capitalize() if choices[0] == "Yes" else topic.hard
    extra = w.pick(("", " Answer yes or no.", " Yes or no?")) if "yes or no" not in (how := w.pick(HARD)) else ""
    return user(how + extra), assistant(Gen(text, choices=choices))


def ending(w: World, topic: Topic) -> tuple[Turn, ...]:
    """There is one thing to add, and after it nothing."""
    more, again_more = w.pick(MORE), w.pick(MORE)
    done, again = choices = w.pick(DONE)
    first: tuple[Turn, ...] = (user(more), assistant(Gen(again, choices=choices)))
    if w.chance(0.2):
        return first
    first = (*first, user(w.pick(GO_ON)), assistant(*sentence(w, topic.expert)))
    return first if w.chance(0.3) else (*first, user(again_more), assistant(Gen(done, choices=choices)))


def tip(w: World, topic: Topic) -> tuple[Turn, ...]:
    """A tip on a named topic for one kind of reader."""
    level, text = w.pick((("beginner", topic.beginner), ("expert", topic.expert)))
    kinds = w.pick(
        (f"a tip for {level}s", f"one tip for {level}s", f"one tip for a {level}", f"a short tip for {level}s")
    )
    about = w.pick(("about", "on"))
    phrase = w.pick((
        f"Give {kinds} {about} {topic.name}.", f"Write {kinds} {about} {topic.name}.",
        f"{topic.name}: {kinds}, please.",
        f"The topic is {topic.name}. Give {kinds}.", f"I need {kinds} {about} {topic.name}.",
        f"My question is about {topic.name}. Write {kinds}.", f"What is {kinds} {about} {topic.name}?",
        f"Topic: {topic.name}\nReader: {level}\nWrite a tip.", f"Can you give me {kinds} {about} {topic.name}?",
        f"Reader: {level}. Give one tip {about} {topic.name}.", f"How do I {topic.doing}? Give {kinds}.",
        f"I want to {topic.doing} and I am {'a' if level == 'beginner' else 'an'} {level}. Give one tip.",
    ))  # fmt: skip
    return user(fix_article(capital(phrase))), assistant(w.pick(PREFIXES), *sentence(w, text))


def capital(text: str) -> str:
    return text[0].upper() + text[1:]


def fix_article(text: str) -> str:
    return text.replace("a expert", "an expert")


def debate(w: World, _: Topic) -> tuple[Turn, ...]:
    """A point for or against an idea, and perhaps the other side's."""
    idea = w.pick(list(IDEAS))
    sides = w.some((("for", FOR, IDEAS[idea][0]), ("against", AGAINST, IDEAS[idea][1])), 2)
    phrases, text = sides[0][1:]
    turns = [user(capital(agree(w.pick(phrases).format(idea=idea), text))), assistant(*sentence(w, text))]
    if w.chance(0.3):
        turns += [user(w.pick(THEN_OTHER).format(side=sides[1][0])), assistant(*sentence(w, sides[1][2]))]
    return tuple(turns)


def agree(question: str, answer: str) -> str:
    """Plural verbs and pronouns where the answer says They."""
    if not answer.startswith("They"):
        return question
    for one, many in PLURALS:
        question = question.replace(one, many)
    return question


def single(w: World, topic: Topic) -> tuple[Turn, ...]:
    """One question about a named topic, without an opening."""
    prep = "at" if topic.kind == "term" else "for"
    strength, text = w.pick((("good", topic.good), ("bad", topic.bad)))
    side = {"good": "strength", "bad": "weakness"}[strength]
    phrase = w.pick((
        f"What is {topic.name} {strength} {prep}?", f"Tell me what {topic.name} is {strength} {prep}.",
        f"Say what {topic.name} is {strength} {prep}, in one sentence.", f"Name one {side} of {topic.name}.",
        f"What is a {side} of {topic.name}?", f"Give one {side} of {topic.name}.", f"{topic.name}: one {side}?",
        f"I wonder what {topic.name} is {strength} {prep}.", f"Write one sentence on a {side} of {topic.name}.",
    ))  # fmt: skip
    return user(capital(phrase)), assistant(*sentence(w, text))
