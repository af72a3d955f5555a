"""Programs of agents: modules, state machines, chains, teams, tools behind JSON, routers, planners, memories."""

from __future__ import annotations

import abc
import enum
import functools
import inspect
import json
import logging
import re
import textwrap
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, ClassVar, TypedDict

import lmc
from lmc import assistant, gen, select, system, user
from tests.corpus.registry import registry

RUNS, runs = registry()
logger = logging.getLogger("corpus.agents")


# --- modules with signatures, as in DSPy ------------------------------------------------------------------------


class Signature:
    def __init__(self, spec: str, doc: str = "") -> None:
        left, _, right = spec.partition("->")
        self.inputs = [name.strip() for name in left.split(",")]
        self.outputs = [name.strip() for name in right.split(",")]
        self.doc = doc or f"Given {', '.join(self.inputs)}, produce {', '.join(self.outputs)}."


class Prediction(dict):
    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class Module:
    def __call__(self, s, **kwargs):
        return self.forward(s, **kwargs)

    def forward(self, s, **kwargs):
        raise NotImplementedError


class PredictSpec(Module):
    def __init__(self, spec, **config):
        self.signature = Signature(spec)
        self.config = {"max_tokens": 4, "stop": "\n", **config}

    def forward(self, s, **kwargs):
        missing = [name for name in self.signature.inputs if name not in kwargs]
        if missing:
            raise TypeError(f"missing inputs: {missing}")
        s += self.signature.doc + "\n"
        for name in self.signature.inputs:
            s += f"{name.title()}: {kwargs[name]}\n"
        fields = {}
        for name in self.signature.outputs:
            s += f"{name.title()}: " + gen(name, **self.config) + "\n"
            fields[name] = s[name]
        return fields


@runs({"question": "Why is the sky blue?"})
def dspy_predict(s, question):
    predict = PredictSpec("question -> rationale, answer")
    result = predict(s, question=question)
    return result["answer"], sorted(result)


@runs({"question": "q"})
def dspy_prediction_object(s, question):
    s += question + gen("answer", max_tokens=3)
    prediction = Prediction(answer=s["answer"], question=question)
    return prediction.answer.upper(), prediction.question, len(prediction)


@runs({"question": "q"})
def dspy_missing_input(s, question):
    predict = PredictSpec("question, context -> answer")
    return predict(s, question=question)


class MultiHop(Module):
    def __init__(self, hops=2):
        self.generate_query = [PredictSpec("context, question -> query") for _ in range(hops)]
        self.generate_answer = PredictSpec("context, question -> answer", max_tokens=5)

    def forward(self, s, question):
        context = []
        for hop in self.generate_query:
            query = hop(s, context=" | ".join(context) or "none", question=question)["query"]
            passages = lookup(query, k=2)
            context = deduplicate(context + passages)
        return self.generate_answer(s, context=" | ".join(context), question=question), context


def lookup(query: str, k: int = 1) -> list[str]:
    return [f"passage {len(query)}-{i}" for i in range(k)]


def deduplicate(items: list[str]) -> list[str]:
    return list(dict.fromkeys(items))


@runs({"question": "Who wrote it?"})
def dspy_multi_hop(s, question):
    answer, context = MultiHop()(s, question=question)
    return answer["answer"], context


@runs({"trainset": [("2+2", "4"), ("3+3", "6")], "question": "4+4"})
def dspy_few_shot_compile(s, trainset, question):
    demos = [{"q": q, "a": a} for q, a in trainset if a.isdigit()]
    s += "\n\n".join("Q: {q}\nA: {a}".format(**demo) for demo in demos)
    s += f"\n\nQ: {question}\nA: " + gen("a", regex=r"\d{1,2}")
    exact = s["a"] == "8"
    return {"exact_match": exact, "demos": len(demos)}


# --- state machines, as in LangGraph ----------------------------------------------------------------------------


class GraphState(TypedDict, total=False):
    question: str
    documents: list[str]
    generation: str
    tries: int


def node_retrieve(s, state: GraphState) -> GraphState:
    return {**state, "documents": lookup(state["question"], k=3)}


