"""The sharing tree: what is below what, what each line says, and why a call shares nothing."""

from __future__ import annotations

import lmc
from lmc.backend.echo import EchoBackend
from lmc.compiler import Compiled
from lmc.viz import Terminal, emit
from lmc.viz.sharing import Leaf, SharedPrefix, sharing
from lmc.viz.view import View
from lmc.viz.wording import prompt_text

TOKENIZER = EchoBackend().tokenizer


def outline(done: Compiled) -> list:
    """The tree as nested lists: (text, size, what is below) for a prefix, (text, size) for a call."""
    view = View(done.planned)

    def told(node: SharedPrefix | Leaf):
        text = prompt_text(node.pieces, view)
        return (text, node.size) if isinstance(node, Leaf) else (text, node.size, [told(each) for each in node.below])

    return [told(node) for node in sharing(view).top]


@lmc.function
def nested(s, topic: str):
    """A prefix of three calls, and one of two within it."""
    s += "Topic: " + topic + "."
    a, b = s.fork(2)
    a += " One " + lmc.gen("a")
    b += " Two " + lmc.gen("b")
    s += " Both:" + a["a"] + b["b"]
    s += lmc.gen("c")
    s += " again " + lmc.gen("d")
    return s["d"]


def test_a_prefix_holds_what_its_calls_begin_with():
    """Whole pieces without a tokenizer; what a call generated is shared by the calls behind it."""
    inner = (" Both:{a}{b}", 6, [("", 0), ("{c} again ", 7)])

    assert outline(nested.compile()) == [("Topic: {topic}.", 8, [(" One ", 5), (" Two ", 5), inner])]


@lmc.function
def apart(s, topic: str):
    """Two prompts that differ in one word, and one that has nothing to do with them."""
    t = s.fork(1)[0]
    u = s.fork(1)[0]
    t += "Tell me about " + topic + lmc.gen("a")
    u += "Tell us about " + topic + lmc.gen("b")
    s += topic + t["a"] + u["b"] + lmc.gen("c")
    return s["c"]


def test_a_tokenizer_finds_sharing_inside_a_piece():
    """Pieces that differ share the tokens that they begin with: "Tell " here, as each byte is a token."""
    ((text, size, below), _) = outline(apart.compile(tokenizer=TOKENIZER))

    assert (text, size) == ("Tell ", 5)
    assert below == [("me about {topic}", 9), ("us about {topic}", 9)]


def test_reasons_name_the_first_difference():
    """How far the nearest other prompt goes along, and what follows in each."""
    tree = emit(apart.compile().planned, "tree", Terminal(width=160))

    assert 'its first 5 characters are those of #1, then "me about " against "us about "' in tree
    assert 'it begins with {topic}, #0 with "Tell me about "' in tree


def test_values_that_are_given_are_text():
    """An argument whose value is known is no hole, so sizes are exact."""
    from lmc.cli.compile import compiled

    tree = emit(compiled(nested, {"topic": "cats"}, 2, TOKENIZER).planned, "tree")

    assert '"Topic: cats. "' in tree
    assert "{topic}" not in tree


@lmc.function
def loops(s, items: list):
    """A state that a loop carries, and one that is forked in it."""
    s += "Start."
    for item in items:
        s += item + lmc.gen("a")
    for item in items:
        t = s.fork(1)[0]
        t += item + lmc.gen("b")
        s += t["b"]
    s += "End." + lmc.gen("c")


def test_prompts_of_states_are_explained():
    """A loop's state says how it begins and whether turns only add; a branch's, after which branch it is."""
    tree = " ".join(emit(loops.compile().planned, "tree").split())

    assert 'begins; at first "Start.". Each turn adds to it' in tree
    assert "the prompt after `for` #0" in tree


@lmc.function
def unread(s):
    """A call that nothing reads."""
    t = s.fork(1)[0]
    t += lmc.gen("u")
    s += "Hello " + lmc.gen("read")


def test_dropped_calls_are_told():
    """The table says which calls are not there, and how to keep them."""
    assert "1 call dropped, as nothing reads it (-O0 keeps all)" in unread.compile().emit("table")
    assert "dropped gen %u (test_sharing.py:" in unread.compile().emit("table")
    assert "dropped" not in unread.compile(opt_level=0).emit("table")
