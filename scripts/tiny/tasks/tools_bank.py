"""Tools that a prompt may list: their names, descriptions, arguments, requests and results. Tables only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scripts.tiny.world import DAYS, FOODS, JOBS, World

CITY = r'"[A-Z][A-Za-z]{2,15}"'
COUNT = r"[1-9][0-9]{0,2}"
TEXT = r'"[^"\\]{1,60}"'
SKIES = ("rain", "snow", "sun", "fog", "wind", "hail", "rain and wind", "light rain", "heavy snow")
LANGUAGES = ["French", "Spanish", "German", "Italian", "Polish", "Greek", "Turkish", "Swedish", "Dutch", "Danish"]
MONEY = ["euros", "dollars", "pounds", "francs", "crowns", "yen"]
ERRANDS = ("call {n}", "water the plants", "buy {f}", "write to {n}", "feed the cat", "meet {n}", "pay the rent")
SUBJECTS = ("the meeting", "the invoice", "lunch", "the trip", "the contract", "the party", "the report", "the budget")
TOPICS = (
    "cheap {f}",
    "{f} recipes",
    "hotels in {c}",
    "parks in {c}",
    "shops in {c}",
    "news about {g}",
    "films with {n}",
)
PHRASES = (
    "good morning",
    "thank you",
    "I am hungry",
    "where is the station",
    "see you soon",
    "good night",
    "my name is {n}",
)
SONGS = ("Blue {g}", "The {c} Song", "{n}", "Night in {c}", "{g} Waltz", "Goodbye {n}", "Road to {c}")
FILES = ("notes", "report", "budget", "letter", "plan", "list", "draft", "photo")


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool and how one asks for it.

    names      what a prompt may call it; `about` the descriptions, `short` what it takes
    arguments  the keys, each with the kind of value that `value` draws
    asks       requests with the keys in braces
    result     what the tool says, with {r}; `final` the sentences that use it
    """

    names: tuple[str, ...]
    about: tuple[str, ...]
    short: tuple[str, ...]
    arguments: dict[str, str]
    asks: tuple[str, ...]
    result: str = "done"
    final: tuple[str, ...] = ("It is done.",)


def value(w: World, kind: str) -> str | int:
    """An argument of that kind, from this side's names and numbers."""
    if kind == "count":
        return w.number(1, 99) if w.chance(0.8) else w.number(100, 999)
    if kind == "file":
        return f"{w.pick(FILES)}{w.number(1, 99)}.{w.pick(('txt', 'pdf', 'csv', 'md'))}"
    if kind in PLAIN:
        return w.pick(PLAIN[kind])
    if kind in FILLED:
        text = w.pick(FILLED[kind])
        return text.format(n=w.first(), c=w.city(), f=w.pick(FOODS), g=w.thing()) if "{" in text else text
    drawn: str = getattr(w, kind)()
    return drawn


PLAIN: dict[str, Sequence[str | int]] = {
    "language": LANGUAGES, "money": MONEY, "subject": SUBJECTS, "day": DAYS, "small": range(2, 10),
    "room": ("kitchen", "bedroom", "hall", "bathroom", "office", "cellar"), "state": ("on", "off"),
}  # fmt: skip
FILLED = {"errand": ERRANDS, "topic": TOPICS, "phrase": PHRASES, "song": SONGS}
PATTERNS = {"count": COUNT, "city": CITY}

