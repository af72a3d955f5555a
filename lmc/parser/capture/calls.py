"""Calls: primitives run, the program's own functions are looked into, pure builtins compute, all else is a host call.

Side effects decide. While tracing only primitives, traced functions and pure functions of values run, as the graph will
be run many times, or never. Everything else becomes a node that runs when the program does, in program order: even
`print("x")`, whose operands are all known. In order of precedence, as `call` asks:

    a method, or a function of the program   traced
    a primitive                              makes an expression, to be appended
    another lmc program                      traced, with a prompt of its own
    `len`, `zip`, `sorted`, ...              have rules of their own, as they may be given states (SPECIAL)
    a pure function                          computed where all is known, else a host op without effect
    a function in the user's files           looked into; where that breaks and no state is given to it, a host call
    anything else                            a host call, ordered
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from types import FunctionType, MethodType

from lmc.codes import NO_RULE, OUT_OF_SIGHT, STATE_GIVEN_AWAY
from lmc.errors import CaptureError
from lmc.ir.binding import apply_spread, method_spread
from lmc.ir.builtins import BUILTINS, PURE
from lmc.ir.graph import Lit, Value
from lmc.ir.types import ANY, DATA, REF, STATES, STR
from lmc.parser.capture import choices, fixed, instances, looking, managers, objects, spread
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.context import Capture
from lmc.parser.capture.expressions import attribute, check_starred, place
from lmc.parser.capture.fitting import check_fits
from lmc.parser.capture.functions import (
    bind_program,
    closure_of,
    is_generator,
    run_bound,
    run_closure,
    run_inner,
    run_program,
)
from lmc.parser.capture.host_calls import CLOCKS, by_python, check_run_time_call, of_run_time_value
from lmc.parser.capture.iteration import listed
from lmc.parser.capture.methods import MUTATORS, TEXT_RESULTS, call_method
from lmc.parser.capture.out_of_sight import reaches_program
from lmc.parser.capture.ownership import is_own_function
from lmc.parser.capture.primitive_calls import primitive
from lmc.parser.capture.special.ordering import picked
from lmc.parser.capture.special.pure import is_in, pure
from lmc.parser.capture.special.table import SPECIAL
from lmc.parser.capture.spread import Spread
from lmc.parser.capture.tracer import Arm, ProgramRaise, has_live, kind, no_attribute
from lmc.parser.capture.values import (
    UNBOUND,
    Choice,
    Closure,
    Container,
    Escapes,
    FixedProgram,
    InnerProgram,
    LazyStr,
    LmProgram,
    Manager,
    Method,
    PartialCall,
    StandIn,
    StateCell,
    Super,
    Sym,
    Tracked,
    Unmergeable,
    has_state,
    is_literal,
    is_ordinary,
    is_program,
    known_items,
)
from lmc.parser.primitives import PRIMITIVES


def call_node(cx: Capture, node: ast.Call) -> StandIn:
    """A call expression."""
    # in Python's order, the function first: each of these may emit nodes with effects
    fn = cx.eval(node.func) if not isinstance(node.func, ast.Attribute) else _bound(cx, node.func)
    # a single star is walked over when the call is made, any other where it stands
    late = len(node.args) == 1
    parts: list[tuple[bool, StandIn]] = []
    for arg in node.args:
        if isinstance(arg, ast.Starred):
            parts.extend([(True, cx.eval(arg.value))] if late else _starred(cx, cx.eval(arg.value), arg))
        else:
            parts.append((False, cx.eval(arg)))
    before: dict[str, StandIn] = {}
    after: dict[str, StandIn] = {}
    options: StandIn = None
    for keyword in node.keywords:
        value = cx.eval(keyword.value)
        names = before if options is None else after
        if keyword.arg is not None:
            names[keyword.arg] = value
        elif isinstance(value, Container) and isinstance(value.content, dict):
            _check_names(cx, value.content, {**before, **after}, node)
            names.update(value.content)
        else:
            if after:
                raise graph_break(NO_RULE, cx.at(node), "`**` of a run-time mapping behind another and a keyword")
            cx.at(node)
            options = spread.options_of(cx, fn, before, options, value)
    cx.at(node)
    if late and parts[0][0]:
        parts = _starred(cx, parts[0][1], node)
    if options is None and not any(star for star, _ in parts):
        return call(cx, fn, tuple(x for _, x in parts), before)
    return _spread(cx, fn, Spread(tuple(parts), before, options, after))


def _starred(cx: Capture, x: StandIn, node: ast.AST) -> list[tuple[bool, StandIn]]:
    """The arguments that a star makes; one for all of them, copied, where only the run knows how many."""
    x = listed(cx, x)
    items = known_items(x)
    if items is not None:
        return [(False, i) for i in items]
    cx.at(node)
    if not isinstance(node, ast.Call):
        check_starred(cx, x)
    return [(True, x if isinstance(node, ast.Call) else call(cx, tuple, (x,), {}))]


def _spread(cx: Capture, fn: StandIn, given: Spread) -> StandIn:
    """A call with a star before what only the run knows."""
    if isinstance(fn, Choice):
        return choices.each(cx, fn, lambda option: _spread(cx, option, given))
    if isinstance(fn, PartialCall) and not fn.kwargs and not isinstance(fn.fn, objects.DataclassInit):
        return _spread(cx, fn.fn, given.behind(*fn.args))
    if isinstance(fn, Tracked) and (method := objects.special(cx, fn, "__call__")) is not None:
        return _spread(cx, method, given)
    if isinstance(fn, Closure):
        return run_bound(cx, fn, lambda: spread.parameters(cx, fn, given))
    if isinstance(fn, Method):
        return _spread_method(cx, fn, given)
    if is_own_function(fn) and not is_in(fn, PRIMITIVES):
        return _into(
            cx,
            fn,
            given.every,
            lambda f: run_bound(cx, f, lambda: spread.parameters(cx, f, given)),
            lambda: _spread_of_python(cx, fn, given),
        )
    if isinstance(fn, type) and objects.is_plain(fn, cx.opaque) and instances.can_make(cx, fn):
        found, base = objects.lookup(cx, fn, "__init__")
        if (
            not isinstance(found, FunctionType)
            or base is None
            or base is object
            or objects.is_generated(base, "__init__")
        ):
            raise Escapes(fn)
        obj = Tracked(cx.t.born(), fn)
        _spread(cx, found, given.behind(obj))
        return obj
    return _spread_of_python(cx, fn, given)


def _spread_of_python(cx: Capture, fn: StandIn, given: Spread) -> StandIn:
    """Such a call of a function that is not looked into."""
    if any(map(has_state, given.every)):
        raise graph_break(STATE_GIVEN_AWAY, cx.t.span, f"`{getattr(fn, '__qualname__', 'a function')}`")
    if isinstance(fn, Sym) or (isinstance(fn, Container) and not fn.is_static):
        check_run_time_call(cx)
        return spread.by_python(cx, apply_spread, (cx.t.atom(fn),), given, effect="ordered", out=ANY)
    special = is_in(fn, SPECIAL) and fn not in PURE and getattr(fn, "__module__", "") != "itertools"
    ours = _program_of(fn) is not None or is_in(fn, PRIMITIVES) or is_in(fn, CLOCKS)
    if not is_ordinary(fn) or special or ours:
        raise spread.refuse(cx, given)
    fixed.check_call(cx, fn)
    if looking.is_a(fn, (FunctionType, MethodType, type)) and reaches_program(fn):
        raise graph_break(OUT_OF_SIGHT, cx.t.span, f"`{getattr(fn, '__qualname__', fn)}`")
    is_pure = is_in(fn, PURE) and not any(isinstance(x, Closure) or has_live(x) for x in given.every)
    effect = "none" if is_pure else "ordered"
    name = getattr(fn, "__name__", "")
    if name in ("enumerate", "zip", "reversed") and is_pure:
        fn = BUILTINS[name].fn
    atom = Lit(fn) if is_literal(fn) else cx.t.host("extern", type=REF, fn=cx.t.extern(fn, effect, REF))
    out = PURE[fn] if is_in(fn, PURE) and is_pure else ANY
    return spread.by_python(cx, apply_spread, (atom,), given, effect=effect, out=out)


def _spread_method(cx: Capture, m: Method, given: Spread) -> StandIn:
    """`"{a} {b}".format(**values)`, `d.update(**more)` and the like."""
    x = m.receiver
    if isinstance(x, StateCell) or any(map(has_state, (x, *given.every))):
        raise spread.refuse(cx, given)
    if m.name in MUTATORS:
        # as one argument it is the same, its keys are names
        if m.name != "update" or given.parts or given.before or given.after:
            raise spread.refuse(cx, given)
        return call_method(cx, m, (given.options,), {})
    live = any(map(has_live, (x, *given.every)))
    receiver = cx.argument(x) if live else cx.t.value_atom(x)
    is_text = kind(receiver) == STR
    out = ANY if live else TEXT_RESULTS.get(m.name, DATA) if is_text else DATA
    effect = "ordered" if live else "none"
    return spread.by_python(cx, method_spread, (receiver, Lit(m.name)), given, effect=effect, out=out)


def _check_names(cx: Capture, content: dict[object, StandIn], given: dict[str, StandIn], node: ast.Call) -> None:
    """What `**` unpacks must be names, none of them given before: Python raises a TypeError."""
    for name in content:
        if not isinstance(name, str) or name in given:
            raise graph_break(NO_RULE, cx.at(node), f"`**` with {name!r}, given before or not a name,")


def _bound(cx: Capture, node: ast.Attribute) -> StandIn:
    """`receiver.name` about to be called."""
    receiver = place(cx, node.value)
    cx.at(node)
    if isinstance(receiver, Tracked | Super | Choice):
        return attribute(cx, receiver, node.attr)
    if isinstance(receiver, InnerProgram | FixedProgram) and node.attr == "run":
        return receiver
    if isinstance(receiver, type):
        method = objects.class_attribute(cx, receiver, node.attr)
        if method is not UNBOUND:
            return method
    if is_ordinary(receiver) and not is_literal(receiver):
        return cx.bake_attribute(receiver, node.attr)
    # raised here, before the arguments are traced: Python looks the attribute up first
    known = _class_of(receiver)
    if known is not None and not hasattr(known, node.attr):
        raise no_attribute(cx.t, known.__name__, node.attr, receiver)
    return Method(receiver, node.attr)


def _class_of(x: StandIn) -> type | None:
    """The class of what a stand-in stands for, where that is sure."""
    if isinstance(x, Container):
        is_list = x.kind == "list" and (x.is_static or x.value.type in (DATA, STATES))
        return {"dict": dict, "set": set}.get(x.kind) if x.is_static else list if is_list else None
    if isinstance(x, Sym):
        return None if x.type.maybe else {"str": str, "int": int, "float": float, "bool": bool}.get(x.type.name)
    return str if isinstance(x, LazyStr) else type(x) if isinstance(x, tuple) or is_literal(x) else None


def call(cx: Capture, fn: StandIn, args: tuple[StandIn, ...], kwargs: dict[str, StandIn]) -> StandIn:
    """Call a stand-in or an ordinary function."""
    if isinstance(fn, Method) and isinstance(fn.receiver, FixedProgram) and fn.name == "bind":
        return bind_program(cx, fn.receiver, args, kwargs)
    if isinstance(fn, Method):
        method = _live_method(cx, fn, (*args, *kwargs.values()))
        return call_method(cx, fn, args, kwargs) if method is UNBOUND else call(cx, method, args, kwargs)
    if isinstance(fn, PartialCall):
        return _partial(cx, fn, args, kwargs)
    if isinstance(fn, Choice):
        made = all(is_ordinary(option) and is_in(option, PRIMITIVES) for option in fn.options)
        return (choices.unmixed if made else choices.each)(cx, fn, lambda option: call(cx, option, args, kwargs))
    if isinstance(fn, Tracked):
        return _object(cx, fn, args, kwargs)
    if isinstance(fn, InnerProgram):
        return run_inner(cx, fn, args, kwargs)
    if isinstance(fn, FixedProgram):
        return run_program(cx, fn, args, kwargs)
    if isinstance(fn, Closure):
        return _closure(cx, fn, args, kwargs)
    if isinstance(fn, Sym):
        method = _live_method(cx, Method(fn, "__call__"), (*args, *kwargs.values()))
        return of_run_time_value(cx, fn, args, kwargs) if method is UNBOUND else call(cx, method, args, kwargs)
    if isinstance(fn, Container) and not fn.is_static and not fn.holds_states:
        return of_run_time_value(cx, Sym(fn.value), args, kwargs)
    if isinstance(fn, Unmergeable):
        raise graph_break(fn.code, cx.t.span, fn.what)
    if isinstance(fn, Manager) and fn.bound is None:
        return managers.begun(cx, fn.closure, args, kwargs)
    if isinstance(fn, Manager):
        raise graph_break(NO_RULE, cx.t.span, "a context manager as a decorator")
    if not is_ordinary(fn) or is_literal(fn):
        known = _class_of(fn)
        raise ProgramRaise(TypeError, (f"{known.__name__ if known else 'object'!r} object is not callable",))
    if is_in(fn, PRIMITIVES):
        return primitive(cx, fn, args, kwargs)
    program = _program_of(fn)
    if program is not None:
        return run_program(cx, program, args, kwargs)
    if isinstance(fn, MethodType) and is_program(fn.__self__) and _is_bind(fn):
        return bind_program(cx, fn.__self__, args, kwargs)
    # a rule may decline: what it knows nothing better for is a pure function like any other
    if is_in(fn, SPECIAL):
        rule = SPECIAL[fn]
        check_fits(rule, getattr(fn, "__name__", ""), (cx, *args), kwargs, cx.t.span)
        done = rule(cx, *args, **kwargs)
        if done is not NotImplemented:
            return done
    # a function that is given a function is no more pure than that
    if is_in(fn, PURE) and not any(isinstance(x, Closure) for x in (*args, *kwargs.values())):
        return pure(cx, fn, args, kwargs)
    manager = managers.made_by(cx, fn, args, kwargs)
    if manager is not None:
        return manager
    if objects.is_plain(fn, cx.opaque) and instances.can_make(cx, fn):
        return instances.make(cx, fn, args, kwargs)
    return _other(cx, fn, args, kwargs)


def _closure(cx: Capture, fn: Closure, args: tuple[StandIn, ...], kwargs: dict[str, StandIn]) -> StandIn:
    if not is_generator(fn.node):
        return run_closure(cx, fn, args, kwargs)
    # Python steps it, as any iterator: its body is not followed
    made = cx.argument(fn)
    assert isinstance(made, Value)
    return of_run_time_value(cx, Sym(made), args, kwargs)


def _partial(cx: Capture, fn: PartialCall, args: tuple[StandIn, ...], kwargs: dict[str, StandIn]) -> StandIn:
    if "$keys" in fn.kwargs:
        if len(args) != 1 or kwargs:
            raise graph_break(NO_RULE, cx.t.span, "`operator.itemgetter` with these arguments")
        return picked(cx, fn, args[0])
    every, named = (*fn.args, *args), {**fn.kwargs, **kwargs}
    if isinstance(fn.fn, objects.DataclassInit):
        instances.fill(cx, fn.fn.cls, every, named)
        return None
    return call(cx, fn.fn, every, named)


def _live_method(cx: Capture, fn: Method, given: tuple[StandIn, ...]) -> StandIn:
    """A method of a live object that is given what Python cannot be: then it must be looked into. Else UNBOUND."""
    if not isinstance(fn.receiver, Sym) or not any(has_state(x) or isinstance(x, _OURS) for x in given):
        return UNBOUND
    return objects.method_of_live(cx, fn.receiver, fn.name)


_OURS = (InnerProgram, FixedProgram, Closure, PartialCall, Tracked, Choice)


def _object(cx: Capture, obj: Tracked, args: tuple[StandIn, ...], kwargs: dict[str, StandIn]) -> StandIn:
    method = objects.special(cx, obj, "__call__")
    if method is None:
        raise ProgramRaise(TypeError, (f"{obj.cls.__name__!r} object is not callable",))
    return call(cx, method, args, kwargs)


def _is_bind(fn: MethodType) -> bool:
    """True for `Program.bind` itself: a class of the user's may have one of its own."""
    return fn.__name__ == "bind" and fn.__func__.__module__ == "lmc.program"


