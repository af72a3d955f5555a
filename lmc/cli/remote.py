"""A model behind an API as commands name it: `--backend openai --model gpt-6-luna`. Nothing is asked over a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import click

if TYPE_CHECKING:
    from lmc.backend.api.abilities import Abilities, ApiFuse
    from lmc.ir.caps import Caps
    from lmc.ir.prompt import Tokenizer

DIALECTS = ("openai", "anthropic", "vllm", "sglang", "llamacpp", "ollama")

api_option = click.option(
    "--backend",
    type=click.Choice(DIALECTS),
    metavar="API",
    help=f"Check the program against a model of this API, which --model names: {', '.join(DIALECTS)}.",
)
fallback_option = click.option(
    "--fallback",
    type=click.Choice(("emulate",)),
    help="With --backend: what the model cannot do and lmc can do in its place is a note, and no error.",
)
api_fuse_option = click.option(
    "--api-fuse",
    "fuse",
    type=click.Choice(("text", "schema", "off")),
    help="With --backend: generations of a turn in one call also where it is not exact, or never (docs/remote.md).",
)
tokenizer_option = click.option(
    "--tokenizer", metavar="DIR", help="With --backend: a folder whose tokenizer counts the model's tokens."
)


def asked_of(
    backend: str | None, model: str | None, tokenizer: str | None, fallback: str | None, fuse: str | None = None
) -> tuple[Tokenizer | None, Caps | None]:
    """The tokenizer to compile with, and what the model can do; no Caps without a backend.

    Raises UsageError for options that do not go together.
    """
    if backend is None:
        if tokenizer is not None or fallback is not None or fuse is not None:
            raise click.UsageError("--tokenizer, --fallback and --api-fuse go with --backend")
        return tokenizer_of(model), None
    from lmc.backend.api.abilities import caps_of, speculates_of

    known = model_of(backend, model)
    counts = tokenizer is not None
    speculates = speculates_of(known, fuse_of(fuse), sends_ids=counts and known.takes_ids)
    caps = caps_of(known, fallback="emulate" if fallback else None, counts_tokens=counts, speculates=speculates)
    return tokenizer_of(tokenizer), caps


def fuse_of(option: str | None) -> ApiFuse:
    """What `--api-fuse` says, as `Remote` takes it."""
    return True if option is None else False if option == "off" else cast("ApiFuse", option)


def tokenizer_of(model: str | None) -> Tokenizer | None:
    """The tokenizer of a checkpoint folder, or of lmc-tiny; None where no model is named."""
    if model is None:
        return None
    from lmc.backend.default_model import folder_of
    from lmc.tokenizer import load_tokenizer

    return load_tokenizer(folder_of(model))


def model_of(backend: str, model: str | None) -> Abilities:
    """What the named model can do. Raises UsageError where none is named."""
    from lmc.backend.api.abilities import abilities

    if model is None:
        raise click.UsageError(f"--backend {backend} goes with --model NAME, the model that it is to run")
    return abilities(backend, model)
