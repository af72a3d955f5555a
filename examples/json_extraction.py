"""Structured extraction: the answer is JSON that fits a schema, and Python reads it.

The schema is JSON text; a dict or a pydantic model class would do as well.

    lmc run examples/json_extraction.py
"""

import json
from typing import Any

import lmc

PERSON = """{
  "type": "object",
  "properties": {
    "name": {"type": "string", "maxLength": 24},
    "born": {"type": "integer", "minimum": 0, "maximum": 2100},
    "fields": {"type": "array", "items": {"enum": ["art", "letters", "science"]}, "minItems": 1, "maxItems": 3}
  },
  "required": ["name", "born", "fields"],
  "additionalProperties": false
}"""
TEXT = (
    "Ada Lovelace was a mathematician, born in 1815 in London. "
    "Her program was written for a machine that was never built."
)


def read(text: str) -> dict[str, Any]:
    """The JSON as a dict, empty where the answer was cut off."""
    try:
        return json.loads(text)
    except ValueError:
        return {}


@lmc.function
def json_extraction(s, text: str = TEXT):
    s += lmc.system("Extract facts. Answer in JSON only.")
    s += lmc.user(f"Who is this about?\n{text}")
    s += lmc.assistant(lmc.gen("person", max_tokens=128, json_schema=PERSON, temperature=0))
    person = read(s["person"])
    if not person:
        return "the answer was cut off"
    return f"{person['name']}, born {person['born']}, known for {', '.join(person['fields'])}"


if __name__ == "__main__":
    print(json_extraction.run())
