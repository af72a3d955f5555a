"""Sampling parameters that the backend does not follow. One that has its default asks for nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields

from lmc.codes import NOT_FOLLOWED, OTHER_COMPARISON
from lmc.ir.caps import Caps
from lmc.ir.graph import Node
from lmc.ir.sampling import RUN_NAMES, Sampling
from lmc.ir.scoring import DEFAULT_METHOD
from lmc.passes.lacks.lack import Lack

Params = Mapping[str, object]

DEFAULTS: dict[str, object] = {field.name: field.default for field in fields(Sampling)}
LEAVE_OUT = "leave it out"
CUT = "the text is cut here where it ends; what the model writes behind that is paid for"


@dataclass(frozen=True, slots=True)
class Missing:
    """How it is said that a parameter is not followed at all."""

    what: str
    help: str = LEAVE_OUT
    instead: str = ""


MISSING = {
    "n": Missing("draws one sample a call", "fork, and call in each", "it is asked once for each sample"),
    "return_logprob": Missing("tells no log-probabilities"),
    "top_logprobs_num": Missing("tells no log-probabilities"),
    "logprob_start_len": Missing("tells no log-probabilities of the prompt"),
    "on_distortion": Missing("does not tell what a constraint leaves"),
    "seed": Missing("follows no seed"),
    "stop": Missing("takes no stop texts", "ask for a form that ends by itself, or cut the text in Python", CUT),
    "stop_regex": Missing("takes no pattern that ends a text", "cut the text in Python", CUT),
    "temperature": Missing("samples as it does by itself, and takes no temperature"),
}


def asked(params: Params, caps: Caps) -> Iterator[Lack]:
    """The lacks of a call, or a run, with these parameters."""
    params = {RUN_NAMES.get(name, name): value for name, value in params.items() if value is not None}
    for name, value in params.items():
        if name not in DEFAULTS or _is_default(name, value):
            continue
        if name not in _followed(caps, name):
            yield _missing(name, value, caps)
        else:
            yield from _limited(name, value, caps)
    for first, second in sorted(caps.apart):
        if all(name in params and not _is_default(name, params[name]) for name in (first, second)):
            what = f"{caps.called} takes `{first}` or `{second}`, and not both"
            yield Lack(what, "leave one of them out", code=_code(caps))


def _is_default(name: str, value: object) -> bool:
    default = DEFAULTS[name]
    if default in ((), None, 0, False) and name not in ("temperature", "max_tokens", "seed", "logprob_start_len"):
        return not value
    return value == default and (value is None) == (default is None)


def _followed(caps: Caps, name: str) -> frozenset[str]:
    """The parameters that the backend follows; those that have fields of their own in Caps by these."""
    has = {
        "n": caps.n,
        "return_logprob": caps.logprobs,
        "top_logprobs_num": caps.logprobs,
        "on_distortion": caps.logprobs,
        "seed": caps.seed,
        "temperature": caps.temperatures is not None,
        "stop": caps.max_stops != 0,
    }
    return caps.sampling if has.get(name, True) else frozenset()


def _missing(name: str, value: object, caps: Caps) -> Lack:
    how = MISSING.get(name, Missing(f"does not follow `{name}`"))
    return Lack(f"`{name}={value!r}`: {caps.called} {how.what}", how.help, how.instead, code=_code(caps))


def _limited(name: str, value: object, caps: Caps) -> Iterator[Lack]:
    """What a parameter that is followed asks too much of."""
    told, help, instead = "", "", ""
    match name, value:
        case "temperature", int() | float() if caps.temperatures is not None:
            low, high = caps.temperatures
            if value >= 0 and not low <= value <= high:  # one below is no temperature, whoever is asked
                told, help = f"takes a temperature from {low:g} to {high:g}", f"give one up to {high:g}"
        case "stop", _ if caps.max_stops is not None and (num := _num_texts(value)) > caps.max_stops:
            told, help = f"takes at most {caps.max_stops} stop texts, and here are {num}", "give fewer"
            instead = CUT
        case "n", int() if caps.max_n is not None and value > caps.max_n:
            told, help = f"draws at most {caps.max_n} samples a call", f"give n={caps.max_n}, or fork"
            instead = "it is asked several times"
        case "top_logprobs_num", int() if caps.max_logprobs is not None and value > caps.max_logprobs:
            told, help = f"tells of at most {caps.max_logprobs} tokens", f"give {caps.max_logprobs}"
        case "max_tokens", int() if caps.max_output is not None and value > caps.max_output:
            told, help = f"answers with at most {caps.max_output} tokens", f"give max_tokens={caps.max_output}"
    if told:
        yield Lack(f"`{name}={value!r}`: {caps.called} {told}", help, instead, code=_code(caps))
    elif name in caps.loosely:
        what = f"`{name}={value!r}`: {caps.called} follows it as well as it can, and promises nothing"
        yield Lack(what, "do not rely on getting the same twice", code=_code(caps), is_note=True)


def _num_texts(stop: object) -> int:
    return 1 if isinstance(stop, str) else len(stop) if isinstance(stop, tuple | list | set | frozenset) else 0


def run_time_asked(node: Node, caps: Caps) -> Iterator[Lack]:
    """Of parameters that only the running program knows: any of them may be none, or the default."""
    for name in node.kwargs:
        if name not in DEFAULTS or name in _followed(caps, name):
            continue
        how = MISSING.get(name, Missing(f"does not follow `{name}`"))
        yield Lack(f"`{name}`: {caps.called} {how.what}", how.help, how.instead, code=_code(caps), is_sure=False)


def select_lacks(params: Params, caps: Caps) -> Iterator[Lack]:
    """The lacks of a `select`; one of the default method that the API makes in its own way is told."""
    method = str(params["method"])
    if method in caps.score:
        yield from asked({name: params[name] for name in ("seed",) if name in params}, caps)
    elif method == DEFAULT_METHOD and caps.score_by:
        what = f"{caps.called} tells no scores to compare by {method}: {_by(caps)}"
        yield Lack(what, "the result says by which means", code=OTHER_COMPARISON, is_note=True)
    else:
        way = "ask for a JSON schema with an enum"
        if caps.score:
            way = f"choices_method can be {', '.join(sorted(caps.score))} here"
        elif caps.score_by:
            way = "leave choices_method and temperature out, and it is made by other means"
        what = f"{caps.called} does not compare choices by {method}"
        yield Lack(what, f"{way}, or use another backend", code=_code(caps))


def _by(caps: Caps) -> str:
    """What is done in place of the scores."""
    match caps.score_by:
        case "logprobs":
            return "the choice is the likeliest next token, or, where one is more than a token, what the model writes"
        case "enum" if caps.temperatures is None:
            return "the model writes one of the choices, drawn as it samples by itself (enum)"
        case "enum":
            return "the model writes one of the choices (enum)"
    return f"the API weighs the choices by itself ({caps.score_by})"


def _code(caps: Caps) -> str | None:
    return NOT_FOLLOWED if caps.known_from else None
