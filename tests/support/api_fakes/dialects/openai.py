"""The hosted OpenAI API: what its model families take, its prompt cache, and Decisions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from ..answer import Answer, Refused, as_json
from ..asked import Ask, Completion, Tool, Turn
from ..prompt_caches import openai_rules, prefix_rules
from ..prompt_caches.entries import Charges
from ..recorded import Recorded
from .decisions import answers_of
from .dialect import Handler, Incoming
from .messages import blocks_of
from .openai_like import OpenAILike
from .strict_schema import check_strict

TTLS = {"30m": 1800.0, "12h": 43200.0}

CHAT_FIELDS = frozenset(
    (
        *("model", "messages", "max_completion_tokens", "max_tokens", "n", "stop", "seed", "temperature", "top_p"),
        *("frequency_penalty", "presence_penalty", "logit_bias", "logprobs", "top_logprobs", "response_format"),
        *("tools", "tool_choice", "parallel_tool_calls", "stream", "stream_options", "prediction", "reasoning_effort"),
        *("verbosity", "service_tier", "store", "metadata", "user", "prompt_cache_key", "prompt_cache_options"),
        *("prompt_cache_retention", "safety_identifier", "modalities", "audio", "functions", "function_call"),
        "web_search_options",
    )
)
COMPLETION_FIELDS = frozenset(
    (
        *("model", "prompt", "echo", "logprobs", "best_of", "suffix", "max_tokens", "n", "stop", "seed", "stream"),
        *("stream_options", "logit_bias", "temperature", "top_p", "frequency_penalty", "presence_penalty", "user"),
    )
)
SAMPLED = ("temperature", "top_p", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "logit_bias")


@cache
def is_reasoning(model: str) -> bool:
    """o1, o3, o4-mini, GPT-5 and later."""
    return re.match(r"o\d|gpt-([5-9]|\d\d)", model) is not None and "chat-latest" not in model


@cache
def has_breakpoints(model: str) -> bool:
    """GPT-5.6 and later."""
    found = re.match(r"gpt-(\d+)(?:\.(\d+))?", model)
    return bool(found) and (int(found[1]), int(found[2] or 0)) >= (5, 6)


@cache
def can_have_no_effort(model: str) -> bool:
    """Whether reasoning can be switched off: GPT-5.1 and later."""
    found = re.match(r"gpt-(\d+)(?:\.(\d+))?", model)
    return bool(found) and (int(found[1]), int(found[2] or 0)) >= (5, 1)


class OpenAI(OpenAILike):
    """api.openai.com. Unknown fields are refused, as it does; models that have completions are named in options."""

    name = "openai"

    def routes(self) -> dict[tuple[str, str], Handler]:
        """Handlers by method and path."""
        return super().routes() | {("POST", "/v1/decisions"): self.decisions}

    def headers(self, recorded: Recorded) -> dict[str, str]:
        """Headers of every answer."""
        told = {"openai-processing-ms": "1", "openai-version": "2020-10-01"}
        return super().headers(recorded) | told

    # --- what it refuses ------------------------------------------------------------------------------

    def check_chat(self, body: dict[str, Any], model: str, turns: Sequence[Turn]) -> None:
        """Raises Refused for unknown fields, and for those that the model's family does not take."""
        _known(body, CHAT_FIELDS)
        if is_reasoning(model):
            _check_reasoning(body, model)
        elif body.get("reasoning_effort") is not None:
            raise _unsupported("reasoning_effort", "is not supported with this model.")
        for message in body["messages"]:
            parts = message["content"] if isinstance(message.get("content"), list) else ()
            marked = any(part.get("prompt_cache_breakpoint") for part in parts)
            if marked and not has_breakpoints(model):
                raise _unsupported("prompt_cache_breakpoint", "is not supported with this model.")
        options = body.get("prompt_cache_options")
        if options is not None and (
            not has_breakpoints(model) or options.get("mode", "implicit") not in ("implicit", "explicit")
        ):
            raise _unsupported("prompt_cache_options", "is not supported with this model.")

    def check_completions(self, body: dict[str, Any], model: str) -> None:
        """Raises Refused where the model has chat only."""
        _known(body, COMPLETION_FIELDS)
        if not re.match(r"gpt-3.5-turbo-instruct|davinci|babbage", model):
            message = "This is a chat model and not supported in the v1/completions endpoint."
            raise Refused("not_found", message, param="model", code="invalid_request_error")

    def schema(self, wanted: dict[str, Any]) -> Any:
        """The schema; a strict one within the subset."""
        name = wanted.get("name")
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name):
            raise Refused(
                "invalid",
                f"Invalid 'response_format.json_schema.name': {name!r}.",
                param="response_format.json_schema.name",
            )
        if wanted.get("strict"):
            check_strict(wanted.get("schema"), name)
        return wanted.get("schema")

    def tools(self, body: dict[str, Any]) -> tuple[tuple[Tool, ...], str]:
        """Custom tools too: their input is a text that a pattern may bind."""
        told = body.get("tools")
        if not isinstance(told, list) or not any(each.get("type") == "custom" for each in told):
            return super().tools(body)
        tools = tuple(_custom_tool(each["custom"]) for each in told if each.get("type") == "custom")
        choice = body.get("tool_choice", "auto")
        name = choice.get("custom", {}).get("name") if isinstance(choice, dict) else ""
        return tools, name or ("*" if choice == "required" else "")

    # --- its cache ------------------------------------------------------------------------------------

    def charge_chat(self, body: dict[str, Any], model: str, ask: Ask) -> Charges:
        """By breakpoints from GPT-5.6 on, by chunks of 128 tokens before."""
        salt = f"{model} {body.get('prompt_cache_key')} {as_json(body.get('tools') or [])}"
        if has_breakpoints(model):
            options = body.get("prompt_cache_options") or {}
            blocks = blocks_of(body["messages"], self.brain, TTLS, TTLS[options.get("ttl", "30m")])
            return openai_rules.charge(self.entries, salt, blocks, options.get("mode", "implicit"))
        if self.words.count(ask.text) < 1024:
            return Charges(fresh=self.words.count(ask.text))
        ids = self.words.encode(ask.text)
        return prefix_rules.charge(self.entries, salt, ids, chunk=128, least_tokens=1024)

    def usage_details(self, charges: Charges, completions: Sequence[Completion]) -> dict[str, Any]:
        """As told today."""
        reasoning = sum(self.words.count(done.thinking) for done in completions if done.thinking)
        return {
            "prompt_tokens_details": {
                "cached_tokens": charges.read,
                "cache_write_tokens": charges.written_short + charges.written_long,
                "audio_tokens": 0,
            },
            "completion_tokens_details": {
                "reasoning_tokens": reasoning,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
                "audio_tokens": 0,
            },
        }

    # --- Decisions ------------------------------------------------------------------------------------

    def decisions(self, call: Incoming) -> Answer:
        """`POST /v1/decisions`: priced by input alone."""
        body = call.body
        model = self.check_model(body.get("model"))
        if model != "gpt-6-luna":
            raise Refused("not_found", f"The model `{model}` is not supported by this endpoint.", param="model")
        answers, tokens = answers_of(body, self.brain)
        began = self.bill(call, model, Charges(fresh=tokens))
        usage = {
            "input_tokens": tokens,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": 0,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": tokens,
        }
        return Answer({"model": model, "answers": answers, "usage": usage}, began=began)


