"""Scores of predicted spans: spancat's, and what these hide about nested spans and borders."""

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import registry

from ..label_sets import declared_labels, of_labels
from ..spans import Counts, LabelledSpan, count_parts
from .alignment import labelled_spans, to_reference

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

    So are, in a document that declares the labels that it is annotated with, predicted spans of
    others: whether they are right is not known.
    A predicted span that does not begin and end at token boundaries of the reference is wrong.

    spans_{key}_p, _r, _f, _per_type: as in `spacy.spancat_scorer.v1`, which skips such spans.
    spans_{key}_macro_f: mean of the F of all labels in gold or prediction.
    spans_{key}_boundary_p, _r, _f: the same, ignoring labels.
    spans_{key}_nested_r, _flat_r: recall of gold spans that contain, or lie in, another gold span
        with other borders, and of all others; None if there are none.
    ents_p, _r, _f, _per_type: with annotate_ents.
    """
    examples, attr = list(examples), f"spans_{spans_key}"
    pairs = list(_pairs(examples, lambda doc: doc.spans.get(spans_key), spans_key))
    warn_without_gold(examples, pairs, spans_key)
    counts = count_parts(pairs)
    scores = {**score_labels(counts.label, attr), f"{attr}_macro_f": mean_f(counts.label)}
    borders = [tuple({span.extent for span in spans} for spans in pair) for pair in pairs]
    boundary = Counts.total(Counts.compare(*pair) for pair in borders)
    scores.update(name_scores(boundary, f"{attr}_boundary"))
    for name, is_nested in (("nested", True), ("flat", False)):
        scores[f"{attr}_{name}_r"] = recall(counts.nested.get(is_nested, Counts()))
    if annotate_ents:
        scores.update(score_labels(count_parts(_pairs(examples, _ents)).label, "ents"))
    return scores


def warn_without_gold(examples: Sequence[Example], scored: Sequence[Any], key: str) -> None:
    """Say that nothing was scored, which `spacy train` takes for 0.

    scored: what was made of the examples with gold.
    key: of the group of doc.spans that they have.
    """
    if examples and not scored:
        warnings.warn(
            f"nothing was scored: doc.spans[{key!r}] is in none of the {len(examples):,} gold "
            "documents. spacy train takes that for 0. To fix: correct the key, or annotate them",
            stacklevel=3,
        )


def _pairs(
    examples: Iterable[Example],
    get: Callable[[Doc], Iterable[Span] | None],
    key: str | None = None,
) -> Iterable[Pair]:
    """Gold and predicted spans of the documents that have gold.

    get: returns the spans of a document; None if they are not annotated.
    key: of the group that may declare its labels; None for no such group.
    """
    for example in examples:
        gold = get(example.reference)
        if gold is not None:
            found = to_reference(example, labelled_spans(get(example.predicted) or ()))
            declared = None if key is None else declared_labels(example.reference, key)
            yield set(labelled_spans(gold)), set(of_labels(found, declared))


def _ents(doc: Doc) -> Iterable[Span] | None:
    return doc.ents if doc.has_annotation("ENT_IOB") else None


def score_labels(labels: Mapping[str, Counts], attr: str) -> dict[str, Any]:
    """Name P, R and F of all labels together and of each; None if there are no labels.

    labels: counts of each label in gold or prediction.
    attr: what the names begin with.
    """
    per_type = {label: _shares(counts) for label, counts in labels.items()}
    scores = name_scores(Counts.total(labels.values()), attr)
    return {**scores, f"{attr}_per_type": per_type or None}


def mean_f(labels: Mapping[str, Counts]) -> float | None:
    """Mean of the F of all labels, None without labels."""
    f_scores = [float(counts.f) for counts in labels.values()]
    return sum(f_scores) / len(f_scores) if f_scores else None


def name_scores(counts: Counts, attr: str) -> dict[str, float | None]:
    """Name P, R and F; None if nothing was counted.

    attr: what the names begin with.
    """
    values = _shares(counts) if any(counts) else dict.fromkeys("prf")
    return {f"{attr}_{part}": value for part, value in values.items()}


def recall(counts: Counts) -> float | None:
    """Recall, None without gold."""
    return float(counts.r) if counts.right + counts.missed else None


def _shares(counts: Counts) -> dict[str, float]:
    return {"p": float(counts.p), "r": float(counts.r), "f": float(counts.f)}
