"""Bounded repeats in a state, kept few: `a{2,5}b` or `a{4,9}b` is `a{2,9}b`.

A state that has counted in several ways at once would hold one node for each count. Nodes that differ only in the
bounds of repeats are boxes of intervals; boxes that touch along one side are joined, a box within another is dropped.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from lmc.ir.automaton.nodes import Nodes, RegexNode

DEPTH = 6  # elements of a sequence, from its begin, that are looked at
MAX_COMPARED = 64  # boxes compared pair by pair

Interval = tuple[int, float]
Box = tuple[Interval, ...]
Frame = tuple[object, ...]


def merge_counts(nodes: Nodes, alternatives: Iterable[RegexNode]) -> list[RegexNode]:
    """Fewer nodes that match the same texts together."""
    frames: dict[Frame, list[RegexNode]] = defaultdict(list)
    kept = []
    for node in alternatives:
        frame, box = _frame(node)
        if box:
            frames[frame].append(node)
        else:
            kept.append(node)
    for frame, alike in frames.items():
        boxes = [_frame(node)[1] for node in alike]
        joined = _joined(boxes) if len(boxes) > 1 else boxes
        kept += alike if len(joined) == len(boxes) else [_rebuilt(nodes, frame, box) for box in joined]
    return kept


def _frame(node: RegexNode) -> tuple[Frame, Box]:
    """A node without the bounds of its repeats, and those bounds."""
    if node.frame is None:
        node.frame = _taken_apart(node)
    return node.frame


def _taken_apart(node: RegexNode) -> tuple[Frame, Box]:
    frame: list[object] = []
    box: list[Interval] = []
    rest = node
    for _ in range(DEPTH):
        head = rest.parts[0] if rest.kind == "cat" else rest
        if head.kind == "repeat":
            low, high, lazy = head.bounds
            frame.append((head.parts[0], lazy))
            box.append((low, float("inf") if high is None else high))
        else:
            frame.append(head)
        if rest.kind != "cat":
            return (*frame, None), tuple(box)
        rest = rest.parts[1]
    return (*frame, rest), tuple(box)


def _rebuilt(nodes: Nodes, frame: Frame, box: Box) -> RegexNode:
    *elements, rest = frame
    bounds = iter(box)
    chain = []
    for element in elements:
        if isinstance(element, tuple):
            low, high = next(bounds)
            chain.append(nodes.repeat(element[0], low, None if high == float("inf") else int(high), element[1]))
        else:
            assert isinstance(element, RegexNode)
            chain.append(element)
    node = rest if isinstance(rest, RegexNode) else nodes.empty
    for head in reversed(chain):
        node = nodes.cat(head, node)
    return node


def _joined(boxes: list[Box]) -> list[Box]:
    while True:
        before = len(boxes)
        for side in range(len(boxes[0])):
            boxes = _joined_along(boxes, side)
        if len(boxes) <= MAX_COMPARED:
            boxes = [b for b in boxes if not any(b is not other and _within(b, other) for other in boxes)]
        if len(boxes) == before:
            return boxes


def _joined_along(boxes: list[Box], side: int) -> list[Box]:
    """Boxes that are equal on all other sides, with touching intervals on this one made one."""
    rows: dict[tuple[Box, Box], list[Interval]] = defaultdict(list)
    for box in boxes:
        rows[box[:side], box[side + 1 :]].append(box[side])
    joined = []
    for (left, right), intervals in rows.items():
        merged: list[Interval] = []
        for low, high in sorted(intervals):
            if merged and low <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
            else:
                merged.append((low, high))
        joined += [(*left, interval, *right) for interval in merged]
    return joined


def _within(inner: Box, outer: Box) -> bool:
    return all(a[0] >= b[0] and a[1] <= b[1] for a, b in zip(inner, outer, strict=True))
