"""The HTML page of `spacy global-pointer evaluate`: one file that needs nothing beside it."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from ..colours import DARK, LIGHT
from ..labels import show_label
from ..span_drawing import STYLE, ShownSpan, colour_rules, draw_spans, shorten
from ..templating import fill_template
from .report import EXPLAINED, NAMES, percent, score_row

# Labels in the confusion table; the JSON file has all.
MOST_LABELS = 60


def make_page(report: dict[str, Any]) -> str:
    """Make the page.

    report: as in the JSON file.
    """
    labels = sorted(report["labels"], key=lambda name: (-_gold(report["labels"][name]), name))
    colour_of = {label: i for i, label in enumerate(labels)}
    return fill_template(
        "evaluate/page.html",
        {"percent": percent, "named": _named, "brief": _brief, "exact": _exact_score},
        report=report,
        style=STYLE + colour_rules(labels),
        colour_of=colour_of,
        light=LIGHT,
        dark=DARK,
        tables=_tables(report, labels),
        confusion=_confusion(report["confusion"], labels),
        reliability=_reliability(report["calibration"]["bins"]),
        lengths=_length_bars(report["lengths"]),
        explained=EXPLAINED,
        excerpts=[_excerpt(excerpt, report, colour_of) for excerpt in report["worst"]],
    )


def _gold(counts: dict[str, Any]) -> int:
    return int(counts["right"] + counts["missed"])


def _named(label: str | None) -> str:
    return "none" if label is None else label or "(empty label)"


def _brief(label: str | None) -> str:
    return "none" if label is None else show_label(label)


def _short_score(score: float | None) -> str:
    """A score with two digits, which never looks surer than it is; "–" for what has none."""
    if score is None:
        return "–"
    return f"{score:.2f}" if 0.005 <= score < 0.995 else "<0.01" if score < 0.5 else ">0.99"


def _exact_score(score: float | None) -> str:
    """A score whose digits tell apart those near 0 or near 1."""
    if score is None:
        return "– (it can never be found)"
    return f"{score:.2g}" if score < 0.5 else f"{score:.4f}"


def _tables(report: dict[str, Any], labels: Sequence[str]) -> dict[str, list[Any]]:
    """Rows of name, counts and their texts."""
    parts = {
        "spans": {name: report["spans"][part] for part, name in NAMES.items()},
        "labels": {label: report["labels"][label] for label in labels},
        "lengths": report["lengths"],
    }
    return {
        part: [(name, counts, score_row(counts)) for name, counts in rows.items()]
        for part, rows in parts.items()
    }


def _confusion(rows: Sequence[dict[str, Any]], labels: Sequence[str]) -> dict[str, Any]:
    """The table of gold labels by predicted ones, with "none" in the last row and column."""
    names: list[str | None] = [*labels[:MOST_LABELS], None]
    counts = {(row["gold"], row["predicted"]): row["spans"] for row in rows}
    totals: Counter[str | None] = Counter()
    for (gold, _), n in counts.items():
        totals[gold] += n
    table = []
    for gold in names:
        cells = []
        for predicted in names:
            n = counts.get((gold, predicted), 0)
            kind = "right" if gold == predicted else "wrong"
            # Half of the colour at most: the number is on it.
            share = n / totals[gold] if n else 0
            cells.append((predicted, n, kind, f"{0.5 * share:.3f}", share))
        table.append((gold, cells))
    return {"names": names, "rows": table, "left_out": len(labels) - len(names) + 1}


def _reliability(bins: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Bars of the share of gold in each bin of scores, in a square of 100 x 100."""
    width = 100 / len(bins)
    return [
        {
            **{"x": i * width, "width": width, "middle": (i + 0.5) * width, **row},
            **{"height": 100 * (row["gold"] or 0), "mean": 100 * (row["probability"] or 0)},
        }
        for i, row in enumerate(bins)
    ]


def _length_bars(lengths: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Bars of F1 by length, 100 wide in all and 100 high at most."""
    width = 100 / max(1, len(lengths))
    return [
        {
            **{"x": i * width, "width": width, "middle": (i + 0.5) * width},
            **{"name": name, "height": 100 * counts["f"], "gold": _gold(counts)},
        }
        for i, (name, counts) in enumerate(lengths.items())
    ]


def _excerpt(
    excerpt: dict[str, Any], report: dict[str, Any], colour_of: dict[str, int]
) -> dict[str, Any]:
    """An excerpt with drawings of its gold and its predicted spans."""
    tokens, offset = excerpt["tokens"], excerpt["start"]
    drawings = {}
    for side, error in (("predicted", "wrong"), ("gold", "missed")):
        spans = []
        for span in excerpt[side]:
            start, end = span["start"] - offset, span["end"] - offset
            score = _exact_score(span["score"])
            title = f"{_named(span['label'])}: {shorten(span['text'])}, score {score}"
            label = _brief(span["label"])
            if not span["right"]:
                label += f" {_short_score(span['score'])}"
            if start < 0 or end > len(tokens):
                label += " …"  # it goes on outside of the excerpt
            if not span["right"]:
                title += f", {error}"
            start, end = max(0, start), min(len(tokens), end)
            if start < end:
                colour = colour_of[span["label"]]
                spans.append(ShownSpan(start, end, label, colour, title, not span["right"]))
        settings = {"lang": report["lang"], "direction": report["direction"]}
        drawings[side] = draw_spans(tokens, spans, **settings)
    return {**excerpt, "drawings": drawings}
