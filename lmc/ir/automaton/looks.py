"""Looks said by what they look at: in a tree of whole texts, `(?!a)b` is what b has and `a.*` has not.

An automaton follows what a look asks beside the rest of the text, and what looks behind is followed from the begin of
the text on, whatever comes before. An intersection is over where its texts are. So looks are taken out where it is
plain that they see no further than the tree does; where it is not, they are left.
"""

from __future__ import annotations

from lmc.ir.automaton.extent import extent
from lmc.ir.ranges import EVERYTHING, complement, intersection
from lmc.ir.regex import Alt, And, Atomic, Chars, Look, Multiples, Not, RegexTree, Repeat, Seq, Whole, is_plain

NOTHING = Chars(())
EMPTY = Seq(())
ANY = Repeat(Chars(EVERYTHING), 0, None)
EMPTY_ALONE = (Not(Seq((ANY, ANY.item))), Not(Seq((ANY.item, ANY))))  # the text has no character
MAX_WAYS = 16  # in which the options of a sequence can be chosen

Items = tuple[RegexTree, ...]


def without_looks(tree: RegexTree) -> RegexTree:
    """A tree of the same texts, each taken as a whole, that has no looks; the tree itself where that is not plain."""
    if not has_looks(tree):
        return tree
    found = _said(tree)
    return tree if has_looks(found) else found


def _said(tree: RegexTree) -> RegexTree:
    match tree:
        case Alt(options):
            return _either(tuple(map(without_looks, options)))
        case And(parts):
            return And(tuple(map(without_looks, parts)))
        case Not(item):
            return Not(without_looks(item))
        case Seq() | Look():
            return _sequence(_flat(tree), MAX_WAYS)
        case _:
            return tree


def has_looks(tree: RegexTree) -> bool:
    """Whether a tree looks around anywhere."""
    match tree:
        case Chars() | Multiples():
            return False
        case Look():
            return True
        case Seq(parts) | Alt(parts) | And(parts):
            return any(map(has_looks, parts))
        case Repeat(item) | Not(item) | Atomic(item) | Whole(item):
            return has_looks(item)


def _flat(tree: RegexTree) -> Items:
    return tuple(part for item in tree.items for part in _flat(item)) if isinstance(tree, Seq) else (tree,)


def _sequence(items: Items, ways: int) -> RegexTree:
    """The same of items one after another, which are no sequences. `ways`: in which options may yet be chosen."""
    for at, item in enumerate(items):
        if isinstance(item, Alt) and len(item.options) <= ways and has_looks(item):
            left = ways // len(item.options)
            chosen = (_flat(Seq((*items[:at], option, *items[at + 1 :]))) for option in item.options)
            return _either(tuple(_sequence(each, left) for each in chosen))
    for at, item in enumerate(items):
        if isinstance(item, Look):
            before, after = items[:at], items[at + 1 :]
            made = _behind(item, before, after) if item.behind else _ahead(item, before, after)
            if made is not None:
                return NOTHING if NOTHING in made else _sequence(made, ways)
    return Seq(items)


def _behind(look: Look, before: Items, after: Items) -> Items | None:
    """The items without a look at those before it; None where that cannot be said."""
    body = _single(look.body)
    if has_looks(body):
        return None
    if before and isinstance(last := before[-1], Chars) and isinstance(body, Chars):
        return *before[:-1], _met(last, body, look.negated), *after
    if after and _sees_out(before, behind=False):
        return None
    return _both(before, Seq((ANY, body)), look.negated), *after


def _ahead(look: Look, before: Items, after: Items) -> Items | None:
    """The items without a look at those after it; None where that cannot be said."""
    body = _single(look.body)
    if after and isinstance(after[0], Chars) and isinstance(body, Chars):
        return *before, _met(after[0], body, look.negated), *after[1:]
    if before and (_sees_out(after, behind=True) or has_looks(body)):
        return None
    asked = without_looks(Seq((body, ANY)))
    return None if has_looks(asked) else (*before, _both(after, asked, look.negated))


def _single(tree: RegexTree) -> RegexTree:
    items = _flat(tree)
    return items[0] if len(items) == 1 else tree


def _sees_out(items: Items, *, behind: bool) -> bool:
    """Whether one of some items may look at what is before them (`behind`), or after them."""
    return any(_may_see(items, at, behind) for at, item in enumerate(items) if has_looks(item))


def _may_see(items: Items, at: int, behind: bool) -> bool:
    look = items[at]
    if not isinstance(look, Look) or has_looks(look.body):
        return True
    if look.behind != behind:
        return False
    between = items[:at] if behind else items[at + 1 :]
    return not isinstance(_single(look.body), Chars) or not any(map(_least, between))


def _met(chars: Chars, body: Chars, negated: bool) -> Chars:
    return Chars(intersection(chars.ranges, complement(body.ranges) if negated else body.ranges))


def _both(items: Items, asked: RegexTree, negated: bool) -> RegexTree:
    """What is asked of the text of some items."""
    tree = without_looks(Seq(items))
    condition = Not(asked) if negated else asked
    if not has_looks(tree) and (not items or condition in EMPTY_ALONE):
        return EMPTY if _may_be_empty(tree) and _may_be_empty(condition) else NOTHING
    return And((tree, condition))


def _either(options: Items) -> RegexTree:
    kept = tuple(option for option in options if option != NOTHING)
    return kept[0] if len(kept) == 1 else Alt(kept) if kept else NOTHING


def _least(tree: RegexTree) -> int:
    """Characters that every text of a tree has."""
    found = extent(tree) if is_plain(tree) else None
    return 0 if found is None else found.shortest


def _may_be_empty(tree: RegexTree) -> bool:
    """Whether the empty text is one of a tree without looks."""
    match tree:
        case Seq(parts) | And(parts):
            return all(map(_may_be_empty, parts))
        case Alt(parts):
            return any(map(_may_be_empty, parts))
        case Repeat(item, low):
            return low == 0 or _may_be_empty(item)
        case Not(item):
            return not _may_be_empty(item)
        case Atomic(item) | Whole(item):
            return _may_be_empty(item)
        case _:
            return False
