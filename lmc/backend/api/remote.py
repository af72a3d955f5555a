"""A model behind an API as a backend: where it is, what it is called, who asks; and what it can do."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from lmc import knobs
from lmc.backend.api import wire
from lmc.backend.api.abilities import DIALECTS, FUSES, HOSTED, ApiFuse, abilities, caps_of, speculates_of
from lmc.backend.api.keys import Secret, key_for
from lmc.backend.api.limits import Gate
from lmc.backend.api.prices import Price, price
from lmc.backend.api.wire import openai_chat
from lmc.errors import ArgumentError, BackendError, did_you_mean
from lmc.ir.caps import Caps, Fallback
from lmc.tokenizer.byte_tokenizer import ByteTokenizer

if TYPE_CHECKING:
    from lmc.backend.api.abilities import Abilities
    from lmc.backend.api.ask import WireAsk
    from lmc.backend.api.probe import Probed
    from lmc.backend.api.prompt_cache import PromptCache
    from lmc.backend.api.session import ApiSession
    from lmc.backend.api.speculation import Means
    from lmc.backend.api.speculation_gains import Gains, RowRates
    from lmc.backend.api.wire import Dialect
    from lmc.ir.caps import Speculates
    from lmc.ir.prompt import Tokenizer

DialectName = Literal["auto", "openai", "anthropic", "vllm", "sglang", "llamacpp", "ollama"]

PLACES = {
    "openai": knobs.OPENAI_BASE_URL,
    "anthropic": knobs.ANTHROPIC_BASE_URL,
    "vllm": knobs.VLLM_BASE_URL,
    "sglang": knobs.SGLANG_BASE_URL,
    "llamacpp": knobs.LLAMACPP_BASE_URL,
    "ollama": knobs.OLLAMA_BASE_URL,
}


class Remote:
    """A model that somebody else runs, asked over HTTP.

    url            the server, as `http://localhost:8000`; without one, where the dialect's environment variable says
    model          its name there; a server that has only one need not be told
    api_key        a key, where the environment's is not meant; it is never shown
    dialect        whose API it is; "auto" finds out, and takes no key from the environment
    tokenizer      the model's checkpoint folder: prompts are sent as token ids, by its own template, to a server that
                   takes them. Without one, prompts are sent as text, and tokens are counted by the server alone
    timeout_s      for one call with all that it is tried again
    silence_s      after how long without a byte a call is given up, and tried again where nothing was told yet
    max_in_flight  calls at once; by default what the table of models says
    retries        how often a call that failed in a way that may pass is tried again
    fallback       "emulate": what the server lacks and lmc can check is checked, and asked again
    prompt_cache   True: shared beginnings of prompts are marked for the API's cache, and calls that can read what
                   another writes wait for its first word; False: nothing is said of it, and nobody waits
    api_fuse       True: several generations of a turn are asked for in one call where each is what it would be alone;
                   "text": also where the server does not tell where its tokens end; "schema": also where a turn cannot
                   be gone on with, as the fields of a JSON object, which is another prompt; False: never
    table, prices  files of what models can do and cost that stand before lmc's own

    The server is first asked something when the backend is first used. Raises BackendError where it cannot be
    reached or found out, ArgumentError for an argument that is none.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        model: str | None = None,
        api_key: str | Secret | None = None,
        dialect: DialectName = "auto",
        tokenizer: str | Path | None = None,
        timeout_s: float = 600.0,
        silence_s: float = 120.0,
        max_in_flight: int | None = None,
        retries: int = 2,
        fallback: Fallback | None = None,
        prompt_cache: bool = True,
        api_fuse: ApiFuse = True,
        table: str | Path | None = None,
        prices: str | Path | None = None,
    ) -> None:
        if dialect != "auto" and dialect not in DIALECTS:
            help = did_you_mean(str(dialect), DIALECTS, repr) or f"there are auto, {', '.join(DIALECTS)}"
            raise BackendError(f"there is no dialect {dialect!r}", help=help)
        if url is None and dialect == "auto":
            raise BackendError("Remote needs a URL or a dialect", help='Remote("http://localhost:8000")')
        _check(timeout_s=timeout_s, silence_s=silence_s)
        if max_in_flight is not None and not _is_count(max_in_flight, 1):
            raise ArgumentError(f"max_in_flight={max_in_flight!r} is no number of calls", help="1 or more")
        if not _is_count(retries, 0):
            raise ArgumentError(f"retries={retries!r} is no number of repetitions", help="0 or more")
        if fallback not in (None, "emulate"):
            raise ArgumentError(f"there is no fallback {fallback!r}", help='"emulate", or None')
        self._root, self._base = _places(url, dialect)
        self._key = key_for(dialect, api_key)
        self._dialect, self._model = dialect, model
        self._timeout_s, self._silence_s, self._retries = timeout_s, silence_s, retries
        self._max_in_flight, self._fallback = max_in_flight, fallback
        if not isinstance(prompt_cache, bool):
            raise ArgumentError(
                f"prompt_cache={prompt_cache!r} is neither True nor False", help="leave it out, or False"
            )
        self._prompt_cache = prompt_cache
        if api_fuse not in FUSES:
            raise ArgumentError(f"api_fuse={api_fuse!r} is no way to ask", help=f"one of {', '.join(map(repr, FUSES))}")
        self._fuse = api_fuse
        self._table, self._prices = table, prices
        self._found: ApiTarget | None = None
        self.is_closed = False
        self._has_tokenizer = tokenizer is not None
        self.tokenizer: Tokenizer = ByteTokenizer() if tokenizer is None else _loaded(tokenizer)

    @property
    def name(self) -> str:
        """What reports call it."""
        if self._dialect != "auto":
            return self._dialect
        return self._found.known.dialect if self._found is not None else "remote"

    @property
    def target(self) -> ApiTarget:
        """What is asked, found out when it is first needed. Raises BackendError."""
        if self._found is None:
            self._found = self._find()
        return self._found

    @property
    def caps(self) -> Caps:
        """What the model can do. Raises BackendError where the server cannot be reached."""
        target = self.target
        counts = target.sends_ids
        caps = caps_of(
            target.known,
            fallback=self._fallback,
            max_len=target.max_len,
            counts_tokens=counts,
            speculates=target.speculates,
        )
        return replace(caps, hints=frozenset(("row",)) if caps.speculates else frozenset())

    @property
    def identity(self) -> str:
        """What decides its answers, for who compares runs."""
        return f"{self.target.known.model} at {self._base}"

    def open(self, namespace: str = "") -> ApiSession:
        """A new session. Raises BackendError."""
        from lmc.backend.api.session import ApiSession

        if self.is_closed:
            raise BackendError("the backend is closed", help="make another one, or close it later")
        return ApiSession(self.target, self.tokenizer)

    def close(self) -> None:
        """No session may be opened any more; once more changes nothing."""
        self.is_closed = True

    def __repr__(self) -> str:
        model = "" if self._model is None else f", model={self._model!r}"
        return f"Remote({self._base!r}{model}, dialect={self._dialect!r})"

    def _find(self) -> ApiTarget:
        dialect, model, max_len = str(self._dialect), self._model, None
        if dialect == "auto" or (model is None and dialect not in HOSTED):
            found = self._probe(is_known=dialect != "auto")
            dialect = found.dialect or dialect
            model, max_len = model or _only(found, self._base), found.max_len
        if model is None:
            raise BackendError(f"{dialect} has many models: which?", help='--model NAME, or model="..."')
        known = abilities(dialect, model, table=self._table)
        if self._has_tokenizer and not known.takes_ids:
            raise BackendError(
                f"{known.called} takes no token ids", help="leave tokenizer= out: prompts are then sent as text"
            )
        return ApiTarget(
            self._root, self._base, known, self._key, self._timeout_s, self._silence_s, self._retries,
            self._max_in_flight or known.concurrency, max_len, self._fallback,
            price(known.model, dialect=known.dialect, table=self._prices), sends_ids=self._has_tokenizer,
            uses_prompt_cache=self._prompt_cache,
            speculates=self._speculates(known),
        )  # fmt: skip

    def _speculates(self, known: Abilities) -> Speculates:
        if self._has_tokenizer and not self.tokenizer.is_byte_level:
            return ""  # its tokens are other bytes at the beginning of a text, so that nobody can say where one ends
        return speculates_of(known, self._fuse, sends_ids=self._has_tokenizer)

    def _probe(self, *, is_known: bool) -> Probed:
        from lmc.backend.api.probe import probe

        found = probe(self._root, self._base, openai_chat.head(self._key), is_known=is_known)
        if found.why:
            raise BackendError(f"{self._base} is no server that can be asked: {found.why}", help="is it running there?")
        return found


