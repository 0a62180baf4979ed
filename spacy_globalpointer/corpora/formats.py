"""Which format a file has, and its records. Text files may be compressed (.gz)."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from ..messages import shorten
from .containers import holds_rows, is_parquet, read_rows, sample_rows
from .encoding import advise_encoding
from .readers.bio import is_bio, read_bio
from .readers.bioc import read_bioc
from .readers.bioc_files import is_bioc
from .readers.brat import is_brat, read_brat
from .readers.cluener import CLUENER
from .readers.cmeee import CMEEE
from .readers.dialects import Dialect
from .readers.doccano import DOCCANO
from .readers.dygie import DYGIE
from .readers.gliner import GLINER
from .readers.hugging_face import HUGGING_FACE
from .readers.jsonl import JSONL
from .readers.label_studio import LABEL_STUDIO
from .readers.prodigy import PRODIGY
from .readers.pubtator import is_pubtator, read_pubtator
from .readers.spacy2 import SPACY2
from .readers.spacy_files import read_spacy
from .readers.webanno import is_webanno, read_webanno
from .reading import DEFAULTS, Reading
from .record import Record
from .text_files import read_head, read_lines


class Format(NamedTuple):
    """A file format.

    read: path of a file, Reading -> records.
    fits: path of a file, its first lines (none of a binary file), from one on that is neither
        blank nor a comment -> whether it has the format. None for a dialect, which its rows show.
    """

    read: Callable[[Path, Reading], Iterator[Record]]
    fits: Callable[[Path, str], bool] | None = None


def _text_format(
    read: Callable[..., Iterator[Record]], fits: Callable[[str], bool], *options: str
) -> Format:
    """The format of a text file that is read line by line.

    read: lines, name of the file for messages, options -> records.
    fits: first lines -> whether it has the format.
    options: fields of Reading that it takes.
    """
    return Format(
        lambda path, reading: read(
            read_lines(path), str(path), **{name: getattr(reading, name) for name in options}
        ),
        lambda path, head: fits(head),
    )


def _json_format(dialect: Dialect) -> Format:
    return Format(lambda path, reading: dialect.read(read_rows(path), reading))


# Formats of rows: those that show none of them are records of our own.
DIALECTS = {
    "jsonl": JSONL,
    "cluener": CLUENER,
    "cmeee": CMEEE,
    "doccano": DOCCANO,
    "label-studio": LABEL_STUDIO,
    "prodigy": PRODIGY,
    "hugging-face": HUGGING_FACE,
    "gliner": GLINER,
    "dygie": DYGIE,
    "spacy2": SPACY2,
}
# Of the others, a file has the last one that fits.
FORMATS = {
    **{name: _json_format(dialect) for name, dialect in DIALECTS.items()},
    "spacy": Format(read_spacy, lambda path, head: path.suffix == ".spacy"),
    "bio": _text_format(read_bio, is_bio, "joiner", "columns"),
    "webanno": _text_format(read_webanno, is_webanno, "columns"),
    "pubtator": _text_format(read_pubtator, is_pubtator),
    "bioc": Format(read_bioc, lambda path, head: is_bioc(head)),
    "brat": Format(read_brat, is_brat),
}


def read_records(
    path: Path, *, format: str = "auto", reading: Reading = DEFAULTS
) -> Iterator[Record]:
    """Records of one file.

    path: a text file in UTF-8, where ".gz" at its end means gzip; parquet; or .spacy.
    format: a name in FORMATS, or "auto".
    reading: what the file does not say about itself.
    RAISES (ValueError): an unknown format, a malformed line, another encoding.
        (ImportError): a file that needs a package that is not installed.
    """
    if format == "auto":
        format = detect_format(path)
    if format not in FORMATS:
        names = ", ".join(FORMATS)
        raise ValueError(f"format must be auto or one of {names}, was: {format!r}")
    for record in FORMATS[format].read(path, reading):
        yield record.trim_labels()


def detect_format(path: Path) -> str:
    """Name of the format that a file shows, in its name or its first lines.

    path: as in `read_records`.
    RETURNS: a name in FORMATS.
    RAISES (ValueError): none of them, or several.
    """
    is_binary = path.suffix == ".spacy" or is_parquet(path)
    head = "" if is_binary else read_head(path)
    names = [name for name, format in FORMATS.items() if format.fits and format.fits(path, head)]
    if names:
        return names[-1]
    if holds_rows(path, head):
        return _detect_dialect(path, head)
    if not head:
        raise ValueError(
            f"{path}: a file must hold documents, was: an empty file, or one of blank lines and "
            "comments. Fetch it again, or leave it out"
        )
    if "\0" in head:  # valid, but no one writes it into a text
        raise ValueError(
            f"{path}: the file must be in UTF-8, was: byte 0x00. {advise_encoding(head.encode())}"
        )
    raise ValueError(
        f"{path}: the first line must show a format ({', '.join(FORMATS)}), was: "
        f"{shorten(head.splitlines()[0].strip())}. Name the format with --format"
    )


def _detect_dialect(path: Path, head: str) -> str:
    """Name of the one dialect that all of the first rows have that show any."""
    shown = [
        {name for name, dialect in DIALECTS.items() if dialect.fits(row)}
        for row in sample_rows(path, head)
    ]
    shown = [names for names in shown if names]
    common = set.intersection(*shown) if shown else {"jsonl"}
    if common == {"cmeee", "doccano"}:  # no row has an entity: to both that says the same
        return "doccano"
    if len(common) == 1:
        return common.pop()
    names = ", ".join(sorted(common or set.union(*shown)))
    rule = "a file must show which format it has" if common else "a file must have one format"
    repair = "Name the right one with --format"
    if not common:
        repair = "Put each into a file of its own, or name the one that all have with --format"
    raise ValueError(f"{path}: {rule}, was: {names}. {repair}")
