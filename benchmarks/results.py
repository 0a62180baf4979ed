"""The tables of a sweep: one row a corpus, one column a system, from one JSON file a run."""

import json
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy

from spacy_globalpointer.commands.tune.bootstrap import SampledF1, compare, sample_f1
from spacy_globalpointer.spans import LENGTH_NAMES, LENGTHS, Counts

from .markdown import make_rows, mean_and_spread
from .peers import FLAT
from .scores import read_documents
from .sweep import SWEEP, read_sweep

Result = dict[str, Any]
# The default, and the same with the encoder of the others and without a second look.
OURS, PLAIN = "global_pointer", "global_pointer_plain"
# With a transformer and word features.
HYBRID = "global_pointer_hybrid"
NAMES = {
    "global_pointer": "`global_pointer`",
    "global_pointer_rescorer": "without affixes",
    "global_pointer_plain": "without affixes and second look",
    "global_pointer_gp": "one extractor a label",
    "global_pointer_no_rope": "without RoPE",
    HYBRID: "with word features",
    "spancat": "`spancat`",
    "span_finder": "`span_finder` + `spancat`",
    "ner": "`ner`",
    "crf": "CRF",
    "crfsuite": "CRFsuite",
}
PRETRAINED = "_transformer"
# Share of nested gold spans from which on a corpus counts as nested.
NESTED = 0.01
# A system that reaches less than this share of the best F1 of its row has not learned the task:
# its score says something about its training, and nothing about the system.
TRAINED, UNTRAINED = 0.5, "did not train"


class Row(NamedTuple):
    """A corpus as it was trained on, and the runs of each system on it, one a seed.

    planned: runs of each system that the sweep names; done: results of those that were run.
    f1: of each system that was run, on samples of the documents.
    """

    corpus: str
    limit: int | None
    pretrained: bool
    planned: dict[str, int]
    done: dict[str, list[Result]]
    f1: dict[str, SampledF1]

    def name(self) -> str:
        """Of the row in a table."""
        parts = [self.corpus, f"first {self.limit:,}" if self.limit else ""]
        return ", ".join(filter(None, [*parts, "pretrained" if self.pretrained else ""]))

    def any(self) -> Result:
        """One result: what depends on the corpus only is the same in all."""
        return next(iter(self.done.values()))[0]

    def nested_share(self) -> float:
        """Share of the gold spans that lie in or around another one."""
        result = self.any()
        nested, every = (result[key]["right"] + result[key]["missed"] for key in ("nested", "all"))
        return float(nested / max(1, every))

    def tuned(self) -> "Row":
        """The same with those results only that have a tuned threshold."""
        done = {s: [r for r in results if r.get("tuned")] for s, results in self.done.items()}
        return self._replace(done={system: some for system, some in done.items() if some})

    def mean(self, system: str, *keys: str) -> float:
        """Mean over the seeds of a figure of the results."""
        return statistics.mean(_get(result, keys) for result in self.done[system])

    def length_f1(self, system: str, length: int) -> float | None:
        """F1 in points of the spans of one of LENGTHS, mean over the seeds; None without gold."""
        parts = [result["by_length"].get(str(length)) for result in self.done[system]]
        known = [part for part in parts if part and part["right"] + part["missed"]]
        return 100 * statistics.mean(part["f"] for part in known) if known else None

    def is_trained(self, system: str) -> bool:
        """Whether a system has learned the task."""
        best = max(self.mean(other, "all", "f") for other in self.done)
        return self.mean(system, "all", "f") >= TRAINED * best

    def trained(self) -> list[str]:
        """The systems that have learned the task."""
        return [system for system in self.done if self.is_trained(system)]

    def documents(self, system: str) -> Counts:
        """Counts of each document (documents), the mean over the seeds."""
        counts = [read_documents(result["documents"]) for result in self.done[system]]
        return Counts(*numpy.mean(counts, axis=0).T)


