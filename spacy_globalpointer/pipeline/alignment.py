"""Moving spans to other tokens of the same text: from the reference to the prediction, and back.

Both ways follow spaCy's rule: a span fits if tokens of the other document begin and end where it
does, ignoring white space and capitals.
"""

from collections.abc import Iterable, Sequence

import numpy
from spacy.attrs import ORTH
from spacy.errors import Errors
from spacy.tokens import Doc, Span
from spacy.training import Example

from ..events import Event
from ..spans import LabelledEvent, LabelledSpan


def labelled_spans(spans: Iterable[Span]) -> list[LabelledSpan]:
    """Spans of a document by their tokens."""
    return [LabelledSpan(span.start, span.end, span.label_) for span in spans]


def labelled_events(events: Iterable[Event], spans: Iterable[LabelledSpan]) -> list[LabelledEvent]:
    """Events of a document between labelled spans, one for each that `spans_of` gives, in order."""
    rest = iter(spans)
    found = []
    for event in events:
        trigger = None if event.trigger is None else next(rest)
        arguments = frozenset((role, next(rest)) for role, _ in event.arguments)
        found.append(LabelledEvent(event.type, trigger, arguments))
    return found


def to_predicted(example: Example, spans: Sequence[LabelledSpan]) -> list[LabelledSpan]:
    """Find spans of the reference on the predicted tokens.

    RETURNS: one for each, in their order. A border inside a token becomes a fraction; a span of
        white space only may become empty.
    RAISES (ValueError): texts that differ in more than white space and capitals.
    """
    return _move(spans, example.reference, example.predicted)


def to_reference(example: Example, spans: Sequence[LabelledSpan]) -> list[LabelledSpan]:
    """Find predicted spans on the tokens of the reference: see `to_predicted`."""
    return _move(spans, example.predicted, example.reference)


def align_spans(example: Example, spans: Iterable[Span]) -> list[Span | None]:
    """Find spans of the reference on the predicted tokens, like Example.get_aligned_spans_y2x.

    RETURNS: one for each; None if it does not begin and end at boundaries of predicted tokens. A
        span without tokens stays as it is.
    """
    spans = list(spans)
    aligned: list[Span | None] = []
    for span, moved in zip(spans, to_predicted(example, labelled_spans(spans)), strict=True):
        if not len(span):
            aligned.append(span)
        elif moved.is_whole and moved.start < moved.end:
            aligned.append(Span(example.predicted, *moved))
        else:
            aligned.append(None)
    return aligned


def have_same_tokens(one: Doc, other: Doc) -> bool:
    """Whether two documents have the same tokens, so that spans need not be moved."""
    if len(one) != len(other):
        return False
    return bool((one.to_array(ORTH) == other.to_array(ORTH)).all())


def _move(spans: Sequence[LabelledSpan], source: Doc, target: Doc) -> list[LabelledSpan]:
    if have_same_tokens(source, target):
        return list(spans)
    (text, own), (other_text, others) = _characters(source), _characters(target)
    if text != other_text:
        words = [str([token.text for token in doc[:10]]) for doc in (source, target)]
        raise ValueError(Errors.E949.format(x=words[0], y=words[1]))
    return [_move_span(span, own, others) for span in spans]


def _characters(doc: Doc) -> tuple[str, numpy.ndarray]:
    """The text without white space and capitals, and how many characters precede each border."""
    words = ["".join(token.text.casefold().split()) for token in doc]
    return "".join(words), numpy.cumsum([0, *map(len, words)])


def _move_span(span: LabelledSpan, own: numpy.ndarray, others: numpy.ndarray) -> LabelledSpan:
    """Find a span among other borders.

    own, others (l + 1): characters before each border.
    """
    start, end, label = span
    if start == end:
        return span
    # Whitespace tokens have no characters here. A span that begins or ends with one also takes
    # those of the other document; any other span begins after them, and ends before them.
    first = _border(others, own[start], "left" if own[start] == own[start + 1] else "right")
    last = _border(others, own[end], "right" if own[end - 1] == own[end] else "left")
    # A fraction never equals a border of a gold span, but still shows what the span overlaps.
    return LabelledSpan(first, max(first, last), label)  # type: ignore[arg-type]


def _border(others: numpy.ndarray, place: int, side: str) -> float:
    """The border at a place in the text.

    others (l + 1): characters before each border.
    side: which of several borders with white space between them, "left" or "right".
    """
    left = int(numpy.searchsorted(others, place, "left"))
    if others[left] == place:
        return left if side == "left" else int(numpy.searchsorted(others, place, "right")) - 1
    before, behind = int(others[left - 1]), int(others[left])
    return left - 1 + (int(place) - before) / (behind - before)
