"""Programs over data: extraction with types and retries, tables, evaluation, judges, retrieval, statistics."""

from __future__ import annotations

import bisect
import collections
import csv
import dataclasses
import datetime as dt
import enum
import functools
import heapq
import io
import itertools
import json
import math
import operator
import random
import re
import statistics
from collections import ChainMap, Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import pydantic

from lmc import assistant, gen, select, system, user
from tests.corpus.registry import registry

RUNS, runs = registry()


# --- typed extraction, as in instructor -------------------------------------------------------------------------


class Contact(pydantic.BaseModel):
    age: int = pydantic.Field(ge=0, le=99)
    city: Literal["Oslo", "Rome"]

    @property
    def label(self) -> str:
        return f"{self.city}/{self.age}"


@runs({"texts": ["Ann is 30, from Oslo", "Bo, 4, Rome"]})
def extract_contacts(s, texts):
    contacts = []
    for text in texts:
        f = s.fork(1)[0]
        f += user(text) + assistant(gen("contact", type=Contact, max_tokens=60))
        contacts.append(f["contact"])
    oldest = max(contacts, key=lambda c: c.age)
    return oldest.label, [c.model_dump() for c in contacts]


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@runs({"thing": "sky"})
def extract_enum(s, thing):
    s += f"{thing}: " + gen("colour", type=Colour)
    colour = s["colour"]
    if colour is Colour.RED:
        return "warm"
    return colour.value, colour.name


@dataclass
class Point:
    x: int
    y: int

    def __add__(self, other: Point) -> Point:
        return Point(self.x + other.x, self.y + other.y)

    def __abs__(self) -> float:
        return math.hypot(self.x, self.y)


@runs({"n": 3})
def parsed_points(s, n):
    total = Point(0, 0)
    for i in range(n):
        s += f"p{i}=" + gen("p", regex=r"[0-9],[0-9]") + " "
        x, y = map(int, s["p"].split(","))
        total += Point(x, y)
    return dataclasses.astuple(total), round(abs(total), 2)


@runs({"text": "A meeting"}, {"text": ""})
def extract_with_retries(s, text):
    if not text:
        raise ValueError("nothing to extract")
    s += system("Extract a date as YYYY-MM-DD.") + user(text)
    last_error = None
    for attempt in range(1, 4):
        s += assistant(gen("date", regex=r"2024-[01][0-9]-[0-3][0-9]"))
        try:
            when = dt.date.fromisoformat(s["date"])
        except ValueError as error:
            last_error = error
            s += user(f"Attempt {attempt} failed: {error}. Try again.")
        else:
            return when.strftime("%d %b"), when.weekday() < 5, attempt
    return None, str(last_error), attempt


@runs({"line": "Order: 3 apples"})
def regex_groups(s, line):
    pattern = re.compile(r"(?P<count>\d+) (?P<what>\w+)")
    s += line + " => " + gen("order", regex=r"[1-9] (pears|plums)")
    if (match := pattern.fullmatch(s["order"])) is None:
        return None
    given = pattern.search(line)
    return match["what"], int(match.group("count")) - int(given["count"]), match.span("what")


@runs({"form": {"name": "text", "age": "int", "vip": "bool"}})
def form_filling(s, form):
    patterns = {"text": "[a-z]{3}", "int": "[0-9]{2}", "bool": "(true|false)"}
    casts = {"text": str, "int": int, "bool": lambda text: text == "true"}
    filled = {}
    s += "{\n"
    for key, kind in form.items():
        s += f'  "{key}": ' + gen(key, regex=patterns[kind]) + ",\n"
        filled[key] = casts[kind](s[key])
    s += "}"
    return filled


@runs({"keys": ["hp", "mp"]})
def guidance_character(s, keys):
    s += '{"name": "' + gen("name", regex="[A-Z][a-z]{2,4}") + '", "class": "' + select("cls", ["mage", "elf"]) + '"'
    for k in keys:
        s += f', "{k}": ' + gen(k, regex="[1-9][0-9]?")
    s += "}"
    character = json.loads(s.text())
    return sorted(character), character["hp"] + character["mp"] if len(keys) == 2 else None


