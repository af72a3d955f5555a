"""The language run eagerly: the user's unmodified function, with a state that does every primitive at once.

It shares nothing with capture, the IR, the passes and the executor but the expressions that primitives return, the
waist and the tokenizer; what it does is written down a second time on purpose. One call is in flight at a time.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import FunctionType, ModuleType
from typing import Any

from lmc.backend.base import Failed, Finished, Gen, Prompt, Request, Score, Segment, SegmentEnd, Session
from lmc.errors import ArgumentError, ChatTemplateError, LMError, OutputError, RequestError
from lmc.ir.constraint import Constraint, Grammar
from lmc.ir.ops import not_text
from lmc.ir.output import value_of
from lmc.ir.prompt import Control, Ids, Piece, Text, Tokenizer, well_formed
from lmc.ir.sampling import RUN_NAMES, SAMPLING_FIELDS, Sampling
from lmc.parser.primitives import DTYPE_REGEX, Concat, GenExpr, RoleBegin, RoleEnd, SelectExpr

Call = tuple[tuple[int, ...], Segment, int]  # prompt ids, what is asked for, samples
Answer = SegmentEnd | Failed


@dataclass
class EagerResult:
    """What a run left behind. After an error the variables, text and messages are those at that point."""

    vars: dict[Any, Any]
    text: str
    messages: list[dict[str, str]]
    ret_value: Any
    error: Exception | None
    calls: list[Call]


def run_eager(
    fn: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    session: Session,
    *,
    seed: int = 0,
    item: int = 0,
    defaults: dict[str, Any] | None = None,
) -> EagerResult:
    """Run `fn(s, *args, **kwargs)`; an exception of the program is returned, not raised.

    `defaults` are sampling parameters for generations that leave them out, by Sampling field or run name.
    """
    run = Run(session, seed, item, by_field(defaults or {}))
    root = EagerState(run, lineage=0)
    ret_value, error = None, None
    with programs_run_eagerly(fn, run):
        try:
            ret_value = fn(root, *args, **kwargs)
            run.raise_first_failure()
        except Exception as raised:
            error = raised
    return EagerResult(dict(root._vars), root._all_text(), [*root._turns], ret_value, error, run.calls)


# --- one run ---------------------------------------------------------------------------------------------


def mix(*parts: int) -> int:
    """A 64-bit number from integers, in order: one step of splitmix64 for each."""
    word = 2**64
    state = 0
    for part in parts:
        state = ((state ^ (part % word)) + 0x9E3779B97F4A7C15) % word
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) % word
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) % word
        state = state ^ (state >> 31)
    return state


def call_seed(run_seed: int, item: int, lineage: int, calls: int) -> int:
    """What a sampled call draws from: 63 bits."""
    return mix(mix(run_seed, item), lineage, calls) % 2**63


@dataclass
class Run:
    """What all states of a run share: the session, the seeds, and what has been called."""

    session: Session
    seed: int
    item: int
    defaults: dict[str, Any]
    calls: list[Call] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)
    num_programs: int = 0

    @property
    def tokenizer(self) -> Tokenizer:
        return self.session.tokenizer

    def ask(self, ids: tuple[int, ...], pieces: tuple[Piece, ...], segment: Segment, n: int) -> list[Answer]:
        """One call, run to its end: for each sample the end of its segment, or its failure."""
        rid = len(self.calls)
        self.calls.append((ids, segment, n))
        self.session.submit([Request(rid, Prompt(ids, pieces), (segment,), n=n)])
        answers: dict[int, Answer] = {}
        done: set[int] = set()
        while len(done) < n:
            for event in self.session.step(1.0):
                assert event.rid == rid, "another request is in flight"
                if isinstance(event, SegmentEnd | Failed):
                    answers[event.sample] = event
                if isinstance(event, Finished | Failed):
                    done.add(event.sample)
        return [answers[sample] for sample in range(n)]

    def was_read(self, failure: Exception) -> None:
        """The program has the error now: it does not come back at its end."""
        self.failures = [each for each in self.failures if each is not failure]

    def raise_first_failure(self) -> None:
        """A failed call that nobody read still fails the run."""
        if self.failures:
            raise self.failures[0]


def by_field(params: dict[str, Any]) -> dict[str, Any]:
    """Sampling parameters of `run`, by the names of the record's fields."""
    return {RUN_NAMES.get(name, name): value for name, value in params.items() if value is not None}


