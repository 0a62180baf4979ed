"""Markdown tables from the reports."""

import json
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import training_tables
from .markdown import make_rows

Report = dict[str, Any]


def read_reports(folder: Path) -> dict[str, Report]:
    """Reports in a folder, by the name of their file.

    RAISES (ValueError): a JSON file that is no report.
    """
    return {path.stem: read_report(path) for path in sorted(folder.glob("*.json"))}


def read_report(path: Path) -> Report:
    """A report of `measure.save`.

    RAISES (ValueError): the file is none.
    """
    try:
        report: Report = json.loads(path.read_text(encoding="utf8"))
    except ValueError as error:
        raise ValueError(f"a report must be JSON, was: {path} ({error})") from error
    if not isinstance(report, dict) or report.get("benchmark") not in TABLES:
        raise ValueError(
            f"a report must be of a benchmark, one of {', '.join(TABLES)}, was: {path}"
        )
    return report


def make_table(report: Report) -> str:
    """The table of a report; times stand below a line that says on what they were measured."""
    machine, versions = report["machine"], report["versions"]
    if "repeats" not in report["settings"]:
        return TABLES[report["benchmark"]](report["results"])
    threads, rounds = machine["threads"], report["settings"]["repeats"]
    return (
        f"{machine['cpu']}, {threads} thread{'s' * (threads > 1)}, torch {versions['torch']}, "
        f"spaCy {versions['spacy']}; medians of {rounds} round{'s' * (rounds > 1)} in which "
        f"all take turns. Ratios carry over to other machines, times do not.\n\n"
        f"{TABLES[report['benchmark']](report['results'])}"
    )


def _heads(results: dict[str, Any]) -> str:
    by_shape: dict[str, dict[str, Any]] = {}
    for step in results["steps"]:
        shape = f"{step['documents']} × {step['tokens']:,} × {step['labels']}"
        by_shape.setdefault(shape, {})[step["system"]] = step
    peers = ("per_document", "zlpr_dense", "bert4torch_dense", "bert4torch_sparse")
    names = ("per document", "`zlpr_dense`", "bert4torch, dense", "bert4torch, sparse")
    header = ["documents × tokens × labels", "`global_pointer`", *names]
    header += ["memory", "memory of bert4torch, dense"]
    rows = []
    for shape, steps in by_shape.items():
        ours = steps["global_pointer"]
        row = [shape, f"{ours['seconds']['median'] * 1e3:.1f} ms"]
        row += [_times(steps[p]["seconds"]["median"], ours["seconds"]["median"]) for p in peers]
        if "mib" in ours:
            row += [_mib(ours["mib"]), _times(steps["bert4torch_dense"]["mib"], ours["mib"])]
        rows.append(row)
    return make_rows(header if rows and len(rows[0]) == len(header) else header[:-2], rows)


def _pipeline(results: list[dict[str, Any]]) -> str:
    header = ["text", "system", "training, words/s", "prediction, words/s"]
    header += ["training, memory", "prediction, memory"] if "train_mib" in results[0] else []
    ours = {r["corpus"]: r for r in results if r["system"] == "global_pointer"}
    rows = []
    for result in results:
        reference = ours[result["corpus"]]
        row = [f"{result['corpus']}, {result['labels']} labels", f"`{result['system']}`"]
        for what in ("train", "predict"):
            speed = result["words"] / result[what]["median"]
            ratio = reference[what]["median"] / result[what]["median"]
            row.append(f"{speed:,.0f} ({ratio:.2f}x)")
        row += [_mib(result[what]) for what in ("train_mib", "predict_mib") if what in result]
        rows.append(row)
    return make_rows(header, rows)


