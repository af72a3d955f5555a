"""A program, as it was before and is after a change."""

import lmc


@lmc.function
def tips(s, topic, lang="en"):
    s += lmc.system("You are a terse assistant.")
    s += f"Topic: {topic}. "
    a, b = s.fork(2)
    b += "Give one tip. For experts: " + lmc.gen("expert", max_tokens=8)
    a += "Give one tip. For beginners: " + lmc.gen("easy", max_tokens=16, regex="[a-z]+")
    s += f"Easy: {a['easy']} Hard: {b['expert']} Best: "
    s += lmc.select("best", ["easy", "hard"])
    if s["best"] == "hard":
        s += "Why? " + lmc.gen("why", max_tokens=16)
    s += "And " + lmc.gen("more", max_tokens=3)
    return s["best"]
