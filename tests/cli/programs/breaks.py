import lmc


@lmc.function
def breaks(s, topic, num=2):
    number = 0
    s += f"Tips about {topic}.\n"
    forks = s.fork(num)
    for fork in forks:
        number = eval("number + 1")
        fork += f"Tip {number}: "
        fork += lmc.gen("tip", max_tokens=4)
    if topic == "nothing":
        raise ValueError("about what?")
    return [fork["tip"] for fork in forks]