@runs({"n": 2})
def json_list_by_hand(s, n):
    s += "["
    for i in range(n):
        s += (", " if i else "") + '"' + gen(f"item{i}", regex="[a-z]{2}") + '"'
    s += "]"
    return json.loads(s.text()), [s[f"item{i}"] for i in range(n)]


# --- rows and tables --------------------------------------------------------------------------------------------

TABLE = """name,amount,country
Ann,10,NO
Bob,20,SE
Cid,5,NO
"""


@runs({"text": TABLE})
def csv_enrichment(s, text):
    rows = list(csv.DictReader(io.StringIO(text)))
    for row in rows:
        f = s.fork(1)[0]
        f += f"{row['name']} from {row['country']}: " + select("segment", ["retail", "business"])
        row["segment"] = f["segment"]
    by_segment = defaultdict(list)
    for row in rows:
        by_segment[row["segment"]].append(int(row["amount"]))
    return {k: sum(v) for k, v in sorted(by_segment.items())}


@runs({"rows": [{"id": 1, "text": "good"}, {"id": 2, "text": "bad"}, {"id": 3, "text": ""}]})
def etl_clean_label_load(s, rows):
    cleaned = [{**row, "text": row["text"].strip()} for row in rows if row["text"].strip()]
    labelled = []
    for row in cleaned:
        s += f"#{row['id']} {row['text']}: " + select("label", ["pos", "neg"]) + "\n"
        labelled.append(row | {"label": s["label"]})
    skipped = {row["id"] for row in rows} - {row["id"] for row in labelled}
    return [tuple(row.values()) for row in labelled], skipped


@runs({"records": [("a", 1), ("b", 2), ("a", 3)]})
def group_by_key(s, records):
    out = {}
    for key, group in itertools.groupby(sorted(records), key=operator.itemgetter(0)):
        values = [value for _, value in group]
        s += f"{key}: {values} trend " + select("trend", ["up", "down"]) + "\n"
        out[key] = (sum(values), s["trend"])
    return out


@runs({"texts": ["great film", "awful film", "fine"]})
def sentiment_histogram(s, texts):
    counts = Counter()
    for text in texts:
        f = s.fork(1)[0]
        f += text + " is " + select("label", ["positive", "negative", "neutral"])
        counts[f["label"]] += 1
    (top, n), *_ = counts.most_common()
    bars = "\n".join(f"{label:<10}|{'#' * count}" for label, count in sorted(counts.items()))
    s += bars + "\n" + gen("comment", max_tokens=3)
    return top, n, f"{n / len(texts):.1%}"


@runs({"names": ["ann", "BOB", "Cid"]})
def normalise_names(s, names):
    seen = set()
    result = []
    for name in map(str.title, names):
        if name in seen:
            continue
        seen.add(name)
        s += f"{name!r:>8} -> " + gen("nick", max_tokens=2, stop="\n") + "\n"
        result.append((name, s["nick"].strip() or name[0]))
    return dict(result).keys() == seen


@runs({"prices": [3.5, 10, 7.25]})
def running_totals(s, prices):
    totals = list(itertools.accumulate(prices))
    for price, total in zip(prices, totals):
        s += f"{price:>6.2f} {total:>7.2f} " + gen("note", max_tokens=2) + "\n"
    mean = statistics.mean(prices)
    return [p for p in prices if p > mean], f"{mean:.3f}", totals[-1]


@runs({"matrix": [[1, 2], [3, 4]]})
def matrix_rows(s, matrix):
    transposed = list(zip(*matrix))
    for row in transposed:
        s += " ".join(map(str, row)) + " : " + gen("sum", regex="[0-9]{1,2}") + "\n"
    expected = [sum(row) for row in transposed]
    return expected, int(s["sum"]) == expected[-1]


