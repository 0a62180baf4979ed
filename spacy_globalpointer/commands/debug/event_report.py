"""What `spacy global-pointer debug` prints of events."""

from collections import Counter
from typing import Any

from wasabi.printer import Printer

from ..labels import show_label
from .case import PairCase
from .event_statistics import ALONE, NESTED, SHARED
from .relation_statistics import describe_distances


def print_types(msg: Printer, case: PairCase) -> None:
    """Print the types: how many events, how many that share, nest or have nothing."""
    splits: dict[str, Any] = {name: x for name, x in case.splits.items() if x.n_gold}
    types = dict.fromkeys(k for s in splits.values() for k, _ in s.labels.most_common())
    rows = [
        (
            show_label(kind),
            *(split.labels[kind] for split in splits.values()),
            *(
                sum(x.kinds[what, kind] for x in splits.values())
                for what in (SHARED, NESTED, ALONE)
            ),
        )
        for kind in types
    ]
    footer = ("all", *(sum(column) for column in zip(*(row[1:] for row in rows), strict=True)))
    header = ("type", *splits, "trigger shared", "nested", "no argument")
    aligns = ("l", *("r" for _ in header[1:]))
    msg.table(rows, header=header, footer=footer, aligns=aligns, divider=True)


def print_roles(msg: Printer, case: PairCase) -> None:
    """Print the roles: how many arguments, and how far they are from their triggers."""
    splits: dict[str, Any] = {name: x for name, x in case.splits.items() if x.n_gold}
    roles = dict.fromkeys(k for s in splits.values() for k, _ in s.roles.most_common())
    rows = []
    for role in roles:
        far: Counter[int] = sum((split.distances[role] for split in splits.values()), Counter())
        counts = (split.roles[role] for split in splits.values())
        rows.append((show_label(role), *counts, *describe_distances(far)))
    header = ("role", *splits, "p50 (tokens)", "p90", "max")
    aligns = ("l", *("r" for _ in header[1:]))
    msg.table(rows, header=header, aligns=aligns, divider=True)
