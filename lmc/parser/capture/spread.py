"""Calls with `*` and `**` of what only the run knows.

    fn(*rest, **call["args"])       %k = call @merged_options, %args              a copy, as Python makes one
                                    %r = call @apply_spread, %fn, %rest, ...      where `fn` is Python's
                                    %b = call @bound_arguments, %rest, %k         where it is looked into:
                                    %x = item %b, 0                               its parameters, bound by the run

Where a function is looked into, what is given by place before the first star, and by the name of a parameter, stays
what the trace knows of it; the run is told only that it was given.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lmc.codes import NO_RULE
from lmc.ir.binding import Signature, apply_spread, bound_arguments, joined_arguments, merged_options, method_spread
from lmc.ir.binding import parameter_names as names_of
from lmc.ir.graph import Atom, Lit, Value
from lmc.ir.types import ANY, DATA, Type
from lmc.parser.capture.breaks import graph_break
from lmc.parser.capture.context import Capture
from lmc.parser.capture.tracer import has_live, kind, wrap
from lmc.parser.capture.values import Closure, Container, StandIn


@dataclass(frozen=True, slots=True)
class Spread:
    """The arguments of such a call.

    parts          by place: with a star or not
    before, after  by name, in front of what `**` unpacks and behind it
    options        what `**` unpacks, copied where it stands; None where all names are known
    """

    parts: tuple[tuple[bool, StandIn], ...]
    before: dict[str, StandIn] = field(default_factory=dict)
    options: StandIn = None
    after: dict[str, StandIn] = field(default_factory=dict)

    @property
    def known(self) -> tuple[StandIn, ...]:
        """What is given by place in front of the first star."""
        at = next((i for i, (star, _) in enumerate(self.parts) if star), len(self.parts))
        return tuple(x for _, x in self.parts[:at])

    @property
    def every(self) -> tuple[StandIn, ...]:
        """All that is given."""
        return (*(x for _, x in self.parts), *self.before.values(), *self.after.values(), self.options)

    def behind(self, *first: StandIn) -> Spread:
        """The same with arguments in front of it."""
        return Spread((*((False, x) for x in first), *self.parts), self.before, self.options, self.after)


def options_of(cx: Capture, fn: StandIn, given: dict[str, StandIn], so_far: StandIn, more: StandIn) -> StandIn:
    """What a `**` unpacks, and what those before it did, as a dict of its own."""
    maps = [more] if so_far is None else [so_far, more]
    live = any(map(has_live, maps))
    atoms = [cx.argument(m) if live else cx.stored(m) for m in maps]
    effect, out = ("ordered", ANY) if live else ("none", DATA)
    label = _called(fn)
    made = cx.t.call(merged_options, Lit(label), Lit(tuple(given)), *atoms, effect=effect, type=out)
    return Container(cx.t.born(), "data", made) if live else wrap(cx.t, made)


def _called(fn: StandIn) -> str:
    """What Python's messages call a function."""
    module = fn.scope.globals.get("__name__") if isinstance(fn, Closure) else getattr(fn, "__module__", None)
    name = getattr(fn, "qualname", None) or getattr(fn, "__qualname__", None) or getattr(fn, "name", "function")
    return f"{module}.{name}()" if module and module != "builtins" else f"{name}()"


def by_python(
    cx: Capture, fn: Callable[..., Any], first: tuple[Atom, ...], given: Spread, *, effect: str, out: Type
) -> StandIn:
    """A call by one of these two; what is given goes by reference where the effect is ordered."""
    assert fn in (apply_spread, method_spread)
    atoms = _operands(cx, given, cx.argument if effect == "ordered" else cx.stored)
    return wrap(cx.t, cx.t.call(fn, *first, *atoms, effect=effect, type=out))


def _operands(cx: Capture, given: Spread, give: Callable[[StandIn], Atom]) -> tuple[Atom, ...]:
    """By place, then the three kinds of names."""
    return (
        _by_place(cx, given.parts, give),
        _by_name(cx, given.before, give),
        Lit(None) if given.options is None else _unpacked(cx, given.options, give),
        _by_name(cx, given.after, give),
    )


