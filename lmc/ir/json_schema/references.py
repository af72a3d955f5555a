"""Where references lead, within one document: pointers, anchors and documents within it that have an `$id`."""

from __future__ import annotations

from difflib import get_close_matches
from typing import NamedTuple
from urllib.parse import unquote, urljoin, urlsplit

from lmc.ir.json_schema.keywords import Json, children, escaped, pointed_index, pointed_keys

MAX_NEAR = 3


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
        self._dynamic: dict[str, list[str]] = {}  # a name, and the documents in which it is a dynamic anchor
        self._definitions: list[str] = []
        self._seen: set[int] = set()
        self.root = Target(root, own_base(root, ""), "#")
        self._resources[""] = self.root
        self._index(root, "", "#")
        for target in pointed(root):
            # where only a pointer leads to there may be anchors as well
            self._index(target.schema, target.base, target.place)

    def _index(self, schema: Json, base: str, place: str) -> None:
        if not isinstance(schema, dict) or id(schema) in self._seen:
            return
        self._seen.add(id(schema))
        base = own_base(schema, base)
        target = Target(schema, base, place)
        if "$id" in schema or place == "#":
            self._resources.setdefault(base, target)
        for keyword in ("$anchor", "$dynamicAnchor"):
            if isinstance(name := schema.get(keyword), str):
                self._anchors.setdefault(f"{base}#{name}", target)
        if isinstance(name := schema.get("$dynamicAnchor"), str):
            self._dynamic.setdefault(name, []).append(base)
        for step, inner in children(schema):
            self._definitions += [place + step] if step.startswith(("/$defs/", "/definitions/")) else []
            self._index(inner, base, place + step)

    def resolve(self, reference: str, base: str) -> Target | None:
        """What a reference in a schema of this base means; None where this document does not say."""
        resource, _, fragment = absolute(reference, base).partition("#")
        if fragment and not fragment.startswith("/"):
            return self._anchors.get(f"{resource}#{unquote(fragment)}")
        found = self._resources.get(resource)
        if found is None or not fragment:
            return found
        return _pointed(found, pointed_keys(fragment))

    def dynamic(self, reference: str, base: str) -> Target | None:
        """What a `$dynamicRef` means, whatever has led to it; None where it means nothing, or more than one schema."""
        target = self.resolve(reference, base)
        name = reference.rpartition("#")[2]
        if target is None or not isinstance(target.schema, dict) or target.schema.get("$dynamicAnchor") != name:
            return target  # not marked: an ordinary reference
        marked = dict.fromkeys(self._dynamic.get(name, ()))
        if len(marked) < 2:
            return target
        # of all documents that a value is read by, the outermost that has the mark: the root is around everything
        return self._anchors.get(f"{self.root.base}#{name}") if self.root.base in marked else None

    def near(self, reference: str, base: str) -> list[str]:
        """References that may have been meant."""
        known = [*self._definitions, *(name for name in self._resources if name)]
        own = absolute(reference, base).partition("#")[0]
        for anchor in self._anchors:
            resource, _, name = anchor.partition("#")
            known.append(f"#{name}" if resource == own else anchor)
        return get_close_matches(reference, dict.fromkeys(known), n=MAX_NEAR)


def absolute(reference: str, base: str) -> str:
    """A reference as a URI, as far as its base is one."""
    if reference.startswith("#"):
        return base.partition("#")[0] + reference
    found = urljoin(base, reference)
    return found.removeprefix("./") if not urlsplit(found).scheme else found


def own_base(schema: Json, base: str) -> str:
    """The URI that references in a schema are relative to, which stands in one with a base."""
    own = schema.get("$id") if isinstance(schema, dict) else None
    return absolute(own, base).partition("#")[0] if isinstance(own, str) else base


def _pointed(resource: Target, keys: list[str]) -> Target | None:
    at, base, place = resource
    for key, following in zip(keys, [*keys[1:], ""]):
        if isinstance(at, dict):
            key = _key_today(key, following, at)
            at = at.get(key)
        elif isinstance(at, list) and (index := pointed_index(key, at)) is not None:
            at = at[index]
        else:
            return None
        base = own_base(at, base)
        place = f"{place}/{escaped(key)}"
    return Target(at, base, place) if isinstance(at, (dict, bool)) else None


def _key_today(key: str, following: str, schema: dict[str, Json]) -> str:
    """What a keyword of older drafts has become, in a schema that is written in the newest."""
    if key == "items" and following.isdigit() and "prefixItems" in schema:
        return "prefixItems"
    return key if key in schema else _RENAMED.get(key, key)


_RENAMED = {"additionalItems": "items", "dependencies": "dependentSchemas"}


def pointed(root: Json) -> list[Target]:
    """The schemas that pointers in a document lead to."""
    whole = Target(root, own_base(root, ""), "#")
    return [target for keys in pointed_places(root) if (target := _pointed(whole, keys)) is not None]


def pointed_places(root: Json) -> list[list[str]]:
    """Where the pointers in a document lead, as paths from its root: there are schemas, whatever stands around them."""
    resources: dict[str, tuple[str, ...]] = {"": ()}
    references: dict[str, None] = {}
    todo: list[tuple[Json, str, tuple[str, ...]]] = [(root, "", ())]
    while todo:
        value, base, path = todo.pop()
        if isinstance(value, list):
            todo += [(each, base, (*path, str(at))) for at, each in enumerate(value)]
        elif isinstance(value, dict):
            base = own_base(value, base)
            if isinstance(value.get("$id"), str):
                resources.setdefault(base, path)
            if isinstance(reference := value.get("$ref"), str) and "#/" in reference:
                references[absolute(reference, base)] = None
            todo += [(each, base, (*path, key)) for key, each in value.items()]
    found = []
    for uri in references:
        resource, _, fragment = uri.partition("#")
        if resource in resources:
            found.append([*resources[resource], *pointed_keys(fragment)])
    return found
