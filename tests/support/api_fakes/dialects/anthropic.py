"""The hosted Anthropic API: Messages, with its refusals by model and version, its cache and its named events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, ClassVar

from ..answer import Answer, Frame, Refused
from ..asked import Ask, Completion, Limit, Tool
from ..cutting import pieces
from ..http.request import Request
from ..prompt_caches import anthropic_rules
from ..prompt_caches.entries import Charges
from ..recorded import Recorded
from .claude_models import NO_SAMPLING_VERSION, VERSIONS, least_cached, takes_prefill, takes_sampling
from .claude_prompt import ClaudePrompt, prompt_of
from .claude_schema import check_claude
from .dialect import Dialect, Handler, Incoming, number_in, stops_in

FIELDS = frozenset(
    (
        *("model", "max_tokens", "messages", "system", "stop_sequences", "stream", "tools", "tool_choice", "thinking"),
        *("output_config", "cache_control", "diagnostics", "metadata", "service_tier", "temperature", "top_p", "top_k"),
        *("container", "context_management", "inference_geo", "mcp_servers"),
    )
)
STOP_REASONS = {
    "end": "end_turn",
    "stop": "stop_sequence",
    "length": "max_tokens",
    "calls": "tool_use",
    "refusal": "refusal",
}


class Anthropic(Dialect):
    """api.anthropic.com.

    options: pings=True sends a ping behind the first event of every stream (the default)
    """

    name = "anthropic"
    ERRORS: ClassVar = {
        "invalid": (400, "invalid_request_error", None),
        "unauthorized": (401, "authentication_error", None),
        "billing": (402, "billing_error", None),
        "forbidden": (403, "permission_error", None),
        "not_found": (404, "not_found_error", None),
        "no_route": (404, "not_found_error", None),
        "timeout": (408, "timeout_error", None),
        "conflict": (409, "invalid_request_error", None),
        "too_large": (413, "request_too_large", None),
        "unprocessable": (422, "invalid_request_error", None),
        "rate_limit": (429, "rate_limit_error", None),
        "quota": (429, "rate_limit_error", None),
        "server": (500, "api_error", None),
        "unavailable": (503, "api_error", None),
        "gateway_timeout": (504, "timeout_error", None),
        "overloaded": (529, "overloaded_error", None),
    }

    def routes(self) -> dict[tuple[str, str], Handler]:
        """Handlers by method and path."""
        return {
            ("POST", "/v1/messages"): self.messages,
            ("POST", "/v1/messages/count_tokens"): self.count_tokens,
            ("GET", "/v1/models"): self.models,
        }

    def given_key(self, request: Request) -> str:
        """`x-api-key` wins over the bearer's."""
        return request.headers.get("x-api-key") or super().given_key(request)

    def authorize(self, request: Request) -> None:
        """Raises Refused where the key is wrong or no version is said."""
        if self.setup.key is not None and self.given_key(request) != self.setup.key:
            raise Refused("unauthorized", "invalid x-api-key")
        version = request.headers.get("anthropic-version")
        if version is None:
            raise Refused("invalid", "anthropic-version: header is required")
        if version not in VERSIONS:
            raise Refused("invalid", f"anthropic-version: {version!r} is not a valid version")

    def headers(self, recorded: Recorded) -> dict[str, str]:
        """Headers of every answer."""
        return {"request-id": f"req_{recorded.number}"}

    # --- errors ---------------------------------------------------------------------------------------

    def refuse(self, refused: Refused, path: str = "") -> Answer:
        """An error as an answer."""
        return Answer(self._error(refused) | {"request_id": "req_fake"}, status=self.ERRORS[refused.kind][0])

    def _error(self, refused: Refused) -> dict[str, Any]:
        return {"type": "error", "error": {"type": self.ERRORS[refused.kind][1], "message": refused.message}}

    def stream_error(self, kind: str) -> Frame:
        """An error within a stream."""
        return Frame(self._error(Refused(kind, f"fake: {kind}")), event="error")

    # --- routes ---------------------------------------------------------------------------------------

    def models(self, call: Incoming) -> Answer:
        """`GET /v1/models`."""
        names = self.setup.models or ("claude-haiku-4-5",)
        docs = [{"type": "model", "id": n, "display_name": n, "created_at": "2026-01-01T00:00:00Z"} for n in names]
        return Answer({"data": docs, "has_more": False, "first_id": names[0], "last_id": names[-1]})

    def count_tokens(self, call: Incoming) -> Answer:
        """`POST /v1/messages/count_tokens`."""
        return Answer({"input_tokens": sum(block.tokens for block in prompt_of(call.body, self.brain).blocks)})

    def messages(self, call: Incoming) -> Answer:
        """`POST /v1/messages`."""
        body = call.body
        self._check_fields(body)
        model = self.check_model(body.get("model"))
        prompt = prompt_of(body, self.brain)
        self._check(body, model, call.request.headers["anthropic-version"], prompt)
        charges = anthropic_rules.charge(self.entries, model, prompt.blocks, least_cached(model))
        began = self.bill(call, model, charges)
        if body["max_tokens"] == 0:
            done = call.changed(Completion((), "", "length"))
        else:
            done = self.generate(call, self._ask(body, prompt))[0]
        if body.get("stream"):
            return Answer(frames=self._frames(model, done, charges), began=began)
        doc = self._message(model, self._content(done), done, charges)
        return Answer(doc, tokens=self._output(done), began=began)

    def check_model(self, model: object) -> str:
        """Raises Refused for one that is not served."""
        if not isinstance(model, str) or not model:
            raise Refused("invalid", "model: Field required")
        if self.setup.models and model not in self.setup.models:
            raise Refused("not_found", f"model: {model}")
        return model

    # --- what it refuses ------------------------------------------------------------------------------

    def _check_fields(self, body: dict[str, Any]) -> None:
        for name in body:
            if name not in FIELDS:
                raise Refused("invalid", f"{name}: Extra inputs are not permitted")
        if not isinstance(body.get("max_tokens"), int):
            raise Refused("invalid", "max_tokens: Field required")
        number_in(body, "max_tokens", 0, 1 << 20, 0)

    def _check(self, body: dict[str, Any], model: str, version: str, prompt: ClaudePrompt) -> None:
        for name in ("temperature", "top_p", "top_k"):
            if name in body and (version >= NO_SAMPLING_VERSION or not takes_sampling(model)):
                raise Refused("invalid", f"{name}: sampling parameters are not supported")
        number_in(body, "temperature", 0, 1, 1)
        last = prompt.turns[-1]
        if last.role == "assistant":
            if not takes_prefill(model):
                message = "This model does not support assistant message prefill."
                raise Refused("invalid", f"{message} The conversation must end with a user message.")
            if last.text != last.text.rstrip():
                raise Refused("invalid", "messages: final assistant content cannot end with trailing whitespace")
        forced = (body.get("tool_choice") or {}).get("type") in ("any", "tool")
        if body["max_tokens"] == 0 and (body.get("stream") or forced or self._format(body)):
            raise Refused("invalid", "max_tokens: 0 may not be combined with stream, forced tools or output format")
        if self._format(body) and last.role == "assistant":
            raise Refused("invalid", "output_config.format: may not be combined with prefill")
        thinking = body.get("thinking") or {}
        if thinking.get("type") == "enabled" and thinking.get("budget_tokens", 0) < 1024:
            raise Refused("invalid", "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")

    def _format(self, body: dict[str, Any]) -> Any:
        return (body.get("output_config") or {}).get("format")

    # --- what the brain is asked ----------------------------------------------------------------------

    def _ask(self, body: dict[str, Any], prompt: ClaudePrompt) -> Ask:
        continues = prompt.turns[-1].role == "assistant"
        tools = tuple(Tool(tool["name"], tool.get("input_schema") or {}) for tool in body.get("tools") or ())
        return Ask(
            text=self.brain.render(prompt.turns, True, continues),
            max_tokens=body["max_tokens"],
            stop=stops_in(body, "stop_sequences", most=8191),
            temperature=number_in(body, "temperature", 0, 1, 1.0),
            top_p=number_in(body, "top_p", 0, 1, 1.0),
            top_k=int(number_in(body, "top_k", 0, 500, -1)),
            limit=self._limit(body),
            tools=tools,
            forced_tool=self._forced(body, tools),
        )

    def _limit(self, body: dict[str, Any]) -> Limit | None:
        wanted = self._format(body)
        if wanted is None:
            return None
        if wanted.get("type") != "json_schema":
            raise Refused("invalid", "output_config.format.type: Input should be 'json_schema'")
        check_claude(wanted.get("schema"))
        return Limit("schema", wanted["schema"])

    def _forced(self, body: dict[str, Any], tools: tuple[Tool, ...]) -> str:
        choice = body.get("tool_choice") or {}
        if choice.get("type") in ("any", "tool") and not tools:
            raise Refused("invalid", "tool_choice: may only be specified while providing tools")
        if choice.get("type") == "tool":
            if choice.get("name") not in [tool.name for tool in tools]:
                raise Refused("invalid", f"Tool '{choice.get('name')}' not found in provided tools")
            return str(choice["name"])
        return "*" if choice.get("type") == "any" else ""

    # --- answers --------------------------------------------------------------------------------------

    def _output(self, done: Completion) -> int:
        return len(done.tokens) + (self.words.count(done.thinking) if done.thinking else 0)

    def _usage(self, charges: Charges, output: int) -> dict[str, Any]:
        return {
            "input_tokens": charges.fresh,
            "cache_creation_input_tokens": charges.written_short + charges.written_long,
            "cache_read_input_tokens": charges.read,
            "cache_creation": {
                "ephemeral_5m_input_tokens": charges.written_short,
                "ephemeral_1h_input_tokens": charges.written_long,
            },
            "output_tokens": output,
            "service_tier": "standard",
        }

    def _content(self, done: Completion) -> list[dict[str, Any]]:
        content: list[dict[str, Any]] = []
        if done.thinking:
            content.append({"type": "thinking", "thinking": done.thinking, "signature": "c2ln"})
        if done.text:
            content.append({"type": "text", "text": done.text})
        for at, call in enumerate(done.calls):
            inputs = json.loads(call.arguments)
            content.append({"type": "tool_use", "id": f"toolu_{at}", "name": call.name, "input": inputs})
        return content

    def _message(self, model: str, content: list[Any], done: Completion, charges: Charges) -> dict[str, Any]:
        return {
            "id": f"msg_{self.number()}",
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": content,
            **self._stop(done),
            "usage": self._usage(charges, self._output(done)),
        }

    def _stop(self, done: Completion) -> dict[str, Any]:
        details = {"type": "refusal", "explanation": done.refusal} if done.refusal is not None else None
        return {"stop_reason": STOP_REASONS[done.finish], "stop_sequence": done.stop, "stop_details": details}

    def _frames(self, model: str, done: Completion, charges: Charges) -> Iterator[Frame]:
        message = self._message(model, [], done, charges)
        usage = self._usage(charges, 1 if done.tokens else 0)
        message |= {"stop_reason": None, "stop_sequence": None, "stop_details": None, "usage": usage}
        yield _event("message_start", message=message)
        if self.setup.options.get("pings", True):
            yield _event("ping")
        for index, (block, deltas) in enumerate(self._blocks(done)):
            yield _event("content_block_start", index=index, content_block=block)
            for delta, tokens in deltas:
                yield _event("content_block_delta", tokens, index=index, delta=delta)
            yield _event("content_block_stop", index=index)
        usage = {name: n for name, n in self._usage(charges, self._output(done)).items() if name != "service_tier"}
        yield _event("message_delta", delta=self._stop(done), usage=usage)
        yield _event("message_stop")

    def _blocks(self, done: Completion) -> Iterator[tuple[dict[str, Any], Iterator[tuple[dict[str, Any], int]]]]:
        """Each block as it begins, and its deltas with the tokens that they bill."""
        if done.thinking:
            tokens = self.words.count(done.thinking)
            deltas = [({"type": "thinking_delta", "thinking": done.thinking}, tokens)]
            signed = [*deltas, ({"type": "signature_delta", "signature": "c2ln"}, 0)]
            yield {"type": "thinking", "thinking": "", "signature": ""}, iter(signed)
        if done.text or (done.tokens and not done.calls):
            parts = [(done.text, 0)] if done.calls else [(text, len(tokens)) for text, tokens in pieces(done)]
            told = (({"type": "text_delta", "text": text}, tokens) for text, tokens in parts)
            yield {"type": "text", "text": ""}, told
        for at, call in enumerate(done.calls):
            block = {"type": "tool_use", "id": f"toolu_{at}", "name": call.name, "input": {}}
            yield block, _arguments(call.arguments, len(done.tokens) if at == 0 else 0)


def _arguments(text: str, tokens: int) -> Iterator[tuple[dict[str, Any], int]]:
    for begin in range(0, len(text), 8):
        yield {"type": "input_json_delta", "partial_json": text[begin : begin + 8]}, tokens if begin == 0 else 0


def _event(name: str, tokens: int = 0, **fields: Any) -> Frame:
    return Frame({"type": name, **fields}, event=name, tokens=tokens)
