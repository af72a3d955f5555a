"""Tool calls out of an answer, by the rules that the parsers of each family publish; none of lmc's own reading is here.

A parser takes the text of an answer and the types of the arguments by tool, and gives names and arguments in order.
Texts are cut where the published patterns cut them, whatever stands there: what breaks out of a value shows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

Types = Mapping[str, Mapping[str, str]]  # by tool, by argument
Calls = list[tuple[str, Any]]
Parser = Callable[[str, Types], Calls]


def hermes(text: str, types: Types) -> Calls:
    """JSON between tags; one that is not closed reaches to the end."""
    found = re.findall(r"<tool_call>(.*?)</tool_call>|<tool_call>(.*)", text, re.DOTALL)
    objects = [json.loads(closed or open_) for closed, open_ in found]
    return [(each["name"], each["arguments"]) for each in objects]


def llama(text: str, types: Types) -> Calls:
    """JSON objects wherever a brace begins one; two rules that are in use, which must agree."""
    anywhere, end = [], 0
    for match in re.finditer(r"\{", text):
        if match.start() < end:
            continue
        try:
            value, length = json.JSONDecoder().raw_decode(text[match.start() :])
        except json.JSONDecodeError:
            continue
        end = match.start() + length
        anywhere.append(value)
    in_row, at = [], 0
    while at < len(text) and text.startswith("{"):
        value, length = json.JSONDecoder().raw_decode(text[at:])
        in_row.append(value)
        at += length + len("; ")
    assert anywhere == in_row or not any((*anywhere, *in_row)), text
    assert "<|python_tag|>" not in text
    return [(each["name"], each["parameters"]) for each in anywhere if each]


def mistral(text: str, types: Types) -> Calls:
    """Cut at the mark of a call, whatever stands before it; the name reaches to the arguments, which are one JSON."""
    found = []
    for raw in text.split("[TOOL_CALLS]")[1:]:
        name, _, arguments = raw.partition("[ARGS]")
        end = raw.find("{")
        assert name == raw[:end].removesuffix("[ARGS]") and "[CALL_ID]" not in raw  # the other rule that is in use
        found.append((name, json.loads(arguments)))
    return found


def deepseek_r1(text: str, types: Types) -> Calls:
    """JSON in a fence."""
    rule = r"<｜tool▁call▁begin｜>(?:.*?)<｜tool▁sep｜>(.*?)\n```json\n(.*?)\n```<｜tool▁call▁end｜>"
    return [(name, json.loads(arguments)) for name, arguments in re.findall(rule, text, re.DOTALL)]


def deepseek_v3_1(text: str, types: Types) -> Calls:
    """JSON between control tokens."""
    rule = r"<｜tool▁call▁begin｜>(.*?)<｜tool▁sep｜>(.*?)<｜tool▁call▁end｜>"
    return [(name, json.loads(arguments)) for name, arguments in re.findall(rule, text, re.DOTALL)]


def dsml(outer: str, space: str) -> Parser:
    """Marks with attributes, which say whether a value is text; values end where the closing mark's name stands."""

    def parse(text: str, types: Types) -> Calls:
        calls: Calls = []
        for block in re.findall(f"<｜DSML｜{space}{outer}>(.*?)</｜DSML｜{space}{outer}>", text, re.DOTALL):
            for piece in block.split(f"<｜DSML｜{space}invoke")[1:]:
                head, _, rest = piece.partition(f"/｜DSML｜{space}invoke")
                name = re.fullmatch(r'\s*name="(.*?)">\n(.*)<', head, re.DOTALL)
                assert name and rest.strip() == ">", piece
                arguments = {}
                for argument in name[2].split(f"<｜DSML｜{space}parameter")[1:]:
                    value = re.fullmatch(
                        rf' name="(.*?)" string="(true|false)">(.*?)</｜DSML｜{space}parameter>\s*', argument, re.DOTALL
                    )
                    assert value, argument
                    arguments[value[1]] = value[3] if value[2] == "true" else json.loads(value[3])
                calls.append((name[1], arguments))
        return calls

    return parse


def kimi(text: str, types: Types) -> Calls:
    """JSON between control tokens, behind an id."""
    rule = (
        r"<\|tool_call_begin\|>\s*([^<]+:\d+)\s*<\|tool_call_argument_begin\|>\s*"
        r"((?:(?!<\|tool_call_begin\|>).)*?)\s*<\|tool_call_end\|>"
    )
    found = re.findall(rule, text, re.DOTALL)
    return [(id.split(".", 1)[1].rsplit(":", 1)[0], json.loads(arguments)) for id, arguments in found]


