"""Goes through a program as a run would, with what is known of its values: which calls it makes, with which prompts.

Branches whose condition is known are decided. Of others both arms are gone through, and what they leave hangs on the
question (alternatives.py). Loops turn as often as is known; where that is not known, until they surely end or nothing
that is known changes any more. Nothing of the user's runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any, cast

from lmc.ir.fused import parts_of as form_parts
from lmc.ir.graph import Atom, Block, Graph, Lit, Node, Value, walk
from lmc.ir.ops import OPS
from lmc.ir.plan import Plan
from lmc.ir.prompt import Control
from lmc.ir.prompt import Text as TextPiece
from lmc.ir.types import is_plain
from lmc.passes.base import ArgPath, Inputs
from lmc.passes.cost.alternatives import (
    MAX_LEAVES,
    NEVER,
    OpenChoice,
    TooMany,
    Way,
    combined,
    is_same,
    leaves,
    ways,
    where,
)
from lmc.passes.cost.answers import AnswerSize, answer_of, longest_token
from lmc.passes.cost.interval import UNKNOWN, Interval, one_of
from lmc.passes.cost.learnt import Learnt
from lmc.passes.cost.prompts import CostPrompts, TokenSize, end_node, is_open, with_run
from lmc.passes.cost.trace import BranchTrace, CallTrace, CostTrace, FunctionTrace, LoopTrace, TryTrace
from lmc.passes.cost.values import (
    AbstractState,
    AbstractStates,
    KnownValue,
    NamedValues,
    TextHole,
    TextRow,
    computed,
    parts_of,
)
from lmc.passes.flat_prompts import FlatPiece, PromptHole
from lmc.passes.prompt_ids import Begun, Fragments

MAX_TURNS = 10_000  # of a loop whose turns are known
MAX_UNSURE = 64  # of one that may end earlier
MAX_LEARNT = 64  # turns that earlier runs had and that are gone through for the sake of what is expected
MAX_WORK = 20_000  # nodes that are looked at in turns that may not come; then a loop counts as one without a bound
WORK_OF_CHOICE = 10

Env = dict[str, Any]


class Walker:
    """Walks a plan's graph for one item after another.

    is_sure_of_rest  False once something was passed whose prompts are not all known
    """

    def __init__(self, plan: Plan, inputs: Inputs, learnt: Learnt) -> None:
        self.graph: Graph = plan.graph
        self.inputs, self.learnt = inputs, learnt
        nodes = plan.graph.nodes
        self.prompts = CostPrompts(inputs, {value.name: node for node in nodes for value in node.outputs})
        self.steps = {id(nodes[step.node]): step.id for step in plan.steps}
        ends = [plan.graph.body.end, *(region.end for node in nodes for region in node.regions)]
        self._num_uses = Counter(a.name for node in (*nodes, *ends) for a in node.inputs if isinstance(a, Value))
        self.unbounded: list[Node] = []  # regions of which the turns have no bound
        self._env: Env = {}
        self._num_fresh = 0
        self._share_of: dict[int, float] = {}  # in how many runs the answer to a question is yes
        self._work = self._num_unsure = 0
        self._trace = CostTrace()
        self._unwinds: list[list[list[Any]]] = []
        self._has_calls: dict[int, bool] = {}
        self._dead: dict[int, bool] = {}

    def item(self, arguments: Mapping[ArgPath, object]) -> CostTrace:
        """What the program does with these arguments, as far as they are given."""
        self._env, self._trace = {}, CostTrace()
        for param in self.graph.params:
            given = arguments.get(param.path)
            is_known = param.path in arguments and is_plain(given) and _is_fixed(given, param.value.type.name)
            self._env[param.value.name] = KnownValue(given) if is_known else self._fresh()
        self._block(self.graph.body)
        return self._trace

    # --- values ----------------------------------------------------------------------------------------------

    def _fresh(self, most: int | None = None, expected: float = 0.0) -> TextHole:
        self._num_fresh += 1
        return TextHole(f"value@{self._num_fresh}", most, expected)

    def _question(self) -> int:
        self._num_fresh += 1
        return self._num_fresh

    def _unknown_state(self) -> AbstractState:
        return self._state_of(TokenSize(UNKNOWN, UNKNOWN))

    def _state_of(self, size: TokenSize, *, open_end: bool = True) -> AbstractState:
        """A state with a prompt of that size, of which nothing else is known."""
        begun = self.prompts.added(Begun(), self.prompts.part(size, is_open=open_end))
        return AbstractState(begun, None, None, 0)

    def _value(self, atom: Atom) -> Any:
        return KnownValue(atom.value) if isinstance(atom, Lit) else self._env[atom.name]

    def _set(self, node: Node, values: Sequence[Any]) -> None:
        for output, value in zip(node.outputs, values):
            self._env[output.name] = value

    def _combined(self, values: Sequence[Any], make: Callable[..., Any], otherwise: Callable[[], Any]) -> Any:
        try:
            return combined(values, make)
        except TooMany:
            return otherwise()

    def _state(self, value: Any, make: Callable[[AbstractState], AbstractState]) -> Any:
        """What becomes of a state, however the program has come here."""
        return self._combined(
            [value], lambda leaf: make(leaf if isinstance(leaf, AbstractState) else self._unknown_state()), lambda: None
        ) or make(self._collapsed(value))

    def _with_text(self, state: Any, text: Any, make: Callable[[AbstractState, Any], AbstractState]) -> Any:
        def made(leaf: Any, value: Any) -> AbstractState:
            return make(leaf if isinstance(leaf, AbstractState) else self._unknown_state(), value)

        return self._combined(
            [state, text], made, lambda: made(self._collapsed(state), self._one_text(list(leaves(text))))
        )

    def _one(self, found: Sequence[Any], shares: Sequence[float] = ()) -> Any:
        """One value in place of several that may be; `shares` say how likely each is, else all are as likely."""
        if any(isinstance(leaf, AbstractState) for leaf in found):
            return self._one_state(found, shares)
        if any(isinstance(leaf, AbstractStates) for leaf in found):
            return AbstractStates(None, self._unknown_state())
        return self._one_text(found, shares)

    def _one_text(self, found: Sequence[Any], shares: Sequence[float] = ()) -> Any:
        if all(is_same(each, found[0]) for each in found):
            return found[0]
        sizes = [_bytes_of(each) for each in found]
        most = None if None in sizes else max(size for size in sizes if size is not None)
        parts = zip(shares or [1 / len(found)] * len(found), map(_expected_of, found))
        return self._fresh(most, sum(share * expected for share, expected in parts))

    def _one_state(self, found: Sequence[Any], shares: Sequence[float] = ()) -> AbstractState:
        states = [each if isinstance(each, AbstractState) else self._unknown_state() for each in found]
        if all(each is states[0] for each in states):
            return states[0]
        sizes = list(zip(map(self._size, states), shares or [1 / len(states)] * len(states)))
        tokens, new = ([(getattr(s, name), share) for s, share in sizes] for name in ("tokens", "computed"))
        size = TokenSize(one_of(tokens), one_of(new))
        return self._state_of(size, open_end=any(is_open(each.begun) for each in states))

    def _collapsed(self, value: Any) -> AbstractState:
        return self._one_state(list(leaves(value)), self._shares(list(ways(value))))

    def _size(self, state: AbstractState) -> TokenSize:
        """All of a prompt, and what of it no call of its own has put into the cache."""
        prompts, settled = self.prompts, state.begun.settled
        open_size = prompts.open_size(state.begun)
        tokens = new = open_size
        for size in prompts.tokens(settled):
            tokens += size.tokens
        for size in prompts.tokens(settled, state.resident):
            new += size.computed
        return TokenSize(tokens, new)

    def _joined(self, options: Sequence[Sequence[Any]], shares: Sequence[float] = ()) -> list[Any]:
        """The values of several ways to come here, position by position; the same questions stand for all of them."""
        *before, last = zip(options, shares or [1.0] * len(options))
        result, likely = list(last[0]), last[1]
        for option, share in reversed(before):
            likely += share
            result = self._either(option, result, share / likely if likely else 0.5)
        return result

    def _either(self, some: Sequence[Any], others: Sequence[Any], share: float = 0.5) -> list[Any]:
        decided = OpenChoice(self._question(), True, False)
        self._share_of[decided.question] = share
        return [self._chosen(decided, a, b) for a, b in zip(some, others)]

    def _shares(self, options: Sequence[Way]) -> tuple[float, ...]:
        """How likely each of some ways is, of these."""
        found = [prod(share if is_yes else 1 - share for share, is_yes in map(self._answer, way)) for way in options]
        whole = sum(found)
        return tuple(each / whole if whole else 1 / len(found) for each in found)

    def _share_of_no(self, decided: Any) -> float:
        """How likely the answer is no."""
        shares = self._shares(list(ways(decided)))
        return sum(share for share, leaf in zip(shares, leaves(decided)) if leaf is False)

    def _answer(self, answer: tuple[int, bool]) -> tuple[float, bool]:
        return self._share_of.get(answer[0], 0.5), answer[1]

    # --- blocks ----------------------------------------------------------------------------------------------

    def _block(self, block: Block) -> list[Any]:
        """Goes through a block; the values of its terminator."""
        for node in block.body:
            self._work += self._num_unsure > 0
            self._node(node)
        return [self._value(atom) for atom in block.end.inputs]

    def _into(self, block: Block) -> tuple[CostTrace, list[Any]]:
        """The same with a trace of its own."""
        outer, self._trace = self._trace, CostTrace()
        try:
            values = self._block(block)
            return self._trace, values
        finally:
            self._trace = outer

    def _node(self, node: Node) -> None:
        rule = _RULES.get(node.op)
        if rule is not None:
            getattr(self, rule)(node)
        elif OPS[node.op].kind == "model":
            self._call(node)
        elif OPS[node.op].kind == "host":
            self._host(node)
        else:
            self._set(node, [self._anything(output) for output in node.outputs])

    def _anything(self, output: Value) -> Any:
        match output.type.name:
            case "state" | "state|none":
                return self._unknown_state()
            case "list[state]":
                return AbstractStates(None, self._unknown_state())
        return self._fresh()

    def _host(self, node: Node) -> None:
        if not node.outputs:
            return
        operands = [self._value(atom) for atom in node.inputs]
        plain = [each for each in operands if not isinstance(each, AbstractState | AbstractStates)]
        if len(node.outputs) > 1 or len(plain) < len(operands) or node.outputs[0].type.is_state:
            if node.op in ("check", "read") and len(node.outputs) == 1:
                self._set(node, operands)
            elif node.op == "unpack" and isinstance(operands[0], KnownValue) and _unpacks(operands[0].value, node):
                self._set(node, [KnownValue(each) for each in operands[0].value])
            else:
                self._set(node, [self._anything(output) for output in node.outputs])
            return
        if node.op in ("check", "read"):
            self._set(node, operands)
            return
        made = self._combined(operands, lambda *each: self._made(node, each), lambda: self._fresh())
        self._set(node, [made])

    def _made(self, node: Node, operands: Sequence[Any]) -> Any:
        if node.op == "list" and self._num_uses[node.outputs[0].name] == 1 and not _all_known(operands):
            return TextRow(self._fresh().name, items=tuple(operands))
        return self._computed(node, operands)

    def _computed(self, node: Node, operands: Sequence[Any]) -> Any:
        if any(isinstance(each, AbstractState | AbstractStates) for each in operands):
            return self._fresh()
        return computed(node, self.graph, operands, self._fresh)

    # --- states ----------------------------------------------------------------------------------------------

    def _begin(self, node: Node) -> None:
        self._set(node, [AbstractState(Begun())])

    def _append(self, node: Node) -> None:
        state = self._value(node.inputs[0])
        for atom in node.inputs[1:]:
            state = self._with_text(state, self._value(atom), self._appended)
        self._set(node, [state])

    def _appended(self, state: AbstractState, text: Any) -> AbstractState:
        begun = state.begun
        for part in parts_of(text):
            begun = self.prompts.added(
                begun, self.prompts.text_hole(part) if isinstance(part, TextHole) else TextPiece(part)
            )
        return AbstractState(begun, state.names, state.role, state.resident)

    def _role(self, node: Node) -> None:
        self._set(node, [self._state(self._value(node.inputs[0]), lambda state: self._marked(state, node))])

    def _marked(self, state: AbstractState, node: Node) -> AbstractState:
        text, after = node.attr("text"), dict(cast("tuple[tuple[str, str], ...]", node.attr("after") or ()))
        role = state.role
        if text is None and role is not None:
            text = after.get(role)
        piece: FlatPiece
        if isinstance(text, str):
            piece = Control(text, str(node.attr("role")), node.op == "role_begin")
        else:
            piece = PromptHole("role", node.outputs[0])
        begun = self.prompts.added(state.begun, piece) if text != "" else state.begun
        role = str(node.attr("role")) if node.op == "role_end" else role
        return AbstractState(begun, state.names, role, state.resident)

    def _same(self, node: Node) -> None:
        state = self._value(node.inputs[0])
        self._set(node, [state] * len(node.outputs))

    def _scoped(self, node: Node) -> None:
        state = self._value(node.inputs[0])
        self._set(node, [self._state(state, lambda s: AbstractState(s.begun, None, s.role, s.resident))])

    def _named(self, node: Node) -> None:
        state, name, value = (self._value(atom) for atom in node.inputs[:3])
        known = name.value if isinstance(name, KnownValue) else None
        self._set(node, [self._state(state, lambda s: _with_name(s, known, value))])

    def _get(self, node: Node) -> None:
        state, name = (self._value(atom) for atom in node.inputs[:2])
        known = name.value if isinstance(name, KnownValue) else None

        def got(leaf: Any) -> Any:
            found = leaf.get(known) if isinstance(leaf, AbstractState) and isinstance(known, str) else None
            return self._fresh() if found is None or isinstance(found, OpenChoice) else found

        self._set(node, [self._combined([state], got, self._fresh)])

    def _fork_list(self, node: Node) -> None:
        state, num = (self._value(atom) for atom in node.inputs[:2])
        known = num.value if isinstance(num, KnownValue) and isinstance(num.value, int) else None
        items = (state,) * known if known is not None and 0 <= known <= MAX_TURNS else None
        self._set(node, [state, AbstractStates(items, state)])

    def _join(self, node: Node) -> None:
        state, *children = (self._value(atom) for atom in node.inputs)
        if node.attr("mode") == "gather_variable":
            self._set(node, [self._state(state, lambda s: AbstractState(s.begun, None, s.role, s.resident))])
            return
        del children  # what they bring along is text of a length that nobody knows
        self._set(node, [self._with_text(state, self._fresh(), lambda s, t: self._appended(_nameless(s), t))])

    def _states(self, node: Node) -> None:
        self._set(node, [AbstractStates(tuple(self._value(atom) for atom in node.inputs))])

    def _states_item(self, node: Node) -> None:
        states, index = (self._value(atom) for atom in node.inputs[:2])
        self._set(node, [self._combined([states, index], self._picked, self._unknown_state)])

    def _picked(self, states: Any, index: Any) -> Any:
        if not isinstance(states, AbstractStates):
            return self._unknown_state()
        if states.items is None:
            return self._collapsed(states.each)
        if isinstance(index, KnownValue) and isinstance(index.value, int):
            is_there = -len(states.items) <= index.value < len(states.items)
            return self._collapsed(states.items[index.value]) if is_there else self._unknown_state()
        return self._any_of(states.items)

    def _any_of(self, items: Sequence[Any]) -> Any:
        found = [leaf for item in items for leaf in leaves(item)]
        return self._one_state(found) if found else self._unknown_state()

    def _states_set(self, node: Node) -> None:
        states, index, state = (self._value(atom) for atom in node.inputs[:3])
        made: Any = AbstractStates(None, self._unknown_state())
        if isinstance(states, AbstractStates) and not isinstance(index, OpenChoice):
            number = index.value if isinstance(index, KnownValue) and isinstance(index.value, int) else None
            if states.items is not None and number is not None and -len(states.items) <= number < len(states.items):
                items = list(states.items)
                items[number] = state
                made = AbstractStates(tuple(items))
            else:
                each = self._any_of(states.items) if states.items is not None else states.each
                made = AbstractStates(None, self._any_of([each, state]))
        self._set(node, [made])

    def _states_append(self, node: Node) -> None:
        states, state = (self._value(atom) for atom in node.inputs[:2])
        made: Any = AbstractStates(None, self._unknown_state())
        if isinstance(states, AbstractStates):
            if states.items is not None:
                made = AbstractStates((*states.items, state))
            else:
                made = AbstractStates(None, self._any_of([states.each, state]))
        self._set(node, [made])

    def _states_len(self, node: Node) -> None:
        states = self._value(node.inputs[0])
        is_known = isinstance(states, AbstractStates) and states.items is not None
        self._set(node, [KnownValue(len(states.items)) if is_known else self._fresh()])

    def _states_gather(self, node: Node) -> None:
        states = self._value(node.inputs[0])
        made = AbstractStates(None, self._unknown_state())
        if isinstance(states, AbstractStates):
            each = self._any_of(states.items) if states.items is not None else states.each
            made = AbstractStates(None, each)
        self._set(node, [made])

    # --- calls -----------------------------------------------------------------------------------------------

    def _call(self, node: Node) -> None:
        given = {key: self._value(atom) for key, atom in node.kwargs.items()}
        name = given.get("name", KnownValue(node.attr("name")))
        name = name.value if isinstance(name, KnownValue) else None
        answer = answer_of(node, given, self.inputs, self.learnt.tokens_of(name))
        ends: list[Fragments | None] = []
        values = [self._fresh(answer.bytes, answer.kept.expected) for _ in node.outputs[1:]]
        if node.op == "gen" and answer.samples.most != 1:
            values = [self._fresh()]

        def made(leaf: Any) -> AbstractState:
            state = leaf if isinstance(leaf, AbstractState) else self._unknown_state()
            end, after = self._asked(node, state, answer)
            ends.append(end)
            if node.op == "gen" and node.has("reasoning"):
                after = self._appended(AbstractState(state.begun, state.names, state.role, 0), values[0])
            known = name if isinstance(name, str) else None
            names = [known] if node.op != "fused" else [getattr(p, "name", None) for p in form_parts(node)]
            if node.op == "fused":
                return _nameless(after) if any(names) else after
            return _with_name(after, known, values[0]) if name is not None or "name" in given else after

        state = self._value(node.inputs[0])
        if sum(1 for _ in leaves(state)) > 1:
            after = self._combined([state], made, lambda: None)
        else:
            after = made(state)
        nodes = tuple(end_node(end, self.prompts.tree.root) for end in ends)
        step = self.steps[id(node)]
        of_state = tuple(ways(state))
        told = (answer.cuts_last, answer.output, answer.samples, answer.again, answer.is_idle)
        self._trace.parts.append(CallTrace(step, nodes, of_state, *told, tuple(ends), self._shares(of_state)))
        self._set(node, [after, *values])

    def _asked(self, node: Node, state: AbstractState, answer: AnswerSize) -> tuple[Fragments | None, AbstractState]:
        """The prompt of a call, and the state behind its answer."""
        prompts, begun = self.prompts, state.begun
        size = TokenSize(answer.kept, answer.computed)
        cut = prompts.cut_end(begun, answer.choices) if answer.choices else None
        if cut is None:
            end = prompts.end(begun)
            if answer.choices or answer.cuts_last:  # the end of the prompt may come again
                more = Interval(0, 0.0, _bytes_behind(begun, prompts))
                size = TokenSize(size.tokens + more, size.computed + more)
        else:
            end, kept = cut
            size = TokenSize(kept, kept)
        after = with_run(begun, end)
        num = end.end if end is not None else 0
        after = prompts.added(after, prompts.part(size))
        if answer.is_open:  # a stop text may have cut a token: what is left of it is cut anew with what follows
            after = prompts.added(after, prompts.text_hole(self._fresh(longest_token(self.inputs))))
        return end, AbstractState(after, state.names, state.role, num)

    # --- regions ---------------------------------------------------------------------------------------------

    def _if(self, node: Node) -> None:
        decided = self._decided(self._value(node.inputs[0]))
        dead = [block.end.op == "raise" and not self._unwinds for block in node.regions]
        if isinstance(decided, bool) or dead[0] != dead[1]:  # the run fails in a dead one
            arm = (0 if decided else 1) if isinstance(decided, bool) else int(dead[0])
            self._set(node, self._outputs(node, arm, self._block(node.regions[arm])))
            return
        (then, yes), (other, no) = (self._into(block) for block in node.regions)
        share = self.learnt.share_of_then(node.span)
        share = 0.5 if share is None else share
        lead: list[Way | None] = [None, None]
        if _is_one_question(decided):
            self._share_of[decided.question] = share
            lead = [frozenset({(decided.question, each)}) for each in (True, False)]
        self._trace.parts.append(BranchTrace(((then, share, lead[0]), (other, 1 - share, lead[1]))))
        ways = zip(self._outputs(node, 0, yes), self._outputs(node, 1, no))
        self._set(node, [self._chosen(decided, a, b) for a, b in ways])

    def _outputs(self, node: Node, arm: int, values: list[Any]) -> list[Any]:
        if node.regions[arm].end.op == "raise":
            return [self._anything(output) for output in node.outputs]
        return values

    def _decided(self, value: Any) -> Any:
        """A condition as a question, where the answer is not known."""

        def answer(leaf: Any) -> Any:
            if isinstance(leaf, KnownValue):
                return bool(leaf.value)
            return OpenChoice(self._question(), True, False)

        return self._combined([value], answer, lambda: OpenChoice(self._question(), True, False))

    def _chosen(self, decided: Any, yes: Any, no: Any) -> Any:
        """One of two values, by a question."""
        if is_same(yes, no):
            return yes
        self._work += WORK_OF_CHOICE * (self._num_unsure > 0)
        try:
            return combined([decided, yes, no], lambda answer, a, b: a if answer else b)
        except TooMany:
            both = OpenChoice(self._question(), self._flat(yes), self._flat(no))
            self._share_of[both.question] = 1 - self._share_of_no(decided)
            return both if sum(1 for _ in leaves(both)) <= MAX_LEAVES and not _has_state(both) else self._flat(both)

    def _flat(self, value: Any) -> Any:
        """One leaf in place of many."""
        return self._one(list(leaves(value)), self._shares(list(ways(value))))

    def _loop(self, node: Node) -> None:
        self._turn_by_turn(node, None, [self._value(atom) for atom in node.inputs])

    def _for(self, node: Node) -> None:
        source, *carried = (self._value(atom) for atom in node.inputs)
        items: Sequence[Any] | None = None
        if isinstance(source, KnownValue):
            items = source.value if isinstance(source.value, list | tuple | range | str) else None
            items = list(source.value) if isinstance(source.value, dict) else items
        self._turn_by_turn(node, (items,), carried)

    def _turn_by_turn(self, node: Node, source: tuple[Sequence[Any] | None] | None, carried: list[Any]) -> None:
        """Goes through the turns of a loop; `source` has the items of a `for`, where they are known."""
        body = node.regions[0]
        if not self._calls_in(body) and source is not None and source[0] is not None and len(source[0]) > MAX_UNSURE:
            self._set(node, [self._anything(output) for output in node.outputs])
            return
        shares = self.learnt.share_of_turns(node.span)
        num_learnt = min(MAX_LEARNT, max(shares, default=0))
        turns: list[tuple[CostTrace, float]] = []
        exits: list[list[Any]] = []
        after_turns: list[tuple[int, float]] = []  # how many went before each exit, and how likely a break is there
        num_sure, is_sure, is_bounded, num_unsure = 0, True, True, 0
        items = source[0] if source is not None else None
        while True:
            if source is not None:
                if items is not None and len(turns) == len(items):
                    exits.append(carried)
                    after_turns.append((len(turns), -1.0))
                    break
                if items is None:
                    is_sure = False
                    exits.append(carried)
                    after_turns.append((len(turns), -1.0))
            limit = MAX_TURNS if is_sure else MAX_UNSURE
            if len(turns) >= limit or (self._work > MAX_WORK and len(turns) > num_sure + 1):
                is_bounded = False
                break
            before = carried
            self._bind(body, items, len(turns), source is not None, carried)
            self._num_unsure += not is_sure
            trace, (go, *after) = self._into(body)
            self._num_unsure -= not is_sure
            num_sure += is_sure
            turns.append((trace, self._share(shares, len(turns) + 1, is_sure)))
            decided = self._decided(go)
            if decided is False:
                exits.append(after)
                after_turns.append((len(turns), 1.0))
                break
            if decided is not True:
                ended = [where(decided, False, value) for value in after]
                exits.append([self._flat(value) if value is NEVER else value for value in ended])
                after_turns.append((len(turns), self._share_of_no(decided)))
                after = [where(decided, True, value) for value in after]
                is_sure = False
            carried = [self._fresh() if value is NEVER else value for value in after]
            if not is_sure:
                num_unsure += 1
                has_enough = len(turns) > max(2, num_learnt)
                if items is None and has_enough and not _counts(before, carried):
                    is_bounded = False
                    break
        if not is_bounded:
            exits.append(self._on_and_on(carried))
            after_turns.append((len(turns), -1.0))
            if any(trace.parts for trace, _ in turns):
                self.unbounded.append(node)
        self._trace.parts.append(LoopTrace(tuple(turns), num_sure, is_bounded))
        likely = _exit_shares(after_turns, [share for _, share in turns]) if shares else ()
        self._set(node, self._joined(exits, likely) if len(exits) <= MAX_LEAVES else self._many_exits(exits, likely))

    def _share(self, shares: Mapping[int, float], turn: int, is_sure: bool) -> float:
        if is_sure:
            return 1.0
        if shares:
            return shares.get(turn, 0.0)
        return 1.0 if turn == 1 else 0.5 if turn == 2 else 0.0

    def _bind(self, body: Block, items: Sequence[Any] | None, turn: int, is_for: bool, carried: list[Any]) -> None:
        params = list(body.params)
        if is_for:
            first, *params = params
            self._env[first.name] = KnownValue(items[turn]) if items is not None else self._fresh()
        for param, value in zip(params, carried):
            self._env[param.name] = value

    def _many_exits(self, exits: list[list[Any]], shares: Sequence[float] = ()) -> list[Any]:
        """What a loop leaves that may end in many ways."""
        found = []
        for values in zip(*exits):
            if all(is_same(value, values[0]) for value in values):
                found.append(values[0])
                continue
            each = [list(leaves(value)) for value in values]
            of_leaves = [share / len(of) for share, of in zip(shares, each) for _ in of]
            found.append(self._one([leaf for of in each for leaf in of], of_leaves))
        return found

    def _on_and_on(self, carried: list[Any]) -> list[Any]:
        """What is left by turns without a bound."""
        found: list[Any] = []
        for value in carried:
            leaf = next(leaves(value))
            if isinstance(leaf, AbstractState):
                size = self._size(self._collapsed(value))
                tokens = Interval(0, size.tokens.expected, None)
                found.append(self._state_of(TokenSize(tokens, Interval(0, size.computed.expected, None))))
            elif isinstance(leaf, AbstractStates):
                found.append(AbstractStates(None, self._unknown_state()))
            else:
                found.append(self._fresh())
        return found

    def _calls_in(self, block: Block) -> bool:
        if id(block) not in self._has_calls:
            self._has_calls[id(block)] = any(OPS[node.op].kind == "model" for node in walk(block))
        return self._has_calls[id(block)]

    def _try(self, node: Node) -> None:
        inputs = [self._value(atom) for atom in node.inputs]
        body, handler = node.regions
        self._unwinds.append([inputs])
        for param, value in zip(body.params, inputs):
            self._env[param.name] = value
        try:
            tried, done = self._into(body)
        finally:
            handed = self._unwinds.pop()
        for param, value in zip(handler.params, [self._fresh(), *self._handed(handed)]):
            self._env[param.name] = value
        handled, caught = self._into(handler)
        self._trace.parts.append(TryTrace(tried, handled))
        ways = [self._outputs(node, 0, done), self._outputs(node, 1, caught)]
        if body.end.op == "raise" or handler.end.op == "raise":
            self._set(node, ways[1] if body.end.op == "raise" else ways[0])
            return
        self._set(node, self._either(ways[0], ways[1]))

    def _handed(self, handed: list[list[Any]]) -> list[Any]:
        width = max(map(len, handed))
        whole = [row for row in handed if len(row) == width]
        return self._joined(whole) if len(whole) <= 4 else self._many_exits(whole)

    def _unwind(self, node: Node) -> None:
        if self._unwinds:
            self._unwinds[-1].append([self._value(atom) for atom in node.inputs])

    def _function(self, node: Node) -> None:
        body = node.regions[0]
        for param, atom in zip(body.params, node.inputs):
            self._env[param.name] = self._value(atom)
        trace, values = self._into(body)
        calls_itself = any(each.op == "invoke" for each in walk(body))
        self._trace.parts.append(FunctionTrace(trace) if calls_itself else LoopTrace(((trace, 1.0),), 1, True))
        if calls_itself and self._calls_in(body):
            self.unbounded.append(node)
        self._set(node, self._outputs(node, 0, values))


def _all_known(values: Sequence[Any]) -> bool:
    return all(isinstance(each, KnownValue) for each in values)


def _exit_shares(exits: Sequence[tuple[int, float]], turns: Sequence[float]) -> list[float]:
    """How likely a loop ends at each of its exits, by how many turns go before it and how likely each turn is.

    Behind the same turns there may be a break, of which it is known how likely it is, and the end of the items.
    """
    reached = [1.0, *turns, 0.0]
    breaks = {num: share for num, share in exits if share >= 0}
    nums = [num for num, _ in exits]
    found = []
    for num, share in exits:
        of_it = 1.0 if nums.count(num) == 1 else share if share >= 0 else 1 - breaks.get(num, 0.0)
        found.append(max(0.0, reached[num] - reached[num + 1]) * of_it)
    return found


def _is_one_question(decided: OpenChoice) -> bool:
    return decided.yes is True and decided.no is False


def _has_state(value: Any) -> bool:
    return any(isinstance(leaf, AbstractState | AbstractStates) for leaf in leaves(value))


def _is_fixed(value: object, type: str) -> bool:
    """Whether an argument stays as it is: an atom does, a list that nobody else changes too."""
    return not isinstance(value, list | dict | set) or type == "data"


def _unpacks(value: object, node: Node) -> bool:
    return isinstance(value, list | tuple) and len(value) == len(node.outputs)


def _with_name(state: AbstractState, name: object, value: Any) -> AbstractState:
    if not isinstance(name, str):
        return _nameless(state)
    return AbstractState(state.begun, NamedValues(name, value, state.names), state.role, state.resident)


def _nameless(state: AbstractState) -> AbstractState:
    return AbstractState(state.begun, None, state.role, state.resident)


def _bytes_of(value: Any) -> int | None:
    if isinstance(value, TextHole):
        return value.most
    sizes = [
        len(part.encode("utf-8", "replace")) if isinstance(part, str) else part.most
        for part in (parts_of(value) if not isinstance(value, AbstractState | AbstractStates) else ())
    ]
    return None if None in sizes else sum(size for size in sizes if size is not None)


def _expected_of(value: Any) -> float:
    if isinstance(value, AbstractState | AbstractStates):
        return 0.0
    return sum(len(part) / 4 if isinstance(part, str) else part.expected for part in parts_of(value))


def _bytes_behind(begun: Begun, prompts: CostPrompts) -> int | None:
    """Tokens of the prompt's last text at the most."""
    size = prompts.open_size(begun)
    return None if begun.is_lost else size.most


def _counts(before: Sequence[Any], after: Sequence[Any]) -> bool:
    """Whether something that is known has changed: what counts may end a loop."""

    def known(value: Any) -> bool:
        return all(isinstance(leaf, KnownValue) for leaf in leaves(value))

    return any(known(a) and known(b) and not is_same(a, b) for a, b in zip(before, after))


# by the names of methods, which whoever walks otherwise may have of its own
_RULES = {
    "begin": "_begin",
    "append": "_append",
    "role_begin": "_role",
    "role_end": "_role",
    "fork": "_same",
    "fork_list": "_fork_list",
    "join": "_join",
    "join_list": "_join",
    "set": "_named",
    "scope_begin": "_scoped",
    "scope_end": "_scoped",
    "get": "_get",
    "states": "_states",
    "states_item": "_states_item",
    "states_set": "_states_set",
    "states_append": "_states_append",
    "states_len": "_states_len",
    "states_gather": "_states_gather",
    "if": "_if",
    "loop": "_loop",
    "for": "_for",
    "try": "_try",
    "unwind": "_unwind",
    "function": "_function",
}
