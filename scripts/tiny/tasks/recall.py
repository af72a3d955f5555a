"""Multi-turn chat that refers back: what the user said of himself, what was asked and answered before."""

from __future__ import annotations

from scripts.tiny.facts import PERSON, Field, Profile, Value, fill, profile
from scripts.tiny.item import Gen, Item, Turn, assistant, system, user
from scripts.tiny.paragraphs import sentences
from scripts.tiny.world import World

NAMED = (
    "My name is {n}.",
    "I am {n}.",
    "Call me {n}.",
    "Hi, I'm {n}.",
    "Hello! My name is {n}.",
    "{n} is my name.",
    "This is {n} speaking.",
    "Hi! {n} here.",
)
WHO = (
    "What is my name?",
    "Who am I?",
    "Do you remember my name?",
    "What am I called?",
    "Can you tell me my name?",
    "Say my name.",
    "How did I introduce myself?",
)
GREETINGS = (
    "Nice to meet you, {n}.",
    "Hello, {n}.",
    "Hello, {n}! How can I help?",
    "Welcome, {n}.",
    "Good to meet you, {n}.",
)
NODS = (
    "Noted.",
    "I see.",
    "Thank you for telling me.",
    "Good to know.",
    "I will remember that.",
    "Understood.",
    "Okay.",
    "That is nice.",
)
SMALL = (
    ("How are you?", "I am fine, thank you."), ("Thank you.", "You are welcome."), ("Can you help me?", "Yes, of course."), ("Are you there?", "Yes, I am here."),
    ("Good morning.", "Good morning!"), ("Please wait a moment.", "Take your time."), ("That is all for now.", "All right."), ("One more thing.", "Please go on."),
)  # fmt: skip
ROLES = (
    "You are a friendly assistant.", "You remember what the user says.", "You are a helpful assistant.", "Chat with the user.", "Be kind and brief.", "Answer briefly.",
    "You are a patient assistant with a good memory.",
)  # fmt: skip
SHORT = ("One word, please.", "Answer in one word.", "Just the word.", "In one word.", "Only the answer.")
SUBJECT = (
    "Who or what are we talking about?",
    "Which name did the text give?",
    "What is the text about?",
    "Who is the text about?",
)
OTHER = ("brother", "sister", "friend", "neighbour", "boss", "teacher", "cousin", "son", "daughter", "aunt", "uncle")


def recall(w: World) -> Item:
    """A chat whose last questions can be answered from its earlier turns only."""
    turns = [system(w.pick(ROLES))] if w.chance(0.4) else []
    return Item(
        "recall", tuple(turns + w.pick((about_me, about_me, about_me, about_others, follow_up, follow_up, to_keep))(w))
    )


def about_me(w: World) -> list[Turn]:
    """The user tells of himself over some turns, then asks."""
    me = Profile(
        PERSON, w.first(), "he", {field: value for field, value in profile(w, 9, PERSON).values.items() if field.mine}
    )
    fields = w.some(list(me.values), w.rng.randint(1, min(4, len(me.values))))
    told: list[tuple[str, str]] = [(w.pick(NAMED).replace("{n}", me.name), w.pick(GREETINGS).replace("{n}", me.name))]
    told += [(fill(w.pick(field.mine[0]), "", me.values[field]), w.pick(NODS)) for field in fields if field.mine]
    if w.chance(0.3):
        w.rng.shuffle(told)
    if w.chance(0.4):  # several in one turn
        cut = w.rng.randint(1, len(told))
        told = [(" ".join(said for said, _ in told[:cut]), told[0][1]), *told[cut:]]
    for _ in range(w.pick((0, 0, 1, 2))):
        told.insert(w.rng.randint(1, len(told)), w.pick(SMALL))
    turns = chatted(told)
    for _ in range(w.extra((2, 3, 3, 4), (1, 1, 2, 3))):
        turns += asked_back(w, me, fields)
    return turns


def chatted(told: list[tuple[str, str]]) -> list[Turn]:
    """Each as a user turn and a reply."""
    return [turn for said, reply in told for turn in (user(said), assistant(Gen(reply)))]


def asked_back(w: World, me: Profile, fields: list[Field]) -> list[Turn]:
    """One question about what was told, and the answer in the asked form."""
    field = w.pick([None, *fields])
    if field is None or field.mine is None:
        ask, value, whole = w.pick(WHO), me.name, f"Your name is {me.name}."
    else:
        ask, value = w.pick(field.mine[1]), str(me.values[field])
        whole = fill(field.mine[2], "", me.values[field])
    return (
        [user(f"{ask} {w.pick(SHORT)}"), assistant(Gen(value))]
        if w.chance(0.35)
        else [user(ask), assistant(Gen(whole))]
    )


