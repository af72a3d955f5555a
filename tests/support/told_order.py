"""The order in which a schema's texts have the members of objects."""

from __future__ import annotations


def ordered(value, shape):
    """The value with its properties as the texts of a shape have them: those that are told first."""
    if isinstance(value, list):
        places = [shape.items[at] if at < len(shape.items) else shape.rest for at in range(len(value))] if shape else []
        return [ordered(item, place) for item, place in zip(value, places or [None] * len(value))]
    if isinstance(value, dict):
        told = list(shape.names) if shape else []
        names = [name for name in told if name in value] + [name for name in value if name not in told]
        return {name: ordered(value[name], shape.names.get(name, shape.others) if shape else None) for name in names}
    return value
