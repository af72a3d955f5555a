"""The language: what a program appends to its state. Each primitive makes a small expression, nothing runs here.

Names and defaults are SGLang's. Expressions are appended with `s += ...`, and added with `+`.
"""

from __future__ import annotations

import enum
import inspect
from collections.abc import Callable, Iterable, Iterator, KeysView, Mapping, Sequence, Set, ValuesView
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, NoReturn, get_args

from lmc.errors import ArgumentError, did_you_mean
from lmc.ir.constraint import Lark, Reasoning, Spacing, ToolCalls
from lmc.ir.documents import Documented
from lmc.ir.output import DTYPES, OutputType
from lmc.ir.params import check_closed
from lmc.ir.reasoning import REASONING_FORMATS
from lmc.ir.scoring import BOUNDARIES, CHOICES_METHODS

Role = Literal["system", "user", "assistant"]
ROLES: tuple[Role, ...] = ("system", "user", "assistant")

exact = "exact"
token_length_normalized = "token_length_normalized"
greedy_token_selection = "greedy_token_selection"
unconditional_likelihood_normalized = "unconditional_likelihood_normalized"

DTYPE_REGEX = {
    "int": r"[-+]?[0-9]+[ \n]*",
    "float": r"[-+]?[0-9]*\.?[0-9]+[ \n]*",
    "bool": r"(True|False)",
    "str": r"\"[\w\d\s]*\"",
}


NOT_ADDED = "`s + ...` appends nothing to a program state"
NOT_ADDED_HELP = "write s += ..."


class Expr:
    """Something that can be appended to a program state."""

    __slots__ = ()
    __lmc_expression__ = True

    def __add__(self, other: object) -> Expr:
        return Concat((self, _part(other)))

    def __radd__(self, other: object) -> Expr:
        return Concat((_part(other), self))

    if not TYPE_CHECKING:  # for a type checker there is no such attribute

        def __getattr__(self, name: str) -> NoReturn:
            error = AttributeError(f"an lmc expression has no attribute `{name}`: nothing is generated yet")
            if not name.startswith("__"):  # Python asks for those
                error.add_note('append it, and read what came by its name: s += lmc.gen("a"), then s["a"]')
            raise error

    def __format__(self, spec: str) -> NoReturn:
        raise ArgumentError(
            "an lmc expression cannot stand in an f-string: it has no text before the program runs",
            help='append it by itself: s += "..."; s += gen("x"); or add it: "..." + gen("x")',
        )


def _part(x: object) -> object:
    if x is None:
        raise ArgumentError("None cannot be added to an lmc expression")
    return x


@dataclass(frozen=True, slots=True)
class Concat(Expr):
    """Expressions and texts, appended one after another."""

    parts: tuple[object, ...]


@dataclass(frozen=True, slots=True, eq=False)
class GenExpr(Expr):
    """A generation: `params` holds only what was given, by Sampling field name."""

    name: Any
    params: tuple[tuple[str, Any], ...]
    dtype: str | None = None
    regex: Any = None
    json_schema: Any = None
    grammar: Any = None
    structural_tag: Any = None
    spacing: Any = None
    closed: bool | None = None
    boundary: str | None = None
    output: OutputType | None = None
    reasoning: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class SelectExpr(Expr):
    """A choice between texts: `params` holds temperature and seed, where they were given."""

    name: Any
    choices: Any
    method: str
    params: tuple[tuple[str, Any], ...] = ()
    boundary: str | None = None


@dataclass(frozen=True, slots=True)
class RoleBegin(Expr):
    """Opens a turn."""

    role: Role


@dataclass(frozen=True, slots=True)
class RoleEnd(Expr):
    """Closes a turn."""

    role: Role


