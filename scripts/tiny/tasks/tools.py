"""Tool use: pick a tool from the list in the prompt, write its arguments, and use what it says."""

from __future__ import annotations

import json
import re

from scripts.tiny.item import Gen, Item, Turn, assistant, system, tool, user
from scripts.tiny.tasks.tools_bank import CITY, COUNT, TEXT, TOOLS, Tool, result, value
from scripts.tiny.world import World

Named = tuple[str, Tool]
Arguments = dict[str, str | int]

PAIRS_APART = ({"search", "lookup_person"}, {"search", "train"}, {"search", "price"}, {"search", "population"})
ALIKE = ({"timer", "remind"}, {"train", "distance"}, {"email", "remind"})
NONES = ("none", "none", "none", "no tool", "nothing")
INTROS = (
    "You may use one tool: {x}.", "You can use these tools: {x}.", "Tools: {x}.", "You have the tools {x}.",
    "Pick one tool: {x}.", "There are these tools: {x}.", "Choose a tool: {x}.", "Available tools: {x}.",
    "Use one of these tools: {x}.", "You may call {x}.", "Your tools are {x}.", "The tools: {x}.",
    "Which tool helps? {x}.",
)  # fmt: skip
HEADS = (
    "You have these tools:", "Tools:", "You may use one of these tools:", "Available tools:", "Pick the right tool.",
    "Choose one tool for the request:", "These are your tools:", "The tools that you can call:", "Select a tool:",
    "You are an assistant with tools.", "Functions:", "You can call these functions:", "Use the tool that fits:",
)  # fmt: skip
SAY_NONE = (
    " Say {n} if you need no tool.", " Say {n} if none fits.", " If no tool is needed, say {n}.", " Or {n}.",
    " Write {n} when no tool fits.", " Answer {n} if no tool helps.", " Otherwise say {n}.",
)  # fmt: skip
NAME_ONLY = (" Answer with the name only.", " Name the tool.", " Give only its name.", " Say which tool you need.",
             " Which tool do you need?", " Reply with the tool's name.", "", "", "")  # fmt: skip
AS_JSON = (
    " Answer in JSON.",
    " Write the call as JSON.",
    " Reply with a JSON call.",
    " Call it in JSON.",
    " Give the call as JSON.",
)
AS_CALL = (
    " Write the call.",
    " Write it as name(arguments).",
    " Answer with the call.",
    " Call the tool.",
    " Give the call only.",
)
ASK_HERE = ("{q}", "{q}", "{q}", "The user says: {q}", "Request: {q}", "Question: {q}", "User: {q}")
SMALL_TALK = (
    ("Hello!", "Hello! How can I help you?"), ("Hi there.", "Hello! How can I help you?"),
    ("Good morning!", "Good morning! How can I help you?"), ("Good evening!", "Good evening! How can I help you?"),
    ("Thank you!", "You are welcome."), ("Thanks a lot.", "You are welcome."), ("Thank you for your help.",
    "You are welcome."),
    ("How are you?", "I am fine, thank you."), ("How are you today?", "I am fine, thank you."), ("Goodbye!",
    "Goodbye!"),
    ("See you tomorrow.", "See you!"), ("Who are you?", "I am a small assistant."), ("What are you?",
    "I am a small assistant."),
    ("You are very kind.", "Thank you, that is nice of you."), ("Nice to meet you.", "Nice to meet you too."),
    ("I am {n}.", "Hello {n}! How can I help you?"), ("My name is {n}.", "Hello {n}! How can I help you?"),
    ("Hi, this is {n}.", "Hello {n}! How can I help you?"), ("{n} says hello.", "Please say hello to {n}."),
    ("I feel sad today.", "I am sorry to hear that."), ("I am so happy!", "I am glad to hear that."),
    ("That was great!", "I am glad to hear that."), ("I am bored.", "I am sorry to hear that."), ("Good night.",
    "Good night!"),
    ("Tell me a joke.", "I am not good at jokes."), ("Are you a robot?", "I am a small assistant."),
    ("Say hello to {n}.", "Hello {n}!"), ("Sorry for the late answer.", "That is no problem."), ("Ok.", "Good."),
)  # fmt: skip
SAYS = ("The tool says: {r}", "The tool says {r}.", "Result: {r}", "Tool result: {r}", "The result is {r}.",
"It returned: {r}",
        "Output: {r}", "The tool gave back {r}.", "Tool: {r}", "{name} says: {r}", "Answer of the tool: {r}",
        "=> {r}")  # fmt: skip
