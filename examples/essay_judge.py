"""The essay judge of the SGLang paper, with a text in place of the image.

A judge first asks whether the essay is about its subject, and stops there where it is not. Else it weighs the essay
along several dimensions side by side, and ends with a verdict in JSON.

    lmc compile examples/essay_judge.py --emit-graph
    lmc run examples/essay_judge.py
"""

import lmc

DIMENSIONS = ("clarity", "originality", "evidence")
VERDICT = r'\{"summary": "[a-z ,]{10,60}\.", "grade": "[A-D][+-]?"\}'

SUBJECT = "Why cities should plant trees along their streets."
ESSAY = (
    "A street with trees is a cooler street. In July the shade of a lime tree keeps the asphalt twenty degrees colder, "
    "and people who can walk in the shade walk more. Trees drink the rain that floods our cellars. They cost little."
)


@lmc.function
def essay_judge(s, subject: str = SUBJECT, essay: str = ESSAY):
    s += lmc.system("You are a strict but fair judge of essays.")
    s += lmc.user(f"The subject: {subject}\nThe essay: {essay}\nIs the essay about the subject?")
    s += lmc.assistant(lmc.select("on_subject", ["yes", "no"]))
    if s["on_subject"] == "no":
        return "off the subject"

    forks = s.fork(len(DIMENSIONS))
    for f, dimension in zip(forks, DIMENSIONS):
        f += lmc.user(f"Judge its {dimension} in one sentence, then write END.")
        f += lmc.assistant("Judgment: " + lmc.gen("judgment", max_tokens=24, stop="END", temperature=0))
    forks.join()

    judgments = "\n".join(f"- {d}: {j.strip()}" for d, j in zip(DIMENSIONS, s["judgment"]))
    s += lmc.user(f"Three judges wrote:\n{judgments}\nSum up and give a grade, in JSON.")
    s += lmc.assistant(lmc.gen("verdict", max_tokens=96, regex=VERDICT, temperature=0))
    return s["verdict"]


if __name__ == "__main__":
    print(essay_judge.run())
