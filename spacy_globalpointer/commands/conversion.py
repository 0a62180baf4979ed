"""What a conversion did, by label, and how it is reported."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from wasabi.printer import Printer

from ..corpora import EVENT_OUTCOMES, OUTCOMES, RELATION_OUTCOMES, Record
from ..messages import excerpt, list_some, quote, shorten
from .labels import show_label

# Spans, relations and events that were left out, and kinds of remarks, that are shown.
MOST_SHOWN, MOST_NOTES = 3, 10
# Outcomes of relations and events that were left out, and of events that lost something.
LOST, LESS = ("skipped", "merged"), ("skipped", "merged", "reduced")

# Counts by label and outcome.
Outcomes = Counter[tuple[str, str]]


@dataclass
class Conversion:
    """What a conversion did.

    written: the .spacy files.
    n_docs, n_unannotated, n_unrelated, n_eventless: documents in them, those without a group of
        spans, those without one of relations, and those without one of events.
    n_arguments: those that events lost with their spans; not counting events of outcome skipped.
    outcomes (spans): counts by label and outcome, one of corpora.OUTCOMES.
    relations, events: the same of relations, one of corpora.RELATION_OUTCOMES, and of events, one
        of corpora.EVENT_OUTCOMES.
    skipped: of each input file the first spans that were left out, in their text.
    lost, less: the first relations that were left out, and events that lost something.
    empty: input files in which no record has a span.
    notes: what else was left out or changed, and how often; first_notes: where at first.
    formats (input files): the format that each was read as.
    texts_alone: files named .txt in a folder of .ann files that lack one.
    """

    written: list[Path] = field(default_factory=list)
    n_docs: int = 0
    n_arguments: int = 0
    n_unannotated: int = 0
    n_unrelated: int = 0
    n_eventless: int = 0
    outcomes: Outcomes = field(default_factory=Counter)
    relations: Outcomes = field(default_factory=Counter)
    events: Outcomes = field(default_factory=Counter)
    skipped: dict[Path, list[str]] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    less: list[str] = field(default_factory=list)
    empty: list[Path] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)
    first_notes: dict[str, str] = field(default_factory=dict)
    formats: Counter[str] = field(default_factory=Counter)
    texts_alone: list[Path] = field(default_factory=list)

    def add(
        self,
        record: Record,
        outcomes: Sequence[str],
        relations: Sequence[str],
        events: Sequence[str],
        source: Path,
    ) -> None:
        """Count a document of an input file, and what became of its record.

        outcomes, relations, events: of each span, relation and event of the record.
        """
        shown = self.skipped.setdefault(source, [])
        for (start, end, label), outcome in zip(record.spans or (), outcomes, strict=True):
            self.outcomes[label, outcome] += 1
            if outcome == "skipped" and len(shown) < MOST_SHOWN:
                text = excerpt(record.text, start, end)
                shown += [text] if text not in shown else []
        for edge, outcome in zip(record.relations or (), relations, strict=True):
            self.relations[edge[2], outcome] += 1
            if outcome in LOST and len(self.lost) < MOST_SHOWN:
                self.lost.append(_describe(record, *edge))
        for event, outcome in zip(record.events or (), events, strict=True):
            self.events[event[0], outcome] += 1
            if outcome != "skipped":
                self.n_arguments += sum(outcomes[at] == "skipped" for _, at in set(event[2]))
            if outcome in LESS and len(self.less) < MOST_SHOWN:
                self.less.append(_describe_event(record, *event))
        self.n_docs += 1
        self.n_unannotated += record.spans is None
        self.n_unrelated += record.relations is None
        self.n_eventless += record.events is None
        own = [(note, record.source) for note in record.notes]
        for note, place in (*own, *record.left_out):
            self.notes[note] += 1
            self.first_notes.setdefault(note, place)

    def count(self, outcome: str, label: str | None = None) -> int:
        """Spans with one outcome, of one label or of all."""
        return _count(self.outcomes, outcome, label)


def _count(outcomes: Outcomes, outcome: str, label: str | None = None) -> int:
    found = outcomes.items()
    return sum(n for (name, what), n in found if what == outcome and label in (None, name))


def _describe(record: Record, head: int, child: int, label: str) -> str:
    """A relation that was left out, with its place in the data."""
    spans = record.spans or ()
    ends = (quote(record.text[start:end], 40) for start, end, _ in (spans[head], spans[child]))
    return f"{record.source}: {shorten(label)} from {' to '.join(ends)}"


def _describe_event(
    record: Record, kind: str, trigger: int | None, arguments: Sequence[tuple[str, int]]
) -> str:
    """An event that lost something, with its place in the data."""
    spans = record.spans or ()
    places = [*([] if trigger is None else [trigger]), *(place for _, place in arguments)]
    texts = (quote(record.text[start:end], 40) for start, end, _ in (spans[x] for x in places))
    return f"{record.source}: {shorten(kind)} of {list_some(list(texts))}"


def advise_offsets(skipped: Sequence[str], lang: str) -> str:
    """What to do about spans that were left out, of which some are given."""
    return (
        "If these are not what was marked, repair the offsets: characters from 0, end exclusive. "
        f"If they are, is the language right (--lang {lang})? "
        "--alignment expand widens spans to whole tokens, --alignment fail names the first. "
        f"Left out, such as: {'; '.join(skipped)}"
    )


def print_conversion(msg: Printer, report: Conversion, lang: str) -> None:
    """Print what a conversion did."""
    total, n_skipped = report.outcomes.total(), report.count("skipped")
    _print_table(msg, report.outcomes, "label", OUTCOMES)
    if n_skipped:
        msg.warn(
            f"{n_skipped} of {total} spans ({n_skipped / total:.1%}) do not fit the tokens and "
            "were left out",
            advise_offsets([*chain(*report.skipped.values())][:MOST_SHOWN], lang),
        )
    if report.n_unannotated:
        msg.warn(
            f"{report.n_unannotated} of {report.n_docs} documents are not annotated",
            "They teach the component nothing. A text without spans needs an empty list of them.",
        )
    if report.empty:
        msg.warn(f"No record has a span in: {list_some(report.empty)}")
    _print_relations(msg, report)
    _print_events(msg, report)
    for note, n in report.notes.most_common(MOST_NOTES):
        times = "once" if n == 1 else f"{n} times, first"
        msg.warn(f"{note} ({times} in {report.first_notes[note]})")
    if len(report.notes) > MOST_NOTES:
        msg.warn(f"{len(report.notes) - MOST_NOTES} more kinds of remarks")
    if report.texts_alone:
        msg.warn(
            f"{len(report.texts_alone)} texts have no .ann file beside them and were not read: "
            f"{list_some(report.texts_alone)}"
        )
    n_lost = sum(_count(report.relations, outcome) for outcome in LOST)
    n_lost += sum(_count(report.events, outcome) for outcome in LESS)
    show = msg.good if total and not (n_skipped or report.empty or n_lost) else msg.info
    if report.formats:
        show(f"Read {_list_formats(report.formats)}")
    for path in report.written:
        show(f"Wrote {path}")
    counts = _say_kept("spans", report.outcomes, ("skipped", "duplicate"))
    if report.relations:
        counts += f" and {_say_kept('relations', report.relations, (*LOST, 'duplicate'))}"
    if report.events:
        counts += f" and {_say_kept('events', report.events, (*LOST, 'duplicate'))}"
    show(f"Converted {report.n_docs} documents with {counts}")


def _list_formats(formats: Counter[str]) -> str:
    """How many files were read as which format."""
    (name, first), *rest = formats.most_common()
    others = "".join(f", {n} as {other}" for other, n in rest)
    return f"{first} {'file' if first == 1 else 'files'} as {name}{others}"


def _print_relations(msg: Printer, report: Conversion) -> None:
    """Print what became of relations, unless nothing is annotated with any."""
    if report.n_unrelated == report.n_docs:
        return
    _print_table(msg, report.relations, "relation", RELATION_OUTCOMES)
    total = report.relations.total()
    n_skipped, n_merged = (_count(report.relations, outcome) for outcome in LOST)
    if n_skipped or n_merged:
        msg.warn(
            f"{n_skipped + n_merged} of {total} relations ({(n_skipped + n_merged) / total:.1%}) "
            f"were left out: {n_skipped} of spans that were, {n_merged} between two spans that "
            "became one",
            "What helps is written above, at the spans. Left out, such as: "
            f"{'; '.join(report.lost)}",
        )
    n_unrelated = report.n_unrelated - report.n_unannotated
    if n_unrelated:
        msg.warn(
            f"{n_unrelated} of {report.n_docs} documents have spans, but no relations annotated",
            "They teach a component for relations nothing. A text without relations needs an empty "
            "list of them.",
        )


def _print_events(msg: Printer, report: Conversion) -> None:
    """Print what became of events, unless nothing is annotated with any."""
    if report.n_eventless == report.n_docs:
        return
    _print_table(msg, report.events, "event", EVENT_OUTCOMES)
    total = report.events.total()
    n_skipped, n_merged, n_reduced = (_count(report.events, outcome) for outcome in LESS)
    if n_skipped or n_merged or n_reduced:
        msg.warn(
            f"{n_skipped + n_merged} of {total} events ({(n_skipped + n_merged) / total:.1%}) were "
            f"left out: {n_skipped} because their trigger or all of their spans were, {n_merged} "
            f"because without a lost argument they equal another event. {n_reduced} others lost "
            f"arguments (arguments lost in all: {report.n_arguments})",
            "What helps is written above, at the spans. Such as: " + "; ".join(report.less),
        )
    n_eventless = report.n_eventless - report.n_unannotated
    if n_eventless:
        msg.warn(
            f"{n_eventless} of {report.n_docs} documents have spans, but no events annotated",
            "They teach a component for events nothing. A text without events needs an empty list "
            "of them.",
        )


def _print_table(msg: Printer, found: Outcomes, title: str, outcomes: Sequence[str]) -> None:
    """Print counts by label and outcome, if there are any."""
    if not found:
        return
    rows = [
        (show_label(x), *(_count(found, outcome, x) for outcome in outcomes))
        for x in sorted({label for label, _ in found})
    ]
    msg.table(
        rows,
        header=(title, *outcomes),
        footer=("all", *(_count(found, outcome) for outcome in outcomes)),
        aligns=("l", *"r" * len(outcomes)),
        divider=True,
    )


def _say_kept(name: str, found: Outcomes, lost: Sequence[str]) -> str:
    total = found.total()
    n_kept = total - sum(_count(found, outcome) for outcome in lost)
    return f"{n_kept}{'' if n_kept == total else f' of {total}'} {name}"