def gen(
    name: str | None = None,
    max_tokens: int | None = None,
    min_tokens: int | None = None,
    n: int | None = None,
    stop: str | Sequence[str] | None = None,
    stop_token_ids: Sequence[int] | None = None,
    stop_regex: str | Sequence[str] | None = None,
    temperature: float | None = None,
    top_p: float | None = None,
    top_k: int | None = None,
    min_p: float | None = None,
    frequency_penalty: float | None = None,
    presence_penalty: float | None = None,
    ignore_eos: bool | None = None,
    return_logprob: bool | None = None,
    logprob_start_len: int | None = None,
    top_logprobs_num: int | None = None,
    return_text_in_logprobs: bool | None = None,
    dtype: type | str | None = None,
    choices: Sequence[str] | None = None,
    choices_method: str | None = None,
    regex: str | None = None,
    json_schema: Any = None,
    *,
    grammar: str | Lark | None = None,
    structural_tag: Any = None,
    type: Any = None,
    spacing: Spacing | None = None,
    closed: bool | None = None,
    documents: Mapping[str, Any] | None = None,
    repetition_penalty: float | None = None,
    seed: int | None = None,
    on_distortion: Literal["warn", "score", "unconstrained-then-validate"] | None = None,
    boundary: Literal["exact", "naive"] | None = None,
) -> Expr:
    """Generate text and keep it under `name`; a parameter left out takes the value given to `run`, else the default.

    At most one of `choices`, `regex`, `json_schema`, `grammar`, `structural_tag`, `dtype` and `type` restricts what
    comes out. `type` is an annotation: the value under `name` is an int, a member of an Enum, a dataclass or pydantic
    object, a list of such; a text that cannot be read so is an OutputError of the call. `dtype` int, float and bool
    give such values too, and `str` a text in quotes.
    `json_schema` is JSON text, a dict, or a pydantic model class; `grammar` is EBNF text, or `lark(...)`;
    `structural_tag` is JSON text, a dict, or `tool_calls(...)`. `spacing` is that of the JSON: "compact", the default,
    "spaced" or "any". `closed=True` leaves objects the properties that the schema tells, at every level; left out it
    is that of the run, else any further ones may come. `documents` are schemas by URI that its references lead into.
    With `choices` it is a `select`, which takes `temperature` and `seed` from here if its method is `exact`.
    `boundary="exact"` lets a token begin in the prompt's last word and end in what a regex allows; "naive", the
    default, keeps the prompt's tokens. Raises ArgumentError on a mistake that shows at once.
    """
    kinds = {
        "choices": choices, "regex": regex, "json_schema": json_schema, "grammar": grammar,
        "structural_tag": structural_tag, "dtype": dtype, "type": type,
    }  # fmt: skip
    given_kinds = [k for k, v in kinds.items() if v is not None]
    if len(given_kinds) > 1:
        raise ArgumentError(f"gen({name!r}) is restricted twice: {' and '.join(given_kinds)}", help="keep one of them")
    if documents is not None:
        for kind in _documented(kinds, name):
            kinds[kind] = Documented(kinds[kind], documents)
    if choices is not None:
        _check_choices(name, stop=stop, stop_regex=stop_regex, stop_token_ids=stop_token_ids, min_tokens=min_tokens)
        _check_style(spacing, closed, name, [])
        if choices_method == exact:
            drawn = 0.0 if temperature is None else temperature
            return select(name, choices, drawn, exact, seed=seed, boundary=boundary)
        return select(name, choices, choices_method=choices_method or token_length_normalized, boundary=boundary)
    _check_boundary(boundary)
    output = None
    if type is not None:
        dtype, output = _output(type)
        if output is not None and output.written is not None:
            kinds[output.written[0]] = output.written[1]
    describe_json = [kind for kind in ("json_schema", "structural_tag") if kinds[kind] is not None]
    _check_style(spacing, closed, name, describe_json)
    given = {
        "max_tokens": max_tokens, "min_tokens": min_tokens, "n": n, "stop": stop, "stop_token_ids": stop_token_ids,
        "stop_regex": stop_regex, "temperature": temperature, "top_p": top_p, "top_k": top_k, "min_p": min_p,
        "frequency_penalty": frequency_penalty, "presence_penalty": presence_penalty, "ignore_eos": ignore_eos,
        "return_logprob": return_logprob, "logprob_start_len": logprob_start_len, "top_logprobs_num": top_logprobs_num,
        "return_text_in_logprobs": return_text_in_logprobs, "repetition_penalty": repetition_penalty, "seed": seed,
        "on_distortion": on_distortion,
    }  # fmt: skip
    params = tuple((k, v) for k, v in given.items() if v is not None)
    return GenExpr(
        name, params, _dtype_name(dtype), kinds["regex"], kinds["json_schema"], grammar, kinds["structural_tag"],
        spacing, closed, boundary, output,
    )  # fmt: skip


