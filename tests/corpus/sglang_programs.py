"""Programs of the shapes that SGLang's examples, tests and benchmarks have, with texts of our own."""

from __future__ import annotations

import json
import re
from collections import Counter
from enum import StrEnum

import pydantic

import lmc as sgl
from tests.corpus.registry import registry

RUNS, runs = registry()


# --- straight lines ------------------------------------------------------------------------------------------


@runs({"question": "the river"}, {"question": "the capital"})
def few_shot_qa(s, question):
    s += "The following are questions with answers.\n\n"
    s += "Q: What is the highest mountain?\nA: Everest\n"
    s += "Q: What is the largest ocean?\nA: The Pacific\n"
    s += "Q: What is " + question + "?\n"
    s += "A:" + sgl.gen("answer", stop="\n", temperature=0, max_tokens=8)


@runs({"question_1": "Compose a travel note.", "question_2": "Rewrite it, each line with A."})
def mt_bench(s, question_1, question_2):
    s += sgl.system("You are a helpful assistant.")
    s += sgl.user(question_1)
    s += sgl.assistant(sgl.gen("answer_1", max_tokens=8))
    with s.user():
        s += question_2
    with s.assistant():
        s += sgl.gen("answer_2", max_tokens=8)


@runs({"question_1": "a", "question_2": "b"})
def multi_turn_question(s, question_1, question_2):
    s += sgl.user_begin() + question_1 + sgl.user_end()
    s += sgl.assistant_begin() + sgl.gen("answer_1", max_tokens=6) + sgl.assistant_end()
    s += sgl.user_begin() + question_2 + sgl.user_end() + sgl.assistant_begin()
    s += sgl.gen("answer_2", max_tokens=6) + sgl.assistant_end()


@runs({"statement": "The moon is a star."}, {"statement": "Water is wet."})
def true_or_false(s, statement):
    s += "Determine whether the statement below is True, False, or Unknown.\n"
    s += "Statement: The capital of Norway is Oslo.\nAnswer: True\n"
    s += "Statement: " + statement + "\n"
    s += "Answer:" + sgl.select("answer", ["True", "False", "Unknown"])


@runs()
def decode_int(s):
    s += "The number of hours in a day is " + sgl.gen_int("hours", max_tokens=3) + "\n"
    s += "The number of days in a year is " + sgl.gen_int("days", max_tokens=4) + "\n"
    return s["hours"] + s["days"]


REGEX_STR, REGEX_INT, REGEX_FLOAT = r"\"[\w\d\s]{1,8}\"", r"[0-9]{1,4}", r"[0-9]{1,2}\.[0-9]"


@runs({"document": "Oslo lies in the south of Norway."})
def decode_json_regex(s, document):
    s += document + "\nExtract as JSON:\n"
    with s.var_scope("json_output"):
        s += "{\n"
        s += '  "name": ' + sgl.gen(regex=REGEX_STR) + ",\n"
        s += '  "population": ' + sgl.gen(regex=REGEX_INT) + ",\n"
        s += '  "area": ' + sgl.gen(regex=REGEX_FLOAT) + ",\n"
        s += '  "latitude": ' + sgl.gen(regex=REGEX_FLOAT) + "\n"
        s += "}"
    return sorted(json.loads(s["json_output"]))


@runs({"document": "Bergen"})
def decode_json(s, document):
    s += document + "\nExtract as JSON:\n"
    with s.var_scope("json_output"):
        s += "{\n"
        s += '  "name": "' + sgl.gen("name", regex=r"[A-Z][a-z]{2,5}") + '",\n'
        s += '  "population": ' + sgl.gen_int("population", max_tokens=4) + ",\n"
        s += '  "capital": ' + sgl.gen("capital", dtype=bool) + "\n"
        s += "}"


@runs({"question": "What is the capital of France?"})
def expert_answer(s, question):
    s += "Question: " + question + "\n"
    s += "A good person to answer this question is" + sgl.gen("expert", stop=[".", "\n"], max_tokens=6) + ".\n"
    s += "For instance,\n" + s["expert"] + " would answer that " + sgl.gen("answer", stop=".", max_tokens=6) + "."


