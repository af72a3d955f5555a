"""An SGLang server: `/generate` with logprob triples and cumulative text, and OpenAI's routes its own way."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

from ..answer import Answer, Frame, Refused
from ..asked import Ask, Completion, Limit, Token, Turn
from ..cutting import pieces
from ..http.request import Request
from ..prompt_caches import prefix_rules
from ..prompt_caches.entries import Charges
from .chat_shape import Shape
from .dialect import Handler, Incoming, number_in, of_schema, stops_in
from .openai_like import OpenAILike
from .system_one import system_one


class SGLang(OpenAILike):
    """SGLang 0.5.23.

    options: max_model_len (4096); cached=True reports cached tokens on /v1 (--enable-cache-report), /generate always
    does; incremental=True streams text of /generate piece by piece (--incremental-streaming-output)
    """

    name = "sglang"
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
    most_stops = 1 << 20
    counts_early = True
    most_n = 1 << 14

    def routes(self) -> dict[tuple[str, str], Handler]:
        """Handlers by method and path."""
        info = {"model_path": "fake", "tokenizer_path": "fake", "is_generation": True, "weight_version": "default"}
        return super().routes() | {
            ("POST", "/generate"): self.generate_native,
            ("GET", "/get_model_info"): lambda call: Answer(info),
            ("GET", "/model_info"): lambda call: Answer(info),
            ("GET", "/get_server_info"): lambda call: Answer(info | {"version": "0.5.23"}),
            ("GET", "/server_info"): lambda call: Answer(info | {"version": "0.5.23"}),
            ("GET", "/flush_cache"): self.flush,
            ("POST", "/flush_cache"): self.flush,
            ("GET", "/health"): lambda call: Answer(""),
            ("POST", "/v1/systemone"): lambda call: system_one(self, call, most=255),
        }

    def flush(self, call: Incoming) -> Answer:
        """Forget all prefixes."""
        self.entries.clear()
        return Answer("Cache flushed.\n")

    def authorize(self, request: Request) -> None:
        """Everything but health needs the key."""
        if request.path != "/health":
            super().authorize(request)

    @property
    def max_len(self) -> int:
        """Tokens of prompt and answer together."""
        return int(self.setup.options.get("max_model_len", 4096))

    # --- errors ---------------------------------------------------------------------------------------

    def refuse(self, refused: Refused, path: str = "") -> Answer:
        """Flat on /v1; `/generate` nests a message alone."""
        status, kind, _ = self.ERRORS[refused.kind]
        if refused.kind == "unauthorized":
            return Answer({"error": "Unauthorized"}, status=status)
        if path == "/generate":
            return Answer({"error": {"message": refused.message}}, status=status)
        flat = {"object": "error", "message": refused.message, "type": kind, "param": refused.param, "code": status}
        return Answer({"error": flat} if refused.kind == "not_found" else flat, status=status)

    def stream_error(self, kind: str) -> Frame:
        """Nested within streams."""
        status, name, _ = self.ERRORS[kind]
        return Frame(
            {"error": {"object": "error", "message": f"fake: {kind}", "type": name, "param": None, "code": status}}
        )

    def model_doc(self, name: str) -> dict[str, Any]:
        """One model."""
        return super().model_doc(name) | {"owned_by": "sglang", "root": name, "max_model_len": self.max_len}

    # --- /v1 ------------------------------------------------------------------------------------------

    def chat_ask(self, body: dict[str, Any], turns: Sequence[Turn]) -> Ask:
        """The trap: without `continue_final_message` a last assistant's message becomes a user's."""
        if body.get("input_ids") is not None:
            ids = tuple(body["input_ids"])
            return self.ask(body, self.text_of(ids), ids, self.max_tokens(body, None), self.top(body))
        continues = bool(body.get("continue_final_message")) and turns[-1].role == "assistant"
        if turns[-1].role == "assistant" and not continues:
            turns = [*turns[:-1], Turn("user", turns[-1].text)]
        text = self.brain.render(turns, True, continues)
        return self.ask(body, text, None, self.max_tokens(body, None), self.top(body))

    def ask(
        self, body: dict[str, Any], text: str, ids: tuple[int, ...] | None, max_tokens: int | None, top: int | None
    ) -> Ask:
        """The prompt always as ids, and within the model's length."""
        ids = ids if ids is not None else tuple(self.words.encode(text))
        return super().ask(body, text, ids, self._room(ids, max_tokens), top)

    def _room(self, ids: Sequence[int], max_tokens: int | None) -> int:
        if len(ids) >= self.max_len:
            message = (
                f"The input ({len(ids)} tokens) is longer than the model's context length ({self.max_len} tokens)."
            )
            raise Refused("invalid", message)
        room = self.max_len - len(ids)
        return room if max_tokens is None else min(max_tokens, room)

    def more_sampling(self, body: dict[str, Any]) -> dict[str, Any]:
        """Fields beyond OpenAI's."""
        return {
            "top_k": int(number_in(body, "top_k", -1, 1 << 20, -1)),
            "min_p": number_in(body, "min_p", 0, 1, 0.0),
            "ignore_eos": bool(body.get("ignore_eos")),
        }

    def limit(self, body: dict[str, Any]) -> Limit | None:
        """`regex` beside a response format."""
        if body.get("ebnf"):
            raise Refused("invalid", "fake: ebnf is beyond it")
        return Limit("regex", body["regex"]) if body.get("regex") else super().limit(body)

    def charge_chat(self, body: dict[str, Any], model: str, ask: Ask) -> Charges:
        """A radix tree over tokens."""
        return self._charge(ask.ids or (), body)

    def charge_prompt(self, model: str, ask: Ask) -> Charges:
        """A radix tree over tokens."""
        return self._charge(ask.ids or (), {})

    def _charge(self, ids: Sequence[int], body: dict[str, Any], most: int | None = None) -> Charges:
        charges = prefix_rules.charge(self.entries, str(body.get("extra_key")), ids, chunk=1)
        read = charges.read if most is None else min(charges.read, most)
        return Charges(len(ids) - read, read, writes=charges.writes)

    def usage_details(self, charges: Charges, completions: Sequence[Completion]) -> dict[str, Any]:
        """Only with the flag."""
        told = {"cached_tokens": charges.read} if self.setup.options.get("cached") else None
        return {"prompt_tokens_details": told, "reasoning_tokens": 0}

    def shape(self, body: dict[str, Any]) -> Shape:
        """`matched_stop`, and `reasoning_content` in every delta."""
        return Shape(
            message_extra=lambda done: {"reasoning_content": done.thinking or None},
            choice_extra=lambda done: {"matched_stop": done.stop},
            delta_extra=lambda: {"reasoning_content": None},
        )

    # --- /generate ------------------------------------------------------------------------------------

    def generate_native(self, call: Incoming) -> Answer:
        """`POST /generate`, of one prompt or a list of them."""
        body = call.body
        prompts = self._prompts(body)
        params = body.get("sampling_params") or {}
        if not isinstance(params, dict):
            raise Refused("invalid", "fake: one sampling_params for all prompts")
        n = int(number_in(params, "n", 1, 1 << 14, 1))
        asks = [self._ask(body, params, text, ids) for text, ids in prompts]
        start = body.get("logprob_start_len", -1) if body.get("return_logprob") else -1
        charged = [self._charge(ask.ids or (), body, most=start if start >= 0 else None) for ask in asks]
        fresh, read = sum(each.fresh for each in charged), sum(each.read for each in charged)
        writes = tuple(write for each in charged for write in each.writes)
        began = self.bill(call, "generate", Charges(fresh, read, writes=writes))
        answers = [
            self._writer(body, ask, done, charges)
            for ask, charges in zip(asks, charged, strict=True)
            for done in self.generate(call, ask, n)
        ]
        if body.get("stream"):
            return Answer(frames=self._stream(answers), began=began)
        docs = [write(len(done.tokens), done.text) for write, done in answers]
        is_list = n > 1 or isinstance(body.get("text"), list) or _is_nested(body.get("input_ids"))
        tokens = sum(len(done.tokens) for _, done in answers)
        return Answer(docs if is_list else docs[0], tokens=tokens, began=began)

    def _prompts(self, body: dict[str, Any]) -> list[tuple[str, tuple[int, ...]]]:
        text, ids = body.get("text"), body.get("input_ids")
        if (text is None) == (ids is None):
            raise Refused("invalid", "Either text, input_ids or input_embeds should be provided.")
        if text is not None:
            texts = text if isinstance(text, list) else [text]
            return [(each, tuple(self.words.encode(each))) for each in texts]
        rows = ids if _is_nested(ids) else [ids]
        return [(self.text_of(row), tuple(row)) for row in rows]

    def _ask(self, body: dict[str, Any], params: dict[str, Any], text: str, ids: tuple[int, ...]) -> Ask:
        if not ids:
            raise Refused("invalid", "The prompt is empty.")
        top = int(body.get("top_logprobs_num") or 0) if body.get("return_logprob") else None
        return Ask(
            text=text,
            ids=ids,
            max_tokens=self._room(ids, int(number_in(params, "max_new_tokens", 0, 1 << 30, 128))),
            stop=stops_in(params, most=1 << 20),
            temperature=number_in(params, "temperature", 0, 1e9, 1.0),
            top_p=number_in(params, "top_p", 0, 1, 1.0),
            top_k=int(number_in(params, "top_k", -1, 1 << 30, -1)),
            min_p=number_in(params, "min_p", 0, 1, 0.0),
            seed=params.get("sampling_seed"),
            ignore_eos=bool(params.get("ignore_eos")),
            top=top,
            beside=tuple(body.get("token_ids_logprob") or ()),
            limit=_limit(params),
        )

    def _writer(
        self, body: dict[str, Any], ask: Ask, done: Completion, charges: Charges
    ) -> tuple[Callable[[int, str], dict[str, Any]], Completion]:
        """What writes the answer as it is after so many tokens."""
        rid = body.get("rid") or f"r{self.number()}"
        inputs = self._input_logprobs(body, ask) if body.get("return_logprob") else {}

        def write(count: int, text: str) -> dict[str, Any]:
            ended = count == len(done.tokens)
            meta = {
                "id": rid,
                "finish_reason": _finish(done) if ended else None,
                "prompt_tokens": len(ask.ids or ()),
                "weight_version": "default",
                "completion_tokens": count,
                "cached_tokens": charges.read,
                "e2e_latency": 0.01,
            }
            if body.get("return_logprob"):
                meta |= inputs | self._output_logprobs(body, ask, done.tokens[:count])
            trims = not (body.get("sampling_params") or {}).get("no_stop_trim")
            whole = text if trims or not ended or done.stop is None else text + done.stop
            return {"text": whole, "output_ids": [token.id for token in done.tokens[:count]], "meta_info": meta}

        return write, done

    def _stream(self, answers: Sequence[tuple[Callable[[int, str], dict[str, Any]], Completion]]) -> Iterator[Frame]:
        """Text is cumulative, unless the server was started otherwise."""
        for index, (write, done) in enumerate(answers):
            count, text = 0, ""
            for piece, tokens in pieces(done):
                count += len(tokens)
                text = piece if self.setup.options.get("incremental") else text + piece
                doc = write(count, text)
                yield Frame(doc | ({"index": index} if len(answers) > 1 else {}), tokens=len(tokens))
            if not done.tokens:
                yield Frame(write(0, ""))
        yield Frame("[DONE]")

    def _input_logprobs(self, body: dict[str, Any], ask: Ask) -> dict[str, Any]:
        """From `logprob_start_len` on; the first of them has none, as nothing before it was looked at."""
        ids, start = ask.ids or (), body.get("logprob_start_len", -1)
        start = len(ids) - 1 if start < 0 else min(start, len(ids) - 1)
        scored = self.brain.score(ids, int(body.get("top_logprobs_num") or 0))[start:]
        scored = [Token(scored[0].id, scored[0].text, None), *scored[1:]]
        told = {"input_token_logprobs": [self._triple(body, token) for token in scored]}
        if body.get("top_logprobs_num"):
            told["input_top_logprobs"] = [self._top(body, token) or None for token in scored]
        return told

    def _output_logprobs(self, body: dict[str, Any], ask: Ask, tokens: Sequence[Token]) -> dict[str, Any]:
        told: dict[str, Any] = {"output_token_logprobs": [self._triple(body, token) for token in tokens]}
        if top := int(body.get("top_logprobs_num") or 0):
            told["output_top_logprobs"] = [self._top(body, token)[:top] for token in tokens]
        if ask.beside:
            named = [{number: logprob for number, _, logprob in token.top} for token in tokens]
            told["output_token_ids_logprobs"] = [[[row.get(i), i, None] for i in ask.beside] for row in named]
        return told

    def _triple(self, body: dict[str, Any], token: Token) -> list[Any]:
        text = token.text.decode("utf-8", "replace") if body.get("return_text_in_logprobs") else None
        return [token.logprob, token.id, text]

    def _top(self, body: dict[str, Any], token: Token) -> list[list[Any]]:
        return [self._triple(body, Token(number, raw, logprob)) for number, raw, logprob in token.top]


def _is_nested(ids: Any) -> bool:
    return isinstance(ids, list) and bool(ids) and isinstance(ids[0], list)


def _finish(done: Completion) -> dict[str, Any]:
    if done.finish == "length":
        return {"type": "length", "length": len(done.tokens)}
    return {"type": "stop", "matched": done.stop}


def _limit(params: dict[str, Any]) -> Limit | None:
    kinds = [kind for kind in ("json_schema", "regex", "ebnf", "structural_tag") if params.get(kind)]
    if len(kinds) > 1:
        raise Refused("invalid", "Only one of regex, json_schema, or ebnf can be set.")
    if not kinds:
        return None
    if kinds == ["json_schema"]:
        return of_schema(json.loads(params["json_schema"]))
    if kinds == ["regex"]:
        return Limit("regex", params["regex"])
    raise Refused("invalid", f"fake: {kinds[0]} is beyond it")
