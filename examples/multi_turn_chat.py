"""A chat of several turns: each question sees everything that was said before it.

After the last answer the model may ask for more turns itself; the loop ends when it says that it is done.

    lmc run examples/multi_turn_chat.py
"""

import lmc

MAX_FOLLOW_UPS = 2


@lmc.function
def multi_turn_chat(s, first: str = "What is a hash table?", second: str = "And what is it bad at?"):
    s += lmc.system("You are a patient teacher. Answer briefly.")
    for number, question in enumerate((first, second), start=1):
        s += lmc.user(question)
        s += lmc.assistant(lmc.gen(f"answer_{number}", max_tokens=24, temperature=0))

    follow_ups = 0
    while follow_ups < MAX_FOLLOW_UPS:
        s += lmc.user("Is there anything that you would add?")
        s += lmc.assistant(lmc.select("done", ["No, that is all.", "Yes:"]))
        if s["done"] == "No, that is all.":
            break
        with s.user():
            s += "Go on, in one sentence."
        with s.assistant():
            s += lmc.gen("addition", max_tokens=24, stop=".", temperature=0)
        follow_ups += 1
    return follow_ups


if __name__ == "__main__":
    print(multi_turn_chat.run())
