"""A chat template is code from a stranger: it comes to an end, and shows what it is given."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

from lmc.errors import ChatTemplateError
from lmc.tokenizer import load_tokenizer
from lmc.tokenizer.jinja import Template
from tests.support.tokenizer_folder import byte_tokenizer_folder

DOUBLED = "{%% set n = namespace(s='ab') %%}{%% for i in range(60) %%}{%% set n.s = n.s %s n.s %%}{%% endfor %%}"


@pytest.mark.parametrize(
    "source, why",
    [
        ("{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}", "does not come to an end"),
        ("{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}", "to an end"),
        ("{{ 'a' * 10000000000 }}", "10,000,000,000 items"),
        ("{{ (range(99999) | list * 99999) | length }}", "items"),
        ("{{ 2 ** 100000000000 }}", "items"),
        (DOUBLED % "~", "items"),
        (DOUBLED % "+", "items"),
        ("{{ '%9999999999d' % 1 }}", "enormous width"),
        ("{{ '%9999999999d' | format(1) }}", "enormous width"),
        ("{{ '{:>9999999999}'.format(1) }}", "enormous width"),
        ("{{ 'a'.ljust(9999999999) }}", "items"),
        ("{{ 'a' | center(9999999999) }}", "items"),
    ],
)
def test_a_template_that_never_ends_is_given_up(source: str, why: str) -> None:
    """With the reason; and it is not tried again for every conversation."""
    template = Template(source, {})
    with pytest.raises(ChatTemplateError, match=f"given up: .*{re.escape(why)}") as first:
        template.render([("user", "a")])
    with pytest.raises(ChatTemplateError) as second:
        template.render([("user", "b")])

    assert second.value is first.value


@pytest.mark.parametrize(
    "source",
    [
        "{% for m in messages %}{{ m.role ~ ': ' ~ m.content ~ 1 }};{% endfor %}",
        "{% macro g(x) %}[{{ x }}{{ caller() }}]{% endmacro %}{% call g(1) %}in{% endcall %}",
        "{% for k in [1, 2, 3] if k > 1 %}{{ loop.index }}{% break %}{% else %}none{% endfor %}",
        "{% for k in [[1, [2]]] recursive %}{{ k if k is number else loop(k) }}{% endfor %}",
        "{{ 7 % 4 }}{{ '%s-%d' % ('a', 5) }}{{ 'ab' * 2 }}{{ [1] + [2] }}{{ 2 ** 3 }}",
        "{{ 'a' | center(5) }}|{{ '%05d' | format(7) }}|{{ '{:>3}'.format(1) }}",
    ],
)
def test_what_is_counted_changes_nothing(source: str) -> None:
    """Loops, macros and texts come out as in Jinja's own sandbox."""
    plain = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
    turns = [("user", "a"), ("user", "b")]
    messages = [{"role": role, "content": content} for role, content in turns]

    assert Template(source, {}).render(turns) == plain.from_string(source).render(messages=messages)


def test_a_long_conversation_is_no_endless_one() -> None:
    """A template that holds each turn against every other."""
    source = "{% for m in messages %}{% for o in messages %}{% endfor %}{{ m.content }}{% endfor %}"
    assert Template(source, {}).render([("user", "a")] * 600) == "a" * 600


@pytest.mark.parametrize(
    "source",
    [
        "hello",
        "{% for m in messages %}{% if m.role != 'user' %}<{{ m.role }}>{{ m.content }}{% endif %}{% endfor %}",
        "{% for m in messages %}{{ m.role }} {% endfor %}",
    ],
    ids=["nothing", "no user", "no texts"],
)
def test_a_template_that_leaves_out_what_the_user_says_is_refused(source: str, tmp_path: Path) -> None:
    """Else the model would answer a prompt that nobody wrote."""
    tokenizer = load_tokenizer(byte_tokenizer_folder(tmp_path / "m", source))
    with pytest.raises(ChatTemplateError, match="leaves a `user` turn out"):
        tokenizer.render([("system", "be brief"), ("user", "secret")], open_role="assistant")