def sampling_of(given: dict[str, Any]) -> Sampling:
    """The record, with a lone text where a row of them is meant made one."""
    rows = {name: _row(given[name]) for name in ("stop", "stop_token_ids", "stop_regex") if name in given}
    return Sampling(**{**given, **rows})


def _row(value: Any) -> tuple[Any, ...]:
    return (value,) if isinstance(value, str | int) else tuple(value)


def constraint_of(expr: GenExpr) -> Constraint | None:
    """What the generation may say."""
    from lmc.parser.regex.parse import parse_regex

    if expr.dtype is not None:
        return parse_regex(DTYPE_REGEX[expr.dtype])
    if expr.regex is not None:
        return parse_regex(expr.regex)
    if expr.json_schema is not None:
        from lmc.parser.schema.parse import parse_schema

        return parse_schema(expr.json_schema, spacing=expr.spacing or "compact")
    if expr.grammar is not None:
        return Grammar(expr.grammar) if isinstance(expr.grammar, str) else expr.grammar
    if expr.structural_tag is not None:
        from lmc.parser.structural_tag import parse_structural_tag

        tag = expr.structural_tag
        is_text = isinstance(tag, str | dict)
        return parse_structural_tag(tag, spacing=expr.spacing or "compact") if is_text else tag
    return None


def _usual_boundary(expr: SelectExpr) -> str:
    return "exact" if expr.method == "exact" else "naive"


# --- a state ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Lost:
    """Stands where a failed call's value would be; reading it raises."""

    error: Exception