def kimi_k3(text: str, types: Types) -> Calls:
    """Elements of an XML whose brackets are control tokens."""
    calls: Calls = []
    for name, body in re.findall(
        r'<\|open\|>call tool="(.*?)" index="\d+"<\|sep\|>(.*?)<\|close\|>call<\|sep\|>', text, re.DOTALL
    ):
        rule = r'<\|open\|>argument key="(.*?)" type="(.*?)"<\|sep\|>(.*?)<\|close\|>argument<\|sep\|>'
        found = re.findall(rule, body, re.DOTALL)
        calls.append((name, {key: value if type == "string" else json.loads(value) for key, type, value in found}))
    return calls


def qwen_xml(text: str, types: Types) -> Calls:
    """Functions between tags; a parameter ends where it is closed, and where anything else begins."""
    calls: Calls = []
    blocks = re.findall(r"<tool_call>(.*?)</tool_call>|<tool_call>(.*?)$", text, re.DOTALL)
    for block in [closed or open_ for closed, open_ in blocks] or [text]:
        for whole, cut in re.findall(r"<function=(.*?)</function>|<function=(.*)$", block, re.DOTALL):
            name, _, body = (whole or cut).partition(">")
            rule = r"<parameter=(.*?)(?:</parameter>|(?=<parameter=)|(?=</function>)|$)"
            arguments = {}
            for parameter in re.findall(rule, body, re.DOTALL):
                key, _, value = parameter.partition(">")
                value = value.removeprefix("\n").removesuffix("\n")
                arguments[key] = value if types[name][key] == "string" else json.loads(value)
            calls.append((name, arguments))
    return calls


def minimax(text: str, types: Types) -> Calls:
    """Invocations within a block; the spaces around a value are dropped."""
    calls: Calls = []
    for block in re.findall(r"<minimax:tool_call>(.*?)</minimax:tool_call>|<minimax:tool_call>(.*?)$", text, re.DOTALL):
        for invoke in re.findall(r"<invoke name=(.*?)</invoke>", block[0] or block[1], re.DOTALL):
            name, _, body = invoke.partition(">")
            arguments = {}
            for parameter in re.findall(r"<parameter name=(.*?)</parameter>", body, re.DOTALL):
                key, _, value = parameter.partition(">")
                key, value = key.strip('"'), value.strip()
                arguments[key] = value if types[name.strip('"')][key] == "string" else json.loads(value)
            calls.append((name.strip('"'), arguments))
    return calls


def glm(text: str, types: Types) -> Calls:
    """Keys and values in turn; the spaces around a value are dropped."""
    calls: Calls = []
    for call in re.findall(r"<tool_call>.*?</tool_call>", text, re.DOTALL):
        name, body = re.findall(r"<tool_call>(.*?)(<arg_key>.*?)?</tool_call>", call, re.DOTALL)[0]
        name = name.strip()
        rule = r"<arg_key>(.*?)</arg_key>(?:\\n|\s)*<arg_value>(.*?)</arg_value>"
        pairs = [(key.strip(), value.strip()) for key, value in re.findall(rule, body, re.DOTALL)]
        calls.append((name, {k: v if types[name][k] == "string" else json.loads(v) for k, v in pairs}))
    return calls


def harmony(text: str, types: Types) -> Calls:
    """Messages, each with a header; a call is addressed to a function."""
    calls: Calls = []
    for message in re.split(r"<\|start\|>assistant", text):
        header, mark, body = message.partition("<|message|>")
        to = re.search(r"to=functions\.([\w.-]+)", header)
        if mark and to:
            content, end, rest = body.partition("<|call|>")
            assert end and not rest, message
            assert not re.search(r"<\|(?:end|return|channel|constrain|message)\|>", content)
            calls.append((to[1], json.loads(content)))
    return calls


PARSERS: Mapping[str, Parser] = {
    "deepseek_r1": deepseek_r1, "deepseek_v3_1": deepseek_v3_1, "deepseek_v3_2": dsml("function_calls", ""),
    "deepseek_v4": dsml("tool_calls", ""), "deepseek_v4_1": dsml("calls", " "), "exaone": hermes, "glm_4_7": glm,
    "harmony": harmony, "kimi": kimi, "kimi_k3": kimi_k3, "llama": llama, "mimo": qwen_xml, "minimax": minimax,
    "mistral": mistral,
    "qwen_3": hermes, "qwen_3_5": qwen_xml, "qwen_3_coder": qwen_xml,
}  # fmt: skip
STRIPPED = frozenset({"minimax", "glm_4_7"})  # formats in which the family drops the spaces around a text