@runs({"lhs": 257, "rhs": 983})
def tool_use(s, lhs, rhs):
    s += "Please perform computations using a calculator.\n"
    s += "What is the average of 1 and 2? <calc>(1 + 2) / 2 =</calc>\n"
    with s.var_scope("answer"):
        s += f"<calc>{lhs} * {rhs} ="
        s += str(int(lhs) * int(rhs))
        s += "</calc>"
    s += sgl.gen("comment", max_tokens=4)
    return s["answer"]


@runs({"question": "Which river is longest?"})
def react(s, question):
    s += "Question: " + question + "\n"
    for i in range(1, 5):
        s += f"Thought {i}:" + sgl.gen("thought_" + str(i), stop=["\n"], max_tokens=6) + "\n"
        s += f"Action {i}: " + sgl.select(f"action_{i}", ["Search", "Finish"]) + "["
        if s[f"action_{i}"] == "Search":
            s += sgl.gen(f"query_{i}", regex="[a-z]{3,6}") + "]\n"
            s += f"Observation {i}: about {s[f'query_{i}']}.\n"
        else:
            s += sgl.gen("answer", regex="[A-Z][a-z]{2,5}") + "]\n"
            break


@runs({"topic": "staying healthy", "number": 5}, {"topic": "sleep", "number": 2})
def parallel_decoding(s, topic, number):
    s += f"Act as a helpful assistant. Give {number} tips for {topic}.\n"
    s += "1. " + sgl.gen("skeleton", max_tokens=6, stop="\n") + "\n"
    forks = s.fork(number)
    for i in range(number):
        forks[i] += f"Expand tip {i + 1}:\n"
        forks[i] += sgl.gen("detailed_tip", max_tokens=6, stop=["\n\n"])
    for i in range(number):
        s += f"Tip {i + 1}: " + forks[i]["detailed_tip"] + "\n"
    s += "In summary," + sgl.gen("summary", max_tokens=6)


@runs()
def parallel_encoding(s):
    facts = ["My name is Noah.", "I like tea.", "I live in Bergen."]
    s += "Read these:\n"
    forks = s.fork(3)
    forks += lambda i: facts[i] + "\n"
    forks.join(mode="concate_and_append")
    s += "What is the name? " + sgl.gen("answer", max_tokens=4)


@runs()
def regex_gen(s):
    s += "Q: What is the IP address of the name server?\n"
    s += "A: " + sgl.gen(
        "answer", temperature=0, regex=r"((25[0-5]|2[0-4]\d|[01]?\d\d?).){3}(25[0-5]|2[0-4]\d|[01]?\d\d?)"
    )


@runs()
def dtype_gen(s):
    s += "int: " + sgl.gen("int_result", dtype=int, max_tokens=3) + "\n"
    s += "float: " + sgl.gen("float_result", dtype=float, max_tokens=4) + "\n"
    s += "bool: " + sgl.gen("bool_result", dtype=bool) + "\n"
    s += "str: " + sgl.gen("str_result", dtype=str, max_tokens=6) + "\n"


@runs()
def min_tokens(s):
    s += "Tell me: " + sgl.gen("answer", min_tokens=4, max_tokens=6)


# --- the examples --------------------------------------------------------------------------------------------


@runs({"question": "12 * 7?"}, {"question": "Who is it?"})
def choose_tool(s, question):
    s += "To answer this question: " + question + ". I need to use a "
    s += sgl.gen("tool", choices=["calculator", "search engine"]) + ". "
    if s["tool"] == "calculator":
        s += "The math expression is" + sgl.gen("expression", max_tokens=6)
    elif s["tool"] == "search engine":
        s += "The key word to search is" + sgl.gen("word", max_tokens=6)


@runs()
def tip_suggestion(s):
    s += "Here are two tips: 1. Balanced Diet. 2. Regular Exercise.\n\n"
    forks = s.fork(2)
    for i, f in enumerate(forks):
        f += f"Now, expand tip {i + 1} into a paragraph:\n"
        f += sgl.gen("detailed_tip", max_tokens=8, stop="\n\n")
    s += "Tip 1:" + forks[0]["detailed_tip"] + "\n"
    s += "Tip 2:" + forks[1]["detailed_tip"] + "\n"
    s += "In summary" + sgl.gen("summary", max_tokens=6)