def _program_of(fn: StandIn) -> LmProgram | None:
    """The raw function of an lmc program, or of its bound `run`."""
    if isinstance(fn, MethodType) and fn.__name__ == "run":
        fn = fn.__self__
    return fn if is_program(fn) else None


# --- everything else -------------------------------------------------------------------------------------


def _other(cx: Capture, fn: StandIn, args: tuple[StandIn, ...], kwargs: dict[str, StandIn]) -> StandIn:
    """A function of the user's or of a library: looked into where it can be, else a host call in program order."""
    if not is_own_function(fn):
        return by_python(cx, fn, args, kwargs)
    every = (*args, *kwargs.values())
    return _into(cx, fn, every, lambda f: run_closure(cx, f, args, kwargs), lambda: by_python(cx, fn, args, kwargs))


def _into(
    cx: Capture, fn: FunctionType, given: tuple[StandIn, ...], run: Callable[[Closure], StandIn],
    or_else: Callable[[], StandIn],
) -> StandIn:  # fmt: skip
    """A function of the user's that is looked into; where that breaks it is called as it is."""
    try:
        return _look_into(cx, fn, run)
    except CaptureError:
        # unless it must be followed: Python cannot run a state
        if any(has_state(x) or isinstance(x, PartialCall | Choice) for x in given):
            raise
    for x in given:
        if objects.is_plain(x, cx.opaque):  # it may give the class other methods
            raise Escapes(x) from None
    made = or_else()
    if isinstance(made, Sym) and fixed.handles_errors(fn):
        cx.t.cleaning.add(made.value.name)
    return made


def _look_into(cx: Capture, fn: FunctionType, run: Callable[[Closure], StandIn]) -> StandIn:
    """Trace a function of the user's; leaves nothing behind when that breaks."""
    arm = Arm(cx.t, sure=True)
    try:
        with arm.open():
            result = run(closure_of(cx, fn))
    except ProgramRaise:  # what was traced up to the exception does happen
        arm.commit()
        raise
    arm.commit()
    return result
