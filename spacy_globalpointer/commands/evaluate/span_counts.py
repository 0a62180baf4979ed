"""How predicted spans are counted: exactly right or not, by part and by kind of error.

A span is right if its borders and its label are those of a gold span.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise
from math import ceil, floor
from typing import NamedTuple

from ...pipeline.borders import Cell
from ...pipeline.scorer import nested_cells

# Lengths from which on spans are counted together.
LENGTHS = (1, 2, 3, 4, 6, 10)
LENGTH_NAMES = (
    *(str(a) if b == a + 1 else f"{a} to {b - 1}" for a, b in pairwise(LENGTHS)),
    f"{LENGTHS[-1]}+",
)
# What is wrong with a span that was found, and which of the others were missed.
TYPE, BORDER, SPURIOUS = "type", "border", "spurious"
MISSED, MISSED_NESTED = "missed", "missed nested"


class Counts(NamedTuple):
    """Spans found, found wrongly, and missed."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    def scores(self) -> dict[str, float]:
        """Precision, recall and F1, 0.0 where there is nothing."""
        p = self.right / max(1, self.right + self.wrong)
        r = self.right / max(1, self.right + self.missed)
        f = 2 * self.right / max(1, 2 * self.right + self.wrong + self.missed)
        return {"p": p, "r": r, "f": f, **self._asdict()}


def add_up(counts: Iterable[Counts]) -> Counts:
    """The counts of all documents together."""
    columns = list(zip(*counts, strict=True))
    return Counts(*map(sum, columns)) if columns else Counts()


class PartCounts(NamedTuple):
    """Counts of the spans of some documents, by part.

    label: by label. length (tokens): by the LENGTHS that the span reaches, 0 for spans without a
    token. nested: whether the span contains or lies in another span, of gold if it is gold itself
    and of what was found if it is not.
    """

    label: dict[str, Counts]
    length: dict[int, Counts]
    nested: dict[bool, Counts]


def count_parts(pairs: Iterable[tuple[set[Cell], set[Cell]]]) -> PartCounts:
    """Count spans by label, length and nesting.

    pairs: gold and found spans of each document.
    """
    labels: defaultdict[str, Counter[str]] = defaultdict(Counter)
    lengths: defaultdict[int, Counter[str]] = defaultdict(Counter)
    nested: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    for gold, found in pairs:
        in_gold, in_found = nested_spans(gold), nested_spans(found)
        for cell in gold | found:
            kind = "missed" if cell not in found else "right" if cell in gold else "wrong"
            labels[cell[2]][kind] += 1
            lengths[length_class(cell)][kind] += 1
            nested[cell in (in_gold if cell in gold else in_found)][kind] += 1
    return PartCounts(
        {label: Counts(**n) for label, n in sorted(labels.items())},
        {length: Counts(**n) for length, n in sorted(lengths.items())},
        {is_nested: Counts(**n) for is_nested, n in nested.items()},
    )


def length_class(cell: Cell) -> int:
    """The greatest of LENGTHS (tokens) that a span reaches; 0 if it has no token."""
    start, end = touched(cell)
    return max((n for n in LENGTHS if n <= end - start), default=0)


def touched(cell: Cell) -> tuple[int, int]:
    """Start and end (exclusive) of all tokens that a span has a part of."""
    return floor(cell[0]), ceil(cell[1])


def name_errors(gold: set[Cell], found: set[Cell]) -> Iterator[tuple[Cell, str]]:
    """Say what is wrong with spans that were found, and which of the others were missed.

    YIELDS: spans with TYPE (found with right borders and a wrong label), BORDER (right label,
        overlaps a gold span of it that was missed), SPURIOUS (other wrong spans), MISSED_NESTED
        and MISSED (gold spans that were not found, of whatever kind).
    """
    missed, nested = gold - found, nested_spans(gold)
    borders = {cell[:2] for cell in missed}
    for cell in sorted(found - gold):
        start, end, label = cell
        if (start, end) in borders:
            yield cell, TYPE
        elif any(s < end and start < e and label == other for s, e, other in missed):
            yield cell, BORDER
        else:
            yield cell, SPURIOUS
    for cell in sorted(missed):
        yield cell, MISSED_NESTED if cell in nested else MISSED


def nested_spans(cells: set[Cell]) -> set[Cell]:
    """Of the spans, those that contain or lie in another one of other borders."""
    nested = nested_cells({cell[:2] for cell in cells})
    return {cell for cell in cells if cell[:2] in nested}
