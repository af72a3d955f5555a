"""A row where a turn cannot be gone on with: one JSON object with a field a generation, of which the turn is made here.

    asked:     the conversation without the turn that was begun, and a schema
               {"name": string, "age": string}, "The answer reads: Name: {name}, age {age}"
    answered:  {"name": "Lena", "age": "34"}
    the turn:  "Name: Lena, age 34"

The program's own prompt is never asked, so this is another question than the program's, and only done where somebody
has said so. It takes one call whatever the model writes. A call that comes later with another prompt than the one that
was put together is asked in the same way: the object then has the fields that are left.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lmc.backend.api.ask import Chunk, Turn, WireAsk
from lmc.backend.api.messages import conversation
from lmc.backend.api.retry import Trouble
from lmc.backend.api.speculation import SaidValue, Speculation, alike
from lmc.backend.base import FinishReason, Gen, Request, Then
from lmc.backend.stops import Stops
from lmc.ir.constraint import JsonSchema
from lmc.ir.prompt import Tokenizer
from lmc.ir.sampling import Sampling

if TYPE_CHECKING:
    from lmc.backend.api.abilities import Abilities

AROUND = 12  # tokens of a field beside its value: its name and the marks
ESCAPED = 2  # a value may be written in so many times its tokens


def in_one_object(first: Sampling, then: Sequence[Then]) -> tuple[Then, ...]:
    """As much of what comes behind a call as may be fields of its object: each value has an end of its own there."""
    found: list[Then] = []
    for each in then:
        if not alike(first, each.sampling):
            break
        found.append(each)
    return tuple(found)


def schema_ask(
    known: Abilities, request: Request, gen: Gen, then: Sequence[Then], fields: Sequence[str]
) -> WireAsk | None:
    """The call; None where it stands in no turn of the assistant's."""
    told = conversation(request.prompt.pieces)
    if told.turns is None or told.open_role != "assistant":
        return None
    turns = told.turns[:-1] if told.continues else told.turns
    begun = told.turns[-1].text if told.continues else ""
    room = sum(ESCAPED * sampling.max_tokens + AROUND for sampling in (gen.sampling, *(each.sampling for each in then)))
    if known.max_output is not None:
        room = min(room, known.max_output)
    sampling = replace(gen.sampling, stop=(), max_tokens=room)
    schema = _schema(begun, then, fields)
    text = json.dumps(schema, ensure_ascii=False)
    return WireAsk(
        model=known.model, sampling=sampling, turns=turns or (Turn("user", ""),), max_tokens=room,
        constraint=JsonSchema(text, schema, closed=True),
    )  # fmt: skip


def fields_of(gen: Gen, then: Sequence[Then]) -> tuple[str, ...]:
    """A name for each generation: its own, where it has one that no other has."""
    fields: list[str] = []
    for number, name in enumerate((gen.name, *(each.name for each in then)), 1):
        fields.append(name if name and name not in fields else f"part_{number}")
    return tuple(fields)


def _schema(begun: str, then: Sequence[Then], fields: Sequence[str]) -> dict[str, Any]:
    """Strings in the order of the turn; how they stand in it is said once for all of them."""
    texts = (begun, *(each.text for each in then))
    reads = "".join(text + "{" + name + "}" for text, name in zip(texts, fields))
    told = f"The answer's text, put together from the fields, is: {reads}"
    return {
        "type": "object",
        "description": told,
        "properties": {name: {"type": "string"} for name in fields},
        "required": list(fields),
        "additionalProperties": False,
    }


class SchemaRow(Speculation):
    """The object while it is answered, and the values that it has afterwards."""

    def __init__(
        self, request: Request, gen: Gen, then: Sequence[Then], tokenizer: Tokenizer, fields: Sequence[str]
    ) -> None:
        self._fields = tuple(fields)
        super().__init__(request, gen.sampling, then, tokenizer, "text")

    def take(self, chunk: Chunk) -> bool:
        """Hear what a frame says; all of it is wanted."""
        if chunk.sample == 0:
            self._grown.take(chunk)
        return False

    def ended(self, error: Exception | None = None) -> None:
        """The call is over: its fields are the values, if it has them all."""
        if error is None and self._grown.ending == "stop":
            try:
                self._put_together(json.loads(self._grown.text))
            except (ValueError, TypeError, KeyError, RecursionError):
                error = self._broken("is not the object that was asked for")
        elif error is None and self._grown.ending == "length":
            error = self._broken("was cut off by its limit of tokens before the object was complete")
        super().ended(error)

    def _broken(self, how: str) -> Trouble:
        shown = self._grown.text[:120]
        return Trouble("broken_constraint", f"the answer {how}: {shown!r}", help="ask again, or raise max_tokens")

    def _put_together(self, said: dict[str, Any]) -> None:
        texts = [said[name] for name in self._fields]
        if not all(isinstance(text, str) for text in texts):
            raise TypeError("a field is no text")
        at = 0
        for number, text in enumerate(texts):
            text, reason = _until_its_stop(text, self._samplings[number])
            end = at + len(text.encode("utf-8", "replace"))
            self.values.append(SaidValue(text, reason, at, end, (0, 0)))
            at = end
            if number < len(self._then):
                ids = (*self._tokenizer.encode(text), *self._tokenizer.encode(self._then[number].text))
                self.prompts.append((*self.prompts[-1], *ids))
        self._open = None

    def size_of(self, begin: int, end: int, first: int, last: int) -> int:
        """By its share of what the server counts."""
        spent, size = self.usage(), sum(value.end - value.begin for value in self.values)
        output = spent.output if spent is not None and spent.output is not None else size
        return round(output * (end - begin) / size) if size else 0

    def size_between(self) -> int:
        """The texts between are not written."""
        return 0


def _until_its_stop(text: str, sampling: Sampling) -> tuple[str, FinishReason]:
    cut = Stops(sampling.stop, ()).find(text, 0, 0)
    return (text, "eos") if cut is None else (text[:cut], "stop")
