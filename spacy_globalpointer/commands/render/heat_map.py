"""The scores of all spans of one text as SVG: a table of first by last tokens for each label."""

import re
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

import numpy
from spacy.tokens import Doc

from ..colours import DARK, LIGHT, label_colour
from ..labels import list_labels, show_label
from ..span_drawing import shorten, text_width

# More tokens have cells too small to see.
MOST_TOKENS = 60
MOST_PANELS = 12
# Labels whose best score is lower have no panel, and cells with less than half of it no colour.
FLOOR = 0.01
WIDTH = 1760
MARGIN = 24
LONGEST_TOKEN = 14
SMALL = 13  # px, of the notes

STYLE = """
svg { color-scheme: light dark; background: var(--page);
  --page: LIGHT; --ink: #1d2026; --weak: #62666f; --empty: #eef0f3 }
.coloured { --colour: var(--on-light) }
text { fill: var(--ink);
  font-family: system-ui, "Noto Sans", "Noto Sans CJK SC", "Microsoft YaHei", sans-serif }
.title { font-weight: 700; fill: var(--colour) } .note, .last { fill: var(--weak) }
/* Words of scripts that are written downwards stand upright, all others lie. */
.last { writing-mode: vertical-rl; text-anchor: end; dominant-baseline: central }
.spans { fill: var(--empty) } .cell { fill: var(--colour) } .scale { fill: var(--weak) }
.predicted, .gold { fill: none; pointer-events: none; stroke: var(--ink); stroke-width: 1.6 }
.gold { fill: var(--page); stroke-width: 1.2 }
@media (prefers-color-scheme: dark) {
  svg { --page: DARK; --ink: #e8e9ec; --weak: #a0a5af; --empty: #262a31 }
  .coloured { --colour: var(--on-dark) }
}
""".replace("LIGHT", LIGHT).replace("DARK", DARK)
# Characters that XML cannot hold.
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
VISIBLE = {" ": "␣", "\n": "↵", "\t": "⇥"}

Cells = set[tuple[int, int]]


class Scores(NamedTuple):
    """Scores of all spans of a text, and which of them there are.

    labels (c): in the order of the model.
    probability (c, s, e): 0 where no span can be; e is the last token.
    allowed (s, e): start <= last, not longer than max_length, no white space at the ends.
    """

    labels: list[str]
    probability: numpy.ndarray
    allowed: numpy.ndarray


class Marks(NamedTuple):
    """Cells (start, last) of one label to outline."""

    predicted: Cells
    gold: Cells


def score_spans(pipe: Any, doc: Doc) -> Scores:
    """Score every span of a document for every label.

    pipe: the component global_pointer; those before it have run on the document.
    """
    from ...pipeline.tables import Tables

    tables = Tables(pipe.model, [doc], pipe.model.predict([doc]))
    (table,) = tables.of([0], pipe.max_length)
    probability = (2 * table.factors.scores()[0]).sigmoid()
    allowed = table.factors.allowed()[0]
    return Scores(list(pipe.labels), probability.cpu().numpy(), allowed.cpu().numpy())


def check_length(doc: Doc, where: str) -> None:
    """Refuse a text whose cells would be too small, or that has none.

    where: it is from, for the message.
    RAISES (ValueError): naming the repair.
    """
    if not 1 <= len(doc) <= MOST_TOKENS:
        raise ValueError(
            f"a heat map shows a text of 1 to {MOST_TOKENS} tokens, was: {len(doc)} ({where}). "
            "Give one sentence of it with --text, or choose another document with --document"
        )