USE_IT = ("", "", "", "\nNow answer.", "\nWhat is the answer?", "\nAnswer the question.", "\nTell me in one sentence.")
FAILED = ("error", "error: not found", "error: timeout", "error: no answer", "failed")
SORRY = "I am sorry, the tool failed."
LABELS = (("Tool: ", "\nArguments: "), ("Tool: ", "\nArguments: "), ("Action: ", "\nInput: "), ("Call: ", "\nWith: "))


def tools(w: World) -> Item:
    """A list of tools, a request, the call, and often the final answer."""
    listed = listing(w)
    none = w.pick(NONES)
    if w.chance(0.2):
        form_none = without_tool if w.chance(0.7) else unlisted
        return Item("tools", form_none(w, listed, none) + again(w, listed, none))
    chosen = w.pick(listed)
    arguments = drawn(w, chosen[1])
    form = w.pick((two_lines, two_lines, two_lines, as_json, name_only, as_call))
    turns = form(w, listed, chosen, arguments, none)
    if form is name_only or (form is two_lines and not w.test and w.chance(0.6)):
        return Item("tools", turns + again(w, listed, none))
    return Item("tools", (*turns, *(after(w, chosen, arguments) if w.chance(0.5) and form is not name_only else ())))


def again(w: World, listed: list[Named], none: str) -> tuple[Turn, ...]:
    """More requests in the same conversation, in training only; each wants the name of a tool and nothing else."""
    turns: list[Turn] = []
    label = w.pick(("", "Tool: "))
    for _ in range(w.extra((2, 3, 4, 6), (0,))):
        name, one = w.pick(listed)
        question = request(w, one, drawn(w, one))
        if w.chance(0.15):
            name, question = none, w.pick(SMALL_TALK)[0].format(n=w.first())
        gen = Gen(name, choices=choices(listed, none))
        turns += [user(w.pick(ASK_HERE).format(q=question)), assistant(label, gen) if label else assistant(gen)]
    return tuple(turns)


# --- the list of tools ----------------------------------------------------------------------------------


def listing(w: World) -> list[Named]:
    """Two to six tools that cannot be mistaken for each other, under names of which none is another's."""
    while True:
        found = w.some(TOOLS, w.pick((2, 2, 3, 3, 4, 5, 6)))
        keys = {one.names[0] for one in found}
        named = [(called(w, one), one) for one in found]
        if not any(pair <= keys for pair in PAIRS_APART) and len({name for name, _ in named}) == len(named):
            return named


def called(w: World, one: Tool) -> str:
    """One of its names, the first most often; or a made-up word, which its description must explain."""
    if w.chance(0.15):
        return w.thing().lower().replace(" ", "_")
    return one.names[0] if w.chance(0.5) else w.pick(one.names)


def plain_name(named: Named) -> bool:
    """True if the name alone says what the tool does."""
    return named[0] in named[1].names[:2]


def prompt(w: World, listed: list[Named], none: str, ending: str) -> str:
    """The tools and how to answer."""
    say = w.pick(SAY_NONE).format(n=none)
    kind = w.rng.random()
    if kind < 0.5:
        last = w.pick((" or ", " and ", ", "))
        parts = [
            named[0] if plain_name(named) and kind < 0.1 else f"{named[0]} ({inside(w, named)})" for named in listed
        ]
        return w.pick(INTROS).format(x=", ".join(parts[:-1]) + last + parts[-1]) + say + ending
    lines = [described(w, named, kind) for named in listed]
    return "\n".join([w.pick(HEADS), *lines, (say + ending).strip()])


