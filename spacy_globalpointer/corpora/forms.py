"""Records as `annotate` writes them, a JSON line each, in any form of output."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from heapq import nsmallest
from pathlib import Path
from typing import Any

from .writers import TOOLS, join_written

# Forms, and what holds many documents of each: JSON "lines", a JSON "array", .spacy "docs", or
# "pairs" of files. And what their files are called.
CONTAINERS = {"jsonl": "lines", "spacy": "docs"} | {k: tool.container for k, tool in TOOLS.items()}
SUFFIXES = {"lines": ".jsonl", "array": ".json", "docs": ".spacy", "pairs": ""}


def transform(rows: Iterable[bytes], to: str, model: str, notes: Counter[str]) -> Iterator[bytes]:
    """Records in the form of a tool, or as they are: what to write into one file.

    rows: lines with a record each.
    to: one of CONTAINERS with "lines" or an "array".
    model: the name of what predicted them, which some tools show.
    notes: is added to: what the form has no place for.
    """
    if to == "jsonl":
        return iter(rows)
    parts = join_written(_write(rows, to, model, notes), CONTAINERS[to])
    return (part.encode("utf-8", "backslashreplace") for part in parts)


def write_pairs(
    rows: Iterable[bytes], to: str, model: str, notes: Counter[str], folder: Path
) -> None:
    """Write records as files of their own, numbered from 1: as `transform`, into a folder."""
    for number, files in enumerate(_write(rows, to, model, notes), start=1):
        for suffix, text in files.items():
            path = folder / f"{number:08}{suffix}"
            path.write_text(text, encoding="utf-8", errors="backslashreplace", newline="")


def _write(
    rows: Iterable[bytes], to: str, model: str, notes: Counter[str]
) -> Iterator[dict[str, Any]]:
    for row in rows:
        written = TOOLS[to].write(json.loads(row), model)
        notes.update(written.notes)
        yield written.value


def least_certain(rows: Iterable[bytes], most: int) -> list[bytes]:
    """The records whose "uncertainty" is greatest, the greatest first.

    rows: lines with a record each.
    """
    return nsmallest(most, rows, key=lambda row: -json.loads(row)["uncertainty"])
