"""How `select` compares its choices: the methods, and what may happen where the prompt meets a choice.

`exact` compares probabilities of whole choices; the other three are SGLang's.
"""

from __future__ import annotations

from typing import Literal, get_args

ChoicesMethod = Literal[
    "exact", "token_length_normalized", "greedy_token_selection", "unconditional_likelihood_normalized"
]
# exact: where the prompt's last tokens and a choice make other tokens together, those are scored, and stay
# naive: every choice is encoded by itself, as SGLang's methods were made for
Boundary = Literal["exact", "naive"]
# by what means an API makes a select
# scores: the log-probabilities of the tokens of every choice, which the methods compare
# logprobs: how likely each choice is as the next token, told beside the one that was written
# decisions, systemone: an endpoint that weighs labels that stand for the choices
# enum: the model writes one of the choices, and is held to them
SelectBy = Literal["scores", "decisions", "systemone", "logprobs", "enum"]
DEFAULT_METHOD: ChoicesMethod = "token_length_normalized"

CHOICES_METHODS: tuple[ChoicesMethod, ...] = get_args(ChoicesMethod)
BOUNDARIES: tuple[Boundary, ...] = get_args(Boundary)


def default_boundary(method: str) -> Boundary:
    """What a `select` that says nothing of its boundary gets."""
    return "exact" if method == "exact" else "naive"