class ApiTarget:
    """Where calls go and how: what the sessions of a backend have in common.

    base  the URL that a dialect's paths are put behind
    """

    def __init__(
        self,
        root: str,
        base: str,
        known: Abilities,
        key: Secret | None,
        timeout_s: float,
        silence_s: float,
        retries: int,
        max_in_flight: int,
        max_len: int | None,
        fallback: Fallback | None,
        rates: Price | None,
        *,
        sends_ids: bool,
        uses_prompt_cache: bool = True,
        speculates: Speculates = "",
    ) -> None:
        self.root, self.base, self.known, self._key = root, base, known, key
        self.fallback, self.price, self.sends_ids = fallback, rates, sends_ids
        self.timeout_s, self.silence_s, self.retries = timeout_s, silence_s, retries
        self.max_in_flight, self.max_len = max_in_flight, max_len
        self.place = f"{known.model} at {urlsplit(base).netloc}"
        self._gate: tuple[asyncio.AbstractEventLoop, Gate] | None = None
        self._uses_prompt_cache = uses_prompt_cache
        self._cache: tuple[asyncio.AbstractEventLoop, PromptCache] | None = None
        self.speculates = speculates
        self._gains: tuple[asyncio.AbstractEventLoop, Gains] | None = None

    def gate(self) -> Gate:
        """Where its calls wait for their turn. On the loop."""
        loop = asyncio.get_running_loop()
        if self._gate is None or self._gate[0] is not loop:
            self._gate = loop, Gate(min(self.max_in_flight, _most_connections()))
        return self._gate[1]

    def prompt_cache(self) -> PromptCache | None:
        """What is known of its prompt cache; None where using it on purpose is of no use. On the loop."""
        from lmc.backend.api.caching import factors_of
        from lmc.backend.api.prompt_cache import PromptCache

        rules = self.known.cache
        if not self._uses_prompt_cache or rules is None:
            return None
        factors = factors_of(self.price, rules)
        if factors[1] >= 1:
            return None
        loop = asyncio.get_running_loop()
        if self._cache is None or self._cache[0] is not loop:
            implicit = self.known.dialect == "openai" and rules.kind == "breakpoints"
            new = PromptCache(rules, factors, self.known.bytes_a_token, is_implicit=implicit, now=loop.time)
            self._cache = loop, new
        return self._cache[1]

    @property
    def speculates_by(self) -> Means | None:
        """How the answer to a row of calls is cut; None where there are none."""
        if self.speculates == "tokens":
            return "ids" if self.sends_ids else "tokens"
        return "text" if self.speculates == "text" else None

    def gains(self) -> Gains:
        """What is known of its rows of calls. On the loop."""
        from lmc.backend.api.speculation_gains import Gains

        loop = asyncio.get_running_loop()
        if self._gains is None or self._gains[0] is not loop:
            self._gains = loop, Gains(self.max_in_flight)
        return self._gains[1]

    def row_rates(self) -> RowRates | None:
        """What a row of calls is weighed by; None where nothing is paid for, or nobody knows what."""
        from lmc.backend.api.caching import factors_of
        from lmc.backend.api.speculation_gains import RowRates

        price, rules = self.price, self.known.cache
        if price is None:
            return None
        if rules is None:
            return RowRates.of(price, None, 0)
        return RowRates.of(price, price.input * factors_of(price, rules)[1], rules.min_tokens)

    def dialect_of(self, ask: WireAsk) -> Dialect:
        """In whose words a call is written."""
        return wire.dialect_of(self.known.dialect, ask)

    def url(self, dialect: Dialect, ask: WireAsk) -> str:
        """Where a call is sent."""
        at_root = getattr(dialect, "at_root", None)
        return (self.root if at_root is not None and at_root(ask) else self.base) + dialect.path(ask)

    def head(self, dialect: Dialect) -> Mapping[str, str]:
        """The headers of a call, with the key."""
        return {"Content-Type": "application/json", "Accept": "text/event-stream", **dialect.head(self._key)}

    def without_key(self, said: bytes) -> bytes:
        """What a server said, without the key that it may quote."""
        if self._key is None:
            return said
        return self._key.hide_in(said.decode("utf-8", "replace")).encode()

    def without_key_in(self, said: Any) -> Any:
        """The same of what stands in a frame."""
        if isinstance(said, dict):
            return {name: self.without_key_in(value) for name, value in said.items()}
        return self._key.hide_in(said) if isinstance(said, str) and self._key is not None else said


