"""Fake servers on 127.0.0.1 that play the wire shapes of LLM APIs, for tests of what talks to such APIs.

    with Fake.openai(lambda prompt: "Paris", faults={0: faults.rate_limited(retry_after=0.1)}) as server:
        client = Client(base_url=server.v1)
        ...
    server.requests, server.bill, server.money

They refuse what the real ones refuse, charge prompts by the published cache rules, and misbehave as planned.
Run as a process of its own: `python -m tests.support.api_fakes --dialect openai --port 0`.
"""

from . import faults
from .asked import Ask, Brain, Call, Completion, Limit, Token, Turn
from .bill import Bill, Price
from .brains.script import Said, ScriptBrain
from .brains.tiny import TinyBrain
from .fake import DIALECTS, Fake
from .limits import RateLimits
from .recorded import Recorded
from .server import Pace
from .words import Folder, FourBytes, OneByte

__all__ = [
    "DIALECTS",
    "Ask",
    "Bill",
    "Brain",
    "Call",
    "Completion",
    "Fake",
    "Folder",
    "FourBytes",
    "Limit",
    "OneByte",
    "Pace",
    "Price",
    "RateLimits",
    "Recorded",
    "Said",
    "ScriptBrain",
    "TinyBrain",
    "Token",
    "Turn",
    "faults",
]
