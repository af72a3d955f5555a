"""lmc-tiny, the model that lmc ships: an ordinary checkpoint, small, the default, and right on the examples."""

from __future__ import annotations

import importlib.util
import logging
import tomllib
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import lmc
from lmc.backend import close_all, default_model, resolve
from lmc.backend.default_model import FOLDER, NAME
from lmc.backend.local import CpuBackend
from lmc.cli import main

ROOT = Path(__file__).parents[1]
EXAMPLES = ("few_shot_qa", "json_extraction", "multi_turn_chat", "table_batch", "tool_use")  # those that it gets right
MAX_BYTES = 16 << 20
# shares of held-out items that the shipped weights must keep: a little below what the card says of more items
LEAST = {"extract: fields": 0.85, "classify": 0.8, "choice": 0.8, "tools": 0.75, "recall": 0.85}
ITEMS = 60


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """A model this small gains nothing from a second one."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@cache
def tiny() -> CpuBackend:
    return CpuBackend(NAME, dtype="fp32")


# --- the folder ------------------------------------------------------------------------------------------


def test_folder_is_shipped_and_small():
    """The wheel takes the folder as package data, with all that a checkpoint has."""

    packed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    assert packed["lmc.backend.models"] == [f"{FOLDER.name}/*"]
    names = {path.name for path in FOLDER.iterdir()}
    assert names >= {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "README.md"}
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < MAX_BYTES


def test_transformers_loads_it_and_writes_the_same():
    """AutoModelForCausalLM and AutoTokenizer read the folder; greedy tokens are those of lmc's engine."""

    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(FOLDER, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(FOLDER)
    question = "Mila lives in Riga and has a parrot. Which pet does Mila have? Answer in one word."
    chat = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": question}]
    ids = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    out = model.generate(**ids, max_new_tokens=8, do_sample=False)[0, ids["input_ids"].shape[1] :]

    @lmc.function
    def ask(s):
        s += lmc.system("Be brief.") + lmc.user(question)
        s += lmc.assistant(lmc.gen("pet", max_tokens=8, temperature=0))

    result = ask.run(backend=tiny())
    assert result["pet"] == tokenizer.decode(out, skip_special_tokens=True) == "parrot"
    assert 3_000_000 <= sum(weight.numel() for weight in model.parameters()) <= 10_000_000
    assert model.dtype == torch.float32 and model.config.tie_word_embeddings


def test_template_has_the_roles():
    """System, user, assistant and tool turns, told apart by control tokens that text cannot write."""

    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(FOLDER)
    turns = [{"role": role, "content": role[0]} for role in ("system", "user", "assistant", "tool")]
    text = tokenizer.apply_chat_template(turns, tokenize=False)
    assert text == "<|system|>s<|end|><|user|>u<|end|><|assistant|>a<|end|><|tool|>t<|end|>"
    ours = tiny().tokenizer
    assert ours.encode(text, control=True) == tokenizer.encode(text)
    assert not set(ours.encode(text)) & set(tokenizer.encode("<|system|><|user|><|end|>"))


# --- the default -----------------------------------------------------------------------------------------


def test_it_runs_where_no_model_is_named(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    """And lmc says so in one line, once; naming it is silent and opens no second engine."""

    monkeypatch.setattr(default_model, "_said", [])
    with caplog.at_level(logging.WARNING, logger="lmc"):
        named = resolve("cpu", NAME)
        assert caplog.messages == []
        assert resolve(None, None) is resolve("auto", None) is resolve("cpu", None) is named
    close_all()
    assert len(caplog.messages) == 1
    assert "lmc-tiny" in caplog.messages[0] and "\n" not in caplog.messages[0]


def test_cli_compiles_with_its_tokenizer():
    """`--model lmc-tiny` is the name of the folder in the package, for `compile` as for `run`."""

    given = ["compile", str(ROOT / "examples" / "tool_use.py"), "--emit-graph=ir", "--model", NAME]
    result = CliRunner().invoke(main, given)
    assert result.exit_code == 0
    assert 'prompt "<|system|>" "You may use one tool' in result.stdout


# --- what it can do --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EXAMPLES)
def test_answers_of_the_examples(name: str, golden: Any):
    """Greedy, in fp32: what a reader sees who starts an example."""

    spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    result = getattr(module, name).run(backend=tiny())
    golden(f"examples/{name}.tiny.txt", f"{result.text()}\n-> {result.ret_value}\n")


# the longest stand in the slow tier
@pytest.mark.slow
@pytest.mark.parametrize(
    "task",
    [*(pytest.param(task, marks=pytest.mark.slow) for task in ("extract", "tools", "recall")), "classify", "choice"],
)
def test_held_out_items(task: str):
    """Names, numbers and dates that its training never drew."""

    from scripts.tiny.held_out import Score, answered, held_out, judge

    scores = defaultdict[str, Score](Score)
    for item in held_out(task, ITEMS):
        judge(item, answered(item, tiny()), scores)
    for name, score in scores.items():
        if name in LEAST:
            assert score.right / score.total >= LEAST[name], "\n".join(score.wrong)