@runs({"sentences": ["the cat sat", "a dog ran fast"]})
def longest_word(s, sentences):
    words = [word for sentence in sentences for word in sentence.split() if len(word) > 2]
    longest = max(words, key=len)
    s += f"Define {longest}: " + gen("definition", max_tokens=4)
    lengths = {word: len(word) for word in words}
    return longest, {n: [w for w in words if len(w) == n] for n in sorted(set(lengths.values()))}


@runs({"events": ["2024-01-03 login", "2024-01-01 signup"]})
def timeline(s, events):
    parsed = []
    for event in events:
        day, _, what = event.partition(" ")
        parsed.append((dt.datetime.strptime(day, "%Y-%m-%d").date(), what))
    parsed.sort()
    for i, (day, what) in enumerate(parsed):
        gap = (day - parsed[i - 1][0]).days if i else 0
        s += f"{day:%d.%m}: {what} (+{gap}) " + gen("why", max_tokens=2) + "\n"
    return parsed[0][1], len(s["why"]) > 0


@runs({"tags": [["a", "b"], ["b", "c"], ["c"]]})
def tag_sets(s, tags):
    common = set.intersection(*map(set, tags[:2]))
    union = functools.reduce(set.union, map(set, tags), set())
    s += "Tags: " + ", ".join(sorted(union)) + " best: " + select("best", sorted(union))
    return s["best"] in common, sorted(union - common)


# --- evaluation -------------------------------------------------------------------------------------------------


class Example(NamedTuple):
    question: str
    answer: str
    weight: float = 1.0


EXAMPLES = [Example("1+1", "2"), Example("2+2", "4", weight=2.0), Example("3*3", "9")]


def exact_match(prediction: str, example: Example) -> float:
    return float(prediction.strip() == example.answer)


@runs({})
def evaluate_exact_match(s):
    total = weights = 0.0
    wrong = []
    for example in EXAMPLES:
        f = s.fork(1)[0]
        f += f"{example.question} = " + gen("answer", regex="[0-9]")
        score = exact_match(f["answer"], example)
        total += score * example.weight
        weights += example.weight
        if not score:
            wrong.append(example._replace(answer=f["answer"]))
    return round(total / weights, 3), [w.question for w in wrong]


@dataclass
class Metric:
    name: str
    values: list[float] = field(default_factory=list)

    def update(self, value: float) -> None:
        self.values.append(value)

    def __str__(self) -> str:
        return f"{self.name}: {statistics.fmean(self.values):.2f} (n={len(self.values)})"


@runs({"predictions": ["a cat", "the dog"]})
def metrics_as_objects(s, predictions):
    metrics = {name: Metric(name) for name in ("fluency", "accuracy")}
    for prediction in predictions:
        for name, metric in metrics.items():
            f = s.fork(1)[0]
            f += f"{name} of '{prediction}' (1-5): " + gen("score", regex="[1-5]")
            metric.update(int(f["score"]))
    report = "\n".join(map(str, metrics.values()))
    s += report
    return report


RUBRIC = {"clarity": 2, "depth": 1, "style": 1}


@runs({"essay": "Once upon"})
def judge_with_rubric(s, essay):
    s += f"Essay: {essay}\n"
    forks = s.fork(len(RUBRIC))
    for f, (criterion, weight) in zip(forks, RUBRIC.items()):
        f += f"{criterion} (weight {weight}): " + gen("score", regex="[0-5]")
    scores = {criterion: int(f["score"]) for f, criterion in zip(forks, RUBRIC)}
    total = sum(scores[c] * w for c, w in RUBRIC.items()) / sum(RUBRIC.values())
    s += f"Total {total:.2f}. " + ("Pass" if total >= 2.5 else "Fail")
    return min(scores, key=scores.get), total


