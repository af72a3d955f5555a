"""Programs of conversations: interviews, tutors, games with a world, memories, moderation, roles, histories."""

from __future__ import annotations

import collections
import contextlib
import enum
import functools
import itertools
import random
import re
import string
import textwrap
from collections import defaultdict, deque
from dataclasses import asdict, dataclass, field
from typing import Any

from lmc import assistant, gen, select, system, user
from tests.corpus.registry import registry

RUNS, runs = registry()


# --- histories --------------------------------------------------------------------------------------------------


@runs({"history": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}], "text": "bye"})
def replay_history(s, history, text):
    makers = {"system": system, "user": user, "assistant": assistant}
    for message in history:
        s += makers[message["role"]](message["content"])
    s += user(text) + assistant(gen("reply", max_tokens=4))
    history.append({"role": "user", "content": text})
    history.append({"role": "assistant", "content": s["reply"]})
    return len(history), history[-1]["content"] == s.messages()[-1]["content"]


@runs({"turns": [("hi", "hello"), ("how?", "fine")], "question": "bye"})
def few_shot_turns(s, turns, question):
    s += system("Be brief.")
    for said, answered in turns:
        s += user(said)
        s += assistant(answered)
    s += user(question)
    s += assistant(gen("answer", max_tokens=4, stop=["\n", "."]))
    return len(s.messages()), s.messages()[-1]["role"]


@runs({"messages": ["a", "bb", "ccc", "dddd"], "budget": 7})
def trim_history(s, messages, budget):
    kept = []
    used = 0
    for message in reversed(messages):
        if used + len(message) > budget:
            break
        kept.insert(0, message)
        used += len(message)
    for message in kept:
        s += user(message)
        s += assistant(gen("r", max_tokens=2))
    return kept, budget - used


@runs({"lines": ["hello", "quit", "never"]})
def repl_with_quit(s, lines):
    it = iter(lines)
    answers = []
    while (line := next(it, None)) is not None:
        if line.lower() in {"quit", "exit"}:
            break
        s += user(line) + assistant(gen("reply", max_tokens=3))
        answers.append(s["reply"])
    remaining = list(it)
    return answers, remaining


@runs({"texts": ["hi", "/name Bo", "/reset", "hello"]})
def slash_commands(s, texts):
    name, log = "you", []
    for text in texts:
        if text.startswith("/"):
            command, *args = text[1:].split()
            match command, args:
                case "name", [new]:
                    name = new
                case "reset", []:
                    log.clear()
                case _:
                    log.append(f"unknown {command}")
            continue
        s += user(f"{name}: {text}") + assistant(gen("reply", max_tokens=3))
        log.append((name, s["reply"]))
    return name, log


@dataclass
class Conversation:
    persona: str
    turns: list[tuple[str, str]] = field(default_factory=list)

    def render(self) -> str:
        return "\n".join(f"{who.upper()}: {what}" for who, what in self.turns)

    def say(self, who: str, what: str) -> Conversation:
        self.turns.append((who, what))
        return self


@runs({"topics": ["cats", "dogs"]})
def fluent_conversation(s, topics):
    talk = Conversation("pirate")
    for topic in topics:
        f = s.fork(1)[0]
        f += f"You are a {talk.persona}.\n{talk.say('user', topic).render()}\nBOT: " + gen("r", max_tokens=3)
        talk.say("bot", f["r"])
    s += talk.render()
    return len(talk.turns), asdict(talk)["turns"][0]


# --- interviews, tutors, forms ----------------------------------------------------------------------------------


@runs({"questions": ["Name?", "Job?", "City?"]})
def interview(s, questions):
    answers = {}
    for i, question in enumerate(questions):
        s += user(question)
        s += assistant(gen(f"answer_{i}", max_tokens=3))
        answers[question.rstrip("?").lower()] = s[f"answer_{i}"]
        if i + 1 < len(questions):
            s += user("Thanks. Next:")
    return answers, {k: len(v) for k, v in answers.items()}


