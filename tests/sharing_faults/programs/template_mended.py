"""The rules stand in another turn."""

import lmc

RULES = "You are a careful assistant. You answer in one sentence and say so where you do not know.\n"


@lmc.function
def ask(s, question: str):
    short, long = s.fork(2)
    short += lmc.system(RULES)
    short += lmc.user("In a word: " + question)
    short += lmc.assistant(lmc.gen("short", max_tokens=4))
    long += lmc.system(RULES)
    long += lmc.user("At length: " + question)
    long += lmc.assistant(lmc.gen("long", max_tokens=4))
    return short["short"], long["long"]
