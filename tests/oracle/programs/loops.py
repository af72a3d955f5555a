"""for and while: over constants, arguments of unknown length and generated values; what a loop carries."""

from __future__ import annotations

import lmc as lm
from tests.oracle.programs.case import Case


def for_over_range(s, n):
    for i in range(n):
        s += f"{i}: "
        s += lm.gen(f"tip_{i}", max_tokens=5)
        s += "\n"
    return n


def for_over_list(s, dims):
    total = ""
    for d in dims:
        s += f"judge {d}: "
        s += lm.gen(d, max_tokens=5)
        total += s[d][:1] + d
    s += total
    s += lm.gen("all", max_tokens=4)


def for_over_generated_count(s):
    s += "how many? "
    s += lm.gen("n", regex="[0-4]")
    for i in range(int(s["n"])):
        s += f" item {i}:"
        s += lm.gen("item", max_tokens=4)
    s += lm.gen("end", max_tokens=3)


def for_over_generated_words(s):
    s += lm.gen("words", regex="[ab]( [ab]){0,3}")
    seen = []
    for word in s["words"].split():
        if word in seen:
            s += "again "
            continue
        seen.append(word)
        s += word + lm.gen("gloss", max_tokens=3)
    return seen


def for_over_characters(s):
    s += lm.gen("code", regex="[xyz]{0,4}")
    count = 0
    for c in s["code"]:
        if c == "y":
            count += 1
        s += c.upper()
    s += lm.gen("end", max_tokens=3)
    return count


def while_not_done(s, limit):
    i = 0
    while i < limit:
        s += f"step {i} "
        s += lm.select("next", ["go", "stop"])
        if s["next"] == "stop":
            break
        i += 1
    s += lm.gen("end", max_tokens=3)
    return i


def while_generated(s):
    s += lm.select("more", ["yes", "no"])
    num = 0
    while s["more"] == "yes" and num < 6:
        s += lm.gen("line", max_tokens=4)
        s += lm.select("more", ["yes", "no"])
        num += 1
    return num, s["more"]


def while_true_with_break(s):
    text = ""
    while True:
        s += lm.gen("c", regex="[a-d]")
        text += s["c"]
        if s["c"] == "d" or len(text) > 5:
            break
    s += text
    s += lm.gen("end", max_tokens=3)
    return text


def exit_symbolic_on_second_turn(s):
    """The first turn's condition is known at compile time, the later ones' are not."""
    answer = "no"
    num = 0
    while answer != "yes":
        s += f"try {num}: "
        s += lm.select("answer", ["yes", "no"])
        answer = s["answer"]
        num += 1
        if num == 3:
            answer = "yes"
    return num


def condition_constant_then_symbolic(s):
    first = True
    x = ""
    while first or x == "a":
        first = False
        s += "."
        s += lm.select("x", ["a", "b"])
        x = s["x"]
        if len(s.text()) > 3:
            break
    return x, first


def carried_strings_and_counters(s, words):
    best, best_len, history = "", -1, ""
    for i, w in enumerate(words):
        s += w + ": "
        s += lm.gen("v", regex="[a-z]{1,5}")
        if len(s["v"]) > best_len:
            best, best_len = s["v"], len(s["v"])
        history += f"{i}{s['v'][0]}"
    s += best
    s += lm.gen("end", max_tokens=3)
    return best, best_len, history


def continue_and_else_arm(s, n):
    evens = 0
    for i in range(n):
        s += lm.gen("d", regex="[0-9]")
        if int(s["d"]) % 2:
            continue
        evens += 1
        s += f"<{i}>"
    return evens


def nested_loops(s, rows, columns):
    grid = []
    for r in range(rows):
        line = []
        for c in columns:
            s += f"{r}{c}="
            s += lm.gen("cell", regex="[0-9]")
            if s["cell"] == "0":
                break
            line.append(int(s["cell"]))
        grid.append(line)
    s += str(sum(sum(line) for line in grid))
    return grid


def for_else(s, words):
    for w in words:
        s += w
        s += lm.select("found", ["y", "n"])
        if s["found"] == "y":
            s += "!"
            break
    else:
        s += "none found"
        s["missing"] = True
    s += lm.gen("end", max_tokens=3)


def while_else(s):
    i = 0
    while i < 3:
        s += lm.select("c", ["a", "b"])
        if s["c"] == "b":
            break
        i += 1
    else:
        s += "all a"
    return i


def break_in_an_inner_else(s, words):
    """It leaves the outer loop, whose own `else` is then left out."""
    for w in words:
        for c in "ab":
            s += w + c
            s += lm.select("stop", ["y", "n"])
            if s["stop"] == "y":
                break
        else:
            s += "no y"
            break
    else:
        s += "none went through"
    s += lm.gen("end", max_tokens=3)


