"""Tools: their schemas from functions, classes and dicts, and the one text that they become."""

import dataclasses
import datetime
import decimal
import enum
from collections.abc import Callable
from typing import Annotated, Any, Literal, Optional

import pydantic
import pytest

from lmc.errors import ConstraintError
from lmc.ir.tool_formats import THOUGHTLESS
from lmc.parser.tools import parse_tool_calls, read_tool_calls


@dataclasses.dataclass
class Point:
    """A dataclass."""

    x: int
    y: float = 0.0


class Node(pydantic.BaseModel):
    """A model that holds itself."""

    name: str
    below: list["Node"] = []


def everything(
    text: str,
    number: int,
    real: float,
    flag: bool,
    some: list[int],
    table: dict[str, bool],
    unit: Literal["C", 3],
    maybe: Optional[str] = None,  # noqa: UP045  # the older spelling is another object
    either: int | str = 3,
    point: Point | None = None,
    anything: Any = None,
):
    """All that a parameter may be."""


def takes_node(node: Node):
    """A schema with definitions."""


def schema_of(tool):
    """The schema of its arguments."""
    return parse_tool_calls([tool], format="qwen_3").tools[0].parameters.schema


def test_the_schema_of_a_function():
    """A property for each parameter; those without a default are required."""
    schema = schema_of(everything)

    assert schema["required"] == ["text", "number", "real", "flag", "some", "table", "unit"]
    assert schema["additionalProperties"] is False
    assert schema["properties"] == {
        "text": {"type": "string"},
        "number": {"type": "integer"},
        "real": {"type": "number"},
        "flag": {"type": "boolean"},
        "some": {"type": "array", "items": {"type": "integer"}},
        "table": {"type": "object", "additionalProperties": {"type": "boolean"}},
        "unit": {"enum": ["C", 3]},
        "maybe": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "either": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
        "point": {"anyOf": [{"$ref": "#/$defs/Point"}, {"type": "null"}]},
        "anything": {},
    }
    assert schema["$defs"]["Point"]["required"] == ["x"]


def test_classes_say_their_schema_themselves():
    """Their definitions stand at the root, where references find them."""
    assert schema_of(takes_node)["$defs"]["Node"]["properties"]["below"]["items"] == {"$ref": "#/$defs/Node"}
    assert schema_of(Node)["$ref"] == "#/$defs/Node"


class Pace(enum.Enum):
    """Said as its values."""

    FAST = "fast"
    SLOW = "slow"


@dataclasses.dataclass
class Level:
    """Holds itself, and bounds."""

    size: Annotated[int, pydantic.Field(le=9)]
    inner: "list[Level]" = dataclasses.field(default_factory=list)


def bounded(
    n: Annotated[int, pydantic.Field(ge=0, le=9)],
    pace: Pace,
    day: datetime.date,
    pair: tuple[int, str],
    only: Literal[Pace.FAST],
    told: Annotated[str, "a remark"] | None,
    level: Level,
    levels: Annotated[list[Level], pydantic.Field(max_length=2)],
):
    """What `gen(type=...)` knows too."""


def test_annotations_mean_what_they_say():
    """Bounds hold, and no object has room for what no field takes."""
    schema = schema_of(bounded)

    assert schema["properties"] == {
        "n": {"type": "integer", "minimum": 0, "maximum": 9},
        "pace": {"$ref": "#/$defs/Pace"},
        "day": {"type": "string", "format": "date"},
        "pair": {
            "type": "array",
            "prefixItems": [{"type": "integer"}, {"type": "string"}],
            "minItems": 2,
            "maxItems": 2,
        },
        "only": {"type": "string", "const": "fast"},
        "told": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "level": {"$ref": "#/$defs/Level"},
        "levels": {"type": "array", "items": {"$ref": "#/$defs/Level"}, "maxItems": 2},
    }
    assert schema["$defs"] == {
        "Pace": {"description": "Said as its values.", "type": "string", "enum": ["fast", "slow"]},
        "Level": {
            "description": "Holds itself, and bounds.",
            "type": "object",
            "properties": {
                "size": {"type": "integer", "maximum": 9},
                "inner": {"type": "array", "items": {"$ref": "#/$defs/Level"}},
            },
            "required": ["size"],
            "additionalProperties": False,
        },
    }


def a_class_called_point():
    """Another one."""

    @dataclasses.dataclass
    class Point:
        other: str

    return Point