def inside(w: World, named: Named) -> str:
    """What stands in brackets after a name: what it takes, if the name is clear, or what it does."""
    return w.pick(named[1].short) if plain_name(named) and w.chance(0.6) else w.pick(named[1].about)


def described(w: World, named: Named, kind: float) -> str:
    """A line on a tool, as a bullet, a signature or JSON."""
    called_, one = named
    about = w.pick(one.about)
    if kind < 0.7:
        return f"- {called_}: {about}"
    if kind < 0.85:
        return f"{called_}({', '.join(one.arguments)}): {about}"
    if kind < 0.92:
        return f"- {called_}({', '.join(one.arguments)}) - {about}"
    return json.dumps({"name": called_, "description": about, "arguments": list(one.arguments)})


def asked(w: World, listed: list[Named], none: str, question: str, ending: str) -> tuple[Turn, ...]:
    """The prompt as a system turn, or before or after the request in one user turn."""
    tools_ = prompt(w, listed, none, ending)
    if w.chance(0.65):
        return system(tools_), user(w.pick(ASK_HERE).format(q=question))
    if w.chance(0.75):
        return (user(tools_, "\n", w.pick(ASK_HERE).format(q=question)),)
    return (user(question, "\n", tools_),)


# --- the call -------------------------------------------------------------------------------------------


def drawn(w: World, one: Tool) -> Arguments:
    """Its arguments; two of a kind differ where they must."""
    while True:
        found = {key: value(w, kind) for key, kind in one.arguments.items()}
        if "from" not in found or found["from"] != found["to"]:
            return found


def request(w: World, one: Tool, arguments: Arguments) -> str:
    return w.pick(one.asks).format(**arguments)


def choices(listed: list[Named], none: str) -> tuple[str, ...]:
    return (*(name for name, _ in listed), none)


def written(arguments: Arguments) -> str:
    return json.dumps(arguments)


def pattern(one: Tool) -> str:
    """A regular expression for the arguments as JSON."""
    fields = (f'"{key}": {kind_pattern(kind)}' for key, kind in one.arguments.items())
    return r"\{" + ", ".join(fields) + r"\}"


def kind_pattern(kind: str) -> str:
    return {"count": COUNT, "small": COUNT, "city": CITY}.get(kind, TEXT)


def two_lines(w: World, listed: list[Named], chosen: Named, arguments: Arguments, none: str) -> tuple[Turn, ...]:
    """Tool: add / Arguments: {"a": 17, "b": 25}."""
    name, one = chosen
    first, second = w.pick(LABELS)
    call = (Gen(name, choices=choices(listed, none)), second, Gen(written(arguments), regex=pattern(one)))
    return *asked(w, listed, none, request(w, one, arguments), ""), assistant(first, *call)


def as_json(w: World, listed: list[Named], chosen: Named, arguments: Arguments, none: str) -> tuple[Turn, ...]:
    """Like {"tool": "weather", "city": "Oslo"}, or with the arguments in an object of their own."""
    name, one = chosen
    key = w.pick(("tool", "tool", "name", "function"))
    nested = w.chance(0.4)
    shape = f'{{"{key}": ..., "arguments": {{...}}}}' if nested else f'{{"{key}": ..., ...}}'
    ending = w.pick(AS_JSON) + f" Like {shape}"
    names = "|".join(f'"{re.escape(name)}"' for name in choices(listed, none))
    args = pattern(one)
    text = json.dumps({key: name, "arguments": arguments} if nested else {key: name, **arguments})
    rest = f'"arguments": {args}' if nested else args.removeprefix(r"\{").removesuffix(r"\}")
    regex = rf'\{{"{key}": ({names}), {rest}\}}'
    return *asked(w, listed, none, request(w, one, arguments), ending), assistant(Gen(text, regex=regex))


