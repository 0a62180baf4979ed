"""The tables of a sweep of relations: one row a corpus and system, from one JSON file a run."""

import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .markdown import make_rows
from .sweep import SWEEP, read_sweep

Result = dict[str, Any]
NAMES = {
    "relations": "`SpanPairs`",
    "relations_gplinker": "`GPLinker`",
    "relations_mean": "the tutorial's",
    "relations_transformer": "`SpanPairs`, MiniLM",
}


def is_of_relations(folder: Path) -> bool:
    """Whether the runs of a sweep are about relations."""
    return all(run.system in NAMES for run in read_sweep(folder / SWEEP))


def make_relation_tables(folder: Path) -> dict[str, str]:
    """The tables by name.

    folder: with the sweep, named SWEEP, and the results of its runs.
    RAISES (ValueError): a result of a run that the sweep does not name, or of an older config.
    """
    paths = {path.stem: path for path in folder.glob("*.json") if path.name != SWEEP}
    rows: dict[tuple[str, int | None, str], list[Result]] = {}
    for run in read_sweep(folder / SWEEP):
        done = rows.setdefault((run.corpus, run.limit, run.system), [])
        path = paths.pop(run.name(), None)
        if path is not None:
            done.append(json.loads(path.read_text(encoding="utf8"))["results"])
    if paths:
        raise ValueError(
            f"results must be of runs that {folder / SWEEP} names, with their present configs, "
            f"were: {', '.join(sorted(paths))}. To fix: delete them, or add their runs"
        )
    named = {
        (corpus if limit is None else f"{corpus}, first {limit:,}", NAMES[system]): done
        for (corpus, limit, system), done in rows.items()
    }
    scores: list[tuple[str, Callable[[Result], float]]] = [
        ("strict", lambda r: 100 * r["scores"]["relations_f"]),
        ("P", lambda r: 100 * r["scores"]["relations_p"]),
        ("R", lambda r: 100 * r["scores"]["relations_r"]),
        ("boundaries", lambda r: 100 * r["scores"]["relations_boundary_f"]),
        ("text", lambda r: 100 * r["scores"]["relations_text_f"]),
        ("given spans", lambda r: 100 * r["scores"]["given"]["f"]),
        ("entities", lambda r: 100 * r["scores"]["spans_sc_f"]),
    ]
    costs: list[tuple[str, Callable[[Result], float]]] = [
        ("training, words/s", lambda r: r["train_words_per_second"]),
        ("prediction, words/s", lambda r: r["predict_words_per_second"]),
        ("entities alone, words/s", lambda r: r["entities_words_per_second"]),
        ("peak memory, MiB", lambda r: r["peak_mib"]),
    ]
    left = [" ".join(name) for name, done in named.items() if not done]
    rest = f"\nNot run yet: {', '.join(left)}.\n" if left else ""
    return {
        "relations": _table(named, scores, 1) + rest,
        "relation_cost": _table(named, costs, 0),
    }


def _table(
    named: Mapping[tuple[str, str], Sequence[Result]],
    columns: Sequence[tuple[str, Callable[[Result], float]]],
    digits: int,
) -> str:
    header = ["corpus", "architecture", "seeds", *(name for name, _ in columns)]
    rows = [
        [*name, str(len(own)), *(_cell([get(r) for r in own], digits) for _, get in columns)]
        for name, own in named.items()
        if own
    ]
    return make_rows(header, rows)


def _cell(values: Sequence[float], digits: int) -> str:
    """Mean of the seeds, with the standard deviation if there are several."""
    mean = f"{statistics.mean(values):,.{digits}f}"
    spread = digits and len(values) > 1
    return f"{mean} ± {statistics.stdev(values):.{digits}f}" if spread else mean
