"""Programs that search: self-refinement, trees, beams, tournaments, planners, backtracking, votes over samples."""

from __future__ import annotations

import bisect
import collections
import functools
import heapq
import itertools
import math
import operator
import random
import statistics
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

import lmc
from lmc import gen, select
from tests.corpus.registry import registry

RUNS, runs = registry()


# --- refinement -------------------------------------------------------------------------------------------------


@runs({"topic": "rain"})
def self_refine(s, topic):
    s += f"Draft on {topic}: " + gen("draft", max_tokens=4) + "\n"
    draft = s["draft"]
    for round_number in range(3):
        s += "Feedback: " + select("feedback", ["fine", "shorter", "longer"]) + "\n"
        if s["feedback"] == "fine":
            break
        limit = 2 if s["feedback"] == "shorter" else 5
        s += f"Revision {round_number}: " + gen("draft", max_tokens=limit) + "\n"
        draft = s["draft"]
    else:
        return draft, "gave up"
    return draft, round_number


def critique(state, text):
    f = state.fork(1)[0]
    f += f"Rate '{text}': " + gen("rating", regex="[1-9]")
    return int(f["rating"])


@runs({"prompt": "slogan"})
def best_of_n_with_critic(s, prompt):
    candidates = []
    for f in s.fork(3):
        f += prompt + ": " + gen("text", max_tokens=3)
        candidates.append((critique(s, f["text"]), f["text"]))
    score, best = max(candidates)
    s += best
    return score, len({text for _, text in candidates})


@runs({"question": "6*7"})
def self_consistency(s, question):
    answers = []
    for f in s.fork(5):
        f += f"{question}. Think: " + gen("thought", max_tokens=2) + " Answer: " + gen("answer", regex="4[0-4]")
        answers.append(int(f["answer"]))
    counts = Counter(answers)
    majority, votes = sorted(counts.items(), key=lambda kv: (-kv[1], kv[0]))[0]
    return majority, votes / len(answers), statistics.median(answers)


@runs({"goal": "x"})
def reflexion(s, goal):
    lessons: list[str] = []
    for trial in range(1, 4):
        actor = s.fork(1)[0]
        actor += f"Goal {goal}. Lessons: {'; '.join(lessons) or 'none'}. " + select("outcome", ["win", "lose"])
        if actor["outcome"] == "win":
            s += f"Won in trial {trial}"
            return trial, lessons
        actor += " Lesson: " + gen("lesson", max_tokens=2)
        lessons.append(actor["lesson"])
    s += "Lost"
    return None, lessons


@runs({"text": "teh cat"})
def fixed_point(s, text):
    seen = [text]
    while True:
        f = s.fork(1)[0]
        f += f"Correct: {seen[-1]} -> " + select("fixed", ["the cat", "a cat"])
        if f["fixed"] in seen or len(seen) > 3:
            break
        seen.append(f["fixed"])
    s += seen[-1]
    return seen


# --- trees and beams --------------------------------------------------------------------------------------------


@dataclass
class Node:
    thought: str
    value: float = 0.0
    children: list[Node] = field(default_factory=list)
    parent: Node | None = None

    def path(self) -> list[str]:
        node, out = self, []
        while node is not None:
            out.append(node.thought)
            node = node.parent
        return out[::-1]


@runs({"problem": "24", "width": 2, "depth": 2})
def tree_of_thoughts_bfs(s, problem, width, depth):
    root = Node(problem)
    frontier = [root]
    for _ in range(depth):
        nxt = []
        for node in frontier:
            for f in s.fork(width):
                f += " > ".join(node.path()) + " > " + gen("t", max_tokens=2, stop=">")
                f += " value " + gen("v", regex="[0-9]")
                child = Node(f["t"], float(f["v"]), parent=node)
                node.children.append(child)
                nxt.append(child)
        frontier = heapq.nlargest(width, nxt, key=lambda n: n.value)
    best = frontier[0]
    return best.path()[0], best.value, len(root.children)


@runs({"problem": "p"})
def tree_of_thoughts_states(s, problem):
    s += problem + "\n"
    beam = [(0, s)]
    for _ in range(2):
        grown = []
        for score, state in beam:
            for f in state.fork(2):
                f += "step " + gen("v", regex="[0-9]") + "\n"
                grown.append((score + int(f["v"]), f))
        grown.sort(key=lambda pair: pair[0], reverse=True)
        beam = grown[:2]
    return beam[0][0], beam[0][1].text()


@runs({"depth": 2})
def depth_first(s, depth):
    visited = []

    def explore(state, level, name):
        visited.append(name)
        if level == depth:
            return 1
        state += f"{name}: "
        total = 0
        for i, child in enumerate(state.fork(2)):
            child += select("go", ["deep", "stop"]) + " "
            if child["go"] == "deep":
                total += explore(child, level + 1, f"{name}{i}")
        return total

    count = explore(s, 0, "r")
    return count, visited


