"""Kinds of subjects, their fields, and how a field is said, asked, doubted and named: what paragraphs are made of.

`{n}` is the subject's name or pronoun, `{v}` the field's value. Tasks draw a `Profile` and write it as text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from scripts.tiny import world
from scripts.tiny.world import World

Value = str | int


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that can be known about a subject.

    keys      names of the field in a record, the usual one first
    draw      a value
    says      sentences
    asks      questions for the value
    doubts    yes-no questions
    mine      (the user says it of himself, the user asks for it, the answer), where people say such things
    """

    keys: tuple[str, ...]
    draw: Callable[[World], Value]
    says: tuple[str, ...]
    asks: tuple[str, ...]
    doubts: tuple[str, ...]
    mine: tuple[tuple[str, ...], tuple[str, ...], str] | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of subject: how it is named, what it is called, its fields, and openings that say several of them."""

    noun: str
    draw: Callable[[World], str]
    pronouns: tuple[str, ...]
    fields: tuple[Field, ...]
    openings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Profile:
    """A subject and the fields that a text says of it."""

    kind: Kind
    name: str
    pronoun: str
    values: dict[Field, Value]


def of(options: list[str]) -> Callable[[World], Value]:
    """A draw among words."""
    return lambda w: w.pick(options)


def an(word: str) -> str:
    """The word with its article."""
    return f"an {word}" if word[0] in "aeiou" else f"a {word}"


def people(low: int, high: int) -> Callable[[World], Value]:
    return lambda w: w.number(low, high)


CITY_OF_PERSON = Field(
    ("city", "home", "lives_in", "town"),
    World.city,
    ("{n} lives in {v}.", "{n} has lived in {v} for years.", "{n} moved to {v}.", "{n}'s home is in {v}.", "Today {n} lives in {v}."),
    ("Where does {n} live?", "In which city does {n} live?", "What city is {n}'s home?", "Which town does {n} live in?"),
    ("Does {n} live in {v}?", "Is {n}'s home in {v}?"),
    (("I live in {v}.", "My home is in {v}.", "I am from {v}."), ("Where do I live?", "Which city do I live in?", "What is my city?"), "You live in {v}."),
)  # fmt: skip
JOB = Field(
    ("job", "profession", "occupation", "work"),
    of(world.JOBS),
    ("{n} is {a}.", "{n} works as {a}.", "{n} earns a living as {a}.", "By trade {n} is {a}."),
    ("What is {n}'s job?", "What does {n} do for a living?", "What does {n} work as?", "What is {n}'s profession?"),
    ("Is {n} {a}?", "Does {n} work as {a}?"),
    (("I am {a}.", "I work as {a}.", "My job: {v}."), ("What is my job?", "What do I do for a living?", "What do I work as?"), "You are {a}."),
)  # fmt: skip
AGE = Field(
    ("age", "years_old", "years"),
    lambda w: w.number(18, 90),
    ("{n} is {v} years old.", "{n} turned {v} this year.", "{n} is {v}.", "At {v}, {n} is still curious."),
    ("How old is {n}?", "What is {n}'s age?"),
    ("Is {n} {v} years old?", "Is {n} {v}?"),
    (("I am {v} years old.", "I turned {v} last week.", "My age is {v}."), ("How old am I?", "What is my age?"), "You are {v} years old."),
)  # fmt: skip
BORN = Field(
    ("born", "birth_year", "year_of_birth", "year"),
    World.year,
    ("{n} was born in {v}.", "{n} was born in the year {v}.", "The year of {n}'s birth is {v}."),
    ("When was {n} born?", "In which year was {n} born?", "What is {n}'s year of birth?"),
    ("Was {n} born in {v}?",),
)  # fmt: skip
COUNTRY = Field(
    ("country", "nation", "from_country"),
    World.country,
    ("{n} comes from {v}.", "{n} grew up in {v}.", "{n} was raised in {v}."),
    ("Which country does {n} come from?", "Where did {n} grow up?", "What is {n}'s country?"),
    ("Does {n} come from {v}?", "Did {n} grow up in {v}?"),
    (("I come from {v}.", "I grew up in {v}."), ("Which country do I come from?", "Where did I grow up?"), "You come from {v}."),
)  # fmt: skip
PET = Field(
    ("pet", "animal"),
    of(world.ANIMALS),
    ("{n} has {a}.", "{n} keeps {a} at home.", "{n} owns {a}.", "At home {n} has {a}."),
    ("What pet does {n} have?", "Which animal does {n} keep?", "What animal does {n} own?"),
    ("Does {n} have {a}?", "Does {n} keep {a}?"),
    (("I have {a}.", "My pet is {a}.", "I keep {a} at home."), ("What pet do I have?", "Which animal do I keep?"), "You have {a}."),
)  # fmt: skip
COLOUR = Field(
    ("favourite_colour", "colour", "color"),
    of(world.COLOURS),
    ("{n}'s favourite colour is {v}.", "{n} likes {v} best of all colours.", "The colour that {n} loves is {v}."),
    ("What is {n}'s favourite colour?", "Which colour does {n} like best?", "What colour does {n} love?"),
    ("Is {v} {n}'s favourite colour?",),
    (("My favourite colour is {v}.", "I like {v} best of all colours.", "I love the colour {v}."), ("What is my favourite colour?", "Which colour do I like best?"), "Your favourite colour is {v}."),
)  # fmt: skip
HOBBY = Field(
    ("hobby", "free_time", "interest"),
    of(world.HOBBIES),
    ("{n} loves {v}.", "In the evenings {n} enjoys {v}.", "{n}'s hobby is {v}.", "On Sundays {n} spends hours on {v}."),
    ("What is {n}'s hobby?", "What does {n} love to do?", "What does {n} enjoy?"),
    ("Is {v} {n}'s hobby?", "Does {n} enjoy {v}?"),
    (("My hobby is {v}.", "I love {v}.", "I enjoy {v}."), ("What is my hobby?", "What do I love to do?", "What do I enjoy?"), "Your hobby is {v}."),
)  # fmt: skip
EMPLOYER = Field(
    ("company", "employer", "firm", "works_for"),
    World.firm,
    ("{n} works for {v}.", "{n} has a post at {v}.", "{n}'s employer is {v}.", "{n} joined {v}."),
    ("Which company does {n} work for?", "Who is {n}'s employer?", "Where does {n} work?"),
    ("Does {n} work for {v}?", "Is {v} {n}'s employer?"),
    (("I work for {v}.", "My employer is {v}.", "I have just joined {v}."), ("Which company do I work for?", "Who is my employer?", "Where do I work?"), "You work for {v}."),
)  # fmt: skip
FOOD = Field(
    ("favourite_food", "food", "likes_to_eat"),
    of(world.FOODS),
    ("{n} likes to eat {v}.", "{n}'s favourite food is {v}.", "{n} could eat {v} every day."),
    ("What does {n} like to eat?", "What is {n}'s favourite food?"),
    ("Is {v} {n}'s favourite food?", "Does {n} like to eat {v}?"),
    (("My favourite food is {v}.", "I could eat {v} every day."), ("What is my favourite food?", "What do I like to eat?"), "Your favourite food is {v}."),
)  # fmt: skip
CHILDREN = Field(
    ("children", "number_of_children", "kids"),
    lambda w: w.number(2, 9),
    ("{n} has {v} children.", "{n} raised {v} children."),
    ("How many children does {n} have?", "What is the number of {n}'s children?"),
    ("Does {n} have {v} children?",),
    (("I have {v} children.",), ("How many children do I have?",), "You have {v} children."),
)  # fmt: skip
BIRTHDAY = Field(
    ("birthday", "date_of_birth", "born_on"),
    World.date,
    ("{n}'s birthday is on {v}.", "{n} celebrates a birthday on {v}.", "{n} has a birthday on {v}."),
    ("When is {n}'s birthday?", "On which day is {n}'s birthday?"),
    ("Is {n}'s birthday on {v}?",),
    (("My birthday is on {v}.",), ("When is my birthday?",), "Your birthday is on {v}."),
)  # fmt: skip
FRIEND = Field(
    ("friend", "best_friend"),
    World.first,
    ("{n}'s best friend is {v}.", "{n} has a good friend called {v}.", "{n} spends much time with a friend, {v}."),
    ("Who is {n}'s friend?", "What is the name of {n}'s best friend?"),
    ("Is {v} {n}'s friend?",),
    (("My best friend is called {v}.", "My friend's name is {v}."), ("Who is my friend?", "What is my friend called?"), "Your friend is called {v}."),
)  # fmt: skip

PERSON = Kind(
    "person",
    lambda w: w.full() if w.chance(0.5) else w.first(),
    ("he", "she"),
    (CITY_OF_PERSON, JOB, AGE, BORN, COUNTRY, PET, COLOUR, HOBBY, EMPLOYER, FOOD, CHILDREN, BIRTHDAY, FRIEND),
    (
        "{n} is {age:v}-year-old {job:v} from {city:v}.",
        "{n}, {age:v}, is {job:a} in {city:v}.",
        "{n}, born in {born:v}, was {job:a}.",
        "{n} ({age:v}) works for {company:v}.",
        "{n}, {job:a} from {country:v}, lives in {city:v}.",
        "Meet {n}, {job:a} who loves {hobby:v}.",
        "{n} was born in {born:v} and became {job:a}.",
        "{n} works as {job:a} at {company:v}.",
        "{n} lives in {city:v} with {pet:a}.",
    ),
)


def field(keys: str, draw: Callable[[World], Value], says: str, asks: str, doubts: str) -> Field:
    """A field from texts whose alternatives are set apart by `|`."""
    return Field(tuple(keys.split()), draw, *(tuple(part.split("|")) for part in (says, asks, doubts)))  # type: ignore[arg-type]


def price(w: World) -> Value:
    return f"{w.price()} {w.pick(('euros', 'dollars', 'pounds'))}"


PRODUCT = Kind(
    "product",
    lambda w: f"the {w.thing()}" if w.chance(0.5) else f"the {w.firm()} {w.thing()}",
    ("it",),
    (
        field("price cost", price, "{n} costs {v}.|The price of {n} is {v}.|You pay {v} for {n}.|{n} sells for {v}.",
              "How much does {n} cost?|What is the price of {n}?|What do you pay for {n}?", "Does {n} cost {v}?"),
        field("colour color", of(world.COLOURS), "{n} is {v}.|{n} comes in {v}.|The colour of {n} is {v}.",
              "What colour is {n}?|Which colour does {n} have?", "Is {n} {v}?"),
        field("material made_of", of(world.MATERIALS), "{n} is made of {v}.|The case of {n} is {v}.",
              "What is {n} made of?|Which material is {n} made of?", "Is {n} made of {v}?"),
        field("maker brand company", World.firm, "{n} is made by {v}.|{v} builds {n}.|The maker of {n} is {v}.",
              "Who makes {n}?|Which company makes {n}?|Who builds {n}?", "Is {n} made by {v}?"),
        field("weight grams", lambda w: f"{w.number(10, 990)} grams", "{n} weighs {v}.|The weight of {n} is {v}.",
              "How much does {n} weigh?|What is the weight of {n}?", "Does {n} weigh {v}?"),
        field("year released", World.year, "{n} came out in {v}.|{n} was first sold in {v}.",
              "When did {n} come out?|In which year was {n} first sold?", "Did {n} come out in {v}?"),
        field("type kind", of(world.OBJECTS), "{n} is {a}.|{n} is a new {v}.", "What kind of thing is {n}?|What is {n}?",
              "Is {n} {a}?"),
        field("stock in_stock", lambda w: w.number(2, 99), "There are {v} of {n} in stock.|The shop has {v} pieces of {n}.",
              "How many pieces of {n} are in stock?|How many of {n} does the shop have?", "Are there {v} of {n} in stock?"),
        field("rating stars", lambda w: w.number(1, 5), "Buyers give {n} {v} stars.|{n} has a rating of {v} stars.",
              "How many stars does {n} have?|What is the rating of {n}?", "Does {n} have {v} stars?"),
    ),
)  # fmt: skip
CITY = Kind(
    "city",
    World.city,
    ("it",),
    (
        field("country nation", World.country, "{n} is a city in {v}.|{n} lies in {v}.", "Which country is {n} in?|In which country does {n} lie?",
              "Is {n} in {v}?|Does {n} lie in {v}?"),
        field("population people inhabitants", lambda w: f"{w.number(2, 99)},000" if w.chance(0.6) else f"{w.number(2, 30)} million",
              "{n} has {v} people.|About {v} people live in {n}.|The population of {n} is {v}.",
              "How many people live in {n}?|What is the population of {n}?", "Does {n} have {v} people?"),
        field("mayor head", World.full, "The mayor of {n} is {v}.|{v} is the mayor of {n}.|{n} is led by {v}.",
              "Who is the mayor of {n}?|What is the name of {n}'s mayor?", "Is {v} the mayor of {n}?"),
        field("river water", World.city, "{n} stands on the river {v}.|The river {v} runs through {n}.",
              "Which river runs through {n}?|On which river does {n} stand?", "Does the river {v} run through {n}?"),
        field("founded year", World.year, "{n} was founded in {v}.|The city of {n} was founded in {v}.",
              "When was {n} founded?|In which year was {n} founded?", "Was {n} founded in {v}?"),
        field("known_for famous_for", of(world.FOODS), "{n} is known for its {v}.|{n} is famous for {v}.",
              "What is {n} known for?|What is {n} famous for?", "Is {n} known for {v}?"),
        field("weather climate", of(world.WEATHER), "{n} gets a lot of {v}.|There is much {v} in {n}.",
              "What weather does {n} get?|What does {n} get a lot of?", "Is there much {v} in {n}?"),
    ),
)  # fmt: skip
FIRM = Kind(
    "company",
    World.firm,
    ("it",),
    (
        field("founder founded_by", World.full, "{n} was founded by {v}.|{v} founded {n}.|The founder of {n} is {v}.",
              "Who founded {n}?|Who is the founder of {n}?", "Did {v} found {n}?"),
        field("city headquarters seat", World.city, "{n} is based in {v}.|The headquarters of {n} are in {v}.|{n} has its seat in {v}.",
              "Where is {n} based?|Where are the headquarters of {n}?|In which city is {n}?", "Is {n} based in {v}?"),
        field("employees staff", lambda w: w.number(3, 900), "{n} employs {v} people.|{v} people work at {n}.",
              "How many people does {n} employ?|How many people work at {n}?", "Does {n} employ {v} people?"),
        field("founded year", World.year, "{n} was founded in {v}.|{n} has existed since {v}.", "When was {n} founded?|Since when has {n} existed?",
              "Was {n} founded in {v}?"),
        field("product makes", lambda w: f"{w.pick(world.OBJECTS)}s".replace("fes", "ves"),
              "{n} makes {v}.|{n} sells {v}.", "What does {n} make?|What does {n} sell?", "Does {n} make {v}?"),
        field("director ceo boss", World.full, "{n} is run by {v}.|The director of {n} is {v}.", "Who runs {n}?|Who is the director of {n}?",
              "Is {n} run by {v}?"),
        field("phone telephone", lambda w: "-".join((str(w.number(100, 999)), str(w.number(1000, 9999)))), "The phone number of {n} is {v}.|Call {n} at {v}.",
              "What is the phone number of {n}?", "Is {v} the phone number of {n}?"),
    ),
)  # fmt: skip
EVENTS = ("concert", "meeting", "workshop", "party", "lecture", "market", "race", "wedding", "exhibition", "match")
EVENT = Kind(
    "event",
    lambda w: f"the {w.thing()} {w.pick(EVENTS)}" if w.chance(0.6) else f"the {w.pick(EVENTS)}",
    ("it",),
    (
        field("date day_of_month", World.date, "{n} is on {v}.|{n} takes place on {v}.|The date of {n} is {v}.",
              "When is {n}?|On which date is {n}?|What is the date of {n}?", "Is {n} on {v}?"),
        field("time start", World.clock, "{n} starts at {v}.|{n} begins at {v}.|Doors open at {v} for {n}.",
              "What time does {n} start?|At what time does {n} begin?", "Does {n} start at {v}?"),
        field("place city location", World.city, "{n} takes place in {v}.|{n} is held in {v}.", "Where does {n} take place?|Where is {n} held?",
              "Is {n} held in {v}?|Does {n} take place in {v}?"),
        field("price ticket", price, "A ticket for {n} costs {v}.|The entry to {n} is {v}.", "How much is a ticket for {n}?|What does a ticket for {n} cost?",
              "Does a ticket for {n} cost {v}?"),
        field("host organizer organiser", World.full, "{n} is hosted by {v}.|{v} organises {n}.", "Who hosts {n}?|Who organises {n}?",
              "Is {n} hosted by {v}?"),
        field("weekday day", of(world.DAYS), "{n} falls on a {v}.|{n} is on {v}.", "On which day of the week is {n}?|Which weekday is {n} on?",
              "Does {n} fall on a {v}?"),
        field("guests visitors", lambda w: w.number(5, 900), "{v} guests will come to {n}.|{n} expects {v} guests.",
              "How many guests will come to {n}?|How many guests does {n} expect?", "Does {n} expect {v} guests?"),
        field("bring needed", lambda w: an(str(w.pick(world.OBJECTS))), "Guests of {n} should bring {v}.|Bring {v} to {n}.",
              "What should guests bring to {n}?", "Should guests bring {v} to {n}?"),
    ),
)  # fmt: skip
BOOK = Kind(
    "book",
    lambda w: f"{w.pick(('The', 'A'))} {w.pick(world.COLOURS).capitalize()} {w.pick(world.OBJECTS).capitalize()}" + (f" of {w.city()}" if w.chance(0.7) else ""),
    ("it",),
    (
        field("author writer by", World.full, "{n} was written by {v}.|{v} wrote {n}.|The author of {n} is {v}.", "Who wrote {n}?|Who is the author of {n}?",
              "Did {v} write {n}?"),
        field("year published", World.year, "{n} was published in {v}.|{n} appeared in {v}.", "When was {n} published?|In which year did {n} appear?",
              "Was {n} published in {v}?"),
        field("pages length", lambda w: w.number(40, 990), "{n} has {v} pages.|{n} is {v} pages long.", "How many pages does {n} have?|How long is {n}?",
              "Does {n} have {v} pages?"),
        field("hero main_character", World.first, "The hero of {n} is {v}.|{n} tells the story of {v}.", "Who is the hero of {n}?|Whose story does {n} tell?",
              "Is {v} the hero of {n}?"),
        field("publisher house", World.firm, "{n} is published by {v}.|The publisher of {n} is {v}.", "Who is the publisher of {n}?|Who publishes {n}?",
              "Is {v} the publisher of {n}?"),
        field("price cost", price, "{n} costs {v}.|The price of {n} is {v}.", "How much does {n} cost?|What is the price of {n}?", "Does {n} cost {v}?"),
    ),
)  # fmt: skip
ORDER = Kind(
    "order",
    lambda w: f"order {w.number(100, 9999)}",
    ("it",),
    (
        field("customer buyer client", World.full, "{n} was placed by {v}.|The customer of {n} is {v}.|{v} placed {n}.", "Who placed {n}?|Who is the customer of {n}?",
              "Did {v} place {n}?"),
        field("item product thing", lambda w: an(str(w.pick(world.OBJECTS))), "{n} is for {v}.|The buyer of {n} wants {v}.", "What is {n} for?|Which thing is in {n}?",
              "Is {n} for {v}?"),
        field("total amount sum", price, "{n} comes to {v}.|The total of {n} is {v}.", "What is the total of {n}?|How much does {n} come to?", "Is the total of {n} {v}?"),
        field("city ship_to destination", World.city, "{n} goes to {v}.|{n} is shipped to {v}.", "Where does {n} go?|Which city is {n} shipped to?", "Is {n} shipped to {v}?"),
        field("date delivery", World.date, "{n} will arrive on {v}.|Delivery of {n} is on {v}.", "When will {n} arrive?|On which date is the delivery of {n}?",
              "Will {n} arrive on {v}?"),
        field("quantity count", lambda w: w.number(2, 60), "{n} has {v} pieces.|There are {v} pieces in {n}.", "How many pieces does {n} have?|How many pieces are in {n}?",
              "Does {n} have {v} pieces?"),
    ),
)  # fmt: skip
ANIMAL = Kind(
    "pet",
    lambda w: w.thing() if w.chance(0.4) else w.first(),
    ("he", "she"),
    (
        field("species animal kind", of(world.ANIMALS), "{n} is {a}.", "What animal is {n}?|What kind of animal is {n}?", "Is {n} {a}?"),
        field("owner belongs_to", World.first, "{n} belongs to {v}.|{v} is the owner of {n}.", "Who owns {n}?|Who does {n} belong to?", "Does {n} belong to {v}?"),
        field("colour color", of(world.COLOURS), "{n} is {v}.|{n} has {v} eyes.", "What colour does {n} have?", "Does {n} have the colour {v}?"),
        field("food eats", of(world.FOODS), "{n} eats {v}.|{n} likes {v}.", "What does {n} eat?|What does {n} like to eat?", "Does {n} eat {v}?"),
        field("age years", lambda w: w.number(1, 20), "{n} is {v} years old.", "How old is {n}?|What is {n}'s age?", "Is {n} {v} years old?"),
        field("sleeps_on bed", lambda w: f"the {w.pick(world.OBJECTS)}", "{n} sleeps on {v}.|{n}'s favourite place is {v}.",
              "Where does {n} sleep?|What does {n} sleep on?", "Does {n} sleep on {v}?"),
    ),
)  # fmt: skip

KINDS = (PERSON, PERSON, PERSON, PRODUCT, CITY, FIRM, EVENT, BOOK, ORDER, ANIMAL)


def profile(w: World, num_fields: int, kind: Kind | None = None) -> Profile:
    """A subject with that many fields (or all it has)."""
    kind = kind or w.pick(KINDS)
    fields = w.some(kind.fields, min(num_fields, len(kind.fields)))
    values: dict[Field, Value] = {}
    for each in fields:  # no value twice, or a question had two answers
        value = each.draw(w)
        while value in values.values():
            value = each.draw(w)
        values[each] = value
    return Profile(kind, kind.draw(w), w.pick(kind.pronouns), values)


def fill(template: str, name: str, value: Value) -> str:
    """A template with its name and value, as a sentence begins."""
    text = (
        template.replace("{n}", name)
        .replace("{a}", an(str(value)) if "{a}" in template else "")
        .replace("{v}", str(value))
    )
    return text[0].upper() + text[1:]
