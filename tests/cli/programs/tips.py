import lmc


@lmc.function
def tips(s, topic: str):
    s += "Some tips about " + topic + ".\n"
    easy, hard = s.fork(2)
    easy += "For beginners:" + lmc.gen("tip", max_tokens=16, stop="\n")
    hard += "For experts:" + lmc.gen("tip", max_tokens=16, stop="\n")
    s += "Easy:" + easy["tip"] + "\nHard:" + hard["tip"] + "\nIn one word:"
    s += lmc.gen("word", regex=r"[a-z]+", temperature=0)
    return s["word"]
