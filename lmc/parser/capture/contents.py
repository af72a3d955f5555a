"""Which objects run-time data may be, and may hold: what changes with it, once something is changed in place.

Data is copied on write, so that nothing in it ever changes, and an op may run whenever its inputs are there. That ends
where data is handed to code that may change it, and where the program changes what it has under another name as well.
So each value is known by *objects*: what was made at one place of the trace, by its birth number, or by its site where
it comes from an earlier turn of a loop. `tops` are those it may be itself, `reach` has those it may hold besides.

*Flat* data holds nothing that can be changed (the words of a text), an *atom* cannot be changed itself either. What is
*fixed* cannot be changed itself, but may hold what can: a number or a tuple.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from lmc.ir.graph import Atom, Node, Value
from lmc.parser.capture.values import VARIABLES_SITE, Site

Object = int | Site
Objects = frozenset[Object]
NOTHING: Objects = frozenset()

MAKE = frozenset(("list", "tuple", "dict", "set_of"))
_PUTS_IN = frozenset(("append", "insert", "add", "setdefault", "fromkeys"))
_TAKES_OUT = frozenset(("item", "unpack"))
# what these give is new, though it may hold what they were given holds
COPIES = frozenset((
    "list", "sorted", "tuple", "dict", "set", "frozenset", "enumerate", "zip", "reversed", "gather", "merged",
    "merged_options",
))  # fmt: skip
_SETS = frozenset(("set",))
# these give things in things
_PARSES = frozenset(("loads", "unpack_starred", "joined_arguments", "bound_arguments", "apply_spread", "method_spread"))


class Contents:
    """What is known of the values of a trace, by name; `born` gives a new birth number."""

    def __init__(self, born: Callable[[], int]) -> None:
        self._born = born
        self._tops: dict[str, Objects] = {}
        self._reach: dict[str, Objects] = {}
        self._flat: set[str] = set()
        self._atoms: set[str] = set()
        self._fixed: set[str] = set()
        self._sets: set[str] = set()
        self.lists_in_states = False  # a state may hold something else than text under a name
        self.live_in_states = False  # or a live object

    # --- what is known ---

    def tops(self, atom: Atom) -> Objects:
        """The objects that a value may be."""
        return self._tops.get(atom.name, NOTHING) if isinstance(atom, Value) else NOTHING

    def reach(self, atom: Atom) -> Objects:
        """The objects that a value may be or hold."""
        return self._reach.get(atom.name, NOTHING) if isinstance(atom, Value) else NOTHING

    def is_flat(self, atom: Atom) -> bool:
        """True where nothing in it can be changed, or it surely is an atom itself."""
        return not isinstance(atom, Value) or atom.type.name != "data" or atom.name in self._flat

    def is_atom(self, atom: Atom) -> bool:
        """True for what surely cannot be changed itself."""
        return not isinstance(atom, Value) or atom.type.name != "data" or atom.name in self._atoms

    def is_fixed(self, atom: Atom) -> bool:
        """True for what surely cannot be changed itself, whatever it holds."""
        return self.is_atom(atom) or (isinstance(atom, Value) and atom.name in self._fixed)

    def may_change_by(self, op: str, value: Value) -> bool:
        """True for what may be changed in place by `value op= ...`: three operators change only sets."""
        if self.is_fixed(value):
            return False
        is_made_here = all(isinstance(each, int) for each in self.tops(value))
        return op not in ("-", "&", "^") or not is_made_here or self.may_be_set(value)

    def may_be_set(self, value: Value) -> bool:
        """True for data that may be a set, or hold one: a copy of it has another order."""
        return value.name in self._sets

    # --- what is said of values ---

    def be(self, value: Value, tops: Objects, reach: Objects) -> None:
        """Say what a value may be, and may hold."""
        self._tops[value.name], self._reach[value.name] = tops, tops | reach

    def fix(self, value: Value) -> None:
        """Say that a value cannot be changed itself."""
        self._fixed.add(value.name)

    def flatten(self, value: Value, *, atom: bool) -> None:
        """Say that nothing in a value can be changed, or that it is an atom."""
        self._flat.add(value.name)
        if atom:
            self._atoms.add(value.name)
            self.be(value, NOTHING, NOTHING)
        else:
            self._reach[value.name] = self._tops.get(value.name, NOTHING)

    def taken(self, out: Value, *sources: Atom) -> None:
        """Say that a value comes out of others."""
        if all(map(self.is_flat, sources)):
            self._flat.add(out.name)
            self._atoms.add(out.name)
            return
        inside = self._all(self._inside, sources)
        self.be(out, inside, inside)

    def either(self, out: Value, *given: Atom) -> None:
        """Say that a value is one of several."""
        if out.type.name != "data":
            return
        if all(map(self.is_flat, given)):
            self._flat.add(out.name)
            if all(map(self.is_atom, given)):
                self._atoms.add(out.name)
        if all(map(self.is_fixed, given)):
            self._fixed.add(out.name)
        self._note_sets([out], given)
        self.be(out, self._all(self.tops, given), self._all(self.reach, given))

    def follow(self, node: Node) -> None:
        """Note what a node that has no region makes of its inputs."""
        outs = [out for out in node.outputs if out.type.name == "data"]
        given = [a for a in node.inputs if isinstance(a, Value) and a.type.name == "data"]
        if node.op in ("join", "join_list") or (node.op in ("set", "gen") and (given or outs)):
            self.lists_in_states = True
        if node.op == "set":
            self.live_in_states |= any(a.type.name in ("any", "ref") for a in node.inputs[2:] if isinstance(a, Value))
        elif node.op == "get":
            self._read(outs)
        elif outs:
            self._made(node, outs, given)

    def _read(self, outs: list[Value]) -> None:
        """What a name of a state gives: text, unless something else was put there."""
        held: Objects = frozenset((VARIABLES_SITE,))
        for out in outs:
            self.be(out, held, held) if self.lists_in_states else self.taken(out)

    def _made(self, node: Node, outs: list[Value], given: list[Value]) -> None:
        self._note_sets(outs, given, made=node.op == "set_of" or node.attr("fn") in _SETS)
        reach = self._all(self.reach, given)
        if node.op in ("mutate", "set_item"):  # the same object as before, to the program
            self.be(outs[0], self.tops(node.inputs[0]), reach)
            if self._stays_flat(node, given):
                self._flat.add(outs[0].name)
            for out in outs[1:]:
                self.taken(out, *given)
                if node.attr("name") == "popitem":  # a pair that holds it
                    self.be(out, frozenset((self._born(),)), self.reach(out))
        elif node.op in _TAKES_OUT:
            for out in outs:
                self.taken(out, *given)
        else:
            for out in outs:
                self._new(node, out, given)

    def _new(self, node: Node, out: Value, given: list[Value]) -> None:
        """An object that an op makes, or one that it was given or found inside."""
        own: Objects = frozenset((self._born(),))
        if self._stays_flat(node, given):
            # `max`, `.get` and the like may give one of their operands, which may be changed itself
            is_new = node.op in MAKE or node.op in ("slice", "binary") or node.attr("fn") in COPIES
            self.be(out, own if is_new else own | self._all(self.tops, given), NOTHING)
            self._flat.add(out.name)
            if node.op == "tuple" and all(map(self.is_atom, node.inputs)):
                self._atoms.add(out.name)
        elif node.op in MAKE:
            self.be(out, own, self._all(self.reach, given))
        elif node.op in ("slice", "binary") or node.attr("fn") in COPIES:
            self.be(out, own, self._all(self._inside, given))
        else:
            parts: Objects = frozenset((self._born(),))
            self.be(out, own | self._all(self.reach, given) if given else own, parts | self._all(self.reach, given))

    def _inside(self, atom: Atom) -> Objects:
        """What a value may hold: not itself, where it is sure which object that is."""
        tops = self.tops(atom)
        is_sure = len(tops) == 1 and all(isinstance(each, int) for each in tops)
        return self.reach(atom) - tops if is_sure else self.reach(atom)

    def _note_sets(self, outs: list[Value], given: Iterable[Atom], *, made: bool = False) -> None:
        if made or any(v.name in self._sets for v in given if isinstance(v, Value)):
            self._sets.update(out.name for out in outs)

    def _stays_flat(self, node: Node, given: list[Value]) -> bool:
        if not all(map(self.is_flat, given)):
            return False
        if any(a.type.name in ("any", "ref") for a in node.inputs if isinstance(a, Value)):
            return False
        if node.op in MAKE:
            return all(map(self.is_atom, given))
        if node.op == "mutate":
            return all(map(self.is_atom, node.inputs[1:])) or node.attr("name") not in _PUTS_IN
        if node.op == "set_item":
            return self.is_atom(node.inputs[2])
        # what is parsed has parts of its own; any other pure function of flat data gives flat data
        return node.op != "call" or node.attr("fn") not in _PARSES

    def _all(self, what: Callable[[Atom], Objects], atoms: Iterable[Atom]) -> Objects:
        return NOTHING.union(*map(what, atoms))
