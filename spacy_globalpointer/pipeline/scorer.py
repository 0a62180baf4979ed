"""Scores of predicted spans: spancat's, and what they hide about nested spans and borders."""

from functools import partial
from typing import Any, Callable, Dict, Iterable, List, Sequence, Set, Tuple

from spacy.scorer import PRFScore, Scorer
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import registry

Cell = Tuple[str, int, int]


@registry.scorers("spacy_globalpointer.span_scorer.v1")
def make_span_scorer() -> Callable[..., Dict[str, Any]]:
    """Make a scorer of span groups.

    RETURNS: (examples, spans_key=..., annotate_ents=...) -> scores; see `score_span_groups`.
    """
    return score_span_groups


def score_span_groups(
    examples: Iterable[Example], *, spans_key: str = "sc", annotate_ents: bool = False, **cfg: Any
) -> Dict[str, Any]:
    """Score doc.spans[spans_key]; documents without the gold group are left out.

    spans_{key}_p, _r, _f, _per_type: as `spacy.spancat_scorer.v1`.
    spans_{key}_macro_f: mean of the F of all labels in gold or prediction.
    spans_{key}_boundary_p, _r, _f: a span counts whatever its label.
    spans_{key}_nested_r, _flat_r: recall of gold spans that contain or lie in another gold span
        of other borders, and of all others; None where there are none.
    ents_p, _r, _f, _per_type: with annotate_ents.
    """
    examples = list(examples)
    attr = f"spans_{spans_key}"
    score = partial(
        Scorer.score_spans,
        examples,
        attr,
        getter=partial(_spans, spans_key),
        has_annotation=lambda doc: spans_key in doc.spans,
        allow_overlap=True,
    )
    scores = score()
    boundary = score(labeled=False)
    for part in "prf":
        scores[f"{attr}_boundary_{part}"] = boundary[f"{attr}_{part}"]
    per_type = (scores[f"{attr}_per_type"] or {}).values()
    scores[f"{attr}_macro_f"] = sum(s["f"] for s in per_type) / len(per_type) if per_type else None
    scores.update(_recall_by_nesting(examples, spans_key, attr))
    if annotate_ents:
        scores.update(Scorer.score_spans(examples, "ents", has_annotation=_has_ents))
    return scores


def nested_cells(cells: Set[Tuple[int, int]]) -> Set[Tuple[int, int]]:
    """Of the intervals (start, end), those that contain or lie in another one."""
    nested = set()
    ordered = sorted(cells, key=lambda cell: (cell[0], -cell[1]))
    outer: List[Tuple[int, int]] = []
    for cell in ordered:
        # An interval that starts no later contains this one if it ends no earlier.
        around = [other for other in outer if other[1] >= cell[1]]
        if around:
            nested.add(cell)
            nested.update(around)
        outer = [other for other in outer if other[1] > cell[0]] + [cell]
    return nested


def _recall_by_nesting(examples: Sequence[Example], key: str, attr: str) -> Dict[str, Any]:
    scores = {"nested": PRFScore(), "flat": PRFScore()}
    for example in examples:
        if key not in example.reference.spans:
            continue
        gold = {_cell(span) for span in example.reference.spans[key]}
        predicted = example.get_aligned_spans_x2y(
            example.predicted.spans.get(key, []), allow_overlap=True
        )
        found = gold & {_cell(span) for span in predicted}
        nested = nested_cells({cell[1:] for cell in gold})
        for name, score in scores.items():
            part = {cell for cell in gold if (cell[1:] in nested) == (name == "nested")}
            score.score_set(found & part, part)
    return {
        f"{attr}_{name}_r": score.recall if len(score) else None for name, score in scores.items()
    }


def _cell(span: Span) -> Cell:
    return span.label_, span.start, span.end


def _spans(key: str, doc: Doc, attr: str) -> Iterable[Span]:
    return doc.spans.get(key, [])


def _has_ents(doc: Doc) -> bool:
    return doc.has_annotation("ENT_IOB")
