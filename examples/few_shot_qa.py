"""Few-shot question answering: worked examples first, then a text and a question about it.

The examples are the same for every question, so a batch computes them once. Text goes in as it stands, without a chat
template, as base models like it.

    lmc run examples/few_shot_qa.py
    lmc run examples/few_shot_qa.py --arg question="What does Omar love?"
"""

import lmc

SHOTS = (
    ("Mina is a baker. She lives in Kyoto.", "Where does Mina live?", "Kyoto"),
    ("The Falcon concert is in Riga. It starts at 19:30.", "What time does the Falcon concert start?", "19:30"),
    ("Nadia works for Vertex. She has a parrot.", "What pet does Nadia have?", "parrot"),
)
TEXT = "Omar is a carpenter from Porto. He loves sailing. His best friend is Lena."


@lmc.function
def few_shot_qa(s, text: str = TEXT, question: str = "What is Omar's job?"):
    s += "Answer in a word or two.\n\n"
    for shot, asked, answer in SHOTS:
        s += f"Text: {shot}\nQ: {asked}\nA: {answer}\n\n"
    s += f"Text: {text}\nQ: {question}\nA:"
    s += lmc.gen("answer", max_tokens=16, stop="\n", temperature=0)
    return s["answer"].strip()


if __name__ == "__main__":
    print(few_shot_qa.run())