def node_grade(s, state: GraphState) -> GraphState:
    kept = []
    for doc in state["documents"]:
        judge = s.fork(1)[0]
        judge += f"Is '{doc}' relevant to '{state['question']}'? " + select("grade", ["yes", "no"])
        if judge["grade"] == "yes":
            kept.append(doc)
    return {**state, "documents": kept}


def node_rewrite(s, state: GraphState) -> GraphState:
    s += "Better question: " + gen("better", max_tokens=4) + "\n"
    return {**state, "question": s["better"], "tries": state.get("tries", 0) + 1}


def node_generate(s, state: GraphState) -> GraphState:
    s += f"Context: {'; '.join(state['documents'])}\n" + gen("generation", max_tokens=4)
    return {**state, "generation": s["generation"]}


@runs({"question": "What is RAG?"})
def langgraph_corrective_rag(s, question):
    state: GraphState = {"question": question, "tries": 0}
    while True:
        state = node_retrieve(s, state)
        state = node_grade(s, state)
        if state["documents"] or state["tries"] >= 2:
            break
        state = node_rewrite(s, state)
    state = node_generate(s, state)
    return state["generation"], state["tries"], len(state["documents"])


END = "__end__"


class StateGraph:
    def __init__(self):
        self.nodes = {}
        self.edges = {}
        self.conditional = {}
        self.entry = None

    def add_node(self, name, fn):
        self.nodes[name] = fn
        return self

    def add_edge(self, start, end):
        self.edges[start] = end
        return self

    def add_conditional_edges(self, start, router, mapping=None):
        self.conditional[start] = (router, mapping)
        return self

    def set_entry_point(self, name):
        self.entry = name
        return self

    def invoke(self, s, state, limit=8):
        current = self.entry
        visited = []
        while current != END and len(visited) < limit:
            visited.append(current)
            update = self.nodes[current](s, state)
            state = {**state, **(update or {})}
            if current in self.conditional:
                router, mapping = self.conditional[current]
                choice = router(state)
                current = mapping[choice] if mapping else choice
            else:
                current = self.edges.get(current, END)
        return state, visited


def draft_node(s, state):
    s += f"Write about {state['topic']}: " + gen("draft", max_tokens=4) + "\n"
    return {"draft": s["draft"], "version": state.get("version", 0) + 1}


def critique_node(s, state):
    s += "Good enough? " + select("ok", ["yes", "no"]) + "\n"
    return {"ok": s["ok"]}


@runs({"topic": "tea"}, {"topic": "sea"})
def langgraph_builder(s, topic):
    graph = (
        StateGraph()
        .add_node("draft", draft_node)
        .add_node("critique", critique_node)
        .set_entry_point("draft")
        .add_edge("draft", "critique")
        .add_conditional_edges(
            "critique",
            lambda state: "stop" if state["ok"] == "yes" or state["version"] > 2 else "again",
            {"stop": END, "again": "draft"},
        )
    )
    final, visited = graph.invoke(s, {"topic": topic})
    return final["draft"], visited


class Phase(enum.Enum):
    GREET = "greet"
    ASK = "ask"
    CONFIRM = "confirm"
    DONE = "done"


@runs({"name": "Mia"})
def enum_state_machine(s, name):
    phase = Phase.GREET
    log = []
    while phase is not Phase.DONE:
        log.append(phase.value)
        if phase is Phase.GREET:
            s += f"Hello {name}. "
            phase = Phase.ASK
        elif phase is Phase.ASK:
            s += "What size? " + select("size", ["small", "large"]) + " "
            phase = Phase.CONFIRM
        elif phase is Phase.CONFIRM:
            s += f"A {s['size']} one? " + select("sure", ["yes", "no"]) + " "
            phase = Phase.DONE if s["sure"] == "yes" or len(log) > 5 else Phase.ASK
    return log, s["size"]


@dataclass
class Ticket:
    text: str
    category: str | None = None
    priority: int = 0
    history: list[str] = field(default_factory=list)

    def note(self, message: str) -> None:
        self.history.append(f"{len(self.history)}: {message}")


def triage(s, ticket: Ticket) -> Ticket:
    s += user(f"Ticket: {ticket.text}") + assistant(select("category", ["billing", "bug", "other"]))
    ticket.category = s["category"]
    ticket.note(f"category={ticket.category}")
    return ticket


