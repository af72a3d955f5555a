import lmc


@lmc.function
def breaks(s, topic, num=2):
    class Asked:
        number = 0

    s += f"Tips about {topic}.\n"
    forks = s.fork(num)
    for fork in forks:
        Asked.number += 1
        fork += f"Tip {Asked.number}: "
        fork += lmc.gen("tip", max_tokens=4)
    if topic == "nothing":
        raise ValueError("about what?")
    return [fork["tip"] for fork in forks]
