"""What all servers of OpenAI's routes have in common: chat, completions and models, with places for what differs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from ..answer import Answer, Frame, Refused
from ..asked import Ask, Completion, Limit, Token, Tool, Turn, spelt
from ..http.request import Request
from ..prompt_caches.entries import Charges
from . import chat_shape, completions_shape
from .chat_shape import Shape
from .dialect import Dialect, Handler, Incoming, number_in, of_schema, stops_in
from .messages import turns_of


@dataclass(frozen=True, slots=True)
class Streaming:
    """Whether an answer is streamed, whether usage comes at its end, and whether each frame tells it so far."""

    on: bool
    usage: bool
    early: bool = False


def counting(frames: Iterator[Frame], usage: dict[str, Any]) -> Iterator[Frame]:
    """The same frames, each with the usage up to it."""
    num = 0
    for frame in frames:
        num += frame.tokens
        if isinstance(frame.doc, dict) and frame.doc.get("choices"):
            so_far = {"completion_tokens": num, "total_tokens": usage["prompt_tokens"] + num}
            frame.doc["usage"] = {"prompt_tokens": usage["prompt_tokens"], **so_far}
        yield frame


class OpenAILike(Dialect):
    """Chat completions, completions, models."""

    ERRORS: ClassVar = {
        "invalid": (400, "invalid_request_error", None),
        "unauthorized": (401, "invalid_request_error", "invalid_api_key"),
        "forbidden": (403, "invalid_request_error", None),
        "not_found": (404, "invalid_request_error", "model_not_found"),
        "no_route": (404, "invalid_request_error", None),
        "timeout": (408, "server_error", None),
        "conflict": (409, "invalid_request_error", None),
        "unprocessable": (422, "invalid_request_error", None),
        "rate_limit": (429, "requests", "rate_limit_exceeded"),
        "quota": (429, "insufficient_quota", "insufficient_quota"),
        "server": (500, "server_error", None),
        "unavailable": (503, "server_error", None),
        "overloaded": (503, "server_error", "server_is_overloaded"),
    }
    most_stops = 4
    most_n = 128
    counts_early = False  # `continuous_usage_stats`
    default_max_tokens: int | None = None  # of chat; None for no limit

    def routes(self) -> dict[tuple[str, str], Handler]:
        """Handlers by method and path."""
        return {
            ("POST", "/v1/chat/completions"): self.chat,
            ("POST", "/v1/completions"): self.completions,
            ("GET", "/v1/models"): self.models,
        }

    def find(self, request: Request) -> Handler:
        """`/v1/models/NAME`."""
        if request.method == "GET" and request.path.startswith("/v1/models/"):
            name = request.path.removeprefix("/v1/models/")
            return lambda call: Answer(self.model_doc(self.check_model(name)))
        return super().find(request)

    # --- errors ---------------------------------------------------------------------------------------

    def refuse(self, refused: Refused, path: str = "") -> Answer:
        """An error as an answer."""
        return Answer(self.error_doc(refused), status=self.ERRORS[refused.kind][0])

    def error_doc(self, refused: Refused) -> dict[str, Any]:
        """An error's body."""
        _, kind, code = self.ERRORS[refused.kind]
        return {
            "error": {"message": refused.message, "type": kind, "param": refused.param, "code": refused.code or code}
        }

    def stream_error(self, kind: str) -> Frame:
        """An error within a stream."""
        return Frame(self.error_doc(Refused(kind, f"fake: {kind}")))

    # --- models ---------------------------------------------------------------------------------------

    def models(self, call: Incoming) -> Answer:
        """`GET /v1/models`."""
        return Answer({"object": "list", "data": [self.model_doc(name) for name in self.setup.models or ("fake",)]})

    def model_doc(self, name: str) -> dict[str, Any]:
        """One model."""
        return {"id": name, "object": "model", "created": 1780000000, "owned_by": "fake"}

    # --- chat -----------------------------------------------------------------------------------------

    def chat(self, call: Incoming) -> Answer:
        """`POST /v1/chat/completions`."""
        body = call.body
        model = self.check_model(body.get("model"))
        turns = turns_of(body.get("messages"))
        self.check_chat(body, model, turns)
        streaming = self.streaming(body)
        n = int(number_in(body, "n", 1, self.most_n, 1))
        ask = self.chat_ask(body, turns)
        charges = self.charge_chat(body, model, ask)
        began = self.bill(call, model, charges)
        completions = self.generate(call, ask, n)
        usage = self.usage(charges, completions)
        wants_logprobs = ask.top is not None
        shape = self.shape(body)
        head = {"id": f"chatcmpl-{self.number()}", "created": self.now(), "model": model, **self.head_extra()}
        if streaming.on:
            chunk_head = {"id": head["id"], "object": "chat.completion.chunk", **head}
            first = self.first_extra(body, ask)
            told = usage if streaming.usage else None
            frames = chat_shape.chat_frames(chunk_head, completions, wants_logprobs, shape, told, first)
            return Answer(frames=counting(frames, usage) if streaming.early else frames, began=began)
        choices = [chat_shape.whole_choice(at, done, wants_logprobs, shape) for at, done in enumerate(completions)]
        doc = {"id": head["id"], "object": "chat.completion", **head, "choices": choices, "usage": usage}
        return Answer(doc | self.first_extra(body, ask), tokens=billed(completions), began=began)

    def chat_ask(self, body: dict[str, Any], turns: Sequence[Turn]) -> Ask:
        """What the brain is asked."""
        text = self.brain.render(turns, self.opens(body), self.continues(body, turns))
        return self.ask(body, text, None, self.max_tokens(body, self.default_max_tokens), self.top(body))

    def ask(
        self, body: dict[str, Any], text: str, ids: tuple[int, ...] | None, max_tokens: int | None, top: int | None
    ) -> Ask:
        """A generation behind that prompt."""
        tools, forced = self.tools(body)
        return Ask(
            text=text,
            ids=ids,
            max_tokens=1 << 30 if max_tokens is None else max_tokens,
            stop=stops_in(body, most=self.most_stops),
            temperature=number_in(body, "temperature", 0, 2, 1.0),
            top_p=number_in(body, "top_p", 0, 1, 1.0),
            seed=body.get("seed"),
            top=top,
            limit=self.limit(body),
            tools=tools,
            forced_tool=forced,
            **self.more_sampling(body),
        )

    def more_sampling(self, body: dict[str, Any]) -> dict[str, Any]:
        """More fields of Ask."""
        return {}

    def check_chat(self, body: dict[str, Any], model: str, turns: Sequence[Turn]) -> None:
        """Raises Refused for what this API does not take."""

    def opens(self, body: dict[str, Any]) -> bool:
        """Whether an assistant's turn is begun."""
        return True

    def continues(self, body: dict[str, Any], turns: Sequence[Turn]) -> bool:
        """Whether the last turn is left open and written on."""
        return False

    def max_tokens(self, body: dict[str, Any], default: int | None) -> int | None:
        """How many tokens may be generated."""
        for name in ("max_completion_tokens", "max_tokens"):
            if body.get(name) is not None:
                return int(number_in(body, name, 0, 1 << 30, 0))
        return default

    def top(self, body: dict[str, Any]) -> int | None:
        """How many alternatives are told; None for no logprobs."""
        top = int(number_in(body, "top_logprobs", 0, 20, 0))
        if not body.get("logprobs"):
            if body.get("top_logprobs") is not None:
                raise Refused("invalid", "'logprobs' must be true to use 'top_logprobs'.", param="top_logprobs")
            return None
        return top

    def limit(self, body: dict[str, Any]) -> Limit | None:
        """What the answer must be."""
        wanted = body.get("response_format")
        if wanted is None:
            return None
        kind = wanted.get("type") if isinstance(wanted, dict) else None
        if kind == "text":
            return None
        if kind == "json_object":
            return Limit("json")
        if kind == "json_schema" and isinstance(wanted.get("json_schema"), dict):
            return of_schema(self.schema(wanted["json_schema"]))
        raise Refused("invalid", f"Invalid value: response_format.type {kind!r}.", param="response_format")

    def schema(self, wanted: dict[str, Any]) -> Any:
        """The schema of a `json_schema` format. Raises Refused for one that this API does not take."""
        return wanted.get("schema")

    def tools(self, body: dict[str, Any]) -> tuple[tuple[Tool, ...], str]:
        """The tools, and which one is forced."""
        told, choice = body.get("tools"), body.get("tool_choice", "auto")
        if told is None:
            if body.get("tool_choice") not in (None, "none"):
                raise Refused(
                    "invalid", "'tool_choice' is only allowed when 'tools' are specified.", param="tool_choice"
                )
            return (), ""
        if not isinstance(told, list) or not told:
            raise Refused("invalid", "Invalid 'tools': empty array.", param="tools", code="empty_array")
        tools = tuple(
            Tool(t["function"]["name"], t["function"].get("parameters") or {}) for t in told if "function" in t
        )
        if isinstance(choice, dict):
            name = choice.get("function", {}).get("name")
            if name not in [tool.name for tool in tools]:
                raise Refused("invalid", f"Tool choice '{name}' not found in 'tools'.", param="tool_choice")
            return tools, name
        return () if choice == "none" else tools, "*" if choice == "required" else ""

    def charge_chat(self, body: dict[str, Any], model: str, ask: Ask) -> Charges:
        """What the prompt costs."""
        return Charges(fresh=self.words.count(ask.text))

    def streaming(self, body: dict[str, Any]) -> Streaming:
        """Whether to stream. Raises Refused for options without a stream."""
        options, on = body.get("stream_options"), bool(body.get("stream"))
        if options is not None and not on:
            raise Refused(
                "invalid",
                "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
                param="stream_options",
            )
        told = options or {}
        wants_early = self.counts_early and bool(told.get("continuous_usage_stats"))
        return Streaming(on, bool(told.get("include_usage")), wants_early)

    def shape(self, body: dict[str, Any]) -> Shape:
        """How answers are written."""
        return Shape()

    def head_extra(self) -> dict[str, Any]:
        """More fields of every chunk and answer."""
        return {"system_fingerprint": "fp_fake"}

    def first_extra(self, body: dict[str, Any], ask: Ask) -> dict[str, Any]:
        """More fields of a whole answer, or of the first chunk."""
        return {}

    def usage(self, charges: Charges, completions: Sequence[Completion]) -> dict[str, Any]:
        """The usage as it is told."""
        prompt = charges.fresh + charges.read + charges.written_short + charges.written_long
        output = billed(completions)
        return {
            "prompt_tokens": prompt,
            "completion_tokens": output,
            "total_tokens": prompt + output,
            **self.usage_details(charges, completions),
        }

    def usage_details(self, charges: Charges, completions: Sequence[Completion]) -> dict[str, Any]:
        """More of it."""
        return {"prompt_tokens_details": {"cached_tokens": charges.read}}

    # --- completions ----------------------------------------------------------------------------------

    def completions(self, call: Incoming) -> Answer:
        """`POST /v1/completions`."""
        body = call.body
        model = self.check_model(body.get("model"))
        prompts = self.prompts(body.get("prompt"))
        self.check_completions(body, model)
        streaming = self.streaming(body)
        n, logprobs = int(number_in(body, "n", 1, self.most_n, 1)), self.completion_logprobs(body)
        max_tokens = self.max_tokens(body, 16)
        asks = [self.ask(body, text, ids, max_tokens, logprobs) for text, ids in prompts]
        charged = [self.charge_prompt(model, ask) for ask in asks]
        began = self.bill(call, model, _together(charged))
        done = [(each, self.echoed(body, ask, logprobs)) for ask in asks for each in self.generate(call, ask, n)]
        usage = self.usage(_together(charged), [each for each, _ in done])
        shape = self.completion_shape(body, asks)
        head = {"id": f"cmpl-{self.number()}", "object": "text_completion", "created": self.now(), "model": model}
        if streaming.on:
            told = usage if streaming.usage else None
            frames = completions_shape.frames(head, done, logprobs, shape, told)
            return Answer(frames=counting(frames, usage) if streaming.early else frames, began=began)
        choices = [completions_shape.whole_choice(at, *pair, logprobs, shape) for at, pair in enumerate(done)]
        for choice, ask in zip(choices, [ask for ask in asks for _ in range(n)], strict=True):
            choice |= self.prompt_extra(body, ask)
        tokens = billed([each for each, _ in done])
        return Answer({**head, "choices": choices, "usage": usage}, tokens=tokens, began=began)

    def prompts(self, prompt: Any) -> list[tuple[str, tuple[int, ...] | None]]:
        """Each prompt as text, and ids where it came so."""
        if isinstance(prompt, str):
            return [(prompt, None)]
        if not isinstance(prompt, list) or not prompt:
            raise Refused("invalid", "Invalid 'prompt': expected a text, or a non-empty array.", param="prompt")
        if all(isinstance(each, int) for each in prompt):
            return [(self.text_of(prompt), tuple(prompt))]
        return [pair for each in prompt for pair in self.prompts(each)]

    def text_of(self, ids: Sequence[int]) -> str:
        """The text of a prompt's ids. Raises Refused for ids that are none."""
        try:
            return spelt(self.words, ids)
        except (IndexError, KeyError, OverflowError):
            raise Refused("invalid", "Invalid 'prompt': token ids are out of range.", param="prompt") from None

    def check_completions(self, body: dict[str, Any], model: str) -> None:
        """Raises Refused for what this API does not take."""

    def completion_logprobs(self, body: dict[str, Any]) -> int | None:
        """How many alternatives are told; None for no logprobs."""
        return None if body.get("logprobs") is None else int(number_in(body, "logprobs", 0, 5, 0))

    def echoed(self, body: dict[str, Any], ask: Ask, logprobs: int | None) -> tuple[str, Sequence[Token]]:
        """The prompt, and its tokens scored where logprobs are wanted."""
        if not body.get("echo"):
            return "", ()
        ids = ask.ids if ask.ids is not None else self.words.encode(ask.text)
        return ask.text, () if logprobs is None else self.brain.score(ids, logprobs)

    def charge_prompt(self, model: str, ask: Ask) -> Charges:
        """What a prompt costs."""
        return Charges(fresh=len(ask.ids) if ask.ids is not None else self.words.count(ask.text))

    def completion_shape(self, body: dict[str, Any], asks: Sequence[Ask]) -> Shape:
        """How answers are written."""
        return self.shape(body)

    def prompt_extra(self, body: dict[str, Any], ask: Ask) -> dict[str, Any]:
        """More fields of a choice of a whole answer."""
        return {}


def billed(completions: Sequence[Completion]) -> int:
    """Tokens generated."""
    return sum(len(done.tokens) for done in completions)


def _together(charges: Sequence[Charges]) -> Charges:
    if len(charges) == 1:
        return charges[0]
    names = ("fresh", "read", "written_short", "written_long")
    sums = (sum(getattr(each, name) for each in charges) for name in names)
    return Charges(*sums, writes=tuple(write for each in charges for write in each.writes))