@runs({"skills": {"python": 3, "sql": 2}})
def interview_with_followups(s, skills):
    scores = dict.fromkeys(skills, 0)
    for skill, depth in skills.items():
        for level in range(1, depth + 1):
            s += user(f"{skill} question, level {level}") + assistant(gen("a", max_tokens=3))
            grade = s.fork(1)[0]
            grade += user("Grade that.") + assistant(select("g", ["good", "weak"]))
            if grade["g"] == "weak":
                break
            scores[skill] += level
        else:
            scores[skill] += 10
    return scores, max(scores, key=scores.get)


@runs({"lesson": "fractions"})
def tutor_with_hints(s, lesson):
    hints = iter(["look again", "draw it", "ask for help"])
    s += system(f"You teach {lesson}.")
    for attempt in itertools.count(1):
        s += user(f"Attempt {attempt}") + assistant(select("verdict", ["right", "wrong"]))
        if s["verdict"] == "right":
            return f"solved in {attempt}"
        try:
            s += user("Hint: " + next(hints))
        except StopIteration:
            return "out of hints"


@runs({"fields": ["name", "email"]})
def slot_filling(s, fields):
    slots = dict.fromkeys(fields)
    turns = 0
    while any(value is None for value in slots.values()) and turns < 6:
        missing = [name for name, value in slots.items() if value is None]
        s += assistant(f"What is your {missing[0]}?")
        s += user(gen("said", regex="([a-z]{3}|skip)"))
        turns += 1
        if s["said"] != "skip":
            slots[missing[0]] = s["said"]
    return slots, turns


@runs({"age": 15}, {"age": 40}, {"age": -1})
def validated_entry(s, age):
    assert age >= 0, f"bad age {age}"
    group = "minor" if age < 18 else "adult" if age < 65 else "senior"
    s += user(f"I am a {group}.") + assistant(gen("advice", max_tokens=3))
    return group, s["advice"]


def progress(done: int, total: int, width: int = 10) -> str:
    filled = round(width * done / total)
    return f"[{'=' * filled}{' ' * (width - filled)}] {done}/{total}"


@runs({"cards": [("dog", "Hund"), ("cat", "Katze"), ("bird", "Vogel")]})
def flashcards(s, cards):
    box = deque(cards)
    score = rounds = 0
    while box and rounds < 5:
        front, back = box[0]
        rounds += 1
        s += f"{front} = " + select("answer", ["Hund", "Katze", "Vogel"]) + "\n"
        if s["answer"] == back:
            score += 1
            box.popleft()
        else:
            box.rotate(-1)
        print(progress(score, len(cards)))
    return score, [front for front, _ in box]


@runs({"text": "The cat sat on the mat"})
def cloze_test(s, text):
    words = text.split()
    blanks = [i for i, w in enumerate(words) if len(w) == 3 and w.lower() != "the"]
    right = 0
    for i in blanks:
        gapped = " ".join("___" if j == i else w for j, w in enumerate(words))
        s += gapped + ": " + select("word", [words[i], "dog"]) + "\n"
        right += s["word"] == words[i]
    return f"{right}/{len(blanks)}", right


# --- games ------------------------------------------------------------------------------------------------------

WORLD = {
    "hall": {"north": "garden", "east": "kitchen", "items": ["lamp"]},
    "garden": {"south": "hall", "items": ["rose"]},
    "kitchen": {"west": "hall", "items": []},
}


@runs({"start": "hall", "turns": 3})
def text_adventure(s, start, turns):
    room, bag = start, []
    for _ in range(turns):
        exits = [d for d in WORLD[room] if d != "items"]
        s += f"You are in the {room}. Exits: {', '.join(exits)}. Go "
        s += gen("direction", regex="(north|south|east|west)") + ".\n"
        target = WORLD[room].get(s["direction"])
        if target is None:
            s += "A wall.\n"
            continue
        room = target
        bag.extend(WORLD[room]["items"])
    return room, bag


