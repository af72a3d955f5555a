"""Skeleton of thought: an outline first, then every point of it written out at the same time.

How many points there are is the model's choice, so the number of forks is known only when the program runs.

    lmc run examples/skeleton_of_thought.py
"""

import lmc


@lmc.function
def skeleton_of_thought(s, question: str = "How do I keep bees?"):
    s += lmc.system("You write short guides.")
    s += lmc.user(f"{question}\nHow many points does the guide need?")
    s += lmc.assistant(lmc.gen("count", max_tokens=2, regex="[2-4]", temperature=0))

    forks = s.fork(int(s["count"]))
    for number, f in enumerate(forks, start=1):
        f += lmc.user(f"Write point {number} in one sentence.")
        f += lmc.assistant(lmc.gen("point", max_tokens=24, stop=".", temperature=0))
    forks.join()
    return "\n".join(f"{number}. {point.strip()}" for number, point in enumerate(s["point"], start=1))


if __name__ == "__main__":
    print(skeleton_of_thought.run())
