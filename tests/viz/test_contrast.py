"""The colours of the pictures: text can be read on all that it stands on, and edges can be told, in both schemes."""

from __future__ import annotations

from itertools import product

import pytest

from lmc.viz.svg_frame import COLORS, DARK, LIGHT, STYLE

TEXT, EDGE = 4.5, 3.0  # what WCAG asks for at level AA
GROUNDS = ("paper", "own", "card", "box", *(f"b{number}" for number in range(COLORS)))


def channels(color: str) -> list[float]:
    """Red, green, blue and how much of it covers what is below."""
    values = [int(color[at : at + 2], 16) / 255 for at in range(1, len(color), 2)]
    return values if len(values) == 4 else [*values, 1.0]


def luminance(color: list[float]) -> float:
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in color[:3]]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def over(top: str, ground: str) -> list[float]:
    """A colour on another one."""
    *color, cover = channels(top)
    return [cover * a + (1 - cover) * b for a, b in zip(color, channels(ground))]


def contrast(a: list[float], b: list[float]) -> float:
    dark, light = sorted((luminance(a), luminance(b)))
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast(channels("#000000"), channels("#ffffff")) == pytest.approx(21)
    assert contrast(channels("#777777"), channels("#ffffff")) == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])
def test_text_can_be_read(colors: dict[str, str]) -> None:
    """Names and prompts on every band, what is faint too, on the marks of turns as well; chosen tabs the other way."""
    for name, ground in product(("ink", "faint"), GROUNDS):
        for below in (channels(colors[ground]), over(colors["turn"], colors[ground])):
            assert contrast(channels(colors[name]), below) >= TEXT, (name, ground)


@pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])
def test_edges_can_be_told(colors: dict[str, str]) -> None:
    """Of bands, boxes and cards, the mark of what is focused, and the hatch of a hole, on all that they stand on."""
    for name, ground in product(("line", "accent", "hatch"), GROUNDS):
        assert contrast(channels(colors[name]), channels(colors[ground])) >= EDGE, (name, ground)


def test_both_schemes_name_the_same_colours() -> None:
    """And the style sheet has all of them."""
    assert LIGHT.keys() == DARK.keys()
    assert all(f"--{name}:{color};" in STYLE for colors in (LIGHT, DARK) for name, color in colors.items())
