"""TorchRunner against transformers in fp32: every way to cut a sequence into passes gives the same logits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lmc.backend.runner.cpu import native, packing, tiles
from lmc.backend.runner.cpu.runner import TorchRunner, load_model
from lmc.errors import BackendError
from lmc.ir.sampling import Sampling
from scripts.support.checkpoint import FAMILIES, tiny_checkpoint
from tests.support.rows import Draw, Row, batch_of, draws_of

TOL = 2e-5
NUM_SLOTS = 1600
# name -> family and how its checkpoint differs
VARIANTS: dict[str, tuple[Any, dict[str, Any]]] = {
    **{family: (family, {}) for family in FAMILIES},
    "llama tied sharded": ("llama", {"tied": True, "sharded": True}),
    "llama3 rope, biases": (
        "llama",
        {
            "attention_bias": True,
            "mlp_bias": True,
            "rope_parameters": {
                "rope_theta": 500.0,
                "rope_type": "llama3",
                "factor": 4.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": 64,
            },
        },
    ),
    "linear rope, one kv head": (
        "llama",
        {"num_key_value_heads": 1, "rope_parameters": {"rope_theta": 1e4, "rope_type": "linear", "factor": 2.0}},
    ),
    "llama without groups of heads": ("llama", {"num_key_value_heads": 4}),
    "qwen2 tied": ("qwen2", {"tied": True}),
    "mistral window": ("mistral", {"sliding_window": 24}),
    "qwen2 window in one layer": (
        "qwen2",
        {
            "use_sliding_window": True,
            "sliding_window": 20,
            "layer_types": ["full_attention", "sliding_attention"],
        },
    ),
}
WINDOWED = ["mistral window", "qwen2 window in one layer"]


@dataclass
class Case:
    """A checkpoint, transformers' model of it, and ours with every slot poisoned."""

    folder: Path
    theirs: Any
    ours: TorchRunner

    def expected(self, ids: Sequence[int]) -> Tensor:
        """Transformers' logits of a whole sequence."""
        with torch.no_grad():
            logits: Tensor = self.theirs(torch.tensor([list(ids)])).logits[0].float()
        return logits

    def poison(self) -> TorchRunner:
        """Ours, where a read of a slot that was not written gives NaN."""
        for layer in self.ours.cache.layers:
            layer.fill_(float("nan"))
        return self.ours


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Tiny tensors: a second thread only waits, long where other tests run beside this one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Case]:
    """The case of a variant, built once."""
    made: dict[str, Case] = {}

    def get(name: str) -> Case:
        if name not in made:
            from transformers import AutoModelForCausalLM

            family, fields = VARIANTS[name]
            folder = tmp_path_factory.mktemp("model")
            tiny_checkpoint(folder, family, tokenizer=False, **fields)
            theirs = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
            made[name] = Case(folder, theirs, load_model(folder, dtype="fp32", num_slots=NUM_SLOTS))
        return made[name]

    return get


@dataclass
class Seq:
    """A sequence with its slots; `done` tokens are in the cache."""

    ids: list[int]
    slots: np.ndarray
    done: int = 0

    def row(self, n: int, logits: int | None = None) -> Row:
        """The next n tokens."""
        new = slice(self.done, self.done + n)
        self.done += n
        tokens = np.array(self.ids[new], np.int32)
        return Row(tokens, self.slots[: self.done].astype(np.int32), n if logits is None else logits)


def forward(runner: TorchRunner, rows: Sequence[Row], runs: Sequence[tuple[Sequence[int], int]] = ()) -> Tensor:
    """Logits of the rows in the order they are given in, wherever runs put them in the batch."""
    batch, order = batch_of(rows, runs)
    parts = runner.forward(batch).split(batch.wanted.tolist())
    return torch.cat([parts[order.index(index)] for index in range(len(rows))])


def random_ids(n: int, seed: int = 0) -> list[int]:
    return np.random.default_rng(seed).integers(0, 400, n).tolist()


def scattered(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).permutation(NUM_SLOTS)[:n]


