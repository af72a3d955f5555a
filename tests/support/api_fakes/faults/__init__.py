"""What can go wrong with an API, each by its name, and the plan of when it does."""

from .fault import Fault
from .kinds import *  # noqa: F403
from .plan import Plan, each, share

__all__ = ["Fault", "Plan", "each", "share"]
