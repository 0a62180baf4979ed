"""The table of a sweep over training options: what each changes, from one JSON file a run."""

import json
import statistics
from pathlib import Path
from typing import Any

from .markdown import make_rows, mean_and_spread
from .sweep import SWEEP, Run, read_sweep

Result = dict[str, Any]


def compares_options(folder: Path) -> bool:
    """Whether a sweep runs one system on one corpus with different overrides."""
    runs = read_sweep(folder / SWEEP)
    return len({run._replace(overrides={}).name() for run in runs}) < len(runs)


def make_option_table(folder: Path) -> str:
    """F1 without options, and the change that each makes: the mean of paired differences.

    folder: with the sweep, named SWEEP, whose first group has no overrides, and the results.
    """
    runs = read_sweep(folder / SWEEP)
    corpora = list(dict.fromkeys(run.corpus for run in runs))
    done: dict[str, dict[tuple[str, int], Result]] = {}
    for run in runs:
        own = done.setdefault(_name(run), {})
        path = folder / f"{run.name()}.json"
        if path.exists():
            report = json.loads(path.read_text(encoding="utf8"))
            own[run.corpus, run.seed] = report["results"]
    base, *options = done
    header = ["option", "seeds", *corpora, "training time", "memory"]
    rows = [[base, _seeds(done[base]), *(_level(done[base], c) for c in corpora), "1.00", "1.00"]]
    for option in options:
        own = {key: result for key, result in done[option].items() if key in done[base]}
        if own:
            changes = (_change(own, done[base], corpus) for corpus in corpora)
            costs = (_ratio(own, done[base], key) for key in ("train_seconds", "peak_mib"))
            rows.append([option, _seeds(own), *changes, *costs])
    return make_rows(header, rows)


def _name(run: Run) -> str:
    values = (f"{key.rsplit('.', 1)[-1]} = {value}" for key, value in run.overrides.items())
    return ", ".join(f"`{value}`" for value in values) or "none: F1"


def _seeds(results: dict[tuple[str, int], Result]) -> str:
    return str(len({seed for _, seed in results}))


def _level(results: dict[tuple[str, int], Result], corpus: str) -> str:
    return mean_and_spread([100 * r["all"]["f"] for (c, _), r in results.items() if c == corpus])


def _change(
    own: dict[tuple[str, int], Result], base: dict[tuple[str, int], Result], corpus: str
) -> str:
    points = [
        100 * (result["all"]["f"] - base[key]["all"]["f"])
        for key, result in own.items()
        if key[0] == corpus
    ]
    return mean_and_spread(points, sign="+") if points else ""


def _ratio(
    own: dict[tuple[str, int], Result], base: dict[tuple[str, int], Result], cost: str
) -> str:
    """The median of the ratios of paired runs; time is that of processors, for one pass."""
    return f"{statistics.median(_cost(r, cost) / _cost(base[k], cost) for k, r in own.items()):.2f}"


def _cost(result: Result, cost: str) -> float:
    if cost == "train_seconds":
        return statistics.median(step["train_seconds"] for step in result["curve"])
    return float(result[cost])
