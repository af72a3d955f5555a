"""The decoder is an order of operations: what it calls, and that any right operations give the same logits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from lmc.backend.models.config import ModelConfig
from lmc.backend.models.decoder import DecoderModel, Layer
from lmc.backend.models.loader import load_decoder
from lmc.backend.models.mlp import GatedMlp
from scripts.support.checkpoint import tiny_checkpoint

# name -> family and how its checkpoint differs
VARIANTS: dict[str, tuple[Any, dict[str, Any]]] = {
    "norms of heads": ("qwen3", {}),
    "biases, llama3 rope": (
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
                "original_max_position_embeddings": 16,
            },
        },
    ),
    "a window in one layer": (
        "qwen2",
        {"use_sliding_window": True, "sliding_window": 7, "layer_types": ["full_attention", "sliding_attention"]},
    ),
}
TOL = 2e-5


# --- operations that only write down what is called --------------------------------------------------------


@dataclass
class Listing:
    """Operations on names: each call is a line, its result the line's name. No arithmetic works on a name."""

    lines: list[str] = field(default_factory=list)

    def line(self, kind: str, call: str) -> str:
        """Write a call down and name its result."""
        name = f"{kind}{len(self.lines)}"
        self.lines.append(f"{name} = {call}")
        return name

    def linear(self, name: str) -> Callable[[str], str]:
        return lambda x: self.line("y", f"{name}({x})")

    def embed(self, tokens, table):
        return self.line("h", f"embed {tokens} {table}")

    def norm(self, hidden, weight):
        return self.line("x", f"norm {hidden} {weight}")

    def attend(self, layer, qkv, head_norm):
        return self.line("m", f"attend {layer} {qkv} {head_norm}")

    def gather(self, mixed, hidden):
        return self.line("m", f"gather {mixed}"), self.line("h", f"gather {hidden}")

    def add_norm(self, linear, x, hidden, weight):
        total = self.line("h", f"{hidden} + {linear}({x})")
        return total, self.norm(total, weight)

    def swiglu(self, gate_up):
        return self.line("i", f"swiglu {gate_up}")

    def head(self, linear, x):
        return self.line("logits", f"{linear}({x})")


def layer_of_names(listing: Listing, at: str) -> Layer:
    """A layer whose weights are names."""
    mlp = GatedMlp(listing.linear(f"{at}.gate_up"), f"{at}.down")
    return Layer(f"{at}.norm", listing.linear(f"{at}.qkv"), f"{at}.qk_norm", f"{at}.out", f"{at}.mlp_norm", mlp)


def test_the_decoder_does_nothing_but_call_the_operations():
    """Two layers on names instead of tensors: each line is a call, and a name feeds the lines that it should."""
    listing = Listing()
    layers = layer_of_names(listing, "a"), layer_of_names(listing, "b")
    decoder = DecoderModel(None, "table", layers, "final", "lm_head", None)

    assert decoder("tokens", listing) == "logits20"
    assert listing.lines == [
        "h0 = embed tokens table",
        "x1 = norm h0 a.norm",
        "y2 = a.qkv(x1)",
        "m3 = attend 0 y2 a.qk_norm",
        "h4 = h0 + a.out(m3)",
        "x5 = norm h4 a.mlp_norm",
        "y6 = a.gate_up(x5)",
        "i7 = swiglu y6",
        "h8 = h4 + a.down(i7)",
        "x9 = norm h8 b.norm",
        "y10 = b.qkv(x9)",
        "m11 = attend 1 y10 b.qk_norm",
        "m12 = gather m11",
        "h13 = gather h8",
        "h14 = h13 + b.out(m12)",
        "x15 = norm h14 b.mlp_norm",
        "y16 = b.gate_up(x15)",
        "i17 = swiglu y16",
        "h18 = h14 + b.down(i17)",
        "x19 = norm h18 final",
        "logits20 = lm_head(x19)",
    ]


# --- operations from the textbook --------------------------------------------------------------------------


@dataclass(frozen=True)
class WideLinear:
    """A linear that has no sum inside: only the call."""

    weight: Tensor
    bias: Tensor | None

    def __call__(self, x: Tensor) -> Tensor:
        out = torch.einsum("ni,oi->no", x, self.weight)
        return out if self.bias is None else out + self.bias


