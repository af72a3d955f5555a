"""`try`, `raise`, and blocks that are ended however they are left."""

from __future__ import annotations

import contextlib
import io
import json
import sys
import traceback

import lmc as lm
from tests.oracle.programs.case import Case

LOG: list[object] = []


def note(x):
    LOG.append(x)
    return x


class BadAnswer(Exception):
    def __init__(self, text, *, code=0):
        super().__init__(f"{text}/{code}")
        self.text, self.code = text, code


class Stop(BadAnswer):
    pass


# --- retry loops -----------------------------------------------------------------------------------------


def retry_with_feedback(s):
    for _ in range(3):
        s += lm.gen("j", regex=r'\{"a": [0-9]\}|oops')
        try:
            return json.loads(s["j"])
        except ValueError as e:
            s += f" bad: {e} "


def retry_then_give_up(s):
    for i in range(3):  # noqa: B007
        s += lm.gen("j", regex=r"\[[0-9]\]|no")
        try:
            data = json.loads(s["j"])
        except json.JSONDecodeError as e:
            s += f"\nline {e.lineno} col {e.colno}: {e.msg}\n"
            continue
        s += f"got {data}"
        break
    else:
        return "never", i
    return data, i


def retry_while(s, n):
    tries, answer = 0, None
    while answer is None and tries < n:
        tries += 1
        s += lm.gen("a", regex="[0-9]|x")
        try:
            answer = int(s["a"])
        except ValueError:
            s += " a number please "
    return answer, tries


def retry_in_a_helper(s):
    def ask(q):
        for _ in range(2):
            s.__iadd__  # noqa: B018  # nothing: a read of the state's own
            try:
                return parse(s, q)
            except BadAnswer as e:
                note((e.text, e.code))
        return -1

    return [ask("one "), ask("two ")]


def retry_with_helper(s):
    found = []
    for q in ("one ", "two "):
        for _ in range(2):
            try:
                found.append(parse(s, q))
                break
            except BadAnswer as e:
                note((e.text, e.code))
                s += f"({e})"
    return found


def parse(s, q):
    s += q
    s += lm.gen("v", regex="[0-3]|z")
    if s["v"] == "z":
        raise BadAnswer(s["v"], code=7)
    return int(s["v"])


def retry_over_forks(s):
    forks = s.fork(3)
    values = []
    for f in forks:
        f += lm.gen("v", regex="[0-4x]")
    for f in forks:
        try:
            values.append(int(f["v"]))
        except ValueError:
            f += " again "
            f += lm.gen("v", regex="[0-9]")
            values.append(int(f["v"]) * 10)
    s += str(sum(values))
    s += lm.gen("end", max_tokens=2)
    return values


def retry_run_time_forks(s, n):
    total = 0
    for f in s.fork(n):
        f += lm.gen("v", regex="[0-4x]")
        try:
            total += int(f["v"])
        except ValueError as e:
            f += str(e)
            f += lm.gen("w", regex="[0-9]")
            total += 100 * int(f["w"])
    return total


def retry_over_items(s, words):
    out = {}
    for w in words:
        try:
            s += w
            s += lm.gen("n", regex="[0-9]|q")
            out[w] = int(s["n"])
        except ValueError:
            out[w] = None
    return out


def retry_run_time_items(s):
    s += lm.gen("list", regex="[ab],[ab],[ab]")
    good = 0
    for w in s["list"].split(","):
        s += w
        s += lm.gen("n", regex="[0-9]|q")
        try:
            good += int(s["n"])
        except ValueError:
            s += " skip "
            continue
        s += " ok "
    return good


# --- what the handler sees -------------------------------------------------------------------------------


def state_at_the_raise_point(s):
    try:
        s += "one "
        s += lm.gen("x", regex="[0-9x]")
        n = int(s["x"])
        s += "two "
        s += lm.gen("y", regex="[0-9x]")
        n += int(s["y"])
        s += "three "
    except ValueError:
        s += "caught "
        s += lm.gen("z", max_tokens=2)
        n = -1
    s += "end"
    return n


def locals_at_the_raise_point(s):
    step = 0
    items = ["first"]
    try:
        step = 1
        s += lm.gen("x", regex="[0-9x]")
        items.append("a")
        int(s["x"])
        step = 2
        s += lm.gen("y", regex="[0-9x]")
        items.append(s["y"])
        items.append(int(s["y"]))
        step = 3
    except ValueError as e:
        return step, list(items), str(e)
    return step, items