def about_others(w: World) -> list[Turn]:
    """The user tells of people he knows, by kinship and name, then asks for one of them."""
    roles, names = w.some(OTHER, 3), w.distinct("first", 3)
    cities = w.distinct("city", 3)
    count = w.rng.randint(1, 3)
    told = [
        (
            w.pick((f"My {role} is called {name}.", f"I have a {role}, {name}.", f"My {role}'s name is {name}.")),
            w.pick(NODS),
        )
        for role, name in zip(roles[:count], names, strict=False)
    ]
    told += [
        (w.pick((f"{name} lives in {city}.", f"My {role} lives in {city}.")), w.pick(NODS))
        for role, name, city in zip(roles[:count], names, cities, strict=False)
    ]
    turns = chatted(told)
    at = w.rng.randrange(count)
    role, name, city = roles[at], names[at], cities[at]
    ask, value, whole = w.pick((
        (f"What is my {role} called?", name, f"Your {role} is called {name}."), (f"What is my {role}'s name?", name, f"Your {role}'s name is {name}."),
        (f"Where does {name} live?", city, f"{name} lives in {city}."), (f"Where does my {role} live?", city, f"Your {role} lives in {city}."),
        (f"Who lives in {city}?", name, f"{name} lives in {city}."),
    ))  # fmt: skip
    return turns + (
        [user(f"{ask} {w.pick(SHORT)}"), assistant(Gen(value))]
        if w.chance(0.35)
        else [user(ask), assistant(Gen(whole))]
    )


def follow_up(w: World) -> list[Turn]:
    """A text in the first turn, then questions that say `he`, `she` or `it` for whom it is about."""
    about = profile(w, w.rng.randint(2, 5))
    fields = list(about.values)
    w.rng.shuffle(fields)
    opening = w.pick(("", "Read this: ", "Here is a text: ", "Remember this: ", "I have a text for you. "))
    text = " ".join(sentences(w, about))
    first, turns = fields[0], [user(f"{opening}{text}"), assistant(Gen(w.pick(NODS)))]
    if w.chance(0.5):
        turns = [
            user(f"{opening}{text} {fill(w.pick(first.asks), about.name, '')}"),
            assistant(Gen(str(about.values[first]))),
        ]
    for field in fields[1 : w.rng.randint(2, 4) if w.test else None]:
        ask = spoken(w.pick(field.asks), about)
        turns += [
            user(w.pick(("", "And ", "")) + ask if w.chance(0.5) else ask),
            assistant(Gen(str(about.values[field]))),
        ]
    if w.chance(0.25):
        turns += [user(w.pick(SUBJECT)), assistant(Gen(about.name[0].upper() + about.name[1:]))]
    return turns


def spoken(template: str, about: Profile) -> str:
    """A question with a pronoun for the name."""
    his = {"he": "his", "she": "her", "it": "its"}[about.pronoun]
    him = {"he": "him", "she": "her", "it": "it"}[about.pronoun]
    text = template.replace("{n}'s", his)
    if (
        text.endswith("{n}?")
        and about.pronoun != "it"
        and any(f"{word} {{n}}?" in text for word in ("to", "of", "for", "by", "on"))
    ):
        return text.replace("{n}", him)
    return text.replace("{n}", about.pronoun)


def to_keep(w: World) -> list[Turn]:
    """A word, a number or a list to keep in mind, given back later."""
    things: list[tuple[str, Value]] = [
        ("password", w.thing()), ("code", w.number(1000, 9999)), ("secret word", w.thing()), ("lucky number", w.number(10, 99)), ("room number", w.number(100, 999)),
        ("flight", f"{w.pick('ABKLQ')}{w.number(100, 999)}"), ("appointment", w.date()), ("meeting point", w.city()), ("train", w.clock()),
    ]  # fmt: skip
    chosen = w.some(things, w.rng.randint(1, 3))
    told = [
        (
            w.pick(
                (
                    f"The {name} is {value}.",
                    f"Remember the {name}: {value}.",
                    f"Please keep in mind that the {name} is {value}.",
                    f"My {name} is {value}.",
                )
            ),
            w.pick(NODS),
        )
        for name, value in chosen
    ]
    told += [w.pick(SMALL)] if w.chance(0.5) else []
    name, value = w.pick(chosen)
    ask = w.pick(
        (
            f"What is the {name}?",
            f"What was the {name}?",
            f"Tell me the {name}.",
            f"Which {name} did I give you?",
            f"What is the {name} again?",
        )
    )
    if w.chance(0.4):
        return [*chatted(told), user(f"{ask} {w.pick(SHORT[4:])}"), assistant(Gen(str(value)))]
    return [*chatted(told), user(ask), assistant(Gen(f"The {name} is {value}."))]