@dataclass
class TextbookOps:
    """One sequence, one token and one head at a time, in fp64; what is spent is overwritten with NaN.

    keys, values   by (layer, KV head), one entry a position; passes of the same sequence go on from them
    wanted         tokens of the pass whose logits are asked for
    seen           (operation, rows it was given), in order
    """

    config: ModelConfig
    inv_freq: Tensor
    wanted: list[int]
    keys: dict[tuple[int, int], list[Tensor]]
    values: dict[tuple[int, int], list[Tensor]]
    seen: list[tuple[str, int]] = field(default_factory=list)

    def embed(self, tokens, table):
        return torch.stack([table[token] for token in tokens.tolist()])

    def norm(self, hidden, weight):
        self.seen.append(("norm", len(hidden)))
        return torch.stack([self.normed(row) * weight for row in hidden])

    def normed(self, row: Tensor) -> Tensor:
        return row / (row.dot(row) / len(row) + self.config.norm_eps).sqrt()

    def attend(self, layer, qkv, head_norm):
        self.seen.append(("attend", len(qkv)))
        c = self.config
        out = []
        for token in qkv.unflatten(1, (-1, c.head_dim)):
            position = len(self.keys.setdefault((layer, 0), []))
            turned = [self.turned(head, position, head_norm, i) for i, head in enumerate(token[: -c.num_kv_heads])]
            for i in range(c.num_kv_heads):
                self.keys.setdefault((layer, i), []).append(turned[c.num_heads + i])
                self.values.setdefault((layer, i), []).append(token[i - c.num_kv_heads].clone())
            out.append(torch.cat([self.answer(layer, i, turned[i]) for i in range(c.num_heads)]))
        qkv.fill_(float("nan"))
        return torch.stack(out)

    def turned(self, head: Tensor, position: int, head_norm: Tensor | None, index: int) -> Tensor:
        """A head of Q or K, normed where there is a norm; pairs (i, i + D / 2) are complex numbers to be turned."""
        if head_norm is not None:
            head = self.normed(head) * head_norm[index]
        real, imaginary = head.chunk(2)
        angle = position * self.inv_freq.double()
        turned = torch.complex(real, imaginary) * torch.polar(torch.ones_like(angle), angle)
        return torch.cat((turned.real, turned.imag))

    def answer(self, layer: int, head: int, q: Tensor) -> Tensor:
        """Softmax over the positions that the layer's window leaves."""
        kv_head = head * self.config.num_kv_heads // self.config.num_heads
        seen = slice(-(self.config.windows[layer] or 10_000), None)
        keys, values = (torch.stack(kept[layer, kv_head][seen]) for kept in (self.keys, self.values))
        return torch.softmax(keys @ q / len(q) ** 0.5, 0) @ values

    def gather(self, mixed, hidden):
        return tuple(torch.stack([rows[token] for token in self.wanted]) for rows in (mixed, hidden))

    def add_norm(self, linear, x, hidden, weight):
        total = linear(x) + hidden
        hidden.fill_(float("nan"))
        return total, self.norm(total, weight)

    def swiglu(self, gate_up):
        self.seen.append(("swiglu", len(gate_up)))
        gate, up = gate_up.tensor_split(2, 1)
        out = gate / (1 + torch.exp(-gate)) * up
        gate_up.fill_(float("nan"))
        return out

    def head(self, linear, x):
        return linear(x).float()


@pytest.fixture(scope="module", params=VARIANTS)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of each variant, saved once."""
    family, fields = VARIANTS[request.param]
    return tiny_checkpoint(tmp_path_factory.mktemp("model"), family, tokenizer=False, **fields)


def wide_decoder(folder: Path) -> DecoderModel:
    return load_decoder(folder, dtype=torch.float64, device=torch.device("cpu"), pack=WideLinear)


def passes(decoder: DecoderModel, cuts: list[int], wanted: Callable[[int], list[int]]) -> list[TextbookOps]:
    """Textbook operations for each pass over a sequence that is cut into passes of these lengths."""
    keys: dict[tuple[int, int], list[Tensor]] = {}
    values: dict[tuple[int, int], list[Tensor]] = {}
    return [TextbookOps(decoder.config, decoder.inv_freq, wanted(n), keys, values) for n in cuts]


def test_textbook_operations_give_the_logits_of_transformers(folder):
    """One token and head at a time in fp64, in passes of 20, 1 and 9 tokens: fusing is the operations' own affair."""
    from transformers import AutoModelForCausalLM

    ids, cuts = torch.arange(30) * 37 % 400, [20, 1, 9]
    decoder, theirs = wide_decoder(folder), AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)

    all_ops = passes(decoder, cuts, lambda n: list(range(n)))
    got = torch.cat([decoder(part, ops) for part, ops in zip(ids.split(cuts), all_ops)])

    with torch.no_grad():
        torch.testing.assert_close(got, theirs(ids[None]).logits[0], rtol=0, atol=TOL)


def test_only_wanted_tokens_pass_the_last_mlp(folder):
    """Tokens 8 and 2 of ten: their logits in that order, and two rows in all that follows the last attention."""
    ids = torch.arange(10) * 31
    decoder = wide_decoder(folder)
    whole, some = (passes(decoder, [10], lambda n, w=w: w)[0] for w in (list(range(10)), [8, 2]))

    torch.testing.assert_close(decoder(ids, some), decoder(ids, whole)[[8, 2]])
    assert [rows for _, rows in whole.seen] == [10] * len(whole.seen)
    assert some.seen == [
        ("norm", 10), ("attend", 10), ("norm", 10), ("swiglu", 10), ("norm", 10),
        ("attend", 10), ("norm", 2), ("swiglu", 2), ("norm", 2),
    ]  # fmt: skip