@runs({"items": ["a", "b", "c"]})
def best_first_search(s, items):
    counter = itertools.count()
    heap: list[tuple[int, int, list[str]]] = [(0, next(counter), [])]
    expanded = 0
    while heap and expanded < 4:
        cost, _, path = heapq.heappop(heap)
        if len(path) == 2:
            return path, cost
        expanded += 1
        for item in items:
            if item in path:
                continue
            f = s.fork(1)[0]
            f += f"{path} + {item} costs " + gen("c", regex="[1-9]")
            heapq.heappush(heap, (cost + int(f["c"]), next(counter), [*path, item]))
    return None, expanded


@dataclass(order=True)
class Candidate:
    score: float
    text: str = field(compare=False)


@runs({"seeds": ["x", "y"]})
def beam_of_dataclasses(s, seeds):
    beam = [Candidate(0.0, seed) for seed in seeds]
    for _ in range(2):
        pool = list(beam)
        for candidate in beam:
            f = s.fork(1)[0]
            f += candidate.text + gen("w", regex="[ab]") + " " + gen("p", regex="[0-9]")
            pool.append(Candidate(candidate.score + int(f["p"]) / 10, candidate.text + f["w"]))
        beam = sorted(pool, reverse=True)[:2]
    return [(round(c.score, 1), c.text) for c in beam]


class MCTSNode:
    def __init__(self, text, parent=None):
        self.text = text
        self.parent = parent
        self.children = []
        self.visits = 0
        self.total = 0.0

    def ucb(self, c=1.4):
        if self.visits == 0:
            return math.inf
        return self.total / self.visits + c * math.sqrt(math.log(self.parent.visits) / self.visits)

    def backpropagate(self, reward):
        node = self
        while node:
            node.visits += 1
            node.total += reward
            node = node.parent


@runs({"root": "start", "simulations": 4})
def monte_carlo_tree_search(s, root, simulations):
    tree = MCTSNode(root)
    tree.children = [MCTSNode(t, tree) for t in ("left", "right")]
    for _ in range(simulations):
        leaf = max(tree.children, key=lambda n: n.ucb())
        f = s.fork(1)[0]
        f += f"{tree.text} {leaf.text} reward " + gen("r", regex="[0-9]")
        leaf.backpropagate(int(f["r"]) / 9)
    best = max(tree.children, key=lambda n: n.visits)
    return best.text, tree.visits, [n.visits for n in tree.children]


@runs({"start": (0, 0), "goal": (1, 2)})
def grid_walk(s, start, goal):
    moves = {"up": (0, 1), "down": (0, -1), "right": (1, 0), "left": (-1, 0)}
    position, path = start, [start]
    while position != goal and len(path) < 6:
        s += f"At {position}, goal {goal}: " + select("move", list(moves)) + "\n"
        dx, dy = moves[s["move"]]
        x, y = position
        position = (max(0, x + dx), max(0, y + dy))
        path.append(position)
    return path[-1] == goal, len(path), len(set(path))


