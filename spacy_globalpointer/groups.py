"""Groups of doc.spans that hold relations or events: rows of attrs with places among their spans.

Such a group is named after what it holds ("relations" or "events"), and so are its attrs and the
functions that write it. Its attrs["scores"] has one probability a row, if they were predicted.
"""

import warnings
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy
from spacy.tokens import Doc, Span, SpanGroup

# Name in the attrs of a group.
SCORES = "scores"


class Group(NamedTuple):
    """What a group holds, still unchecked but for its spans and scores.

    rows: as its attrs have them.
    scores: a probability for each row; None for those that were not predicted.
    """

    spans: list[Span]
    rows: Sequence[Any]
    scores: Sequence[float | None]


def has_rows(doc: Doc, key: str, what: str) -> bool:
    """Whether a document is annotated with relations or events; there may be none of them.

    A group without its attrs warns: spaCy keeps groups in places where it drops attrs.

    key: of doc.spans.
    what: "relations" or "events".
    """
    if key not in doc.spans:
        return False
    if what in doc.spans[key].attrs:
        return True
    warnings.warn(
        f"doc.spans[{key!r}] is a group without attrs[{what!r}], so the {what} of its document "
        "count as not annotated. spaCy drops attrs in Doc.from_docs, to_json and from_json, "
        "Example.from_dict (which augmenters use), and where a list is assigned to doc.spans[...]. "
        f"To fix: call spacy_globalpointer.set_{what} after such a step, or leave the step out; "
        f"use another key if these spans never had {what}",
        stacklevel=3,
    )
    return False


def read_group(doc: Doc, key: str, what: str) -> Group:
    """Read a group that is annotated.

    RAISES (ValueError): attrs that are no list, scores that are not one probability for each row,
        tokens that have changed since.
    """
    attrs = doc.spans[key].attrs
    spans, rows, scores = _read_spans(doc, key, what), attrs[what], attrs.get(SCORES)
    if not isinstance(rows, (list, tuple)):
        raise refuse(doc, key, what, f"attrs[{what!r}] must be a list", repr(rows))
    if scores is None:
        return Group(spans, rows, [None] * len(rows))
    if numpy.shape(scores) != (len(rows),):
        shown = f"{scores!r} for {len(rows)} {what}"
        raise refuse(doc, key, what, f"there must be a score for each {what[:-1]}", shown)
    return Group(spans, rows, [check_score(doc, key, what, score) for score in scores])


def _read_spans(doc: Doc, key: str, what: str) -> list[Span]:
    """The spans of a group, if they are still where they were written."""
    try:
        spans = list(doc.spans[key])
        # The retokenizer moves doc.ents, but not these, which know their characters, too.
        borders = ((doc[s.start].idx, doc[s.end - 1].idx + len(doc[s.end - 1])) for s in spans)
        if all((s.start_char, s.end_char) == b for s, b in zip(spans, borders, strict=True)):
            return spans
    except IndexError:  # behind the last token
        pass
    raise ValueError(
        f"the tokens of a document must stay as they were when its {what} were written, but "
        f"there are others now in doc.spans[{key!r}] of {_name(doc)}. To fix: merge or split "
        "tokens before, by moving the component that does it (such as merge_entities), or write "
        f"the {what} again with spacy_globalpointer.set_{what}"
    )


class Places:
    """The spans of a group to write, each once, by start, longest first, then label."""

    def __init__(self, spans: Iterable[Span]) -> None:
        """Order them."""
        distinct = {_identify(span): span for span in spans}
        self.spans = [distinct[own] for own in sorted(distinct)]
        self._places = {own: place for place, own in enumerate(sorted(distinct))}

    def find(self, span: Span) -> int:
        """The place of a span."""
        return self._places[_identify(span)]


def write_group(
    doc: Doc, key: str, what: str, spans: Sequence[Span], rows: Sequence[Any], scores: Sequence
) -> None:
    """Write a group in place of what was there; scores are written if each row has one."""
    attrs: dict[str, Any] = {what: list(rows)}
    if rows and all(score is not None for score in scores):
        attrs[SCORES] = numpy.array(scores, dtype="float32")
    doc.spans[key] = SpanGroup(doc, name=key, attrs=attrs, spans=list(spans))


def add_best(scored: dict[Any, float | None], row: Any, score: float | None) -> None:
    """Add a row; one that is there already keeps its best score, or none if it once had none."""
    known = scored.get(row)
    scored[row] = score if score is None or known is None else max(known, score)


def _identify(span: Span) -> tuple[int, int, str]:
    """What makes two arguments one; also their order in the group."""
    return span.start, -span.end, span.label_


def is_place(value: Any, n_spans: int) -> bool:
    """Whether a value is a place among so many spans, from 0."""
    is_number = isinstance(value, (int, numpy.integer)) and not isinstance(value, bool)
    return is_number and 0 <= value < n_spans


def find_name_fault(name: Any, whose: str) -> str:
    """The rule that a label, a type or a role breaks; empty if it breaks none.

    whose: "label of a relation", for the message.
    """
    if not isinstance(name, str) or not name.strip():
        return f"the {whose} must be a non-empty string"
    try:
        name.encode()
    except UnicodeEncodeError:  # half of a surrogate pair: no file can hold it
        return f"the {whose} must be valid Unicode"
    return ""


def check_arguments(doc: Doc, key: str, what: str, spans: Iterable[Any], role: str) -> None:
    """Refuse spans that a document cannot hold.

    role: of the spans, for the message, such as "head and child".
    RAISES (ValueError): a span of another document, one without a token.
    """
    for span in spans:
        if not isinstance(span, Span) or span.doc is not doc:
            shown = f"{span!r} of another document" if isinstance(span, Span) else repr(span)
            raise refuse(doc, key, what, f"{role} must be spans of this document", shown)
        if span.start >= span.end:
            shown = f"tokens {span.start} to {span.end}"
            raise refuse(doc, key, what, f"{role} must have a token", shown)


def check_score(doc: Doc, key: str, what: str, score: Any) -> float | None:
    """The score, unless it is no probability.

    RAISES (ValueError): it is none.
    """
    is_number = isinstance(score, (int, float, numpy.number)) and not isinstance(score, bool)
    if score is None or (is_number and 0 <= score <= 1):
        return None if score is None else float(score)
    raise refuse(doc, key, what, "a score must be a probability in [0, 1], or None", repr(score))


def refuse(doc: Doc, key: str, what: str, rule: str, value: str) -> ValueError:
    """An error that names the rule, the value, the document and the repair."""
    return ValueError(
        f"{rule}, was: {value} in doc.spans[{key!r}] of {_name(doc)}. To fix: write its "
        f"{what} again with spacy_globalpointer.set_{what}, between spans of this document; "
        "never sort its group or change the spans in it"
    )


def _name(doc: Doc) -> str:
    text = doc.text if len(doc.text) <= 60 else f"{doc.text[:60]}..."
    return f"the document {text!r}"
