"""The tables of a sweep of relations or events: one row a corpus and system, from one JSON file a
run.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from .markdown import make_rows, mean_and_spread
from .sweep import SWEEP, read_sweep

Result = dict[str, Any]
Columns = Sequence[tuple[str, Callable[[Result], float]]]


class Tables(NamedTuple):
    """The tables of systems that find more than spans.

    cost: name of the table of speed and memory.
    spans: what spans are called.
    systems: their names in the tables.
    scores: key of each score in a result, by the name of its column.
    """

    cost: str
    spans: str
    systems: dict[str, str]
    scores: dict[str, str]


# By the name of the table of scores.
TABLES = {
    "relations": Tables(
        "relation_cost",
        "entities",
        {
            "relations": "`SpanPairs`",
            "relations_gplinker": "`GPLinker`",
            "relations_mean": "the tutorial's",
            "relations_transformer": "`SpanPairs`, MiniLM",
        },
        {
            "strict": "relations_f",
            "P": "relations_p",
            "R": "relations_r",
            "boundaries": "relations_boundary_f",
            "text": "relations_text_f",
            "given spans": "given f",
        },
    ),
    "events": Tables(
        "event_cost",
        "spans",
        {"events": "`SpanPairs`", "events_transformer": "`SpanPairs`, MiniLM"},
        {
            "exact": "events_f",
            "P": "events_p",
            "R": "events_r",
            "exact, published decoding": "published_f",
            "trigger": "events_trigger_f",
            "trigger type": "events_trigger_type_f",
            "argument": "events_argument_f",
            "role": "events_role_f",
            "attached": "events_attached_f",
        },
    ),
}


def find_tables(folder: Path) -> str | None:
    """The name of the table of scores for the runs of a sweep, None if they are about spans."""
    systems = {run.system for run in read_sweep(folder / SWEEP)}
    return next((name for name, own in TABLES.items() if systems <= own.systems.keys()), None)


def make_joint_tables(folder: Path, name: str) -> dict[str, str]:
    """The tables by name.

    folder: with the sweep, named SWEEP, and the results of its runs.
    name: of TABLES.
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
    own = TABLES[name]
    named = {
        (corpus if limit is None else f"{corpus}, first {limit:,}", own.systems[system]): done
        for (corpus, limit, system), done in rows.items()
    }
    scores = {**own.scores, own.spans: "spans_sc_f"}
    costs: Columns = [
        ("training, words/s", lambda r: r["train_words_per_second"]),
        ("prediction, words/s", lambda r: r["predict_words_per_second"]),
        (f"{own.spans} alone, words/s", lambda r: r["entities_words_per_second"]),
        ("peak memory, MiB", lambda r: r["peak_mib"]),
    ]
    left = [" ".join(name) for name, done in named.items() if not done]
    rest = f"\nNot run yet: {', '.join(left)}.\n" if left else ""
    columns = [(column, partial(_score, key)) for column, key in scores.items()]
    # Runs that shared a GPU have no speed.
    timed = {x: [r for r in done if "peak_mib" in r] for x, done in named.items()}
    return {name: _table(named, columns, 1) + rest, own.cost: _table(timed, costs, 0)}


def _score(key: str, result: Result) -> float:
    """A score in points.

    key: two keys, if the score is in a part of the result.
    """
    value: Any = result["scores"]
    for part in key.split():
        value = value[part]
    return 100 * float(value)


def _table(named: Mapping[tuple[str, str], Sequence[Result]], columns: Columns, digits: int) -> str:
    header = ["corpus", "architecture", "seeds", *(name for name, _ in columns)]
    rows = [
        [
            *name,
            str(len(own)),
            *(mean_and_spread([get(r) for r in own], digits) for _, get in columns),
        ]
        for name, own in named.items()
        if own
    ]
    return make_rows(header, rows)