def read_rows(folder: Path) -> list[Row]:
    """The rows of a sweep, and what was run of them.

    folder: with the sweep, named SWEEP, and the results of its runs.
    RAISES (ValueError): a result of a run that the sweep does not name, or of an older config.
    """
    results = {path.stem: path for path in folder.glob("*.json") if path.name != SWEEP}
    rows: dict[Any, Row] = {}
    for run in read_sweep(folder / SWEEP):
        pretrained = run.system.endswith(PRETRAINED)
        empty = Row(run.corpus, run.limit, pretrained, {}, {}, {})
        row = rows.setdefault((run.corpus, run.limit, pretrained), empty)
        system = run.system.removesuffix(PRETRAINED)
        row.planned[system] = row.planned.get(system, 0) + 1
        if run.name() in results:
            report = json.loads(results.pop(run.name()).read_text(encoding="utf8"))
            row.done.setdefault(system, []).append({"seed": run.seed, **report["results"]})
    if results:
        raise ValueError(
            f"results must be of runs that {folder / SWEEP} names, with their present "
            f"configs, were: {', '.join(sorted(results))}. To fix: delete them, or add their runs"
        )
    return [
        row._replace(f1=sample_f1({system: row.documents(system) for system in row.done}))
        for row in rows.values()
    ]


def f1_table(rows: Sequence[Row]) -> str:
    """F1 on all spans, in points: mean and spread over the seeds."""
    return _by_system(rows, _f1)


def peers_table(rows: Sequence[Row]) -> str:
    """The same of the default, of its plain form and of other components, without more of ours.

    Rows with one system only compare nothing, and are left out.
    """
    rows = [row for row in rows if len(row.done) != 1]
    shown = (PLAIN, HYBRID)
    variants = [name for name in NAMES if name.startswith(f"{OURS}_") and name not in shown]
    parts = ({k: v for k, v in r.planned.items() if k not in variants} for r in rows)
    done = ({k: v for k, v in r.done.items() if k not in variants} for r in rows)
    own = [r._replace(planned=p, done=d) for r, p, d in zip(rows, parts, done, strict=True)]
    return _by_system(own, _f1)


def _f1(row: Row, system: str) -> str:
    """Bold if the bootstrap of its difference from every other system excludes 0."""
    text = _points(row, system, "all", "f")
    others = [other for other in row.done if other != system]
    f = row.mean(system, "all", "f")
    is_best = bool(others) and all(f >= row.mean(other, "all", "f") for other in others)
    is_sure = is_best and all(compare(row.f1[system], row.f1[other]).low > 0 for other in others)
    return f"**{text}**" if is_sure else text


def nested_table(rows: Sequence[Row]) -> str:
    """Recall of the nested gold spans of the corpora that have them, and F1 in brackets.

    A wrong span counts as nested if another one was found in or around it: what finds flat spans
    only makes no such mistake, so its F1 would say nothing.
    """
    return _by_system([r for r in rows if r.done and r.nested_share() >= NESTED], _nested)


def _nested(row: Row, system: str) -> str:
    recall = _points(row, system, "nested", "r")
    if system in FLAT:
        return recall
    return f"{recall} ({100 * row.mean(system, 'nested', 'f'):.1f})"


def _by_system(rows: Sequence[Row], cell: Callable[[Row, str], str]) -> str:
    systems = [name for name in NAMES if any(name in row.planned for row in rows)]

    def fill(row: Row, system: str) -> str:
        if system not in row.done:
            return "not run" if system in row.planned else ""
        return cell(row, system) if row.is_trained(system) else UNTRAINED

    header = ["corpus", "types", "nested", *(NAMES[system] for system in systems)]
    lines = []
    for row in rows:
        known = [str(len(row.any()["by_label"])), f"{row.nested_share():.0%}"] if row.done else []
        cells = [fill(row, system) for system in systems]
        lines.append([row.name(), *(known or ["", ""]), *cells])
    return make_rows(header, lines)


def _points(row: Row, system: str, part: str, score: str) -> str:
    """Mean and spread over the seeds of a score in points."""
    return mean_and_spread([100 * result[part][score] for result in row.done[system]])


def tuned_table(rows: Sequence[Row]) -> str:
    """F1 with the threshold of the config, and with one chosen on other documents of dev."""
    known = [row.tuned() for row in rows]
    systems = [name for name in NAMES if any(name in row.done for row in known)]
    lines = [
        [row.name(), *(_tuned(row, s) if s in row.done else "" for s in systems)]
        for row in known
        if row.done
    ]
    return make_rows(["corpus", *(NAMES[system] for system in systems)], lines)