def unbound_in_the_handler(s):
    try:
        s += lm.gen("x", regex="[0-9x]")
        value = int(s["x"])
        s += lm.gen("y", regex="[0-9x]")
        other = int(s["y"])
    except ValueError:
        note("handler")
        return value
    return value + other


def name_is_deleted(s):
    e = "before"
    try:
        s += lm.gen("x", regex="[0-9x]")
        int(s["x"])
    except ValueError as e:  # noqa: F841
        note("caught")
    return e


def raise_inside_a_branch(s):
    log = []
    try:
        s += lm.gen("x", regex="[0-9]")
        log = [1]
        if int(s["x"]) > 4:
            log = [1, 2]
            s += "big "
            raise KeyError(s["x"])
        log = [1, 3]
        s += "small "
    except KeyError as e:
        return e.args, log, s.text()
    return log


def raise_inside_a_loop(s, n):
    total, last = 0, None
    try:
        for i in range(n):
            last = i
            s += f"{i}:"
            s += lm.gen("x", regex="[0-9]|x")
            total += int(s["x"])
    except ValueError:
        s += f"failed at {last} with {total}"
        s += lm.gen("why", max_tokens=2)
    return total, last


def raise_inside_a_run_time_loop(s):
    s += lm.gen("list", regex="[0-9x],[0-9x],[0-9x]")
    total, seen = 0, []
    try:
        for w in s["list"].split(","):
            seen.append(w)
            s += w
            total += int(w)
    except ValueError as e:
        note(str(e))
        s += " bad "
    return total, seen


def loop_over_an_iterator_that_fails(s):
    total = 0
    try:
        for x in failing_items():
            total += x
            s += f"{x} "
    except OSError as e:
        return total, str(e)
    return total


def failing_items():
    def items():
        yield 1
        yield 2
        raise OSError("disk")

    return Reader(items())


class Reader:
    def __init__(self, it):
        self.it = it

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.it)


# --- which handler ---------------------------------------------------------------------------------------


def first_that_matches(s):
    s += lm.gen("k", regex="[abcd]")
    try:
        return fail_with(s["k"])
    except (KeyError, IndexError) as e:
        return "lookup", type(e).__name__, e.args
    except ValueError:
        return "value"
    except Exception as e:
        return "other", str(e)


def fail_with(k):
    if k == "a":
        return {}["no"]
    if k == "b":
        return [][3]
    if k == "c":
        return int("c")
    raise BadAnswer(k, code=4)


def subclass_matches(s):
    s += lm.gen("k", regex="[ab]")
    try:
        if s["k"] == "a":
            raise Stop("stop", code=1)
        raise BadAnswer("bad", code=2)
    except Stop as e:
        return "stop", e.code
    except BadAnswer as e:
        return "bad", e.code


def no_handler_matches(s):
    s += lm.gen("x", regex="[0-9x]")
    try:
        int(s["x"])
    except KeyError:
        note("never")
    note("after")
    return 1


def bare_except(s):
    s += lm.gen("x", regex="[0-9x]")
    try:
        return int(s["x"])
    except:  # noqa: E722
        return "bare"


def handler_of_base_exception(s):
    s += lm.gen("x", regex="[0-9x]")
    try:
        if s["x"] > "4":
            sys.exit("gone")
        return "stayed"
    except BaseException as e:
        return type(e).__name__, e.args


# --- leaving -----------------------------------------------------------------------------------------


def break_in_the_handler(s):
    seen = []
    for i in range(4):  # noqa: B007
        s += lm.gen("x", regex="[0-9]|x")
        try:
            seen.append(int(s["x"]))
        except ValueError:
            seen.append("stop")
            break
        s += ","
    s += "done"
    return seen, i


