"""Trained on single texts, used on long ones: F1 on documents that are several texts in a row.

All columns of a row are scores of one trained pipeline.
"""

import itertools
import random
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Sequence

import spacy
from spacy.schemas import ConfigSchemaTraining
from spacy.util import registry

from ..training.span_counts import add_up
from .accuracy import averaged, find_reach, is_flat, predict_cells, train_once
from .peers import fit, make_pipeline
from .scores import count_each
from .text import Annotated, read_corpus

SIZES = (1, 5, 20, 100)


def join_texts(docs: Sequence[Annotated], size: int) -> Iterator[Annotated]:
    """Put texts together, so many in each document, in their order.

    size: texts of a document; the last one may have fewer.
    YIELDS: documents with all words and spans of the texts.
    """
    for first in range(0, len(docs), size):
        part = docs[first : first + size]
        offsets = itertools.accumulate((len(doc.words) for doc in part), initial=0)
        yield Annotated(
            [word for doc in part for word in doc.words],
            [
                (start + offset, end + offset, label)
                for doc, offset in zip(part, offsets, strict=False)
                for start, end, label in doc.spans
            ],
            sum(doc.lost for doc in part),
        )


def measure_joined(
    folder: Path,
    lang: str,
    systems: Sequence[str],
    *,
    passes: int,
    limit: int,
    seeds: Sequence[int] = (0,),
    sizes: Sequence[int] = SIZES,
    log: Callable[[str], None] = print,
) -> List[Dict[str, Any]]:
    """Train each system on single texts, and score it on documents of several.

    folder: of a corpus, with files named train and dev.
    lang: of its tokenizer.
    systems: of peers.SYSTEMS.
    limit (texts): of the training data.
    sizes: texts of a document.
    RETURNS: a row for each system and seed, with P, R and F1 by size.
    """
    nlp = spacy.blank(lang)
    paths = {path.name.split(".")[0]: path for path in folder.iterdir()}
    train = list(itertools.islice(read_corpus(paths["train"], nlp), limit))
    joined = {size: list(join_texts(list(read_corpus(paths["dev"], nlp)), size)) for size in sizes}
    rows = []
    for seed, system in itertools.product(seeds, systems):
        row = {"corpus": folder.name, "system": system, "seed": seed, "passes": passes}
        row |= {"limit": limit, **_train_and_score(system, train, joined, lang, passes, seed)}
        log(f"{row['corpus']} {system} {seed}: {row['f']}")
        rows.append(row)
    return rows


def _train_and_score(
    system: str,
    train: Sequence[Annotated],
    joined: Dict[int, List[Annotated]],
    lang: str,
    passes: int,
    seed: int,
) -> Dict[str, Any]:
    values = {"nlp.lang": lang, **fit(system, find_reach(train), is_flat(train))}
    nlp = make_pipeline(system, train, seed, values)
    config = nlp.config.interpolate()["training"]
    training = registry.resolve(config, schema=ConfigSchemaTraining)
    examples = [doc.make_example(nlp.vocab) for doc in train]
    start = time.process_time()
    for _ in range(passes):
        random.shuffle(examples)
        train_once(nlp, examples, training)
    seconds = time.process_time() - start
    row: Dict[str, Any] = {"p": {}, "r": {}, "f": {}}
    with averaged(nlp, training["optimizer"].averages):
        for size, docs in joined.items():
            scores = add_up(count_each(docs, predict_cells(nlp, system, docs))).scores()
            for part in "prf":
                row[part][str(size)] = round(100 * scores[part], 2)
    words = passes * sum(len(doc.words) for doc in train)
    return {**row, "train_words_per_second": round(words / seconds)}
