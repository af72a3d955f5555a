"""Tool use with ordinary Python: the model picks a tool, Python reads its arguments and calls it.

The tools are plain functions. Arguments that do not parse are handed back to the model as an error message.

    lmc run examples/tool_use.py
"""

import json

import lmc

TOOLS = ("add", "weather", "none")
TWO_NUMBERS = r'\{"a": [1-9][0-9]{0,2}, "b": [1-9][0-9]{0,2}\}'
A_CITY = r'\{"city": "[A-Z][a-z]{2,9}"\}'
FORECAST = {"Berlin": "rain", "Oslo": "snow"}


def weather(city: str) -> str:
    """A tool that knows two cities."""
    return FORECAST.get(city, "no forecast")


def call_tool(tool: str, arguments: str) -> str:
    """Run a tool on arguments written as JSON; what the model wrote may not parse."""
    try:
        given = json.loads(arguments)
        return str(given["a"] + given["b"]) if tool == "add" else weather(given["city"])
    except (ValueError, KeyError) as error:
        return f"error: {error}"


@lmc.function
def tool_use(s, question: str = "What is 17 plus 25?"):
    s += lmc.system("You may use one tool: add (two numbers) or weather (a city). Say none if you need no tool.")
    s += lmc.user(question)
    with s.assistant():
        s += "Tool: "
        s += lmc.select("tool", TOOLS)
        if s["tool"] == "add":
            s += "\nArguments: " + lmc.gen("arguments", max_tokens=32, regex=TWO_NUMBERS, temperature=0)
        elif s["tool"] == "weather":
            s += "\nArguments: " + lmc.gen("arguments", max_tokens=32, regex=A_CITY, temperature=0)

    if s["tool"] != "none":
        s += lmc.user(f"The tool says: {call_tool(s['tool'], s['arguments'])}")
    s += lmc.assistant("The answer is " + lmc.gen("answer", max_tokens=16, stop=".", temperature=0))
    return s["answer"]


if __name__ == "__main__":
    print(tool_use.run())
