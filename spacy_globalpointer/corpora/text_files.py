"""Text files, in UTF-8 and perhaps compressed, line by line."""

import gzip
import zlib
from collections.abc import Iterable, Iterator
from itertools import dropwhile, takewhile
from pathlib import Path

from .encoding import advise_encoding
from .readers.bio import is_comment

BOM = "\ufeff"  # of bytes, also known as a space without width
# Of the lines that tell the format of a file; there is one at least.
MOST_LINES, MOST_CHARACTERS = 1000, 2**22


def read_lines(path: Path, *, raw: bool = False) -> Iterator[str]:
    """Lines of a text file.

    path: ".gz" at its end means gzip.
    raw: keep byte order marks, and line ends as they are.
    RAISES (ValueError): another encoding, damaged gzip data.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8", newline="" if raw else None) as file:
            # Files that begin with the mark may have been joined: it may begin any line.
            yield from file if raw else (line.removeprefix(BOM) for line in file)
    except UnicodeDecodeError as error:
        with opener(path, "rb") as data:
            line = _find_undecodable(data)
        raise ValueError(
            f"{path}: the file must be in UTF-8, was: byte {error.object[error.start]:#04x} in "
            f"line {line}. {advise_encoding(error.object)}"
        ) from error
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise ValueError(
            f"{path}: a file named .gz must be complete gzip data, was: {error}. "
            "Fetch it again or rename it"
        ) from error


def _find_undecodable(lines: Iterable[bytes]) -> int:
    """The number of the first line that is not in UTF-8, from 1."""
    return 1 + sum(1 for _ in takewhile(_is_utf8, lines))


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def read_head(path: Path) -> str:
    """The first lines, from one on that is neither blank nor a comment."""
    head, size = [], 0
    for line in dropwhile(lambda line: not line.strip() or is_comment(line), read_lines(path)):
        head.append(line)
        size += len(line)
        if len(head) == MOST_LINES or size >= MOST_CHARACTERS:
            break
    return "".join(head)
