"""A chat template as Jinja: source and turns in, text out, the way transformers renders it.

A template is code from a stranger, so it runs in Jinja's sandbox. Knows nothing of tokens or of where a turn's
text ends up: that is `tokenizer.chat`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from lmc.errors import ChatTemplateError

if TYPE_CHECKING:
    import jinja2

Turn = tuple[str, str]  # role, text
NOTHING: Mapping[str, object] = {}


class Template:
    """`named_tokens` (bos_token, eos_token ...) and `given` are what the template may refer to."""

    def __init__(self, source: str, named_tokens: dict[str, str], given: Mapping[str, object] = NOTHING) -> None:
        self.source = source
        self.named_tokens = named_tokens
        self.given = given

    def render(self, turns: Sequence[Turn], *, generation_prompt: bool = False) -> str:
        """The conversation as text. Raises ChatTemplateError with the template's own message."""
        return self._render(turns, generation_prompt, self._wants_parts)

    def compile(self) -> None:
        """Raises ChatTemplateError where the source is not a template."""
        assert self._compiled is not None

    def constants(self) -> list[str]:
        """The strings that the template's code compares and prints, longest first: what it could look for in a text."""
        import jinja2.nodes

        found = {c.value for c in _environment().parse(self.source).find_all(jinja2.nodes.Const)}
        return sorted((s for s in found if isinstance(s, str) and s.strip()), key=lambda s: (-len(s), s))

    def _render(self, turns: Sequence[Turn], generation_prompt: bool, parts: bool) -> str:
        messages = [{"role": role, "content": _content(text, parts)} for role, text in turns]
        given = {"messages": messages, "tools": None, "documents": None, "add_generation_prompt": generation_prompt}
        try:
            return self._compiled.render({**self.named_tokens, **self.given, **given})
        except ChatTemplateError:
            raise
        except Exception as error:  # a template can fail in any way: its own raise, an undefined name, a TypeError
            roles = ", ".join(role for role, _ in turns) or "none"
            raise ChatTemplateError(f"the chat template refuses the turns ({roles}): {error}") from error

    @cached_property
    def _wants_parts(self) -> bool:
        """Whether a turn's text must come as [{"type": "text", ...}], as some multimodal templates demand."""
        for parts in (False, True):
            try:
                if "lmcprobe" in self._render([("user", "lmcprobe")], False, parts):
                    return parts
            except ChatTemplateError:
                continue
        return False

    @cached_property
    def _compiled(self) -> jinja2.Template:
        import jinja2

        try:
            return _environment().from_string(self.source)
        except jinja2.TemplateError as error:
            raise ChatTemplateError(f"the chat template cannot be compiled: {error}") from error


def _content(text: str, parts: bool) -> str | list[dict[str, str]]:
    return [{"type": "text", "text": text}] if parts else text


def _environment() -> jinja2.Environment:
    """transformers' settings. Its `{% generation %}` block only marks text, so here it prints its body."""
    from jinja2.ext import Extension, loopcontrols
    from jinja2.nodes import Node, Scope
    from jinja2.parser import Parser
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Generation(Extension):
        tags = {"generation"}  # noqa: RUF012 (Jinja's own idiom)

        def parse(self, parser: Parser) -> Node:
            line = next(parser.stream).lineno
            return Scope(parser.parse_statements(("name:endgeneration",), drop_needle=True)).set_lineno(line)

    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])
    env.filters["tojson"] = _tojson
    env.globals["raise_exception"] = _raise_exception
    env.globals["strftime_now"] = _strftime_now
    return env


def _tojson(
    value: Any,  # whatever the template has
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """JSON without Jinja's HTML escapes."""
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def _raise_exception(message: str) -> NoReturn:
    import jinja2

    raise jinja2.TemplateError(message)


def _strftime_now(form: str) -> str:
    return datetime.now().strftime(form)
