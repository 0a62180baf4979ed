"""What a component is trained with, and the form of what is found about it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .statistics import GroupStatistics, SplitStatistics

GOOD, INFO, WARNING, ERROR = "good", "info", "warning", "error"


class Advice(NamedTuple):
    """Config lines to paste.

    section: of the config.
    why: a comment.
    lines: as they stand in the config.
    """

    section: str
    why: str
    lines: tuple[str, ...]


class Finding(NamedTuple):
    """One thing that was found.

    topic: documents, groups, labels, nesting, lengths, tokens or config.
    level: GOOD, INFO, WARNING, or ERROR for what makes training fail or score 0.00.
    """

    topic: str
    level: str
    text: str
    advice: Advice | None = None

    def to_dict(self) -> dict[str, Any]:
        """The finding, ready for JSON."""
        return {**self._asdict(), "advice": self.advice and self.advice._asdict()}


@dataclass
class Case:
    """The data that one component is trained with, and what was found in them.

    key: name of the group of spans.
    splits: by name; the first one is learned from.
    name: of the component, or of the one that is assumed.
    settings: of the component; those that are not given are the defaults.
    known: the only labels that the component can learn; None for those of the data.
    low (spans): fewer examples of a label are few.
    lang: of the tokenizer.
    is_config: False where there are data files only.
    is_cut: a reader may have left groups behind when it cut documents.
    """

    key: str
    splits: dict[str, SplitStatistics]
    name: str = "global_pointer"
    settings: dict[str, Any] = field(default_factory=dict)
    known: Sequence[str] | None = None
    low: int = 50
    lang: str = "en"
    is_config: bool = False
    is_cut: bool = False
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
        """Advise settings of the component."""
        lines = tuple(f"{name} = {json.dumps(value)}" for name, value in settings.items())
        return Advice(f"components.{self.name}", why, lines)
