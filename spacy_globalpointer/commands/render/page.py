"""The page of `spacy global-pointer render`: one file that needs no network and no script."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from spacy import displacy
from spacy.tokens import Doc, SpanGroup
from tqdm import tqdm

from ..colours import DARK, LIGHT
from ..labels import show_label
from ..span_drawing import STYLE, ShownSpan, colour_rules, draw_spans, shorten
from ..templating import fill_template
from .parts import GOLD, PREDICTED, RIGHT, UNDRAWN, Shown, drawn_extents, extents

# More labels are folded up, for what is below them to be seen.
MOST_LABELS = 40
# Wrong spans that are told below one part of a document, and missed ones.
MOST_ERRORS = 20
Counts = Counter[tuple[str, str]]


def render_page(
    shown: Sequence[Shown],
    title: str,
    page_size: int = 20,
    *,
    notes: Sequence[str] = (),
    errors_only: bool = False,
    silent: bool = True,
) -> str:
    """Make the page.

    shown: from prepare.
    title: of the page.
    page_size (documents and parts): on one page of it.
    notes: what a reader should know about the data.
    errors_only: draw what has errors; all is counted.
    silent: show no progress.
    RETURNS: HTML.
    """
    counts: Counts = Counter()
    for document in shown:
        counts.update(document.counts)
    compared = [document for document in shown if document.is_compared]
    kinds = [kind for kind in (GOLD, PREDICTED) if any(kind in d.parts[0].spans for d in shown)]
    labels = {label: i for i, label in enumerate(sorted({label for _, label in counts}))}
    # None: tqdm shows its bar on a terminal only.
    bar = tqdm(shown, "Drawing", unit=" docs", disable=silent or None)
    parts = [part for document in bar for part in _describe(document, labels, errors_only)]
    return fill_template(
        "render/page.html",
        {"brief": show_label},
        title=shorten(title),
        style=STYLE + colour_rules(list(labels)),
        light=LIGHT,
        dark=DARK,
        summary=f"documents: {len(shown):,}; spans: {_counts_text(counts, kinds, bool(compared))}",
        notes=notes,
        errors_only=errors_only,
        n_compared=len(compared),
        n_wrong=sum(document.has_errors for document in compared),
        most_labels=MOST_LABELS,
        labels=[
            {"name": label, "counts": _counts_text(counts, kinds, bool(compared), label)}
            for label in labels
        ],
        pages=list(_make_pages(parts, page_size)),
    )


def _counts_text(
    counts: Counts, kinds: Sequence[str], is_compared: bool, label: str | None = None
) -> str:
    """The number of spans of each kind, of one label or of all."""
    n: Counter[str] = Counter()
    for (kind, other), number in counts.items():
        n[kind] += number if label in (None, other) else 0
    numbers = {kind: n[kind] for kind in kinds}
    if is_compared:
        numbers[RIGHT] = n[RIGHT]
    if n[UNDRAWN]:
        numbers[UNDRAWN] = n[UNDRAWN]
    return ", ".join(f"{number:,} {kind}" for kind, number in numbers.items())


def _describe(
    document: Shown, labels: dict[str, int], errors_only: bool
) -> Iterator[dict[str, Any]]:
    """What the template shows of the parts of a document.

    labels: with their numbers.
    """
    for i, doc in enumerate(document.parts, start=1):
        check = _check(doc) if document.is_compared else None
        # Spans that no part has are told in the first.
        lost = document.lost if i == 1 else 0
        has_errors = bool(check and check["errors"]) or (lost > 0 and document.has_errors)
        if errors_only and not has_errors:
            continue
        n_parts = len(document.parts)
        undrawn = sum(
            len(set(extents(group)) - drawn_extents(group)) for group in doc.spans.values()
        )
        yield {
            "name": f"{document.number}" + (f", part {i} of {n_parts}" if n_parts > 1 else ""),
            "lang": doc.lang_,
            "panels": [
                {"kind": kind, "drawing": _draw(doc, doc.spans[kind], kind, labels)}
                for kind in (PREDICTED, GOLD)
                if kind in doc.spans
            ],
            "undrawn": lost + undrawn,
            "check": check,
            "has_errors": has_errors,
        }


def _draw(doc: Doc, group: SpanGroup, kind: str, labels: dict[str, int]) -> str:
    """A drawing of the spans of one kind."""
    attrs = group.attrs
    is_compared = {PREDICTED, GOLD} <= set(doc.spans)
    values = attrs["scores" if kind == PREDICTED else "fits"].tolist()
    rows = zip(group, values, attrs["right"].tolist(), attrs["drawn"].tolist(), strict=True)
    spans = []
    for span, value, is_right, is_drawn in rows:
        if not is_drawn:
            continue
        score = f" {value:.3f}" if kind == PREDICTED else ""
        notes = []
        is_odd = is_compared and not is_right
        if is_odd:
            notes.append("wrong" if kind == PREDICTED else "missed")
        if kind == GOLD and not value:
            notes.append("does not fit the tokens")
        label = span.label_
        title = "; ".join([f"{shorten(label)}{score}: {shorten(span.text)}", *notes])
        place = span.start, span.end, show_label(label), labels[label]
        spans.append(ShownSpan(*place, title, is_odd))
    tokens = [token.text_with_ws for token in doc]
    return draw_spans(tokens, spans, **displacy.get_doc_settings(doc))


def _check(doc: Doc) -> dict[str, Any]:
    """How many spans of a part are right, and which are not."""
    n, errors = {}, []
    for kind, name in ((GOLD, "missed"), (PREDICTED, "wrong")):
        group = doc.spans[kind]
        rows = zip(extents(group), group, group.attrs["right"].tolist(), strict=True)
        # What is there twice counts once.
        spans = {extent: (span, is_right) for extent, span, is_right in rows}
        n[kind] = len(spans)
        n[RIGHT] = sum(is_right for _, is_right in spans.values())
        found = [(extent, span.text) for extent, (span, ok) in sorted(spans.items()) if not ok]
        texts = [(extent.label, shorten(text)) for extent, text in found[:MOST_ERRORS]]
        if texts:
            errors.append((name, texts, len(found) - len(texts)))
    return {"counts": ", ".join(f"{n[k]} {k}" for k in (GOLD, PREDICTED, RIGHT)), "errors": errors}


def _make_pages(parts: list[dict[str, Any]], size: int) -> Iterator[dict[str, Any]]:
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


def _links(number: int, n: int) -> list[tuple[int, str]]:
    """Number and text of the links of a page: its neighbours, the first and the last."""
    near = {1, n, *range(max(1, number - 3), min(n, number + 3) + 1)}
    links = [(other, str(other)) for other in sorted(near)]
    before = [(number - 1, "← previous")] if number > 1 else []
    after = [(number + 1, "next →")] if number < n else []
    return [*before, *links, *after]
