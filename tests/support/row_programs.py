"""A program whose generations of one turn are a row, and what a model may write for all of it."""

from __future__ import annotations

import lmc

WHOLE = "Name: Lena\nAge: 34\nCity: Oslo\n"


@lmc.function
def person(s: lmc.State, page: str) -> None:
    s += lmc.user(page + " Who is it?")
    s += lmc.assistant_begin()
    s += "Name:" + lmc.gen("name", stop="\n", max_tokens=16)
    s += "\nAge:" + lmc.gen("age", stop="\n", max_tokens=8)
    s += "\nCity:" + lmc.gen("city", stop="\n", max_tokens=16)
    s += lmc.assistant_end()
