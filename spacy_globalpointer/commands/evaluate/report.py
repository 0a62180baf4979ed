"""What `spacy global-pointer evaluate` prints."""

from collections.abc import Iterable, Sequence
from typing import Any

from wasabi.printer import Printer

from ...messages import fit_screen
from ..labels import show_label

# Pairs of labels that are printed; the files have all.
MOST_PAIRS = 10
# Parts of spans, of relations and of events.
NAMES = {
    "exact": "exact",
    "boundary": "boundary only",
    "nested": "nested (exact)",
    "flat": "flat (exact)",
}
RELATION_NAMES = {
    "strict": "strict",
    "boundary": "boundary only",
    "text": "text only",
    "given_spans": "given the gold spans",
    "nested": "nested spans",
    "cross_sentence": "across sentences",
}
EVENT_NAMES = {
    "exact": "whole events",
    "trigger": "trigger",
    "trigger_type": "trigger and type",
    "argument": "argument",
    "role": "argument and role",
    "attached": "argument, role and event",
    "given_spans": "whole, given the gold spans",
}
# Kinds of errors in spans, in relations and in events.
EXPLAINED = {
    "type": "wrong label",
    "border": "wrong border",
    "spurious": "spurious",
    "missed": "missed",
    "missed nested": "missed, nested",
}
RELATION_ERRORS = {
    "label": "wrong label",
    "direction": "wrong direction",
    "span": "wrong span",
    "spurious": "spurious",
    "missed": "missed, both spans found",
    "missed span": "missed with a span",
}
EVENT_ERRORS = {
    "type": "wrong type",
    "trigger": "wrong trigger",
    "merged": "several events in one",
    "split": "part of a split event",
    "role": "wrong role",
    "missing argument": "missing argument",
    "spurious argument": "spurious argument",
    "arguments": "missing and spurious arguments",
    "spurious": "spurious",
    "missed": "missed, all spans found",
    "missed trigger": "missed with its trigger",
    "missed span": "missed with an argument",
}
HEADER = ("", "P", "R", "F", "gold", "predicted", "right")


def print_evaluation(msg: Printer, report: dict[str, Any]) -> None:
    """Print the numbers, which are as in the JSON file, as tables."""
    _print_notes(msg, report)
    if "spans" in report:
        msg.info(f"{report['documents']} documents, threshold {report['threshold']}")
        _print_scores(msg, "Spans", [(x, report["spans"][part]) for part, x in NAMES.items()])
        _print_scores(msg, "Spans (per label)", report["labels"].items())
        _print_scores(msg, "Spans (per length in tokens)", report["lengths"].items())
        _print_errors(msg, "Errors", report["errors"], EXPLAINED)
        _print_confusion(msg, report["confusion"])
        _print_calibration(msg, "Calibration", "spans", report["calibration"])
    if "relations" in report:
        _print_relations(msg, report["relations"])
    if "events" in report:
        _print_events(msg, report["events"])


def _print_relations(msg: Printer, report: dict[str, Any]) -> None:
    _print_notes(msg, report)
    msg.info(f"{report['documents']} documents with relations, threshold {report['threshold']}")
    scores = [(name, report["scores"][part]) for part, name in RELATION_NAMES.items()]
    _print_scores(msg, "Relations", scores)
    _print_scores(msg, "Relations (per label)", report["labels"].items())
    title = "Relations (per distance: tokens between the spans)"
    _print_scores(msg, title, report["distances"].items())
    _print_errors(msg, "Errors in relations", report["errors"], RELATION_ERRORS)
    _print_calibration(msg, "Calibration of relations", "relations", report["calibration"])


def _print_events(msg: Printer, report: dict[str, Any]) -> None:
    _print_notes(msg, report)
    msg.info(f"{report['documents']} documents with events, threshold {report['threshold']}")
    _print_scores(msg, "Events", list_event_scores(report["scores"]))
    _print_scores(msg, "Events (per type)", report["types"].items())
    _print_scores(msg, "Arguments of events (per role)", report["roles"].items())
    _print_errors(msg, "Errors in events", report["errors"], EVENT_ERRORS)
    _print_calibration(msg, "Calibration of events", "events", report["calibration"])


def list_event_scores(scores: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The scores of events with their names, without those of triggers if there are none."""
    rows = [(part, name, scores[part]) for part, name in EVENT_NAMES.items() if part in scores]
    return [
        (name, counts)
        for part, name, counts in rows
        if counts["right"] or counts["wrong"] or counts["missed"] or "trigger" not in part
    ]


def _print_notes(msg: Printer, report: dict[str, Any]) -> None:
    for note in report["notes"]:
        msg.warn(fit_screen(note))


def _print_scores(msg: Printer, title: str, parts: Iterable[tuple[str, dict[str, Any]]]) -> None:
    """Print a table of names and counts."""
    rows = [(show_label(name), *score_row(counts)) for name, counts in parts]
    msg.table(rows, title=title, header=HEADER, aligns=tuple("lrrrrrr"))


def _print_errors(
    msg: Printer, title: str, errors: dict[str, int], explained: dict[str, str]
) -> None:
    if errors:
        named = {explained[kind]: n for kind, n in errors.items()}
        msg.table(named, title=title, aligns=("l", "r"))


def percent(share: float) -> str:
    """A share in percent."""
    return f"{100 * share:.2f}"


def score_row(counts: dict[str, Any]) -> tuple[str, ...]:
    """Texts of p, r, f and the gold, predicted and right ones; "-" where there is nothing.

    counts: "p", "r", "f", "right", "wrong", "missed"; of gold alone only "r", "right", "missed".
    """
    gold = counts["right"] + counts["missed"]
    predicted = counts["right"] + counts["wrong"] if "wrong" in counts else None
    values = (("p", predicted), ("r", gold), ("f", gold + predicted if "f" in counts else 0))
    scores = [percent(counts[part]) if base else "-" for part, base in values]
    return (*scores, str(gold), "-" if predicted is None else str(predicted), str(counts["right"]))


def _print_confusion(msg: Printer, confusion: Sequence[dict[str, Any]]) -> None:
    """Spans that have one label and were given another."""
    pairs = [(row["gold"], row["predicted"], row["spans"]) for row in confusion]
    wrong = [pair for pair in pairs if None not in pair and pair[0] != pair[1]]
    if wrong:
        rows = [(show_label(a), show_label(b), n) for a, b, n in wrong[:MOST_PAIRS]]
        header = ("gold", "predicted", "spans")
        msg.table(rows, title="Labels confused", header=header, aligns=tuple("llr"))
    if len(wrong) > MOST_PAIRS:
        msg.text(f"and {len(wrong) - MOST_PAIRS} more pairs of labels")


def _print_calibration(msg: Printer, title: str, what: str, calibration: dict[str, Any]) -> None:
    """Print a table of bins.

    what: has the scores: spans, relations or events.
    """
    rows = [
        (
            f"{row['low']:.1f} to {row['high']:.1f}",
            row[what],
            f"{row['probability']:.3f}",
            f"{row['gold']:.3f}",
        )
        for row in calibration["bins"]
        if row[what]
    ]
    if rows:
        header = ("score", what, "mean score", "share of gold")
        msg.table(rows, title=title, header=header, aligns=tuple("lrrr"))
        own = calibration["ece_of_found"]
        of_predicted = "" if own is None else f"; of predicted {what}: {own:.4f}"
        msg.text(f"Expected calibration error: {calibration['ece']:.4f}{of_predicted}")
