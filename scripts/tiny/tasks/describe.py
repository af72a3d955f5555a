"""The way back: from a record to sentences, and short summaries of a paragraph."""

from __future__ import annotations

import json

from scripts.tiny.facts import fill, profile
from scripts.tiny.item import Gen, Item, assistant, system, user
from scripts.tiny.paragraphs import record, scene
from scripts.tiny.phrasing import about
from scripts.tiny.world import World

TELL = (
    "Write a sentence about this record.", "Describe this in sentences.", "Turn this record into a text.", "Tell me about this.", "Write it out in prose.",
    "Put this into words.", "Write a short text from these facts.", "Make sentences out of this.",
)  # fmt: skip
NAME_IT = (
    "Who or what is the text about?", "Name the subject of the text.", "What is the text about?", "Whom or what does the text describe?", "Give the name of the subject.",
)  # fmt: skip


def describe(w: World) -> Item:
    """A record to prose, or the name and first fact of a paragraph."""
    return from_record(w) if w.chance(0.6) else subject_of(w)


def from_record(w: World) -> Item:
    subject = profile(w, w.rng.randint(1, 4))
    if w.chance(0.4):
        given = json.dumps({"name": subject.name} | {field.keys[0]: value for field, value in subject.values.items()})
    else:
        given = record(w, subject)
    text = " ".join(fill(field.says[0], subject.name, value) for field, value in subject.values.items())
    turns = [system(w.pick(("You write short texts.", "Be brief.", "You are a writer.")))] if w.chance(0.3) else []
    return Item("describe", (*turns, user(about(w, given, w.pick(TELL))), assistant(Gen(text))))


def subject_of(w: World) -> Item:
    subject, others, text = scene(w)
    if others:
        names = sorted((each.name for each in (subject, *others)), key=lambda name: text.lower().index(name.lower()))
        ask = w.pick(
            (
                "Which names are in the text?",
                "List the subjects of the text.",
                "Who or what is named in the text?",
                "Name all subjects.",
            )
        )
        return Item("describe", (user(about(w, text, ask)), assistant(Gen(", ".join(names)))))
    return Item("describe", (user(about(w, text, w.pick(NAME_IT))), assistant(Gen(subject.name))))