def _documented(kinds: Mapping[str, object], name: object) -> list[str]:
    """What is given that may refer to documents."""
    found = [kind for kind in ("json_schema", "structural_tag") if kinds[kind] is not None]
    if not found:
        raise ArgumentError(
            f"gen({name!r}) has documents, and no schema that refers to them",
            help="`documents` goes with `json_schema` or `structural_tag`",
        )
    return found


def _output(type: Any) -> tuple[str | None, OutputType | None]:
    """A type as a dtype where it is one, else as an output; neither for `str`, which any text is."""
    simple = getattr(type, "__name__", None) if type in (str, int, float, bool) else None
    if simple is not None:
        return (simple if simple in DTYPES else None), None
    from lmc.parser.output_type import output_type

    return None, output_type(type)


def lark(text: str) -> Lark:
    """A Lark grammar (start rule `start`) for `gen(grammar=...)`.

    Raises ConstraintError, with the place in the text, where it cannot be one.
    """
    from lmc.parser.grammar import parse_lark

    return parse_lark(text)


def tool_calls(
    tools: Sequence[Any],
    *,
    format: str,
    choice: str = "auto",
    parallel: bool = True,
    reasoning: Reasoning = "disabled",
    spacing: Spacing = "spaced",
    closed: bool | None = None,
    documents: Mapping[str, Any] | None = None,
) -> ToolCalls:
    """An answer with calls of tools in it, written as a family of models does, for `gen(structural_tag=...)`.

    tools      Python functions with annotations, pydantic classes, or OpenAI's function dicts
    format     one of `lmc.ir.tool_formats.TOOL_FORMATS`, such as "qwen_3"
    choice     "auto", "required", "none", or the name of the tool that must be called
    parallel   False allows one call
    closed     True leaves objects in arguments the properties that their schemas tell
    reasoning  "enabled" where thoughts come before the answer, "auto" where they may
    documents  schemas by URI that the tools' schemas refer to

    Raises ConstraintError where a tool has no schema, or a name is unknown.
    """
    from lmc.parser.tools import parse_tool_calls

    return parse_tool_calls(
        tools, format=format, choice=choice, parallel=parallel, reasoning=reasoning, spacing=spacing, closed=closed,
        documents=documents,
    )  # fmt: skip


def _check_style(spacing: object, closed: object, name: object, describe_json: list[str]) -> None:
    if spacing is not None and spacing not in get_args(Spacing):
        raise ArgumentError(f"unknown spacing {spacing!r}", help=f"one of {', '.join(get_args(Spacing))}")
    check_closed(closed)
    for word, given in (("spacing", spacing), ("closed", closed)):
        if given is not None and not describe_json:
            what = "a spacing" if word == "spacing" else f"closed={closed}"
            raise ArgumentError(
                f"gen({name!r}) has {what}, and nothing says what JSON comes out",
                help=f"`{word}` goes with `json_schema` or `structural_tag`",
            )


def _check_choices(name: object, **ends: object) -> None:
    for parameter, value in ends.items():
        if value is not None:
            raise ArgumentError(
                f"gen({name!r}) has `{parameter}` beside `choices`: a whole choice is picked, and nothing ends one",
                help="leave it out",
            )