@runs()
def parallel_sample(s):
    s += "Question: Compute 1 + 2 + 3\nReasoning: I need a calculator.\nTool: calculator\nAnswer: 6\n"
    forks = s.fork(3)
    forks += "Question: Compute 5 + 2 + 4\nReasoning:" + sgl.gen("reasoning", stop="\n", max_tokens=6) + "\n"
    forks += "Tool:" + sgl.gen("tool", choices=["calculator", "browser"]) + "\n"
    forks += "Answer:" + sgl.gen("answer", stop="\n", max_tokens=3) + "\n"
    forks.join()
    return [len(s["reasoning"]), s["tool"], s["answer"]]


@runs({"question": "Jack has 8 apples.", "get_top_k": 3})
def cot_decoding(s, question, get_top_k):
    s += sgl.user(question) + sgl.assistant_begin()
    step_0 = s.fork(1)[0]
    forks = s.fork(get_top_k)
    answer_forks = s.fork(get_top_k)
    step_0 += sgl.gen("get_top_k", max_tokens=1, temperature=0)
    scores = []
    for index in range(get_top_k):
        forks[index] += f"({index}) "
        forks[index] += sgl.gen("answer", temperature=0, max_tokens=6)
        answer_forks[index] += f"({index})" + forks[index]["answer"] + "\nSo the answer is "
        answer_forks[index] += sgl.gen("answer_span", temperature=0, max_tokens=2)
        scores.append(len(answer_forks[index]["answer_span"]))
    return scores, str(max(range(get_top_k), key=lambda i: scores[i]))


@runs()
def choices_logprob(s):
    s += "The answer is " + sgl.gen("tool", choices=["yes", "no", "maybe"], choices_method=sgl.greedy_token_selection)
    info = s.get_meta_info("tool")
    return info["choice"] == ["yes", "no", "maybe"].index(s["tool"])


class Weapon(StrEnum):
    SWORD = "sword"
    AXE = "axe"


class Wizard(pydantic.BaseModel):
    name: str = pydantic.Field(max_length=6)
    age: int
    weapon: Weapon


CHARACTER_REGEX = (
    r'\{\n    "name": "[A-Z][a-z]{2,6}",\n'
    r'    "house": "(Gryffindor|Ravenclaw)",\n    "age": [0-9]{1,2}\n\}'
)


@runs({"name": "Cho"})
def character_gen(s, name):
    s += name + " is a character. Fill in the following information.\n"
    s += sgl.gen("json_output", max_tokens=120, regex=CHARACTER_REGEX)
    return json.loads(s["json_output"])["house"]


@runs()
def pydantic_wizard_gen(s):
    s += "Give me a description about a wizard in the JSON format.\n"
    s += sgl.gen("character", max_tokens=200, regex=sgl.build_regex_from_object(Wizard))
    return Wizard.model_validate_json(s["character"]).age


@runs()
def schema_wizard_gen(s):
    s += "A wizard as JSON:\n" + sgl.gen("character", max_tokens=200, json_schema=Wizard)
    return json.loads(s["character"])["weapon"]


@runs({"name": "小明"})
def chinese_regex(s, name):
    s += (
        name
        + "是一个角色。\n"
        + sgl.gen("json_output", max_tokens=60, regex=r'\{"姓名": "[一-龥]{1,4}", "年龄": [0-9]{1,2}\}')
    )
    return json.loads(s["json_output"])["年龄"]


@runs()
def n_samples(s):
    s += sgl.user("Name a color.") + sgl.assistant(sgl.gen("answers", n=3, max_tokens=4, temperature=0.8))
    return len(s["answers"]), s["answers"][0] in s.text()


@runs({"question": "q"})
def system_and_roles(s, question):
    s += s.system("Be brief.")
    with s.user():
        s += "Well, "
        s += question
    with s.assistant():
        s += "Sure: " + sgl.gen("answer", max_tokens=5)
    return len(s.messages())


@runs()
def qwen_without_thoughts(s):
    s += sgl.user("What is 2 + 2?")
    s += sgl.assistant(sgl.separate_reasoning(sgl.gen("answer", regex="(<think>[ab]{2}</think>)?[0-9]"), "qwen3"))
    s += sgl.user("Sure?") + sgl.assistant(sgl.gen("again", max_tokens=3))
    return s["answer"], s["answer_reasoning_content"]


# --- the benchmarks ------------------------------------------------------------------------------------------

EXAMPLES = "".join(f"Question {i}: how many?\nAnswer: {i}\n\n" for i in range(5))


