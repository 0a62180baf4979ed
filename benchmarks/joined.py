"""Trained on single texts, used on long ones: F1 on documents that are several texts in a row.

All columns of a row are scores of one trained pipeline.
"""

import itertools
import random
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import spacy

from spacy_globalpointer.spans import Counts

from .accuracy import find_reach, has_flat_gold, predict_cells
from .measure import save
from .passes import averaged, read_training, train_once
from .peers import fit, make_pipeline
from .scores import count_each
from .text import AnnotatedText, read_corpus

SIZES = (1, 5, 30, 100)
SYSTEMS = ("global_pointer", "spancat")


def join_texts(docs: Sequence[AnnotatedText], size: int) -> Iterator[AnnotatedText]:
    """Put texts together, so many in each document, in their order.

    size: texts of a document; the last one may have fewer.
    YIELDS: documents with all words and spans of the texts.
    """
    for first in range(0, len(docs), size):
        part = docs[first : first + size]
        offsets = itertools.accumulate((len(doc.words) for doc in part), initial=0)
        yield AnnotatedText(
            [word for doc in part for word in doc.words],
            [
                (start + offset, end + offset, label)
                for doc, offset in zip(part, offsets, strict=False)
                for start, end, label in doc.spans
            ],
            sum(doc.lost for doc in part),
        )


def measure_joined(
    output: Path,
    data: Path,
    corpora: Sequence[str],
    *,
    systems: Sequence[str] = SYSTEMS,
    sizes: Sequence[int] = SIZES,
    seeds: Sequence[int] = (0,),
    passes: int = 4,
    limit: int = 4000,
    log: Callable[[str], None] = print,
) -> None:
    """Train each system on single texts, score it on documents of several, and write a report.

    output: JSON file, written anew after each run.
    data: has a folder for each corpus, with files named train and dev.
    corpora: names with their language, such as "genia:en".
    systems: of peers.SYSTEMS.
    sizes: texts of a document.
    limit (texts): of the training data.
    """
    rows: list[dict[str, Any]] = []
    for corpus in corpora:
        name, _, lang = corpus.partition(":")
        nlp = spacy.blank(lang)
        paths = {path.name.split(".")[0]: path for path in (data / name).iterdir()}
        train = list(itertools.islice(read_corpus(paths["train"], nlp), limit))
        dev = list(read_corpus(paths["dev"], nlp))
        joined = {size: list(join_texts(dev, size)) for size in sizes}
        for seed, system in itertools.product(seeds, systems):
            scores = _train_and_score(system, train, joined, lang, passes, seed)
            run = {"corpus": name, "system": system, "seed": seed, "passes": passes, "limit": limit}
            rows.append({**run, **scores})
            log(f"{name} {system} {seed}: {rows[-1]['f']}")
            save(output, "joined", {}, rows)


def _train_and_score(
    system: str,
    train: Sequence[AnnotatedText],
    joined: dict[int, list[AnnotatedText]],
    lang: str,
    passes: int,
    seed: int,
) -> dict[str, Any]:
    values = {"nlp.lang": lang, **fit(system, find_reach(train), has_flat_gold(train))}
    nlp = make_pipeline(system, train, seed, values)
    training = read_training(nlp)
    examples = [doc.make_example(nlp.vocab) for doc in train]
    start = time.process_time()
    for _ in range(passes):
        random.shuffle(examples)
        train_once(nlp, examples, training)
    seconds = time.process_time() - start
    row: dict[str, Any] = {"p": {}, "r": {}, "f": {}}
    with averaged(nlp, training["optimizer"].averages):
        for size, docs in joined.items():
            scores = Counts.total(count_each(docs, predict_cells(nlp, system, docs))).scores()
            for part in "prf":
                row[part][str(size)] = round(100 * scores[part], 2)
    words = passes * sum(len(doc.words) for doc in train)
    return {**row, "train_words_per_second": round(words / seconds)}
