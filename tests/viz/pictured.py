import lmc

RULES = "You answer in one word.\n"


@lmc.function
def pictured(s, topic: str):
    """A fork, a loop and a branch, a host call, and calls that share much, little and nothing."""
    s += RULES + f"Topic: {topic}\n"
    good, bad = s.fork(2)
    good += "What is good? " + lmc.gen("good", max_tokens=4)
    bad += "What is bad? " + lmc.gen("bad", max_tokens=4, regex="[a-z]+")
    s += f"For: {good['good']}\nAgainst: {bad['bad']}\n" + lmc.select("best", ["for", "against"])
    if s["best"] == "for":
        s += "Why? " + lmc.gen("why", max_tokens=8)
    for word in topic.split():
        s += word + lmc.gen("more", max_tokens=2)
    return s["best"]
