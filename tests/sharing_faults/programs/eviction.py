"""Run where the pool is too small to keep a document."""

import lmc

RULES = "You are a careful assistant. You answer in one sentence and say so where you do not know.\n"


@lmc.function
def ask(s, document: str):
    s += RULES + document
    s += "\nTitle:" + lmc.gen("title", max_tokens=4)
