"""Two calls give another number of examples."""

import lmc

RULES = "You are a careful assistant. You answer in one sentence and say so where you do not know.\n"
ONE = "Example: an ant is small.\n"
TWO = "Example: a bear is big and slow.\n"
THREE = "Example: a cat is small and quick, and sleeps.\n"


@lmc.function
def ask(s, word: str):
    size, mood = s.fork(2)
    size += ONE + TWO + THREE + RULES + word + "\nSize:" + lmc.gen("size", max_tokens=4)
    mood += ONE + TWO + THREE + RULES + word + "\nMood:" + lmc.gen("mood", max_tokens=4)
    return size["size"], mood["mood"]
