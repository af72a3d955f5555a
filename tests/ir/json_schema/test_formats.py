"""Formats where more or fewer of them matter: under `not`, in branches of `oneOf`, as conditions."""

from __future__ import annotations

import pytest

from lmc.ir.automaton.dfa import CharDfa
from lmc.ir.json_schema.audit import audit
from lmc.ir.regex import And, Not
from lmc.parser.schema.parse import parse_schema
from lmc.parser.schema.pattern import FORMATS, WIDE_FORMATS, patterns_of
from tests.ir.json_schema.test_lower import accepted

STRING = {"type": "string"}
URI, DATE, EMAIL = ({"format": name} for name in ("uri", "date", "email"))


@pytest.mark.parametrize(
    "schema, yes, no",
    [
        # by a branch that has values of its own, none of which can have the format
        ({"oneOf": [{**STRING, **URI}, {"enum": ["none"]}]}, ['"none"', '"http://a.b/c"'], ['"nothing"', "1"]),
        ({"oneOf": [{**STRING, **URI}, {"type": "null"}]}, ["null", '"http://a.b"'], ['""']),
        # one that has the format in both is in both
        ({"oneOf": [{**STRING, **DATE}, {"enum": ["2024-01-31", "x"]}]}, ['"x"', '"2024-02-29"'], ['"2024-01-31"']),
        # exactly: an address of one kind is never of the other
        ({**STRING, "oneOf": [{"format": "ipv4"}, {"format": "ipv6"}]}, ['"1.2.3.4"', '"::1"'], ['"1.2.3"', '":x"']),
        ({**STRING, "not": DATE}, ['"2023-02-29"', '"2024-1-31"'], ['"2024-01-31"']),
        # what a format leaves open is in neither side: an address with a quoted name may be an e-mail address
        ({**STRING, "not": EMAIL}, ['"ab"', '""'], ['"a@b.de"', '"\\"a b\\"@c"']),
        ({**STRING, "not": {"not": EMAIL}}, ['"a@b.de"'], ['"\\"a b\\"@c"', '"ab"']),
        ({**STRING, "if": EMAIL, "then": {"maxLength": 6}, "else": {"maxLength": 1}}, ['"a@b.de"', '"a"'],
         ['"ab@b.de"', '"ab"', '"@"']),
        ({"type": "array", "items": STRING, "not": {"items": DATE}}, ['["x"]', '["2024-01-31","x"]'],
         ["[]", '["2024-01-31"]']),
        ({**STRING, "not": {"format": "unheard-of"}}, [], ['"a"']),
    ],
)  # fmt: skip
def test_a_format_is_told_apart_only_where_that_is_sure(schema, yes, no):
    """A text that may have the format, and may not, comes out of neither side."""
    assert accepted(schema, yes + no) == yes


def test_the_audit_says_what_a_complement_of_a_format_is():
    """Relaxed, as the standard asks nothing of a text."""
    found = {each.keyword: each for each in audit(parse_schema({**STRING, "not": EMAIL}))}

    assert found["format"].verdict == "relaxed"
    assert "for sure" in found["format"].why


@pytest.mark.parametrize("name", WIDE_FORMATS)
def test_the_wide_side_of_a_format_holds_the_narrow_one(name):
    """Else a text would be on both sides."""
    trees = patterns_of({"format": name})
    only_narrow = And((trees[f"format:{name}"], Not(trees[f"wide:{name}"])))

    assert name in FORMATS
    assert CharDfa(only_narrow).start == 0
