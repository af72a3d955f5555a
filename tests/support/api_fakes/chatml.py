"""The prompt's text of a conversation, for brains without a chat template of their own."""

from __future__ import annotations

from collections.abc import Sequence

from .asked import Turn


def turn_text(turn: Turn, is_open: bool = False) -> str:
    """One turn."""
    return f"<|im_start|>{turn.role}\n{turn.text}" + ("" if is_open else "<|im_end|>\n")


def chatml(turns: Sequence[Turn], opens: bool, continues: bool) -> str:
    """The whole conversation."""
    last = len(turns) - 1
    text = "".join(turn_text(turn, continues and at == last) for at, turn in enumerate(turns))
    return text + "<|im_start|>assistant\n" if opens and not continues else text