def prioritise(s, ticket: Ticket) -> Ticket:
    s += user("Priority 1-5?") + assistant(gen("priority", regex="[1-5]"))
    ticket.priority = int(s["priority"])
    ticket.note(f"priority={ticket.priority}")
    return ticket


@runs({"text": "My app crashes"}, {"text": "Refund please"})
def ticket_pipeline(s, text):
    ticket = Ticket(text)
    for stage in (triage, prioritise):
        ticket = stage(s, ticket)
    if ticket.category == "bug" and ticket.priority >= 4:
        ticket.note("escalated")
    return ticket.category, ticket.priority, ticket.history


@runs({"text": "hello"})
def replaced_dataclass(s, text):
    ticket = Ticket(text)
    s += text + select("c", ["a", "b"])
    updated = replace(ticket, category=s["c"], priority=2)
    updated.history.append("shared")
    return ticket.category, updated.category, ticket.history


# --- chains and parsers, as in LangChain ------------------------------------------------------------------------


class PromptTemplate:
    def __init__(self, template: str, **partial: str) -> None:
        self.template = template
        self.partial = partial
        self.variables = re.findall(r"\{(\w+)\}", template)

    def format(self, **values: Any) -> str:
        return self.template.format(**{**self.partial, **values})


class OutputParserException(ValueError):
    def __init__(self, message: str, output: str) -> None:
        super().__init__(message)
        self.output = output


class CommaListParser:
    instructions = "Answer with comma separated values."

    def parse(self, text: str) -> list[str]:
        items = [part.strip() for part in text.split(",") if part.strip()]
        if len(items) < 2:
            raise OutputParserException("expected a list", text)
        return items


@runs({"subject": "fruit"})
def chain_with_list_parser(s, subject):
    parser = CommaListParser()
    prompt = PromptTemplate("List {subject}.\n{instructions}\n", instructions=parser.instructions)
    s += prompt.format(subject=subject) + gen("items", regex="[a-c]{1,2}(, [a-c]{1,2}){0,2}")
    try:
        return parser.parse(s["items"])
    except OutputParserException as error:
        return f"{error}: {error.output!r}"


class Runnable:
    def __init__(self, fn):
        self.fn = fn

    def __or__(self, other):
        return Runnable(lambda s, value: other.fn(s, self.fn(s, value)))

    def invoke(self, s, value):
        return self.fn(s, value)


def ask_model(s, prompt):
    s += prompt + gen("reply", max_tokens=4) + "\n"
    return s["reply"]


@runs({"topic": "bears"})
def chain_of_runnables(s, topic):
    prompt = Runnable(lambda s, value: f"Tell a joke about {value['topic']}: ")
    model = Runnable(ask_model)
    parser = Runnable(lambda s, text: text.strip().lower())
    chain = prompt | model | parser
    return chain.invoke(s, {"topic": topic})


@runs({"text": "la vie", "steps": ["translate", "summarise", "title"]})
def sequential_chain(s, text, steps):
    outputs = OrderedDict()
    current = text
    for number, step in enumerate(steps, start=1):
        s += f"{number}. {step.capitalize()}: {current} => " + gen(step, max_tokens=3, stop="\n") + "\n"
        outputs[step] = current = s[step]
    return list(outputs.items())[-1], current == outputs["title"]


@runs({"question": "How do magnets work?"}, {"question": "hi"})
def router_chain(s, question):
    prompts = {
        "physics": "You are a physicist. {q}",
        "math": "You are a mathematician. {q}",
        "default": "{q}",
    }
    router = s.fork(1)[0]
    router += f"Which expert for: {question}? " + select("expert", list(prompts))
    s += prompts[router["expert"]].format(q=question) + " " + gen("answer", max_tokens=4)
    return {"route": router["expert"], "answer": s["answer"]}


@runs({"docs": ["alpha text", "beta text", "gamma text"]})
def map_reduce_documents(s, docs):
    forks = s.fork(len(docs))
    for f, doc in zip(forks, docs, strict=True):
        f += f"Summarise: {doc}\n" + gen("summary", max_tokens=4)
    summaries = [f["summary"] for f in forks]
    s += "Combine:\n" + "\n".join(f"- {text}" for text in summaries) + "\n" + gen("final", max_tokens=5)
    return s["final"], max(map(len, summaries))