class EagerState:
    """`s`: a prompt so far, its variables, its turns and its random lineage."""

    def __init__(self, run: Run, lineage: int) -> None:
        self.ret_value: Any = None
        self._run = run
        self._lineage = lineage
        self._calls = 0
        self._pieces: list[Piece] = []
        self._vars: dict[Any, Any] = {}
        self._own: dict[Any, None] = {}  # names set since this state was forked, in order
        self._meta: dict[Any, Any] = {}
        self._turns: list[dict[str, str]] = []
        self._role: str | None = None
        self._previous = ""
        self._turn_start = 0
        self._fork_start = 0
        self._failure: Exception | None = None
        self._copied_from: EagerState | None = None

    # --- appending ---

    def __iadd__(self, x: object) -> EagerState:
        self._append(x)
        return self

    def _append(self, x: object) -> None:
        match x:
            case str():
                self._append_text(x)
            case Concat(parts):
                for part in parts:
                    self._append(part)
            case GenExpr():
                self._generate(x)
            case SelectExpr():
                self._select(x)
            case RoleBegin(role):
                self._begin(role)
            case RoleEnd(role):
                self._end(role)
            case _:
                raise not_text(x)

    def _append_text(self, text: str) -> None:
        if not text:
            return
        text = str.__str__(text)  # of a subclass the characters: a prompt is no object of the user's
        if self._pieces and isinstance(self._pieces[-1], Text):
            text = self._pieces.pop().text + text
        self._pieces.append(Text(text))

    def _append_answer(self, end: SegmentEnd) -> None:
        """The tokens stay as they are, even none; what is left of a token that a stop cut is text again."""
        assert end.text.endswith(end.tail)
        self._pieces.append(Ids(tuple(end.ids), end.text[: len(end.text) - len(end.tail)]))
        self._append_text(end.tail)

    def _all_text(self) -> str:
        return well_formed("".join(piece.text for piece in self._pieces))

    def _ids(self) -> tuple[int, ...]:
        """The prompt's tokens: what stands between two control tokens or generated values is encoded as one string."""
        starts_with_control = bool(self._pieces) and isinstance(self._pieces[0], Control)
        ids = [] if starts_with_control else list(self._run.tokenizer.begin_ids)
        return (*ids, *self._encoded(self._pieces))

    def _encoded(self, pieces: list[Piece]) -> list[int]:
        ids, text, control = list[int](), "", self._run.tokenizer.control_tokens()
        names = "(" + "|".join(map(re.escape, control)) + ")"
        for piece in pieces:
            if isinstance(piece, Ids):
                ids += [*self._run.tokenizer.encode(text), *piece.ids]
                text = ""
                continue
            for part in re.split(names, piece.text) if isinstance(piece, Control) else [piece.text]:
                if isinstance(piece, Control) and part in control:
                    ids += [*self._run.tokenizer.encode(text), control[part]]
                    text = ""
                else:
                    text += part
        return ids + self._run.tokenizer.encode(text)

    # --- calls ---

    def _generate(self, expr: GenExpr) -> None:
        sampling = sampling_of({**self._run.defaults, **dict(expr.params)})
        if expr.dtype in ("int", "float"):
            sampling = replace(sampling, stop=(*sampling.stop, " ", "\n"))
        sampling = replace(sampling, seed=self._seed(sampling))
        answers = self._call(Gen(expr.name, sampling, constraint_of(expr)), sampling.n)
        if answers is None:
            self._lose(expr.name)
            return
        try:
            values = [value_of(end.text, expr.dtype, expr.output, was_cut=end.reason == "length") for end in answers]
        except OutputError as error:
            self._failure = error
            self._run.failures.append(error)
            self._lose(expr.name)
            return
        self._keep(expr.name, values if sampling.n > 1 else values[0], answers[0])

    def _select(self, expr: SelectExpr) -> None:
        params = dict(expr.params)
        temperature, seed = params.get("temperature", 0.0), params.get("seed")
        if temperature and seed is None:
            seed = call_seed(self._run.seed, self._run.item, self._lineage, self._calls)
        choices = tuple(expr.choices)
        ids = self._joined(choices) if (expr.boundary or _usual_boundary(expr)) == "exact" else None
        answers = self._call(Score(expr.name, choices, expr.method, ids, temperature, seed), 1)
        if answers is None:
            self._lose(expr.name)
            return
        self._keep(expr.name, answers[0].text, answers[0])

    def _joined(self, choices: tuple[str, ...]) -> tuple[tuple[int, ...], ...] | None:
        """The choices' tokens behind the last known text; that text keeps the tokens that no choice changes."""
        start = max((i + 1 for i, piece in enumerate(self._pieces) if isinstance(piece, Ids)), default=0)
        run = self._pieces[start:]
        alone, whole = self._encoded(run), [self._encoded([*run, Text(choice)]) for choice in choices]
        keep = 0
        while keep < len(alone) and all(ids[keep : keep + 1] == [alone[keep]] for ids in whole):
            keep += 1
        if len(self._ids()) == len(alone) - keep:
            return None
        if run:
            begin = [Control("")] if isinstance(run[0], Control) else []
            self._pieces[start:] = [*begin, Ids(tuple(alone[:keep]), "".join(piece.text for piece in run))]
        return tuple(tuple(ids[keep:]) for ids in whole)

    def _seed(self, sampling: Sampling) -> int | None:
        if sampling.greedy or sampling.seed is not None:
            return sampling.seed
        return call_seed(self._run.seed, self._run.item, self._lineage, self._calls)

    def _call(self, segment: Segment, n: int) -> list[SegmentEnd] | None:
        """The samples' ends; None where the call failed or the prompt holds what a failed call should have said."""
        self._calls += 1
        if self._failure is not None:
            return None
        answers = self._run.ask(self._ids(), tuple(self._pieces), segment, n)
        for answer in answers:
            if isinstance(answer, Failed):
                self._failure = RequestError(
                    answer.message, code=answer.code, help=answer.help or None, retryable=answer.retryable
                )
                self._run.failures.append(self._failure)
                return None
        return [answer for answer in answers if isinstance(answer, SegmentEnd)]

    def _keep(self, name: Any, value: Any, end: SegmentEnd) -> None:
        self._append_answer(end)
        if name is not None:
            self._set(name, value)
            self._meta[name] = {"finish_reason": end.reason}

    def _lose(self, name: Any) -> None:
        assert self._failure is not None
        if name is not None:
            self._set(name, Lost(self._failure))

    # --- names ---

    def _set(self, name: Any, value: Any) -> None:
        self._vars[name] = value
        self._own[name] = None

    def __getitem__(self, name: Any) -> Any:
        value = self._vars[name]
        if isinstance(value, Lost):
            self._run.was_read(value.error)
            raise value.error
        return value

    def __setitem__(self, name: Any, value: Any) -> None:
        self._set(name, value)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise ArgumentError(f"a program state has no method `{name}`")

    def __contains__(self, name: Any) -> bool:
        return name in self._vars

    def get_var(self, name: Any) -> Any:
        return self[name]

    def set_var(self, name: Any, value: Any) -> None:
        self._set(name, value)

    def get_meta_info(self, name: Any) -> Any:
        if name not in self._meta:
            self[name]  # a name that no call set has no record; one that is not set at all is a mistake
        return self._meta.get(name)

    def variables(self) -> dict[Any, Any]:
        return dict(self._vars)

    # --- the whole prompt ---

    def _check(self) -> None:
        if self._failure is not None:
            self._run.was_read(self._failure)
            raise self._failure

    def text(self) -> str:
        self._check()
        return self._all_text()

    def messages(self) -> list[dict[str, str]]:
        self._check()
        return [dict(turn) for turn in self._turns]

    def sync(self) -> None:
        self._check()

    # --- roles and scopes ---

    def _begin(self, role: str) -> None:
        chat = self._run.tokenizer.chat
        if chat is None:
            raise ChatTemplateError("the tokenizer has no chat template", help="write the prompt without roles")
        if self._role is not None:
            raise LMError(f"the {role} turn cannot begin inside the {self._role} turn", help="end that turn first")
        opening = chat.begin(self._previous, role)
        if opening is None:
            raise ChatTemplateError(f"the template refuses a {role} turn after {self._previous or 'nothing'}")
        self._append_control(opening)
        self._role = role
        self._turn_start = len(self._all_text())

    def _end(self, role: str) -> None:
        if self._role != role:
            state = f"the {self._role} turn is open" if self._role else "no turn is open"
            raise LMError(f"the {role} turn cannot end here: {state}", help="begin and end each turn in pairs")
        self._turns.append({"role": role, "content": self._all_text()[self._turn_start :]})
        chat = self._run.tokenizer.chat
        assert chat is not None
        self._append_control(chat.end(role))
        self._role, self._previous = None, role

    def _append_control(self, text: str) -> None:
        if text:
            self._pieces.append(Control(text))

    def system(self, expr: object = None) -> Any:
        return self._turn("system", expr)

    def user(self, expr: object = None) -> Any:
        return self._turn("user", expr)

    def assistant(self, expr: object = None) -> Any:
        return self._turn("assistant", expr)

    def _turn(self, role: str, expr: object) -> Any:
        if expr is None:
            return self._role_block(role)
        self._begin(role)
        self._append(expr)
        self._end(role)
        return Concat(())

    @contextmanager
    def _role_block(self, role: str) -> Iterator[None]:
        self._begin(role)
        try:
            yield
        finally:
            self._end(role)

    @contextmanager
    def var_scope(self, name: str) -> Iterator[None]:
        start = len(self._all_text())
        try:
            yield
        finally:
            self._set(name, self._all_text()[start:])

    # --- forks ---

    def fork(self, size: int = 1) -> EagerForks:
        parent_calls = self._calls
        self._calls += 1
        return EagerForks(self, [self._child(parent_calls, i) for i in range(size)])

    def _child(self, parent_calls: int, index: int) -> EagerState:
        child = EagerState(self._run, mix(self._lineage, parent_calls, index))
        child._pieces = list(self._pieces)
        child._vars = dict(self._vars)
        child._meta = dict(self._meta)
        child._turns = list(self._turns)
        child._role, child._previous = self._role, self._previous
        child._turn_start = self._turn_start
        child._fork_start = len(self._all_text())
        child._failure = self._failure
        return child

    def copy(self) -> EagerState:
        child = self.fork(1)[0]
        child._copied_from = self
        return child

    def __enter__(self) -> EagerState:
        return self

    def __exit__(self, *raised: object) -> None:
        assert self._copied_from is not None, "`with` is for s.copy(), s.user() and s.var_scope()"
        EagerForks(self._copied_from, [self]).join()