def draw_heat_map(doc: Doc, scores: Scores) -> str:
    """Draw the scores: a panel for each label, those with marks and high scores first.

    doc: the text, with its spans in groups PREDICTED and GOLD where it has them.
    RETURNS: an SVG file.
    """
    marks = find_marks(doc)
    best = scores.probability.max((1, 2), initial=0)
    order = sorted(
        range(len(scores.labels)),
        key=lambda i: (not any(marks.get(scores.labels[i], ())), -best[i]),
    )
    wanted = [i for i in order if best[i] >= FLOOR or any(marks.get(scores.labels[i], ()))]
    titles = {i: f"{show_label(scores.labels[i])}: best {best[i]:.3f}" for i in wanted}
    panel = _Panel(doc, scores.allowed, max(map(text_width, titles.values()), default=0))
    columns = max(1, min(len(wanted), (WIDTH - MARGIN) // (panel.width + MARGIN)))
    width = max(600, columns * (panel.width + MARGIN) + MARGIN)
    svg = ET.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "role": "img"})
    ET.SubElement(svg, "title").text = _clean(f"Scores of the spans of: {shorten(doc.text)}")
    ET.SubElement(svg, "style").text = STYLE
    top = _draw_key(svg, _describe_rest(scores.labels, best, wanted, marks), width)
    for place, i in enumerate(wanted[:MOST_PANELS]):
        row, column = divmod(place, columns)
        x, y = MARGIN + column * (panel.width + MARGIN), top + row * (panel.height + MARGIN)
        label = scores.labels[i]
        colour = label_colour(label)
        group = ET.SubElement(svg, "g", {"class": "panel coloured", "data-label": _clean(label)})
        group.set("transform", f"translate({x} {y})")
        group.set("style", f"--on-light: {colour.light}; --on-dark: {colour.dark}")
        _text(group, titles[i], panel.left, 14, "title", 15)
        panel.draw(group, label, scores.probability[i], marks.get(label, Marks(set(), set())))
    rows = -(-min(len(wanted), MOST_PANELS) // columns)
    height = top + rows * (panel.height + MARGIN)
    svg.attrib.update(viewBox=f"0 0 {width} {height}", width=str(width), height=str(height))
    return ET.tostring(svg, encoding="unicode") + "\n"


def find_marks(doc: Doc) -> dict[str, Marks]:
    """Cells of the spans of a document, by label.

    doc: as in draw_heat_map; gold spans that do not fit the tokens have no cell.
    """
    marks: dict[str, Marks] = {}
    for kind in doc.spans:
        group = doc.spans[kind]
        fits = group.attrs.get("fits", [True] * len(group))
        for span, fit in zip(group, fits, strict=True):
            cells = getattr(marks.setdefault(span.label_, Marks(set(), set())), kind)
            if fit:
                cells.add((span.start, span.end - 1))
    return marks


class _Panel:
    """The table of one label; all have the same size."""

    def __init__(self, doc: Doc, allowed: numpy.ndarray, title: int) -> None:
        """Measure.

        title (half-width characters): of the longest title.
        """
        self.doc = doc
        self.allowed = allowed
        self.words = [_token_label(token.text) for token in doc]
        self.cell = max(13, min(26, 640 // len(doc)))
        self.size = round(0.72 * self.cell, 1)
        longest = max(map(text_width, self.words))
        self.head = round(0.6 * self.size * longest) + 30  # the words above, and the title
        # A word may reach over the rows above it, which begin further left.
        room = [round(0.6 * self.size * text_width(word)) + 8 for word in self.words]
        self.left = max(width - i * self.cell for i, width in enumerate(room))
        self.width = self.left + max(len(doc) * self.cell, 10 * title)
        self.height = self.head + len(doc) * self.cell

    def draw(self, group: ET.Element, label: str, probability: numpy.ndarray, marks: Marks) -> None:
        """Draw the table of a label.

        probability (s, e): as in Scores.
        """
        self._draw_words(group)
        path = "".join(
            f"M{self._x(first)} {self._y(start)}h{(last + 1 - first) * self.cell}v{self.cell}"
            f"h{-(last + 1 - first) * self.cell}z"
            for start in range(len(self.doc))
            for first, last in _runs(self.allowed[start])
        )
        ET.SubElement(group, "path", {"class": "spans", "d": path})
        # Compared as it is written.
        for start, last in zip(*(probability >= FLOOR / 2).nonzero(), strict=True):
            self._draw_cell(group, label, int(start), int(last), float(probability[start, last]))
        for kind, cells in marks._asdict().items():
            # An outline, and a dot that leaves the colour of its cell to be seen.
            inset = 0.8 if kind == "predicted" else 0.34 * self.cell
            for start, last in sorted(cells):
                ET.SubElement(group, "rect", {"class": kind, **self._place(start, last, inset)})

    def _draw_words(self, group: ET.Element) -> None:
        middle = 0.36 * self.size
        for i, word in enumerate(self.words):
            # The word of a row stands where its cells begin, in the empty half.
            x, y = self._x(i) - 4, self._y(i) + self.cell / 2 + middle
            _text(group, word, x, y, "start", self.size).set("text-anchor", "end")
            x, y = self._x(i) + self.cell / 2, self.head - 4
            _text(group, word, x, y, "last", self.size)

    def _draw_cell(
        self, group: ET.Element, label: str, start: int, last: int, score: float
    ) -> None:
        place = {"data-start": str(start), "data-end": str(last + 1), **self._place(start, last)}
        cell = ET.SubElement(group, "rect", {"class": "cell", **place})
        cell.set("fill-opacity", f"{score:.4f}")
        label = shorten(label)
        words = shorten(self.doc[start : last + 1].text)
        ET.SubElement(cell, "title").text = _clean(f"{label} {score:.3f}: {words}")

    def _x(self, token: int) -> float:
        return self.left + token * self.cell

    def _y(self, token: int) -> float:
        return self.head + token * self.cell

    def _place(self, start: int, last: int, inset: float = 0.0) -> dict[str, str]:
        side = f"{self.cell - 2 * inset:g}"
        x, y = self._x(last) + inset, self._y(start) + inset
        return {"x": f"{x:g}", "y": f"{y:g}", "width": side, "height": side}


def _draw_key(svg: ET.Element, notes: Sequence[str], width: int) -> int:
    """Say what the colours and lines mean, and what is not drawn.

    RETURNS (px): where the panels begin.
    """
    y = MARGIN
    _text(svg, "Rows: first token of a span. Columns: last token.", MARGIN, y, "note", SMALL)
    y += 12
    for i in range(11):
        x = MARGIN + 16 * i
        place = {"x": str(x), "y": str(y), "width": "16", "height": "14"}
        ET.SubElement(svg, "rect", {"class": "scale", "fill-opacity": str(i / 10), **place})
    _text(svg, "score 0 to 1", MARGIN + 184, y + 12, "note", SMALL)
    for kind, x, inset in (("predicted", 300, 0), ("gold", 420, 4)):
        side = str(14 - 2 * inset)
        place = {"x": str(x + inset), "y": str(y + inset), "width": side, "height": side}
        ET.SubElement(svg, "rect", {"class": kind, **place})
        _text(svg, kind, x + 22, y + 12, "note", SMALL)
    y += 14
    for note in notes:
        # Characters of a line; wide ones, as in Chinese, count as they are.
        most = (width - 2 * MARGIN) / (0.62 * SMALL * text_width(note) / len(note))
        for line in textwrap.wrap(note, int(most)):
            y += 19
            _text(svg, line, MARGIN, y, "note rest", SMALL)
    return y + MARGIN


def _describe_rest(
    labels: Sequence[str],
    best: numpy.ndarray,
    wanted: Sequence[int],
    marks: dict[str, Marks],
) -> list[str]:
    groups: dict[str, list[tuple[str, Any]]] = {
        "Gold labels that the model does not have": [
            (label, None) for label in sorted(set(marks) - set(labels))
        ],
        "Not drawn, with their best score": [
            (labels[i], f"{best[i]:.3f}") for i in wanted[MOST_PANELS:]
        ],
        f"No span of a score of {FLOOR:g} or more": [
            (label, None) for i, label in enumerate(labels) if i not in wanted
        ],
    }
    return [f"{what}: {list_labels(rows)}" for what, rows in groups.items() if rows]


def _runs(row: numpy.ndarray) -> Iterator[tuple[int, int]]:
    """First and last place of each run of true values."""
    edges = numpy.flatnonzero(numpy.diff(numpy.concatenate(([0], row.astype(int), [0]))))
    yield from zip(edges[::2].tolist(), (edges[1::2] - 1).tolist(), strict=True)


def _token_label(text: str) -> str:
    text = "".join(VISIBLE.get(character, character) for character in text)
    return shorten(text, LONGEST_TOKEN)


def _text(
    parent: ET.Element, text: str, x: float, y: float, classes: str, size: float
) -> ET.Element:
    place = {"x": f"{x:g}", "y": f"{y:g}", "font-size": f"{size:g}", "class": classes}
    element = ET.SubElement(parent, "text", place)
    element.text = _clean(text)
    return element


def _clean(text: str) -> str:
    return NOT_XML.sub("\ufffd", text)
