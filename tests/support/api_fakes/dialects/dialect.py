"""What every dialect has: a brain, a key, its routes, its errors, and how a prompt is charged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..answer import Answer, Frame, Refused
from ..asked import Ask, Brain, Completion, Limit
from ..bill import PRICE, Price
from ..clock import Clock
from ..fill import CannotFill
from ..http.request import Request
from ..limits import RateLimits
from ..prompt_caches.entries import Charges, Entries
from ..recorded import Recorded


@dataclass(slots=True)
class Setup:
    """What a fake is made of.

    models   names that are served; () serves any
    key      that requests must carry; None takes any, or none
    prices   by model; others cost `price`
    options  switches of a dialect, as servers have on their command line; limits=RateLimits(...) works for all
    """

    brain: Brain
    models: tuple[str, ...] = ()
    key: str | None = None
    prices: Mapping[str, Price] = field(default_factory=dict)
    price: Price = PRICE
    clock: Clock = field(default_factory=Clock)
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Incoming:
    """A request on its way through a dialect; `changed` lets faults change what was generated."""

    request: Request
    recorded: Recorded
    changed: Callable[[Completion], Completion]

    @property
    def body(self) -> Any:
        """Parsed JSON. Raises Refused where there is no object."""
        body = self.recorded.body
        if not isinstance(body, dict):
            raise Refused("invalid", "We could not parse the JSON body of your request.")
        return body


Handler = Callable[[Incoming], Answer]


class Dialect:
    """One API. Subclasses say which routes there are and how errors look."""

    name = ""
    ERRORS: Mapping[str, tuple[int, str, str | None]] = {}

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.brain = setup.brain
        self.words = setup.brain.words
        self.entries = Entries(setup.clock)
        self.limits: RateLimits | None = setup.options.get("limits")
        self._made = 0

    def routes(self) -> dict[tuple[str, str], Handler]:
        """Handlers by method and path."""
        raise NotImplementedError

    def find(self, request: Request) -> Handler:
        """The handler of a path with a name in it. Raises Refused."""
        raise Refused("no_route", f"Unknown request URL: {request.method} {request.path}.")

    def authorize(self, request: Request) -> None:
        """Raises Refused where the key is wrong."""
        if self.setup.key is not None and self.given_key(request) != self.setup.key:
            raise Refused("unauthorized", "Incorrect API key provided.")

    def given_key(self, request: Request) -> str:
        """The key of a request."""
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        return key.strip() if scheme.lower() == "bearer" else ""

    def headers(self, recorded: Recorded) -> dict[str, str]:
        """Headers of every answer."""
        return {"x-request-id": f"req_{recorded.number}"}

    def refuse(self, refused: Refused, path: str = "") -> Answer:
        """An error as an answer."""
        raise NotImplementedError

    def stream_error(self, kind: str) -> Frame:
        """An error within a stream."""
        raise NotImplementedError

    # --- for subclasses -------------------------------------------------------------------------------

    def number(self) -> int:
        """Another one, for ids."""
        self._made += 1
        return self._made

    def now(self) -> int:
        """Seconds since the epoch."""
        return int(self.setup.clock.now())

    def check_model(self, model: object) -> str:
        """Raises Refused for one that is not served."""
        if not isinstance(model, str) or not model:
            raise Refused("invalid", "you must provide a model parameter", param="model")
        if self.setup.models and model not in self.setup.models:
            raise Refused("not_found", f"The model `{model}` does not exist or you do not have access to it.")
        return model

    def bill(self, call: Incoming, model: str, charges: Charges) -> Callable[[], None]:
        """Charge the prompt; what it returns makes its writes readable."""
        bill = call.recorded.bill
        bill.price = self.setup.prices.get(model, self.setup.price)
        bill.fresh, bill.read = charges.fresh, charges.read
        bill.written_short, bill.written_long = charges.written_short, charges.written_long
        return lambda: self.entries.write(charges.writes)

    def generate(self, call: Incoming, ask: Ask, n: int = 1) -> list[Completion]:
        """`n` answers of the brain, changed by faults."""
        try:
            return [call.changed(done) for done in self.brain.generate(ask, n)]
        except CannotFill as error:
            raise Refused("invalid", f"fake: {error} is beyond its constrained decoding") from None


def number_in(body: Mapping[str, Any], name: str, low: float, high: float, default: float) -> float:
    """A number of the body. Raises Refused where it is none, or beyond its bounds."""
    value = body.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refused("invalid", f"Invalid type for '{name}': expected a number.", param=name, code="invalid_type")
    if not low <= value <= high:
        word = "below_min" if value < low else "above_max"
        raise Refused(
            "invalid", f"Invalid '{name}': {value} is not in [{low}, {high}].", param=name, code=f"decimal_{word}_value"
        )
    return value


def stops_in(body: Mapping[str, Any], name: str = "stop", most: int = 4) -> tuple[str, ...]:
    """Stop texts of the body. Raises Refused for more than `most`."""
    value = body.get(name)
    stops = () if value is None else (value,) if isinstance(value, str) else value
    if not isinstance(stops, Sequence) or not all(isinstance(each, str) for each in stops):
        raise Refused("invalid", f"Invalid type for '{name}'.", param=name)
    if len(stops) > most:
        raise Refused(
            "invalid", f"Invalid '{name}': array too long, at most {most}.", param=name, code="array_above_max_length"
        )
    return tuple(stops)


def of_schema(schema: object) -> Limit:
    """The limit that a JSON schema is. Raises Refused for what is none."""
    if not isinstance(schema, dict | bool):
        raise Refused("invalid", f"Invalid schema: {schema!r} is not an object.", param="response_format")
    return Limit("schema", schema)
