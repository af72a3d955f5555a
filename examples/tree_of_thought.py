"""Tree of thought: propose several next steps, score each, go on from the best one.

lmc run examples/tree_of_thought.py
"""

import lmc

WIDTH = 3
PUZZLE = "Use 4, 6, 8 and 2 once each, with + - * /, to make 24."


def propose(s, number):
    """One more thought, and how good it is from 0 to 9."""
    s += lmc.user(f"Propose step {number}.")
    s += lmc.assistant(lmc.gen("thought", max_tokens=16, temperature=0.8))
    s += lmc.user("How promising is this, from 0 to 9?")
    s += lmc.assistant(lmc.gen("score", max_tokens=2, regex="[0-9]", temperature=0))


@lmc.function
def tree_of_thought(s, puzzle: str = PUZZLE, depth: int = 2):
    s += lmc.system("You solve puzzles step by step.")
    s += lmc.user(puzzle)
    s += lmc.assistant("Let us begin.")

    thoughts = []
    best = s.fork(1)[0]
    for number in range(1, depth + 1):
        forks = best.fork(WIDTH)
        for f in forks:
            propose(f, number)
        best = max(forks, key=lambda f: int(f["score"]))
        thoughts.append(best["thought"])
        if int(best["score"]) == 9:
            break

    best += lmc.user("Write the solution.")
    best += lmc.assistant(lmc.gen("solution", max_tokens=24, temperature=0))
    return {"thoughts": thoughts, "solution": best["solution"]}


if __name__ == "__main__":
    print(tree_of_thought.run())
