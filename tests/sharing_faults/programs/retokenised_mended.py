"""A generated text is said again as text."""

import lmc

RULES = "You are a careful assistant. You answer in one sentence and say so where you do not know.\n"


@lmc.function
def ask(s, topic: str):
    s += RULES + f"Name a thing about {topic}:"
    s += lmc.gen("thing", max_tokens=8)
    again = s.copy()
    s += " Why?" + lmc.gen("why", max_tokens=4)
    again += " How?" + lmc.gen("how", max_tokens=4)
    return s["why"], again["how"]
