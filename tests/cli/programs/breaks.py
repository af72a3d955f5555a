import lmc

ASKED = 0


@lmc.function
def breaks(s, topic, num=2):
    global ASKED
    s += f"Tips about {topic}.\n"
    forks = s.fork(num)
    for fork in forks:
        ASKED += 1
        fork += f"Tip {ASKED}: "
        fork += lmc.gen("tip", max_tokens=4)
    if topic == "nothing":
        raise ValueError("about what?")
    return [fork["tip"] for fork in forks]
