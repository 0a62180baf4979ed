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
        f"doc.spans[{key!r}] has spans but no relations (attrs[{EDGES!r}]), so its document counts "
        "as not annotated. spaCy drops them in Doc.from_docs, to_json and from_json, "
        "Example.from_dict (which augmenters use), and where a list is assigned to doc.spans[...]. "
        "To fix: call spacy_globalpointer.set_relations after such a step, or leave it out; if "
        "these spans never had relations, use another key",
        stacklevel=2,
    )
    return False


def get_relations(doc: Doc, key: str = "relations") -> list[Relation]:
    """Read the relations of a document.

    key: of doc.spans.
    RETURNS: in their order; empty also where they are not annotated (see `has_relations`).
    RAISES (ValueError): an index that is no span of the group, a label that is no string, another
        number of scores than of relations.
    """
    if not has_relations(doc, key):
        return []
    group = doc.spans[key]
    spans, edges = list(group), group.attrs[EDGES]
    scores = group.attrs.get(SCORES)
    if scores is not None and len(scores) != len(edges):
        raise _refuse(doc, key, "there must be a score for each relation", f"{len(scores)} scores")
    relations = []
    for place, edge in enumerate(edges):
        _check_edge(doc, key, edge, len(spans))
        head, child, label = edge
        score = None if scores is None else float(scores[place])
        relations.append(Relation(spans[head], spans[child], label, score))
    return relations


def set_relations(doc: Doc, relations: Iterable[Relation], key: str = "relations") -> None:
    """Write the relations of a document, in place of those it had; none means "there are none".

    The group gets each argument once, by start, longest first, then label. A relation that is
    given several times is written once, with its best score. Scores are written if all have one.

    relations: between spans of this document.
    key: of doc.spans; the group belongs to the relations, so it is not that of a span component.
    RAISES (ValueError): a span of another document, one without a token, an empty label.
    """
    relations = [Relation(*relation) for relation in relations]
    for relation in relations:
        _check_relation(doc, key, relation)
    arguments = {_identify(s): s for r in relations for s in (r.head, r.child)}
    places = {argument: place for place, argument in enumerate(sorted(arguments))}
    edges: dict[tuple[int, int, str], float | None] = {}
    for head, child, label, score in relations:
        edge = places[_identify(head)], places[_identify(child)], label
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


def _check_edge(doc: Doc, key: str, edge: Any, n_spans: int) -> None:
    """Refuse what is no relation between spans of a group.

    n_spans: in the group.
    """
    if not isinstance(edge, (list, tuple)) or len(edge) != 3:
        raise _refuse(doc, key, "a relation must be [head, child, label]", repr(edge))
    *ends, label = edge
    for end in ends:
        is_number = isinstance(end, (int, numpy.integer)) and not isinstance(end, bool)
        if not is_number or not 0 <= end < n_spans:
            rule = f"head and child must be indices into the {n_spans} spans of the group, from 0"
            raise _refuse(doc, key, rule, repr(edge))
    if not isinstance(label, str) or not label.strip():
        raise _refuse(doc, key, "the label must be a non-empty string", repr(edge))


def _check_relation(doc: Doc, key: str, relation: Relation) -> None:
    """Refuse a relation that a document cannot hold."""
    head, child, label, _ = relation
    for span in (head, child):
        if not isinstance(span, Span) or span.doc is not doc:
            what = f"{span!r} of another document" if isinstance(span, Span) else repr(span)
            rule = "head and child must be spans of this document"
            raise _refuse(doc, key, rule, what)
        if span.start >= span.end:
            raise _refuse(
                doc, key, "head and child must have a token", f"{span.start} to {span.end}"
            )
    if not isinstance(label, str) or not label.strip():
        raise _refuse(doc, key, "the label must be a non-empty string", repr(label))


def _refuse(doc: Doc, key: str, rule: str, value: str) -> ValueError:
    """An error that names the document."""
    text = doc.text if len(doc.text) <= 60 else f"{doc.text[:60]}..."
    return ValueError(
        f"{rule}, was: {value} in doc.spans[{key!r}] of the document {text!r}. To fix: write its "
        "relations again with spacy_globalpointer.set_relations, between spans of this document; "
        "never sort its group or change the spans in it"
    )
