"""What `spacy global-pointer convert` counts and prints."""

from collections import Counter
from collections import Counter as CounterType
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from wasabi.printer import Printer

from ..corpora import OUTCOMES, Record
from ..corpora.messages import excerpt, list_some
from .labels import show_label

# Spans that were left out, and remarks, that are shown.
MOST_SHOWN = 3


@dataclass
class Report:
    """What a conversion did.

    written: the .spacy files.
    n_docs: documents in them.
    n_unannotated: documents without a group of spans among them.
    outcomes (spans): counts by label and outcome, one of corpora.OUTCOMES.
    skipped: the first spans that were left out, in their text.
    empty: files in which no record has a span.
    notes (documents): what else was left out or changed.
    """

    written: list[Path] = field(default_factory=list)
    n_docs: int = 0
    n_unannotated: int = 0
    outcomes: CounterType[tuple[str, str]] = field(default_factory=Counter)
    skipped: list[str] = field(default_factory=list)
    empty: list[Path] = field(default_factory=list)
    notes: CounterType[str] = field(default_factory=Counter)

    def add(self, record: Record, outcomes: Sequence[str]) -> None:
        """Count one document.

        record: what it was made of.
        outcomes: what became of each span of the record.
        """
        for (start, end, label), outcome in zip(record.spans or (), outcomes, strict=True):
            self.outcomes[label, outcome] += 1
            if outcome == "skipped" and len(self.skipped) < MOST_SHOWN:
                shown = excerpt(record.text, start, end)
                self.skipped += [shown] if shown not in self.skipped else []
        self.n_docs += 1
        self.n_unannotated += record.spans is None
        self.notes.update(record.notes)

    def count(self, outcome: str, label: str | None = None) -> int:
        """Spans with one outcome.

        outcome: one of corpora.OUTCOMES.
        label: count only this one; None counts all.
        RETURNS (spans): how many there were.
        """
        if label is not None:
            return self.outcomes[label, outcome]
        return sum(n for (_, found), n in self.outcomes.items() if found == outcome)

    def merge(self, other: "Report", source: Path) -> None:
        """Add the counts of one file.

        source: the file.
        """
        self.n_docs += other.n_docs
        self.n_unannotated += other.n_unannotated
        self.outcomes += other.outcomes
        self.skipped = [*self.skipped, *other.skipped][:MOST_SHOWN]
        self.notes += other.notes
        if not other.outcomes:
            self.empty.append(source)

    @property
    def n_kept(self) -> int:
        """Spans in the files that were written."""
        return self.outcomes.total() - self.count("skipped") - self.count("duplicate")


def check_kept(report: Report, source: Path, lang: str) -> None:
    """Refuse a file all of whose spans were left out.

    report: of this file alone.
    lang: of the tokenizer.
    RAISES (ValueError): it has spans, and none is kept.
    """
    if report.outcomes and not report.n_kept:
        raise ValueError(
            f"{source}: spans must fit the tokens, but all {report.outcomes.total()} were left "
            f"out. {advise_skipped(report, lang)}"
        )


def advise_skipped(report: Report, lang: str) -> str:
    """What to do about spans that were left out, and some of them.

    lang: of the tokenizer.
    """
    return (
        "If these are not what was marked, repair the offsets: characters from 0, end exclusive. "
        f"If they are, is the language right (--lang {lang})? "
        "--alignment expand widens spans to whole tokens, --alignment fail names the first. "
        f"Left out, such as: {'; '.join(report.skipped)}"
    )


def print_report(msg: Printer, report: Report, lang: str) -> None:
    """Print what a conversion did.

    lang: of the tokenizer.
    """
    labels = sorted({label for label, _ in report.outcomes})
    total = sum(report.outcomes.values())
    rows = [
        (show_label(label), *(report.count(outcome, label) for outcome in OUTCOMES))
        for label in labels
    ]
    if rows:
        msg.table(
            rows,
            header=("label", *OUTCOMES),
            footer=("all", *(report.count(outcome) for outcome in OUTCOMES)),
            aligns=("l", *("r" for _ in OUTCOMES)),
            divider=True,
        )
    n_skipped = report.count("skipped")
    if n_skipped:
        msg.warn(
            f"{n_skipped} of {total} spans ({n_skipped / total:.1%}) do not fit the tokens and "
            "were left out",
            advise_skipped(report, lang),
        )
    if report.n_unannotated:
        msg.warn(
            f"{report.n_unannotated} of {report.n_docs} documents are not annotated",
            "They teach the component nothing. A text without spans needs an empty list of them.",
        )
    if report.empty:
        msg.warn(f"No record has a span in: {list_some(report.empty)}")
    for note, n in report.notes.most_common(MOST_SHOWN):
        msg.warn(f"{note} ({n} documents)")
    if len(report.notes) > MOST_SHOWN:
        msg.warn(f"{len(report.notes) - MOST_SHOWN} more remarks like these")
    is_whole = total and not (n_skipped or report.empty)
    show = msg.good if is_whole else msg.info
    for path in report.written:
        show(f"Wrote {path}")
    of_all = "" if report.n_kept == total else f" of {total}"
    show(f"Converted {report.n_docs} documents with {report.n_kept}{of_all} spans")
