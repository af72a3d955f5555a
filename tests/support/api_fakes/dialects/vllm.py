"""A vLLM server: OpenAI's routes with structured outputs, token ids in and out, and scoring."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from ..answer import Answer, Refused
from ..asked import Ask, Completion, Limit, Token, Turn
from ..http.request import Request
from ..prompt_caches import prefix_rules
from ..prompt_caches.entries import Charges
from .chat_shape import Shape
from .dialect import Handler, Incoming, number_in, of_schema
from .messages import turns_of
from .openai_like import OpenAILike
from .system_one import system_one

KINDS = ("json", "regex", "choice", "grammar", "json_object", "structural_tag")


class VLLM(OpenAILike):
    """vLLM 0.32.

    options: max_model_len (4096); cached=True reports cached tokens (--enable-prompt-tokens-details); version
    """

    name = "vllm"
    ERRORS: ClassVar = {
        "invalid": (400, "BadRequestError", None),
        "unauthorized": (401, "Unauthorized", None),
        "forbidden": (403, "Forbidden", None),
        "not_found": (404, "NotFoundError", None),
        "no_route": (404, "NotFoundError", None),
        "timeout": (408, "RequestTimeout", None),
        "conflict": (409, "Conflict", None),
        "unprocessable": (422, "BadRequestError", None),
        "rate_limit": (429, "TooManyRequests", None),
        "quota": (429, "TooManyRequests", None),
        "server": (500, "InternalServerError", None),
        "unavailable": (503, "ServiceUnavailable", None),
        "overloaded": (503, "ServiceUnavailable", None),
    }
    most_n = 16384
    counts_early = True

    def routes(self) -> dict[tuple[str, str], Handler]:
        """Handlers by method and path."""
        return super().routes() | {
            ("POST", "/tokenize"): self.tokenize,
            ("POST", "/detokenize"): self.detokenize,
            ("GET", "/version"): lambda call: Answer({"version": self.setup.options.get("version", "0.32.0")}),
            ("GET", "/health"): lambda call: Answer(""),
            ("POST", "/v1/systemone"): lambda call: system_one(self, call, most=26),
        }

    def authorize(self, request: Request) -> None:
        """Only what is below /v1 needs the key."""
        if request.path.startswith("/v1"):
            super().authorize(request)

    @property
    def max_len(self) -> int:
        """Tokens of prompt and answer together."""
        return int(self.setup.options.get("max_model_len", 4096))

    def error_doc(self, refused: Refused) -> dict[str, Any]:
        """An error's body; a wrong key's is a text."""
        if refused.kind == "unauthorized":
            return {"error": "Unauthorized"}
        status, kind, _ = self.ERRORS[refused.kind]
        return {"error": {"message": refused.message, "type": kind, "param": refused.param, "code": status}}

    def model_doc(self, name: str) -> dict[str, Any]:
        """One model."""
        return super().model_doc(name) | {"owned_by": "vllm", "root": name, "max_model_len": self.max_len}

    # --- chat -----------------------------------------------------------------------------------------

    def check_chat(self, body: dict[str, Any], model: str, turns: Sequence[Turn]) -> None:
        """Raises Refused for what contradicts itself."""
        if body.get("continue_final_message") and body.get("add_generation_prompt", True):
            message = "Cannot set both `continue_final_message` and `add_generation_prompt` to True."
            raise Refused("invalid", message)
        if body.get("continue_final_message") and turns[-1].role != "assistant":
            raise Refused("invalid", "`continue_final_message` is set but the last message is not the assistant's.")
        if body.get("prompt_logprobs") is not None and body.get("stream"):
            raise Refused("invalid", "`prompt_logprobs` are not available when `stream=True`.", param="prompt_logprobs")
        self._check_salt(body)

    def _check_salt(self, body: dict[str, Any]) -> None:
        salt = body.get("cache_salt")
        if salt is not None and (not salt or len(salt) > 128 or any(mark in salt for mark in "@/\\")):
            raise Refused("invalid", "Parameter 'cache_salt' must be a non-empty string without @, / and \\.")

    def opens(self, body: dict[str, Any]) -> bool:
        """Unless the generation prompt is switched off."""
        return bool(body.get("add_generation_prompt", True))

    def continues(self, body: dict[str, Any], turns: Sequence[Turn]) -> bool:
        """Where it is asked for."""
        return bool(body.get("continue_final_message"))

    def ask(
        self, body: dict[str, Any], text: str, ids: tuple[int, ...] | None, max_tokens: int | None, top: int | None
    ) -> Ask:
        """The prompt always as ids, and within the model's length."""
        ids = ids if ids is not None else tuple(self.words.encode(text))
        room = self.max_len - len(ids)
        if room < 1 or (max_tokens or 0) > room:
            message = (
                f"This model's maximum context length is {self.max_len} tokens. However, you requested"
                f" {max_tokens or 0} output tokens and your prompt contains {len(ids)} input tokens."
            )
            raise Refused("invalid", message, param="input_tokens")
        return super().ask(body, text, ids, room if max_tokens is None else max_tokens, top)

    def more_sampling(self, body: dict[str, Any]) -> dict[str, Any]:
        """Fields beyond OpenAI's."""
        beside = tuple(body.get("logprob_token_ids") or ())
        top_k = int(number_in(body, "top_k", -1, 1 << 20, -1))
        return {
            "top_k": top_k if top_k > 0 else -1,
            "min_p": number_in(body, "min_p", 0, 1, 0.0),
            "ignore_eos": bool(body.get("ignore_eos")),
            "beside": beside,
            "only": tuple(body.get("allowed_token_ids") or ()),
        }

    def top(self, body: dict[str, Any]) -> int | None:
        """`logprob_token_ids` asks for logprobs too."""
        if body.get("logprob_token_ids") and not body.get("logprobs"):
            return 0
        return super().top(body)

    def completion_logprobs(self, body: dict[str, Any]) -> int | None:
        """Up to 20."""
        if body.get("logprobs") is None:
            return 0 if body.get("logprob_token_ids") else None
        return int(number_in(body, "logprobs", 0, 20, 0))

    def limit(self, body: dict[str, Any]) -> Limit | None:
        """Structured outputs, or a response format."""
        told = body.get("structured_outputs")
        if told is None:
            return super().limit(body)
        kinds = [kind for kind in KINDS if told.get(kind) is not None]
        if len(kinds) != 1 or (body.get("response_format") or {}).get("type", "text") != "text":
            raise Refused("invalid", f"You can only use one kind of structured outputs constraint but got {kinds}.")
        return _limit_of(kinds[0], told[kinds[0]])

    def charge_chat(self, body: dict[str, Any], model: str, ask: Ask) -> Charges:
        """Blocks of 16 tokens; scored prompts do not read the cache."""
        return self._charge(body, ask)

    def charge_prompt(self, model: str, ask: Ask) -> Charges:
        """Blocks of 16 tokens."""
        return self._charge({}, ask)

    def _charge(self, body: dict[str, Any], ask: Ask) -> Charges:
        if not self.setup.options.get("cached") or body.get("prompt_logprobs") is not None:
            return Charges(fresh=len(ask.ids or ()))
        return prefix_rules.charge(self.entries, str(body.get("cache_salt")), ask.ids or (), chunk=16)

    def usage_details(self, charges: Charges, completions: Sequence[Completion]) -> dict[str, Any]:
        """Only with the flag."""
        told = {"cached_tokens": charges.read} if self.setup.options.get("cached") else None
        return {"prompt_tokens_details": told}

    def shape(self, body: dict[str, Any]) -> Shape:
        """Token ids, and which stop text ended it."""
        wants_ids = bool(body.get("return_token_ids"))

        def ended(done: Completion) -> dict[str, Any]:
            ids = {"token_ids": [token.id for token in done.tokens]} if wants_ids and not body.get("stream") else {}
            return {"stop_reason": done.stop, **ids}

        def ids_of(tokens: Sequence[Token]) -> dict[str, Any]:
            return {"token_ids": [token.id for token in tokens]} if wants_ids and tokens else {}

        return Shape(
            message_extra=lambda done: {"reasoning": done.thinking or None},
            choice_extra=ended,
            chunk_extra=ids_of,
        )

    def first_extra(self, body: dict[str, Any], ask: Ask) -> dict[str, Any]:
        """The prompt's ids and logprobs, where they are wanted."""
        told: dict[str, Any] = {}
        if body.get("return_token_ids"):
            told["prompt_token_ids"] = list(ask.ids or ())
        if body.get("prompt_logprobs") is not None:
            told["prompt_logprobs"] = self._prompt_logprobs(body, ask)
        return told

    def _prompt_logprobs(self, body: dict[str, Any], ask: Ask) -> list[dict[str, Any] | None]:
        top = int(number_in(body, "prompt_logprobs", 0, 20, 0))
        return [_ranked(token) for token in self.brain.score(ask.ids or (), top)]

    # --- completions ----------------------------------------------------------------------------------

    def check_completions(self, body: dict[str, Any], model: str) -> None:
        """Raises Refused for what contradicts itself."""
        if body.get("prompt_logprobs") is not None and body.get("stream"):
            raise Refused("invalid", "`prompt_logprobs` are not available when `stream=True`.", param="prompt_logprobs")
        self._check_salt(body)

    def prompt_extra(self, body: dict[str, Any], ask: Ask) -> dict[str, Any]:
        """They stand in the choices here."""
        return self.first_extra(body, ask)

    # --- more routes ----------------------------------------------------------------------------------

    def tokenize(self, call: Incoming) -> Answer:
        """`POST /tokenize`, of a text or of messages."""
        body = call.body
        text = body.get("prompt")
        if text is None:
            turns = turns_of(body.get("messages"))
            text = self.brain.render(turns, self.opens(body), self.continues(body, turns))
        ids = self.words.encode(text)
        told = {"count": len(ids), "max_model_len": self.max_len, "tokens": ids, "token_strs": None}
        if body.get("return_token_strs"):
            told["token_strs"] = [self.words.spell(each).decode("utf-8", "replace") for each in ids]
        return Answer(told)

    def detokenize(self, call: Incoming) -> Answer:
        """`POST /detokenize`."""
        return Answer({"prompt": self.text_of(call.body.get("tokens") or ())})


def _limit_of(kind: str, value: Any) -> Limit:
    if kind == "json":
        return of_schema(value)
    if kind == "regex":
        return Limit("regex", value)
    if kind == "choice":
        return Limit("choices", tuple(value))
    if kind == "json_object":
        return Limit("json")
    raise Refused("invalid", f"fake: structured outputs of kind {kind!r} are beyond it")


def _ranked(token: Token) -> dict[str, Any] | None:
    """One place of `prompt_logprobs`: the token and the likeliest, by id; None for the first."""
    if token.logprob is None:
        return None
    found = {token.id: (token.text, token.logprob, 1 + sum(lp > token.logprob for _, _, lp in token.top))}
    for rank, (number, raw, logprob) in enumerate(token.top):
        found[number] = (raw, logprob, rank + 1)
    return {
        str(number): {"logprob": logprob, "rank": rank, "decoded_token": raw.decode("utf-8", "replace")}
        for number, (raw, logprob, rank) in found.items()
    }