def break_in_a_static_inner_else(s, words):
    for w in words:
        i = 0
        while i < 2:
            s += f"{w}{i}"
            i += 1
        else:
            break
    else:
        s += "not broken"
    s += lm.gen("end", max_tokens=3)


def break_and_continue_in_inner_elses(s, words):
    """Each `else` belongs to the loop before it; a `continue` in one goes on with the loop around it."""
    for w in words:
        for _ in "a":
            s += lm.select("c", ["p", "q", "r"])
            if s["c"] == "p":
                break
        else:
            while True:
                s += "."
                break
            else:
                s += "never"
            if s["c"] == "q":
                continue
            break
        s += w
    else:
        s += "to the end"
    s += lm.gen("end", max_tokens=3)


def loop_variable_after_loop(s, xs):
    for x in xs:
        s += f"{x} "
    s += f"last {x} "
    s += lm.gen("end", max_tokens=3)
    return x


def loop_local_possibly_unset(s):
    s += lm.gen("n", regex="[0-2]")
    for i in range(int(s["n"])):
        last = f"i{i}"
        s += last
    s += lm.gen("end", max_tokens=3)
    return last


def dict_iteration(s, table):
    for key, value in table.items():
        s += f"{key}={value};"
    for key in table:
        s += key
    for value in table.values():
        s += f"{value}"
    s += lm.gen("x", max_tokens=3)


def zip_and_enumerate(s, questions, answers):
    for i, (q, a) in enumerate(zip(questions, answers), start=1):
        s += f"{i}. {q} -> {a}\n"
        s += lm.gen(f"why_{i}", max_tokens=4)
    for i in reversed(range(2)):
        s += str(i)
    return [s[f"why_{i + 1}"] for i in range(min(len(questions), len(answers)))]


def loop_over_changing_condition(s, budget):
    left = budget
    while left > 0:
        s += lm.gen("w", regex="[a-z]{1,4} ")
        left -= len(s["w"])
    return left, s.text()


def name_of_last_iteration(s, n):
    """The name set in the last turn wins; where there is no turn it is not set."""
    for _ in range(n):
        s += lm.gen("x", max_tokens=3)
    return s["x"] if "x" in s else "unset"  # noqa: SIM401


def swap_in_loop(s):
    a, b = "left", "right"
    for _ in range(3):
        s += lm.select("swap", ["y", "n"])
        if s["swap"] == "y":
            a, b = b, a
        s += a
    return a, b


def fibonacci_until(s):
    s += lm.gen("limit", regex="[1-9][0-9]")
    a, b = 0, 1
    while b < int(s["limit"]):
        a, b = b, a + b
    s += f" {a} {b}"
    s += lm.gen("end", max_tokens=3)
    return b


CASES = [
    Case(for_over_range, ({"n": 0}, {"n": 3})),
    Case(for_over_list, ({"dims": ["clarity", "depth"]}, {"dims": []}, {"dims": ("a",)})),
    Case(for_over_generated_count),
    Case(for_over_generated_words),
    Case(for_over_characters),
    Case(while_not_done, ({"limit": 4}, {"limit": 0})),
    Case(while_generated),
    Case(while_true_with_break),
    Case(exit_symbolic_on_second_turn),
    Case(condition_constant_then_symbolic),
    Case(carried_strings_and_counters, ({"words": ["a", "b", "c"]}, {"words": []})),
    Case(continue_and_else_arm, ({"n": 5},)),
    Case(nested_loops, ({"rows": 2, "columns": "abc"}, {"rows": 3, "columns": ["p", "q"]})),
    Case(for_else, ({"words": ["a", "b"]}, {"words": []})),
    Case(while_else),
    Case(break_in_an_inner_else, ({"words": ["x", "y", "z"]}, {"words": []})),
    Case(break_in_a_static_inner_else, ({"words": ["x", "y"]}, {"words": []})),
    Case(break_and_continue_in_inner_elses, ({"words": ["x", "y", "z"]}, {"words": []})),
    Case(loop_variable_after_loop, ({"xs": [1, 2]}, {"xs": ["a"]})),
    Case(loop_local_possibly_unset),
    Case(dict_iteration, ({"table": {"a": 1, "b": "two"}}, {"table": {}})),
    Case(
        zip_and_enumerate,
        ({"questions": ["p", "q"], "answers": ["1", "2"]}, {"questions": ["p"], "answers": ["1", "2", "3"]}),
    ),
    Case(loop_over_changing_condition, ({"budget": 9},)),
    Case(name_of_last_iteration, ({"n": 2}, {"n": 0})),
    Case(swap_in_loop),
    Case(fibonacci_until),
]
