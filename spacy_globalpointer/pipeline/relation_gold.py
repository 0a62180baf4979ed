"""Gold relations on the predicted tokens, the spans to join, and an account of what was lost."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy
from spacy.tokens import Doc
from spacy.training import Example

from ..models import DocSpans
from ..relations import get_relations, has_relations
from ..spans import LabelledRelation, LabelledSpan
from .alignment import labelled_spans, to_predicted
from .gold import MISALIGNED
from .spelling import is_named

# Most spans of a document to join: one for each token, and this many more; no more than that.
SPANS_BESIDE, MOST_SPANS = 8, 1000
SELF = "lead from a span to itself (allow_self = false)"
TOO_FAR = "join spans that are further apart than max_distance"
NO_RELATIONS = (
    "A missing group means 'not annotated', an empty one 'no relations here'. Check relations_key; "
    'write gold relations with spacy_globalpointer.set_relations; or set missing = "negative"'
)


class TrainingSpans(NamedTuple):
    """What is learned from a document.

    spans: the document and the spans to join; none if it is not annotated.
    relations: the gold relations between these; None if it is not annotated.
    """

    spans: DocSpans
    relations: set[LabelledRelation] | None


def in_order(spans: Iterable[LabelledSpan]) -> list[LabelledSpan]:
    """Distinct spans that have a token, by start, longest first, then label."""
    return sorted({span for span in spans if span.start < span.end}, key=_place)


class FoundSpans(NamedTuple):
    """The spans of a document that relations can join, in order, and how many were left out."""

    spans: list[LabelledSpan]
    n_left_out: int


def find_spans(doc: Doc, key: str | None, is_gold: bool = False) -> FoundSpans | None:
    """Find the spans of a document that relations can join: the best ones, if there are too many.

    The time and memory of all pairs grow with the square of their number, and a component that has
    learned for a few steps only may find spans nearly everywhere.

    key: of doc.spans; None for doc.ents.
    is_gold: take all of them.
    RETURNS: None if there is no such group, or no entities were looked for.
    """
    group: Any = doc.ents if key is None else doc.spans.get(key)
    if group is None or (key is None and not doc.has_annotation("ENT_IOB")):
        return None
    spans = labelled_spans(group)
    most = len(spans) if is_gold else min(len(doc) + SPANS_BESIDE, MOST_SPANS)
    scores = None if key is None else group.attrs.get("scores")
    if len(spans) > most and scores is not None and len(scores) == len(spans):
        spans = [spans[i] for i in numpy.argsort(-numpy.asarray(scores), kind="stable")]
    distinct = [span for span in dict.fromkeys(spans) if span.start < span.end]
    return FoundSpans(in_order(distinct[:most]), len(distinct[most:]))


def distance(one: LabelledSpan, other: LabelledSpan) -> int:
    """Tokens between two spans; 0 if they overlap."""
    return max(one.start - other.end, other.start - one.end, 0)


def turn_forward(relation: LabelledRelation) -> LabelledRelation:
    """A relation without direction, as it is learned and found: from the first span."""
    head, child, label = relation
    return relation if _place(head) <= _place(child) else LabelledRelation(child, head, label)


class RelationReader:
    """Finds what to learn from examples, and keeps an account of what it saw.

    documents: how many had relations, even none of them.
    relations: how many can be learned.
    labels: of all gold relations, even those that cannot be learned.
    span_labels, type_pairs: labels of gold spans, and (head, relation, child) seen together.
    lost: counts of the relations that cannot be learned, by reason.
    first: the first document with each reason.
    unpredicted: documents on which no component has left spans.
    """

    def __init__(self, cfg: dict[str, Any]) -> None:
        """Start an account.

        cfg: settings of the component.
        """
        self.cfg = cfg
        self.documents = 0
        self.relations = 0
        self.unpredicted = 0
        self.labels: set[str] = set()
        self.span_labels: set[str] = set()
        self.type_pairs: set[tuple[str, str, str]] = set()
        self.lost: Counter[str] = Counter()
        self.first: dict[str, str] = {}

    def read(self, example: Example) -> TrainingSpans:
        """Find what to learn from an example, on the predicted tokens.

        RAISES (ValueError): relations that point to no span, texts that differ in more than white
            space and capitals.
        """
        doc, key = example.predicted, self.cfg["relations_key"]
        is_annotated = has_relations(example.reference, key)
        if not is_annotated and self.cfg["missing"] == "skip":
            return TrainingSpans(DocSpans(doc, []), None)
        self.documents += is_annotated
        given = get_relations(example.reference, key) if is_annotated else []
        ends = labelled_spans(span for r in given for span in (r.head, r.child))
        spans = find_spans(example.reference, self.cfg["spans"], is_gold=True)
        moved = to_predicted(example, [*ends, *(spans.spans if spans else ())])
        pairs = zip(moved[: len(ends) : 2], moved[1 : len(ends) : 2], given, strict=True)
        gold = {
            relation
            for head, child, r in pairs
            if self._can_learn(relation := self._turn(LabelledRelation(head, child, r.label)), doc)
        }
        known = [span for span in moved if span.is_whole and span.start < span.end]
        self.span_labels.update(span.label for span in known)
        candidates = self._choose(doc, known)
        present = set(candidates)
        gold = {r for r in gold if r.head in present and r.child in present}
        self.relations += len(gold)
        return TrainingSpans(DocSpans(doc, candidates), gold)

    def _turn(self, relation: LabelledRelation) -> LabelledRelation:
        return turn_forward(relation) if self._is_symmetric(relation.label) else relation

    def _is_symmetric(self, label: str) -> bool:
        return is_named(label, self.cfg["symmetric"])

    def _choose(self, doc: Doc, known: list[LabelledSpan]) -> list[LabelledSpan]:
        """The spans to join in training.

        known: the gold spans, on the predicted tokens.
        """
        if self.cfg["candidates"] == "gold":
            return in_order(known)
        predicted = find_spans(doc, self.cfg["spans"])
        if predicted is None:
            self.unpredicted += 1
            return in_order(known)
        return in_order([*predicted.spans, *(known if self.cfg["candidates"] == "both" else ())])

    def _can_learn(self, relation: LabelledRelation, doc: Doc) -> bool:
        head, child, label = relation
        self.labels.add(label)
        most = self.cfg["max_distance"]
        if not all(span.is_whole and span.start < span.end for span in (head, child)):
            reason = f"have an argument that does {MISALIGNED.removeprefix('do ')}"
        elif head == child and not self.cfg["allow_self"]:
            reason = SELF
        elif most is not None and distance(head, child) > most:
            reason = TOO_FAR
        else:
            self.type_pairs.add((head.label, label, child.label))
            if self._is_symmetric(label):
                self.type_pairs.add((child.label, label, head.label))
            return True
        self.lost[reason] += 1
        self.first.setdefault(reason, doc.text[:60])
        return False

    def account(self, name: str) -> tuple[str, str]:
        """Say which gold relations cannot be learned: the reasons in brief, and the message.

        name: of the component.
        """
        lost = sum(self.lost.values())
        parts = [
            f"{n} {reason}, such as in {self.first[reason]!r}" for reason, n in self.lost.items()
        ]
        return "; ".join(sorted(self.lost)), (
            f"'{name}' cannot learn {lost} of {lost + self.relations} gold relations, and will "
            "miss them: " + "; ".join(parts)
        )


def check_relation_labels(
    name: str, labels: Iterable[str], gold: Iterable[LabelledRelation]
) -> None:
    """Refuse gold relations of labels that the component does not have.

    name, labels: of the component.
    RAISES (ValueError): naming the label and the repair.
    """
    for relation in gold:
        if relation.label not in labels:
            raise ValueError(
                f"'{name}' does not know the label {relation.label!r} of a gold relation. "
                f"Its labels are: {', '.join(labels)}. To fix: call nlp.get_pipe({name!r})"
                ".add_label(...) before training, or initialize with all labels"
            )


def _place(span: LabelledSpan) -> tuple[float, float, str]:
    return span.start, -span.end, span.label
