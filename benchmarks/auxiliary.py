"""Spans and relations on one encoder, one of them the main task: does projection help it?

python -m benchmarks.auxiliary out.json --data DATA/scierc --main entities --passes 30 --seed 0
"""

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import spacy
from spacy.language import Language
from spacy.tokens import Doc
from thinc.api import require_gpu

from spacy_globalpointer.nn import PerGradient
from spacy_globalpointer.training.auxiliary import Rule, make_auxiliary_tasks

from . import relations
from .joint import Task, read_docs, train_and_score
from .measure import save
from .sweep import find_file

# Component of each task.
COMPONENTS = {"entities": "global_pointer", "relations": relations.COMPONENT}
SYSTEM = "relations"
# Rule of the callback, and what it compares, for each way to train; None for the plain sum of the
# gradients.
WAYS: dict[str, tuple[Rule, PerGradient] | None] = {
    "sum": None,
    "project": ("project", "batch"),
    "project_token": ("project", "token"),
    "constrain": ("constrain", "batch"),
}


def make_task(main: str) -> Task:
    """The joint task, whose best pass is the one that is best for the main task.

    main: one of COMPONENTS.
    """
    if main == "entities":
        return relations.TASK._replace(key="spans_sc", noted=("relations_f",))
    return relations.TASK._replace(noted=("spans_sc_f",))


def make_callback(main: str, way: str) -> Callable[[Language], Language] | None:
    """What is called when a pipeline is initialized.

    main: one of COMPONENTS; way: one of WAYS.
    """
    settings = WAYS[way]
    if settings is None:
        return None
    auxiliary = [component for task, component in COMPONENTS.items() if task != main]
    return make_auxiliary_tasks(COMPONENTS[main], auxiliary, *settings)


def measure_auxiliary(
    train: Iterable[Doc],
    dev: Iterable[Doc],
    *,
    main: str,
    lang: str,
    passes: int,
    seed: int,
    overrides: dict[str, Any] | None = None,
    ways: Iterable[str] = tuple(WAYS),
    log: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Train in each way, from the same weights.

    train, dev: documents with gold spans and relations.
    main: one of COMPONENTS.
    lang, passes, seed, overrides, log: as in `joint.train_and_score`.
    ways: of WAYS.
    RETURNS: for each way, what `joint.train_and_score` does.
    """
    results = {}
    for way in ways:
        results[way] = train_and_score(
            make_task(main),
            SYSTEM,
            list(train),
            list(dev),
            lang=lang,
            passes=passes,
            seed=seed,
            overrides=overrides,
            after_init=make_callback(main, way),
            log=log,
        )
        scores = results[way]["scores"]
        log(f"{way}: entities {scores['spans_sc_f']:.3f}, relations {scores['relations_f']:.3f}")
    return results


def run(options: list[str] | None = None) -> None:
    """Measure, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path, help="JSON file")
    parser.add_argument("--data", type=Path, required=True, help="folder with train and dev files")
    parser.add_argument("--main", choices=list(COMPONENTS), default="entities")
    parser.add_argument("--ways", nargs="+", choices=list(WAYS), default=list(WAYS))
    parser.add_argument("--lang", default="en", help="of the tokenizer")
    parser.add_argument("--limit", type=int, help="training documents; all by default")
    parser.add_argument("--passes", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--gpu", action="store_true", help="train on the GPU")
    args = parser.parse_args(options)
    if args.gpu:
        require_gpu()
    nlp = spacy.blank(args.lang)
    train = read_docs(find_file(args.data, "train"), nlp)[: args.limit]
    dev = read_docs(find_file(args.data, "dev"), nlp)
    results = measure_auxiliary(
        train,
        dev,
        main=args.main,
        lang=args.lang,
        passes=args.passes,
        seed=args.seed,
        ways=args.ways,
    )
    settings = {**vars(args), "output": str(args.output), "data": args.data.name}
    save(args.output, "auxiliary", settings, results)


if __name__ == "__main__":
    run()
