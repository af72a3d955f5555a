"""Where `$ref` leads, within one document: pointers, anchors and embedded `$id`s."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import unquote, urljoin

from lmc.ir.json_schema.keywords import Json, children


class Target(NamedTuple):
    """A schema, the URI that references within it are relative to, and its place in the document."""

    schema: Json
    base: str
    place: str


class References:
    """Every schema of a document that can be named."""

    def __init__(self, root: Json) -> None:
        self._resources: dict[str, Target] = {}
        self._anchors: dict[str, Target] = {}
        self._dynamic: dict[str, int] = {}
        self.root = Target(root, _own_base(root, ""), "#")
        self._resources[""] = self.root
        self._index(root, "", "#")

    def _index(self, schema: Json, base: str, place: str) -> None:
        if not isinstance(schema, dict):
            return
        base = _own_base(schema, base)
        target = Target(schema, base, place)
        if "$id" in schema or place == "#":
            self._resources[base] = target
        for keyword in ("$anchor", "$dynamicAnchor"):
            if isinstance(name := schema.get(keyword), str):
                self._anchors[f"{base}#{name}"] = target
                self._dynamic[name] = self._dynamic.get(name, 0) + 1
        for step, inner in children(schema):
            self._index(inner, base, place + step)

    def resolve(self, reference: str, base: str) -> Target | None:
        """What a reference in a schema of this base means; None where this document does not say."""
        uri = base.partition("#")[0] + reference if reference.startswith("#") else urljoin(base, reference)
        resource, _, fragment = uri.partition("#")
        fragment = unquote(fragment)
        if fragment and not fragment.startswith("/"):
            return self._anchors.get(f"{resource}#{fragment}")
        found = self._resources.get(resource)
        return found if found is None or not fragment else _pointed(found, fragment)

    def is_static(self, reference: str) -> bool:
        """Whether a `$dynamicRef` can mean but one schema, whatever has led to it."""
        name = reference.rpartition("#")[2]
        return not name or name.startswith("/") or self._dynamic.get(name, 0) < 2


def _own_base(schema: Json, base: str) -> str:
    own = schema.get("$id") if isinstance(schema, dict) else None
    return urljoin(base, own).partition("#")[0] if isinstance(own, str) else base


def _pointed(resource: Target, pointer: str) -> Target | None:
    at, base, place = resource
    for step in pointer.split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(at, list) and key.isdigit() and int(key) < len(at):
            at = at[int(key)]
        elif isinstance(at, dict) and key in at:
            at = at[key]
        else:
            return None
        base = _own_base(at, base)
        place = f"{place}/{step}"
    return Target(at, base, place) if isinstance(at, (dict, bool)) else None
