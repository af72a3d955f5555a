import lmc


@lmc.function
def chat(s, question: str, turns: int = 3):
    s += lmc.system("You are brief.")
    s += lmc.user(question)
    for turn in range(turns):
        s += lmc.assistant(lmc.gen("answer", max_tokens=8))
        if "bye" in s["answer"]:
            break
        s += lmc.user(f"And then ({turn:d})?")
    else:
        s += lmc.assistant(lmc.select("more", ["yes", "no"]))
