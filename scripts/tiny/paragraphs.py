"""Profiles written as text: paragraphs, letters, dialogues, records; with other subjects between."""

from __future__ import annotations

import re

from scripts.tiny.facts import ANIMAL, PERSON, Profile, an, fill, profile
from scripts.tiny.world import World

POSSESSIVE = {"he": "his", "she": "her", "it": "its"}
HOLE = re.compile(r"\{(\w+):(\w)\}")
FILLERS = (
    "It was a quiet day.", "Nobody knows why.", "The neighbours like that.", "Much has been said about this.",
    "That is how it has always been.", "The weather was fine.", "Everyone agreed.", "Not much else is known.",
    "A photograph hangs in the hall.", "It took some time.", "The rest is a long story.", "Some people find that odd.",
    "The news spread quickly.", "There is more to tell.", "One thing leads to another.", "Few people know this.",
)  # fmt: skip


def sentences(w: World, about: Profile, *, pronouns: bool = True) -> list[str]:
    """One sentence a field (an opening may say several), in random order, the first with the name."""
    said: list[str] = []
    left = list(about.values)
    opening = opening_of(w, about) if w.chance(0.5) else None
    if opening:
        text, used = opening
        said.append(text)
        left = [field for field in left if field.keys[0] not in used]
    w.rng.shuffle(left)
    for field in left:
        template = w.pick(field.says)
        named = not said or not pronouns or w.chance(0.4)
        said.append(fill(template if named else with_pronoun(template, about.pronoun), about.name, about.values[field]))
    return said


def with_pronoun(template: str, pronoun: str) -> str:
    """The template with `he` or `his` for the name, where that is grammar; else as it is."""
    if template.startswith("{n}'s "):
        return POSSESSIVE[pronoun] + template[len("{n}'s") :]
    if template.startswith("{n} "):
        return pronoun + template[len("{n}") :]
    return template


def opening_of(w: World, about: Profile) -> tuple[str, set[str]] | None:
    """An opening whose fields this profile has, and which those are."""
    known = {field.keys[0]: value for field, value in about.values.items()}
    for template in w.some(about.kind.openings, len(about.kind.openings)):
        holes = HOLE.findall(template)
        if all(key in known for key, form in holes):
            text = HOLE.sub(lambda hole: shown(known[hole[1]], hole[2]), template).replace("{n}", about.name)
            text = re.sub(
                r"\bis (\d+)-year",
                lambda m: f"is {'an' if m[1][0] == '8' or m[1] in ('11', '18') else 'a'} {m[1]}-year",
                text,
            )
            return text, {key for key, form in holes}
    return None


def shown(value: str | int, form: str) -> str:
    return an(str(value)) if form == "a" else str(value)


def paragraph(w: World, about: Profile, others: tuple[Profile, ...] = ()) -> str:
    """The facts as a text: mostly prose, now and then a record; others before, after or between."""
    if not others and w.chance(0.12):
        return record(w, about)
    if others and w.chance(0.3):  # all mixed, so every sentence has its name
        mixed = [line for each in (about, *others) for line in sentences(w, each, pronouns=False)]
        w.rng.shuffle(mixed)
        return " ".join(mixed)
    blocks = [sentences(w, each) for each in (about, *others)]
    w.rng.shuffle(blocks)
    lines = [line for block in blocks for line in block]
    if w.chance(0.4):  # between only where no `he` or `she` after it could mean another
        at = w.rng.randint(0, len(lines)) if not others and about.pronoun == "it" else len(lines)
        lines.insert(at, w.pick(FILLERS))
    return ("\n" if w.chance(0.1) else " ").join(lines)


def record(w: World, about: Profile) -> str:
    """The facts as lines of a record."""
    sep, rows = w.pick((": ", " = ", " - ")), [(about.kind.noun if w.chance(0.3) else "name", about.name)]
    rows += [(w.pick(field.keys).replace("_", " "), str(value)) for field, value in about.values.items()]
    names = [key.capitalize() if w.chance(0.9) else key for key, _ in rows]
    return ("\n" if w.chance(0.7) else "; ").join(
        f"{name}{sep}{value}" for name, (_, value) in zip(names, rows, strict=True)
    )


def scene(w: World, most: int = 6) -> tuple[Profile, tuple[Profile, ...], str]:
    """A subject, the others of its text, and the text."""
    if w.easy and w.chance(0.7):
        about = profile(w, w.rng.randint(2, 3))
        return about, (), paragraph(w, about)
    about = profile(w, w.rng.randint(2, most))
    others: tuple[Profile, ...] = ()
    if (about.kind in (PERSON, ANIMAL) and w.chance(0.45)) or w.chance(0.2):
        others = another(w, about)
    return about, others, paragraph(w, about, others)


def another(w: World, about: Profile) -> tuple[Profile, ...]:
    """One or two more of the same kind under other names, with values of their own."""
    found: list[Profile] = []
    for _ in range(w.pick((1, 1, 1, 2))):
        other = profile(w, w.rng.randint(1, 4), about.kind)
        taken = {about.name, *(each.name for each in found)}
        values = {value for each in (about, *found) for value in each.values.values()}
        if not any(other.name in name or name in other.name for name in taken) and not values & set(
            other.values.values()
        ):
            found.append(other)
    return tuple(found)
