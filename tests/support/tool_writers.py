"""Tool calls as the templates of each family write them: what a model of it would say."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

Calls = list[tuple[str, dict[str, Any]]]
Writer = Callable[[Calls], str]


def dumped(value: object) -> str:
    """JSON as models write it."""
    return json.dumps(value, ensure_ascii=False)


def bare(value: object) -> str:
    """A text as it is, all else as JSON."""
    return value if isinstance(value, str) else dumped(value)


def hermes(calls: Calls) -> str:
    """JSON in tags."""
    written = (f'{{"name": "{name}", "arguments": {dumped(arguments)}}}' for name, arguments in calls)
    return "\n".join(f"<tool_call>\n{each}\n</tool_call>" for each in written)


def exaone(calls: Calls) -> str:
    """JSON in tags, on a line."""
    return hermes(calls).replace("<tool_call>\n", "<tool_call>").replace("\n</tool_call>", "</tool_call>")


def llama(calls: Calls) -> str:
    """JSON objects."""
    return "; ".join(f'{{"name": "{name}", "parameters": {dumped(arguments)}}}' for name, arguments in calls)


def mistral(calls: Calls) -> str:
    """JSON behind marks."""
    return "".join(f"[TOOL_CALLS]{name}[ARGS]{dumped(arguments)}" for name, arguments in calls)


def deepseek_r1(calls: Calls) -> str:
    """JSON in fences."""
    rows = (
        f"<｜tool▁call▁begin｜>function<｜tool▁sep｜>{name}\n```json\n{dumped(arguments)}\n```<｜tool▁call▁end｜>"
        for name, arguments in calls
    )
    return "<｜tool▁calls▁begin｜>" + "\n".join(rows) + "<｜tool▁calls▁end｜>"


def deepseek_v3_1(calls: Calls) -> str:
    """JSON between tokens."""
    rows = (f"<｜tool▁call▁begin｜>{name}<｜tool▁sep｜>{dumped(a)}<｜tool▁call▁end｜>" for name, a in calls)
    return "<｜tool▁calls▁begin｜>" + "".join(rows) + "<｜tool▁calls▁end｜>"


def dsml(outer: str, space: str) -> Writer:
    """Marks that say what is text."""

    def write(calls: Calls) -> str:
        mark = f"｜DSML｜{space}"
        rows = []
        for name, arguments in calls:
            inner = "".join(
                f'<{mark}parameter name="{key}" string="{dumped(isinstance(value, str))}">{bare(value)}'
                f"</{mark}parameter>\n"
                for key, value in arguments.items()
            )
            rows.append(f'<{mark}invoke name="{name}">\n{inner}</{mark}invoke>\n')
        return f"\n\n<{mark}{outer}>\n{''.join(rows)}</{mark}{outer}>"

    return write


def kimi(calls: Calls) -> str:
    """JSON behind an id."""
    rows = (
        f"<|tool_call_begin|>functions.{name}:{at}<|tool_call_argument_begin|>{dumped(arguments)}<|tool_call_end|>"
        for at, (name, arguments) in enumerate(calls)
    )
    return "<|tool_calls_section_begin|>" + "".join(rows) + "<|tool_calls_section_end|>"


def kimi_k3(calls: Calls) -> str:
    """Elements with types."""
    names = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}
    rows = []
    for at, (name, arguments) in enumerate(calls):
        inner = "".join(
            f'<|open|>argument key="{key}" type="{names.get(type(value), "null")}"<|sep|>{bare(value)}'
            "<|close|>argument<|sep|>"
            for key, value in arguments.items()
        )
        rows.append(f'<|open|>call tool="{name}" index="{at + 1}"<|sep|>{inner}<|close|>call<|sep|>')
    tools = f"<|open|>tools<|sep|>{''.join(rows)}<|close|>tools<|sep|>"
    return f"<|close|>response<|sep|>{tools}<|close|>message<|sep|>"


def qwen_xml(calls: Calls) -> str:
    """Functions and parameters, each on lines of its own."""
    rows = []
    for name, arguments in calls:
        inner = "\n".join(f"<parameter={key}>\n{bare(value)}\n</parameter>" for key, value in arguments.items())
        rows.append(f"<tool_call>\n<function={name}>\n{inner}\n</function>\n</tool_call>")
    return "\n".join(rows)


def mimo(calls: Calls) -> str:
    """The same without lines."""
    rows = []
    for name, arguments in calls:
        inner = "".join(f"<parameter={key}>{bare(value)}</parameter>" for key, value in arguments.items())
        rows.append(f"<tool_call><function={name}>{inner}</function></tool_call>")
    return "\n".join(rows)


def minimax(calls: Calls) -> str:
    """Invocations in a block."""
    rows = []
    for name, arguments in calls:
        inner = "".join(f'<parameter name="{key}">{bare(value)}</parameter>\n' for key, value in arguments.items())
        rows.append(f'<invoke name="{name}">\n{inner}</invoke>\n')
    return f"\n</think>\n\n\n\n\n<minimax:tool_call>\n{''.join(rows)}</minimax:tool_call>"


def glm(calls: Calls) -> str:
    """Keys and values."""
    rows = []
    for name, arguments in calls:
        pairs = (f"<arg_key>{k}</arg_key><arg_value>{bare(v)}</arg_value>" for k, v in arguments.items())
        rows.append(f"<tool_call>{name}{''.join(pairs)}</tool_call>")
    return "".join(rows)


def harmony(calls: Calls) -> str:
    """Messages to functions."""
    return "<|start|>assistant".join(
        f"<|channel|>commentary to=functions.{name}<|constrain|>json<|message|>{dumped(arguments)}<|call|>"
        for name, arguments in calls
    )


WRITERS: Mapping[str, Writer] = {
    "deepseek_r1": deepseek_r1, "deepseek_v3_1": deepseek_v3_1, "deepseek_v3_2": dsml("function_calls", ""),
    "deepseek_v4": dsml("tool_calls", ""), "deepseek_v4_1": dsml("calls", " "), "exaone": exaone, "glm_4_7": glm,
    "harmony": harmony, "kimi": kimi, "kimi_k3": kimi_k3, "llama": llama, "mimo": mimo, "minimax": minimax,
    "mistral": mistral,
    "qwen_3": hermes, "qwen_3_5": qwen_xml, "qwen_3_coder": qwen_xml,
}  # fmt: skip
