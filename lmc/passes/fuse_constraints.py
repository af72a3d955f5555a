"""fuse_constraints: generations and choices with text between them become one call.

    %a, %x = gen %s {regex}
    %b = append %a, ", age "              ->    %d, %x, %y = fused %s {[x, ", age ", y, "."]}
    %c, %y = gen %b {regex}
    %d = append %c, "."

The one call is a *form*: text with blanks. It goes on as long as nobody could look between: the state is used once, a
value only behind the form, and no role or fork comes. A generation joins with a regex, with choices, with a JSON
schema, or with one stop string. Generations with known text between them are written by one automaton,
and where a text could be split into them in two ways the form ends, so each generation's text is certain.

Text with values in it joins where they are known before the form: arguments, and what pure functions make of them.
A `select` joins as it is: it is scored behind what the form has written. What stands before a choice at an exact
boundary, behind a choice, or holds a value, is put there in the tokens that it has unfused (see ir.fused).

Known text is written by the model's own tokenisation of the whole form, and ends the generations before it: other
tokens than unfused, of the same language. So this runs at -O3, or where it is named. The report says for each form
what ended it. Needs: fold_text before it. Keeps: names, values, the sampling of each call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lmc.ir.automaton.ambiguity import Ambiguity
from lmc.ir.automaton.stretches import ambiguous_stretch
from lmc.ir.constraint import Choices, JsonSchema, Regex
from lmc.ir.fused import FormPart, FusedGen, FusedSelect, FusedText, Put, Written, sections, to_attr
from lmc.ir.fused_automaton import automaton_parts, constraint_of
from lmc.ir.graph import Block, Graph, Node, Value
from lmc.ir.json_schema.findings import SchemaError
from lmc.ir.json_schema.regular import texts_of
from lmc.ir.ops import OPS
from lmc.ir.output import DTYPES
from lmc.ir.prompt import well_formed
from lmc.ir.rewrite import with_body, with_nodes, with_parts
from lmc.ir.sampling import SAMPLING_FIELDS, Sampling
from lmc.passes.base import Inputs, Note, Pass, Report, called

# parameters of a single generation's length and reports, which a form has no place for
ALONE = (
    "min_tokens", "n", "stop_token_ids", "stop_regex", "ignore_eos", "return_logprob", "logprob_start_len",
    "top_logprobs_num", "return_text_in_logprobs", "on_distortion",
)  # fmt: skip
CALLS = ("gen", "select")
_PLAIN = Sampling()


def run(graph: Graph, inputs: Inputs) -> tuple[Graph, Report]:
    """The graph with its forms fused."""
    fuser = _Fuser(inputs.sampling)
    body = fuser.block(graph.body)
    counts = (("forms fused", fuser.num_forms), ("calls merged", fuser.num_calls))
    return with_body(graph, body), Report("fuse_constraints", counts, tuple(fuser.notes))


@dataclass(slots=True)
class _Form:
    """A form in the making.

    nodes    calls and appends, in order
    parts    what each of them adds
    values   what stands in its texts, numbered as the parts have it
    why      what ended it
    """

    nodes: list[Node] = field(default_factory=list)
    parts: list[FormPart] = field(default_factory=list)
    values: list[Value] = field(default_factory=list)
    why: str = ""

    @property
    def num_calls(self) -> int:
        return sum(node.op in CALLS for node in self.nodes)

    @property
    def is_one_text(self) -> bool:
        """Whether all before is written by one automaton, and ends in text."""
        written = sections(self.parts)[-1:]
        return bool(self.parts) and isinstance(self.parts[-1], str) and isinstance(written[0], Written)

    def cut(self, num_nodes: int, why: str) -> None:
        """Keep the first nodes only."""
        del self.nodes[num_nodes:]
        del self.parts[num_nodes:]
        numbers = [n for part in self.parts if isinstance(part, FusedText) for n in part.atoms if isinstance(n, int)]
        del self.values[len(numbers) :]
        self.why = why


class _Fuser:
    """One walk over the blocks."""

    def __init__(self, defaults: Sampling) -> None:
        self.defaults = defaults
        self.num_forms = self.num_calls = 0
        self.notes: list[Note] = []

    def block(self, block: Block) -> Block:
        nodes = [with_parts(n, n.inputs, tuple(map(self.block, n.regions))) for n in block.nodes]
        users = _Users(nodes)
        fused: dict[int, Node] = {}  # at the place of the last node of each form
        gone: set[int] = set()
        for place, node in enumerate(nodes):
            if node.op in CALLS and place not in gone:
                form = self.form(place, nodes, users)
                places = [users.place_of(each) for each in form.nodes]
                if form.num_calls > 1:
                    gone.update(places)
                    fused[places[-1]] = self.merged(form)
        kept = [fused.get(place, None if place in gone else node) for place, node in enumerate(nodes)]
        return with_nodes(block, (node for node in kept if node is not None))

    def form(self, place: int, nodes: Sequence[Node], users: _Users) -> _Form:
        """The longest form that begins with the call at `place`."""
        form = _Form()
        node: Node | None = nodes[place]
        while node is not None:
            part = self.part(node, form, users)
            if isinstance(part, _No):
                form.why = part.why
                break
            form.nodes.append(node)
            form.parts.append(part)
            form.why = users.why_last(node)
            node = users.next_of(node)
        _drop_unread(form, users)
        _drop_ambiguous(form)
        _drop_put(form)
        self.note(nodes[place], form)
        return form

    def part(self, node: Node, form: _Form, users: _Users) -> FormPart | _No:
        """What a node adds to a form, or why it cannot."""
        if node.op == "append":
            return _text(node, form, users)
        if node.keys:
            return _No(f"{called(node)} has parameters known only when the program runs: {', '.join(node.keys)}")
        if node.op == "select":
            return _select(node, form)
        last = next((part for part in reversed(form.parts) if part != ""), None)
        if isinstance(last, FusedGen):
            return _No(f"nothing stands between it and {called(node)}")
        if node.attr("boundary") == "exact" and not form.is_one_text:
            return _No(f"{called(node)} has an exact boundary with text that no generation before it writes")
        return self.generation(node)

    def generation(self, node: Node) -> FusedGen | _No:
        constraint, params = node.attr("constraint"), _params(node)
        if node.has("fn") or node.has("reasoning") or node.attr("dtype") in DTYPES:
            return _No(f"the value of {called(node)} is not its text")
        odd = next((key for key in ALONE if self.given(params, key) != getattr(_PLAIN, key)), None)
        if odd is not None:
            return _No(f"{called(node)} is asked for alone, with {odd}")
        stop = self.given(params, "stop")
        stops = (stop,) if isinstance(stop, str) else tuple(stop or ())  # type: ignore[arg-type]
        name = node.attr("name")
        assert name is None or isinstance(name, str)
        if isinstance(constraint, Regex | Choices | JsonSchema) and not stops:
            return _refused(node, constraint) or FusedGen(name, constraint, tuple(params.items()))
        if constraint is not None:
            return _No(f"{called(node)} is constrained by more than a regex, choices or a JSON schema")
        if len(stops) == 1 and stops[0]:
            return FusedGen(name, None, tuple({**params, "stop": stops}.items()))
        return _No(
            f"nothing but the model ends {called(node)}: give it a regex, choices, a JSON schema, or one stop string"
        )

    def given(self, params: Mapping[str, object], key: str) -> object:
        return params[key] if key in params else getattr(self.defaults, key)

    def merged(self, form: _Form) -> Node:
        """The form as one node."""
        calls = [node for node in form.nodes if node.op in CALLS]
        self.num_forms += 1
        self.num_calls += len(calls) - 1
        return Node(
            "fused",
            (form.nodes[0].inputs[0], *form.values),
            attrs=(("parts", to_attr(form.parts)),),
            outputs=(form.nodes[-1].outputs[0], *(node.outputs[1] for node in calls)),
            span=form.nodes[0].span,
        )

    def note(self, first: Node, form: _Form) -> None:
        if form.num_calls > 1:
            what = "calls" if any(node.op == "select" for node in form.nodes) else "generations"
            what_fused = f"{called(first)} to {called(form.nodes[-1])}: {form.num_calls} {what} as one"
            text = f"{what_fused}; it ends there because {form.why}"
        else:
            text = f"{called(first)} stays alone because {form.why}"
        self.notes.append(Note(text, first.span))


@dataclass(frozen=True, slots=True)
class _No:
    """Why a node does not join a form."""

    why: str


def _text(node: Node, form: _Form, users: _Users) -> str | FusedText | _No:
    """What an append adds; its values are known before the form begins."""
    atoms: list[str | int] = []
    for atom in node.inputs[1:]:
        if isinstance(atom, Value):
            if not users.is_early(atom):
                return _No(f"{called(node)} appends %{atom.name}, which is not surely known before the form begins")
            atoms.append(len(form.values) + sum(isinstance(each, int) for each in atoms))
        elif isinstance(atom.value, str):
            atoms.append(well_formed(atom.value))
        else:
            return _No(f"{called(node)} appends what is not a text")
    form.values += (atom for atom in node.inputs[1:] if isinstance(atom, Value))
    texts = [atom for atom in atoms if isinstance(atom, str)]
    return "".join(texts) if len(texts) == len(atoms) else FusedText(tuple(atoms))


def _select(node: Node, form: _Form) -> FusedSelect | _No:
    name, choices, temperature = (node.attr(key) for key in ("name", "choices", "temperature"))
    if not isinstance(choices, tuple) or not all(isinstance(choice, str) and choice for choice in choices):
        return _No(f"{called(node)} has choices that are not texts")
    if temperature and node.attr("method") != "exact":
        return _No(f"{called(node)} is drawn at a temperature, which takes the method `exact`")
    assert name is None or isinstance(name, str)
    params = tuple(pair for pair in node.attrs if pair[0] not in ("name", "choices"))
    select = FusedSelect(name, tuple(map(str, choices)), params)
    last = next((part for part in reversed(form.parts) if isinstance(part, FusedGen | FusedSelect)), None)
    # what the stop string leaves of a token is one run with the text behind it, whose tokens the choices share
    if select.is_exact and isinstance(last, FusedGen) and last.stop:
        return _No(f"{called(node)} has an exact boundary, and a stop string may leave a part of a token before it")
    return select


def _refused(node: Node, constraint: Regex | Choices | JsonSchema) -> _No | None:
    """Why a schema is refused; None where it is not, or is none."""
    if not isinstance(constraint, JsonSchema):
        return None
    try:
        texts_of(constraint)
    except SchemaError as error:
        found = error.finding
        return _No(f"the JSON schema of {called(node)} is refused: `{found.keyword}` at `{found.place}`, {found.why}")
    return None


class _Users:
    """Where the values of a block are made and read; a region reads at the place of its node."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.nodes = nodes
        self.places = {id(node): place for place, node in enumerate(nodes)}
        self.makers = {value.name: node for node in nodes for value in node.outputs}
        self.uses: dict[str, list[int]] = {}
        for place, node in enumerate(nodes):
            for name in _read(node):
                self.uses.setdefault(name, []).append(place)

    def place_of(self, node: Node) -> int:
        return self.places[id(node)]

    def next_of(self, node: Node) -> Node | None:
        """The append or call that alone goes on from the node's state."""
        users = self.users_of(node)
        return users[0] if len(users) == 1 and users[0].op in ("append", *CALLS) else None

    def users_of(self, node: Node) -> list[Node]:
        """The nodes of the block that read the node's state."""
        return [self.nodes[place] for place in self.uses.get(node.outputs[0].name, [])]

    def why_last(self, node: Node) -> str:
        """Why no append or call goes on alone from the node's state."""
        users = self.users_of(node)
        if not users:
            return f"nothing in its block goes on from {called(node)}"
        if len(users) > 1:
            return f"the state behind {called(node)} is used {len(users)} times"
        return f"{called(users[0])} comes then"

    def is_early(self, value: Value) -> bool:
        """Whether a value waits for no call and no effect: an argument, or what pure functions make of such."""
        maker = self.makers.get(value.name)
        if maker is None:
            return True
        op = OPS[maker.op]
        if op.kind != "host" or op.effect != "none" or maker.op in ("call", "extern"):
            return False
        return all(self.is_early(atom) for atom in maker.inputs if isinstance(atom, Value))

    def first_use(self, value: Value) -> int:
        return min(self.uses.get(value.name, [len(self.nodes)]))


