"""Puts the corpus of programs (tests/oracle/programs) where it can be imported."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "oracle"))
