"""How families of models write their tool calls, by the names that xgrammar knows them by.

Written down here, so that a program can be compiled without xgrammar; a test compares it with xgrammar's own. What a
call is read by stands beside what it is written by: the marks of a format stand in no value, no thought and no other
text of an answer in it, so that reading it finds the calls that were written and no others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Argument:
    """How arguments that are no JSON are read.

    one       `key` and `value` of one; `is_text` or `type` where that is said of it
    newlines  whether a newline at either end is none of the value's
    """

    one: re.Pattern[str]
    newlines: bool = False


@dataclass(frozen=True, slots=True)
class ToolFormat:
    """One format.

    marks     texts that begin or end calls, or stand around all of them
    call      of one call the `name` and its `arguments`
    argument  None where the arguments are JSON
    begin     what free text ends at: a call, or what stands around calls
    cut       of what is left of an answer without its calls: a call that was cut off
    """

    marks: tuple[str, ...]
    call: re.Pattern[str]
    argument: Argument | None = None
    begin: str = ""
    cut: re.Pattern[str] | None = None


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.DOTALL)


def _unclosed(begin: str, end: str) -> re.Pattern[str]:
    return _pattern(f"{re.escape(begin)}(?!.*{end})")


def _dsml(space: str) -> ToolFormat:
    value = rf'<｜DSML｜{space}parameter name="(?P<key>[^"]*)" string="(?P<is_text>\w+)">(?P<value>.*?)</｜DSML｜'
    call = rf'<｜DSML｜{space}invoke name="(?P<name>[^"]*)">(?P<arguments>.*?)</｜DSML｜{space}invoke>'
    return ToolFormat(
        ("｜DSML｜",),
        _pattern(call),
        Argument(_pattern(value)),
        "<｜DSML｜",
        _unclosed("<｜DSML｜", rf"</｜DSML｜{space}\w*calls>"),
    )


_TAGS = ("<tool_call>", "</tool_call>")
_FUNCTION = ("<function=", "</function>")
_JSON = r'<tool_call>\s*{"name": "(?P<name>[^"]*)", "arguments": (?P<arguments>.*?)}\s*</tool_call>'
_DEEPSEEK = "<｜tool▁"
_DEEPSEEK_CUT = _pattern("<｜tool▁calls?▁begin｜>(?!.*<｜tool▁calls▁end｜>)")
_KIMI = "<|tool_call"
_K3 = ("<|open|>", "<|close|>", "<|sep|>")
_HARMONY = ("<|start|>", "<|end|>", "<|message|>", "<|channel|>", "<|constrain|>", "<|return|>", "<|call|>")
_DSML, _DSML_SPACED = _dsml(""), _dsml(" ")
_CUT = _pattern("<tool_call>")
_HERMES = ToolFormat(_TAGS, _pattern(_JSON), None, "<tool_call>", _CUT)
_QWEN_XML = ToolFormat(
    (*_TAGS, *_FUNCTION),
    _pattern(r"<tool_call>\s*<function=(?P<name>[^>]*)>(?P<arguments>.*?)</function>\s*</tool_call>"),
    Argument(_pattern(r"<parameter=(?P<key>[^>]*)>(?P<value>.*?)</parameter>"), newlines=True),
    "<tool_call>",
    _CUT,
)

FORMATS: Mapping[str, ToolFormat] = {
    "deepseek_r1": ToolFormat(
        (_DEEPSEEK,),
        _pattern(
            r"<｜tool▁call▁begin｜>function<｜tool▁sep｜>(?P<name>[^\n]*)\n```json\n(?P<arguments>.*?)"
            r"\n```<｜tool▁call▁end｜>"
        ),
        None,
        _DEEPSEEK,
        _DEEPSEEK_CUT,
    ),
    "deepseek_v3_1": ToolFormat(
        (_DEEPSEEK,),
        _pattern(r"<｜tool▁call▁begin｜>(?P<name>.*?)<｜tool▁sep｜>(?P<arguments>.*?)<｜tool▁call▁end｜>"),
        None,
        _DEEPSEEK,
        _DEEPSEEK_CUT,
    ),
    "deepseek_v3_2": _DSML,
    "deepseek_v4": _DSML,
    "deepseek_v4_1": _DSML_SPACED,
    "exaone": _HERMES,
    "glm_4_7": ToolFormat(
        _TAGS,
        _pattern(r"<tool_call>(?P<name>[^<\n]*)(?P<arguments>.*?)</tool_call>"),
        Argument(_pattern(r"<arg_key>(?P<key>.*?)</arg_key>\s*<arg_value>(?P<value>.*?)</arg_value>")),
        "<tool_call>",
        _CUT,
    ),
    "harmony": ToolFormat(
        _HARMONY,
        _pattern(
            r"(?:<\|channel\|>commentary )?to=functions\.(?P<name>[\w.-]+)(?:<\|channel\|>commentary )?"
            r"(?:<\|constrain\|>)?(?:json)?<\|message\|>"
            r"(?P<arguments>.*?)<\|call\|>"
        ),
        cut=_pattern(r"<\|channel\|>commentary|to=functions\.[\w.-]+<\|channel\|>"),
    ),
    "kimi": ToolFormat(
        (_KIMI,),
        _pattern(
            r"<\|tool_call_begin\|>functions\.(?P<name>.*?):\d+<\|tool_call_argument_begin\|>(?P<arguments>.*?)"
            r"<\|tool_call_end\|>"
        ),
        None,
        _KIMI,
        _pattern(r"<\|tool_call(?:s_section)?_begin(?!.*<\|tool_calls_section_end\|>)"),
    ),
    "kimi_k3": ToolFormat(
        _K3,
        _pattern(
            r'<\|open\|>call tool="(?P<name>[^"]*)" index="\d+"<\|sep\|>(?P<arguments>.*?)<\|close\|>call<\|sep\|>'
        ),
        Argument(
            _pattern(
                r'<\|open\|>argument key="(?P<key>[^"]*)" type="(?P<type>\w+)"<\|sep\|>(?P<value>.*?)'
                r"<\|close\|>argument<\|sep\|>"
            )
        ),
        cut=_unclosed("<|open|>tools", re.escape("<|close|>tools<|sep|>")),
    ),
    "llama": ToolFormat(
        ("<|python_tag|>",),
        _pattern(r'(?:^|(?<=}; )){"name": "(?P<name>[^"]*)", "parameters": (?P<arguments>.*?)}(?=; {"name": |\Z)'),
        cut=_pattern('{"name": '),
    ),
    "mimo": _QWEN_XML,
    "mistral": ToolFormat(
        ("[TOOL_CALLS]", "[CALL_ID]", "[ARGS]"),
        _pattern(r"\[TOOL_CALLS\](?P<name>[^\[{]*)\[ARGS\](?P<arguments>\{.*?\})(?=\[TOOL_CALLS\]|\Z)"),
        cut=_pattern(r"\[TOOL_CALLS\]"),
    ),
    "minimax": ToolFormat(
        ("<minimax:tool_call>", "</minimax:tool_call>", "<invoke name=", "</invoke>"),
        _pattern(r'<invoke name="(?P<name>[^"]*)">(?P<arguments>.*?)</invoke>'),
        Argument(_pattern(r'<parameter name="(?P<key>[^"]*)">(?P<value>.*?)</parameter>')),
        "<minimax:tool_call>",
        _unclosed("<minimax:tool_call>", "</minimax:tool_call>"),
    ),
    "qwen_3": _HERMES,
    "qwen_3_5": _QWEN_XML,
    "qwen_3_coder": _QWEN_XML,
}
TOOL_FORMATS = tuple(FORMATS)
LMCS_OWN = ("mistral",)  # which xgrammar does not know
THOUGHTLESS = ("llama", "mistral")  # they have no marks that thoughts stand between
UNSUPPORTED = ("cohere", "minimax_m3")  # they write nested arguments in XML of their own
