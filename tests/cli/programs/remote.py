"""Small programs, each of which asks for something that some model behind an API has not got."""

import lmc


@lmc.function
def fine(s, topic: str):
    s += lmc.system("Be brief.")
    s += lmc.user("Say a word about " + topic)
    s += lmc.assistant(lmc.gen("word", max_tokens=16))


@lmc.function
def plain(s, topic: str):
    s += "A word about " + topic + ": "
    s += lmc.gen("word", max_tokens=16)
    s += " Another: " + lmc.gen("other", max_tokens=16)


@lmc.function
def continued(s, topic: str):
    s += lmc.user("Three facts about " + topic)
    with s.assistant():
        s += "1. " + lmc.gen("first", max_tokens=16)
        s += "\n2." + lmc.gen("second", max_tokens=16)


@lmc.function
def maybe_continued(s, start: str):
    s += lmc.user("Go on.")
    s += lmc.assistant(start + lmc.gen("rest", max_tokens=16))


@lmc.function
def stops(s, topic: str):
    s += lmc.user(topic)
    s += lmc.assistant(lmc.gen("x", stop=["\n", ".", "!", "?", ";"], max_tokens=16))


@lmc.function
def sampled(s, topic: str):
    s += lmc.user(topic)
    s += lmc.assistant(lmc.gen("x", temperature=1.5, top_p=0.9, top_k=40, max_tokens=16))
    s += lmc.user("Again.")
    s += lmc.assistant(lmc.gen("y", frequency_penalty=0.5, min_tokens=4, seed=7, max_tokens=16))


@lmc.function
def many(s, topic: str):
    s += lmc.user(topic)
    s += lmc.assistant(lmc.gen("x", n=3, return_logprob=True, top_logprobs_num=30, max_tokens=16))


@lmc.function
def pattern(s, topic: str):
    s += lmc.user("When was " + topic + "?")
    s += lmc.assistant(lmc.gen("year", regex="[0-9]{4}", max_tokens=8))


@lmc.function
def grammar(s, topic: str):
    s += lmc.user(topic)
    s += lmc.assistant(lmc.gen("sum", grammar='root ::= [0-9]+ " + " [0-9]+', max_tokens=16))


PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "age": {"type": "integer", "minimum": 0},
        "friends": {"type": "array", "items": {"$ref": "#"}, "maxItems": 3},
    },
    "required": ["name", "age"],
    "additionalProperties": False,
}


@lmc.function
def shaped(s, text: str):
    s += lmc.user("Who is in this text? " + text)
    s += lmc.assistant(lmc.gen("person", json_schema=PERSON, max_tokens=64))


@lmc.function
def chosen(s, text: str):
    s += lmc.user("Is this praise? " + text)
    s += lmc.assistant(lmc.select("praise", ["yes", "no"]))


@lmc.function
def long_answer(s, topic: str, is_long: bool):
    s += lmc.user("Write a book about " + topic)
    s += lmc.assistant(lmc.gen("book", max_tokens=200_000))
    s += lmc.system("From here on you are a critic.")
    if is_long:
        s += lmc.user("Shorten it.")
        s += lmc.assistant(lmc.gen("short", temperature=0, max_tokens=500_000))
