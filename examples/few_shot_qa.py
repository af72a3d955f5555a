"""Few-shot question answering: worked examples first, then the question.

The examples are the same for every question, so a batch computes them once. Text goes in as it stands, without a chat
template, as base models like it.

    lmc run examples/few_shot_qa.py --backend echo --arg question="Where is the Nile?"
"""

import lmc

SHOTS = (
    ("What is the capital of France?", "Paris"),
    ("How many legs has a spider?", "eight"),
    ("Who wrote Faust?", "Goethe"),
)


@lmc.function
def few_shot_qa(s, question: str = "Which planet is nearest to the sun?"):
    s += "Answer in a word or two.\n\n"
    for shot, answer in SHOTS:
        s += f"Q: {shot}\nA: {answer}\n\n"
    s += f"Q: {question}\nA:"
    s += lmc.gen("answer", max_tokens=16, stop="\n", temperature=0)
    return s["answer"].strip()
