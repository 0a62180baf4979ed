"""Counts over annotated texts, gathered one text at a time: memory does not grow with the spans."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from ...spans import crossing_extents, nested_extents, nesting_depths
from .gold import LOST, Document, Group, LabelledSpan
from .pieces import PieceStatistics
from .windows import Window

SHARES = (0.5, 0.75, 0.9, 0.95, 0.99, 1.0)
MOST_EXAMPLES = 3
NESTED, INSIDE, SAME_LABEL = "nested", "inside another", "nested in the same label"
CROSSING, SAME_BORDERS = "crossing", "several labels"
RELATIONS = (NESTED, INSIDE, SAME_LABEL, CROSSING, SAME_BORDERS)


@dataclass
class GroupStatistics:
    """What one group of spans holds in all texts of a split.

    window: of the transformer, to count the spans that it cuts.
    n_missing (texts): without the group, which are not annotated.
    n_empty (texts): with the group and no span in it.
    labels: all different spans, by label.
    lengths (tokens): of the spans that can be learned, by label.
    depths: spans by nesting depth, in characters.
    relations: spans by their relation to other spans of their text, one of RELATIONS.
    remarks, examples: spans by what is odd about them and label, and some of them in their text.
    breaks: signs at which borders of spans lie inside tokens.
    readings: other readings of offsets with which such spans begin and end where tokens do.
    n_cut: spans that no window holds.
    most_spans (spans): of one text.
    """

    window: Window | None = None
    n_missing: int = 0
    n_empty: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    lengths: dict[str, Counter[int]] = field(default_factory=dict)
    depths: Counter[int] = field(default_factory=Counter)
    relations: Counter[str] = field(default_factory=Counter)
    remarks: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    breaks: Counter[str] = field(default_factory=Counter)
    readings: Counter[str] = field(default_factory=Counter)
    n_cut: int = 0
    most_spans: int = 0

    def add(self, group: Group | None) -> None:
        """Count the spans of one text.

        group: None if the text does not have it.
        """
        if group is None:
            self.n_missing += 1
            return
        self.n_empty += not (group.gold or group.remarks)
        self.most_spans = max(self.most_spans, len(group.spans))
        # Sorted: labels of the same count are listed in this order, which sets do not keep.
        self.labels.update(label for _, _, label in sorted(group.gold))
        for start, end, label in group.spans:
            self.lengths.setdefault(label, Counter())[end - start] += 1
            self.n_cut += self.window is not None and not self.window.holds(start, end)
        for remark, label, shown in group.remarks:
            self.remarks[remark, label] += 1
            examples = self.examples.setdefault((remark, label), [])
            if len(examples) < MOST_EXAMPLES:
                examples.append(shown)
        self.breaks.update(group.breaks)
        self.readings.update(group.readings)
        depths, relations = count_nesting(group.gold)
        self.depths.update(depths)
        self.relations.update(relations)

    @property
    def n_spans(self) -> int:
        """All different gold spans."""
        return self.labels.total()

    @property
    def all_lengths(self) -> Counter[int]:
        """Lengths (tokens) of the spans that can be learned, of all labels."""
        return sum(self.lengths.values(), Counter())

    def count(self, remark: str, label: str | None = None) -> int:
        """Spans with something odd about them.

        remark: one of gold.REMARKS.
        label: count only this one; None counts all.
        """
        return sum(n for (r, k), n in self.remarks.items() if r == remark and label in (None, k))

    def to_dict(self) -> dict[str, Any]:
        """All counts, as JSON takes them."""
        lengths = self.all_lengths
        relations = {relation: self.relations[relation] for relation in RELATIONS}
        remarks: defaultdict[str, dict[str, Any]] = defaultdict(dict)
        for (remark, label), n in sorted(self.remarks.items()):
            remarks[remark][label] = {"spans": n, "examples": self.examples[remark, label]}
        return {
            "spans": self.n_spans,
            "documents_without_group": self.n_missing,
            "documents_with_empty_group": self.n_empty,
            "labels": dict(self.labels.most_common()),
            "depths": {str(depth): n for depth, n in sorted(self.depths.items())},
            "relations": relations,
            "lengths": {str(length): n for length, n in sorted(lengths.items())},
            "length_of_share": {f"{share:.0%}": length_of_share(lengths, share) for share in SHARES}
            if lengths
            else {},
            "longest_by_label": {label: max(n) for label, n in sorted(self.lengths.items())},
            "cut_by_window": self.n_cut if self.window else None,
            "most_spans_of_a_document": self.most_spans,
            "remarks": dict(remarks),
            "borders_inside_tokens": dict(self.breaks.most_common()),
            "readings_of_offsets_that_fit": dict(self.readings.most_common()),
            "lost": sum(self.count(remark) for remark in LOST),
        }


class SplitStatistics:
    """What the texts of one split hold, such as those for training.

    n_tokens: of all texts.
    lengths: texts by length (tokens).
    names: texts by the names of their groups.
    n_ents: entities in doc.ents.
    n_repeated (texts): that came before in this split.
    n_leaked, leaked: texts that are in the other split too, and some of them.
    texts: fingerprints of the different texts. White space does not make texts different.
    notes (texts): what was left out or changed when they were read.
    groups: by name.
    pieces: that a transformer is given, by name of the group that is predicted with it.
    """

    def __init__(
        self,
        keys: Sequence[str],
        windows: dict[str, Window | None] | None = None,
        other: "SplitStatistics | None" = None,
    ) -> None:
        """Begin with no text.

        keys: names of the groups to count.
        windows: of a group's transformer, where it has one.
        other: the split that must not have the same texts.
        """
        self.n_tokens = 0
        self.lengths: Counter[int] = Counter()
        self.names: Counter[str] = Counter()
        self.n_ents = 0
        self.n_repeated = 0
        self.n_leaked = 0
        self.leaked: list[str] = []
        self.texts: set[bytes] = set()
        self.notes: Counter[str] = Counter()
        self.groups = {key: GroupStatistics((windows or {}).get(key)) for key in keys}
        self.pieces = {key: PieceStatistics() for key in keys}
        self._others: AbstractSet[bytes] = other.texts if other else frozenset()

    @property
    def n_documents(self) -> int:
        """Texts that were added."""
        return self.lengths.total()

    def add(self, document: Document) -> None:
        """Count one text."""
        self.n_tokens += document.n_tokens
        self.lengths[document.n_tokens] += 1
        self.names.update(document.names)
        self.n_ents += document.n_ents
        self.notes.update(document.notes)
        for key, group in self.groups.items():
            group.add(document.groups.get(key))
        for key, counts in document.pieces.items():
            spans = document.groups[key].spans if key in document.groups else ()
            self.pieces[key].add(counts, spans)
        text = " ".join(document.text.split())
        if text:  # nothing is learned from an empty one, and nothing leaks
            self._compare(text)

    def _compare(self, text: str) -> None:
        """Look for a text in this split and the other one."""
        # A surrogate half can be in a Doc that was made in memory.
        mark = blake2b(text.encode("utf8", "surrogatepass"), digest_size=16).digest()
        self.n_repeated += mark in self.texts
        self.texts.add(mark)
        if mark in self._others:
            self.n_leaked += 1
            if len(self.leaked) < MOST_EXAMPLES and text not in self.leaked:
                self.leaked.append(text)

    def to_dict(self) -> dict[str, Any]:
        """All counts, as JSON takes them."""
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
            "pieces": {key: own.to_dict() for key, own in self.pieces.items() if own.n_tokens},
        }


def count_nesting(spans: AbstractSet[LabelledSpan]) -> tuple[Counter[int], Counter[str]]:
    """How the spans of one text lie to each other.

    spans: start, end, label. A span is nested if it is inside a span of other borders, or has one
        inside.
    RETURNS: spans by nesting depth; spans by relation, one of RELATIONS.
    """
    labels: defaultdict[tuple[int, int], set[str]] = defaultdict(set)
    intervals: defaultdict[str, set[tuple[int, int]]] = defaultdict(set)
    for start, end, label in spans:
        labels[start, end].add(label)
        intervals[label].add((start, end))
    depths: Counter[int] = Counter()
    for interval, depth in nesting_depths(labels).items():
        depths[depth] += len(labels[interval])
    nested, crossing = nested_extents(set(labels)), crossing_extents(labels)
    relations = Counter(
        {
            NESTED: sum(len(labels[interval]) for interval in nested),
            INSIDE: depths.total() - depths[1],
            SAME_LABEL: sum(len(nested_extents(cells)) for cells in intervals.values()),
            CROSSING: sum(len(labels[interval]) for interval in crossing),
            SAME_BORDERS: sum(len(names) for names in labels.values() if len(names) > 1),
        }
    )
    return depths, relations


def length_of_share(lengths: Counter[int], share: float) -> int:
    """The smallest max_length that keeps a share of the spans; also a percentile of the lengths.

    lengths: spans by length (tokens).
    share: above 0, at most 1.
    RAISES (ValueError): no lengths.
    """
    if not lengths:
        raise ValueError("lengths must hold a span, but are empty. Count some first")
    total, seen = lengths.total(), 0
    for length in sorted(lengths):
        seen += lengths[length]
        if seen / total >= share:
            return length
    return max(lengths)


def share_within(lengths: Counter[int], max_length: int) -> float:
    """Share of the spans that max_length keeps; 1.0 if there are none.

    lengths: spans by length (tokens).
    """
    kept = sum(n for length, n in lengths.items() if length <= max_length)
    return kept / lengths.total() if lengths else 1.0
