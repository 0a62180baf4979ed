"""Scores of predicted relations; one whose spans were not found is missed like any other."""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import numpy
from spacy.attrs import SENT_START
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import registry

from ..relations import get_relations, has_relations
from ..spans import Counts, Extent, LabelledRelation, LabelledSpan, nested_extents
from .alignment import labelled_spans, to_predicted, to_reference
from .scorer import mean_f, name_scores, recall, score_labels, warn_without_gold

# What head and child count as, and the label.
Edge = tuple[Any, Any, str]
# Gold and predicted relations of a document.
Pair = tuple[set[Edge], set[Edge]]


@registry.scorers("spacy_globalpointer.relation_scorer.v1")
def make_relation_scorer() -> Callable[..., dict[str, Any]]:
    """Make a scorer of relations.

    RETURNS: (examples, relations_key=..., symmetric=...) -> scores; see `score_relations`.
    """
    return score_relations


def score_relations(
    examples: Iterable[Example],
    *,
    relations_key: str = "relations",
    symmetric: Sequence[str] = (),
    **cfg: Any,
) -> dict[str, Any]:
    """Score relations; documents without gold relations (see `has_relations`) are left out.

    A relation is right if its label and both of its spans are, with borders and labels. One that is
    predicted several times counts once. A score is None if there is nothing to count.

    symmetric: labels of relations in which head and child may change places.

    {key}_p, _r, _f, _per_type: of all relations, and of each label.
    {key}_macro_f: mean of the F of all labels in gold or prediction.
    {key}_boundary_p, _r, _f: the same, ignoring the labels of spans.
    {key}_text_p, _r, _f: the same with the text of spans, but for white space, in place of borders
        and labels: any mention of the same words will do, and several count once.
    {key}_nested_r: recall of gold relations with an argument that contains, or lies in, an argument
        of gold relations with other borders.
    {key}_cross_sentence_r: recall of gold relations that do not lie in one sentence, by the
        sentences of the reference or, where it has none, the predicted ones.
    """
    examples = list(examples)
    texts = [
        compare_relations(example, relations_key, symmetric)
        for example in examples
        if has_relations(example.reference, relations_key)
    ]
    warn_without_gold(examples, texts, relations_key)

    def count(name: str) -> Counts:
        return Counts.total(Counts.compare(*text[name]) for text in texts)

    labels = _count_labels([text["strict"] for text in texts])
    return {
        **score_labels(labels, relations_key),
        f"{relations_key}_macro_f": mean_f(labels),
        **name_scores(count("boundary"), f"{relations_key}_boundary"),
        **name_scores(count("text"), f"{relations_key}_text"),
        f"{relations_key}_nested_r": recall(count("nested")),
        f"{relations_key}_cross_sentence_r": recall(count("cross_sentence")),
    }


def compare_relations(example: Example, key: str, symmetric: Collection[str]) -> dict[str, Pair]:
    """The gold and the predicted relations of a document, as each score compares them.

    RETURNS: by "strict", "boundary" and "text"; "nested" and "cross_sentence" have only such gold
        relations, and all predicted ones. All on the tokens of the reference.
    """
    gold, gold_words = _read(example.reference, key, labelled_spans)
    found, found_words = _read(
        example.predicted, key, lambda spans: to_reference(example, labelled_spans(spans))
    )
    words = found_words | gold_words
    nested = nested_extents(span.extent for edge in gold for span in (edge.head, edge.child))
    with_nested = [x for x in gold if x.head.extent in nested or x.child.extent in nested]

    def view(
        relations: Iterable[LabelledRelation], see: Callable[[LabelledSpan], Any]
    ) -> set[Edge]:
        edges = ((see(head), see(child), label) for head, child, label in relations)
        return {
            (min(head, child), max(head, child), label)
            if label in symmetric
            else (head, child, label)
            for head, child, label in edges
        }

    strict = view(found, _itself)
    return {
        "strict": (view(gold, _itself), strict),
        "boundary": (view(gold, _get_extent), view(found, _get_extent)),
        "text": (view(gold, words.__getitem__), view(found, words.__getitem__)),
        "nested": (view(with_nested, _itself), strict),
        "cross_sentence": (view(_find_crossing(example, gold), _itself), strict),
    }


def _itself(span: LabelledSpan) -> LabelledSpan:
    return span


def _get_extent(span: LabelledSpan) -> Extent:
    return span.extent


def _read(
    doc: Doc, key: str, move: Callable[[list[Span]], list[LabelledSpan]]
) -> tuple[list[LabelledRelation], dict[LabelledSpan, str]]:
    """The relations of a document on other tokens, and what stands in each argument.

    move: finds spans of the document there.
    """
    relations = get_relations(doc, key)
    spans = [span for relation in relations for span in (relation.head, relation.child)]
    moved = move(spans)
    words = {at: "".join(span.text.split()) for at, span in zip(moved, spans, strict=True)}
    ends = zip(moved[::2], moved[1::2], relations, strict=True)
    return [LabelledRelation(head, child, x.label) for head, child, x in ends], words


def _find_crossing(example: Example, gold: Sequence[LabelledRelation]) -> list[LabelledRelation]:
    """The gold relations that do not lie in one sentence; none if sentences are not known."""
    doc, spans = example.reference, [span for edge in gold for span in (edge.head, edge.child)]
    if not doc.has_annotation("SENT_START"):
        doc, spans = example.predicted, to_predicted(example, spans)
    if not (len(doc) and doc.has_annotation("SENT_START")):
        return []
    sentence = numpy.cumsum(doc.to_array(SENT_START) == 1)
    # Of a span of white space there may be nothing left, even behind the last token.
    starts, lasts = numpy.array([(s.touched[0], s.touched[1] - 1) for s in spans] or [(0, 0)]).T
    first, last = (sentence[places.clip(0, len(doc) - 1)] for places in (starts, lasts))
    return [
        edge
        for place, edge in enumerate(gold)
        if len({*first[2 * place : 2 * place + 2], *last[2 * place : 2 * place + 2]}) > 1
    ]


def _count_labels(pairs: Sequence[Pair]) -> dict[str, Counts]:
    """Counts of each label in gold or prediction."""
    labels = sorted({edge[2] for gold, found in pairs for edge in gold | found})
    return {
        label: Counts.total(
            Counts.compare(*({edge for edge in edges if edge[2] == label} for edges in pair))
            for pair in pairs
        )
        for label in labels
    }
