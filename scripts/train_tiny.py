"""Trains lmc-tiny, the small model that lmc ships, from nothing: it writes its own text, reads nothing else.

    python scripts/train_tiny.py                    # about an hour on 2 CPU cores, minutes on a GPU
    python scripts/train_tiny.py --steps 200        # a quick look
    python scripts/train_tiny.py --show qa          # prints some training items

A run that was stopped goes on where it was. The checkpoint and its card are written to --save at the end.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # nothing is fetched
ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=ROOT / ".lmc" / "tiny", help="where an unfinished run is kept")
    parser.add_argument("--save", type=Path, default=None, help="where the checkpoint goes (default: WORK/lmc-tiny)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=None, help="steps of 8,192 tokens")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--threads", type=int, default=None, help="CPU threads (default: all cores)")
    parser.add_argument("--eager", action="store_true", help="do not compile the network (slower; needs no C compiler)")
    parser.add_argument("--show", metavar="TASK", help="print 10 training items of a task and stop")
    given = parser.parse_args()
    if given.show:
        show(given.show, given.seed)
    else:
        run(given)


def show(task: str, seed: int) -> None:
    """Print items as a reader would see them, with what the model writes in brackets."""
    from random import Random

    from scripts.tiny.tasks import TASKS
    from scripts.tiny.world import World

    world = World(Random(seed))
    for _ in range(10):
        print(TASKS[task](world).text(), end="\n\n")


def run(given: argparse.Namespace) -> None:
    """Tokenizer, training, checkpoint, card."""
    import shutil

    import torch

    from scripts.tiny.card import write_card
    from scripts.tiny.network import Sizes, save_model
    from scripts.tiny.tokenizer import save_tokenizer, train_tokenizer
    from scripts.tiny.train import Plan, tokenizer, train

    if given.threads:
        torch.set_num_threads(given.threads)
    given.work.mkdir(parents=True, exist_ok=True)
    if not (given.work / "tokenizer.json").exists():
        print("training the tokenizer", flush=True)
        save_tokenizer(train_tokenizer(given.seed), given.work)
    plan = Plan(seed=given.seed, **({"steps": given.steps} if given.steps else {}))
    compiled = not given.eager and (given.device != "cpu" or shutil.which("g++") is not None)
    network = train(given.work, plan, Sizes(tokenizer(given.work).get_vocab_size()), given.device, compiled)
    save = given.save or given.work / "lmc-tiny"
    save.mkdir(parents=True, exist_ok=True)
    num_weights = save_model(network.cpu(), str(save))
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        if (given.work / name).exists():
            shutil.copy(given.work / name, save / name)
    write_card(save, given.work, plan, num_weights)
    print(f"{save}: {num_weights:,} weights")


if __name__ == "__main__":
    main()
