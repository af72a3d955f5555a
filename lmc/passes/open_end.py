"""What a known text keeps of its tokens when text follows that is not known yet.

Not a pass. A tokenizer may read the end of a text and what follows as one token, so the tokens of a literal before a
hole are those of the prompt only up to some point. It is found by trying beginnings of what may follow; only tokens
that stay with all of them count. That is an estimate, as all is that is said of a prompt with a hole: a value may begin
in a way that nobody tried.
"""

from __future__ import annotations

from collections.abc import Sequence

from lmc.common_prefix import common_len
from lmc.ir.prompt import Encode, Ids, Text
from lmc.ir.runs import Run, merged

WORDS = ("a", "er", "in", "The", "1")
FOLLOWING = (*WORDS, "word", " word", "   ", "\n", "\n\n", '"', ".")


def num_kept(run: Run, after: Ids | None, encode: Encode, following: Sequence[str] = FOLLOWING) -> int:
    """How many of a run's tokens stay whichever of some texts follows it."""
    known, pieces = encode(run, after), merged(run)
    return min(common_len(known, encode((*pieces, Text(text)), after)) for text in following)
