"""A brain whose prompts are written and counted as a checkpoint folder says: its template and its tokenizer."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from ..asked import Turn
from ..words import Folder
from .script import Script, ScriptBrain

if TYPE_CHECKING:
    from lmc.tokenizer import FolderTokenizer


class TemplatedBrain(ScriptBrain):
    """Answers as ScriptBrain does; a prompt is as many tokens as the folder's tokenizer makes of it."""

    def __init__(self, script: Script | str, tokenizer: FolderTokenizer) -> None:
        super().__init__(script, Folder(tokenizer))
        assert tokenizer.chat is not None
        self._begins, self._ends = dict(tokenizer.chat.begins), dict(tokenizer.chat.ends)

    def render(self, turns: Sequence[Turn], opens: bool, continues: bool) -> str:
        """By the folder's template."""
        roles = ["", *(turn.role for turn in turns)]
        text = "".join(self.between(*pair) + turn.text for pair, turn in zip(pairwise(roles), turns))
        if continues:
            return text
        return text + (self.between(roles[-1], "assistant") if opens else self._ends.get(roles[-1], ""))

    def between(self, before: str, role: str) -> str:
        """What ends a turn of one role, and begins the next one."""
        return self._ends.get(before, "") + self._begins[before, role]