@runs({"examples": EXAMPLES, "question": "Which one?"}, {"examples": EXAMPLES, "question": "And that?"})
def mmlu(s, examples, question):
    s += examples + question + "\nAnswer:" + sgl.gen("answer", max_tokens=1, temperature=0)


@runs({"context": "She opens the door", "choices": [" and leaves.", " and sings.", " slowly.", "."]})
def hellaswag(s, context, choices):
    s += EXAMPLES + context
    s += sgl.select("answer", choices=choices)
    return choices.index(s["answer"])


@runs({"question": "Tom has 3 pens."})
def gsm8k(s, question):
    s += EXAMPLES + "Question: " + question + "\nAnswer:"
    s += sgl.gen("answer", max_tokens=12, stop=["Question", "Assistant:", "<|separator|>"])
    numbers = re.findall(r"\d+", s["answer"])
    return int(numbers[-1]) if numbers else None


OPENERS = ["Let us think.", "Step by step.", "First,", "We know that", "Suppose", "Well,"]


@runs({"question": "How many?"})
def multi_chain_reasoning(s, question):
    s += "Question: " + question + "\n"
    forks = s.fork(6)
    for i, f in enumerate(forks):
        f += "Answer: " + OPENERS[i] + sgl.gen("answer", max_tokens=6, temperature=0.6) + "\n"
    forks.join()
    s += "Answers:\n"
    for i in range(6):
        s += f"{i}. " + s["answer"][i] + "\n"
    s += "The best is " + sgl.gen("final", max_tokens=3)


def propose_plan(s, question, num_branches):
    s += sgl.user("Propose a plan for: " + question)
    forks = s.fork(num_branches)
    forks += sgl.assistant(sgl.gen("plan", max_tokens=4, temperature=0.7))
    return forks


def execute_plan(s, num_branches):
    s += sgl.user("Execute the plan.")
    forks = s.fork(num_branches)
    forks += sgl.assistant(sgl.gen("answer", max_tokens=4, temperature=0.7))
    return forks


def reflect_solution(s, num_branches):
    s += sgl.user("Reflect on it, with a score from 0 to 9.")
    forks = s.fork(num_branches)
    forks += sgl.assistant(sgl.gen("score", regex="[0-9]"))
    return forks


@runs({"question": "Make 24.", "num_branches": 2}, {"question": "Make 12.", "num_branches": 3})
def tree_of_thought_v0(s, question, num_branches):
    plan_forks = propose_plan(s, question, num_branches)
    sol_states = []
    for plan in plan_forks:
        forks = execute_plan(plan, num_branches)
        sol_states.extend(forks)
    for sol in sol_states:
        forks = reflect_solution(sol, num_branches)
        forks.join()
    return [sol["answer"] for sol in sol_states]


@runs({"question": "Make 24.", "num_branches": 2})
def tree_of_thought_deep(s, question, num_branches):
    plan_forks = propose_plan(s, question, num_branches)
    sol_states = []
    for plan in plan_forks:
        sol_states.append(execute_plan(plan, num_branches))
    reflected = []
    for group in sol_states:
        for sol in group:
            reflected.append(reflect_solution(sol, num_branches))
    for group in reflected:
        for f in group:
            f += sgl.user("So?") + sgl.assistant(sgl.gen("final", max_tokens=3))
    for group in reversed(reflected):
        group.join()
    return [f["final"] for group in reflected for f in group]


TIPS = "Example: Exercise: move your body a little every day, in a way that you like.\n"


def expand_tip(s, topic, tip):
    s += TIPS + "Topic: " + topic + "\nTip: " + tip + "\nExpanded:" + sgl.gen("expanded", max_tokens=6, stop="\n")


expand_program = sgl.function(expand_tip)


@runs({"topic": "sleep"}, {"topic": "work"})
def suggest_tips(s, topic):
    s += "Please act as a helpful assistant.\nTopic: " + topic + "\n"
    number = 3
    for i in range(1, 1 + number):
        s += f"{i}." + sgl.gen(f"tip_{i}", max_tokens=4, stop=[".", "\n"]) + ".\n"
    paragraphs = [expand_program(topic=topic, tip=s[f"tip_{i}"]) for i in range(1, 1 + number)]
    for i in range(1, 1 + number):
        s += f"Tip {i}:" + paragraphs[i - 1]["expanded"] + "\n"


