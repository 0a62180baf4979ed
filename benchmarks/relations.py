"""One training run of entities and relations on a real corpus, scored after every pass."""

import resource
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import fix_random_seed, load_model_from_config

from spacy_globalpointer import get_relations
from spacy_globalpointer.corpora import read_records, record_to_doc
from spacy_globalpointer.pipeline.relation_scorer import score_relations
from spacy_globalpointer.pipeline.scorer import score_span_groups

from . import mean_pairs  # noqa: F401  (registers its architecture)
from .passes import Step, median_speed, train_in_passes
from .peers import hash_config, read_system
from .text import KEY

ENTITIES, RELATIONS = "global_pointer", "relation_pointer"
# What is kept of the scores.
KEPT = ("relations_", "spans_sc_p", "spans_sc_r", "spans_sc_f")


def read_docs(path: Path, nlp: Language) -> list[Doc]:
    """Documents with gold spans and relations."""
    return [record_to_doc(record, nlp)[0] for record in read_records(path)]


def train_and_score(
    system: str,
    train: Sequence[Doc],
    dev: Sequence[Doc],
    *,
    lang: str,
    passes: int,
    seed: int,
    overrides: dict[str, Any] | None = None,
    log: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Train a system, and score it on dev after every pass; training stops as for spans.

    system: one of peers.RELATION_MODELS.
    lang, passes, overrides, log: as in `accuracy.train_and_score`.
    RETURNS: the learning curve; of the pass with the best strict F1, the scores of entities and
        relations, and of relations between the gold spans ("given"); words per second of processor
        time, with relation_pointer and without; and peak memory.
    """
    fitted = fit_relations(train)
    values = {"nlp.lang": lang, **fitted, **(overrides or {})}
    fix_random_seed(seed)
    nlp = load_model_from_config(read_system(system, values), auto_fill=True)
    examples = [Example(doc_without_annotation(nlp, doc), doc) for doc in train]
    nlp.initialize(lambda: examples)

    def evaluate() -> tuple[Step, dict[str, Any]]:
        scores = score(nlp, dev)
        step = {x: scores[f"relations_{x}"] or 0.0 for x in "prf"}
        return {**step, **scores.pop("seconds")}, scores

    def keep(scores: dict[str, Any]) -> dict[str, Any]:
        given = score(nlp, dev, given=True)
        return {**scores, "given": {x: given[f"relations_{x}"] for x in "prf"}}

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


def fit_relations(docs: Iterable[Doc]) -> dict[str, Any]:
    """Overrides that follow from the data, as `debug` advises them: self relations."""
    relations = (relation for doc in docs for relation in get_relations(doc))
    has_self = any(relation.head == relation.child for relation in relations)
    return {f"components.{RELATIONS}.allow_self": True} if has_self else {}


def doc_without_annotation(nlp: Language, doc: Doc) -> Doc:
    """A new document with the same tokens."""
    spaces = [bool(token.whitespace_) for token in doc]
    return Doc(nlp.vocab, words=[token.text for token in doc], spaces=spaces)


def score(nlp: Language, dev: Sequence[Doc], given: bool = False) -> dict[str, Any]:
    """Score entities and relations.

    given: join the gold spans, and not those that are found.
    """
    docs = [doc_without_annotation(nlp, doc) for doc in dev]
    with nlp.select_pipes(disable=[RELATIONS]):
        start = time.process_time()
        docs = list(nlp.pipe(docs))
        entity_seconds = time.process_time() - start
    if given:
        for doc, gold in zip(docs, dev, strict=True):
            doc.spans[KEY] = [Span(doc, x.start, x.end, x.label_) for x in gold.spans[KEY]]
    pipe: Any = nlp.get_pipe(RELATIONS)
    start = time.process_time()
    docs = list(pipe.pipe(docs, batch_size=nlp.batch_size))
    seconds = entity_seconds + time.process_time() - start
    examples = [Example(doc, gold) for doc, gold in zip(docs, dev, strict=True)]
    scores = {
        **score_relations(examples, **pipe.cfg),
        **score_span_groups(examples, spans_key=KEY),
    }
    kept = {key: value for key, value in scores.items() if key.startswith(KEPT)}
    return {**kept, "seconds": {"seconds": seconds, "entity_seconds": entity_seconds}}
