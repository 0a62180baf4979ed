"""The vocabulary of relations: how a Doc holds them, and the one way to read and write them.

doc.spans["relations"] is a group of the spans that are an argument of some relation, and its
attrs["relations"] are [head, child, label] with indices into it: attrs are what every normal path
of spaCy keeps. Its attrs["scores"] has one probability a relation, if they were predicted.
"""

import warnings
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy
from spacy.tokens import Doc, Span, SpanGroup

# Names in the attrs of a group.
EDGES, SCORES = "relations", "scores"
NO_EDGE = "a relation must be a head, a child and a label"
NO_LABEL = "the label of a relation must be a non-empty string"
NO_UNICODE = "a label must be valid Unicode"


class Relation(NamedTuple):
    """A labelled, directed relation between two spans of a document.

    head, child: from which span to which; they may overlap or be the same span.
    label: what the relation is.
    score: the probability, None if it was not predicted.
    """

    head: Span
    child: Span
    label: str
    score: float | None = None


class Edge(NamedTuple):
    """A relation between spans of a list: those of a group, or of a record.

    head, child: places in that list, from 0.
    """

    head: int
    child: int
    label: str


def has_relations(doc: Doc, key: str = "relations") -> bool:
    """Whether relations are annotated; there may be none of them.

    A group without attrs["relations"] warns: spaCy keeps groups in places where it drops attrs.

    key: of doc.spans.
    """
    if key not in doc.spans:
        return False
    if EDGES in doc.spans[key].attrs:
        return True
    warnings.warn(
        f"doc.spans[{key!r}] is a group without attrs[{EDGES!r}], so the relations of its document "
        "count as not annotated. spaCy drops attrs in Doc.from_docs, to_json and from_json, "
        "Example.from_dict (which augmenters use), and where a list is assigned to doc.spans[...]. "
        "To fix: call spacy_globalpointer.set_relations after such a step, or leave the step out; "
        "use another key if these spans never had relations",
        stacklevel=2,
    )
    return False


def get_relations(doc: Doc, key: str = "relations") -> list[Relation]:
    """Read the relations of a document.

    key: of doc.spans.
    RETURNS: in their order; empty also where they are not annotated (see `has_relations`).
    RAISES (ValueError): an index that is no span of the group, a label that is no name, scores that
        are not one probability for each relation, tokens that have changed since.
    """
    if not has_relations(doc, key):
        return []
    group = doc.spans[key]
    spans, edges = _read_spans(doc, key), group.attrs[EDGES]
    if not isinstance(edges, (list, tuple)):
        raise _refuse(doc, key, f"attrs[{EDGES!r}] must be a list", repr(edges))
    scores = group.attrs.get(SCORES)
    if scores is not None and numpy.shape(scores) != (len(edges),):
        what = f"{scores!r} for {len(edges)} relations"
        raise _refuse(doc, key, "there must be a score for each relation", what)
    relations = []
    for place, edge in enumerate(edges):
        fault = find_fault(edge, len(spans))
        if fault:
            raise _refuse(doc, key, fault, repr(edge))
        head, child, label = edge
        score = None if scores is None else _check_score(doc, key, scores[place])
        relations.append(Relation(spans[head], spans[child], label, score))
    return relations


def _read_spans(doc: Doc, key: str) -> list[Span]:
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
        "the tokens of a document must stay as they were when its relations were written, but "
        f"there are others now in doc.spans[{key!r}] of {_name(doc)}. To fix: merge or split "
        "tokens before, by moving the component that does it (such as merge_entities), or write "
        "the relations again with spacy_globalpointer.set_relations"
    )


