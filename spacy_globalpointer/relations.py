"""The vocabulary of relations: how a Doc holds them, and the one way to read and write them.

doc.spans["relations"] is a group of the spans that are an argument of some relation, and its
attrs["relations"] are [head, child, label] with indices into it: attrs are what every normal path
of spaCy keeps. Its attrs["scores"] has one probability a relation, if they were predicted.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from spacy.tokens import Doc, Span

from .groups import (
    Places,
    add_best,
    check_arguments,
    check_score,
    find_name_fault,
    has_rows,
    is_place,
    read_group,
    refuse,
    write_group,
)

# Name in the attrs of a group.
EDGES = "relations"
NO_EDGE = "a relation must be a head, a child and a label"


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
    return has_rows(doc, key, EDGES)


def get_relations(doc: Doc, key: str = "relations") -> list[Relation]:
    """Read the relations of a document.

    key: of doc.spans.
    RETURNS: in their order; empty also where they are not annotated (see `has_relations`).
    RAISES (ValueError): an index that is no span of the group, a label that is no name, scores that
        are not one probability for each relation, tokens that have changed since.
    """
    if not has_rows(doc, key, EDGES):
        return []
    spans, edges, scores = read_group(doc, key, EDGES)
    relations = []
    for edge, score in zip(edges, scores, strict=True):
        fault = find_fault(edge, len(spans))
        if fault:
            raise refuse(doc, key, EDGES, fault, repr(edge))
        head, child, label = edge
        relations.append(Relation(spans[head], spans[child], label, score))
    return relations


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
    places = Places(span for x in relations for span in (x.head, x.child))
    edges: dict[Edge, float | None] = {}
    for head, child, label, score in relations:
        add_best(edges, Edge(places.find(head), places.find(child), label), score)
    rows = [list(edge) for edge in edges]
    write_group(doc, key, EDGES, places.spans, rows, list(edges.values()))


def find_fault(edge: Any, n_spans: int) -> str:
    """The rule that a relation between spans of a list breaks; empty if it breaks none.

    edge: head, child and label, as data have them.
    n_spans: in the list.
    """
    if not isinstance(edge, (list, tuple)) or len(edge) != 3:
        return NO_EDGE
    head, child, label = edge
    if not (is_place(head, n_spans) and is_place(child, n_spans)):
        return f"head and child of a relation must be places among {n_spans} spans, from 0"
    return find_name_fault(label, "label of a relation")


def _check_relation(doc: Doc, key: str, given: Any) -> Relation:
    """The relation, unless a document cannot hold it."""
    if not isinstance(given, (list, tuple)) or not 3 <= len(given) <= 4:
        raise refuse(doc, key, EDGES, f"{NO_EDGE}, and may have a score", repr(given))
    relation = Relation(*given)
    check_arguments(doc, key, EDGES, (relation.head, relation.child), "head and child")
    fault = find_name_fault(relation.label, "label of a relation")
    if fault:
        raise refuse(doc, key, EDGES, fault, repr(relation.label))
    return relation._replace(score=check_score(doc, key, EDGES, relation.score))
