"""One training run on a real corpus, scored after every pass.

All systems get the same documents, the training of their config, the same number of passes and
the same rule when to stop; scores are those of the averaged weights, where the config has them.
"""

import contextlib
import random
import resource
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy
from spacy.language import Language
from spacy.schemas import ConfigSchemaTraining
from spacy.tokens import Doc
from spacy.training import Example
from spacy.training.loop import train_while_improving
from spacy.util import registry

from spacy_globalpointer.commands.debug.statistics import count_nesting, is_flat
from spacy_globalpointer.spans import Counts, LabelledSpan

from .peers import FLAT, fit, hash_config, make_pipeline
from .scores import count_each, score_parts
from .text import KEY, AnnotatedText
from .tuned import cross_fit_threshold

# Passes without a better score on dev after which training stops.
PATIENCE = 2
# A system that must be told the longest span looks far enough for this share of the gold spans of
# the training data, and at least for this many tokens.
SHARE, SHORTEST_REACH = 0.99, 10


def train_and_score(
    system: str,
    train: Sequence[AnnotatedText],
    dev: Sequence[AnnotatedText],
    *,
    lang: str,
    passes: int,
    seed: int,
    overrides: dict[str, Any] | None = None,
    log: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Train a system, and score it on dev after every pass.

    system: one of peers.SYSTEMS.
    lang: of the texts.
    passes: at most; training stops after PATIENCE passes without a better score.
    overrides: of the system's config.
    RETURNS: the learning curve, scores of the best pass (see `score_parts`) and with a tuned
        threshold (`cross_fit_threshold`), words per second of processor time, which other runs on
        the machine hardly change, and peak memory.
    """
    fitted = fit(system, find_reach(train), has_flat_gold(train))
    values = {"nlp.lang": lang, **fitted, **(overrides or {})}
    nlp = make_pipeline(system, train, seed, values)
    config = nlp.config.interpolate()["training"]
    training = registry.resolve(config, schema=ConfigSchemaTraining)
    examples = [doc.make_example(nlp.vocab) for doc in train]
    curve: list[dict[str, float]] = []
    best: list[set[LabelledSpan]] = []
    tuned: dict[str, float] | None = None
    while len(curve) < passes and not is_over(curve):
        random.shuffle(examples)
        start = time.process_time()
        train_once(nlp, examples, training)
        trained = time.process_time()
        with averaged(nlp, training["optimizer"].averages):
            predicted = predict_cells(nlp, system, dev)
            seconds = {"train_seconds": trained - start, "seconds": time.process_time() - trained}
            scores = Counts.total(count_each(dev, predicted)).scores()
            if all(scores["f"] > step["f"] for step in curve):
                best = predicted
                tuned = cross_fit_threshold(nlp, dev) if scores["right"] else None
        curve.append({"pass": len(curve) + 1, **{x: scores[x] for x in "prf"}, **seconds})
        log("pass {pass}: P {p:.3f} R {r:.3f} F {f:.3f}".format(**curve[-1]))
    config_hash = hash_config(system, values)
    return {**describe_run(config_hash, fitted, curve, train, dev, best), "tuned": tuned}


def describe_run(
    config_hash: str,
    fitted: dict[str, Any],
    curve: list[dict[str, float]],
    train: Sequence[AnnotatedText],
    dev: Sequence[AnnotatedText],
    predicted: Sequence[set[LabelledSpan]],
) -> dict[str, Any]:
    """What is known of a run of this process.

    config_hash: of `hash_config`.
    fitted: overrides that follow from the data.
    curve: scores, and seconds of training and of prediction, of each pass.
    predicted: spans found in dev.
    """
    return {
        "config": config_hash,
        "fitted": fitted,
        "curve": curve,
        "train_words_per_second": median_speed(count_words(train), curve, "train_seconds"),
        "predict_words_per_second": median_speed(count_words(dev), curve, "seconds"),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        **score_parts(dev, predicted),
    }


def is_over(curve: list[dict[str, float]]) -> bool:
    """Whether the last PATIENCE passes brought nothing better than what was found before."""
    scores = [step["f"] for step in curve]
    best = max(scores[:-PATIENCE], default=0.0)
    return 0 < best >= max(scores[-PATIENCE:])


def count_words(docs: Sequence[AnnotatedText]) -> int:
    """Words of all documents."""
    return sum(len(doc.words) for doc in docs)


def median_speed(n_words: int, curve: list[dict[str, float]], what: str) -> float:
    """Words per second, as the median of the passes."""
    return n_words / statistics.median(step[what] for step in curve)


def train_once(nlp: Language, examples: list[Example], training: dict[str, Any]) -> None:
    """One pass over the examples, as `spacy train` makes it."""
    steps = train_while_improving(
        nlp,
        training["optimizer"],
        ((0, batch) for batch in training["batcher"](examples)),
        # Scored after the pass instead.
        evaluate=lambda: (0.0, {}),
        eval_frequency=sys.maxsize,
        patience=0,
        max_steps=0,
        exclude=[],
        before_update=None,
        dropout=training["dropout"],
        accumulate_gradient=training["accumulate_gradient"],
        annotating_components=training["annotating_components"],
    )
    for _ in steps:
        pass


def averaged(nlp: Language, averages: dict[Any, Any] | None) -> AbstractContextManager[None]:
    """The pipeline with averaged weights, if the optimizer has them."""
    return nlp.use_params(averages) if averages else contextlib.nullcontext()


def predict_cells(
    nlp: Language, system: str, docs: Sequence[AnnotatedText]
) -> list[set[LabelledSpan]]:
    """Spans that a system finds in each document."""
    found = nlp.pipe(doc.make_doc(nlp.vocab) for doc in docs)
    return [{LabelledSpan(s.start, s.end, s.label_) for s in _spans(doc, system)} for doc in found]


def _spans(doc: Doc, system: str) -> Iterable[Any]:
    return doc.ents if system in FLAT else doc.spans[KEY]


def find_reach(docs: Sequence[AnnotatedText]) -> int:
    """Length in tokens that SHARE of the spans do not exceed, at least SHORTEST_REACH."""
    lengths = [end - start for doc in docs for start, end, _ in doc.spans] or [1]
    return max(SHORTEST_REACH, int(numpy.quantile(lengths, SHARE, method="inverted_cdf")))


def has_flat_gold(docs: Sequence[AnnotatedText]) -> bool:
    """Whether hardly any spans share a token, so that `debug` advises allow_overlap = false."""
    relations: Counter[str] = Counter()
    for doc in docs:
        relations.update(count_nesting(doc.gold)[1])
    return is_flat(relations, sum(len(doc.spans) for doc in docs))
