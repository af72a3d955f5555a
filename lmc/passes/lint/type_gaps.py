"""A type that refuses texts of its own JSON schema: no mask can keep what only Python knows."""

from __future__ import annotations

from collections.abc import Iterator

from lmc.codes import REFUSED_BY_TYPE
from lmc.ir.output import TypeGap
from lmc.passes.base import Note
from lmc.passes.lint.call import LintedCall, quoted

# a schema that holds nothing the type refuses
NARROWER = {
    "Decimal": '{"type": "number"}',
    "HttpUrl": r'{"type": "string", "pattern": "^https?://([a-z0-9]+[.])*[a-z]+(/[a-z0-9._-]*)*$"}',
    "AnyUrl": r'{"type": "string", "pattern": "^https?://([a-z0-9]+[.])*[a-z]+(/[a-z0-9._-]*)*$"}',
}


def type_gaps(call: LintedCall) -> Iterator[Note]:
    """A note for each field whose type refuses a text that its schema allows."""
    output = call.inputs.outputs.get(str(call.node.attr("fn")))
    for gap in output.gaps() if output is not None else ():
        yield call.note(REFUSED_BY_TYPE, _said(gap))


def _said(gap: TypeGap) -> str:
    where = f"`{gap.place}` is a `{gap.type}`, which" if gap.place else f"`{gap.type}`"
    schema = NARROWER.get(gap.type, '{"type": "string", "pattern": ...}')
    return (
        f"{where} cannot read all that its JSON schema allows, such as {quoted(gap.text)}: {gap.why}; narrow it: "
        f"`Annotated[{gap.type}, pydantic.WithJsonSchema({schema})]`, or be ready to ask again"
    )
