"""A chat template as Jinja: source and turns in, text out, the way transformers renders it.

A template is code from a stranger, so it runs in a sandbox (see `sandbox`). Knows nothing of tokens or of where a
turn's text ends up: that is `tokenizer.chat`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from lmc.errors import ChatTemplateError
from lmc.tokenizer.sandbox import TooMuch, environment, limited

if TYPE_CHECKING:
    import jinja2

Turn = tuple[str, str]  # role, text
NOTHING: Mapping[str, object] = {}


class Template:
    """`named_tokens` (bos_token, eos_token ...) and `given` are what the template may refer to.

    One that was given up once, as it did not come to an end, is not tried again.
    """

    def __init__(self, source: str, named_tokens: dict[str, str], given: Mapping[str, object] = NOTHING) -> None:
        self.source = source
        self.named_tokens = named_tokens
        self.given = given
        self._endless: ChatTemplateError | None = None

    def render(self, turns: Sequence[Turn], *, generation_prompt: bool = False) -> str:
        """The conversation as text. Raises ChatTemplateError with the template's own message."""
        return self._render(turns, generation_prompt, self._wants_parts)

    def compile(self) -> None:
        """Raises ChatTemplateError where the source is not a template."""
        assert self._compiled is not None

    def constants(self) -> list[str]:
        """The strings that the template's code compares and prints, longest first: what it could look for in a text."""
        import jinja2.nodes

        parsed = environment().parse(self.source)
        found = {c.value for c in parsed.find_all(jinja2.nodes.Const)}
        return sorted((s for s in found if isinstance(s, str) and s.strip()), key=lambda s: (-len(s), s))

    def _render(self, turns: Sequence[Turn], generation_prompt: bool, parts: bool) -> str:
        messages = [{"role": role, "content": _content(text, parts)} for role, text in turns]
        given = {"messages": messages, "tools": None, "documents": None, "add_generation_prompt": generation_prompt}
        if self._endless is not None:
            raise self._endless
        try:
            with limited(len(turns)):
                return self._compiled.render({**self.named_tokens, **self.given, **given})
        except ChatTemplateError:
            raise
        except TooMuch as error:
            self._endless = ChatTemplateError(f"the chat template is given up: {error}", help="use another template")
            raise self._endless from None
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
            return environment().from_string(self.source)
        except jinja2.TemplateError as error:
            raise ChatTemplateError(f"the chat template cannot be compiled: {error}") from error


def _content(text: str, parts: bool) -> str | list[dict[str, str]]:
    return [{"type": "text", "text": text}] if parts else text
