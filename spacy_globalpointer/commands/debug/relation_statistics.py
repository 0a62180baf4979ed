"""Counts over the gold relations of annotated texts, gathered one text at a time."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy
from spacy.attrs import SENT_START
from spacy.tokens import Doc
from spacy.training import Example

from ...corpora.messages import excerpt, shorten
from ...pipeline.alignment import labelled_spans
from ...pipeline.relation_gold import RelationReader, distance, find_spans, turn_forward
from ...pipeline.spelling import is_named
from ...relations import EDGES, get_relations
from ...spans import LabelledRelation
from .statistics import MOST_EXAMPLES, length_of_share

# Why relations of a corpus file did not get into a document: outcomes of record_to_doc.
OUTCOMES = {
    "skipped": "have an argument that does not begin and end where tokens do",
    "merged": "join two spans that are one on the tokens",
    "duplicate": "are given more than once",
}
# What else can be said of relations.
SELF, BOTH_WAYS, FORWARD = "self", "both ways", "head first"
OVERLAPPING, CROSSING = "of overlapping spans", "across sentences"
OUTSIDE = "have an argument that is not among the gold spans"
SHARES = (0.5, 0.9, 1.0)


@dataclass
class RelationStatistics:
    """What the relations of all texts of a split are.

    settings: of the component.
    """

    settings: Mapping[str, Any]
    n_annotated: int = 0  # texts with relations, even if there are none
    n_empty: int = 0  # texts with none
    n_dropped: int = 0  # texts with the group, but without its attrs
    n_faults: int = 0  # texts whose relations cannot be read
    n_without_spans: int = 0  # texts with relations, but without the group of spans
    n_sentences_known: int = 0  # texts with relations and sentences
    most: int = 0  # of one text
    fault: str = ""  # the first
    # Groups of all texts that hold relations.
    names: Counter[str] = field(default_factory=Counter)
    # Different relations by label; by what is special about them, and label; by labels of spans.
    labels: Counter[str] = field(default_factory=Counter)
    kinds: Counter[tuple[str, str]] = field(default_factory=Counter)
    type_pairs: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    # Distance (tokens) of the spans, by label.
    distances: defaultdict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    # Relations that cannot be learned, by reason, and some of them.
    lost: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def add(self, example: Example, outcomes: Mapping[str, int] = {}) -> None:
        """Count the relations of one text.

        outcomes: of relations of a corpus file that did not get into the example.
        RAISES (ValueError): predicted and gold texts that differ.
        """
        doc, key = example.reference, self.settings["relations_key"]
        self.names.update(name for name, group in doc.spans.items() if EDGES in group.attrs)
        if key not in doc.spans:
            return
        if EDGES not in doc.spans[key].attrs:
            self.n_dropped += 1
            return
        try:
            given = get_relations(doc, key)
        except ValueError as error:
            self.n_faults += 1
            self.fault = self.fault or str(error)
            return
        self.n_annotated += 1
        self.n_empty += not given and not outcomes
        for outcome, n in outcomes.items():
            self.lost[OUTCOMES[outcome]] += n
        ends = labelled_spans(span for r in given for span in (r.head, r.child))
        rows = zip(ends[::2], ends[1::2], given, strict=True)
        edges = {self._turn(LabelledRelation(h, c, r.label)) for h, c, r in rows}
        self.most = max(self.most, len(edges))
        for edge in sorted(edges):
            self._count(edge, edges)
        self._count_lost(example)
        self._count_places(doc, edges)

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

    def _count_lost(self, example: Example) -> None:
        """Count what the component cannot learn, as it will."""
        # Without predictions the candidates are the gold spans in any case.
        reader = RelationReader({**self.settings, "missing": "skip", "candidates": "gold"})
        reader.read(example)
        for reason, n in reader.lost.items():
            self.lost[reason] += n
            self._note(reason, shorten(" ".join(reader.first[reason].split()), 60))

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

    def _note(self, reason: str, text: str) -> None:
        examples = self.examples.setdefault(reason, [])
        if len(examples) < MOST_EXAMPLES and text not in examples:
            examples.append(text)

    @property
    def n_relations(self) -> int:
        return self.labels.total()

    @property
    def all_distances(self) -> Counter[int]:
        """Distances of all relations but those of a span with itself."""
        return sum(self.distances.values(), Counter())

    def count(self, kind: str) -> int:
        """Relations of a kind, of all labels."""
        return sum(n for (own, _), n in self.kinds.items() if own == kind)

    def n_unseen(self, other: "RelationStatistics") -> int:
        """Relations between labels of spans that have no such relation in another split."""
        seen = set(other.type_pairs)
        for head, label, child in other.type_pairs:
            if is_named(label, self.settings["symmetric"]):
                seen.add((child, label, head))
        return sum(n for pair, n in self.type_pairs.items() if pair not in seen)

    def to_dict(self) -> dict[str, Any]:
        """All counts, ready for JSON."""
        kinds: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for (kind, label), n in sorted(self.kinds.items()):
            if n:
                kinds[kind][label] = n
        distances = {label: dict(sorted(own.items())) for label, own in self.distances.items()}
        return {
            "annotated_documents": self.n_annotated,
            "documents_without_relations": self.n_empty,
            "documents_that_lost_their_relations": self.n_dropped,
            "documents_that_cannot_be_read": self.n_faults,
            "documents_without_group_of_spans": self.n_without_spans,
            "relations": self.n_relations,
            "most_relations_of_a_document": self.most,
            "labels": dict(self.labels.most_common()),
            "kinds": kinds,
            "type_pairs": [[*pair, n] for pair, n in self.type_pairs.most_common()],
            "distances": {k: {str(x): n for x, n in own.items()} for k, own in distances.items()},
            "lost": {
                k: {"relations": n, "examples": self.examples.get(k, [])}
                for k, n in self.lost.items()
            },
            "group_names": dict(self.names.most_common()),
        }


def describe_distances(distances: Counter[int]) -> list[int | str]:
    """Percentiles of distances (tokens), one for each of SHARES."""
    return [length_of_share(distances, share) if distances else "" for share in SHARES]