def _read(node: Node) -> list[str]:
    names = [atom.name for atom in node.inputs if isinstance(atom, Value)]
    for region in node.regions:
        names += [name for each in region.nodes for name in _read(each)]
    return names


def _params(node: Node) -> dict[str, object]:
    return {name: value for name, value in node.attrs if name in SAMPLING_FIELDS}


def _drop_unread(form: _Form, users: _Users) -> None:
    """End the form before a node that comes after a reader of one of its values."""
    for count, node in enumerate(form.nodes):
        readers = [users.first_use(call.outputs[1]) for call in form.nodes[:count] if call.op in CALLS]
        if readers and min(readers) < users.place_of(node):
            form.cut(count, f"{called(users.nodes[min(readers)])} reads what it has generated")
            return


def _drop_ambiguous(form: _Form) -> None:
    """End the form before the generation that has no certain end, or shares a text with an earlier one."""
    while form.num_calls > 1 and (found := _problem(form)) is not None:
        form.cut(*found)


def _drop_put(form: _Form) -> None:
    """Text at the end that would only be put there stays an append: it is one run with the text that comes then."""
    if form.parts and isinstance(sections(form.parts)[-1], Put):
        form.cut(max(at for at, node in enumerate(form.nodes) if node.op in CALLS) + 1, form.why)