@runs({"a": "text one", "b": "text two"})
def pairwise_with_swap(s, a, b):
    votes = []
    for first, second, names in ((a, b, "AB"), (b, a, "BA")):
        f = s.fork(1)[0]
        f += f"1: {first}\n2: {second}\nBetter: " + select("w", ["1", "2", "tie"])
        votes.append("tie" if f["w"] == "tie" else names[int(f["w"]) - 1])
    winner = votes[0] if votes[0] == votes[1] else "tie"
    return winner, votes


@runs({"models": ["x", "y", "z"], "rounds": 3})
def elo_ratings(s, models, rounds):
    ratings = dict.fromkeys(models, 1000.0)
    rng = random.Random(7)
    for _ in range(rounds):
        left, right = rng.sample(models, 2)
        f = s.fork(1)[0]
        f += f"{left} vs {right}: " + select("winner", ["left", "right"])
        expected = 1 / (1 + 10 ** ((ratings[right] - ratings[left]) / 400))
        score = 1.0 if f["winner"] == "left" else 0.0
        delta = 32 * (score - expected)
        ratings[left] += delta
        ratings[right] -= delta
    return {name: round(value) for name, value in sorted(ratings.items(), key=lambda kv: -kv[1])}


@runs({"labels": ["yes", "no", "yes"], "texts": ["a", "b", "c"]})
def confusion_matrix(s, labels, texts):
    matrix = {(want, got): 0 for want in ("yes", "no") for got in ("yes", "no")}
    for text, want in zip(texts, labels):
        f = s.fork(1)[0]
        f += f"{text}? " + select("got", ["yes", "no"])
        matrix[want, f["got"]] += 1
    tp, fp, fn = matrix["yes", "yes"], matrix["no", "yes"], matrix["yes", "no"]
    precision = tp / (tp + fp) if tp + fp else 0.0
    recall = tp / (tp + fn) if tp + fn else 0.0
    return matrix, precision, recall


def f1(prediction: str, reference: str) -> float:
    common = Counter(prediction.split()) & Counter(reference.split())
    same = sum(common.values())
    if same == 0:
        return 0.0
    precision, recall = same / len(prediction.split()), same / len(reference.split())
    return 2 * precision * recall / (precision + recall)


@runs({"pairs": [("who", "the cat"), ("what", "a hat")]})
def token_f1(s, pairs):
    scores = []
    for question, reference in pairs:
        s += f"{question}: " + gen("p", regex="(the|a) (cat|hat)") + "\n"
        scores.append(f1(s["p"], reference))
    return [f"{score:.2f}" for score in scores], max(scores, default=0)


@runs({"n": 4, "k": 2})
def pass_at_k(s, n, k):
    forks = s.fork(n)
    for f in forks:
        f += "code: " + gen("code", regex="return [0-9]")
    passed = [eval_code(f["code"]) for f in forks]
    correct = sum(passed)
    estimate = 1.0 if n - correct < k else 1.0 - math.comb(n - correct, k) / math.comb(n, k)
    return passed, round(estimate, 3)


def eval_code(code: str) -> bool:
    return int(code.removeprefix("return ")) % 2 == 0


@runs({"questions": ["a?", "b?"], "thresholds": [0.2, 0.5, 0.8]})
def calibration_buckets(s, questions, thresholds):
    buckets = [0] * (len(thresholds) + 1)
    for question in questions:
        s += f"{question} confidence 0." + gen("conf", regex="[0-9]") + "\n"
        buckets[bisect.bisect(thresholds, int(s["conf"]) / 10)] += 1
    return buckets


# --- retrieval --------------------------------------------------------------------------------------------------

CORPUS = {"d1": "cats purr and sleep", "d2": "dogs bark at cats", "d3": "fish swim"}


def score_document(query: str, text: str) -> float:
    q, t = set(query.lower().split()), text.split()
    return sum(1 / (1 + i) for i, word in enumerate(t) if word in q)