@runs({"docs": ["one", "two", "three"]})
def refine_documents(s, docs):
    first, *rest = docs
    s += f"Summary of {first}: " + gen("summary", max_tokens=3) + "\n"
    for doc in rest:
        s += f"Refine '{s['summary']}' with {doc}: " + gen("summary", max_tokens=3) + "\n"
    return s["summary"]


@runs({"docs": ["a b", "c d e", "f"], "limit": 2})
def collapse_documents(s, docs, limit):
    rounds = 0
    while len(docs) > limit:
        rounds += 1
        groups = [docs[i : i + limit] for i in range(0, len(docs), limit)]
        docs = []
        for group in groups:
            f = s.fork(1)[0]
            f += " / ".join(group) + " -> " + gen("short", max_tokens=2)
            docs.append(f["short"])
    s += "All: " + ", ".join(docs)
    return rounds, len(docs)


# --- teams, as in AutoGen and CrewAI ----------------------------------------------------------------------------


class ConversableAgent:
    def __init__(self, name, system_message, *, max_tokens=4):
        self.name = name
        self.system_message = system_message
        self.max_tokens = max_tokens
        self.inbox = []

    def receive(self, sender, message):
        self.inbox.append((sender.name if sender else "user", message))

    def generate_reply(self, s):
        f = s.fork(1)[0]
        f += system(self.system_message)
        for sender, message in self.inbox:
            f += user(f"{sender}: {message}")
        f += assistant(gen("reply", max_tokens=self.max_tokens))
        return f["reply"]


@runs({"task": "Plan a trip"})
def autogen_two_agents(s, task):
    alice = ConversableAgent("alice", "You propose.")
    bob = ConversableAgent("bob", "You criticise.", max_tokens=3)
    alice.receive(None, task)
    speaker, listener = alice, bob
    transcript = []
    for _ in range(3):
        reply = speaker.generate_reply(s)
        transcript.append(f"{speaker.name}: {reply}")
        listener.receive(speaker, reply)
        speaker, listener = listener, speaker
    return transcript, len(alice.inbox), len(bob.inbox)


class GroupChat:
    def __init__(self, agents, max_round=3):
        self.agents = {agent.name: agent for agent in agents}
        self.max_round = max_round
        self.messages = []

    def select_speaker(self, s, last):
        candidates = [name for name in self.agents if name != last]
        f = s.fork(1)[0]
        f += "Roles: " + ", ".join(self.agents) + ". Next speaker: " + select("next", candidates)
        return self.agents[f["next"]]

    def run(self, s, task):
        last = None
        for _ in range(self.max_round):
            agent = self.select_speaker(s, last)
            agent.inbox.append(("task", task))
            text = agent.generate_reply(s)
            self.messages.append({"name": agent.name, "content": text})
            last = agent.name
        return self.messages


@runs({"task": "Write code"})
def autogen_group_chat(s, task):
    agents = [ConversableAgent(n, f"You are the {n}.") for n in ("coder", "tester", "boss")]
    messages = GroupChat(agents).run(s, task)
    return Counter(m["name"] for m in messages), [len(agent.inbox) for agent in agents]


@dataclass
class CrewTask:
    description: str
    agent: str
    context: list[str] = field(default_factory=list)
    output: str = ""


@runs({"topic": "AI"})
def crewai_sequential(s, topic):
    tasks = [
        CrewTask(f"Research {topic}", "researcher"),
        CrewTask("Write an outline", "planner", context=["researcher"]),
        CrewTask("Write the article", "writer", context=["researcher", "planner"]),
    ]
    outputs: dict[str, str] = {}
    for task in tasks:
        f = s.fork(1)[0]
        f += system(f"You are a {task.agent}.")
        context = "\n".join(outputs[name] for name in task.context)
        f += user(f"{task.description}\n{context}".strip())
        f += assistant(gen("out", max_tokens=4))
        task.output = outputs[task.agent] = f["out"]
    s += "\n".join(f"## {task.agent}\n{task.output}" for task in tasks)
    return [bool(task.output) for task in tasks]