class EagerForks:
    """What `fork` gives: a row of states that remember their parent."""

    def __init__(self, parent: EagerState, states: list[EagerState]) -> None:
        self._parent = parent
        self._states = states

    def __len__(self) -> int:
        return len(self._states)

    def __iter__(self) -> Iterator[EagerState]:
        return iter(self._states)

    def __getitem__(self, index: Any) -> Any:
        return self._states[index]

    def __setitem__(self, index: int, state: EagerState) -> None:
        self._states[index] = state

    def __iadd__(self, x: object) -> EagerForks:
        for state, part in zip(self._states, self._parts(x), strict=True):
            state += part
        return self

    def _parts(self, x: object) -> list[object]:
        if callable(x):
            return [x(i) for i in range(len(self._states))]
        if isinstance(x, list | tuple):
            return list(x)
        return [x] * len(self._states)

    def join(self, mode: str = "gather_variable") -> None:
        match mode:
            case "gather_variable":
                self._gather()
            case "concate_and_append":
                for child in self._states:
                    child._check()
                    self._parent._append_text(child._all_text()[child._fork_start :])
            case _:
                raise ArgumentError(f"unknown join mode {mode!r}", help="gather_variable or concate_and_append")

    def _gather(self) -> None:
        own = [name for child in self._states for name in child._own]
        for name in dict.fromkeys(own):
            column = [child._vars[name] if name in child._own else None for child in self._states]
            lost = next((value for value in column if isinstance(value, Lost)), None)
            self._parent._set(name, lost or column)


