"""Two tasks on one encoder, one of them the main one: does projection help it?

python -m benchmarks.auxiliary out.json --data DATA/scierc --tasks entities:relations
python -m benchmarks.auxiliary out.json --data gum --tasks entities:tags --seed 0 1 2

Tags are those of the tokens in .spacy files, such as `spacy convert` writes.
"""

import argparse
import itertools
from collections.abc import Callable, Iterable, Iterator
from functools import partial
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
COMPONENTS = {
    "entities": "global_pointer",
    "relations": relations.COMPONENT,
    "tags": "tagger",
}
# Spans are what the tagger serves: it joins nothing.
TAGS = Task(
    key="spans_sc",
    component=COMPONENTS["tags"],
    fit=lambda docs: {},
    score=lambda pipe, examples: dict(pipe.score(examples)),
    noted=("tag_acc",),
)
# Main and auxiliary task -> system, and what scores it: the best pass is that of the main task.
PAIRS: dict[str, tuple[str, Task]] = {
    "entities:relations": (
        "relations",
        relations.TASK._replace(key="spans_sc", noted=("relations_f",)),
    ),
    "relations:entities": ("relations", relations.TASK._replace(noted=("spans_sc_f",))),
    "entities:tags": ("spans_tagger", TAGS),
}
# Rule of the callback, and what it compares, for each way to train; None for the plain sum of the
# gradients.
WAYS: dict[str, tuple[Rule, PerGradient] | None] = {
    "sum": None,
    "project": ("project", "batch"),
    "project_token": ("project", "token"),
    "constrain": ("constrain", "batch"),
}
# Without the auxiliary component; not for relations, which join the spans of the other one.
ALONE = "alone"


def list_ways(pair: str) -> list[str]:
    """All ways to train a pair of PAIRS."""
    return list(WAYS) if pair.startswith("relations") else [ALONE, *WAYS]


def make_callback(pair: str, way: str) -> Callable[[Language], Any] | None:
    """What is called when a pipeline is initialized.

    pair: of PAIRS; way: of `list_ways`.
    """
    main, auxiliary = (COMPONENTS[task] for task in pair.split(":"))
    if way == ALONE:
        return partial(_leave_out, auxiliary)
    settings = WAYS[way]
    return None if settings is None else make_auxiliary_tasks(main, [auxiliary], *settings)


def _leave_out(component: str, nlp: Language) -> None:
    """Neither train nor run a component."""
    nlp.disable_pipe(component)
    for _, pipe in nlp.components:
        # The last listener starts the backprop of an encoder, even if its component is disabled.
        getattr(pipe, "listener_map", {}).pop(component, None)


def measure_auxiliary(
    train: Iterable[Doc],
    dev: Iterable[Doc],
    *,
    pair: str,
    lang: str,
    passes: int,
    seeds: Iterable[int],
    overrides: dict[str, Any] | None = None,
    log: Callable[[str], None] = print,
) -> Iterator[dict[str, Any]]:
    """Train in each way, from the same weights.

    train, dev: documents with gold spans, and gold relations or tags.
    pair: of PAIRS.
    lang, passes, overrides, log: as in `joint.train_and_score`.
    YIELDS: for each seed and way ("seed", "way"), what `joint.train_and_score` returns.
    """
    system, task = PAIRS[pair]
    for seed, way in itertools.product(seeds, list_ways(pair)):
        result = train_and_score(
            task,
            system,
            list(train),
            list(dev),
            lang=lang,
            passes=passes,
            seed=seed,
            overrides=overrides,
            after_init=make_callback(pair, way),
            log=log,
        )
        scores = (f"{x} {result['scores'][x]:.3f}" for x in (f"{task.key}_f", *task.noted))
        log(f"{way}, seed {seed}: {', '.join(scores)}")
        yield {"way": way, "seed": seed, **result}


def run(options: list[str] | None = None) -> None:
    """Measure, and write the report, anew after each run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path, help="JSON file")
    parser.add_argument("--data", type=Path, required=True, help="folder with train and dev files")
    parser.add_argument(
        "--tasks", choices=list(PAIRS), default="entities:relations", help="main:auxiliary"
    )
    parser.add_argument("--lang", default="en", help="of the tokenizer")
    parser.add_argument("--limit", type=int, help="training documents; all by default")
    parser.add_argument("--passes", type=int, default=30)
    parser.add_argument("--seed", type=int, nargs="+", default=[0])
    parser.add_argument("--gpu", action="store_true", help="train on the GPU")
    args = parser.parse_args(options)
    if args.gpu:
        require_gpu()
    nlp = spacy.blank(args.lang)
    train = read_docs(find_file(args.data, "train"), nlp)[: args.limit]
    dev = read_docs(find_file(args.data, "dev"), nlp)
    settings = {**vars(args), "output": args.output.name, "data": args.data.name}
    rows = []
    for row in measure_auxiliary(
        train, dev, pair=args.tasks, lang=args.lang, passes=args.passes, seeds=args.seed
    ):
        rows.append(row)
        save(args.output, "auxiliary", settings, rows)


if __name__ == "__main__":
    run()
