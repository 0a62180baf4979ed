"""Documents as `spacy global-pointer render` draws them: in parts, with spans that can be read."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy
from spacy.pipeline import Sentencizer
from spacy.tokens import Doc, Span, SpanGroup

PREDICTED, GOLD = "predicted", "gold"
# What spans are counted as besides: both of them, and in no drawing.
RIGHT, UNDRAWN = "right", "not drawn"
# Longer documents are cut (tokens).
LONGEST_PART = 400
# More lines under one token cannot be read.
MOST_LINES = 10


class Extent(NamedTuple):
    """Where a span is in its document (characters), and its label."""

    start: int
    end: int
    label: str


class Shown(NamedTuple):
    """A document to show.

    number: of the document, from 1.
    parts: its tokens, cut where it is long, with spans in groups PREDICTED and GOLD where it has
        them. Attrs have a row for each span: "place" (characters of the document), "right",
        "drawn", and "scores" or "fits" (whether it begins and ends where tokens do).
    counts: its spans of each kind and label, those too that are in no part.
    lost (spans): that are in no part.
    """

    number: int
    parts: list[Doc]
    counts: Counter[tuple[str, str]]
    lost: int = 0

    def total(self, kind: str) -> int:
        """Spans of a kind, of whatever label."""
        return sum(n for (other, _), n in self.counts.items() if other == kind)

    @property
    def is_compared(self) -> bool:
        """Whether there is a prediction and gold to compare it with."""
        return {PREDICTED, GOLD} <= set(self.parts[0].spans)

    @property
    def has_errors(self) -> bool:
        """Whether there is a wrong span or a missed one."""
        both = self.total(PREDICTED) + self.total(GOLD)
        return self.is_compared and both > 2 * self.total(RIGHT)


def prepare(
    number: int,
    doc: Doc,
    predicted: SpanGroup | None,
    gold: SpanGroup | None,
    left_out: Mapping[str, int] | None = None,
) -> Shown:
    """Put spans on one set of tokens, and cut a long document where no span is torn.

    A pipeline that has hardly been trained may find many long spans everywhere: the best of those
    that can be drawn are. All are counted.

    number: of the document, from 1.
    doc: gives the tokens.
    predicted: spans of doc, with attrs["scores"]; None if nothing was predicted.
    gold: of any document with the same text; None if not annotated.
    left_out (spans): gold ones of each label that are not in the group.
    """
    parts = _cut(place_spans(doc, predicted, gold))
    for group in (group for part in parts for group in part.spans.values()):
        group.attrs["drawn"] = _choose_legible(group)
    given = {PREDICTED: _given(predicted), GOLD: _given(gold), RIGHT: _given(predicted)}
    given[RIGHT] &= given[GOLD]
    counts = Counter((kind, extent.label) for kind in given for extent in given[kind])
    lost = 0
    for kind in (PREDICTED, GOLD):
        groups = [part.spans[kind] for part in parts if kind in part.spans]
        drawn = set().union(*map(drawn_extents, groups))
        counts.update((UNDRAWN, extent.label) for extent in given[kind] - drawn)
        lost += len(given[kind].difference(*map(extents, groups)))
    for label, n in (left_out or {}).items():
        counts.update({(GOLD, label): n, (UNDRAWN, label): n})
        lost += n
    return Shown(number, parts, counts, lost)


def place_spans(doc: Doc, predicted: SpanGroup | None, gold: SpanGroup | None) -> Doc:
    """A copy of a document with spans in groups PREDICTED and GOLD.

    doc, predicted, gold: as in prepare.
    """
    # Not doc itself: it may hold what a transformer made of it.
    words, spaces = [token.text for token in doc], [bool(token.whitespace_) for token in doc]
    starts: list[Any] = [token.is_sent_start for token in doc]
    copy = Doc(doc.vocab, words=words, spaces=spaces, sent_starts=starts)
    right = _given(predicted) & _given(gold)
    if predicted is not None:
        spans = [Span(copy, span.start, span.end, label=span.label) for span in predicted]
        attrs = {"scores": numpy.array(predicted.attrs["scores"]), **_judge(predicted, right)}
        copy.spans[PREDICTED] = SpanGroup(copy, name=PREDICTED, attrs=attrs, spans=spans)
    if gold is not None:
        copy.spans[GOLD] = _place_gold(copy, gold, right)
    return copy


def extents(group: SpanGroup) -> list[Extent]:
    """Where the spans of a part of a document are in the document, and their labels.

    group: of a part.
    """
    places = group.attrs["place"].tolist()
    rows = zip(group, places, strict=True)
    return [Extent(start, end, span.label_) for span, (start, end) in rows]


def drawn_extents(group: SpanGroup) -> set[Extent]:
    """Of the extents of a group, those that are drawn."""
    drawn = group.attrs["drawn"].tolist()
    return {extent for extent, is_drawn in zip(extents(group), drawn, strict=True) if is_drawn}


def _extent(span: Span) -> Extent:
    return Extent(span.start_char, span.end_char, span.label_)


def _given(group: SpanGroup | None) -> set[Extent]:
    return set(map(_extent, group or ()))


def _judge(spans: Iterable[Span], right: set[Extent]) -> dict[str, numpy.ndarray]:
    """Attrs of all groups: where spans are, and whether they are right."""
    found = list(map(_extent, spans))
    place = numpy.array([extent[:2] for extent in found], dtype=int).reshape(-1, 2)
    return {"place": place, "right": numpy.array([extent in right for extent in found], dtype=bool)}


def _place_gold(doc: Doc, gold: SpanGroup, right: set[Extent]) -> SpanGroup:
    """Gold spans on the tokens of doc; those that do not fit them are widened, and marked."""
    given, spans, fits = [], [], []
    for span in (span for span in gold if len(span)):
        place = span.start_char, span.end_char
        fitting = doc.char_span(*place, label=span.label_)
        widened = fitting or doc.char_span(*place, label=span.label_, alignment_mode="expand")
        if widened is not None:
            given.append(span)
            spans.append(widened)
            fits.append(fitting is not None)
    attrs = {"fits": numpy.array(fits, dtype=bool), **_judge(given, right)}
    return SpanGroup(doc, name=GOLD, attrs=attrs, spans=spans)


def _choose_legible(group: SpanGroup) -> numpy.ndarray:
    """Which are the best spans, of gold ones the shortest, of which no token has too many."""
    places = [slice(span.start, span.end) for span in group]
    best = group.attrs.get("scores", numpy.array([place.start - place.stop for place in places]))
    lines = numpy.zeros(len(group.doc), dtype=int)
    chosen = numpy.zeros(len(places), dtype=bool)
    for i in (-best).argsort(kind="stable").tolist():
        if lines[places[i]].max() < MOST_LINES:
            lines[places[i]] += 1
            chosen[i] = True
    return chosen


def _keep(group: SpanGroup, places: list[int]) -> None:
    """Leave out all spans of a document's group but those at some places."""
    doc, spans = group.doc, list(group)
    attrs = {name: values[places] for name, values in group.attrs.items()}
    doc.spans[group.name] = SpanGroup(
        doc, name=group.name, attrs=attrs, spans=[spans[i] for i in places]
    )