def continue_in_the_body(s):
    seen = []
    for i in range(4):
        try:
            s += lm.gen("x", regex="[0-9]|x")
            if s["x"] == "x":
                continue
            seen.append(10 // int(s["x"]))
        except ZeroDivisionError:
            seen.append("zero")
        finally:
            note(i)
    return seen


def return_in_a_nested_handler(s):
    try:
        try:
            s += lm.gen("x", regex="[0-9x]")
            return int(s["x"])
        except ValueError:
            s += lm.gen("y", regex="[0-9x]")
            return int(s["y"]) + 100
    except ValueError as e:
        return f"both: {e}"


def else_only_after_success(s):
    try:
        s += lm.gen("x", regex="[0-9x]")
        n = int(s["x"])
    except ValueError:
        s += "no "
        n = 0
    else:
        s += "yes "
        n += 1
        note(n)
    return n


def else_is_not_protected(s):
    try:
        s += lm.gen("x", regex="[0-9x]")
        n = int(s["x"])
    except ValueError:
        return "caught"
    else:
        n = 10 // (n % 2)
    return n


def else_with_return(s):
    for _ in range(3):
        try:
            s += lm.gen("x", regex="[0-9x]")
            int(s["x"])
        except ValueError:
            s += "?"
        else:
            return s["x"]
    return None


def finally_on_every_way(s):
    for i in range(3):
        try:
            s += lm.gen("x", regex="[0-3x]")
            if s["x"] == "0":
                break
            if s["x"] == "1":
                continue
            if s["x"] == "2":
                return "two"
            int(s["x"])
        except ValueError:
            note("bad")
        finally:
            note(i)
            s += "f"
    return "end"


def finally_after_an_error(s):
    try:
        s += lm.gen("x", regex="[0-9x]")
        return 10 // int(s["x"])
    finally:
        note("cleanup")
        note(s["x"])


def finally_overrides_return(s):
    try:
        s += lm.gen("x", regex="[0-9x]")
        return int(s["x"])
    finally:
        note("f")
        return "overridden"  # noqa: B012, SIM107


def finally_changes_nothing_returned(s):
    n = 1
    try:
        s += lm.gen("x", max_tokens=1)
        n = 2
        return n
    finally:
        n = 3
        note(n)


def nested_finally(s):
    try:
        try:
            s += lm.gen("x", regex="[0-9x]")
            int(s["x"])
            note("inner body")
        finally:
            note("inner")
    except ValueError:
        note("outer handler")
    finally:
        note("outer")
    return 1


def error_in_finally(s):
    try:
        try:
            s += lm.gen("x", regex="[0-9x]")
            int(s["x"])
        finally:
            note("f")
            {}["gone"]
    except KeyError as e:
        return "key", type(e.__context__).__name__
    except ValueError:
        return "value"


# --- raising again -------------------------------------------------------------------------------------


def reraise(s):
    try:
        s += lm.gen("x", regex="[0-9x]")
        return int(s["x"])
    except ValueError:
        note("seen")
        raise


def reraise_to_the_outer(s):
    try:
        try:
            s += lm.gen("x", regex="[0-9x]")
            return int(s["x"])
        except ValueError as e:
            note(str(e))
            s += "inner "
            raise
    except Exception as e:
        s += "outer "
        return type(e).__name__, str(e)


def raise_from(s):
    try:
        try:
            s += lm.gen("x", regex="[0-9x]")
            return int(s["x"])
        except ValueError as e:
            raise BadAnswer("wrapped", code=3) from e
    except BadAnswer as e:
        return e.code, str(e.__cause__), e.__context__ is e.__cause__, e.__suppress_context__


def raise_from_none(s):
    try:
        try:
            s += lm.gen("x", regex="[0-9x]")
            return int(s["x"])
        except ValueError:
            raise KeyError("k") from None
    except KeyError as e:
        return repr(e.__cause__), type(e.__context__).__name__, e.__suppress_context__


def context_of_a_new_error(s):
    try:
        try:
            s += lm.gen("x", regex="[0-9x]")
            return int(s["x"])
        except ValueError:
            return {}[s["x"]]
    except KeyError as e:
        return str(e), str(e.__context__)


def raise_a_caught_value(s):
    kept = None
    try:
        s += lm.gen("x", regex="[0-9x]")
        int(s["x"])
    except ValueError as e:
        kept = e
    if kept is not None:
        note("raising")
        raise kept
    return "fine"


def raise_with_keyword(s):
    s += lm.gen("x", regex="[0-9]")
    raise BadAnswer(s["x"], code=int(s["x"]))


def raise_a_class(s):
    s += lm.gen("x", regex="[ab]")
    try:
        if s["x"] == "a":
            raise KeyError
        raise RuntimeError()
    except LookupError as e:
        return "lookup", e.args
    except RuntimeError as e:
        return "runtime", e.args


def bare_raise_without_an_error(s):
    s += lm.gen("x", max_tokens=1)
    raise


def bare_raise_in_a_helper(s):
    def again():
        note("again")
        raise

    try:
        s += lm.gen("x", regex="[0-9x]")
        return int(s["x"])
    except ValueError:
        again()


def raise_something_else(s):
    s += lm.gen("x", max_tokens=1)
    try:
        raise s["x"]
    except TypeError as e:
        return str(e)


def group_of_tuples(s):
    errors = (KeyError, (ValueError))
    s += lm.gen("x", regex="[0-9x]")
    try:
        return int(s["x"])
    except errors:
        return "one of them"


def assert_with_message(s):
    s += lm.gen("x", regex="[0-9]")
    try:
        assert int(s["x"]) > 4, f"{s['x']} is small"
        return "big"
    except AssertionError as e:
        return e.args


def exc_info_in_the_handler(s):
    s += lm.gen("x", regex="[0-9x]")
    try:
        return int(s["x"])
    except ValueError:
        kind = sys.exc_info()[0]
        last = traceback.format_exc().strip().splitlines()[-1]
        return kind is ValueError, last


def exc_info_after_the_handler(s):
    s += lm.gen("x", regex="[0-9x]")
    try:  # noqa: SIM105
        int(s["x"])
    except ValueError:
        pass
    return repr(sys.exc_info()[1])


def error_kept_in_a_list(s):
    errors = []
    for i in range(3):
        s += lm.gen(f"x{i}", regex="[0-9x]")
        try:
            int(s[f"x{i}"])
        except ValueError as e:
            errors.append(e)
            s += f"[{e}]"
    return [str(e) for e in errors], len(errors)


# --- effects ---------------------------------------------------------------------------------------------


def effects_stop_at_the_error(s):
    try:
        note("a")
        s += lm.gen("x", regex="[0-9x]")
        note("b")
        n = int(s["x"])
        note("c")
        s += lm.gen("y", regex="[0-9]")
        note(s["y"])
    except ValueError:
        note("handler")
        n = -1
    note("after")
    return n


def call_after_the_error_is_not_made(s):
    a, b = s.fork(2)
    try:
        a += lm.gen("x", regex="[0-9x]")
        n = int(a["x"])
        b += lm.gen("y", regex="[0-9]")
        n += int(b["y"])
    except ValueError:
        n = -1
        b += " other "
        b += lm.gen("y", regex="[a-c]")
    return n, b["y"]


def call_before_the_error_is_made(s):
    a, b = s.fork(2)
    try:
        a += lm.gen("one", max_tokens=2)
        a += lm.gen("two", max_tokens=2)
        b += lm.gen("x", regex="[0-9x]")
        int(b["x"])
        a += lm.gen("three", max_tokens=2)
    except ValueError:
        a += " handler "
    return a.text()


def opaque_error(s):
    s += lm.gen("x", regex="[0-9x]")
    try:
        value = opaque(s["x"])
    except (ValueError, LookupError) as e:
        value = f"{type(e).__name__}: {e}"
    return value


def opaque(x):
    with contextlib.suppress(ZeroDivisionError):
        LOG.append(x)
        return int(x) + [1, 2, 3][int(x)]


def static_error(s):
    try:
        s += "a"
        int("nope")
        s += "b"
    except ValueError as e:
        s += f"<{e}>"
    return s.text()


def import_with_fallback(s):
    try:
        import nothing_of_that_name as found
    except ImportError:
        found = None
    s += str(found)


def nothing_can_fail(s):
    try:
        x = 1
        s += "a"
    except ValueError:
        x = 2
    else:
        x += 10
    finally:
        s += "f"
    return x


def attribute_fallback(s):
    s += lm.gen("x", max_tokens=1)
    try:
        return s["x"].nope()
    except AttributeError as e:
        return str(e)


def lookup_in_generated_json(s):
    s += lm.gen("j", regex=r'\{"(a|b)": [0-9]\}')
    data = json.loads(s["j"])
    try:
        return data["a"] + 1
    except KeyError as e:
        return e.args[0], data["b"]


def missing_name_of_a_state(s):
    s += lm.gen("x", max_tokens=1)
    try:
        return s["y"]
    except KeyError as e:
        return e.args


def error_in_a_comprehension(s):
    s += lm.gen("list", regex="[0-9x][0-9x]")
    try:
        return [int(c) for c in s["list"]]
    except ValueError:
        return "bad"


def try_in_a_comprehension_helper(s):
    def number(c):
        try:
            return int(c)
        except ValueError:
            return None

    s += lm.gen("list", regex="[0-9x][0-9x]")
    return [number(c) for c in s["list"]], [number(c) for c in "1z"]


def role_is_closed_after_an_error(s):
    try:
        with s.user():
            s += "ask "
            s += lm.gen("x", regex="[0-9x]")
            int(s["x"])
            s += "fine "
    except ValueError:
        with s.user():
            s += "again"
    with s.assistant():
        s += lm.gen("end", max_tokens=2)
    return s.messages()


def scope_is_closed_after_an_error(s):
    try:
        with s.var_scope("part"):
            s += "p:"
            s += lm.gen("x", regex="[0-9x]")
            int(s["x"])
    except ValueError:
        return s["part"]
    return "fine", s["part"]


def roles_around_a_retry(s):
    s += lm.user("give a number")
    for _ in range(3):
        s += lm.assistant(lm.gen("n", regex="[0-9]|zz"))
        try:
            return int(s["n"])
        except ValueError as e:
            s += lm.user(f"that is none: {e}")
    return None


def nested_tries_in_loops(s, n):
    got = []
    for i in range(n):
        for j in range(2):
            try:
                try:
                    s += lm.gen("x", regex="[0-3x]")
                    v = int(s["x"])
                    got.append(6 // v)
                except ZeroDivisionError:
                    got.append("zero")
                    if j:
                        raise KeyError(i) from None
            except ValueError:
                got.append("value")
                break
            except KeyError as e:
                got.append(e.args)
                continue
            s += ";"
    return got


def fork_in_the_body(s):
    try:
        f = s.fork(1)[0]
        f += lm.gen("x", regex="[0-9x]")
        s += str(int(f["x"]))
    except ValueError:
        s += "bad"
    s += lm.gen("y", max_tokens=1)


def value_read_before(s):
    s += lm.gen("x", regex="[0-9x]")
    x = s["x"]
    y = x + "!"
    try:
        n = int(x)
    except ValueError:
        n = y
    return n


# --- with ------------------------------------------------------------------------------------------------


class Timer:
    def __init__(self, name, swallow=()):
        self.name, self.swallow = name, swallow

    def __enter__(self):
        LOG.append(f"enter {self.name}")
        return self

    def __exit__(self, kind, error, trace):
        LOG.append((f"exit {self.name}", kind and kind.__name__, str(error), trace is not None))
        return isinstance(error, self.swallow)


@contextlib.contextmanager
def logged(name):
    LOG.append(f"begin {name}")
    try:
        yield name.upper()
    except KeyError:
        LOG.append("swallowed")
    finally:
        LOG.append(f"end {name}")


def with_open(s):
    with open(__file__) as f:
        first = f.readline()
    s += first[:3]
    return f.closed, first[:3]


def with_manager(s):
    with Timer("t") as t:
        s += lm.gen("x", max_tokens=1)
        note(s["x"])
        s += t.name
    return s.text()


def with_manager_and_error(s):
    s += lm.gen("x", regex="[0-9x]")
    try:
        with Timer("t"):
            note("body")
            return int(s["x"])
    except ValueError as e:
        return str(e)


def with_manager_that_swallows(s):
    s += lm.gen("x", regex="[0-9x]")
    n = 0
    with Timer("t", ValueError):
        n = 1
        n = int(s["x"])
        s += "read"
    s += " after "
    return n


def with_two_managers(s):
    s += lm.gen("x", regex="[0-9x]")
    with Timer("a", ValueError), Timer("b"):
        int(s["x"])
        note("body")
    return LOG[-1][0]


def with_generator_manager(s):
    s += lm.gen("x", regex="[ab]")
    with logged("g") as name:
        s += name
        {"a": 1}[s["x"]]
        s += "found"
    return s.text()


def with_suppress(s):
    s += lm.gen("x", regex="[0-9x]")
    with contextlib.suppress(ValueError, KeyError):
        return int(s["x"])
    return "suppressed"


def with_return_and_break(s):
    for i in range(3):
        with Timer(f"t{i}"):
            s += lm.gen("x", regex="[0-9]")
            if int(s["x"]) > 6:
                return "high"
            if int(s["x"]) > 3:
                break
    return "low", i


def with_redirect(s):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        print("hidden")
        s += lm.gen("x", max_tokens=1)
        print(s["x"])
    return out.getvalue()


def with_something_else(s):
    s += lm.gen("x", max_tokens=1)
    try:
        with note(3):
            note("never")
    except TypeError as e:
        return str(e)


def with_error_in_exit(s):
    class_ = Timer("t", 5)  # isinstance(error, 5) fails
    try:
        with class_:
            s += lm.gen("x", max_tokens=1)
            int("x")
    except TypeError as e:
        return type(e.__context__).__name__


def call_in_an_inner_try_after_the_error(s):
    try:
        s += s["never"]
        try:
            s += lm.gen("x", regex="[0-9]")
            s += [] % 3
        except KeyError:
            s += " inner"
    except Exception as e:
        s += type(e).__name__


def call_in_an_inner_try_of_a_handler(s):
    try:
        try:
            s += lm.gen("n", regex="[a-b]")
            int(s["n"])
        except ValueError:
            s += s["never"]
            try:
                s += lm.gen("x", regex="[0-9]")
                s += [] % 3
            except TypeError:
                s += " inner"
    except KeyError:
        s += " outer"


def inner_try_after_a_read_that_fails(s):
    try:
        s += lm.gen("n", regex="[ab1]")
        int(s["n"])
        try:
            s += lm.gen("x", regex="[0-9]")
            s += [] % 3
        except TypeError:
            s += " inner"
    except ValueError:
        s += " outer"


WORDS = {"words": ["a", "bc"]}
CASES = [
    *(
        Case(fn, log=LOG)
        for fn in (
            retry_with_feedback, retry_then_give_up, retry_with_helper, retry_over_forks, retry_run_time_items,
            loop_over_an_iterator_that_fails,
            state_at_the_raise_point, locals_at_the_raise_point, name_is_deleted,
            raise_inside_a_branch, raise_inside_a_run_time_loop, first_that_matches, subclass_matches,
            bare_except, handler_of_base_exception, break_in_the_handler, continue_in_the_body,
            return_in_a_nested_handler, else_only_after_success, else_with_return,
            finally_overrides_return, finally_changes_nothing_returned, nested_finally,
            error_in_finally, reraise_to_the_outer, raise_from, raise_from_none, context_of_a_new_error,
            raise_a_class, raise_something_else, group_of_tuples, assert_with_message,
            exc_info_in_the_handler, exc_info_after_the_handler, effects_stop_at_the_error,
            call_after_the_error_is_not_made, call_before_the_error_is_made, opaque_error, static_error,
            import_with_fallback, nothing_can_fail, attribute_fallback, lookup_in_generated_json,
            missing_name_of_a_state, error_in_a_comprehension, try_in_a_comprehension_helper,
            role_is_closed_after_an_error, scope_is_closed_after_an_error, roles_around_a_retry, fork_in_the_body,
            value_read_before, with_open, with_manager, with_manager_and_error, with_manager_that_swallows,
            with_two_managers, with_generator_manager, with_suppress, with_return_and_break, with_something_else,
            with_error_in_exit, call_in_an_inner_try_after_the_error, call_in_an_inner_try_of_a_handler,
            inner_try_after_a_read_that_fails,
        )
    ),
    *(Case(fn, log=LOG) for fn in (unbound_in_the_handler, no_handler_matches, else_is_not_protected)),
    *(Case(fn, log=LOG) for fn in (finally_on_every_way, finally_after_an_error, reraise, raise_a_caught_value)),
    *(Case(fn, log=LOG, raises=True) for fn in (raise_with_keyword, bare_raise_without_an_error)),
    *(Case(fn, log=LOG, expects="either") for fn in (error_kept_in_a_list, bare_raise_in_a_helper, with_redirect)),
    Case(retry_in_a_helper, log=LOG, expects="either"),
    Case(retry_while, ({"n": 0}, {"n": 1}, {"n": 4}), log=LOG),
    Case(retry_run_time_forks, ({"n": 0}, {"n": 3}), log=LOG),
    Case(retry_over_items, (WORDS, {"words": []}), log=LOG),
    Case(raise_inside_a_loop, ({"n": 3}, {"n": 0}), log=LOG),
    Case(nested_tries_in_loops, ({"n": 2}, {"n": 3}), log=LOG),
]  # fmt: skip
