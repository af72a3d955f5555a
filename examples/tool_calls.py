"""Tool calls as a family of models writes them: tools are Python functions, their annotations say the arguments.

Whatever the model writes is a call of one of the tools with arguments that fit; only a call that is cut off by
max_tokens cannot be read.

    lmc run examples/tool_calls.py
"""

from typing import Literal

import lmc

FORECAST = {"Berlin": "rain", "Oslo": "snow"}


def add(a: int, b: int) -> int:
    """The sum of two numbers."""
    return a + b


def weather(city: Literal["Berlin", "Oslo"], in_days: Literal[0, 1, 2] = 0) -> str:
    """The forecast for a city."""
    return FORECAST[city]


TOOLS = lmc.tool_calls([add, weather], format="qwen_3", choice="required", parallel=False)
FUNCTIONS = {"add": add, "weather": weather}


def do(call: str) -> str:
    """Run the call that stands in an answer."""
    try:
        (asked,) = lmc.read_calls(call, TOOLS)
    except lmc.OutputError:
        return "error: the call was cut off"
    return str(FUNCTIONS[asked.name](**asked.arguments))


@lmc.function
def tool_calls(s, question: str = "What will the weather be in Oslo?"):
    s += lmc.system("You may use these tools: add (a, b) or weather (city, in_days).")
    s += lmc.user(question)
    s += lmc.assistant(lmc.gen("call", structural_tag=TOOLS, max_tokens=96, temperature=0))
    s += lmc.user(f"The tool says: {do(s['call'])}")
    s += lmc.assistant("The answer is " + lmc.gen("answer", max_tokens=16, stop=".", temperature=0))
    return s["answer"]


if __name__ == "__main__":
    print(tool_calls.run())