def _problem(form: _Form) -> tuple[int, str] | None:
    """The node before which the form has to end, and why; None where each of its texts is certain."""
    for section in sections(form.parts):
        if isinstance(section, Written) and (found := _open_stop(section, form) or _split(section)) is not None:
            return found
    return None


def _open_stop(written: Written, form: _Form) -> tuple[int, str] | None:
    """A generation that ends before its stop string needs the text written behind it to begin so."""
    for at, (part, after) in enumerate(zip(written.parts, written.parts[1:]), written.first):
        if isinstance(part, FusedGen) and not str(after).startswith(part.stop):
            return at, f"the text after {called(form.nodes[at])} does not begin with its stop string {part.stop!r}"
    return None


def _split(written: Written) -> tuple[int, str] | None:
    """A text of theirs that could be split into the generations in two ways."""
    gens = [at for at, part in enumerate(written.parts) if isinstance(part, FusedGen)]
    if all(_ends_by_itself(written.parts[at]) for at in gens[:-1]):
        return None
    ambiguous = ambiguous_stretch(automaton_parts(constraint_of(written.parts).parts))
    if ambiguous is None:
        return None
    stretch, found = ambiguous
    if not isinstance(found, Ambiguity):
        last = max(at for at in gens if at < stretch.first + len(stretch.parts))
        return written.first + last, "its automaton is too large to say where each generation ends"
    one, other = (" | ".join(split) for split in found.captures)
    text = found.text + "..." * stretch.is_open
    return written.first + stretch.first + found.parts[1], f"{text!r} could be split as {one!r} or as {other!r}"


def _ends_by_itself(part: str | FusedGen) -> bool:
    """Whether no text of a generation begins with another: JSON says where it ends, unless it is a number."""
    constraint = part.constraint if isinstance(part, FusedGen) else None
    return isinstance(constraint, JsonSchema) and not texts_of(constraint).may_be_number


PASS = Pass(name="fuse_constraints", level="graph", run=run, doc=__doc__)
