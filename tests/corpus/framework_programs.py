"""Programs in the styles of agent frameworks: classes, nodes and tables, tools, retries, memories, typed state."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import json
import re
import string
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import pydantic

import lmc
from lmc import assistant, gen, select, system, user
from tests.corpus.registry import registry

RUNS, runs = registry()


# --- agents as classes ---------------------------------------------------------------------------------------


def search(query: str) -> str:
    return f"three facts about {query}"


def calculate(expression: str) -> str:
    try:
        return str(sum(int(part) for part in expression.split("+")))
    except ValueError as error:
        return f"error: {error}"


TOOLS: dict[str, Callable[[str], str]] = {"search": search, "calculate": calculate}


class ReActAgent:
    """Thinks, acts, reads what came of it, until it is done."""

    def __init__(self, tools: dict[str, Callable[[str], str]], max_steps: int = 3) -> None:
        self.tools = tools
        self.max_steps = max_steps
        self.trace: list[tuple[str, str]] = []

    def describe(self) -> str:
        return ", ".join(sorted(self.tools))

    def step(self, s, number):
        s += f"Thought {number}: " + gen("thought", max_tokens=4, stop="\n") + "\n"
        s += "Action: " + select("action", [*self.tools, "finish"]) + "\n"
        if s["action"] == "finish":
            return False
        s += "Input: " + gen("input", regex="[1-9]\\+[1-9]") + "\n"
        observation = self.tools[s["action"]](s["input"])
        self.trace.append((s["action"], observation))
        s += f"Observation: {observation}\n"
        return True

    def run(self, s, question):
        s += f"Tools: {self.describe()}\nQuestion: {question}\n"
        for number in range(1, self.max_steps + 1):
            if not self.step(s, number):
                break
        s += "Answer: " + gen("answer", max_tokens=4)
        return s["answer"]


@runs({"question": "What is 2+3?"}, {"question": "Who?"})
def react_agent(s, question):
    agent = ReActAgent(TOOLS)
    answer = agent.run(s, question)
    return answer, agent.trace


class Memory:
    def __init__(self, size: int) -> None:
        self.items: deque[str] = deque(maxlen=size)

    def add(self, text: str) -> None:
        self.items.append(text)

    def __str__(self) -> str:
        return "; ".join(self.items)


class Assistant:
    name = "Ada"

    def __init__(self, memory: Memory) -> None:
        self.memory = memory

    def reply(self, s, text):
        s += user(f"[{self.memory}] {text}")
        s += assistant(f"{self.name}: " + gen("reply", max_tokens=4))
        self.memory.add(s["reply"])
        return s["reply"]


@runs({"lines": ["a", "b", "c"]})
def assistant_with_memory(s, lines):
    helper = Assistant(Memory(2))
    return [helper.reply(s, line) for line in lines], str(helper.memory)


class Base:
    def prompt(self, text: str) -> str:
        return f"{self.prefix()}{text}"

    def prefix(self) -> str:
        return "> "

    def ask(self, s, text):
        s += self.prompt(text) + gen("out", max_tokens=3) + "\n"
        return s["out"]


class Loud(Base):
    def prefix(self) -> str:
        return super().prefix() + "! "


@runs()
def inherited_prompts(s):
    return [agent.ask(s, "hello") for agent in (Base(), Loud())]


# --- modules and signatures ----------------------------------------------------------------------------------


class Signature(NamedTuple):
    instruction: str
    inputs: tuple[str, ...]
    output: str


class Predict:
    def __init__(self, signature: Signature, **options: Any) -> None:
        self.signature = signature
        self.options = options

    def __call__(self, s, **inputs):
        s += self.signature.instruction + "\n"
        for name in self.signature.inputs:
            s += f"{name}: {inputs[name]}\n"
        s += f"{self.signature.output}: " + gen(self.signature.output, **self.options) + "\n"
        return s[self.signature.output]


@runs({"question": "Why?"})
def predict_module(s, question):
    qa = Predict(Signature("Answer briefly.", ("question",), "answer"), max_tokens=4)
    check = Predict(Signature("Check.", ("question", "answer"), "verdict"), regex="(right|wrong)")
    answer = qa(s, question=question)
    return answer, check(s, question=question, answer=answer)


class ChainOfThought(Predict):
    def __call__(self, s, **inputs):
        s += "Reasoning: " + gen("reasoning", max_tokens=4) + "\n"
        return super().__call__(s, **inputs)


@runs({"question": "Why?"})
def chain_of_thought_module(s, question):
    module = ChainOfThought(Signature("Answer.", ("question",), "answer"), max_tokens=3)
    return module(s, question=question), s["reasoning"]


def ask(s, question, *, style, max_tokens=4):
    s += user(f"({style}) {question}") + assistant(gen("r", max_tokens=max_tokens))
    return s["r"]


@runs({"question": "How?"})
def partial_prompts(s, question):
    short = functools.partial(ask, style="short", max_tokens=2)
    long = functools.partial(ask, style="long")
    return [prompt(s, question) for prompt in (short, long)]


# --- graphs of nodes -----------------------------------------------------------------------------------------


def plan(s, state):
    s += "Plan: " + gen("plan", max_tokens=3) + "\n"
    state["plan"] = s["plan"]
    return "write"


def write(s, state):
    s += "Draft: " + gen("draft", max_tokens=3) + "\n"
    state["drafts"].append(s["draft"])
    return "review"


def review(s, state):
    s += "Verdict: " + select("verdict", ["good", "bad"]) + "\n"
    return "end" if s["verdict"] == "good" or len(state["drafts"]) > 1 else "write"


NODES = {"plan": plan, "write": write, "review": review}


@runs({"task": "essay"})
def graph_of_nodes(s, task):
    s += f"Task: {task}\n"
    state: dict[str, Any] = {"drafts": []}
    node = "plan"
    while node != "end":
        node = NODES[node](s, state)
    return state


@dataclass
class State:
    question: str
    notes: list[str] = field(default_factory=list)
    answer: str = ""

    @property
    def is_done(self) -> bool:
        return bool(self.answer)


@runs({"question": "Which?"})
def dataclass_state(s, question):
    state = State(question)
    while not state.is_done and len(state.notes) < 3:
        s += f"Q: {state.question}. " + select("next", ["note", "answer"]) + " "
        if s["next"] == "note":
            s += gen("note", max_tokens=3) + "\n"
            state.notes.append(s["note"])
        else:
            s += gen("answer", max_tokens=3)
            state.answer = s["answer"]
    return state.answer, state.notes, dataclasses.asdict(state)["question"]


# --- several agents ------------------------------------------------------------------------------------------

ROLES = {"writer": "You write.", "critic": "You criticise."}


@runs({"topic": "rain", "rounds": 2})
def debate(s, topic, rounds):
    sides = {name: s.fork(1)[0] for name in ROLES}
    for name, side in sides.items():
        side += system(ROLES[name]) + user(topic)
    last = ""
    for _ in range(rounds):
        for side in sides.values():
            if last:
                side += user(f"They say: {last}")
            side += assistant(gen("turn", max_tokens=3))
            last = side["turn"]
    s += f"Last: {last}. " + gen("verdict", regex="(pro|contra)")
    return {name: side["turn"] for name, side in sides.items()}


@runs({"names": ["Ann", "Bob", "Cid"], "topic": "tea"})
def group_chat(s, names, topic):
    history = []
    speaker = names[0]
    for _ in range(3):
        s += f"{speaker}: " + gen("line", max_tokens=3, stop="\n") + "\n"
        history.append({"speaker": speaker, "text": s["line"]})
        s += "Next: " + select("next", [name for name in names if name != speaker]) + "\n"
        speaker = s["next"]
    return [f"{h['speaker']}={len(h['text'])}" for h in history], topic


class Worker(Protocol):
    def work(self, s: Any, task: str) -> str: ...


class Coder:
    def work(self, s, task):
        s += f"code {task}: " + gen("code", max_tokens=3) + "\n"
        return s["code"]


class Tester:
    def __init__(self) -> None:
        self.failures = 0

    def work(self, s, task):
        s += f"test {task}: " + select("passed", ["yes", "no"]) + "\n"
        if s["passed"] == "no":
            self.failures += 1
        return s["passed"]


@runs({"tasks": ["a", "b"]})
def supervisor(s, tasks):
    crew: dict[str, Any] = {"coder": Coder(), "tester": Tester()}
    done = [crew[name].work(s, task) for task in tasks for name in ("coder", "tester")]
    return done, crew["tester"].failures


# --- tools, retries, validation ------------------------------------------------------------------------------


@runs({"note": "Lena, 34"})
def json_with_feedback(s, note):
    s += user(note)
    for attempt in range(3):
        s += assistant(gen("json", regex=r'(\{"age": [0-9]\}|\{"age": x\})'))
        try:
            return json.loads(s["json"])["age"], attempt
        except ValueError as error:
            s += user(f"This is not JSON: {error.args[0].split(':')[0]}. Again.")
    return None


class Review(pydantic.BaseModel):
    stars: int = pydantic.Field(ge=1, le=5)
    text: str = pydantic.Field(max_length=5)


@runs({"product": "tea"})
def typed_review(s, product):
    s += f"Review {product}: " + gen("review", type=Review, max_tokens=60)
    review = s["review"]
    if review.stars >= 3:
        s += " liked it: " + gen("why", max_tokens=3)
    return review.stars, review.text


@runs({"product": "tea"})
def validated_by_hand(s, product):
    s += f"Review {product}: " + gen("review", regex=r'\{"stars": [0-9], "text": "[a-z]{3}"\}')
    try:
        return Review.model_validate_json(s["review"]).stars
    except pydantic.ValidationError as error:
        s += f" wrong: {error.error_count()} " + gen("fix", regex="[1-5]")
        return int(s["fix"])


def retry(times: int) -> Callable[[Any], Any]:
    def wrap(fn: Any) -> Any:
        @functools.wraps(fn)
        def again(*args: Any, **kwargs: Any) -> Any:
            for _ in range(times - 1):
                found = fn(*args, **kwargs)
                if found is not None:
                    return found
            return fn(*args, **kwargs)

        return again

    return wrap


@retry(3)
def even_number(s):
    s += gen("n", regex="[0-9]") + " "
    return int(s["n"]) if int(s["n"]) % 2 == 0 else None


@runs()
def decorated_helper(s):
    return even_number(s)


@runs({"requests": ["add 1 2", "upper hi", "what"]})
def dispatch_by_table(s, requests):
    handlers = {
        "add": lambda *xs: str(sum(map(int, xs))),
        "upper": lambda x: x.upper(),
    }
    out = []
    for request in requests:
        name, *rest = request.split()
        handler = handlers.get(name)
        result = handler(*rest) if handler else "unknown"
        s += f"{request} -> {result}. " + gen("comment", max_tokens=2) + "\n"
        out.append(result)
    return out


COMMON = {"max_tokens": 4, "temperature": 0.5}


@runs({"topic": "sea"})
def common_options(s, topic):
    s += topic + gen("a", **COMMON) + gen("b", **{**COMMON, "max_tokens": 2}) + gen("c", stop="x", **COMMON)
    return [s[name] for name in "abc"]


# --- retrieval, tables, text ---------------------------------------------------------------------------------

DOCUMENTS = ["Oslo is in Norway.", "Bergen has rain.", "Tea is hot."]


def retrieve(question: str, k: int) -> list[str]:
    words = set(re.findall(r"\w+", question.lower()))
    scored = sorted(DOCUMENTS, key=lambda d: -len(words & set(re.findall(r"\w+", d.lower()))))
    return scored[:k]


@runs({"question": "Where is Oslo?"}, {"question": "Is tea hot?", "k": 1})
def rag(s, question, k=2):
    found = retrieve(question, k)
    context = "\n".join(f"[{i}] {text}" for i, text in enumerate(found, 1))
    s += system("Answer from the context.") + user(f"{context}\n\n{question}")
    s += assistant(gen("answer", max_tokens=5) + " [" + gen("cite", regex="[1-3]") + "]")
    number = int(s["cite"])
    return s["answer"], found[number - 1] if number <= len(found) else None


TEMPLATE = string.Template("Translate to $language: $text\n")


@runs({"text": "hello", "languages": ["de", "fr"]})
def templates_of_strings(s, text, languages):
    out = {}
    for language in languages:
        f = s.fork(1)[0]
        f += TEMPLATE.substitute(language=language, text=text) + gen("t", max_tokens=3)
        out[language] = f["t"]
    return out


@runs({"rows": [{"name": "a", "price": 3}, {"name": "b", "price": 5}]})
def rows_of_a_table(s, rows):
    totals: dict[str, int] = defaultdict(int)
    for row in rows:
        s += "{name} costs {price}. ".format(**row) + select("kind", ["cheap", "dear"]) + "\n"
        totals[s["kind"]] += row["price"]
    return dict(totals)


@runs({"scores": [3, 1, 2]})
def beam_search(s, scores):
    beam = [(s.fork(1)[0], float(score)) for score in scores]
    for _ in range(2):
        candidates = []
        for state, score in beam:
            for f in state.fork(2):
                f += gen("step", regex="[0-9]") + " "
                candidates.append((f, score + int(f["step"])))
        beam = sorted(candidates, key=lambda pair: pair[1], reverse=True)[:2]
    best, score = beam[0]
    s += best.text() + gen("end", max_tokens=2)
    return score


@runs({"n": 3})
def pairwise_tournament(s, n):
    forks = s.fork(n)
    forks += "essay: " + gen("essay", max_tokens=3)
    wins = [0] * n
    for i, j in itertools.combinations(range(n), 2):
        judge = s.fork(1)[0]
        judge += f"A: {forks[i]['essay']} B: {forks[j]['essay']} better: " + select("w", ["A", "B"])
        wins[i if judge["w"] == "A" else j] += 1
    return wins, forks[wins.index(max(wins))]["essay"]


def solve(s, depth):
    s += select("step", ["split", "done"]) + " "
    if depth == 0 or s["step"] == "done":
        return 1
    return sum(solve(f, depth - 1) for f in s.fork(2))


@runs({"depth": 2})
def recursive_decomposition(s, depth):
    return solve(s, depth)


@runs({"text": "one. two. three."})
def rolling_summary(s, text):
    summary = ""
    for part in filter(None, (p.strip() for p in text.split("."))):
        f = s.fork(1)[0]
        f += f"So far: {summary or 'nothing'}. New: {part}. " + gen("summary", max_tokens=4)
        summary = f["summary"]
    s += summary
    return summary


@runs({"command": "go north"}, {"command": "take lamp"}, {"command": "x"})
def matched_commands(s, command):
    match command.split():
        case ["go", direction]:
            s += f"You go {direction}. " + gen("scene", max_tokens=3)
        case ["take", thing] if thing in ("lamp", "key"):
            s += f"You have the {thing}. " + gen("look", max_tokens=3)
        case _:
            s += "What? " + gen("hint", max_tokens=2)
    return s.text()[:5]


@runs({"questions": ["a", "b"]})
def cached_calls(s, questions):
    @functools.lru_cache
    def clean(text):
        return text.strip().upper()

    return [clean(q) + s.text() for q in (*questions, *questions)]


@runs({"text": "please"})
def guarded(s, text):
    s += text
    check = s.fork(1)[0]
    check += " Is it safe? " + select("safe", ["yes", "no"])
    if check["safe"] == "no":
        raise PermissionError("refused")
    s += gen("answer", max_tokens=3)
    return s["answer"]


@lmc.function
def inner(s, topic, n=2):
    s += f"{topic}: " + gen("z", max_tokens=n)
    return s["z"]


@runs({"topics": ["a", "b"]})
def programs_in_a_program(s, topics):
    results = [inner(topic=t) for t in topics] + [inner.run(topics[0], n=1), inner.bind(n=3)(topic="c")]
    s += " ".join(r["z"] for r in results)
    return [r.ret_value for r in results]
