"""What each model behind an API can do: a row a family, of a table that says from when and from where it knows.

The table is models.toml. A user's file of the same shape stands before it (LMC_MODELS, or an argument), or with
`replace = true` instead of it. A model that no row names gets its dialect's row for models that nobody knows, which
promises the least that the API surely does. Standard library only: `lmc compile` reads it.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

from lmc import knobs
from lmc.backend.api.tables import fits, near, read_table, stamp_of
from lmc.errors import ArgumentError, BackendError
from lmc.ir.caps import CONSTRAINT_KINDS, Caps, ConstraintKind, Continues, Fallback, SchemaSubset, Speculates
from lmc.ir.hints import HINTS
from lmc.ir.sampling import SAMPLING_FIELDS
from lmc.ir.scoring import CHOICES_METHODS, SelectBy

TABLE = Path(__file__).with_name("models.toml")
DIALECTS = ("openai", "anthropic", "vllm", "sglang", "llamacpp", "ollama")
HOSTED = ("openai", "anthropic")  # where the model's name decides; elsewhere it is the server

Continuing = Literal["never", "prefill", "flag", "automatic", "template"]
Seed = Literal["same", "best_effort"]
ApiFuse = Literal[True, False, "text", "schema"]  # how far one goes to ask for several generations in one call
FUSES: tuple[ApiFuse, ...] = (True, False, "text", "schema")


@dataclass(frozen=True, slots=True)
class CacheRules:
    """When an API finds the beginning of a prompt in its cache, and what that costs beside a token that it computes.

    kind        automatic: whatever prompts begin with alike; breakpoints: up to places that a request marks
    max_marks   of one request
    min_tokens  a shorter beginning is not kept
    step_tokens what is found is a multiple of it
    look_back_blocks  how far before a mark an earlier entry is found, in blocks of the request; None: any distance
    ttl_s       how long an entry lives that nobody reads
    """

    kind: Literal["automatic", "breakpoints"]
    max_marks: int = 0
    min_tokens: int = 0
    step_tokens: int = 1
    look_back_blocks: int | None = None
    ttl_s: float = 0.0
    write_factor: float = 1.0
    read_factor: float = 1.0


@dataclass(frozen=True, slots=True)
class Abilities:
    """A row of the table.

    is_known     False for the row of models that no other row names
    continues    how a turn of the assistant's goes on that already has text: as a prefill, by a flag of the request, by
                 itself, by sending the template's own text; or never
    has_completions  there is an endpoint for text without roles
    takes_ids    prompts may be token ids
    max_stops    texts that may end a generation; 0 none, None any number
    temperatures the lowest and highest, None where none must be sent
    follows      the fields of Sampling that may be sent as parameters
    must_send    of these, those that a server sets to something else than lmc where they are not sent
    apart        pairs of fields of which one may be sent
    max_n        samples of one request
    seed         same: the same seed gives the same tokens; best_effort: mostly; None: it takes none
    max_logprobs the most likely tokens that may be told; None: no log-probabilities at all
    select       by what means choices can be compared, the best first
    roles        whose turns there may be
    system_first those of the system before all others
    thinks       always: there are hidden thoughts, which count against max_tokens; optional: they can be switched off,
                 and lmc does; never
    max_len      tokens of prompt and answer together, None where the server decides
    max_output   tokens of an answer
    bytes_a_token  of English text, about: what an estimate without the model's tokenizer counts with
    concurrency  requests at once, where nobody says
    """

    family: str
    dialect: str
    models: tuple[str, ...]
    as_of: datetime.date
    source: str
    continues: Continuing
    has_completions: bool
    takes_ids: bool
    max_stops: int | None
    temperatures: tuple[float, float] | None
    follows: frozenset[str]
    must_send: frozenset[str]
    apart: tuple[tuple[str, str], ...]
    max_n: int | None
    seed: Seed | None
    max_logprobs: int | None
    constraints: frozenset[ConstraintKind]
    schema_subset: SchemaSubset | None
    select: tuple[SelectBy, ...]
    images: bool
    roles: frozenset[str] | None
    system_first: bool
    thinks: Literal["never", "optional", "always"]
    max_len: int | None
    max_output: int | None
    max_tokens_name: Literal["max_completion_tokens", "max_tokens"]
    cache: CacheRules | None
    bytes_a_token: float
    concurrency: int
    is_known: bool = True
    model: str = ""

    @property
    def called(self) -> str:
        """What messages call it: `gpt-6-luna` (openai)."""
        return f"`{self.model}` ({self.dialect})"

    @property
    def known_from(self) -> str:
        """Where the row is known from, as messages say it."""
        if self.is_known:
            return f"so says the table of models, row `{self.family}`, as of {self.as_of} (`lmc backends -v`)"
        return (
            f"no row of the table of models names `{self.model}`, so it counts as one that does the least; "
            "a file of your own says more (LMC_MODELS, see docs/models.md)"
        )


def abilities(dialect: str, model: str, *, table: str | Path | None = None) -> Abilities:
    """What a model can do. Raises ArgumentError for a file that cannot be read, BackendError for another dialect.

    table  a file of the user's; without one that of LMC_MODELS
    """
    if dialect not in DIALECTS:
        raise BackendError(f"there is no dialect {dialect!r}", help=near(dialect, DIALECTS))
    rows = [row for row in known_rows(table) if row.dialect == dialect]
    found = max(rows, key=lambda row: fits(row.models, model), default=None)
    if found is None or not fits(found.models, model):
        found = next(row for row in _rows(TABLE) if row.dialect == dialect and row.models == ("*",))
    return replace(found, model=model)


def known_rows(table: str | Path | None = None) -> tuple[Abilities, ...]:
    """The user's rows, then lmc's own, those for unknown models left out."""
    return tuple(row for row in all_rows(table) if row.is_known)


def all_rows(table: str | Path | None = None) -> tuple[Abilities, ...]:
    """The same with the rows for unknown models."""
    given = str(table) if table is not None else knobs.MODELS.read()
    if not given:
        return _rows(TABLE)
    path = Path(given).expanduser()
    own = _rows(path)
    return own if read_table(path).get("replace") else (*own, *_rows(TABLE))


def caps_of(
    known: Abilities,
    *,
    fallback: Fallback | None = None,
    counts_tokens: bool = False,
    max_len: int | None = None,
    speculates: Speculates | None = None,
) -> Caps:
    """What a program may ask of a model, in the words of the compiler.

    counts_tokens  whether the program is compiled with the model's own tokenizer; a server that takes token ids is then
                   sent the template's own text, which goes on anywhere
    max_len        what the server says of itself
    speculates     how rows of calls are asked; None for the way that is taken where nobody says
    """
    sampling = set(known.follows) | {"return_text_in_logprobs"}
    if known.max_n is None or known.max_n > 1:
        sampling.add("n")
    if known.max_logprobs is not None:
        sampling |= {"return_logprob", "top_logprobs_num"}
    sends_ids = counts_tokens and known.takes_ids
    means = select_means(known, sends_ids=sends_ids)
    by_scores = means[:1] == ("scores",)
    return Caps(
        constraints=known.constraints,
        score=frozenset(CHOICES_METHODS) if by_scores else frozenset(),
        n="n" in sampling,
        logprobs=known.max_logprobs is not None,
        seed=known.seed is not None,
        hints=frozenset(HINTS),  # type: ignore[arg-type]  # its keys are the kinds
        prefix_cache=known.cache is not None,
        max_len=max_len if max_len is not None else known.max_len,
        max_output=known.max_output,
        max_n=known.max_n,
        max_logprobs=known.max_logprobs,
        sampling=frozenset(sampling),
        loosely=frozenset(("seed",)) if known.seed == "best_effort" else frozenset(),
        apart=frozenset(known.apart),
        temperatures=known.temperatures,
        max_stops=known.max_stops,
        continues="always" if sends_ids else CONTINUES[known.continues],
        by_turns=not sends_ids,
        only_turns=not (sends_ids or known.has_completions),
        roles=None if sends_ids else known.roles,
        system_first=known.system_first and not sends_ids,
        thinks=known.thinks == "always",
        schema_subset=known.schema_subset or "full",
        counts_tokens=counts_tokens,
        score_by="" if by_scores else "".join(means[:1]),
        fallback=fallback,
        speculates=speculates_of(known, True, sends_ids=sends_ids) if speculates is None else speculates,
        called=known.called,
        known_from=known.known_from,
    )


def select_means(known: Abilities, *, sends_ids: bool) -> tuple[SelectBy, ...]:
    """The means of a model's that lmc uses for a select, the best first.

    sends_ids  prompts are token ids, and so may be choices: without them nobody here knows their tokens
    """
    has_choices = "choices" in known.constraints
    can = {
        "scores": sends_ids and known.dialect in SCORING,
        "decisions": known.dialect == "openai",
        "systemone": False,
        "logprobs": has_choices and known.dialect in BY_CHOICE,
        "enum": has_choices,
    }
    return tuple(by for by in known.select if can[by])


def speculates_of(known: Abilities, fuse: ApiFuse, *, sends_ids: bool) -> Speculates:
    """How several generations of a turn are asked for in one call (speculation.py); "" where they are not.

    Where the server tells its tokens each is what it would be alone. The other ways are taken where `fuse` says so.
    """
    if fuse is False or known.thinks == "always":
        return ""
    if sends_ids or (known.continues != "never" and known.max_logprobs is not None):
        return "tokens"
    if known.continues != "never":
        return "" if fuse is True else "text"
    return "schema" if fuse == "schema" and "json_schema" in known.constraints else ""


SCORING = ("vllm", "sglang")  # whose servers tell the log-probabilities of tokens that they are sent
BY_CHOICE = ("vllm", "sglang", "llamacpp")  # the answer is the choice itself, with nothing around it
CONTINUES: dict[Continuing, Continues] = {
    "never": "never", "prefill": "prefill", "flag": "always", "automatic": "always", "template": "always",
}  # fmt: skip


# --- reading ---------------------------------------------------------------------------------------------


def _rows(path: Path) -> tuple[Abilities, ...]:
    """The rows of a file, each with what it takes over from the one it is `like`."""
    return _parsed(path, stamp_of(path))


@lru_cache(8)
def _parsed(path: Path, stamp: float) -> tuple[Abilities, ...]:
    found: dict[str, dict[str, Any]] = {}
    if path != TABLE:
        found |= _spelled(TABLE, {})
    spelled = _spelled(path, found)
    return tuple(_row(cells, path) for cells in spelled.values() if cells.get("models") is not None)


def _spelled(path: Path, before: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The cells of each row by the row's name, `like` followed."""
    given = read_table(path).get("family", [])
    if not isinstance(given, list) or not all(isinstance(row, dict) for row in given):
        raise ArgumentError(f"`{path}`: a row is written [[family]]")
    found: dict[str, dict[str, Any]] = {}
    for row in given:
        name, like = row.get("family"), row.get("like")
        if not isinstance(name, str):
            raise ArgumentError(f"`{path}`: a row has no name", help='write family = "..." in it')
        known = {**before, **found}
        if like is not None and like not in known:
            raise ArgumentError(f"`{path}`: row `{name}` is like {like!r}, and there is none", help=near(like, known))
        taken = {key: value for key, value in known.get(like, {}).items() if key not in OWN} if like else {}
        found[name] = {**taken, **{key: value for key, value in row.items() if key != "like"}}
    return found