DIMENSIONS = ("Clarity", "Originality", "Evidence", "Structure")


@runs({"article": "The sea rises."}, {"article": "A dog barks."})
def multi_dimensional_judge(s, article):
    s += sgl.system("You judge essays.") + sgl.user("Essay: " + article)
    forks = s.fork(len(DIMENSIONS))
    for f, dim in zip(forks, DIMENSIONS):
        f += sgl.user("Judge by its " + dim + ".")
        f += sgl.assistant("Judgment: " + sgl.gen("judgment", max_tokens=6, stop="END"))
    forks.join()
    judgments = "\n".join(s["judgment"])
    s += sgl.user("Summary of:\n" + judgments)
    s += sgl.assistant(sgl.gen("summary", max_tokens=6) + " Grade " + sgl.gen("score", regex="[A-D]"))


@runs({"question": "Q", "triplets": [{"thought": "a", "action": "b", "observation": "c"}] * 3})
def react_replay(s, question, triplets):
    s += EXAMPLES + "Question: " + question + "\n"
    for i in range(1, len(triplets) + 2):
        forks = s.fork(1)
        forks[0] += "Thought " + str(i) + ":" + sgl.gen("thought_action", stop=["Observation"], max_tokens=6)
        forks.join()
        if i > len(triplets):
            break
        step = triplets[i - 1]
        s += f"Thought {i}:" + step["thought"] + f"\nAction {i}:" + step["action"]
        s += f"\nObservation {i}:" + step["observation"] + "\n"
    return s["thought_action"]


@runs({"event": "waking up", "name": "Ann", "traits": "kind"})
def poignancy_event(s, event, name, traits):
    s += f"Here is a brief description of {name}: {traits}\n"
    s += "On the scale of 1 to 10, rate the likely poignancy of: " + event + ".\nRate (return a number):"
    s += sgl.gen(name="poignancy", max_tokens=2)


@runs({"persona": "Ann", "action": "cooking"})
def event_triple(s, persona, action):
    s += "Task: Turn the input into (subject, predicate, object).\n"
    s += "Input: Sam is eating.\nOutput: (Sam, eat, food)\n---\n"
    s += f"Input: {persona} is {action}.\nOutput: ({persona}," + sgl.gen("event_triple", max_tokens=6, stop=")") + ")"


@runs({"persona": "Ann", "arenas": ["kitchen", "garden"], "action": "cooking"})
def action_location(s, persona, arenas, action):
    s += f"{persona} is going to one of {{{', '.join(arenas)}}} for {action}.\nArea: {{"
    s += sgl.gen("location", max_tokens=6, stop="}") + "}"


@runs({"qas": [{"prompt": "ab", "new_tokens": 3}, {"prompt": "cd", "new_tokens": 2}]})
def multi_turns(s, qas):
    for qa in qas:
        s += qa["prompt"]
        s += sgl.gen(max_tokens=qa["new_tokens"], ignore_eos=True)


@runs({"document": "Wiki: Oslo is a city of 700 thousand."})
def long_json_decode(s, document):
    s += "Please extract the information of a city from the following page.\n" + document + "\n"
    s += '{\n  "name": "' + sgl.gen("name", max_tokens=4, stop='"') + '",\n'
    s += '  "population": "' + sgl.gen("population", max_tokens=4, stop='"') + '",\n'
    s += '  "area": "' + sgl.gen("area", max_tokens=4, stop='"') + '"\n}'


@runs({"docs": ["Doc one.", "Doc two.", "Doc three."], "question": "Which?"}, {"docs": ["Only."], "question": "?"})
def multi_document_qa(s, docs, question):
    s += sgl.user_begin() + "Answer from the documents. Question: " + question + "\n"
    forks = s.fork(len(docs))
    forks += lambda i: f"Document {i}: {docs[i]}\n"
    forks.join("concate_and_append")
    s += "\n" + sgl.user_end() + sgl.assistant(sgl.gen("answer", max_tokens=6))


@runs({"lines": ["line a: 3", "line b: 5"], "key": "b"})
def line_retrieval(s, lines, key):
    for line in lines:
        s += line + "\n"
    s += f"Tell me the number of line {key}: " + sgl.gen("answer", max_tokens=2, regex="[0-9]")
    return s["answer"] == dict(x.split(": ") for x in lines)[f"line {key}"]


