"""Which format a file has, and its records. Files may be compressed (.gz)."""

import gzip
import zlib
from collections.abc import Callable, Iterator
from itertools import dropwhile, islice
from pathlib import Path
from typing import NamedTuple

from .bio import is_bio, is_comment, read_bio
from .cluener import is_cluener, read_cluener
from .cmeee import is_cmeee, read_cmeee
from .encoding import advise_encoding
from .jsonl import is_json, is_jsonl, read_json, read_jsonl
from .messages import shorten
from .record import Record


class Reading(NamedTuple):
    """What a file does not say about itself.

    joiner: put between tokens where there is no text.
    """

    joiner: str = " "


class Format(NamedTuple):
    """A file format.

    read: path of a file, Reading -> records.
    fits: path of a file, its first lines, from one on that is neither blank nor a comment ->
        whether it has the format.
    """

    read: Callable[[Path, Reading], Iterator[Record]]
    fits: Callable[[Path, str], bool]


def _text_format(read: Callable[..., Iterator[Record]], fits: Callable[[str], bool]) -> Format:
    """The format of a text file that is read line by line.

    read: lines, name of the file for messages, joiner -> records.
    fits: first lines -> whether it has the format.
    """
    return Format(
        lambda path, reading: read(_read_lines(path), str(path), joiner=reading.joiner),
        lambda path, head: fits(head),
    )


# A file has the last one that fits.
FORMATS = {
    "jsonl": _text_format(read_jsonl, is_jsonl),
    "json": _text_format(read_json, is_json),
    "cluener": _text_format(read_cluener, is_cluener),
    "cmeee": _text_format(read_cmeee, is_cmeee),
    "bio": _text_format(read_bio, is_bio),
}
# Lines of a file that tell its format.
HEAD = 1000


def read_records(path: Path, *, format: str = "auto", joiner: str = " ") -> Iterator[Record]:
    """Records of one file.

    path: a file in UTF-8; ".gz" at its end means gzip.
    format: a name in FORMATS, or "auto".
    RAISES (ValueError): an unknown format, a malformed line, another encoding.
    """
    if format == "auto":
        format = detect_format(path)
    if format not in FORMATS:
        names = ", ".join(FORMATS)
        raise ValueError(f"format must be auto or one of {names}, was: {format!r}")
    for record in FORMATS[format].read(path, Reading(joiner)):
        yield record.trim_labels()


def detect_format(path: Path) -> str:
    """Name of the format that the first lines of a file have.

    path: a file in UTF-8; ".gz" at its end means gzip.
    RETURNS: a name in FORMATS.
    RAISES (ValueError): none of them.
    """
    lines = dropwhile(lambda line: not line.strip() or is_comment(line), _read_lines(path))
    head = list(islice(lines, HEAD))
    for name, format in reversed(FORMATS.items()):
        if format.fits(path, "".join(head)):
            return name
    raise ValueError(
        f"{path}: the first line must show a format ({', '.join(FORMATS)}), was: "
        f"{shorten(head[0].strip()) if head else 'an empty file'}. Name the format with --format"
    )


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
