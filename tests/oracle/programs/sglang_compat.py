"""SGLang's own test programs, as far as they need no images, streams or particular models."""

from __future__ import annotations

import re

import lmc as sgl
from tests.oracle.programs.case import Case

REGEX_STRING = r'"[\w\d\s]*"'
REGEX_INT = r"[0-9]+"


def few_shot_qa(s, question):
    s += "The following are questions with answers.\n\n"
    s += "Q: What is the capital of France?\n"
    s += "A: Paris\n"
    s += "Q: " + question + "\n"
    s += "A:" + sgl.gen("answer", stop="\n", temperature=0)


def mt_bench(s, question_1, question_2):
    s += sgl.system("You are a helpful assistant.")
    s += sgl.user(question_1)
    s += sgl.assistant(sgl.gen("answer_1"))
    with s.user():
        s += question_2
    with s.assistant():
        s += sgl.gen("answer_2")


def true_or_false(s, statement):
    s += "Determine whether the statement is True, False, or Unknown.\n"
    s += "Statement: The capital of France is Pairs.\n"
    s += "Answer: True\n"
    s += "Statement: " + statement + "\n"
    s += "Answer:" + sgl.select("answer", ["True", "False", "Unknown"])


def decode_int(s):
    s += "The number of hours in a day is " + sgl.gen_int("hours") + "\n"
    s += "The number of days in a year is " + sgl.gen_int("days") + "\n"
    return int(s["hours"]) + int(s["days"])


def decode_json(s):
    s += "Generate a JSON object to describe the basic city information of Paris.\n"
    with s.var_scope("json_output"):
        s += "{\n"
        s += '  "name": ' + sgl.gen(regex=REGEX_STRING) + ",\n"
        s += '  "population": ' + sgl.gen(regex=REGEX_INT) + ",\n"
        s += "}"
    return s["json_output"]


def expert_answer(s, question):
    s += "Question: " + question + "\n"
    s += "A good person to answer this question is" + sgl.gen("expert", stop=[".", "\n"]) + ".\n"
    s += "For example, " + s["expert"] + " would answer that "
    s += '"' + sgl.gen("answer", stop='"') + '"'


def tool_use(s, lhs, rhs):
    s += "Please perform computations using a calculator. You can use calculate(expression).\n"
    s += "Question: What is the product of " + lhs + " and " + rhs + "?\n"
    s += "Answer: The product of " + lhs + " and " + rhs + " is calculate("
    s += sgl.gen("expression", regex=r"[1-9][0-9]\*[1-9]") + ") = "
    with s.var_scope("answer"):
        a, b = re.split(r"\*", s["expression"])
        s += str(int(a) * int(b))
    return s["answer"]


def react(s, question):
    s += "Question: " + question + "\n"
    for i in range(1, 5):
        s += f"Thought {i}:" + sgl.gen(f"thought_{i}", stop=["Action"], max_tokens=8)
        s += f"Action {i}:" + sgl.select(f"action_{i}", ["Search[", "Finish["])
        if s[f"action_{i}"] == "Search[":
            s += sgl.gen(f"search_{i}", stop="]", max_tokens=6) + "]\n"
            s += f"Observation {i}: found nothing\n"
        else:
            s += sgl.gen("answer", stop="]", max_tokens=6) + "]\n"
            break


def parallel_decoding(s, topic, num_tips):
    s += "Act as a helpful assistant.\n" + "USER: Give some tips for " + topic + ".\n"
    s += "ASSISTANT: Okay. Here are " + str(num_tips) + " tips:\n1."
    paragraphs = s.fork(num_tips)
    for i in range(num_tips):
        paragraphs[i] += f"Expand tip {i + 1}:" + sgl.gen("detailed_tip", max_tokens=6, stop=["USER:"])
    for i in range(num_tips):
        s += f"Tip {i + 1}:" + paragraphs[i]["detailed_tip"] + "\n"
    s += "To summarize," + sgl.gen("summary", max_tokens=8)


def parallel_encoding(s, question, context_0, context_1, context_2):
    s += "USER: I will ask a question based on some statements.\n"
    contexts = [context_0, context_1, context_2]
    forks = s.fork(len(contexts))
    forks += lambda i: f"Statement {i}: " + contexts[i] + "\n"
    forks.join(mode="concate_and_append")
    s += "Now, please answer the following question. Question: " + question
    s += "ASSISTANT:" + sgl.gen("answer", max_tokens=8)


def dtypes(s):
    s += "int " + sgl.gen("int", dtype=int, max_tokens=4)
    s += "float " + sgl.gen("float", dtype=float, max_tokens=6)
    s += "bool " + sgl.gen("bool", dtype=bool)
    s += "str " + sgl.gen("str", dtype=str, max_tokens=8)
    return bool(s["bool"]), len(s["str"])


def ip_address(s):
    s += "The IP of Google DNS: "
    s += sgl.gen("answer", temperature=0, regex=r"((25[0-5]|2[0-4]\d|[01]?\d\d?).){3}(25[0-5]|2[0-4]\d|[01]?\d\d?)")


def multi_chain(s, question):
    openers = ["First, ", "Let's see: ", "Well, "]
    s += question
    forks = s.fork(len(openers))
    for i, (f, opener) in enumerate(zip(forks, openers)):
        f += opener
        f += sgl.gen("answer", max_tokens=6)
        s[f"answer_{i}"] = f["answer"]
    s += "Candidates: " + " / ".join(s[f"answer_{i}"] for i in range(len(openers)))
    s += "Final: " + sgl.gen("final", max_tokens=4)


def cot_decoding(s, question):
    s += question + "\nA:"
    forks = s.fork(3)
    forks += sgl.gen("probe", max_tokens=2, temperature=0, return_logprob=True, top_logprobs_num=3)
    for f in forks:
        f += sgl.gen("path", max_tokens=5, temperature=0)
    return [f["path"] for f in forks], forks[0].get_meta_info("probe") is not None


def judge_article(s, article, dimensions):
    s += "Evaluate: " + article + "\n"
    forks = s.fork(len(dimensions))
    for f, dimension in zip(forks, dimensions):
        f += "Consider " + dimension + ". Judgment: "
        f += sgl.gen("judgment", max_tokens=5, stop="END")
    forks.join()
    s += "Judgments: " + "\n".join(s["judgment"])
    s += "\nScore: " + sgl.gen("score", max_tokens=2)


CASES = [
    Case(few_shot_qa, ({"question": "What is the capital of Germany?"},)),
    Case(mt_bench, ({"question_1": "Blog?", "question_2": "Rewrite."},)),
    Case(true_or_false, ({"statement": "The capital of Germany is Berlin."},)),
    Case(decode_int),
    Case(decode_json),
    Case(expert_answer, ({"question": "What is the capital of France?"},)),
    Case(tool_use, ({"lhs": "257", "rhs": "983"},)),
    Case(react, ({"question": "What is the capital of the home country of the painter?"},)),
    Case(parallel_decoding, ({"topic": "writing a blog post", "num_tips": 3},)),
    Case(parallel_encoding, ({"question": "Who?", "context_0": "a", "context_1": "b", "context_2": "c"},)),
    Case(dtypes),
    Case(ip_address),
    Case(multi_chain, ({"question": "How many?"},)),
    Case(cot_decoding, ({"question": "Why?"},)),
    Case(judge_article, ({"article": "text", "dimensions": ["clarity", "depth"]},)),
]
