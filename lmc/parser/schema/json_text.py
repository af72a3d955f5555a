"""JSON text that a user wrote, with the place in it where it is none."""

from __future__ import annotations

import json
from typing import Any  # any JSON value

from lmc.errors import ConstraintError
from lmc.ir.json_schema.exact import read_json
from lmc.source import Span


def load_json(text: str, what: str, span: Span | None, *, help: str) -> Any:
    """The value. Raises ConstraintError with the line and a caret; `what` is named as the subject of the sentence."""
    try:
        return read_json(text)
    except json.JSONDecodeError as error:
        line = text.split("\n")[error.lineno - 1] if text.strip() else ""
        message = f"{what} is not valid JSON: {error.msg}, at line {error.lineno} column {error.colno}"
        notes = (line, " " * (error.colno - 1) + "^") if line else ()
        raise ConstraintError(message, span=span, help=help, notes=notes) from None
    except (ValueError, RecursionError) as error:
        raise ConstraintError(f"{what} is not valid JSON: {error}", span=span) from None