def _scaling(results: list[dict[str, Any]]) -> str:
    tables = []
    labels = _by_size([r for r in results if r["axis"] == "labels"], "labels")
    rows = [
        [n, *(_ms(steps[name]) for name in ("head", "products")), _share(steps), _memory(steps)]
        for n, steps in labels.items()
    ]
    tables.append(make_rows(["labels", "head", "bare products", "ratio", "memory"], rows))
    tokens = [r for r in results if r["axis"] == "tokens"]
    free = _by_size([r for r in tokens if r["max_length"] is None], "tokens")
    band = _by_size([r for r in tokens if r["max_length"] is not None], "tokens")
    header = ["tokens", "head, µs/token", "memory", "with `max_length` 64, µs/token", "its memory"]
    rows = [
        [n, *(cell(steps[n]) for steps in (free, band) for cell in (_per_token, _memory))]
        for n in free
    ]
    tables.append(make_rows(header, rows))
    header = ["tokens of one document", "words/s", "of the encoder alone"]
    header += ["memory", "memory of the encoder alone"]
    rows = []
    for n, steps in _by_size([r for r in results if r["axis"] == "text"], "tokens").items():
        both = steps["pipeline"], steps["encoder"]
        speeds = [f"{step['tokens'] / step['seconds']['median']:,.0f}" for step in both]
        rows.append([n, *speeds, *(_mib(step["mib"]) if "mib" in step else "" for step in both)])
    tables.append(make_rows(header, rows))
    return "\n".join(tables)


def _joined(results: list[dict[str, Any]]) -> str:
    """F1 by texts of a document, the mean over seeds, and the change from the first to the last."""
    groups: dict[tuple[str, str], list[dict[str, float]]] = {}
    for result in results:
        groups.setdefault((result["corpus"], result["system"]), []).append(result["f"])
    sizes = sorted({size for result in results for size in result["f"]}, key=int)
    rows = []
    for (corpus, system), seeds in groups.items():
        means = {size: statistics.mean(f[size] for f in seeds) for size in seeds[0]}
        row = [corpus, f"`{system}`", str(len(seeds))]
        row += [f"{means[size]:.1f}" if size in means else "" for size in sizes]
        first, *_, last = means.values()
        rows.append([*row, f"{last - first:+.1f}"])
    return make_rows(["corpus", "system", "seeds", *sizes, "change"], rows)


def _oracle(results: dict[str, Any]) -> str:
    """F1 of exact events in per cent, with wrong and missed events."""
    rows = []
    for result in results["corpora"]:
        row = [result["corpus"], f"{result['ours']['right'] + result['ours']['missed']:,}"]
        for scores in (result["ours"], result["published"]):
            row += [f"{100 * scores['f']:.2f}", f"{scores['wrong']:,}", f"{scores['missed']:,}"]
        rows.append(row)
    names = ("ours", "wrong", "missed", "published decoding", "wrong", "missed")
    dense = results["dense"]
    return (
        f"{make_rows(['corpus', 'events', *names], rows)}\nA trigger with {dense['arguments']} "
        f"arguments, {dense['density']:.0%} of the pairs linked: "
        f"{_ms(dense)}.\n"
    )


TABLES: dict[str, Callable[[Any], str]] = {
    "heads": _heads,
    "pipeline": _pipeline,
    "scaling": _scaling,
    "joined": _joined,
    "label_sets": training_tables.label_sets,
    "oracle": _oracle,
    "label_text": training_tables.many_labels,
    "label_transfer": training_tables.label_transfer,
    "distillation": training_tables.distillation,
    "forgetting": training_tables.forgetting,
    "auxiliary": training_tables.auxiliary,
}


def _by_size(results: list[dict[str, Any]], name: str) -> dict[str, dict[str, Any]]:
    sizes: dict[str, dict[str, Any]] = {}
    for result in results:
        sizes.setdefault(f"{result[name]:,}", {})[result["step"]] = result
    return sizes


def _share(steps: dict[str, Any]) -> str:
    return _times(steps["head"]["seconds"]["median"], steps["products"]["seconds"]["median"])


def _memory(steps: dict[str, Any]) -> str:
    return _mib(steps["head"]["mib"]) if "mib" in steps["head"] else ""


def _per_token(steps: dict[str, Any]) -> str:
    head = steps["head"]
    return f"{head['seconds']['median'] / head['tokens'] * 1e6:.1f}"


def _ms(step: dict[str, Any]) -> str:
    return f"{step['seconds']['median'] * 1e3:.1f} ms"


def _times(value: float, reference: float) -> str:
    ratio = value / reference
    return f"{ratio:.1f}x" if ratio < 10 else f"{ratio:,.0f}x"


def _mib(value: float) -> str:
    return f"{value:,.0f} MiB"