def _check_boundary(boundary: object) -> None:
    if boundary is not None and boundary not in BOUNDARIES:
        raise ArgumentError(f"unknown boundary {boundary!r}", help=f"one of {', '.join(BOUNDARIES)}")


def gen_int(name: str | None = None, max_tokens: int | None = None, **params: Any) -> Expr:
    """Generate an integer: its value is an int. `params` are those of `gen`."""
    return gen(name, max_tokens, dtype=int, **params)


def gen_string(name: str | None = None, max_tokens: int | None = None, **params: Any) -> Expr:
    """Generate a quoted string; `params` are those of `gen`."""
    return gen(name, max_tokens, dtype=str, **params)


def select(
    name: str | None = None,
    choices: Sequence[str] | None = None,
    temperature: float = 0.0,
    choices_method: str = token_length_normalized,
    *,
    method: str | None = None,
    seed: int | None = None,
    boundary: str | None = None,
) -> Expr:
    """Append the choice that the model finds most likely, and keep it under `name`.

    All choices are scored exactly. `choices_method`, or `method` for short, says what is compared: `exact` the
    probability of each choice given that it is one of them, the others what SGLang compares. With `exact` a
    temperature above 0 draws from that distribution, and `seed` fixes the draw. `boundary="exact"` (the default of
    `exact`) scores the tokens that the end of the prompt and a choice make together, `"naive"` (of the others) each
    choice as encoded by itself. Raises ArgumentError on a mistake that shows at once.
    """
    if choices is None:
        raise ArgumentError(f"select({name!r}) needs choices", help='for example select("answer", ["yes", "no"])')
    if isinstance(choices, str):
        raise ArgumentError(f"the choices of select({name!r}) are one text, not a list", help=f"write [{choices!r}]")
    if isinstance(choices, Set | Mapping | KeysView | ValuesView | Iterator):
        choices = list(choices)  # looked at more than once
    if isinstance(choices, list | tuple) and not choices:
        raise ArgumentError(f"select({name!r}) has no choices to pick from", help="give it at least one text")
    if method is not None and choices_method not in (token_length_normalized, method):
        raise ArgumentError(f"select({name!r}) has two methods: {method!r} and {choices_method!r}", help="keep one")
    shown, chosen = ("choices_method", choices_method) if method is None else ("method", method)
    if chosen not in CHOICES_METHODS:
        raise ArgumentError(f"unknown {shown} {chosen!r}", help=f"one of {', '.join(CHOICES_METHODS)}")
    _check_boundary(boundary)
    params = {"temperature": _select_temperature(temperature, chosen), "seed": seed}
    return SelectExpr(name, choices, chosen, tuple((k, v) for k, v in params.items() if v is not None), boundary)


def _select_temperature(temperature: Any, method: str) -> Any:
    """None where the best choice is taken; a temperature of run time is checked when the program runs."""
    if not isinstance(temperature, int | float):
        return temperature
    if not 0 <= temperature < float("inf"):
        raise ArgumentError(f"temperature={temperature!r} of select: it must be at least 0", help="0 takes the best")
    if temperature > 1e-5 and method != exact:
        raise ArgumentError(
            f"select by {method} takes the best choice; it cannot sample",
            help="leave temperature at 0, or draw from the exact distribution: choices_method=lmc.exact",
        )
    return temperature or None


def _dtype_name(dtype: type | str | None) -> str | None:
    if dtype is None:
        return None
    name = dtype if isinstance(dtype, str) else getattr(dtype, "__name__", str(dtype))
    if name not in DTYPE_REGEX:
        others = f", or for a class gen(type={name})" if isinstance(dtype, type) else ""
        raise ArgumentError(f"gen cannot generate dtype {name!r}", help=f"one of {', '.join(DTYPE_REGEX)}{others}")
    return name


