"""Random rows of generations with text between them, and models of a few words that often write these texts."""

from __future__ import annotations

import random
from dataclasses import dataclass

import lmc
from tests.support.api_fakes import TinyBrain

WORDS = ("\n", ";", "K:", " K", " a", " b", " ab", "b", "é", "", "x")


@dataclass(frozen=True)
class Row:
    """A row: the text before it, (stop texts, max_tokens) by generation, and the text behind each but the last."""

    begin: str
    gens: tuple[tuple[tuple[str, ...], int], ...]
    texts: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        return [f"v{number}" for number in range(len(self.gens))]

    def program(self, *, is_chat: bool) -> lmc.Program:
        """The row as a program: in a turn, or as plain text."""
        begin, gens, texts = self.begin, self.gens, self.texts

        def written(s):
            s += begin
            for number, (stops, limit) in enumerate(gens):
                s += lmc.gen(f"v{number}", stop=stops, max_tokens=limit)
                if number < len(texts):
                    s += texts[number]

        if not is_chat:
            return lmc.function(written)

        def turn(s):
            s += lmc.user("Say it.")
            s += lmc.assistant_begin()
            written(s)
            s += lmc.assistant_end()

        return lmc.function(turn)


def random_row(rng: random.Random) -> Row:
    """Two to four generations; most texts begin with a stop text of the generation before them, some do not."""
    gens, texts = [], []
    for number in range(rng.randint(2, 4)):
        stops = tuple(rng.sample(["\n", ";", "K:", "\nK:", "b"], rng.choice([1, 1, 2])))
        gens.append((stops, rng.choice([1, 2, 3, 5, 12])))
        if number:
            before = gens[number - 1][0]
            begin = rng.choice(before) if rng.random() < 0.9 else ""
            texts.append(begin + rng.choice(["", "K:", "K: ", " K", " a", "K: a", "é"]) or "x")
    return Row("K:", tuple(gens), tuple(texts))


def random_brain(rng: random.Random, row: Row) -> TinyBrain:
    """What comes next depends on the last word; a generation often ends, and then its text is likely to come."""
    table = {end: {word: rng.choice([0.2, 0.5, 1.0]) for word in WORDS} for end in WORDS}
    cut = TinyBrain(WORDS)
    for text in row.texts:
        words = [cut.spell(token).decode("utf-8", "replace") for token in cut.encode(text)]
        for weights in list(table.values()):
            weights[words[0]] = 4.0
        for at in range(1, len(words)):
            if words[at] in WORDS:
                table["".join(words[:at])] = {**table[rng.choice(WORDS)], words[at]: 30.0}
    return TinyBrain(table=table)