def name_only(w: World, listed: list[Named], chosen: Named, arguments: Arguments, none: str) -> tuple[Turn, ...]:
    """Just the name, perhaps after a label, and perhaps the arguments in a later turn."""
    name, one = chosen
    label = w.pick(("", "", "", "Tool: ", "Use "))
    turns = asked(w, listed, none, request(w, one, arguments), w.pick(NAME_ONLY))
    said = assistant(label, Gen(name, choices=choices(listed, none)))
    if w.chance(0.75):
        return *turns, said
    more = w.pick(
        (
            "With which arguments?",
            "Now write its arguments as JSON.",
            "And the arguments?",
            "Give the arguments in JSON.",
        )
    )
    return *turns, said, user(more), assistant(Gen(written(arguments), regex=pattern(one)))


def as_call(w: World, listed: list[Named], chosen: Named, arguments: Arguments, none: str) -> tuple[Turn, ...]:
    """add(17, 25)."""
    name, one = chosen
    inner = ", ".join(str(given) if isinstance(given, int) else json.dumps(given) for given in arguments.values())
    turns = asked(w, listed, none, request(w, one, arguments), w.pick(AS_CALL))
    if w.chance(0.5):
        return *turns, assistant(Gen(f"{name}({inner})"))
    return *turns, assistant(Gen(name, choices=choices(listed, none)), "(", Gen(inner, stop=")"), ")")


# --- what follows ---------------------------------------------------------------------------------------


def after(w: World, chosen: Named, arguments: Arguments) -> tuple[Turn, ...]:
    """What the tool says, and the answer that uses it."""
    name, one = chosen
    failed = w.chance(0.06)
    said = w.pick(FAILED) if failed else computed(w, one, arguments)
    told = w.pick(SAYS).format(r=said, name=name) + w.pick(USE_IT)
    turn = tool(said) if w.chance(0.3) else user(told)
    if failed:
        return turn, assistant(Gen(SORRY))
    if "{r}" in one.final[0] and w.chance(0.5):
        prefix = w.pick(("The answer is ", "The answer is ", "The answer is ", "It is ", "Answer: "))
        return turn, assistant(prefix, Gen(said, stop="."), ".")
    return turn, assistant(Gen(w.pick(one.final).format(r=said, **arguments)))


def computed(w: World, one: Tool, arguments: Arguments) -> str:
    """The true value of a sum or product; otherwise whatever the tool finds."""
    a, b = arguments.get("a"), arguments.get("b")
    if isinstance(a, int) and isinstance(b, int):
        return str(a + b if one.names[0] == "add" else a * b)
    if one.names[0] == "weather" and w.chance(0.05):
        return "no forecast"
    return result(w, one.result)


def unlisted(w: World, listed: list[Named], none: str) -> tuple[Turn, ...]:
    """A request for a tool that is not in the list."""
    here = {one.names[0] for _, one in listed}
    clear = [
        one for one in TOOLS if one.names[0] not in here and not any(one.names[0] in p and p & here for p in ALIKE)
    ]
    if "search" in here:
        return without_tool(w, listed, none)
    other = w.pick(clear)
    label = w.pick(("Tool: ", "Tool: ", "", "Action: "))
    turns = asked(w, listed, none, request(w, other, drawn(w, other)), w.pick(NAME_ONLY) if not label else "")
    return *turns, assistant(label, Gen(none, choices=choices(listed, none)))


def without_tool(w: World, listed: list[Named], none: str) -> tuple[Turn, ...]:
    """Small talk, which needs no tool: the word for it, or a direct answer after it."""
    question, answer = w.pick(SMALL_TALK)
    name = w.first()
    question, answer = question.format(n=name), answer.format(n=name)
    label = w.pick(("Tool: ", "Tool: ", "", "", "Action: ", "Call: "))
    turns = asked(w, listed, none, question, w.pick(NAME_ONLY) if not label else "")
    said = assistant(label, Gen(none, choices=choices(listed, none)))
    if w.chance(0.6):
        return *turns, said
    if w.chance(0.5):
        return *turns, said, assistant(Gen(answer))
    return (
        *turns,
        said,
        user(w.pick(("Then answer.", "Answer then.", "Then reply directly.", "What do you say?", "Reply."))),
        assistant(Gen(answer)),
    )