# --- programs inside programs ----------------------------------------------------------------------------


class EagerProgram:
    """A program called by another one: a prompt of its own in the same run."""

    def __init__(self, fn: Callable[..., Any], run: Run) -> None:
        self._fn = fn
        self._run = run

    def __call__(self, *args: Any, **kwargs: Any) -> EagerState:
        return self.run(*args, **kwargs)

    def run(self, *args: Any, **kwargs: Any) -> EagerState:
        """Arguments that are sampling parameters, and no parameters of the function, are defaults for its calls."""
        names = inspect.signature(self._fn).parameters
        settings = {k: kwargs.pop(k) for k in list(kwargs) if k in (*SAMPLING_FIELDS, *RUN_NAMES) and k not in names}
        root = EagerState(self._run, lineage=mix(1, self._run.num_programs, 0))
        self._run.num_programs += 1
        outer = self._run.defaults
        self._run.defaults = {**outer, **by_field(settings)}
        try:
            root.ret_value = self._fn(root, *args, **kwargs)
        finally:
            self._run.defaults = outer
        return root


@contextmanager
def programs_run_eagerly(fn: Callable[..., Any], run: Run) -> Iterator[None]:
    """Programs among the globals of `fn`, and of the modules it names, stand for their functions meanwhile."""
    replaced: list[tuple[dict[str, Any], str, Any]] = []
    for names in _namespaces(fn):
        for name, value in list(names.items()):
            inner = function_of(value)
            if inner is not None:
                replaced.append((names, name, value))
                names[name] = EagerProgram(inner, run)
    try:
        yield
    finally:
        for names, name, value in replaced:
            names[name] = value


def _namespaces(fn: Callable[..., Any]) -> list[dict[str, Any]]:
    if not isinstance(fn, FunctionType):
        return []
    own = fn.__globals__
    folder = str(own.get("__package__") or own["__name__"])
    modules = [m for m in own.values() if isinstance(m, ModuleType) and m.__name__.split(".")[0] == folder]
    return [own, *(vars(m) for m in modules)]


def function_of(value: object) -> FunctionType | None:
    """The user's function inside a decorated program; None for anything else."""
    if type(value).__module__ != "lmc.program":
        return None
    inner = getattr(value, "func", None)
    return inner if isinstance(inner, FunctionType) else None