TOOLS = (
    Tool(
        ("add", "sum", "plus", "add_numbers", "addition"),
        ("adds two numbers", "gives the sum of two numbers", "computes a plus b", "sums two numbers"),
        ("two numbers", "two numbers to add"), {"a": "count", "b": "count"},
        ("What is {a} plus {b}?", "What is {a} + {b}?", "Add {a} and {b}.", "How much is {a} plus {b}?",
        "Compute {a} + {b}.",
         "What is the sum of {a} and {b}?", "Please add {a} and {b}.", "I need {a} plus {b}.", "Calculate {a} + {b}.",
         "How much do {a} and {b} make together?", "Sum up {a} and {b}.", "{a} + {b}?"),
        "number", ("The answer is {r}.", "It is {r}.", "The sum is {r}."),
    ),
    Tool(
        ("multiply", "times", "product", "mul", "multiply_numbers"),
        ("multiplies two numbers", "gives the product of two numbers", "computes a times b"),
        ("two factors", "two numbers to multiply"), {"a": "count", "b": "count"},
        ("What is {a} times {b}?", "What is {a} * {b}?", "Multiply {a} by {b}.", "How much is {a} times {b}?",
         "Compute {a} * {b}.", "What is the product of {a} and {b}?", "I need {a} times {b}.", "{a} * {b}?",
         "Please multiply {a} and {b}.", "Calculate the product of {a} and {b}."),
        "number", ("The answer is {r}.", "It is {r}.", "The product is {r}."),
    ),
    Tool(
        ("weather", "forecast", "get_weather", "sky", "meteo"),
        ("tells the weather in a city", "gives the forecast for a city", "says if it rains somewhere"),
        ("a city", "the name of a city"), {"city": "city"},
        ("What is the weather in {city}?", "How is the weather in {city}?", "Will it rain in {city}?",
        "Is it sunny in {city}?",
         "Do I need an umbrella in {city}?", "What is the forecast for {city}?", "Weather in {city}?",
         "Is there snow in {city}?", "Tell me the weather in {city}.",
         "What will the weather be like in {city} tomorrow?",
         "I travel to {city}. Will it rain?", "Is it cold in {city}?"),
        "weather", ("The answer is {r}.", "The forecast for {city} is {r}.", "In {city} there will be {r}.",
        "The weather in {city}: {r}."),
    ),
    Tool(
        ("time", "clock", "get_time", "local_time", "watch"),
        ("tells the time in a city", "gives the local time of a city", "says how late it is somewhere"),
        ("a city", "a place"), {"city": "city"},
        ("What time is it in {city}?", "How late is it in {city}?", "Tell me the time in {city}.",
        "What is the local time in {city}?",
         "What does the clock say in {city}?", "Time in {city}?", "Do you know what time it is in {city}?",
         "I want to call someone in {city}. What time is it there?", "Give me the time in {city}."),
        "clock", ("The answer is {r}.", "It is {r} in {city}.", "The time in {city} is {r}."),
    ),
    Tool(
        ("translate", "translator", "to_language", "interpret"),
        ("translates a text", "says a text in another language", "puts words into another language"),
        ("a text and a language",), {"text": "phrase", "language": "language"},
        ('Translate "{text}" into {language}.', 'How do you say "{text}" in {language}?',
        'What is "{text}" in {language}?',
         'Say "{text}" in {language}.', 'I need "{text}" in {language}.', 'Put "{text}" into {language}.',
         'Please translate "{text}" to {language}.', 'Can you translate "{text}" into {language}?'),
    ),
    Tool(
        ("search", "find", "web_search", "lookup", "browse"),
        ("searches the web", "looks something up on the web", "finds pages about a topic"),
        ("a query", "what to search for"), {"query": "topic"},
        ("Search for {query}.", "Find {query} on the web.", "Look for {query}.", "Search the web for {query}.",
         "Can you look up {query}?", "Please search for {query}.", "Find pages about {query}.",
         "I want to find {query} online.",
         "Google {query}."),
    ),
    Tool(
        ("convert", "exchange", "currency", "change_money"),
        ("converts money", "changes an amount into another currency", "exchanges currencies"),
        ("an amount and two currencies",), {"amount": "count", "from": "money", "to": "money"},
        ("Convert {amount} {from} to {to}.", "How many {to} are {amount} {from}?",
        "What are {amount} {from} in {to}?",
         "Change {amount} {from} into {to}.", "I have {amount} {from}. How many {to} is that?",
         "Exchange {amount} {from} for {to}.",
         "How much is {amount} {from} in {to}?", "Turn {amount} {from} into {to}."),
        "number", ("The answer is {r}.", "That is {r} {to}.", "{amount} {from} are {r} {to}."),
    ),
    Tool(
        ("remind", "reminder", "set_reminder", "remember"),
        ("sets a reminder", "reminds you of something at a time", "stores a reminder"),
        ("a text and a time",), {"text": "errand", "time": "clock"},
        ("Remind me at {time} to {text}.", "Remind me to {text} at {time}.", "Set a reminder for {time}: {text}.",
         "At {time} I must {text}. Remind me.", "Do not let me forget to {text} at {time}.",
         "Please remind me at {time}: {text}.",
         "I have to {text} at {time}, so remind me.", "Reminder: {text} at {time}."),
        "ok", ("I will remind you at {time}.", "The reminder is set for {time}."),
    ),
    Tool(
        ("email", "send_email", "mail", "send_mail"),
        ("sends an email", "writes a mail to someone", "sends a message by mail"),
        ("a person and a subject",), {"to": "first", "subject": "subject"},
        ("Email {to} about {subject}.", "Send {to} an email about {subject}.",
        "Write a mail to {to} about {subject}.",
         "Please mail {to} about {subject}.", "Send a mail on {subject} to {to}.",
         "Can you email {to} about {subject}?",
         "I want to send {to} a mail about {subject}.", "Let {to} know about {subject} by email."),
        "sent", ("The mail to {to} is sent.", "I have sent {to} a mail."),
    ),
    Tool(
        ("play", "music", "play_song", "player"),
        ("plays a song", "starts music", "plays music by its title"), ("a song", "the title of a song"),
        {"song": "song"},
        ('Play "{song}".', 'I want to hear "{song}".', 'Put on "{song}".', 'Please play the song "{song}".',
         'Can you play "{song}"?', 'Start the song "{song}".', 'Let me hear "{song}".',
         'Play the track "{song}" for me.'),
        "playing", ("{song} is playing.", "Now playing {song}."),
    ),
    Tool(
        ("lookup_person", "people", "person", "contact", "who_is"),
        ("looks up a person", "gives what is known of a person", "finds a person's job"),
        ("a name", "the name of a person"), {"person": "full"},
        ("Who is {person}?", "What does {person} do?", "Find out who {person} is.",
        "Look {person} up among the people.", "What is the job of {person}?",
         "Do you know {person}?", "I met {person}. Who is that?", "Which job does {person} have?"),
        "job", ("The answer is {r}.", "The job of {person} is {r}.", "{person}: {r}."),
    ),
    Tool(
        ("population", "people_of", "inhabitants", "census"),
        ("gives the population of a country", "counts the people of a country",
        "says how many people live in a country"),
        ("a country", "the name of a country"), {"country": "country"},
        ("How many people live in {country}?", "What is the population of {country}?", "Population of {country}?",
         "How large is the population of {country}?", "Tell me how many people {country} has.",
         "How many inhabitants has {country}?",
         "Give me the population of {country}.", "How many people are there in {country}?"),
        "millions", ("The answer is {r}.", "{country} has {r} people.", "The population of {country} is {r}."),
    ),
    Tool(
        ("open_file", "read_file", "open", "file", "show_file"),
        ("opens a file", "shows what is in a file", "reads a file from the disk"), ("a path",
        "the name of a file"), {"path": "file"},
        ("Open {path}.", "Open the file {path}.", "What is in {path}?", "Read {path}.", "Show me {path}.",
        "Please open {path}.",
         "Can you read the file {path}?", "I want to see {path}.", "Print the file {path}."),
    ),
    Tool(
        ("table", "book_table", "reserve", "restaurant"),
        ("books a table in a restaurant", "reserves seats in a restaurant"), ("a number of people and a time",),
        {"people": "small", "time": "clock"},
        ("Book a table for {people} at {time}.", "We are {people} people and want to eat at {time}. Book a table.",
         "Reserve a table at {time} for {people}.", "I need a table for {people} people at {time}.",
         "Table for {people} at {time}, please.", "Please reserve a table for {people} people, {time}.",
         "Can you book dinner for {people} at {time}?", "Get us a table at {time}. We are {people}."),
        "booked", ("Your table is booked for {time}.", "You have a table at {time}."),
    ),
    Tool(
        ("train", "trains", "book_train", "railway"),
        ("books a train", "finds a train to a city", "buys a train ticket"), ("a city and a day",), {"to": "city",
        "day": "day"},
        ("I need a train to {to} on {day}.", "Book a train to {to} for {day}.", "Find a train to {to} on {day}.",
         "How do I get to {to} by train on {day}?", "A ticket to {to} on {day}, please.",
         "Buy me a train ticket to {to} for {day}.",
         "On {day} I go to {to} by train. Book it.", "Is there a train to {to} on {day}?"),
        "clock", ("The train to {to} leaves at {r}.", "Your train leaves at {r} on {day}."),
    ),
    Tool(
        ("price", "stock", "quote", "share_price"),
        ("gives the share price of a firm", "tells what a share of a firm costs"), ("a firm",
        "the name of a firm"), {"firm": "firm"},
        ("What is the share price of {firm}?", "How much does a share of {firm} cost?", "Share price of {firm}?",
         "How is the stock of {firm}?", "Tell me the stock price of {firm}.", "What is {firm} worth per share?",
         "Give me a quote for {firm} shares.", "I want to buy shares of {firm}. What is the price?"),
        "number", ("The answer is {r}.", "A share of {firm} costs {r}.", "The price is {r}."),
    ),
    Tool(
        ("light", "lamp", "set_light", "switch"),
        ("switches the light in a room", "turns the light on or off"), ("a room and on or off",), {"room": "room",
        "state": "state"},
        ("Turn the light in the {room} {state}.", "Switch {state} the light in the {room}.",
        "Light {state} in the {room}, please.",
         "Put the {room} light {state}.", "Please turn {state} the light in the {room}.",
         "Set the light in the {room} to {state}.",
         "I want the light in the {room} {state}.", "Could you switch the {room} light {state}?"),
        "ok", ("The light in the {room} is {state}.",),
    ),
    Tool(
        ("timer", "set_timer", "countdown", "alarm"),
        ("sets a timer", "rings after some minutes", "counts down minutes"), ("a number of minutes", "minutes"),
        {"minutes": "count"},
        ("Set a timer for {minutes} minutes.", "Timer for {minutes} minutes, please.",
        "Wake me in {minutes} minutes.",
         "Start a countdown of {minutes} minutes.", "Ring in {minutes} minutes.",
         "The cake needs {minutes} minutes. Set a timer.",
         "Tell me when {minutes} minutes are over.", "Count down {minutes} minutes."),
        "ok", ("The timer is set to {minutes} minutes.",),
    ),
    Tool(
        ("distance", "how_far", "route", "miles"),
        ("gives the distance of two cities", "says how far it is from one city to another"), ("two cities",),
        {"from": "city", "to": "city"},
        ("How far is it from {from} to {to}?", "What is the distance from {from} to {to}?",
        "How many miles is {to} from {from}?",
         "Distance from {from} to {to}?", "I drive from {from} to {to}. How far is that?",
         "Tell me how far {to} is from {from}.",
         "How long is the way from {from} to {to}?", "Give the distance between {from} and {to}."),
        "number", ("The answer is {r}.", "It is {r} miles from {from} to {to}.", "The distance is {r} miles."),
    ),
)  # fmt: skip


def result(w: World, kind: str) -> str:
    """What a tool says: a number, the weather, a time, a job, or that it is done."""
    if kind == "number":
        return str(w.number(1, 999))
    if kind == "millions":
        return f"{w.number(2, 99)} million"
    said = {"weather": w.pick(SKIES), "clock": w.clock(), "job": w.pick(JOBS)}
    return said.get(kind, kind)