class Agent(abc.ABC):
    registry: ClassVar[dict[str, type]] = {}

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        Agent.registry[cls.__name__.lower()] = cls

    @abc.abstractmethod
    def act(self, s, task): ...


class Summariser(Agent):
    def act(self, s, task):
        s += f"Summary of {task}: " + gen("out", max_tokens=3)
        return s["out"]


class Translator(Agent):
    language = "French"

    def act(self, s, task):
        s += f"{task} in {self.language}: " + gen("out", max_tokens=3)
        return s["out"]


@runs({"task": "hello", "kind": "translator"}, {"task": "text", "kind": "summariser"}, {"task": "x", "kind": "y"})
def agent_registry(s, task, kind):
    try:
        agent = Agent.registry[kind]()
    except KeyError:
        return f"unknown agent {kind}, one of {sorted(Agent.registry)}"
    return agent.act(s, task)


@runs({"goal": "party"})
def hierarchical_manager(s, goal):
    s += f"Goal: {goal}\n"
    workers = {"cook": "You cook.", "dj": "You play music."}
    reports = defaultdict(list)
    for step in range(3):
        s += f"Step {step}, delegate to: " + select("who", [*workers, "nobody"]) + "\n"
        who = s["who"]
        if who == "nobody":
            break
        f = s.fork(1)[0]
        f += workers[who] + " " + gen("report", max_tokens=3)
        reports[who].append(f["report"])
        s += f"{who} says: {reports[who][-1]}\n"
    else:
        s += "Out of steps.\n"
    return {who: len(texts) for who, texts in reports.items()}


# --- tools behind JSON ------------------------------------------------------------------------------------------

TOOLBOX: dict[str, Callable[..., Any]] = {}


def tool(fn: Callable[..., Any]) -> Callable[..., Any]:
    TOOLBOX[fn.__name__] = fn
    return fn


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@tool
def weather(city: str) -> str:
    """The weather in a city."""
    return {"Oslo": "rain"}.get(city, "sun")


def describe_tools() -> str:
    return "\n".join(f"- {name}{inspect.signature(fn)}: {fn.__doc__}" for name, fn in TOOLBOX.items())


CALL = (
    r'\{"tool": "(add", "args": \{"a": [0-9], "b": [0-9]\}|'
    r'weather", "args": \{"city": "(Oslo|Rome)"\}|fly", "args": \{\})\}'
)


@runs({"question": "1+2?"}, {"question": "Rain?"})
def json_tool_call(s, question):
    s += f"Tools:\n{describe_tools()}\n{question}\n" + gen("call", regex=CALL)
    call = json.loads(s["call"])
    fn = TOOLBOX.get(call["tool"])
    if fn is None:
        return f"no tool {call['tool']}"
    result = fn(**call["args"])
    s += f"\nResult: {result}\n" + gen("answer", max_tokens=3)
    return call["tool"], result


@runs({"question": "1+2?"})
def json_tool_loop(s, question):
    messages = [{"role": "user", "content": question}]
    for _ in range(3):
        s += messages[-1]["content"] + "\n" + gen("call", regex=CALL) + "\n"
        try:
            call = json.loads(s["call"])
            result = TOOLBOX[call["tool"]](**call["args"])
        except (KeyError, TypeError) as error:
            messages.append({"role": "tool", "content": f"error: {type(error).__name__} {error}"})
            continue
        messages.append({"role": "tool", "content": json.dumps({"result": result})})
        if isinstance(result, int):
            break
    return [m["role"] for m in messages], messages[-1]["content"]


@runs({"city": "Oslo"})
def tool_closure_registry(s, city):
    tools = {}

    def register(name=None):
        def wrap(fn):
            tools[name or fn.__name__] = fn
            return fn

        return wrap

    @register()
    def temperature(place):
        return len(place) * 3

    @register("wind")
    def wind_speed(place):
        return len(place) * 7

    s += f"{city}: " + select("tool", sorted(tools)) + " "
    value = tools[s["tool"]](city)
    s += f"= {value} " + gen("comment", max_tokens=2)
    return value, list(tools)


Step = namedtuple("Step", "thought action observation")


