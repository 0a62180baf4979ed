"""A pipeline with other thresholds, and their scores in its meta.json."""

from pathlib import Path
from typing import Any

from spacy.language import Language

from ...pipeline.spelling import spell_label
from .candidates import Collected


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


def write_scores(nlp: Language, report: dict[str, Any], collected: Collected) -> None:
    """Score a component, and put the scores where `spacy train` puts them: meta["performance"].

    Scores of other components, and losses, stay. A line of meta["notes"], which a packaged pipeline
    shows, says what the scores are of; it takes the place of an earlier one.

    report: as in thresholds.json.
    collected: what the component finds.
    """
    name, dev = report["component"], [Path(path).name for path in report["dev"]]
    pipe: Any = nlp.get_pipe(name)
    examples = [example for example, _ in collected.scored]
    docs = [example.predicted for example in examples]
    keep = collected.source.keep
    pipe.set_annotations(docs, [keep(found) for _, found in collected.scored])
    scores, performance = pipe.score(examples), nlp.meta.setdefault("performance", {})
    usual = [f"{collected.source.metric}_{part}" for part in ("f", "p", "r", "per_type")]
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
