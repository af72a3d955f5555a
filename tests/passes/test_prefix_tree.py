"""The prefix tree of keys, against one made by trying every beginning."""

from __future__ import annotations

import time
from random import Random

import pytest
from tokenizers import Tokenizer

from lmc.backend.default_model import folder_of
from lmc.common_prefix import common_len
from lmc.compiler import inputs_of
from lmc.ir.plan import Plan
from lmc.parser.irtext.parse import parse_graph
from lmc.passes import PIPELINE, Inputs, Report, measure, run_pipeline
from lmc.passes.nests import Nests
from lmc.passes.prefix_tree import Key, PrefixTree, SharedNode
from lmc.tokenizer import load_tokenizer
from tests.passes.case import decode_words, encode_words


def random_keys(seed: int) -> list[Key]:
    rng = Random(seed)
    return [tuple(rng.choices((-1, 0, 1), k=rng.randrange(6))) for _ in range(rng.randrange(9))]


def shared_of(keys: list[Key]) -> tuple[list[SharedNode], list[SharedNode | None]]:
    """The tree of keys, each put in in two halves."""
    tree = PrefixTree()
    middles = [tree.put(tree.root, key[: len(key) // 2]) for key in keys]
    return tree.shared([tree.put(middle, key[len(key) // 2 :]) for middle, key in zip(middles, keys)])


def through(keys: list[Key]) -> dict[Key, tuple[int, ...]]:
    """For each beginning that two or more keys share, which keys: the tree by brute force."""
    found: dict[Key, list[int]] = {}
    for i, key in enumerate(keys):
        for end in range(1, len(key) + 1):
            found.setdefault(key[:end], []).append(i)
    return {beginning: tuple(users) for beginning, users in found.items() if len(users) > 1}


@pytest.mark.parametrize("seed", range(200))
def test_nodes_are_all_shared_beginnings_and_no_more(seed: int):
    """Every shared beginning lies in exactly one node, with exactly its keys; nodes are as long as can be."""
    keys = random_keys(seed)
    nodes, deepest = shared_of(keys)
    users: dict[int, list[int]] = {}
    for i, node in enumerate(deepest):
        while node is not None:
            users.setdefault(node.number, []).append(i)
            node = node.parent
    ends = [(tuple(users[s.number]), end) for s in nodes for end in range(s.start + 1, s.end + 1)]
    spelled = {keys[who[0]][:end]: who for who, end in ends}

    assert spelled == through(keys)
    assert sum(s.end - s.start for s in nodes) == len(spelled)
    for number, node in enumerate(nodes):
        assert node.number == number and node.node.num_keys == len(users[number])
        assert node.start == (node.parent.end if node.parent else 0)
        assert node.parent is None or node.parent.number < number
        assert node.parent is None or set(users[number]) < set(users[node.parent.number])
        known = keys[users[number][0]][node.start : node.end]
        assert node.num_known == sum(id >= 0 for id in known)


@pytest.mark.parametrize("seed", range(50))
def test_what_is_nested_is_found_without_going_through_it(seed: int):
    """Common parents and depths, against walks up the tree."""
    rng = Random(seed)
    parents: list[int | None] = []
    path: list[int] = []
    for number in range(60):
        del path[rng.randrange(len(path) + 1) if rng.random() < 0.3 else len(path) :]
        parents.append(path[-1] if path else None)
        path.append(number)
    nests = Nests(parents)

    def above(number: int | None) -> list[int]:
        return [] if number is None else [*above(parents[number]), number]

    for _ in range(200):
        numbers = [rng.randrange(60) for _ in range(rng.randrange(1, 4))]
        rows = [above(number) for number in numbers]
        common = [each[0] for each in zip(*rows) if len(set(each)) == 1]
        others = sorted(numbers[1:])
        nearest = max((len([1 for a, b in zip(rows[0], above(o)) if a == b]) for o in others), default=0)

        assert nests.common(numbers) == (common[-1] if common else None)
        assert nests.common([*numbers, None]) is None
        assert nests.shared_depth(numbers[0], others) == nearest
        assert nests.depths[numbers[0]] == len(rows[0])


def test_equal_keys_share_all_of_themselves():
    """Two calls with one prompt: the prefix is the whole prompt."""
    ((node,), deepest) = shared_of([(1, 2), (1, 2)])

    assert (node.parent, node.start, node.end, deepest) == (None, 0, 2, [node, node])


@pytest.mark.parametrize("keys", [[], [()], [(1, 2)], [(), ()], [(1,), (2,)]])
def test_nothing_in_common_is_no_node(keys: list[Key]):
    """Empty and single keys are keys too."""

    assert shared_of(keys) == ([], [None] * len(keys))


@pytest.mark.parametrize("length", [0, 1, 2, 7, 8, 9])
def test_common_len_finds_the_first_difference(length: int):
    """At every place, and where one key ends."""
    key = tuple(range(length))

    assert common_len(key, key) == length
    assert common_len(key, (*key, 1)) == length
    assert common_len((*key, 1, 5), (*key, 2, 5)) == length


TEXT = """program p(%doc: str) {
  %s0 = begin
  %s1 = append %s0, "Read this. ", %doc
  %p, %a, %b = fork %s1 {n=2}
  %a1 = append %a, " Who?"
  %a2, %x = gen %a1
  %b1 = append %b, " Why?"
  %b2, %y = gen %b1
  %j = join %p, %a2, %b2 {mode="gather_variable"}
  return %j, none
}
"""


def plan_of(inputs: Inputs) -> tuple[Plan, Report]:
    planned = run_pipeline(parse_graph(TEXT), PIPELINE, inputs)
    plan, reports = planned.plan, planned.reports
    return plan, next(report for report in reports if report.name == "hoist_prefix")


def test_what_the_prefixes_save_is_what_the_report_says():
    """Tokens of all prompts = tokens computed + tokens saved, counted two ways."""
    batch = tuple({("doc",): f"{'cats ' * 50}{i % 3}"} for i in range(6))
    inputs = Inputs(encode=encode_words, begin_ids=(1,), batch=batch)
    plan, report = plan_of(inputs)
    sharing = measure(plan, inputs)

    saved = sum((prefix.tokens or 0) * (prefix.calls - 1) for prefix in plan.prefixes)
    assert sharing.is_exact
    assert saved == sharing.saved_tokens == report.count("saved tokens")
    assert sharing.prompt_tokens == sharing.computed_tokens + sharing.saved_tokens
    assert sharing.calls == 12


def test_a_hole_makes_the_prediction_inexact():
    """Without the argument only what stands before it is known."""
    sharing = measure(plan_of(Inputs(encode=encode_words))[0], Inputs(encode=encode_words))

    assert not sharing.is_exact


def test_a_batch_of_a_thousand_is_quick():
    """2,000 prompts of 400 tokens: a tree of 800,000 tokens in a few thousand nodes."""
    document = "word " * 200
    batch = tuple({("doc",): f"{document}{i} {document}"} for i in range(1_000))
    began = time.perf_counter()
    plan, report = plan_of(Inputs(encode=encode_words, decode=decode_words, batch=batch))

    assert time.perf_counter() - began < 20  # 1 s on a quiet machine
    assert plan.prefixes[0].calls == 2_000
    assert report.count("prompt tokens") > 800_000


def documents(num: int) -> list[str]:
    """Texts of a thousand tokens of lmc-tiny, each of its own."""
    words, random = ("the", "old", "man", "and", "sea", "were", "waiting", "for", "a", "boat"), Random(0)
    return [" ".join(random.choices(words, k=930)) + f" {i}." for i in range(num)]


ONE_CALL = """program p(%doc: str) {
  %s0 = begin
  %s1 = append %s0, "Read this.\\n", %doc
  %s2, %x = gen %s1
  return %s2, %x
}
"""


@pytest.mark.slow
def test_ten_thousand_rows_take_less_than_their_tokens_alone():
    """The tree of ten million tokens, beside a tenth of the texts given to the tokenizer library.

    In seconds of CPU of one run, as a busy machine makes both slow; 5 s on a quiet one.
    """
    folder = folder_of("lmc-tiny")
    batch = tuple({("doc",): text} for text in documents(10_000))
    tokenizer, library = load_tokenizer(folder), Tokenizer.from_file(str(folder / "tokenizer.json"))
    began = time.process_time()
    for each in batch[:1_000]:
        library.encode(each["doc",], add_special_tokens=False)
    read = time.process_time()
    graph = parse_graph(ONE_CALL)
    planned = run_pipeline(graph, PIPELINE, inputs_of(tokenizer, batch))

    report = next(report for report in planned.reports if report.name == "hoist_prefix")
    assert report.count("prompt tokens") > 10_000_000
    assert time.process_time() - read < 10 * (read - began)


def test_a_long_program_does_not_reach_pythons_recursion_limit():
    """Eight hundred calls in a key, each beginning with all before it."""
    lines = [f'  %s{i + 1}, %x{i} = gen %t{i}\n  %t{i + 1} = append %s{i + 1}, "."' for i in range(800)]
    text = "\n".join(
        ["program p() {", "  %s0 = begin", '  %t0 = append %s0, "Go."', *lines, "  return %t800, none\n}\n"]
    )
    plan = run_pipeline(parse_graph(text), PIPELINE).plan

    assert plan.steps[-1].wave == 799
    assert len(plan.prefixes) == 799
