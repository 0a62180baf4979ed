"""The scores of all spans of one text as SVG: a table of first by last tokens for each label."""

import re
import textwrap
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy
from spacy.tokens import Doc

from ...spans import LabelledSpan
from ..labels import list_labels
from ..span_drawing import one_line, text_width
from ..templating import fill_template

# More tokens have cells too small to see.
MOST_TOKENS = 60
MOST_PANELS = 12
# Labels whose best score is lower have no panel, and cells with less than half of it no colour.
FLOOR = 0.01
# In px, as all of the picture.
WIDTH, MARGIN = 1760, 24
LONGEST_TOKEN = 14
MIRRORED = "Below the diagonal, mirrored: the scores before the second look."
# Characters that XML cannot hold.
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
VISIBLE = str.maketrans({" ": "␣", "\n": "↵", "\t": "⇥"})


def score_spans(
    pipe: Any, doc: Doc
) -> tuple[dict[str, numpy.ndarray], dict[str, numpy.ndarray] | None]:
    """Score every span of a document for every label.

    pipe: the component global_pointer; those before it have run on the document.
    RETURNS (s, e): probabilities for each label; e is the last token. -1 where no span can be: it
        would end before it starts, be longer than max_length, or have white space at an end. Also
        those before the second look, None if there is none.
    """
    from ...nn import to_probability
    from ...pipeline.rescoring import final_tables
    from ...pipeline.tables import Tables

    tables = Tables(pipe.model, [doc], pipe.model.predict([doc]))
    ((table, _),) = final_tables(tables, [0], pipe.max_length)

    def by_label(factors: Any) -> dict[str, numpy.ndarray]:
        scores = to_probability(factors.scores()[0]).where(factors.allowed()[0], -1)
        return dict(zip(pipe.labels, scores.cpu().numpy(), strict=True))

    final = table.factors
    first = None if final.corrections is None else by_label(replace(final, corrections=None))
    return by_label(final), first


def draw_heat_map(
    doc: Doc,
    scores: dict[str, numpy.ndarray],
    predicted: Iterable[LabelledSpan] = (),
    gold: Iterable[LabelledSpan] = (),
    first: dict[str, numpy.ndarray] | None = None,
) -> str:
    """Draw the scores: a panel for each label, those with marks and high scores first.

    scores: from score_spans.
    predicted, gold (characters): get a mark; those that do not fit the tokens have no cell.
    first: scores before the second look, drawn below the diagonal; None for none.
    RETURNS: an SVG file.
    """
    marks = {"predicted": _on_tokens(doc, predicted), "gold": _on_tokens(doc, gold)}
    best = {label: float(table.max()) for label, table in scores.items()}
    drawn, rest = _choose_panels(best, {span.label for spans in marks.values() for span in spans})

    words = [one_line(token.text.translate(VISIBLE), LONGEST_TOKEN) for token in doc]
    cell = max(13, min(26, 640 // len(doc)))
    widths = [0.6 * 0.72 * cell * text_width(word) for word in words]
    # Words stand beside the first cell of their row, which may be on the diagonal: a word may reach
    # over the rows above it, which begin further left.
    begin = [0 if first else i * cell for i in range(len(doc))]
    left = round(max(width - x for x, width in zip(begin, widths, strict=True))) + 8
    head = round(max(widths)) + 30
    titles = max((10 * text_width(f"{label}: best 0.000"[:54]) for label in drawn), default=0)
    step = left + max(len(doc) * cell, titles) + MARGIN, head + len(doc) * cell + MARGIN
    columns = max(1, min(len(drawn), (WIDTH - MARGIN) // step[0]))
    width = max(600, columns * step[0] + MARGIN)
    notes = [MIRRORED] if first else []
    if rest:
        shown = list_labels([(label, f"{best[label]:.3f}") for label in rest])
        notes += _wrap(f"Not drawn, with their best score: {shown}", width - 2 * MARGIN)
    allowed = next(iter(scores.values())) >= 0
    svg = fill_template(
        "render/heat_map.svg",
        title=f"Scores of the spans of: {one_line(doc.text)}",
        notes=notes,
        tokens=[token.text_with_ws for token in doc],
        words=list(zip(words, begin, strict=True)),
        allowed=(allowed | allowed.T if first else allowed).tolist(),
        panels=[(label, best[label], scores[label].tolist()) for label in drawn],
        first={label: first[label].T.tolist() for label in drawn} if first else {},
        marks=marks,
        floor=FLOOR,
        columns=columns,
        cell=cell,
        left=left,
        head=head,
        step=step,
        width=width,
        margin=MARGIN,
    )
    return NOT_XML.sub("\ufffd", svg)


def _choose_panels(best: dict[str, float], marked: set[str]) -> tuple[list[str], list[str]]:
    """The labels to draw, in order, and the others.

    best: score of each label.
    marked: labels of predicted or gold spans.
    """
    order = sorted(best, key=lambda label: (label not in marked, -best[label]))
    drawn = [label for label in order if label in marked or best[label] >= FLOOR][:MOST_PANELS]
    return drawn, [label for label in order if label not in drawn]


def _wrap(note: str, width: int) -> list[str]:
    """Break a note into lines; wide characters, as in Chinese, count as they are.

    width (px): of the lines.
    """
    return textwrap.wrap(note, max(1, int(width * len(note) / (8 * text_width(note)))))


def _on_tokens(doc: Doc, spans: Iterable[LabelledSpan]) -> list[LabelledSpan]:
    """The spans that fit the tokens, in tokens."""
    rows = [(doc.char_span(span.start, span.end), span.label) for span in sorted(spans)]
    return [LabelledSpan(at.start, at.end, label) for at, label in rows if at is not None]
