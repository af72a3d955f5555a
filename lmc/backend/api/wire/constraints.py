"""How constraints are written for each API, and where none can be: a refusal, never a call without it."""

from __future__ import annotations

import json
import re
from typing import Any, cast

from lmc.backend.api.abilities import Abilities
from lmc.errors import BackendError
from lmc.ir.caps import kind_of
from lmc.ir.constraint import Choices, Constraint, Grammar, JsonSchema, Lark, Regex, StructuralTag

Json = dict[str, Any]
CHOICE = "choice"  # the one field of the object that a choice is wrapped in, where an API knows only schemas


def is_wrapped(constraint: Constraint | None, known: Abilities) -> bool:
    """Whether the answer is an object with the text in it: choices, where there are only schemas."""
    return isinstance(constraint, Choices) and known.dialect in ("openai", "anthropic", "ollama")


def unwrapped(text: str) -> str:
    """The text in such an object. Raises ValueError where it is none."""
    value = json.loads(text)
    if not isinstance(value, dict) or not isinstance(value.get(CHOICE), str):
        raise ValueError("no object with the choice in it")
    return str(value[CHOICE])


def schema_of(constraint: Constraint, known: Abilities) -> Json:
    """A constraint as a JSON schema. Raises BackendError where it is none."""
    if isinstance(constraint, Choices):
        field = {"type": "string", "enum": list(constraint.options)}
        return {"type": "object", "properties": {CHOICE: field}, "required": [CHOICE], "additionalProperties": False}
    if isinstance(constraint, JsonSchema):
        is_closed = known.schema_subset in ("openai_strict", "anthropic")
        return cast(Json, _closed(constraint.schema) if is_closed else constraint.schema)
    raise untold(constraint, known)


def response_format(constraint: Constraint, known: Abilities) -> Json:
    """OpenAI's `response_format`. Raises BackendError."""
    schema = schema_of(constraint, known)
    strict = {"strict": True} if known.schema_subset == "openai_strict" else {}
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, **strict}}


def structured_outputs(constraint: Constraint, known: Abilities) -> Json:
    """vLLM's `structured_outputs`. Raises BackendError."""
    match constraint:
        case Regex():
            return {"regex": constraint.pattern}
        case Choices():
            return {"choice": list(constraint.options)}
        case JsonSchema():
            return {"json": constraint.schema}
        case Grammar() | Lark():
            return {"grammar": constraint.text}
        case StructuralTag():
            return {"structural_tag": constraint.text}
    raise untold(constraint, known)


def alternation(options: tuple[str, ...]) -> str:
    """A pattern that matches one of these texts and nothing else."""
    return "(" + "|".join(map(re.escape, options)) + ")"


def gbnf(options: tuple[str, ...]) -> str:
    """A grammar of llama.cpp's for one of these texts."""
    return "root ::= " + " | ".join(json.dumps(option, ensure_ascii=False) for option in options)


def untold(constraint: Constraint, known: Abilities) -> BackendError:
    """That an API cannot be told a constraint."""
    return BackendError(
        f"{known.called} cannot be told a {kind_of(constraint)}",
        help=f"leave it out, or use another backend; {known.known_from}",
    )


def _closed(schema: Any) -> Any:
    """The schema with its objects closed, as the API demands; what it then says satisfies the open one too."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: value if name in ("enum", "const", "default") else _closed(value) for name, value in schema.items()}
    if isinstance(schema.get("properties"), dict):
        found["properties"] = {name: _closed(each) for name, each in schema["properties"].items()}
        if schema.get("type") == "object":
            found.setdefault("additionalProperties", False)
    return found
