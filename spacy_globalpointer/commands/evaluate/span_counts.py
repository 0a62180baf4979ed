"""How predicted spans are counted by label, length and nesting."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from ...spans import Counts, LabelledSpan, nested_spans

# Lengths from which on spans are counted together.
LENGTHS = (1, 2, 3, 4, 6, 10)
LENGTH_NAMES = (
    *(str(a) if b == a + 1 else f"{a} to {b - 1}" for a, b in pairwise(LENGTHS)),
    f"{LENGTHS[-1]}+",
)


class PartCounts(NamedTuple):
    """Counts of the spans of some documents, by part.

    label: by label. length (tokens): by the LENGTHS that the span reaches, 0 for spans without a
    token. nested: whether the span contains or lies in another span, of gold if it is gold itself
    and of what was found if it is not.
    """

    label: dict[str, Counts]
    length: dict[int, Counts]
    nested: dict[bool, Counts]


def count_parts(pairs: Iterable[tuple[set[LabelledSpan], set[LabelledSpan]]]) -> PartCounts:
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
            labels[cell.label][kind] += 1
            lengths[length_class(cell)][kind] += 1
            nested[cell in (in_gold if cell in gold else in_found)][kind] += 1
    return PartCounts(
        {label: Counts(**n) for label, n in sorted(labels.items())},
        {length: Counts(**n) for length, n in sorted(lengths.items())},
        {is_nested: Counts(**n) for is_nested, n in nested.items()},
    )


def length_class(cell: LabelledSpan) -> int:
    """The greatest of LENGTHS (tokens) that a span reaches; 0 if it has no token."""
    start, end = cell.touched
    return max((n for n in LENGTHS if n <= end - start), default=0)
