"""Graph breaks: what capture cannot put into a graph, each with a stable code and a way out.

Codes are never reused. `graph_break` makes the error; a break may be refined by a message of its own.
"""

from __future__ import annotations

from lmc.errors import CaptureError
from lmc.source import Span

BREAKS: dict[str, tuple[str, str]] = {
    "LMC-GB001": ("the source of {0} cannot be read", "define the program in a file"),
    "LMC-GB002": (
        "{0} has no rule in capture yet",
        "write it with if, for, while, calls and assignments, or move it into a function of its own",
    ),
    "LMC-GB003": ("{0} defers part of the program", "write a plain function or a list comprehension"),
    "LMC-GB004": (
        "{0} is two different things after the branch",
        "give it the same kind of value in each arm, or read it inside the arms",
    ),
    "LMC-GB005": (
        "{0} may be the state that was changed a moment ago",
        "read the state before changing the other name, or use one name for it",
    ),
    "LMC-GB006": ("an lmc expression was chosen by a branch", "append it in each arm"),
    "LMC-GB007": ("{0} changes an argument of the program", "copy it first: `xs = list(xs)`"),
    "LMC-GB008": ("a value inside a run-time container is changed in place", "build a new value and assign it"),
    "LMC-GB009": ("{0} assigns a global variable", "return the value instead"),
    "LMC-GB010": (
        "a program state is given to {0}, which capture cannot look into",
        "pass text or values to it, or write it as a Python function in your own file",
    ),
    "LMC-GB011": (
        "the loop did not end after {0} iterations at trace time",
        "let its condition depend on a generated value, or bound it",
    ),
    "LMC-GB012": ("{0} calls itself and does not end at trace time", "turn the recursion into a loop"),
    "LMC-GB013": ("{0} cannot be used on a program state", "see the methods of a state in the README"),
    "LMC-GB014": ("roles do not match after the branch", "open and close a role in the same arm"),
    "LMC-GB015": (
        "{0} is defined inside the program and given to Python that capture cannot look into",
        "move it out of the program",
    ),
    "LMC-GB016": (
        "this generation's {0} is known only when the program runs",
        "use a constant, or an argument baked with a default",
    ),
    "LMC-GB017": (
        "the list of states is changed in a way that capture does not follow ({0})",
        "append to it, or build a new list",
    ),
    "LMC-GB018": (
        "sampling parameters given to a program that is called inside another",
        "give them to its gen(...) calls",
    ),
    "LMC-GB019": ("{0} is an asynchronous or generator function", "write the program as a plain def"),
    "LMC-GB020": ("a container is changed while it is walked over", "walk over a copy: `for x in list(xs)`"),
    "LMC-GB021": ("{0} is walked over twice, and there is nothing left of it after the first time", "make it a list"),
    "LMC-GB022": (
        "branches are nested more than {0} deep",
        "write a shorter chain of elif, or a loop over a run-time sequence instead of an unrolled one",
    ),
}


def graph_break(code: str, span: Span | None, *what: object) -> CaptureError:
    """The error for a break; `what` fills the message of the code."""
    message, help = BREAKS[code]
    return CaptureError(message.format(*what), span=span, code=code, help=help)
