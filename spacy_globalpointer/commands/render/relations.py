"""Relations on the page of `spacy global-pointer render`."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from spacy.tokens import Doc

from ...spans import LabelledRelation, LabelledSpan
from ..labels import show_label
from ..line_breaks import break_lines
from ..relation_drawing import Arc, RelatedDrawing, lay_out_relations
from ..span_drawing import Mark, one_line
from .data import Related

# Characters of an argument in titles and tables.
LONGEST_ARGUMENT = 60


def turn_all(relations: Related, symmetric: Collection[str]) -> Related:
    """The same, those without direction from the first span: each once, with its best score.

    symmetric: labels of relations without direction.
    """
    turned: Related = {}
    for (head, child, label), score in relations.items():
        ends = (head, child)
        if label in symmetric:
            ends = min(ends, ends[::-1], key=lambda pair: (pair[0].start, -pair[0].end, pair[0]))
        relation = LabelledRelation(*ends, label)
        known = turned.get(relation)
        turned[relation] = score if known is None or score is None else max(known, score)
    return turned


def ends_of(relations: Related | None) -> dict[LabelledSpan, None]:
    """The spans that are joined, in order."""
    return {span: None for relation in relations or () for span in relation[:2]}


def make_arcs(
    doc: Doc,
    relations: Related,
    places: Mapping[LabelledSpan, LabelledSpan],
    odd: Collection[LabelledRelation],
    symmetric: Collection[str],
    kind: str,
) -> dict[LabelledRelation, Arc]:
    """Relations (characters) as arcs.

    places (tokens): of the spans that are drawn.
    odd: those that are wrong or missed.
    kind: what an odd one is, "wrong" or "missed".
    """
    arcs, text = {}, doc.text
    for relation, score in relations.items():
        head, child, label = relation
        words = tuple(one_line(text[s.start : s.end], LONGEST_ARGUMENT) for s in (head, child))
        is_directed, is_odd = label not in symmetric, relation in odd
        shown = "" if score is None else f" {score:.3f}"
        title = f"{one_line(label)}{shown}: {(' → ' if is_directed else ' ↔ ').join(words)}"
        title += f"; {kind}" if is_odd else ""
        arcs[relation] = Arc(
            places.get(head) or place_tokens(doc, head),
            places.get(child) or place_tokens(doc, child),
            label,
            (words[0], words[1]),
            show_label(label),
            title,
            score,
            is_directed,
            is_odd,
        )
    return arcs


def place_tokens(doc: Doc, span: LabelledSpan) -> LabelledSpan:
    """The tokens that a span touches; for one without any, a place outside the text."""
    start, end, label = span
    found = doc.char_span(start, end, alignment_mode="expand") if start < end else None
    return (
        LabelledSpan(-1, -1, label)
        if found is None
        else LabelledSpan(found.start, found.end, label)
    )


def draw_sides(
    tokens: Sequence[str],
    sides: Mapping[str, tuple[Sequence[Mark], Sequence[Arc]]],
    first: int,
) -> dict[str, RelatedDrawing]:
    """Draw predicted and gold relations of a part of a document, with the same lines of text.

    sides: marks and arcs of each.
    first (tokens): where the part begins.
    """
    spans = {mark.span.extent for marks, _ in sides.values() for mark in marks}
    ties = {(arc.head.start, arc.child.start) for _, arcs in sides.values() for arc in arcs}
    borders = break_lines(tokens, _shift(spans, first), _shift(ties, first))
    return {
        side: lay_out_relations(tokens, borders, marks, arcs, first)
        for side, (marks, arcs) in sides.items()
    }


def _shift(pairs: Iterable[tuple[int, int]], first: int) -> list[tuple[int, int]]:
    return [(one - first, other - first) for one, other in sorted(pairs)]
