"""An argument before the rules."""

import lmc

RULES = "You are a careful assistant. You answer in one sentence and say so where you do not know.\n"


@lmc.function
def ask(s, word: str):
    s += f"The word is {word}.\n"  # lmc: order-free
    s += RULES
    s += "It means" + lmc.gen("meaning", max_tokens=4)