def contiguous(n: int) -> np.ndarray:
    return np.arange(100, 100 + n)


def assert_close(got: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(got, expected, rtol=0, atol=TOL)


# --- one sequence ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", VARIANTS)
def test_cold_prefill_gives_the_logits_of_transformers(case, name):
    """One pass over a whole prompt."""
    c = case(name)
    seq = Seq(random_ids(90), scattered(90))

    got = forward(c.poison(), [seq.row(90)])

    assert got.dtype == torch.float32
    assert_close(got, c.expected(seq.ids))


@pytest.mark.parametrize("slots", [scattered, contiguous])
@pytest.mark.parametrize("chunk", [1, 7, 64])
@pytest.mark.parametrize("name", [*FAMILIES, *WINDOWED])
def test_chunked_prefill_gives_the_logits_of_transformers(case, name, chunk, slots):
    """Chunks of 1 (all decode), 7 (short rows) and 64 (long rows), with cached KV anywhere."""
    c = case(name)
    length = 40 if chunk == 1 else 150
    seq = Seq(random_ids(length), slots(length))
    runner = c.poison()

    parts = [forward(runner, [seq.row(min(chunk, length - at))]) for at in range(0, length, chunk)]

    assert_close(torch.cat(parts), c.expected(seq.ids))


@pytest.mark.parametrize("name", VARIANTS)
def test_greedy_continuation_is_that_of_transformers(case, name):
    """Sixteen tokens, each fed back."""
    c = case(name)
    prompt = random_ids(30, seed=3)
    expected = c.theirs.generate(torch.tensor([prompt]), max_new_tokens=16, min_new_tokens=16, do_sample=False)

    seq = Seq(list(prompt), scattered(60))
    runner = c.poison()
    flight = runner.launch(batch_of([seq.row(30, logits=1)])[0])
    for position in range(30, 46):
        greedy = Draw(Sampling(temperature=0.0, ignore_eos=True), 0, position, banned=(2,))
        flight.sample([0], draws_of([greedy]))
        seq.ids += flight.result().ids
        flight = runner.launch(batch_of([seq.row(1)])[0])

    assert expected[0].tolist() == seq.ids


# --- batches -----------------------------------------------------------------------------------------------


def ragged(prefix: int = 0) -> list[tuple[Seq, int, int]]:
    """Eight rows of every kind as (sequence, cached, new); the first `prefix` tokens and slots are common."""
    free = np.random.default_rng(5).permutation(np.arange(prefix, NUM_SLOTS))
    shape = [(150, 1), (90, 1), (91, 1), (70, 5), (66, 8), (80, 20), (75, 45), (64, 70)]
    rows = []
    for i, (cached, new) in enumerate(shape):
        own, free = np.split(free, [cached + new - prefix])
        slots = np.concatenate([np.arange(prefix), own])
        ids = random_ids(prefix, seed=99) + random_ids(cached + new - prefix, seed=i)
        rows.append((Seq(ids, slots), cached, new))
    return rows


def run_ragged(
    runner: TorchRunner, rows: list[tuple[Seq, int, int]], runs: Sequence[tuple[Sequence[int], int]] = ()
) -> Tensor:
    """Cache each row's first part alone, then all the rest in one batch."""
    for seq, cached, _ in rows:
        forward(runner, [seq.row(cached, logits=0)])
    return forward(runner, [seq.row(new) for seq, _, new in rows], runs)


@pytest.mark.parametrize("name", [*FAMILIES, *WINDOWED])
def test_a_batch_of_decode_and_extend_rows_equals_each_alone(case, name):
    """Eight ragged rows, one to seventy new tokens each."""
    c = case(name)
    rows = ragged()

    got = run_ragged(c.poison(), rows)

    assert_close(got, torch.cat([c.expected(seq.ids)[cached:] for seq, cached, _ in rows]))


@pytest.mark.parametrize("members", [range(8), [0, 2, 3], [4, 1, 6, 7]])
@pytest.mark.parametrize("name", [*FAMILIES, *WINDOWED])
def test_shared_runs_change_nothing(case, name, members, monkeypatch):
    """A shared stretch read once gives what reading it for every row gives."""
    monkeypatch.setattr(packing, "MIN_SAVED", 1)
    c = case(name)
    rows = ragged(prefix=60)

    got = run_ragged(c.poison(), rows, [(members, 60)])

    assert_close(got, torch.cat([c.expected(seq.ids)[cached:] for seq, cached, _ in rows]))


def test_two_runs_in_one_batch(case, monkeypatch):
    """Each run has its own shared tile, of its own length."""
    monkeypatch.setattr(packing, "MIN_SAVED", 1)
    c = case("llama")
    rows = ragged(prefix=60)

    got = run_ragged(c.poison(), rows, [((0, 3), 60), ((1, 4, 5), 40)])

    assert_close(got, torch.cat([c.expected(seq.ids)[cached:] for seq, cached, _ in rows]))


@pytest.mark.parametrize("stride", [64, 70])
def test_decode_rows_with_equal_extents_are_read_in_place(case, stride):
    """Forks of one length in extents at equal distances need no gather."""
    c = case("llama")
    runner = c.poison()
    seqs = [Seq(random_ids(33, seed=i), np.arange(i * stride, i * stride + 33)) for i in range(4)]
    forward(runner, [seq.row(32, logits=0) for seq in seqs])
    batch, _ = batch_of([seq.row(1) for seq in seqs])

    assert len(tiles.cut(packing.pack(batch), None).gather) == 0
    assert_close(runner.forward(batch), torch.stack([c.expected(seq.ids)[-1] for seq in seqs]))


def test_logits_come_in_row_order_and_only_where_asked(case):
    """Rows ask for 0, 1, 3 and all of their last tokens."""
    c = case("qwen3")
    seqs = [Seq(random_ids(n, seed=n), scattered(200)[a : a + n]) for a, n in ((0, 50), (50, 4), (60, 9), (80, 1))]
    wanted = (0, 1, 3, 1)

    got = forward(c.poison(), [seq.row(len(seq.ids), k) for seq, k in zip(seqs, wanted)])

    expected = [c.expected(seq.ids)[len(seq.ids) - k :] for seq, k in zip(seqs, wanted)]
    assert_close(got, torch.cat(expected))


def test_a_pass_without_logits_writes_the_cache(case):
    """An inner chunk gives an empty tensor of the right width."""
    c = case("llama")
    seq = Seq(random_ids(12), scattered(12))
    runner = c.poison()

    assert forward(runner, [seq.row(11, logits=0)]).shape == (0, 400)
    assert_close(forward(runner, [seq.row(1)]), c.expected(seq.ids)[-1:])


def test_an_empty_batch_gives_no_logits(case):
    assert case("llama").ours.forward(batch_of([])[0]).shape == (0, 400)


@pytest.mark.parametrize("length", [1, 31, 32, 33, 34])
def test_lengths_around_the_border_of_short_rows(case, length):
    """Rows of 32 tokens are bucketed, rows of 33 stand alone."""
    c = case("llama")
    seqs = [Seq(random_ids(length + 5, seed=i), scattered(200, seed=1)[i * 80 :]) for i in range(2)]
    runner = c.poison()
    forward(runner, [seq.row(5, logits=0) for seq in seqs])

    got = forward(runner, [seq.row(length) for seq in seqs])

    assert_close(got, torch.cat([c.expected(seq.ids)[5:] for seq in seqs]))


def test_other_forks_do_not_disturb_a_sequence(case):
    """Two sequences share cached slots and write their own."""
    c = case("llama")
    runner = c.poison()
    slots = scattered(60)
    left = Seq(random_ids(40), slots[:40])
    forward(runner, [left.row(30, logits=0)])
    right = Seq(left.ids[:30] + random_ids(10, seed=8), np.concatenate([slots[:30], slots[40:50]]), done=30)

    got = forward(runner, [left.row(10), right.row(10)])

    assert_close(got, torch.cat([c.expected(left.ids)[30:], c.expected(right.ids)[30:]]))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ["qwen3", *WINDOWED])
