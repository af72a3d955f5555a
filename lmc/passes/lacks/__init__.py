"""What a call or a turn asks for and the backend has not got; `fit` says it. A file for each kind of lack."""

from lmc.passes.lacks.constraints import constraint_lacks
from lmc.passes.lacks.lack import Lack
from lmc.passes.lacks.params import asked, run_time_asked, select_lacks
from lmc.passes.lacks.turns import TurnLacks, role_lacks

__all__ = ["Lack", "TurnLacks", "asked", "constraint_lacks", "role_lacks", "run_time_asked", "select_lacks"]
