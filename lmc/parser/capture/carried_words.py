"""What a region carries that no value can be, a function or a member of an Enum: the run has the number of which.

    phase = Phase.GREET                     %phase_2 = loop %phase = 0 {
    while phase is not Phase.DONE:              %t = compare %phase, (2) {op="in"}
        phase = Phase.ASK if ... else ...       next true, ...

All of them exist before the region begins, so what is in it and the code behind it can mean the same ones.
"""

from __future__ import annotations

from lmc.ir.graph import Atom, Lit, Value
from lmc.ir.types import INT
from lmc.parser.capture.tracer import Key, Tracer
from lmc.parser.capture.values import (
    Choice,
    Closure,
    Owner,
    PartialCall,
    StandIn,
    Tracked,
    is_literal,
    is_ordinary,
    is_word,
)

Words = tuple[StandIn, ...]
MAX_WORDS = 64


def words_of(old: StandIn, new: StandIn, had: Words | None, birth: int) -> Words | None:
    """All that a field may hold; None where one of it is a value, or is made after `birth`: in a turn."""
    found = {id(x): x for held in (had or (), _options(old), _options(new)) for x in held}
    every = tuple(found.values())
    if len(every) > MAX_WORDS or all(map(is_literal, every)) or not all(_is_word(x, birth) for x in every):
        return None
    return every


def _options(x: StandIn) -> Words:
    if isinstance(x, Choice) and x.index.type.maybe:
        return (x,)
    return x.options if isinstance(x, Choice) else (x,)


def _is_word(x: StandIn, birth: int) -> bool:
    if isinstance(x, Closure):
        is_older = x.parent is None or x.parent.birth <= birth
        return is_older and all(_is_before(d, birth) for d in (*x.defaults, *x.kw_defaults.values()))
    if isinstance(x, PartialCall):
        return _is_word(x.fn, birth) and all(_is_before(i, birth) for i in (*x.args, *x.kwargs.values()))
    if isinstance(x, Tracked):
        return x.birth <= birth
    return is_ordinary(x) and not isinstance(x, tuple) and is_word(x)


def _is_before(x: StandIn, birth: int) -> bool:
    if isinstance(x, Owner):
        return x.birth <= birth
    return is_literal(x) or _is_word(x, birth)


def put_words(t: Tracer, key: Key, index: Value, words: Words) -> None:
    """Put one of them, by its number, where the code of a region finds it."""
    owner, name = key
    if not name.startswith("$"):
        t.names[index.name] = name.removeprefix(".")  # of an attribute
    t.put(owner, name, Choice(index, words))


def number(t: Tracer, x: StandIn, words: Words) -> Atom:
    """Which of the words a field holds."""
    places = tuple(next(i for i, word in enumerate(words) if word is option) for option in _options(x))
    if not isinstance(x, Choice):
        return Lit(places[0])
    return x.index if places == tuple(range(len(places))) else t.host("item", Lit(places), x.index, type=INT)