OWN = ("family", "models", "as_of", "source", "is_known")  # of a row, never taken over


def _row(cells: Mapping[str, Any], path: Path) -> Abilities:
    """A row of its cells. Raises ArgumentError for one that is missing, unknown, or of the wrong kind."""
    where = f"`{path.name}`: row `{cells['family']}`"
    names = {field.name: field for field in fields(Abilities) if field.name != "model"}
    for name in cells:
        if name not in names:
            raise ArgumentError(f"{where} has an unknown cell `{name}`", help=near(name, names))
    lacking = [name for name, field in names.items() if name not in cells and field.default is MISSING]
    if lacking:
        help = 'like = "..." takes over the cells of another row'
        raise ArgumentError(f"{where} does not say {', '.join(lacking)}", help=help)
    try:
        return Abilities(**{name: CELLS.get(name, _plain)(name, value) for name, value in cells.items()})
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"{where}: {error}") from None


def _wrong(name: str, value: object, wanted: str) -> ValueError:
    return ValueError(f"{name} = {value!r}: {wanted} is needed")


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise _wrong(name, value, "a text")
    return value


def _plain(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _wrong(name, value, "true or false")
    return value


def _date(name: str, value: Any) -> datetime.date:
    if not isinstance(value, datetime.date) or isinstance(value, datetime.datetime):
        raise _wrong(name, value, "a date, as in 2026-11-29,")
    return value


def _count(name: str, value: Any) -> int | None:
    """A number from 0 on; the words "any" and "none" are None."""
    if value in ("any", "none"):
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise _wrong(name, value, 'a number from 0 on, "any" or "none"')
    return value


def _texts(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise _wrong(name, value, "a list of texts")
    return tuple(value)


def _some_of(known: Sequence[str]) -> Any:
    def read(name: str, value: Any) -> tuple[str, ...]:
        for each in (texts := _texts(name, value)):
            if each not in known:
                raise ValueError(f"{name}: there is no {each!r}; there are {', '.join(known)}")
        return texts

    return read


def _set_of(known: Sequence[str]) -> Any:
    read = _some_of(known)
    return lambda name, value: frozenset(read(name, value))


def _one_of(*known: str, or_none: bool = False) -> Any:
    def read(name: str, value: Any) -> str | None:
        if or_none and value == "none":
            return None
        if value not in known:
            raise _wrong(name, value, f"one of {', '.join((*known, *(['none'] * or_none)))}")
        return str(value)

    return read


def _range(name: str, value: Any) -> tuple[float, float] | None:
    if value == "none":
        return None
    numbers = value if isinstance(value, list) and len(value) == 2 else []
    if not numbers or not all(isinstance(each, int | float) and not isinstance(each, bool) for each in numbers):
        raise _wrong(name, value, 'the lowest and the highest, as in [0, 2], or "none"')
    return float(numbers[0]), float(numbers[1])


def _pairs(name: str, value: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in value):
        raise _wrong(name, value, "a list of pairs")
    read = _some_of(SAMPLING_FIELDS)
    return tuple((first, second) for first, second in (read(name, pair) for pair in value))


def _roles(name: str, value: Any) -> frozenset[str] | None:
    return None if value == "any" else frozenset(_texts(name, value))


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise _wrong(name, value, "a number above 0")
    return float(value)


def _cache(name: str, value: Any) -> CacheRules | None:
    if value == "none":
        return None
    if not isinstance(value, dict):
        raise _wrong(name, value, 'a table, as in { kind = "automatic" }, or "none"')
    known = [field.name for field in fields(CacheRules)]
    for each in value:
        if each not in known:
            raise ValueError(f"{name}: there is no {each!r}; there are {', '.join(known)}")
    if value.get("kind") not in ("automatic", "breakpoints"):
        raise _wrong(f"{name}.kind", value.get("kind"), "automatic or breakpoints")
    for each in set(value) - {"kind"}:
        number = value[each]
        if isinstance(number, bool) or not isinstance(number, int | float) or number < 0:
            raise _wrong(f"{name}.{each}", number, "a number from 0 on")
    return CacheRules(**value)


CELLS: dict[str, Any] = {
    "family": _text,
    "dialect": _one_of(*DIALECTS),
    "models": _texts,
    "as_of": _date,
    "source": _text,
    "continues": _one_of(*get_args(Continuing)),
    "max_stops": _count,
    "temperatures": _range,
    "follows": _set_of(SAMPLING_FIELDS),
    "must_send": _set_of(SAMPLING_FIELDS),
    "apart": _pairs,
    "max_n": _count,
    "seed": _one_of(*get_args(Seed), or_none=True),
    "max_logprobs": _count,
    "constraints": _set_of(sorted(CONSTRAINT_KINDS)),
    "schema_subset": _one_of(*get_args(SchemaSubset), or_none=True),
    "select": _some_of(get_args(SelectBy)),
    "roles": _roles,
    "thinks": _one_of("never", "optional", "always"),
    "max_len": _count,
    "max_output": _count,
    "max_tokens_name": _one_of("max_completion_tokens", "max_tokens"),
    "cache": _cache,
    "bytes_a_token": _number,
    "concurrency": _count,
}  # the cells that are no true or false
