"""One of two prompts has a space more."""

import lmc

RULES = "You are a careful assistant. You answer in one sentence and say so where you do not know.\n"


@lmc.function
def ask(s, text: str):
    names, dates = s.fork(2)
    names += "Read this text with care. " + RULES + text + "\nNames:" + lmc.gen("names", max_tokens=4)
    dates += "Read this text with care.  " + RULES + text + "\nDates:" + lmc.gen("dates", max_tokens=4)
    return names["names"], dates["dates"]
