"""Hand-written programs that together use every op, for tests of the text format, the verifier and the passes."""

TIPS = """\
program tips(%topic: str, %dims_0: str = dims[0], %dims_1: any = dims["a b"][1]) {
  extern @int = "builtins.int" none raises int
  extern @"my tool" = "agent.py:12 search" ordered raises data
  extern @DATA = "agent.py:3 DATA" reads total data
  extern @ValueError = "builtins.ValueError" none total ref
  %s0 = begin
  %s1 = append %s0, "Topic: ", %topic, ".\\n"
  %s2, %easy = gen %s1 {constraint=regex("[0-9]+"), max_tokens=32, name="easy", stop=["\\n"]}
  %n = call @int, %easy
  %found = call @"my tool", %easy, limit=%n, "if"=none
  %data = extern @DATA
  %c = compare %easy, "x" {op="=="}
  %s3, %v: str? = if %c {
    %s4 = append %s2, "a"
    yield %s4, %easy
  } else {
    yield %s2, unset
  }
  %s5, %i: int = loop %a = %s3, %b: int = 0 {
    %s6, %t = gen %a, max_tokens=%n
    %b2: int = binary %b, 1 {op="+"}
    %go = compare %b2, 3 {op="<"}
    next %go, %s6, %b2
  }
  %s7 = for %d: data in %found, %acc = %s5 {
    %s8 = append %acc, "x"
    next true, %s8
  }
  %w: str = check %v {name="v"}
  %s9, %k: data = try {
    %s10, %y = gen %s7
    unwind %s10, 1
    wait %y
    %z: str = read %y
    %k2 = call @int, %z
    yield %s10, %k2
  } except %e: ref, %s11 = %s7, %c2: int = 0 {
    %s12 = append %s11, "bad"
    yield %s12, %c2
  }
  return %s9, %w
}
"""

STATES = """\
program states(%n: int, %name: str) {
  %s0 = begin
  %s1 = role_begin %s0 {role="system"}
  %s2 = role_end %s1 {role="system", text="<|end|>"}
  %s3 = role_begin %s2 {after=[["", "<a>"], ["user", "<b>"]], role="user"}
  %s4 = role_end %s3 {role="user"}
  %s5, %a, %b = fork %s4 {n=2}
  %s6 = join %s5, %a, %b {mode="gather_variable"}
  %s7, %forks = fork_list %s6, %n
  %f0 = states_item %forks, 0
  %forks2 = states_set %forks, 0, %f0
  %forks3 = states_append %forks2, %b
  %forks4 = states_gather %forks3, [1, 0]
  %num = states_len %forks4
  %forks5 = states %a, %b
  %s8 = join_list %s7, %forks5 {mode="concate_and_append"}
  %s9 = set %s8, "mine", %num
  %s10 = scope_begin %s9, "part"
  %s11 = scope_end %s10, "part"
  %x: any = get %s11, %name
  %h = has %s11, "x"
  %t = text %s11
  %m = messages %s11
  %meta = meta %s11, "x"
  %s12, %best = select %s11 {choices=["a", "b"], method="token_length_normalized", name="best"}
  %s13, %best2 = select %s12, choices=%m {method="unconditional_likelihood_normalized", temperature=0.0}
  %s15, %y, %k = fused %s13 {parts=[["y", regex("[0-9]"), [["max_tokens", 4]]], ", ", [none, choices(["a"]), []]]}
  %s16, %z, %l = fused %s15, %t {parts=[["z", ["a", "b"], [["method", "exact"]]], [" of ", 0], ["l", none, []]]}
  %none: state|none = if %h {
    yield %s16
  } else {
    yield none
  }
  %isnone = compare %none, none {op="is"}
  %s14 = check %none {name="best"}
  return %s14, %meta
}
"""

HOST = """\
program host(%x: any, %d: data, %f: float) {
  extern @ValueError = "builtins.ValueError" none total ref
  %s = begin
  %sum: any = binary %x, 1 {op="+"}
  %minus: float = unary %f {op="-"}
  %same = compare %sum, %x {op="is not"}
  %true = truth %x
  %shown = format %x {conv="r", spec=">3"}
  %shown2 = format %x, %shown
  %both = concat %shown, "é", %shown2
  %text = as_text %x
  %item: any = item %d, -1
  %part: data = slice %d, none, 2, none
  %changed: data = set_item %d, "k", %item
  %d2: data, %popped: any = mutate %d, "k", default=1 {name="pop"}
  %up: str = method %text, "a", count=1 {name="replace"}
  %at: any = attr %x {name="value"}
  %num = len %d
  %tuple = tuple %x, 1, 2.5, 1e+16, inf, -inf, nan, -0.0, true, none, b"a\\x00\\x22", [1, [], ["a"]], ...
  %list = list
  %dict = dict "a", 1, "b", -2
  %set = set_of 1, 123456789012345678901234567890
  %a: any, %b: int = unpack %d {n=2}
  %order = order %d {reverse=true}
  %best = best %d {pick="min"}
  %s2 = if %true {
    yield %s
  } else {
    raise @ValueError, "no", %best
  }
  return %s2, ...
}
"""

CONSTRAINTS = """\
program constraints() {
  extern @KeyError = "builtins.KeyError" none total ref
  %s0 = begin
  %s1, %a: int = gen %s0 {constraint=json_schema("{\\"type\\":\\"integer\\"}"), dtype="int"}
  %s2, %b = gen %s1 {constraint=choices(["a", "b"]), n=1}
  %s3, %c: data = gen %s2 {constraint=grammar("root ::= \\"a\\""), n=2}
  %s4, %d = gen %s3, regex=%a, name=%b
  raise @KeyError
}
"""

RECURSION = """\
program recursion(%depth: int) {
  %s0 = begin
  %s1, %n: int, %m: str? = function %s0, %depth {name="solve"} do(%a, %d: int) {
    %b, %x = gen %a
    %c = compare %x, "y" {op="=="}
    %e, %k: int, %o: str? = if %c {
      yield %b, %d, unset
    } else {
      %l, %r: int = function %b, 1 {name="solve 2"} do(%f, %g: int) {
        %h, %i: int = invoke %f, %g {name="solve 2"}
        %j, %p: int, %q: str? = invoke %h, %d {name="solve"}
        yield %j, %p
      }
      yield %l, %r, "set"
    }
    yield %e, %k, %o
  }
  return %s1, %n
}
"""

PROGRAMS = {"tips": TIPS, "states": STATES, "host": HOST, "constraints": CONSTRAINTS, "recursion": RECURSION}

PLAN = """\
plan share {
  #0 for %s5 node 2 wave 0
  #1 gen %x node 4 inside #0 wave 0 prompt "Topic: " %d prefix p1 hints gang g1, pin p1 for 2.5, prefetch p0
  #2 gen %easy node 6 wave 1 after #0 prompt "Topic: " %s5 "\\n" prefix p0 hints gang g0 all, release p1, priority -2
  #3 call %log node 7 wave 2 after #0 #2
  p0 calls 11 tokens 2 steps #1 #2 adds "Topic: "
  p1 under p0 calls 10 steps #1 adds %d
}
program share(%dims: data) {
  extern @log = "a.py:1 log" ordered raises none
  %s0 = begin
  %s1 = append %s0, "Topic: "
  %s5 = for %d: str in %dims, %acc = %s1 {
    %s2 = append %acc, %d
    %s3, %x = gen %s2
    next true, %s3
  }
  %s6, %easy = gen %s5
  %log = call @log, %easy
  return %s6, none
}
"""