def test_random_programs_of_passes_give_the_logits_of_transformers(case, name, seed, monkeypatch):
    """Sequences fork, advance by any number of tokens, in any mix of rows, some with shared runs: nothing drifts."""
    monkeypatch.setattr(packing, "MIN_SAVED", 1)
    c, rng = case(name), np.random.default_rng(seed)
    runner, free = c.poison(), list(rng.permutation(NUM_SLOTS))
    take = lambda n: np.array([free.pop() for _ in range(n)])  # noqa: E731
    root = Seq(random_ids(120, seed), take(120))
    forward(runner, [root.row(40, logits=0)])
    forks = [
        Seq(root.ids[:40] + random_ids(80, seed=100 + i), np.concatenate([root.slots[:40], take(80)]), done=40)
        for i in range(5)
    ]
    got: dict[int, list[Tensor]] = {i: [] for i in range(5)}
    while open_forks := [i for i in range(5) if forks[i].done < 120]:
        chosen = [int(i) for i in rng.permutation(open_forks)[: int(rng.integers(1, 6))]]
        sizes = [min(int(rng.choice([1, 1, 1, 3, 9, 40])), 120 - forks[i].done) for i in chosen]
        rows = tuple(forks[i].row(n) for i, n in zip(chosen, sizes))
        runs = [(range(len(rows)), int(rng.integers(1, 41)))] if rng.random() < 0.7 and len(rows) > 1 else []
        for i, part in zip(chosen, forward(runner, rows, runs).split(sizes)):
            got[i].append(part)

    for i, fork in enumerate(forks):
        assert_close(torch.cat(got[i]), c.expected(fork.ids)[40:])


