"""Made-up names of people, places, firms and things, and the rule that keeps some of them for tests.

A name is built from syllables, so there are millions; real ones are mixed in. `held_out` is a property of the word
itself: no item of the training side ever holds a held-out name, and every name of a test item is held out.
"""

from __future__ import annotations

from random import Random
from zlib import crc32

ONSETS = "b br c ch cl d dr f fl g gr h j k kl l m n p pr qu r s sh st t th tr v w z".split()
VOWELS = "a a a e e e i i o o u ai ea ee ia ie io ou ua y".split()
CODAS = "l n r s m t d k ck nd nt rd rk ll nn ss sh th x".split() + [""] * 12
ENDS = {
    "first": "a a e ia ina o us en el an is ie y ette as or in".split(),
    "last": ("son sen man er ov ova ini elli ez ski ley ton ford well berg stein wood mann aki ura es").split(),
    "city": ("ton ville burg ford ham dale mouth port stad haven field by ia ona este grad holm wick a o").split(),
    "firm": "ix on ara ex ium tek on ora ica is Works Labs Foods Motors Group Bank".split(),
    "thing": "o on ix a ex ette ino ero 2 4 7 9 X Pro Mini Max".split(),
}
REAL = {
    "first": (
        "Ada Alan Alice Amir Anna Ben Bob Carla Carlos Chen Clara Daniel David Diana Elena Emma Eva Fatima Felix "
        "Frank George Grace Hana Hans Ida Ivan Jack James Jane John Jonas Julia Karl Kate Laura Leo Lena Lily "
        "Lucas Luis Maria Mark Marta Mary Max Mia Mila Mina Nadia Nina Noah Nora Olga Omar Oscar Otto Paul Pedro "
        "Peter Priya Rosa Ruth Sam Sara Sofia Tom Tina Vera Victor Yuki Zoe"
    ).split(),
    "last": (
        "Adams Baker Brown Clark Cruz Diaz Evans Fischer Garcia Gray Hall Hill Ivanov Jones Kaya Kim Klein Lee "
        "Lopez Lovelace Martin Meyer Miller Moore Nguyen Novak Okafor Patel Park Reed Rossi Sato Silva Singh "
        "Smith Stone Tanaka Taylor Turing Walker Weber White Wong Young"
    ).split(),
    "city": (
        "Athens Berlin Boston Cairo Dublin Geneva Hanoi Helsinki Kyoto Lagos Lima Lisbon London Madrid Milan "
        "Nairobi Oslo Paris Porto Prague Quito Riga Rome Seoul Sofia Sydney Tokyo Vienna Warsaw Zurich"
    ).split(),
    "firm": "Acme Globex Initech Umbra Vertex Nimbus Orion Zenith Polaris Atlas".split(),
    "thing": "Comet Falcon Echo Nova Spark Breeze Pebble Raven Lark Orbit".split(),
}
COUNTRIES = (
    "Argentina Austria Brazil Canada Chile China Denmark Egypt Finland France Germany Ghana Greece India Ireland "
    "Italy Japan Kenya Mexico Morocco Norway Peru Poland Portugal Spain Sweden Turkey Vietnam"
).split()


def held_out(word: str) -> bool:
    """True for the eighth of all words that only tests may use."""
    return crc32(word.lower().encode()) % 8 == 0


def name(rng: Random, kind: str, test: bool) -> str:
    """A name of that kind from the asked side: mostly made up, one in four of the training side's a real one."""
    while True:
        word = rng.choice(REAL[kind]) if rng.random() < 0.25 else made_up(rng, kind)
        if held_out(word) == test and 3 <= len(word) <= 16:
            return word


def made_up(rng: Random, kind: str) -> str:
    """One or two syllables and an ending."""
    stem = "".join(syllable(rng) for _ in range(rng.choice((1, 1, 2))))
    end = rng.choice(ENDS[kind])
    apart = end[0].isupper() or end[0].isdigit()
    return f"{stem.capitalize()} {end}" if apart else (stem + end).capitalize()


def syllable(rng: Random) -> str:
    return rng.choice(ONSETS) + rng.choice(VOWELS) + rng.choice(CODAS)
