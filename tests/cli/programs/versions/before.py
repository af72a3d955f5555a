"""A program, as it was before and is after a change."""

import lmc


@lmc.function
def tips(s, topic):
    s += lmc.system("You are a helpful assistant.")
    s += f"Topic: {topic}. "
    a, b = s.fork(2)
    a += "Give one tip. For beginners: " + lmc.gen("easy", max_tokens=8)
    b += "Give one tip. For experts: " + lmc.gen("hard", max_tokens=8)
    s += f"Easy: {a['easy']} Hard: {b['hard']} Best: "
    s += lmc.select("best", ["easy", "hard"])
    if s["best"] == "easy":
        s += "Why? " + lmc.gen("why", max_tokens=16)
    return s["best"]
