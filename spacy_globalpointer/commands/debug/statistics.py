"""Counts over annotated texts, gathered one text at a time: memory does not grow with the spans."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from hashlib import blake2b
from math import ceil
from typing import Any

from spacy.tokens import Doc

from ...messages import excerpt
from ...spans import Extent, LabelledSpan, crossing_extents, nested_extents, nesting_depths
from . import gold
from .encoder import Encoder, EncoderStatistics
from .gold import GoldText, Placed

SHARES = (0.5, 0.75, 0.9, 0.95, 0.99, 1.0)
MOST_EXAMPLES = 3
NESTED, INSIDE, SAME_LABEL = "nested", "inside another", "nested in the same label"
CROSSING, SAME_BORDERS = "crossing", "several labels"
RELATIONS = (NESTED, INSIDE, SAME_LABEL, CROSSING, SAME_BORDERS)
# Up to this share of spans that share tokens more is won without overlap than these are worth:
# of two spans that are found in one place hardly ever both are right.
HARDLY_ANY = 0.01


@dataclass
class GroupStatistics:
    """What one group of spans holds in all texts of a split."""

    seen: EncoderStatistics | None = None  # what a transformer that predicts the group is given
    n_missing: int = 0  # texts without the group, which are not annotated
    n_empty: int = 0  # texts with the group, but no span
    most_spans: int = 0  # of one text
    # All different spans, by label, by nesting depth, and by their relation to other spans.
    labels: Counter[str] = field(default_factory=Counter)
    depths: Counter[int] = field(default_factory=Counter)
    relations: Counter[str] = field(default_factory=Counter)
    # Length (tokens) of the spans that can be learned, by label.
    lengths: defaultdict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    # What is odd about spans, and label: how many, and some of them in their text.
    remarks: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    # Signs at which borders of spans lie inside tokens; other readings of offsets that fit tokens.
    breaks: Counter[str] = field(default_factory=Counter)
    readings: Counter[str] = field(default_factory=Counter)

    def add(self, text: str, doc: Doc, placed: Sequence[Placed] | None) -> None:
        """Count the spans of one text (doc: the pipeline's tokens), None if it lacks the group."""
        self.n_missing += placed is None
        self.n_empty += placed is not None and not placed
        spans: set[LabelledSpan] = set()  # characters
        learned: set[LabelledSpan] = set()  # tokens
        lost = []
        for given, tokens in placed or ():
            span = gold.strip(text, given)
            if span.start == span.end:
                self._note(gold.EMPTY, text, given)
                continue
            fits = tokens is not None and not (tokens[0].is_space or tokens[-1].is_space)
            if span in spans:
                self._note(gold.DUPLICATE, text, given)
            elif tokens is None:
                self._note(gold.MISALIGNED, text, span)
                lost.append(given)
            elif not fits:
                self._note(gold.SPACE_TOKEN, text, span)
            elif span != given:
                self._note(gold.PADDED, text, given)
            spans.add(span)
            if tokens is not None and fits:
                kept = LabelledSpan(tokens.start, tokens.end, given.label)
                if kept not in learned and gold.has_loose_sign(tokens):
                    self._note(gold.PUNCTUATION, text, span)
                learned.add(kept)
        self._count(spans, learned)
        if lost and doc.text == text:
            breaks, readings = gold.explain_lost(doc, lost)
            self.breaks += breaks
            self.readings += readings
        if self.seen is not None:
            self.seen.add(doc, learned)

    def _count(self, spans: Set[LabelledSpan], learned: Set[LabelledSpan]) -> None:
        self.most_spans = max(self.most_spans, len(learned))
        # Sorted: labels of the same count are listed in this order, which sets do not keep.
        self.labels.update(span.label for span in sorted(spans))
        for span in learned:
            self.lengths[span.label][span.end - span.start] += 1
        depths, relations = count_nesting(spans)
        self.depths += depths
        self.relations += relations

    def _note(self, remark: str, text: str, span: LabelledSpan) -> None:
        self.remarks[remark, span.label] += 1
        examples = self.examples.setdefault((remark, span.label), [])
        if len(examples) < MOST_EXAMPLES:
            examples.append(excerpt(text, *span.extent))

    @property
    def n_spans(self) -> int:
        return self.labels.total()

    @property
    def all_lengths(self) -> Counter[int]:
        return sum(self.lengths.values(), Counter())

    @property
    def n_learned(self) -> int:
        return self.all_lengths.total()

    @property
    def n_lost(self) -> int:
        return sum(map(self.count, gold.LOST))

    def n_longer(self, length: int) -> int:
        return sum(n for own, n in self.all_lengths.items() if own > length)

    def count(self, remark: str, label: str | None = None) -> int:
        """Spans with something odd about them, of one label or, with None, of all."""
        return sum(n for (r, k), n in self.remarks.items() if r == remark and label in (None, k))

    def to_dict(self) -> dict[str, Any]:
        """All counts, ready for JSON."""
        lengths = self.all_lengths
        remarks: defaultdict[str, dict[str, Any]] = defaultdict(dict)
        for (remark, label), n in sorted(self.remarks.items()):
            remarks[remark][label] = {"spans": n, "examples": self.examples[remark, label]}
        return {
            "spans": self.n_spans,
            "documents_without_group": self.n_missing,
            "documents_with_empty_group": self.n_empty,
            "labels": dict(self.labels.most_common()),
            "depths": {str(depth): n for depth, n in sorted(self.depths.items())},
            "relations": {relation: self.relations[relation] for relation in RELATIONS},
            "lengths": {str(length): n for length, n in sorted(lengths.items())},
            "length_of_share": {f"{x:.0%}": length_of_share(lengths, x) for x in SHARES if lengths},
            "longest_by_label": {label: max(n) for label, n in sorted(self.lengths.items())},
            "cut_by_window": self.seen.n_cut if self.seen and self.seen.encoder.window else None,
            "most_spans_of_a_document": self.most_spans,
            "remarks": remarks,
            "borders_inside_tokens": dict(self.breaks.most_common()),
            "readings_of_offsets_that_fit": dict(self.readings.most_common()),
            "lost": self.n_lost,
        }


class SplitStatistics:
    """What the texts of one split hold, such as those for training."""

    def __init__(
        self, encoders: Mapping[str, Encoder | None], other: "SplitStatistics | None" = None
    ) -> None:
        """Begin with no text.

        encoders: by name of a group to count, the transformer that it is predicted with.
        other: the split that must not have the same texts.
        """
        self.n_tokens = 0
        self.n_ents = 0  # in doc.ents
        # Texts by length (tokens), by the names of their groups, and by what was changed in them.
        self.lengths: Counter[int] = Counter()
        self.names: Counter[str] = Counter()
        self.notes: Counter[str] = Counter()
        # Texts that came before in this split; that are in the other one, and some of these.
        self.n_repeated = 0
        self.n_leaked = 0
        self.leaked: list[str] = []
        self._texts: set[bytes] = set()  # fingerprints
        self._others = other._texts if other else set()
        self.groups = {
            key: GroupStatistics(EncoderStatistics(encoder) if encoder else None)
            for key, encoder in encoders.items()
        }

    @property
    def n_documents(self) -> int:
        return self.lengths.total()

    def add(self, text: GoldText) -> None:
        """Count one text."""
        doc, reference = text.example.predicted, text.example.reference
        self.n_tokens += len(doc)
        self.n_ents += len(reference.ents)
        self.lengths[len(doc)] += 1
        self.names.update(reference.spans.keys())
        self.notes.update(text.notes)
        for key, group in self.groups.items():
            group.add(reference.text, doc, text.groups.get(key))
        words = " ".join(reference.text.split())
        if not words:  # nothing is learned from an empty text, and nothing leaks
            return
        # A surrogate half can be in a Doc that was made in memory.
        mark = blake2b(words.encode("utf8", "surrogatepass"), digest_size=16).digest()
        self.n_repeated += mark in self._texts
        self._texts.add(mark)
        self.n_leaked += mark in self._others
        if mark in self._others and len(self.leaked) < MOST_EXAMPLES and words not in self.leaked:
            self.leaked.append(words)

    def to_dict(self) -> dict[str, Any]:
        """All counts, ready for JSON."""
        seen = {key: group.seen for key, group in self.groups.items() if group.seen}
        return {
            "documents": self.n_documents,
            "tokens": self.n_tokens,
            "longest_document": max(self.lengths, default=0),
            "repeated_documents": self.n_repeated,
            "documents_of_the_other_split": {"count": self.n_leaked, "examples": self.leaked},
            "entities": self.n_ents,
            "notes": dict(self.notes.most_common()),
            "group_names": dict(self.names.most_common()),
            "groups": {key: group.to_dict() for key, group in self.groups.items()},
            "pieces": {key: own.to_dict() for key, own in seen.items() if own.n_tokens},
        }


def count_nesting(spans: Set[LabelledSpan]) -> tuple[Counter[int], Counter[str]]:
    """Count the spans of one text by nesting depth, and by relation, one of RELATIONS.

    A span is nested if it lies inside a span of other borders, or contains one.
    """
    n_labels = Counter(span.extent for span in spans)
    by_label: defaultdict[str, list[Extent]] = defaultdict(list)
    for span in spans:
        by_label[span.label].append(span.extent)
    depths = nesting_depths(n_labels)
    kinds = {
        NESTED: nested_extents(n_labels),
        INSIDE: {extent for extent, depth in depths.items() if depth > 1},
        CROSSING: crossing_extents(n_labels),
        SAME_BORDERS: {extent for extent, n in n_labels.items() if n > 1},
    }
    relations = Counter({kind: sum(n_labels[e] for e in own) for kind, own in kinds.items()})
    relations[SAME_LABEL] = sum(len(nested_extents(own)) for own in by_label.values())
    return Counter(depths[span.extent] for span in spans), relations


def count_shared(relations: Mapping[str, int]) -> int:
    """Spans that share tokens with others; one that does so in two ways counts twice."""
    return relations[NESTED] + relations[CROSSING] + relations[SAME_BORDERS]


def is_flat(relations: Mapping[str, int], n_spans: int) -> bool:
    """Whether allow_overlap = false suits spans with these relations."""
    return count_shared(relations) <= HARDLY_ANY * n_spans


def length_of_share(lengths: Counter[int], share: float) -> int:
    """The smallest max_length that keeps a share of some spans; also a percentile of lengths."""
    # Rounded: 0.99 * 300 is not quite 297.
    return sorted(lengths.elements())[ceil(round(share * lengths.total(), 6)) - 1]
