"""The page of `spacy global-pointer render`: one file that needs no network and no script."""

from collections import Counter
from itertools import islice
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

import numpy
from jinja2 import Environment
from spacy import displacy
from spacy.tokens import Doc, Span, SpanGroup
from tqdm import tqdm

from .render_parts import GOLD, PREDICTED, Shown
from .span_drawing import STYLE, ShownSpan, colour_rules, draw_spans, shorten

TEMPLATE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>
:root { color-scheme: light dark;
  --page: #fff; --ink: #1d2026; --weak: #5b606a; --line: #d8dbe0; --bad: #a4001d }
@media (prefers-color-scheme: dark) {
  :root { --page: #14161b; --ink: #e8e9ec; --weak: #a0a5af; --line: #363b44; --bad: #ff8f94 }
}
body { max-width: 90rem; margin: 1.5rem auto; padding: 0 1.2rem; background: var(--page);
  color: var(--ink); line-height: 1.5;
  font-family: system-ui, "Noto Sans", "Noto Sans CJK SC", "Microsoft YaHei", sans-serif }
h1 { font-size: 1.3rem; overflow-wrap: anywhere } h2 { font-size: 0.9rem; margin: 0 }
h2, h3, .weak, .labels { color: var(--weak) }
h3 { font-size: 0.75rem; font-weight: normal; margin: 0 0 0.2rem }
a { color: inherit }
.labels { display: flex; flex-wrap: wrap; gap: 0.3rem 1.2rem; padding: 0; font-size: 0.85rem }
.labels li { list-style: none } .labels .label { font-size: 0.8rem }
article { border-top: 1px solid var(--line); padding: 0.7rem 0 1rem }
.panels { display: grid; gap: 0.8rem 2.5rem; grid-template-columns: minmax(0, 1fr) }
@media (min-width: 60rem) { .both { grid-template-columns: repeat(2, minmax(0, 1fr)) } }
.text { font-size: 1.05rem }
.check { font-size: 0.85rem; color: var(--weak); margin: 0.5rem 0 0 } .check b { color: var(--bad) }
nav { display: flex; flex-wrap: wrap; gap: 0.2rem 0.9rem; padding: 0.6rem 0; font-size: 0.9rem }
nav [aria-current] { font-weight: bold; text-decoration: none }
/* One page at a time: that of the address, or the first. */
@media screen { @supports selector(:has(a)) {
  .page:not(:target) { display: none }
  main:not(:has(:target)) .page:first-child { display: block }
} }
{{ style }}
</style>
</head>
<body>
<h1>{{ title }}</h1>
<p>{{ summary }}</p>
{% if is_checked %}<p class="weak">Dotted lines and hollow labels: predicted but not gold, or gold \
but missed.</p>{% endif %}
<ul class="labels">
{% for label in labels %}<li><span class="label coloured c{{ label.number }}">{{ label.name }}\
</span> {{ label.counts }}</li>
{% endfor %}</ul>
<main>
{% for page in pages %}<section class="page" id="page-{{ page.number }}">
{% if page.links %}{{ navigation(page) }}{% endif %}
{% for part in page.parts %}<article>
<h2>{{ part.name }}</h2>
<div class="panels{% if part.panels|length > 1 %} both{% endif %}">
{% for panel in part.panels %}<div class="panel {{ panel.kind }}">
{% if is_checked %}<h3>{{ panel.kind }}</h3>{% endif %}
<div class="text" lang="{{ part.lang }}">{{ panel.drawing|safe }}</div>
</div>
{% endfor %}</div>
{% if part.left_out %}<p class="check"><b>{{ part.left_out }} spans are not drawn</b></p>{% endif %}
{% if part.check %}<p class="check">{{ part.check.counts }}\
{% for name, spans in part.check.wrong %}; <b>{{ name }}</b>
{% for label, text in spans %}{{ label }} <q><bdi>{{ text }}</bdi></q>\
{{ ", " if not loop.last }}{% endfor %}{% endfor %}</p>{% endif %}
</article>
{% endfor %}{% if page.links %}{{ navigation(page) }}{% endif %}
</section>
{% endfor %}</main>
</body>
</html>
"""
NAVIGATION = """{% macro navigation(page) %}<nav aria-label="pages">\
{% for number, name in page.links %}<a href="#page-{{ number }}"\
{% if number == page.number and name == number|string %} aria-current="page"{% endif %}>\
{{ name }}</a> {% endfor %}<span class="weak">{{ page.range }}</span></nav>{% endmacro %}"""


class Extent(NamedTuple):
    """Where a span is (characters), and its label: the same in a prediction and its gold."""

    start: int
    end: int
    label: str


def render_page(
    shown: Sequence[Shown],
    title: str,
    labels: Sequence[str] = (),
    page_size: int = 20,
    *,
    silent: bool = True,
) -> str:
    """Make the page.

    shown: from prepare.
    title: of the page.
    labels: that keep their colours whether they are in these documents or not.
    page_size (documents and parts): on one page of it.
    silent: show no progress.
    RETURNS: HTML.
    """
    found = [_extents(part.doc) for part in shown]
    counts = {kind: _count(found, kind) for kind in (GOLD, "found", PREDICTED)}
    present = set().union(*counts.values())
    order = [*labels, *sorted(present - set(labels))]
    numbers = {label: i for i, label in enumerate(order)}
    kinds = [kind for kind in counts if any(kind in extents for extents in found)]
    # None: tqdm shows its bar on a terminal only.
    bar = tqdm(shown, "Drawing", unit=" docs", disable=silent or None)
    parts = [_describe(part, extents, numbers) for part, extents in zip(bar, found, strict=True)]
    n_docs = len({part.number for part in shown})
    environment = Environment(autoescape=True, trim_blocks=True)
    template = environment.from_string(NAVIGATION + TEMPLATE)
    return template.render(
        title=title,
        style=STYLE + colour_rules(len(order)),
        summary=f"documents: {n_docs:,}; spans: {_counts_text(counts, kinds)}",
        is_checked="found" in kinds,
        labels=[
            {"name": label, "number": numbers[label], "counts": _counts_text(counts, kinds, label)}
            for label in order
            if label in present
        ],
        pages=list(_make_pages(parts, page_size)),
    )


def _extents(doc: Doc) -> Dict[str, Set[Extent]]:
    """Spans of each group; "found" are the gold ones among the predicted."""
    extents: Dict[str, Set[Extent]] = {}
    for kind in doc.spans:
        group = doc.spans[kind]
        fits = group.attrs.get("fits", numpy.ones(len(group), dtype=bool))
        extents[kind] = {_extent(span) for span in group}
        if kind == GOLD and PREDICTED in doc.spans:
            fitting = {_extent(span) for span, fit in zip(group, fits, strict=True) if fit}
            extents["found"] = fitting & extents[PREDICTED]
    return extents


def _extent(span: Span) -> Extent:
    return Extent(span.start_char, span.end_char, span.label_)


def _count(found: Sequence[Dict[str, Set[Extent]]], kind: str) -> Counter[str]:
    """Spans of each label in all documents."""
    return Counter(extent.label for extents in found for extent in extents.get(kind, ()))


def _counts_text(
    counts: Dict[str, Counter[str]], kinds: Sequence[str], label: Optional[str] = None
) -> str:
    numbers = {
        kind: counts[kind].total() if label is None else counts[kind][label] for kind in kinds
    }
    return ", ".join(f"{number:,} {kind}" for kind, number in numbers.items())


def _describe(
    part: Shown, extents: Dict[str, Set[Extent]], numbers: Dict[str, int]
) -> Dict[str, Any]:
    doc, found = part.doc, extents.get("found")
    tokens, panels = [token.text_with_ws for token in doc], []
    for kind in (PREDICTED, GOLD):
        if kind in doc.spans:
            spans = list(_shown_spans(doc.spans[kind], kind, found, numbers))
            drawing = draw_spans(tokens, spans, **displacy.get_doc_settings(doc))
            panels.append({"kind": kind, "drawing": drawing})
    check = None
    if found is not None:
        wrong = [("missed", extents[GOLD] - found), ("not gold", extents[PREDICTED] - found)]
        check = {
            "counts": f"gold {len(extents[GOLD])}, found {len(found)}",
            "wrong": [
                (name, [(e.label, shorten(doc.text[e.start : e.end])) for e in sorted(those)])
                for name, those in wrong
                if those
            ],
        }
    return {**part._asdict(), "lang": doc.lang_, "panels": panels, "check": check}


def _shown_spans(
    group: SpanGroup, kind: str, found: Optional[Set[Extent]], numbers: Dict[str, int]
) -> Iterator[ShownSpan]:
    rows = group.attrs["scores" if kind == PREDICTED else "fits"].tolist()
    for span, value in zip(group, rows, strict=True):
        score = f" {value:.3f}" if kind == PREDICTED else ""
        notes = []
        is_odd = found is not None and _extent(span) not in found
        if is_odd:
            notes.append("not gold" if kind == PREDICTED else "missed")
        if kind == GOLD and not value:
            notes.append("does not fit the tokens")
        title = "; ".join([f"{span.label_}{score}: {shorten(span.text)}", *notes])
        colour = numbers[span.label_]
        yield ShownSpan(span.start, span.end, span.label_, colour, title, is_odd)


def _make_pages(parts: List[Dict[str, Any]], size: int) -> Iterator[Dict[str, Any]]:
    n = -(-len(parts) // size)
    rest = iter(parts)
    for number in range(1, n + 1):
        those = list(islice(rest, size))
        first, last = those[0]["name"], those[-1]["name"]
        yield {
            "number": number,
            "parts": those,
            "links": _links(number, n) if n > 1 else [],
            "range": f"documents {first} to {last}",
        }


def _links(number: int, n: int) -> List[Tuple[int, str]]:
    """Number and text of the links of a page: its neighbours, the first and the last."""
    near = {1, n, *range(max(1, number - 3), min(n, number + 3) + 1)}
    links = [(other, str(other)) for other in sorted(near)]
    before = [(number - 1, "← previous")] if number > 1 else []
    after = [(number + 1, "next →")] if number < n else []
    return [*before, *links, *after]
