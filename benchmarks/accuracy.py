"""One training run on a real corpus, scored after every pass.

All systems get the same documents, the training of their config, the same number of passes and
the same rule when to stop; scores are those of the averaged weights, where the config has them.
"""

import resource
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import numpy
from spacy.language import Language
from spacy.tokens import Doc

from spacy_globalpointer.commands.debug.statistics import count_nesting, is_flat
from spacy_globalpointer.spans import Counts, LabelledSpan

from .passes import Step, median_speed, train_in_passes
from .peers import FLAT, fit, hash_config, make_pipeline
from .scores import count_each, score_parts
from .text import KEY, AnnotatedText
from .tuned import cross_fit_threshold

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
    passes: at most; training stops after passes.PATIENCE without a better score.
    overrides: of the system's config.
    RETURNS: the learning curve, scores of the best pass (see `score_parts`) and with a tuned
        threshold (`cross_fit_threshold`), words per second of processor time, which other runs on
        the machine hardly change, and peak memory.
    """
    fitted = fit(system, find_reach(train), has_flat_gold(train))
    values = {"nlp.lang": lang, **fitted, **(overrides or {})}
    nlp = make_pipeline(system, train, seed, values)
    examples = [doc.make_example(nlp.vocab) for doc in train]

    def score() -> tuple[Step, tuple[list[set[LabelledSpan]], float]]:
        start = time.process_time()
        predicted = predict_cells(nlp, system, dev)
        seconds = time.process_time() - start
        scores = Counts.total(count_each(dev, predicted)).scores()
        return {**{x: scores[x] for x in "prf"}, "seconds": seconds}, (predicted, scores["right"])

    def keep(found: tuple[list[set[LabelledSpan]], float]) -> tuple[list[set[LabelledSpan]], Any]:
        predicted, right = found
        return predicted, cross_fit_threshold(nlp, dev) if right else None

    curve, (best, tuned) = train_in_passes(nlp, examples, passes, score, keep, log)
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


def count_words(docs: Sequence[AnnotatedText]) -> int:
    """Words of all documents."""
    return sum(len(doc.words) for doc in docs)


def predict_cells(
    nlp: Language, system: str, docs: Sequence[AnnotatedText]
) -> list[set[LabelledSpan]]:
    """Spans that a system finds in each document."""
    found = nlp.pipe(doc.make_doc(nlp.vocab) for doc in docs)
    return [{LabelledSpan(s.start, s.end, s.label_) for s in _spans(doc, system)} for doc in found]


def ask_for(nlp: Language, labels: Collection[str]) -> None:
    """Let a pipeline with global_pointer, and its copies, find no other labels than these."""
    pipe: Any = nlp.get_pipe("global_pointer")
    never = [[label, 1.0] for label in pipe.labels if label not in labels]
    for settings in (pipe.cfg, nlp.get_pipe_config("global_pointer")):
        settings["label_thresholds"] = never


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
