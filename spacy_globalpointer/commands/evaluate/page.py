"""The HTML page of `spacy global-pointer evaluate`: one file that needs nothing beside it."""

from collections import Counter
from typing import Any

from ...spans import LabelledSpan
from ..labels import show_label
from ..span_drawing import Drawing, Mark, lay_out, one_line
from ..templating import fill_template
from .report import EXPLAINED, NAMES, percent, score_row

# Labels in the confusion table; the JSON file has all.
MOST_LABELS = 60


def make_page(report: dict[str, Any]) -> str:
    """Make the page.

    report: as in the JSON file.
    """
    labels = report["labels"]
    n_gold = {label: counts["right"] + counts["missed"] for label, counts in labels.items()}
    order = sorted(labels, key=lambda label: (-n_gold[label], label))
    confusion: Counter[tuple[str | None, str | None]] = Counter()
    totals: Counter[str | None] = Counter()
    for row in report["confusion"]:
        confusion[row["gold"], row["predicted"]] = row["spans"]
        totals[row["gold"]] += row["spans"]
    return fill_template(
        "evaluate/page.html",
        report=report,
        names=NAMES,
        explained=EXPLAINED,
        numbers={label: i for i, label in enumerate(order)},
        confusion=confusion,
        totals=totals,
        most_labels=MOST_LABELS,
        excerpts=[(excerpt, _draw(excerpt)) for excerpt in report["worst"]],
        percent=percent,
        score_row=score_row,
        exact=exact_score,
    )


def exact_score(score: float | None) -> str:
    """A score whose digits tell apart those near 0 or near 1."""
    if score is None:
        return "– (it can never be found)"
    return f"{score:.2g}" if score < 0.5 else f"{score:.4f}"


def _short_score(score: float | None) -> str:
    """A score with two digits, which never looks surer than it is; "–" for what has none."""
    if score is None:
        return "–"
    return f"{score:.2f}" if 0.005 <= score < 0.995 else "<0.01" if score < 0.5 else ">0.99"


def _draw(excerpt: dict[str, Any]) -> dict[str, Drawing]:
    """The predicted spans of an excerpt, and its gold ones."""
    first, last = excerpt["start"], excerpt["start"] + len(excerpt["tokens"])
    drawings = {}
    for side, error in (("predicted", "wrong"), ("gold", "missed")):
        marks = []
        for span in excerpt[side]:
            at = LabelledSpan(span["start"], span["end"], span["label"])
            if max(first, at.start) >= min(last, at.end):
                continue
            name = show_label(at.label)
            title = f"{at.label or '(empty label)'}: {one_line(span['text'])}"
            title += f", score {exact_score(span['score'])}"
            if not span["right"]:
                name += f" {_short_score(span['score'])}"
                title += f", {error}"
            if at.start < first or at.end > last:
                name += " …"
            marks.append(Mark(at, name, title, not span["right"]))
        drawings[side] = lay_out(excerpt["tokens"], marks, first)
    return drawings
