"""Extract fields of a paragraph into JSON: named keys, or keys that the schema alone gives; one record or several."""

from __future__ import annotations

import json

from scripts.tiny.facts import Field, Profile
from scripts.tiny.item import Gen, Item, assistant, system, user
from scripts.tiny.paragraphs import scene
from scripts.tiny.phrasing import about
from scripts.tiny.world import World

Json = str | int | list["Json"] | dict[str, "Json"]

WITH_KEYS = (
    "Extract {keys} as JSON.", "Give me JSON with {keys}.", "Return a JSON object with the fields {keys}.", "Write {keys} as JSON.", "JSON with {keys}, please.",
    "Put {keys} into JSON.", "Fill in a JSON record: {keys}.", "What are {keys}? Answer in JSON.", "Find {keys} and answer in JSON only.",
    "Extract the following fields as JSON: {keys}.", "Turn the text into JSON with the keys {keys}.", "I need {keys} in JSON.", "Make a JSON object out of this. Keys: {keys}.",
)  # fmt: skip
NO_KEYS = (
    "Extract the facts.", "Who or what is this about? Answer in JSON.", "Turn this into a record.", "Extract the data as JSON.", "Fill in the record.",
    "Write this as JSON.", "Give me the facts in JSON.", "Who is this about?", "What is this about?", "Describe it in JSON.", "Summarise in JSON.",
)  # fmt: skip
ROLES = (
    "Extract facts. Answer in JSON only.", "You turn texts into JSON.", "Answer in JSON.", "You extract data.", "Reply with JSON and nothing else.",
    "You are an extraction tool.", "You read texts and fill in records.", "Output JSON.",
)  # fmt: skip
SCIENCE = ("doctor engineer chemist biologist programmer dentist vet mathematician physicist astronomer").split()
ART = "painter singer actor architect photographer potter sculptor dancer composer".split()
LETTERS = ["writer", "journalist", "librarian", "teacher", "poet", "novelist", "translator"]
AREAS = {job: area for area, jobs in (("science", SCIENCE), ("art", ART), ("letters", LETTERS)) for job in jobs}


def extract(w: World) -> Item:
    """A text, and its fields as JSON."""
    if w.chance(0.12):
        return known_for(w)
    subject, others, text = scene(w)
    several = others and all(set(subject.values) & set(other.values) for other in others) and w.chance(0.5)
    fields = w.some(list(subject.values), w.rng.randint(1, min(4, len(subject.values))))
    keys = {field: w.pick(field.keys) if w.chance(0.5) else field.keys[0] for field in fields}
    if len(set(keys.values())) < len(keys):
        keys = {field: field.keys[0] for field in fields}
    name_key = w.pick(("name", "name", "name", subject.kind.noun, "title"))
    first = w.chance(0.8) and name_key not in keys.values()
    if several:
        keys = {field: key for field, key in keys.items() if all(field in other.values for other in others)}
        people = sorted((subject, *others), key=lambda each: text.lower().index(each.name.lower()))
        value: Json = [as_json(each, name_key, keys, True) for each in people]
        return asked(
            w,
            text,
            [name_key, *keys.values()],
            value,
            w.pick((" One object each, in a list.", " Answer with a list.", " Give a list with all of them.", "")),
        )
    of = f" about {subject.name}" if others else ""
    return asked(w, text, [name_key] * first + list(keys.values()), as_json(subject, name_key, keys, first), "", of)


def as_json(subject: Profile, name_key: str, keys: dict[Field, str], first: bool) -> dict[str, Json]:
    """The record of one subject."""
    found: dict[str, Json] = {name_key: subject.name} if first else {}
    return found | {key: subject.values[field] for field, key in keys.items()}


def asked(w: World, text: str, keys: list[str], value: Json, tail: str, of: str = "") -> Item:
    """The request in words, and the JSON in compact or spaced form."""
    hidden = not of and w.chance(0.25)
    if of:
        ask = w.pick(WITH_KEYS).replace("{keys}", listed(w, keys)) + w.pick(
            (f" Only{of}.", f" Just{of}.", f" I want the facts{of}.")
        )
    else:
        ask = (w.pick(NO_KEYS) if hidden else w.pick(WITH_KEYS).replace("{keys}", listed(w, keys))) + tail
    turns = [system(w.pick(ROLES))] if w.chance(0.5) else []
    return Item("extract", (*turns, user(about(w, text, ask)), assistant(written(w, value))))


def listed(w: World, keys: list[str]) -> str:
    """Keys as people list them."""
    style = w.rng.randrange(5)
    names = [f'"{key}"' for key in keys] if style == 0 else [f"`{key}`" for key in keys] if style == 1 else keys
    if style == 2 and len(names) > 1:
        return ", ".join(names[:-1]) + " and " + names[-1]
    return ", ".join(names)


def written(w: World, value: Json) -> Gen:
    """JSON text with the schema that a program would give for it."""
    separators = w.separators(w.pick(((",", ":"), (", ", ": "))))
    return Gen(json.dumps(value, separators=separators, ensure_ascii=False), schema=json.dumps(schema_of(value)))


def schema_of(value: Json) -> dict[str, object]:
    """The plain schema of a value."""
    if isinstance(value, dict):
        return {
            "type": "object",
            "properties": {key: schema_of(each) for key, each in value.items()},
            "required": list(value),
            "additionalProperties": False,
        }
    if isinstance(value, list):
        return {"type": "array", "items": schema_of(value[0]), "minItems": len(value), "maxItems": len(value)}
    return {"type": "integer"} if isinstance(value, int) else {"type": "string", "maxLength": 40}


def known_for(w: World) -> Item:
    """Who it is, when born, and which fields the work belongs to: art, letters or science."""
    name, born = w.full(), w.year()
    jobs = w.some(list(AREAS), w.pick((1, 1, 1, 2, 2)))
    areas = list(dict.fromkeys(AREAS[job] for job in jobs))
    said = " and ".join(("an " if job[0] in "aeiou" else "a ") + job for job in jobs)
    text = w.pick((
        f"{name}, born in {born}, was {said}.", f"{name} was {said}, born in {born} in {w.city()}.", f"Born in {born}, {name} became {said}.",
        f"{name} was {said}. The year of birth was {born}.", f"{name}, {said} from {w.city()}, was born in {born}.",
    ))  # fmt: skip
    text += w.pick(
        (
            "",
            "",
            f" In {w.country()} everyone knows the name.",
            f" The archive is in {w.city()}.",
            " Much of the work was never finished.",
        )
    )
    value: Json = {"name": name, "born": born, "fields": list(areas)}
    return asked(w, text, ["name", "born", "fields (art, letters or science)"], value, "")
