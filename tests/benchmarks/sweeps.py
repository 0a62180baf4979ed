"""A sweep with results that were made up: one corpus with three runs, one without any."""

import json

from benchmarks import sweep
from benchmarks.sweep import SWEEP, read_sweep

GROUPS = [
    {"corpora": ["one:en"], "systems": ["global_pointer"], "seeds": [0, 1], "passes": 2},
    {"corpora": ["one:en", "two:en"], "systems": ["ner"], "seeds": [0], "passes": 2},
]


def make_result(right, wrong, missed, tuned):
    """Two documents with the same counts, all spans of one label and one token.

    tuned: F1 with a tuned threshold, None for a system without one.
    """
    n = 2 * right, 2 * wrong, 2 * missed
    p, r = n[0] / (n[0] + n[1]), n[0] / (n[0] + n[2])
    scores = {"p": p, "r": r, "f": 2 * n[0] / (2 * n[0] + n[1] + n[2])}
    counts = {**scores, **dict(zip(("right", "wrong", "missed"), n, strict=True))}
    nested = {"p": 1.0, "r": 0.5, "f": 2 / 3, "right": 1, "wrong": 0, "missed": 1}
    return {
        "config": "abc",
        "fitted": {},
        "curve": [{"pass": 1, **scores, "seconds": 1.0}],
        "train_words_per_second": 1000.0,
        "predict_words_per_second": 5000.0,
        "peak_mib": 99.6,
        "all": counts,
        "by_label": {"A": counts},
        "by_length": {"1": counts},
        "nested": nested,
        "errors": {"missed": n[2], "spurious": n[1]},
        "lost": 3,
        "tuned": tuned and {"p": tuned, "r": tuned, "f": tuned},
        "documents": " ".join([f"{right}/{wrong}/{missed}"] * 2),
    }


COUNTS = {
    ("global_pointer", 0): (8, 2, 2, 0.82),
    ("global_pointer", 1): (6, 4, 4, 0.64),
    ("ner", 0): (5, 5, 5, None),
}


def make_sweep(folder):
    """Write the sweep and its results to a folder."""
    (folder / SWEEP).write_text(json.dumps(GROUPS), encoding="utf8")
    for run in read_sweep(folder / SWEEP):
        if run.corpus == "one":
            result = make_result(*COUNTS[run.system, run.seed])
            report = {"benchmark": "run", "settings": run._asdict(), "results": result}
            (folder / f"{run.name()}.json").write_text(json.dumps(report), encoding="utf8")
    return folder


def stay_here(monkeypatch):
    """Train in this process: a new one would import everything first, which takes seconds.

    test_sweep and test_corpora_project do without it, so that one test runs what others do not.
    """
    monkeypatch.setattr(sweep, "_run_apart", sweep._run)