# --- precision, fallbacks, size ------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
def test_bf16_stays_close_to_fp32(case, family, monkeypatch):
    """A bf16 load runs every kind of row and stays near the reference."""
    monkeypatch.setattr(packing, "MIN_SAVED", 1)
    c = case(family)
    runner = load_model(c.folder, dtype="bf16", num_slots=NUM_SLOTS)
    rows = ragged(prefix=60)

    got = run_ragged(runner, rows, [(range(8), 60)])

    expected = torch.cat([c.expected(seq.ids)[cached:] for seq, cached, _ in rows])
    assert got.dtype == torch.float32
    assert (got - expected).abs().mean() < 0.02
    assert (got - expected).abs().max() < 0.2


@pytest.mark.parametrize("name", ["qwen2", "llama3 rope, biases", "mistral window"])
def test_public_ops_alone_give_the_same_logits(case, name, monkeypatch):
    """Where the private ops fail their self-test the public twins take over."""
    monkeypatch.setattr(native, "works", lambda test: False)
    monkeypatch.setattr(packing, "MIN_SAVED", 1)
    native.packing_is_right.cache_clear()
    native.choose_flash.cache_clear()
    c = case(name)
    try:
        runner = load_model(c.folder, dtype="fp32", num_slots=NUM_SLOTS)
    finally:
        native.packing_is_right.cache_clear()
        native.choose_flash.cache_clear()
    rows = ragged(prefix=60)

    got = run_ragged(runner, rows, [(range(8), 60)])

    assert runner.flash is native.public_flash
    assert isinstance(runner.decoder.head, native.PlainLinear)
    assert_close(got, torch.cat([c.expected(seq.ids)[cached:] for seq, cached, _ in rows]))


def test_a_runner_says_what_it_holds(case):
    """Tokens of its vocabulary, slots, and the longest sequence."""
    runner = case("llama").ours

    assert (runner.vocab_size, runner.num_slots, runner.max_len) == (400, NUM_SLOTS, 1024)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_cuda_is_refused_where_there_is_none(case):
    """A missing device is an error, never a silent CPU run."""
    with pytest.raises(BackendError, match="'cuda' was asked for") as error:
        load_model(case("llama").folder, dtype="fp32", num_slots=8, device="cuda")

    assert "device='cpu'" in (error.value.help or "")
