"""Training in passes over the data, scored after each, as every benchmark trains."""

import contextlib
import random
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from spacy.language import Language
from spacy.schemas import ConfigSchemaTraining
from spacy.training import Example
from spacy.training.loop import train_while_improving
from spacy.util import registry

# Passes without a better score on dev after which training stops.
PATIENCE = 2

# P, R and F of a pass, and seconds of prediction.
Step = dict[str, float]


def train_in_passes(
    nlp: Language,
    examples: list[Example],
    passes: int,
    score: Callable[[], tuple[Step, Any]],
    keep: Callable[[Any], Any],
    log: Callable[[str], None],
) -> tuple[list[Step], Any]:
    """Train an initialized pipeline by its config, until the passes are over or no longer help.

    score: scores the pipeline, with averaged weights where the config has them. RETURNS: "p", "r",
        "f" and seconds by name, and what it found.
    keep: is given what `score` found in the best pass, before training goes on.
    RETURNS: the learning curve, and what was kept of the best pass.
    """
    training = read_training(nlp)
    curve: list[Step] = []
    kept = None
    while len(curve) < passes and not is_over(curve):
        random.shuffle(examples)
        start = time.process_time()
        train_once(nlp, examples, training)
        seconds = time.process_time() - start
        with averaged(nlp, training["optimizer"].averages):
            step, found = score()
            if all(step["f"] > other["f"] for other in curve):
                kept = keep(found)
        curve.append({"pass": len(curve) + 1, **step, "train_seconds": seconds})
        log("pass {pass}: P {p:.3f} R {r:.3f} F {f:.3f}".format(**curve[-1]))
    return curve, kept


def read_training(nlp: Language) -> dict[str, Any]:
    """The block [training] of the config of a pipeline, with all that it names."""
    settings = nlp.config.interpolate()["training"]
    resolved: dict[str, Any] = registry.resolve(settings, schema=ConfigSchemaTraining)
    return resolved


def is_over(curve: list[dict[str, float]]) -> bool:
    """Whether the last PATIENCE passes brought nothing better than what was found before."""
    scores = [step["f"] for step in curve]
    best = max(scores[:-PATIENCE], default=0.0)
    return 0 < best >= max(scores[-PATIENCE:])


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


def median_speed(n_words: int, curve: list[dict[str, float]], what: str) -> float:
    """Words per second, as the median of the passes."""
    return n_words / statistics.median(step[what] for step in curve)
