"""The rules behind what a tool says."""

import lmc

RULES = "You are a careful assistant. You answer in one sentence and say so where you do not know.\n"


def looked_up(name: str) -> str:
    return {"Ada": "wrote programs", "Mila": "has a parrot"}.get(name, "is unknown")


@lmc.function
def ask(s, name: str):
    s += RULES + f"{name} {looked_up(name)}. "  # lmc: order-free
    s += "\nSay more:" + lmc.gen("more", max_tokens=4)