@runs({"query": "cats sleep"}, {"query": "fish", "k": 1})
def rag_with_rerank(s, query, k=2):
    ranked = heapq.nlargest(k, CORPUS, key=lambda d: score_document(query, CORPUS[d]))
    reranked = []
    for doc_id in ranked:
        f = s.fork(1)[0]
        f += f"Query: {query}\nText: {CORPUS[doc_id]}\nRelevance: " + gen("rel", regex="[0-9]")
        reranked.append((int(f["rel"]), doc_id))
    reranked.sort(reverse=True)
    s += "\n".join(f"[{d}] {CORPUS[d]}" for _, d in reranked) + f"\nQ: {query}\nA: " + gen("answer", max_tokens=4)
    return [d for _, d in reranked], s["answer"]


@runs({"query": "dogs"})
def rag_with_citations(s, query):
    sources = [(doc, text) for doc, text in CORPUS.items() if score_document(query, text) > 0]
    for i, (_, text) in enumerate(sources, 1):
        s += f"[{i}] {text}\n"
    s += f"Q: {query} A: " + gen("answer", regex=r"(cats|dogs) \[[1-3]\]( \[[1-3]\])?")
    cited = {int(n) for n in re.findall(r"\[(\d)\]", s["answer"])}
    valid = cited & set(range(1, len(sources) + 1))
    return sorted(cited), [sources[n - 1][0] for n in sorted(valid)], cited <= valid


@runs({"query": "pets"})
def multi_query_fusion(s, query):
    forks = s.fork(3)
    for i, f in enumerate(forks):
        f += f"Rewrite {i} of {query}: " + gen("q", regex="(cats|dogs|fish) (sleep|bark|swim)")
    fused = defaultdict(float)
    for f in forks:
        ranking = sorted(CORPUS, key=lambda d, q=f["q"]: (-score_document(q, CORPUS[d]), d))
        for rank, doc in enumerate(ranking):
            fused[doc] += 1 / (60 + rank)
    best = max(fused.items(), key=lambda item: item[1])
    return best[0], round(best[1], 4)


def chunks(text: str, size: int, overlap: int = 0):
    words = text.split()
    step = size - overlap
    for start in range(0, len(words), step):
        yield " ".join(words[start : start + size])


@runs({"text": "one two three four five six", "size": 3})
def chunked_notes(s, text, size):
    notes = []
    for chunk in chunks(text, size, overlap=1):
        s += f"> {chunk}\n" + gen("note", max_tokens=2, stop="\n") + "\n"
        notes.append(s["note"])
    return len(notes), [len(c.split()) for c in chunks(text, size)]


@runs({"question": "sky?"})
def hyde(s, question):
    f = s.fork(1)[0]
    f += f"Write a passage that answers {question}: " + gen("passage", max_tokens=6)
    words = f["passage"].split()
    ranked = sorted(CORPUS.items(), key=lambda item: (-len(set(words) & set(item[1].split())), item[0]))
    (doc, text), *rest = ranked
    s += f"{text}\n{question} " + gen("a", max_tokens=3)
    return doc, len(rest)


# --- quizzes, maths and puzzles ---------------------------------------------------------------------------------


@runs({"topic": "maths", "n": 2})
def quiz_generator(s, topic, n):
    quiz = []
    for number in range(1, n + 1):
        s += f"Question {number} about {topic}: " + gen("q", max_tokens=3, stop="\n") + "\n"
        options = []
        for letter in "ABC":
            s += f"{letter}) " + gen("o", regex="[a-z]{2}") + "\n"
            options.append((letter, s["o"]))
        s += "Correct: " + select("correct", ["A", "B", "C"]) + "\n"
        quiz.append({"q": s["q"], "options": dict(options), "correct": s["correct"]})
    key = "".join(item["correct"] for item in quiz)
    return key, [item["options"][item["correct"]] for item in quiz]


