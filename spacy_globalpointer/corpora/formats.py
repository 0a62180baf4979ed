"""Which format a file has, and its records. Files may be compressed (.gz)."""

import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from .bio import is_comment, read_bio
from .cluener import read_cluener
from .cmeee import is_cmeee, read_cmeee
from .encoding import advise_encoding
from .jsonl import read_json, read_jsonl
from .messages import shorten
from .record import Record

FORMATS: dict[str, Callable[..., Iterator[Record]]] = {
    "jsonl": read_jsonl,
    "json": read_json,
    "cluener": read_cluener,
    "cmeee": read_cmeee,
    "bio": read_bio,
}
# Only these can lack a text, and need a joiner.
JOINING = ("jsonl", "json", "bio")


def read_records(path: Path, *, format: str = "auto", joiner: str = " ") -> Iterator[Record]:
    """Records of one file.

    path: a file in UTF-8; ".gz" at its end means gzip.
    format: a name in FORMATS, or "auto".
    joiner: put between tokens where the file has no text.
    RAISES (ValueError): an unknown format, a malformed line, another encoding.
    """
    if format == "auto":
        format = detect_format(path)
    if format not in FORMATS:
        names = ", ".join(FORMATS)
        raise ValueError(f"format must be auto or one of {names}, was: {format!r}")
    options = {"joiner": joiner} if format in JOINING else {}
    for record in FORMATS[format](_read_lines(path), str(path), **options):
        yield record.trim_labels()


def detect_format(path: Path) -> str:
    """Name of the format that the first lines of a file have.

    path: a file in UTF-8; ".gz" at its end means gzip.
    RETURNS: a name in FORMATS.
    RAISES (ValueError): none of them.
    """
    lines = (line for line in _read_lines(path) if line.strip() and not is_comment(line))
    head = list(islice(lines, 2))
    first = head[0] if head else ""
    # A column file can start with a bracket or brace too, but then a tag follows it.
    if re.match(r"\s*\[\s*[{\[\]]", "".join(head)):
        return "cmeee" if _has_cmeee(path) else "json"
    if re.match(r"\s*(\{\s*[\"}]|\[\s*\".*\]\s*$)", "".join(head), re.DOTALL):
        return "cluener" if _is_cluener(first) else "jsonl"
    if re.search(r"\S[\t ]+(O|[BIMELSU]-\S+)\s*$", first) or first.startswith("-DOCSTART-"):
        return "bio"
    raise ValueError(
        f"{path}: the first line must show a format ({', '.join(FORMATS)}), was: "
        f"{shorten(first.strip()) or 'an empty file'}. Name the format with --format"
    )


def _has_cmeee(path: Path) -> bool:
    try:
        rows = json.loads("".join(_read_lines(path)))
    except (ValueError, RecursionError):
        return False  # the reader of arrays says what is wrong with it
    return isinstance(rows, list) and is_cmeee(rows)


def _is_cluener(line: str) -> bool:
    try:
        row = json.loads(line)
    except json.JSONDecodeError:
        return False  # the reader of JSON lines says what is wrong with it
    return isinstance(row, dict) and isinstance(row.get("label"), dict)


def _read_lines(path: Path) -> Iterator[str]:
    """Lines of a text file; a byte order mark is not part of the text."""
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8-sig") as file:
            yield from file
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path}: the file must be in UTF-8, was: byte {error.object[error.start]:#04x}. "
            f"{advise_encoding(error.object)}"
        ) from error
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise ValueError(
            f"{path}: a file named .gz must be complete gzip data, was: {error}. "
            "Fetch it again or rename it"
        ) from error
