"""Files that hold rows, which are JSON objects: one in each line, one array of all, or parquet.

A JSON format reads rows, whichever container they were in.
"""

import json
import re
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

from ..messages import list_some, shorten
from .record import HALF
from .text_files import read_lines
from .unread import EXAMPLE

# Rows, each with its file and its place there, for messages.
Rows = Iterator[tuple[str, Any]]
# Rows that tell the format of a file.
SAMPLE = 1000
# Characters of an array that are read at once, at least.
CHUNK = 2**20
PARQUET = b"PAR1"  # the first bytes of a file
ARRAY = re.compile(r"\s*\[\s*[{\[\]]")
# Of a line: what braces do not count in.
STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
END = object()  # of an array


def _make_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object. RAISES (ValueError): a key that is given twice, of which JSON would keep one."""
    row = dict(pairs)
    if len(row) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in row if keys.count(key) > 1)
        raise ValueError(f"a key must be given once in an object, was: {shorten(twice)} twice")
    return row


DECODER = json.JSONDecoder(object_pairs_hook=_make_object)


def is_parquet(path: Path) -> bool:
    """Whether a file starts as parquet does."""
    with path.open("rb") as file:
        return file.read(len(PARQUET)) == PARQUET


def read_rows(path: Path) -> Rows:
    """Rows of a file.

    path: JSON lines, where an object may take several lines, or an array, in UTF-8 and perhaps
        compressed (.gz); or parquet.
    RAISES (ValueError): malformed JSON, other values than objects and lists.
        (ImportError): parquet without pyarrow.
    """
    if is_parquet(path):
        from .parquet import read_parquet

        yield from read_parquet(path)
        return
    lines = read_lines(path)
    head: list[str] = []
    shown = ""  # without white space
    while len(shown) < 2 and (line := next(lines, None)) is not None:
        head.append(line)
        shown += "".join(line.split())
    read = read_array if ARRAY.match("".join(head)) else read_objects
    yield from read(chain(head, lines), str(path))


def sample_rows(path: Path, head: str) -> list[Any]:
    """The first rows of a file, as far as they can be read; empty if it holds no rows.

    head: its first lines, cut off at the end of one.
    """
    if is_parquet(path):
        return [row for _, row in islice(read_rows(path), SAMPLE)]
    rows: list[Any] = []
    decoder = json.JSONDecoder()
    is_array = ARRAY.match(head) is not None
    at = head.find("[") + 1 if is_array else 0
    while len(rows) < SAMPLE:
        at = _skip(head, at, " \t\r\n," if is_array else " \t\r\n")
        try:
            row, at = decoder.raw_decode(head, at)
        except (ValueError, RecursionError):
            break
        rows.append(row)
    return [row for row in rows if isinstance(row, (dict, list))]


def holds_rows(path: Path, head: str) -> bool:
    """Whether a file looks like one of rows: an object, or a list of more than numbers.

    head: its first lines.
    """
    return re.match(r"\s*(\{\s*[\"}]|\[\s*[\"{\[\]])", head) is not None or is_parquet(path)


def read_objects(lines: Iterable[str], name: str) -> Rows:
    """Values of JSON lines: one in each line that is not blank, or an object over several lines.

    lines: of the file; name: its name.
    YIELDS: file and line, the object or list.
    RAISES (ValueError): a line that is neither.
    """
    numbered = enumerate(lines, start=1)
    for number, line in numbered:
        if line.strip():
            source = f"{name} line {number}"
            try:
                row = _parse(line, source)
            except ValueError:
                row = _read_on(line, (more for _, more in numbered))
                if row is None:
                    raise
            yield source, _check_row(row, source)


def _read_on(line: str, rest: Iterable[str]) -> Any:
    """The object that starts in a line and goes on in the rest; None if there is none."""
    pieces = [line] if line.lstrip().startswith("{") else []
    depth, size, tried = _count_braces(line), len(line), len(line)
    for more in rest if pieces else ():
        pieces.append(more)
        depth, size = depth + _count_braces(more), size + len(more)
        if depth > 0 and size < 2 * tried:  # twice as much each time: no time is lost on long ones
            continue
        text, tried = "".join(pieces), size
        try:
            return DECODER.decode(text)
        except (ValueError, RecursionError) as error:
            if depth <= 0 or text[getattr(error, "pos", 0) :].strip():
                return None  # it is not only its end that is missing
    return None


def _count_braces(line: str) -> int:
    bare = STRING.sub("", line)
    return bare.count("{") - bare.count("}")


def parse_object(line: str, source: str) -> dict[str, Any]:
    """The JSON object of one line.

    RAISES (ValueError): no JSON, or no object.
    """
    return check_object(_parse(line, source), source)


def _parse(line: str, source: str) -> Any:
    try:
        return DECODER.decode(line)
    except (ValueError, RecursionError) as error:  # numbers too long, brackets too deep
        where = f", character {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
        raise ValueError(
            f"{source}: every line must be valid JSON, was: {shorten(line.strip())} "
            f"({getattr(error, 'msg', error)}{where}). Write one object in each line"
        ) from error


def read_array(lines: Iterable[str], name: str) -> Rows:
    """Entries of a file that is one JSON array.

    Little more than one entry is in memory, if the file has lines.

    lines: of the file; name: its name.
    YIELDS: file and number of the entry, the object or list.
    RAISES (ValueError): malformed JSON, no array, another entry.
    """
    for number, row in enumerate(_list_entries(iter(lines), name), start=1):
        source = f"{name} entry {number}"
        yield source, _check_row(row, source)


def _list_entries(lines: Iterator[str], name: str) -> Iterator[Any]:
    """Values of an array, read piece by piece."""
    text, at, mark, n_lines = _take(lines, CHUNK), 0, "[", 1
    while True:
        try:
            value, after = _read_entry(text, at, mark)
        except (ValueError, RecursionError) as error:
            n_lines += text.count("\n", 0, at)
            is_cut = isinstance(error, json.JSONDecodeError)  # what follows may be what is missing
            more = _take(lines, max(CHUNK, len(text) - at)) if is_cut else ""
            if not more:
                raise _refuse_array(error, text, n_lines, at, name) from error
            text, at = text[at:] + more, 0
            continue
        if value is END:
            break
        yield value
        at, mark = after, ","
    while not text[after:].strip() and (line := next(lines, None)) is not None:
        text += line
    if text[after:].strip():
        extra = json.JSONDecodeError("something follows it", text, _skip(text, after))
        raise _refuse_array(extra, text, n_lines, 0, name)


def _read_entry(text: str, at: int, mark: str) -> tuple[Any, int]:
    """The next value of an array, and the place after it; END if there are no more.

    at: the place after the last one, or the start.
    mark: what stands before the value.
    """
    at = _skip(text, at)
    if text[at : at + 1] != mark and (mark == "[" or text[at : at + 1] != "]"):
        raise json.JSONDecodeError(f"Expecting {mark}", text, at)
    inner = _skip(text, at + (text[at : at + 1] == mark))
    if text[inner : inner + 1] == "]" and (mark == "[" or inner == at):
        return END, inner + 1
    return DECODER.raw_decode(text, inner)


def _take(lines: Iterator[str], size: int) -> str:
    """Lines of so many characters or more; fewer at the end."""
    pieces: list[str] = []
    while size > 0 and (line := next(lines, None)) is not None:
        pieces.append(line)
        size -= len(line)
    return "".join(pieces)


def _skip(text: str, at: int, characters: str = " \t\r\n") -> int:
    """The first place from here on that has none of these characters."""
    while at < len(text) and text[at] in characters:
        at += 1
    return at


def _refuse_array(error: Exception, text: str, n_lines: int, at: int, name: str) -> ValueError:
    """The message for a malformed array.

    text: a part of the file, whose place `at` is in line n_lines.
    """
    what, place = str(error), _skip(text, at, " \t\r\n[,")
    if isinstance(error, json.JSONDecodeError):
        what, place = error.msg, error.pos
    line = n_lines + text.count("\n", at, place)
    return ValueError(
        f"{name} line {line}: the file must be one valid JSON array ({shorten(what)}). Repair it, "
        "or fetch it again if it was cut off; of JSON lines each must be an object"
    )


def _check_row(row: Any, source: str) -> Any:
    """The same, if it is a list or an object."""
    return row if isinstance(row, list) else check_object(row, source)


def check_object(row: Any, source: str) -> dict[str, Any]:
    """The same, if it is an object without half a character in a key.

    RAISES (ValueError): it is not.
    """
    if not isinstance(row, dict):
        items = row if isinstance(row, list) else ()
        keys = [f'"{key}"' for item in items if isinstance(item, dict) for key in item]
        inside = f" with {list_some(keys)} in a list" if keys else ""
        raise ValueError(
            f"{source}: a record must be a JSON object, was: {shorten(row)}{inside}. "
            f'Write it as {{"text": ..., {EXAMPLE}}}'
        )
    half = next((key for key in row if HALF.search(key)), None)
    if half is not None:
        raise ValueError(
            f"{source}: a key must be valid Unicode, was: half a character in {shorten(half)}. "
            "Remove or complete it"
        )
    return row


def get_text(row: dict[str, Any], source: str, key: str = "text") -> str:
    """The value of a key, which is a string.

    RAISES (ValueError): there is none, or it is no string.
    """
    text = row.get(key)
    if not isinstance(text, str):
        raise ValueError(f'{source}: "{key}" must be a string, was: {shorten(text)}. Add it')
    return text
