"""A pipeline with other thresholds, and their scores in its meta.json."""

from collections.abc import Iterable
from typing import Any

from spacy.language import Language
from spacy.training import Example

from ...pipeline.spelling import spell_label
from ..comparison import run_before


def set_thresholds(nlp: Language, name: str, result: dict[str, Any]) -> None:
    """Give a component other thresholds, also in the pipeline's config, which stores them.

    name: of the component.
    result: its "threshold" and "label_thresholds".
    RAISES (ValueError): a label that a config cannot hold.
    """
    pipe: Any = nlp.get_pipe(name)
    own = [[spell_label(label, pipe.labels), cut] for label, cut in result["label_thresholds"]]
    settings = {"threshold": result["threshold"], "label_thresholds": own}
    pipe.cfg = {**pipe.cfg, **settings}
    # What nlp.config, and so config.cfg, is made of.
    nlp.get_pipe_config(name).update(settings)


def write_scores(nlp: Language, name: str, examples: Iterable[Example], note: str) -> None:
    """Score a component, and put the scores where `spacy train` puts them: meta["performance"].

    Scores of other components, and losses, stay.

    name: of the component.
    note: says what the scores are of, in meta["notes"], which a packaged pipeline shows; it takes
        the place of an earlier one.
    """
    pipe: Any = nlp.get_pipe(name)
    scored = []
    for batch in run_before(nlp, name, examples):
        docs = [example.predicted for example in batch]
        pipe.set_annotations(docs, pipe.predict(docs))
        scored += batch
    scores = pipe.score(scored)
    performance = nlp.meta.setdefault("performance", {})
    usual = [f"spans_{pipe.key}_{part}" for part in ("f", "p", "r", "per_type")]
    for metric in [*usual, *nlp.config["training"]["score_weights"], *performance]:
        if metric in scores:
            performance[metric] = scores[metric]
    begin = note.split(":")[0]
    lines = [line for line in nlp.meta.get("notes", "").splitlines() if not line.startswith(begin)]
    nlp.meta["notes"] = "\n".join([*lines, note])
