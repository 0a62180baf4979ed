"""What `spacy global-pointer evaluate` prints."""

from collections.abc import Sequence
from typing import Any

from wasabi.printer import Printer

from ...corpora.messages import fit_screen
from ..labels import show_label

# Pairs of labels that are printed; the files have all.
MOST_PAIRS = 10
NAMES = {
    "exact": "exact",
    "boundary": "boundary only",
    "nested": "nested (exact)",
    "flat": "flat (exact)",
}
# Kinds of errors.
EXPLAINED = {
    "type": "wrong label",
    "border": "wrong border",
    "spurious": "spurious",
    "missed": "missed",
    "missed nested": "missed, nested",
}
HEADER = ("", "P", "R", "F", "gold", "predicted", "right")


def print_evaluation(msg: Printer, report: dict[str, Any]) -> None:
    """Print the numbers, which are as in the JSON file, as tables."""
    for note in report["notes"]:
        msg.warn(fit_screen(note))
    msg.info(f"{report['documents']} documents, threshold {report['threshold']}")
    for title, parts in {
        "Spans": [(name, report["spans"][part]) for part, name in NAMES.items()],
        "Spans (per label)": report["labels"].items(),
        "Spans (per length in tokens)": report["lengths"].items(),
    }.items():
        rows = [(show_label(name), *score_row(counts)) for name, counts in parts]
        msg.table(rows, title=title, header=HEADER, aligns=tuple("lrrrrrr"))
    if report["errors"]:
        errors = {EXPLAINED[kind]: n for kind, n in report["errors"].items()}
        msg.table(errors, title="Errors", aligns=("l", "r"))
    _print_confusion(msg, report["confusion"])
    _print_calibration(msg, report["calibration"])


def percent(share: float) -> str:
    """A share in percent."""
    return f"{100 * share:.2f}"


def score_row(counts: dict[str, Any]) -> tuple[str, ...]:
    """Texts of p, r, f and the gold, predicted and right spans; "-" where there is nothing.

    counts: "p", "r", "f", "right", "wrong", "missed".
    """
    gold, predicted = (counts["right"] + counts[other] for other in ("missed", "wrong"))
    values = (("p", predicted), ("r", gold), ("f", gold + predicted))
    scores = [percent(counts[part]) if base else "-" for part, base in values]
    return (*scores, str(gold), str(predicted), str(counts["right"]))


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


def _print_calibration(msg: Printer, calibration: dict[str, Any]) -> None:
    rows = [
        (
            f"{row['low']:.1f} to {row['high']:.1f}",
            row["spans"],
            f"{row['probability']:.3f}",
            f"{row['gold']:.3f}",
        )
        for row in calibration["bins"]
        if row["spans"]
    ]
    if rows:
        header = ("score", "spans", "mean score", "share of gold")
        msg.table(rows, title="Calibration", header=header, aligns=tuple("lrrr"))
        own = calibration["ece_of_found"]
        of_predicted = "" if own is None else f"; of predicted spans: {own:.4f}"
        msg.text(f"Expected calibration error: {calibration['ece']:.4f}{of_predicted}")
