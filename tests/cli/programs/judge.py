import lmc


@lmc.function
def judge(s, essay: str, dims):
    """A fork over a list: unrolled where the list is given, a loop over forks where it is not."""
    s += "Essay: " + essay + "\n"
    forks = s.fork(len(dims))
    for fork, dim in zip(forks, dims):
        fork += f"Judge its {dim}, as {{'score': n}}: " + lmc.gen("score", dtype=int)
    scores = [fork["score"] for fork in forks]
    s += f"Scores: {scores}. Verdict: " + lmc.select("verdict", ["pass", "fail"])


@lmc.function
def aside(s, essay: str):
    s += "Is this about cats? " + lmc.select("cats", ["yes", "no"])
    s += "\nWhy? " + lmc.gen("why", max_tokens=8)
    s += "\n" + essay
    lmc_unread = s.fork(1)[0]
    lmc_unread += lmc.gen("unread")
