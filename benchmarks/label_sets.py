"""Corpora with different labels, trained into one component against each alone.

Each text is annotated with the labels of its part only. The ways to learn that:

- alone: a component for each part.
- declared: one component, and each text declares its labels.
- undeclared: one component that takes what is not annotated for wrong, as without that.
- whole: one component, with the labels of all parts in all texts; only where one corpus was split.
"""

import itertools
import random
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import spacy
from spacy.training import Example
from spacy.vocab import Vocab

from spacy_globalpointer.spans import Counts

from .accuracy import ask_for, find_reach, has_flat_gold, predict_cells
from .measure import save
from .passes import averaged, read_training, train_once
from .peers import fit, make_pipeline
from .scores import count_each
from .sweep import find_file
from .text import AnnotatedText, read_corpus

SYSTEM = "global_pointer"


class Part(NamedTuple):
    """Texts that are annotated with the same labels."""

    name: str
    labels: list[str]
    train: list[AnnotatedText]
    dev: list[AnnotatedText]

    def make_examples(self, vocab: Vocab, *, declare: bool) -> list[Example]:
        """Training examples, which declare their labels or not."""
        labels = self.labels if declare else None
        return [text.make_example(vocab, labels) for text in self.train]


def measure_label_sets(
    output: Path,
    data: Path,
    corpora: Sequence[str],
    *,
    seeds: Sequence[int] = (0,),
    passes: int = 5,
    limit: int = 4000,
    log: Callable[[str], None] = print,
) -> None:
    """Train in each way, score each part by its own labels, and write a report.

    output: JSON file, written anew after each run.
    data: has a folder for each corpus, with train and dev files.
    corpora: names with their language, such as "genia:en". A single one is split: every second
        label, with every second text.
    limit (texts): of the training data of each corpus.
    RAISES (ValueError): corpora of several languages, or with fewer than two labels.
    """
    langs = {corpus.partition(":")[2] for corpus in corpora}
    if len(langs) != 1 or "" in langs:
        raise ValueError(
            "corpora must be named with one language, the same for all, such as genia:en and "
            f"gum:en, was: {', '.join(corpora) or 'none'}"
        )
    (lang,) = langs
    names = [corpus.partition(":")[0] for corpus in corpora]
    parts, whole = read_parts(data, names, lang, limit)
    runs = {"alone": [[part] for part in parts], "declared": [parts], "undeclared": [parts]}
    runs |= {"whole": [[whole]]} if whole else {}
    rows: list[dict[str, Any]] = []
    for seed, (way, groups) in itertools.product(seeds, runs.items()):
        for group in groups:
            scored = group if way == "alone" else parts
            found, speed = _train(group, scored, lang, passes, seed, declare=way == "declared")
            for part in scored:
                run = {"corpora": names, "part": part.name, "way": way, "seed": seed}
                sizes = {"texts": len(part.train), "labels": len(part.labels)}
                rows.append({**run, **sizes, **found[part.name], "train_words_per_second": speed})
                log(f"{part.name} {way} {seed}: F {rows[-1]['f']:.2f}")
        save(output, "label_sets", {"passes": passes, "limit": limit}, rows)


def read_parts(
    data: Path, names: Sequence[str], lang: str, limit: int
) -> tuple[list[Part], Part | None]:
    """The parts to learn from, and the whole that was split, if it was.

    data: has a folder for each corpus.
    limit (texts): of the training data of each.
    RAISES (ValueError): a single corpus with fewer than two labels.
    """
    nlp = spacy.blank(lang)
    read = []
    for name in names:
        train = list(itertools.islice(read_corpus(find_file(data / name, "train"), nlp), limit))
        dev = list(read_corpus(find_file(data / name, "dev"), nlp))
        read.append(Part(name, sorted({s[2] for text in train for s in text.spans}), train, dev))
    if len(read) > 1:
        return [_keep(part.name, part, part.labels) for part in read], None
    (whole,) = read
    if len(whole.labels) < 2:
        raise ValueError(
            f"a corpus must have two labels or more to be split, was: {names[0]} with "
            f"{', '.join(whole.labels) or 'none'}. To fix: name another one, or two corpora"
        )
    halves = []
    for i, place in enumerate(("even", "odd")):
        part = whole._replace(train=whole.train[i::2])
        halves.append(_keep(f"{names[0]} {place}", part, whole.labels[i::2]))
    return halves, whole


def _keep(name: str, part: Part, labels: list[str]) -> Part:
    """The same texts with the spans of these labels, without those that the tokens cannot hold."""
    kept = set(labels)

    def keep(texts: Iterable[AnnotatedText]) -> list[AnnotatedText]:
        return [x._replace(spans=[s for s in x.spans if s[2] in kept], lost=0) for x in texts]

    return Part(name, labels, keep(part.train), keep(part.dev))


def _train(
    group: Sequence[Part],
    scored: Sequence[Part],
    lang: str,
    passes: int,
    seed: int,
    *,
    declare: bool,
) -> tuple[dict[str, dict[str, float]], int]:
    """Train a component with the texts of some parts.

    RETURNS: P, R and F in per cent on dev by name of the scored parts, asked for their own labels,
        with the averaged weights of the last pass; and words per second of training.
    """
    texts = [text for part in group for text in part.train]
    values = {"nlp.lang": lang, **fit(SYSTEM, find_reach(texts), has_flat_gold(texts))}
    nlp = make_pipeline(SYSTEM, texts, seed, values)
    training = read_training(nlp)
    examples = [x for part in group for x in part.make_examples(nlp.vocab, declare=declare)]
    start = time.process_time()
    for _ in range(passes):
        random.shuffle(examples)
        train_once(nlp, examples, training)
    seconds = time.process_time() - start
    scores = {}
    with averaged(nlp, training["optimizer"].averages):
        for part in scored:
            # Where spans must not overlap, the labels of other parts would take some of them.
            ask_for(nlp, part.labels)
            predicted = predict_cells(nlp, SYSTEM, part.dev)
            own = Counts.total(count_each(part.dev, predicted)).scores()
            scores[part.name] = {x: round(100 * own[x], 2) for x in "prf"}
    return scores, round(passes * sum(len(text.words) for text in texts) / seconds)