def _by_place(cx: Capture, parts: tuple[tuple[bool, StandIn], ...], give: Callable[[StandIn], Atom]) -> Atom:
    if len(parts) == 1 and parts[0][0]:  # Python walks over this one when it calls
        return _unpacked(cx, parts[0][1], give)
    atoms = [_unpacked(cx, x, give) if star else give(x) for star, x in parts]
    if not atoms:
        return Lit(())
    live = any(kind(a).name in ("any", "ref") for a in atoms)
    stars = tuple(star for star, _ in parts)
    return cx.t.call(joined_arguments, Lit(stars), *atoms, effect="none", type=ANY if live else DATA)


def _unpacked(cx: Capture, x: StandIn, give: Callable[[StandIn], Atom]) -> Atom:
    """What a star stands before: nobody gets it, only what is in it."""
    return cx.stored(x) if cx.t.is_flat(x) else give(x)


def _by_name(cx: Capture, names: dict[str, StandIn], give: Callable[[StandIn], Atom]) -> Atom:
    if not names:
        return Lit(None)
    atoms = [atom for name, x in names.items() for atom in (Lit(name), give(x))]
    live = any(kind(a).name in ("any", "ref") for a in atoms)
    return cx.t.host("dict", *atoms, type=ANY if live else DATA)


def parameters(cx: Capture, fn: Closure, given: Spread) -> dict[str, StandIn]:
    """The parameters of a function that is looked into, by name, bound when the program runs."""
    signature = _signature(fn)
    placed = _placed(signature, given)
    told = _without(given, signature)
    num = len(signature[2]) + len(signature[3])
    by_place = dict(zip((*signature[2], *signature[3])[num - len(fn.defaults) :], fn.defaults))
    defaults = [None if n in placed else x for n, x in by_place.items()]
    named = [None if n in placed else x for n, x in fn.kw_defaults.items()]
    live = any(map(has_live, (*told.every, *defaults, *named)))
    give = cx.argument if live else cx.stored
    atoms = _tuple(cx, [give(x) for x in defaults]), _tuple(cx, [give(x) for x in named])
    stars = (*(x for star, x in given.parts if star), given.options)
    effect, out = "ordered" if any(map(has_live, stars)) else "none", ANY if live else DATA
    operands = (Lit(signature), *atoms, *_operands(cx, told, give))
    bound = cx.t.call(bound_arguments, *operands, effect=effect, type=out)
    return {
        name: placed[name] if name in placed else _item(cx, bound, i, out) for i, name in enumerate(names_of(signature))
    }


def _item(cx: Capture, bound: Value, at: int, out: Type) -> StandIn:
    return wrap(cx.t, cx.t.host("item", bound, Lit(at), type=out), borrowed=True)


def _without(given: Spread, signature: Signature) -> Spread:
    """What the run is told: None for what the trace knows the parameter of."""
    num = min(len(given.known), len(signature[2]) + len(signature[3]))
    parts = *((False, None) for _ in range(num)), *given.parts[num:]
    names = (*signature[3], *signature[5])
    before, after = (
        {name: None if name in names else x for name, x in some.items()} for some in (given.before, given.after)
    )
    return Spread(parts, before, given.options, after)


def _tuple(cx: Capture, atoms: list[Atom]) -> Atom:
    if not atoms:
        return Lit(())
    live = any(kind(a).name in ("any", "ref") for a in atoms)
    return cx.t.host("tuple", *atoms, type=ANY if live else DATA)


def _signature(fn: Closure) -> Signature:
    spec: ast.arguments = fn.node.args
    module = fn.scope.globals.get("__name__")
    return (
        module if isinstance(module, str) else "",
        fn.qualname,
        tuple(a.arg for a in spec.posonlyargs),
        tuple(a.arg for a in spec.args),
        spec.vararg.arg if spec.vararg else None,
        tuple(a.arg for a in spec.kwonlyargs),
        spec.kwarg.arg if spec.kwarg else None,
        len(fn.defaults),
        tuple(fn.kw_defaults),
    )


def _placed(signature: Signature, given: Spread) -> dict[str, StandIn]:
    """The parameters of which the trace knows what they are given."""
    _, _, by_place, either, _, by_name, _, _, _ = signature
    names = {**given.before, **given.after}
    return {
        **dict(zip((*by_place, *either), given.known)),
        **{name: x for name, x in names.items() if name in (*either, *by_name)},
    }


def refuse(cx: Capture, given: Spread) -> Exception:
    """What is said where a call of this kind has no rule."""
    star = any(star for star, _ in given.parts)
    return graph_break(
        NO_RULE, cx.t.span, f"`{'*' if star else '**'}` of a run-time {'sequence' if star else 'mapping'}"
    )
