"""What pydantic refuses of a type though its JSON schema allows it, found by trying texts on it.

Each field whose type is one of pydantic's or of the standard library is tried by itself, with texts drawn from its
schema. No code of the user's is called: validators of theirs, and types that are theirs, are passed over.
"""

from __future__ import annotations

import dataclasses
import enum
import typing
from collections.abc import Iterator
from functools import lru_cache
from typing import Annotated, Any, get_args, get_origin  # an annotation is any object

from lmc.errors import ConstraintError
from lmc.ir.automaton.dfa import CharDfa
from lmc.ir.automaton.drawn import drawn
from lmc.ir.json_schema.findings import NotRegular
from lmc.ir.json_schema.regular import regular_tree
from lmc.ir.output import TypeGap
from lmc.parser.schema.parse import parse_schema

NUM_TEXTS = 48
MAX_STATES = 3_000
MAX_KEPT = 512
_ATOMS = (str, int, float, bool, type(None), None, Any, list, dict, tuple, set, frozenset, bytes, object)
_KNOWN = frozenset(
    ("datetime", "decimal", "uuid", "ipaddress", "pathlib", "re", "fractions", "pydantic", "pydantic_core", "builtins")
)
_CALL_THE_USERS = frozenset(
    ("BeforeValidator", "AfterValidator", "WrapValidator", "PlainValidator", "Predicate", "Not", "Discriminator")
)


def gaps_of(hint: Any) -> tuple[TypeGap, ...]:
    """One for each field of an annotation that refuses a text; nothing is raised."""
    found = []
    for place, leaf in _leaves(hint, "", ()):
        try:
            refused = _refused(leaf, repr(leaf))
        except TypeError:  # not hashable
            continue
        if refused is not None:
            found.append(TypeGap(place, _named(leaf), *refused))
    return tuple(found)


@lru_cache(MAX_KEPT)
def _refused(leaf: Any, told: str) -> tuple[str, str] | None:
    """A text of the schema that the type refuses, and why; `told` tells apart what is equal."""
    from pydantic import TypeAdapter, ValidationError

    try:
        adapter = TypeAdapter(leaf)
        tree = regular_tree(parse_schema(adapter.json_schema()))
        texts = list(drawn(CharDfa(tree, max_states=MAX_STATES), NUM_TEXTS))
    except (ConstraintError, NotRegular):
        return None
    except Exception:  # a type that pydantic does not know, or a library that it lacks: said where the type is made
        return None
    for text in texts:
        try:
            adapter.validate_json(text)
        except ValidationError as error:
            return text, str(error.errors(include_url=False)[0]["msg"])
        except Exception as error:
            return text, str(error)
    return None


def _leaves(hint: Any, place: str, within: tuple[Any, ...]) -> Iterator[tuple[str, Any]]:
    """The parts of an annotation that hold no others, with where they stand: `home.street`, `tags[]`."""
    base, told = _taken_apart(hint)
    origin, args = get_origin(base), get_args(base)
    if isinstance(base, type) and origin is None:
        if base in within or (base in _ATOMS and not told) or issubclass(base, enum.Enum):
            return
        fields = _fields(base)
        if fields is not None:
            for name, field in fields:
                yield from _leaves(field, f"{place}.{name}".lstrip("."), (*within, base))
        elif base.__module__.partition(".")[0] in _KNOWN:
            yield place, hint if told else base
    elif origin is not None and origin is not typing.Literal:
        inner = f"{place}[]" if origin in (list, set, frozenset, tuple, dict) else place
        for each in args[1:] if origin is dict else args:
            if each is not ...:
                yield from _leaves(each, inner, within)


def _taken_apart(hint: Any) -> tuple[Any, bool]:
    """An annotation without what is said of it; whether that is something that calls nothing of the user's."""
    if get_origin(hint) is not Annotated:
        return hint, False
    base, *said = get_args(hint)
    return base, all(map(_is_harmless, said))


def _is_harmless(said: object) -> bool:
    kind = type(said)
    if kind.__module__.partition(".")[0] not in ("pydantic", "pydantic_core", "annotated_types"):
        return False
    return kind.__name__ not in _CALL_THE_USERS and all(map(_is_harmless, getattr(said, "metadata", None) or ()))


def _fields(cls: Any) -> list[tuple[str, Any]] | None:
    """Names and annotations of a model's or dataclass's fields; None for another class."""
    known = getattr(cls, "model_fields", None)
    if isinstance(known, dict):
        made = ((name, field.annotation, field.metadata) for name, field in known.items())
        return [(name, Annotated[(hint, *said)] if said else hint) for name, hint, said in made]
    if not dataclasses.is_dataclass(cls):
        return None
    try:
        return list(typing.get_type_hints(cls, include_extras=True).items())
    except Exception:  # a forward reference may raise whatever it likes
        return []


def _named(leaf: Any) -> str:
    base, _ = _taken_apart(leaf)
    return str(getattr(base, "__name__", base))