def _loaded(folder: str | Path) -> Tokenizer:
    from lmc.tokenizer import load_tokenizer

    return load_tokenizer(Path(folder))


def _only(found: Probed, base: str) -> str | None:
    if len(found.models) > 1:
        shown = ", ".join(found.models[:8])
        raise BackendError(f"{base} has several models: which?", help=f'model="...": there are {shown}')
    if not found.models:
        raise BackendError(f"{base} names no model", help='model="..."')
    return found.models[0]


def _places(url: str | None, dialect: str) -> tuple[str, str]:
    """The root of the server, and the base URL of its API. Raises ArgumentError for what is no URL."""
    given = PLACES[dialect].read() if url is None else url
    if not isinstance(given, str):
        raise ArgumentError(f"url is no URL but {type(given).__name__}", help='as in "http://localhost:8000"')
    given = given.strip().rstrip("/")
    parts = urlsplit(given)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ArgumentError(f"{given!r} is no URL of a server", help='as in "http://localhost:8000"')
    if parts.username is not None or parts.query:
        raise ArgumentError("a URL with a key in it would be shown", help="give the key as api_key=")
    root = given.removesuffix("/v1")
    base = given if parts.path and parts.path != "/" else f"{given}/v1"
    return root, base


def _most_connections() -> int:
    """What the limit of open files leaves room for."""
    try:
        import resource
    except ImportError:  # not on Windows
        return 1 << 20
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 1 << 20 if soft == resource.RLIM_INFINITY else max(8, soft - 128)