@runs({"task": "find x"})
def react_scratchpad(s, task):
    scratchpad: list[Step] = []
    template = textwrap.dedent(
        """\
        Task: {task}
        {steps}
        Thought: """
    )
    for _ in range(2):
        steps = "\n".join(f"Thought: {t} / Action: {a} / Obs: {o}" for t, a, o in scratchpad)
        f = s.fork(1)[0]
        f += template.format(task=task, steps=steps) + gen("thought", max_tokens=3, stop="\n")
        f += "\nAction: " + select("action", ["search", "stop"])
        scratchpad.append(Step(f["thought"], f["action"], f"seen {len(f['thought'])}"))
        if scratchpad[-1].action == "stop":
            break
    s += str(len(scratchpad))
    return [step._asdict()["action"] for step in scratchpad]


# --- planners ---------------------------------------------------------------------------------------------------


@runs({"goal": "cake"})
def plan_with_stack(s, goal):
    stack = [(goal, 0)]
    order = []
    while stack and len(order) < 5:
        task, depth = stack.pop()
        s += f"{'  ' * depth}{task}: " + select("kind", ["atomic", "compound"]) + "\n"
        order.append((depth, task))
        if s["kind"] == "compound" and depth < 2:
            for suffix in reversed("ab"):
                stack.append((f"{task}.{suffix}", depth + 1))
    return order, len(stack)


@runs({"tasks": ["wash", "cook", "eat"]})
def plan_with_queue(s, tasks):
    queue = deque(tasks)
    retries = Counter()
    done = []
    while queue:
        task = queue.popleft()
        s += f"Do {task}: " + select("status", ["ok", "fail"]) + "\n"
        if s["status"] == "fail" and retries[task] < 1:
            retries[task] += 1
            queue.append(task)
            continue
        done.append((task, s["status"]))
    return done, dict(retries)


@runs({"goal": "report"})
def plan_and_execute(s, goal):
    s += f"Goal: {goal}. Number of steps: " + gen("n", regex="[1-3]") + "\n"
    plan = []
    for i in range(int(s["n"])):
        s += f"Step {i + 1}: " + gen("step", max_tokens=3, stop="\n") + "\n"
        plan.append(s["step"])
    results = {}
    for i, step in enumerate(plan):
        worker = s.fork(1)[0]
        worker += f"Doing {step!r}: " + gen("result", max_tokens=2)
        results[i] = worker["result"]
    return len(plan), list(results)


DEPENDENCIES = {"build": ["fetch"], "test": ["build"], "fetch": [], "deploy": ["test", "build"]}


@runs({"target": "deploy"}, {"target": "build"})
def topological_plan(s, target):
    order, seen = [], set()

    def visit(name):
        if name in seen:
            return
        seen.add(name)
        for dependency in DEPENDENCIES[name]:
            visit(dependency)
        order.append(name)

    visit(target)
    for name in order:
        s += f"{name}: " + gen("log", max_tokens=2) + "\n"
    return order, s.text().count("\n")


# --- memories, routers, resilience ------------------------------------------------------------------------------


class SummaryMemory:
    def __init__(self, limit=2):
        self.limit = limit
        self.summary = ""
        self.buffer = []

    def add(self, s, role, text):
        self.buffer.append(f"{role}: {text}")
        if len(self.buffer) > self.limit:
            old = self.buffer.pop(0)
            f = s.fork(1)[0]
            f += f"Summary: {self.summary}\nAdd: {old}\nNew summary: " + gen("summary", max_tokens=3)
            self.summary = f["summary"]

    @property
    def context(self):
        return "\n".join([f"(so far: {self.summary})", *self.buffer] if self.summary else self.buffer)


@runs({"turns": ["hi", "how are you", "bye"]})
def summary_buffer_memory(s, turns):
    memory = SummaryMemory()
    for turn in turns:
        memory.add(s, "user", turn)
        f = s.fork(1)[0]
        f += memory.context + "\nbot: " + gen("reply", max_tokens=3)
        memory.add(s, "bot", f["reply"])
    return memory.context.count("\n"), len(memory.buffer), memory.summary


class EntityMemory(dict):
    def remember(self, name, fact):
        self.setdefault(name, []).append(fact)