def _custom_tool(told: dict[str, Any]) -> Tool:
    grammar = (told.get("format") or {}).get("grammar")
    if grammar is None:
        return Tool(told["name"], is_custom=True)
    if grammar.get("syntax") != "regex":
        raise Refused("invalid", f"fake: grammars of syntax {grammar.get('syntax')!r} are beyond it")
    return Tool(told["name"], is_custom=True, pattern=grammar["definition"])


def _known(body: dict[str, Any], fields: frozenset[str]) -> None:
    for name in body:
        if name not in fields:
            raise Refused("invalid", f"Unknown parameter: '{name}'.", param=name, code="unknown_parameter")


def _check_reasoning(body: dict[str, Any], model: str) -> None:
    if body.get("max_tokens") is not None:
        raise _unsupported("max_tokens", "is not supported with this model. Use 'max_completion_tokens' instead.")
    if body.get("stop") is not None:
        raise _unsupported("stop", "is not supported with this model.")
    effort = body.get("reasoning_effort")
    if effort == "none" and not can_have_no_effort(model):
        raise Refused(
            "invalid",
            "Unsupported value: 'reasoning_effort' does not support 'none' with this model.",
            param="reasoning_effort",
            code="unsupported_value",
        )
    if effort == "none":
        return
    for name in SAMPLED:
        if body.get(name) is not None:
            raise _unsupported(name, "is not supported with this model.")


def _unsupported(name: str, why: str) -> Refused:
    return Refused("invalid", f"Unsupported parameter: '{name}' {why}", param=name, code="unsupported_parameter")