@runs({"schema": '{"type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["a"]}'})
def json_schema_of_row(s, schema):
    s += sgl.system("You answer in JSON.") + sgl.user("Fill it in.")
    s += sgl.assistant(sgl.gen("answer", json_schema=schema, max_tokens=24))
    return s["answer"][0]


@runs({"question": "How long?"})
def self_consistency(s, question):
    s += sgl.user(question)
    forks = s.fork(5)
    forks += sgl.assistant("It is " + sgl.gen("answer", regex="[1-3]", temperature=1.0))
    forks.join()
    votes = Counter(s["answer"])
    best, count = votes.most_common(1)[0]
    s += sgl.assistant(f"Most say {best} ({count} of 5). " + sgl.gen("why", max_tokens=4))


@runs({"n": 3}, {"n": 0})
def fork_of_run_time_size(s, n):
    forks = s.fork(n)
    forks += "say: " + sgl.gen("word", regex="[a-d]")
    forks.join()
    return sorted(s["word"]) if n else []


@runs({"turns": ["a", "b", "c"]})
def chat_of_any_length(s, turns):
    s += sgl.system("Be kind.")
    history = []
    for turn in turns:
        s += sgl.user(turn)
        s += sgl.assistant(sgl.gen("reply", max_tokens=4))
        history.append((turn, s["reply"]))
    return history


@runs({"text": "one two three four", "size": 2})
def map_reduce(s, text, size):
    words = text.split()
    chunks = [" ".join(words[i : i + size]) for i in range(0, len(words), size)]
    forks = s.fork(len(chunks))
    for f, chunk in zip(forks, chunks):
        f += f"Summarize: {chunk}\n" + sgl.gen("summary", max_tokens=4)
    s += "Together: " + " ".join(f["summary"] for f in forks) + "\n" + sgl.gen("all", max_tokens=5)


@runs({"labels": ["spam", "ham"], "text": "Buy now"}, {"labels": ["a", "b", "c"], "text": "x"})
def classify(s, labels, text):
    s += f"Labels: {', '.join(labels)}.\nText: {text}\nLabel: " + sgl.select("label", labels)
    if s["label"] == labels[0]:
        s += "\nWhy? " + sgl.gen("why", max_tokens=4)
    return labels.index(s["label"])


@runs({"code": "def f(): retrun 1"})
def fix_until_it_compiles(s, code):
    s += "Fix:\n" + code + "\n"
    for i in range(3):
        s += sgl.gen("code", regex=r"(return|retrun) [0-9]") + "\n"
        if s["code"].startswith("return"):
            break
        s += f"Attempt {i + 1} does not compile.\n"
    else:
        return None
    return s["code"]


@runs({"question": "x"})
def verify_then_answer(s, question):
    s += sgl.user(question) + sgl.assistant(sgl.gen("draft", max_tokens=5))
    check = s.fork(1)[0]
    check += sgl.user("Is it right?") + sgl.assistant(sgl.select("ok", ["yes", "no"]))
    if check["ok"] == "no":
        s += sgl.user("Do it again.") + sgl.assistant(sgl.gen("draft", max_tokens=5))
    return s["draft"]


@runs({"question": "x"})
def copy_as_block(s, question):
    s += question
    with s.copy() as draft:
        draft += sgl.gen("idea", max_tokens=4)
    return s["idea"]


@runs({"count": 3})
def nested_forks(s, count):
    s += "root "
    total = []
    for f in s.fork(count):
        f += sgl.gen("a", regex="[0-9]")
        for g in f.fork(2):
            g += sgl.gen("b", regex="[0-9]")
            total.append(int(f["a"]) * 10 + int(g["b"]))
    return sum(total)


@runs({"question": "x"})
def bound_and_nested(s, question):
    first = expand_program.run(topic=question, tip="t")
    second = expand_program.bind(topic="fixed").run(tip=first["expanded"])
    s += first["expanded"] + second["expanded"]
    return first.text() == second.text()


@runs({"x": "a"})
def set_and_get(s, x):
    s.set_var("v", x * 2)
    s += s.get_var("v") + sgl.gen("w", max_tokens=2)
    s["v"] = s["w"]
    return "v" in s, "nothing" in s, s["v"] == s["w"]
