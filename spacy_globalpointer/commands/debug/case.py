"""What a component is trained with, and the form of what is found about it."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from .gold import GoldText
from .statistics import GroupStatistics, SplitStatistics

# Imports torch.
if TYPE_CHECKING:
    from .pair_statistics import PairStatistics


@dataclass(frozen=True)
class Advice:
    """Lines to paste into a section of the config, and why, for a comment."""

    section: str
    why: str
    lines: tuple[str, ...]


def advise(section: str, why: str, settings: Mapping[str, Any]) -> Advice:
    """Advise to give settings these values."""
    lines = (f"{name} = {json.dumps(value)}" for name, value in settings.items())
    return Advice(section, why, tuple(lines))


@dataclass(frozen=True)
class Finding:
    """One thing that was found; an error makes training fail or score 0.00."""

    topic: Literal[
        "documents",
        "groups",
        "labels",
        "nesting",
        "lengths",
        "tokens",
        "directions",
        "distances",
        "arguments",
        "config",
    ]
    level: Literal["good", "info", "warning", "error"]
    text: str
    advice: Advice | None = None


@dataclass
class Case:
    """The data that one component is trained with, and what was found in them."""

    key: str  # of the group of spans
    splits: dict[str, SplitStatistics]  # by name; the first one is learned from
    name: str = "global_pointer"
    settings: dict[str, Any] = field(default_factory=dict)  # missing ones are the defaults
    known: Sequence[str] | None = None  # the only labels it can learn; None for those of the data
    low: int = 50  # fewer examples of a label are few
    lang: str = "en"
    is_config: bool = False  # or there are data files only
    is_cut: bool = False  # a reader may have left groups behind when it cut documents
    findings: list[Finding] = field(default_factory=list)

    @property
    def groups(self) -> dict[str, GroupStatistics]:
        """Counts of the component's group, by split."""
        return {name: split.groups[self.key] for name, split in self.splits.items()}

    @property
    def wanted_key(self) -> str:
        """The group's name; where nothing to learn from has it, the name of the most common one."""
        first = next(iter(self.splits.values()))
        if first.groups[self.key].n_missing < first.n_documents or not first.names:
            return self.key
        return first.names.most_common(1)[0][0]

    def advise(self, why: str, **settings: Any) -> Advice:
        return advise(f"components.{self.name}", why, settings)


@dataclass
class PairCase:
    """The relations or events that one component is trained with, and what was found about them."""

    settings: dict[str, Any]  # of the component; for data files those that matter
    name: str = "relation_pointer"
    known: Sequence[str] | None = None  # the only labels it can learn; None for those of the data
    low: int = 50  # fewer examples of a label are few
    is_config: bool = False  # or there are data files only
    is_cut: bool = False  # a reader may have left groups behind when it cut documents
    what: Literal["relations", "events"] = "relations"
    findings: list[Finding] = field(default_factory=list)
    splits: dict[str, "PairStatistics"] = field(default_factory=dict)  # the first is learned
    n_documents: Counter[str] = field(default_factory=Counter)  # of each split

    @property
    def has_gold(self) -> bool:
        """Whether a text has a group of relations or events, or had one once."""
        return any(s.names or s.n_dropped for s in self.splits.values())

    def add(self, split: str, text: GoldText) -> None:
        """Count the relations or events of one text."""
        self.n_documents[split] += 1
        groups = text.example.reference.spans
        if self.key in groups or any(self.what in group.attrs for group in groups.values()):
            if split not in self.splits:
                self.splits[split] = self._begin()
            self.splits[split].add(text.example, getattr(text, self.what))

    def complete(self, names: Iterable[str]) -> None:
        """Add the splits that have none, in this order."""
        self.splits = {name: self.splits.get(name) or self._begin() for name in names}

    def _begin(self) -> "PairStatistics":
        # They import torch.
        from .event_statistics import EventStatistics
        from .relation_statistics import RelationStatistics

        kind = EventStatistics if self.what == "events" else RelationStatistics
        return kind(self.settings)

    @property
    def key(self) -> str:
        """Name of the group of relations or events."""
        return str(self.settings[f"{self.what}_key"])

    @property
    def wanted_key(self) -> str:
        """The group's name; where nothing to learn from has it, the name of the most common one."""
        first = next(iter(self.splits.values()))
        if self.key in first.names or not first.names:
            return self.key
        return first.names.most_common(1)[0][0]

    def advise(self, why: str, **settings: Any) -> Advice:
        return advise(f"components.{self.name}", why, settings)
