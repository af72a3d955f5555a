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

CHOICES_METHODS: tuple[ChoicesMethod, ...] = get_args(ChoicesMethod)
BOUNDARIES: tuple[Boundary, ...] = get_args(Boundary)


def default_boundary(method: str) -> Boundary:
    """What a `select` that says nothing of its boundary gets."""
    return "exact" if method == "exact" else "naive"
