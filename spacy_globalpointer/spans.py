"""The vocabulary: what a span is, how spans are counted, how they nest, what is wrong with one."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence, Set
from itertools import pairwise
from math import ceil, floor
from typing import Any, NamedTuple

import numpy

# Start, end (exclusive), in any unit.
Extent = tuple[int, int]

# What is wrong with a found span, and the kinds of missed gold spans.
TYPE, BORDER, SPURIOUS = "type", "border", "spurious"
MISSED, MISSED_NESTED = "missed", "missed nested"


def _name_ranges(starts: Sequence[int]) -> tuple[str, ...]:
    """Names of the numbers from each start up to the next."""
    names = (str(a) if b == a + 1 else f"{a} to {b - 1}" for a, b in pairwise(starts))
    return *names, f"{starts[-1]}+"


# Spans from each of these lengths (tokens) up to the next are counted together.
LENGTHS = (1, 2, 3, 4, 6, 10)
LENGTH_NAMES = _name_ranges(LENGTHS)
# The same of relations, by the tokens between their spans.
DISTANCES = (0, 1, 2, 4, 8, 16, 32)
DISTANCE_NAMES = _name_ranges(DISTANCES)


class LabelledSpan(NamedTuple):
    """A labelled part of a text.

    start, end (tokens or characters, end exclusive): whole numbers. Only a span that was moved to
        the tokens of another document can have a fraction, for a border inside a token.
    """

    start: int
    end: int
    label: str

    @property
    def extent(self) -> Extent:
        """Start and end."""
        return self.start, self.end

    @property
    def is_whole(self) -> bool:
        """Whether it begins and ends where tokens do."""
        return self.start % 1 == self.end % 1 == 0

    @property
    def touched(self) -> Extent:
        """Start and end (exclusive) of all tokens that it touches."""
        return floor(self.start), ceil(self.end)

    @property
    def rank(self) -> tuple[float, float, str]:
        """What sorts spans in the order of the text: start, longest first, then label."""
        return self.start, -self.end, self.label


class LabelledRelation(NamedTuple):
    """A labelled, directed relation between two labelled spans of a text.

    head, child: may overlap, or be the same span.
    """

    head: LabelledSpan
    child: LabelledSpan
    label: str

    @property
    def touched(self) -> Extent:
        """Start and end (exclusive) of all tokens from its first span to its last."""
        starts, ends = zip(self.head.touched, self.child.touched, strict=True)
        return min(starts), max(ends)


def turn_forward(relation: LabelledRelation) -> LabelledRelation:
    """A relation without direction, as it is learned and found: from the first span."""
    head, child, label = relation
    return relation if head.rank <= child.rank else LabelledRelation(child, head, label)


class LabelledEvent(NamedTuple):
    """An event between labelled spans of a text.

    trigger: None if the event has none.
    arguments: role and span of each.
    """

    type: str
    trigger: LabelledSpan | None
    arguments: frozenset[tuple[str, LabelledSpan]]

    @property
    def label(self) -> str:
        """Its type, as spans and relations call it."""
        return self.type

    @property
    def ordered(self) -> list[tuple[str, LabelledSpan]]:
        """The arguments in the order of the text."""
        return sorted(self.arguments, key=lambda x: (x[1].rank, x[0]))

    @property
    def spans(self) -> list[LabelledSpan]:
        """The trigger, if there is one, and the arguments in order."""
        first = [] if self.trigger is None else [self.trigger]
        return [*first, *(span for _, span in self.ordered)]

    @property
    def rank(self) -> tuple[Any, ...]:
        """What sorts events in the order of the text: their first span, then type and arguments."""
        arguments = [(span.rank, role) for role, span in self.ordered]
        return self.spans[0].rank, self.type, self.trigger is None, arguments

    @property
    def touched(self) -> Extent:
        """Start and end (exclusive) of all tokens from its first span to its last."""
        starts, ends = zip(*(span.touched for span in self.spans), strict=True)
        return min(starts), max(ends)

    def between(self, spans: Iterator[LabelledSpan]) -> "LabelledEvent":
        """The same event between other spans, taken in the order of `spans`."""
        trigger = None if self.trigger is None else next(spans)
        return LabelledEvent(
            self.type, trigger, frozenset((role, next(spans)) for role, _ in self.ordered)
        )


class Counts(NamedTuple):
    """Spans that are right, wrong, or missed: numbers, or arrays of them with one shape.

    A span is right if its borders and its label are those of a gold span.
    """

    right: Any = 0
    wrong: Any = 0
    missed: Any = 0

    @classmethod
    def compare(cls, gold: Set[Any], found: Set[Any]) -> "Counts":
        """Count the spans (or extents) of one document."""
        right = len(gold & found)
        return cls(right, len(found) - right, len(gold) - right)

    @classmethod
    def total(cls, counts: Iterable["Counts"]) -> "Counts":
        """All counts together."""
        columns = list(zip(*counts, strict=True))
        return cls(*map(sum, columns)) if columns else cls()

    @property
    def p(self) -> Any:
        """Precision, 0 where nothing was found."""
        return self.right / numpy.maximum(1, self.right + self.wrong)

    @property
    def r(self) -> Any:
        """Recall, 0 where there is no gold."""
        return self.right / numpy.maximum(1, self.right + self.missed)

    @property
    def f(self) -> Any:
        """F1, 0 where there is neither."""
        return 2 * self.right / numpy.maximum(1, 2 * self.right + self.wrong + self.missed)

    def scores(self) -> dict[str, Any]:
        """Precision, recall, F1 and the counts, as in JSON reports."""
        shares = {"p": float(self.p), "r": float(self.r), "f": float(self.f)}
        return {**shares, **{name: int(n) for name, n in self._asdict().items()}}


class PartCounts(NamedTuple):
    """Counts of the spans of some documents, by part; a part without spans may be missing.

    label: by label.
    length: by the greatest of LENGTHS that a span reaches; 0 for spans without a token.
    nested: whether a span contains or lies in another one; a gold span is compared with gold spans,
        a wrong one with the spans that were found.
    """

    label: dict[str, Counts]
    length: dict[int, Counts]
    nested: dict[bool, Counts]


def count_parts(pairs: Iterable[tuple[Set[LabelledSpan], Set[LabelledSpan]]]) -> PartCounts:
    """Count spans by label, length and nesting.

    pairs: gold and found spans of each document, on its tokens.
    """
    labels: defaultdict[str, Counter[str]] = defaultdict(Counter)
    lengths: defaultdict[int, Counter[str]] = defaultdict(Counter)
    nested: dict[bool, Counter[str]] = {False: Counter(), True: Counter()}
    for gold, found in pairs:
        nested_gold, nested_found = nested_spans(gold), nested_spans(found)
        for span in gold | found:
            kind = "missed" if span not in found else "right" if span in gold else "wrong"
            start, end = span.touched
            labels[span.label][kind] += 1
            lengths[max((n for n in LENGTHS if n <= end - start), default=0)][kind] += 1
            nested[span in (nested_gold if span in gold else nested_found)][kind] += 1
    return PartCounts(
        {label: Counts(**kinds) for label, kinds in sorted(labels.items())},
        {length: Counts(**kinds) for length, kinds in sorted(lengths.items())},
        {is_nested: Counts(**kinds) for is_nested, kinds in nested.items()},
    )


def name_errors(
    gold: Set[LabelledSpan], found: Set[LabelledSpan]
) -> Iterator[tuple[LabelledSpan, str]]:
    """Say what is wrong with the found spans, and which gold spans were missed.

    YIELDS: spans with TYPE (found with the right borders and a wrong label), BORDER (overlaps a
        missed gold span with the same label), SPURIOUS (all other wrong spans), MISSED_NESTED and
        MISSED (gold spans that were not found).
    """
    missed, nested = gold - found, nested_spans(gold)
    extents = {span.extent for span in missed}
    for span in sorted(found - gold):
        overlapped = (o for o in missed if o.start < span.end and span.start < o.end)
        if span.extent in extents:
            yield span, TYPE
        elif any(other.label == span.label for other in overlapped):
            yield span, BORDER
        else:
            yield span, SPURIOUS
    for span in sorted(missed):
        yield span, MISSED_NESTED if span in nested else MISSED


def nested_spans(spans: Set[LabelledSpan]) -> set[LabelledSpan]:
    """The spans that contain, or lie in, another one with other borders."""
    nested = nested_extents(span.extent for span in spans)
    return {span for span in spans if span.extent in nested}


def nested_extents(extents: Iterable[Extent]) -> set[Extent]:
    """The extents that contain, or lie in, another one."""
    nested: set[Extent] = set()
    opened: list[Extent] = []
    for extent in _outer_first(extents):
        opened = [other for other in opened if other[1] > extent[0]]
        # One that starts no later contains this one if it ends no earlier.
        around = [other for other in opened if other[1] >= extent[1]]
        if around:
            nested.update(around, [extent])
        opened.append(extent)
    return nested


def nesting_depths(extents: Iterable[Extent]) -> dict[Extent, int]:
    """Depth of each distinct extent: 1, or one more than the deepest extent that contains it."""
    depths: dict[Extent, int] = {}
    opened: list[Extent] = []
    for extent in _outer_first(extents):
        opened = [other for other in opened if other[1] > extent[0]]
        around = (depths[other] for other in opened if other[1] >= extent[1])
        depths[extent] = 1 + max(around, default=0)
        opened.append(extent)
    return depths


def crossing_extents(extents: Iterable[Extent]) -> set[Extent]:
    """The extents that overlap another one without either containing the other."""
    crossing: set[Extent] = set()
    opened: list[Extent] = []
    for start, end in _outer_first(extents):
        opened = [other for other in opened if other[1] > start]
        across = [other for other in opened if other[0] < start and other[1] < end]
        if across:
            crossing.update(across, [(start, end)])
        opened.append((start, end))
    return crossing


def _outer_first(extents: Iterable[Extent]) -> list[Extent]:
    """Distinct extents sorted by start, the longest first."""
    return sorted(set(extents), key=lambda extent: (extent[0], -extent[1]))