def _tuned(row: Row, system: str) -> str:
    before, after = (100 * row.mean(system, part, "f") for part in ("all", "tuned"))
    return f"{before:.1f} → {after:.1f}"


def difference_table(rows: Sequence[Row]) -> str:
    """F1 of our plain form less that of each peer, with the middle 95 % of the paired bootstrap."""
    ours = [PLAIN if PLAIN in row.done else OURS for row in rows]
    pairs = [(row, own) for row, own in zip(rows, ours, strict=True) if own in row.done]
    peers = [n for n in NAMES if any(n in row.done and n != own for row, own in pairs)]
    lines = []
    for row, own in pairs:
        if len(row.done) > 1:
            cells = [
                _difference(row, own, peer) if peer in row.done and peer != own else ""
                for peer in peers
            ]
            lines.append([row.name(), *cells])
    return make_rows(["corpus", *(NAMES[peer] for peer in peers)], lines)


def _difference(row: Row, own: str, peer: str) -> str:
    if not row.is_trained(peer):
        return UNTRAINED
    points = [100 * x for x in compare(row.f1[own], row.f1[peer])]
    return "{:+.1f} ({:+.1f} to {:+.1f})".format(*points)


def length_table(rows: Sequence[Row]) -> str:
    """F1 by the length of the span in tokens, of the rows with all training data."""
    header = ["corpus", "system", *LENGTH_NAMES]
    lines = []
    for row in _whole(rows):
        for system in row.trained():
            values = [row.length_f1(system, length) for length in LENGTHS]
            cells = ["" if value is None else f"{value:.1f}" for value in values]
            lines.append([row.name(), NAMES[system], *cells])
    return make_rows(header, lines)


def error_table(rows: Sequence[Row]) -> str:
    """What is wrong with what was found, and what was not found, of the rows with all data."""
    kinds = ("type", "border", "spurious", "missed", "missed nested")
    lines = []
    for row in _whole(rows):
        for system in row.trained():
            results = row.done[system]
            means = [statistics.mean(r["errors"].get(kind, 0) for r in results) for kind in kinds]
            lines.append([row.name(), NAMES[system], *(f"{mean:,.0f}" for mean in means)])
    return make_rows(["corpus", "system", *kinds], lines)


def cost_table(rows: Sequence[Row]) -> str:
    """Words per second and peak memory of each system, but not of runs that shared a GPU."""
    header = ["corpus", "system", "training, words/s", "prediction, words/s", "peak memory"]
    keys = ("train_words_per_second", "predict_words_per_second", "peak_mib")
    lines = []
    for row in rows:
        for system in (s for s, results in row.done.items() if all(keys[0] in r for r in results)):
            train, predict, mib = (f"{row.mean(system, key):,.0f}" for key in keys)
            lines.append([row.name(), NAMES[system], train, predict, f"{mib} MiB"])
    return make_rows(header, lines)


def run_table(rows: Sequence[Row]) -> str:
    """Every run."""
    header = ["corpus", "system", "seed", "passes", "best", "P", "R", "F1", "lost gold", "config"]
    lines = []
    for row in rows:
        for system, results in row.done.items():
            for result in results:
                curve = result["curve"]
                best = max(curve, key=lambda step: step["f"])
                scores = (f"{100 * result['all'][x]:.1f}" for x in "prf")
                cells = [str(result["seed"]), str(len(curve)), str(best["pass"]), *scores]
                lines.append([row.name(), NAMES[system], *cells, str(result["lost"])])
                lines[-1].append(f"`{result['config']}`")
    return make_rows(header, lines)


def _whole(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row.done and not row.limit]


def _get(result: Result, keys: Sequence[str]) -> float:
    value: Any = result
    for key in keys:
        value = value[key]
    return float(value)


TABLES: dict[str, Callable[[Sequence[Row]], str]] = {
    "f1": f1_table,
    "peers": peers_table,
    "nested": nested_table,
    "tuned": tuned_table,
    "difference": difference_table,
    "length": length_table,
    "errors": error_table,
    "cost": cost_table,
    "runs": run_table,
}


def make_tables(rows: Sequence[Row]) -> dict[str, str]:
    """All tables of a sweep, by the name of their marks."""
    return {name: table(rows) for name, table in TABLES.items()}
