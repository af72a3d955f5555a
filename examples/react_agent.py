"""An agent as a class: it thinks, calls a tool of its table, reads what came of it, until it is done.

lmc run examples/react_agent.py
"""

import lmc

FACTS = {"Oslo": "Oslo is in Norway.", "Bergen": "Bergen has rain."}


def look_up(word: str) -> str:
    """What is known of a city."""
    return FACTS.get(word, f"There is no page on {word}.")


def count_letters(word: str) -> str:
    """How long a word is."""
    return f"{word} has {len(word)} letters."


class ReActAgent:
    """Tools by name, and what each call of them gave."""

    def __init__(self, tools, max_steps):
        self.tools = tools
        self.max_steps = max_steps
        self.memory = []

    def step(self, s, number):
        """One thought and one call of a tool; False where the agent is done."""
        s += f"Thought {number}: " + lmc.gen("thought", max_tokens=16, stop="\n") + "\n"
        s += "Action: " + lmc.select("action", [*self.tools, "finish"]) + "\n"
        if s["action"] == "finish":
            return False
        s += "Word: " + lmc.gen("word", regex="[A-Z][a-z]{2,7}", temperature=0) + "\n"
        observation = self.tools[s["action"]](s["word"])
        self.memory.append(observation)
        s += f"Observation: {observation}\n"
        return True

    def answer(self, s, question):
        """All steps, then the answer."""
        s += lmc.user(f"{question}\nTools: {', '.join(self.tools)}.")
        with s.assistant():
            for number in range(1, self.max_steps + 1):
                if not self.step(s, number):
                    break
            s += "Answer: " + lmc.gen("answer", max_tokens=16, stop="\n", temperature=0)
        return s["answer"]


@lmc.function
def react_agent(s, question: str = "In which country is Oslo?"):
    agent = ReActAgent({"look_up": look_up, "count_letters": count_letters}, max_steps=3)
    answer = agent.answer(s, question)
    return {"answer": answer, "memory": agent.memory}


if __name__ == "__main__":
    print(react_agent.run())
