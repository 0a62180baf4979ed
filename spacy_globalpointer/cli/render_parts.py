"""Documents as `spacy global-pointer render` draws them: in parts, with spans that can be read."""

from typing import Any, List, NamedTuple, Optional, Sequence

import numpy
from spacy.pipeline import Sentencizer
from spacy.tokens import Doc, Span, SpanGroup

PREDICTED, GOLD = "predicted", "gold"
# Longer documents are cut (tokens).
LONGEST_PART = 400
# More lines under one token cannot be read.
MOST_LINES = 10


class Shown(NamedTuple):
    """A document, or a part of a long one.

    number: of the document, from 1.
    name: its number, and which part it is.
    doc: its tokens, with the spans in groups PREDICTED and GOLD where it has them.
    left_out (spans): of the document that no part has; counted in its first part.
    """

    number: int
    name: str
    doc: Doc
    left_out: int = 0


def prepare(
    number: int, doc: Doc, predicted: Optional[SpanGroup], gold: Optional[SpanGroup]
) -> List[Shown]:
    """Put spans on one set of tokens, and cut a long document where no span is torn.

    A pipeline that has hardly been trained may find many long spans everywhere: the best of those
    that can be drawn are.

    number: of the document, from 1.
    doc: gives the tokens.
    predicted: spans of doc, with attrs["scores"]; None if nothing was predicted.
    gold: of any document with the same text; None if not annotated.
    RETURNS: the document, or its parts.
    """
    copy = place_spans(doc, predicted, gold)
    n_spans = _count(copy)
    parts = _cut(copy)
    for group in (group for part in parts for group in part.spans.values()):
        _keep(group, _choose_legible(group))
    left_out = n_spans - sum(map(_count, parts))
    if len(parts) == 1:
        return [Shown(number, str(number), parts[0], left_out)]
    return [
        Shown(number, f"{number}, part {i} of {len(parts)}", part, left_out if i == 1 else 0)
        for i, part in enumerate(parts, start=1)
    ]


def place_spans(doc: Doc, predicted: Optional[SpanGroup], gold: Optional[SpanGroup]) -> Doc:
    """A copy of a document with spans in groups PREDICTED and GOLD.

    doc, predicted, gold: as in prepare.
    """
    # Not doc itself: it may hold what a transformer made of it.
    words, spaces = [token.text for token in doc], [bool(token.whitespace_) for token in doc]
    starts: List[Any] = [token.is_sent_start for token in doc]
    copy = Doc(doc.vocab, words=words, spaces=spaces, sent_starts=starts)
    if predicted is not None:
        spans = [Span(copy, span.start, span.end, label=span.label) for span in predicted]
        attrs = {"scores": numpy.array(predicted.attrs["scores"])}
        copy.spans[PREDICTED] = SpanGroup(copy, name=PREDICTED, attrs=attrs, spans=spans)
    if gold is not None:
        copy.spans[GOLD] = _place_gold(copy, gold)
    return copy


def _place_gold(doc: Doc, gold: SpanGroup) -> SpanGroup:
    """Gold spans on the tokens of doc; those that do not fit them are widened, and marked."""
    spans, fits = [], []
    for span in (span for span in gold if len(span)):
        place = span.start_char, span.end_char
        fitting = doc.char_span(*place, label=span.label_)
        widened = fitting or doc.char_span(*place, label=span.label_, alignment_mode="expand")
        if widened is not None:
            spans.append(widened)
            fits.append(fitting is not None)
    attrs = {"fits": numpy.array(fits, dtype=bool)}
    return SpanGroup(doc, name=GOLD, attrs=attrs, spans=spans)


def _choose_legible(group: SpanGroup) -> List[int]:
    """Places of the best spans, of gold ones the shortest, of which no token has too many."""
    places = [slice(span.start, span.end) for span in group]
    best = group.attrs.get("scores", numpy.array([place.start - place.stop for place in places]))
    lines = numpy.zeros(len(group.doc), dtype=int)
    chosen = []
    for i in (-best).argsort(kind="stable").tolist():
        if lines[places[i]].max() < MOST_LINES:
            lines[places[i]] += 1
            chosen.append(i)
    return sorted(chosen)


def _keep(group: SpanGroup, places: List[int]) -> None:
    """Leave out all spans of a document's group but those at some places."""
    doc, spans = group.doc, list(group)
    attrs = {name: values[places] for name, values in group.attrs.items()}
    doc.spans[group.name] = SpanGroup(
        doc, name=group.name, attrs=attrs, spans=[spans[i] for i in places]
    )


def _cut(doc: Doc) -> List[Doc]:
    """Parts of a document; spans that chain so that there is no border are left out."""
    if len(doc) <= LONGEST_PART:
        return [doc]
    # Imports torch.
    from ..training.reader import cut_doc

    if not doc.has_annotation("SENT_START"):
        Sentencizer()(doc)
    parts = cut_doc(doc, LONGEST_PART)
    if max(map(len, parts)) <= 2 * LONGEST_PART:
        return parts
    for group in doc.spans.values():
        ends = [(span.start // LONGEST_PART, (span.end - 1) // LONGEST_PART) for span in group]
        _keep(group, [i for i, (first, last) in enumerate(ends) if first == last])
    return cut_doc(doc, LONGEST_PART)


def describe_left_out(shown: Sequence[Shown]) -> List[str]:
    """Say how many spans are not drawn, if there are any.

    shown: from prepare.
    """
    n = sum(part.left_out for part in shown)
    rule = f"no more than {MOST_LINES} lines under a token, the best first"
    rule += f"; where spans leave no border, none beyond a part of {LONGEST_PART} tokens"
    return [f"{n:,} spans are neither drawn nor counted: {rule}"] if n else []


def _count(doc: Doc) -> int:
    return sum(map(len, doc.spans.values()))
