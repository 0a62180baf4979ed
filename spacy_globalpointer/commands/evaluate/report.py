"""What `spacy global-pointer evaluate` prints."""

from collections.abc import Iterable
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


def print_report(msg: Printer, report: dict[str, Any]) -> None:
    """Print the numbers as tables.

    report: as in the JSON file.
    """
    for note in report["notes"]:
        msg.warn(fit_screen(note))
    msg.info(f"{report['documents']} documents, threshold {report['threshold']}")
    spans = report["spans"]
    _print_scores(msg, "Spans", [(NAMES[part], spans[part]) for part in NAMES])
    labels = [(show_label(label), counts) for label, counts in report["labels"].items()]
    _print_scores(msg, "Spans (per label)", labels)
    _print_scores(msg, "Spans (per length in tokens)", report["lengths"].items())
    if report["errors"]:
        errors = {EXPLAINED[kind]: n for kind, n in report["errors"].items()}
        msg.table(errors, title="Errors", aligns=("l", "r"))
    confused = [row for row in report["confusion"] if is_confusion(row)]
    if confused:
        msg.table(
            [
                (show_label(row["gold"]), show_label(row["predicted"]), row["spans"])
                for row in confused[:MOST_PAIRS]
            ],
            title="Labels confused",
            header=("gold", "predicted", "spans"),
            aligns=tuple("llr"),
        )
        if len(confused) > MOST_PAIRS:
            msg.text(f"and {len(confused) - MOST_PAIRS} more pairs of labels")
    _print_calibration(msg, report["calibration"])


def is_confusion(row: dict[str, Any]) -> bool:
    """Whether a row of the confusion is about a span that has one label and was given another."""
    return None not in (row["gold"], row["predicted"]) and row["gold"] != row["predicted"]


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


def _print_scores(msg: Printer, title: str, parts: Iterable[tuple[str, dict[str, Any]]]) -> None:
    rows: list[tuple[str, ...]] = [(name, *score_row(counts)) for name, counts in parts]
    msg.table(rows, title=title, header=HEADER, aligns=tuple("lrrrrrr"))


def _print_calibration(msg: Printer, calibration: dict[str, Any]) -> None:
    rows = [
        (
            f"{row['low']:.1f} to {row['high']:.1f}",
            f"{row['spans']}",
            f"{row['probability']:.3f}",
            f"{row['gold']:.3f}",
        )
        for row in calibration["bins"]
        if row["spans"]
    ]
    if not rows:
        return
    msg.table(
        rows,
        title="Calibration",
        header=("score", "spans", "mean score", "share of gold"),
        aligns=tuple("lrrr"),
    )
    own = calibration["ece_of_found"]
    of_predicted = "" if own is None else f"; of predicted spans: {own:.4f}"
    msg.text(f"Expected calibration error: {calibration['ece']:.4f}{of_predicted}")
