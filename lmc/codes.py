"""Every code that a message of lmc may carry: what it is called, what it means, and its page.

A code is a name that stays: it is never reused, and a message may be reworded behind it. Rooms take codes from here by
their constants. Pages are files of their own (`lmc/pages/LMC-GB014.md`), read when somebody asks. Standard library
only.

    LMC-GBnnn  graph breaks: what capture cannot put into a graph
    LMC-CNnnn  constraints: below 100 refusals and lints, above what a run has to say
    LMC-CTnnn  chat templates
    LMC-TKnnn  tokens
    LMC-PSnnn  prompts: what they share
    LMC-PRnnn  programs: what they do that surely goes wrong
    LMC-APnnn  APIs: what a model behind one cannot do, or does otherwise
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

PAGES = Path(__file__).parent / "pages"
ABOUT_BREAKS = "LMC-GB"  # how the codes of graph breaks begin
ABOUT_CONSTRAINTS = "LMC-CN"  # those of constraints
ABOUT_TOKENS = "LMC-TK"
ABOUT_SHARING = "LMC-PS"  # of what prompts share
ABOUT_PROGRAMS = "LMC-PR"
ABOUT_APIS = "LMC-AP"


@dataclass(frozen=True, slots=True)
class Code:
    """A code; `meaning` is one sentence."""

    id: str
    name: str
    meaning: str

    @property
    def page(self) -> str:
        """The page of a code in Markdown: what happened, why, an example that gives it, and one that does not."""
        body = (PAGES / f"{self.id}.md").read_text(encoding="utf-8")
        return f"## {self.id}: {self.name}\n\n{self.meaning}\n\n{body}"


CODES: dict[str, Code] = {}  # filled by `_code` below, in the order of this file


def _code(id: str, name: str, meaning: str) -> str:
    assert id not in CODES, f"{id} is taken"
    CODES[id] = Code(id, name, meaning)
    return id


def how_to_read(code: str) -> str:
    """What prints the page of a code, as messages say it."""
    return f"`lmc explain {code}` says more"


def with_footer(text: str) -> str:
    """A text of whole lines, with how to read the page of a code below it where one stands in it."""
    is_coded = re.search(r"\bLMC-[A-Z]{2}\d{3}\b", text)
    return f"{text}\n{how_to_read('CODE')}\n" if is_coded else text


def listing() -> str:
    """All codes, a line each."""
    width = max(len(code.id) for code in CODES.values())
    return "".join(f"{code.id:<{width}}  {code.name}\n" for code in CODES.values())


def document() -> str:
    """All pages as one Markdown file, with a table of contents: `docs/codes.md`."""
    head = (
        "# Codes\n\nA message of lmc carries a code where there is more to say. `lmc explain LMC-GB014` prints one "
        "page\nof this file, which is made of the table in `lmc/codes.py`. The examples are run by the tests.\n"
    )
    rows = "".join(f"| {code.id} | {code.name} |\n" for code in CODES.values())
    return f"{head}\n| code | name |\n|---|---|\n{rows}\n" + "\n".join(code.page for code in CODES.values())


# --- graph breaks ----------------------------------------------------------------------------------------

NO_SOURCE = _code(
    "LMC-GB001", "source not found", "The text of a function cannot be read, so capture has nothing to look at."
)
NO_RULE = _code("LMC-GB002", "no rule", "The program uses a part of Python that capture has no rule for.")
DEFERRED = _code("LMC-GB003", "deferred code", "A part of the program would run later than where it stands.")
TWO_KINDS = _code(
    "LMC-GB004", "two kinds after a branch", "A name is two different kinds of thing after a branch or a loop."
)
STALE_STATE = _code(
    "LMC-GB005", "a state under two names", "A name may or may not be the state that was changed a moment ago."
)
CHOSEN_EXPRESSION = _code(
    "LMC-GB006", "expression chosen by a branch", "A branch chose an lmc expression that no state holds yet."
)
CHANGED_IN_PLACE = _code(
    "LMC-GB008", "container changed in place", "A value inside a container that only the run knows is changed in place."
)
GLOBAL_UNBOUND = _code("LMC-GB009", "global unbound", "The program unbinds a variable of its module.")
STATE_GIVEN_AWAY = _code(
    "LMC-GB010", "state given away", "A program state is given to code that capture cannot look into."
)
ENDLESS_LOOP = _code("LMC-GB011", "endless loop", "A loop has no end: nothing in it breaks, returns or may raise.")
ENDLESS_RECURSION = _code(
    "LMC-GB012", "endless recursion", "A function calls itself and does not end while the program is traced."
)
NOT_A_STATES_METHOD = _code(
    "LMC-GB013", "unknown use of a state", "A program state does not have this method or operator."
)
ROLES_AFTER_BRANCH = _code(
    "LMC-GB014", "roles after a branch", "A turn is open after one arm of a branch and closed after the other."
)
FUNCTION_GIVEN_AWAY = _code(
    "LMC-GB015",
    "function given away",
    "A function made inside the program is given to Python that capture cannot look into.",
)
RUN_TIME_PARAMETER = _code(
    "LMC-GB016",
    "parameter of the run",
    "A parameter of a generation must be known when the program is compiled, and is not.",
)
LIST_OF_STATES = _code(
    "LMC-GB017", "list of states changed", "A list of states is changed in a way that capture does not follow."
)
INNER_SAMPLING = _code(
    "LMC-GB018",
    "sampling of an inner program",
    "Sampling parameters are given to a program that is called inside another.",
)
NOT_A_PLAIN_FUNCTION = _code(
    "LMC-GB019", "not a plain function", "The program is an asynchronous function or a generator."
)
CHANGED_WHILE_WALKED = _code(
    "LMC-GB020", "container changed in its loop", "A container is changed while a loop walks over it."
)
WALKED_TWICE = _code(
    "LMC-GB021", "iterator used twice", "An iterator is walked over again after nothing is left of it."
)
TOO_DEEP = _code("LMC-GB022", "branches too deep", "Branches stand in one another more deeply than a graph may be.")
SOURCE_CHANGED = _code(
    "LMC-GB026", "source has changed", "The code that a function has is not what its file says at that place."
)
OUT_OF_SIGHT = _code(
    "LMC-GB027", "program out of sight", "Code that capture does not look into may call another program."
)
SET_ORDER = _code("LMC-GB031", "order of a set", "The order of a set is asked for, and only Python itself knows it.")
ESCAPED = _code(
    "LMC-GB032", "given away", "A value is given to code that may change it, and capture cannot follow that."
)
UNTAKEN_EXPRESSION = _code(
    "LMC-GB033", "expression taken for its value", "An lmc expression is used where a text or a value is meant."
)

# --- constraints: refusals and lints ---------------------------------------------------------------------

EMPTY = _code("LMC-CN001", "nothing fits", "No text satisfies a constraint, so a generation under it could not begin.")
INVALID = _code("LMC-CN002", "not well formed", "A grammar or structural tag cannot be read by what has to follow it.")
UNSUPPORTED = _code(
    "LMC-CN003", "cannot be kept", "A part of a constraint could be followed only in part, so it is refused."
)
TOO_LARGE = _code("LMC-CN004", "automaton too large", "The automaton of a constraint needs too many states.")
WHITESPACE = _code(
    "LMC-CN005", "free spaces in JSON", "Spaces that a JSON schema allows cost tokens, or keep text from being forced."
)
RELAXED = _code(
    "LMC-CN006", "schema not kept exactly", "A keyword of a JSON schema is kept by fewer texts, late, or not at all."
)
ENDLESS = _code("LMC-CN007", "endless grammar", "A rule of a grammar leads to itself and never ends.")
PREFIX = _code(
    "LMC-CN011",
    "a choice begins another",
    "One choice is how another one begins, so they cannot be told apart in time.",
)
FIRST_TOKEN = _code(
    "LMC-CN012", "choices share a token", "The first token of one choice also begins the text of another."
)
BOUNDARY = _code(
    "LMC-CN013",
    "prompt ends inside a token",
    "The tokenizer would not cut the text where the prompt ends and the answer begins.",
)
TOO_SHORT = _code(
    "LMC-CN014", "max_tokens too small", "No text of the constraint fits in the tokens that the call may make."
)
UNBOUNDED = _code(
    "LMC-CN015", "no longest text", "Neither a regex nor its call says where the text ends at the latest."
)
FREE_WHITESPACE = _code(
    "LMC-CN016", "free spaces in a regex", "A regex lets whitespace stand between texts that are fixed."
)
UNSPELLABLE = _code(
    "LMC-CN017", "not in the vocabulary", "The model's vocabulary cannot spell a part of the constraint."
)
END_IN_TAG = _code(
    "LMC-CN018", "end token in a tag", "A structural tag holds the token that ends every generation of the model."
)
TYPELESS = _code(
    "LMC-CN019", "schema without a type", "A JSON schema asks things of objects or arrays and does not ask for one."
)
BROKEN = _code(
    "LMC-CN020", "text breaks its schema", "A complete text breaks what no automaton knows of its JSON schema."
)
UNREADABLE = _code(
    "LMC-CN021", "output cannot be read", "A generated text cannot be read as the type that its call asks for."
)
OPEN_OBJECT = _code(
    "LMC-CN030", "object that takes any name", "An object of a JSON schema may have properties that nothing describes."
)
REFUSED_BY_TYPE = _code(
    "LMC-CN031", "type refuses what its schema allows", "Texts fit the JSON schema of a type, and it cannot read them."
)
NO_TEXT = _code("LMC-CN035", "terminal without a text", "A terminal of a grammar matches no text at all.")
UNREACHED = _code("LMC-CN036", "rule out of reach", "No text of a grammar comes to one of its rules.")
RUNS_OVER = _code(
    "LMC-CN037", "terminals run into one another", "A terminal of a grammar could go on with what stands behind it."
)
VACANT = _code(
    "LMC-CN038", "schema that nothing satisfies", "A part of a JSON schema asks for what no value is at once."
)

IDLE_STOP = _code("LMC-CN033", "stop that never occurs", "No text that a constraint allows holds the stop of its call.")

# --- constraints: what a run has to say ------------------------------------------------------------------

DISTORTED = _code("LMC-CN110", "distorted distribution", "A constraint left little of what the model wanted to say.")

# --- chat templates --------------------------------------------------------------------------------------

REWRITING = _code(
    "LMC-CT001", "template rewrites turns", "The tokenizer's chat template changes earlier turns when a turn is added."
)

# --- tokens ----------------------------------------------------------------------------------------------

MERGES = _code(
    "LMC-TK001",
    "text that merges with a value",
    "The tokenizer reads the end of a text and the value behind it as one token, so calls share less than the text.",
)

# --- what prompts share ----------------------------------------------------------------------------------

CHANGES_EACH_RUN = _code(
    "LMC-PS001",
    "text that changes at each run",
    "A clock, a random number or the like stands in a prompt before text that is the same in every run.",
)
SET_IN_PROMPT = _code(
    "LMC-PS002", "order of a set in a prompt", "A set stands in a prompt, in an order that each process has for itself."
)
LATE_CONSTANT = _code(
    "LMC-PS003",
    "long text behind an argument",
    "An argument stands in a prompt before a long text that is the same in every run.",
)
LATE_ARGUMENT = _code(
    "LMC-PS004",
    "argument behind text that differs",
    "Two calls have an argument in common, behind text in which they differ.",
)
OTHER_ORDER = _code(
    "LMC-PS005",
    "same words in another order",
    "Two calls say the same words in another order, such as a list of tools, before text that both say.",
)
OTHER_SPACES = _code(
    "LMC-PS006", "other spaces", "Two calls differ in spaces or line ends alone, before text that both say."
)
OTHER_TURN = _code("LMC-PS007", "same text in another turn", "Two calls say the same text in turns of other roles.")
MORE_EXAMPLES = _code(
    "LMC-PS008",
    "another number of examples",
    "One of two calls says more than the other, such as an example, before text that both say.",
)

# --- programs --------------------------------------------------------------------------------------------

FAILS = _code("LMC-PR001", "surely fails", "What stands there raises an error whenever it is reached.")
NOT_APPENDED = _code(
    "LMC-PR002", "not appended", "An expression of the language is made and not appended, so it does nothing."
)
UNREAD = _code("LMC-PR003", "call that nothing reads", "What a call generates is read by nothing, so it is dropped.")
DECIDED = _code(
    "LMC-PR004", "condition that never changes", "A condition comes out the same in every run, as no other text comes."
)
SURELY_WRONG = (FAILS, NOT_APPENDED)  # what `lmc compile` says too

# --- APIs ------------------------------------------------------------------------------------------------

OUTSIDE_ROLES = _code(
    "LMC-AP001", "text outside of roles", "An API that knows turns alone gets text outside of them as the user's."
)
OTHER_COMPARISON = _code(
    "LMC-AP002", "choices compared otherwise", "An API compares the choices of a select by means of its own."
)
HIDDEN_THOUGHTS = _code(
    "LMC-AP003", "hidden thoughts", "A model thinks before it answers, unseen, and that counts against max_tokens."
)
NOT_CONTINUED = _code(
    "LMC-AP004", "turn that is not continued", "A call stands where an API does not let its model write."
)
NOT_FOLLOWED = _code(
    "LMC-AP005", "parameter not followed", "A model behind an API does not follow a parameter of a call, or not so far."
)
NOT_ENFORCED = _code(
    "LMC-AP006", "constraint not enforced", "An API does not hold a model to a constraint, or not to all of it."
)
