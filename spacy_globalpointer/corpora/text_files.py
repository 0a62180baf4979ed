"""Text files, in UTF-8 and perhaps compressed, line by line."""

import gzip
import zlib
from collections.abc import Iterator
from itertools import dropwhile
from pathlib import Path

from .encoding import advise_encoding
from .readers.bio import is_comment

# Of the lines that tell the format of a file; there is one at least.
MOST_LINES, MOST_CHARACTERS = 1000, 2**22


def read_lines(path: Path, *, raw: bool = False) -> Iterator[str]:
    """Lines of a text file.

    path: ".gz" at its end means gzip.
    raw: keep a byte order mark, and line ends as they are.
    RAISES (ValueError): another encoding, damaged gzip data.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    encoding, newline = ("utf-8", "") if raw else ("utf-8-sig", None)
    try:
        with opener(path, "rt", encoding=encoding, newline=newline) as file:
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


def read_head(path: Path) -> str:
    """The first lines, from one on that is neither blank nor a comment."""
    head, size = [], 0
    for line in dropwhile(lambda line: not line.strip() or is_comment(line), read_lines(path)):
        head.append(line)
        size += len(line)
        if len(head) == MOST_LINES or size >= MOST_CHARACTERS:
            break
    return "".join(head)
