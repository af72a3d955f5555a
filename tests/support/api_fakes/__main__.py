"""A fake as a process of its own, so that a benchmark of a client shares no interpreter with it.

python -m tests.support.api_fakes --dialect openai --port 0 [--text "Hello!"] [--first-s 0.2 --token-s 0.02]

Prints its URL as the first line, then serves until its standard input ends or it is killed.
"""

from __future__ import annotations

import argparse
import sys

from .brains.script import ScriptBrain
from .brains.tiny import TinyBrain
from .fake import DIALECTS, Fake
from .server import Pace


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.api_fakes")
    parser.add_argument("--dialect", choices=DIALECTS, default="openai")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--text", default="Hello!", help="what is always answered")
    parser.add_argument("--tiny", type=int, metavar="SEED", help="the tiny model instead of a text")
    parser.add_argument("--first-s", type=float, default=0.0)
    parser.add_argument("--token-s", type=float, default=0.0)
    parser.add_argument("--idle-s", type=float)
    parser.add_argument("--kept", type=int, default=1000, help="requests remembered")
    told = parser.parse_args()
    brain = ScriptBrain(told.text) if told.tiny is None else TinyBrain(seed=told.tiny)
    pace = Pace(told.first_s, told.token_s)
    with Fake(told.dialect, brain, pace=pace, idle_s=told.idle_s, kept=told.kept, port=told.port) as fake:
        print(fake.url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