def set_relations(doc: Doc, relations: Iterable[Relation], key: str = "relations") -> None:
    """Write the relations of a document, in place of those it had; none means "there are none".

    The group gets each argument once, by start, longest first, then label. A relation that is
    given several times is written once, with its best score. Scores are written if all have one.

    relations: between spans of this document.
    key: of doc.spans; the group belongs to the relations, so it is not that of a span component.
    RAISES (ValueError): a span of another document, one without a token, an empty label, a score
        that is no probability.
    """
    relations = [_check_relation(doc, key, relation) for relation in relations]
    arguments = {_identify(s): s for r in relations for s in (r.head, r.child)}
    places = {argument: place for place, argument in enumerate(sorted(arguments))}
    edges: dict[Edge, float | None] = {}
    for head, child, label, score in relations:
        edge = Edge(places[_identify(head)], places[_identify(child)], label)
        known = edges.get(edge)
        edges[edge] = score if score is None or known is None else max(known, score)
    attrs: dict[str, Any] = {EDGES: [list(edge) for edge in edges]}
    if edges and all(relation.score is not None for relation in relations):
        attrs[SCORES] = numpy.array(list(edges.values()), dtype="float32")
    spans = [arguments[argument] for argument in places]
    doc.spans[key] = SpanGroup(doc, name=key, attrs=attrs, spans=spans)


def _identify(span: Span) -> tuple[int, int, str]:
    """What makes two arguments one; also their order in the group."""
    return span.start, -span.end, span.label_


def find_fault(edge: Any, n_spans: int) -> str:
    """The rule that a relation between spans of a list breaks; empty if it breaks none.

    edge: head, child and label, as data have them.
    n_spans: in the list.
    """
    if not isinstance(edge, (list, tuple)) or len(edge) != 3:
        return NO_EDGE
    *ends, label = edge
    for end in ends:
        is_number = isinstance(end, (int, numpy.integer)) and not isinstance(end, bool)
        if not is_number or not 0 <= end < n_spans:
            return f"head and child of a relation must be places among {n_spans} spans, from 0"
    return _find_label_fault(label)


def _check_relation(doc: Doc, key: str, given: Any) -> Relation:
    """The relation, unless a document cannot hold it."""
    if not isinstance(given, (list, tuple)) or not 3 <= len(given) <= 4:
        raise _refuse(doc, key, f"{NO_EDGE}, and may have a score", repr(given))
    relation = Relation(*given)
    for span in (relation.head, relation.child):
        if not isinstance(span, Span) or span.doc is not doc:
            what = f"{span!r} of another document" if isinstance(span, Span) else repr(span)
            raise _refuse(doc, key, "head and child must be spans of this document", what)
        if span.start >= span.end:
            what = f"tokens {span.start} to {span.end}"
            raise _refuse(doc, key, "head and child must have a token", what)
    fault = _find_label_fault(relation.label)
    if fault:
        raise _refuse(doc, key, fault, repr(relation.label))
    return relation._replace(score=_check_score(doc, key, relation.score))


def _find_label_fault(label: Any) -> str:
    if not isinstance(label, str) or not label.strip():
        return NO_LABEL
    try:
        label.encode()
    except UnicodeEncodeError:  # half of a surrogate pair: no file can hold it
        return NO_UNICODE
    return ""


def _check_score(doc: Doc, key: str, score: Any) -> float | None:
    """The score, unless it is no probability."""
    is_number = isinstance(score, (int, float, numpy.number)) and not isinstance(score, bool)
    if score is None or (is_number and 0 <= score <= 1):
        return None if score is None else float(score)
    raise _refuse(doc, key, "a score must be a probability in [0, 1], or None", repr(score))


def _refuse(doc: Doc, key: str, rule: str, value: str) -> ValueError:
    """An error that names the document."""
    return ValueError(
        f"{rule}, was: {value} in doc.spans[{key!r}] of {_name(doc)}. To fix: write its "
        "relations again with spacy_globalpointer.set_relations, between spans of this document; "
        "never sort its group or change the spans in it"
    )


def _name(doc: Doc) -> str:
    text = doc.text if len(doc.text) <= 60 else f"{doc.text[:60]}..."
    return f"the document {text!r}"