@runs({"people": ["Ann", "Bob", "Ann"]})
def entity_memory(s, people):
    memory = EntityMemory()
    for person in people:
        known = ", ".join(memory.get(person, ["nothing"]))
        s += f"{person} (known: {known}): " + gen("fact", max_tokens=2, stop="\n") + "\n"
        memory.remember(person, s["fact"])
    return {name: len(facts) for name, facts in memory.items()}, "Bob" in memory


@contextmanager
def section(s, title):
    s += f"<{title}>\n"
    yield
    s += f"</{title}>\n"


@runs({"topic": "tea"})
def context_manager_sections(s, topic):
    with section(s, "intro"):
        s += topic + gen("intro", max_tokens=3) + "\n"
    with section(s, "body"):
        s += gen("body", max_tokens=3) + "\n"
    return s.text().count("<")


@runs({"text": "x"})
def logged_agent(s, text):
    logger.debug("start %s", text)
    s += text + select("mood", ["good", "bad"])
    if s["mood"] == "bad":
        logger.warning("bad mood for %r", text)
    logger.debug("end")
    return s["mood"]


class Budget:
    def __init__(self, calls):
        self.left = calls

    def spend(self, n=1):
        if self.left < n:
            raise BudgetExceeded(f"{self.left} left, {n} wanted")
        self.left -= n


class BudgetExceeded(RuntimeError):
    pass


@runs({"calls": 2}, {"calls": 9})
def budgeted_loop(s, calls):
    budget = Budget(calls)
    try:
        for i in range(100):
            budget.spend()
            s += f"{i} " + select("more", ["go", "stop"]) + "\n"
            if s["more"] == "stop":
                break
    except BudgetExceeded as error:
        s += f"({error})"
        return "exceeded", budget.left
    finally:
        s += " end"
    return "stopped", i


def with_fallback(*handlers):
    def run(s, text):
        errors = []
        for handler in handlers:
            try:
                return handler(s, text)
            except ValueError as error:
                errors.append(str(error))
        return f"all failed: {errors}"

    return run


def strict_number(s, text):
    s += f"{text} as number: " + gen("n", regex="([0-9]|none)") + "\n"
    return int(s["n"])


def loose_number(s, text):
    s += f"{text} as word: " + select("w", ["one", "two", "many"]) + "\n"
    words = ["zero", "one", "two"]
    return words.index(s["w"])


@runs({"text": "a few"}, {"text": "a"})
def fallback_handlers(s, text):
    return with_fallback(strict_number, loose_number)(s, text)


@runs({"text": "please"})
def namespace_config_agent(s, text):
    cfg = SimpleNamespace(retries=2, temperature=0.7, choices=["a", "b", "c"])
    cfg.prefix = f"[{cfg.retries}] "
    for attempt in range(cfg.retries):
        s += cfg.prefix + text + " " + select("c", cfg.choices) + "\n"
        if s["c"] != "c" or attempt > 5:
            break
        cfg.prefix = cfg.prefix.upper() + "retry "
    return attempt, cfg.prefix, vars(cfg)["retries"]


@functools.cache
def expensive_prompt(topic: str) -> str:
    return f"Everything about {topic}: "


@runs({"topics": ["a", "b", "a"]})
def cached_prompts(s, topics):
    for topic in topics:
        s += expensive_prompt(topic) + gen("x", max_tokens=2) + "\n"
    return expensive_prompt.cache_info().currsize >= 2


class Tracer:
    def __init__(self):
        self.events = []
        self.depth = 0

    def __enter__(self):
        self.depth += 1
        self.events.append("enter")
        return self

    def __exit__(self, kind, value, traceback):
        self.depth -= 1
        self.events.append("exit" if kind is None else f"exit {kind.__name__}")
        return kind is KeyError


@runs({"key": "a"}, {"key": "z"})
def tracer_swallows(s, key):
    tracer = Tracer()
    table = {"a": 1}
    with tracer as t:
        s += gen("x", max_tokens=2)
        t.events.append(table[key])
        s += " found"
    return tracer.events, tracer.depth


@runs({"user_message": "I want a refund"})
def nested_program_agents(s, user_message):
    @lmc.function
    def classify(s, text):
        s += text + select("intent", ["refund", "support"])
        return s["intent"]

    intent = classify.run(text=user_message).ret_value
    s += f"intent {intent}: " + gen("reply", max_tokens=3)
    return intent
