"""Each arm of a branch says the rules for itself."""

import lmc

RULES = "You are a careful assistant. You answer in one sentence and say so where you do not know.\n"


@lmc.function
def ask(s, is_short: bool):
    s += RULES
    if is_short:
        s += "In a word. " + "Name a colour:" + lmc.gen("answer", max_tokens=4)
    else:
        s += "At length. " + "Name a colour:" + lmc.gen("answer", max_tokens=4)
