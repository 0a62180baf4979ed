"""What a pipeline forgets of old labels while it learns a new one, and what rehearsal keeps.

python -m benchmarks.forgetting data genia:en DNA forgetting.json --limit 2000

First all labels but one are learned, from the first sentences of a corpus; then that one, from the
next ones, in which nothing else is annotated: unless they declare that, training says that there is
nothing else. The texts of the first sentences, without annotation, are rehearsed.
"""

import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import spacy
import typer
from spacy.language import Language
from spacy.training import Example
from spacy.util import fix_random_seed, load_model_from_config
from typer import Argument, Option
from wasabi import msg

from spacy_globalpointer.spans import Counts

from .accuracy import predict_cells
from .distillation import Data, read_data
from .measure import save
from .passes import averaged, read_training, train_once
from .peers import read_system
from .scores import count_each
from .text import AnnotatedText

SYSTEM = "global_pointer"
# Whether the new sentences declare their label, and what is rehearsed: nothing, the spans that were
# found, or probabilities.
WAYS = tuple(product((False, True), ("none", "spans", "probabilities")))


def keep_labels(docs: Sequence[AnnotatedText], keep: Callable[[str], bool]) -> list[AnnotatedText]:
    """The same texts with some of their spans."""
    return [doc._replace(spans=[span for span in doc.spans if keep(span[2])]) for doc in docs]


def measure_forgetting(
    data: Data,
    label: str,
    *,
    passes: int,
    seed: int,
    overrides: dict[str, Any] | None = None,
    log: Callable[[str], None] = print,
) -> Iterator[dict[str, Any]]:
    """Learn the old labels, then the new one in each way.

    data: annotated sentences for the old labels, and raw ones for the new one.
    passes: of each of both trainings.
    YIELDS: F1 of "old" and of "new" labels before, and in each of WAYS ("declared", "rehearsal").
    """
    fix_random_seed(seed)
    values = {"nlp.lang": data.lang, **(overrides or {})}
    nlp = load_model_from_config(read_system(SYSTEM, values), auto_fill=True)
    old = keep_labels(data.annotated, lambda own: own != label)
    examples = [text.make_example(nlp.vocab) for text in old]
    nlp.initialize(lambda: examples)
    with tempfile.TemporaryDirectory() as folder:
        training = read_training(nlp)
        for _ in range(passes):
            train_once(nlp, examples, training)
        with averaged(nlp, training["optimizer"].averages):
            scores = _score(nlp, data.dev, label)
            nlp.to_disk(folder)
        row: dict[str, Any] = {"declared": False, "rehearsal": "before", "seed": seed, **scores}
        log(str(row))
        yield row
        for declared, kind in WAYS:
            fix_random_seed(seed)
            scores = _learn_label(spacy.load(folder), data, label, declared, kind, passes)
            row = {"declared": declared, "rehearsal": kind, "seed": seed, **scores}
            log(str(row))
            yield row


def _learn_label(
    nlp: Language, data: Data, label: str, declared: bool, kind: str, passes: int
) -> dict[str, float]:
    """Add a label to a trained pipeline, and score that and the old ones after training."""
    pipe: Any = nlp.get_pipe("global_pointer")
    pipe.cfg["soft_rehearsal"] = kind == "probabilities"
    pipe.add_label(label)
    training = read_training(nlp)
    sgd, drop = training["optimizer"], training["dropout"]
    nlp.resume_training(sgd=sgd)
    texts = keep_labels(data.raw, lambda own: own == label)
    new = [text.make_example(nlp.vocab, [label] if declared else None) for text in texts]
    known = [t.make_example(nlp.vocab) for t in keep_labels(data.annotated, lambda own: False)]
    for _ in range(passes):
        random.shuffle(new)
        rehearsed = _endless(known)
        for batch in training["batcher"](new):
            nlp.update(batch, sgd=sgd, drop=drop)
            if kind != "none":
                pipe.rehearse([next(rehearsed) for _ in batch], sgd=sgd, drop=drop)
    with averaged(nlp, sgd.averages):
        return _score(nlp, data.dev, label)


def _endless(examples: list[Example]) -> Any:
    while True:
        random.shuffle(examples)
        yield from examples


def _score(nlp: Language, dev: Sequence[AnnotatedText], label: str) -> dict[str, float]:
    """F1 of the old labels and of the new one."""
    found = predict_cells(nlp, SYSTEM, dev)
    scores = {}
    for name, is_new in (("old", False), ("new", True)):
        gold = keep_labels(dev, lambda own, is_new=is_new: (own == label) == is_new)  # type: ignore[misc]
        own = [{span for span in spans if (span.label == label) == is_new} for spans in found]
        scores[name] = round(Counts.total(count_each(gold, own)).scores()["f"], 4)
    return scores


def main(
    data: Annotated[Path, Argument(help="Folder with a folder for each corpus, as for `sweep`")],
    corpus: Annotated[str, Argument(help="Corpus and language, such as genia:en")],
    label: Annotated[str, Argument(help="The label that is learned later")],
    output: Annotated[Path, Argument(help="JSON file to write", dir_okay=False)],
    limit: Annotated[
        int, Option(help="Sentences for the old labels, and as many more", min=1)
    ] = 2000,
    dev: Annotated[int | None, Option(help="Sentences of dev; default: all", min=1)] = None,
    passes: Annotated[int, Option(help="Of each training", min=1)] = 5,
    seed: Annotated[list[int] | None, Option(help="Of the random numbers; repeatable")] = None,
) -> None:
    """Measure what is forgotten without rehearsal, with that of spans, and of probabilities."""
    texts = read_data(data, corpus, limit, limit, dev)
    seeds = seed or [0]
    settings = {"corpus": corpus, "label": label, "limit": limit, "passes": passes, "seeds": seeds}
    rows: list[dict[str, Any]] = []
    for number in seeds:
        for row in measure_forgetting(texts, label, passes=passes, seed=number, log=msg.info):
            rows.append(row)
            save(output, "forgetting", settings, rows)


if __name__ == "__main__":
    typer.run(main)
