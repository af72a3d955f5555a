"""An Ollama server: `/api/chat` and `/api/generate` as a JSON document a line, and OpenAI's routes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from ..answer import Answer, Frame, Refused
from ..asked import Ask, Completion, Limit, Tool, Turn, spelt
from ..cutting import pieces
from ..http.request import Request
from ..prompt_caches.entries import Charges
from .chat_shape import logprob_entry
from .dialect import Handler, Incoming, number_in, of_schema, stops_in
from .messages import ROLES
from .openai_like import OpenAILike

REASONS = {"end": "stop", "stop": "stop", "length": "length", "calls": "stop", "refusal": "stop"}


class Ollama(OpenAILike):
    """Ollama 0.35. Any key is taken; /v1 too writes a last assistant's message on, by its template.

    options: num_ctx, the tokens that it has room for
    """

    name = "ollama"
    ERRORS: ClassVar = {
        "invalid": (400, "invalid_request_error", None),
        "unauthorized": (401, "authentication_error", None),
        "forbidden": (403, "permission_error", None),
        "not_found": (404, "not_found_error", None),
        "no_route": (404, "not_found_error", None),
        "timeout": (408, "api_error", None),
        "conflict": (409, "api_error", None),
        "unprocessable": (422, "api_error", None),
        "rate_limit": (429, "rate_limit_error", None),
        "quota": (429, "rate_limit_error", None),
        "server": (500, "api_error", None),
        "unavailable": (503, "api_error", None),
        "overloaded": (503, "api_error", None),
    }
    most_stops = 1 << 20

    def routes(self) -> dict[tuple[str, str], Handler]:
        """Handlers by method and path."""
        return super().routes() | {
            ("POST", "/api/chat"): self.api_chat,
            ("POST", "/api/generate"): self.api_generate,
            ("GET", "/api/version"): lambda call: Answer({"version": self.setup.options.get("version", "0.35.0")}),
            ("GET", "/api/tags"): self.tags,
            ("GET", "/"): lambda call: Answer("Ollama is running", headers={"content-type": "text/plain"}),
        }

    def authorize(self, request: Request) -> None:
        """Nobody is refused."""

    def refuse(self, refused: Refused, path: str = "") -> Answer:
        """A text on /api, OpenAI's shape on /v1."""
        status, kind, _ = self.ERRORS[refused.kind]
        if path.startswith("/api"):
            return Answer({"error": refused.message}, status=status)
        error = {"message": refused.message, "type": kind, "param": None, "code": refused.code}
        return Answer({"error": error}, status=status)

    def stream_error(self, kind: str) -> Frame:
        """A line with an error."""
        return Frame({"error": f"fake: {kind}"})

    def check_model(self, model: object) -> str:
        """Raises Refused for one that is not there."""
        if not isinstance(model, str) or not model:
            raise Refused("invalid", "model is required")
        name = model if ":" in model else f"{model}:latest"
        if self.setup.models and not {model, name} & set(self.setup.models):
            raise Refused("not_found", f"model '{model}' not found")
        return model

    def tags(self, call: Incoming) -> Answer:
        """`GET /api/tags`."""
        names = self.setup.models or ("fake:latest",)
        return Answer(
            {"models": [{"name": name, "model": name, "size": 1, "digest": "0", "details": {}} for name in names]}
        )

    def continues(self, body: dict[str, Any], turns: Sequence[Turn]) -> bool:
        """By its template."""
        return turns[-1].role == "assistant"

    # --- native ---------------------------------------------------------------------------------------

    def api_chat(self, call: Incoming) -> Answer:
        """`POST /api/chat`."""
        body = call.body
        model = self.check_model(body.get("model"))
        turns = [_turn(message) for message in body.get("messages") or ()]
        if not turns:
            message = {"role": "assistant", "content": ""}
            return Answer(self._head(model) | {"message": message, "done": True, "done_reason": "load"})
        text = self.brain.render(turns, True, self.continues(body, turns))
        return self._answer(call, model, text, _message_of)

    def api_generate(self, call: Incoming) -> Answer:
        """`POST /api/generate`; `raw` takes the prompt as it is."""
        body = call.body
        model = self.check_model(body.get("model"))
        prompt = body.get("prompt") or ""
        if not prompt:
            return Answer(self._head(model) | {"response": "", "done": True, "done_reason": "load"})
        turns = [Turn("system", body["system"])] if body.get("system") else []
        text = prompt if body.get("raw") else self.brain.render([*turns, Turn("user", prompt)], True, False)
        return self._answer(call, model, text, lambda text, done: {"response": text})

    def _answer(
        self, call: Incoming, model: str, text: str, say: Callable[[str, Completion | None], dict[str, Any]]
    ) -> Answer:
        body = call.body
        text = self._fitted(body, text)
        ask = self._ask(body, text)
        charges = Charges(fresh=self.words.count(text))
        began = self.bill(call, model, charges)
        done = self.generate(call, ask)[0]
        end = self._end(done, charges)
        if body.get("stream", True):
            return Answer(frames=self._frames(model, ask, done, say, end), form="ndjson", began=began)
        doc = self._head(model) | say(done.text, done) | end | _logprobs(ask, done.tokens)
        return Answer(doc, tokens=len(done.tokens), began=began)

    def _fitted(self, body: dict[str, Any], text: str) -> str:
        """A prompt that is too long loses its beginning, where that is not forbidden. Raises Refused."""
        limit = self.setup.options.get("num_ctx")
        if limit is None or self.words.count(text) <= limit:
            return text
        if body.get("truncate") is False:
            raise Refused("invalid", "the input length exceeds the context length")
        return spelt(self.words, self.words.encode(text)[-(limit // 2) :])

    def _ask(self, body: dict[str, Any], text: str) -> Ask:
        options = body.get("options") or {}
        num_predict = int(number_in(options, "num_predict", -2, 1 << 30, -1))
        told, functions = body.get("tools") or (), []
        for each in told:
            functions.append(Tool(each["function"]["name"], each["function"].get("parameters") or {}))
        return Ask(
            text=text,
            max_tokens=num_predict if num_predict > 0 else 1 << 30,
            stop=stops_in(options, most=1 << 20),
            temperature=number_in(options, "temperature", 0, 1e9, 0.8),
            top_p=number_in(options, "top_p", 0, 1, 0.9),
            top_k=int(number_in(options, "top_k", -1, 1 << 30, 40)),
            min_p=number_in(options, "min_p", 0, 1, 0.0),
            seed=options.get("seed"),
            top=int(number_in(body, "top_logprobs", 0, 20, 0)) if body.get("logprobs") else None,
            limit=_format(body.get("format")),
            tools=tuple(functions),
        )

    def _head(self, model: str) -> dict[str, Any]:
        stamp = datetime.fromtimestamp(self.setup.clock.now(), UTC).isoformat().replace("+00:00", "Z")
        return {"model": model, "created_at": stamp}

    def _end(self, done: Completion, charges: Charges) -> dict[str, Any]:
        return {
            "done": True,
            "done_reason": REASONS[done.finish],
            "total_duration": 3000000,
            "load_duration": 1000000,
            "prompt_eval_count": charges.fresh + charges.read,
            "prompt_eval_duration": 1000000,
            "eval_count": len(done.tokens),
            "eval_duration": 1000000,
        }

    def _frames(
        self,
        model: str,
        ask: Ask,
        done: Completion,
        say: Callable[[str, Completion | None], dict[str, Any]],
        end: dict[str, Any],
    ) -> Iterator[Frame]:
        if done.calls:
            yield Frame(self._head(model) | say(done.text, done) | {"done": False}, tokens=len(done.tokens))
        for text, tokens in pieces(done) if not done.calls else ():
            told = self._head(model) | say(text, None) | {"done": False} | _logprobs(ask, tokens)
            yield Frame(told, tokens=len(tokens))
        yield Frame(self._head(model) | say("", None) | end)


def _turn(message: Any) -> Turn:
    if not isinstance(message, dict) or message.get("role") not in ROLES or not isinstance(message.get("content"), str):
        raise Refused("invalid", "invalid message content type")
    return Turn(message["role"], message["content"])


def _message_of(text: str, done: Completion | None) -> dict[str, Any]:
    """A message; with tool calls where the whole of it is known."""

    message: dict[str, Any] = {"role": "assistant", "content": text}
    if done and done.calls:
        calls = [{"function": {"name": call.name, "arguments": json.loads(call.arguments)}} for call in done.calls]
        message["tool_calls"] = calls
    return {"message": message}


def _format(told: Any) -> Limit | None:
    if told in (None, ""):
        return None
    return Limit("json") if told == "json" else of_schema(told)


def _logprobs(ask: Ask, tokens: Sequence[Any]) -> dict[str, Any]:
    return {} if ask.top is None else {"logprobs": [logprob_entry(token) for token in tokens]}