@dataclass
class Player:
    name: str
    hp: int = 10
    items: dict[str, int] = field(default_factory=dict)

    @property
    def alive(self) -> bool:
        return self.hp > 0

    def hit(self, damage: int) -> None:
        self.hp = max(0, self.hp - damage)

    def __repr__(self) -> str:
        return f"{self.name}({self.hp})"


@runs({})
def dungeon_fight(s):
    hero, orc = Player("hero", items={"potion": 1}), Player("orc", hp=8)
    turn = 0
    while hero.alive and orc.alive and turn < 6:
        turn += 1
        s += f"{hero} vs {orc}: " + select("move", ["hit", "heal", "wait"]) + "\n"
        match s["move"]:
            case "hit":
                orc.hit(4)
            case "heal" if hero.items.get("potion"):
                hero.items["potion"] -= 1
                hero.hp += 5
            case _:
                pass
        hero.hit(2)
    winner = hero if not orc.alive else orc if not hero.alive else None
    return repr(winner), turn, hero.items


@runs({"seed": 3})
def dice_game(s, seed):
    rng = random.Random(seed)
    totals = defaultdict(int)
    for player in ("A", "B"):
        for _ in range(2):
            roll = rng.randint(1, 6)
            s += f"{player} rolls {roll}. Keep? " + select("keep", ["yes", "no"]) + "\n"
            totals[player] += roll if s["keep"] == "yes" else rng.randint(1, 6)
    return dict(totals), max(totals.values())


@runs({"word": "tea", "lives": 4})
def hangman(s, word, lives):
    guessed: set[str] = set()
    while lives and not set(word) <= guessed:
        shown = "".join(c if c in guessed else "_" for c in word)
        s += f"{shown} ({lives}): " + gen("letter", regex="[a-et]") + "\n"
        letter = s["letter"]
        if letter in guessed or letter not in word:
            lives -= 1
        guessed.add(letter)
    return set(word) <= guessed, sorted(guessed), lives


@runs({})
def tic_tac_toe(s):
    board = [[" "] * 3 for _ in range(3)]
    lines = [[(r, c) for c in range(3)] for r in range(3)] + [[(r, c) for r in range(3)] for c in range(3)]

    def winner():
        for line in lines:
            marks = {board[r][c] for r, c in line}
            if len(marks) == 1 and marks != {" "}:
                return marks.pop()
        return None

    for mark in itertools.islice(itertools.cycle("XO"), 5):
        s += "\n".join("|".join(row) for row in board) + f"\n{mark}: " + gen("cell", regex="[0-8]") + "\n"
        row, column = divmod(int(s["cell"]), 3)
        if board[row][column] != " ":
            s += "taken\n"
            continue
        board[row][column] = mark
        if winner():
            break
    return board, winner()


@runs({"rooms": ["a", "b", "c"]})
def world_state_events(s, rooms):
    state = {"time": 0, "doors": dict.fromkeys(rooms, "closed"), "log": []}

    def emit(kind, **data):
        state["log"].append({"t": state["time"], "kind": kind, **data})

    for room in rooms:
        state["time"] += 1
        s += f"Door {room}: " + select("do", ["open", "leave"]) + "\n"
        if s["do"] == "open":
            state["doors"][room] = "open"
            emit("opened", room=room)
        else:
            emit("left")
    return state["doors"], [event["kind"] for event in state["log"]], state["time"]


@runs({"secret": "apple"})
def twenty_questions(s, secret):
    facts = {"fruit": True, "red": True, "large": False}
    asked = []
    while len(asked) < 3:
        left = [fact for fact in facts if fact not in asked]
        s += "Is it " + select("fact", left) + "? "
        asked.append(s["fact"])
        s += ("Yes" if facts[s["fact"]] else "No") + ".\n"
    s += "It is " + select("guess", [secret, "brick"])
    return asked, s["guess"] == secret


# --- moderation and text ----------------------------------------------------------------------------------------

