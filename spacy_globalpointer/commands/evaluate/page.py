"""The HTML page of `spacy global-pointer evaluate`: one file that needs nothing beside it."""

from collections import Counter
from itertools import chain
from typing import Any

from ...spans import LabelledSpan
from ..labels import show_label
from ..span_drawing import Drawing, Mark, lay_out, one_line
from ..templating import fill_template
from .report import (
    EVENT_ERRORS,
    EXPLAINED,
    NAMES,
    RELATION_ERRORS,
    RELATION_NAMES,
    list_event_scores,
    percent,
    score_row,
)

# Labels in the confusion table; the JSON file has all.
MOST_LABELS = 60


def make_page(report: dict[str, Any]) -> str:
    """Make the page.

    report: as in the JSON file.
    """
    relations, events = report.get("relations", {}), report.get("events", {})
    confusion: Counter[tuple[str | None, str | None]] = Counter()
    totals: Counter[str | None] = Counter()
    for row in report.get("confusion", ()):
        confusion[row["gold"], row["predicted"]] = row["spans"]
        totals[row["gold"]] += row["spans"]
    worst, related, happened = (part.get("worst", []) for part in (report, relations, events))
    order = _order(report.get("labels", {}))
    orders = {name: _order(events.get(name, {})) for name in ("types", "roles")}
    # Also what joins spans, and the labels of these spans, have a colour.
    excerpts = [*related, *happened]
    joined = (span["label"] for x in excerpts for side in _SIDES for span in x[f"{side}_spans"])
    coloured = dict.fromkeys(
        [*order, *_order(relations.get("labels", {})), *chain(*orders.values()), *joined]
    )
    return fill_template(
        "evaluate/page.html",
        report=report,
        names_of_components=[
            x["component"] for x in (report, relations, events) if "component" in x
        ],
        names=NAMES,
        explained=EXPLAINED,
        relation_names=RELATION_NAMES,
        relation_errors=RELATION_ERRORS,
        event_errors=EVENT_ERRORS,
        event_scores=list_event_scores,
        event_orders=orders,
        labels=order,
        numbers={label: i for i, label in enumerate(coloured)},
        confusion=confusion,
        totals=totals,
        most_labels=MOST_LABELS,
        excerpts=[(excerpt, _draw(excerpt)) for excerpt in worst],
        relation_excerpts=[(excerpt, _draw_joined(excerpt)) for excerpt in related],
        event_excerpts=[(excerpt, _draw_joined(excerpt)) for excerpt in happened],
        percent=percent,
        score_row=score_row,
        exact=exact_score,
        short=_short_score,
    )


# With what is wrong on them.
_SIDES = {"predicted": "wrong", "gold": "missed"}


def _order(labels: dict[str, dict[str, Any]]) -> list[str]:
    """Labels by the number of gold ones."""
    n_gold = {label: counts["right"] + counts["missed"] for label, counts in labels.items()}
    return sorted(labels, key=lambda label: (-n_gold[label], label))


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
    drawings = {}
    for side, error in _SIDES.items():
        marks = [
            _mark(
                excerpt,
                span,
                "" if span["right"] else f" {_short_score(span['score'])}",
                f", score {exact_score(span['score'])}" + ("" if span["right"] else f", {error}"),
            )
            for span in excerpt[side]
        ]
        drawings[side] = _lay_out(excerpt, marks)
    return drawings


def _draw_joined(excerpt: dict[str, Any]) -> dict[str, Drawing]:
    """The predicted spans of an excerpt that there are to join, and the gold ones."""
    drawings = {}
    for side, error in _SIDES.items():
        marks = [
            _mark(excerpt, span, "", "" if span["right"] else f", {error}")
            for span in excerpt[f"{side}_spans"]
        ]
        drawings[side] = _lay_out(excerpt, marks)
    return drawings


def _mark(excerpt: dict[str, Any], span: dict[str, Any], name: str, title: str) -> Mark:
    """A span of an excerpt.

    name, title: what follows its label and its text.
    """
    first, last = excerpt["start"], excerpt["start"] + len(excerpt["tokens"])
    at = LabelledSpan(span["start"], span["end"], span["label"])
    dots = " …" if at.start < first or at.end > last else ""
    label = f"{at.label or '(empty label)'}: {one_line(span['text'])}"
    return Mark(at, show_label(at.label) + name + dots, label + title, not span["right"])


def _lay_out(excerpt: dict[str, Any], marks: list[Mark]) -> Drawing:
    """The text of an excerpt with those of the marks that have a token in it."""
    first, last = excerpt["start"], excerpt["start"] + len(excerpt["tokens"])
    inside = [m for m in marks if max(first, m.span.start) < min(last, m.span.end)]
    return lay_out(excerpt["tokens"], inside, first)
