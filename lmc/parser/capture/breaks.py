"""Graph breaks: what capture cannot put into a graph, each with a code of `lmc.codes` and a way out.

`graph_break` makes the error; a break may be refined by a message of its own. Where capture itself goes wrong there is
no graph either: `fault` makes the error that says so, and Python, which knows what the program means, runs it.
"""

from __future__ import annotations

import traceback
from pathlib import Path

from lmc import codes
from lmc.errors import CaptureError
from lmc.source import Span

BREAKS: dict[str, tuple[str, str]] = {
    codes.NO_SOURCE: ("the source of {0} cannot be read", "define the program in a file"),
    codes.NO_RULE: (
        "{0} has no rule in capture yet",
        "write it with if, for, while, calls and assignments, or move it into a function of its own",
    ),
    codes.DEFERRED: ("{0} defers part of the program", "write a plain function or a list comprehension"),
    codes.TWO_KINDS: (
        "{0} is two different things after the branch",
        "give it the same kind of value in each arm, or read it inside the arms",
    ),
    codes.STALE_STATE: (
        "{0} may be the state that was changed a moment ago",
        "read the state before changing the other name, or use one name for it",
    ),
    codes.CHOSEN_EXPRESSION: ("an lmc expression was chosen by a branch", "append it in each arm"),
    codes.CHANGED_IN_PLACE: (
        "a value inside a run-time container is changed in place",
        "build a new value and assign it",
    ),
    codes.GLOBAL_UNBOUND: ("{0} unbinds a global variable", "bind it to None instead"),
    codes.STATE_GIVEN_AWAY: (
        "a program state is given to {0}, which capture cannot look into",
        "pass text or values to it, or write it as a Python function in your own file",
    ),
    codes.ENDLESS_LOOP: (
        "the loop never ends: nothing in it breaks, returns or may raise",
        "give it a condition, or a `break`",
    ),
    codes.ENDLESS_RECURSION: ("{0} calls itself and does not end at trace time", "turn the recursion into a loop"),
    codes.NOT_A_STATES_METHOD: (
        "{0} cannot be used on a program state",
        "it has `+=`, s[name], fork, copy, text, messages, get_var, set_var, get_meta_info, var_scope and roles",
    ),
    codes.ROLES_AFTER_BRANCH: ("roles do not match after the branch", "open and close a role in the same arm"),
    codes.FUNCTION_GIVEN_AWAY: (
        "{0} is defined inside the program and given to Python that capture cannot look into",
        "move it out of the program",
    ),
    codes.RUN_TIME_PARAMETER: (
        "this generation's {0} is known only when the program runs",
        "use a constant, or an argument baked with a default",
    ),
    codes.LIST_OF_STATES: (
        "the list of states is changed in a way that capture does not follow ({0})",
        "append to it, or build a new list",
    ),
    codes.INNER_SAMPLING: (
        "sampling parameters given to a program that is called inside another",
        "give them to its gen(...) calls",
    ),
    codes.NOT_A_PLAIN_FUNCTION: ("{0} is an asynchronous or generator function", "write the program as a plain def"),
    codes.CHANGED_WHILE_WALKED: (
        "a container is changed while it is walked over",
        "walk over a copy: `for x in list(xs)`",
    ),
    codes.WALKED_TWICE: (
        "{0} is walked over twice, and there is nothing left of it after the first time",
        "make it a list",
    ),
    codes.TOO_DEEP: (
        "branches are nested more than {0} deep",
        "write a shorter chain of elif, or a loop over a run-time sequence instead of an unrolled one",
    ),
    codes.SOURCE_CHANGED: (
        "{0} has other code than its file says",
        "import the file anew, or start the process again",
    ),
    codes.OUT_OF_SIGHT: (
        "{0} may call another program",
        "call the program by its name, or pass what the function needs",
    ),
    codes.SET_ORDER: (
        "the order of a set is needed, which depends on how Python made it",
        "sort it: `sorted(...)`, or use a list or the keys of a dict",
    ),
    codes.ESCAPED: (
        "{0} is given to Python that capture cannot look into and that may change it",
        "give it a copy, or make it in the program and give that away",
    ),
    codes.UNTAKEN_EXPRESSION: (
        "an lmc expression is no value: nothing is generated before a state takes it",
        'append it, and read what came by its name: s += lmc.gen("a"), then s["a"]',
    ),
}


def graph_break(code: str, span: Span | None, *what: object) -> CaptureError:
    """The error for a break; `what` fills the message of the code."""
    message, help = BREAKS[code]
    return CaptureError(message.format(*what), span=span, code=code, help=help)


def fault(error: Exception, span: Span | None) -> CaptureError:
    """The error for what is wrong in lmc, not in the program; `span` is the place that it had come to."""
    [*_, at] = traceback.extract_tb(error.__traceback__)
    home = Path(__file__).parents[3]
    file = Path(at.filename)
    place = f"{file.relative_to(home) if file.is_relative_to(home) else file.name}:{at.lineno}"
    said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return CaptureError(f"a fault of lmc itself, please report it: {said} (at {place})", span=span)
