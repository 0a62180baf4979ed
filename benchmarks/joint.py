"""One training run of spans and of what joins them, scored after every pass."""

import resource
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import fix_random_seed, load_model_from_config

from spacy_globalpointer.corpora import read_records, record_to_doc
from spacy_globalpointer.corpora.docbin import read_docbin
from spacy_globalpointer.pipeline.scorer import score_span_groups

from . import mean_pairs  # noqa: F401  (registers its architecture)
from .passes import Step, median_speed, train_in_passes
from .peers import hash_config, read_system
from .text import KEY

Scores = dict[str, Any]


class Task(NamedTuple):
    """What a component joins spans to.

    key: of its scores, such as "relations" of "relations_f".
    component: its name in the configs.
    fit: finds overrides that follow from the training data, as `debug` advises them.
    score: scores the predictions of the component.
    noted: the scores that the learning curve has, besides P, R and F.
    """

    key: str
    component: str
    fit: Callable[[Iterable[Doc]], dict[str, Any]]
    score: Callable[[Any, list[Example]], Scores]
    noted: tuple[str, ...] = ()


def read_docs(path: Path, nlp: Language) -> list[Doc]:
    """Documents with gold spans, and gold relations, events or tags (those in .spacy files)."""
    if path.suffix == ".spacy":
        return list(read_docbin(path, nlp.vocab))
    return [record_to_doc(record, nlp)[0] for record in read_records(path)]


def train_and_score(
    task: Task,
    system: str,
    train: Sequence[Doc],
    dev: Sequence[Doc],
    *,
    lang: str,
    passes: int,
    seed: int,
    overrides: dict[str, Any] | None = None,
    after_init: Callable[[Language], Any] | None = None,
    log: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Train a system, and score it on dev after every pass; training stops as for spans.

    system: one of peers.SYSTEMS, with the component of the task.
    after_init: as in [initialize] of a config.
    lang, passes, overrides, log: as in `accuracy.train_and_score`.
    RETURNS: the learning curve; of the pass with the best F1, all scores, and those between the
        gold spans ("given"); words per second of processor time, with the component of the task and
        without; and peak memory.
    """
    fitted = task.fit(train)
    values = {"nlp.lang": lang, **fitted, **(overrides or {})}
    fix_random_seed(seed)
    nlp = load_model_from_config(read_system(system, values), auto_fill=True)
    examples = [Example(doc_without_annotation(nlp, doc), doc) for doc in train]
    nlp.initialize(lambda: examples)
    if after_init is not None:
        after_init(nlp)

    def evaluate() -> tuple[Step, Scores]:
        scores, seconds = score(nlp, task, dev)
        noted = {name: scores[name] for name in task.noted}
        return {**_name_parts(scores, task.key), **noted, **seconds}, scores

    def keep(scores: Scores) -> Scores:
        given, _ = score(nlp, task, dev, given=True)
        return {**scores, "given": _name_parts(given, task.key)}

    curve, best = train_in_passes(nlp, examples, passes, evaluate, keep, log)
    return {
        "config": hash_config(system, values),
        "fitted": fitted,
        "curve": curve,
        "scores": best,
        "train_words_per_second": median_speed(sum(map(len, train)), curve, "train_seconds"),
        "predict_words_per_second": median_speed(sum(map(len, dev)), curve, "seconds"),
        "entities_words_per_second": median_speed(sum(map(len, dev)), curve, "entity_seconds"),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def doc_without_annotation(nlp: Language, doc: Doc) -> Doc:
    """A new document with the same tokens."""
    spaces = [bool(token.whitespace_) for token in doc]
    return Doc(nlp.vocab, words=[token.text for token in doc], spaces=spaces)


def score(
    nlp: Language, task: Task, dev: Sequence[Doc], given: bool = False
) -> tuple[Scores, dict[str, float]]:
    """Predict documents, and score spans and what joins them.

    given: join the gold spans, and not those that are found.
    RETURNS: the scores; and the seconds of processor time that all components took, and that those
        before the component of the task took.
    """
    docs = [doc_without_annotation(nlp, doc) for doc in dev]
    with nlp.select_pipes(disable=[task.component]):
        start = time.process_time()
        docs = list(nlp.pipe(docs))
        entity_seconds = time.process_time() - start
    if given:
        for doc, gold in zip(docs, dev, strict=True):
            doc.spans[KEY] = [Span(doc, x.start, x.end, x.label_) for x in gold.spans[KEY]]
    pipe: Any = nlp.get_pipe(task.component)
    start = time.process_time()
    docs = list(pipe.pipe(docs, batch_size=nlp.batch_size))
    seconds = entity_seconds + time.process_time() - start
    examples = [Example(doc, gold) for doc, gold in zip(docs, dev, strict=True)]
    spans = score_span_groups(examples, spans_key=KEY)
    kept = {f"spans_{KEY}_{x}": spans[f"spans_{KEY}_{x}"] for x in "prf"}
    return {**task.score(pipe, examples), **kept}, {
        "seconds": seconds,
        "entity_seconds": entity_seconds,
    }


def _name_parts(scores: Scores, key: str) -> dict[str, float]:
    """P, R and F; 0 where there is nothing to count."""
    return {x: scores[f"{key}_{x}"] or 0.0 for x in "prf"}
