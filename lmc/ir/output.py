"""What the text of a generation is read as: `gen(type=...)`, and the dtypes that have a value of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from lmc.codes import UNREADABLE
from lmc.errors import OutputError
from lmc.ir.types import BOOL, DATA, FLOAT, INT, REF, STR, Type

ASK_AGAIN = "ask again with another seed or temperature, or say it in the prompt"


class TypeGap(NamedTuple):
    """A part of a type that refuses a text which its JSON schema allows.

    place  as in `home.street` or `tags[]`, empty for the whole
    """

    place: str
    type: str
    text: str
    why: str


@dataclass(frozen=True, slots=True, eq=False)
class OutputType:
    """A type for what is generated; `gen(type=...)` makes one of an annotation.

    name      as the user writes it
    written   (kind, value) of the constraint that its texts keep, None where any text will do
    read      gives the value of a text; raises whatever it likes where the text has none
    is_plain  True where values are atoms, or lists, tuples and dicts of them
    gaps      finds what it refuses of its own schema
    """

    name: str
    written: tuple[str, object] | None
    read: Callable[[str], object]
    is_plain: bool
    gaps: Callable[[], tuple[TypeGap, ...]] = tuple

    @property
    def type(self) -> Type:
        """Of its values in a graph: those of a class are live objects."""
        return DATA if self.is_plain else REF


def _truth(text: str) -> bool:
    return text.strip() == "True"


# dtypes whose values are no texts: what reads them, and their type in a graph
DTYPES: Mapping[str, tuple[Callable[[str], object], Type]] = {
    "int": (int, INT), "float": (float, FLOAT), "bool": (_truth, BOOL),
}  # fmt: skip


def value_type(dtype: object, output: OutputType | None) -> Type:
    """The type in a graph of what one generation gives."""
    if output is not None:
        return output.type
    return DTYPES[dtype][1] if isinstance(dtype, str) and dtype in DTYPES else STR


def value_of(
    text: str, dtype: str | None, output: OutputType | None, *, was_cut: bool, least: Callable[[], str] = str
) -> object:
    """What a generated text is read as; `was_cut` where its length has ended it. Raises OutputError.

    least  a sentence on how long it would have to be at least
    """
    if output is None and dtype not in DTYPES:
        return text
    read = DTYPES[dtype or ""][0] if output is None else output.read
    try:
        return read(text)
    except Exception as error:  # a validator of the user's may raise anything
        name = str(dtype) if output is None else output.name
        raise (_cut(text, name, least()) if was_cut else _unreadable(text, name, _reason(error))) from error


def _cut(text: str, name: str, least: str) -> OutputError:
    help = "raise max_tokens" + (f": {least}" if least else "")
    return _unreadable(text, name, "max_tokens has cut it short", help)


def _unreadable(text: str, name: str, why: str, help: str = ASK_AGAIN) -> OutputError:
    message = f"the text cannot be read as `{name}`: {why}"
    return OutputError(message, text, code=UNREADABLE, help=help, notes=(f"text: {text!r}",))


def _reason(error: Exception) -> str:
    """What an error says; a ValidationError of pydantic by its fields."""
    found = getattr(error, "errors", None)
    if not callable(found):
        return str(error) or type(error).__name__
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}".lstrip(": ") for each in found())
