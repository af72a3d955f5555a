"""The order of a set before the rules."""

import lmc

RULES = "You are a careful assistant. You answer in one sentence and say so where you do not know.\n"
CODES = {0, 8}


@lmc.function
def ask(s, question: str):
    s += "The codes are " + ", ".join(map(str, sorted(CODES))) + ". " + RULES
    s += f"Question: {question}\nAnswer:" + lmc.gen("answer", max_tokens=4)