def separate_reasoning(expr: object, model_type: str = "qwen3") -> Expr:
    """The same, with the thoughts of each generation taken out of its text.

    What is appended, and the value under `name`, is the answer alone; the thoughts are the value of
    `name_reasoning_content`. `model_type` is how the model marks its thoughts, by SGLang's names: one of
    `lmc.ir.reasoning.REASONING_FORMATS`. Raises ArgumentError for another, and where no named generation is in `expr`.
    """
    if model_type not in REASONING_FORMATS:
        help = did_you_mean(str(model_type), REASONING_FORMATS, repr) or f"one of {', '.join(REASONING_FORMATS)}"
        raise ArgumentError(f"unknown model_type {model_type!r}", help=help)
    found = list(_separated(expr, model_type))
    if not any(isinstance(each, GenExpr) for each in found):
        raise ArgumentError("separate_reasoning has no generation to look into", help='give it gen("name", ...)')
    return Concat(tuple(found))


def _separated(expr: object, model_type: str) -> Iterator[object]:
    if isinstance(expr, Concat | list | tuple):
        for part in expr.parts if isinstance(expr, Concat) else expr:
            yield from _separated(part, model_type)
    elif isinstance(expr, GenExpr):
        if expr.name is None:
            raise ArgumentError("separate_reasoning needs a named generation", help='write gen("name", ...)')
        yield replace(expr, reasoning=model_type)
    else:
        yield expr


class LeftOut(enum.Enum):
    """What stands for a turn's content where none is given: None is a mistake, and no empty turn."""

    LEFT_OUT = "nothing"

    def __repr__(self) -> str:
        return self.value


LEFT_OUT = LeftOut.LEFT_OUT


def _turn(role: Role, expr: object) -> Expr:
    if expr is None:
        raise ArgumentError(f"None is no content of the {role} turn", help=f"lmc.{role}() is an empty turn")
    inner = () if expr is LEFT_OUT else (expr,)
    return Concat((RoleBegin(role), *inner, RoleEnd(role)))


def system(expr: object = LEFT_OUT) -> Expr:
    """A whole system turn."""
    return _turn("system", expr)


def user(expr: object = LEFT_OUT) -> Expr:
    """A whole user turn."""
    return _turn("user", expr)


def assistant(expr: object = LEFT_OUT) -> Expr:
    """A whole assistant turn."""
    return _turn("assistant", expr)


TURNS: dict[str, Callable[[object], Expr]] = {"system": system, "user": user, "assistant": assistant}


def system_begin() -> Expr:
    """Opens a system turn."""
    return RoleBegin("system")


def system_end() -> Expr:
    """Closes a system turn."""
    return RoleEnd("system")


def user_begin() -> Expr:
    """Opens a user turn."""
    return RoleBegin("user")


def user_end() -> Expr:
    """Closes a user turn."""
    return RoleEnd("user")


def assistant_begin() -> Expr:
    """Opens an assistant turn."""
    return RoleBegin("assistant")


def assistant_end() -> Expr:
    """Closes an assistant turn."""
    return RoleEnd("assistant")


# parameters that decide the graph itself, so that a value of run time cannot be one
STATIC = ("boundary", "type", "model_type", "spacing", "closed", "method", "choices_method")
MAKERS: frozenset[Any] = frozenset((lark, tool_calls))
PRIMITIVES: frozenset[Any] = frozenset(
    (gen, gen_int, gen_string, select, lark, tool_calls, separate_reasoning, system, user, assistant, system_begin,
     system_end, user_begin, user_end, assistant_begin, assistant_end)
)  # fmt: skip


def what_it_takes(primitive: Callable[..., Any], given: Iterable[str]) -> str:
    """Which keyword of a primitive one that it has not may mean, or else all of them."""
    names = [name for name in inspect.signature(primitive).parameters if name != "params"]
    near = next((did_you_mean(each, names) for each in given if each not in names), None)
    return near or f"it takes {', '.join(names) or 'no argument'}"
