"""Colours of labels that can be read on light and on dark pages."""

import colorsys
from typing import List, NamedTuple, Tuple

# Pages are drawn on these; style sheets must have the same.
LIGHT, DARK = "#ffffff", "#14161b"
# Least contrast of a label with its page: WCAG 2 asks 4.5 of small text.
CONTRAST = 5.0
# Neighbours are far apart on the colour wheel, however many labels there are.
GOLDEN_ANGLE = 0.381966


class Colour(NamedTuple):
    """A colour (#rrggbb) for light and one for dark pages."""

    light: str
    dark: str


def label_colours(n_labels: int) -> List[Colour]:
    """Colours for labels; the first ones differ most."""
    hues = [(0.6 + i * GOLDEN_ANGLE) % 1 for i in range(n_labels)]
    return [Colour(_readable(hue, LIGHT), _readable(hue, DARK)) for hue in hues]


def contrast(one: str, other: str) -> float:
    """Contrast of two colours (#rrggbb), from 1 to 21.

    Source: WCAG 2.2, "contrast ratio".
    """
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _readable(hue: float, page: str) -> str:
    """The liveliest colour of a hue with enough contrast."""
    steps = range(50, 0, -1) if page == LIGHT else range(50, 100)
    colours = (_to_hex(colorsys.hls_to_rgb(hue, step / 100, 0.75)) for step in steps)
    return next(colour for colour in colours if contrast(colour, page) >= CONTRAST)


def _to_hex(rgb: Tuple[float, ...]) -> str:
    return "#" + "".join(f"{round(255 * part):02x}" for part in rgb)


def _luminance(colour: str) -> float:
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