def test_two_classes_of_one_name():
    """Neither stands for the other."""

    def draw(a: Point, b: int):
        """Takes both."""

    draw.__annotations__["b"] = a_class_called_point()
    with pytest.raises(ConstraintError, match="two different classes called `Point`"):
        schema_of(draw)


def test_openais_dicts():
    """Wrapped or flat; without parameters there are none to give."""
    flat = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "null"}}}}
    wrapped = {"type": "function", "function": {k: v for k, v in flat.items() if k != "type"}}

    assert schema_of(flat) == schema_of(wrapped) == flat["parameters"]
    assert schema_of({"name": "f"}) == {"type": "object", "properties": {}, "additionalProperties": False}


def test_the_text_reads_back():
    """It is what the IR prints."""
    calls = parse_tool_calls([everything, Node], format="kimi", choice="Node", parallel=False, reasoning="auto")

    assert read_tool_calls(calls.text) == calls
    assert read_tool_calls(calls.text).tools == calls.tools


def bad(x: Callable[[int], int]):
    """No JSON."""


def cost(x: decimal.Decimal):
    """Its schema has all texts."""


def numbered(x: dict[int, str]):
    """Names are texts."""


def untyped(x):
    """No annotation."""


def rest(*xs: int):
    """No name."""


def forward(x: "Nowhere"):  # noqa: F821
    """No such class."""


@pytest.mark.parametrize(
    "tools, options, message",
    [
        (
            [bad],
            {},
            "`x` of the tool `bad` is a `collections.abc.Callable[[int], int]`, which has no JSON schema here",
        ),
        ([cost], {}, "`x` of the tool `cost` is a `Decimal`, which has no exact JSON schema: it refuses "),
        ([numbered], {}, "`x` of the tool `numbered` is a `dict[int, str]`, which has no JSON schema here"),
        ([untyped], {}, "`x` of the tool `untyped` has no annotation"),
        ([rest], {}, "`xs` of the tool `rest` has no name"),
        ([forward], {}, "annotations of `forward` cannot be read"),
        ([3], {}, "3 is not a tool"),
        ("f", {}, "the tools are a list"),
        ([{"name": "f"}, {"name": "f"}], {}, "two tools are called 'f'"),
        ([{"name": "a b"}], {}, "'a b' cannot be a tool's name"),
        ([{"name": "auto"}], {}, "'auto' cannot be a tool's name"),
        ([{"name": "f", "parameters": {"type": "string"}}], {}, "not an object schema"),
        (
            [{"name": "f", "parameters": {"type": "object", "required": 3}}],
            {},
            "the tool 'f': this is not a JSON schema",
        ),
        ([{"name": "f", "strict": False}], {}, "strict=False"),
        ([{"type": "web_search"}], {}, "type 'web_search'"),
        ([{"function": {}}], {}, "has no name"),
        ([], {"choice": "required"}, "needs a tool to call"),
        ([{"name": "f"}], {"choice": "g"}, "unknown choice 'g'\n  help: There are auto, required, none, f"),
        ([], {"format": "qwen3"}, "unknown tool format 'qwen3'\n  help: did you mean 'qwen_3'? There are deepseek_r1"),
        ([], {"format": "cohere"}, "an XML of its own"),
        ([], {"reasoning": True}, "unknown reasoning True"),
        ([], {"spacing": "wide"}, "unknown spacing 'wide'"),
        ([], {"parallel": 1}, "parallel=1"),
    ],
)
def test_what_is_wrong_with_tools(tools, options, message):
    """A tool that nobody could call is not a tool."""
    with pytest.raises(ConstraintError) as error:
        parse_tool_calls(tools, **{"format": "qwen_3", **options})
    assert message in str(error.value)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": "qwen_3"}'])
def test_a_text_that_is_none(text):
    """IR text is input too."""
    with pytest.raises(ConstraintError):
        read_tool_calls(text)


@pytest.mark.parametrize("format", THOUGHTLESS)
@pytest.mark.parametrize("reasoning", ["enabled", "auto"])
def test_a_format_without_marks_for_thoughts_has_none(format, reasoning):
    """Nothing would tell them from the answer."""
    with pytest.raises(ConstraintError, match=f"tool format '{format}' has no marks"):
        parse_tool_calls([everything], format=format, reasoning=reasoning)
    assert parse_tool_calls([everything], format=format, reasoning="disabled").format == format
