"""A pipeline with other thresholds, and their scores in its meta.json."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from spacy.language import Language
from spacy.training import Example

from ...nn import DecodedSpans, to_probability, without_overlap
from ...pipeline.global_pointer import GlobalPointer
from ...pipeline.prediction import ScoredSpans
from ...pipeline.settings import label_cuts
from ...pipeline.spelling import spell_label


def set_thresholds(nlp: Language, name: str, result: dict[str, Any]) -> None:
    """Give a component other thresholds, also in the pipeline's config, which stores them.

    result: its "threshold" and "label_thresholds".
    RAISES (ValueError): a label that a config cannot hold.
    """
    pipe: Any = nlp.get_pipe(name)
    own = [[spell_label(label, pipe.labels), cut] for label, cut in result["label_thresholds"]]
    settings = {"threshold": result["threshold"], "label_thresholds": own}
    pipe.cfg = {**pipe.cfg, **settings}
    # What nlp.config, and so config.cfg, is made of.
    nlp.get_pipe_config(name).update(settings)


def keep_spans(pipe: GlobalPointer, found: ScoredSpans) -> ScoredSpans:
    """Of all spans of a document with raw scores, those that the component finds, as it would.

    found: no more than max_spans of them above the thresholds.
    """
    cuts = torch.tensor(label_cuts(pipe.name, pipe.labels, pipe.cfg))
    label, start, end, score = map(torch.from_numpy, found)
    spans = DecodedSpans(torch.zeros_like(label), label, start, end - 1, score)
    spans = spans.take(score >= cuts[label])
    if not pipe.cfg["allow_overlap"]:
        spans = without_overlap(spans, cuts)
    columns = spans.label, spans.start, spans.last + 1, to_probability(spans.score)
    return ScoredSpans(*(column.numpy() for column in columns))


def write_scores(
    nlp: Language, report: dict[str, Any], scored: Sequence[tuple[Example, ScoredSpans]]
) -> None:
    """Score a component, and put the scores where `spacy train` puts them: meta["performance"].

    Scores of other components, and losses, stay. A line of meta["notes"], which a packaged pipeline
    shows, says what the scores are of; it takes the place of an earlier one.

    report: as in thresholds.json.
    scored: documents, and all their spans, with raw scores.
    """
    name, dev = report["component"], [Path(path).name for path in report["dev"]]
    pipe: Any = nlp.get_pipe(name)
    examples = [example for example, _ in scored]
    docs = [example.predicted for example in examples]
    pipe.set_annotations(docs, [keep_spans(pipe, found) for _, found in scored])
    scores, performance = pipe.score(examples), nlp.meta.setdefault("performance", {})
    usual = [f"spans_{pipe.key}_{part}" for part in ("f", "p", "r", "per_type")]
    for metric in [*usual, *nlp.config["training"]["score_weights"], *performance]:
        if metric in scores:
            performance[metric] = scores[metric]
    begin, estimate = f"Scores of {name}:", report["results"][report["written"]]["cross_fitted"]
    note = (
        f"{begin} on the {report['documents']} documents of {', '.join(dev[:3])}"
        f"{' and others' if len(dev) > 3 else ''}, on which its thresholds were chosen"
        + (f"; F1 in cross-fitting {100 * estimate['f']:.2f}" if estimate else "")
    )
    lines = [line for line in nlp.meta.get("notes", "").splitlines() if not line.startswith(begin)]
    nlp.meta["notes"] = "\n".join([*lines, note])
