"""Scores of predicted spans: spancat's, and what they hide about nested spans and borders."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from spacy.scorer import PRFScore
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import registry

from ..spans import LabelledSpan, nested_extents
from .borders import to_reference

# Gold and predicted spans of a document, on the tokens of the reference.
Pair = tuple[set[LabelledSpan], set[LabelledSpan]]


@registry.scorers("spacy_globalpointer.span_scorer.v1")
def make_span_scorer() -> Callable[..., dict[str, Any]]:
    """Make a scorer of span groups.

    RETURNS: (examples, spans_key=..., annotate_ents=...) -> scores; see `score_span_groups`.
    """
    return score_span_groups


def score_span_groups(
    examples: Iterable[Example], *, spans_key: str = "sc", annotate_ents: bool = False, **cfg: Any
) -> dict[str, Any]:
    """Score doc.spans[spans_key]; documents without the gold group are left out.

    A predicted span that does not begin and end where tokens of the reference do is wrong.

    spans_{key}_p, _r, _f, _per_type: as `spacy.spancat_scorer.v1`, which leaves such spans out.
    spans_{key}_macro_f: mean of the F of all labels in gold or prediction.
    spans_{key}_boundary_p, _r, _f: a span counts whatever its label.
    spans_{key}_nested_r, _flat_r: recall of gold spans that contain or lie in another gold span
        of other borders, and of all others; None where there are none.
    ents_p, _r, _f, _per_type: with annotate_ents.
    """
    examples = list(examples)
    attr = f"spans_{spans_key}"
    pairs = _pairs(examples, partial(_group, spans_key))
    scores = _score(pairs, attr)
    per_type = (scores[f"{attr}_per_type"] or {}).values()
    scores[f"{attr}_macro_f"] = sum(s["f"] for s in per_type) / len(per_type) if per_type else None
    boundary = PRFScore()
    for gold, found in pairs:
        boundary.score_set({cell[:2] for cell in found}, {cell[:2] for cell in gold})
    scores.update(_name(boundary, f"{attr}_boundary"))
    scores.update(_recall_by_nesting(pairs, attr))
    if annotate_ents:
        scores.update(_score(_pairs(examples, _ents), "ents"))
    return scores


def _pairs(examples: Iterable[Example], get: Callable[[Doc], Iterable[Span] | None]) -> list[Pair]:
    """Gold and predicted spans of the documents that have gold.

    get: the spans of a document; None where it has no annotation of them.
    """
    pairs = []
    for example in examples:
        gold = get(example.reference)
        if gold is not None:
            predicted = [_cell(span) for span in get(example.predicted) or ()]
            pairs.append(({_cell(span) for span in gold}, set(to_reference(example, predicted))))
    return pairs


def _cell(span: Span) -> LabelledSpan:
    return LabelledSpan(span.start, span.end, span.label_)


def _group(key: str, doc: Doc) -> Iterable[Span] | None:
    return doc.spans.get(key)


def _ents(doc: Doc) -> Iterable[Span] | None:
    return doc.ents if doc.has_annotation("ENT_IOB") else None


def _score(pairs: Sequence[Pair], attr: str) -> dict[str, Any]:
    """P, R and F of all spans and of each label; None where there is no span."""
    total = PRFScore()
    labels: dict[str, PRFScore] = {}
    for gold, found in pairs:
        total.score_set(found, gold)
        for label in sorted({cell[2] for cell in gold | found}):
            own = ({cell for cell in cells if cell[2] == label} for cells in (found, gold))
            labels.setdefault(label, PRFScore()).score_set(*own)
    per_type = {label: score.to_dict() for label, score in labels.items()}
    return {**_name(total, attr), f"{attr}_per_type": per_type or None}


def _name(score: PRFScore, attr: str) -> dict[str, float | None]:
    values = score.to_dict() if len(score) else dict.fromkeys("prf")
    return {f"{attr}_{part}": value for part, value in values.items()}


def _recall_by_nesting(pairs: Iterable[Pair], attr: str) -> dict[str, float | None]:
    scores = {"nested": PRFScore(), "flat": PRFScore()}
    for gold, found in pairs:
        nested = nested_extents({cell[:2] for cell in gold})
        for name, score in scores.items():
            part = {cell for cell in gold if (cell[:2] in nested) == (name == "nested")}
            score.score_set(found & part, part)
    return {
        f"{attr}_{name}_r": score.recall if len(score) else None for name, score in scores.items()
    }
