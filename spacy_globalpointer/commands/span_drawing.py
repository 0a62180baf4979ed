"""Nested spans as lines under their text: displaCy's span style, on templates of our own.

What displaCy's templates lack: the score of a span when the mouse is over it, heights that follow
the depth of the nesting, labels that leave each other room, and colours for a dark page.
"""

import re
from collections.abc import Sequence
from html import escape
from typing import NamedTuple
from unicodedata import bidirectional, east_asian_width

from spacy import displacy

from .colours import label_colour

# displaCy hands the colour of a label to its templates unseen. Here each span is a "label" of its
# own, and its "colour" a Look. The offsets are set so that they are rows of a grid.
TEMPLATE = {
    "span": '<span class="token"><span class="word">{text}</span>{span_slices}{span_starts}</span>',
    "slice": '<span class="bar {bg.classes}" style="grid-row: {top_offset}" title="{bg.title}">'
    "</span>",
    "start": '<span class="start" style="grid-row: {top_offset}">'
    '<span class="label {bg.classes}" title="{bg.title}">{bg.label}</span></span>',
}
ROWS = {"top_offset": 2, "top_offset_step": 1}
# displaCy puts a space after each token outside spans. This character, which no text may have,
# marks those to take back.
MARK = "\ufdd0"
# Width of a character of a label, as a share of one of the text: labels are smaller, but bold and
# often upper case.
LABEL_WIDTH = 0.9

STYLE = """
.text .spans { line-height: 1.7 !important; white-space: pre-wrap; overflow-wrap: anywhere; }
.text .token { display: inline-grid; grid-template-rows: auto; grid-auto-rows: 1.15em; }
.text .word { grid-row: 1; white-space: break-spaces; overflow-wrap: anywhere; font-weight: 600; }
.text .bar, .text .start { grid-column: 1; display: flex; align-items: flex-start;
  line-height: 1; }
.coloured { --colour: var(--on-light); print-color-adjust: exact; }
@media (prefers-color-scheme: dark) { .coloured.coloured { --colour: var(--on-dark); } }
.text .bar { border-top: 0.25em solid var(--colour); }
.text .bar.odd { border-top-style: dotted; }
.label { font-size: 0.7em; font-weight: 700; line-height: 1.4; padding: 0 0.25em; z-index: 1;
  white-space: nowrap; border-radius: 0.2em; background: var(--colour); color: var(--page);
  border: 1px solid var(--colour); margin-inline-end: 0.2em; }
.label.odd { background: var(--page); color: var(--colour); border-style: dashed; }
.start .label.narrow { margin-inline-end: -30em; }
"""


class Look(NamedTuple):
    """What the templates show of a span, safe in HTML."""

    classes: str
    title: str
    label: str


class ShownSpan(NamedTuple):
    """A span to draw.

    start, end (tokens): of the text.
    label: shown at its start.
    colour: number of the label among those of `colour_rules`.
    title: shown when the mouse is over it.
    is_odd: drawn so that it stands out.
    """

    start: int
    end: int
    label: str
    colour: int
    title: str
    is_odd: bool = False


def draw_spans(
    tokens: Sequence[str], spans: Sequence[ShownSpan], *, lang: str, direction: str
) -> str:
    """Draw spans under a text.

    tokens: with the space after them.
    lang: spaCy's code of the language.
    direction: "rtl" if the language is written so; "ltr" leaves it to the text.
    RETURNS: HTML that STYLE is for, inside an element of the class "text".
    """
    # displaCy puts the first name on top where spans have the same tokens.
    ordered = sorted(spans, key=lambda span: span.label)
    names = [f"{i:06}" for i in range(len(ordered))]
    pieces, places = _cut_pieces(tokens, ordered)
    manual = {
        "tokens": pieces,
        "spans": [
            {
                "start_token": places[span.start],
                "end_token": places[span.end - 1] + 1,
                "label": name,
            }
            for name, span in zip(names, ordered, strict=True)
        ],
        "settings": {"lang": lang, "direction": _find_direction(tokens, direction)},
    }
    looks = {name: _look(tokens, span) for name, span in zip(names, ordered, strict=True)}
    options = {**ROWS, "colors": looks, "template": TEMPLATE}
    html = displacy.render(manual, style="span", manual=True, options=options, jupyter=False)
    html = html.replace(f"{MARK} ", "").replace(MARK, "")
    # A span may begin at the end of a line, and its label be longer than its first word.
    beyond = [label_width(span.label) - text_width(tokens[span.start]) for span in ordered]
    return f'<div style="padding-inline-end: {0.6 * max([0, *beyond]):.1f}em">{html}</div>'


def _find_direction(tokens: Sequence[str], direction: str) -> str:
    """That of the language, or of the first letter: a pipeline may know several languages."""
    letters = (bidirectional(character) for token in tokens for character in token)
    first = next((letter for letter in letters if letter in ("L", "R", "AL")), "L")
    return direction if first == "L" else "rtl"


def _cut_pieces(tokens: Sequence[str], spans: Sequence[ShownSpan]) -> tuple[list[str], list[int]]:
    """Cut a text into what displaCy is to take for tokens.

    A token keeps the space after it, except where a span ends: no line goes beyond its last word.

    RETURNS: the pieces, and which piece each token is.
    """
    covered = {i for span in spans for i in range(span.start, span.end)}
    ends = {span.end - 1 for span in spans}
    pieces: list[str] = []
    places: list[int] = []
    for i, token in enumerate(tokens):
        places.append(len(pieces))
        if i not in covered:
            pieces.append(token + MARK)
        # displaCy draws no line under white space; the mark makes it something else. A line break
        # would tear the lines of its spans apart.
        elif not token.strip():
            pieces.append(f" {MARK}")
        elif i not in ends or not token.endswith(" "):
            pieces.append(token)
        else:
            pieces += [token[:-1], f" {MARK}"]
    return pieces, places


def _look(tokens: Sequence[str], span: ShownSpan) -> Look:
    classes = [f"c{span.colour}", "coloured"]
    if span.is_odd:
        classes.append("odd")
    # A label that is shorter than its span needs no room of its own.
    if label_width(span.label) <= text_width("".join(tokens[span.start : span.end]).rstrip()):
        classes.append("narrow")
    return Look(" ".join(classes), escape(span.title), escape(span.label))


def text_width(text: str) -> int:
    """Width of a text in half-width characters: Chinese ones count twice."""
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


def label_width(label: str) -> float:
    """Width of a label in half-width characters of the text, its borders included."""
    return LABEL_WIDTH * text_width(label) + 1


def colour_rules(labels: Sequence[str]) -> str:
    """Style sheet with the colour of each label.

    labels: in the order of their numbers.
    RETURNS: rules for the classes c0, c1, ..., one colour on a light page and one on a dark page.
    """
    return "\n".join(
        f".c{i} {{ --on-light: {colour.light}; --on-dark: {colour.dark}; }}"
        for i, colour in enumerate(map(label_colour, labels))
    )


def shorten(text: str, most: int = 200) -> str:
    """Text in one line of so many characters."""
    text = re.sub(r"\s+", " ", text)
    return text if len(text) <= most else text[: most - 1] + "…"
