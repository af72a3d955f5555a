"""A schema and the documents that it refers to become one document, as draft 2020-12 bundles them.

    {"$ref": "names.json#/$defs/n"}, {"names.json": N}   ->   {"$ref": "names.json#/$defs/n",
                                                               "$defs": {"names.json": {"$id": "names.json", ...N}}}

Each document that is reached stands in `$defs` under its URI, with that as its `$id`. Where a reference knows it by the
key that it was given under, and its own `$id` is another, the reference is written with that; nothing else is changed.
So the whole is one schema, to print and to read again, and nothing is ever fetched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NoReturn  # a schema is any JSON value

from lmc.errors import ConstraintError, did_you_mean
from lmc.ir.json_schema.references import absolute, own_base
from lmc.source import Span

_REFERENCES = ("$ref", "$dynamicRef")
_DATA = ("const", "enum", "examples", "default")  # whatever is in them refers to nothing


def bundled(root: Any, documents: Mapping[str, Any], span: Span | None = None) -> Any:
    """The schema with the documents that it needs, each known by its key and by the `$id` in it.

    Raises ConstraintError where a reference leads out of all of them.
    """
    if not isinstance(root, dict):
        return root
    known, keys = _by_uri(documents, own_base(root, ""), span)
    found: dict[str, Any] = {}
    todo = [(root, "")]
    present = {"", own_base(root, ""), *_own_uris(root, "")}
    while todo:
        document, base = todo.pop()
        for uri, place, reference in _references(document, base, "#"):
            uri = uri if uri in present or uri in known else keys.get(uri, uri)
            if uri in present:
                continue
            if uri not in known:
                _refuse(reference, place, base, documents, span)
            present |= {uri, *_own_uris(known[uri], uri)}
            found[uri] = known[uri]
            todo.append((known[uri], uri))
    if not found:
        return root
    keys = {key: own for key, own in keys.items() if key not in present}
    embedded = {_free_name(uri, root): _embedded(uri, _renamed(each, uri, keys)) for uri, each in found.items()}
    whole = _renamed(root, "", keys)
    return {**whole, "$defs": {**whole.get("$defs", {}), **embedded}}


def _by_uri(documents: Mapping[str, Any], base: str, span: Span | None) -> tuple[dict[str, Any], dict[str, str]]:
    """The documents by what they call themselves, and what those are called that were given under another name."""
    found: dict[str, Any] = {}
    keys: dict[str, str] = {}
    for key, document in documents.items():
        uri = absolute(key, base).partition("#")[0]
        own = own_base(document, uri)
        if own in found and found[own] != document:
            message = f"two documents are {own!r}: what refers to it could mean either"
            raise ConstraintError(message, span=span, help="give each an `$id` of its own, or none")
        found[own] = document
        if own != uri:
            keys[uri] = own
    return found, keys


def _renamed(value: Any, base: str, keys: Mapping[str, str]) -> Any:
    """A document whose references call others what those call themselves."""
    if not keys:
        return value
    if isinstance(value, list):
        return [_renamed(each, base, keys) for each in value]
    if not isinstance(value, dict):
        return value
    base = own_base(value, base)
    found = {key: each if key in _DATA else _renamed(each, base, keys) for key, each in value.items()}
    for keyword in _REFERENCES:
        if isinstance(reference := value.get(keyword), str):
            uri, mark, fragment = absolute(reference, base).partition("#")
            if uri in keys:
                found[keyword] = keys[uri] + mark + fragment
    return found


def _embedded(uri: str, document: Any) -> Any:
    if not isinstance(document, dict):
        return {"$id": uri, "allOf": [document]}
    rest = {key: value for key, value in document.items() if key != "$id"}
    return {"$id": uri, **rest}


def _free_name(uri: str, root: dict[str, Any]) -> str:
    name = uri
    while name in root.get("$defs", {}):
        name += "_"
    return name


def _references(value: Any, base: str, place: str) -> Iterator[tuple[str, str, str]]:
    """The URI of the document, the place and the text of each reference in a document."""
    if isinstance(value, dict):
        base = own_base(value, base)
        for keyword in _REFERENCES:
            if isinstance(reference := value.get(keyword), str):
                yield absolute(reference, base).partition("#")[0], place, reference
        for key, each in value.items():
            if key not in _DATA:
                yield from _references(each, base, f"{place}/{key}")
    elif isinstance(value, list):
        for at, each in enumerate(value):
            yield from _references(each, base, f"{place}/{at}")


def _own_uris(value: Any, base: str) -> Iterator[str]:
    """The `$id`s in a document."""
    if isinstance(value, dict):
        if isinstance(value.get("$id"), str):
            base = own_base(value, base)
            yield base
        for each in value.values():
            yield from _own_uris(each, base)
    elif isinstance(value, list):
        for each in value:
            yield from _own_uris(each, base)


def _refuse(reference: str, place: str, base: str, documents: Mapping[str, Any], span: Span | None) -> NoReturn:
    within = f" of {base!r}" if base else ""
    near = did_you_mean(reference.partition("#")[0], documents, repr)
    given = f"`documents` has {', '.join(map(repr, documents))}" if documents else "`documents` has none"
    raise ConstraintError(
        f"the JSON schema refers to {reference!r} at `{place}`{within}, which none of its documents is",
        span=span, help=f"{near} {given}" if near else given,
    )  # fmt: skip
