"""Counts over the gold relations of annotated texts, gathered one text at a time."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy
from spacy.attrs import SENT_START
from spacy.tokens import Doc
from spacy.training import Example

from ...messages import excerpt
from ...pipeline.alignment import labelled_spans
from ...pipeline.pair_gold import distance, find_spans
from ...pipeline.relation_gold import RelationReader
from ...pipeline.spelling import is_named
from ...relations import get_relations
from ...spans import LabelledRelation, turn_forward
from .pair_statistics import OUTSIDE, PairStatistics
from .statistics import length_of_share

# What else can be said of relations.
SELF, BOTH_WAYS, FORWARD = "self", "both ways", "head first"
OVERLAPPING, CROSSING = "of overlapping spans", "across sentences"
SHARES = (0.5, 0.9, 1.0)


@dataclass
class RelationStatistics(PairStatistics):
    """What the relations of all texts of a split are."""

    what = "relations"
    outcomes: ClassVar[dict[str, str]] = {
        "skipped": "have an argument that does not begin and end where tokens do",
        "merged": "join two spans that are one on the tokens",
        "duplicate": "are given more than once",
    }
    n_sentences_known: int = 0  # texts with relations and sentences
    # Different relations by the labels of their spans.
    type_pairs: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    # Distance (tokens) of the spans, by label.
    distances: defaultdict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))

    def _count_gold(self, example: Example, key: str) -> int:
        given = get_relations(example.reference, key)
        ends = labelled_spans(span for r in given for span in (r.head, r.child))
        rows = zip(ends[::2], ends[1::2], given, strict=True)
        edges = {self._turn(LabelledRelation(h, c, r.label)) for h, c, r in rows}
        for edge in sorted(edges):
            self._count(edge, edges)
        self._count_places(example.reference, edges)
        return len(edges)

    def _turn(self, edge: LabelledRelation) -> LabelledRelation:
        return turn_forward(edge) if is_named(edge.label, self.settings["symmetric"]) else edge

    def _count(self, edge: LabelledRelation, edges: set[LabelledRelation]) -> None:
        head, child, label = edge
        self.labels[label] += 1
        self.type_pairs[head.label, label, child.label] += 1
        is_self = head == child
        self.kinds[SELF, label] += is_self
        if is_self:
            return
        self.distances[label][distance(head, child)] += 1
        self.kinds[BOTH_WAYS, label] += LabelledRelation(child, head, label) in edges
        self.kinds[FORWARD, label] += edge == turn_forward(edge)
        self.kinds[OVERLAPPING, label] += head.start < child.end and child.start < head.end

    def _read(self, example: Example) -> RelationReader:
        # Without predictions the candidates are the gold spans in any case.
        reader = RelationReader({**self.settings, "missing": "skip", "candidates": "gold"})
        reader.read(example)
        return reader

    def _count_places(self, doc: Doc, edges: set[LabelledRelation]) -> None:
        """Count relations between sentences, and of spans that the group of spans does not have."""
        if edges and doc.has_annotation("SENT_START"):
            self.n_sentences_known += 1
            sentence = numpy.cumsum(doc.to_array(SENT_START) == 1)
            for head, child, label in edges:
                first, last = min(head.start, child.start), max(head.end, child.end) - 1
                self.kinds[CROSSING, label] += bool(sentence[first] != sentence[last])
        found = find_spans(doc, self.settings["spans"], is_gold=True)
        if found is None:
            self.n_without_spans += bool(edges)
            return
        known = set(found.spans)
        for edge in sorted(edges):
            missing = [span for span in edge[:2] if span not in known and span.start < span.end]
            if missing:
                self.kinds[OUTSIDE, edge.label] += 1
                at = doc[missing[0].start : missing[0].end]
                self._note(OUTSIDE, excerpt(doc.text, at.start_char, at.end_char))

    @property
    def all_distances(self) -> Counter[int]:
        """Distances of all relations but those of a span with itself."""
        return sum(self.distances.values(), Counter())

    def n_unseen(self, other: "RelationStatistics") -> int:
        """Relations between labels of spans that have no such relation in another split."""
        seen = set(other.type_pairs)
        for head, label, child in other.type_pairs:
            if is_named(label, self.settings["symmetric"]):
                seen.add((child, label, head))
        return sum(n for pair, n in self.type_pairs.items() if pair not in seen)

    def to_dict(self) -> dict[str, Any]:
        """All counts, ready for JSON."""
        distances = {label: dict(sorted(own.items())) for label, own in self.distances.items()}
        return {
            **super().to_dict(),
            "type_pairs": [[*pair, n] for pair, n in self.type_pairs.most_common()],
            "distances": {k: {str(x): n for x, n in own.items()} for k, own in distances.items()},
        }


def describe_distances(distances: Counter[int]) -> list[int | str]:
    """Percentiles of distances (tokens), one for each of SHARES."""
    return [length_of_share(distances, share) if distances else "" for share in SHARES]