GRAPH = {"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []}


@runs({"start": "a", "goal": "d"})
def breadth_first_with_oracle(s, start, goal):
    queue, parents = deque([start]), {start: None}
    while queue:
        node = queue.popleft()
        if node == goal:
            break
        for neighbour in GRAPH[node]:
            if neighbour in parents:
                continue
            f = s.fork(1)[0]
            f += f"{node} to {neighbour}? " + select("ok", ["yes", "no"])
            if f["ok"] == "yes":
                parents[neighbour] = node
                queue.append(neighbour)
    path, node = [], goal if goal in parents else None
    while node is not None:
        path.append(node)
        node = parents[node]
    return path[::-1]


# --- backtracking and constraints -------------------------------------------------------------------------------


@runs({"n": 4})
def queens_with_suggestions(s, n):
    columns: list[int] = []
    tries = 0
    while len(columns) < n and tries < 8:
        tries += 1
        s += f"{columns} next: " + gen("c", regex="[0-3]") + "\n"
        c, r = int(s["c"]), len(columns)
        if any(c == q or abs(c - q) == r - i for i, q in enumerate(columns)):
            if columns:
                columns.pop()
            continue
        columns.append(c)
    return columns, tries


@runs({"domains": {"x": [1, 2], "y": [1, 2]}})
def constraint_satisfaction(s, domains):
    for x, y in itertools.product(domains["x"], domains["y"]):
        if x == y:
            continue
        f = s.fork(1)[0]
        f += f"x={x} y={y} acceptable? " + select("ok", ["yes", "no"])
        if f["ok"] == "yes":
            s += f"x={x}, y={y}"
            return {"x": x, "y": y}
    return None


@runs({"capacity": 5})
def knapsack_chat(s, capacity):
    items = {"tent": 3, "rope": 1, "stove": 2, "book": 1}
    packed = []
    for name, weight in sorted(items.items(), key=lambda kv: (-kv[1], kv[0])):
        if weight > capacity:
            s += f"{name} is too heavy\n"
            continue
        s += f"Pack {name}? " + select("pack", ["yes", "no"]) + "\n"
        if s["pack"] == "yes":
            packed.append(name)
            capacity -= weight
        if not capacity:
            break
    return packed, capacity


@runs({"schedule": [(1, 3), (2, 4), (5, 6)]})
def interval_schedule(s, schedule):
    chosen = []
    end = float("-inf")
    for start, stop in sorted(schedule, key=operator.itemgetter(1)):
        if start < end:
            continue
        s += f"Meet {start}-{stop}? " + select("ok", ["yes", "no"]) + "\n"
        if s["ok"] == "yes":
            chosen.append((start, stop))
            end = stop
    return chosen, end


# --- sorting with a model ---------------------------------------------------------------------------------------


def prefer(s, a, b):
    f = s.fork(1)[0]
    f += f"{a} or {b}? " + select("w", ["first", "second"])
    return f["w"] == "first"


@runs({"items": ["x", "y", "z"]})
def bubble_sort_by_model(s, items):
    items = list(items)
    for end in range(len(items) - 1, 0, -1):
        swapped = False
        for i in range(end):
            if not prefer(s, items[i], items[i + 1]):
                items[i], items[i + 1] = items[i + 1], items[i]
                swapped = True
        if not swapped:
            break
    return items


@runs({"items": ["x", "y", "z"]})
def insertion_by_comparison(s, items):
    ranked: list[str] = []
    for item in items:
        lo, hi = 0, len(ranked)
        while lo < hi:
            mid = (lo + hi) // 2
            if prefer(s, item, ranked[mid]):
                hi = mid
            else:
                lo = mid + 1
        ranked.insert(lo, item)
    return ranked


def merge_sort(s, items):
    if len(items) <= 1:
        return items
    middle = len(items) // 2
    left, right = merge_sort(s, items[:middle]), merge_sort(s, items[middle:])
    merged = []
    while left and right:
        merged.append(left.pop(0) if prefer(s, left[0], right[0]) else right.pop(0))
    return merged + left + right


@runs({"n": 3})
def merge_sort_by_model(s, n):
    return merge_sort(s, ["p", "q", "r", "t"][:n])


@runs({"items": ["a", "b", "c", "d"]})
def knockout_tournament(s, items):
    rounds = []
    players = list(items)
    while len(players) > 1:
        winners = []
        for a, b in zip(players[::2], players[1::2]):
            winners.append(a if prefer(s, a, b) else b)
        if len(players) % 2:
            winners.append(players[-1])
        rounds.append(winners)
        players = winners
    return rounds, players[0]


@runs({"items": ["a", "b", "c"]})
def sort_with_cmp_to_key(s, items):
    scores = {}
    for item in items:
        s += f"{item}: " + gen("v", regex="[0-9]") + "\n"
        scores[item] = int(s["v"])

    def compare(left, right):
        return scores[right] - scores[left] or (left > right) - (left < right)

    return sorted(items, key=functools.cmp_to_key(compare))


@runs({"items": ["a", "b", "c"]})
def round_robin_copeland(s, items):
    wins = Counter(dict.fromkeys(items, 0))
    for a, b in itertools.combinations(items, 2):
        wins[a if prefer(s, a, b) else b] += 1
    top = max(wins.values())
    return sorted(item for item, n in wins.items() if n == top), wins.total()


@runs({"ballots": 3, "names": ["x", "y", "z"]})
def instant_runoff(s, ballots, names):
    votes = []
    for _ in range(ballots):
        f = s.fork(1)[0]
        left, ballot = list(names), []
        while left:
            f += select("next", left) + " > "
            ballot.append(f["next"])
            left.remove(f["next"])
        votes.append(ballot)
    standing = set(names)
    while len(standing) > 1:
        tally = Counter(next(n for n in ballot if n in standing) for ballot in votes)
        loser = min(sorted(standing), key=lambda n: tally[n])
        standing.discard(loser)
    return standing.pop(), votes[0]


# --- evolution, bandits, sampling -------------------------------------------------------------------------------


@runs({"population": ["aa", "bb", "cc"]})
def evolve_prompts(s, population):
    rng = random.Random(0)
    for _generation in range(2):
        scored = []
        for individual in population:
            f = s.fork(1)[0]
            f += f"fitness of {individual}: " + gen("fit", regex="[0-9]")
            scored.append((int(f["fit"]), individual))
        scored.sort(reverse=True)
        parents = [individual for _, individual in scored[:2]]
        child = parents[0][:1] + parents[1][1:] + rng.choice("xyz")
        population = [*parents, child]
    return population


@runs({"arms": ["a", "b"], "pulls": 4})
def epsilon_greedy_bandit(s, arms, pulls):
    rng = random.Random(1)
    counts, sums = [0] * len(arms), [0.0] * len(arms)
    for _ in range(pulls):
        if rng.random() < 0.3 or not any(counts):
            i = rng.randrange(len(arms))
        else:
            means = [t / n if n else 0.0 for t, n in zip(sums, counts)]
            i = means.index(max(means))
        f = s.fork(1)[0]
        f += f"reward of {arms[i]}: " + gen("r", regex="[0-9]")
        counts[i] += 1
        sums[i] += int(f["r"])
    return counts, sum(sums)


@runs({"lo": 0, "hi": 15})
def binary_search_by_model(s, lo, hi):
    steps = []
    while lo < hi:
        mid = (lo + hi) // 2
        s += f"Is it above {mid}? " + select("answer", ["yes", "no"]) + "\n"
        lo, hi = (mid + 1, hi) if s["answer"] == "yes" else (lo, mid)
        steps.append(mid)
    return lo, steps


@runs({"temperatures": [0.1, 0.9]})
def temperature_sweep(s, temperatures):
    table = {}
    for temperature in temperatures:
        f = s.fork(1)[0]
        f += f"T={temperature:.1f}: " + gen("x", max_tokens=3, temperature=temperature)
        table[temperature] = f["x"]
    hottest = max(table)
    return hottest, [len(text) for _, text in sorted(table.items())]


@runs({"k": 2})
def skeleton_of_thought(s, k):
    s += "Points: " + gen("n", regex="[2-3]") + "\n"
    n = int(s["n"])
    forks = s.fork(n)
    for i, f in enumerate(forks):
        f += f"Point {i + 1}: " + gen("point", max_tokens=k)
    bullets = [f"* {f['point']}" for f in forks]
    s += "\n".join(bullets)
    return n, bullets[0]


@runs({"claims": ["earth is flat", "water is wet"]})
def chain_of_verification(s, claims):
    verdicts: dict[str, list[bool]] = {claim: [] for claim in claims}
    for claim in claims:
        forks = s.fork(3)
        for f in forks:
            f += f"{claim}? " + select("v", ["true", "false"])
        verdicts[claim].extend(f["v"] == "true" for f in forks)
    kept = [claim for claim, found in verdicts.items() if sum(found) >= 2]
    s += "True: " + ("; ".join(kept) if kept else "none")
    return kept, {claim: found.count(True) for claim, found in verdicts.items()}


@runs({"question": "How far?"})
def least_to_most(s, question):
    s += f"{question} Subquestions: " + gen("n", regex="[1-3]") + "\n"
    solved: list[dict[str, Any]] = []
    for i in range(1, int(s["n"]) + 1):
        known = "".join(f"({d['q']}: {d['a']}) " for d in solved)
        s += f"{known}{i}? " + gen("a", regex="[0-9]{2}") + "\n"
        solved.append({"q": i, "a": s["a"]})
    return solved[-1]["a"], sum(int(d["a"]) for d in solved)


@runs({"words": ["cold", "warm"]})
def word_ladder(s, words):
    start, goal = words
    ladder = [start]
    while ladder[-1] != goal and len(ladder) < 5:
        s += f"{' -> '.join(ladder)} -> " + select("word", ["cord", "card", "ward", "warm"]) + "\n"
        distance = sum(a != b for a, b in zip(ladder[-1], s["word"]))
        if distance != 1:
            s += f"({distance} letters differ)\n"
        ladder.append(s["word"])
    return ladder, bisect.bisect_left(sorted(ladder), goal)


class Cache(collections.UserDict):
    def __missing__(self, key):
        self.data[key] = value = f"<{key}>"
        return value


@runs({"keys": ["a", "b", "a"]})
def user_dict_cache(s, keys):
    cache = Cache()
    for key in keys:
        s += cache[key] + gen("x", max_tokens=2)
    return len(cache), "".join(cache.values())


@lmc.function
def rate(s, text):
    s += f"{text}: " + gen("rating", regex="[1-5]")
    return int(s["rating"])


@runs({"texts": ["a", "b", "c"]})
def programs_as_scorers(s, texts):
    ratings = [rate.run(text=text).ret_value for text in texts]
    best = texts[ratings.index(max(ratings))]
    s += f"best {best} " + gen("why", max_tokens=2)
    return best, ratings
