"""Each arm of a branch says the rules for itself."""

import lmc

RULES = "You are a careful assistant. You answer in one sentence and say so where you do not know.\n"


@lmc.function
def ask(s, is_short: bool):
    if is_short:
        s += RULES + "In a word. " + "Name a colour:" + lmc.gen("answer", max_tokens=4)  # lmc: order-free
    else:
        s += RULES + "At length. " + "Name a colour:" + lmc.gen("answer", max_tokens=4)  # lmc: order-free
