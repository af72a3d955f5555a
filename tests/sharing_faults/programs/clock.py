"""A clock before the rules."""

import datetime

import lmc

RULES = "You are a careful assistant. You answer in one sentence and say so where you do not know.\n"


@lmc.function
def ask(s, question: str):
    s += f"It is {datetime.datetime.now():%f}. "  # lmc: order-free
    s += RULES
    s += f"Q: {question}\nA:" + lmc.gen("answer", max_tokens=4)
