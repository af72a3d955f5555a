"""How a generation is sampled: one record, and the only place where its parameters are spelled out.

Names and defaults are SGLang's. `gen(...)`, `run(...)`, the op table, the printer and the backends all read
this record's fields, so a new parameter is one line here.
"""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Sampling:
    """What decides the next token, and when to stop.

    max_tokens, min_tokens   generated tokens, per sample
    n                        samples of the same prompt; the value becomes a list when n > 1
    stop                     texts that end the generation; the text itself is cut off
    stop_regex               patterns that end the generation; the match is cut off
    temperature              0 is greedy
    top_k                    -1 keeps every token
    on_distortion            what to do where a constraint leaves little of the model's distribution: "warn", "score"
                             (decide again by exact scores, where the texts are few), "unconstrained-then-validate"
                             (ask freely first); None does not look
    seed                     None draws from the run's seed, the item and the program state's lineage
    """

    max_tokens: int = 128
    min_tokens: int = 0
    n: int = 1
    stop: tuple[str, ...] = ()
    stop_token_ids: tuple[int, ...] = ()
    stop_regex: tuple[str, ...] = ()
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = -1
    min_p: float = 0.0
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    repetition_penalty: float = 1.0
    ignore_eos: bool = False
    seed: int | None = None
    return_logprob: bool = False
    logprob_start_len: int | None = None
    top_logprobs_num: int = 0
    return_text_in_logprobs: bool = False
    on_distortion: str | None = None

    @property
    def greedy(self) -> bool:
        """True where the same prompt always gives the same tokens."""
        return self.temperature <= 1e-5 or self.top_k == 1


MAX_SAMPLES = 4096  # of one prompt: all of them wait, and are kept, together
ON_DISTORTION = ("warn", "score", "unconstrained-then-validate")
SAMPLING_FIELDS: tuple[str, ...] = tuple(f.name for f in fields(Sampling))
# the names `run` and `run_batch` use for the same thing
RUN_NAMES: dict[str, str] = {"max_new_tokens": "max_tokens"}