def _is_count(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _check(**seconds: Any) -> None:
    for name, value in seconds.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
            raise ArgumentError(f"{name}={value!r} is no time", help="seconds, more than 0")


# --- by name -------------------------------------------------------------------------------------------------


def open_remote(url: str, model: str | None = None) -> Remote:
    """The server at a URL, whichever it is."""
    return Remote(url, model=model)


def open_openai(model: str | None = None) -> Remote:
    """A model of OpenAI's, or of a server that speaks like it (--model NAME; OPENAI_API_KEY, OPENAI_BASE_URL)."""
    return Remote(model=model, dialect="openai")


def open_anthropic(model: str | None = None) -> Remote:
    """A model of Anthropic's (--model NAME; ANTHROPIC_API_KEY, ANTHROPIC_BASE_URL)."""
    return Remote(model=model, dialect="anthropic")


def open_vllm(model: str | None = None) -> Remote:
    """A server of vLLM's (VLLM_BASE_URL)."""
    return Remote(model=model, dialect="vllm")


def open_sglang(model: str | None = None) -> Remote:
    """A server of SGLang's (SGLANG_BASE_URL)."""
    return Remote(model=model, dialect="sglang")


def open_llamacpp(model: str | None = None) -> Remote:
    """A server of llama.cpp's (LLAMACPP_BASE_URL)."""
    return Remote(model=model, dialect="llamacpp")


def open_ollama(model: str | None = None) -> Remote:
    """A server of Ollama's (--model NAME; OLLAMA_BASE_URL)."""
    return Remote(model=model, dialect="ollama")