BANNED = frozenset({"darn", "heck"})


def clean(text: str) -> tuple[str, int]:
    hits = 0

    def mask(match: re.Match[str]) -> str:
        nonlocal hits
        if match[0].lower() in BANNED:
            hits += 1
            return "*" * len(match[0])
        return match[0]

    return re.sub(r"\w+", mask, text), hits


@runs({"texts": ["Oh darn it", "nice", "Heck heck"]})
def moderation_filter(s, texts):
    total = 0
    for text in texts:
        masked, hits = clean(text)
        total += hits
        s += user(masked) + assistant(gen("reply", max_tokens=3))
    return total, s.messages()[0]["content"]


@runs({"text": "hello world"})
def moderated_output(s, text):
    s += text + gen("out", regex="(darn|nice) (day|heck)")
    masked, hits = clean(s["out"])
    if hits:
        s += f" [{hits} removed]"
    return masked, hits


class Language(enum.StrEnum):
    DE = "german"
    FR = "french"

    @property
    def greeting(self):
        return {"german": "Hallo", "french": "Salut"}[self.value]


@runs({"text": "hi"})
def polyglot(s, text):
    out = {}
    for language in Language:
        f = s.fork(1)[0]
        f += f"{language.greeting}! {text} in {language.value}: " + gen("t", max_tokens=3)
        out[language.name] = f["t"]
    return out


@runs({"lang": "de"}, {"lang": "xx"})
def default_language(s, lang):
    texts = {"de": "Guten Tag", "fr": "Bonjour"}
    greeting = texts.get(lang, texts["fr"])
    s += assistant(greeting + ", " + gen("rest", max_tokens=3))
    return lang in texts, greeting.swapcase()


@runs({"poem": "roses are red\nviolets are blue"})
def continue_poem(s, poem):
    lines = poem.splitlines()
    for number, line in enumerate(lines, 1):
        s += f"{number:02d} {line}\n"
    while len(lines) < 4:
        s += f"{len(lines) + 1:02d} " + gen("line", max_tokens=3, stop="\n") + "\n"
        lines.append(s["line"])
    return textwrap.indent("\n".join(lines[:2]), "> "), len(lines)


@runs({"name": "ada"})
def acrostic(s, name):
    lines = []
    for letter in name.upper():
        s += letter + gen("line", regex="[a-z]{2,4}") + "\n"
        lines.append(letter + s["line"])
    return "".join(line[0] for line in lines) == name.upper(), lines[::-1]


@runs({"text": "abc"})
def caesar_cipher(s, text):
    shift = 3
    table = str.maketrans(string.ascii_lowercase, string.ascii_lowercase[shift:] + string.ascii_lowercase[:shift])
    s += f"{text.translate(table)} means " + gen("guess", regex="[a-c]{3}")
    return s["guess"].translate(table), sum(a == b for a, b in zip(s["guess"], text))


@runs({"text": "one two"}, {"text": ""})
def early_returns(s, text):
    if not text:
        return "empty"
    s += text
    if len(text.split()) > 5:
        return "long"
    s += select("kind", ["a", "b"])
    if s["kind"] == "a":
        return "kind a"
    s += gen("why", max_tokens=2)
    return s["why"]


# --- several speakers -------------------------------------------------------------------------------------------


@runs({"motion": "tea is best", "rounds": 2})
def structured_debate(s, motion, rounds):
    points = {"pro": [], "con": []}
    s += f"Motion: {motion}\n"
    for i in range(rounds):
        for side, other in (("pro", "con"), ("con", "pro")):
            rebuttal = f" (against: {points[other][-1]})" if points[other] else ""
            s += f"{side} {i}{rebuttal}: " + gen("p", max_tokens=3, stop="\n") + "\n"
            points[side].append(s["p"])
    s += "Winner: " + select("winner", list(points))
    return s["winner"], [len(v) for v in points.values()]