@runs({"lo": 1, "hi": 9})
def guess_the_number(s, lo, hi):
    secret = (lo + hi) // 2 + 1
    guesses = 0
    while True:
        guesses += 1
        s += "Guess: " + gen("guess", regex="[1-9]") + "\n"
        guess = int(s["guess"])
        if guess == secret or guesses >= 6:
            break
        s += "higher\n" if guess < secret else "lower\n"
    return guesses, guess == secret


@runs({"size": 3})
def magic_row(s, size):
    used: set[int] = set()
    row = []
    while len(row) < size:
        s += f"{row} next: " + gen("n", regex="[1-4]") + "\n"
        n = int(s["n"])
        if n in used:
            s += f"{n} is used\n"
            if len(s.text()) > 200:
                return None
            continue
        used.add(n)
        row.append(n)
    return row, sum(row)


@runs({"colours": ["red", "green"], "nodes": "abc"})
def map_colouring(s, colours, nodes):
    edges = {("a", "b"), ("b", "c")}
    assignment = {}
    for node in nodes:
        s += f"{node}: " + select("colour", colours) + " "
        assignment[node] = s["colour"]
    conflicts = [edge for edge in sorted(edges) if assignment[edge[0]] == assignment[edge[1]]]
    return assignment, conflicts, not conflicts


@runs({"expression": "2 3 + 4 *"})
def reverse_polish(s, expression):
    operators = {"+": operator.add, "-": operator.sub, "*": operator.mul}
    stack = []
    for token in expression.split():
        if token in operators:
            right, left = stack.pop(), stack.pop()
            stack.append(operators[token](left, right))
        else:
            stack.append(int(token))
    s += f"{expression} = {stack[-1]}? " + select("agree", ["yes", "no"])
    return stack.pop(), s["agree"] == "yes"


@runs({"start": 6})
def collatz_commentary(s, start):
    n, steps = start, 0
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
        if steps % 4 == 0:
            s += f"{n}: " + gen("remark", max_tokens=2) + "\n"
    return steps


DEFAULTS = {"tone": "formal", "length": 3}


@runs({"options": {"length": 2}}, {"options": {}})
def chained_settings(s, options):
    settings = ChainMap(options, DEFAULTS)
    s += f"({settings['tone']}) " + gen("x", max_tokens=settings["length"])
    return dict(settings), settings.maps[0] is options


@runs({"inventory": {"apple": 2, "pear": 0}})
def shop_inventory(s, inventory):
    s += ", ".join(f"{name} x{count}" for name, count in inventory.items() if count) + "\n"
    s += "Buy: " + select("fruit", list(inventory)) + " amount " + gen("n", regex="[1-3]")
    fruit, n = s["fruit"], int(s["n"])
    if inventory[fruit] < n:
        return f"only {inventory[fruit]} {fruit}{'s' * (inventory[fruit] != 1)} left"
    inventory[fruit] -= n
    return inventory


@runs({"maybe": None}, {"maybe": "yes"})
def optional_argument(s, maybe: str | None):
    s += f"Given {maybe or 'nothing'}: " + gen("x", max_tokens=2)
    return (maybe or "").upper() or None


@runs({"data": {"user": {"name": "Ann", "tags": ["x", "y"]}}}, {"data": {"user": {"name": "Bo", "tags": []}}})
def nested_json_argument(s, data):
    record = data["user"]
    name, tags = record["name"], record.get("tags", [])
    s += f"{name} has {len(tags)} tag{'s' if len(tags) != 1 else ''}: {', '.join(tags) or '-'}. "
    s += gen("greeting", max_tokens=3)
    return json.dumps(data, sort_keys=True)[:20], collections.Counter(tags).total()


@runs({"values": [5, 1, 4]})
def in_place_sort_of_argument(s, values: list[int]) -> Any:
    values.sort()
    s += f"{values} " + gen("n", regex="[0-9]")
    bisect.insort(values, int(s["n"]))
    return values, values.index(int(s["n"]))
