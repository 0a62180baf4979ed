"""Show predicted spans, and what they miss of the gold ones, on one HTML page.

python scripts/render.py training/en/model-best corpus/en/test.spacy pages/en.html
"""

import re
import string
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Annotated, NamedTuple

import spacy
import typer
from spacy import displacy
from spacy.tokens import Doc, DocBin
from wasabi import msg

# Light enough for black text on top; repeated where labels outnumber them.
PALETTE = (
    "#8dd3c7 #ffb3ba #bebada #fdb462 #80b1d3 #b3de69 #fccde5 #d9d9d9 #ccaa88 #ccebc5 #ffed6f"
).split()

# displaCy's own templates, less the line breaks: in Chinese each would show as a space.
TEMPLATE = {
    "span": '<span class="token">{text}{span_slices}{span_starts}</span>',
    "slice": '<span class="bar" style="background: {bg}; top: {top_offset}px"></span>',
    "start": '<span class="bar start" style="background: {bg}; top: {top_offset}px">'
    '<span class="label" style="background: {bg}">{label}{kb_link}</span></span>',
}
# displaCy puts a space after each token outside spans. This character marks those to take back.
JOINER = "\u2060"

PAGE = string.Template("""<!DOCTYPE html>
<html lang="$lang">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222;
  font-family: system-ui, "Noto Sans", "Noto Sans CJK SC", "Microsoft YaHei", sans-serif; }
h1 { font-size: 1.3rem; }
section { border-top: 1px solid #ddd; padding: 0.6rem 0; }
.spans { font-size: 1.1rem; }
.token { display: inline-block; position: relative; white-space: pre; font-weight: 600;
  height: calc(var(--deepest) + 20px); }
.bar { position: absolute; left: 0; width: 100%; height: 4px; }
.start { border-radius: 3px 0 0 3px; }
.label, .key { color: #000; padding: 2px 3px; border-radius: 3px; font-size: 0.65rem;
  font-weight: bold; line-height: 1; }
.label { position: absolute; top: -0.5em; z-index: 1; }
.key { margin-right: 0.4rem; }
.check { font-size: 0.85rem; color: #555; }
.check b { color: #b00020; }
</style>
</head>
<body>
<h1>$title</h1>
<p>$summary</p>
<p>$keys</p>
$sections
</body>
</html>
""")


class Extent(NamedTuple):
    """Where a span is, in characters, and what it is: equal in a prediction and its gold."""

    start: int
    end: int
    label: str


def get_extents(doc: Doc, spans_key: str) -> set[Extent]:
    """Take the spans of a group; a missing group has none."""
    spans = doc.spans.get(spans_key, [])
    return {Extent(span.start_char, span.end_char, span.label_) for span in spans}


def render_doc(doc: Doc, spans_key: str, colors: dict[str, str]) -> str:
    """Draw the spans of a document under its text."""
    spans = doc.spans.get(spans_key, [])
    covered = {token.i for span in spans for token in span}
    manual = {
        "text": doc.text,
        "tokens": [t.text_with_ws + ("" if t.i in covered else JOINER) for t in doc],
        "spans": [
            {"start_token": span.start, "end_token": span.end, "label": escape(span.label_)}
            for span in spans
        ],
        "settings": displacy.get_doc_settings(doc),
    }
    options = {"colors": colors, "template": TEMPLATE}
    html = displacy.render(manual, style="span", manual=True, options=options, jupyter=False)
    # displaCy measures a token's height by its number of spans, too low where one is far down.
    deepest = max(re.findall(r"top: (\d+)px", html), key=int, default=0)
    return f'<div style="--deepest: {deepest}px">{html.replace(JOINER + " ", "")}</div>'


def describe(text: str, extents: Iterable[Extent]) -> str:
    """Name spans by their label and words."""
    return ", ".join(
        f"{escape(label)} <q>{escape(text[start:end])}</q>" for start, end, label in sorted(extents)
    )


def render_check(text: str, predicted: set[Extent], gold: set[Extent]) -> str:
    """Say how many gold spans were found, which were missed, and which were not gold."""
    lines = [f"gold {len(gold)}, found {len(predicted & gold)}"]
    if gold - predicted:
        lines.append(f"<b>missed</b> {describe(text, gold - predicted)}")
    if predicted - gold:
        lines.append(f"<b>not gold</b> {describe(text, predicted - gold)}")
    return f'<div class="check">{"; ".join(lines)}</div>'


def render_page(pairs: list[tuple[Doc, Doc]], spans_key: str, title: str) -> str:
    """Make a self-contained page of (predicted, gold) documents."""
    extents = [tuple(get_extents(doc, spans_key) for doc in pair) for pair in pairs]
    labels = sorted({extent.label for pair in extents for each in pair for extent in each})
    colors = {escape(label): PALETTE[i % len(PALETTE)] for i, label in enumerate(labels)}
    counts = {
        "texts": len(pairs),
        "gold spans": sum(len(gold) for _, gold in extents),
        "found": sum(len(predicted & gold) for predicted, gold in extents),
        "predicted": sum(len(predicted) for predicted, _ in extents),
    }
    sections = [
        f"<section>{render_doc(doc, spans_key, colors)}{render_check(doc.text, *each)}</section>"
        for (doc, _), each in zip(pairs, extents, strict=True)
    ]
    return PAGE.substitute(
        lang=pairs[0][0].lang_ if pairs else "",
        title=escape(title),
        summary=", ".join(f"{count} {name}" for name, count in counts.items()),
        keys="".join(
            f'<span class="key" style="background: {color}">{label}</span>'
            for label, color in colors.items()
        ),
        sections="\n".join(sections),
    )


def main(
    model: Annotated[Path, typer.Argument(help="Trained pipeline")],
    data: Annotated[Path, typer.Argument(help="Gold documents (.spacy)")],
    output: Annotated[Path, typer.Argument(help="Page to write (.html)")],
    spans_key: Annotated[str, typer.Option(help="Name of the group in doc.spans")] = "sc",
    limit: Annotated[int, typer.Option(help="Documents to show, 0 for all")] = 60,
) -> None:
    """Write a page that shows what MODEL finds in DATA."""
    nlp = spacy.load(model)
    gold = list(DocBin().from_disk(data).get_docs(nlp.vocab))
    gold = gold[:limit] if limit else gold
    predicted = nlp.pipe(doc.text for doc in gold)
    output.parent.mkdir(parents=True, exist_ok=True)
    page = render_page(list(zip(predicted, gold, strict=True)), spans_key, f"{model} on {data}")
    output.write_text(page, encoding="utf8")
    msg.good(f"Saved {len(gold)} texts to {output}")


if __name__ == "__main__":
    typer.run(main)
