"""Programs with long beginnings that their calls share: few shots, forks, a conversation, an agent."""

from __future__ import annotations

import lmc

SHOTS = "".join(f"Example {i}: the word number {i} is told like this: it is good.\n" for i in range(160))
RULES = "".join(f"Rule {i}: look at what tool number {i} says, and do what it says.\n" for i in range(160))
ESSAY = "".join(f"Sentence {i} of the essay speaks about cats and dogs.\n" for i in range(200))
WORDS = ("cats", "cars", "dogs", "trees", "rain", "snow", "sun", "moon")


@lmc.function
def few_shots(s: lmc.State, word: str) -> None:
    s += lmc.system(SHOTS)
    s += lmc.user(f"Now the word: {word}")
    s += lmc.assistant(lmc.gen("answer", max_tokens=16))


@lmc.function
def judge(s: lmc.State, essay: str) -> None:
    s += lmc.system("You judge essays.")
    s += lmc.user(essay)
    forks = s.fork(4)
    for fork, what in zip(forks, ("clarity", "wit", "facts", "style")):
        fork += lmc.user(f"Judge its {what}.")
        fork += lmc.assistant(lmc.gen("verdict", max_tokens=16))
    s += lmc.user("Sum up: " + " ".join(fork["verdict"] for fork in forks))
    s += lmc.assistant(lmc.gen("answer", max_tokens=16))


@lmc.function
def talk(s: lmc.State, essay: str) -> None:
    s += lmc.system("You answer questions about an essay.")
    s += lmc.user(essay)
    for i in range(8):
        s += lmc.user(f"Question {i}: what does it say of cats?")
        s += lmc.assistant(lmc.gen("answer", max_tokens=16))


@lmc.function
def agent(s: lmc.State, task: str) -> None:
    s += lmc.system(RULES)
    s += lmc.user(task)
    for i in range(8):
        s += lmc.assistant(lmc.gen("thought", max_tokens=16))
        if "done" in s["thought"]:
            break
        s += lmc.user(f"The tool says {i}. " + "More of what it says, of no use. " * 20)
    s += lmc.user("What have you found?")
    s += lmc.assistant(lmc.gen("answer", max_tokens=16))
