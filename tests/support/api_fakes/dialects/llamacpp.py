"""A llama.cpp server: `/completion`, templates and tokens; chat writes a last assistant's message on by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from ..answer import Answer, Frame, Refused
from ..asked import Ask, Completion, Limit, Token, Turn, spelt
from ..cutting import pieces
from ..fill import CannotFill
from ..gbnf import as_pattern
from ..http.request import Request
from ..prompt_caches import prefix_rules
from ..prompt_caches.entries import Charges
from .chat_shape import Shape, logprob_entry
from .dialect import Handler, Incoming, number_in, of_schema, stops_in
from .messages import turns_of
from .openai_like import OpenAILike

STOP_TYPES = {"end": "eos", "stop": "word", "length": "limit", "calls": "eos", "refusal": "eos"}


class LlamaCpp(OpenAILike):
    """llama.cpp's server.

    options: loading_s, for so long after its start it answers 503 (by the fake's clock); n_ctx (4096)
    """

    name = "llamacpp"
    ERRORS: ClassVar = {
        "invalid": (400, "invalid_request_error", None),
        "unauthorized": (401, "authentication_error", None),
        "forbidden": (403, "permission_error", None),
        "not_found": (404, "not_found_error", None),
        "no_route": (404, "not_found_error", None),
        "timeout": (408, "server_error", None),
        "conflict": (409, "invalid_request_error", None),
        "unprocessable": (422, "invalid_request_error", None),
        "rate_limit": (429, "server_error", None),
        "quota": (429, "server_error", None),
        "server": (500, "server_error", None),
        "unavailable": (503, "unavailable_error", None),
        "overloaded": (503, "unavailable_error", None),
    }
    most_stops = 1 << 20

    def __init__(self, setup: Any) -> None:
        super().__init__(setup)
        self._started = setup.clock.now()

    def routes(self) -> dict[tuple[str, str], Handler]:
        """Handlers by method and path; chat and completions work without /v1 too."""
        told = super().routes() | {
            ("POST", "/completion"): self.completion,
            ("POST", "/apply-template"): self.apply_template,
            ("POST", "/tokenize"): self.tokenize,
            ("POST", "/detokenize"): lambda call: Answer({"content": spelt(self.words, call.body.get("tokens") or ())}),
            ("GET", "/props"): lambda call: Answer(self._props()),
            ("GET", "/health"): lambda call: Answer({"status": "ok"}),
            ("GET", "/v1/health"): lambda call: Answer({"status": "ok"}),
        }
        return told | {
            (m, path.removeprefix("/v1")): each for (m, path), each in told.items() if path != "/v1/completions"
        }

    def authorize(self, request: Request) -> None:
        """503 while the model is loaded; health and models need no key."""
        if self.setup.clock.now() < self._started + self.setup.options.get("loading_s", 0):
            raise Refused("unavailable", "Loading model")
        if request.path not in ("/health", "/v1/health", "/models", "/v1/models"):
            super().authorize(request)

    def error_doc(self, refused: Refused) -> dict[str, Any]:
        """An error's body."""
        status, kind, _ = self.ERRORS[refused.kind]
        return {"error": {"code": status, "message": refused.message, "type": kind}}

    def check_model(self, model: object) -> str:
        """It serves what it has loaded, whatever is asked for."""
        return model if isinstance(model, str) and model else (self.setup.models or ("fake",))[0]

    def model_doc(self, name: str) -> dict[str, Any]:
        """One model."""
        return super().model_doc(name) | {"owned_by": "llamacpp", "meta": {"n_ctx_train": self._n_ctx}}

    @property
    def _n_ctx(self) -> int:
        return int(self.setup.options.get("n_ctx", 4096))

    def _props(self) -> dict[str, Any]:
        settings = {"n_ctx": self._n_ctx, "id": 0, "params": {"temperature": 0.8, "top_k": 40, "top_p": 0.95}}
        return {
            "default_generation_settings": settings,
            "total_slots": 1,
            "model_path": (self.setup.models or ("fake",))[0],
            "chat_template": "{# fake #}",
            "modalities": {"vision": False, "audio": False},
            "build_info": "b9000-fake",
        }

    # --- chat -----------------------------------------------------------------------------------------

    def check_chat(self, body: dict[str, Any], model: str, turns: Sequence[Turn]) -> None:
        """Raises Refused for two answers at the end."""
        if len(turns) > 1 and turns[-1].role == turns[-2].role == "assistant":
            raise Refused("invalid", "Cannot have 2 or more assistant messages at the end of the list.")

    def continues(self, body: dict[str, Any], turns: Sequence[Turn]) -> bool:
        """By itself."""
        return turns[-1].role == "assistant"

    def limit(self, body: dict[str, Any]) -> Limit | None:
        """A grammar, a schema, or a response format."""
        return self._native_limit(body) or super().limit(body)

    def _native_limit(self, body: dict[str, Any]) -> Limit | None:
        if body.get("grammar") and body.get("json_schema"):
            raise Refused("invalid", 'Either "json_schema" or "grammar" can be specified, but not both')
        if body.get("json_schema"):
            return of_schema(body["json_schema"])
        if not body.get("grammar"):
            return None
        try:
            return Limit("regex", as_pattern(body["grammar"]))
        except CannotFill as error:
            raise Refused("invalid", f"fake: {error} is beyond it") from None

    def schema(self, wanted: dict[str, Any]) -> Any:
        """Within `schema`."""
        return wanted.get("schema", {})

    def more_sampling(self, body: dict[str, Any]) -> dict[str, Any]:
        """Its own defaults, which are not those of OpenAI."""
        return {"top_k": int(number_in(body, "top_k", -1, 1 << 30, 40)), "min_p": number_in(body, "min_p", 0, 1, 0.05)}

    def ask(
        self, body: dict[str, Any], text: str, ids: tuple[int, ...] | None, max_tokens: int | None, top: int | None
    ) -> Ask:
        """The prompt within the context."""
        size = len(ids) if ids is not None else self.words.count(text)
        if size >= self._n_ctx:
            message = f"request ({size} tokens) exceeds the available context size ({self._n_ctx} tokens)"
            raise Refused("invalid", message)
        body = {"temperature": 0.8, "top_p": 0.95, **body}
        limit = self._n_ctx - size if max_tokens is None or max_tokens < 0 else max_tokens
        return super().ask(body, text, ids, limit, top)

    def charge_chat(self, body: dict[str, Any], model: str, ask: Ask) -> Charges:
        """Tokens that its slot holds are not computed again."""
        return self._charge(ask, body)

    def charge_prompt(self, model: str, ask: Ask) -> Charges:
        """Tokens that its slot holds are not computed again."""
        return self._charge(ask, {})

    def _charge(self, ask: Ask, body: dict[str, Any]) -> Charges:
        ids = ask.ids if ask.ids is not None else self.words.encode(ask.text)
        if not body.get("cache_prompt", True):
            return Charges(fresh=len(ids))
        return prefix_rules.charge(self.entries, f"slot {body.get('id_slot')}", ids, chunk=1, ttl_s=1e9)

    def shape(self, body: dict[str, Any]) -> Shape:
        """The first delta has null for content."""
        return Shape(first_content=None)

    # --- native ---------------------------------------------------------------------------------------

    def completion(self, call: Incoming) -> Answer:
        """`POST /completion`."""
        body = call.body
        text, ids = self._prompt(body.get("prompt"))
        n_predict = int(number_in(body, "n_predict", -2, 1 << 30, -1))
        n_probs = int(number_in(body, "n_probs", 0, 1 << 20, 0))
        ask = self.ask(_native(body), text, ids, n_predict, n_probs or None)
        charges = self._charge(ask, body)
        began = self.bill(call, self.check_model(body.get("model")), charges)
        done = self.generate(call, ask)[0]
        if body.get("stream"):
            return Answer(frames=self._frames(body, ask, done, charges), began=began)
        doc = self._final(body, ask, done, charges) | {"content": done.text}
        if n_probs:
            doc["completion_probabilities"] = [_probabilities(body, token) for token in done.tokens]
        if body.get("return_tokens"):
            doc["tokens"] = [token.id for token in done.tokens]
        return Answer(_fields(doc, body), tokens=len(done.tokens), began=began)

    def _prompt(self, prompt: Any) -> tuple[str, tuple[int, ...]]:
        """A text, ids, or a mixture of them as one prompt."""
        if isinstance(prompt, str):
            return prompt, tuple(self.words.encode(prompt))
        if not isinstance(prompt, list) or not prompt or not all(isinstance(each, str | int) for each in prompt):
            raise Refused("invalid", '"prompt" must be a string, a list of tokens or a list of mixed strings & tokens')
        ids = [i for part in prompt for i in ([part] if isinstance(part, int) else self.words.encode(part))]
        return self.text_of(ids), tuple(ids)

    def _final(self, body: dict[str, Any], ask: Ask, done: Completion, charges: Charges) -> dict[str, Any]:
        prompt, output = len(ask.ids or ()), len(done.tokens)
        timings = {"cache_n": charges.read, "prompt_n": charges.fresh, "prompt_ms": 1.0, "predicted_n": output}
        return {
            "index": 0,
            "content": "",
            "tokens": [],
            "id_slot": max(0, body.get("id_slot", 0)),
            "stop": True,
            "model": self.check_model(body.get("model")),
            "tokens_predicted": output,
            "tokens_evaluated": prompt,
            "prompt": ask.text,
            "has_new_line": "\n" in done.text,
            "truncated": False,
            "stop_type": STOP_TYPES[done.finish],
            "stopping_word": done.stop or "",
            "tokens_cached": prompt + output - 1,
            "timings": timings | {"predicted_ms": 1.0},
        }

    def _frames(self, body: dict[str, Any], ask: Ask, done: Completion, charges: Charges) -> Iterator[Frame]:
        count = 0
        for text, tokens in pieces(done):
            count += len(tokens)
            doc: dict[str, Any] = {"index": 0, "content": text, "tokens": [token.id for token in tokens], "stop": False}
            doc |= {"id_slot": 0, "tokens_predicted": count, "tokens_evaluated": len(ask.ids or ())}
            if body.get("n_probs"):
                doc["completion_probabilities"] = [_probabilities(body, token) for token in tokens]
            yield Frame(doc, tokens=len(tokens))
        yield Frame(_fields(self._final(body, ask, done, charges), body))

    def apply_template(self, call: Incoming) -> Answer:
        """`POST /apply-template`."""
        turns = turns_of(call.body.get("messages"))
        return Answer({"prompt": self.brain.render(turns, True, self.continues(call.body, turns))})

    def tokenize(self, call: Incoming) -> Answer:
        """`POST /tokenize`."""
        ids = self.words.encode(call.body.get("content") or "")
        if not call.body.get("with_pieces"):
            return Answer({"tokens": ids})
        return Answer({"tokens": [{"id": each, "piece": _piece(self.words.spell(each))} for each in ids]})


def _native(body: dict[str, Any]) -> dict[str, Any]:
    """What `ask` reads of a native request; a negative seed is none."""
    names = ("stop", "temperature", "top_p", "top_k", "min_p", "grammar", "json_schema")
    told = {name: body[name] for name in names if name in body}
    stops_in(told, most=1 << 20)
    return told | ({"seed": body["seed"]} if body.get("seed", -1) >= 0 else {})


def _fields(doc: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    """Only those that `response_fields` names."""
    wanted = body.get("response_fields")
    return {name: doc[name] for name in wanted if name in doc} if wanted else doc


def _piece(raw: bytes) -> str | list[int]:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return list(raw)


def _probabilities(body: dict[str, Any], token: Token) -> dict[str, Any]:
    entry = {"id": token.id, **logprob_entry(token)}
    tops = [{"id": number, **top} for (number, _, _), top in zip(token.top, entry["top_logprobs"], strict=True)]
    return entry | {"top_logprobs": tops[: body.get("n_probs", 0)]}
