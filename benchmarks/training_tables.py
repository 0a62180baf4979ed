"""Markdown tables of the reports on training options."""

import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from .markdown import make_rows, mean_and_spread

Row = dict[str, Any]
TYPES = {
    "plain": "plain head",
    "low_rank": "`type_rank`",
    "names": "types from names",
    "descriptions": "types from descriptions",
    "groups": "`groups`",
    "groups_and_common": "`groups`, `common_extractor`",
    "scratch": "plain head, only these texts",
}
WAYS = {
    "alone": "main task alone",
    "sum": "sum of the gradients",
    "project": '`rule = "project"`',
    "project_token": '`rule = "project"`, `per = "token"`',
    "constrain": '`rule = "constrain"`',
}


def many_labels(rows: Sequence[Row]) -> str:
    """F1 of all labels, and of those with at most so many occurrences in training."""
    known = {name for row in rows for name in row["often"]}
    bounds = [*sorted(known - {"more"}, key=int), *known & {"more"}]
    header = ["corpus", "types", "seeds", "all"]
    header += [f"up to {x}" if x != "more" else "more often" for x in bounds]
    header += ["mean of labels", "training time"]
    groups = _grouped(rows, "corpus", "variant")
    plain = {corpus: _speed(own) for (corpus, variant), own in groups if variant == "plain"}
    lines = []
    for (corpus, variant), own in groups:
        line = [corpus, TYPES[variant], str(len(own)), _points(row["all"]["f"] for row in own)]
        for bound in bounds:
            some = [row for row in own if bound in row["often"]]
            line.append(_points(row["often"][bound]["f"] for row in some))
        line += [_points(row["macro"] for row in own), f"{plain[corpus] / _speed(own):.2f}"]
        lines.append(line)
    return make_rows(header, lines)


def label_transfer(rows: Sequence[Row]) -> str:
    """F1 by texts of the new corpus at the pipeline's threshold, and at the best one."""
    shots = sorted({row["shots"] for row in rows})
    header = ["corpus", "types", "seeds", *(f"{n} texts (best threshold)" for n in shots)]
    lines = []
    for (corpus, variant), own in _grouped(rows, "corpus", "variant"):
        line = [corpus, TYPES[variant], str(len({row["seed"] for row in own}))]
        for n in shots:
            few = [row for row in own if row["shots"] == n]
            usual, best = (_points(row[x]["f"] for row in few) for x in ("all", "best"))
            line.append(f"{usual} ({best})" if few else "")
        lines.append(line)
    return make_rows(header, lines)


def distillation(rows: Sequence[Row]) -> str:
    """F1, speed and size of a teacher and its students."""
    header = ["system", "seeds", "F1", "prediction, words/s", "size"]
    lines = []
    for (system,), own in _grouped(rows, "system"):
        speed = statistics.median(row["words_per_second"] for row in own)
        f1 = _points(row["all"]["f"] for row in own)
        name = {"teacher": "teacher", "alone": "student alone"}.get(system, f"student, {system}")
        lines.append([name, str(len(own)), f1, f"{speed:,.0f}", f"{own[0]['mib']:.1f} MiB"])
    return make_rows(header, lines)


def forgetting(rows: Sequence[Row]) -> str:
    """F1 of the old labels and of the new one, before and after that is learned."""
    names = {
        "before": "before the new label",
        "none": "no rehearsal",
        "spans": "`soft_rehearsal = false`",
        "probabilities": "`soft_rehearsal = true`",
    }
    lines = []
    for (kind, declared), own in _grouped(rows, "rehearsal", "declared"):
        scores = (_points(row[x] for row in own) for x in ("old", "new"))
        lines.append([names[kind], "yes" if declared else "", str(len(own)), *scores])
    header = ["rehearsal", "new texts declare their label", "seeds", "old labels", "new label"]
    return make_rows(header, lines)


def label_sets(rows: Sequence[Row]) -> str:
    """F1 of the labels of each part of the texts, by the way that they are learned."""
    ways = list(dict.fromkeys(row["way"] for row in rows))
    lines = []
    for (part,), own in _grouped(rows, "part"):
        scores = [[row["f"] for row in own if row["way"] == way] for way in ways]
        lines.append([part, str(len(scores[0])), *map(mean_and_spread, scores)])
    return make_rows(["texts and labels of", "seeds", *ways], lines)


def auxiliary(rows: Sequence[Row]) -> str:
    """Scores of the main task's best pass, and those of the auxiliary one beside them."""
    known = {"spans_sc_f": "spans, F1", "relations_f": "relations, F1", "tag_acc": "tags, accuracy"}
    noted = [key for key in known if all(key in row["scores"] for row in rows)]
    lines = [
        [
            WAYS[way],
            str(len(own)),
            *(_points(row["scores"][key] or 0.0 for row in own) for key in noted),
        ]
        for (way,), own in _grouped(rows, "way")
    ]
    return make_rows(["encoder learns from", "seeds", *(known[key] for key in noted)], lines)


def _speed(rows: Sequence[Row]) -> float:
    return statistics.median(row["train_words_per_second"] for row in rows)


def _grouped(rows: Iterable[Row], *keys: str) -> list[tuple[tuple[Any, ...], list[Row]]]:
    """Rows with the same values, in the order in which the values come first."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    return list(groups.items())


def _points(shares: Iterable[float]) -> str:
    """Mean and spread in points; nothing if there are none."""
    points = [100 * share for share in shares]
    return mean_and_spread(points) if points else ""
