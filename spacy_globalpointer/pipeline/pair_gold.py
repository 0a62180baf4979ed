"""Gold pairs on the predicted tokens, the spans to join, and an account of what was lost."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from spacy.tokens import Doc
from spacy.training import Example

from ..models import DocSpans
from ..spans import LabelledRelation, LabelledSpan, turn_forward
from .alignment import labelled_spans, to_predicted
from .gold import MISALIGNED

# Where spans come from: a key of doc.spans, None for doc.ents, or a list of such.
Sources = str | Sequence[str | None] | None
# Most spans of a document to join: one for each token, and this many more; no more than that.
SPANS_BESIDE, MOST_SPANS = 8, 1000
SELF = "lead from a span to itself (allow_self = false)"
TOO_FAR = "join spans that are further apart than max_distance"
ARGUMENT_MISALIGNED = f"have an argument that does {MISALIGNED.removeprefix('do ')}"


class TrainingSpans(NamedTuple):
    """What is learned from a document.

    spans: the document and the spans to join; none if it is not annotated.
    relations: the gold edges between these; None if it is not annotated.
    """

    spans: DocSpans
    relations: set[LabelledRelation] | None


def in_order(spans: Iterable[LabelledSpan]) -> list[LabelledSpan]:
    """Distinct spans that have a token, by start, longest first, then label."""
    return sorted({span for span in spans if span.start < span.end}, key=lambda span: span.rank)


class FoundSpans(NamedTuple):
    """The spans of a document that can be joined, in order.

    scores: of each, the best one it has in a group; 1 if it has none.
    n_left_out: how many were left out.
    missing: the sources that the document does not have.
    """

    spans: list[LabelledSpan]
    scores: dict[LabelledSpan, float]
    n_left_out: int
    missing: list[str | None]


def list_span_sources(sources: Sources) -> list[str | None]:
    """The keys of doc.spans in a setting; None for doc.ents."""
    return [sources] if sources is None or isinstance(sources, str) else list(sources)


def find_spans(doc: Doc, sources: Sources, is_gold: bool = False) -> FoundSpans | None:
    """Find the spans of a document that can be joined: the best ones, if there are too many.

    The time and memory of all pairs grow with the square of their number, and a component that has
    learned for a few steps only may find spans nearly everywhere.

    sources: the setting `spans`.
    is_gold: take all of them.
    RETURNS: None if there is no such group, or no entities were looked for.
    """
    scores: dict[LabelledSpan, float] = {}
    missing: list[str | None] = []
    keys = list_span_sources(sources)
    for key in keys:
        group: Any = doc.ents if key is None else doc.spans.get(key)
        if group is None or (key is None and not doc.has_annotation("ENT_IOB")):
            missing.append(key)
            continue
        own = None if key is None else group.attrs.get("scores")
        spans = labelled_spans(group)
        if own is None or len(own) != len(spans):
            own = [1.0] * len(spans)
        for span, score in zip(spans, own, strict=True):
            if span.start < span.end:
                scores[span] = max(float(score), scores.get(span, 0.0))
    if len(missing) == len(keys):
        return None
    most = len(scores) if is_gold else min(len(doc) + SPANS_BESIDE, MOST_SPANS)
    best = sorted(scores, key=lambda span: -scores[span])  # stable: the first ones, without scores
    kept = in_order(best[:most])
    return FoundSpans(kept, {span: scores[span] for span in kept}, len(best[most:]), missing)


def distance(one: LabelledSpan, other: LabelledSpan) -> int:
    """Tokens between two spans; 0 if they overlap."""
    return max(one.start - other.end, other.start - one.end, 0)


def describe_no_gold(what: str) -> str:
    """Say what documents without gold mean.

    what: "relations" or "events".
    """
    return (
        f"A missing group means 'not annotated', an empty one 'no {what} here'. Check {what}_key; "
        f'write gold {what} with spacy_globalpointer.set_{what}; or set missing = "negative"'
    )


class PairReader:
    """Finds what to learn from examples, and keeps an account of what it saw.

    documents: how many had gold, even none of it.
    labels: of all gold edges, even those that cannot be learned.
    span_labels, type_pairs: labels of gold spans, and (head, edge, child) seen together.
    lost: counts of what cannot be learned, by reason.
    first: the first document with each reason.
    unpredicted: documents on which no component has left spans.
    """

    # Of each kind: what is learned from an example, and what cannot be, for a message.
    read: Callable[[Example], TrainingSpans]
    account: Callable[[str], tuple[str, str]]

    def __init__(self, cfg: dict[str, Any], is_symmetric: Callable[[str], bool]) -> None:
        """Start an account.

        cfg: settings of the component.
        is_symmetric: whether edges of a label have no direction.
        """
        self.cfg = cfg
        self.is_symmetric = is_symmetric
        self.documents = 0
        self.unpredicted = 0
        self.labels: set[str] = set()
        self.span_labels: set[str] = set()
        self.type_pairs: set[tuple[str, str, str]] = set()
        self.lost: Counter[str] = Counter()
        self.first: dict[str, str] = {}

    def _move(
        self, example: Example, ends: Sequence[LabelledSpan]
    ) -> tuple[list[LabelledSpan], list[LabelledSpan]]:
        """Find the gold spans on the predicted tokens.

        ends: the ends of gold edges.
        RETURNS: these, and all that fit, those of the sources too.
        """
        spans = find_spans(example.reference, self.cfg["spans"], is_gold=True)
        moved = to_predicted(example, [*ends, *(spans.spans if spans else ())])
        known = [span for span in moved if fits(span)]
        self.span_labels.update(span.label for span in known)
        return moved[: len(ends)], known

    def _turn(self, edge: LabelledRelation) -> LabelledRelation:
        return turn_forward(edge) if self.is_symmetric(edge.label) else edge

    def _find_fault(self, edge: LabelledRelation) -> str:
        """Why a gold edge cannot be learned; empty if it can."""
        head, child, label = edge
        self.labels.add(label)
        most = self.cfg["max_distance"]
        if not (fits(head) and fits(child)):
            return ARGUMENT_MISALIGNED
        if head == child and not self.cfg["allow_self"]:
            return SELF
        return TOO_FAR if most is not None and distance(head, child) > most else ""

    def _lose(self, reason: str, doc: Doc) -> None:
        self.lost[reason] += 1
        self.first.setdefault(reason, doc.text[:60])

    def _join(
        self, doc: Doc, known: list[LabelledSpan], gold: set[LabelledRelation]
    ) -> TrainingSpans:
        """What is learned from a document.

        known: the gold spans, on the predicted tokens.
        gold: the edges without a fault.
        """
        for head, child, label in gold:
            self.type_pairs.add((head.label, label, child.label))
            if self.is_symmetric(label):
                self.type_pairs.add((child.label, label, head.label))
        candidates = self._choose(doc, known)
        present = set(candidates)
        gold = {edge for edge in gold if edge.head in present and edge.child in present}
        return TrainingSpans(DocSpans(doc, candidates), gold)

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

    def _account(self, name: str, n_learned: int, what: str) -> tuple[str, str]:
        """Say what cannot be learned: the reasons in brief, and the message.

        name: of the component.
        what: "relations" or "events".
        """
        lost = sum(self.lost.values())
        parts = [
            f"{n} {reason}, such as in {self.first[reason]!r}" for reason, n in self.lost.items()
        ]
        return "; ".join(sorted(self.lost)), (
            f"'{name}' cannot learn {lost} of {lost + n_learned} gold {what}, and will miss them: "
            + "; ".join(parts)
        )


def fits(span: LabelledSpan) -> bool:
    """Whether a span that was moved to other tokens begins and ends where they do."""
    return span.is_whole and span.start < span.end