def _cut(doc: Doc) -> list[Doc]:
    """Parts of a document; spans that chain so that there is no border are left out."""
    if len(doc) <= LONGEST_PART:
        return [doc]
    # Imports torch.
    from ...training.reader import cut_doc

    if not doc.has_annotation("SENT_START"):
        Sentencizer()(doc)
    parts = cut_doc(doc, LONGEST_PART)
    if max(map(len, parts)) <= 2 * LONGEST_PART:
        return parts
    for group in doc.spans.values():
        ends = [(span.start // LONGEST_PART, (span.end - 1) // LONGEST_PART) for span in group]
        _keep(group, [i for i, (first, last) in enumerate(ends) if first == last])
    return cut_doc(doc, LONGEST_PART)


def describe_undrawn(shown: Sequence[Shown]) -> list[str]:
    """Say how many spans are not drawn, if there are any.

    shown: from prepare.
    """
    n = sum(document.total(UNDRAWN) for document in shown)
    rule = f"a token has no more than {MOST_LINES} lines, those of the best spans; where spans "
    rule += f"leave no border, none goes beyond a part of {LONGEST_PART} tokens; "
    rule += "and a span that does not begin and end where tokens of its text do may have none"
    return [f"{n:,} spans are counted, but not drawn: {rule}"] if n else []
