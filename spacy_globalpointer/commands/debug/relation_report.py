"""What `spacy global-pointer debug` prints of relations."""

from collections.abc import Sequence
from typing import Any

from wasabi.printer import Printer

from ..labels import show_label
from .case import PairCase
from .relation_statistics import BOTH_WAYS, FORWARD, SELF, describe_distances

HEADER = ("p50 (tokens)", "p90", "max", "self", "both ways", "head first")


def print_relation_labels(msg: Printer, case: PairCase) -> None:
    """Print the labels: how many, how far apart, and in which direction."""
    splits = {name: split for name, split in case.splits.items() if split.n_gold}
    labels = dict.fromkeys(k for s in splits.values() for k, _ in s.labels.most_common())
    rows = [(show_label(label), *_describe(case, [label])) for label in labels]
    header = ("label", *splits, *HEADER)
    aligns = ("l", *("r" for _ in header[1:]))
    footer = ("all", *_describe(case, list(labels)))
    msg.table(rows, header=header, footer=footer, aligns=aligns, divider=True)


def _describe(case: PairCase, labels: Sequence[str]) -> list[Any]:
    """Counts of some labels: by split, and what is said of all splits together."""
    splits: list[Any] = [split for split in case.splits.values() if split.n_gold]
    far = [split.distances[label] for split in splits for label in labels]
    distances = sum(far[1:], far[0].copy())
    n = {
        kind: sum(split.kinds[kind, label] for split in splits for label in labels)
        for kind in (SELF, BOTH_WAYS, FORWARD)
    }
    share = f"{n[FORWARD] / distances.total():.0%}" if distances else ""
    counts = [sum(split.labels[label] for label in labels) for split in splits]
    return [*counts, *describe_distances(distances), n[SELF], n[BOTH_WAYS], share]
