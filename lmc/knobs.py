"""What the environment sets. Read when it is asked for, so that a test or a notebook may change it.

LMC_DEBUG  `1`: whole tracebacks and a verifier after every pass; `verify`: only the latter
"""

from __future__ import annotations

import os


def shows_tracebacks() -> bool:
    """Whether a command that fails shows where in lmc, instead of one message."""
    return os.environ.get("LMC_DEBUG") == "1"


def verifies_each_pass() -> bool:
    """Whether every pass is followed by the verifier, not only the last."""
    return os.environ.get("LMC_DEBUG") in ("1", "verify")
