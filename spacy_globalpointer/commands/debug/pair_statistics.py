"""Counts over the gold relations or events of annotated texts: what both have."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from spacy.training import Example

from ...messages import shorten
from ...pipeline.pair_gold import PairReader
from .statistics import MOST_EXAMPLES

OUTSIDE = "have an argument that is not among the gold spans"


@dataclass
class PairStatistics:
    """What the relations or events of all texts of a split are.

    what: they are, as settings call them.
    outcomes: of record_to_doc: why gold of a corpus file did not get into a document.
    settings: of the component.
    """

    what: ClassVar[str]
    outcomes: ClassVar[dict[str, str]]
    # Of each kind: counts the gold of a text, and says how much there is; finds what the component
    # cannot learn, as it will. Both raise a ValueError for what stops training.
    _count_gold: ClassVar[Callable[[Any, Example, str], int]]
    _read: ClassVar[Callable[[Any, Example], PairReader]]
    settings: Mapping[str, Any]
    n_annotated: int = 0  # texts with gold, even if there is none
    n_empty: int = 0  # texts with none
    n_dropped: int = 0  # texts with the group, but without its attrs
    n_faults: int = 0  # texts whose gold cannot be read
    n_without_spans: int = 0  # texts with gold, but without the group of spans
    most: int = 0  # of one text
    fault: str = ""  # the first
    # Groups of all texts that hold such gold.
    names: Counter[str] = field(default_factory=Counter)
    # Different relations by label, or events by type; by what is special about them, and label.
    labels: Counter[str] = field(default_factory=Counter)
    kinds: Counter[tuple[str, str]] = field(default_factory=Counter)
    # What cannot be learned, by reason, and some of it.
    lost: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def add(self, example: Example, outcomes: Mapping[str, int] = {}) -> None:
        """Count the gold of one text.

        outcomes: of gold of a corpus file that did not get into the example as it was.
        RAISES (ValueError): predicted and gold texts that differ.
        """
        doc, key = example.reference, self.settings[f"{self.what}_key"]
        self.names.update(name for name, group in doc.spans.items() if self.what in group.attrs)
        if key not in doc.spans:
            return
        if self.what not in doc.spans[key].attrs:
            self.n_dropped += 1
            return
        try:
            reader = self._read(example)
            n = self._count_gold(example, key)
        except ValueError as error:
            self.n_faults += 1
            self.fault = self.fault or str(error)
            return
        self.n_annotated += 1
        self.n_empty += not n and not outcomes
        self.most = max(self.most, n)
        for outcome, n_lost in outcomes.items():
            if outcome in self.outcomes:
                self.lost[self.outcomes[outcome]] += n_lost
            else:
                self.kinds[outcome, ""] += n_lost
        for reason, n_lost in reader.lost.items():
            self.lost[reason] += n_lost
            self._note(reason, shorten(" ".join(reader.first[reason].split()), 60))

    def _note(self, reason: str, text: str) -> None:
        examples = self.examples.setdefault(reason, [])
        if len(examples) < MOST_EXAMPLES and text not in examples:
            examples.append(text)

    @property
    def n_gold(self) -> int:
        """Relations or events."""
        return self.labels.total()

    def count(self, kind: str) -> int:
        """Relations or events of a kind, of all labels."""
        return sum(n for (own, _), n in self.kinds.items() if own == kind)

    def to_dict(self) -> dict[str, Any]:
        """All counts, ready for JSON."""
        what, kinds = self.what, dict[str, dict[str, int]]()
        for (kind, label), n in sorted(self.kinds.items()):
            if n:
                kinds.setdefault(kind, {})[label] = n
        return {
            "annotated_documents": self.n_annotated,
            f"documents_without_{what}": self.n_empty,
            f"documents_that_lost_their_{what}": self.n_dropped,
            "documents_that_cannot_be_read": self.n_faults,
            "documents_without_group_of_spans": self.n_without_spans,
            what: self.n_gold,
            f"most_{what}_of_a_document": self.most,
            "labels": dict(self.labels.most_common()),
            "kinds": kinds,
            "lost": {
                k: {what: n, "examples": self.examples.get(k, [])} for k, n in self.lost.items()
            },
            "group_names": dict(self.names.most_common()),
        }
