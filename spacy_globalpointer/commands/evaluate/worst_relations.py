"""The worst errors in relations, in their sentences, with the spans that there are to join."""

from collections.abc import Callable, Collection, Iterable
from functools import partial
from typing import Any

from ...spans import Extent, LabelledRelation, LabelledSpan
from ..comparison import Item
from .judged_relations import JudgedRelations
from .relation_evaluation import find_relation_errors
from .worst_errors import (
    EvaluationError,
    describe_part,
    describe_span,
    find_excerpts,
    is_shown,
)

# Tokens that are shown of a relation between distant spans.
LONGEST = 240


def find_relation_excerpts(
    documents: Iterable[Any], symmetric: Collection[str], most: int
) -> list[dict[str, Any]]:
    """Find the worst errors: see `find_excerpts`.

    documents: of `judge_relations`.
    symmetric: labels of relations without direction.
    most (excerpts): that are wanted.
    """
    errors = [
        EvaluationError(document, relation, kind)
        for document in documents
        for relation, kind in find_relation_errors(document, symmetric)
    ]
    describe = partial(describe_joined_excerpt, describe=_describe_relation, order=None)
    return find_excerpts(errors, most, describe, LONGEST)


def describe_joined_excerpt(
    error: EvaluationError[Item],
    part: Extent,
    describe: Callable[[Any, Any], dict[str, Any]],
    order: Callable[[Any], Any] | None,
) -> dict[str, Any]:
    """Put an error and the part of its document around it into plain data.

    part: start and end (tokens).
    describe: puts a relation or an event of a document into plain data.
    order: what sorts them, None for the order of tuples.
    RETURNS: as `describe_excerpt`, with relations or events in place of spans: those in the
        excerpt. And "gold_spans" and "predicted_spans" that overlap it.
    """
    document: Any = error.document
    right = document.gold.keys() & document.found.keys()

    def joined(side: Iterable[Item]) -> list[dict[str, Any]]:
        inside = [x for x in side if x == error.item or is_shown(x, part, LONGEST)]
        ordered = sorted(inside, key=order)
        return [{**describe(document, x), "right": x in right} for x in ordered]

    def spans(side: set[LabelledSpan], other: set[LabelledSpan]) -> list[dict[str, Any]]:
        inside = sorted(span for span in side if span.start < part[1] and part[0] < span.end)
        return [{**describe_span(document.doc, x), "right": x in other} for x in inside]

    return {
        **describe_part(document, part),
        "error": {"kind": error.kind, **describe(document, error.item)},
        "gold": joined(document.gold),
        "predicted": joined(document.found),
        "gold_spans": spans(document.gold_spans, document.found_spans),
        "predicted_spans": spans(document.found_spans, document.gold_spans),
    }


def _describe_relation(document: JudgedRelations, relation: LabelledRelation) -> dict[str, Any]:
    head, child = (describe_span(document.doc, s) for s in (relation.head, relation.child))
    score = document.score(relation)
    return {"label": relation.label, "head": head, "child": child, "score": score}