@runs({"cast": ["Romeo", "Juliet"], "scenes": 2})
def screenplay(s, cast, scenes):
    script = []
    for scene, name in itertools.product(range(1, scenes + 1), cast):
        s += f"{scene}. {name.upper():^10}: " + gen("line", max_tokens=2, stop="\n") + "\n"
        script.append((scene, name, s["line"]))
    by_name = collections.defaultdict(list)
    for _, name, line in script:
        by_name[name].append(line)
    return {name: len(lines) for name, lines in by_name.items()}


@runs({"n": 3})
def voting_panel(s, n):
    forks = s.fork(n)
    for i, f in enumerate(forks):
        f += f"Judge {i}: " + select("vote", ["keep", "drop"])
    votes = [f["vote"] for f in forks]
    tally = collections.Counter(votes)
    decision, count = tally.most_common(1)[0]
    s += f"{decision} by {count} of {n}. " + gen("reason", max_tokens=3)
    return decision, count > n // 2, all(v == votes[0] for v in votes)


@runs({"names": ["A", "B", "C"]})
def werewolf_night(s, names):
    alive = list(names)
    log = []
    while len(alive) > 1:
        s += "Night. Victim: " + select("victim", names) + "\n"
        victim = s["victim"]
        if victim not in alive:
            log.append("nobody")
            if len(log) > 4:
                break
            continue
        alive.remove(victim)
        log.append(victim)
    return log, alive


@contextlib.contextmanager
def timer(log, label):
    log.append(f"start {label}")
    try:
        yield log
    finally:
        log.append(f"stop {label}")


@runs({"text": "go"})
def timed_sections(s, text):
    log: list[str] = []
    with timer(log, "one"):
        s += text + gen("a", max_tokens=2)
    with timer(log, "two") as same, contextlib.suppress(ZeroDivisionError):
        s += gen("b", max_tokens=2)
        same.append(str(1 // (len(text) - 2)))
    return log


def say_twice(s, text, *, sep=" / ", **sampling):
    s += text + gen("once", **sampling) + sep + gen("twice", **sampling) + "\n"
    return s["once"], s["twice"]


@runs({"texts": ["a", "b"]})
def keyword_only_helper(s, texts):
    pairs = [say_twice(s, text, sep=" | ", max_tokens=2, stop="\n") for text in texts]
    firsts, seconds = zip(*pairs)
    return list(firsts), seconds[-1]


def with_persona(persona):
    def wrap(fn):
        @functools.wraps(fn)
        def inner(s, *args, **kwargs):
            s += system(f"You are {persona}.")
            return fn(s, *args, **kwargs)

        return inner

    return wrap


@with_persona("a pirate")
def greet(s, name, *, loud=False):
    s += user(f"Greet {name}{'!' if loud else '.'}") + assistant(gen("greeting", max_tokens=3))
    return s["greeting"]


@runs({"name": "Bo"})
def decorated_persona(s, name):
    return greet(s, name), greet.__name__, greet(s, name, loud=True)


@runs({"score": 5}, {"score": 55}, {"score": 95})
def chained_comparison(s, score):
    if 0 <= score < 50:
        label = "low"
    elif 50 <= score <= 90:
        label = "mid"
    else:
        label = "high"
    s += f"{score=} {label!r} " + gen("x", max_tokens=2)
    return label, f"{score:>5}|{score:<5}|{score:^5}|{score:05.1f}"


GREETINGS: dict[str, Any] = {}


def greeting(language):
    def register(fn):
        GREETINGS[language] = fn
        return fn

    return register


@greeting("en")
def english(s, name):
    s += f"Hello {name}, " + gen("more", max_tokens=2)


@greeting("de")
def german(s, name):
    s += f"Hallo {name}, " + gen("more", max_tokens=3)


@runs({"name": "Al"})
def registered_greetings(s, name):
    s += "Language: " + select("lang", list(GREETINGS)) + "\n"
    GREETINGS[s["lang"]](s, name)
    return s["more"]
